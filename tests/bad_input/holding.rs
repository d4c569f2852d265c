//! Fencing: a session whose lock was stolen ends nothing.

use super::{all_refused, refused};
use crate::support::{Repo, Sleeper, World};

/// Ann's session holds task 1 with work committed.
fn held(world: &World, session: &Sleeper) -> Repo {
    let ann = world.initialised("ann").env("AIT_AGENT_PID", session.pid());
    ann.task("First", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_first");
    work.write("work.txt", "done\n");
    work.commit("work");
    ann
}

const ENDINGS: [&[&str]; 7] = [
    &["finish", "1"],
    &["finish", "1", "--squash"],
    &["finish", "1", "--no-archive"],
    &["drop", "1"],
    &["drop", "1", "--discard"],
    &["unlock", "1"],
    &["archive", "1"],
];

#[track_caller]
fn ends_nothing(repo: &Repo) {
    for run in all_refused(repo, ENDINGS, 1, "not_holder") {
        assert!(run.error()["error"]["holder"]["holder"].is_string(), "{run}");
    }
}

#[test]
fn a_session_whose_lock_was_stolen_from_another_clone() {
    let (world, session) = (World::new(), Sleeper::new());
    let ann = held(&world, &session);
    let bob = world.initialised("bob");
    ends_nothing(&bob);
    refused(&bob, &["pick", "1"], 1, "held");
    let stolen = bob.aitask(&["pick", "1", "--steal", "--json"]).ok().json();
    assert_eq!(stolen["took"], "stolen");
    ends_nothing(&ann);
    ends_nothing(&ann.at("aiwork/t1_first"));
    refused(&ann, &["pick", "1"], 1, "held");
    assert!(ann.path("aiwork/t1_first/work.txt").exists());
    bob.aitask(&["drop", "1"]).ok();
    // free again: still not hers to end
    let before = (world.remote_branch("main"), world.remote_branch("aitask-locks"));
    all_refused(&ann, ENDINGS.into_iter().take(5), 1, "not_holder");
    assert_eq!(before, (world.remote_branch("main"), world.remote_branch("aitask-locks")));
    assert_eq!(ann.git(&["show", "aitask/t1_first:work.txt"]), "done\n");
}

#[test]
fn a_session_whose_lock_was_stolen_in_the_same_clone() {
    let (world, session, other) = (World::new(), Sleeper::new(), Sleeper::new());
    let ann = held(&world, &session);
    let second = ann.env("AIT_AGENT_PID", other.pid());
    refused(&second, &["pick", "1"], 1, "held");
    second.aitask(&["pick", "1", "--steal"]).ok();
    ends_nothing(&ann);
    second.aitask(&["finish", "1"]).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn another_living_session_of_the_same_person_in_the_same_clone() {
    let (world, session, other) = (World::new(), Sleeper::new(), Sleeper::new());
    let ann = held(&world, &session);
    ends_nothing(&ann.env("AIT_AGENT_PID", other.pid()));
}

#[test]
fn the_same_person_and_machine_in_another_clone_without_a_session() {
    let (world, session) = (World::new(), Sleeper::new());
    held(&world, &session);
    let again = world.clone_as("again", "ann", "ann@example.com");
    ends_nothing(&again);
    refused(&again, &["pick", "1"], 1, "held");
}

#[test]
fn a_lock_of_no_session_stolen_in_another_clone_of_the_same_person() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let again = world.clone_as("again", "ann", "ann@example.com");
    refused(&again, &["pick", "1"], 1, "held");
    again.aitask(&["pick", "1", "--steal"]).ok();
    ends_nothing(&ann);
    ends_nothing(&ann.at("aiwork/t1_first"));
}

#[test]
fn a_lock_stolen_and_left_is_free_for_its_former_holder() {
    let (world, session) = (World::new(), Sleeper::new());
    let ann = held(&world, &session);
    let bob = world.initialised("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    bob.aitask(&["drop", "1"]).ok();
    assert_eq!(ann.aitask(&["pick", "1", "--json"]).ok().json()["took"], "new");
    ann.aitask(&["finish", "1"]).ok();
    assert_eq!(world.remote_file("main", "work.txt").as_deref(), Some("done\n"));
}
