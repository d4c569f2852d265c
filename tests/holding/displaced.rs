//! A session that lost its task is told so, also when the task is over by now.

use super::{WORK, committed, is_in, killed_after_push, kind, worked};
use crate::support::{Repo, World, share};

/// Bob takes t1 over and works on it.
fn taken_over(world: &World) -> Repo {
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    committed(&bob, "theirs.txt");
    bob
}

#[test]
fn a_former_holder_is_told_not_holder_after_the_task_has_ended() {
    for end in share([&["finish", "1"][..], &["archive", "1"], &["drop", "1"]]) {
        let (world, ann) = worked();
        let work = ann.git(&["rev-parse", "aitask/t1_one"]).trim().to_owned();
        taken_over(&world).aitask(end).ok();
        for args in [["finish", "1", "--json"], ["drop", "1", "--json"], ["archive", "1", "--json"]] {
            if end[0] == "drop" && args[0] == "archive" {
                continue; // free again, so that anybody may file it away
            }
            let run = ann.aitask(&args).fails(1);
            assert_eq!(kind(&run), "not_holder", "{end:?}\n{run}");
            if args[0] == "finish" && end[0] != "drop" {
                let said = run.to_string();
                for part in ["taken over by bob@example.com", "aitask/t1_one", &work[..7], WORK] {
                    assert!(said.contains(part), "{part}\n{said}");
                }
                assert_eq!(run.error()["error"]["holder"]["holder"], "bob@example.com");
            }
        }
        assert!(!is_in(&world, &work, "main"));
        assert_eq!(ann.git(&["rev-parse", "aitask/t1_one"]).trim(), work);
        assert!(ann.path(WORK).join("work.txt").exists());
    }
}

#[test]
fn finish_of_a_task_that_was_unlocked_by_force_and_archived_is_refused() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    bob.aitask(&["unlock", "1", "--force"]).ok();
    bob.aitask(&["archive", "1"]).ok();
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "not_holder", "{run}");
    for part in ["t1 was archived by bob <bob@example.com>", "not in main", "aitask/t1_one"] {
        assert!(run.to_string().contains(part), "{part}\n{run}");
    }
}

#[test]
fn a_former_holder_whose_commits_were_merged_along_is_told_where_they_are() {
    let (world, ann) = worked();
    let work = ann.git(&["rev-parse", "aitask/t1_one"]).trim().to_owned();
    ann.at(WORK).git(&["push", "-q", "origin", "HEAD"]);
    let bob = taken_over(&world);
    bob.git(&["fetch", "-q"]);
    bob.at(WORK).git(&["merge", "-q", "--no-edit", "origin/aitask/t1_one"]);
    bob.aitask(&["finish", "1"]).ok();
    assert!(is_in(&world, &work, "main"));
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "not_holder", "{run}");
    assert!(run.to_string().contains("your commits are in main ("), "{run}");
}

#[test]
fn a_squash_that_landed_before_the_kill_is_known_by_its_commit() {
    let (world, ann) = worked();
    let run = killed_after_push(&ann).aitask(&["finish", "1", "--squash"]);
    assert_eq!((run.signal, world.locks().len()), (Some(9), 0), "{run}");
    let log = ["--git-dir=origin.git", "log", "--format=%H", "-1", "--diff-filter=A", "main", "--", "work.txt"];
    let squash = world.git(&log);
    // The branch is no ancestor, and once main goes on its tree is no part of what is there.
    let bob = world.clone("bob");
    bob.write("work.txt", "gone on\n");
    bob.commit("Go on");
    bob.git(&["push", "-q"]);
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!(json["merged"]["commit"].as_str(), Some(squash.trim()), "{json}");
    assert_eq!((&json["branch_deleted"], ann.path(WORK).exists()), (&true.into(), false));
}

#[test]
fn a_squash_that_was_begun_twice_is_known_by_the_commit_that_landed() {
    let (world, ann) = worked();
    let held = ann.path(".git/aitask/held/t1.json");
    assert_eq!(killed_after_push(&ann).aitask(&["finish", "1", "--squash"]).signal, Some(9));
    // The same command again began a merge of its own, while the first one was under way.
    let text = std::fs::read_to_string(&held).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut second = record["landings"][0].clone();
    second["nonce"] = "0".repeat(32).into();
    record["landings"].as_array_mut().unwrap().push(second);
    std::fs::write(&held, record.to_string()).unwrap();
    let bob = world.clone("bob");
    bob.write("work.txt", "gone on\n");
    bob.commit("Go on");
    bob.git(&["push", "-q"]);
    assert_eq!(ann.aitask(&["finish", "1", "--json"]).ok().json()["branch_deleted"], true);
}

#[test]
fn a_former_holder_can_push_its_commits_after_the_new_one_has_pushed() {
    let (world, ann) = worked();
    taken_over(&world).aitask(&["finish", "1", "--no-push"]).ok();
    let work = ann.git(&["rev-parse", "aitask/t1_one"]).trim().to_owned();
    let hint = |run: &crate::support::Run| run.error()["error"]["hints"][0].clone();
    ann.follow(&hint(&ann.aitask(&["finish", "1", "--json"]).fails(1))).ok();
    assert!(is_in(&world, &work, &format!("t1_one-{}", &work[..7])));
}
