//! The queue of the processes of one clone: they come to the head in the order in which they entered, and nobody who is
//! killed or gives up holds up the others.

use crate::support::{Repo, Running, World, wait_for};

/// The tickets of those who wait.
fn tickets(repo: &Repo) -> Vec<u64> {
    let entries = repo.path(".git/aitask/queue").read_dir().into_iter().flatten().flatten();
    let mut numbers: Vec<_> = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// Keeps the head of the queue until it is dropped.
pub(super) fn occupied(repo: &Repo) -> Running {
    let holder = repo.start_program("flock", &["-F", ".git/aitask/queue.lock", "sleep", "600"]);
    wait_for("the queue is held", || match repo.run("flock", &["-n", ".git/aitask/queue.lock", "true"]) {
        run if run.code == 0 => Err("it is free".to_owned()),
        _ => Ok(()),
    });
    holder
}

/// Starts a command that waits behind those that wait already.
pub(super) fn queued(repo: &Repo, args: &[&str]) -> Running {
    let before = tickets(repo);
    let running = repo.start(args);
    wait_for("it waits", || match tickets(repo) {
        now if now.len() > before.len() => Ok(()),
        now => Err(format!("{now:?}")),
    });
    running
}

/// Nothing of the queue is left but the file that says who is at its head.
#[track_caller]
pub(super) fn nothing_is_left(repo: &Repo) {
    let left = repo.run("sh", &["-c", "ls -A .git/aitask/queue .git/aitask/convoy 2>/dev/null"]).stdout;
    let left: Vec<_> = left.lines().filter(|line| !line.is_empty() && !line.ends_with(':')).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A clone with the tasks 1 to `count`, which is at the head of its own queue.
fn waiting(count: usize) -> (World, Repo, Running) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for n in 1..=count {
        ann.task(&format!("Job {n}"), &[]);
    }
    let holder = occupied(&ann);
    (world, ann, holder)
}

/// The tasks in the order in which they were locked.
fn locked(world: &World) -> Vec<String> {
    let log = world.git(&["--git-dir=origin.git", "log", "--reverse", "--format=%s", "refs/heads/aitask-locks"]);
    let task = |line: &str| Some(line.strip_prefix("ait: Lock task t")?.split(' ').next()?.to_owned());
    log.lines().filter_map(task).collect()
}

#[test]
fn a_command_that_nobody_disturbs_makes_no_ticket() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("Job", &[]);
    ann.aitask(&["lock", "1"]).ok();
    assert!(ann.path(".git/aitask/queue.lock").exists());
    assert!(!ann.path(".git/aitask/queue").exists() && !ann.path(".git/aitask/convoy").exists());
}

#[test]
fn turns_come_in_the_order_of_entry() {
    let (world, ann, holder) = waiting(6);
    let order = ["4", "2", "6", "1", "5", "3"];
    let runs: Vec<_> = order.iter().map(|task| queued(&ann, &["lock", task])).collect();
    drop(holder);
    for run in runs {
        run.wait().ok();
    }
    assert_eq!(locked(&world), order);
    nothing_is_left(&ann);
}

#[test]
fn who_is_killed_while_it_waits_holds_up_nobody_and_lets_nobody_pass() {
    let (world, ann, holder) = waiting(4);
    let order = ["2", "1", "4", "3"];
    let mut runs: Vec<_> = order.iter().map(|task| Some(queued(&ann, &["lock", task]))).collect();
    for n in [1, 2] {
        assert_eq!(runs[n].take().unwrap().kill().signal, Some(9));
    }
    drop(holder);
    for run in runs.into_iter().flatten() {
        run.wait().ok();
    }
    assert_eq!(locked(&world), ["2", "3"]);
    nothing_is_left(&ann);
}

#[test]
fn the_ticket_of_the_last_who_was_killed_goes_with_the_next_command() {
    let (_world, ann, holder) = waiting(2);
    assert_eq!(queued(&ann, &["lock", "1"]).kill().signal, Some(9));
    assert_eq!(tickets(&ann), [1]);
    drop(holder);
    ann.aitask(&["lock", "2"]).ok();
    nothing_is_left(&ann);
}

#[test]
fn who_gives_up_lets_the_next_wait_for_those_before() {
    let (world, ann, holder) = waiting(3);
    let first = queued(&ann, &["lock", "1"]);
    // goes on without its turn
    queued(&ann, &["lock", "2", "--timeout", "1s"]).wait().ok();
    let third = queued(&ann, &["lock", "3"]);
    drop(holder);
    first.wait().ok();
    third.wait().ok();
    assert_eq!(locked(&world), ["2", "1", "3"]);
    nothing_is_left(&ann);
}
