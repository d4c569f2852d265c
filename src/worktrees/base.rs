//! The commit that a branch is cut from.

use crate::coordination::{LockEntry, locks};
use crate::error::{Error, Kind, Result};
use crate::git::porcelain::commit::Commit;
use crate::git::{Branch, Oid, Repository, merge, objects, refs, remote};
use crate::ledger::{Ledger, View};
use crate::project::context::{Context, Wanted};
use crate::project::outcome::CutFrom;
use crate::task::{BRANCH_PREFIX, TaskPath};
use crate::worktrees::branches::{followed, require_code, require_other_base, successor};

/// The branch that a task branch is cut from, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseBranch {
    /// The branch.
    pub(crate) branch: Branch,
    /// Its published tip as far as this clone knows it; of a branch that is not published, the local tip.
    pub(crate) commit: Oid,
    /// How many commits of the local branch are not published.
    pub(crate) unpublished: u32,
    /// The branch that was chosen and is gone from the remote, where this one is the default branch that continues it.
    pub(crate) gone: Option<Branch>,
}

impl BaseBranch {
    /// Finds the base: the branch that was named, else the configured one (`aitask.base`), else the one that
    /// [`Context::work_branch`] tells. A task branch starts from the published tip, which everybody else sees: what only
    /// this clone has would be published by the merge of the task branch, unasked. Where nobody named the branch, and it was
    /// renamed on the remote, the base is the default branch there: the local one is never updated again. That costs two
    /// connections, and none elsewhere.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a branch that does not exist, or that carries coordination data; [`Kind::DetachedHead`] when
    /// no branch is named or configured, and the main worktree is on none, or on that of a task without a remote;
    /// [`Kind::Occupied`] for a branch called `aitask`: git stores no branch `aitask/NAME` beside it.
    pub(crate) fn find(context: &Context, named: Option<&str>) -> Result<Self> {
        let configured = named.or(context.settings.base.as_deref()).map(Branch::parse).transpose()?;
        if let Some(branch) = &configured {
            require_code(context, branch)?;
        }
        let branch = configured.map_or_else(|| context.work_branch(), |branch| Ok(Some(branch)))?.ok_or_else(|| {
            let (root, on) = (context.repository.root.display(), context.describe_checkout());
            Error::new(
                Kind::DetachedHead,
                format!("{root} is {on}, and no base is named, so no task branch can be cut"),
            )
            .hint("git aitask pick --base <branch>")
        })?;
        let in_the_way = Branch::parse(BRANCH_PREFIX.trim_end_matches('/'))?;
        let tracking = context.channel.remote().map(|remote| branch.tracking(remote));
        let asked: Vec<_> = [branch.full(), in_the_way.full()].into_iter().chain(tracking.clone()).collect();
        let mut known = refs::load(&context.repository, &asked)?;
        if known.contains_key(&in_the_way.full()) {
            let message = format!("the branch {in_the_way} exists, so git cannot create a branch {BRANCH_PREFIX}t1_x");
            return Err(Error::new(Kind::Occupied, message).hint(command![
                "git branch -m",
                in_the_way,
                "another-name"
            ]));
        }
        if let Some(remote) = context.channel.remote()
            && ![Some(branch.full()), tracking.clone()].iter().flatten().any(|name| known.contains_key(name))
            && !remote::tracks(&context.repository, remote, &branch)
            && remote::fetch_branch(&context.repository, remote, &branch, context.settings.timeout).is_ok()
        {
            // A clone of another branch, or the checkout of a job, had no other way to know it.
            known = refs::load(&context.repository, &asked)?;
        }
        let (local, tracking) = (known.remove(&branch.full()), tracking.and_then(|name| known.remove(&name)));
        if let (None, Some(local), None, Some(remote)) = (named, &local, &tracking, context.channel.remote())
            && remote::was_published(&context.repository, remote, &branch)
            // What cannot be asked now is not followed: offline the local branch is all there is.
            && let Ok(Some(next)) = successor(context, remote, &branch, local)
            && next.continues
        {
            return Ok(Self { gone: Some(branch), ..Self::find(context, Some(next.branch.as_str()))? });
        }
        let mut unpublished = 0;
        if let (Some(local), Some(theirs)) = (&local, &tracking)
            && local != theirs
        {
            unpublished = merge::count_own(&context.repository, local, theirs)?;
        }
        let commit = tracking.or(local);
        let commit = commit.ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no branch {branch} to cut the task branch from"))
                .hint("git branch -a")
        })?;
        Ok(Self { branch, commit, unpublished, gone: None })
    }

    /// As [`Self::find`], and refuses a base that was named and is the branch of one of these tasks.
    pub(crate) fn find_for(context: &Context, named: Option<&str>, wanted: &[Wanted]) -> Result<Self> {
        let base = Self::find(context, named)?;
        // A base that nobody named is never the branch of a task.
        if named.is_some() { require_other_base(&base.branch, wanted).map(|()| base) } else { Ok(base) }
    }

    /// That it is in the place of a branch that is gone.
    pub(crate) fn follows(&self) -> Option<String> {
        self.gone.as_ref().map(|gone| followed(gone, &self.branch))
    }

    /// What a branch that is cut from it lacks of the local branch.
    pub(crate) fn left_out(&self) -> Option<String> {
        let Self { branch, unpublished, .. } = self;
        let plural = if *unpublished == 1 { "" } else { "s" };
        (*unpublished > 0).then(|| {
            format!("{unpublished} commit{plural} of {branch} only this clone has; the new task branch starts without")
        })
    }

    /// The commit of the base with its committer time; `None` where that cannot be read.
    pub(crate) fn cut_from(&self, context: &Context) -> Result<Option<CutFrom>> {
        let object = objects::load_one(&context.repository, self.commit.as_str())?;
        let time = object.and_then(|object| Commit::parse(&object.data).ok()).map(|commit| commit.committer_time);
        Ok(time.map(|time| CutFrom { commit: self.commit.clone(), time }))
    }
}

/// The branch that the task branch was cut from, by the lock of the task, else by its last one; it may be gone. `None` where
/// there is no task branch to go on from. No process where git's files show neither a local nor a published one; else two,
/// where nobody holds the task.
///
/// # Errors
/// [`Kind::Behind`] where a shallow clone does not have the last lock: the work would be merged into another branch.
pub(crate) fn recorded(
    context: &Context,
    view: &View<'_>,
    path: &TaskPath,
    lock: Option<&LockEntry>,
) -> Result<Option<Branch>> {
    if let Some(lock) = lock {
        return Ok(lock.base());
    }
    let (repository, branch) = (&context.repository, Branch::parse(&path.name().branch_name())?);
    let remote = context.channel.remote();
    let is_unseen = remote.is_some_and(|remote| !remote::fetches_task_branches(repository, remote));
    let names = std::iter::once(branch.full()).chain(remote.map(|remote| branch.tracking(remote)));
    if !is_unseen && !refs::may_exist(repository, &names.collect::<Vec<_>>()) {
        return Ok(None);
    }
    let last = locks::last(view, path.id())?;
    let is_cut_off = last.is_none() && is_history_cut_off(repository, view)?;
    let base = last.and_then(|last| last.base());
    if base.is_none() && !is_cut_off {
        return Ok(None);
    }
    let tip = view.task_branch(&branch)?;
    if tip.published.is_none() && tip.local.is_none() {
        return Ok(None);
    }
    if is_cut_off {
        let message = format!("which branch {branch} was cut from is not known in this shallow clone");
        return Err(Error::new(Kind::Behind, message).hint("git fetch --unshallow"));
    }
    Ok(base)
}

/// Whether this clone has only the last part of the history of the locks. One process in a shallow clone, none elsewhere.
fn is_history_cut_off(repository: &Repository, view: &View<'_>) -> Result<bool> {
    let shallow = std::fs::read_to_string(repository.common_dir.join("shallow")).unwrap_or_default();
    let tip = view.tip(&Ledger::locks_branch()?).published;
    let Some(tip) = tip.filter(|_| !shallow.is_empty()) else { return Ok(false) };
    let roots = repository.read("rev-list").args(["--max-parents=0", tip.as_str()]).run()?.text();
    Ok(roots.lines().any(|root| shallow.lines().any(|cut| cut == root)))
}
