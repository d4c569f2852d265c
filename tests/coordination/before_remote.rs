//! A remote that is added to a repository that coordinated alone.

use crate::support::{Repo, World, share};

/// Ann, who coordinated alone and holds t1 of two tasks, and has a remote since then.
fn late(world: &World, name: &str) -> Repo {
    let ann = world.clone(name);
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init"]).ok();
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["remote", "add", "origin", world.origin().to_str().unwrap()]);
    ann
}

#[track_caller]
fn refuses(repo: &Repo, verb: &[&str]) {
    let run = repo.aitask(verb).fails(1);
    assert!(run.stderr.contains("git aitask init"), "{run}");
}

#[test]
fn locks_and_counter_from_before_there_was_a_remote_are_published() {
    let world = World::new();
    let ann = late(&world, "ann");
    ann.git(&["push", "-q", "-u", "origin", "main"]);
    for verb in share([&["pick", "2"][..], &["lock", "2"], &["drop", "1"]]) {
        refuses(&ann, verb);
    }
    assert_eq!(world.locks(), Vec::<String>::new());
    ann.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(ann.git(&["branch", "--list", "aitask-locks"]), "");
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1"]).fails(1);
    assert_eq!(bob.task("Three", &[]), "3");
    ann.aitask(&["drop", "1"]).ok();
}

/// Bob, whose remote has coordination branches, and Ann, who got that remote later: of one history of the code.
fn one_history() -> (World, Repo, Repo) {
    let world = World::new();
    let bob = world.initialised_on_main("bob");
    let ann = late(&world, "ann");
    ann.git(&["fetch", "-q"]);
    ann.git(&["merge", "-q", "-X", "ours", "--no-edit", "origin/main"]);
    ann.git(&["push", "-q", "-u", "origin", "main"]);
    bob.git(&["pull", "-q"]);
    (world, bob, ann)
}

#[test]
fn locks_from_before_join_those_of_a_remote_that_has_some() {
    let (world, bob, ann) = one_history();
    bob.aitask(&["lock", "2"]).ok();
    for verb in share([&["pick", "2"][..], &["lock", "1"], &["drop", "1"]]) {
        let run = ann.aitask(verb).fails(1);
        assert!(run.stderr.contains("before it had a remote") && run.stderr.contains("git aitask init"), "{run}");
        assert!(run.stderr.contains("git branch -D aitask-locks"), "{run}");
    }
    ann.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref(), Some("3\n"));
    bob.aitask(&["pick", "1"]).fails(1);
    ann.aitask(&["drop", "1"]).ok();
    assert_eq!(ann.aitask(&["init", "--json"]).ok().json()["made"], serde_json::json!([]));
}

#[test]
fn a_task_that_another_holds_there_is_said_and_nothing_is_published() {
    let (world, bob, ann) = one_history();
    bob.aitask(&["lock", "1"]).ok();
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let run = ann.aitask(&["init", "--json"]).fails(1);
    assert_eq!(
        (&run.error()["error"]["kind"], &run.error()["error"]["task_ids"]),
        (&"held".into(), &serde_json::json!(["1"]))
    );
    assert!(run.stderr.contains("bob@example.com"), "{run}");
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before);
    ann.aitask(&["unlock", "1", "--force", "--remote", "."]).ok();
    ann.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    ann.aitask(&["pick", "1"]).fails(1);
}

#[test]
fn a_look_at_the_published_branch_is_no_set_of_its_own() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.git(&["fetch", "-q"]);
    ann.git(&["branch", "-q", "aitask-locks", "origin/aitask-locks"]);
    ann.aitask(&["lock", "1"]).ok();
    ann.aitask(&["unlock", "1"]).ok();
}

#[test]
fn a_copy_of_the_published_branch_publishes_no_lock_that_was_released() {
    for released_by_ann in share([true, false]) {
        let world = World::new();
        let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
        ann.task("One", &[]);
        let holder = if released_by_ann { &ann } else { &bob };
        holder.aitask(&["lock", "1"]).ok();
        ann.git(&["fetch", "-q", "origin", "aitask-locks:aitask-locks"]);
        holder.aitask(&["unlock", "1"]).ok();
        let compact =
            "git push -q -f origin $(git commit-tree -m c origin/aitask-locks^{tree}):refs/heads/aitask-locks";
        holder.run("sh", &["-c", compact]).ok();
        ann.aitask(&["list", "--fetch"]).ok();
        ann.aitask(&["init"]).ok();
        assert_eq!(world.locks(), Vec::<String>::new());
        ann.aitask(&["lock", "1"]).ok();
    }
}

#[test]
fn data_branch_locks_and_counter_from_before_are_published_together() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["remote", "add", "origin", world.origin().to_str().unwrap()]);
    ann.aitask(&["init"]).ok();
    assert!(world.remote_files("aitask-data").contains(&"aitasks/t1_one.md".to_owned()));
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(world.clone("bob").task("Two", &[]), "2");
}

#[test]
fn the_scripts_publish_them_too() {
    let world = World::new();
    let ann = late(&world, "ann");
    ann.git(&["push", "-q", "-u", "origin", "main"]);
    let run = ann.script("aitask_lock.sh", &["2", "--email", "ann@example.com"]).fails(10);
    assert!(run.stderr.contains("before it had a remote"), "{run}");
    ann.script("aitask_lock.sh", &["--init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(ann.script("aitask_claim_id.sh", &[]).ok().stdout, "3\n");
}
