//! A worktree that is ready to work in: files that git ignores are copied into it, and the project's commands know the task.

use crate::support::{Repo, World, share};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;

const WORK: &str = "aiwork/t1_one";

fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    (world, ann)
}

fn ignore(ann: &Repo, patterns: &str) {
    ann.write(".gitignore", patterns);
    ann.git(&["add", "-f", ".gitignore"]);
    ann.git(&["commit", "-q", "-m", "ignored files"]);
    ann.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn ignored_files_that_the_project_names_are_copied() {
    let (_world, ann) = scene();
    ann.write("config/.env", "in the repository\n");
    ann.git(&["add", "config"]);
    ignore(&ann, ".env\n*.key\n/cache/\nlocal\n");
    for (path, text) in
        [(".env", "a\n"), ("a.key", "b\n"), ("cache/deep/x", "c\n"), ("cache/no", "d\n"), ("plain.txt", "e\n")]
    {
        ann.write(path, text);
    }
    ann.write("local/secret", "f\n");
    ann.write(".worktreeinclude", "# for every worktree\n.env\n*.key\n/cache/*\n!/cache/no\nplain.txt\naiwork/\n");
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!(json["worktree"]["copied"], serde_json::json!([".env", "a.key", "cache/deep/x"]));
    let there = ann.at(WORK);
    assert_eq!((there.read(".env"), there.read("cache/deep/x")), ("a\n".into(), "c\n".into()));
    assert_eq!(there.read("config/.env"), "in the repository\n");
}

#[test]
fn nothing_is_copied_through_a_link_or_over_a_file() {
    let (world, ann) = scene();
    let outside = world.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, ann.path("linked")).unwrap();
    ann.git(&["add", "linked"]);
    ignore(&ann, ".env\nlinked/\nkey\n");
    ann.git(&["rm", "-q", "--cached", "linked"]);
    std::fs::remove_file(ann.path("linked")).unwrap();
    ann.write("linked/.env", "secret\n");
    ann.write("key-of-ann", "mine\n");
    std::os::unix::fs::symlink(ann.path("key-of-ann"), ann.path("key")).unwrap();
    ann.write(".worktreeinclude", ".env\nkey\n");
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert!(json["worktree"]["copied"].is_null(), "{json}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    // the file of patterns itself may lead elsewhere
    ann.task("Two", &[]);
    ann.write(".env", "x\n");
    ann.git(&["mv", "-f", ".gitignore", "kept"]);
    std::fs::rename(ann.path("kept"), ann.path(".gitignore")).unwrap();
    std::fs::rename(ann.path(".worktreeinclude"), ann.path("patterns")).unwrap();
    std::os::unix::fs::symlink("patterns", ann.path(".worktreeinclude")).unwrap();
    assert!(ann.aitask(&["pick", "2", "--json"]).ok().json()["worktree"]["copied"].is_null());
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_one_away() {
    let (_world, ann) = scene();
    ignore(&ann, "*.env\n");
    std::fs::create_dir_all(ann.path("target")).unwrap();
    ann.write("a.env", "a\n");
    ann.write("b.env", "b\n");
    ann.write(".worktreeinclude", "*.env\n");
    // a folder in the worktree where the copy is written first
    ann.write("a.env.aitask-part/x", "in the way\n");
    ann.git(&["add", "a.env.aitask-part"]);
    ann.git(&["commit", "-q", "-m", "in the way"]);
    ann.git(&["push", "-q", "origin", "main"]);
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!(json["worktree"]["copied"], serde_json::json!(["b.env"]), "{json}");
    assert!(json["worktree"]["unfinished"].as_str().unwrap().contains("a.env"), "{json}");
}

/// What is copied is what git says by itself: ignored, and named by the file.
#[test]
fn what_is_copied_is_what_git_says_of_any_patterns() {
    let (_world, ann) = scene();
    let pattern =
        prop::sample::select(vec!["*.a", "!x.a", "/d/", "d/**", "**/x*", "e/[xy].b", "*", "!*/", "#c", "x.b/", "\\!z"]);
    let lines = || prop::collection::vec(pattern.clone(), 0..4).prop_map(|lines| lines.join("\n") + "\n");
    let files = prop::sample::subsequence(vec!["x.a", "y.a", "d/x.a", "d/e/x.b", "e/y.b", "x.b", "!z", "e/d/q"], 1..8);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 12, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let run = runner.run(&(lines(), lines(), files), |(ignored, included, files)| {
        ann.git(&["clean", "-qfdx", "-e", "/ai*", "-e", "/.aitask*"]);
        for file in &files {
            ann.write(file, "x\n");
        }
        std::fs::write(
            ann.path(".git/info/exclude"),
            format!("{ignored}/aiwork/\n/aitasks\n/aiplans\n/.aitask-data\n/.worktreeinclude\n"),
        )
        .unwrap();
        ann.write(".worktreeinclude", &included);
        let named = ann.git(&["ls-files", "--others", "--ignored", "--exclude-from=.worktreeinclude"]);
        let is_ignored = |file: &&str| ann.run("git", &["check-ignore", "-q", "--", file]).code == 0;
        let expected: BTreeSet<_> = named
            .lines()
            .filter(|file| {
                !file.starts_with("ai") && !file.starts_with(".aitask") && !file.ends_with(".worktreeinclude")
            })
            .filter(is_ignored)
            .map(str::to_owned)
            .collect();
        let json = ann.aitask(&["worktree", "add", "1", "--json"]).ok().json();
        let copied = json["worktree"]["copied"].as_array().cloned().unwrap_or_default();
        let copied =
            copied.iter().map(|file| file.as_str().unwrap().to_owned()).filter(|file| file != ".worktreeinclude");
        prop_assert_eq!(copied.collect::<BTreeSet<_>>(), expected, "{:?} {:?}", ignored, included);
        ann.aitask(&["worktree", "remove", "1"]).ok();
        Ok(())
    });
    run.unwrap();
}

const TOLD: &str =
    "echo $AITASK_ID $AITASK_NAME $AITASK_BRANCH $((AITASK_PORT % 10)) $(test $PWD = $AITASK_WORKTREE && echo here)";

#[test]
fn the_commands_of_the_project_know_the_task() {
    let (_world, ann) = scene();
    let log = ann.path("told").display().to_string();
    for (setting, word) in
        [("worktreeSetup", "one"), ("worktreeSetup", "two"), ("worktreeTeardown", "end"), ("check", "check")]
    {
        ann.git(&["config", "--add", &format!("aitask.{setting}"), &format!("echo {word} $({TOLD}) >>{log}")]);
    }
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("README.md", "changed\n");
    ann.at(WORK).commit("work");
    ann.aitask(&["finish", "1"]).ok();
    let told = " 1 t1_one aitask/t1_one 0 here\n";
    assert_eq!(ann.read("told"), ["one", "two", "check", "end"].map(|word| format!("{word}{told}")).concat());
}

#[test]
fn a_worktree_that_cannot_be_cleared_stays_and_goes_when_its_work_is_discarded() {
    for verb in share([&["worktree", "remove", "1"][..], &["drop", "1"]]) {
        let (_world, ann) = scene();
        ann.git(&["config", "aitask.worktreeTeardown", "echo x >>../../ran; test -e ../../works"]);
        ann.aitask(&["pick", "1"]).ok();
        ann.at(WORK).write("new", "x\n");
        // where the removal is refused nothing is cleared
        assert_ne!(ann.aitask(verb).code, 0);
        assert!(!ann.path("ran").exists(), "{verb:?}");
        std::fs::remove_file(ann.path(WORK).join("new")).unwrap();
        let run = ann.aitask(verb);
        assert!(format!("{run}").contains("aitask.worktreeTeardown failed"), "{run}");
        assert!(ann.path(WORK).is_dir(), "{run}");
        ann.at(WORK).write("new", "x\n");
        let run = ann.aitask(&["worktree", "remove", "1", "--discard"]).ok();
        assert!(format!("{run}").contains("aitask.worktreeTeardown failed"), "{run}");
        assert!(!ann.path(WORK).exists(), "{run}");
    }
}

#[test]
fn a_command_that_clears_may_use_this_program() {
    let (_world, ann) = scene();
    let binary = env!("CARGO_BIN_EXE_git-aitask");
    ann.git(&["config", "aitask.worktreeTeardown", &format!("cd ../.. && {binary} new 'Left over' -q")]);
    ann.aitask(&["pick", "1"]).ok();
    ann.aitask(&["drop", "1", "--timeout", "10s"]).ok();
    assert!(ann.aitask(&["show", "2"]).ok().stdout.contains("Left over"));
}

#[test]
fn a_worktree_whose_set_up_failed_is_set_up_by_the_next_pick() {
    let (_world, ann) = scene();
    let ann = ann.env("CODEX_THREAD_ID", "a");
    ann.git(&["config", "aitask.worktreeSetup", "echo noise; echo x >>../../ran; test -e ../../works"]);
    let run = ann.aitask(&["pick", "1", "--json"]).ok();
    assert!(run.json()["worktree"]["unfinished"].is_string() && run.stderr.is_empty(), "{run}");
    ann.write("works", "");
    assert!(ann.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["unfinished"].is_null());
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.read("ran"), "x\nx\n");
}

#[test]
fn an_error_of_a_command_of_the_project_is_one_document() {
    let (_world, ann) = scene();
    ann.git(&["config", "aitask.worktreeTeardown", "echo out; echo err >&2; false"]);
    ann.aitask(&["pick", "1"]).ok();
    let run = ann.aitask(&["worktree", "remove", "1", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["output"], "out\nerr", "{run}");
    assert!(run.hints()[0].starts_with("git aitask worktree remove 1 --discard"), "{run}");
    assert_eq!(ann.follow(&run.error()["error"]["hints"][0]).code, 0);
}
