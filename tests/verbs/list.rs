//! `git aitask list`.

use super::init::{everything, keys, local, on_data_branch};
use super::task_object::FREE;
use crate::support::{Repo, World, share};
use predicates::prelude::*;
use predicates::str::contains;

fn ids(repo: &Repo, args: &[&str]) -> String {
    let json = repo.aitask(&[&["list", "--json"], args].concat()).ok().json();
    let ids = json["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap());
    ids.collect::<Vec<_>>().join(" ")
}

/// t1 medium, t2 high, t3 high and low effort, t4 high but waits for t1, t5 with two children.
fn board() -> Repo {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[("label", "ui")]);
    ann.task("Two", &[("priority", "high"), ("type", "bug")]);
    ann.task("Three", &[("priority", "high"), ("effort", "low"), ("label", "api")]);
    ann.task("Four", &[("priority", "high"), ("depends", "1")]);
    ann.task("Five", &[("priority", "low")]);
    ann.task("First", &[("parent", "5")]);
    ann.task("Second", &[("parent", "5")]);
    ann
}

#[test]
fn the_order_and_every_filter() {
    let ann = board();
    assert_eq!(ids(&ann, &[]), "3 2 1 5_1 5 4 5_2");
    assert_eq!(ids(&ann, &["-n", "2"]), "3 2");
    assert_eq!(ids(&ann, &["--ready"]), "3 2 1 5_1");
    assert_eq!(ids(&ann, &["--label", "ui"]), "1");
    assert_eq!(ids(&ann, &["--label", "ui", "--label", "api"]), "3 1");
    assert_eq!(ids(&ann, &["--parent", "t5"]), "5_1 5_2");
    assert_eq!(ids(&ann, &["--children", "t5"]), "5_1 5_2");
    assert_eq!(ids(&ann, &["--type", "bug"]), "2");
    assert_eq!(ids(&ann, &["--priority", "high"]), "3 2 4");
    assert_eq!(ids(&ann, &["--priority", "high", "--effort", "low"]), "3");
    assert_eq!(ids(&ann, &["--priority", "high", "--max", "1"]), "3");
    for (option, value, code) in
        [("--type", "epic", 2), ("--priority", "urgent", 2), ("--effort", "High", 2), ("--parent", "99", 1)]
    {
        for verb in [&["list"][..], &["pick", "--next"]] {
            ann.aitask(&[verb, &[option, value]].concat()).fails(code);
        }
    }
    assert_eq!(ids(&ann, &["--tree"]), "3 2 1 5 5_1 5_2 4");
    assert_eq!(ids(&ann, &["--status", "Postponed"]), "");
    ann.aitask(&["pick", "2", "--no-worktree"]).ok();
    assert_eq!((ids(&ann, &["--mine"]), ids(&ann, &["--status", "Implementing"])), ("2".into(), "2".into()));
    assert_eq!(ids(&ann, &["--ready", "-n", "1"]), "3");
    assert_eq!(ids(&ann.env("GIT_AITASK_EMAIL", "x@example.com"), &["--mine"]), "");
}

#[test]
fn equals_are_in_numeric_order_the_oldest_first() {
    let world = World::new();
    let ann = world.clone("ann");
    for file in ["t9_x", "t10_x", "t100_x", "t9/t9_2_x", "t9/t9_10_x"] {
        let effort = if file.contains('/') { "low" } else { "medium" };
        ann.write(&format!("aitasks/{file}.md"), &format!("---\nstatus: Ready\neffort: {effort}\n---\n"));
        let number = file.replace("t9", "t8").replace("t10", "t12");
        ann.write(&format!("aitasks/archived/{number}.md"), "---\nstatus: Done\n---\n");
    }
    ann.commit("tasks");
    ann.git(&["push", "-q"]);
    ann.aitask(&["init"]).ok();
    assert_eq!(ids(&ann, &[]), "9_2 9_10 9 10 100");
    assert_eq!(ids(&ann, &["--archived"]), "8 8_2 8_10 12 120");
    assert_eq!(ann.aitask(&["pick", "--next", "--json"]).ok().json()["task"]["id"], "9_2");
}

#[test]
fn the_fields_of_a_task() {
    let ann = board();
    let json = ann.aitask(&["list", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema as_of tasks");
    for task in json["tasks"].as_array().unwrap() {
        let is_child = task["id"].as_str().unwrap().contains('_');
        assert_eq!(keys(task), if is_child { FREE.replace("path ", "path parent ") } else { FREE.to_owned() });
    }
    let four = json["tasks"].as_array().unwrap().iter().find(|task| task["id"] == "4").unwrap();
    assert_eq!((&four["depends"], &four["blocked_by"]), (&serde_json::json!(["1"]), &serde_json::json!(["1"])));
    assert_eq!(json["tasks"][4]["children"], serde_json::json!(["5_1", "5_2"]));
    assert_eq!((&json["tasks"][1]["type"], &json["tasks"][2]["labels"]), (&"bug".into(), &serde_json::json!(["ui"])));
    assert!(json["as_of"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn the_fields_of_a_task_in_work() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.write("aiwork/t1_one/new", "x");
    let task = ann.aitask(&["list", "--json"]).ok().json()["tasks"][0].clone();
    assert!(keys(&task).ends_with("blocked_by assigned_to archived lock worktree branch mine"), "{task}");
    assert_eq!(keys(&task["lock"]), "holder host since token session");
    assert_eq!(keys(&task["worktree"]), "path branch dirty ahead behind");
    let state = ["branch", "dirty", "ahead", "behind"].map(|key| task["worktree"][key].to_string());
    assert_eq!(state, ["\"aitask/t1_one\"", "true", "0", "0"]);
    assert_eq!(task["assigned_to"], "ann@example.com");
}

#[test]
fn tabs_when_piped_and_who_holds_what_blocks() {
    let ann = board();
    ann.aitask(&["pick", "3", "--no-worktree"]).ok();
    let text = ann.aitask(&["list"]).ok().stdout;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("3\tImplementing\thigh\tlow\tThree\theld by you on "), "{text}");
    assert_eq!(lines[1], "2\tReady\thigh\tmedium\tTwo\t");
    assert_eq!(lines[5], "4\tReady\thigh\tmedium\tFour\twaits for 1");
    assert!(lines.iter().all(|line| line.matches('\t').count() == 5));
    ann.aitask(&["ls", "--tree"]).ok().assert().stdout(contains("\n  5_1\tReady"));
}

#[test]
fn archived_tasks() {
    let ann = board();
    ann.aitask(&["archive", "1"]).ok();
    assert_eq!((ids(&ann, &["--archived"]), ids(&ann, &["--ready"])), ("1".into(), "3 2 4 5_1".into()));
    assert_eq!(ids(&ann, &["--archived", "--status", "Done", "--label", "ui"]), "1");
    ann.aitask(&["list", "--archived", "--ready"]).fails(2);
}

#[test]
fn the_view_has_an_age_and_fetch_refreshes_it() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    assert_eq!(ids(&bob, &[]), "");
    assert_eq!(ids(&bob, &["--fetch"]), "1");
    // what was brought a moment ago is as good as the present
    let told = |repo: &Repo| repo.aitask(&["list"]).ok().stderr;
    assert_eq!(told(&bob), "");
    // a clone is a fetch, of the time when it was made
    let fresh = world.clone("eve");
    assert!(fresh.aitask(&["list", "--json"]).ok().json()["as_of"].is_string());
    assert_eq!(told(&fresh), "");
    let log = fresh.read(".git/logs/HEAD");
    let when = regex::Regex::new(r"> \d+ [+-]\d{4}\tclone: ").unwrap();
    fresh.write(".git/logs/HEAD", &when.replace(&log, "> 1700000000 +0000\tclone: "));
    assert!(told(&fresh).contains("as of 2023-11-1") && told(&fresh).contains("to update: git aitask list --fetch"));
    fresh.git(&["update-ref", "-d", "refs/remotes/origin/aitask-locks"]);
    assert!(fresh.aitask(&["list", "--json"]).ok().json()["as_of"].is_null());
}

#[test]
fn piped_the_rows_are_all_there_is() {
    let ann = board();
    let eve = ann.world().clone("eve");
    let text = eve.aitask(&["list"]).ok().stdout;
    assert!(text.lines().all(|line| line.matches('\t').count() == 5), "{text}");
    assert_eq!(eve.aitask(&["list", "--label", "nowhere"]).ok().stdout, "");
}

#[test]
fn a_filter_that_finds_nothing_is_not_a_project_without_tasks() {
    let ann = board();
    for args in [&["list", "--label", "nowhere"][..], &["list", "-n", "0"], &["list", "--archived"]] {
        assert_eq!(ann.aitask(args).ok().stderr, "git aitask: no such tasks\n");
    }
}

#[test]
fn before_init_every_verb_names_the_cure() {
    let ann = World::new().clone("ann");
    let run = ann.aitask(&["list"]).ok();
    assert!(format!("{}{}", run.stdout, run.stderr).contains("git aitask init"), "{run}");
    for args in [["pick", "1"], ["lock", "1"], ["drop", "1"], ["show", "1"]] {
        ann.aitask(&args).fails(1).assert().stderr(contains("git aitask init"));
    }
}

#[test]
fn reading_changes_nothing_and_asks_nobody() {
    let ann = board();
    let before = everything(&ann);
    ann.count_connections();
    for args in share([&["list"][..], &["list", "--tree"], &["list", "--mine"], &["list", "--archived"]]) {
        ann.aitask(args).ok();
    }
    assert_eq!(ann.connections(), Vec::<&str>::new());
    ann.git(&["config", "remote.origin.url", ann.world().origin().to_str().unwrap()]);
    assert_eq!(everything(&ann), before);
}

#[test]
fn two_files_of_one_id_are_said() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.write("aitasks/t1_other.md", "---\nstatus: Ready\n---\n");
    ann.commit("twice");
    ann.aitask(&["list"]).ok().assert().stdout(contains("several files have the id 1"));
    assert_eq!(ann.aitask(&["list", "--json"]).ok().json()["duplicates"], serde_json::json!(["1"]));
    // which of them would be meant is not known, so that neither is offered, and why is said
    assert_eq!(ann.aitask(&["status", "--json"]).ok().json()["ready"], serde_json::json!([]));
    ann.git(&["push", "-q"]);
    let nothing = ann.aitask(&["pick", "--next"]).fails(1);
    nothing.assert().stderr(contains("several files have the id 1").and(contains("try: git aitask doctor")));
}

#[test]
fn commits_that_only_this_clone_has_are_listed() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("aitasks/t8_mine.md", "---\nstatus: Editing\n---\n");
    ann.commit("by hand");
    assert_eq!(ids(&ann, &["--status", "Editing"]), "8");
}

#[test]
fn without_a_remote_on_a_data_branch_and_from_anywhere() {
    let ann = local();
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!((ids(&ann, &[]), ids(&ann.at("aiwork/t1_one"), &[])), ("1".into(), "1".into()));
    let run = ann.aitask(&["list"]).ok();
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("not been fetched"), "{run}");
    let world = World::new();
    let bob = on_data_branch(&world, "bob");
    bob.task("One", &[]);
    bob.write("src/x", "");
    assert_eq!((ids(&bob.at("src"), &[]), ids(&bob.at(".aitask-data"), &[])), ("1".into(), "1".into()));
}

#[test]
fn before_init_it_is_empty_and_says_what_to_do() {
    let ann = World::new().clone("ann");
    assert_eq!(ids(&ann, &[]), "");
    let run = ann.aitask(&["list"]).ok();
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("git aitask new") || said.contains("git aitask init"), "{run}");
    ann.aitask(&["list", "--status", "open"]).fails(2);
    ann.aitask(&["list", "-n", "x"]).fails(2);
}
