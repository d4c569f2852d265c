//! `git aitask log`.

use super::init::{everything, keys, local};
use crate::support::World;
use predicates::str::contains;

#[test]
fn who_did_what_newest_first() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    bob.aitask(&["pick", "1", "--no-worktree", "--steal"]).ok();
    bob.aitask(&["archive", "1"]).ok();
    let json = bob.aitask(&["log", "t1", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema as_of events");
    let events = json["events"].as_array().unwrap();
    assert_eq!(keys(&events[0]), "at by what task_ids subject commit");
    let mut said: Vec<_> =
        events.iter().map(|event| format!("{} {}", event["by"], event["what"]).replace('"', "")).collect();
    said.sort();
    assert_eq!(
        said,
        ["ann locked", "ann made", "ann started", "bob archived", "bob started", "bob taken over", "bob unlocked"]
    );
    bob.aitask(&["log", "2"]).ok().assert().stdout(contains("just now\tmade\tann\tAdd task t2: two\n"));
    assert_eq!(bob.aitask(&["log", "-n", "3"]).ok().stdout.lines().count(), 3);
}

#[test]
fn it_reads_as_much_as_it_shows_and_a_lock_after_a_sweep_is_no_takeover() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    ann.aitask(&["lock", "1"]).ok();
    // A sweep releases the lock without naming it; more commits than are read at first compare the branch, and change nothing.
    // Later than all before, since of one second git shows either first.
    let script = "GIT_AUTHOR_DATE=\"@$(($(date +%s) + 3)) +0000\" GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
        export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
        c=$(git ls-tree aitask-locks | grep -v t1_lock | git mktree)
        c=$(git commit-tree -p aitask-locks -m 'ait: Cleanup 1 stale lock(s)' $c)
        for n in $(seq 60); do c=$(git commit-tree -p $c -m 'ait: Confirm lock of t1' $c^{tree}); done
        git update-ref refs/heads/aitask-locks $c";
    ann.at(world.origin()).run("sh", &["-c", script]).ok();
    let (run, commands) = ann.git_commands(&["log", "-n", "1", "--json"]);
    run.ok();
    assert!(commands.iter().any(|command| command.contains("--max-count=52 ")), "{commands:#?}");
    ann.aitask(&["list", "--fetch"]).ok();
    assert_eq!(ann.aitask(&["log", "-n", "1", "--json"]).ok().json()["events"][0]["what"], "swept");
    bob.aitask(&["lock", "1"]).ok();
    let last = bob.aitask(&["log", "1", "-n", "1", "--json"]).ok().json()["events"][0].clone();
    assert_eq!((&last["what"], &last["by"]), (&"locked".into(), &"bob".into()));
}

#[test]
fn reading_it_changes_nothing_and_before_init_it_names_the_cure() {
    let ann = local();
    ann.task("One", &[]);
    let before = everything(&ann);
    ann.aitask(&["log"]).ok().assert().stdout(contains("Add task t1: one"));
    assert_eq!(everything(&ann), before);
    assert_eq!(ann.aitask(&["log", "-n", "99999999999"]).ok().stdout, ann.aitask(&["log"]).ok().stdout);
    World::new().clone("eve").aitask(&["log", "x"]).fails(2);
}

#[test]
fn signatures_that_git_shows_in_every_log_are_no_part_of_it() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.sign_and_show_it();
    ann.write("aitasks/t1_one.md", "---\nstatus: Ready\n---\n");
    ann.commit("ait: Add task t1: one");
    ann.git(&["push", "-q"]);
    let said = ann.aitask(&["log", "1"]).ok().stdout;
    assert!(said.ends_with("\tmade\tann\tAdd task t1: one\n") && said.lines().count() == 1, "{said}");
}
