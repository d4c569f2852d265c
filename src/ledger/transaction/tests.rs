//! Whole transactions with a remote in memory: the outcomes of a swap, and the errors for them.

use crate::coordination::lock_format::LOCK_FORMAT;
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, RefUpdate, RemoteName, Repository};
use crate::ledger::memory::{Clone, PushFate, Remote, folder};
use crate::ledger::plan::Step;
use crate::ledger::{Channel, Decision, Edit, IDS, LOCKS, Ledger, Plan, TransactionResult, View};
use crate::task::TaskId;
use tempfile::TempDir;

/// A clone, with the folder of its private records.
struct Fixture {
    clone: Clone,
    repository: Repository,
    _dir: TempDir,
}

impl Fixture {
    fn new(clone: Clone) -> Self {
        let dir = folder();
        Self { clone, repository: Repository::without_git(dir.path()), _dir: dir }
    }

    fn ledger(&self) -> Ledger<'_> {
        self.clone.ledger(&self.repository, LOCK_FORMAT)
    }

    /// Writes one more line to a file of the id branch, whatever is there; gives what was read.
    fn write(&self, nonce: &str) -> Result<TransactionResult<Vec<u8>>> {
        self.ledger().transact(nonce, &[ids()], append)
    }
}

fn append(view: &View<'_>) -> Result<Decision<Vec<u8>>> {
    let before = view.document(&ids(), "log")?.unwrap_or_default();
    let content = [before.as_slice(), b"line\n"].concat();
    Ok(Decision::Publish(Plan::new().step(&ids(), step("write", vec![put("log", &content)])), before))
}

fn ids() -> Branch {
    Branch::parse(IDS).unwrap()
}

fn put(path: &str, content: &[u8]) -> Edit {
    Edit::Put { path: path.to_owned(), content: content.to_vec() }
}

fn step(subject: &str, edits: Vec<Edit>) -> Step {
    Step::edit(subject, edits)
}

fn remote() -> Remote {
    let remote = Remote::default();
    remote.put(IDS, &[("log", "")]);
    remote
}

fn lines(remote: &Remote) -> usize {
    remote.files(IDS)["log"].lines().count()
}

#[track_caller]
fn refused<T>(outcome: Result<T>, kind: Kind) -> Error {
    let error = outcome.err().expect("a refusal");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

#[test]
fn known_tips_cost_no_fetch_and_a_stale_view_one() {
    let remote = remote();
    let (ann, ben) = (Fixture::new(remote.clone_with([])), Fixture::new(remote.clone_with([])));
    ann.ledger().view(&[ids()], Freshness::Fetched).unwrap();
    ben.ledger().view(&[ids()], Freshness::Fetched).unwrap();
    assert!(!ann.write("1").unwrap().looked_up);
    assert_eq!((ann.clone.fetches(), ann.clone.pushes().len()), (1, 1));
    // What Ann wrote is not lost: Ben decides again on it.
    assert_eq!(ben.write("2").unwrap().value, b"line\n");
    assert_eq!((ben.clone.fetches(), ben.clone.pushes().len()), (2, 2));
    assert_eq!(lines(&remote), 2);
}

#[test]
fn two_equal_commits_are_told_apart_by_their_nonces() {
    let remote = remote();
    let (ann, ben) = (Fixture::new(remote.clone_with([])), Fixture::new(remote.clone_with([])));
    for scene in [&ann, &ben] {
        scene.ledger().view(&[ids()], Freshness::Fetched).unwrap();
    }
    ann.write("one").unwrap();
    ben.write("another").unwrap();
    assert_eq!(remote.history(IDS).len(), 3);
}

#[test]
fn an_answer_that_is_lost_is_looked_up_and_not_sent_again() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Unheard]));
    let landed = ann.write("1").unwrap();
    assert!(landed.looked_up && landed.value.is_empty());
    assert_eq!((lines(&remote), ann.clone.pushes().len()), (1, 1));
}

#[test]
fn a_push_that_is_lost_is_sent_again() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Lost, PushFate::Lost]));
    assert!(!ann.write("1").unwrap().looked_up);
    assert_eq!((lines(&remote), ann.clone.pushes().len()), (1, 3));
}

#[test]
fn a_push_that_arrives_late_counts_once() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Late(0)]));
    let landed = ann.write("1").unwrap();
    assert!(landed.value.is_empty());
    remote.deliver();
    assert_eq!(lines(&remote), 1);
}

#[test]
fn a_refusal_after_a_lost_answer_is_no_certain_refusal() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Lost, PushFate::Denied]));
    let error = refused(ann.write("1"), Kind::Unknown);
    assert!(error.to_string().contains("may still be"), "{error}");
    // Once others have moved the branch, the lost one cannot land any more, and the refusal is certain.
    let ben = Fixture::new(remote.clone_with([]));
    let cid = Fixture::new(remote.clone_with([PushFate::Lost, PushFate::Busy, PushFate::Denied]));
    let mut looks = 0;
    let outcome = cid.ledger().transact("3", &[ids()], |view| {
        looks += 1;
        if looks == 2 {
            ben.write("2").unwrap();
        }
        append(view)
    });
    refused(outcome, Kind::Denied);
    assert_eq!(lines(&remote), 1);
}

#[test]
fn nothing_to_do_is_not_said_while_a_push_may_still_land() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Lost]));
    let outcome = ann.ledger().transact("1", &[ids()], |view| {
        if ann.clone.pushes().is_empty() { append(view) } else { Ok(Decision::NoChange(Vec::new())) }
    });
    let error = refused(outcome, Kind::Unknown);
    assert!(error.to_string().contains("may still be"), "{error}");
    // Without such a push it is.
    let outcome = ann.ledger().transact("2", &[ids()], |_| Ok(Decision::NoChange(Vec::<u8>::new())));
    assert!(outcome.unwrap().value.is_empty());
}

#[test]
fn a_server_that_refuses_is_not_asked_again() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Denied]));
    let error = refused(ann.write("1"), Kind::Denied);
    assert!(error.to_string().contains("pre-receive hook declined"), "{error}");
    assert_eq!((lines(&remote), ann.clone.pushes().len()), (0, 1));
}

#[test]
fn the_time_limit_ends_the_tries_and_a_race_is_said_only_of_a_branch_that_moved() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Busy; 9]).patient(2));
    let error = refused(ann.write("1"), Kind::Contention);
    assert!(error.to_string().contains("no other process moves them"), "{error}");
    assert_eq!(ann.clone.pushes().len(), 3);
    let (ben, cid) = (Fixture::new(remote.clone_with([]).patient(2)), Fixture::new(remote.clone_with([])));
    let mut n = 0;
    let outcome = ben.ledger().transact("2", &[ids()], |view| {
        n += 1;
        cid.write(&format!("cid {n}")).unwrap();
        append(view)
    });
    let error = refused(outcome, Kind::Contention);
    assert!(error.to_string().contains("others kept changing"), "{error}");
}

#[test]
fn a_last_look_after_the_time_limit_finds_what_landed() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([PushFate::Unheard]).patient(0));
    assert!(ann.write("1").unwrap().looked_up);
}

#[test]
fn a_commit_that_would_drop_an_entry_is_not_pushed() {
    let remote = remote();
    remote.put(IDS, &[("log", ""), ("other", "x")]);
    let ann = Fixture::new(remote.clone_with([]).clumsy("other"));
    let error = refused(ann.write("1"), Kind::Bug);
    assert!(error.to_string().contains("would remove other"), "{error}");
    assert!(ann.clone.pushes().is_empty());
}

#[test]
fn what_the_decision_read_besides_is_guarded() {
    let remote = remote();
    let first = remote.put(LOCKS, &[("t1_lock.yaml", "task_id: 1\n")]);
    let locks = Branch::parse(LOCKS).unwrap();
    let (ann, mut n) = (Fixture::new(remote.clone_with([])), 0);
    let landed = ann.ledger().transact("1", &[ids(), locks.clone()], |view| {
        n += 1;
        if view.is_current && n == 2 {
            // Somebody takes another task while Ann decides.
            remote.put(LOCKS, &[("t1_lock.yaml", "task_id: 1\n"), ("t2_lock.yaml", "task_id: 2\n")]);
        }
        let seen = view.base(&locks).cloned();
        append(view).map(|decision| match decision {
            Decision::Publish(plan, _) => Decision::Publish(plan, seen),
            Decision::NoChange(_) => Decision::NoChange(seen),
        })
    });
    assert_ne!(landed.unwrap().value, Some(first));
    assert_eq!((lines(&remote), n), (1, 3));
}

#[test]
fn a_server_without_atomic_pushes_gets_the_fence_first_and_the_release_last() {
    let remote = Remote::one_at_a_time();
    let (locks, main) = (Branch::parse(LOCKS).unwrap(), Branch::parse("main").unwrap());
    remote.put(LOCKS, &[("t1_lock.yaml", "task_id: 1\n")]);
    remote.put("main", &[("a", "x")]);
    let ann = Fixture::new(remote.clone_with([]));
    let finish = |view: &View<'_>| {
        let mut plan = Plan::new();
        if !view.landed.contains(&main) {
            plan = plan.step(&main, step("merge", vec![put("a", b"y")]));
        }
        let release = step("unlock", vec![Edit::Remove { path: "t1_lock.yaml".to_owned() }]);
        Ok(Decision::Publish(plan.step(&locks, release).fenced(&locks, TaskId::top(1)), ()))
    };
    ann.ledger().transact("1", &[locks.clone(), main.clone()], finish).unwrap();
    assert_eq!(remote.moves(), [LOCKS, "main", LOCKS]);
    assert!(remote.files(LOCKS).is_empty());
}

#[test]
fn a_holder_who_was_dispossessed_lands_nothing_there() {
    let remote = Remote::one_at_a_time();
    let (locks, main) = (Branch::parse(LOCKS).unwrap(), Branch::parse("main").unwrap());
    remote.put(LOCKS, &[("t1_lock.yaml", "task_id: 1\nlocked_by: ann\n")]);
    remote.put("main", &[("a", "x")]);
    let ann = Fixture::new(remote.clone_with([]));
    let mut n = 0;
    let outcome = ann.ledger().transact("1", &[locks.clone(), main.clone()], |view| {
        n += 1;
        let lock = view.document(&locks, "t1_lock.yaml")?.unwrap_or_default();
        if view.is_current && !lock.ends_with(b"ann\n") {
            return Err(Error::new(Kind::NotHolder, "it was taken over"));
        }
        if n == 3 {
            // The takeover lands after the decision, which finds out from the fence.
            remote.put(LOCKS, &[("t1_lock.yaml", "task_id: 1\nlocked_by: ben\n")]);
        }
        let plan = Plan::new().step(&main, step("merge", vec![put("a", b"y")]));
        Ok(Decision::Publish(plan.step(&locks, step("unlock", vec![])).fenced(&locks, TaskId::top(1)), ()))
    });
    refused(outcome, Kind::NotHolder);
    assert_eq!(remote.files("main")["a"], "x");
}

#[test]
fn what_landed_of_several_branches_is_said_and_the_command_finishes() {
    let remote = Remote::one_at_a_time();
    let main = Branch::parse("main").unwrap();
    remote.put(IDS, &[("log", "")]);
    remote.put("main", &[("a", "x")]);
    // The first push says that the server cannot; of the second try, the first branch lands.
    let ann = Fixture::new(remote.clone_with([PushFate::Answered, PushFate::Answered, PushFate::Denied]));
    let both = |view: &View<'_>| {
        let mut plan = Plan::new();
        if view.document(&ids(), "log")?.unwrap_or_default().is_empty() {
            plan = plan.step(&ids(), step("write", vec![put("log", b"line\n")]));
        }
        Ok(Decision::Publish(plan.step(&main, step("merge", vec![put("a", b"y")])), ()))
    };
    let error = refused(ann.ledger().transact("1", &[ids(), main.clone()], both), Kind::Denied);
    assert!(error.to_string().contains("already published: aitask-ids"), "{error}");
    ann.ledger().transact("2", &[ids(), main.clone()], both).unwrap();
    assert_eq!((lines(&remote), remote.files("main")["a"].as_str()), (1, "y"));
}

#[test]
fn a_branch_that_is_gone_or_set_back_is_not_gone_on_from() {
    let remote = Remote::default();
    let locks = Branch::parse(LOCKS).unwrap();
    let old = remote.put(LOCKS, &[]);
    remote.put(LOCKS, &[("t1_lock.yaml", "task_id: 1\n")]);
    let ann = Fixture::new(remote.clone_with([]));
    ann.ledger().view(std::slice::from_ref(&locks), Freshness::Fetched).unwrap();
    let take =
        |_: &View<'_>| Ok(Decision::Publish(Plan::new().step(&locks, step("x", vec![put("t2_lock.yaml", b"")])), ()));
    remote.set(LOCKS, Some(&old));
    let error = refused(ann.ledger().transact("1", std::slice::from_ref(&locks), take), Kind::BranchGone);
    assert!(error.to_string().contains("lacks the locks of t1"), "{error}");
    remote.set(LOCKS, None);
    refused(ann.ledger().transact("2", std::slice::from_ref(&locks), take), Kind::BranchGone);
    let view =
        Ledger { repairs: true, ..ann.ledger() }.view(std::slice::from_ref(&locks), Freshness::Fetched).map(drop);
    view.unwrap();
}

#[test]
fn a_push_of_another_process_here_that_sets_the_ref_to_an_older_state_is_no_loss_of_locks() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([]));
    let locks = Ledger::locks_branch().unwrap();
    let older = remote.put(LOCKS, &[("t1_lock.yaml", "")]);
    remote.put(LOCKS, &[("t1_lock.yaml", ""), ("t2_lock.yaml", "")]);
    ann.ledger().view(std::slice::from_ref(&locks), Freshness::Fetched).unwrap();
    remote.put(LOCKS, &[("t1_lock.yaml", ""), ("t2_lock.yaml", ""), ("t3_lock.yaml", "")]);
    // the other process pushed the older state, and its git sets the ref only now
    ann.clone.another_sets(locks.tracking(&RemoteName::parse("origin").unwrap()), &older);
    let take =
        |_: &View<'_>| Ok(Decision::Publish(Plan::new().step(&locks, step("x", vec![put("t4_lock.yaml", b"")])), ()));
    ann.ledger().transact("1", std::slice::from_ref(&locks), take).unwrap();
    assert_eq!(remote.files(LOCKS).len(), 4);
}

/// A push of two branches whose answer is lost, and a process of the same clone that sets one of the two refs back after
/// the fetch that looks for it.
fn half_seen(behind: &str, decide: impl Fn(&View<'_>) -> Result<Decision<&'static str>>) {
    let remote = remote();
    remote.put(LOCKS, &[("t1_lock.yaml", "")]);
    let ann = Fixture::new(remote.clone_with([PushFate::Unheard]));
    let branches = [ids(), Ledger::locks_branch().unwrap()];
    ann.ledger().view(&branches, Freshness::Fetched).unwrap();
    let behind = Branch::parse(behind).unwrap();
    ann.clone
        .another_sets(behind.tracking(&RemoteName::parse("origin").unwrap()), &remote.tip(&behind.full()).unwrap());
    let landed = ann.ledger().transact("1", &branches, decide).unwrap();
    assert_eq!((landed.value, landed.looked_up, ann.clone.pushes().len()), ("done", true, 1));
    assert_eq!((lines(&remote), remote.files(LOCKS).len(), remote.history(IDS).len()), (1, 0, 2));
}

#[test]
fn a_push_of_which_only_a_part_is_seen_is_neither_repeated_nor_called_undone() {
    let locks = Ledger::locks_branch().unwrap();
    let plan = |view: &View<'_>| {
        let before = view.document(&ids(), "log")?.unwrap_or_default();
        let release = step("release", vec![Edit::Remove { path: "t1_lock.yaml".to_owned() }]);
        let write = step("write", vec![put("log", &[before.as_slice(), b"line\n"].concat())]);
        Ok(Plan::new().step(&ids(), write).step(&locks, release))
    };
    let write_and_release = |view: &View<'_>| match view.document(&locks, "t1_lock.yaml")? {
        Some(_) => Ok(Decision::Publish(plan(view)?, "done")),
        None => Ok(Decision::NoChange("not held")),
    };
    half_seen(IDS, write_and_release);
    half_seen(LOCKS, write_and_release);
}

#[test]
fn nothing_to_do_and_refusals_are_said_of_the_remote_as_it_is_now() {
    let remote = remote();
    let (ann, ben) = (Fixture::new(remote.clone_with([])), Fixture::new(remote.clone_with([])));
    ann.ledger().view(&[ids()], Freshness::Fetched).unwrap();
    ben.write("1").unwrap();
    let done = |view: &View<'_>| Ok(Decision::NoChange(view.document(&ids(), "log")?));
    assert_eq!(ann.ledger().transact("2", &[ids()], done).unwrap().value.unwrap(), b"line\n");
    assert_eq!(ann.clone.fetches(), 2);
}

#[test]
fn without_a_remote_the_swap_is_in_this_repository() {
    let remote = Remote::default();
    let ann = Fixture::new(remote.clone_with([]));
    let here = Ledger { channel: Channel::Local, repairs: true, ..ann.ledger() };
    for n in 0..3_usize {
        let landed = here.transact(&n.to_string(), &[ids()], append).unwrap();
        assert_eq!(landed.value.len(), 5 * n);
    }
    assert_eq!((ann.clone.fetches(), ann.clone.pushes().len()), (0, 0));
}

#[test]
fn a_push_that_is_still_on_its_way_is_not_forgotten_for_an_older_view_and_not_made_twice() {
    let remote = Remote::default();
    let locks = Ledger::locks_branch().unwrap();
    // that a lock was released is no loss, so that the older state is not seen to be older
    let older = remote.put(LOCKS, &[("t1_lock.yaml", "")]);
    remote.put(LOCKS, &[("log", "")]);
    let ann = Fixture::new(remote.clone_with([PushFate::Late(1)]));
    ann.ledger().view(std::slice::from_ref(&locks), Freshness::Fetched).unwrap();
    ann.clone.another_sets(locks.tracking(&RemoteName::parse("origin").unwrap()), &older);
    let append = |view: &View<'_>| {
        let before = view.document(&locks, "log")?.unwrap_or_default();
        let content = [before.as_slice(), b"line\n"].concat();
        Ok(Decision::Publish(Plan::new().step(&locks, step("write", vec![put("log", &content)])), ()))
    };
    let landed = ann.ledger().transact("1", std::slice::from_ref(&locks), append).unwrap();
    assert_eq!((landed.looked_up, ann.clone.pushes().len(), ann.clone.fetches()), (true, 2, 3));
    assert_eq!(remote.files(LOCKS)["log"], "line\n");
}

#[test]
fn what_another_process_here_has_recorded_of_a_later_push_stays() {
    let remote = remote();
    let ann = Fixture::new(remote.clone_with([]));
    let first = remote.tip(&ids().full());
    ann.write("1").unwrap();
    let older = remote.tip(&ids().full());
    ann.write("2").unwrap();
    let ledger = ann.ledger();
    let known = || format!("{:?}", ledger.load_known(&ids()));
    let latest = known();
    let view = ledger.view(&[ids()], Freshness::AsKnown).unwrap();
    let updates = [RefUpdate { name: ids().full(), old: first, new: older }];
    ledger.update_tracking_refs(&view, &updates, false);
    assert_eq!(known(), latest);
    // one that was found sets nothing that the view was read from
    ann.write("3").unwrap();
    ledger.update_tracking_refs(&view, &updates, true);
    let now = ledger.view(&[ids()], Freshness::AsKnown).unwrap();
    assert_eq!(now.tip(&ids()).published, remote.tip(&ids().full()));
}
