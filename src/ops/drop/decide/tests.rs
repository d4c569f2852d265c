use super::*;
use crate::error::Kind;
use proptest::prelude::*;

const HELD: &str = "---\nstatus: Implementing\nassigned_to: ann@example.com\nupdated_at: u\nX: 'kept'\n---\n\ntext\n";
const BACK: &str = "---\nstatus: Ready\nupdated_at: u\n---\n\ntext\n";

/// The caller's task, held and with nothing in the way.
fn seen(text: &str) -> DropView {
    let (path, document) = (TaskPath::parse("aitasks/t1_first.md").unwrap(), Document::parse(text.as_bytes()));
    DropView { path, document, is_held: true, not_holder: None, loss: None, work: None }
}

fn drop_as(seen: DropView, status: &Status) -> Result<DropDecision> {
    let [locks, data] = ["aitask-locks", "aitask-data"].map(|name| Branch::parse(name).unwrap());
    decide(seen, &DropRequest { status, locks: &locks, data: &data, now: "now" })
}

fn subjects(plan: &Plan) -> Vec<&str> {
    plan.branches.iter().flat_map(|branch| &branch.steps).map(|step| step.subject.as_str()).collect()
}

#[test]
fn what_the_caller_holds_is_reverted_and_unlocked_in_one_plan() {
    let outcome = drop_as(seen(HELD), &Status::Postponed).unwrap();
    assert_eq!(subjects(&outcome.plan), ["ait: Abort t1: revert status to Postponed", "ait: Unlock task t1"]);
    assert!(is_dropped(&outcome.task, &Status::Postponed));
    let [Edit::Put { content, .. }] = &outcome.plan.branches[0].steps[0].edits[..] else { panic!() };
    let content = std::str::from_utf8(content).unwrap();
    assert_eq!(content, "---\nstatus: Postponed\nupdated_at: now\nX: 'kept'\n---\n\ntext\n");
}

#[test]
fn the_commits_are_published_before_the_lock_is_released() {
    let (branch, tip) = (Branch::parse("aitask/t1_first").unwrap(), Oid::parse(&"a".repeat(40)).unwrap());
    let work = Some((branch.clone(), tip.clone()));
    let outcome = drop_as(DropView { work: work.clone(), ..seen(HELD) }, &Status::Ready).unwrap();
    let names: Vec<_> = outcome.plan.branches.iter().map(|plan| plan.branch.as_str()).collect();
    assert_eq!(names, ["aitask-data", "aitask/t1_first", "aitask-locks"]);
    assert_eq!((&outcome.plan.branches[1].start, outcome.plan.branches[1].steps.len()), (&Some(tip), 0));
    // Without the lock they may be somebody else's to publish.
    assert!(drop_as(DropView { work, is_held: false, ..seen(BACK) }, &Status::Ready).unwrap().plan.is_empty());
}

#[test]
fn a_task_that_was_only_locked_is_only_unlocked() {
    assert_eq!(subjects(&drop_as(seen(BACK), &Status::Ready).unwrap().plan), ["ait: Unlock task t1"]);
}

#[test]
fn one_that_was_given_back_by_a_command_that_was_cut_off_needs_no_swap() {
    let outcome = drop_as(DropView { is_held: false, ..seen(BACK) }, &Status::Ready).unwrap();
    assert!(outcome.plan.is_empty() && is_dropped(&outcome.task, &Status::Ready));
}

#[test]
fn that_it_is_anothers_is_said_before_what_would_be_lost() {
    let error = |kind| Some(Error::new(kind, "refused"));
    let both = DropView { not_holder: error(Kind::NotHolder), loss: error(Kind::Dirty), ..seen(HELD) };
    assert_eq!(drop_as(both, &Status::Ready).unwrap_err().kind(), Kind::NotHolder);
    let lossy = DropView { loss: error(Kind::Dirty), ..seen(HELD) };
    assert_eq!(drop_as(lossy, &Status::Ready).unwrap_err().kind(), Kind::Dirty);
}

proptest! {
    #[test]
    fn a_plan_leaves_no_lock_and_no_assignee_and_a_refusal_no_plan(
        is_held: bool, other: bool, lossy: bool, assigned: bool,
        before in prop::sample::select(vec!["Ready", "Editing", "Implementing", "Postponed"]),
        after in prop::sample::select(vec!["Ready", "Editing", "Postponed"]),
    ) {
        let assignee = if assigned { "assigned_to: ann@example.com\n" } else { "" };
        let refused = |is_so: bool| is_so.then(|| Error::new(Kind::NotHolder, "refused"));
        let text = format!("---\nstatus: {before}\n{assignee}---\n");
        let seen = DropView { is_held, not_holder: refused(other), loss: refused(lossy), ..seen(&text) };
        let status = Status::parse(after);
        match drop_as(seen, &status) {
            Err(_) => prop_assert!(other || lossy),
            Ok(outcome) => {
                prop_assert!(!other && !lossy && is_dropped(&outcome.task, &status));
                let changes = assigned || before != after;
                prop_assert_eq!(subjects(&outcome.plan).len(), usize::from(changes) + usize::from(is_held));
            }
        }
    }
}
