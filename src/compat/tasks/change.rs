//! Changing a task of this checkout, as the scripts do: the file here, a commit here if asked, and nothing pushed
//! (specification 20, section 7).

use crate::compat::task_files::Project;
use crate::error::{Error, Kind, Result};
use crate::project::context::Context;
use crate::task::change::{self, Change};
use crate::task::{Document, Slug, TaskId, edits, overlay, paths};

/// What is to change.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The fields and the text.
    pub changes: Vec<Change>,
    /// What somebody made of the file in an editor: as it was, and as it is to be.
    pub edited: Option<(Document, Document)>,
    /// A new name.
    pub name: Option<String>,
    /// Labels that were named, to join the vocabulary.
    pub labels: Vec<String>,
    /// Whether to commit.
    pub commit: bool,
}

/// What became of the parent of a child that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// It waits for these.
    Waits(TaskId, Vec<String>),
    /// It waits for nobody any more.
    Free(TaskId),
    /// There is no such task.
    Gone(TaskId),
}

/// A task that was changed.
#[derive(Debug, Clone)]
pub struct Updated {
    /// Its file.
    pub path: String,
    /// What git said of the commit; empty when there was none.
    pub said: Vec<u8>,
    /// Labels that joined the vocabulary.
    pub labels: Vec<String>,
    /// What became of its parent.
    pub parent: Option<Parent>,
}

/// The active file of a task, by the number as it was written.
///
/// # Errors
/// [`Kind::NoSuchTask`] for none, [`Kind::NotClaimable`] for several.
pub fn find(checkout: &Project<'_>, id: &str) -> Result<String> {
    let mut found = checkout.active(id);
    match (found.len(), id.contains('_')) {
        (1, _) => Ok(found.remove(0)),
        (0, true) => Err(Error::new(Kind::NoSuchTask, format!("No child task file found for t{id}"))),
        (0, false) => Err(Error::new(Kind::NoSuchTask, format!("No task file found for task number {id}"))),
        _ => Err(Error::new(
            Kind::NotClaimable,
            format!("Multiple task files found for task {id}. {}", found.join(", ")),
        )),
    }
}

/// Changes a task: on its newest content, and all or nothing.
///
/// # Errors
/// Those of [`find`] and of [`change::check`]; the file is then as it was.
pub fn update(checkout: &Project<'_>, id: &str, update: &Update) -> Result<Updated> {
    if update.commit {
        checkout.require_committable()?;
    }
    let _queue = checkout.hold()?;
    let path = find(checkout, id)?;
    let target = update.name.as_deref().map(|name| renamed(checkout, &path, id, name)).transpose()?;
    let now = Context::now();
    let done = checkout.rewrite(&path, |mut document| {
        if let Some((base, edited)) = &update.edited {
            document = overlay::overlay(base, edited, &document)?;
        }
        change::apply(&mut document, &update.changes)?;
        change::check(&document)?;
        Ok((Some(document.canonical(&now)?), change::is_done(&document)))
    })?;
    let mut named = vec![path.clone()];
    if let Some(target) = target.clone().filter(|target| *target != path) {
        checkout.tree().rename(&path, &target)?;
        named.push(target);
    }
    let path = target.unwrap_or(path);
    let (parent, parent_file) = if done { leave_parent(checkout, id, &now)? } else { (None, None) };
    named.extend(parent_file);
    let labels = checkout.register_labels(&update.labels)?;
    let mut said = Vec::new();
    if update.commit {
        let along: Vec<_> = labels.first().map(|_| paths::LABELS_FILE.to_owned()).into_iter().collect();
        said = checkout.commit(&subject(id, &path), &named, &along)?.unwrap_or_default();
    }
    Ok(Updated { path, said, labels, parent })
}

/// The path a task gets with a new name, in the folder where it is.
fn renamed(checkout: &Project<'_>, path: &str, id: &str, name: &str) -> Result<String> {
    let invalid = || Error::new(Kind::Usage, "Invalid task name after sanitization");
    let slug = Slug::derive(name).ok_or_else(invalid)?;
    let folder = path.rsplit_once('/').map_or(paths::TASKS_DIR, |(folder, _)| folder);
    let target = format!("{folder}/t{id}_{slug}.md");
    if target != path && checkout.tree().is_there(&target) {
        return Err(Error::new(Kind::Occupied, format!("{target} exists already")));
    }
    Ok(target)
}

/// A child that is done leaves its parent's list (U-Q12: the parent is written only when that changes it).
fn leave_parent(checkout: &Project<'_>, id: &str, now: &str) -> Result<(Option<Parent>, Option<String>)> {
    let Some(child) = TaskId::recognise(id) else { return Ok((None, None)) };
    let Some(parent) = child.parent() else { return Ok((None, None)) };
    let number = id.split_once('_').map_or(id, |(number, _)| number);
    let Some(file) = checkout.active(number).into_iter().next() else {
        return Ok((Some(Parent::Gone(parent)), None));
    };
    let (changed, rest) = checkout.rewrite(&file, |mut document| {
        let changed = edits::remove_child(&mut document, child, now)?;
        let document = document.canonical(now)?;
        let rest = document.list_last("children_to_implement");
        Ok((changed.then_some(document), (changed, rest)))
    })?;
    let state = if rest.is_empty() { Parent::Free(parent) } else { Parent::Waits(parent, rest) };
    Ok((Some(state), changed.then_some(file)))
}

/// The subject of the commit: the name without the id, and without one number at its beginning (section 7.7).
fn subject(id: &str, path: &str) -> String {
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".md");
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = stem.strip_prefix('t').unwrap_or(stem);
    let rest = rest.get(digits(rest)..).unwrap_or_default().trim_start_matches('_');
    let number = digits(rest);
    let name = match rest.get(number..).and_then(|tail| tail.strip_prefix('_')) {
        Some(tail) if number > 0 => tail,
        _ => rest,
    };
    format!("ait: Update task t{id}: {}", name.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        for (id, path, name) in [
            ("1", "aitasks/t1_first_thing.md", "first thing"),
            ("4_1", "aitasks/t4/t4_1_small_kid.md", "small kid"),
            ("73", "aitasks/t73_2024_report.md", "report"),
            ("7", "aitasks/t7_5.md", "5"),
        ] {
            assert_eq!(subject(id, path), format!("ait: Update task t{id}: {name}"));
        }
    }
}
