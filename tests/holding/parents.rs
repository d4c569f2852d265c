//! A task with children is held by one session, and its children by others.

use super::{WORK, committed, matrix};

#[test]
fn the_last_child_does_not_take_its_parent_from_the_session_that_holds_it() {
    for (person, verb) in [("ann", "finish"), ("ann", "archive"), ("bob", "finish"), ("bob", "archive")] {
        let (world, ann) = matrix::world();
        let holder = ann.env("CLAUDE_CODE_SESSION_ID", "b");
        holder.aitask(&["pick", "1"]).ok();
        committed(&ann, "work.txt");
        let clone = if person == "ann" { ann } else { world.initialised_on_main("bob") };
        let other = clone.env("CODEX_THREAD_ID", "a");
        other.aitask(&["new", "Kid", "--parent", "1"]).ok();
        other.aitask(&["pick", "1_1"]).ok();
        other.at("aiwork/t1_1_kid").write("kid.txt", "work\n");
        other.at("aiwork/t1_1_kid").commit("Kid");
        let run = other.aitask(&[verb, "1_1", "--json"]).ok();
        let who = if person == "ann" { "another session of yours" } else { "ann@example.com" };
        let note = format!("until its holder finishes it: t1 is held by {who} (claude-code) on ");
        assert!(run.stdout.contains(&note), "{run}");
        assert!(world.remote_file("main", "aitasks/t1_one.md").is_some(), "{run}");
        holder.at(WORK).aitask(&["finish"]).ok();
        assert!(world.remote_file("main", "aitasks/archived/t1_one.md").is_some() && world.locks().is_empty());
        assert!(world.remote_file("main", "work.txt").is_some());
    }
}

#[test]
fn the_last_child_takes_along_a_parent_of_the_same_session() {
    let (world, ann) = matrix::world();
    let agent = ann.env("CLAUDE_CODE_SESSION_ID", "b");
    agent.aitask(&["pick", "1"]).ok();
    agent.aitask(&["new", "Kid", "--parent", "1"]).ok();
    agent.aitask(&["archive", "1_1"]).ok();
    assert!(world.remote_file("main", "aitasks/archived/t1_one.md").is_some() && world.locks().is_empty());
}
