//! Connections and programs an operation takes (specification 10, F11): a connection is a round trip or more, and a
//! program some milliseconds, so that one more is a decision and not an accident.

use super::{CLAIM, LOCK, PICK, lock, project, run};
use crate::support::{Repo, World};
use std::io::Write as _;

/// The most programs that each operation may start, git's own and ourselves included. Wanted for check and list: 10.
const OPERATIONS: [(&str, &str, usize, &[&str]); 6] = [
    (LOCK, "--lock 1 --email ann@example.com", 18, &["push"]),
    (LOCK, "--check 1", 11, &["fetch"]),
    (LOCK, "--list", 12, &["fetch"]),
    (LOCK, "--unlock 1", 18, &["push"]),
    (CLAIM, "--claim", 18, &["push"]),
    (PICK, "1 --email ann@example.com", 32, &["push"]),
];

/// A project whose connections are counted.
fn counted(tasks: usize) -> (World, Repo) {
    let (world, ann) = project(tasks);
    ann.count_connections();
    (world, ann)
}

/// The connections of every operation, in turn.
fn connections(ann: &Repo) -> Vec<Vec<&'static str>> {
    let each = OPERATIONS.map(|(script, line, ..)| {
        ann.connections();
        run(ann, script, line).ok();
        ann.connections()
    });
    each.into()
}

#[test]
fn connections_do_not_depend_on_the_number_of_tasks() {
    for tasks in [5, 60] {
        let (_world, ann) = counted(tasks);
        assert_eq!(connections(&ann), OPERATIONS.map(|(.., expected)| expected.to_vec()), "{tasks} tasks");
    }
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

/// The programs an operation starts as strace counts them; `None` where it cannot.
fn programs(repo: &Repo, script: &str, line: &str) -> Option<usize> {
    let log = repo.world().root().join("strace");
    let mut args = vec!["-f", "-qq", "--seccomp-bpf", "-e", "trace=execve", "-o", log.to_str().unwrap()];
    args.extend([env!("CARGO_BIN_EXE_git-aitask"), "compat", script]);
    args.extend(line.split(' '));
    let run = repo.run("strace", &args);
    if run.code != 0 && run.stderr.contains("ptrace") {
        return None;
    }
    run.ok();
    let text = std::fs::read_to_string(&log).unwrap();
    let started = |line: &&str| line.ends_with("= 0") && (line.contains("execve(") || line.contains("execve resumed"));
    Some(text.lines().filter(started).count())
}

#[test]
fn programs_do_not_depend_on_the_number_of_tasks() {
    if which::which("strace").is_err() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: strace is not installed");
        return;
    }
    let mut seen = Vec::new();
    for tasks in [5, 60] {
        let (_world, ann) = counted(tasks);
        let each = OPERATIONS.map(|(script, line, most, _)| {
            let count = programs(&ann, script, line);
            assert!(count.is_none_or(|count| count <= most), "{script} {line} starts {count:?}, {most} at most");
            count
        });
        seen.push(each);
    }
    let _ = writeln!(std::io::stderr(), "programs of lock, check, list, unlock, claim and pick: {seen:?}");
    assert_eq!(seen[0], seen[1], "with 5 and with 60 tasks");
}
