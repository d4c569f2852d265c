//! Connections and programs an operation takes as git and strace see them: a connection is a round trip or more, and a
//! program some milliseconds, so that one more is a decision and not an accident.

use super::{CLAIM, LOCK, PICK, lock, project, run};
use crate::support::{Repo, World, can_run, is_stand_in, program};
use std::io::Write as _;

/// The most programs that each operation may start, git's own and ourselves included.
const OPERATIONS: [(&str, &str, usize, &[&str]); 6] = [
    (LOCK, "--lock 1 --email ann@example.com", 15, &["push"]),
    (LOCK, "--check 1", 10, &["fetch"]),
    (LOCK, "--list", 10, &["fetch"]),
    (LOCK, "--unlock 1", 15, &["push"]),
    (CLAIM, "--claim", 16, &["push"]),
    (PICK, "1 --email ann@example.com", 17, &["push"]),
];

/// A project whose connections are counted.
fn counted(tasks: usize) -> (World, Repo) {
    let (world, ann) = project(tasks);
    ann.count_connections();
    (world, ann)
}

#[test]
fn no_figure_depends_on_the_number_of_tasks() {
    let seen = [5, 60].map(|tasks| {
        let (_world, ann) = counted(tasks);
        OPERATIONS.map(|(script, line, _, connections)| {
            ann.connections();
            let (run, commands) =
                ann.git_commands(&[&["compat", script][..], &line.split(' ').collect::<Vec<_>>()].concat());
            let run = run.ok();
            assert_eq!(ann.connections(), connections, "{tasks} tasks\n{run}");
            commands.len()
        })
    });
    assert_eq!(seen[0], seen[1], "git commands of each operation, with 5 and with 60 tasks");
}

#[test]
fn connections_of_refusals_and_of_what_is_so_already() {
    let (world, ann) = counted(3);
    lock(&world.clone("bob"), "1", "bob").ok();
    ann.git(&["fetch", "--quiet", "--no-write-fetch-head"]);
    for (script, line, code, expected) in [
        (LOCK, "--lock 1 --email ann@example.com", 1, &["fetch"][..]),
        (PICK, "1 --email ann@example.com", 1, &["fetch"]),
        (LOCK, "--unlock 3", 0, &["fetch"]),
        (LOCK, "--init", 0, &["fetch"]),
        (LOCK, "--cleanup", 0, &["fetch"]),
        (CLAIM, "--peek", 0, &["fetch"]),
        (CLAIM, "--resync", 0, &["fetch"]),
        (CLAIM, "--init", 0, &["fetch"]),
        (PICK, "--sync", 0, &["fetch"]),
        (PICK, "1 --force --email ann@example.com", 0, &["push"]),
    ] {
        ann.connections();
        let run = run(&ann, script, line).fails(code);
        assert_eq!(ann.connections(), expected, "{run}");
    }
}

#[test]
fn a_view_that_is_old_costs_a_refused_push_and_a_fetch() {
    let (world, ann) = counted(3);
    lock(&world.clone("bob"), "1", "bob").ok();
    ann.connections();
    lock(&ann, "2", "ann").ok();
    assert_eq!(ann.connections(), ["push", "fetch", "push"]);
}

#[test]
fn a_list_of_a_hundred_locks_is_one_connection_and_no_program_more() {
    let (world, ann) = counted(0);
    let mut tree = String::new();
    for n in 1..=100 {
        ann.write("text", &super::peer::four_lines(&n.to_string(), "x@example.com", "far"));
        tree += &format!("100644 blob {}\tt{n}_lock.yaml\n", ann.git(&["hash-object", "-w", "text"]).trim());
    }
    ann.write("text", &tree);
    let script = "git push -q origin $(git commit-tree $(git mktree <text) -p origin/aitask-locks -m many):refs/heads/aitask-locks";
    ann.run("sh", &["-c", script]).ok();
    ann.connections();
    let (listed, calls) = ann.git_commands(&["compat", LOCK, "--list"]);
    assert_eq!((listed.ok().stdout.lines().count(), world.locks().len()), (100, 100));
    assert_eq!(ann.connections(), ["fetch"]);
    let (one, of_one) = counted(0).1.git_commands(&["compat", LOCK, "--list"]);
    one.ok();
    assert!(calls.len() <= of_one.len() + 1, "{calls:#?}\n{of_one:#?}");
}

/// The programs an operation starts as strace counts them, or why it may not.
fn programs(repo: &Repo, script: &str, line: &str) -> Result<usize, String> {
    let log = repo.world().root().join("strace");
    let mut args = vec!["-f", "-qq", "--seccomp-bpf", "-e", "trace=execve", "-o", log.to_str().unwrap()];
    args.extend([env!("CARGO_BIN_EXE_git-aitask"), "compat", script]);
    args.extend(line.split(' '));
    let run = repo.run("strace", &args);
    if run.code != 0 && run.stderr.contains("ptrace") {
        return Err(run.stderr);
    }
    run.ok();
    let text = std::fs::read_to_string(&log).unwrap();
    let starts = |line: &&str| line.ends_with("= 0") && (line.contains("execve(") || line.contains("execve resumed"));
    let started = |line: &&str| starts(line) && !is_stand_in(line);
    Ok(text.lines().filter(started).count())
}

#[test]
fn programs_of_each_operation() {
    const TEST: &str = "programs_of_each_operation";
    if can_run(TEST, program("strace")).is_none() {
        return;
    }
    let (_world, ann) = counted(60);
    let mut seen = Vec::new();
    for (script, line, most, _) in OPERATIONS {
        let Some(count) = can_run(TEST, programs(&ann, script, line)) else { return };
        assert!(count <= most, "{script} {line} starts {count}, {most} at most");
        seen.push(count);
    }
    let _ = writeln!(std::io::stderr(), "programs of lock, check, list, unlock, claim and pick: {seen:?}");
}
