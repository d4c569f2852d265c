//! Where the work of a task ended that was merged, and whose branch is gone: for a task that is opened again.

use crate::error::Result;
use crate::git::{Branch, Oid, RefName, refs};
use crate::ledger::View;
use crate::ledger::plan::{nonce_of, trailer};
use crate::project::context::Context;
use crate::task::BRANCH_PREFIX;
use crate::worktrees::branches::tips;
use serde::Serialize;

/// What tells where the branch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkSource {
    /// The merge of the branch.
    Merge,
    /// The ref under which this clone keeps the commits of a squashed branch.
    Squash,
}

/// The last commit of a task branch that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormerWork {
    /// The commit.
    pub(crate) tip: Oid,
    /// What tells it.
    pub(crate) source: WorkSource,
    /// The branch that has the work.
    pub(crate) into: Branch,
}

impl FormerWork {
    /// Looks for it in these branches, as they are published: the merge of the same transaction that put the task's file at
    /// `archived`; else what was squashed in this clone; else a merge that names the branch, as a server makes it for a pull
    /// request. After a fast-forward nothing tells where the branch ended. One process for each of them, and two more.
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
        let mark = nonce_of(&archiving).map(trailer);
        let mut named = None;
        for into in outputs {
            let output = match view.base(into) {
                Some(output) => Some(output.clone()),
                None => tips(context, into).map(|known| known.tracking.or(known.local))?,
            };
            let Some(output) = output else { continue };
            for merge in merges(context, &output, branch, mark.as_deref())? {
                let found = |tip| Self { tip, source: WorkSource::Merge, into: into.clone() };
                if mark.as_ref().is_some_and(|mark| merge.message.lines().any(|line| line == mark)) {
                    return Ok(Some(found(merge.second)));
                }
                if named.is_none() && is_merge_of(&merge.message, branch) {
                    named = Some(found(merge.second));
                }
            }
        }
        let stem = branch.as_str().strip_prefix(BRANCH_PREFIX).unwrap_or(branch.as_str());
        let kept = RefName::parse(&format!("refs/aitask/squashed/{stem}"));
        let squashed = kept.map(|name| refs::load(repository, &[name])).transpose()?;
        let squashed = squashed.and_then(|found| found.into_values().next()).zip(outputs.first().cloned());
        Ok(squashed.map(|(tip, into)| Self { tip, source: WorkSource::Squash, into }).or(named))
    }
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
