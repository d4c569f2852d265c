//! Folding tasks into a new one: it gets their texts, and each of them names it. A task that is folded already and was
//! folded into one of them names the new task, too, since archiving that one deletes what it lists and nothing else.

use crate::error::Result;
use crate::git::objects::Edit;
use crate::ops::data_location::LoadedFile;
use crate::project::task_files::{FilesAsRead, TaskFiles};
use crate::task::{Document, Status, TaskId, TaskPath};
use std::collections::VecDeque;

const KEY: &str = "folded_tasks";

/// Begins the list at the end of the text.
const HEADING: &[u8] = b"\n\n## Folded tasks\n\n";

/// A task to fold, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct FoldedFile {
    /// The task.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) file: LoadedFile,
    /// Whether its text comes with it. The text of a task that was folded before stands in the text of another one.
    pub(crate) has_text: bool,
}

/// Whether nobody has begun with a task, so that it can be folded.
pub(crate) fn is_pending(document: &Document) -> bool {
    matches!(document.scalar("status").map(Status::parse), Some(Status::Ready | Status::Editing))
}

/// The ids of the tasks that were folded into the one in this file.
pub(crate) fn folded_ids(document: &Document) -> Vec<TaskId> {
    document.list_last(KEY).iter().filter_map(|item| TaskId::try_parse(item)).collect()
}

/// Loads the tasks to fold into the one in `into`, and after them those that were folded into one of them. A task that
/// somebody has begun with meanwhile is left out.
pub(super) fn load(
    files: &TaskFiles<'_>,
    snapshot: &mut FilesAsRead<'_>,
    wanted: &[TaskId],
    into: &Document,
) -> Result<Vec<FoldedFile>> {
    let listed = folded_ids(into);
    let mut found: Vec<FoldedFile> = Vec::new();
    let mut waiting: VecDeque<TaskId> = wanted.iter().copied().collect();
    while let Some(id) = waiting.pop_front() {
        if found.iter().any(|other| other.id == id) {
            continue;
        }
        let Some(file) = LoadedFile::here(files, snapshot, &id.to_string())? else { continue };
        // A task that is wanted and listed was folded by a run that was interrupted before its commit.
        let (is_wanted, is_listed) = (wanted.contains(&id), listed.contains(&id));
        let is_folded = file.document.scalar("status") == Some(Status::Folded.as_str());
        if is_wanted && is_pending(&file.document) || is_folded && (is_listed || !is_wanted) {
            waiting.extend(folded_ids(&file.document));
            found.push(FoldedFile { id, file, has_text: is_wanted && !is_listed });
        }
    }
    Ok(found)
}

/// Folds tasks into the task `id`, whose file is `document`; returns the edits of their files.
pub(super) fn fold(document: &mut Document, id: TaskId, others: Vec<FoldedFile>, now: &str) -> Result<Vec<Edit>> {
    let (mut listed, mut text) = (document.list_last(KEY), without_list(document.body()).to_vec());
    let known = listed.len();
    // A task that waits for one that is folded into it would wait for ever.
    let is_folded = |item: &String| TaskId::try_parse(item).is_some_and(|id| others.iter().any(|other| other.id == id));
    let (gone, depends): (Vec<_>, Vec<_>) = document.list("depends").into_iter().partition(is_folded);
    if !gone.is_empty() {
        document.set_list("depends", &depends)?;
    }
    let (mut list, mut edits) = (Vec::new(), Vec::new());
    for FoldedFile { id: other, file: LoadedFile { path, document: mut file }, has_text } in others {
        if has_text {
            text.extend(format!("\n\n## Merged from {}: {}\n\n", other.prefixed(), title(&path)).into_bytes());
            text.extend(without_list(file.body()));
        }
        if !listed.contains(&other.in_list()) {
            listed.push(other.in_list());
        }
        list.extend(format!("- {}: {path}\n", other.prefixed()).into_bytes());
        file.set("status", Status::Folded.as_str())?;
        file.set("folded_into", &id.to_string())?;
        edits.push(Edit::Put { path, content: file.canonical(now)?.to_bytes() });
    }
    if listed.len() > known {
        document.set_list(KEY, &listed)?;
        document.set_body(&[&text, HEADING, &list].concat());
    }
    Ok(edits)
}

/// The name of a task for people.
fn title(path: &str) -> String {
    TaskPath::parse(path).map_or_else(|| path.to_owned(), |path| path.name().slug().humanised())
}

/// A text without the list at its end, which gives way to that of the new task.
fn without_list(text: &[u8]) -> &[u8] {
    let at = text.windows(HEADING.len()).rposition(|window| window == HEADING);
    let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at + HEADING.len()..)?)));
    let is_list = |rest: &[u8]| rest.trim_ascii_end().split(|byte| *byte == b'\n').all(|line| line.starts_with(b"- t"));
    parts.filter(|(_, rest)| is_list(rest)).map_or(text, |(text, _)| text).trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, more: &str, text: &str, has_text: bool) -> FoldedFile {
        let document = Document::parse(format!("---\nstatus: Ready\n{more}---\n\n{text}\n").as_bytes());
        let id = TaskId::try_parse(id).unwrap();
        FoldedFile { id, file: LoadedFile { path: format!("aitasks/t{id}_the_{id}.md"), document }, has_text }
    }

    /// What `into` is with the others folded into it as task 9.
    fn folded(into: FoldedFile, others: Vec<FoldedFile>) -> Document {
        let mut document = into.file.document;
        fold(&mut document, TaskId::top(9), others, "now").unwrap();
        document
    }

    #[test]
    fn what_was_folded_before_is_listed_and_its_text_comes_once() {
        let two = folded(file("2", "", "two", true), vec![file("1", "", "one", true)]);
        assert_eq!(two.list("folded_tasks"), ["1"]);
        let text = "two\n\n## Merged from t1: the 1\n\none\n\n## Folded tasks\n\n- t1: aitasks/t1_the_1.md";
        assert_eq!(String::from_utf8_lossy(two.body()), text);
        let mut second = file("2", "", "", true);
        second.file.document = two;
        let three = folded(file("3", "", "three", true), vec![second, file("1", "", "one", false)]);
        assert_eq!(three.list("folded_tasks"), ["2", "1"]);
        let text = "three\n\n## Merged from t2: the 2\n\ntwo\n\n## Merged from t1: the 1\n\none\n\n## Folded tasks\n\n\
                    - t2: aitasks/t2_the_2.md\n- t1: aitasks/t1_the_1.md";
        assert_eq!(String::from_utf8_lossy(three.body()), text);
    }

    #[test]
    fn a_task_does_not_wait_for_what_is_folded_into_it() {
        let into = file("2", "depends: [t1, 4, 7_1]\n", "two", true);
        let others = vec![file("1", "", "one", true), file("7_1", "", "", false)];
        assert_eq!(folded(into, others).list("depends"), ["4"]);
    }

    #[test]
    fn a_section_of_that_name_that_is_no_list_stays() {
        let own = "two\n\n## Folded tasks\n\nsee there\n- t4: x";
        let text = folded(file("2", "", own, true), vec![file("1", "", "one", true)]);
        assert!(text.body().starts_with(own.as_bytes()), "{text:?}");
    }

    #[test]
    fn a_fold_that_was_interrupted_adds_no_text_again() {
        let into = || file("2", "folded_tasks: [1]\n", "two", true);
        let again = folded(into(), vec![file("1", "", "one", false)]);
        assert_eq!(again.to_bytes(), into().file.document.to_bytes());
    }
}
