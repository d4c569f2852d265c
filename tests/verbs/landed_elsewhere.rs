//! A pull request that was merged on the server, seen from a clone that did not push it: `git aitask finish` there.

use super::init::on_data_branch;
use crate::support::{Repo, World, hints};
use serde_json::Value;

const WORK: &str = "aiwork/t1_one";

/// Ann's first clone has pushed t1 for a pull request, and t2 as well; her second clone, which has neither, is returned
/// with one of a colleague.
fn proposed() -> (World, [Repo; 3]) {
    let world = World::new();
    let ann = on_data_branch(&world, "ann").env("GIT_AITASK_SESSION", "agent");
    for (id, title) in [("1", "One"), ("2", "Two")] {
        ann.task(title, &[]);
        ann.aitask(&["pick", id]).ok();
        let there = ann.at(format!("aiwork/t{id}_{}", title.to_lowercase()));
        there.write(&format!("{id}.txt"), "work\n");
        there.commit("work");
        ann.aitask(&["finish", id, "--no-push"]).ok();
    }
    let elsewhere = world.clone_as("elsewhere", "ann", "ann@example.com").env("GIT_AITASK_SESSION", "agent");
    let bob = world.clone("bob");
    (world, [ann, elsewhere, bob])
}

/// Bob merges the branches of both tasks on the server; returns the commit with the work of the first.
fn merge(bob: &Repo, how: &str) -> String {
    let mut landed = String::new();
    for branch in ["origin/aitask/t2_two", "origin/aitask/t1_one"] {
        bob.git(&["merge", "-q", "--no-edit", how, branch]);
        landed = if how == "--squash" { bob.commit("merged") } else { bob.git(&["rev-parse", "HEAD"]).trim().into() };
    }
    bob.git(&["push", "-q"]);
    landed
}

/// Finishes t1, which merges nothing, and leaves the branch of t2 alone.
fn finished(world: &World, clone: &Repo, landed: &str) {
    let before = world.remote_branch("main");
    let run = clone.aitask(&["finish", "1", "--json"]).ok();
    let json = run.json();
    assert_eq!((&json["merged"]["commit"], &json["merged"]["mode"]), (&landed.into(), &Value::Null), "{run}");
    assert_eq!((&json["unlocked"], &json["remote_branch_deleted"]), (&true.into(), &true.into()), "{run}");
    assert_eq!((world.remote_branch("main"), world.locks()), (before, vec!["t2_lock.yaml".to_owned()]));
    assert_eq!(world.remote_branch("aitask/t1_one"), None);
    assert!(world.remote_branch("aitask/t2_two").is_some());
}

#[test]
fn finish_of_a_merged_pull_request_works_in_another_clone_of_its_holder() {
    for how in ["--no-ff", "--squash"] {
        let (world, [ann, elsewhere, bob]) = proposed();
        let tip = world.remote_branch("aitask/t1_one").unwrap();
        // before the merge it says where the work is
        let run = elsewhere.aitask(&["finish", "1", "--json"]).fails(1);
        let error = &run.error()["error"];
        assert!(
            run.stderr.contains("has no new work that is known to be in main") && error["kind"] == "no_commits",
            "{run}"
        );
        assert!(hints(error).iter().any(|hint| hint.starts_with("git aitask pick 1")), "{run}");
        let landed = merge(&bob, how);
        finished(&world, &elsewhere, &landed);
        // the commits that only the squash replaced keep a name
        let kept = elsewhere.git(&["for-each-ref", "--format=%(objectname)", "refs/aitask/squashed/"]);
        assert_eq!(kept.trim() == tip, how == "--squash", "{kept}");
        let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
        assert_eq!((&json["worktree_removed"], &json["branch_deleted"]), (&true.into(), &true.into()), "{json}");
    }
}

#[test]
fn finish_of_a_merged_pull_request_works_from_a_worktree_that_was_added_after_the_merge() {
    let (world, [_, elsewhere, bob]) = proposed();
    let landed = merge(&bob, "--no-ff");
    elsewhere.aitask(&["pick", "1"]).ok();
    finished(&world, &elsewhere, &landed);
    assert!(!elsewhere.path(WORK).exists());
}

#[test]
fn a_published_branch_without_commits_is_no_work_that_landed() {
    let (world, [_, elsewhere, bob]) = proposed();
    bob.git(&["push", "-q", "--force", "origin", "HEAD:refs/heads/aitask/t1_one"]);
    bob.commit("later");
    bob.git(&["push", "-q", "origin", "HEAD:main"]);
    let run = elsewhere.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "no_commits", "{run}");
    assert_eq!(world.locks().len(), 2);
}

#[test]
fn finish_does_not_merge_past_a_pull_request_whose_branch_the_server_has_removed() {
    let (world, [ann, _, bob]) = proposed();
    // rejected
    bob.git(&["push", "-q", "origin", ":aitask/t1_one"]);
    // merged in another form
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t2_two"]);
    bob.write("2.txt", "reviewed\n");
    bob.commit("Two (#2)");
    bob.git(&["push", "-q", "origin", "main", ":aitask/t2_two"]);
    let before = world.remote_branch("main");
    for id in ["1", "2"] {
        let run = ann.aitask(&["finish", id, "--json"]).fails(1);
        assert_eq!(run.error()["error"]["kind"], "not_merged", "{run}");
        assert!(run.stderr.contains("origin has no such branch") && hints(&run.error()["error"]).len() == 4, "{run}");
    }
    assert_eq!(world.remote_branch("main"), before);
    ann.aitask(&["archive", "2"]).ok();
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    assert!(world.remote_branch("aitask/t1_one").is_some());
    ann.aitask(&["finish", "1", "--merge"]).ok();
    assert_eq!(world.remote_file("main", "1.txt").as_deref(), Some("work\n"));
}

#[test]
fn what_others_did_and_took_back_before_the_task_was_worked_on_is_not_taken_for_its_work() {
    for (authored, is_later) in [("2035-01-01T00:00:00Z", true), ("2001-01-01T00:00:00Z", false)] {
        let world = World::new();
        let ann = on_data_branch(&world, "ann");
        ann.write("flag", "off\n");
        ann.commit("flag");
        ann.git(&["push", "-q"]);
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let bob = world.clone("bob");
        for (text, message) in [("on\n", "try flag"), ("off\n", "not yet")] {
            bob.write("flag", text);
            bob.commit(message);
        }
        bob.git(&["push", "-q"]);
        let there = ann.at(WORK).env("GIT_AUTHOR_DATE", authored);
        there.write("flag", "on\n");
        there.commit("flag on");
        let run = ann.aitask(&["finish", "1", "--json"]);
        if is_later {
            run.ok();
        } else {
            // Somebody may have taken it from here: the user says whether it is wanted.
            let error = run.fails(1).error()["error"].clone();
            assert!(error["message"].as_str().unwrap().contains("main had the same change"), "{error}");
            ann.follow(&error["hints"][0]).ok();
        }
        assert_eq!(world.remote_file("main", "flag").as_deref(), Some("on\n"));
    }
}
