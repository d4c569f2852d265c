//! Every command from every place: what it answers does not depend on where it is called.

use super::{sync, task, two};
use crate::support::{Repo, World, share};

/// The whole day of a task, from the folder of the handle.
#[track_caller]
fn day(repo: &Repo, top: &std::path::Path) {
    let id = repo.task("Somewhere", &[]);
    let worktree = repo.aitask(&["worktree", "add", &id, "--json"]).ok().json();
    let worktree = repo.at(worktree["worktree"]["path"].as_str().unwrap());
    std::fs::write(top.join(format!("aitasks/t{id}_somewhere.md")), task("", "edit\n")).unwrap();
    assert_eq!(sync(&worktree), "PUSHED");
    assert_eq!(sync(repo), "NOTHING");
    assert_eq!(repo.script("ait", &["git", "push", "--batch"]).ok().stdout, "NOTHING\n");
    let name = format!("t{id}_somewhere");
    assert!(worktree.script("aitask_task_worktree.sh", &["resolve", &name]).ok().stdout.starts_with("USABLE "));
    repo.aitask(&["explore", "--", "true"]).ok();
    worktree.aitask(&["worktree", "remove"]).ok();
}

#[test]
fn from_a_subdirectory_the_data_and_a_tasks_worktree() {
    let (_world, ann, _bob) = two();
    ann.write("src/deep/x", "");
    for place in share(["src/deep", ".aitask-data", ".aitask-data/aitasks", "."]) {
        day(&ann.at(place), ann.top());
        std::fs::remove_dir_all(ann.path("aiwork")).unwrap_or_default();
    }
    // In the worktree of a task, `ait git` is for the task data, not for the code that is checked out there.
    ann.aitask(&["worktree", "add", "1"]).ok();
    let inside = ann.at("aiwork/t1_sample");
    assert_eq!(inside.script("ait", &["git", "rev-parse", "--abbrev-ref", "HEAD"]).ok().stdout, "aitask-data\n");
    assert_eq!(inside.git(&["log", "-1", "--format=%s"]), ann.git(&["log", "-1", "--format=%s"]));
}

#[test]
fn from_a_hook_that_sets_the_repository() {
    let (world, ann, _bob) = two();
    let hook =
        format!("#!/bin/sh\n{} compat aitask_sync.sh --batch >\"$HOME/said\" 2>&1\n", env!("CARGO_BIN_EXE_git-aitask"));
    world.script(&ann.path(".git/hooks/post-commit"), &hook);
    ann.write("aitasks/t2_a.md", "a\n");
    ann.commit("code");
    // The commit of the task data runs the hook, too: one of them pushes, and none waits for the other.
    let said = ann.read("../home/said");
    assert!(["PUSHED\n", "NOTHING\n"].contains(&said.as_str()), "{said}");
    assert_eq!(world.remote_file("aitask-data", "aitasks/t2_a.md").as_deref(), Some("a\n"));
}

#[test]
fn in_a_path_with_blanks_and_other_letters() {
    let (world, _ann, _bob) = two();
    let carl = world.clone_as("carl's ümlaut", "carl", "carl@example.com");
    carl.aitask(&["init"]).ok();
    day(&carl, carl.top());
}

#[test]
fn with_the_git_dir_elsewhere_and_as_a_submodule() {
    let (world, ann, _bob) = two();
    ann.git(&["clone", "-q", "--separate-git-dir=../apart.git", "../origin.git", "../apart"]);
    let apart = ann.at(world.root().join("apart"));
    apart.aitask(&["init"]).ok();
    day(&apart, &world.root().join("apart"));
    world.git(&["init", "-q", "super"]);
    let around = ann.at(world.root().join("super"));
    around.git(&["submodule", "--quiet", "add", world.origin().to_str().unwrap(), "sub"]);
    let inner = ann.at(world.root().join("super/sub"));
    inner.aitask(&["init"]).ok();
    day(&inner, &world.root().join("super/sub"));
}

#[test]
fn in_other_formats_of_repositories() {
    let format = |option: &str| {
        let world = World::new();
        let _ = std::fs::remove_dir_all(world.origin());
        let made = world.clone_with(option);
        made.then_some(world)
    };
    for option in share(["--object-format=sha256", "--ref-format=reftable"]) {
        // Older gits know neither.
        let Some(world) = format(option) else { continue };
        let ann = world.clone("ann");
        ann.aitask(&["init", "--data-branch"]).ok();
        day(&ann, ann.top());
    }
}

impl World {
    /// Makes the bare remote with an option of `git init`; whether this git knows it.
    fn clone_with(&self, option: &str) -> bool {
        let mut command = self.command("git", self.root());
        command.args(["init", "--quiet", "--bare", option, "origin.git"]);
        command.status().unwrap().success()
    }
}

/// By the scripts' own names, which look for `aitasks` in the folder they are called in.
#[test]
fn the_scripts_find_the_tasks_from_a_subdirectory_and_in_a_tasks_worktree() {
    for has_data_branch in share([false, true]) {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        ann.task("First", &[]);
        if has_data_branch {
            ann.aitask(&["init", "--data-branch"]).ok();
        }
        ann.aitask(&["worktree", "add", "1"]).ok();
        std::fs::create_dir_all(ann.path("src/deep")).unwrap();
        for (n, place) in ["src/deep", "aitasks", "aiwork/t1_first"].into_iter().enumerate() {
            let there = ann.at(ann.path(place));
            let said = |name: &str, args: &[&str]| there.script(name, args).ok().stdout;
            assert!(said("aitask_ls.sh", &["-s", "all", "9"]).contains("t1_first.md"), "{place}");
            assert_eq!(
                said("aitask_query_files.sh", &["resolve", "1"]).lines().next(),
                Some("TASK_FILE:aitasks/t1_first.md")
            );
            said("aitask_update.sh", &["--batch", "1", "--priority", "high"]);
            let words = ann.path(place).join("words.txt");
            std::fs::write(&words, "from where the caller stands\n").unwrap();
            let name = format!("found{n}");
            let create = ["--batch", "--commit", "--silent", "--name", &name, "--desc-file", "words.txt"];
            let path = said("aitask_create.sh", &create);
            assert!(ann.read(path.trim()).contains("from where the caller stands"), "{place}");
            std::fs::remove_file(words).unwrap();
            assert!(said("aitask_pick_own.sh", &["1", "--email", "ann@example.com"]).contains("OWNED:1"), "{place}");
        }
        let branch = if has_data_branch { "aitask-data" } else { "main" };
        let files = ann.git(&["ls-tree", "-r", "--name-only", branch]);
        assert!((0..3).all(|n| files.contains(&format!("aitasks/t{}_found{n}.md", n + 2))), "{files}");
        assert!(!files.contains("src/") && !files.contains("aitasks/aitasks"), "{files}");
        let work = ann.at(ann.path("aiwork/t1_first"));
        assert_eq!(
            (work.git(&["status", "--porcelain"]), work.git(&["log", "--oneline", "main..HEAD"])),
            (String::new(), String::new())
        );
    }
}

/// A project in a subdirectory stays a project of its own.
#[test]
fn a_project_below_the_root_of_its_repository_is_itself() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/t1_above.md", "---\nstatus: Ready\n---\n");
    ann.write("below/aitasks/t1_below.md", "---\nstatus: Ready\n---\n");
    ann.commit("tasks");
    let below = ann.at(ann.path("below"));
    assert!(below.script("aitask_ls.sh", &["9"]).ok().stdout.contains("t1_below.md"));
    std::fs::create_dir(ann.path("below/src")).unwrap();
    assert!(ann.at(ann.path("below/src")).script("aitask_ls.sh", &["9"]).ok().stdout.contains("t1_below.md"));
}

#[test]
fn a_claim_in_a_project_below_the_root_stays_there() {
    let world = World::new();
    let ann = world.clone("ann");
    let ready = "---\nstatus: Ready\n---\n";
    ann.write("below/aitasks/t1_below.md", ready);
    ann.write("below/aitasks/t2_dirty.md", ready);
    ann.commit("tasks");
    ann.git(&["push", "-q"]);
    let below = ann.at(ann.path("below"));
    below.script("aitask_lock.sh", &["--init"]).ok();
    ann.write("below/aitasks/t2_dirty.md", &format!("{ready}more\n"));
    for id in ["1", "2"] {
        let said = below.script("aitask_pick_own.sh", &[id, "--email", "ann@example.com"]).ok().stdout;
        assert!(said.contains(&format!("OWNED:{id}")) && said.contains("Updated: aitasks/t"), "{said}");
    }
    let files = world.remote_files("main").join(" ");
    assert!(!files.split(' ').any(|file| file.starts_with("aitasks/")), "{files}");
    for name in ["t1_below", "t2_dirty"] {
        let path = format!("below/aitasks/{name}.md");
        let published = world.remote_file("main", &path).unwrap();
        assert!(published.contains("status: Implementing\n") && published == ann.read(&path), "{published}");
        assert_eq!(published.contains("more"), name == "t2_dirty");
    }
    assert_eq!(world.remote_file("main", "below/aitasks/metadata/emails.txt").unwrap(), "ann@example.com\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    below.script("aitask_archive.sh", &["1"]).ok();
    ann.git(&["push", "-q"]);
    below.script("aitask_lock.sh", &["--cleanup"]).ok();
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
}

#[test]
fn in_a_clone_of_one_branch_that_has_not_heard_of_the_data_branch() {
    let (world, ann, _bob) = two();
    let url = format!("file://{}", world.origin().display());
    for how in share(["--single-branch", "--depth=1"]) {
        for verb in ["init", "list --fetch", "pick 1", "new Found", "sync"] {
            let dir = format!("clone {how} {verb}");
            ann.git(&["clone", "-q", how, &url, &format!("../{dir}")]);
            let clone = ann.at(world.root().join(dir));
            clone.aitask(&verb.split(' ').collect::<Vec<_>>()).ok();
            clone.aitask(&["init"]).ok();
            assert!(clone.aitask(&["list"]).ok().stdout.contains("sample"), "{how} {verb}");
            clone.aitask(&["drop", "1"]);
        }
    }
}
