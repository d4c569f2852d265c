//! The branch of a task whose file was renamed. A task's branch is found by the name of its file, so that the one with the
//! former name, with its commits and its worktree, would be forgotten. Another branch with the number of the task is
//! somebody's own: what is on it is no work of the task.

use crate::coordination::LockEntry;
use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Oid, RefName, history, merge, refs};
use crate::project::context::Context;
use crate::project::worktree_recovery::name_of;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName, paths};
use crate::worktrees::branches::tips;
use crate::worktrees::landed::{has_landed_for_all, merge_targets};
use crate::worktrees::task_worktree::TaskWorktree;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;

/// Refuses a task whose work is on a branch with a former name, here or on the remote as it was fetched, while the branch of
/// its present name has none. A former branch counts where its commits have not landed, and where it is checked out. No
/// process where git's files show no branch with the number of the task and another name. Returns what there is to say of
/// such a branch whose name the task never had.
///
/// # Errors
/// [`Kind::Occupied`] with the command that brings the work to the branch of the present name.
pub(crate) fn require_none(context: &Context, place: &TaskWorktree) -> Result<Option<String>> {
    let (repository, branch) = (&context.repository, &place.branch);
    let Some(task) = TaskName::from_branch(branch.as_str()).map(|name| name.id()) else { return Ok(None) };
    let branches = of_task(context, task)?;
    let others: Vec<_> = branches.iter().filter(|(_, other, _)| other != branch).collect();
    if others.is_empty() {
        return Ok(None);
    }
    let (targets, held) = (merge_targets(context, task), LockRecord::load(repository, task));
    let has_work = |tip: &Oid| -> Result<bool> {
        let is_cut = held.as_ref().is_some_and(|held| held.is_cut_at(tip));
        Ok(!is_cut && !has_landed_for_all(context, tip, &targets)?)
    };
    let tip_of = |name: &RefName| branches.iter().find(|(other, ..)| other == name).map(|(.., tip)| tip);
    let own = tip_of(&branch.full());
    let is_published = context.channel.remote().is_some_and(|remote| tip_of(&branch.tracking(remote)).is_some());
    if is_published || own.map(has_work).transpose()? == Some(true) {
        return Ok(None);
    }
    let (former_names, mut beside) = (OnceCell::new(), None);
    for (name, former, tip) in others {
        let is_here = *name == former.full();
        let is_checked_out = is_here && place.all.iter().any(|record| record.branch.as_ref() == Some(name));
        let is_contained = match own {
            Some(own) => merge::is_ancestor(repository, tip, own)?,
            None => false,
        };
        if !is_checked_out && (is_contained || !has_work(tip)?) {
            continue;
        }
        let shown = name.as_str().trim_start_matches("refs/heads/").trim_start_matches("refs/remotes/");
        if former_names.get().is_none() {
            let _ = former_names.set(FormerNames::load(context, task, held.as_ref())?);
        }
        if !former_names.get().is_some_and(|names| names.has(former)) {
            let what = "has commits that have not landed, and no name that the file of";
            beside = beside.or(Some(format!("{shown} {what} {} ever had: it is left alone", task.prefixed())));
            continue;
        }
        let message =
            format!("{} was renamed: its work is on {shown}, and its branch is now called {branch}", task.prefixed());
        let hint = match (&place.record, own.is_some()) {
            (Some(record), true) => command!["git merge", shown].within(&record.path),
            (_, true) => command!["git branch -f", branch, shown],
            (_, false) if is_here => command!["git branch -m", former, branch],
            (_, false) => command!["git branch --no-track", branch, shown],
        };
        return Err(Error::new(Kind::Occupied, message).hint(hint.note("then the same command again")));
    }
    Ok(beside)
}

/// The names that a task has had.
#[derive(Debug)]
pub(crate) enum FormerNames {
    /// These: of its file in the history of the task data, and of the worktrees in which this clone took it.
    Known(BTreeSet<String>),
    /// Not all are known: this clone does not have the whole history.
    Unknown,
}

impl FormerNames {
    /// Looks for them, also from before the tasks were moved to a branch of their own. Two processes, and one more there.
    pub(crate) fn load(context: &Context, task: TaskId, held: Option<&LockRecord>) -> Result<Self> {
        let repository = &context.repository;
        let code = context.known_default_branch().filter(|_| context.has_data_branch());
        let branches = std::iter::once(context.data_branch()?.clone()).chain(code);
        let tips = branches.map(|branch| tips(context, &branch)).collect::<Result<Vec<_>>>()?;
        let tips: Vec<_> =
            tips.iter().flat_map(|tips| tips.local.iter().chain(&tips.tracking)).map(Oid::as_str).collect();
        if tips.is_empty() || !history::cuts(repository).is_empty() {
            return Ok(Self::Unknown);
        }
        let call =
            repository.read("log").args(["-z", "-m", "--format=", "--name-only", "--no-renames", "--diff-filter=A"]);
        let files = format!(":(glob){}/**/{}_*.md", paths::TASKS_DIR, task.prefixed());
        let text = call.args(tips).args(["--", &files]).run()?.text();
        let stem = |path: &str| Some(Path::new(path).file_stem()?.to_str()?.to_owned());
        let mut names: BTreeSet<_> = text.split('\0').filter_map(|path| stem(path.trim())).collect();
        let locks = held.into_iter().flat_map(|held| held.completed().into_iter().chain(&held.former));
        let locks = locks.map(|text| LockEntry::parse(task, text.as_bytes(), None));
        names.extend(locks.filter_map(|lock| Some(Path::new(lock.folder()?).file_name()?.to_str()?.to_owned())));
        Ok(Self::Known(names))
    }

    /// Whether this may be the branch of the task under a name that it has had.
    pub(crate) fn has(&self, branch: &Branch) -> bool {
        match self {
            Self::Known(names) => names.contains(name_of(branch)),
            Self::Unknown => true,
        }
    }
}

/// The branches of this task with their refs and tips, those of this clone first.
fn of_task(context: &Context, task: TaskId) -> Result<Vec<(RefName, Branch, Oid)>> {
    let repository = &context.repository;
    let remote = context.channel.remote().map(|remote| format!("refs/remotes/{remote}/"));
    let mut found = Vec::new();
    for place in std::iter::once("refs/heads/".to_owned()).chain(remote) {
        let below = format!("{place}{BRANCH_PREFIX}");
        found.extend(refs::load_below(repository, &below)?.into_iter().filter_map(|(name, tip)| {
            let branch = Branch::parse(name.as_str().strip_prefix(&place)?).ok()?;
            let is_of_task = TaskName::from_branch(branch.as_str()).is_some_and(|name| name.id() == task);
            is_of_task.then_some((name, branch, tip))
        }));
    }
    Ok(found)
}
