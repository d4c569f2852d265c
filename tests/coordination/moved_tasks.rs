//! Task changes of a clone that were not published when the tasks were moved to their own branch, and that meet the move by
//! another way than the hints of the verbs.

use crate::support::{Repo, World};

const TWO: &str = "aitasks/t2_two.md";

/// Ann with two tasks on main, and bob, whose change of the second is committed and not published.
fn bob_with_a_change() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    let bob = world.clone("bob");
    bob.write(TWO, &format!("{}By hand.\n", bob.read(TWO)));
    bob.commit("my edit");
    (world, ann, bob)
}

fn on_the_branch(world: &World, path: &str) -> String {
    world.remote_file("aitask-data", path).unwrap_or_default()
}

/// Whether list, status and sync name this file as one that nobody sees.
fn is_said(bob: &Repo, path: &str) -> [bool; 3] {
    ["list", "status", "sync"].map(|verb| {
        let run = bob.aitask(&[verb]).ok();
        format!("{}{}", run.stdout, run.stderr).contains(&format!("nobody sees them: {path}"))
    })
}

#[test]
fn a_change_that_was_kept_in_a_conflict_of_git_is_said_by_all_and_brought_by_the_hint_of_doctor() {
    for (how, unresolved) in [("--no-rebase", "git commit --no-edit"), ("--rebase", "git rebase --continue")] {
        let (world, ann, bob) = bob_with_a_change();
        // Published after bob's commit, and before the move: not undone.
        ann.aitask(&["edit", "2", "--priority", "high"]).ok();
        ann.aitask(&["init", "--data-branch"]).ok();
        let pull = bob.git_fails(&["pull", how]);
        assert!(pull.stdout.contains("CONFLICT"), "{pull}");
        assert_eq!(is_said(&bob, TWO), [true; 3], "{how}");
        let run = bob.aitask(&["init", "--data-branch", "--json"]).fails(1);
        assert!(run.hints()[0].contains(unresolved), "{run}");
        let bob = bob.env("GIT_EDITOR", "true");
        bob.follow(&run.error()["error"]["hints"][0]).ok();
        assert_eq!(bob.aitask(&["list", "--json"]).ok().json()["unseen"], serde_json::json!([TWO]));
        bob.write("aitasks/t7_bob.md", &bob.read(TWO));
        assert_eq!(is_said(&bob, TWO), [true; 3], "{how}");
        let found = bob.aitask(&["doctor", "--json"]).fails(1).json()["findings"].clone();
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
        bob.follow(&found[0]["cures"][0]).ok();
        bob.aitask(&["sync"]).ok();
        let text = on_the_branch(&world, TWO);
        assert!(text.contains("By hand.") && text.contains("priority: high"), "{how}\n{text}");
        assert!(on_the_branch(&world, "aitasks/t7_bob.md").contains("By hand."), "{how}");
        assert_eq!(is_said(&bob, TWO), [false; 3], "{how}");
        assert!(bob.path("aitasks").symlink_metadata().unwrap().is_symlink(), "{how}");
        assert_eq!(bob.git(&["status", "--porcelain"]), "", "{how}");
        assert!(!world.remote_files("main").iter().any(|file| file.starts_with("aitasks")), "{how}");
    }
}

#[test]
fn a_change_that_was_taken_out_of_git_in_the_conflict_is_brought_by_the_hints() {
    let (world, ann, bob) = bob_with_a_change();
    ann.aitask(&["init", "--data-branch"]).ok();
    bob.git_fails(&["pull", "--no-rebase"]);
    bob.git(&["rm", "-q", "--cached", TWO]);
    bob.git(&["commit", "-q", "-m", "merged"]);
    bob.aitask(&["sync"]).ok();
    let found = bob.aitask(&["doctor", "--json"]).fails(1).json()["findings"].clone();
    bob.follow(&found[0]["cures"][0]).fails(1);
    bob.follow(&bob.aitask(&["init", "--data-branch", "--json"]).fails(1).error()["error"]["hints"][0]).ok();
    assert!(on_the_branch(&world, TWO).contains("By hand."));
    assert!(bob.path("aitasks").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn a_change_of_a_task_that_was_filed_or_removed_after_the_move_is_kept_and_the_hints_make_no_circle() {
    let (world, ann, bob) = bob_with_a_change();
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.aitask(&["archive", "2"]).ok();
    bob.aitask(&["init", "--data-branch"]).ok();
    let text = on_the_branch(&world, "aitasks/archived/t2_two.md");
    assert!(text.contains("By hand.") && text.contains("status: Done"), "{text}");
    assert_eq!(on_the_branch(&world, TWO), "");

    for is_removed in [true, false] {
        let (world, ann, bob) = bob_with_a_change();
        ann.aitask(&["init", "--data-branch"]).ok();
        let data = ann.at(".aitask-data");
        if is_removed {
            data.git(&["rm", "-q", TWO]);
        } else {
            data.write(TWO, &data.read(TWO).replace("# Two\n", "# Two\n\nOf ann.\n"));
            bob.write(TWO, &bob.read(TWO).replace("# Two\n", "# Two\n\nOf bob.\n"));
            bob.commit("another edit");
        }
        data.commit("by hand");
        ann.aitask(&["sync"]).ok();
        let run = bob.aitask(&["init", "--data-branch", "--json"]).fails(1);
        let hints = run.error()["error"]["hints"].clone();
        assert!(run.hints().iter().all(|hint| !hint.contains('>')), "{run}");
        // The verbs go on with the tasks as they are there.
        assert_eq!(is_said(&bob, TWO), [true; 3], "{is_removed}");
        let first = bob.follow(&hints[0]);
        if is_removed {
            bob.aitask(&["init", "--data-branch"]).ok();
        } else {
            assert!(first.stdout.contains("Of ann.") && first.stdout.contains("Of bob."), "{first}");
            let both = on_the_branch(&world, TWO).replace("Of ann.\n", "Of ann.\nOf bob.\nBy hand.\n");
            bob.write(&format!(".aitask-data/{TWO}"), &both);
            bob.aitask(&["sync"]).ok();
            bob.follow(&hints[1]).ok();
        }
        assert!(on_the_branch(&world, TWO).contains("By hand."), "{is_removed}");
        assert_eq!(is_said(&bob, TWO), [false; 3], "{is_removed}");
        assert!(bob.path("aitasks").symlink_metadata().unwrap().is_symlink(), "{is_removed}");
    }
}
