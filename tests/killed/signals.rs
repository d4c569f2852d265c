//! SIGINT, SIGTERM and SIGHUP end everything that was started, leave nothing behind, and are what the program ends by.

use crate::support::{Repo, Run, Running, Sleeper, World, share};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::time::{Duration, Instant};

const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// Notes its process, one of its own in the background that does not want to end, and does not end.
const STUCK: &str =
    "sh -c 'trap \"\" TERM; echo $$ >background; while :; do sleep 1; done' & echo $$ >stuck; exec sleep 600";

/// A clone that holds task 1 with work in it, and a session that lives.
fn held() -> (World, Repo, Sleeper) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").write("work.txt", "work\n");
    ann.at("aiwork/t1_one").commit("work");
    (world, ann, session)
}

/// Waits for a process to note its number; looks again and again, since a file can be waited for in no other way.
#[track_caller]
fn number(note: &Path) -> u32 {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let text = std::fs::read_to_string(note).unwrap_or_default();
        if let Some(number) = text.strip_suffix('\n') {
            return number.parse().unwrap();
        }
        assert!(Instant::now() < until, "{} was never written", note.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process lives. One that has ended, and that nobody has waited for, does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Sends a signal once `note` names a process, and fails unless the program ends by it, soon, and that process with it.
#[track_caller]
fn ended_by(running: Running, signal: Signal, note: &Path) -> Run {
    let child = number(note);
    let pid = Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    let started = Instant::now();
    let run = running.wait();
    assert_eq!(run.signal, Some(signal.as_raw()), "{run}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}\n{run}", started.elapsed());
    assert!(!lives(child), "{} lives on after {signal:?}\n{run}", note.display());
    let _ = std::fs::remove_file(note);
    run
}

/// Fails unless the folder for temporary files is empty, and git knows of no worktree but these.
#[track_caller]
fn nothing_left(world: &World, ann: &Repo, worktrees: usize) {
    let left: Vec<_> =
        std::fs::read_dir(world.root().join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    let list = ann.git(&["worktree", "list", "--porcelain"]);
    assert_eq!(list.matches("worktree ").count(), worktrees, "{list}");
    let notes = ann.run("sh", &["-c", "ls .git/aitask/scratch"]).stdout;
    assert_eq!(notes, "");
}

#[test]
fn the_check_outlived_a_signal() {
    let (world, ann, _session) = held();
    let notes = tempfile::tempdir_in(world.root()).unwrap();
    let (stuck, background) = (notes.path().join("stuck"), notes.path().join("background"));
    let check = format!("cd '{}'; {STUCK}", notes.path().display());
    for signal in share(SIGNALS) {
        let running = ann.start(&["finish", "1", "--check", &check]);
        let other = number(&background);
        let run = ended_by(running, signal, &stuck);
        assert!(run.stderr.contains("stopped by SIG") && run.stdout.is_empty(), "{run}");
        assert!(!lives(other), "{run}");
        std::fs::remove_file(&background).unwrap();
        nothing_left(&world, &ann, 2);
        assert_eq!(world.locks(), ["t1_lock.yaml"]);
    }
    ann.aitask(&["finish", "1", "--check", "test -e work.txt"]).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn the_git_that_reads_objects_outlived_a_signal() {
    let (world, ann, _session) = held();
    let (stuck, background) = (world.root().join("stuck"), world.root().join("background"));
    let reads = format!("if [ \"$1\" = cat-file ]; then cd '{}'; {STUCK}; fi", world.root().display());
    for signal in share(SIGNALS) {
        let running = ann.with_git_that(&reads).start(&["pick", "2"]);
        let other = number(&background);
        let run = ended_by(running, signal, &stuck);
        assert!(!lives(other), "{run}");
        std::fs::remove_file(&background).unwrap();
        nothing_left(&world, &ann, 2);
    }
    ann.aitask(&["pick", "2"]).ok();
}

#[test]
fn the_setup_of_a_worktree_outlived_a_signal() {
    let (world, ann, _session) = held();
    let stuck = world.root().join("stuck");
    for signal in share(SIGNALS) {
        ann.git(&["config", "aitask.worktreeSetup", &format!("cd '{}'; {STUCK}", world.root().display())]);
        ended_by(ann.start(&["pick", "2"]), signal, &stuck);
        nothing_left(&world, &ann, 3);
        ann.git(&["config", "aitask.worktreeSetup", "echo done >ready"]);
        ann.aitask(&["pick", "2"]).ok();
        assert_eq!(ann.at("aiwork/t2_two").read("ready"), "done\n");
        std::fs::remove_file(ann.path("aiwork/t2_two/ready")).unwrap();
        ann.aitask(&["drop", "2"]).ok();
    }
}

/// The same clone with a git that never comes back from this subcommand; where it notes its process.
fn hanging(ann: &Repo, subcommand: &str) -> (Repo, std::path::PathBuf) {
    let note = ann.world().root().join("hangs");
    let script = format!("if [ \"$1\" = {subcommand} ]; then echo $$ >'{}'; exec sleep 600; fi", note.display());
    (ann.with_git_that(&script), note)
}

#[test]
fn a_hanging_network_outlived_a_signal() {
    let (world, ann, _session) = held();
    for signal in share(SIGNALS) {
        let (pushing, note) = hanging(&ann, "push");
        let run = ended_by(pushing.start(&["pick", "2", "--no-worktree"]), signal, &note);
        assert!(run.stderr.contains("run the same command again: it finds out"), "{run}");
        // where nothing is newer, the question for the default branch is all that is asked
        let (asking, note) = hanging(&ann, "ls-remote");
        ended_by(asking.start(&["list", "--fetch"]), signal, &note);
        ann.aitask(&["pick", "2", "--no-worktree"]).ok();
        assert_eq!(world.locks().len(), 2);
        ann.aitask(&["drop", "2"]).ok();
    }
}

#[test]
fn a_push_that_the_server_was_thinking_about_outlived_a_signal() {
    let (world, ann, _session) = held();
    let (note, hook) = (world.root().join("thinks"), world.origin().join("hooks/pre-receive"));
    for signal in share(SIGNALS) {
        let text = format!("#!/bin/sh\ncat >/dev/null\necho $$ >'{}'\nexec sleep 600\n", note.display());
        world.script(&hook, &text);
        let run = ended_by(ann.start(&["pick", "2", "--no-worktree"]), signal, &note);
        assert!(run.stderr.contains("run the same command again: it finds out"), "{run}");
        assert_eq!(world.locks(), ["t1_lock.yaml"], "{run}");
        std::fs::remove_file(&hook).unwrap();
        ann.aitask(&["pick", "2", "--no-worktree"]).ok();
        assert_eq!(world.locks().len(), 2);
        ann.aitask(&["drop", "2"]).ok();
    }
}

#[test]
fn a_hanging_script_outlived_a_signal() {
    let (world, ann, _session) = held();
    for signal in SIGNALS {
        let (asking, note) = hanging(&ann, "fetch");
        ended_by(asking.start_script("aitask_lock.sh", &["--list"]), signal, &note);
        let (pushing, note) = hanging(&ann, "push");
        ended_by(pushing.start_script("aitask_lock.sh", &["--lock", "2", "--email", "ann@example.com"]), signal, &note);
    }
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn a_wait_for_another_command_ends_at_once() {
    let (_world, ann, _session) = held();
    let (pushing, note) = hanging(&ann, "push");
    let first = pushing.start(&["pick", "2", "--no-worktree", "--timeout", "50s"]);
    number(&note);
    let narrating = ann.path("second");
    // it says so when it has waited for a while
    let script = format!("exec \"$0\" new Three --timeout 50s 2>'{}'", narrating.display());
    let second = ann.start_program("sh", &["-c", &script, env!("CARGO_BIN_EXE_git-aitask")]);
    let until = Instant::now() + Duration::from_secs(30);
    while !std::fs::read_to_string(&narrating).unwrap_or_default().contains("waiting for another") {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_raw(i32::try_from(second.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(second.wait().signal, Some(Signal::TERM.as_raw()));
    ended_by(first, Signal::TERM, &note);
}

#[test]
fn a_command_in_a_place_for_reading_outlived_a_signal() {
    let (world, ann, _session) = held();
    let stuck = world.root().join("stuck");
    for signal in share(SIGNALS) {
        let command = format!("cd '{}'; {STUCK}", world.root().display());
        ended_by(ann.start(&["explore", "--", "sh", "-c", &command]), signal, &stuck);
        nothing_left(&world, &ann, 2);
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let (world, ann, _session) = held();
    let (there, go) = (world.root().join("there"), world.root().join("go"));
    let check = format!("echo $$ >'{}'; until [ -e '{}' ]; do sleep 0.01; done", there.display(), go.display());
    let script = "trap '' HUP; exec \"$0\" finish 1 --check \"$1\"";
    let running = ann.start_program("sh", &["-c", script, env!("CARGO_BIN_EXE_git-aitask"), &check]);
    number(&there);
    kill_process(Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap(), Signal::HUP).unwrap();
    std::fs::write(&go, "").unwrap();
    running.wait().ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn a_pick_waited_for_what_a_hook_left_in_the_background() {
    let (world, ann, _session) = held();
    let note = world.root().join("daemon");
    let hook = format!("#!/bin/sh\nsleep 600 &\necho $! >'{}'\n", note.display());
    world.script(&ann.path(".git/hooks/post-checkout"), &hook);
    ann.aitask(&["pick", "2"]).ok();
    let daemon = number(&note);
    assert!(lives(daemon));
    kill_process(Pid::from_raw(i32::try_from(daemon).unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn a_push_that_was_never_begun_was_called_perhaps_published() {
    let (world, ann, _session) = held();
    // The last git before the push sends the signal.
    let ann = ann.with_git_that("[ \"$1\" != fast-import ] || kill -TERM $PPID");
    let run = ann.aitask(&["pick", "2", "--no-worktree"]);
    assert_eq!(run.signal, Some(Signal::TERM.as_raw()), "{run}");
    assert!(run.stderr.contains("stopped by SIGTERM") && !run.stderr.contains("may still be"), "{run}");
    assert!(!ann.path(".git/aitask/held/t2.json").exists());
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}
