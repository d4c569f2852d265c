//! The user's rules on the merge commit. What they made of it is kept for all attempts of one finish: a hook sees the
//! message once, and nobody is asked for a passphrase twice for the same commit.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::{Branch, Oid, commit_rules, worktree};
use crate::ledger::Plan;
use crate::ledger::plan::marked;
use crate::project::Context;
use crate::task::TaskId;
use crate::worktrees::task_worktree::TaskWorktree;

/// What the rules made of the merge commit.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitRules {
    /// The message before and after the hooks.
    message: Option<(String, String)>,
    /// The commit that was signed last.
    signed: Option<SignedMerge>,
}

/// A signed commit, and what it was made of.
#[derive(Debug, Clone)]
struct SignedMerge {
    parents: Vec<Oid>,
    tree: Oid,
    message: String,
    commit: Oid,
}

impl CommitRules {
    /// Whether the user has any.
    pub(super) fn has_any(context: &Context) -> Result<bool> {
        let repository = &context.repository;
        Ok(commit_rules::signs(repository) || !commit_rules::message_hooks(repository, &repository.root)?.is_empty())
    }

    /// Whether this error is the answer of a rule, which would answer the same again.
    pub(super) fn refused(error: &Error) -> bool {
        let by_hook = |payload: &Payload| matches!(payload, Payload::Hook { .. });
        error.kind() == Kind::SigningFailed || error.payloads().iter().any(by_hook)
    }

    /// Applies the rules to the commit of a plan that merges into `into`, whose tip is `output`; `nonce` marks it.
    ///
    /// # Errors
    /// [`Kind::Denied`] by a hook, [`Kind::SigningFailed`].
    pub(super) fn apply(
        &mut self,
        context: &Context,
        place: &TaskWorktree,
        task: TaskId,
        plan: &mut Plan,
        (into, output, nonce): (&Branch, &Oid, &str),
    ) -> Result<()> {
        let repository = &context.repository;
        let Some(step) = plan.merge_into(into) else { return Ok(()) };
        let given = step.subject.clone();
        match &self.message {
            Some((before, after)) if *before == given => step.subject.clone_from(after),
            _ => {
                let record = place.record.as_ref().filter(|record| !worktree::is_gone(record));
                let dir = record.map_or(&repository.root, |record| &record.path);
                let hooks = commit_rules::message_hooks(repository, dir)?;
                if !hooks.is_empty() {
                    let source = if step.merge.is_some() { "merge" } else { "squash" };
                    let said = commit_rules::through_hooks(repository, &hooks, dir, &given, source);
                    step.subject = said.map_err(|error| {
                        let other = command!["git aitask finish", task, "-m <message>"].note("with another message");
                        error.append("; nothing was published").hint(other)
                    })?;
                }
                self.message = Some((given, step.subject.clone()));
            }
        }
        if !commit_rules::signs(repository) {
            return Ok(());
        }
        let (merged, tree) = match (&step.merge, &step.tree) {
            (Some((merged, tree)), _) => (Some(merged), tree),
            (None, Some(tree)) => (None, tree),
            (None, None) => return Ok(()),
        };
        let parents: Vec<_> = std::iter::once(output).chain(merged).cloned().collect();
        let (tree, message) = (tree.clone(), marked(&step.subject, nonce));
        let is_it = |made: &SignedMerge| (&made.parents, &made.tree, &made.message) == (&parents, &tree, &message);
        let made = if let Some(made) = self.signed.take().filter(is_it) {
            made
        } else {
            let commit = commit_rules::sign(repository, &parents, &tree, &message);
            let commit = commit.map_err(|error| error.append("; nothing was published"))?;
            SignedMerge { parents, tree, message, commit }
        };
        plan.replace_merge(into, made.commit.clone());
        self.signed = Some(made);
        Ok(())
    }
}
