//! What is in the way: of a worktree, of a merge, of taking a task.

use super::{fails_clearly, put, refused, state};
use crate::support::{Repo, World, share};

fn with_task() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("First", &[]);
    (world, ann)
}

fn with_work() -> (World, Repo, Repo) {
    let (world, ann) = with_task();
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_first");
    (world, ann, work)
}

#[test]
fn aiwork_is_a_link_to_elsewhere() {
    let (world, ann) = with_task();
    let elsewhere = world.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, ann.path("aiwork")).unwrap();
    refused(&ann, &["pick", "1"], 1, "occupied");
    refused(&ann, &["pick", "--next"], 1, "occupied");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
}

#[test]
fn aiwork_became_a_link_while_the_task_was_held() {
    let (world, ann, work) = with_work();
    work.write("work.txt", "done\n");
    work.commit("work");
    let elsewhere = world.root().join("elsewhere");
    std::fs::rename(ann.path("aiwork"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, ann.path("aiwork")).unwrap();
    ann.aitask(&["drop", "1"]);
    assert!(elsewhere.join("t1_first/work.txt").exists());
}

#[test]
fn aiwork_is_a_file() {
    let (_world, ann) = with_task();
    ann.write("aiwork", "mine\n");
    refused(&ann, &["pick", "1"], 1, "occupied");
    assert_eq!(ann.read("aiwork"), "mine\n");
}

#[test]
fn the_place_of_the_worktree_is_taken() {
    let (_world, ann) = with_task();
    ann.write("aiwork/t1_first", "a file\n");
    refused(&ann, &["pick", "1"], 1, "occupied");
    std::fs::remove_file(ann.path("aiwork/t1_first")).unwrap();
    ann.write("aiwork/t1_first/notes", "mine\n");
    refused(&ann, &["pick", "1"], 1, "occupied");
    assert_eq!(ann.read("aiwork/t1_first/notes"), "mine\n");
    std::fs::remove_dir_all(ann.path("aiwork/t1_first")).unwrap();
    std::os::unix::fs::symlink(ann.path("nowhere"), ann.path("aiwork/t1_first")).unwrap();
    refused(&ann, &["pick", "1"], 1, "occupied");
    std::fs::remove_file(ann.path("aiwork/t1_first")).unwrap();
    ann.git(&["worktree", "add", "-q", "-b", "other", "aiwork/t1_first"]);
    refused(&ann, &["pick", "1"], 1, "occupied");
    ann.git(&["worktree", "remove", "aiwork/t1_first"]);
    std::fs::create_dir(ann.path("aiwork/t1_first")).unwrap();
    ann.aitask(&["pick", "1"]).ok();
}

#[test]
fn a_branch_of_another_kind_is_in_the_way_of_the_task_branch() {
    let (world, ann) = with_task();
    ann.git(&["branch", "aitask"]);
    let run = ann.aitask(&["pick", "1", "--json"]);
    assert_ne!(run.code, 0, "{run}");
    assert_eq!(world.locks(), Vec::<String>::new(), "the task was taken all the same\n{run}");
}

#[test]
fn a_worktree_whose_folder_is_gone() {
    let (_world, ann, _work) = with_work();
    std::fs::remove_dir_all(ann.path("aiwork/t1_first")).unwrap();
    refused(&ann.env("AIT_AGENT_PID", "1"), &["pick", "1", "--steal"], 1, "occupied");
    ann.aitask(&["list"]).ok();
    ann.aitask(&["status"]).ok();
    // it may have been moved, with work in it
    refused(&ann, &["drop", "1"], 1, "occupied");
    ann.aitask(&["drop", "1", "--discard"]).ok();
}

#[test]
fn uncommitted_work() {
    let (_world, ann, work) = with_work();
    let dirty = |path: &str, text: &str| {
        work.write(path, text);
        for args in share([&["drop", "1"][..], &["finish", "1"]]) {
            let run = refused(&ann, args, 1, "dirty");
            assert!(run.stderr.contains(path.rsplit('/').next_back().unwrap()), "{run}");
        }
        assert_eq!(work.read(path), text);
        work.git(&["reset", "-q", "--hard"]);
        work.git(&["clean", "-qfdx"]);
    };
    dirty("README.md", "changed\n");
    dirty("new.txt", "new\n");
    dirty("deep/new folder/ünï.txt", "new\n");
    work.write("staged.txt", "staged\n");
    work.git(&["add", "staged.txt"]);
    refused(&ann, &["drop", "1"], 1, "dirty");
    ann.aitask(&["drop", "1", "--discard"]).ok();
    assert!(!ann.path("aiwork/t1_first").exists());
}

#[test]
fn ignored_files_are_no_reason_to_refuse_but_the_users_configuration_of_status_is_none_either() {
    let (_world, ann, work) = with_work();
    ann.git(&["config", "status.showUntrackedFiles", "no"]);
    work.write("new.txt", "new\n");
    refused(&ann, &["drop", "1"], 1, "dirty");
    refused(&ann, &["finish", "1"], 1, "dirty");
    assert_eq!(work.read("new.txt"), "new\n");
}

#[test]
fn nothing_to_finish() {
    let (_world, ann, _work) = with_work();
    refused(&ann, &["finish", "1"], 1, "no_commits");
    refused(&ann, &["finish", "1", "--squash"], 1, "no_commits");
    refused(&ann, &["finish", "1", "--ff"], 1, "no_commits");
}

#[test]
fn a_conflict_lists_the_files() {
    let (world, ann, work) = with_work();
    for (repo, text) in [(&work, "ours\n"), (&ann, "theirs\n")] {
        repo.write("one.txt", text);
        repo.write("two words.txt", text);
        repo.write("fine.txt", "same\n");
        repo.commit(text);
    }
    ann.git(&["push", "-q"]);
    for mode in ["--merge", "--squash"] {
        let run = refused(&ann, &["finish", "1", mode], 1, "conflict");
        assert_eq!(run.error()["error"]["files"], serde_json::json!(["one.txt", "two words.txt"]), "{run}");
        assert!(run.hints()[0].contains("git merge"), "{run}");
    }
    refused(&ann, &["finish", "1", "--ff"], 1, "conflict");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn a_check_that_fails() {
    let (_world, ann, work) = with_work();
    work.write("work.txt", "done\n");
    work.commit("work");
    for check in share(["false", "exit 3", "kill -9 $$", "no-such-program", "echo x >../../stray; touch stray; false"])
    {
        let before = super::state(&ann);
        let run = ann.aitask(&["finish", "1", "--check", check, "--json"]).fails(1);
        assert!(run.stderr.contains("check_failed"), "{run}");
        std::fs::remove_file(ann.path("../tmp/stray")).ok();
        assert_eq!(before, super::state(&ann), "{run}");
    }
}

#[test]
fn tasks_that_cannot_be_taken() {
    let (world, ann) = with_task();
    let file = |fields: &str| format!("---\npriority: high\n{fields}\n---\nText.\n").into_bytes();
    put(&world, "main", "aitasks/t2_done.md", &file("status: Done"));
    put(&world, "main", "aitasks/t3_folded.md", &file("status: Folded\nfolded_into: 1"));
    put(&world, "main", "aitasks/archived/t4_old.md", &file("status: Done"));
    put(&world, "main", "aitasks/t5_waits.md", &file("status: Ready\ndepends: [1]"));
    put(&world, "main", "aitasks/t6_parent.md", &file("status: Ready\nchildren_to_implement: [t6_1]"));
    put(&world, "main", "aitasks/t6/t6_1_part.md", &file("status: Ready"));
    ann.git(&["pull", "-q"]);
    let before = state(&ann);
    for (id, kind, says) in [
        ("2", "not_claimable", "Done"),
        ("3", "not_claimable", "Folded"),
        ("4", "not_claimable", "archived"),
        ("5", "blocked", "1"),
        ("6", "not_claimable", "t6_1"),
        ("7", "no_such_task", "t7"),
        ("6_2", "no_such_task", "t6_2"),
    ] {
        let run = fails_clearly(&ann, &["pick", id], 1, kind);
        assert!(run.error()["error"]["message"].as_str().unwrap().contains(says), "{run}");
        for options in share([&["--steal"][..], &["--no-worktree"], &["--ignore-blocked", "--dry-run"]]) {
            let run = ann.aitask(&[&["pick", id, "--json"], options].concat());
            assert_eq!(run.code != 0, kind != "blocked" || options[0] != "--ignore-blocked", "{run}");
        }
    }
    assert_eq!(before, state(&ann), "something changed");
    assert_eq!(world.locks(), Vec::<String>::new());
    refused(&ann, &["pick", "2", "3", "4", "5"], 1, "not_claimable");
    ann.aitask(&["pick", "2", "7", "6_1"]).ok();
    assert_eq!(world.locks(), ["t6_1_lock.yaml"]);
}
