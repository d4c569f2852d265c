//! `git aitask check`.

use super::init::{everything, keys, on_data_branch};
use crate::support::{Repo, Run, World};
use predicates::prelude::*;
use predicates::str::contains;

/// A clone as a job of CI has it: one commit of one branch, no branch checked out, and no home.
fn ci(world: &World, ann: &Repo, branch: &str) -> Repo {
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth", "1", "--single-branch", "--branch", branch, &url, "ci"]);
    let ci = ann.at(world.root().join("ci"));
    ci.git(&["checkout", "-q", "--detach"]);
    let without_home = world.root().join("no home");
    ci.env("HOME", without_home.display()).env("XDG_CONFIG_HOME", without_home.display())
}

fn kinds(repo: &Repo, args: &[&str], code: i32) -> Vec<String> {
    let json = repo.aitask(&[&["check", "--json"], args].concat()).fails(code).json();
    let found = json["findings"].as_array().unwrap().iter();
    found.map(|it| format!("{} {}", it["kind"].as_str().unwrap(), it["path"].as_str().unwrap())).collect()
}

#[test]
fn what_the_verbs_make_is_well_formed() {
    let world = World::new();
    for ann in [world.initialised_on_main("ann"), on_data_branch(&World::new(), "ann")] {
        ann.task("Parent", &[]);
        ann.task("Child", &[("parent", "1")]);
        ann.task("Other", &[("depends", "1")]);
        ann.aitask(&["pick", "1_1"]).ok();
        ann.aitask(&["archive", "1_1"]).ok();
        let before = everything(&ann);
        for args in [&["check", "--strict"][..], &["check", "--fetch", "--strict", "--json"]] {
            let run = ann.aitask(args).ok();
            assert!(run.stdout.contains("active task") || run.json()["counter"] == 3, "{run}");
        }
        assert_eq!(everything(&ann), before);
    }
}

#[test]
fn a_job_of_ci_without_home_set_up_or_network_checks_the_files_of_its_checkout() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.git(&["switch", "-qc", "topic"]);
    ann.write("aitasks/t9_far.md", "---\nstatus: Raedy\ndepends: [8]\n---\n");
    ann.commit("a task by hand");
    ann.git(&["push", "-q", "origin", "topic"]);
    let ci = ci(&world, &ann, "topic");
    ci.git(&["remote", "set-url", "origin", "/nowhere"]);
    let run = ci.aitask(&["check"]).fails(1);
    let (text, path) = (&run.stdout, "aitasks/t9_far.md");
    assert!(text.contains(&format!("{path}:2: the status \"Raedy\" is not known")), "{run}");
    assert!(text.contains(&format!("{path}:3: it depends on t8")), "{run}");
    assert!(text.contains("the id counter is not known here") && run.stderr.is_empty(), "{run}");
    ci.git(&["remote", "set-url", "origin", &format!("file://{}", world.origin().display())]);
    let all =
        [format!("counter_behind {path}"), format!("unknown_status {path}"), format!("unknown_dependency {path}")];
    assert_eq!(kinds(&ci, &["--fetch"], 1), all);
    assert_eq!(kinds(&ann, &[], 1), all);
}

#[test]
fn tasks_with_a_branch_of_their_own_are_fetched_where_they_are_missing() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    let ci = ci(&world, &ann, "main");
    assert_eq!(ci.aitask(&["check", "--json"]).fails(1).error()["error"]["kind"], "not_initialised");
    let json = ci.aitask(&["check", "--json", "--fetch"]).ok().json();
    assert_eq!((&json["branch"], &json["tasks"], &json["counter"]), (&"aitask-data".into(), &1.into(), &2.into()));
    assert_eq!(keys(&json), "schema branch tasks counter errors warnings findings");
    assert_eq!(ci.aitask(&["check", "--json"]).ok().json()["branch"], "aitask-data");
}

#[test]
fn a_warning_fails_only_where_that_is_wanted() {
    let ann = World::new().initialised_on_main("ann");
    ann.write("aitasks/t1_x.md", "---\nstatus: Ready\npriority: urgent\nissue_type: nonsense\n---\n");
    let all = ["counter_behind aitasks/t1_x.md", "unknown_level aitasks/t1_x.md", "unknown_type aitasks/t1_x.md"];
    assert_eq!(kinds(&ann, &[], 1), all);
    ann.git(&["mv", "-f", "aitasks/metadata", "kept"]);
    ann.task("One", &[]);
    std::fs::remove_file(ann.path("aitasks/t1_one.md")).unwrap();
    ann.aitask(&["check"]).ok().assert().stdout(contains("aitasks/t1_x.md:3: warning: priority urgent is not known"));
    ann.aitask(&["check", "--strict"]).fails(1);
}

#[test]
fn in_github_actions_findings_are_annotations_and_the_job_has_a_summary() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[]);
    let summary = ann.world().root().join("summary.md");
    let job = ann.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", summary.display());
    job.aitask(&["check"]).ok();
    ann.write("aitasks/T7,: 100%.md", "");
    let run = job.aitask(&["check"]).fails(1);
    assert!(
        run.stdout.contains("\n::error file=aitasks/T7%2C%3A 100%25.md,line=1::it is no task by its name"),
        "{run}"
    );
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("### git aitask check: 0 errors, 0 warnings in 1 active task\n"), "{text}");
    assert!(text.contains("\n\n    aitasks/T7,: 100%.md:1: it is no task"), "{text}");
    let run = ann.aitask(&["check"]).fails(1);
    assert!(!run.stdout.contains("::error"), "{run}");
}

#[test]
fn hostile_names_and_contents_give_no_command_in_any_form() {
    let ann = World::new().initialised_on_main("ann");
    let job = ann.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", ann.path("summary.md").display());
    ann.write("aitasks/t1_x.md", "---\nstatus: \u{1b}[2J##[set-env name=X;]\u{2028}::set-env name=A::b\n---\n");
    ann.write("aitasks/t2\n::set-env name=B::c##[set-env name=D;]e.md", "");
    ann.write("aitasks/t3\n```\n::set-env name=B::c.md", "");
    for args in [&["check"][..], &["check", "--json"]] {
        let text = job.aitask(args).fails(1).stdout;
        let bad = |line: &str| {
            let line = line.trim_start();
            line.contains("##[")
                || line.starts_with("::set-env")
                || line.contains('\u{1b}')
                || line.contains('\u{2028}')
        };
        assert!(!text.lines().any(bad), "{text}");
    }
    let text = ann.read("summary.md");
    let is_safe =
        |line: &str| line.is_empty() || line.starts_with("### git aitask check: ") || line.starts_with("    ");
    assert!(!text.contains("##[") && text.lines().all(is_safe), "{text}");
    ann.aitask(&["check"]).fails(1).assert().stdout(contains("\u{1b}").not());
}

#[test]
fn a_link_in_the_place_of_a_task_is_named_and_not_followed() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[]);
    std::os::unix::fs::symlink("/etc/passwd", ann.path("aitasks/t1_two.md")).unwrap();
    let all = ["unreadable_file aitasks/t1_two.md", "duplicate_id aitasks/t1_two.md"];
    assert_eq!(kinds(&ann, &[], 1), all);
}

#[test]
fn sync_says_of_the_files_that_it_publishes_what_a_check_finds() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let data = ann.at(".aitask-data");
    // published before, so that a sync has nothing to do with it
    data.write("aitasks/t1_one.md", "---\nstatus: Redy\n---\n");
    ann.aitask(&["sync"]).ok();
    data.write("aitasks/t2_two.md", "---\nstatus: Ready\n");
    data.commit("by hand");
    data.write("aitasks/t1_a_double.md", "---\nstatus: Ready\ndepends: [9, 8]\n---\n");
    data.write("aitasks/t3_good.md", "---\nstatus: Ready\nissue_type: bug\n---\n");
    let notes = |run: Run| {
        let notes = run.ok().json()["notes"].clone();
        notes.as_array().into_iter().flatten().map(|note| note.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = [
        "aitasks/t1_a_double.md:3: it depends on t9, and there is no such task (and 1 more; git aitask check lists them)",
        "aitasks/t1_one.md:1: aitasks/t1_a_double.md has the id 1, too",
        "aitasks/t2_two.md:1: no line --- ends its header",
        "aitasks/t3_good.md:1: its number 3 was not given by the counter, which is at 2",
    ];
    let run = notes(ann.aitask(&["sync", "--json"]));
    assert_eq!(run.len(), expected.len(), "{run:#?}");
    for (note, expected) in run.iter().zip(expected) {
        assert!(note.starts_with(expected), "{note}");
    }
    assert_eq!(notes(ann.aitask(&["sync", "--json"])), Vec::<String>::new());
    // a status that is not that of the lock, which doctor names, too
    ann.aitask(&["pick", "3", "--no-worktree"]).ok();
    let held = data.read("aitasks/t3_good.md");
    data.write("aitasks/t3_good.md", &held.replace("Implementing", "Ready"));
    let run = notes(ann.aitask(&["sync", "--json"]));
    let said = "aitasks/t3_good.md: the task is Ready, and ann@example.com has its lock, which counts";
    assert!(run.iter().any(|note| note.starts_with(said)), "{run:#?}");
    assert!(ann.aitask(&["doctor", "--json"]).fails(1).stdout.contains("lock_without_work"));
    data.write("aitasks/t3_good.md", &(held + "more\n"));
    assert!(!notes(ann.aitask(&["sync", "--json"])).iter().any(|note| note.contains("lock")));
}

#[test]
fn an_annotation_does_not_point_into_the_checkout_where_the_file_is_on_a_branch_of_its_own() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.at(".aitask-data").write("aitasks/t1_one.md", "---\nstatus: Bogus\n---\n");
    ann.aitask(&["sync"]).ok();
    let ci = ci(&world, &ann, "main").env("GITHUB_ACTIONS", "true");
    let run = ci.aitask(&["check", "--fetch"]).fails(1);
    let annotation = "::error title=aitasks/t1_one.md on the branch aitask-data::line 2: the status";
    assert!(run.stdout.contains(annotation) && !run.stdout.contains("::error file="), "{run}");
}
