//! What others wrote moves no cursor, turns no text around and forges no line, whatever shows it.

use super::{push_to, scene};
use crate::support::{Run, World, share};

/// Clears the screen, turns the text around, and more; no line end.
const HOSTILE: &str = "evil\u{1b}[2J\u{1b}]0;title\u{7}\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}\r\u{8}";

/// Nothing in it speaks to a terminal, and colour is none of it.
#[track_caller]
fn harmless(run: &Run) {
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(bad), "{run:?}");
    }
}

/// Somebody else's lock of task 1.
fn lock(world: &World, holder: &str, host: &str) {
    let text = format!(
        "task_id: 1\nlocked_by: {holder}\nlocked_at: 2026-01-01 10:00\nhostname: {host}\npid: 1\npid_starttime: 2\nX: {HOSTILE}\n"
    );
    push_to(world, "aitask-locks", "t1_lock.yaml", &text);
}

#[test]
fn a_hostile_lock_is_shown_harmless_by_everything_that_shows_it() {
    let (world, ann) = scene();
    lock(&world, HOSTILE, HOSTILE);
    for (script, args) in share([
        ("aitask_lock.sh", &["--check", "1"][..]),
        ("aitask_lock.sh", &["check", "1"]),
        ("aitask_lock.sh", &["--list"]),
        ("aitask_lock.sh", &["--lock", "1", "--email", "me@example.com"]),
        ("aitask_lock.sh", &["--cleanup"]),
        ("aitask_lock_diag.sh", &[]),
        ("aitask_pick_own.sh", &["1", "--email", "me@example.com"]),
        ("aitask_pick_own.sh", &["1", "--email", "me@example.com", "--force"]),
    ]) {
        let run = ann.script(script, args);
        harmless(&run);
        assert!(!args.contains(&"--check") || run.stdout.starts_with("task_id: 1\nlocked_by: evil [2J"), "{run:?}");
    }
    lock(&world, HOSTILE, HOSTILE);
    for args in [&["locks"][..], &["list"], &["show", "1"], &["status"], &["pick", "1"], &["log", "1"], &["lock", "1"]]
    {
        harmless(&ann.aitask(args));
        let args = [args, &["--json"]].concat();
        harmless(&ann.aitask(&args));
    }
}

#[test]
fn the_file_of_a_lock_without_anything_hostile_is_shown_to_the_byte() {
    let (world, ann) = scene();
    let text = "task_id: 1\nlocked_by: bob@example.com\n\n\tX:  y é\nno line end";
    push_to(&world, "aitask-locks", "t1_lock.yaml", text);
    assert_eq!(ann.script("aitask_lock.sh", &["--check", "1"]).ok().stdout, text);
}

#[test]
fn the_holder_of_a_lock_forges_no_field() {
    let (world, ann) = scene();
    lock(&world, "bob@example.com|2020-01-01 00:00|here", "host|x");
    let run = ann.script("aitask_lock.sh", &["--lock", "1", "--email", "me@example.com"]).fails(1);
    let line = run.stdout.lines().find(|line| line.starts_with("LOCK_HOLDER:")).expect(&run.stdout);
    assert_eq!(line, "LOCK_HOLDER:bob@example.com 2020-01-01 00:00 here|2026-01-01 10:00|host x");
}

#[test]
fn a_lock_file_without_end_is_held_by_somebody_unknown() {
    let (world, ann) = scene();
    lock(&world, &"x".repeat(100_000), "host");
    let run = ann.aitask(&["pick", "1"]).fails(1);
    assert!(run.stderr.len() < 1000 && run.stderr.contains("unknown"), "{run}");
    assert!(ann.aitask(&["locks"]).ok().stdout.len() < 1000);
}

#[test]
fn a_hostile_task_is_shown_harmless_by_everything_that_shows_it() {
    let (world, ann) = scene();
    let text = format!(
        "---\npriority: {HOSTILE}\nstatus: Ready\nlabels: [{HOSTILE}]\nassigned_to: {HOSTILE}\nissue_type: {HOSTILE}\n\
         depends: [{HOSTILE}]\nboardcol: {HOSTILE}\nfile_references: [{HOSTILE}]\n---\n# {HOSTILE}\n"
    );
    push_to(&world, "main", "aitasks/t2_second.md", &text);
    push_to(&world, "main", "aitasks/metadata/labels.txt", &format!("{HOSTILE}\n"));
    push_to(&world, "main", "aitasks/metadata/task_types.txt", &format!("{HOSTILE}\n"));
    let done = format!(
        "---\nstatus: Done\nissue_type: {HOSTILE}\nlabels: [{HOSTILE}]\ncompleted_at: 2026-01-01 10:00\n---\n{HOSTILE}\n"
    );
    push_to(&world, "main", "aitasks/archived/t3_third.md", &done);
    ann.git(&["pull", "-q"]);
    for (script, args) in share([
        ("aitask_ls.sh", &["-v", "10"][..]),
        ("aitask_ls.sh", &["--type", "none", "10"]),
        ("aitask_labels.sh", &["list"]),
        ("aitask_stats.sh", &["-v", "-d", "400"]),
        ("aitask_board_column.sh", &["current-column", "--task", "2"]),
        ("aitask_query_files.sh", &["recent-archived", "5"]),
        ("aitask_update.sh", &["--batch", "2", "--priority", "high"]),
        ("aitask_pick_own.sh", &["2", "--email", "me@example.com"]),
        ("aitask_find_by_file.sh", &["evil"]),
    ]) {
        harmless(&ann.script(script, args));
    }
    for args in share([
        &["list"][..],
        &["show", "2"],
        &["status"],
        &["pick", "2"],
        &["show", "2"],
        &["edit", "2", "--priority", "low"],
    ]) {
        harmless(&ann.aitask(args));
        harmless(&ann.aitask(&[args, &["--json"]].concat()));
    }
}

#[test]
fn what_a_server_says_is_shown_harmless() {
    let (world, ann) = scene();
    let hook = format!("#!/bin/sh\nprintf '%s\\n' '{HOSTILE}' >&2\nexit 1\n");
    world.script(&world.origin().join("hooks/pre-receive"), &hook);
    for args in share([&["pick", "1"][..], &["new", "More"], &["lock", "1"], &["pick", "1", "--json"]]) {
        let run = ann.env("GIT_AITASK_TRACE", 1).aitask(args);
        assert_ne!(run.code, 0, "{run}");
        harmless(&run);
    }
    for (script, args) in share([
        ("aitask_lock.sh", &["--lock", "1", "--email", "me@example.com"][..]),
        ("aitask_pick_own.sh", &["1", "--email", "me@example.com"]),
        ("aitask_create.sh", &["--batch", "--name", "x", "--desc", "d", "--commit"]),
        ("aitask_sync.sh", &["--batch"]),
        ("aitask_lock_diag.sh", &[]),
    ]) {
        harmless(&ann.script(script, args));
    }
}
