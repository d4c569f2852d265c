//! What a branch must be to cut from it or to merge into it.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Oid, refs};
use crate::ledger::{DATA, IDS, LOCKS};
use crate::project::context::{Context, Wanted};
use crate::task::TaskName;

/// Where a branch is.
#[derive(Debug)]
pub(crate) struct Tips {
    /// In this clone.
    pub(crate) local: Option<Oid>,
    /// At the remote, as last seen.
    pub(crate) tracking: Option<Oid>,
}

/// The local and the remote-tracking tip of a branch. One process.
pub(crate) fn tips(context: &Context, branch: &Branch) -> Result<Tips> {
    let tracking = context.channel.remote().map(|remote| branch.tracking(remote));
    let mut names = vec![branch.full()];
    names.extend(tracking.clone());
    let mut known = refs::load(&context.repository, &names)?;
    Ok(Tips { local: known.remove(&branch.full()), tracking: tracking.and_then(|name| known.remove(&name)) })
}

/// Refuses a branch that carries locks, ids or task data: no code is cut from it, or goes there.
///
/// # Errors
/// [`Kind::Usage`].
pub(crate) fn require_code(context: &Context, branch: &Branch) -> Result<()> {
    let name = branch.as_str();
    if !(matches!(name, LOCKS | IDS) || (name == DATA && context.has_data_branch())) {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{branch} coordinates the tasks, and no code is cut from it or goes there"))
        .hint("git branch -a"))
}

/// Refuses to take one of these tasks with its own branch as the base.
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
        format!("{base} is the branch of {} itself, and is not cut from itself", name.id().prefixed()),
    )
    .hint(command!["git aitask pick", name.id()].note("goes on with the branch")))
}

/// Refuses to merge a task branch into itself.
///
/// # Errors
/// [`Kind::Usage`].
pub(crate) fn require_other_output(into: &Branch, task_branch: &Branch) -> Result<()> {
    if into != task_branch {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{into} is the branch of the task itself, and is not merged into itself"))
        .hint("git aitask finish --into main"))
}

/// The error for an output branch that is not where work is published.
pub(crate) fn no_output(context: &Context, into: &Branch) -> Error {
    let here = tips(context, into).is_ok_and(|tips| tips.local.is_some());
    match context.channel.remote().filter(|_| here) {
        Some(remote) => Error::new(Kind::Usage, format!("{into} is not published on {remote}, so nothing lands there"))
            .hint(command!["git push -u", remote, into]),
        None => Error::new(Kind::Usage, format!("there is no branch {into} to merge into")).hint("git branch -a"),
    }
}
