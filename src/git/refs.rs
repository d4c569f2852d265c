//! Refs: reading several at once, and moving several at once or none.

use crate::error::Result;
use crate::git::porcelain::damage::damage;
use crate::git::porcelain::for_each_ref;
use crate::git::porcelain::ref_tips::{self, TipCommit};
use crate::git::{Oid, RefName, RefUpdate, Repository, at_work};
use std::collections::{BTreeMap, BTreeSet};

/// The refs among `names` that exist, with their objects. One process, where there may be one.
pub(crate) fn load(repository: &Repository, names: &[RefName]) -> Result<BTreeMap<RefName, Oid>> {
    if !names.iter().any(|name| may_exist(repository, name)) {
        return Ok(BTreeMap::new());
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

/// Whether a ref may exist, told without running git: false only when the files of git say so
/// (gitrepository-layout(5)).
pub(crate) fn may_exist(repository: &Repository, name: &RefName) -> bool {
    let dir = &repository.common_dir;
    let ending = format!(" {name}");
    let packed = || std::fs::read(dir.join("packed-refs")).unwrap_or_default();
    dir.join("reftable").exists()
        || dir.join(name.as_str()).exists()
        || packed().split(|&byte| byte == b'\n').any(|line| line.ends_with(ending.as_bytes()))
}

/// Whether there may be a ref that begins with `prefix`, which ends with a slash, told without running git.
pub(crate) fn may_exist_below(repository: &Repository, prefix: &str) -> bool {
    let (dir, middle) = (&repository.common_dir, format!(" {prefix}"));
    let packed = || std::fs::read(dir.join("packed-refs")).unwrap_or_default();
    let is_in = |line: &[u8]| line.windows(middle.len()).any(|part| part == middle.as_bytes());
    dir.join("reftable").exists() || dir.join(prefix).exists() || packed().split(|&byte| byte == b'\n').any(is_in)
}

/// The refs right below `prefix`, which ends with a slash, told without running git; `None` where the files of git do not
/// say it.
pub(crate) fn by_files_below(repository: &Repository, prefix: &str) -> Option<BTreeSet<RefName>> {
    if is_reftable(repository) {
        return None;
    }
    let dir = &repository.common_dir;
    let packed = std::fs::read(dir.join("packed-refs")).unwrap_or_default();
    let packed = packed.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b' ').nth(1));
    let packed = packed.filter_map(|name| RefName::parse(std::str::from_utf8(name).ok()?));
    let entries = std::fs::read_dir(dir.join(prefix)).into_iter().flatten().flatten();
    let loose = entries.filter_map(|entry| RefName::parse(&format!("{prefix}{}", entry.file_name().to_str()?)));
    Some(packed.filter(|name| name.as_str().starts_with(prefix)).chain(loose).collect())
}

/// The commit of a ref that has a file of its own, told without running git.
pub(crate) fn by_file(repository: &Repository, name: &RefName) -> Option<Oid> {
    Oid::parse(std::fs::read_to_string(repository.common_dir.join(name.as_str())).ok()?.trim_end())
}

/// Whether the refs are not in files of their own.
pub(crate) fn is_reftable(repository: &Repository) -> bool {
    repository.common_dir.join("reftable").exists()
}

/// All refs that begin with `prefix`, which ends with a slash, with their objects. One process, where there may be one.
pub(crate) fn load_below(repository: &Repository, prefix: &str) -> Result<BTreeMap<RefName, Oid>> {
    if !may_exist_below(repository, prefix) {
        return Ok(BTreeMap::new());
    }
    let output = repository.read("for-each-ref").arg(format!("--format={}", for_each_ref::FORMAT)).arg(prefix).run()?;
    Ok(for_each_ref::parse(&output.stdout)?.into_iter().map(|record| (record.name, record.oid)).collect())
}

/// A ref below `name`; while there is one, git cannot create `name` itself. One process, where there may be one.
pub(crate) fn below(repository: &Repository, name: &RefName) -> Result<Option<RefName>> {
    if !may_exist_below(repository, &format!("{name}/")) {
        return Ok(None);
    }
    let call = repository.read("for-each-ref").arg("--count=1").arg(format!("--format={}", for_each_ref::FORMAT));
    let records = for_each_ref::parse(&call.arg(format!("{name}/")).run()?.stdout)?;
    Ok(records.into_iter().map(|record| record.name).next())
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

/// Whether all refs have the new values of the updates. One process.
fn are_moved(repository: &Repository, updates: &[RefUpdate]) -> Result<bool> {
    let names: Vec<_> = updates.iter().map(|update| update.name.clone()).collect();
    let now = load(repository, &names)?;
    Ok(updates.iter().all(|update| now.get(&update.name) == update.new.as_ref()))
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
