//! A clone that is not what it was: without its remote, within another project, moved, copied.

use crate::support::{Repo, Run, World};

fn kind(run: &Run) -> String {
    run.error()["error"]["kind"].as_str().unwrap().to_owned()
}

/// The first hint, followed.
#[track_caller]
fn cure(repo: &Repo, refused: &Run) {
    repo.follow(&refused.error()["error"]["hints"][0]);
}

/// What doctor finds there, with --fix, too: one thing, which only the user can mend.
#[track_caller]
fn diagnosed(repo: &Repo) -> serde_json::Value {
    for args in [&["doctor", "--json"][..], &["doctor", "--fix", "--json"]] {
        let json = repo.aitask(args).fails(1).json();
        assert_eq!(json["findings"].as_array().map(Vec::len), Some(1), "{json}");
        assert!(json["not_judged"][0].as_str().unwrap().starts_with("everything else"), "{json}");
    }
    repo.aitask(&["doctor", "--json"]).fails(1).json()["findings"][0].clone()
}

/// Ann's clone with t1, which Bob holds, and t2.
fn held() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    world.clone("bob").aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.aitask(&["list", "--fetch"]).ok();
    (world, ann)
}

#[test]
fn a_remote_that_was_removed_leaves_no_empty_set_of_locks() {
    let (_world, ann) = held();
    ann.git(&["remote", "remove", "origin"]);
    for args in [&["pick", "1", "--json"][..], &["init", "--json"], &["list", "--json"]] {
        assert_eq!(kind(&ann.aitask(args).fails(1)), "branch_gone");
    }
    let finding = diagnosed(&ann);
    assert_eq!(finding["kind"], "removed_remote");
    ann.follow(&finding["cures"][0]).ok();
    ann.aitask(&["doctor"]).ok();
    ann.git(&["remote", "remove", "origin"]);
    cure(&ann, &ann.aitask(&["pick", "1", "--json"]).fails(1));
    assert_eq!(kind(&ann.aitask(&["pick", "1", "--json"]).fails(1)), "held");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--remote", "."]).ok();
    ann.aitask(&["list", "--remote", "."]).ok();
}

#[test]
fn a_submodule_is_not_told_to_set_up_tasks_of_its_own() {
    let (world, ann) = held();
    world.git(&["init", "-q", "--bare", "lib.git"]);
    world.git(&["clone", "-q", "lib.git", "lib"]);
    let lib = ann.at(world.root().join("lib"));
    lib.run("sh", &["-ec", "echo s >s; git add s; git commit -qm s; git push -q origin HEAD:main"]).ok();
    ann.git(&["submodule", "--quiet", "add", world.root().join("lib.git").to_str().unwrap(), "lib"]);
    ann.git(&["commit", "-qm", "lib"]);
    ann.git(&["push", "-q"]);
    ann.aitask(&["pick", "2"]).ok();
    ann.at("aiwork/t2_two").git(&["submodule", "--quiet", "update", "--init"]);
    for (place, project) in [("lib", ""), ("aiwork/t2_two/lib", "aiwork/t2_two")] {
        for args in [&["--json"][..], &["pick", "1", "--json"], &["init", "--json"], &["status", "--json"]] {
            let refused = ann.at(place).aitask(args).fails(1);
            let message = refused.error()["error"]["message"].as_str().unwrap().to_owned();
            let project = ann.path(project).display().to_string();
            let project = project.trim_end_matches('/');
            assert!(message.starts_with("this is the submodule lib of ") && message.contains(project), "{refused}");
            assert_eq!(
                refused.hints().first().map(String::as_str),
                Some(format!("cd {project}").as_str()),
                "{refused}"
            );
        }
    }
    assert_eq!(world.git(&["--git-dir=lib.git", "for-each-ref", "--format=%(refname)"]), "refs/heads/main\n");
    // Where the project around cannot be read.
    let config = ann.read(".git/config");
    ann.write(".git/config", "[core");
    let refused = ann.at("lib").aitask(&["status", "--json"]);
    assert!(refused.stderr.contains("this is the submodule lib of "), "{refused}");
    assert!(refused.hints()[1].contains("git aitask init --remote origin"), "{refused}");
    ann.write(".git/config", &config);
    ann.at("lib").aitask(&["init", "--remote", "origin"]).ok();
    ann.at("lib").aitask(&["list"]).ok();
    // A copy has its git directory elsewhere, too.
    let copy = world.root().join("copy");
    ann.run("cp", &["-a", ann.path("").to_str().unwrap(), copy.to_str().unwrap()]).ok();
    let refused = ann.at(copy.join("lib")).aitask(&["status", "--json"]).fails(128);
    let original = format!("{} was copied from {}, and", copy.join("lib").display(), ann.path("lib").display());
    assert!(refused.stderr.contains(&original), "{refused}");
}

#[test]
fn a_clone_that_was_moved_is_one_finding_and_is_mended() {
    let (world, ann) = held();
    ann.aitask(&["pick", "2"]).ok();
    ann.at("aiwork/t2_two").commit("work");
    let place = world.root().join("moved");
    std::fs::rename(ann.path(""), &place).unwrap();
    let moved = ann.at(&place);
    let new = moved.aitask(&["new", "Three", "--json"]).ok().json();
    assert_eq!(new["lagging"][0]["hint"]["command"], serde_json::json!(["git", "aitask", "doctor"]), "{new}");
    let sync = moved.aitask(&["sync"]).fails(128);
    assert!(sync.stderr.contains("git worktree repair"), "{sync}");
    let json = moved.aitask(&["doctor", "--json"]).fails(1).json();
    let kinds: Vec<_> = json["findings"].as_array().unwrap().iter().map(|it| it["kind"].to_string()).collect();
    assert_eq!(kinds, ["\"moved_clone\""], "{json}");
    moved.aitask(&["doctor", "--fix"]).ok();
    moved.aitask(&["sync"]).ok();
    assert!(place.join("aitasks/t3_three.md").exists());
    moved.at(place.join("aiwork/t2_two")).aitask(&["finish"]).ok();
    assert!(!place.join("aiwork/t2_two").exists() && world.locks().len() == 1);
}

#[test]
fn a_copied_clone_touches_neither_worktrees_nor_locks_of_the_original() {
    let (world, ann) = held();
    ann.aitask(&["pick", "2"]).ok();
    ann.at("aiwork/t2_two").commit("work");
    let place = world.root().join("copy");
    ann.run("cp", &["-a", ann.path("").to_str().unwrap(), place.to_str().unwrap()]).ok();
    ann.at("aiwork/t2_two").commit("later");
    let copy = ann.at(&place);
    for args in [&["drop", "2", "--json"][..], &["status", "--json"], &["edit", "1", "--priority", "high", "--json"]] {
        let refused = copy.aitask(args).fails(128);
        assert!(refused.stderr.contains("was copied from") && !refused.stderr.contains("fsck"), "{refused}");
    }
    assert_eq!(world.locks().len(), 2);
    let finding = diagnosed(&copy);
    assert_eq!(finding["kind"], "copied_clone");
    copy.follow(&finding["cures"][1]).ok();
    copy.aitask(&["doctor"]).ok();
    assert!(place.join("aitasks/t1_one.md").exists());
    ann.aitask(&["doctor"]).ok();
    ann.at("aiwork/t2_two").aitask(&["finish"]).ok();
}

#[test]
fn a_copy_without_worktrees_does_not_hold_what_the_original_holds() {
    let world = World::new();
    let ann = world.initialised_on_main("ann").env("GIT_AITASK_SESSION", "");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let place = world.root().join("copy");
    ann.run("cp", &["-a", ann.path("").to_str().unwrap(), place.to_str().unwrap()]).ok();
    let copy = ann.at(&place);
    for args in [&["drop", "1", "--json"][..], &["edit", "1", "--status", "Ready", "--json"]] {
        assert!(copy.aitask(args).fails(128).stderr.contains("and t1 is held there"));
    }
    copy.follow(&diagnosed(&copy)["cures"][1]).ok();
    assert_eq!(copy.aitask(&["status", "--json"]).ok().json()["active"][0]["mine"], false);
    ann.aitask(&["drop", "1"]).ok();
}

#[test]
fn a_clone_is_no_copy_where_another_one_has_a_worktree_at_a_path_that_it_used() {
    let (world, ann) = held();
    let there = world.root().join("wt");
    let there = there.to_str().unwrap();
    ann.git(&["worktree", "add", "-q", there, "-b", "x"]);
    std::fs::remove_dir_all(there).unwrap();
    let bob = world.clone("zoe");
    bob.git(&["worktree", "add", "-q", there, "-b", "y"]);
    ann.aitask(&["pick", "2"]).ok();
}
