//! A task with children is held by one session, and its children by others.

use super::{WORK, committed, matrix};
use crate::support::World;

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
fn finishing_the_last_child_does_not_end_a_parent_whose_work_is_not_merged() {
    let (world, ann) = matrix::world();
    let agent = ann.env("CLAUDE_CODE_SESSION_ID", "b");
    let kid_of = |parent: &str| {
        agent.aitask(&["new", "Kid", "--parent", parent]).ok();
        let kid = agent.aitask(&["pick", "--next", "--parent", parent, "--json"]).ok().json();
        let there = agent.at(kid["cd"].as_str().unwrap());
        there.write(&format!("kid of {parent}.txt"), "work\n");
        there.commit("Kid");
        there.aitask(&["finish"]).ok()
    };
    let is_active = |file: &str| world.remote_file("main", &format!("aitasks/{file}.md")).is_some();
    // one that this session holds
    agent.aitask(&["pick", "1"]).ok();
    committed(&ann, "work.txt");
    let run = kid_of("1");
    let stays = "t1 has no open child any more, and stays active until";
    assert!(run.stdout.contains(&format!("{stays} you finish it: git aitask finish 1")), "{run}");
    assert!(is_active("t1_one") && world.locks() == ["t1_lock.yaml"], "{run}");
    // one that nobody holds, with commits on its branch
    agent.aitask(&["drop", "1"]).ok();
    let run = kid_of("1");
    let waits = "its branch is merged: aitask/t1_one has commits that are not in main; git aitask pick 1";
    assert!(run.stdout.contains(&format!("{stays} {waits}")), "{run}");
    assert!(is_active("t1_one") && world.locks().is_empty(), "{run}");
    agent.aitask(&["pick", "1"]).ok();
    agent.at(WORK).aitask(&["finish"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some() && !is_active("t1_one"));
    agent.aitask(&["pick", "2", "--no-worktree"]).ok();
    let run = kid_of("2");
    assert!(run.stdout.contains(" stays active until you end it: git aitask archive 2"), "{run}");
    agent.aitask(&["archive", "2"]).ok();
    // one with nothing but what is not committed
    agent.task("Four", &[]);
    let four = agent.aitask(&["pick", "4", "--json"]).ok().json()["cd"].as_str().unwrap().to_owned();
    agent.at(&four).write("draft.txt", "x\n");
    let run = kid_of("4");
    let finish = " stays active until you commit what its worktree has and finish it: git aitask finish 4";
    assert!(run.stdout.contains(finish), "{run}");
    // one without work ends, and this clone forgets it
    agent.aitask(&["pick", "3"]).ok();
    agent.aitask(&["unlock", "3"]).ok();
    let run = kid_of("3");
    assert!(run.stdout.contains("aitasks/archived/t3_three.md") && !is_active("t3_three"), "{run}");
    assert!(!ann.path(".git/aitask/held/t3.json").exists(), "{run}");
}

#[test]
fn a_parent_without_commits_was_told_to_archive_what_its_open_children_keep_open() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let without = ann.aitask(&["finish", "1", "--json"]).fails(1);
    // nothing is uncommitted, so `git commit -a` would not help
    let archive = "git aitask archive 1   # if its work is merged already, or there is none";
    assert_eq!(without.hints(), ["git aitask drop 1   # gives it back", archive]);
    ann.task("It's \"two\"", &[]);
    let held = world.initialised_on_main("bob").aitask(&["pick", "1"]).fails(1);
    assert!(held.stderr.contains("# It\u{2019}s \u{201d}two\u{201d}\n"), "{held}");
    ann.task("Child", &[("parent", "1")]);
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert!(run.stderr.contains("t1 has open children, which end first: t1_1"), "{run}");
    assert_eq!(run.hints(), ["git aitask pick 1_1", "git aitask drop 1   # gives it back"]);
}
