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
        assert!(run.stderr.contains("when it had no remote") && run.stderr.contains("git aitask init"), "{run}");
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
    assert!(run.stderr.contains("when it had no remote"), "{run}");
    ann.script("aitask_lock.sh", &["--init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(ann.script("aitask_claim_id.sh", &[]).ok().stdout, "3\n");
}

/// Ann, who held t2 on the remote, worked on t1 to t3 while that was not configured, and has it again. Bob holds t1 there.
fn back() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    world.clone("bob").aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.aitask(&["pick", "2"]).ok();
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--remote", "."]).ok();
    for (task, place) in [("1", "aiwork/t1_one"), ("2", "aiwork/t2_two"), ("3", "aiwork/t3_three")] {
        let here = if task == "2" { ann.at(place) } else { ann.at(".") };
        here.aitask(&["pick", task, "--remote", "."]).ok();
        ann.at(place).write(task, "work\n");
        ann.at(place).commit("work");
    }
    ann.git(&["remote", "add", "origin", world.origin().to_str().unwrap()]);
    ann.git(&["fetch", "-q"]);
    (world, ann)
}

#[test]
fn what_was_taken_while_the_remote_was_gone_is_not_called_taken_over_when_it_is_back() {
    let (world, ann) = back();
    let [one, two, three] = ["aiwork/t1_one", "aiwork/t2_two", "aiwork/t3_three"].map(|place| ann.at(place));
    let run = one.aitask(&["status"]).fails(1);
    assert!(!run.to_string().contains("taken over") && run.stderr.contains("git aitask init"), "{run}");
    let found = ann.aitask(&["doctor", "--json"]).fails(1).json();
    assert_eq!(found["findings"][0]["kind"], "unpublished_locks", "{found}");
    assert!(!found.to_string().contains("held/t"), "{found}");
    // Only t1 is somebody else's.
    let run = ann.aitask(&["init", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["task_ids"], serde_json::json!(["1"]), "{run}");
    ann.follow(&run.error()["error"]["hints"][0]).ok();
    ann.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml", "t3_lock.yaml"]);
    let run = one.aitask(&["finish"]).fails(1);
    assert!(run.stderr.contains("t1 is not yours: held by bob@example.com"), "{run}");
    two.aitask(&["finish"]).ok();
    assert!(world.remote_file("main", "2").is_some());
    // What is published is taken over as anything else.
    world.clone("cat").aitask(&["pick", "3", "--steal", "--no-worktree"]).ok();
    ann.git(&["fetch", "-q"]);
    let run = three.aitask(&["status"]).ok();
    assert!(run.stdout.starts_with("t3 was taken over by cat@example.com"), "{run}");
}

#[test]
fn locks_from_while_the_remote_was_gone_can_be_given_up_and_nothing_is_lost() {
    let (world, ann) = back();
    let [one, two] = ["aiwork/t1_one", "aiwork/t2_two"].map(|place| ann.at(place));
    let run = one.aitask(&["status", "--json"]).fails(1);
    ann.follow(&run.error()["error"]["hints"][1]).ok();
    assert!(!one.aitask(&["status"]).ok().to_string().contains("taken over"));
    for verb in ["finish", "drop"] {
        let said = one.aitask(&[verb]).fails(1).to_string();
        let parts = [
            "t1 was taken here without a remote, and is not yours there: held by bob",
            "your work is on aitask/t1_one",
        ];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    two.aitask(&["finish"]).ok();
    ann.aitask(&["pick", "3"]).ok();
    ann.aitask(&["finish", "3"]).ok();
    assert!(["2", "3"].iter().all(|file| world.remote_file("main", file).is_some()));
    assert!(ann.git(&["log", "--format=%s", "aitask/t1_one"]).starts_with("work\n"));
}
