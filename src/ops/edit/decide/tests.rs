use super::*;
use crate::task::ActiveTasks;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const TASK: &str = "---\npriority: low\nissue_type: bug\nstatus: Ready\nlabels: [ui]\nX-Y: 'kept'\ncreated_at: c\nupdated_at: u\n---\n\n# first\n\ntext\n";
const PARENT: &str = "---\nstatus: Ready\nchildren_to_implement: [t1_1, t1_2]\nupdated_at: u\n---\n\np\n";
const HOMES: [DataLocation; 2] = [DataLocation::Published, DataLocation::Checkout];

fn file(path: &str, text: &str) -> LoadedFile {
    LoadedFile { path: path.to_owned(), document: Document::parse(text.as_bytes()) }
}

fn seen(id: &str, text: &str) -> EditView {
    let folder = id.split_once('_').map_or("aitasks".to_owned(), |(parent, _)| format!("aitasks/t{parent}"));
    EditView {
        id: id.to_owned(),
        task: file(&format!("{folder}/t{id}_first.md"), text),
        neighbours: vec![format!("t{id}_first.md"), format!("t{id}_taken.md")],
        parent: None,
        vocabulary: Vocabulary { types: vec!["bug".to_owned(), "feature".to_owned()], labels: "ui\n".to_owned() },
        not_holder: None,
        others: OtherTasks::default(),
    }
}

fn set(key: &'static str, value: &str) -> EditRequest {
    EditRequest { changes: vec![FieldChange::Set(key, value.to_owned())], ..EditRequest::default() }
}

fn put<'e>(edits: &'e [Edit], wanted: &str) -> Option<&'e str> {
    edits.iter().find_map(|edit| match edit {
        Edit::Put { path, content } if path == wanted => std::str::from_utf8(content).ok(),
        _ => None,
    })
}

#[test]
fn a_published_file_changes_in_its_lines_and_one_of_a_checkout_is_written_canonically() {
    let published = decide(DataLocation::Published, seen("1", TASK), &set("priority", "high"), "now").unwrap();
    let lines = TASK.replace("low", "high").replace("updated_at: u", "updated_at: now");
    assert_eq!(put(&published.edits, "aitasks/t1_first.md"), Some(lines.as_str()));
    let here = decide(DataLocation::Checkout, seen("1", TASK), &set("priority", "high"), "now").unwrap();
    let canonical =
        lines.replace("low\n", "high\n").replace("priority: high\n", "priority: high\neffort: medium\ndepends: []\n");
    assert_eq!(put(&here.edits, "aitasks/t1_first.md"), Some(canonical.as_str()));
    for changed in [published, here] {
        assert_eq!((changed.edits.len(), changed.subject.as_str()), (1, "ait: Update task t1: first"));
        assert!(!changed.changes_holder && changed.labels.is_empty() && changed.parent.is_none());
    }
}

#[test]
fn a_task_that_is_so_already_is_published_no_more_but_written_in_a_checkout() {
    for request in [EditRequest::default(), set("priority", "low"), set("status", "Ready")] {
        let published = decide(DataLocation::Published, seen("1", TASK), &request, "now").unwrap();
        assert!(published.edits.is_empty() && !published.changes_holder);
        assert_eq!(published.document.to_bytes(), TASK.as_bytes());
        assert_eq!(decide(DataLocation::Checkout, seen("1", TASK), &request, "now").unwrap().edits.len(), 1);
    }
}

#[test]
fn a_child_that_is_done_leaves_its_parent() {
    let done = set("status", "Done");
    let here = |seen: EditView, request: &EditRequest| decide(DataLocation::Checkout, seen, request, "now").unwrap();
    let parent = |text: &str| Some(file("aitasks/t1_p.md", text));
    let left = here(EditView { parent: parent(PARENT), ..seen("1_1", TASK) }, &done);
    assert_eq!(left.parent, Some(ParentState::Waits(TaskId::top(1), vec!["t1_2".to_owned()])));
    assert!(put(&left.edits, "aitasks/t1_p.md").unwrap().contains("children_to_implement: [t1_2]\n"));
    let last = PARENT.replace(", t1_2", "");
    let left = here(EditView { parent: parent(&last), ..seen("1_1", TASK) }, &done);
    assert_eq!(left.parent, Some(ParentState::Free(TaskId::top(1))));
    let left = here(seen("1_1", TASK), &done);
    assert_eq!((left.parent, left.edits.len()), (Some(ParentState::Gone(TaskId::top(1))), 1));
    // A task that was done before, and that its parent still lists.
    let was_done = EditView { parent: parent(PARENT), ..seen("1_1", &TASK.replace("Ready", "Done")) };
    assert!(here(was_done, &set("priority", "high")).parent.is_some());
    // One that the parent does not list changes nothing there.
    let other = EditView { parent: parent(&PARENT.replace("t1_1, ", "")), ..seen("1_1", TASK) };
    assert_eq!(here(other, &done).edits.len(), 1);
}

#[test]
fn an_edit_ends_no_published_task() {
    let published =
        |text: &str, request: &EditRequest| decide(DataLocation::Published, seen("1", text), request, "now");
    assert_eq!(published(TASK, &set("status", "Done")).unwrap_err().kind(), Kind::Usage);
    let [base, edited] = ["Ready", "Done"].map(|status| Document::parse(TASK.replace("Ready", status).as_bytes()));
    let in_editor = EditRequest { in_editor: Some(EditorEdit { base, edited }), ..EditRequest::default() };
    assert_eq!(published(TASK, &in_editor).unwrap_err().kind(), Kind::Usage);
    // One that was ended so before can be edited, and opened again.
    let done = TASK.replace("Ready", "Done");
    assert!(published(&done, &set("priority", "high")).is_ok() && published(&done, &set("status", "Ready")).is_ok());
}

#[test]
fn what_must_not_be_is_refused() {
    let wait = TASK.replace("labels: [ui]", "labels: [ui]\nchildren_to_implement: [t1_1]");
    for location in HOMES {
        let kind = |seen: EditView, request: &EditRequest| decide(location, seen, request, "now").unwrap_err().kind();
        let status = if location == DataLocation::Published { Kind::Usage } else { Kind::NotClaimable };
        assert_eq!(kind(seen("1", &wait), &set("status", "Done")), status);
        assert_eq!(kind(seen("1", TASK), &set("followup_kind", "manual_verification")), Kind::Usage);
        assert_eq!(kind(seen("1", TASK), &set("issue", "a\nstatus: Done")), Kind::Usage);
        let [base, edited] = ["low", "high"].map(|level| Document::parse(TASK.replace("low", level).as_bytes()));
        let in_editor = EditRequest { in_editor: Some(EditorEdit { base, edited }), ..EditRequest::default() };
        assert_eq!(kind(seen("1", &TASK.replace("low", "medium")), &in_editor), Kind::Conflict);
        let taken = EditRequest { name: Some(Slug::from_title("taken")), ..EditRequest::default() };
        assert_eq!(kind(seen("1", TASK), &taken), Kind::Occupied);
    }
    // The scripts have checked their values; what was wrong before stops no other change.
    let odd = set("issue_type", "odd");
    assert!(decide(DataLocation::Published, seen("1", TASK), &odd, "now").is_err());
    assert!(decide(DataLocation::Checkout, seen("1", TASK), &odd, "now").is_ok());
    assert!(
        decide(DataLocation::Published, seen("1", &TASK.replace("bug", "odd")), &set("effort", "low"), "now").is_ok()
    );
}

#[test]
fn only_its_holder_says_who_works_on_a_task() {
    let held = || EditView { not_holder: Some(Error::new(Kind::NotHolder, "held")), ..seen("1", TASK) };
    for key in OF_HOLDER {
        let request = set(key, "Editing");
        assert!(request.is_about_holder());
        assert_eq!(decide(DataLocation::Published, held(), &request, "now").unwrap_err().kind(), Kind::NotHolder);
        assert!(decide(DataLocation::Published, seen("1", TASK), &request, "now").unwrap().changes_holder);
    }
    assert!(!set("priority", "high").is_about_holder());
    assert!(decide(DataLocation::Published, held(), &set("priority", "high"), "now").is_ok());
    assert!(decide(DataLocation::Published, held(), &set("status", "Ready"), "now").unwrap().edits.is_empty());
}

#[test]
fn a_new_name_moves_the_file_and_a_new_heading_does_not() {
    let renamed = EditRequest { name: Some(Slug::from_title("Other Name")), ..EditRequest::default() };
    let changed = decide(DataLocation::Checkout, seen("1_2", TASK), &renamed, "now").unwrap();
    assert_eq!(
        (changed.path.as_str(), changed.subject.as_str()),
        ("aitasks/t1/t1_2_other_name.md", "ait: Update task t1_2: other name")
    );
    assert!(
        matches!(&changed.edits[1], Edit::Rename { from, to } if from.ends_with("first.md") && *to == changed.path)
    );
    let same = EditRequest { name: Some(Slug::from_title("first")), ..EditRequest::default() };
    assert_eq!(decide(DataLocation::Checkout, seen("1", TASK), &same, "now").unwrap().edits.len(), 1);
    let titled = EditRequest { title: Some(Title::parse("Second").unwrap()), ..EditRequest::default() };
    for location in HOMES {
        let changed = decide(location, seen("1", TASK), &titled, "now").unwrap();
        assert_eq!(changed.path, "aitasks/t1_first.md");
        assert!(changed.document.to_bytes().ends_with(b"---\n\n# Second\n\ntext\n"));
    }
}

#[test]
fn labels_join_the_vocabulary() {
    let labels = |way: fn(&'static str, Vec<String>) -> FieldChange, labels: &[&str]| EditRequest {
        changes: vec![way("labels", labels.iter().map(|label| (*label).to_owned()).collect())],
        ..EditRequest::default()
    };
    for location in HOMES {
        let changed = decide(location, seen("1", TASK), &labels(FieldChange::Add, &["ui", "new"]), "now").unwrap();
        assert_eq!(changed.labels, ["new"]);
        assert_eq!(put(&changed.edits, paths::LABELS_FILE), Some("new\nui\n"));
        let taken = decide(location, seen("1", TASK), &labels(FieldChange::Take, &["ui"]), "now").unwrap();
        assert!(taken.labels.is_empty() && taken.edits.len() == 1);
    }
    // The scripts register a label that is named again, too.
    let lost = |location| {
        let vocabulary = Vocabulary { labels: String::new(), ..seen("1", TASK).vocabulary };
        let request = EditRequest {
            changes: [labels(FieldChange::Add, &["ui"]).changes, set("effort", "low").changes].concat(),
            ..EditRequest::default()
        };
        decide(location, EditView { vocabulary, ..seen("1", TASK) }, &request, "now").unwrap().labels
    };
    assert_eq!((lost(DataLocation::Published), lost(DataLocation::Checkout)), (vec![], vec!["ui".to_owned()]));
}

#[test]
fn subjects() {
    for (path, published, here) in [
        ("aitasks/t1_first_thing.md", "first thing", "first thing"),
        ("aitasks/t4/t4_1_small_kid.md", "small kid", "small kid"),
        ("aitasks/t73_2024_report.md", "2024 report", "report"),
        ("aitasks/t7_5.md", "5", "5"),
    ] {
        assert_eq!(title_in_subject(DataLocation::Published, path), published);
        assert_eq!(title_in_subject(DataLocation::Checkout, path), here);
    }
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => "(status|priority|depends|labels|assigned_to|updated_at|custom|X-Y): {0,2}[ -~]{0,10}",
        2 => "status: (Ready|Done|Implementing)",
        2 => "(labels|children_to_implement): \\[[a-z0-9_, ]{0,10}\\]",
        1 => "  - [a-z]{0,4}",
        1 => "# [a-z]{0,4}",
    ];
    let lines = proptest::collection::vec(line, 0..8);
    (lines, "[ -~\n]{0,20}").prop_map(|(lines, body)| format!("---\n{}\n---\n\n{body}", lines.join("\n")))
}

fn changes() -> impl Strategy<Value = Vec<FieldChange>> {
    let items = || proptest::collection::vec("[a-z0-9_]{1,4}", 0..3);
    let key = || prop_oneof![Just("labels"), Just("depends"), Just("verifies")];
    let scalar = prop_oneof![Just("status"), Just("assigned_to"), Just("priority"), Just("issue")];
    let change = prop_oneof![
        4 => (scalar, "(Ready|Done|high|a@x|)").prop_map(|(key, value)| FieldChange::Set(key, value)),
        1 => (key(), items()).prop_map(|(key, items)| FieldChange::List(key, items)),
        1 => (key(), items()).prop_map(|(key, items)| FieldChange::Add(key, items)),
        1 => (key(), items()).prop_map(|(key, items)| FieldChange::Take(key, items)),
        1 => "[ -~\n]{0,12}".prop_map(|text| FieldChange::Body(text.into_bytes())),
    ];
    proptest::collection::vec(change, 0..4)
}

fn request() -> impl Strategy<Value = EditRequest> {
    let in_editor = proptest::option::of((text(), text()).prop_map(|(base, edited)| EditorEdit {
        base: Document::parse(base.as_bytes()),
        edited: Document::parse(edited.as_bytes()),
    }));
    (in_editor, changes()).prop_map(|(in_editor, changes)| EditRequest { in_editor, changes, ..EditRequest::default() })
}

// PROPTEST_CASES=100000 runs that many of each.
proptest! {
    /// The locks are read only where the request is about the holder, so nothing else may change what they guard.
    #[test]
    fn who_works_on_a_task_changes_only_by_a_request_about_that(before in text(), request in request(), same in any::<bool>()) {
        let before = match &request.in_editor {
            Some(in_editor) if same => String::from_utf8(in_editor.base.to_bytes()).unwrap(),
            _ => before,
        };
        for location in HOMES {
            let Ok(changed) = decide(location, seen("1", &before), &request, "now") else { continue };
            prop_assert!(!changed.changes_holder || request.is_about_holder());
            let held = EditView { not_holder: Some(Error::new(Kind::NotHolder, "held")), ..seen("1", &before) };
            prop_assert_eq!(decide(location, held, &request, "now").is_err(), changed.changes_holder);
        }
    }

    /// A change is whole: the file has it and says when, every new label is in the vocabulary, and once it is made
    /// there is nothing left to publish.
    #[test]
    fn a_change_is_whole(before in text(), changes in changes()) {
        let request = EditRequest { changes, ..EditRequest::default() };
        for location in HOMES {
            let Ok(changed) = decide(location, seen("1", &before), &request, "now") else { continue };
            let Some(written) = put(&changed.edits, "aitasks/t1_first.md") else {
                prop_assert!(location == DataLocation::Published && changed.edits.is_empty());
                continue;
            };
            prop_assert_eq!(written.as_bytes(), changed.document.to_bytes());
            let written = Document::parse(written.as_bytes());
            prop_assert_eq!(written.scalar_last("updated_at"), Some("now"));
            let words = put(&changed.edits, paths::LABELS_FILE).unwrap_or("ui\n");
            prop_assert!(changed.labels.iter().all(|label| words.lines().any(|word| word == label)));
            // The canonical form of a checkout has fields that a change may clear again; and a field that one change
            // takes away and another one sets comes to stand elsewhere.
            if location == DataLocation::Published && request.changes.len() == 1 {
                let again = seen("1", &String::from_utf8(written.to_bytes()).unwrap());
                prop_assert!(decide(location, again, &request, "later").map_or(true, |again| again.edits.is_empty()));
            }
        }
    }
}

/// The texts of tasks, without circles: each is Ready and depends on nothing.
fn ready(ids: &BTreeSet<TaskId>) -> BTreeMap<TaskId, Document> {
    ids.iter().map(|id| (*id, Document::parse(b"---\nstatus: Ready\ndepends: []\n---\n"))).collect()
}

fn path_of(id: TaskId) -> TaskPath {
    let folder = id.parent().map_or_else(String::new, |parent| format!("t{parent}/"));
    TaskPath::parse(&format!("aitasks/{folder}t{id}_x.md")).unwrap()
}

/// The decision of an edit that lets a task depend on another one, too.
fn depend(tasks: &BTreeMap<TaskId, Document>, id: TaskId, on: TaskId) -> Result<EditDecision> {
    let active = tasks.iter().map(|(id, document)| Task::from_document(path_of(*id), document)).collect();
    let seen = EditView {
        task: LoadedFile { path: path_of(id).as_str().to_owned(), document: tasks[&id].clone() },
        others: OtherTasks { active, unknown: Vec::new() },
        ..seen(&id.to_string(), TASK)
    };
    let changes = vec![FieldChange::Add("depends", vec![on.in_list()])];
    decide(DataLocation::Published, seen, &EditRequest { changes, ..EditRequest::default() }, "now")
}

#[test]
fn a_circle_and_an_unknown_task_are_refused_and_named() {
    let [a, b, child] = [TaskId::top(12), TaskId::top(15), TaskId::child(12, 1)];
    let mut tasks = ready(&BTreeSet::from([a, b]));
    assert_eq!(depend(&tasks, a, a).unwrap_err().to_string(), "t12 would wait for itself: 12 -> 12");
    let first = depend(&tasks, b, a).unwrap().document;
    tasks.insert(b, first);
    let refused = depend(&tasks, a, b).unwrap_err();
    assert_eq!(
        (refused.kind(), refused.to_string().as_str()),
        (Kind::Circle, "t12 would wait for itself: 12 -> 15 -> 12")
    );
    assert_eq!(refused.described()["circles"], serde_json::json!([["12", "15"]]));
    // A task that is done waits for nothing; made ready again, it does.
    let mut done = tasks.clone();
    done.insert(b, Document::parse(b"---\nstatus: Done\ndepends: [12]\n---\n"));
    let both = depend(&done, a, b).unwrap().document;
    done.insert(a, both);
    let active = done.iter().map(|(id, document)| Task::from_document(path_of(*id), document)).collect();
    let task = LoadedFile { path: path_of(b).as_str().to_owned(), document: done[&b].clone() };
    let again = EditView { task, others: OtherTasks { active, unknown: Vec::new() }, ..seen("15", TASK) };
    assert_eq!(
        decide(DataLocation::Published, again, &set("status", "Ready"), "now").unwrap_err().kind(),
        Kind::Circle
    );
    let mut family = ready(&BTreeSet::from([a, child]));
    assert_eq!(depend(&family, child, a).unwrap_err().to_string(), "t12_1 would wait for itself: 12_1 -> 12 -> 12_1");
    // What is there already refuses no other change.
    family.insert(child, Document::parse(b"---\nstatus: Ready\ndepends: [12, 99]\n---\n"));
    assert!(depend(&family, child, b).is_ok());
    let unknown = EditView { others: OtherTasks { unknown: vec![b], ..OtherTasks::default() }, ..seen("1", TASK) };
    let changes = vec![FieldChange::List("depends", vec!["15".to_owned()])];
    let request = EditRequest { changes, ..EditRequest::default() };
    let refused = decide(DataLocation::Published, unknown, &request, "now").unwrap_err();
    assert_eq!((refused.kind(), refused.to_string().as_str()), (Kind::NoSuchTask, "there is no task t15 to depend on"));
    // One that was there already refuses nothing, also where the task is opened again.
    let text = "---\nstatus: Done\ndepends: [15]\n---\n";
    let unknown = EditView { others: OtherTasks { unknown: vec![b], ..OtherTasks::default() }, ..seen("1", text) };
    assert!(decide(DataLocation::Published, unknown, &set("status", "Ready"), "now").is_ok());
    // The scripts accept it.
    let unknown = EditView { others: OtherTasks { unknown: vec![b], ..OtherTasks::default() }, ..seen("1", TASK) };
    assert!(decide(DataLocation::Checkout, unknown, &request, "now").is_ok());
}

fn an_id() -> impl Strategy<Value = TaskId> {
    (1..8_u64, proptest::option::of(1..4_u64))
        .prop_map(|(number, child)| child.map_or(TaskId::top(number), |child| TaskId::child(number, child)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Dependencies are added one by one; each is refused exactly when a plain closure says that it closes a circle.
    #[test]
    fn in_a_thousand_graphs_every_circle_is_refused(
        ids in proptest::collection::btree_set(an_id(), 2..11),
        steps in proptest::collection::vec((any::<usize>(), any::<usize>()), 1..25),
    ) {
        let all: Vec<_> = ids.iter().copied().collect();
        let mut tasks = ready(&ids);
        let mut reach = BTreeSet::new();
        let add = |reach: &mut BTreeSet<(TaskId, TaskId)>, from: TaskId, to: TaskId| {
            let before: Vec<_> = all.iter().filter(|id| **id == from || reach.contains(&(**id, from))).copied().collect();
            let after: Vec<_> = all.iter().filter(|id| **id == to || reach.contains(&(to, **id))).copied().collect();
            reach.extend(before.iter().flat_map(|from| after.iter().map(move |to| (*from, *to))));
        };
        for child in &all {
            if let Some(parent) = child.parent().filter(|parent| ids.contains(parent)) {
                add(&mut reach, parent, *child);
            }
        }
        for (from, to) in steps {
            let (from, to) = (all[from % all.len()], all[to % all.len()]);
            let closes = from == to || reach.contains(&(to, from));
            match depend(&tasks, from, to) {
                Ok(decision) => {
                    prop_assert!(!closes, "{from} -> {to}");
                    add(&mut reach, from, to);
                    tasks.insert(from, decision.document);
                }
                Err(error) => prop_assert!(closes && error.kind() == Kind::Circle, "{from} -> {to}: {error}"),
            }
        }
        // No circle came in.
        let read: Vec<_> = tasks.iter().map(|(id, document)| Task::from_document(path_of(*id), document)).collect();
        prop_assert_eq!(ActiveTasks::new(&read).circles(), Vec::new());
    }
}
