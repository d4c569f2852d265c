//! `git aitask shim`.

use crate::support::{Repo, World};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const LOCK: &str = "scripts/aitask_lock.sh";

/// A clone with an original of one script, and this program on PATH.
fn scene() -> Repo {
    let ann = World::new().initialised("ann");
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
fn an_update_of_the_original_is_taken_in_and_two_originals_are_refused() {
    let ann = scene();
    ann.aitask(&["shim", "install", "scripts"]).ok();
    ann.world().script(&ann.path(LOCK), "echo newer");
    let run = ann.aitask(&["shim", "install", "scripts"]).fails(1);
    assert!(run.stderr.contains("is another one"), "{run:?}");
    assert!(ann.read(LOCK).contains("newer"));
    fs::remove_file(ann.path("scripts/aitask_lock.sh.original")).unwrap();
    assert_eq!(state(&ann, "install"), ("shim".to_owned(), true));
}

#[test]
fn no_folder_is_a_usage_error() {
    let ann = World::new().clone("ann");
    ann.aitask(&["shim", "install", "nowhere"]).fails(2);
    ann.aitask(&["shim"]).fails(2);
}
