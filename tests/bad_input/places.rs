//! Repositories that are none, or not quite.

use super::{fails_clearly, refused};
use crate::support::{Repo, World};

const VERBS: [&[&str]; 6] =
    [&["init"], &["new", "A task"], &["list"], &["pick", "1"], &["drop", "1"], &["finish", "1"]];

#[track_caller]
fn all_refused(repo: &Repo, kind: &str) {
    for args in VERBS {
        fails_clearly(repo, args, 128, kind);
    }
}

#[test]
fn no_repository() {
    let world = World::new();
    let nowhere = world.clone("ann").at(world.root().join("tmp"));
    all_refused(&nowhere, "not_a_repository");
    assert_eq!(std::fs::read_dir(world.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_folder_that_does_not_exist() {
    let ann = World::new().clone("ann");
    let run = refused(&ann, &["-C", "absent", "list"], 128, "io");
    assert!(run.stderr.contains("absent"), "{run}");
}

#[test]
fn a_bare_repository() {
    let world = World::new();
    let ann = world.clone("ann");
    all_refused(&ann.at(world.origin()), "bare_repository");
    assert_eq!(ann.at(world.origin()).git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\n");
}

#[test]
fn the_git_directory_itself() {
    let ann = World::new().initialised("ann");
    let run = ann.at(".git").aitask(&["list", "--json"]);
    assert!(run.code == 0 || run.error()["error"]["kind"] == "bare_repository", "{run}");
}

#[test]
fn no_commit_yet() {
    let world = World::new();
    world.git(&["init", "-q", "empty"]);
    let empty = world.clone("ann").at(world.root().join("empty"));
    all_refused(&empty, "no_commit");
    assert!(!world.root().join("empty/aitasks").exists());
    assert_eq!(empty.git(&["for-each-ref"]), "");
}

#[test]
fn a_detached_head_without_a_remote_when_the_task_data_lives_on_a_code_branch() {
    let ann = World::new().clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--on", "main"]).ok();
    ann.task("A task", &[]);
    ann.git(&["switch", "-q", "--detach"]);
    for args in VERBS {
        refused(&ann, args, 128, "detached_head");
    }
}

#[test]
fn not_set_up() {
    let ann = World::new().clone("ann");
    ann.write("aitasks/t1_by_hand.md", "---\nstatus: Ready\n---\nText.\n");
    ann.commit("a task by hand");
    ann.git(&["push", "-q"]);
    for args in [&["pick", "1"][..], &["new", "A task"], &["drop", "1"], &["finish", "1"], &["lock", "1"]] {
        let args = [args, &["--timeout", "5s"]].concat();
        let run = ann.aitask(&[&args[..], &["--json"]].concat());
        assert!(run.code == 1, "{run}");
    }
    for args in [&["pick", "1"][..], &["new", "A task"], &["lock", "1"]] {
        refused(&ann, args, 1, "not_initialised");
    }
}

/// A whole life of a task in a clone made with `options`.
fn works_in_a_clone(options: &[&str]) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.commit("one more, to be cut off");
    ann.git(&["push", "-q"]);
    assert_eq!(ann.task("First", &[]), "1");
    // a path is cloned whole, a URL is not
    let url = format!("file://{}", world.origin().display());
    world.git(&["--git-dir=origin.git", "config", "uploadpack.allowFilter", "true"]);
    world.git(&[&["clone", "-q"], options, &[&url, "job"]].concat());
    let job = ann.at(world.root().join("job"));
    job.git(&["config", "user.email", "job@example.com"]);
    assert_eq!(job.task("Second", &[]), "2");
    job.aitask(&["pick", "1"]).ok();
    job.aitask(&["drop", "1"]).ok();
    job.aitask(&["pick", "2"]).ok();
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
    let work = job.at(world.root().join("job/aiwork/t2_second"));
    work.write("work.txt", "done\n");
    work.commit("work");
    job.aitask(&["finish", "2"]).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
    assert_eq!(world.remote_file("main", "work.txt").as_deref(), Some("done\n"));
    assert!(world.remote_files("main").contains(&"aitasks/archived/t2_second.md".to_owned()));
    assert!(job.aitask(&["list", "--json"]).ok().stdout.contains("t1_first"));
    assert_eq!(job.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_shallow_clone_works() {
    works_in_a_clone(&["--depth=1"]);
}

#[test]
fn a_single_branch_clone_works() {
    works_in_a_clone(&["--single-branch"]);
}

#[test]
fn a_partial_clone_works() {
    works_in_a_clone(&["--filter=blob:none"]);
}

#[test]
fn a_path_with_spaces_quotes_and_letters_of_others() {
    let world = World::new();
    let ann = world.initialised("an n's \"cl\\one\" – ünï\u{1f600}$HOME;#");
    assert_eq!(ann.task("First", &[]), "1");
    let path = ann.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
    assert_eq!(ann.aitask(&["worktree", "path", "1"]).ok().stdout, format!("{path}\n"));
    let work = ann.at(&path);
    work.write("work.txt", "done\n");
    work.commit("work");
    work.aitask(&["show"]).ok();
    ann.aitask(&["finish", "1", "--check", "test -e work.txt"]).ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert_eq!(world.locks(), Vec::<String>::new());
}
