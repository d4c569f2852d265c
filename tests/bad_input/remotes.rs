//! Servers that are away or say no, and names that name nothing.

use super::{all_refused, fails_clearly, misused, refused, state};
use crate::support::{Repo, World, share};

/// Ann, who holds task 1 with work in it; task 2 is free.
fn at_work(world: &World) -> Repo {
    let ann = world.initialised("ann");
    assert_eq!((ann.task("First", &[]), ann.task("Second", &[])), ("1".into(), "2".into()));
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_first");
    work.write("work.txt", "done\n");
    work.commit("work");
    ann
}

const CHANGES: [&[&str]; 8] = [
    &["new", "Third"],
    &["pick", "2"],
    &["drop", "1"],
    &["finish", "1"],
    &["archive", "1"],
    &["lock", "2"],
    &["unlock", "1"],
    &["locks"],
];

#[test]
fn the_remote_is_gone() {
    let world = World::new();
    let ann = at_work(&world);
    let away = world.root().join("away");
    std::fs::rename(world.origin(), &away).unwrap();
    for run in all_refused(&ann, CHANGES, 75, "unreachable") {
        assert!(run.stderr.contains("origin"), "{run}");
    }
    ann.aitask(&["list"]).ok();
    ann.aitask(&["show", "1"]).ok();
    ann.aitask(&["new", "--draft", "An idea"]).ok();
    std::fs::rename(away, world.origin()).unwrap();
    ann.aitask(&["finish", "1"]).ok();
}

#[test]
fn picking_the_next_task_while_the_remote_is_gone_leaves_no_record() {
    let world = World::new();
    let ann = at_work(&world);
    std::fs::rename(world.origin(), world.root().join("away")).unwrap();
    refused(&ann, &["pick", "--next"], 75, "unreachable");
}

#[test]
fn the_server_refuses_everything() {
    let world = World::new();
    let ann = at_work(&world);
    world.script(&world.origin().join("hooks/pre-receive"), "#!/bin/sh\necho 'closed for today' >&2\nexit 1\n");
    for run in all_refused(&ann, CHANGES.into_iter().take(7), 1, "denied") {
        assert!(run.stderr.contains("closed for today") || run.stderr.contains("hook"), "{run}");
    }
    refused(&ann, &["pick", "--next"], 1, "denied");
}

#[test]
fn the_server_refuses_one_branch() {
    for branch in share(["aitask-locks", "aitask-ids"]) {
        let world = World::new();
        let ann = at_work(&world);
        world.protect(branch);
        let changes: &[_] = if branch == "aitask-ids" { &CHANGES[..1] } else { &CHANGES[1..7] };
        for run in all_refused(&ann, changes.iter().copied(), 1, "denied") {
            assert!(run.stderr.contains(branch), "{run}");
        }
    }
}

#[test]
fn names_that_name_nothing() {
    let ann = at_work(&World::new());
    // more than a file's name can have
    let long = "x".repeat(300);
    for name in share(["nope", "../origin.git", "-x", "--upload-pack=touch x", "", "a b", "ext::sh -c touch% x", &long])
    {
        let option = format!("--remote={name}");
        let run = ann.aitask(&["pick", "2", &option, "--json"]);
        if name.is_empty() {
            continue; // as if not given
        }
        assert_eq!(run.code, 2, "{run}");
        let (base, into) = (format!("--base={name}"), format!("--into={name}"));
        let lines = [&["pick", "2", &option][..], &["pick", "2", &base], &["finish", "1", &into]];
        all_refused(&ann, lines, 2, "usage");
    }
    assert!(!ann.path("x").exists());
}

#[test]
fn settings_that_make_no_sense() {
    let ann = at_work(&World::new());
    let before = state(&ann);
    for bad in share(["0", "abc", "-1", "1d", "1.5s", "99999999999999999999h", "0ms"]) {
        let option = format!("--timeout={bad}");
        fails_clearly(&ann, &["list", &option], 2, "usage");
        let run = fails_clearly(&ann.env("GIT_AITASK_TIMEOUT", bad), &["pick", "2"], 2, "usage");
        assert!(run.stderr.contains(bad), "{run}");
    }
    assert_eq!(before, state(&ann), "something changed");
    refused(&ann.env("GIT_AITASK_TIMEOUT", "nonsense"), &["finish", "1"], 2, "usage");
    refused(&ann.env("GIT_AITASK_WORKTREE", "perhaps"), &["pick", "2"], 2, "usage");
    refused(&ann.env("GIT_AITASK_MERGE", "rebase"), &["finish", "1"], 2, "usage");
    ann.git(&["config", "aitask.timeout", "soon"]);
    refused(&ann, &["list"], 2, "usage");
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let ann = at_work(&World::new());
    for args in share([
        &["steal"][..],
        &["pick", "1", "--nope"],
        &["pick", "1", "--next"],
        &["finish", "1", "--ff", "--squash"],
        &["new"],
        &["list", "-n", "many"],
        &["--color", "pink", "list"],
        &["drop", "1", "2"],
        &["archive"],
        &["steal\u{1b}[31m"],
        &["pick", "--\u{1b}[31m"],
    ]) {
        misused(&ann, args);
    }
}
