use super::*;
use crate::coordination::agents::{Recognition, SessionName, SessionOrigin};
use crate::coordination::decide::{HeldBy, LocalEvidence};
use crate::coordination::pid_scope::PidScope;
use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::coordination::{LockEntry, Session};
use crate::settings::Origin;
use Liveness::{Alive, Dead, Unknown};
use LocalEvidence::{CutOff, Nothing, ThisCommand, Worktree};
use LockRule::{Script, Verb};
use Ownership::{Abandoned, Conflict, Ours};
use proptest::prelude::*;

const NOW: &str = "2026-01-02 03:04";
const READY: &str = "---\nstatus: Ready\nupdated_at: before\n---\n\nText.\n";

fn id(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

fn process(pid: &str, scope: Option<&str>) -> ProcessIdentity {
    let scope = scope.map(|boot| PidScope { boot: boot.to_owned(), namespace: "-".to_owned() });
    if pid == "-" {
        ProcessIdentity { scope, ..ProcessIdentity::default() }
    } else {
        ProcessIdentity { pid: pid.to_owned(), start: "7".to_owned(), kind: "proc".to_owned(), scope }
    }
}

/// A session of ann on the machine `box`.
fn ann(pid: &str) -> Session {
    Session {
        email: "ann@x".to_owned(),
        email_origin: Origin::Flag,
        host: "box".to_owned(),
        process: process(pid, Some("boot")),
        agent_process: None,
        name: SessionName::default(),
        origin: SessionOrigin::None,
        recognition: Recognition::default(),
    }
}

fn lock(holder: &str, host: &str, process: ProcessIdentity) -> LockEntry {
    LockEntry {
        task: id("1"),
        holder: holder.to_owned(),
        host: host.to_owned(),
        since: NOW.to_owned(),
        process,
        nonce: None,
        further: Vec::new(),
        token: Oid::parse(&"a".repeat(40)),
        is_lost: false,
    }
}

fn sight(lock: LockEntry, liveness: Liveness, evidence: LocalEvidence) -> ObservedLock {
    ObservedLock { lock, liveness, evidence }
}

fn seen(text: &str, lock: Option<ObservedLock>) -> PickView {
    let document = Document::parse(text.as_bytes());
    let task = Task::from_document(TaskPath::parse("aitasks/t1_job.md").unwrap(), &document);
    PickView { email: Some("ann@x".to_owned()), published: Some(text.into()), lock, ..PickView::new(&task, document) }
}

/// A request, in one value that owns its parts.
#[derive(Debug, Clone)]
struct PickCase {
    rule: LockRule,
    takeover: Takeover,
    gates: PickGates,
    parts: PickParts,
    session: Option<Session>,
    judged: Option<LockEntry>,
}

impl PickCase {
    fn by(rule: LockRule) -> Self {
        let gates = if rule == Verb { PickGates::Blockers } else { PickGates::Closed };
        let (takeover, parts) = (Takeover::Refused, PickParts::Both);
        Self { rule, takeover, gates, parts, session: Some(ann("5")), judged: None }
    }

    fn decide(&self, seen: PickView) -> Result<PickDecision, PickRefusal> {
        let Self { rule, takeover, gates, parts, .. } = *self;
        let judged = self.judged.as_ref();
        let claimant =
            |session| LockRequest { session, rule, takeover, judged, nonce: "n", now: NOW, folder: None, base: None };
        let [locks, data] = ["aitask-locks", "main"].map(|name| Branch::parse(name).unwrap());
        let claimant = self.session.as_ref().map(claimant);
        let policy = Policy { rule, takeover, gates };
        decide(seen, &PickRequest { policy, claimant, parts, now: NOW, locks: &locks, data: &data })
    }
}

/// The subjects of a plan's commits.
fn subjects(taking: &PickDecision) -> Vec<&str> {
    let steps = taking.plan.branches.iter().flat_map(|branch| &branch.steps);
    steps.map(|step| step.subject.as_str()).collect()
}

fn in_the_way(outcome: Result<PickDecision, PickRefusal>) -> LockConflict {
    match outcome {
        Err(PickRefusal::Held(in_the_way)) => in_the_way,
        other => panic!("{other:?}"),
    }
}

const LOCK: &str = "ait: Lock task t1 for ann@x";
const FENCE: &str = "ait: Confirm lock of task t1";
const START: &str = "ait: Start work on t1: set status to Implementing";

#[test]
fn a_free_task_is_taken_by_both() {
    for rule in [Verb, Script] {
        let taking = PickCase::by(rule).decide(seen(READY, None)).unwrap();
        assert_eq!(subjects(&taking), [LOCK, START]);
        let lock = taking.lock.unwrap();
        assert_eq!((lock.before, lock.entry.nonce.is_some()), (None, rule == Verb));
        assert_eq!((taking.task.status.as_str(), taking.task.assigned_to.as_deref()), ("Implementing", Some("ann@x")));
    }
}

/// Every kind of lock, and who holds it as seen by a session of ann with process 5 on the machine `box`.
#[test]
fn whom_a_session_may_displace() {
    let here = |pid| process(pid, Some("boot"));
    let old = |pid| process(pid, None);
    let none = Nothing;
    let (live, other) = (Conflict(HeldBy::Live), Conflict(HeldBy::Other));
    let unverifiable = Conflict(HeldBy::Unverifiable);
    let table = [
        ("her own", lock("ann@x", "box", here("5")), Alive, none, Ours, Ours),
        ("her own, as a script wrote it", lock("ann@x", "box", old("5")), Alive, none, Ours, Ours),
        ("her own, after the machine was renamed", lock("ann@x", "old", here("5")), Alive, none, Ours, Ours),
        ("a dead one of hers", lock("ann@x", "box", here("6")), Dead, none, Abandoned, Abandoned),
        ("a live one of hers", lock("ann@x", "box", here("6")), Alive, none, live, live),
        (
            "one of hers that nobody can judge",
            lock("ann@x", "box", old("6")),
            Unknown,
            none,
            unverifiable,
            unverifiable,
        ),
        (
            "one of hers in another container",
            lock("ann@x", "far", process("6", Some("b2"))),
            Unknown,
            none,
            unverifiable,
            unverifiable,
        ),
        (
            "one of hers in another container of that name",
            lock("ann@x", "box", process("6", Some("b2"))),
            Unknown,
            none,
            unverifiable,
            unverifiable,
        ),
        ("one of hers on another machine", lock("ann@x", "far", old("5")), Unknown, none, unverifiable, Abandoned),
        ("one of hers on no machine", lock("ann@x", "unknown", old("-")), Unknown, none, unverifiable, Abandoned),
        ("one of hers without a process", lock("ann@x", "box", old("-")), Unknown, none, unverifiable, Abandoned),
        ("the same, in its worktree", lock("ann@x", "box", old("-")), Unknown, Worktree, Ours, Abandoned),
        ("the same, cut off here", lock("ann@x", "box", old("-")), Unknown, CutOff, Ours, Abandoned),
        ("what this command wrote", lock("ann@x", "box", old("-")), Unknown, ThisCommand, Ours, Ours),
        ("bob's", lock("bob@x", "box", here("5")), Unknown, none, other, other),
        ("bob's, cut off here", lock("bob@x", "box", old("-")), Unknown, CutOff, other, other),
        ("bob's dead one", lock("bob@x", "box", here("6")), Dead, none, other, other),
        ("bob's, as this command wrote it", lock("bob@x", "box", here("5")), Unknown, ThisCommand, Ours, Ours),
        ("one that nobody can read", lock("unknown", "unknown", old("-")), Unknown, none, other, other),
    ];
    for (what, lock, liveness, evidence, by_verb, by_script) in table {
        let observed = sight(lock, liveness, evidence);
        for (rule, expected) in [(Verb, by_verb), (Script, by_script)] {
            let outcome = PickCase::by(rule).decide(seen(READY, Some(observed.clone())));
            match (expected, outcome) {
                (Conflict(by), Err(PickRefusal::Held(found))) => {
                    assert_eq!((found.by, *found.lock), (by, observed.lock.clone()), "{what}");
                }
                (expected, Ok(taking)) => {
                    assert_eq!(taking.lock.unwrap().before.unwrap().ownership, expected, "{rule:?}: {what}");
                }
                (expected, outcome) => panic!("{rule:?}: {what}: {expected:?}, {outcome:?}"),
            }
        }
    }
}

#[test]
fn what_is_ours_is_confirmed_by_the_verb_and_written_again_by_the_script() {
    let further = vec!["reason: lunch".to_owned()];
    let of_a_verb =
        LockEntry { nonce: Some("other".to_owned()), further, ..lock("ann@x", "old", process("5", Some("boot"))) };
    let again = PickCase::by(Script).decide(seen(READY, Some(sight(of_a_verb.clone(), Alive, Nothing)))).unwrap();
    let kept = LockEntry { host: "box".to_owned(), token: None, ..of_a_verb };
    assert_eq!(again.lock.unwrap().entry, kept);
    let own = Some(sight(lock("ann@x", "box", process("5", Some("boot"))), Alive, Nothing));
    assert_eq!(subjects(&PickCase::by(Verb).decide(seen(READY, own.clone())).unwrap()), [FENCE, START]);
    assert_eq!(subjects(&PickCase::by(Script).decide(seen(READY, own.clone())).unwrap()), [LOCK, START]);
    let again = |rule: LockRule| {
        let first = PickCase::by(rule).decide(seen(READY, None)).unwrap();
        let own = Some(sight(first.lock.as_ref().unwrap().entry.clone(), Alive, Nothing));
        PickCase::by(rule).decide(seen(&content(&first), own)).unwrap()
    };
    assert!(again(Verb).plan.is_empty());
    let script = again(Script);
    assert_eq!((subjects(&script), script.changed), (vec![LOCK], false));
}

#[test]
fn claimed_again_by_the_script_the_time_is_renewed_once_a_minute_and_what_waits_here_goes_along() {
    let first = content(&PickCase::by(Script).decide(seen(READY, None)).unwrap());
    let own = || Some(sight(lock("ann@x", "box", process("5", None)), Alive, Nothing));
    let earlier = first.replace(NOW, "2026-01-02 03:03");
    let again = PickCase::by(Script).decide(seen(&earlier, own())).unwrap();
    assert_eq!((subjects(&again), content(&again)), (vec![LOCK, START], first.clone()));
    let waiting = Oid::parse(&"c".repeat(40));
    for (parts, expected) in [(PickParts::Both, 1), (PickParts::Lock, 0), (PickParts::Status, 1)] {
        let asked = PickCase { parts, ..PickCase::by(Script) };
        let taking = asked.decide(PickView { waiting: waiting.clone(), ..seen(&first, own()) }).unwrap();
        let moved = taking.plan.branches.iter().filter(|plan| plan.branch.as_str() == "main" && plan.start == waiting);
        assert_eq!((moved.count(), taking.changed), (expected, false), "{parts:?}");
    }
}

#[test]
fn a_takeover_is_bound_to_the_lock_it_was_decided_on() {
    let bobs = sight(lock("bob@x", "box", process("5", Some("boot"))), Unknown, Nothing);
    for rule in [Verb, Script] {
        let mut asked = PickCase { takeover: Takeover::Wanted, ..PickCase::by(rule) };
        let taking = asked.decide(seen(READY, Some(bobs.clone()))).unwrap();
        assert_eq!(taking.lock.as_ref().unwrap().displaced().unwrap().by, HeldBy::Other);
        assert_eq!(taking.lock.as_ref().unwrap().prior(), None);
        asked.judged = Some(bobs.lock.clone());
        assert!(asked.decide(seen(READY, Some(bobs.clone()))).is_ok());
        let mut other = bobs.clone();
        other.lock.token = Oid::parse(&"b".repeat(40));
        assert!(in_the_way(asked.decide(seen(READY, Some(other.clone())))).changed);
        // One of another task, which was looked at first, says nothing here.
        asked.judged = Some(LockEntry { task: id("2"), ..bobs.lock.clone() });
        assert!(asked.decide(seen(READY, Some(other))).is_ok());
    }
}

#[test]
fn what_keeps_a_task_from_being_taken() {
    let closed = "---\nstatus: Done\n---\n";
    let children = || PickView { children: vec![id("1_1")], ..seen(READY, None) };
    let blocked = |lock| PickView { blockers: vec![Blocker::Task(id("2"))], ..seen(READY, lock) };
    for rule in [Verb, Script] {
        let force = PickCase { takeover: Takeover::Wanted, ..PickCase::by(rule) };
        assert!(matches!(force.decide(seen(closed, None)), Err(PickRefusal::Closed(task)) if task.id == id("1")));
    }
    // The scripts leave both to their callers.
    assert!(PickCase::by(Script).decide(children()).is_ok() && PickCase::by(Script).decide(blocked(None)).is_ok());
    assert!(matches!(PickCase::by(Verb).decide(children()), Err(PickRefusal::Children(_, of)) if of == [id("1_1")]));
    assert!(matches!(PickCase::by(Verb).decide(blocked(None)), Err(PickRefusal::Blocked(_, by)) if by.len() == 1));
    assert!(PickCase { gates: PickGates::Children, ..PickCase::by(Verb) }.decide(blocked(None)).is_ok());
    // What began after the task was taken keeps neither its holder from it nor one that takes it over.
    let dead = sight(lock("ann@x", "box", process("6", Some("boot"))), Dead, Nothing);
    assert!(PickCase::by(Verb).decide(blocked(Some(dead))).is_ok());
    let bobs = sight(lock("bob@x", "box", process("6", None)), Unknown, Nothing);
    let steal = PickCase { takeover: Takeover::Wanted, ..PickCase::by(Verb) };
    assert!(steal.decide(blocked(Some(bobs.clone()))).is_ok());
    assert!(steal.decide(PickView { children: vec![id("1_1")], ..seen(READY, Some(bobs)) }).is_ok());
    assert!(matches!(steal.decide(blocked(None)), Err(PickRefusal::Blocked(..))));
}

#[test]
fn lock_and_status_one_after_the_other() {
    for rule in [Verb, Script] {
        let of = |parts| PickCase { parts, ..PickCase::by(rule) };
        let bobs = Some(sight(lock("bob@x", "box", process("6", None)), Unknown, Nothing));
        let lock = of(PickParts::Lock).decide(seen(READY, None)).unwrap();
        assert_eq!((subjects(&lock), lock.changed), (vec![LOCK], false));
        in_the_way(of(PickParts::Lock).decide(seen(READY, bobs.clone())));
        let status = of(PickParts::Status).decide(seen(READY, bobs)).unwrap();
        assert_eq!((subjects(&status), status.lock.as_ref()), (vec![START], None));
    }
}

#[test]
fn a_task_of_nobody_gets_no_lock_and_keeps_its_assignee() {
    let asked = PickCase { session: None, ..PickCase::by(Script) };
    let taking = asked.decide(PickView { email: None, ..seen(READY, None) }).unwrap();
    assert_eq!((subjects(&taking), taking.lock.as_ref()), (vec![START], None));
    assert_eq!(taking.task.assigned_to, None);
}

#[test]
fn what_goes_in_the_same_swap() {
    let also = vec![Edit::Put { path: "aitasks/metadata/emails.txt".to_owned(), content: b"ann@x\n".to_vec() }];
    let stale = vec![id("1"), id("9")];
    let taking = PickCase::by(Script).decide(PickView { stale, also, ..seen(READY, None) }).unwrap();
    assert_eq!(subjects(&taking), ["ait: Cleanup 1 stale lock(s)", LOCK, START]);
    assert_eq!(taking.plan.branches[0].steps[0].edits, [Edit::Remove { path: "t9_lock.yaml".to_owned() }]);
    assert_eq!(taking.plan.branches[1].steps[0].edits.len(), 2);
}

/// What the plan makes of the task file.
fn content(taking: &PickDecision) -> String {
    let steps = taking.plan.branches.iter().flat_map(|branch| &branch.steps);
    let written = steps.flat_map(|step| &step.edits).find_map(|edit| match edit {
        Edit::Put { path, content } if path == "aitasks/t1_job.md" => Some(content.clone()),
        _ => None,
    });
    String::from_utf8(written.unwrap()).unwrap()
}

fn any_anchor() -> impl Strategy<Value = ProcessIdentity> {
    let pids = prop::sample::select(vec!["-", "5", "6"]);
    (pids, prop::sample::select(vec![None, Some("boot"), Some("b2")])).prop_map(|(pid, scope)| process(pid, scope))
}

fn any_sight() -> impl Strategy<Value = ObservedLock> {
    let holders = prop::sample::select(vec!["ann@x", "bob@x", "unknown"]);
    let hosts = prop::sample::select(vec!["box", "far", "unknown"]);
    let memories = vec![Nothing, ThisCommand, Worktree, CutOff];
    let seen = (prop::sample::select(vec![Alive, Dead, Unknown]), prop::sample::select(memories));
    (holders, hosts, any_anchor(), seen).prop_map(|(holder, host, process, (liveness, evidence))| {
        sight(lock(holder, host, process), liveness, evidence)
    })
}

fn any_asked() -> impl Strategy<Value = PickCase> {
    let rules =
        (prop::sample::select(vec![Verb, Script]), prop::sample::select(vec![Takeover::Refused, Takeover::Wanted]));
    let gates = prop::sample::select(vec![PickGates::Closed, PickGates::Children, PickGates::Blockers]);
    let parts = prop::sample::select(vec![PickParts::Both, PickParts::Lock, PickParts::Status]);
    (rules, gates, parts, prop::sample::select(vec!["-", "5"])).prop_map(|((rule, takeover), gates, parts, pid)| {
        PickCase { gates, parts, takeover, session: Some(ann(pid)), ..PickCase::by(rule) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_any_task_and_any_lock(
        asked in any_asked(),
        there in prop::option::of(any_sight()),
        status in prop::sample::select(vec!["Ready", "Implementing", "Postponed", "Done", "Folded"]),
        has_children in any::<bool>(),
        has_blockers in any::<bool>(),
    ) {
        let mut wanted = seen(&format!("---\nstatus: {status}\n---\n\nText.\n"), there.clone());
        wanted.children.extend(has_children.then(|| id("1_1")));
        wanted.blockers.extend(has_blockers.then(|| Blocker::Task(id("2"))));
        let is_closed = wanted.before.is_closed();
        let Ok(taking) = asked.decide(wanted) else {
            // A task that is free, open, and waits for nothing can be had.
            prop_assert!(there.is_some() || is_closed || has_children || has_blockers);
            return Ok(());
        };
        prop_assert!(!is_closed);
        let is_unasked = asked.gates == PickGates::Closed || asked.parts == PickParts::Status;
        prop_assert!(is_unasked || !has_children || there.is_some());
        prop_assert_eq!(taking.lock.is_some(), asked.parts != PickParts::Status);
        prop_assert_eq!(taking.changed && taking.task.status != Status::Implementing, false);
        let Some(lock) = &taking.lock else { return Ok(()) };
        // No lock of another person is replaced unless that is wanted; whose task is gone on with in its worktree is known
        // before.
        if let (Some(there), Takeover::Refused, Some(_)) = (&there, asked.takeover, &lock.step) {
            prop_assert!(there.lock.holder == "ann@x" || there.evidence == Worktree);
            prop_assert!(asked.rule == Script || there.liveness == Dead || there.evidence == Worktree);
        }
        // Every plan of the verb moves the lock branch, and its lock entry is unique.
        if asked.rule == Verb && !taking.plan.is_empty() {
            prop_assert_eq!(taking.plan.branches[0].branch.as_str(), "aitask-locks");
        }
        prop_assert!(lock.step.is_none() || lock.entry.nonce.is_none() == (asked.rule == Script));
        // Nothing but the lock of this task changes on the branch of locks.
        let edits = taking.plan.branches[..].iter().filter(|branch| branch.branch.as_str() == "aitask-locks");
        let mut edits = edits.flat_map(|branch| &branch.steps).flat_map(|step| &step.edits);
        let is_its_lock = edits.all(|edit| matches!(edit, Edit::Put { path, .. } if path == "t1_lock.yaml"));
        prop_assert!(is_its_lock);
        // Taken again by the same session it stays as it is.
        if asked.session.as_ref().is_some_and(|session| session.process.number().is_some()) && lock.step.is_some() {
            let own = sight(lock.entry.clone(), Alive, Nothing);
            let again = asked.decide(seen(READY, Some(own))).unwrap();
            prop_assert_eq!(again.lock.unwrap().before.unwrap().ownership, Ours);
        }
    }
}
