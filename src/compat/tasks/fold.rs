//! Pending tasks about the same files: found, and folded into a new one (specification 20, sections 6.8 and 9).

use crate::compat::folders::{Checkout, Folder};
use crate::compat::task_files::{Project, all_active};
use crate::error::Result;
use crate::project::context::Context;
use crate::task::{Document, Status, TaskId, fields};

const KEY: &str = "file_references";

/// A pending task that refers to one of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: TaskId,
    /// Its file.
    pub path: String,
    /// The file it refers to.
    pub about: String,
}

/// The pending tasks that refer to one of these files: status `Ready` or `Editing`, top-level ones first.
#[must_use]
pub fn pending(tasks: &Folder, wanted: &[&str]) -> Vec<Pending> {
    let found = all_active(tasks).into_iter().filter_map(|(id, path)| {
        let bytes = tasks.tree().read(tasks.path_of_shown(&path)).ok()?;
        // Most tasks refer to no file; they need not be understood.
        if !bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()) {
            return None;
        }
        let document = Document::parse(&bytes);
        let status = document.scalar("status").map(Status::parse)?;
        if !matches!(status, Status::Ready | Status::Editing) {
            return None;
        }
        let references = document.list(KEY);
        let about = references.iter().map(|item| fields::referenced_path(item)).find(|path| wanted.contains(path))?;
        Some(Pending { id, path, about: about.to_owned() })
    });
    found.collect()
}

/// The pending tasks, other than this one, about the files it refers to.
#[must_use]
pub fn overlapping(checkout: &Project<'_>, id: TaskId, document: &Document) -> Vec<Pending> {
    let references = document.list(KEY);
    if references.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<_> = references.iter().map(|item| fields::referenced_path(item)).collect();
    let mut found = pending(&Checkout::new(&checkout.root).tasks, &wanted);
    found.retain(|pending| pending.id != id);
    found
}

/// Why a task cannot be folded into another.
#[must_use]
pub fn refusal(checkout: &Project<'_>, pending: &Pending, into: TaskId) -> Option<&'static str> {
    let document = checkout.read(&pending.path).map(|bytes| Document::parse(&bytes)).ok()?;
    if !document.list_last("children_to_implement").is_empty() {
        return Some("it has children");
    }
    (into.parent() == Some(pending.id)).then_some("it is the parent")
}

/// Folds tasks into the one at `path`: their texts go below its own, they become `Folded`, all in one commit. What git
/// said of it.
pub fn fold(checkout: &Project<'_>, id: TaskId, path: &str, others: &[Pending]) -> Result<Vec<u8>> {
    let _queue = checkout.hold()?;
    let now = Context::now();
    let mut texts = Vec::new();
    let mut named = vec![path.to_owned()];
    for other in others {
        let body = Document::parse(&checkout.read(&other.path)?).body().to_vec();
        let stem = other.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
        let name = stem.strip_prefix(&format!("t{}_", other.id)).unwrap_or(stem).replace('_', " ");
        texts.extend(format!("\n\n## Merged from t{}: {name}\n\n", other.id).into_bytes());
        texts.extend(body);
        named.push(other.path.clone());
    }
    // The texts are in one place before they leave the other.
    checkout.rewrite(path, |mut document| {
        let mut folded = document.list_last("folded_tasks");
        folded.extend(others.iter().map(|other| other.id.in_list()));
        document.set_list("folded_tasks", &folded)?;
        let body = [document.body(), &texts].concat();
        document.set_body(&body);
        Ok((Some(document.canonical(&now)?), ()))
    })?;
    for other in others {
        checkout.rewrite(&other.path, |mut document| {
            document.set("status", Status::Folded.as_str())?;
            document.set("folded_into", &id.to_string())?;
            Ok((Some(document.canonical(&now)?), ()))
        })?;
    }
    let ids: Vec<_> = others.iter().map(|other| other.id.t()).collect();
    let subject = format!("ait: Fold {} into t{id}", ids.join(", "));
    Ok(checkout.commit(&subject, &named, &[])?.unwrap_or_default())
}
