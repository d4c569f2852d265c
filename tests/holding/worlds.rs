//! Which sessions are told apart, and which are known to be dead.

use super::{killed_after_push, kind};
use crate::support::{Repo, Sleeper, World};

/// Rewrites the lock file of t1 on the remote by a `sed` expression.
pub(super) fn relock(repo: &Repo, expression: &str) {
    let script = format!(
        "git fetch -q && git show origin/aitask-locks:t1_lock.yaml | sed '{expression}' >lock && \
         blob=$(git hash-object -w lock) && rm lock && \
         tree=$(printf '100644 blob %s\\tt1_lock.yaml\\n' $blob | git mktree) && \
         git push -q origin $(git commit-tree $tree -p origin/aitask-locks -m changed):refs/heads/aitask-locks"
    );
    repo.run("sh", &["-c", &script]).ok();
}

/// Ann's session has taken t1 and is dead.
fn held_by_the_dead() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let dead = Sleeper::new();
    ann.env("AIT_AGENT_PID", dead.pid()).aitask(&["pick", "1", "--no-worktree"]).ok();
    dead.die();
    (world, ann)
}

const PICK: &[&str] = &["pick", "1", "--no-worktree", "--json"];

#[test]
fn a_session_of_this_world_is_known_to_be_dead() {
    let (_world, ann) = held_by_the_dead();
    assert_eq!(ann.aitask(PICK).ok().json()["took"], "mine");
}

#[test]
fn a_session_in_another_pid_namespace_is_unknown_and_not_dead() {
    for expression in [
        "s/^pid_namespace: .*/pid_namespace: 4026539999/",
        "s/^boot_id: .*/boot_id: 00000000-0000-4000-8000-000000000000/",
    ] {
        let (_world, ann) = held_by_the_dead();
        relock(&ann, expression);
        let run = ann.aitask(PICK).fails(1);
        assert_eq!(
            (kind(&run).as_str(), &run.error()["error"]["holder"]["session"]),
            ("held", &"unknown".into()),
            "{run}"
        );
        ann.aitask(&["pick", "1", "--no-worktree", "--steal"]).ok();
    }
}

#[test]
fn the_name_of_the_machine_tells_nothing_where_the_world_is_known() {
    let (_world, ann) = held_by_the_dead();
    relock(&ann, "s/^hostname: .*/hostname: renamed/");
    assert_eq!(ann.aitask(PICK).ok().json()["took"], "mine");
}

#[test]
fn a_lock_of_the_scripts_from_before_this_boot_is_unknown_and_not_dead() {
    // As the scripts write it: no nonce, no world.
    let as_script = "/^nonce:/d;/^boot_id:/d;/^pid_namespace:/d";
    let sees_all =
        std::fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.to_string_lossy() == "pid:[4026531836]");
    let (_world, ann) = held_by_the_dead();
    relock(&ann, as_script);
    let run = ann.aitask(PICK);
    assert_eq!(run.code, i32::from(!sees_all), "only where all processes are seen can a number be judged\n{run}");
    let (_world, ann) = held_by_the_dead();
    relock(&ann, &format!("{as_script};s/^locked_at: .*/locked_at: 2001-02-03 04:05/"));
    assert_eq!(ann.aitask(PICK).fails(1).error()["error"]["holder"]["session"], "unknown");
}

#[test]
fn a_pick_that_was_cut_off_goes_to_its_own_session_until_that_is_dead() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let other = ann.env("AIT_AGENT_PID", second.pid());
    let ann = ann.env("AIT_AGENT_PID", first.pid());
    assert_eq!(killed_after_push(&ann).aitask(&["pick", "1"]).signal, Some(9));
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(kind(&other.aitask(PICK).fails(1)), "held");
    assert_eq!(other.aitask(&["pick", "--next", "--json"]).ok().json()["task"]["id"], "2");
    assert_eq!(ann.aitask(&["pick", "--next", "--json"]).ok().json()["task"]["id"], "1");
    // Once it is certainly dead, the other one gets it.
    assert_eq!(killed_after_push(&ann).aitask(&["pick", "3"]).signal, Some(9));
    first.die();
    assert_eq!(other.aitask(&["pick", "3", "--json"]).ok().json()["took"], "mine");
}

#[test]
fn a_lock_of_no_session_is_ended_by_its_person_alone() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.env("AIT_AGENT_PID", "").env("GIT_AITASK_EMAIL", "bob@example.com").aitask(&["pick", "1", "--steal"]).ok();
    for args in [&["finish", "1", "--json"][..], &["drop", "1", "--json"], &["unlock", "1", "--json"]] {
        assert_eq!(kind(&ann.aitask(args).fails(1)), "not_holder");
    }
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn a_session_of_another_machine_in_a_shared_clone_is_not_over() {
    let (world, ann) = held_by_the_dead();
    let other = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", other.pid());
    relock(&ann, "s/^boot_id: .*/boot_id: 00000000-0000-4000-8000-000000000000/;s/^hostname: .*/hostname: elsewhere/");
    assert_eq!(kind(&ann.aitask(&["drop", "1", "--json"]).fails(1)), "not_holder");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    // What this machine took before it was started again is over.
    let name = ann.run("hostname", &[]).ok().stdout;
    relock(&ann, &format!("s/^hostname: .*/hostname: {}/", name.trim()));
    ann.aitask(&["worktree", "add", "1"]).ok();
    ann.at("aiwork/t1_one").aitask(&["drop"]).ok();
}

#[test]
fn the_worktree_of_a_session_of_unknown_state_is_not_removed() {
    let (_world, ann) = held_by_the_dead();
    ann.aitask(&["worktree", "add", "1"]).ok();
    ann.at("aiwork/t1_one").write("unsaved", "precious\n");
    relock(&ann, "s/^pid_namespace: .*/pid_namespace: 4026539999/");
    ann.aitask(&["list", "--fetch"]).ok();
    let other = Sleeper::new();
    let other = ann.env("AIT_AGENT_PID", other.pid());
    assert_eq!(kind(&other.aitask(&["worktree", "remove", "1", "--discard", "--json"]).fails(1)), "held");
    assert!(ann.path("aiwork/t1_one/unsaved").exists());
}
