//! Setting a repository up: the coordination branches, the folders, the local excludes. Repairs what is missing.

use crate::data_branch::attach::{self, Attached};
use crate::data_branch::initial_files::INITIAL_FILES;
use crate::data_branch::migrate;
use crate::error::{Error, Kind, Result};
use crate::files::exclude;
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::{Decision, Ledger, nonce};
use crate::ops::init_plan::{InitPlan, forget_local_locks};
pub(crate) use crate::ops::init_plan::{init_locks, require_no_other_remote};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::project::outcome::Aside;
use crate::task::{Status, WORKTREES_DIR, paths};
use serde::Serialize;

/// What was there, and what was made.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Initialised {
    /// Where the coordination branches live; absent without a remote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
    /// The branch of the task data.
    pub(crate) data: String,
    /// What this command made.
    pub(crate) made: Vec<String>,
    /// What was there already.
    pub(crate) found: Vec<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Aside,
}

/// Makes what is missing, in one swap.
pub(crate) fn init(context: &Context) -> Result<Initialised> {
    let data = context.data_branch()?.clone();
    require_no_other_remote(context)?;
    let (locks_branch, ids_branch) = (Ledger::locks_branch()?, Ledger::ids_branch()?);
    let branches = [locks_branch.clone(), ids_branch.clone(), data.clone()];
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let (mut local_locks, mut unlocked) = (None, Vec::new());
    let landed = ledger.transact(&nonce()?, &branches, |view| {
        if view.fresh && view.base(&data).is_none() {
            let remote = context.channel.remote().map_or("here", |remote| remote.as_str());
            return Err(Error::new(
                Kind::NotInitialised,
                format!("the branch {data} is not published on {remote} yet"),
            )
            .hint(command!["git push -u", remote, data]));
        }
        let index = Index::load(view, &data)?;
        let mut init_plan = InitPlan::default();
        local_locks = ledger.unpublished_locks(view)?;
        init_plan.locks(context, &ledger, view)?;
        init_plan.ids(context, view, &index)?;
        init_plan.data(context, view, &data)?;
        unlocked = init_plan.unlocked(&ledger, view, &index)?;
        let is_new = [view.base(&locks_branch), view.gone(&locks_branch).map(|gone| &gone.last), local_locks.as_ref()];
        if is_new.iter().all(Option::is_none)
            && view.base(&ids_branch).is_some()
            && let (false, None, Some(remote)) = (unlocked.is_empty(), &context.settings.remote, context.channel.remote())
        {
            // A counter without locks, and tasks that are worked on: this clone never knew what others have lost.
            let message = format!(
                "{remote} has no branch {locks_branch}, and these say {}: {}; git aitask init where one of them was picked \
                 puts the branch back",
                Status::Implementing,
                unlocked.join(", ")
            );
            return Err(Error::new(Kind::BranchGone, message)
                .hint(command!["git aitask init --remote", remote].note("makes a new one, on which nobody holds anything")));
        }
        let InitPlan { mut plan, mut made, mut found } = init_plan;
        let mut changes = Vec::new();
        for (path, content) in INITIAL_FILES {
            if index.has(path) {
                found.push(path.to_owned());
            } else {
                changes.push(Edit::Put { path: path.to_owned(), content: content.as_bytes().to_vec() });
                made.push(path.to_owned());
            }
        }
        if let Some(edit) =
            context.has_data_branch().then(|| migrate::private_lines(view, &data)).transpose()?.flatten()
        {
            changes.push(edit);
            made.push(format!(".gitignore of {data}"));
        }
        if !changes.is_empty() {
            plan = plan.step(&data, Step::edit(migrate::INITIALISE, changes));
        }
        let seen = (made, found);
        Ok(if plan.branches.is_empty() { Decision::Nothing(seen) } else { Decision::Swap(plan, seen) })
    })?;
    let mut attached = false;
    if !context.dry_run {
        if let Some(local) = &local_locks {
            forget_local_locks(context, local);
        }
        if context.has_data_branch() {
            attached = attach::attach(context, &mut |_| ())? == Attached::Made;
        }
        for line in [WORKTREES_DIR, paths::DRAFTS_DIR, paths::USER_CONFIG_FILE] {
            let slash = if line.contains('.') { "" } else { "/" };
            exclude(&context.repository.common_dir, &format!("/{line}{slash}"))?;
        }
    }
    let mut aside = Aside::of(context, &landed);
    if let (None, Some(remote), Some(other)) =
        (&context.settings.remote, context.channel.remote(), ledger.seen_elsewhere()?)
    {
        aside.notes.push(format!(
            "the remote {other} has coordination branches, too; this clone uses those of {remote} (git config aitask.remote \
             {other} changes that)"
        ));
    }
    if !unlocked.is_empty() {
        aside.notes.push(format!(
            "these say {} and have no lock: {}; whoever works on one should run git aitask init where it was picked, or pick \
             it again, before anybody takes it",
            Status::Implementing,
            unlocked.join(", ")
        ));
    }
    let (mut made, found) = landed.value;
    made.extend(attached.then(|| format!("worktree {}", paths::DATA_WORKTREE_DIR)));
    let remote = context.channel.remote().map(ToString::to_string);
    Ok(Initialised { remote, data: data.to_string(), made, found, aside })
}
