//! An audit of the history of the coordination branches: whether a task ever had two holders, an id came twice, or work
//! landed that was not its author's to land; and how long tasks waited and were held. It needs nothing but the branches,
//! as this clone has them, so that anybody can do it, offline.
//!
//! Everything is decided in [`judge()`], from one [`Event`] for each commit. Two processes, and one for each branch.

mod counter;
pub(crate) mod events;
pub(crate) mod figures;
pub(crate) mod findings;
pub(crate) mod judge;
mod nonces;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod proofs;
#[cfg(test)]
mod sim;

use crate::coordination::LockEntry;
use crate::coordination::ids;
use crate::coordination::locks::{no_lock_branch, taken_over_in};
use crate::error::{Error, Kind, Result};
use crate::git::history::{self, Span};
use crate::git::porcelain::diff_raw::FileDiff;
use crate::git::porcelain::log_raw::LoggedCommit;
use crate::git::{Branch, Freshness, Oid};
use crate::ledger::plan::nonce_in;
use crate::ledger::{Ledger, View};
use crate::ops::history::events::{Blob, Change, Event, Place};
use crate::ops::history::figures::Figures;
use crate::ops::history::findings::{Finding, Unjudged, Violation};
use crate::ops::history::judge::judge;
use crate::ops::list;
use crate::project::context::Context;
use crate::project::index::{Branches, Index, branches};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The outcome.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Audit {
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// The branches that were read.
    pub(crate) branches: Vec<AuditedBranch>,
    /// What must not be, and is.
    pub(crate) findings: Vec<Finding>,
    /// What cannot be judged, which is no violation.
    pub(crate) unjudged: Vec<Unjudged>,
    /// How long tasks waited and were held.
    pub(crate) figures: Figures,
}

/// A branch that was read.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AuditedBranch {
    /// Its name.
    pub(crate) branch: Branch,
    /// Its tip.
    pub(crate) tip: Oid,
    /// How many of its commits were judged. Of data and code those count that a verb or a script wrote.
    pub(crate) commits: usize,
}

/// How many code branches are read: those that tasks were cut from, as the locks say, and the one that is checked out.
const CODE_BRANCHES: usize = 16;

/// Audits the history of the branches as this clone has them.
///
/// # Errors
/// When git cannot read it, and without a branch of locks.
pub(crate) fn audit(context: &Context) -> Result<Audit> {
    let Branches { locks, data } = branches(context)?;
    let ids = Ledger::ids_branch()?;
    // What only this clone has is not what others saw; a branch that is gone is judged as this clone knew it.
    let ledger = Ledger { repairs: true, data_only_branch: None, dry_run: true, ..context.ledger() };
    let view = ledger.view(&[locks.clone(), ids.clone(), data.clone()], Freshness::AsKnown)?;
    if tip(&view, &locks).is_none() {
        return Err(no_lock_branch());
    }
    let mut gathered = Gathered { context, cuts: history::cuts(&context.repository), ..Gathered::new(context) };
    for (branch, place) in [(&locks, Place::Locks), (&ids, Place::Ids), (&data, Place::Data)] {
        gathered.read(&view, branch, place)?;
    }
    let texts = gathered.texts()?;
    let code = code_branches(context, &gathered, &texts, &[&locks, &ids, &data]);
    if !code.is_empty() {
        let view = ledger.view(&code, Freshness::AsKnown)?;
        for branch in &code {
            gathered.read(&view, branch, Place::Code)?;
        }
    }
    let files = if view.base(&data).is_some() {
        let index = Index::load(&view, &data)?;
        let all = index.active.iter().chain(&index.archived);
        all.map(|(path, _)| (path.id(), path.as_str().to_owned())).collect()
    } else {
        Vec::new()
    };
    let events = gathered.events(&texts)?;
    let judged = judge(&events, &files);
    let findings = [&locks, &ids, &data].into_iter().filter_map(|branch| set_back(&view, branch));
    let findings = findings.chain(judged.findings).collect();
    let (unjudged, figures) = (judged.unjudged, judged.figures);
    Ok(Audit { as_of: list::as_of(&ledger), branches: gathered.branches, findings, unjudged, figures })
}

/// The tip that is judged: the published one; of a branch that is gone, the last that this clone knew.
fn tip(view: &View<'_>, branch: &Branch) -> Option<Oid> {
    view.tip(branch).published.or_else(|| view.base(branch).cloned())
}

/// The finding about a branch that was set back or deleted on the server, as the records of this clone tell.
fn set_back(view: &View<'_>, branch: &Branch) -> Option<Finding> {
    let message = match (view.set_back(branch), view.gone(branch)) {
        (Some(set_back), _) => format!("the branch lacks {}, which this clone has seen on it", set_back.newer.short()),
        (None, Some(gone)) => format!("the branch is gone; this clone has seen {} on it", gone.last.short()),
        (None, None) => return None,
    };
    let branch = branch.clone();
    Some(Finding { kind: Violation::SetBack, task_id: None, message, branch, commit: None, by: None, at: None })
}

/// The branches that work was merged into, as far as the locks and the checkout tell.
fn code_branches(context: &Context, gathered: &Gathered<'_>, texts: &Texts, known: &[&Branch]) -> Vec<Branch> {
    let locks = gathered.commits.iter().filter(|read| read.place == Place::Locks);
    let written = locks.flat_map(|read| &read.logged.changes).filter_map(|file| {
        let task = LockEntry::task_of(file.path.to_str()?)?;
        LockEntry::parse(task, texts.get(file.new.as_ref()?)?.as_bytes(), None).base()
    });
    let all: BTreeSet<_> = written.chain(context.repository.root_branch.clone()).collect();
    // A child task is cut from the branch of its parent, which goes with it.
    let is_code = |branch: &Branch| !known.contains(&branch) && !branch.as_str().starts_with("aitask");
    all.into_iter().filter(is_code).take(CODE_BRANCHES).collect()
}

/// The texts of blobs, as far as this clone has them.
type Texts = BTreeMap<Oid, String>;

/// A commit that was read, and from which branch.
struct Read {
    place: Place,
    branch: Branch,
    logged: LoggedCommit,
}

struct Gathered<'a> {
    context: &'a Context,
    cuts: BTreeSet<Oid>,
    branches: Vec<AuditedBranch>,
    commits: Vec<Read>,
}

impl<'a> Gathered<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, cuts: BTreeSet::new(), branches: Vec::new(), commits: Vec::new() }
    }

    /// Reads the history of a branch. One process.
    fn read(&mut self, view: &View<'_>, branch: &Branch, place: Place) -> Result<()> {
        let Some(tip) = tip(view, branch) else { return Ok(()) };
        let span = match place {
            Place::Locks | Place::Ids => Span::Line,
            Place::Data | Place::Code => Span::OfProgram,
        };
        let logged = history::commits(&self.context.repository, &tip, span)?;
        self.branches.push(AuditedBranch { branch: branch.clone(), tip, commits: logged.len() });
        self.commits.extend(logged.into_iter().map(|logged| Read { place, branch: branch.clone(), logged }));
        Ok(())
    }

    /// Reads the locks and counters of all commits. One process.
    fn texts(&self) -> Result<Texts> {
        let counts = |file: &&FileDiff| {
            let path = file.path.to_str().unwrap_or_default();
            path == ids::FILE || LockEntry::task_of(path).is_some()
        };
        let read = self.commits.iter().filter(|read| matches!(read.place, Place::Locks | Place::Ids));
        let files = read.flat_map(|read| &read.logged.changes).filter(counts);
        let names: BTreeSet<_> = files.flat_map(|file| file.old.iter().chain(&file.new)).collect();
        let names: Vec<_> = names.into_iter().map(ToString::to_string).collect();
        let found = crate::git::objects::load(&self.context.repository, &names)?.into_iter().flatten();
        Ok(found.map(|object| (object.oid, String::from_utf8_lossy(&object.data).into_owned())).collect())
    }

    fn events(&self, texts: &Texts) -> Result<Vec<Event>> {
        self.commits.iter().map(|read| event(read, &self.cuts, texts)).collect()
    }
}

fn event(Read { place, branch, logged }: &Read, cuts: &BTreeSet<Oid>, texts: &Texts) -> Result<Event> {
    let (by, at) = logged
        .author
        .rsplit_once(' ')
        .ok_or_else(|| Error::new(Kind::Git, "the output of git log could not be parsed"))?;
    let blob = |oid: &Option<Oid>| {
        let oid = oid.clone()?;
        Some(Blob { text: texts.get(&oid).cloned(), oid })
    };
    let change = |file: &FileDiff| Change {
        path: file.path.to_string_lossy().into_owned(),
        old: blob(&file.old),
        new: blob(&file.new),
    };
    Ok(Event {
        place: *place,
        branch: branch.clone(),
        commit: logged.oid.clone(),
        by: by.to_owned(),
        at: at.to_owned(),
        seconds: at.parse().ok().map(jiff::Timestamp::as_second),
        subject: logged.subject().to_owned(),
        nonce: nonce_in(&logged.message).map(str::to_owned),
        over: taken_over_in(&logged.message),
        parents: logged.parents.len(),
        is_cut: cuts.contains(&logged.oid),
        changes: logged.changes.iter().map(change).collect(),
    })
}
