//! What `git aitask finish` and `drop` must not destroy, and what `pick` must not run into.

use super::init::{everything, keys, local, on_data_branch};
use crate::support::{Repo, World};
use predicates::prelude::*;
use predicates::str::contains;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const WORK: &str = "aiwork/t1_one";

/// A clone that holds t1 and has committed `work.txt` to its branch.
fn worked() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    work(&ann);
    (world, ann)
}

fn work(ann: &Repo) -> String {
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("the work")
}

/// A bare repository with a worktree of main beside it, two tasks, and the task data on a branch of its own.
fn bare_with_worktrees() -> (World, Repo) {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    world.git(&["clone", "-q", "--bare", "origin.git", "proj.git"]);
    let proj = ann.at(world.root().join("proj.git"));
    proj.git(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    proj.git(&["fetch", "-q"]);
    proj.git(&["worktree", "add", "-q", "../main", "main"]);
    let main = ann.at(world.root().join("main"));
    (world, main)
}

/// Where `pick` put the worktree.
fn pick(repo: &Repo, id: &str) -> PathBuf {
    repo.aitask(&["pick", id, "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().into()
}

/// Fails unless the command is refused with this kind, says this, and has changed nothing.
#[track_caller]
fn refused(repo: &Repo, args: &[&str], kind: &str, says: &str) {
    let before = everything(repo);
    let run = repo.aitask(&[args, &["--json"]].concat()).fails(1);
    assert_eq!((run.error()["error"]["kind"].as_str(), everything(repo)), (Some(kind), before), "{run}");
    assert!(run.stderr.contains(says) || run.hints().join("\n").contains(says), "{run}");
}

#[test]
fn a_branch_that_the_main_checkout_is_on_is_kept() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["switch", "-q", "-c", "aitask/t1_one"]);
    let tip = ann.commit("work");
    let run = ann.aitask(&["finish", "1", "--into", "main"]).ok();
    assert_eq!(ann.git(&["rev-parse", "HEAD"]).trim(), tip, "{run}");
    run.assert().stdout(contains("aitask/t1_one is checked out at"));
}

#[test]
fn beside_a_bare_repository_finish_inside_the_worktree_leaves_no_unborn_branch() {
    let (world, main) = bare_with_worktrees();
    let work = main.at(pick(&main, "1"));
    work.commit("work");
    let json = work.aitask(&["finish", "--json"]).ok().json();
    let flags = ["unlocked", "worktree_removed", "branch_deleted"].map(|key| json[key].as_bool());
    assert_eq!((flags, world.root().join("main").join(WORK).exists()), ([Some(true); 3], false), "{json}");
    main.git(&["rev-parse", "HEAD"]);
}

#[test]
fn a_branch_that_is_checked_out_twice_is_kept() {
    for verb in ["finish", "drop"] {
        let (_world, ann) = worked();
        if verb == "drop" {
            ann.at(WORK).git(&["reset", "-q", "--hard", "main"]);
        }
        // one before and one behind the other in the registry
        ann.git(&["worktree", "add", "-q", "-f", "../a", "aitask/t1_one"]);
        ann.git(&["worktree", "add", "-q", "-f", "../second", "aitask/t1_one"]);
        let run = ann.aitask(&[verb, "1"]).ok();
        assert!(!ann.path(WORK).exists(), "{run}");
        for other in ["../a", "../second"] {
            ann.at(other).git(&["rev-parse", "--verify", "HEAD"]);
        }
        run.assert().stdout(contains("aitask/t1_one is checked out at").and(contains("unmerged commits").not()));
    }
}

#[test]
fn untracked_work_is_kept_where_status_hides_it() {
    let (world, ann) = worked();
    ann.git(&["config", "status.showUntrackedFiles", "no"]);
    let late = ann.path(WORK).join("late.txt");
    world.script(&world.origin().join("hooks/pre-receive"), &format!("#!/bin/sh\necho x >'{}'\n", late.display()));
    let run = ann.aitask(&["finish", "1", "--json"]).ok();
    assert_eq!((run.json()["incomplete"]["kind"].as_str(), late.exists()), (Some("dirty"), true), "{run}");
    std::fs::remove_file(late).unwrap();
    ann.aitask(&["finish", "1"]).ok();
    assert!(!ann.path(WORK).exists());
}

#[test]
fn ignored_files_in_the_main_checkout_are_kept() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.git(&["pull", "-q"]);
    bob.write("secret.cfg", "theirs\n");
    bob.commit("theirs");
    bob.git(&["push", "-q"]);
    ann.write(".git/info/exclude", "secret.cfg\n");
    ann.write("secret.cfg", "mine\n");
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    let lagging = &json["lagging"][0];
    assert_eq!((ann.read("secret.cfg").as_str(), &lagging["branch"]), ("mine\n", &"main".into()), "{json}");
    assert!(lagging["reason"].as_str().unwrap().ends_with(": secret.cfg"), "{json}");
}

#[test]
fn ignored_files_are_kept_without_a_remote() {
    for (mine, theirs) in [("secret", "secret"), ("secret", "secret/deep/er"), ("secret/of/mine", "secret")] {
        let ann = local();
        work(&ann);
        ann.write(".git/info/exclude", "/aiwork/\nsecret\n");
        ann.write(mine, "mine\n");
        ann.at(WORK).write(theirs, "theirs\n");
        ann.at(WORK).git(&["add", "-f", "secret"]);
        ann.at(WORK).commit("theirs");
        refused(&ann, &["finish", "1"], "dirty", "secret");
        assert_eq!(ann.read(mine), "mine\n");
    }
}

#[test]
fn work_in_the_middle_of_a_rebase_refuses_finish() {
    let (_world, ann) = worked();
    let work = ann.at(WORK);
    work.git_fails(&["rebase", "-q", "--exec", "false", "HEAD~1"]);
    for verb in ["finish", "drop"] {
        refused(&ann, &[verb, "1"], "dirty", "rebase");
    }
    work.git(&["rebase", "--abort"]);
    work.git(&["switch", "-q", "--detach"]);
    work.git(&["commit", "-q", "--amend", "-m", "amended"]);
    for verb in ["finish", "drop"] {
        refused(&ann, &[verb, "1"], "dirty", "on no branch");
    }
}

#[test]
fn a_merge_that_is_not_committed_refuses_finish() {
    let (_world, ann) = worked();
    ann.write("other.txt", "other\n");
    ann.commit("other");
    ann.at(WORK).git(&["merge", "-q", "--no-commit", "-s", "ours", "main"]);
    refused(&ann, &["finish", "1"], "dirty", "in the middle of a merge");
}

#[test]
fn a_worktree_in_the_worktree_is_kept_with_its_work() {
    let (_world, ann) = worked();
    ann.at(WORK).git(&["worktree", "add", "-q", "-b", "inner", "aiwork/inner"]);
    let inner = ann.at(ann.path(WORK).join("aiwork/inner"));
    inner.write("new.txt", "new\n");
    refused(&ann, &["finish", "1"], "occupied", "aiwork/inner");
    refused(&ann, &["drop", "1", "--discard"], "occupied", "aiwork/inner");
    assert_eq!(inner.read("new.txt"), "new\n");
}

#[test]
fn beside_a_bare_repository_a_task_picked_in_a_worktree_goes_beside_it() {
    let (_world, main) = bare_with_worktrees();
    let one = pick(&main, "1");
    assert_eq!(pick(&main.at(&one), "2").parent(), one.parent());
}

#[test]
fn the_time_limit_does_not_count_the_check() {
    let (_world, ann) = worked();
    ann.aitask(&["finish", "1", "--timeout", "2s", "--check", "sleep 2.1"]).ok();
}

#[test]
fn a_check_keeps_nobody_waiting_and_runs_once_on_a_tree() {
    let (world, ann) = worked();
    ann.task("Two", &[]);
    world.clone("bob");
    let (root, program) = (world.root().display(), env!("CARGO_BIN_EXE_git-aitask"));
    let check = format!(
        "echo x >>'{root}/count'; cd '{root}/ann' && timeout 5 '{program}' lock 2 && \
         cd ../bob && git commit -q --allow-empty -m x && git push -q"
    );
    ann.aitask(&["finish", "1", "--check", &check]).ok();
    assert_eq!(std::fs::read_to_string(world.root().join("count")).unwrap(), "x\n");
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
}

#[test]
fn a_committed_link_in_the_place_of_the_worktree_is_not_followed() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    std::fs::create_dir(world.root().join("elsewhere")).unwrap();
    std::fs::create_dir(ann.path("aiwork")).unwrap();
    symlink(world.root().join("elsewhere"), ann.path(WORK)).unwrap();
    ann.commit("a link");
    ann.git(&["push", "-q"]);
    refused(&ann, &["pick", "1"], "occupied", "symbolic link");
    assert_eq!(world.root().join("elsewhere").read_dir().unwrap().count(), 0);
}

#[test]
fn a_worktree_with_a_submodule_is_removed() {
    let (world, ann) = worked();
    world.git(&["clone", "-q", "--bare", "origin.git", "sub.git"]);
    let work = ann.at(WORK);
    work.git(&["submodule", "--quiet", "add", world.root().join("sub.git").to_str().unwrap(), "sub"]);
    work.commit("a submodule");
    work.write("sub/new.txt", "new\n");
    refused(&ann, &["finish", "1"], "dirty", "sub");
    let sub = ann.at(ann.path(WORK).join("sub"));
    sub.commit("here alone");
    work.commit("follow");
    let before = world.remote_branch("main");
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert!(sub.read("new.txt") == "new\n" && run.stderr.contains("submodule"), "{run}");
    // Nothing was published either: a commit that names one which nobody else has.
    assert_eq!((world.remote_branch("main"), world.locks().len()), (before, 1));
    sub.git(&["push", "-q", "origin", "HEAD:refs/heads/work"]);
    sub.write("new.txt", "put away\n");
    sub.git(&["stash", "-q"]);
    ann.aitask(&["finish", "1"]).fails(1);
    sub.git(&["stash", "drop", "-q"]);
    ann.aitask(&["finish", "1"]).ok();
    ann.task("Two", &[]);
    let two = ann.at(pick(&ann, "2"));
    two.git(&["submodule", "--quiet", "update", "--init"]);
    assert_eq!(ann.aitask(&["drop", "2", "--json"]).ok().json()["worktree_removed"], true);
}

#[test]
fn an_ignored_file_in_a_clone_in_the_worktree_keeps_both() {
    let (world, ann) = worked();
    let there = ann.at(WORK);
    there.git(&["clone", "-q", world.origin().to_str().unwrap(), "lib"]);
    there.write("lib/.git/info/exclude", "secret\n");
    there.write("lib/secret", "mine\n");
    for verb in ["finish", "drop"] {
        refused(&ann, &[verb, "1"], "dirty", "lib");
    }
    assert_eq!(there.read("lib/secret"), "mine\n");
    std::fs::remove_file(ann.path(WORK).join("lib/secret")).unwrap();
    ann.aitask(&["finish", "1"]).ok();
    assert!(!ann.path(WORK).exists());
}

#[test]
fn ignored_files_in_a_submodule_are_counted() {
    let (world, ann) = worked();
    world.git(&["clone", "-q", "--bare", "origin.git", "sub.git"]);
    let work = ann.at(WORK);
    work.git(&["submodule", "--quiet", "add", world.root().join("sub.git").to_str().unwrap(), "deep/sub"]);
    work.commit("a submodule");
    ann.write(".git/info/exclude", "*.log\naiwork/\n");
    ann.write(".git/worktrees/t1_one/modules/deep/sub/info/exclude", "secret\n");
    work.write("run.log", "x\n");
    work.write("deep/sub/secret", "mine\n");
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    let notes = json["notes"].to_string();
    assert!(notes.contains("2 ignored files go with ") && notes.contains("deep/sub/secret"), "{json}");
}

#[test]
fn edits_that_git_status_does_not_show_are_uncommitted_work() {
    let (_world, ann) = worked();
    let there = ann.at(WORK);
    let before = there.read("README.md");
    for mark in ["assume-unchanged", "skip-worktree"] {
        there.git(&["update-index", &format!("--{mark}"), "README.md"]);
        there.write("README.md", "two hours of work\n");
        for line in [&["drop", "1"][..], &["worktree", "remove", "1"], &["finish", "1"]] {
            refused(&ann, line, "dirty", &format!("git update-index --no-{mark}: README.md"));
            assert_eq!(there.read("README.md"), "two hours of work\n");
        }
        // The mark alone is no work, nor is a file that a sparse checkout leaves out.
        there.write("README.md", &before);
        ann.aitask(&["drop", "1", "--dry-run"]).ok();
        there.git(&["update-index", &format!("--no-{mark}"), "README.md"]);
    }
    there.git(&["update-index", "--skip-worktree", "README.md"]);
    std::fs::remove_file(ann.path(WORK).join("README.md")).unwrap();
    ann.aitask(&["finish", "1"]).ok();
    assert!(!ann.path(WORK).exists());
}

#[test]
fn edits_that_git_status_does_not_show_in_a_submodule_are_uncommitted_work() {
    let (world, ann) = worked();
    let sub = world.git(&["clone", "-q", "--bare", "origin.git", "sub.git"]);
    assert_eq!(sub, "");
    let there = ann.at(WORK);
    there.git(&["submodule", "--quiet", "add", world.root().join("sub.git").to_str().unwrap(), "deep/sub"]);
    there.commit("a submodule");
    let inside = ann.at(format!("{WORK}/deep/sub"));
    inside.git(&["update-index", "--assume-unchanged", "README.md"]);
    inside.write("README.md", "two hours of work\n");
    refused(&ann, &["finish", "1"], "dirty", "deep/sub/README.md");
    assert_eq!(inside.read("README.md"), "two hours of work\n");
    inside.git(&["update-index", "--no-assume-unchanged", "README.md"]);
    inside.git(&["checkout", "-q", "README.md"]);
    ann.aitask(&["finish", "1"]).ok();
}

#[test]
fn ignored_files_that_go_with_a_worktree_are_counted() {
    let (_world, ann) = worked();
    for title in ["Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.write(".git/info/exclude", "*.log\n/cache/\naiwork/\n");
    let fill = |place: &str| {
        ann.write(&format!("{place}/run.log"), "x\n");
        ann.write(&format!("{place}/cache/a"), "x\n");
    };
    let says = |line: &[&str]| {
        let run = ann.aitask(&[line, &["--json"]].concat()).ok();
        assert!(run.json()["notes"].to_string().contains("2 ignored files go with "), "{run}");
        assert!(run.stdout.contains("cache/a") && run.stdout.contains("run.log"), "{run}");
    };
    fill(WORK);
    says(&["finish", "1"]);
    ann.aitask(&["pick", "2"]).ok();
    fill("aiwork/t2_two");
    says(&["worktree", "remove", "2"]);
    ann.aitask(&["drop", "2"]).ok();
    ann.aitask(&["pick", "3"]).ok();
    fill("aiwork/t3_three");
    says(&["drop", "3"]);
}

#[test]
fn a_clean_clone_in_the_worktree_blocks_nothing() {
    let (world, ann) = worked();
    ann.write(".gitignore", "vendor/\n");
    ann.commit("ignored");
    ann.git(&["push", "-q"]);
    let there = ann.at(WORK);
    there.git(&["merge", "-q", "--no-edit", "main"]);
    let origin = world.origin();
    for place in ["vendor/lib", "lib"] {
        there.git(&["clone", "-q", origin.to_str().unwrap(), place]);
        let clone = ann.at(format!("{WORK}/{place}"));
        clone.git(&["commit", "-q", "--allow-empty", "-m", "own"]);
        refused(&ann, &["drop", "1"], "dirty", "lib");
        clone.git(&["reset", "-q", "--hard", "HEAD~1"]);
        clone.write("new.txt", "new\n");
        refused(&ann, &["drop", "1"], "dirty", "lib");
        std::fs::remove_file(ann.path(WORK).join(place).join("new.txt")).unwrap();
    }
    ann.aitask(&["finish", "1"]).ok();
    assert!(!ann.path(WORK).exists());
}

#[test]
fn commits_of_a_submodule_are_kept_in_a_worktree_that_was_cut_off() {
    let (world, ann) = worked();
    world.git(&["clone", "-q", "--bare", "origin.git", "sub.git"]);
    let work = ann.at(WORK);
    work.git(&["submodule", "--quiet", "add", world.root().join("sub.git").to_str().unwrap(), "deep/sub"]);
    let sub = ann.at(ann.path(WORK).join("deep/sub"));
    sub.commit("here alone");
    work.commit("a submodule");
    let lock = ann.path(".git/worktrees/t1_one/locked");
    std::fs::write(&lock, "initializing").unwrap();
    ann.run("touch", &["-d", "1 hour ago", lock.to_str().unwrap()]).ok();
    refused(&ann, &["worktree", "remove", "1"], "dirty", "submodule");
    sub.git(&["push", "-q", "origin", "HEAD:refs/heads/work"]);
    ann.aitask(&["worktree", "remove", "1"]).ok();
    assert!(!ann.path(WORK).exists());
}

#[test]
fn a_worktree_that_was_moved_by_hand_is_not_taken_for_gone() {
    let (world, ann) = worked();
    std::fs::rename(ann.path(WORK), world.root().join("moved")).unwrap();
    let moved = ann.at(world.root().join("moved"));
    moved.write("new.txt", "new\n");
    for verb in ["finish", "drop"] {
        refused(&moved, &[verb, "1"], "occupied", "git worktree repair");
    }
    moved.git(&["status"]);
    moved.git(&["worktree", "repair"]);
    refused(&moved, &["finish"], "dirty", "new.txt");
}

#[test]
fn a_branch_below_the_task_branch_is_found_before_the_task_is_taken() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.git(&["branch", "aitask/t1_one/sub"]);
    refused(&ann, &["pick", "1"], "occupied", "aitask/t1_one/sub");
}

#[test]
fn a_line_of_its_own_is_added_to_info_exclude() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    std::fs::write(ann.path(".git/info/exclude"), b"caf\xe9.txt").unwrap();
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(std::fs::read(ann.path(".git/info/exclude")).unwrap(), b"caf\xe9.txt\n/aiwork/\n");
}

#[test]
fn a_check_with_a_linked_or_relative_folder_for_temporary_files_leaves_no_worktree() {
    let (world, ann) = worked();
    symlink(world.root().join("tmp"), world.root().join("link")).unwrap();
    let link = world.root().join("link");
    for dir in [link.to_str().unwrap(), "../tmp"] {
        let ann = ann.env("TMPDIR", dir);
        ann.aitask(&["finish", "1", "--check", "exit 3"]).fails(1).assert().stderr(contains("exit 3"));
        assert_eq!(ann.git(&["worktree", "list"]).lines().count(), 2);
    }
    assert_eq!(world.root().join("tmp").read_dir().unwrap().count(), 0);
}

#[test]
fn the_commits_of_a_task_squashed_twice_are_kept() {
    let (_world, ann) = worked();
    let first = ann.at(WORK).git(&["rev-parse", "HEAD"]);
    ann.aitask(&["finish", "1", "--squash", "--no-archive"]).ok();
    ann.aitask(&["pick", "1", "--steal"]).ok();
    ann.at(WORK).write("more.txt", "more\n");
    let second = ann.at(WORK).commit("more");
    ann.aitask(&["finish", "1", "--squash"]).ok();
    for tip in [first.trim(), &second] {
        assert!(!ann.git(&["for-each-ref", "--contains", tip, "refs/aitask"]).is_empty(), "{tip}");
    }
}

#[test]
fn commits_made_on_no_branch_in_the_worktree_are_kept_when_it_goes() {
    let (_world, ann) = worked();
    let there = ann.at(WORK);
    for verb in ["drop", "finish"] {
        if verb == "finish" {
            ann.aitask(&["pick", "1"]).ok();
        }
        there.git(&["switch", "-q", "--detach"]);
        there.write(verb, "own\n");
        let own = there.commit("own");
        there.git(&["switch", "-q", "aitask/t1_one"]);
        let dry = ann.aitask(&[verb, "1", "--dry-run", "--json"]).ok().json()["notes"].to_string();
        assert_eq!(ann.git(&["for-each-ref", "--count=1", "--contains", &own]), "");
        let notes = ann.aitask(&[verb, "1", "--json"]).ok().json()["notes"].to_string();
        let kept = format!("refs/aitask/backup/{}", &own[..7]);
        assert!(notes.contains(&format!("{kept} keeps it")) && dry.contains(&kept), "{notes}\n{dry}");
        assert_eq!(ann.git(&["show", &format!("{kept}:{verb}")]), "own\n");
    }
    assert!(!there.dir().exists());
}

#[test]
fn a_branch_that_cannot_be_deleted_is_mentioned() {
    let (_world, ann) = worked();
    ann.at(WORK).git(&["reset", "-q", "--hard", "main"]);
    ann.write(".git/refs/heads/aitask/t1_one.lock", "");
    let json = ann.aitask(&["drop", "1", "--json"]).ok().json();
    assert_eq!((&json["branch_deleted"], &json["branch_kept"]), (&false.into(), &"aitask/t1_one".into()), "{json}");
    assert!(json["notes"][0].as_str().unwrap().contains("lock"), "{json}");
    assert_eq!(keys(&json), "schema task unlocked worktree_removed branch_deleted branch_kept notes");
}

#[test]
fn with_a_git_directory_elsewhere_a_task_picked_in_a_worktree_goes_beside_it() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    world.git(&["clone", "-q", "--separate-git-dir", "elsewhere.git", "origin.git", "main"]);
    let main = ann.at(world.root().join("main"));
    let one = pick(&main, "1");
    let two = pick(&main.at(&one), "2");
    assert_eq!((one.parent(), two.parent()), (Some(main_aiwork(&world).as_path()), one.parent()));
}

fn main_aiwork(world: &World) -> PathBuf {
    world.root().canonicalize().unwrap().join("main/aiwork")
}

#[test]
fn a_branch_that_is_being_rebased_stays_where_the_rebase_left_it() {
    let world = World::new();
    for ann in [world.initialised_on_main("ann"), local()] {
        let work = work(&ann);
        for file in ["1", "2"] {
            ann.write(file, "mine\n");
            ann.commit(file);
        }
        ann.git(&["-c", "sequence.editor=sed -i 1s/pick/edit/", "rebase", "-q", "-i", "HEAD~2"]);
        ann.git(&["commit", "-q", "--amend", "-m", "better"]);
        let before = ann.git(&["rev-parse", "main"]);
        let run = ann.aitask(&["finish", "1"]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("is being rebased in") && said.contains("git status"), "{run}");
        assert_eq!(ann.git(&["rev-parse", "main"]), before, "{run}");
        ann.git(&["rebase", "--continue"]);
        ann.aitask(&["finish", "1"]);
        ann.aitask(&["sync"]).ok();
        let log = ann.git(&["log", "--format=%s %H", "main"]);
        assert!(log.contains("better") && log.contains(&work), "{log}");
    }
}
