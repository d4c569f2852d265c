//! The words that a project knows: its issue types and labels.

use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ledger::View;
use crate::project::context::Context;
use crate::task::sheet::Words;
use crate::task::{fields, labels, paths};

pub(crate) fn clean_labels(typed: &[String]) -> (Vec<String>, Vec<String>) {
    let sanitised = labels::sanitise_list(&typed.join(","));
    (sanitised.labels, sanitised.dropped)
}

/// The issue types of the project, sorted (specification 20, section 3.3).
pub(crate) fn issue_types(view: &View<'_>, data: &crate::git::Branch) -> Result<Vec<String>> {
    let file = view.document(data, paths::TASK_TYPES_FILE)?.unwrap_or_default();
    let mut known = fields::issue_types(&String::from_utf8_lossy(&file));
    known.sort_unstable();
    Ok(known)
}

/// An issue type of the project's vocabulary.
pub(crate) fn issue_type(view: &View<'_>, data: &crate::git::Branch, wanted: Option<&str>) -> Result<String> {
    let Some(wanted) = wanted else { return Ok("feature".to_owned()) };
    let known = issue_types(view, data)?;
    if known.iter().any(|known| known == wanted) {
        return Ok(wanted.to_owned());
    }
    Err(Error::new(Kind::Usage, format!("{wanted:?} is no issue type of this project"))
        .advice(format!("use one of: {}", known.join(", "))))
}

/// The vocabulary with the labels it lacks (specification 20, section 8.2).
pub(crate) fn vocabulary(view: &View<'_>, data: &crate::git::Branch, typed: &[String]) -> Result<Option<Edit>> {
    let (labels, _) = clean_labels(typed);
    if labels.is_empty() {
        return Ok(None);
    }
    let file = view.document(data, paths::LABELS_FILE)?.unwrap_or_default();
    let text = labels::add_to_vocabulary(&String::from_utf8_lossy(&file), &labels);
    Ok(text.map(|text| Edit::Put { path: paths::LABELS_FILE.to_owned(), content: text.into_bytes() }))
}

/// The words of the project.
pub fn words(view: &View<'_>, context: &Context) -> Result<Words> {
    let data = context.data_branch()?;
    let labels = view.document(data, paths::LABELS_FILE)?.unwrap_or_default();
    let labels = String::from_utf8_lossy(&labels).into_owned();
    let labels = crate::task::labels::vocabulary(&labels).into_iter().map(str::to_owned).collect();
    Ok(Words { types: issue_types(view, data)?, labels })
}
