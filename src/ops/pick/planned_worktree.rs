//! The worktree that a pick will add: found and judged before the swap, added after it.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, Session};
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefUpdate, refs};
use crate::ledger::{Channel, View};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{displaced_here, lives_beside, takeover};
use crate::project::index::Index;
use crate::project::outcome::{Holder, Notices, WorktreeInfo};
use crate::project::repaired::first_work;
use crate::task::{TaskName, TaskPath, WORKTREES_DIR, sanitise};
use crate::worktrees::base::{BaseBranch, recorded};
use crate::worktrees::branches::tips;
use crate::worktrees::former_name;
use crate::worktrees::landed::{commits_beyond, merge_targets};
use crate::worktrees::plan_branches;
use crate::worktrees::registry::require_no_link;
use crate::worktrees::task_worktree::TaskWorktree;

/// Whether this error says what is in the way of one worktree, and not of each.
pub(super) fn is_about_one(context: &Context, error: &Error) -> bool {
    let all = context.repository.root.join(WORKTREES_DIR);
    error.kind() == Kind::Occupied && require_no_link(context, &all).is_ok()
}

/// Refuses a task without a worktree whose work is on a branch with a former name. No process in the usual case.
///
/// # Errors
/// Those of [`former_name::require_none`].
pub(super) fn require_no_former_name(context: &Context, path: &TaskPath) -> Result<()> {
    let (name, root) = (path.name(), &context.repository.root);
    let branch = Branch::parse(&name.branch_name())?;
    let place = TaskWorktree::from_records(context, Vec::new(), branch, root.join(name.worktree_dir()));
    former_name::require_none(context, &place).map(drop)
}

/// The path of the worktree that will be added, and the base of its branch.
#[derive(Debug)]
pub(crate) struct PlannedWorktree {
    /// The base that the command line names.
    named: Option<String>,
    /// The base, unless the plan of the task names another one.
    base: BaseBranch,
    planned: Option<BaseBranch>,
    /// The branch that an existing task branch was cut from; it may be gone.
    recorded: Option<Branch>,
    /// A sentence about a base that was named and is not used.
    unused: Option<String>,
    /// A sentence about a branch with the number of the task that is not its own.
    beside: Option<String>,
    place: Option<TaskWorktree>,
    /// The lock of the session that had the worktree, and from which another clone took the task.
    former: Option<LockEntry>,
}

/// Who picks the task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picker<'a> {
    /// The session.
    pub(super) session: &'a Session,
    /// Whether it wants to take over.
    pub(super) takes_over: bool,
}

impl PlannedWorktree {
    /// A worktree for one of these tasks.
    ///
    /// # Errors
    /// Those of [`BaseBranch::find_for`].
    pub(super) fn new(context: &Context, named: Option<&str>, wanted: &[Wanted]) -> Result<Self> {
        let base = BaseBranch::find_for(context, named, wanted)?;
        Ok(Self {
            named: named.map(str::to_owned),
            base,
            planned: None,
            recorded: None,
            unused: None,
            beside: None,
            place: None,
            former: None,
        })
    }

    /// Finds the worktree of the task that is picked, and refuses what would make adding it fail.
    ///
    /// # Errors
    /// [`Kind::Occupied`] when it cannot be added.
    pub(super) fn find(
        &mut self,
        context: &Context,
        (view, index): (&View<'_>, &Index),
        path: &TaskPath,
        lock: Option<&LockEntry>,
        picker: Option<Picker<'_>>,
    ) -> Result<()> {
        let mut place = TaskWorktree::find(context, path.name())?;
        self.beside = former_name::require_none(context, &place)?;
        place.require_free(context)?;
        let picker = picker.filter(|_| place.removable(context).is_some());
        self.former = picker.and_then(|picker| displaced_here(context, picker.session, path.id(), lock));
        if let Some((former, picker)) = self.former.as_ref().zip(picker) {
            // A pick that was cut off after its swap is completed.
            let is_ours = lock.is_some_and(|lock| LockRecord::has_taken(&context.repository, lock));
            if !picker.takes_over && !is_ours && lives_beside(context, picker.session, former) {
                return Err(still_used(context, &place, former));
            }
        }
        if context.channel != Channel::Local {
            place.tips = Some(view.task_branch(&place.branch)?);
        }
        let is_published = place.tips.as_ref().is_some_and(|tips| tips.published.is_some());
        // A base is for a branch that is cut now. The published one was cut where its first holder chose.
        let named = self.named.as_deref().filter(|_| !is_published);
        let is_there = is_published || refs::may_exist(&context.repository, &[place.branch.full()]);
        self.recorded = if is_there && named.is_none() { recorded(context, view, path, lock)? } else { None };
        let recorded = self.recorded.as_ref();
        self.planned = recorded.and_then(|branch| BaseBranch::find(context, Some(branch.as_str())).ok());
        if self.planned.is_none() {
            self.planned = plan_branches::base(context, view, index, path, named)?;
        }
        self.unused = None;
        if let (true, Some(named)) = (is_published, &self.named) {
            self.unused = Some(format!("{} exists, so --base {named} was not used", place.branch));
            if self.planned.is_none() {
                self.planned = Some(BaseBranch::find(context, None)?);
            }
        }
        self.place = Some(place);
        Ok(())
    }

    /// The lock of the session that had the worktree, and from which another clone took the task.
    pub(super) fn former(&self) -> Option<&LockEntry> {
        self.former.as_ref()
    }

    /// The base, once the task is known.
    pub(super) fn base(&self) -> Option<&Branch> {
        let chosen = || &self.planned.as_ref().unwrap_or(&self.base).branch;
        self.place.as_ref().map(|_| self.recorded.as_ref().unwrap_or_else(chosen))
    }

    /// Adds the worktree where there is none; in a dry run only says which one it would be, and reports the command.
    pub(super) fn create(
        self,
        context: &Context,
        swapped: &[RefUpdate],
        aside: &mut Notices,
    ) -> Result<Option<WorktreeInfo>> {
        let (base, Some(place)) = (self.planned.unwrap_or(self.base), self.place) else { return Ok(None) };
        aside.notes.extend(base.follows());
        let missing = self.recorded.filter(|recorded| *recorded != base.branch);
        if context.dry_run && place.record.is_none() {
            aside.would_run(place.add_command(context, &base)?);
        }
        // Where the task data is on the base, the swap has moved it.
        let now = if context.dry_run {
            let moved = swapped.iter().find(|update| update.name == base.branch.full());
            let commit = moved.and_then(|update| update.new.clone()).unwrap_or_else(|| base.commit.clone());
            BaseBranch { commit, ..base }
        } else {
            BaseBranch::find(context, Some(base.branch.as_str()))?
        };
        let mut worktree = place.ensure(context, &now)?;
        aside.notes.extend(self.unused.into_iter().chain(self.beside).chain(worktree.notes()));
        if let Some(missing) = missing {
            let branch = &worktree.branch;
            aside.notes.push(format!(
                "there is no branch {missing}, which {branch} was cut from; git aitask finish --into <branch> says where its work goes"
            ));
            (worktree.base, worktree.cut_from) = (Some(missing), None);
        }
        Ok(Some(worktree))
    }
}

/// The first uncommitted files of a worktree.
fn uncommitted(context: &Context, place: &TaskWorktree) -> Option<String> {
    let work = place.site(context, place.record.as_ref()?).load_work().ok()?;
    (!work.is_empty()).then(|| sanitise(&first_work(&work)))
}

/// Notes on what a former session of this clone left: uncommitted files in the worktree, and commits of the task branch.
/// Of a published branch the worktree tells ([`TaskWorktree::ensure`]).
pub(super) fn left_by(context: &Context, name: &TaskName, former: &LockEntry) -> Result<Vec<String>> {
    let (place, targets) = (TaskWorktree::find(context, name)?, merge_targets(context, name.id()));
    let holder = Holder::new(context, former, &host_name(&context.repository));
    let time = format!("from the time when {} had {}", sanitise(&holder.seen_by(false)), name.id().prefixed());
    let files = uncommitted(context, &place);
    let files = files.map(|files| format!("{} has uncommitted files {time}: {files}", place.path.display()));
    let is_published = tips(context, &place.branch)?.tracking.is_some();
    let commits = if is_published { None } else { commits_beyond(context, &place.branch, &targets)? };
    Ok(files.into_iter().chain(commits.map(|commits| format!("{commits} {time}"))).collect())
}

/// The refusal where that session lives, and so may still work in the worktree.
fn still_used(context: &Context, place: &TaskWorktree, former: &LockEntry) -> Error {
    let host = host_name(&context.repository);
    let holder = Holder::new(context, former, &host);
    let (task, dir) = (former.task, place.path.display());
    let files = uncommitted(context, place).map_or_else(String::new, |files| format!("; uncommitted there: {files}"));
    let was = holder.sentence_about(&holder.seen_by(false));
    let message = format!("{dir} is the worktree of a session that lives: {} was {was}{files}", task.prefixed());
    Error::new(Kind::Occupied, message)
        .hint(command!["git status"].within(&place.path))
        .hint(command!["git aitask pick", task, "--no-worktree"].note("leaves that worktree alone"))
        .hint(takeover(context, former, &host))
}
