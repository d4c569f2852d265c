//! What the records of a clone say about the locks that it took.

use super::*;
use crate::coordination::agents::{Recognition, SessionOrigin};
use crate::coordination::session::Session;
use crate::error::Kind;
use crate::ledger::memory::folder;
use crate::settings::Origin;
use tempfile::TempDir;

struct Clone {
    repository: Repository,
    _dir: TempDir,
}

fn clone() -> Clone {
    let dir = folder();
    Clone { repository: Repository::without_git(dir.path()), _dir: dir }
}

fn task() -> TaskId {
    TaskId::top(1)
}

fn lock(nonce: &str, holder: &str) -> LockEntry {
    let text = format!("locked_by: {holder}\nhostname: box\npid: 7\npid_starttime: 9\nnonce: {nonce}\n");
    LockEntry::parse(task(), text.as_bytes(), None)
}

/// A process of before the last boot: it does not live.
fn dead() -> ProcessIdentity {
    let scope = crate::coordination::pid_scope::PidScope { boot: "before".to_owned(), namespace: "1".to_owned() };
    ProcessIdentity { pid: "7".to_owned(), start: "9".to_owned(), kind: "proc".to_owned(), scope: Some(scope) }
}

fn load(clone: &Clone) -> Option<LockRecord> {
    LockRecord::load(&clone.repository, task())
}

fn error(kind: Kind) -> Error {
    Error::new(kind, "x")
}

#[test]
fn an_attempt_leaves_a_record_until_it_is_known_to_have_failed() {
    for (kind, stays) in [(Kind::Held, false), (Kind::Unknown, true)] {
        let clone = clone();
        let mut attempt = LockAttempt::new(&clone.repository, "one".to_owned());
        attempt.begin(task(), None, None).unwrap();
        let begun = load(&clone).unwrap();
        assert!(begun.taking.is_some() && begun.is_about(&lock("one", "ann")), "{begun:?}");
        assert_eq!(begun.completed(), None);
        attempt.failed(&error(kind));
        assert_eq!(load(&clone).is_some(), stays);
    }
}

#[test]
fn an_attempt_that_turns_to_another_task_forgets_the_first() {
    let clone = clone();
    let mut attempt = LockAttempt::new(&clone.repository, "one".to_owned());
    attempt.begin(task(), None, None).unwrap();
    attempt.begin(task(), None, None).unwrap();
    assert!(load(&clone).is_some());
    attempt.begin(TaskId::top(2), None, None).unwrap();
    assert_eq!(LockRecord::tasks(&clone.repository), [TaskId::top(2)]);
}

#[test]
fn a_failed_attempt_restores_what_was_known_before() {
    let clone = clone();
    let first = LockRecord::taken(&clone.repository, &lock("one", "ann"), "one".to_owned());
    assert_eq!(first.taking, None);
    first.save(&clone.repository, task()).unwrap();
    let mut attempt = LockAttempt::new(&clone.repository, "two".to_owned());
    attempt.begin(task(), Some(&lock("one", "ann")), None).unwrap();
    let begun = load(&clone).unwrap();
    assert!(begun.taking.is_some() && begun.is_about(&lock("one", "ann")) && begun.is_about(&lock("two", "ann")));
    assert_eq!(begun.completed(), first.lock.as_ref());
    attempt.failed(&error(Kind::Held));
    assert_eq!(load(&clone), Some(first));
}

#[test]
fn a_completed_attempt_is_nobody_s_attempt_any_more() {
    let clone = clone();
    LockAttempt::new(&clone.repository, "one".to_owned()).begin(task(), None, None).unwrap();
    let held = LockRecord { base: Some("main".to_owned()), ..load(&clone).unwrap() };
    held.save(&clone.repository, task()).unwrap();
    let taken = LockRecord::taken(&clone.repository, &lock("one", "ann"), "one".to_owned());
    assert_eq!((taken.taking.as_ref(), taken.base.as_deref()), (None, Some("main")));
    assert!(taken.completed().unwrap().contains("nonce: one\n"));
    taken.save(&clone.repository, task()).unwrap();
    assert!(LockRecord::has_taken(&clone.repository, &lock("one", "ann")));
    assert!(!LockRecord::has_taken(&clone.repository, &lock("two", "ann")));
    assert!(LockRecord::cut_off(&clone.repository).is_empty());
}

#[test]
fn an_attempt_whose_process_is_gone_was_cut_off() {
    let clone = clone();
    let begun = LockRecord::begin(&clone.repository, task(), "one".to_owned(), None);
    begun.save(&clone.repository, task()).unwrap();
    assert!(!begun.was_cut_off(&clone.repository), "this process lives");
    assert!(LockRecord::cut_off(&clone.repository).is_empty());
    let cut_off = LockRecord { taking: Some(dead()), ..begun };
    cut_off.save(&clone.repository, task()).unwrap();
    assert!(cut_off.was_cut_off(&clone.repository) && cut_off.is_leftover(&clone.repository, &lock("one", "ann")));
    assert!(!cut_off.is_leftover(&clone.repository, &lock("two", "ann")));
    assert_eq!(LockRecord::cut_off(&clone.repository), [task()]);
    // taken again by this process, it stays one that was cut off, until the attempt is completed
    let again = LockRecord::begin(&clone.repository, task(), "two".to_owned(), None);
    assert_eq!((again.earlier.as_slice(), again.was_cut_off(&clone.repository)), (&["one".to_owned()][..], false));
    assert!(again.is_leftover(&clone.repository, &lock("one", "ann")) && again.is_about(&lock("one", "ann")));
    again.save(&clone.repository, task()).unwrap();
    assert_eq!(LockRecord::cut_off(&clone.repository), [task()]);
    LockRecord::forget_attempt(&clone.repository, task(), "two");
    assert_eq!(load(&clone).unwrap().nonce, "one");
}

#[test]
fn a_session_is_told_that_its_task_was_taken_over_and_nobody_else() {
    let clone = clone();
    LockRecord::taken(&clone.repository, &lock("one", "ann"), "one".to_owned())
        .save(&clone.repository, task())
        .unwrap();
    let is_ann = |lock: &LockEntry| lock.holder == "ann";
    let is_nobody = |_: &LockEntry| false;
    let held = load(&clone).unwrap();
    // taken from another clone
    assert!(held.is_taken_over(&lock("two", "ben"), Some("ann"), is_ann));
    assert!(!held.is_taken_over(&lock("two", "ann"), Some("ann"), is_ann), "it is of this session");
    // still the lock of this clone, which had no other holder before
    assert!(!held.is_taken_over(&lock("one", "ann"), Some("ben"), is_nobody));
    // a lock of a script that cannot be told from one of this session
    let untold = LockEntry { process: ProcessIdentity::default(), nonce: None, ..lock("", "ann") };
    assert!(!held.is_taken_over(&untold, Some("ann"), is_nobody));
    assert!(held.is_taken_over(&untold, Some("ben"), is_nobody));
    assert!(held.is_taken_over(&untold, None, is_nobody));
    // another session of this clone took it: who held it before is told
    let begun = LockRecord::begin(&clone.repository, task(), "two".to_owned(), Some(&lock("one", "ann")));
    assert!(begun.is_taken_over(&lock("two", "ben"), Some("ann"), is_ann));
    assert!(!begun.is_taken_over(&lock("two", "ben"), Some("cid"), is_nobody));
}

#[test]
fn what_was_pushed_is_remembered_when_the_task_is_given_back_and_not_when_it_is_over() {
    for is_over in [false, true] {
        let clone = clone();
        let pushed = vec!["a".repeat(40)];
        let held = LockRecord { pushed: pushed.clone(), ..LockRecord::new("one".to_owned()) };
        held.save(&clone.repository, task()).unwrap();
        if is_over {
            LockRecord::forget(&clone.repository, task()).unwrap();
        } else {
            LockRecord::give_back(&clone.repository, &Channel::Local, task()).unwrap();
        }
        assert_eq!(load(&clone), None);
        let again = LockRecord::begin(&clone.repository, task(), "two".to_owned(), None);
        assert_eq!(again.pushed, if is_over { Vec::new() } else { pushed });
    }
}

#[test]
fn a_session_that_was_started_again_is_not_taken_for_dead() {
    let clone = clone();
    let Some(here) = ProcessIdentity::of_process(&clone.repository, std::process::id()) else { return };
    let session = Session {
        email: "ann".to_owned(),
        email_origin: Origin::Flag,
        host: "box".to_owned(),
        process: here,
        agent_process: None,
        name: crate::coordination::agents::SessionName {
            kind: Some("codex".to_owned()),
            digest: Some("0123456789ab".to_owned()),
        },
        origin: SessionOrigin::Variable,
        recognition: Recognition::default(),
    };
    let of_agent = |nonce: &str| {
        let mut lock = LockEntry { process: dead(), ..lock(nonce, "ann") };
        lock.further = vec!["agent: codex".to_owned(), "session: 0123456789ab".to_owned()];
        lock
    };
    let held = LockRecord::taken(&clone.repository, &of_agent("one"), "one".to_owned());
    // nothing is noted for another lock, another session, another holder, or the same process
    let of_other = LockEntry { further: vec!["session: ba9876543210".to_owned()], ..of_agent("one") };
    let of_none = LockEntry { further: Vec::new(), ..of_agent("one") };
    let of_ben = LockEntry { further: of_agent("one").further, process: dead(), ..lock("one", "ben") };
    let of_same = LockEntry { process: session.process.clone(), ..of_agent("one") };
    for other in [of_agent("two"), of_other, of_none, of_ben, of_same] {
        held.save(&clone.repository, task()).unwrap();
        held.clone().note_process(&clone.repository, &session, &other);
        assert_eq!(load(&clone).as_ref(), Some(&held), "{other:?}");
    }
    assert_ne!(LockRecord::liveness(&clone.repository, &of_agent("one"), "box"), Liveness::Alive);
    let told = || LockRecord::process_and_liveness(&clone.repository, &of_agent("one"), "box");
    LockRecord::note_process_of_reader(&clone.repository, &session, &of_agent("one"));
    assert_eq!(LockRecord::load(&clone.repository, task()), Some(held.clone()));
    assert_eq!(told(), (Some(std::process::id()), Liveness::Alive));
    let cache = clone.repository.records().path(RecordKind::Again, "");
    std::fs::remove_dir_all(cache.parent().unwrap()).unwrap();
    assert_ne!(told().1, Liveness::Alive);
    held.note_process(&clone.repository, &session, &of_agent("one"));
    assert_eq!(told(), (Some(std::process::id()), Liveness::Alive));
    // it says nothing of another lock
    assert_ne!(LockRecord::liveness(&clone.repository, &of_agent("two"), "box"), Liveness::Alive);
}

/// A completed record with something in every field.
fn known(clone: &Clone) -> LockRecord {
    LockRecord {
        session_name: Some("alpha".to_owned()),
        nonce: "one".to_owned(),
        taking: None,
        again: Some(dead()),
        earlier: vec!["zero".to_owned()],
        before: None,
        base: Some("dev".to_owned()),
        picked_on: Some("main".to_owned()),
        data: Some("aitask-data".to_owned()),
        remote: Some("origin".to_owned()),
        shared: None,
        base_commit: Some("b".repeat(40)),
        merged: true,
        lock: LockRecord::taken(&clone.repository, &lock("one", "ann"), "one".to_owned()).lock,
        former: vec!["of somebody before\n".to_owned()],
        pushed: vec!["c".repeat(40)],
        requested: Some("d".repeat(40)),
        landings: vec![Landing { tip: "e".repeat(40), nonce: "landing".to_owned() }],
    }
}

#[test]
fn an_attempt_keeps_all_that_was_known_of_the_task_and_what_stood_before_it() {
    let clone = clone();
    let known = known(&clone);
    known.save(&clone.repository, task()).unwrap();
    let text = known.lock.clone().unwrap();
    let of_own = LockRecord {
        nonce: "two".to_owned(),
        taking: ProcessIdentity::of_process(&clone.repository, std::process::id()),
        again: None,
        before: Some(Box::new(known.clone())),
        lock: None,
        former: [known.former.clone(), vec![text.clone()]].concat(),
        ..known.clone()
    };
    let begin = |lock: &LockEntry| LockRecord::begin(&clone.repository, task(), "two".to_owned(), Some(lock));
    assert_eq!(begin(&lock("one", "ann")), of_own);
    // after another session held it, that the work has landed is not known any more
    assert_eq!(begin(&lock("other", "ben")), LockRecord { merged: false, ..of_own.clone() });
    // an attempt on top of one that is in progress restores what stood before both, and names no lock twice
    of_own.save(&clone.repository, task()).unwrap();
    let again = LockRecord::begin(&clone.repository, task(), "three".to_owned(), Some(&lock("one", "ann")));
    assert_eq!(again, LockRecord { nonce: "three".to_owned(), ..of_own });
    let others = (0..FORMER).map(|n| format!("of somebody {n}\n")).collect::<Vec<_>>();
    LockRecord { former: others.clone(), ..known }.save(&clone.repository, task()).unwrap();
    assert_eq!(begin(&lock("one", "ann")).former, [&others[1..], &[text]].concat());
}

#[test]
fn a_completed_attempt_keeps_all_that_was_known_of_the_task_but_the_attempts() {
    let clone = clone();
    let known = known(&clone);
    known.save(&clone.repository, task()).unwrap();
    let again = LockRecord { taking: Some(dead()), before: Some(Box::new(known.clone())), ..known.clone() };
    again.save(&clone.repository, task()).unwrap();
    let completed = LockRecord { again: None, earlier: Vec::new(), ..known };
    let taken = |nonce: &str| LockRecord::taken(&clone.repository, &lock(nonce, "ann"), nonce.to_owned());
    assert_eq!(taken("one"), completed);
    let two = LockRecord { nonce: "two".to_owned(), merged: false, lock: taken("two").lock, ..completed };
    assert_eq!(taken("two"), two);
    assert!(two.lock.unwrap().contains("nonce: two\n"));
}

#[test]
fn the_branch_of_the_tasks_is_noted_and_one_that_was_noted_stays_where_none_is_named() {
    let clone = clone();
    let begin = |nonce: &str, data: Option<&Branch>| {
        LockAttempt::new(&clone.repository, nonce.to_owned()).begin(task(), None, data).unwrap();
        load(&clone).unwrap().data
    };
    assert_eq!(begin("one", Branch::parse("main").ok().as_ref()).as_deref(), Some("main"));
    assert_eq!(begin("two", None).as_deref(), Some("main"));
}

#[test]
fn the_base_is_that_of_the_lock_only_where_this_clone_has_none() {
    let mut of_dev = lock("one", "ann");
    of_dev.further = vec!["base: dev".to_owned()];
    let new = LockRecord::new("one".to_owned()).with_base_of(&of_dev);
    assert_eq!(new.base.as_deref(), Some("dev"));
    let own = LockRecord { base: Some("main".to_owned()), ..new }.with_base_of(&of_dev);
    assert_eq!(own.base.as_deref(), Some("main"));
}

#[test]
fn a_branch_is_where_it_was_cut_only_at_the_commit_that_was_noted() {
    let [cut, other] = ["a", "b"].map(|digit| Oid::parse(&digit.repeat(40)).unwrap());
    let held = LockRecord { base_commit: Some(cut.to_string()), ..LockRecord::new("one".to_owned()) };
    assert!(held.is_cut_at(&cut) && !held.is_cut_at(&other));
    assert!(!LockRecord::new("one".to_owned()).is_cut_at(&cut));
}

#[test]
fn what_was_taken_on_the_remote_stays_taken_there_while_there_is_none() {
    let clone = clone();
    let alone = || {
        known(&clone).save(&clone.repository, task()).unwrap();
        let mut attempt = LockAttempt::new(&clone.repository, "two".to_owned()).on(&Channel::Local);
        attempt.begin(task(), None, None).unwrap();
        LockRecord::taken(&clone.repository, &lock("two", "ann"), "two".to_owned())
            .save(&clone.repository, task())
            .unwrap();
        load(&clone).unwrap()
    };
    let held = alone();
    assert!(held.is_alone() && held.is_about(&lock("one", "ann")) && held.is_about(&lock("two", "ann")));
    let (bob, is_of_it) = (lock("three", "bob"), |_: &LockEntry| false);
    assert!(!held.is_taken_over(&bob, None, is_of_it) && known(&clone).is_taken_over(&bob, None, is_of_it));
    LockRecord::give_back(&clone.repository, &Channel::Local, task()).unwrap();
    assert_eq!(load(&clone), Some(known(&clone)));
    // The lock without a remote is published later, or what was there before is found again.
    let origin = RemoteName::parse("origin").unwrap();
    for nonce in ["two", "one"] {
        alone();
        LockRecord::note_shared(&clone.repository, &origin, &lock(nonce, "ann")).unwrap();
        let held = load(&clone).unwrap();
        assert_eq!((held.nonce.as_str(), held.remote.as_deref(), held.shared), (nonce, Some("origin"), None));
    }
    LockRecord::note_shared(&clone.repository, &origin, &bob).unwrap();
    assert_eq!(load(&clone).unwrap().nonce, "one");
}

#[test]
fn a_failed_attempt_on_top_of_another_leaves_that_one_with_what_stood_before_it() {
    let clone = clone();
    let before = Some(Box::new(known(&clone)));
    let second = LockRecord { before, taking: Some(dead()), ..LockRecord::new("two".to_owned()) };
    let third = LockRecord { nonce: "three".to_owned(), earlier: vec!["two".to_owned()], ..second.clone() };
    third.save(&clone.repository, task()).unwrap();
    LockRecord::forget_attempt(&clone.repository, task(), "other");
    assert_eq!(load(&clone).as_ref(), Some(&third));
    LockRecord::forget_attempt(&clone.repository, task(), "three");
    assert_eq!(load(&clone), Some(second));
    LockRecord::forget_attempt(&clone.repository, task(), "two");
    assert_eq!(load(&clone), Some(known(&clone)));
}

#[test]
fn what_an_older_record_says_of_the_remote_is_kept_while_there_is_none() {
    let clone = clone();
    let older = LockRecord::taken(&clone.repository, &lock("one", "ann"), "one".to_owned());
    assert_eq!(older.remote, None);
    older.save(&clone.repository, task()).unwrap();
    let mut attempt = LockAttempt::new(&clone.repository, "two".to_owned()).on(&Channel::Local);
    attempt.begin(task(), None, None).unwrap();
    LockRecord::taken(&clone.repository, &lock("two", "ann"), "two".to_owned())
        .save(&clone.repository, task())
        .unwrap();
    let alone = load(&clone).unwrap();
    assert!(alone.is_alone() && alone.is_about(&lock("one", "ann")), "{alone:?}");
    LockRecord::give_back(&clone.repository, &Channel::Local, task()).unwrap();
    assert_eq!(load(&clone), Some(older));
}
