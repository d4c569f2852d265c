//! Refs: reading several at once, and moving several at once or none.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::damage::damage;
use crate::git::porcelain::for_each_ref;
use crate::git::porcelain::ref_tips::{self, TipCommit};
use crate::git::{Oid, RefName, RefUpdate, Repository, at_work, ref_files};
use std::collections::BTreeMap;

/// The refs among `names` that exist, with their objects. No process, as a rule.
pub(crate) fn load(repository: &Repository, names: &[RefName]) -> Result<BTreeMap<RefName, Oid>> {
    if let Some(found) = ref_files::load(repository, names) {
        return Ok(found);
    }
    let output = repository
        .read("for-each-ref")
        .arg(format!("--format={}", for_each_ref::FORMAT))
        .args(names.iter().map(RefName::as_str))
        .run()?;
    let records = for_each_ref::parse(&output.stdout)?;
    // A pattern also matches the refs below it.
    Ok(records.into_iter().map(|record| (record.name, record.oid)).filter(|(name, _)| names.contains(name)).collect())
}

/// Whether one of these refs may exist: false only where the files of git say so. No process.
pub(crate) fn may_exist(repository: &Repository, names: &[RefName]) -> bool {
    ref_files::load(repository, names).is_none_or(|found| !found.is_empty())
}

/// The refs whose names begin with some prefixes, as far as that is known without a process.
#[derive(Debug)]
pub(crate) struct ListedRefs(Vec<Option<BTreeMap<RefName, Option<Oid>>>>);

impl ListedRefs {
    /// Lists those of each prefix. No process.
    pub(crate) fn of(repository: &Repository, prefixes: impl IntoIterator<Item = String>) -> Self {
        Self(prefixes.into_iter().map(|prefix| ref_files::list(repository, &prefix)).collect())
    }

    /// Whether a ref that begins with one of the prefixes may exist: false only where the files of git say so.
    pub(crate) fn may_have(&self, name: &RefName) -> bool {
        self.0.iter().any(|listed| listed.as_ref().is_none_or(|listed| listed.contains_key(name)))
    }

    /// The object of a ref, where it is known.
    pub(crate) fn tip(&self, name: &RefName) -> Option<&Oid> {
        self.0.iter().flatten().find_map(|listed| listed.get(name)?.as_ref())
    }

    /// The names of all; `None` where they are not known.
    pub(crate) fn names(&self) -> Option<impl Iterator<Item = &RefName>> {
        let are_known = self.0.iter().all(Option::is_some);
        are_known.then(|| self.0.iter().flatten().flat_map(BTreeMap::keys))
    }
}

/// The commits at the tips of those of `names` that exist. One process, where any is named.
pub(crate) fn load_tips(repository: &Repository, names: &[RefName]) -> Result<Vec<(RefName, TipCommit)>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let call = repository.read("for-each-ref").arg(format!("--format={}", ref_tips::FORMAT));
    let mut tips = ref_tips::parse(&call.args(names.iter().map(RefName::as_str)).run()?.stdout)?;
    tips.retain(|(name, _)| names.contains(name));
    Ok(tips)
}

/// All refs that begin with `prefix`, which ends with a slash, with their objects. No process, as a rule.
pub(crate) fn load_below(repository: &Repository, prefix: &str) -> Result<BTreeMap<RefName, Oid>> {
    let listed = ref_files::list(repository, prefix);
    let plain = listed.and_then(|listed| listed.into_iter().map(|(name, oid)| Some((name, oid?))).collect());
    if let Some(found) = plain {
        return Ok(found);
    }
    let output = repository.read("for-each-ref").arg(format!("--format={}", for_each_ref::FORMAT)).arg(prefix).run()?;
    Ok(for_each_ref::parse(&output.stdout)?.into_iter().map(|record| (record.name, record.oid)).collect())
}

/// A ref below `name`; while there is one, git cannot create `name` itself. No process, as a rule.
pub(crate) fn below(repository: &Repository, name: &RefName) -> Result<Option<RefName>> {
    Ok(load_below(repository, &format!("{name}/"))?.into_keys().next())
}

/// The outcome of a local swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Swap {
    /// All refs have their new values.
    Done,
    /// Nothing changed; with the message of git.
    Refused(String),
    /// git was ended by a signal or the time limit, and a process that it started may still complete the swap. With its
    /// message.
    CutOff(String),
}

/// Moves all refs or none, each only from its old value (git-update-ref(1), `--stdin`). git may fail after it moved the
/// refs, so on a failure they are compared.
pub(crate) fn swap(repository: &Repository, updates: &[RefUpdate], reason: &str) -> Result<Swap> {
    let mut input = Vec::new();
    for update in updates {
        let anchor = update.new.as_ref().or(update.old.as_ref());
        let zeros = anchor.map(Oid::zeros).unwrap_or_default();
        let [new, old] = [&update.new, &update.old].map(|oid| oid.as_ref().map_or(zeros.as_str(), Oid::as_str));
        let command = if update.is_guard() {
            format!("verify {}\0", update.name)
        } else {
            format!("update {}\0{new}\0", update.name)
        };
        input.extend(format!("{command}{old}\0").into_bytes());
    }
    let call = repository.write("update-ref").args(["-m", reason, "--create-reflog", "--stdin", "-z"]).input(input);
    let output = at_work::moving_refs(repository, &call)?;
    if output.success() {
        return Ok(Swap::Done);
    }
    Ok(match are_moved(repository, updates) {
        Ok(true) => Swap::Done,
        Ok(false) if output.code.is_some() => {
            let said = output.stderr_text();
            if let Some(error) = damage(&repository.root, &said) {
                return Err(error);
            }
            Swap::Refused(said)
        }
        Ok(false) | Err(_) => Swap::CutOff(output.stderr_text()),
    })
}

/// Whether all refs have the new values of the updates.
fn are_moved(repository: &Repository, updates: &[RefUpdate]) -> Result<bool> {
    let names: Vec<_> = updates.iter().map(|update| update.name.clone()).collect();
    let now = load(repository, &names)?;
    Ok(updates.iter().all(|update| now.get(&update.name) == update.new.as_ref()))
}

/// The name of the ref by which a commit is kept that nothing else would keep.
pub(crate) fn backup_name(commit: &Oid) -> Result<RefName> {
    let name = RefName::parse(&format!("refs/aitask/backup/{}", commit.short()));
    name.ok_or_else(|| Error::new(Kind::Bug, "no ref for a backup"))
}

/// Keeps a commit by a ref, whose name is returned. One process.
pub(crate) fn back_up(repository: &Repository, commit: &Oid) -> Result<RefName> {
    let name = backup_name(commit)?;
    follow(repository, &[(name.clone(), commit)])?;
    Ok(name)
}

/// Sets refs, whatever value they had. Only for refs that follow something else: remote-tracking refs and mirrors.
pub(crate) fn follow(repository: &Repository, refs: &[(RefName, &Oid)]) -> Result<()> {
    if refs.is_empty() {
        return Ok(());
    }
    let input =
        refs.iter().flat_map(|(name, oid)| format!("update {name}\0{oid}\0\0").into_bytes()).collect::<Vec<_>>();
    let call = repository.write("update-ref").args(["--stdin", "-z"]).input(input);
    let output = at_work::moving_refs(repository, &call)?;
    if output.success() { Ok(()) } else { Err(call.failure(&output)) }
}
