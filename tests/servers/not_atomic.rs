//! A server that takes one branch at a time, as Azure DevOps and `CodeCommit` do.

use super::{run, scene, status_of, tasks, work_on};
use crate::support::{Repo, Running, When, World, thorough};
use crate::verbs::init::on_data_branch;
use std::collections::BTreeSet;

fn not_atomic(tasks: usize) -> (World, Repo) {
    let (world, ann) = scene(tasks);
    world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
    (world, ann)
}

const SAID: &str = "has no atomic push";

#[test]
fn it_works_and_is_said_once_in_a_clone() {
    let (world, ann) = not_atomic(2);
    let first = run(&ann, "new third").ok();
    assert_eq!(first.stderr.matches(SAID).count(), 1, "{first}");
    for line in ["pick 1 --no-worktree", "drop 1"] {
        let run = run(&ann, line).ok();
        assert!(!run.stderr.contains(SAID), "{run}");
    }
    work_on(&ann, 2);
    let finished = run(&ann, "finish 2").ok();
    assert!(!finished.stderr.contains(SAID), "{finished}");
    assert_eq!(world.locks(), Vec::<String>::new());
    assert_eq!((tasks(&world), status_of(&world, 1)), (2, "Ready".into()));
    assert!(world.remote_file("main", "work/2").is_some());
    let other = run(&world.clone("bob"), "pick 1").ok();
    assert_eq!(other.stderr.matches(SAID).count(), 1, "{other}");
}

#[test]
fn a_former_holder_pushes_nothing_before_the_locks_are_compared() {
    // On a branch of its own the task data is no part of what is merged.
    let world = World::new();
    let [ann, bob] = ["ann", "bob"].map(|name| on_data_branch(&world, name));
    world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
    let lines = ["finish ID", "finish ID --no-archive", "drop ID", "archive ID", "edit ID --status Postponed"];
    for (id, line) in (1..).zip(lines) {
        run(&ann, &format!("new job{id}")).ok();
        work_on(&ann, id);
        run(&ann, &format!("finish {id} --no-push")).ok(); // so that the next one asks nothing first
        run(&bob, &format!("pick {id} --steal --no-worktree")).ok();
        let branches = || ["main", "aitask-data"].map(|branch| world.remote_branch(branch));
        let before = branches();
        let refused = run(&ann, &format!("{} --json", line.replace("ID", &id.to_string()))).fails(1);
        assert_eq!(refused.error()["error"]["kind"], "not_holder", "{line}\n{refused}");
        assert_eq!((branches(), world.locks().len()), (before, id), "{line}");
    }
}

#[test]
fn races_in_four_clones() {
    let size = if thorough() { 8 } else { 4 };
    let (world, ann) = not_atomic(size);
    let clones = [ann, world.clone("b"), world.clone("c"), world.clone("d")];
    let seat = |n: usize| clones[n % 4].env("GIT_AITASK_TIMEOUT", "55s");
    let burst = |line: &dyn Fn(usize) -> String| {
        let start = |n| seat(n).start(&line(n).split(' ').collect::<Vec<_>>());
        let started: Vec<_> = (0..size).map(start).collect();
        started.into_iter().map(Running::wait).collect::<Vec<_>>()
    };
    let ids: BTreeSet<_> = burst(&|n| format!("new more{n} --json"))
        .into_iter()
        .map(|run| run.ok().json()["task"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), size, "{ids:?}");
    assert_eq!(tasks(&world), 2 * size);

    let runs = burst(&|_| "pick 1 --no-worktree --json".into());
    let winners: Vec<_> = (0..size).filter(|&n| runs[n].code == 0).collect();
    assert_eq!(winners.len(), 1, "{}", runs.iter().map(ToString::to_string).collect::<String>());
    for lost in runs.iter().filter(|run| run.code != 0) {
        assert_eq!(lost.clone().fails(1).error()["error"]["kind"], "held", "{lost}");
    }
    run(&seat(winners[0]), "drop 1").ok();

    for run in burst(&|n| format!("pick {} --no-worktree", n + 1)) {
        run.ok();
    }
    assert_eq!(world.locks().len(), size);
    assert!((1..=size).all(|n| status_of(&world, n) == "Implementing"));
    for run in burst(&|n| format!("drop {}", n + 1)) {
        run.ok();
    }
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!((1..=size).all(|n| status_of(&world, n) == "Ready"));

    (1..=size).for_each(|n| work_on(&seat(n - 1), n));
    for run in burst(&|n| format!("finish {}", n + 1)) {
        run.ok();
    }
    assert_eq!((tasks(&world), world.locks().len()), (size, 0));
    for clone in &clones {
        assert_eq!(clone.git(&["for-each-ref", "refs/heads/aitask/"]), "");
        assert!(!clone.git(&["worktree", "list"]).contains("aiwork"));
    }
}

/// Makes the next command begin as all others do: with what a fetch keeps, and without one because others pushed lately.
fn settle(repo: &Repo) {
    run(repo, "list --fetch").ok();
    let _ = std::fs::remove_file(repo.path(".git/aitask/cache/others-push.origin"));
}

/// Where the last two pushes of `line` are among its git commands, from 1; a fence may come before them.
fn pushes(repo: &Repo, line: &str) -> [usize; 2] {
    settle(repo);
    let (run, commands) = repo.git_commands(&line.split(' ').collect::<Vec<_>>());
    run.ok();
    let found: Vec<_> = (1..=commands.len()).filter(|k| commands[k - 1].starts_with("push")).collect();
    let last = found[found.len().saturating_sub(2)..].try_into();
    last.unwrap_or_else(|_| panic!("{line}: pushes at {found:?} of {commands:#?}"))
}

/// Runs `line` killed between its two pushes, looks, and runs it again.
#[track_caller]
fn killed_between(repo: &Repo, line: &str, pushes: [usize; 2], half: impl Fn()) {
    let args: Vec<_> = line.split(' ').collect();
    settle(repo);
    let killed = repo.killed_at(pushes[0], When::After, &args);
    assert_eq!(killed.signal, Some(9), "{killed}");
    half();
    run(repo, line).ok();
}

#[test]
fn killed_between_the_pushes_the_same_command_finishes() {
    let (world, ann) = not_atomic(3);
    run(&ann, "new fourth").ok();

    // the same verbs on another task show where the pushes are
    let at = [pushes(&ann, "new fifth"), pushes(&ann, "pick 2"), pushes(&ann, "drop 2")];
    killed_between(&ann, "new sixth", at[0], || assert_eq!(tasks(&world), 5));
    assert_eq!(tasks(&world), 6);
    assert_eq!(world.remote_files("main").iter().filter(|file| file.ends_with("_sixth.md")).count(), 1);

    killed_between(&ann, "pick 1", at[1], || {
        assert_eq!(world.locks(), ["t1_lock.yaml"]);
        assert_eq!(status_of(&world, 1), "Ready");
    });
    assert_eq!((world.locks().len(), status_of(&world, 1)), (1, "Implementing".into()));
    assert!(ann.path("aiwork/t1_job1/README.md").is_file());

    killed_between(&ann, "drop 1", at[2], || {
        assert_eq!(world.locks(), ["t1_lock.yaml"]);
        assert_eq!(status_of(&world, 1), "Ready");
    });
    assert_eq!((world.locks().len(), status_of(&world, 1)), (0, "Ready".into()));
    assert!(!ann.path("aiwork/t1_job1").exists());

    work_on(&ann, 2);
    let at = pushes(&ann, "finish 2");
    work_on(&ann, 3);
    killed_between(&ann, "finish 3", at, || {
        assert_eq!(world.locks(), ["t3_lock.yaml"]);
        assert!(world.remote_file("main", "aitasks/archived/t3_job3.md").is_some());
    });
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!(world.remote_file("main", "work/3").is_some());
    assert!(!ann.path("aiwork/t3_job3").exists());
    assert_eq!(ann.git(&["for-each-ref", "refs/heads/aitask/"]), "");

    // The branch comes before the task, which goes on from it then.
    let at = pushes(&ann, "reopen 2");
    killed_between(&ann, "reopen 3", at, || {
        assert!(world.remote_branch("aitask/t3_job3").is_some());
        assert!(world.remote_file("main", "aitasks/archived/t3_job3.md").is_some());
    });
    assert_eq!(status_of(&world, 3), "Ready");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_pick_whose_task_data_moved_after_its_lock_had_landed_is_told_as_what_it_was() {
    let (world, ann) = not_atomic(1);
    let bob = world.clone("bob");
    for (email, took) in [("ann@example.com", "new"), ("carol@example.com", "stolen")] {
        let publish = "@GIT@ pull -q && @GIT@ commit -q --allow-empty -m theirs && @GIT@ push -q";
        let once = format!("mkdir @DIR@/once 2>/dev/null && (cd '{}' && {publish})", bob.top().display());
        let ann = ann.with_git_that(&format!("case \"$*\" in push*aitask-locks*) ;; push*) {once} ;; esac"));
        let picked = run(&ann, &format!("pick 1 --no-worktree --steal --json --email {email}")).ok();
        assert_eq!(picked.json()["took"], took, "{picked}");
        assert!(world.git(&["--git-dir=origin.git", "log", "-2", "--format=%s", "main"]).contains("theirs"));
    }
}

#[test]
fn an_error_after_a_part_has_landed_names_the_part() {
    let (world, ann) = not_atomic(1);
    run(&ann, "new second").ok();
    world.protect("main");
    let refused = run(&ann, "new third").fails(1);
    assert!(refused.stderr.contains("already published: aitask-ids"), "{refused}");
}

#[test]
fn an_error_after_a_part_has_landed_keeps_the_records() {
    let unreachable = "mkdir '@DIR@/once' 2>/dev/null || { echo 'fatal: unable to connect to origin' >&2; exit 128; }";
    // The next push, should it begin before the signal is noticed, waits for it.
    let stopped =
        "mkdir '@DIR@/once' 2>/dev/null || exec sleep 60; @GIT@ \"$@\"; code=$?; kill -TERM $PPID; exit $code";
    for action in [unreachable, stopped] {
        let (world, ann) = not_atomic(1);
        run(&ann, "new second").ok();
        let broken = ann.with_git_that(&format!("if [ \"$1\" = push ]; then {action}; fi"));
        let failed = run(&broken, "pick 1 --no-worktree");
        assert_ne!(failed.code, 0, "{failed}");
        assert_eq!((world.locks().len(), status_of(&world, 1)), (1, "Ready".into()), "{failed}");
        run(&ann, "pick 1 --no-worktree").ok();
        assert_eq!(status_of(&world, 1), "Implementing");
    }
}
