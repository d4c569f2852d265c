use super::*;
use crate::error::Kind;
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::task::TaskPath;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ACTIVE: &str = "aitasks/t1_first.md";
const ARCHIVED: &str = "aitasks/archived/t1_first.md";
const TEXT: &str = "---\nissue_type: bug\nstatus: Implementing\n---\n\n# Mend it\n";
const OVER: FinishOptions = FinishOptions {
    into: None,
    mode: None,
    message: None,
    check: Vec::new(),
    no_archive: false,
    no_push: false,
    override_gates: false,
    deferred: Deferred::Refuse,
};

fn branch(name: &str) -> Branch {
    Branch::parse(name).unwrap()
}

fn oid(digit: &str) -> Oid {
    Oid::parse(&digit.repeat(40)).unwrap()
}

fn work(merge: Merge) -> TaskWork {
    let proof = (merge == Merge::Already).then(|| oid("d"));
    TaskWork { tip: oid("a"), merge: Some(merge), proof, needs_push: true, is_published: false, elsewhere: None }
}

/// The caller's task, held, with work to merge and nothing in the way.
fn seen(path: &str) -> FinishView {
    let (path, document) = (TaskPath::parse(path).unwrap(), Document::parse(TEXT.as_bytes()));
    let documents = BTreeMap::from([(path.as_str().to_owned(), document.clone())]);
    FinishView {
        task: Task::from_document(path.clone(), &document),
        document,
        branch: branch("aitask/t1_first"),
        locks: Locks::held([path.id()]),
        not_holder: None,
        loss: None,
        pending: None,
        carry_over: None,
        work: Some(work(Merge::Tree(oid("b")))),
        has_landed: false,
        published: None,
        store: TaskStore { paths: vec![path.as_str().to_owned()], documents, ..TaskStore::default() },
    }
}

fn finish_as(seen: FinishView, options: &FinishOptions, mode: MergeMode) -> Result<FinishDecision> {
    let [into, locks, data, ids] = ["main", "aitask-locks", "aitask-data", "aitask-ids"].map(branch);
    let request = FinishRequest {
        options,
        mode,
        into: &into,
        locks: &locks,
        data: &data,
        ids: &ids,
        now: "now",
        keeps_published: false,
    };
    decide(seen, &request)
}

fn finish(seen: FinishView, options: &FinishOptions) -> Result<FinishDecision> {
    finish_as(seen, options, MergeMode::Merge)
}

fn steps<'p>(plan: &'p Plan, name: &str) -> Vec<&'p Step> {
    let of_branch = plan.branches.iter().filter(|plan| plan.branch == branch(name));
    of_branch.flat_map(|plan| &plan.steps).collect()
}

fn branches_of(plan: &Plan) -> Vec<&str> {
    plan.branches.iter().map(|plan| plan.branch.as_str()).collect()
}

fn refused(kind: Kind) -> Error {
    Error::new(kind, "refused")
}

#[test]
fn merge_archive_and_unlock_are_one_plan() {
    let done = finish(seen(ACTIVE), &OVER).unwrap();
    assert_eq!(branches_of(&done.plan), ["main", "aitask-data", "aitask-locks"]);
    let [merge] = steps(&done.plan, "main")[..] else { panic!() };
    assert_eq!(
        (merge.subject.as_str(), &merge.merge),
        ("Merge branch 'aitask/t1_first' into main", &Some((oid("a"), oid("b"))))
    );
    assert_eq!(steps(&done.plan, "aitask-locks")[0].subject, "ait: Unlock task t1");
    assert_eq!((done.archived, done.unlocked), (vec![ARCHIVED.to_owned()], true));
}

#[test]
fn the_published_branch_goes_with_the_merge_and_before_the_lock() {
    let published = |merge| Some(TaskWork { is_published: true, ..work(merge) });
    for merge in [Merge::Tree(oid("b")), Merge::FastForward, Merge::Already] {
        let is_merged = merge == Merge::Already;
        let done = finish(FinishView { work: published(merge), ..seen(ACTIVE) }, &OVER).unwrap();
        let names = branches_of(&done.plan);
        let rest = ["aitask/t1_first", "aitask-data", "aitask-locks"];
        assert_eq!(names[usize::from(!is_merged)..], rest);
        let [removed] =
            &done.plan.branches.iter().filter(|plan| plan.branch == branch(rest[0])).collect::<Vec<_>>()[..]
        else {
            panic!()
        };
        assert!(done.unpublished && removed.start.is_none() && removed.steps.is_empty());
    }
    // For a pull request it stays.
    let options = FinishOptions { no_push: true, ..OVER };
    let done = finish(FinishView { work: published(Merge::FastForward), ..seen(ACTIVE) }, &options).unwrap();
    assert!(!done.unpublished);
}

#[test]
fn a_squash_is_named_for_the_task_unless_somebody_named_it() {
    let named = FinishOptions { message: Some("mine".to_owned()), ..OVER };
    for (options, subject) in [(&OVER, "bug: Mend it (t1)"), (&named, "mine")] {
        let done = finish_as(seen(ACTIVE), options, MergeMode::Squash).unwrap();
        let [squash] = steps(&done.plan, "main")[..] else { panic!() };
        assert_eq!((squash.subject.as_str(), &squash.tree, &squash.merge), (subject, &Some(oid("b")), &None));
    }
}

#[test]
fn of_several_refusals_the_first_is_told() {
    let mut all = FinishView { work: None, ..seen(ACTIVE) };
    all.store.paths.push(ARCHIVED.to_owned());
    let told = |seen: FinishView, options: &FinishOptions| finish(seen, options).unwrap_err().kind();
    let again = |seen: &FinishView| FinishView { work: None, store: seen.store.clone(), ..self::seen(ACTIVE) };
    let pending = || Some(PendingGates::Items { open: 2, deferred: 0 });
    let other = FinishView {
        not_holder: Some(refused(Kind::NotHolder)),
        loss: Some(refused(Kind::Dirty)),
        pending: pending(),
        ..again(&all)
    };
    assert_eq!(told(other, &OVER), Kind::NotHolder);
    assert_eq!(
        told(FinishView { loss: Some(refused(Kind::Dirty)), pending: pending(), ..again(&all) }, &OVER),
        Kind::Dirty
    );
    assert_eq!(told(FinishView { pending: pending(), ..again(&all) }, &OVER), Kind::GatePending);
    assert_eq!(told(again(&all), &OVER), Kind::NoCommits);
    assert_eq!(told(FinishView { has_landed: true, ..again(&all) }, &OVER), Kind::Occupied);
}

#[test]
fn gates_count_unless_overridden_or_left_to_a_pull_request() {
    for (options, is_refused) in [
        (OVER, true),
        (FinishOptions { no_archive: true, ..OVER }, true),
        (FinishOptions { override_gates: true, ..OVER }, false),
        (FinishOptions { no_push: true, ..OVER }, false),
    ] {
        let pending = Some(PendingGates::Gates("review".to_owned()));
        assert_eq!(finish(FinishView { pending, ..seen(ACTIVE) }, &options).is_err(), is_refused);
    }
}

#[test]
fn for_a_pull_request_the_task_branch_is_pushed_and_the_task_stays() {
    let options = FinishOptions { no_push: true, ..OVER };
    let done = finish(seen(ACTIVE), &options).unwrap();
    assert_eq!(branches_of(&done.plan), ["aitask-locks", "aitask/t1_first"]);
    assert_eq!(done.plan.branches[1].start, Some(oid("a")));
    assert!(!done.unlocked && done.archived.is_empty());
    let pushed = TaskWork { needs_push: false, ..work(Merge::FastForward) };
    assert!(finish(FinishView { work: Some(pushed), ..seen(ACTIVE) }, &options).unwrap().plan.is_empty());
}

#[test]
fn what_is_merged_already_is_archived_and_what_stays_only_merged() {
    let merged = FinishView { work: Some(work(Merge::Already)), ..seen(ACTIVE) };
    assert_eq!(branches_of(&finish(merged, &OVER).unwrap().plan), ["aitask-data", "aitask-locks"]);
    let landed = FinishView { work: None, has_landed: true, ..seen(ACTIVE) };
    assert_eq!(branches_of(&finish(landed, &OVER).unwrap().plan), ["aitask-data", "aitask-locks"]);
    let stays = finish(seen(ACTIVE), &FinishOptions { no_archive: true, ..OVER }).unwrap();
    // The plan moves the lock branch, so that a concurrent takeover makes the swap fail.
    assert_eq!(branches_of(&stays.plan), ["aitask-locks", "main"]);
    assert!(steps(&stays.plan, "aitask-locks")[0].edits.is_empty() && !stays.unlocked);
}

#[test]
fn of_an_archived_task_only_the_lock_is_left() {
    let held = finish(seen(ARCHIVED), &OVER).unwrap();
    assert_eq!(branches_of(&held.plan), ["aitask-locks"]);
    assert_eq!((held.archived, held.unlocked), (vec![ARCHIVED.to_owned()], true));
    let over = finish(FinishView { locks: Locks::default(), ..seen(ARCHIVED) }, &OVER).unwrap();
    assert!(over.plan.is_empty() && !over.unlocked);
    let displaced =
        FinishView { not_holder: Some(refused(Kind::NotHolder)), locks: Locks::default(), ..seen(ARCHIVED) };
    assert_eq!(finish(displaced, &OVER).unwrap_err().kind(), Kind::NotHolder);
}

#[test]
fn who_was_displaced_hears_where_the_commits_are() {
    let mut seen = seen(ARCHIVED);
    let mut told = |work| {
        seen.work = work;
        seen.work_location(&branch("main"), Path::new("/w"))
    };
    assert_eq!(told(Some(work(Merge::Already))), format!("your commits are in main ({})", oid("d").short()));
    let lost = TaskWork { merge: None, ..work(Merge::FastForward) };
    let there = format!("your commits are on aitask/t1_first ({}) in /w, and not in main", oid("a").short());
    assert_eq!(told(Some(lost)), there);
    assert_eq!(told(None), "this clone has no branch of the task");
}

fn any_merge() -> impl Strategy<Value = Option<Merge>> {
    let merge = prop::sample::select(vec![Merge::Already, Merge::FastForward, Merge::Tree(oid("b"))]);
    prop::option::of(merge)
}

proptest! {
    #[test]
    fn a_plan_moves_the_locks_and_ends_the_task_only_as_asked(
        is_archived: bool, is_held: bool, other: bool, lossy: bool, waits: bool, has_landed: bool,
        no_archive: bool, no_push: bool, override_gates: bool, merge in any_merge(),
        mode in prop::sample::select(vec![MergeMode::Merge, MergeMode::Squash, MergeMode::Ff]),
    ) {
        let options = FinishOptions { no_archive, no_push, override_gates, ..OVER };
        let before = FinishView {
            locks: if is_held { Locks::held([seen(ACTIVE).task.id]) } else { Locks::default() },
            not_holder: other.then(|| Error::new(Kind::NotHolder, "refused")),
            loss: lossy.then(|| Error::new(Kind::Dirty, "refused")),
            pending: waits.then_some(PendingGates::Items { open: 1, deferred: 0 }),
            work: merge.clone().map(work),
            has_landed,
            ..seen(if is_archived { ARCHIVED } else { ACTIVE })
        };
        let Ok(done) = finish_as(before, &options, mode) else {
            prop_assert!(other || lossy || waits || (merge.is_none() && !has_landed));
            return Ok(());
        };
        prop_assert!(!other && !lossy);
        let ends = !no_archive && !no_push;
        // Every plan depends on the lock, so the swap must move the lock branch.
        prop_assert!(done.plan.is_empty() || !steps(&done.plan, "aitask-locks").is_empty());
        prop_assert_eq!(done.unlocked, ends && is_held);
        prop_assert_eq!(!steps(&done.plan, "aitask-data").is_empty(), ends && !is_archived);
        let lands = !no_push && !is_archived && !matches!(merge, None | Some(Merge::Already));
        prop_assert_eq!(branches_of(&done.plan).contains(&"main"), lands);
        let removes = |edit: &Edit| matches!(edit, Edit::Remove { path } if path == "t1_lock.yaml");
        let is_unlocked = steps(&done.plan, "aitask-locks").iter().any(|step| step.edits.iter().any(removes));
        prop_assert_eq!(is_unlocked, ends && is_held);
    }
}
