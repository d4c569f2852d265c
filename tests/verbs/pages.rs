//! Every page that a person sees, as it is on a terminal. A change of wording is reviewed in the snapshots.

use crate::support::{Repo, Sleeper, World};
use regex::Regex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the program prints on a terminal of 160 columns, with what differs from run to run replaced.
fn page(repo: &Repo, line: &str) -> String {
    page_at(repo, 160, line)
}

/// The same on a terminal with so many columns.
pub(super) fn page_at(repo: &Repo, columns: usize, line: &str) -> String {
    let bin = env!("CARGO_BIN_EXE_git-aitask");
    let line = format!("stty cols {columns} rows 200 -echo; exec '{bin}' {line}");
    let run = repo.run("sh", &["-c", "script -qec \"$1\" /dev/null </dev/null", "sh", &line]);
    let text = run.stdout.replace("\r\n", "\n").replace("^D\u{8}\u{8}", "");
    let mut text = repo.normalise(&text);
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "<date>"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
        (r"\b[0-9a-f]{7,12}\b", "<oid>"),
        (r"\bpid \d+", "pid <pid>"),
        // Where the view is more than a minute old, since the machine is slow, that is said.
        (r"git aitask: as of [^\n]*\n", ""),
        (r"as of \d[^;]*; ", ""),
        (r"(?:just now|\d+ min ago) *", "<age> "),
        (r"\d+ minutes? old", "<age> "),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

static BEFORE: AtomicU64 = AtomicU64::new(0);

fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Compares pages with those that were reviewed, each by its own name.
fn reviewed(repo: &Repo, pages: &[(&str, &str)]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, line) in pages {
        // a second of its own for each commit: those of one second have no order in the log
        let date = format!("{} +0000", BEFORE.fetch_add(1, Ordering::Relaxed) + now() - 600);
        let repo = repo.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        let text = format!("$ {}\n{}", format!("git aitask {line}").trim_end(), page(&repo, line));
        settings.bind(|| insta::assert_snapshot!(format!("page-{name}"), text));
    }
}

/// A clone of a person on a machine and in a session of their own.
pub(super) fn person(world: &World, name: &str, session: &Sleeper) -> Repo {
    let programs = world.root().join(format!("{name}-programs"));
    world.script(&programs.join("hostname"), &format!("#!/bin/sh\necho {name}-host\n"));
    world.clone(name).with_programs(programs).env("AIT_AGENT_PID", session.pid())
}

#[test]
fn pages_of_one_task_from_init_to_finish() {
    let (world, sleepers) = (World::new(), [Sleeper::new(), Sleeper::new()]);
    let ann = person(&world, "ann", &sleepers[0]);
    reviewed(
        &ann,
        &[
            ("front-before-init", ""),
            ("list-before-init", "list"),
            ("init-dry-run", "init --dry-run"),
            ("init", "init"),
            ("init-again", "init"),
            ("front-empty", ""),
            ("list-empty", "list"),
            ("status-empty", "status"),
            ("new", "new 'Add login' -m 'With e-mail and password.' --priority high --label ui"),
            ("new-depends", "new 'Add logout' -m 'A button.' --depends 1"),
            ("front-ready", ""),
            ("list", "list"),
            ("show", "show 1"),
            ("pick-dry-run", "pick 1 --dry-run"),
            ("pick", "pick 1"),
            ("pick-again", "pick 1"),
            ("front-holding", ""),
            ("list-held", "list"),
            ("show-held", "show 1"),
            ("status", "status"),
            ("locks", "locks"),
            ("whoami", "whoami"),
            ("check", "check"),
            ("doctor", "doctor"),
            ("worktree-list", "worktree list"),
            ("worktree-path", "worktree path 1"),
        ],
    );
    let bob = person(&world, "bob", &sleepers[1]);
    bob.aitask(&["init"]).ok();
    reviewed(&bob, &[("error-held", "pick 1"), ("error-not-holder", "drop 1"), ("error-waits", "pick 2")]);

    let worktree = ann.at("aiwork/t1_add_login");
    worktree.write("login.txt", "login\n");
    reviewed(&ann, &[("error-uncommitted", "finish 1"), ("status-uncommitted", "status")]);
    worktree.git(&["add", "."]);
    worktree.git(&["commit", "-qm", "feature: Add login (t1)"]);
    reviewed(&worktree, &[("front-in-worktree", ""), ("finish-dry-run", "finish --dry-run")]);
    reviewed(&ann, &[("finish", "finish 1"), ("finish-again", "finish 1"), ("log", "log")]);
}

#[test]
fn pages_of_dropped_changed_and_archived_tasks() {
    let (world, sleeper) = (World::new(), Sleeper::new());
    let ann = person(&world, "ann", &sleeper);
    ann.aitask(&["init"]).ok();
    ann.task("Add login", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let worktree = ann.at("aiwork/t1_add_login");
    worktree.write("login.txt", "login\n");
    worktree.git(&["add", "."]);
    worktree.git(&["commit", "-qm", "feature: Add login (t1)"]);
    reviewed(
        &ann,
        &[
            ("drop-dry-run", "drop 1 --dry-run"),
            ("drop", "drop 1"),
            ("pick-kept-branch", "pick 1"),
            ("finish-no-push", "finish 1 --no-push"),
            ("drop-postponed", "drop 1 --status Postponed"),
            ("edit", "edit 1 --priority low --status Ready"),
            ("edit-unchanged", "edit 1 --priority low"),
            ("lock", "lock 1"),
            ("unlock", "unlock 1"),
            ("unlock-again", "unlock 1"),
            ("worktree-add", "worktree add 1"),
            ("worktree-remove", "worktree remove 1"),
            ("pick-no-worktree", "pick 1 --no-worktree"),
            ("archive", "archive 1"),
            ("list-archived", "list --archived"),
            ("reopen", "reopen 1"),
            ("reopen-again", "reopen 1"),
            ("sync", "sync"),
        ],
    );
}

#[test]
fn pages_of_errors() {
    let (world, sleeper) = (World::new(), Sleeper::new());
    let ann = person(&world, "ann", &sleeper);
    reviewed(&ann.at(world.root()), &[("error-no-repository", "list"), ("error-no-repository-front", "")]);
    ann.aitask(&["init"]).ok();
    reviewed(
        &ann,
        &[
            ("error-no-such-task", "show 9"),
            ("error-quiet", "show 9 -q"),
            ("error-nothing-to-pick", "pick --next"),
            ("error-other-word", "claim 3 --base dev"),
            ("error-other-word-without-arguments", "create"),
            ("error-misspelt-verb", "pikc 3"),
            ("error-unknown-option", "pick 3 --force"),
            ("error-help-of-no-verb", "help claim"),
        ],
    );
}
