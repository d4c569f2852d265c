//! Where the work of a task ended that was merged, and whose branch is gone: for a task that is opened again.

use crate::error::Result;
use crate::git::{Branch, Oid};
use crate::ledger::View;
use crate::ledger::plan::{nonce_of, trailer};
use crate::project::context::Context;
use crate::task::{BRANCH_PREFIX, TaskName, TaskPath, paths};
use crate::worktrees::branches::tips;

/// The last commit of a task branch that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormerWork {
    /// The commit.
    pub(crate) tip: Oid,
    /// The branch that has the work.
    pub(crate) into: Branch,
}

impl FormerWork {
    /// Looks for it in these branches, as they are published: the merge of the same transaction that put the task's file at
    /// `archived`, where that ended this task and not a child of it; else a merge that names the branch, as a server makes it
    /// for a pull request. Where none of them has it, the merge of that transaction in any other branch that this clone knows.
    /// After a squash or a fast-forward nothing tells every clone where the branch ended. One process for each of them, and
    /// two more.
    pub(crate) fn find(
        context: &Context,
        view: &View<'_>,
        [data, branch]: [&Branch; 2],
        archived: &str,
        outputs: &[Branch],
    ) -> Result<Option<Self>> {
        let repository = &context.repository;
        let archiving = match view.base(data) {
            Some(tip) => {
                let call = repository.read("log").args(["-1", "--diff-filter=AR", "--format=%B", tip.as_str()]);
                call.args(["--", archived]).run()?.text()
            }
            None => String::new(),
        };
        let mark = nonce_of(&archiving).filter(|_| is_archiving_of(&archiving, branch)).map(trailer);
        let mut named = None;
        for into in outputs {
            let output = match view.base(into) {
                Some(output) => Some(output.clone()),
                None => tips(context, into).map(|known| known.tracking.or(known.local))?,
            };
            let Some(output) = output else { continue };
            for merge in merges(context, &output, branch, mark.as_deref())? {
                let found = |tip| Self { tip, into: into.clone() };
                if mark.as_ref().is_some_and(|mark| merge.message.lines().any(|line| line == mark)) {
                    return Ok(Some(found(merge.second)));
                }
                if named.is_none() && is_merge_of(&merge.message, branch) {
                    named = Some(found(merge.second));
                }
            }
        }
        match (named, mark) {
            (None, Some(mark)) => merged_elsewhere(context, &mark),
            (named, _) => Ok(named),
        }
    }
}

/// Whether a task that is active was archived before, as far as this clone has the history. One process.
pub(crate) fn was_archived(context: &Context, view: &View<'_>, data: &Branch, path: &TaskPath) -> Result<bool> {
    let Some(tip) = view.base(data) else { return Ok(false) };
    let in_archive = path.as_str().replacen(paths::TASKS_DIR, paths::ARCHIVED_TASKS_DIR, 1);
    let call = context.repository.read("log").args(["-1", "--diff-filter=AR", "--format=%H", tip.as_str(), "--"]);
    Ok(!call.arg(in_archive).run()?.stdout.is_empty())
}

/// The merge with this line in any other branch that this clone knows to be published. One process.
fn merged_elsewhere(context: &Context, mark: &str) -> Result<Option<FormerWork>> {
    let below = context.channel.remote().map_or("refs/heads/".to_owned(), |remote| format!("refs/remotes/{remote}/"));
    // A task branch that the output was merged into has the merge, too.
    let others = [BRANCH_PREFIX, "HEAD"].map(|name| format!("--exclude={below}{name}*"));
    let call = context.repository.read("log").args(["-1", "--merges", "--fixed-strings", "--format=%P%x1f%S"]);
    let call = call.arg(format!("--grep={mark}")).args(others.each_ref().map(String::as_str));
    let text = call.arg(format!("--glob={below}*")).run()?.text();
    Ok(text.trim_end().split_once('\u{1f}').and_then(|(parents, source)| {
        let tip = Oid::parse(parents.split(' ').nth(1)?)?;
        Some(FormerWork { tip, into: Branch::parse(source.strip_prefix(&below)?).ok()? })
    }))
}

/// A merge.
struct FoundMerge {
    second: Oid,
    message: String,
}

/// The merges on the first-parent history of `output`, newest first, whose messages have the name of the branch or this
/// line. One process.
fn merges(context: &Context, output: &Oid, branch: &Branch, mark: Option<&str>) -> Result<Vec<FoundMerge>> {
    let call = context.repository.read("log").args(["-z", "--first-parent", "--merges", "--fixed-strings"]);
    let texts = std::iter::once(branch.as_str()).chain(mark).map(|text| format!("--grep={text}"));
    let call = call.args(texts).args(["--encoding=UTF-8", "--format=%P%x1f%B", output.as_str(), "--"]);
    let text = call.run()?.text();
    let found = text.split('\0').filter_map(|record| {
        let (parents, message) = record.trim_start_matches('\n').split_once('\u{1f}')?;
        let second = Oid::parse(parents.split(' ').nth(1)?)?;
        Some(FoundMerge { second, message: message.to_owned() })
    });
    Ok(found.collect())
}

/// Whether a transaction archived the task of this branch by itself. A parent is archived with its last child, and the merge
/// is then that of the child; the message of a merge may be the user's own, so that only the archiving tells.
fn is_archiving_of(message: &str, branch: &Branch) -> bool {
    let id = TaskName::from_branch(branch.as_str()).map(|name| name.id().prefixed());
    let ended = message.strip_prefix("ait: Archive completed ").and_then(|rest| rest.split_whitespace().next());
    id.is_some() && ended == id.as_deref()
}

/// Whether the subject of a merge names exactly this branch: not one that reverts it, whose name has it at the end.
fn is_merge_of(message: &str, branch: &Branch) -> bool {
    let subject = message.lines().next().unwrap_or_default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    subject.match_indices(branch.as_str()).any(|(at, name)| {
        let (before, after) =
            (subject.get(..at).unwrap_or_default(), subject.get(at + name.len()..).unwrap_or_default());
        !before.ends_with(is_part) && !after.starts_with(|c: char| is_part(c) || c == '/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_archives_a_parent_with_its_last_child_is_the_end_of_the_child() {
        let message = "ait: Archive completed t1_2 and parent t1 task and plan files\n\nAitask-Nonce: x\n";
        for (name, is) in [("aitask/t1_2_x", true), ("aitask/t1_x", false), ("aitask/t1_21_x", false)] {
            assert_eq!(is_archiving_of(message, &Branch::parse(name).unwrap()), is, "{name}");
        }
        let alone = "ait: Archive completed t1 task and plan files\n";
        assert!(is_archiving_of(alone, &Branch::parse("aitask/t1_x").unwrap()));
    }

    #[test]
    fn a_merge_of_the_branch_is_told_from_one_that_takes_it_back() {
        let branch = Branch::parse("aitask/t1_x").unwrap();
        for (subject, is) in [
            ("Merge branch 'aitask/t1_x' into main", true),
            ("Merge pull request #3 from ann/aitask/t1_x", true),
            ("Merge branch 'aitask/t1_x'", true),
            ("Merge pull request #4 from ann/revert-3-aitask/t1_x", false),
            ("Merge branch 'aitask/t1_x_more'", false),
            ("Merge branch 'aitask/t1_x/part'", false),
            ("Merge branch 'topic'\n\nwith aitask/t1_x", false),
        ] {
            assert_eq!(is_merge_of(subject, &branch), is, "{subject}");
        }
    }
}
