//! What all verbs have in common: help, errors, colour, where they start, `git aitask` alone.

use super::init::{local, on_data_branch};
use crate::support::{Repo, World};
use predicates::prelude::*;
use predicates::str::contains;

fn bin_on_path() -> String {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn what_a_protected_branch_recommends_can_be_done() {
    let ann = World::new().clone("ann");
    ann.aitask(&["init", "--data-branch", "--dry-run"]).ok();
}

#[test]
fn the_version_is_that_of_the_package() {
    let ann = World::new().clone("ann");
    let version = format!("git-aitask {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(ann.aitask(&["--version"]).ok().stdout, version);
    assert_eq!(ann.aitask(&["-V"]).ok().stdout, version);
}

#[test]
fn errors_are_json_where_that_was_asked_for() {
    let ann = World::new().initialised("ann");
    let run = ann.aitask(&["show", "9", "--json"]).fails(1);
    let error = run.error();
    assert_eq!(
        (super::init::keys(&error), super::init::keys(&error["error"])),
        ("schema error".into(), "kind message hints exit".into())
    );
    assert_eq!((&error["schema"], &error["error"]["exit"], run.stdout.as_str()), (&2.into(), &1.into(), ""));
    for args in
        [&["--json", "nonsense"][..], &["--json", "pick"], &["list", "--json", "-n", "x"], &["show", "x y", "--json"]]
    {
        let error = ann.aitask(args).fails(2).error();
        assert_eq!((&error["error"]["kind"], &error["error"]["exit"]), (&"usage".into(), &2.into()), "{args:?}");
    }
}

/// What clap prints for a command line, by lines; and the error in JSON.
fn usage_error(repo: &Repo, args: &[&str]) -> (Vec<String>, serde_json::Value) {
    let text = repo.aitask(args).fails(2).stderr;
    let lines = text.lines().map(|line| line.trim_start_matches("error: ").trim().to_owned());
    let error = repo.aitask(&[&["--json"], args].concat()).fails(2).error()["error"].clone();
    assert_eq!((&error["kind"], &error["exit"]), (&"usage".into(), &2.into()), "{error}");
    (lines.filter(|line| !line.is_empty() && !line.starts_with("For more information")).collect(), error)
}

#[test]
fn a_usage_error_in_json_loses_nothing_of_its_text() {
    let ann = World::new().clone("ann");
    for args in [
        &["pikc", "1"][..],
        &["nonsense"],
        &["new", "--parnt", "1"],
        &["new", "a", "b"],
        &["pick", "1", "--steal", "--steal"],
        &["lock"],
        &["worktree", "lst"],
        &["list", "-n", "x"],
        &["--color", "alway", "list"],
        &["list", "--color"],
        &["demo", "--agents", "1"],
        &["finish", "--squash", "--ff"],
        &["new", "--parent=", "--", "x", "a\n\n  tip: b\n\nUsage: c"],
        &["help", "nonsense"],
        &["-C", "pick", "drop", "--nonsense"],
    ] {
        let (lines, error) = usage_error(&ann, args);
        let said = crate::support::hints(&error).join(" ");
        let (message, usage) = (error["message"].as_str().unwrap(), error["usage"].as_str().unwrap());
        for line in lines {
            let tip = line.trim_start_matches("tip: ");
            let of_usage = line.trim_start_matches("Usage: ");
            assert!(message.contains(&line) || said.contains(tip) || usage.contains(of_usage), "{line:?} of {error}");
        }
        assert!(usage.starts_with("git aitask") && !message.contains('\n'), "{error}");
        assert!(said.ends_with(" -h"), "{error}");
    }
}

#[test]
fn a_usage_error_in_json_has_what_is_meant_the_usage_and_the_values() {
    let ann = World::new().clone("ann");
    let (_, error) = usage_error(&ann, &["pikc", "1"]);
    assert_eq!(
        error["hints"],
        serde_json::json!([
            { "command": ["git", "aitask", "--json", "pick", "1"], "note": "a similar subcommand exists: 'pick'", "shell": "git aitask --json pick 1" },
            { "command": ["git", "aitask", "-h"], "shell": "git aitask -h" }
        ])
    );
    assert_eq!(
        (&error["message"], &error["usage"]),
        (&"unrecognized subcommand 'pikc'".into(), &"git aitask [OPTIONS] [VERB]".into())
    );
    let (_, error) = usage_error(&ann, &["list", "--color=alway"]);
    assert_eq!(error["possible_values"], serde_json::json!(["auto", "always", "never"]));
    assert_eq!(error["usage"], "git aitask list [OPTIONS]");
    assert_eq!(error["hints"][0]["command"][4], "--color=always");
    assert_eq!(
        error["hints"].as_array().unwrap().last().unwrap()["command"],
        serde_json::json!(["git", "aitask", "list", "-h"])
    );
    let (_, error) = usage_error(&ann, &["worktree", "add", "--bse", "dev"]);
    assert_eq!(
        error["hints"][0]["command"],
        serde_json::json!(["git", "aitask", "--json", "worktree", "add", "--base", "dev"])
    );
    assert_eq!(error["hints"][1]["command"], serde_json::json!(["git", "aitask", "worktree", "add", "-h"]));
    let (_, error) = usage_error(&ann, &["worktree"]);
    assert_eq!(
        (&error["message"], &error["usage"]),
        (&"a verb is missing".into(), &"git aitask worktree [OPTIONS] <VERB>".into())
    );
    assert_eq!(error["possible_values"], serde_json::json!(["add", "list", "remove", "prune", "path"]));
    // what a program asked for counts for the help of a word that is no verb, too
    assert_eq!(ann.aitask(&["help", "claim", "--json"]).fails(2).error()["error"]["kind"], "usage");
}

#[test]
fn a_value_that_the_verb_refuses_is_listed_with_those_that_it_takes() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    for (args, values) in [
        (
            &["edit", "1", "--status", "nonsense"][..],
            &["Ready", "Editing", "Implementing", "Postponed", "Done", "Folded"][..],
        ),
        (&["new", "x", "--priority", "urgent"], &["high", "medium", "low"]),
        (&["drop", "1", "--status", "Done"], &["Ready", "Postponed", "Editing"]),
    ] {
        let (_, error) = usage_error(&ann, args);
        assert_eq!(error["possible_values"], serde_json::json!(values), "{error}");
        let usage = error["usage"].as_str().unwrap();
        assert!(usage.starts_with(&format!("git aitask {}", args[0])), "{error}");
        assert_eq!(crate::support::hints(&error).last().unwrap(), &format!("git aitask {} -h", args[0]));
    }
}

#[test]
fn the_schema_of_a_document_is_shown_without_a_repository_and_without_arguments() {
    let world = World::new();
    let nowhere = world.clone("ann").at(world.root());
    for args in [
        &["--json", "--schema"][..],
        &["--schema", "new"],
        &["finish", "--schema"],
        &["-C", "pick", "worktree", "remove", "--schema"],
        &["lock", "--schema", "--dry-run"],
        &["shim", "install", "--json", "--schema"],
        &["ls", "--schema"],
    ] {
        let run = nowhere.aitask(args).ok();
        let schema: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{run}");
        assert_eq!((&schema["properties"]["schema"]["const"], run.stderr.as_str()), (&2.into(), ""), "{run}");
        assert!(schema["$defs"]["error"]["properties"]["hints"].is_object(), "{run}");
    }
    assert!(nowhere.aitask(&["ls", "--schema"]).ok().stdout.contains("\"git aitask list\""));
    for args in [
        &["explore", "--schema"][..],
        &["worktree", "--schema"],
        &["list", "--nonsense", "--schema"],
        &["claim", "1", "--schema"],
    ] {
        assert_eq!(nowhere.aitask(args).fails(2).error()["error"]["kind"], "usage");
    }
}

#[test]
fn a_word_that_means_a_verb_is_a_usage_error_and_nothing_is_done() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let run = ann.aitask(&["claim", "1", "--base", "main"]).fails(2);
    assert_eq!(run.stderr, "error: there is no verb `claim`\n  try: git aitask pick 1 --base main\n");
    let run = ann.aitask(&["claim", "1", "--json"]).fails(2);
    let error = &run.error()["error"];
    assert_eq!((&error["kind"], &error["exit"]), (&"usage".into(), &2.into()));
    assert_eq!(
        error["hints"],
        serde_json::json!([{ "command": ["git", "aitask", "pick", "1", "--json"], "shell": "git aitask pick 1 --json" }, { "command": ["git", "aitask", "-h"], "shell": "git aitask -h" }])
    );
    assert_eq!((run.stdout.as_str(), world.locks().len()), ("", 0));
    let run = ann.aitask(&["create", "It's $(touch made)"]).fails(2);
    assert!(run.stderr.ends_with("  try: git aitask new 'It'\\''s $(touch made)'\n"), "{run}");
    let run = ann.aitask(&["pikc", "1"]).fails(2);
    assert!(run.stderr.contains("unrecognized subcommand 'pikc'") && run.stderr.contains("'pick'"), "{run}");
}

#[test]
fn help_of_a_verb_is_what_its_option_prints() {
    let ann = World::new().clone("ann");
    let found = ann.env("PATH", bin_on_path());
    for (words, same) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "pick"], &["pick", "--help"]),
        (&["help", "worktree", "add"], &["worktree", "add", "--help"]),
    ] {
        assert_eq!(ann.aitask(words).ok().stdout, ann.aitask(same).ok().stdout);
    }
    // Without a manual page, git itself answers `git aitask --help` only.
    assert_eq!(found.git(&["aitask", "pick", "--help"]), ann.aitask(&["help", "pick"]).ok().stdout);
    assert_eq!(found.git(&["aitask", "-h"]), ann.aitask(&["-h"]).ok().stdout);
    assert_eq!(found.git(&["aitask", "help"]), ann.aitask(&["--help"]).ok().stdout);
    let run = ann.aitask(&["help", "claim"]).fails(2);
    assert!(run.stderr.contains("try: git aitask pick --help"), "{run}");
    ann.aitask(&["help", "nonsense", "--json"]).fails(2);
    ann.aitask(&["help", "compat", "aitask_lock.sh", "--", "-x"]).fails(2);
}

#[test]
fn an_error_in_json_is_all_there_is_on_standard_error() {
    let ann = World::new().initialised("ann");
    let dead = crate::support::Sleeper::new().die();
    let run = ann.env("AIT_AGENT_PID", dead).aitask(&["pick", "9", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "no_such_task");
}

#[test]
fn errors_for_people_say_what_and_what_to_try() {
    let ann = World::new().initialised("ann");
    let run = ann.aitask(&["show", "9"]).fails(1);
    assert_eq!(run.stderr.lines().next(), Some("error: there is no task t9"));
    assert!(run.stderr.contains("  try: git aitask list\n") && run.stdout.is_empty(), "{run}");
    assert_eq!(ann.aitask(&["show", "9", "-q"]).fails(1).stderr, "error: there is no task t9\n");
}

#[test]
fn colour_when_asked_for_and_only_then() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    let coloured = |repo: &Repo, args: &[&str]| {
        let run = repo.aitask(args);
        [run.stdout.contains('\u{1b}'), run.stderr.contains('\u{1b}')]
    };
    assert_eq!(coloured(&ann, &["show", "1"]), [false, false]);
    assert_eq!(coloured(&ann, &["show", "1", "--color", "always"]), [true, false]);
    assert_eq!(coloured(&ann, &["show", "9", "--color=always"]), [false, true]);
    let force = ann.env("CLICOLOR_FORCE", 1);
    assert_eq!(coloured(&force, &["show", "1"]), [true, false]);
    assert_eq!(coloured(&force, &["show", "1", "--color", "never"]), [false, false]);
    assert_eq!(coloured(&force.env("NO_COLOR", 1), &["show", "1"]), [false, false]);
    assert_eq!(coloured(&ann.env("NO_COLOR", 1), &["show", "1", "--color", "always"]), [true, false]);
    assert!(!ann.aitask(&["show", "1", "--json", "--color", "always"]).ok().stdout.contains('\u{1b}'));
    ann.aitask(&["--color", "sometimes"]).fails(2);
}

#[test]
fn colour_as_git_is_configured() {
    let ann = World::new().initialised("ann");
    ann.git(&["config", "color.ui", "always"]);
    assert!(ann.aitask(&["show", "9"]).fails(1).stderr.contains('\u{1b}'));
    assert!(!ann.aitask(&["show", "9", "--color", "never"]).fails(1).stderr.contains('\u{1b}'));
    assert!(!ann.env("NO_COLOR", "1").aitask(&["show", "9"]).fails(1).stderr.contains('\u{1b}'));
}

#[test]
fn git_finds_it_on_the_path_and_an_alias_works() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.write("src/x", "");
    let found = ann.env("PATH", bin_on_path());
    assert!(found.git(&["aitask", "list"]).starts_with("1\tReady"));
    assert!(found.at("src").git(&["aitask", "ls"]).starts_with("1\tReady"));
    assert!(found.at(ann.world().root()).git(&["-C", "ann", "aitask", "list"]).starts_with("1\tReady"));
    let alias = format!("!{}", env!("CARGO_BIN_EXE_git-aitask"));
    ann.git(&["config", "alias.task", &alias]);
    assert!(ann.at("src").git(&["task", "list"]).starts_with("1\tReady"));
}

#[test]
fn from_another_folder_with_c() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let away = ann.at(world.root());
    assert!(away.aitask(&["-C", "ann", "list"]).ok().stdout.starts_with("1\t"));
    assert!(away.aitask(&["list", "-C", ann.top().to_str().unwrap()]).ok().stdout.starts_with("1\t"));
    away.aitask(&["-C", "ann", "pick", "1"]).ok();
    assert!(ann.path("aiwork/t1_one").is_dir());
    assert_ne!(away.aitask(&["-C", "absent", "list"]).code, 0);
    away.aitask(&["list"]).fails(128);
}

#[test]
fn c_adds_up_as_git_s_own_does() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.write("src/x", "");
    ann.at(world.root()).aitask(&["-C", "ann", "-C", "src", "list"]).ok();
}

#[test]
fn quiet_is_the_answer_alone() {
    let ann = World::new().initialised("ann");
    assert_eq!(ann.aitask(&["new", "One", "-q"]).ok().stdout, "1  One\n  aitasks/t1_one.md\n");
    let run = ann.aitask(&["-q", "pick", "1"]).ok();
    run.assert().stdout(contains("next:").not()).stderr("");
}

#[test]
fn traced_every_git_call_is_a_line_with_its_time() {
    let ann = World::new().initialised("ann");
    let line = regex::Regex::new(r"(?m)^\d\d:\d\d:\d\d\.\d{6} \S+ +trace: run_command: git \S.* \(\d+ ms, exit \d+\)$")
        .unwrap();
    for run in [ann.env("GIT_AITASK_TRACE", 1).aitask(&["list"]).ok(), ann.aitask(&["list", "-v"]).ok()] {
        assert!(line.find_iter(&run.stderr).count() >= 2, "{run}");
        assert!(!run.stdout.contains("trace:"));
    }
    assert!(!ann.env("GIT_AITASK_TRACE", 0).aitask(&["list"]).ok().stderr.contains("trace:"));
    // for programs each answer is one document still
    let lines = |document: serde_json::Value| line.is_match(document["trace"][0].as_str().unwrap());
    ann.task("One", &[]);
    let run = ann.aitask(&["show", "1", "-v", "--json"]).ok();
    let trace = run.json()["trace"].to_string();
    assert!(trace.contains("git cat-file --batch") && lines(run.json()), "{run}");
    assert_eq!(run.stderr, "", "{run}");
    assert!(lines(ann.aitask(&["show", "9", "-v", "--json"]).fails(1).error()));
}

#[test]
fn without_a_verb_outside_a_repository() {
    let world = World::new();
    let run = world.clone("ann").at(world.root()).aitask(&[]).fails(128);
    run.assert().stderr(contains("is not inside a git repository").and(contains("demo")).and(contains("git init")));
}

#[test]
fn without_a_verb_in_a_fresh_repository_it_says_what_to_type() {
    let ann = World::new().clone("ann");
    ann.aitask(&[]).ok().assert().stdout(contains("not set up for tasks").and(contains("git aitask init")));
}

#[test]
fn without_a_verb_in_a_repository_without_a_commit_it_says_so() {
    let ann = World::new().clone("ann");
    ann.git(&["init", "-q", "empty"]);
    let run = ann.at("empty").aitask(&["--json"]).fails(128);
    assert_eq!(run.error()["error"]["kind"], "no_commit");
    assert!(run.hints().join("\n").contains("git commit --allow-empty"), "{run}");
}

#[test]
fn without_a_verb_it_says_where_things_stand_and_what_to_type() {
    let world = World::new();
    for ann in [world.initialised("ann"), local(), on_data_branch(&World::new(), "bob")] {
        ann.aitask(&[]).ok().assert().stdout(contains("0 held, 0 ready").and(contains("git aitask new")));
        let next = || ann.aitask(&["--json"]).ok().json()["next"].clone();
        // what is to be filled in is no command that a program would start
        assert_eq!(next()["template"], "git aitask new <title>");
        ann.task("One", &[]);
        ann.task("Two", &[]);
        ann.aitask(&["pick", "1", "--no-worktree"]).ok();
        let run = ann.aitask(&[]).ok();
        run.assert()
            .stdout(contains("1 held, 1 ready").and(contains("next: git aitask show 1   # work on the current")));
        assert_eq!(next()["command"], serde_json::json!(["git", "aitask", "show", "1"]));
        ann.aitask(&["pick", "2"]).ok();
        assert_eq!(ann.aitask(&["--json"]).ok().json()["next"]["cd"], ann.path("aiwork/t2_two").to_str().unwrap());
    }
}

#[test]
fn in_a_hook_the_repository_of_the_environment_counts() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    let program = env!("CARGO_BIN_EXE_git-aitask");
    let hook = format!("#!/bin/sh\n'{program}' new 'From the hook' >hook.out 2>&1\n");
    ann.world().script(&ann.path(".git/hooks/post-commit"), &hook);
    ann.write("code.txt", "x\n");
    ann.commit("code");
    assert!(ann.read("hook.out").contains("2  From the hook"), "{}", ann.read("hook.out"));
}
