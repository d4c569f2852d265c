//! Without a remote: what becomes of a swap when the git that makes it is ended, or goes on without us.

use crate::support::{Repo, World, share};
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// A clone without a remote and with so many tasks.
fn local(tasks: usize) -> (World, Repo) {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--on", "main"]).ok();
    for n in 1..=tasks {
        ann.task(&format!("job{n}"), &[]);
    }
    (world, ann)
}

/// The same clone with a git whose first `update-ref` does this.
fn first_swap(ann: &Repo, action: &str) -> Repo {
    ann.with_git_that(&format!("if [ \"$1\" = update-ref ] && mkdir '@DIR@/once' 2>/dev/null; then\n{action}\nfi"))
}

/// Moves the refs, and is killed.
const LANDS: &str = "@GIT@ \"$@\"; kill -9 $$";
/// Moves the refs, and fails.
const LANDS_AND_FAILS: &str = "@GIT@ \"$@\"; exit 1";
/// Is killed, and a process that it started moves the refs if nobody else has.
const LANDS_LATE: &str = "cat >'@DIR@/input'; (sleep 0.1; @GIT@ \"$@\" <'@DIR@/input') >/dev/null 2>&1 & kill -9 $$";
/// Is killed first.
const DOES_NOT_LAND: &str = "kill -9 $$";

fn count(ann: &Repo, what: &str) -> usize {
    ann.git(&["ls-tree", "-r", "--name-only", "main"]).lines().filter(|path| path.contains(what)).count()
}

#[test]
fn a_swap_whose_git_is_killed_is_made_once() {
    for action in share([LANDS, LANDS_AND_FAILS, LANDS_LATE, DOES_NOT_LAND]) {
        let (_world, ann) = local(3);
        first_swap(&ann, action).aitask(&["new", "only once"]).ok();
        assert_eq!(count(&ann, "only_once"), 1, "{action}");
        first_swap(&ann, action).aitask(&["pick", "--next", "--no-worktree"]).ok();
        assert_eq!(ann.aitask(&["locks", "-q"]).ok().stdout.lines().count(), 1, "{action}");
        let before = ann.git(&["rev-list", "--count", "main"]);
        first_swap(&ann, action).aitask(&["edit", "2", "--priority", "high"]).ok();
        let after = ann.git(&["rev-list", "--count", "main"]);
        assert_eq!(before.trim().parse::<usize>().unwrap() + 1, after.trim().parse::<usize>().unwrap(), "{action}");
        first_swap(&ann, action).aitask(&["drop", "1"]).ok();
        assert_eq!(ann.aitask(&["locks", "-q"]).ok().stdout, "", "{action}");
        assert_eq!(ann.git(&["status", "--porcelain"]), "", "{action}");
    }
}

/// Two edits whose swaps are held up, each until its file is there.
fn held_up(world: &World, ann: &Repo) -> Repo {
    let at = world.root().display();
    ann.with_git_that(&format!(
        "if [ \"$1\" = update-ref ]; then
            n=1; mkdir '@DIR@/1' 2>/dev/null || {{ n=2; mkdir '@DIR@/2' 2>/dev/null || n=3; }}
            case $n in
            1) touch '{at}/begun'; until [ -e '{at}/go' ]; do sleep 0.02; done; @GIT@ \"$@\"; e=$?; touch '{at}/landed'; exit $e ;;
            2) touch '{at}/go'; until [ -e '{at}/landed' ]; do sleep 0.02; done ;;
            esac
        fi"
    ))
}

#[track_caller]
fn until_there(path: &std::path::Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_checkout_does_not_stay_behind_a_git_that_outlived_its_command() {
    let (world, ann) = local(2);
    let slow = held_up(&world, &ann);
    let first = slow.start(&["edit", "1", "--priority", "high"]);
    until_there(&world.root().join("begun"));
    first.kill();
    // The first one lands while the second is at its own swap.
    slow.aitask(&["edit", "2", "--priority", "high"]).ok();
    for task in ["t1_job1", "t2_job2"] {
        let published = ann.git(&["show", &format!("main:aitasks/{task}.md")]);
        assert!(published.contains("priority: high"), "{task}\n{published}");
    }
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    ann.write("README.md", "more\n");
    ann.git(&["commit", "-q", "-a", "-m", "my own change"]);
    assert!(ann.git(&["show", "main:aitasks/t1_job1.md"]).contains("priority: high"));
    assert_eq!(std::fs::read_dir(ann.path(".git/aitask/carry")).unwrap().count(), 0);
}

#[test]
fn a_reader_brings_such_a_checkout_forward() {
    let (world, ann) = local(1);
    let slow = held_up(&world, &ann);
    let first = slow.start(&["edit", "1", "--priority", "high"]);
    until_there(&world.root().join("begun"));
    first.kill();
    // Nothing has landed yet, so there is nothing to follow, and nothing to forget.
    assert!(ann.aitask(&["list"]).ok().stdout.contains("medium"));
    std::fs::write(world.root().join("go"), "").unwrap();
    until_there(&world.root().join("landed"));
    assert!(!ann.git(&["status", "--porcelain"]).is_empty());
    assert!(ann.aitask(&["list"]).ok().stdout.contains("high"));
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

/// Runs a command whose first swap lands and does not come back, and ends it by a signal then.
#[track_caller]
fn stopped_after_it_landed(world: &World, ann: &Repo, args: &[&str]) {
    let landed = tempfile::tempdir_in(world.root()).unwrap();
    let note = landed.path().join("landed");
    let running = first_swap(ann, &format!("@GIT@ \"$@\"; touch '{}'; exec sleep 600", note.display())).start(args);
    until_there(&note);
    kill_process(Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    let run = running.wait();
    assert_eq!(run.signal, Some(Signal::TERM.as_raw()), "{run}");
    assert!(run.stdout.is_empty() && run.stderr.contains("it finds out, and finishes the job"), "{run}");
    ann.aitask(args).ok();
}

#[test]
fn a_swap_that_landed_before_a_signal_was_made_again_or_refused() {
    let (world, ann) = local(1);
    stopped_after_it_landed(&world, &ann, &["new", "only once"]);
    assert_eq!(count(&ann, "only_once"), 1);
    stopped_after_it_landed(&world, &ann, &["pick", "1"]);
    ann.at("aiwork/t1_job1").write("work.txt", "work\n");
    ann.at("aiwork/t1_job1").commit("work");
    stopped_after_it_landed(&world, &ann, &["finish", "1", "--squash"]);
    assert_eq!(ann.aitask(&["locks", "-q"]).ok().stdout, "");
    assert_eq!((count(&ann, "work.txt"), count(&ann, "archived/t1_job1")), (1, 1));
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_commit_that_was_made_before_a_signal_is_told() {
    let (world, ann) = local(1);
    let note = world.root().join("landed");
    let slow = first_swap(&ann, &format!("@GIT@ \"$@\"; touch '{}'; exec sleep 600", note.display()));
    let running = slow.start_script("aitask_update.sh", &["--batch", "1", "--priority", "high", "--commit"]);
    until_there(&note);
    kill_process(Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    let run = running.wait();
    assert!(!run.stderr.contains("stopped by"), "{run}");
    assert!(ann.git(&["show", "main:aitasks/t1_job1.md"]).contains("priority: high"), "{run}");
}
