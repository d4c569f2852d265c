//! Which branches may be the base or the output of a task branch.

use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Hint, Kind, Result};
use crate::git::{Branch, Oid, RemoteName, merge, refs, remote};
use crate::ledger::{DATA, IDS, LOCKS};
use crate::project::context::{Context, Wanted};
use crate::task::{TaskId, TaskName};

/// The two tips of a branch.
#[derive(Debug)]
pub(crate) struct Tips {
    /// The local branch.
    pub(crate) local: Option<Oid>,
    /// The remote-tracking branch: the remote's tip as of the last fetch or push.
    pub(crate) tracking: Option<Oid>,
}

impl Tips {
    /// Where a local branch is to start; `None` where there is one.
    pub(crate) fn start(&self) -> Option<&Oid> {
        self.tracking.as_ref().filter(|_| self.local.is_none())
    }
}

/// Reads the local and the remote-tracking tip of a branch. One process.
pub(crate) fn tips(context: &Context, branch: &Branch) -> Result<Tips> {
    let tracking = context.channel.remote().map(|remote| branch.tracking(remote));
    let mut names = vec![branch.full()];
    names.extend(tracking.clone());
    let mut known = refs::load(&context.repository, &names)?;
    Ok(Tips { local: known.remove(&branch.full()), tracking: tracking.and_then(|name| known.remove(&name)) })
}

/// The default branch of the remote, in the place of another one that is gone there.
#[derive(Debug)]
pub(crate) struct Successor {
    /// The branch.
    pub(crate) branch: Branch,
    /// Its published tip.
    pub(crate) tip: Oid,
    /// Whether it has all that was known of the other one: then that was renamed, or merged and removed.
    pub(crate) continues: bool,
}

/// Asks the remote for its default branch where another one is `gone`, of which `last` is the last known commit; `None`
/// where it still is that one, or there is none. Two connections.
///
/// # Errors
/// Those of the connection.
pub(crate) fn successor(
    context: &Context,
    remote: &RemoteName,
    gone: &Branch,
    last: &Oid,
) -> Result<Option<Successor>> {
    let (repository, limit) = (&context.repository, context.settings.timeout);
    let Some(branch) = remote::ask_default(repository, remote, limit)?.filter(|new| new != gone) else {
        return Ok(None);
    };
    remote::fetch_branch(repository, remote, &branch, limit)?;
    let Some(tip) = tips(context, &branch)?.tracking else { return Ok(None) };
    let continues = merge::is_ancestor(repository, last, &tip)?;
    Ok(Some(Successor { branch, tip, continues }))
}

/// The note that another branch was taken in the place of one that is gone.
pub(crate) fn followed(gone: &Branch, by: &Branch) -> String {
    format!("{gone} is gone from the remote, and {by} is its default branch and continues it")
}

/// The command that brings only the own commits of a task branch to `into`, whose tip is `output`, where it was cut from the
/// branch of another task whose commits came there in another form, as by a squash: a merge would bring these once more.
/// `None` elsewhere.
pub(crate) fn rebase_onto(context: &Context, branch: &Branch, into: &Branch, output: &Oid) -> Option<Hint> {
    let repository = &context.repository;
    let held = LockRecord::load(repository, TaskName::from_branch(branch.as_str())?.id())?;
    let (base, start) = (held.base?, Oid::parse(&held.base_commit?)?);
    let is_stacked = base != into.as_str() && TaskName::from_branch(&base).is_some();
    if !is_stacked || merge::is_ancestor(repository, &start, output).unwrap_or(true) {
        return None;
    }
    let onto = context.channel.remote().map_or_else(|| into.to_string(), |remote| format!("{remote}/{into}"));
    let hint = command!["git rebase --onto", onto, start];
    let place = repository.worktree_of(branch).ok().flatten();
    Some(place.map_or(hint.clone(), |place| hint.within(place.path)))
}

/// Refuses a branch that carries locks, ids or task data as the base or the output of a task branch: a merge into it
/// would mix code with the files that every command reads its locks, ids and tasks from.
///
/// # Errors
/// [`Kind::Usage`].
pub(crate) fn require_code(context: &Context, branch: &Branch) -> Result<()> {
    let name = branch.as_str();
    if !(matches!(name, LOCKS | IDS) || (name == DATA && context.has_data_branch())) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!("{branch} carries coordination data, so it cannot be the base or the output of a task branch"),
    )
    .hint("git branch -a"))
}

/// Refuses a base that is the task branch of one of these tasks.
///
/// # Errors
/// [`Kind::Usage`].
pub(crate) fn require_other_base(base: &Branch, wanted: &[Wanted]) -> Result<()> {
    let Some(name) = TaskName::from_branch(base.as_str()) else { return Ok(()) };
    if wanted.iter().all(|wanted| wanted.id != name.id()) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!("{base} is the task branch of {} itself, so it cannot be its base", name.id().prefixed()),
    )
    .hint(command!["git aitask pick", name.id()].note("continues on that branch")))
}

/// Refuses to merge a task branch into itself.
///
/// # Errors
/// [`Kind::Usage`].
pub(crate) fn require_other_output(into: &Branch, task_branch: &Branch) -> Result<()> {
    if into != task_branch {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{into} is the branch of the task itself, so it cannot be its output"))
        .hint("git aitask finish --into <branch>"))
}

/// The error for an output branch that the remote (or, without a remote, this clone) does not have. Where nobody named it, it
/// is the one that the branch of this task was cut from, and the user says where the work goes now.
pub(crate) fn no_output(context: &Context, into: &Branch, chosen_for: Option<TaskId>) -> Error {
    let here = tips(context, into).is_ok_and(|tips| tips.local.is_some());
    let of_task = TaskName::from_branch(into.as_str()).map(|name| name.id());
    let error = match (context.channel.remote().filter(|_| here), of_task) {
        // Published again, the branch of a task would take work that never reaches the branch the task goes to.
        (Some(remote), Some(other)) => {
            let message = format!("{into}, the branch of {}, is not published on {remote}", other.prefixed());
            Error::new(Kind::Usage, format!("{message}, so nothing can be merged into it"))
                .hint(command!["git aitask finish", other].note("first, where its work has landed"))
        }
        (Some(remote), None) => {
            Error::new(Kind::Usage, format!("{into} is not published on {remote}, so nothing can be merged into it"))
                .hint(command!["git push -u", remote, into])
        }
        (None, _) => Error::new(Kind::Usage, format!("there is no branch {into} to merge into")).hint("git branch -a"),
    };
    let other = context.work_branch().ok().flatten().filter(|other| other != into);
    match chosen_for.zip(other) {
        Some((task, other)) => {
            error.hint(command!["git aitask finish", task, "--into", other].note("or another branch"))
        }
        None => error,
    }
}
