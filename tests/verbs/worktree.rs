//! `git aitask worktree`.

use super::init::{everything, keys, local, on_data_branch};
use crate::support::World;

#[test]
fn the_path_alone_so_that_cd_works() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let path = ann.path("aiwork/t1_one").canonicalize().unwrap();
    for name in ["1", "t1", "t1_one", "aitasks/t1_one.md"] {
        let run = ann.aitask(&["worktree", "path", name]).ok();
        assert_eq!((run.stdout, run.stderr.as_str()), (format!("{}\n", path.display()), ""));
    }
    assert_eq!(ann.at("aiwork/t1_one").aitask(&["worktree", "path"]).ok().stdout, format!("{}\n", path.display()));
    let json = ann.aitask(&["worktree", "path", "1", "--json"]).ok().json();
    assert_eq!((keys(&json), &json["task_id"]), ("schema task_id path cd".into(), &"1".into()));
}

#[test]
fn a_task_without_one_is_an_error_with_its_cure() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    let run = ann.aitask(&["worktree", "path", "1", "--json"]).fails(1);
    let hints = run.hints().join("\n");
    assert!(hints.contains("git aitask worktree add 1") && hints.contains("git aitask pick 1"), "{run}");
    ann.aitask(&["pick", "1"]).ok();
    std::fs::remove_dir_all(ann.path("aiwork")).unwrap();
    let run = ann.aitask(&["worktree", "path", "1", "--json"]).fails(1);
    assert!(run.hints().join("\n").contains("git worktree remove"), "{run}");
    assert!(ann.aitask(&[]).ok().stdout.contains("next: git aitask worktree path 1"));
    ann.git(&["worktree", "remove", "--force", "aiwork/t1_one"]);
    ann.aitask(&["worktree", "add", "1"]).ok();
    assert!(ann.path("aiwork/t1_one").is_dir());
    ann.aitask(&["worktree", "path"]).fails(2);
    ann.aitask(&["worktree"]).fails(2);
}

#[test]
fn list_shows_each_with_its_state() {
    let ann = World::new().initialised("ann");
    for (n, title) in ["One", "Two"].into_iter().enumerate() {
        ann.task(title, &[]);
        ann.aitask(&["pick", &(n + 1).to_string()]).ok();
    }
    ann.git(&["worktree", "add", "-q", "-b", "other", "elsewhere"]);
    ann.write("aiwork/t2_two/new", "x");
    let json = ann.aitask(&["worktree", "list", "--json"]).ok().json();
    assert_eq!(
        (keys(&json), keys(&json["worktrees"][0])),
        ("schema worktrees".into(), "task_id path branch dirty ahead behind".into())
    );
    let dirty = json["worktrees"].as_array().unwrap().iter().map(|one| one["dirty"].as_bool().unwrap());
    assert_eq!(dirty.collect::<Vec<_>>(), [false, true]);
    let text = ann.aitask(&["worktree", "list"]).ok().stdout;
    assert!(text.starts_with("1\tclean\t") && text.contains("\n2\tuncommitted changes\t"), "{text}");
}

#[test]
fn one_that_is_gone_is_not_known() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    std::fs::remove_dir_all(ann.path("aiwork/t1_one")).unwrap();
    let json = ann.aitask(&["worktree", "list", "--json"]).ok().json();
    assert!(json["worktrees"][0]["dirty"].is_null());
    assert!(ann.aitask(&["worktree", "list"]).ok().stdout.contains("\tmissing\t"));
}

#[test]
fn what_is_in_the_place_of_a_worktree_refuses_before_anything_is_taken() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let refused = || {
        let run = ann.aitask(&["pick", "1", "--json"]).fails(1);
        assert_eq!((&run.error()["error"]["kind"], world.locks().len()), (&"occupied".into(), 0), "{run}");
    };
    ann.write("aiwork/t1_one/mine", "mine\n");
    refused();
    assert_eq!(ann.read("aiwork/t1_one/mine"), "mine\n");
    std::fs::remove_dir_all(ann.path("aiwork")).unwrap();
    std::os::unix::fs::symlink("..", ann.path("aiwork")).unwrap();
    refused();
    std::fs::remove_file(ann.path("aiwork")).unwrap();
    ann.git(&["worktree", "add", "-q", "--detach", "aiwork/t1_one"]);
    refused();
}

#[test]
fn a_worktree_that_git_moved_is_found_and_finished() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.git(&["worktree", "move", "aiwork/t1_one", "../moved"]);
    let moved = ann.at(world.root().join("moved"));
    moved.commit("work");
    assert!(ann.aitask(&["worktree", "path", "1"]).ok().stdout.ends_with("/moved\n"));
    moved.aitask(&["finish"]).ok();
    assert_eq!((world.root().join("moved").exists(), world.locks().len()), (false, 0));
}

#[test]
fn a_locked_worktree_is_not_removed() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.git(&["worktree", "lock", "--reason", "on a stick", "aiwork/t1_one"]);
    let run = ann.aitask(&["drop", "1"]).fails(1);
    assert!(run.stderr.contains("on a stick") && ann.path("aiwork/t1_one").is_dir(), "{run}");
}

#[test]
fn without_a_remote_and_on_a_data_branch_it_changes_nothing() {
    let world = World::new();
    for ann in [local(), on_data_branch(&world, "ann")] {
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let before = everything(&ann);
        ann.aitask(&["worktree", "path", "1"]).ok();
        assert_eq!(ann.aitask(&["worktree", "list", "--json"]).ok().json()["worktrees"].as_array().unwrap().len(), 1);
        assert_eq!(everything(&ann), before);
    }
}

#[test]
fn removing_a_worktree_leaves_another_one_and_a_repository_in_it_alone() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["worktree", "add", "1"]).ok();
    ann.at("aiwork/t1_one").git(&["worktree", "add", "-q", "-b", "mine", "aiwork/mine"]);
    ann.write("aiwork/t1_one/aiwork/mine/f", "precious");
    for args in [&["worktree", "remove", "1"][..], &["compat", "aitask_task_worktree.sh", "remove", "t1_one"]] {
        let run = ann.aitask(args);
        assert!(run.code != 0 || run.stdout.contains("KEPT"), "{run}");
        assert_eq!(ann.read("aiwork/t1_one/aiwork/mine/f"), "precious");
    }
    ann.git(&["worktree", "move", "aiwork/t1_one/aiwork/mine", "elsewhere"]);
    ann.write(".git/info/exclude", "/aiwork/\nvendor/\n");
    ann.git(&["init", "-q", "aiwork/t1_one/vendor/own"]);
    let run = ann.aitask(&["worktree", "remove", "1"]).fails(1);
    assert!(run.stderr.contains("vendor/own"), "{run}");
    assert!(ann.path("aiwork/t1_one/vendor/own/.git").is_dir());
    ann.aitask(&["worktree", "remove", "1", "--discard"]).ok();
}

#[test]
fn a_repository_in_the_place_of_a_worktree_is_not_deleted() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two"] {
        ann.task(title, &[]);
    }
    let other = world.clone("other");
    for (task, args) in [
        ("t1_one", &["worktree", "remove", "1", "--discard"][..]),
        ("t2_two", &["compat", "aitask_task_worktree.sh", "remove", "t2_two", "--force"]),
    ] {
        let place = format!("aiwork/{task}");
        ann.aitask(&["worktree", "add", &task[1..2]]).ok();
        // Cloned to this place, and one whose worktree came to this place.
        std::fs::remove_dir_all(ann.path(&place)).unwrap();
        if task == "t1_one" {
            ann.git(&["clone", "-q", world.origin().to_str().unwrap(), &place]);
        } else {
            other.git(&["worktree", "add", "-q", "-b", "mine", ann.path(&place).to_str().unwrap()]);
        }
        ann.write(&format!("{place}/f"), "precious");
        let run = ann.aitask(args);
        assert!(run.code != 0 || run.stdout.contains("KEPT"), "{run}");
        assert_eq!(ann.read(&format!("{place}/f")), "precious", "{run}");
    }
}
