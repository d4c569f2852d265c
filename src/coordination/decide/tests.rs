//! To whom a lock belongs, case by case, and what a request for it gets.

use super::*;
use crate::coordination::agents::{Recognition, SessionName, SessionOrigin};
use crate::coordination::pid_scope::PidScope;
use crate::coordination::process::ProcessIdentity;
use crate::git::Oid;
use crate::git::objects::Edit;
use crate::settings::Origin;

const NOW: &str = "2026-01-02T03:04:05+02:00";

fn process(pid: u32, scope: Option<&str>) -> ProcessIdentity {
    let scope = scope.map(|boot| PidScope { boot: boot.to_owned(), namespace: "1".to_owned() });
    ProcessIdentity { pid: pid.to_string(), start: "9".to_owned(), kind: "proc".to_owned(), scope }
}

fn named(kind: Option<&str>, digest: &str) -> SessionName {
    SessionName { kind: kind.map(str::to_owned), digest: Some(digest.to_owned()) }
}

fn session(process: ProcessIdentity, name: SessionName) -> Session {
    Session {
        email: "ann@example.com".to_owned(),
        email_origin: Origin::Flag,
        host: "box".to_owned(),
        process,
        agent_process: None,
        name,
        origin: SessionOrigin::Variable,
        recognition: Recognition::default(),
    }
}

/// The session that asks: process 7 of ann on box, without a scope or a name.
fn ann() -> Session {
    session(process(7, None), SessionName::default())
}

fn task() -> TaskId {
    TaskId::top(1)
}

/// A lock that this session took by a verb.
fn lock_of(session: &Session) -> LockEntry {
    let token = Oid::parse(&"a".repeat(40));
    LockEntry { token, ..LockEntry::taken(task(), session, NOW, Some("nonce"), (None, None)) }
}

fn request(session: &Session, rule: LockRule) -> LockRequest<'_> {
    let (takeover, judged, nonce, folder, base) = (Takeover::Refused, None, "new", None, None);
    LockRequest { session, rule, takeover, judged, nonce, now: NOW, folder, base }
}

fn seen(lock: &LockEntry, liveness: Liveness, evidence: LocalEvidence) -> ObservedLock {
    ObservedLock { lock: lock.clone(), liveness, evidence }
}

/// Each case as `rule person process liveness evidence`.
fn judged(case: &str) -> Ownership {
    let [rule, person, other, liveness, evidence] = case.split(' ').collect::<Vec<_>>()[..] else { panic!("{case}") };
    let mut lock = lock_of(&ann());
    if person == "other" {
        "ben@example.com".clone_into(&mut lock.holder);
    }
    match other {
        "same" => {}
        "another" => lock.process = process(8, None),
        "none" => lock.process = ProcessIdentity::default(),
        "elsewhere" => (lock.host, lock.process) = ("far".to_owned(), process(8, None)),
        "unknown-host" => (lock.host, lock.process) = ("unknown".to_owned(), process(8, None)),
        "scoped-elsewhere" => (lock.host, lock.process) = ("far".to_owned(), process(8, Some("x"))),
        "named-elsewhere" => {
            lock.host = "far".to_owned();
            lock.process = process(8, None);
            lock.further.push("session: 0123456789ab".to_owned());
        }
        _ => panic!("{case}"),
    }
    let liveness = match liveness {
        "alive" => Liveness::Alive,
        "dead" => Liveness::Dead,
        _ => Liveness::Unknown,
    };
    let evidence = match evidence {
        "command" => LocalEvidence::ThisCommand,
        "worktree" => LocalEvidence::Worktree,
        "cut-off" => LocalEvidence::CutOff,
        _ => LocalEvidence::Nothing,
    };
    let session = ann();
    let rule = if rule == "verb" { LockRule::Verb } else { LockRule::Script };
    request(&session, rule).judge(&seen(&lock, liveness, evidence))
}

#[test]
fn to_whom_a_lock_belongs() {
    let table = [
        // the verbs: this session, and one of the same person that is certainly dead
        ("verb ann same unknown nothing", Ownership::Ours),
        ("verb ann same dead nothing", Ownership::Ours),
        ("verb ann another dead nothing", Ownership::Abandoned),
        ("verb ann another dead cut-off", Ownership::Abandoned),
        ("verb ann another alive nothing", Ownership::Conflict(HeldBy::Live)),
        ("verb ann another unknown nothing", Ownership::Conflict(HeldBy::Unverifiable)),
        ("verb ann elsewhere unknown nothing", Ownership::Conflict(HeldBy::Unverifiable)),
        ("verb ann none unknown nothing", Ownership::Conflict(HeldBy::Unverifiable)),
        // another person decides about a dead session by --steal
        ("verb other another dead nothing", Ownership::Conflict(HeldBy::Other)),
        ("verb other same unknown nothing", Ownership::Conflict(HeldBy::Other)),
        // what this clone knows
        ("verb other another unknown command", Ownership::Ours),
        ("verb ann another alive worktree", Ownership::Ours),
        ("verb ann none unknown cut-off", Ownership::Ours),
        ("verb other none unknown cut-off", Ownership::Conflict(HeldBy::Other)),
        // the scripts: also one on another host, or without a process
        ("script ann same unknown nothing", Ownership::Ours),
        ("script ann another dead nothing", Ownership::Abandoned),
        ("script ann another alive nothing", Ownership::Conflict(HeldBy::Live)),
        ("script ann another unknown nothing", Ownership::Conflict(HeldBy::Unverifiable)),
        ("script ann none unknown nothing", Ownership::Abandoned),
        ("script ann elsewhere unknown nothing", Ownership::Abandoned),
        ("script ann unknown-host alive nothing", Ownership::Abandoned),
        ("script ann scoped-elsewhere unknown nothing", Ownership::Conflict(HeldBy::Unverifiable)),
        ("script ann named-elsewhere unknown nothing", Ownership::Conflict(HeldBy::Unverifiable)),
        ("script other none unknown nothing", Ownership::Conflict(HeldBy::Other)),
        ("script other elsewhere unknown worktree", Ownership::Conflict(HeldBy::Other)),
        ("script other another alive command", Ownership::Ours),
    ];
    for (case, right) in table {
        assert_eq!(judged(case), right, "{case}");
    }
}

#[test]
fn which_session_a_lock_names() {
    let (kind, digest) = (Some("codex"), "0123456789ab");
    let agent = |pid, scope, digest| session(process(pid, scope), named(kind, digest));
    let lock = lock_of(&agent(7, Some("x"), digest));
    // the name counts more than the process, and the process where the agent changed its name
    assert!(lock.is_of_session(&agent(8, Some("x"), digest)));
    assert!(lock.is_of_session(&agent(7, Some("x"), "ba9876543210")));
    assert!(!lock.is_of_session(&agent(8, Some("x"), "ba9876543210")));
    assert!(!lock.is_of_session(&session(process(7, Some("x")), named(Some("amp"), digest))));
    // with scopes on both sides the name of the host does not count, without them it does
    let far = |session: Session| Session { host: "far".to_owned(), ..session };
    let nameless = |scope| session(process(7, scope), SessionName::default());
    let lock = lock_of(&nameless(Some("x")));
    assert!(lock.is_of_session(&far(nameless(Some("x")))));
    assert!(!lock.is_of_session(&nameless(Some("y"))));
    assert!(lock.is_of_session(&nameless(None)));
    assert!(!lock.is_of_session(&far(nameless(None))));
    let unknown = |host: &str| Session { host: host.to_owned(), ..nameless(None) };
    assert!(!lock_of(&unknown("unknown")).is_of_session(&unknown("unknown")));
    // a name that the user gave is one of this host
    let given = session(ProcessIdentity::default(), named(None, digest));
    assert!(lock_of(&given).is_of_session(&given));
    assert!(!lock_of(&given).is_of_session(&far(given.clone())));
    assert!(!lock_of(&given).is_of_session(&session(ProcessIdentity::default(), named(None, "ba9876543210"))));
    // another person in the same session is another holder
    assert!(!lock_of(&given).is_of(&Session { email: "ben@example.com".to_owned(), ..given }));
}

#[test]
fn what_a_newer_version_says_of_a_session_is_not_judged() {
    for (line, key) in
        [("session: longer-than-ours", Some("session")), ("pid_kind: x", Some("pid_kind")), ("mood: x", None)]
    {
        let mut lock = lock_of(&ann());
        lock.further.push(line.to_owned());
        assert_eq!(lock.unjudged(), key, "{line}");
        assert_eq!(lock.is_of_session(&ann()), key.is_none(), "{line}");
        lock.process = ProcessIdentity::default();
        assert_eq!(lock.is_known(), key.is_some(), "{line}");
    }
}

#[test]
fn a_lock_that_this_session_has_is_kept_by_a_verb_and_refreshed_by_a_script() {
    let session = ann();
    let mut lock = lock_of(&session);
    lock.further.push("mood: good".to_owned());
    lock.token = Oid::parse(&"1".repeat(40));
    let there = seen(&lock, Liveness::Alive, LocalEvidence::Nothing);
    let kept = request(&session, LockRule::Verb).take(task(), Some(&there)).unwrap();
    assert_eq!((&kept.entry, kept.step.as_ref()), (&lock, None));
    assert_eq!(kept.prior(), Some(&there));
    assert_eq!(kept.displaced(), None);
    let later = LockRequest { now: "2026-01-02T04:00:00+02:00", ..request(&session, LockRule::Script) };
    let again = later.take(task(), Some(&there)).unwrap();
    assert_eq!((again.entry.nonce.as_deref(), again.entry.token.as_ref()), (Some("nonce"), None));
    let since = lock.further.iter().position(|line| line.starts_with("since: ")).unwrap();
    let mut further = lock.further.clone();
    further[since] = "since: 2026-01-02T04:00:00+02:00".to_owned();
    let since = "2026-01-02 04:00".to_owned();
    assert_eq!(again.entry, LockEntry { since, token: None, further, ..lock.clone() });
    let step = again.step.unwrap();
    assert_eq!(step.subject, "ait: Lock task t1 for ann@example.com");
    let content = again.entry.to_bytes();
    assert_eq!(step.edits, [Edit::Put { path: "t1_lock.yaml".to_owned(), content }]);
}

#[test]
fn a_lock_that_tells_less_than_this_session_is_written_again() {
    let (digest, later) = ("0123456789ab", "ba9876543210");
    let before = session(process(7, Some("x")), named(Some("codex"), digest));
    let mut lock = lock_of(&before);
    lock.further.push("mood: good".to_owned());
    let there = seen(&lock, Liveness::Alive, LocalEvidence::Nothing);
    assert!(!lock.is_outdated(&before));
    let restarted = session(process(8, Some("x")), named(Some("codex"), digest));
    let cleared = session(process(7, Some("x")), named(Some("codex"), later));
    for session in [&restarted, &cleared] {
        assert!(lock.is_outdated(session));
        let taken = request(session, LockRule::Verb).take(task(), Some(&there)).unwrap();
        assert_eq!((taken.entry.nonce.as_deref(), taken.step.is_some()), (Some("new"), true));
        assert_eq!(taken.entry.process, session.process);
        assert!(taken.entry.further.contains(&"mood: good".to_owned()), "{taken:?}");
        assert_eq!(taken.displaced(), None);
    }
    // neither a session without a process nor a lock without a name tells that
    assert!(!lock.is_outdated(&session(ProcessIdentity::default(), named(Some("codex"), digest))));
    assert!(!lock_of(&ann()).is_outdated(&restarted));
    // this command took it a moment ago
    let own = seen(&lock, Liveness::Alive, LocalEvidence::ThisCommand);
    assert_eq!(request(&restarted, LockRule::Verb).take(task(), Some(&own)).unwrap().step, None);
}

#[test]
fn a_session_that_goes_on_in_the_worktree_writes_its_name_into_the_lock() {
    let before = session(process(8, None), SessionName::default());
    let lock = lock_of(&before);
    let take = |session: &Session, liveness| {
        let there = seen(&lock, liveness, LocalEvidence::Worktree);
        request(session, LockRule::Verb).take(task(), Some(&there)).unwrap().step.is_some()
    };
    assert!(take(&ann(), Liveness::Unknown));
    assert!(!take(&ann(), Liveness::Alive));
    assert!(!take(&before, Liveness::Unknown));
    assert!(!take(&session(ProcessIdentity::default(), SessionName::default()), Liveness::Unknown));
}

#[test]
fn a_takeover_is_of_the_lock_that_was_judged() {
    let session = ann();
    let lock = LockEntry { holder: "ben@example.com".to_owned(), ..lock_of(&ann()) };
    let there = seen(&lock, Liveness::Unknown, LocalEvidence::Nothing);
    let refused = request(&session, LockRule::Verb).take(task(), Some(&there)).unwrap_err();
    assert_eq!(refused, LockConflict { lock: Box::new(lock.clone()), by: HeldBy::Other, changed: false });
    let wanted = LockRequest { takeover: Takeover::Wanted, ..request(&session, LockRule::Verb) };
    let taken = wanted.take(task(), Some(&there)).unwrap();
    let blob = lock.token.clone().unwrap();
    assert_eq!(taken.displaced(), Some(refused));
    assert_eq!((taken.prior(), taken.entry.holder.as_str()), (None, "ann@example.com"));
    assert!(taken.step.unwrap().subject.ends_with(&format!("\n\nAitask-Takeover: {blob}")));
    // the same lock again is taken; one that changed hands meanwhile is not; that of another task has no say
    let bound = LockRequest { judged: Some(&lock), ..wanted };
    assert!(bound.take(task(), Some(&there)).is_ok());
    let changed = LockEntry { token: Oid::parse(&"b".repeat(40)), ..lock.clone() };
    let conflict = bound.take(task(), Some(&seen(&changed, Liveness::Unknown, LocalEvidence::Nothing))).unwrap_err();
    assert!(conflict.changed);
    let of_another = LockEntry { task: TaskId::top(2), ..lock.clone() };
    let elsewhere = LockRequest { judged: Some(&of_another), ..wanted };
    assert!(elsewhere.take(task(), Some(&seen(&changed, Liveness::Unknown, LocalEvidence::Nothing))).is_ok());
    // an abandoned one needs no takeover, and names none
    let dead =
        seen(&LockEntry { process: process(8, None), ..lock_of(&ann()) }, Liveness::Dead, LocalEvidence::Nothing);
    let taken = request(&session, LockRule::Verb).take(task(), Some(&dead)).unwrap();
    assert_eq!((taken.displaced(), taken.prior()), (None, Some(&dead)));
    assert!(!taken.step.unwrap().subject.contains("Takeover"));
}

#[test]
fn what_a_new_lock_says() {
    let session = session(process(7, Some("x")), named(Some("codex"), "0123456789ab"));
    let base = Branch::parse("next").unwrap();
    let whole =
        LockRequest { folder: Some(Path::new("/home/ann/t1")), base: Some(&base), ..request(&session, LockRule::Verb) };
    let lock = whole.take(task(), None).unwrap().entry;
    let text = String::from_utf8(lock.to_bytes()).unwrap();
    assert_eq!(
        text,
        "task_id: 1\nlocked_by: ann@example.com\nlocked_at: 2026-01-02 03:04\nhostname: box\npid: 7\npid_starttime: 9\n\
         pid_starttime_kind: proc\nnonce: new\nboot_id: x\npid_namespace: 1\nfolder: /home/ann/t1\nbase: next\nagent: codex\n\
         session: 0123456789ab\nsince: 2026-01-02T03:04:05+02:00\n"
    );
    assert_eq!(LockEntry::parse(task(), text.as_bytes(), None), lock);
    assert_eq!((lock.folder(), lock.base()), (Some("/home/ann/t1"), Some(base.clone())));
    // the base of the lock that is replaced is kept where none is given
    let there = seen(&LockEntry { process: process(8, Some("x")), ..lock }, Liveness::Dead, LocalEvidence::Nothing);
    let again = request(&ann(), LockRule::Verb).take(task(), Some(&there)).unwrap().entry;
    assert_eq!((again.base(), again.folder()), (Some(base.clone()), None));
    // a path of two lines cannot be read back
    let odd = LockRequest { folder: Some(Path::new("/a\nnonce: 1")), ..whole };
    assert_eq!(odd.take(task(), None).unwrap().entry.folder(), None);
    // a script writes its seven lines
    let script = LockRequest { rule: LockRule::Script, ..whole };
    let text = String::from_utf8(script.take(task(), None).unwrap().entry.to_bytes()).unwrap();
    assert_eq!(text.lines().count(), 7, "{text}");
}

#[test]
fn only_a_lock_that_is_there_is_released() {
    let (branch, token) = (Branch::parse("aitask-locks").unwrap(), "1".repeat(40));
    let locks = Locks::held([task()]);
    assert!(locks.is_held(task()) && !locks.is_held(TaskId::top(2)));
    assert_eq!(release(&branch, &locks, TaskId::top(2), Release::Any), None);
    let subject = |whose| release(&branch, &locks, task(), whose).unwrap().branches[0].steps[0].subject.clone();
    assert_eq!(subject(Release::Own), "ait: Unlock task t1");
    assert_eq!(subject(Release::Any), format!("ait: Unlock task t1\n\nAitask-Takeover: {token}"));
}
