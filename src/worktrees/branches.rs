//! Which branches may be the base or the output of a task branch.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Oid, refs};
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
        .hint("git aitask finish --into main"))
}

/// The error for an output branch that the remote (or, without a remote, this clone) does not have. Where nobody named it, it
/// is the one that the branch of this task was cut from, and the user says where the work goes now.
pub(crate) fn no_output(context: &Context, into: &Branch, chosen_for: Option<TaskId>) -> Error {
    let here = tips(context, into).is_ok_and(|tips| tips.local.is_some());
    let error = match context.channel.remote().filter(|_| here) {
        Some(remote) => {
            Error::new(Kind::Usage, format!("{into} is not published on {remote}, so nothing can be merged into it"))
                .hint(command!["git push -u", remote, into])
        }
        None => Error::new(Kind::Usage, format!("there is no branch {into} to merge into")).hint("git branch -a"),
    };
    let other = context.work_branch().ok().flatten().filter(|other| other != into);
    match chosen_for.zip(other) {
        Some((task, other)) => {
            error.hint(command!["git aitask finish", task, "--into", other].note("or another branch"))
        }
        None => error,
    }
}
