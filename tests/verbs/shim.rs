//! `git aitask shim`.

use crate::support::{Repo, World};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const LOCK: &str = "scripts/aitask_lock.sh";

/// A clone with an original of one script, and this program on PATH.
fn scene() -> Repo {
    let ann = World::new().initialised_on_main("ann");
    ann.world().script(&ann.path(LOCK), "echo \"original $*\"");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    ann.env("PATH", format!("{}:{path}", program.display()))
}

#[test]
fn callers_by_path_reach_this_program_from_anywhere() {
    let ann = scene();
    ann.world().script(&ann.path("scripts/aitask_claim_id.sh"), "echo original");
    ann.aitask(&["shim", "install", "scripts"]).ok();
    assert_eq!(fs::read_dir(ann.path("scripts")).unwrap().count(), 4);
    let text = ann.read(LOCK);
    assert_eq!((text.lines().count(), text.lines().next()), (2, Some("#!/bin/sh")));
    assert_eq!(ann.run("scripts/aitask_claim_id.sh", &["--peek"]).ok().stdout, "1\n");
    assert_eq!(ann.run(LOCK, &["--lock", "7", "--email", "a@b.c"]).ok().stdout, "Locked task t7\n");
    assert!(
        ann.run("sh", &["-c", "cd scripts && sh aitask_lock.sh --check 7"]).ok().stdout.contains("locked_by: a@b.c")
    );
    assert_eq!(ann.at("scripts").run("./aitask_lock.sh", &["7 8"]).code, 1);
}

#[test]
fn only_an_installation_advises_to_commit_the_shims() {
    let ann = scene();
    let advises = |what| ann.aitask(&["shim", what, "scripts"]).ok().stdout.contains("commit the shims");
    assert_eq!(["install", "remove"].map(advises), [true, false]);
}

#[test]
fn a_removal_says_nothing_of_scripts_that_are_not_there() {
    let ann = scene();
    ann.aitask(&["shim", "install", "scripts"]).ok();
    assert!(ann.aitask(&["shim", "list", "scripts"]).ok().stdout.contains("absent"));
    assert_eq!(ann.aitask(&["shim", "remove", "scripts"]).ok().stdout, "aitask_lock.sh\toriginal\tchanged\n");
}

#[test]
fn installing_again_changes_nothing_and_removing_gives_the_originals_back() {
    let ann = scene();
    let original = ann.read(LOCK);
    assert_eq!(state(&ann, "list"), ("original".to_owned(), false));
    assert_eq!(state(&ann, "install"), ("shim".to_owned(), true));
    assert_eq!(state(&ann, "install"), ("shim".to_owned(), false));
    assert_eq!(ann.read("scripts/aitask_lock.sh.original"), original);
    assert_eq!(state(&ann, "remove"), ("original".to_owned(), true));
    assert_eq!(state(&ann, "remove"), ("original".to_owned(), false));
    assert_eq!(ann.read(LOCK), original);
    assert_eq!(fs::read_dir(ann.path("scripts")).unwrap().count(), 1);
    assert_eq!(fs::metadata(ann.path(LOCK)).unwrap().permissions().mode() & 0o111, 0o111);
}

fn state(ann: &Repo, what: &str) -> (String, bool) {
    let json = ann.aitask(&["shim", what, "scripts", "--json"]).ok().json();
    let scripts = json["scripts"].as_array().unwrap();
    let lock = scripts.iter().find(|shim| shim["script"] == "aitask_lock.sh").unwrap();
    (lock["state"].as_str().unwrap().to_owned(), lock["changed"].as_bool().unwrap())
}

#[test]
fn without_this_program_on_path_the_original_runs() {
    let ann = scene();
    ann.aitask(&["shim", "install", "scripts"]).ok();
    let ann = ann.env("PATH", "/usr/bin:/bin");
    assert_eq!(ann.run(LOCK, &["--list"]).ok().stdout, "original --list\n");
}

#[test]
fn a_script_that_an_upgrade_wrote_over_its_shim_is_said_and_becomes_the_original() {
    let ann = scene();
    ann.aitask(&["shim", "install", "scripts"]).ok();
    ann.world().script(&ann.path(LOCK), "echo newer");
    assert!(ann.aitask(&["shim", "list", "scripts"]).ok().stdout.contains("an upgrade replaced the shim"));
    ann.aitask(&["shim", "install", "scripts", "--dry-run"]).ok();
    assert!(ann.read(LOCK).contains("newer"));
    assert_eq!(state(&ann, "install"), ("shim".to_owned(), true));
    assert!(ann.read("scripts/aitask_lock.sh.original").contains("newer"));
    ann.aitask(&["shim", "remove", "scripts"]).ok();
    assert!(ann.read(LOCK).contains("newer"));
}

#[test]
fn the_dispatcher_of_a_project_is_replaced_too() {
    let ann = scene();
    ann.world().script(&ann.path("ait"), "echo \"original ait $*\"");
    ann.world().script(&ann.path(".aitask-scripts/aitask_ls.sh"), "echo original");
    let ait = ann.read("ait");
    ann.aitask(&["shim", "install", ".aitask-scripts", "--dry-run"]).ok();
    assert_eq!(ann.read("ait"), ait);
    let said = ann.aitask(&["shim", "install", ".aitask-scripts"]).ok();
    assert!(said.stdout.contains("commit the shims and the originals"), "{said}");
    assert_eq!(ann.read("ait.original"), ait);
    ann.task("One", &[]);
    for (place, program) in [(".", "./ait"), ("aitasks", "../ait"), ("..", "ann/ait")] {
        let run = ann.at(place).run(program, &["ls", "-v", "5"]).ok();
        assert!(run.stdout.contains("t1_one.md") && !run.stdout.contains("original"), "{place}\n{run}");
    }
    assert_eq!(ann.run("./ait", &["tui", "x y"]).ok().stdout, "original ait tui x y\n");
    assert_eq!(ann.env("PATH", "/usr/bin:/bin").run("./ait", &["ls"]).ok().stdout, "original ait ls\n");
    ann.aitask(&["shim", "remove", ".aitask-scripts"]).ok();
    assert_eq!((ann.read("ait"), ann.path("ait.original").exists()), (ait, false));
}

#[test]
fn no_folder_is_a_usage_error() {
    let ann = World::new().clone("ann");
    ann.aitask(&["shim", "install", "nowhere"]).fails(2);
    // whatever else it is, it is no folder of scripts
    assert!(ann.aitask(&["shim", "install", "."]).fails(2).stderr.contains("none of the scripts"));
    ann.aitask(&["shim"]).fails(2);
}

#[test]
fn an_edit_of_a_shim_is_kept_when_the_shim_is_removed_or_written_again() {
    let ann = scene();
    let original = ann.read(LOCK);
    for what in ["remove", "install"] {
        ann.aitask(&["shim", "install", "scripts"]).ok();
        let edited = ann.read(LOCK) + &format!("# own edit before {what}\n");
        ann.write(LOCK, &edited);
        let run = ann.aitask(&["shim", what, "scripts", "--dry-run"]).ok();
        assert!(run.stdout.contains("aitask_lock.sh.edited") && ann.read(LOCK) == edited, "{run}");
        let run = ann.aitask(&["shim", what, "scripts"]).ok();
        assert!(run.stdout.contains("the edited shim is kept as aitask_lock.sh.edited"), "{run}");
        let kept = "scripts/aitask_lock.sh.edited";
        assert_eq!(ann.read(kept), edited);
        ann.write(kept, "an earlier edit\n");
        ann.aitask(&["shim", "install", "scripts"]).ok();
        ann.write(LOCK, &edited);
        let run = ann.aitask(&["shim", what, "scripts", "--json"]).fails(1);
        assert!(run.error()["error"]["kind"] == "occupied" && ann.read(LOCK) == edited, "{run}");
        fs::remove_file(ann.path(kept)).unwrap();
        ann.aitask(&["shim", "install", "scripts"]).ok();
        fs::remove_file(ann.path(kept)).unwrap();
    }
    let run = ann.aitask(&["shim", "remove", "scripts"]).ok();
    assert!(!run.stdout.contains("edited") && ann.read(LOCK) == original, "{run}");
}
