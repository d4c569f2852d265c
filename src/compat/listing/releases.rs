//! The tasks that the commits since a release name, with their plans and notes.

use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::error::{Error, Kind, Result};
use crate::project::context::Context;
use crate::task::{Document, TaskId, bundle};
use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;

/// The heading of the section of a plan that describes what was done.
const NOTES: &str = "## Final Implementation Notes";

/// The commits since a tag.
#[derive(Debug, Clone)]
pub(crate) struct CommitsSinceTag {
    /// The tag.
    pub(crate) base: String,
    /// Their lines, newest first.
    pub(crate) lines: Vec<String>,
    /// Whether the tag is known.
    pub(crate) is_known: bool,
}

/// A task that a commit names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangelogEntry {
    /// Its id, as the commits write it.
    pub(crate) id: String,
    /// Its issue type.
    pub(crate) issue_type: String,
    /// Its title, from the name of its file.
    pub(crate) title: String,
    /// The path of its plan.
    pub(crate) plan: Option<String>,
    /// The lines of its plan that describe what was done.
    pub(crate) notes: Vec<String>,
    /// The lines of its commits.
    pub(crate) commits: Vec<String>,
}

/// Reads the commits since `tag`, else since the newest release tag.
///
/// # Errors
/// [`Kind::Usage`] when there is no release tag.
pub(crate) fn load_commits(context: &Context, dir: &Path, tag: Option<&str>) -> Result<CommitsSinceTag> {
    let git = context.repository.git();
    let base = if let Some(tag) = tag {
        tag.to_owned()
    } else {
        let tags = git.read(dir, "tag").args(["--list", "--no-column", "v*", "--sort=-v:refname"]).run()?.text();
        let none = || Error::new(Kind::Usage, "No release tags found. Cannot determine base for changelog.");
        tags.lines().next().ok_or_else(none)?.to_owned()
    };
    let range = format!("{base}..HEAD");
    let output =
        git.read(dir, "log").args(["--oneline", "--no-decorate", "--end-of-options", &range, "--"]).output()?;
    let lines = output.text().lines().map(str::to_owned).collect();
    Ok(CommitsSinceTag { base, lines, is_known: output.success() })
}

/// The tasks that the commits name, by id.
///
/// # Errors
/// When a bundle cannot be read.
pub(crate) fn entries(checkout: &TaskFolders, commits: &CommitsSinceTag) -> Result<Vec<ChangelogEntry>> {
    let pattern = Regex::new(r"\(t([0-9]+(?:_[0-9]+)?)\)").map_err(|error| Error::new(Kind::Bug, error.to_string()))?;
    let named = commits.lines.iter().flat_map(|line| pattern.captures_iter(line)).map(|found| found[1].to_owned());
    let ids: BTreeSet<_> = named.filter_map(|id| Some((TaskId::try_parse(&id)?, id))).collect();
    ids.into_iter().map(|(_, id)| entry(checkout, commits, id)).collect()
}

fn entry(checkout: &TaskFolders, commits: &CommitsSinceTag, id: String) -> Result<ChangelogEntry> {
    let task = find('t', &checkout.tasks, &checkout.archived, &id)?;
    let plan = find('p', &checkout.plans, &checkout.archived_plans, &id)?;
    let document = Document::parse(task.as_ref().map_or(&[], |(_, bytes)| bytes));
    let issue_type = document.scalar("issue_type").filter(|text| !text.is_empty()).unwrap_or("feature").to_owned();
    let title = task.as_ref().and_then(|(path, _)| {
        let name = path.rsplit('/').next()?.strip_prefix(&format!("t{id}_"))?.strip_suffix(".md")?;
        Some(name.replace('_', " "))
    });
    let text = plan.as_ref().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let mark = format!("(t{id})");
    Ok(ChangelogEntry {
        issue_type,
        title: title.unwrap_or_else(|| format!("t{id}")),
        plan: plan.map(|(path, _)| path),
        notes: notes(&text),
        commits: commits.lines.iter().filter(|line| line.contains(&mark)).cloned().collect(),
        id,
    })
}

/// The path and content of a file by its id: active, archived, or in a bundle, whose path then precedes the member's
/// name.
fn find(letter: char, active: &TaskFolder, archived: &TaskFolder, id: &str) -> Result<Option<(String, Vec<u8>)>> {
    for folder in [active, archived] {
        if let Some(shown) = folder.files_of(letter, id).into_iter().next() {
            let bytes = folder.tree().read(folder.path_of_shown(&shown))?;
            return Ok(Some((shown, bytes)));
        }
    }
    for name in bundle::names_for(id) {
        let Ok(bytes) = archived.read(&name) else { continue };
        let shown = archived.shown(&name);
        if let Some(member) = bundle::find(&shown, &bytes, letter, id)? {
            return Ok(Some((format!("{shown}:{}", member.name), member.content)));
        }
    }
    Ok(None)
}

/// The lines below the heading up to the next heading of its level, without leading and trailing blank lines.
fn notes(plan: &str) -> Vec<String> {
    let below = plan.lines().skip_while(|line| line.trim_end() != NOTES).skip(1);
    let lines: Vec<_> = below.take_while(|line| !line.starts_with("## ")).collect();
    let is_blank = |line: &&&str| line.trim().is_empty();
    let start = lines.iter().take_while(is_blank).count();
    let end = lines.len() - lines.iter().rev().take_while(is_blank).count();
    lines.get(start..end.max(start)).unwrap_or_default().iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_of_a_plan() {
        let plan = "# Plan\n\n## Final Implementation Notes\n\n- one\n\n### more\n- two\n\n\n## Next\nno\n";
        assert_eq!(notes(plan), ["- one", "", "### more", "- two"]);
        assert!(notes("# Plan\n").is_empty() && notes("## Final Implementation Notes\n\n\n").is_empty());
    }
}
