use super::*;
use crate::archive::request::{Deferred, Ending};
use crate::archive::task_store::{is_archived, path_of};
use crate::error::Kind;
use crate::git::objects::Edit;
use crate::task::{Document, Status, paths};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NOW: &str = "2026-01-02 03:04";
const DEFAULT: ArchiveRequest = ArchiveRequest {
    rules: ArchiveRules::Published,
    gates: Gates::Count,
    deferred: Deferred::Refuse,
    ending: Ending::Completed,
};
const CHECKOUT: ArchiveRequest = ArchiveRequest { rules: ArchiveRules::Checkout, ..DEFAULT };

fn task(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

/// What is known of an active task among these files, each with the lines of its frontmatter.
fn known(id: &str, files: &[(&str, &str)]) -> ArchiveView {
    let id = task(id);
    let paths: Vec<_> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let path = paths.iter().find(|path| paths::loose_id(path) == Some(id)).unwrap().clone();
    let read = files.iter().filter(|(path, _)| path.starts_with("aitasks/"));
    let documents =
        read.map(|(path, lines)| ((*path).to_owned(), Document::parse(format!("---\n{lines}---\n").as_bytes())));
    let store = TaskStore { documents: documents.collect(), paths, ..TaskStore::default() };
    let (not_holder, locks, pending, carry_over, now) = (None, Locks::default(), None, None, NOW.to_owned());
    ArchiveView { id, path, state: ArchiveState::Active, not_holder, locks, pending, carry_over, store, now }
}

fn changes(known: &ArchiveView, request: ArchiveRequest) -> ArchiveChanges {
    match decide(known, request) {
        Ok(ArchiveDecision::File(changes)) => *changes,
        other => panic!("{other:?}"),
    }
}

const FAMILY: &[(&str, &str)] = &[
    ("aiplans/p1/p1_1_a.md", ""),
    ("aitasks/archived/t1/t1_2_b.md", "status: Done\n"),
    ("aitasks/t1/t1_1_a.md", "status: Implementing\n"),
    ("aitasks/t1_all.md", "status: Ready\nchildren_to_implement: [t1_1]\n"),
    ("aitasks/t2_other.md", "status: Ready\n"),
];

#[test]
fn a_last_child_takes_plan_and_parent_along() {
    let changes = changes(&known("1_1", FAMILY), ArchiveRequest::default());
    assert_eq!(changes.tasks, [task("1_1"), task("1")]);
    let targets = ["aitasks/archived/t1/t1_1_a.md", "aiplans/archived/p1/p1_1_a.md", "aitasks/archived/t1_all.md"];
    assert_eq!(changes.targets, targets);
    assert_eq!(changes.subject, "ait: Archive completed t1_1 and parent t1 task and plan files");
}

#[test]
fn of_several_reasons_the_first_is_told() {
    let mut known = known("1", FAMILY);
    known.not_holder = Some(Error::new(Kind::NotHolder, "not yours"));
    known.pending = Some(PendingGates::Items { open: 2, deferred: 0 });
    known.store.paths.push("aitasks/archived/t1_all.md".to_owned());
    assert!(matches!(decide(&known, ArchiveRequest::default()), Err(ArchiveRefusal::NotHolder)));
    known.not_holder = None;
    for request in [ArchiveRequest::default(), ArchiveRequest { gates: Gates::Overridden, ..ArchiveRequest::default() }]
    {
        let Err(ArchiveRefusal::OpenChildren(open)) = decide(&known, request) else { panic!() };
        assert_eq!(open, [task("1_1")]);
    }
    known.store.paths.retain(|path| path != "aitasks/t1/t1_1_a.md");
    let Err(ArchiveRefusal::Pending(pending)) = decide(&known, ArchiveRequest::default()) else { panic!() };
    assert_eq!(pending, PendingGates::Items { open: 2, deferred: 0 });
    let overridden = decide(&known, ArchiveRequest { gates: Gates::Overridden, ..ArchiveRequest::default() });
    let Err(ArchiveRefusal::Files(taken)) = overridden else { panic!() };
    assert_eq!(taken.kind(), Kind::Occupied);
}

#[test]
fn what_is_archived_already_is_done_or_refused_as_the_face_has_promised() {
    let mut known = known("2", FAMILY);
    for (state, request, is_done) in [
        (ArchiveState::Archived, ArchiveRequest::default(), true),
        (ArchiveState::Archived, CHECKOUT, false),
        (ArchiveState::CutOff, CHECKOUT, true),
    ] {
        known.state = state;
        match decide(&known, request) {
            Ok(ArchiveDecision::Already) => assert!(is_done),
            Err(ArchiveRefusal::Archived(path)) => assert!(!is_done && path == "aitasks/t2_other.md"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_child_that_is_folded_into_its_parent_goes_with_it_in_a_checkout() {
    let files = [
        ("aitasks/t1/t1_1_a.md", "status: Folded\n"),
        ("aitasks/t1_all.md", "status: Ready\nfolded_tasks: [1_1]\nchildren_to_implement: [t1_1]\n"),
    ];
    let known = known("1", &files);
    assert!(matches!(decide(&known, ArchiveRequest::default()), Err(ArchiveRefusal::OpenChildren(_))));
    assert_eq!(changes(&known, CHECKOUT).folded, [task("1_1")]);
}

#[test]
fn what_is_staged_below_a_parent_goes_with_the_parent_and_not_before() {
    let staged = Edit::Remove { path: "aitasks/t1/t1_9_gone.md".to_owned() };
    let mut last = known("1_1", FAMILY);
    last.store.staged = vec![staged.clone()];
    assert!(changes(&last, CHECKOUT).edits.contains(&staged));
    let mut alone = known("2", FAMILY);
    alone.store.staged = vec![staged.clone()];
    assert!(changes(&alone, CHECKOUT).edits.contains(&staged));
    let mut first = known("1_1", &[FAMILY, &[("aitasks/t1/t1_3_c.md", "status: Ready\n")]].concat());
    first.store.staged = vec![staged.clone()];
    assert!(!changes(&first, CHECKOUT).edits.contains(&staged));
}

#[test]
fn a_folded_parent_does_not_come_back_with_its_folded_child() {
    let files = [
        ("aitasks/t1_all.md", "status: Ready\nfolded_tasks: [2, 2_1]\n"),
        ("aitasks/t2/t2_1_a.md", "status: Folded\n"),
        ("aitasks/t2_b.md", "status: Folded\nchildren_to_implement: [t2_1]\n"),
    ];
    let changes = changes(&known("1", &files), ArchiveRequest::default());
    assert_eq!(changes.folded, [task("2"), task("2_1")]);
    let put: Vec<_> = changes.edits.iter().filter(|edit| matches!(edit, Edit::Put { .. })).map(path_of).collect();
    assert_eq!(put, ["aitasks/archived/t1_all.md"]);
}

/// Task data of three families: lists of children, folded tasks, plans, and uncommitted files.
fn stores() -> impl Strategy<Value = TaskStore> {
    let status = prop::sample::select(vec!["Ready", "Implementing", "Done", "Folded"]);
    let id = || prop_oneof![(1..4_u64).prop_map(TaskId::top), (1..4_u64, 1..3_u64).prop_map(|(n, m)| child(n, m))];
    let file = (
        prop::sample::select(vec!["absent", "active", "archived"]),
        status,
        prop::collection::vec(id(), 0..3),
        prop::collection::vec(id(), 0..3),
        prop::sample::select(vec!["none", "active", "archived"]),
        prop::bool::weighted(0.2),
    );
    prop::collection::vec(file, 9).prop_map(|files| {
        let ids = (1..4).map(TaskId::top).chain((1..4).flat_map(|n| (1..3).map(move |m| child(n, m))));
        let mut store = TaskStore::default();
        for (id, (place, status, children, folded, plan, uncommitted)) in ids.zip(files) {
            let below_parent =
                |letter: char| id.parent().map_or_else(String::new, |parent| format!("{letter}{parent}/"));
            let below = |place: &str| if place == "archived" { "archived/" } else { "" };
            let list = |ids: &[TaskId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let (children, folded) = (list(&children), list(&folded));
            let text =
                format!("---\nstatus: {status}\nchildren_to_implement: [{children}]\nfolded_tasks: [{folded}]\n---\n");
            if place != "absent" {
                let path = format!("aitasks/{}{}t{id}_x.md", below(place), below_parent('t'));
                if uncommitted {
                    store.uncommitted.insert(path.clone(), text.clone().into_bytes());
                }
                store.documents.insert(path.clone(), Document::parse(text.as_bytes()));
                store.paths.push(path);
            }
            if plan != "none" {
                let path = format!("aiplans/{}{}p{id}_x.md", below(plan), below_parent('p'));
                if uncommitted {
                    store.uncommitted.insert(path.clone(), b"a plan".to_vec());
                }
                store.paths.push(path);
            }
        }
        store
    })
}

fn child(number: u64, child: u64) -> TaskId {
    task(&format!("{number}_{child}"))
}

fn requests() -> impl Strategy<Value = ArchiveRequest> {
    let rules = prop::sample::select(vec![ArchiveRules::Published, ArchiveRules::Checkout]);
    let gates = prop::sample::select(vec![Gates::Count, Gates::Overridden]);
    let ending = prop::sample::select(vec![Ending::Completed, Ending::Superseded]);
    (rules, gates, ending).prop_map(|(rules, gates, ending)| ArchiveRequest { rules, gates, ending, ..DEFAULT })
}

/// The paths after these edits. Fails when an edit needs a file that does not exist, or would overwrite one.
fn after(store: &TaskStore, edits: &[Edit]) -> BTreeSet<String> {
    let mut paths: BTreeSet<_> = store.paths.iter().cloned().collect();
    for edit in edits {
        match edit {
            Edit::Remove { path } => assert!(paths.remove(path), "{path} is not there"),
            Edit::Rename { from, to } => {
                assert!(paths.remove(from), "{from} is not there");
                assert!(paths.insert(to.clone()), "{to} is written over");
            }
            // An interrupted run moved it and did not commit.
            Edit::Put { path, .. } if is_archived(path) => {
                assert!(paths.insert(path.clone()) || store.is_uncommitted(path), "{path} is written over");
            }
            Edit::Put { path, .. } => assert!(paths.contains(path), "{path} comes back"),
            Edit::Take { path, .. } => panic!("{path} is taken from elsewhere"),
        }
    }
    paths
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_task_is_lost_and_no_rule_is_passed_over(
        mut store in stores(),
        request in requests(),
        pending in prop::option::weighted(0.2, Just(PendingGates::Items { open: 1, deferred: 0 })),
        is_ours in prop::bool::weighted(0.9),
        at in any::<prop::sample::Index>(),
    ) {
        if request.rules == ArchiveRules::Published {
            store.uncommitted.clear();
        }
        let active: Vec<_> = store.active().map(|(id, path)| (id, path.to_owned())).collect();
        prop_assume!(!active.is_empty());
        let (id, path) = at.get(&active).clone();
        let not_holder = (!is_ours).then(|| Error::new(Kind::NotHolder, "not yours"));
        let (locks, carry_over, now) = (Locks::default(), None, NOW.to_owned());
        let known = ArchiveView { id, path, state: ArchiveState::Active, not_holder, locks, pending, carry_over, store, now };
        let store = &known.store;
        let changes = match decide(&known, request) {
            Err(ArchiveRefusal::NotHolder) => {
                prop_assert!(!is_ours);
                return Ok(());
            }
            Err(_) => return Ok(()),
            Ok(ArchiveDecision::Already) => return Err(TestCaseError::fail("an active task is not archived already")),
            Ok(ArchiveDecision::File(changes)) => changes,
        };
        prop_assert!(is_ours);
        prop_assert!(known.pending.is_none() || request.gates == Gates::Overridden);
        let paths = after(store, &changes.edits);
        for (task, path) in &active {
            let stays = paths.contains(path);
            let went = changes.tasks.contains(task) || changes.folded.contains(task);
            prop_assert!(stays != went, "{path}");
        }
        prop_assert!(changes.targets.iter().all(|path| paths.contains(path) && is_archived(path)));
        prop_assert!(changes.tasks.contains(&id) && changes.tasks.iter().all(|task| *task == id || Some(*task) == id.parent()));
        // No child that is still to be done is left without its parent.
        let documents = |path: &str| store.documents.get(path).and_then(|it| it.scalar("status")).map(Status::parse);
        for (child, path) in active.iter().filter(|(child, path)| child.parent().is_some() && paths.contains(path)) {
            let goes = |parent| changes.tasks.contains(&parent) && active.iter().any(|(task, _)| *task == parent);
            let orphaned = child.parent().is_some_and(goes);
            prop_assert!(!orphaned || documents(path).is_some_and(|status| status.is_closed()), "{path}");
        }
        // An uncommitted file is in this commit, or is not changed.
        for edit in changes.edits.iter().filter(|edit| store.uncommitted.contains_key(path_of(edit))) {
            prop_assert!(changes.adopt.iter().any(|path| path == path_of(edit)), "{}", path_of(edit));
        }
        let content: BTreeMap<_, _> = changes.edits.iter().filter_map(|edit| match edit {
            Edit::Put { path, content } => Some((path.clone(), String::from_utf8_lossy(content).into_owned())),
            _ => None,
        }).collect();
        let file = content.iter().find(|(path, _)| is_archived(path) && paths::loose_id(path) == Some(id));
        let superseded = file.is_some_and(|(_, text)| text.contains("archived_reason: superseded"));
        prop_assert_eq!(superseded, request.ending == Ending::Superseded);
        prop_assert!(file.is_some_and(|(_, text)| text.contains("status: Done")));
    }
}
