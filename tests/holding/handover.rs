//! Work that goes from one person to another: what of it is published, and that whoever comes next goes on with it.

use super::{WORK, committed, killed_after_push, kind, worked};
use crate::support::{Repo, Run, When, World, share};
use std::collections::BTreeMap;

const BRANCH: &str = "aitask/t1_one";

/// The subjects of the work on a branch of a clone, oldest first.
fn work_on(repo: &Repo, branch: &str) -> Vec<String> {
    let log = repo.git(&["log", "--reverse", "--format=%s", branch, "--not", "main"]);
    log.lines()
        .filter(|subject| !subject.starts_with("ait: ") && !subject.starts_with("Merge "))
        .map(Into::into)
        .collect()
}

fn tip(repo: &Repo, name: &str) -> String {
    repo.git(&["rev-parse", name]).trim().to_owned()
}

/// Ann's work on t1, given back.
fn given_back() -> (World, Repo) {
    let (world, ann) = worked();
    ann.aitask(&["drop", "1"]).ok();
    (world, ann)
}

fn says(run: &Run, parts: &[&str]) {
    let said = run.to_string();
    for part in parts {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn drop_publishes_the_commits_it_leaves_behind() {
    let (world, ann) = worked();
    let work = tip(&ann, BRANCH);
    let run = ann.aitask(&["drop", "1", "--json"]).ok();
    assert_eq!((run.json()["pushed"].as_str(), world.remote_branch(BRANCH)), (Some(BRANCH), Some(work)));
    assert!(world.locks().is_empty() && !ann.path(WORK).exists());
    // What has no commits is not published.
    ann.task("Two", &[]);
    ann.aitask(&["pick", "2"]).ok();
    assert!(ann.aitask(&["drop", "2", "--json"]).ok().json()["pushed"].is_null());
    assert_eq!(world.remote_branch("aitask/t2_two"), None);
}

#[test]
fn pick_goes_on_from_the_published_branch_and_says_whose_commits_those_are() {
    let (world, ann) = given_back();
    let bob = world.clone("bob");
    let run = bob.aitask(&["pick", "1", "--base", "main", "--json"]).ok();
    let worktree = &run.json()["worktree"];
    let published = &worktree["published"];
    assert_eq!((published["commits"].as_u64(), published["author"].as_str()), (Some(1), Some("ann")), "{run}");
    assert_eq!((published["local"].as_str(), worktree["created"].as_bool()), (Some("absent"), Some(true)));
    says(&run, &["1 commit that main lacks, the last by ann", "--base main was not used"]);
    assert_eq!(tip(&bob.at(WORK), "HEAD"), tip(&ann, BRANCH));
    committed(&bob, "more.txt");
    bob.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some() && world.remote_file("main", "more.txt").is_some());
}

#[test]
fn a_clone_that_has_not_fetched_since_goes_on_with_it() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let bob = world.clone("bob");
    ann.aitask(&["pick", "1"]).ok();
    committed(&ann, "work.txt");
    ann.aitask(&["drop", "1"]).ok();
    bob.count_connections();
    bob.aitask(&["pick", "1"]).ok();
    // The lock branch has moved, so the first push is refused; the fetch brings the task branch with it.
    assert_eq!(bob.connections(), ["push", "fetch", "push"]);
    assert_eq!(work_on(&bob, BRANCH), ["work.txt"]);
}

#[test]
fn a_branch_that_was_pushed_by_hand_is_found_by_a_takeover() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    ann.at(WORK).git(&["push", "-q", "origin", "HEAD"]);
    bob.count_connections();
    bob.aitask(&["pick", "1", "--steal"]).ok();
    assert_eq!(bob.connections(), ["fetch", "push"]);
    assert_eq!(work_on(&bob, BRANCH), ["work.txt"]);
}

#[test]
fn a_clone_of_one_branch_goes_on_with_it() {
    let (world, ann) = given_back();
    let url = format!("file://{}", world.origin().display());
    for depth in share(["--depth=1", "--no-tags"]) {
        world.git(&["clone", "-q", "--single-branch", depth, &url, &format!("one{depth}")]);
        let dir = world.root().join(format!("one{depth}"));
        let one = world.clone(&format!("bob{depth}")).at(&dir).env("GIT_AITASK_EMAIL", "bob@example.com");
        one.aitask(&["pick", "1"]).ok();
        let there = one.at(dir.join(WORK));
        assert_eq!(tip(&there, "HEAD"), tip(&ann, BRANCH));
        one.aitask(&["drop", "1"]).ok();
    }
}

#[test]
fn a_local_branch_that_is_behind_is_forwarded_and_one_that_is_ahead_is_kept() {
    let (world, ann) = given_back();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1"]).ok();
    committed(&bob, "second.txt");
    bob.aitask(&["drop", "1"]).ok();
    let run = ann.aitask(&["pick", "1", "--json"]).ok();
    assert_eq!(run.json()["worktree"]["published"]["local"], "behind");
    says(&run, &["2 commits that main lacks, the last by bob"]);
    assert_eq!(work_on(&ann, BRANCH), ["work.txt", "second.txt"]);
    assert!(ann.path(WORK).join("second.txt").exists());
    let third = committed(&ann, "third.txt");
    let run = ann.at(WORK).aitask(&["pick", "1", "--json"]).ok();
    assert_eq!((run.json()["worktree"]["published"]["local"].as_str(), tip(&ann, BRANCH)), (Some("ahead"), third));
}

#[test]
fn a_worktree_that_is_still_there_follows_the_published_branch() {
    let (world, ann) = worked();
    ann.aitask(&["sync", "1"]).ok();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    let second = committed(&bob, "second.txt");
    bob.aitask(&["drop", "1"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    assert!(ann.path(WORK).join("second.txt").exists());
    assert_eq!((tip(&ann, BRANCH), ann.at(WORK).git(&["status", "--porcelain"])), (second, String::new()));
}

#[test]
fn branches_that_went_apart_are_kept_and_both_are_named() {
    let (world, ann) = worked();
    ann.aitask(&["sync", "1"]).ok();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    let theirs = committed(&bob, "theirs.txt");
    bob.aitask(&["drop", "1"]).ok();
    let ours = committed(&ann, "ours.txt");
    let run = ann.aitask(&["pick", "1", "--json"]).ok();
    assert_eq!(run.json()["worktree"]["published"]["local"], "diverged");
    says(&run, &[&ours[..7], &theirs[..7], "git merge origin/aitask/t1_one"]);
    assert_eq!((tip(&ann, BRANCH), world.remote_branch(BRANCH)), (ours, Some(theirs.clone())));
    // Nor does giving it back replace what is there.
    for args in share([["drop", "1", "--json"], ["sync", "1", "--json"]]) {
        let run = ann.aitask(&args).fails(1);
        assert_eq!((kind(&run).as_str(), world.remote_branch(BRANCH)), ("behind", Some(theirs.clone())), "{run}");
        says(&run, &["theirs.txt", "git merge origin/aitask/t1_one"]);
    }
    ann.at(WORK).git(&["merge", "-q", "--no-edit", "origin/aitask/t1_one"]);
    ann.aitask(&["drop", "1"]).ok();
    assert_eq!(world.remote_branch(BRANCH), Some(tip(&ann, BRANCH)));
}

#[test]
fn sync_publishes_the_branch_of_the_task_and_nothing_else_does() {
    let (world, ann) = worked();
    for line in [&["list"][..], &["edit", "1", "--priority", "low"], &["pick", "1"], &["sync"], &["new", "x"]] {
        ann.at(if line[0] == "sync" { "." } else { WORK }).aitask(line).ok();
        assert_eq!(world.remote_branch(BRANCH), None, "{line:?}");
    }
    let run = ann.at(WORK).aitask(&["sync", "--json"]).ok();
    assert_eq!((run.json()["pushed"].as_str(), world.remote_branch(BRANCH)), (Some(BRANCH), Some(tip(&ann, BRANCH))));
    let there = ann.at(WORK);
    there.git(&["commit", "-q", "--amend", "-m", "better"]);
    ann.aitask(&["sync", "1"]).ok();
    assert_eq!(world.remote_branch(BRANCH), Some(tip(&ann, BRANCH)));
    ann.count_connections();
    ann.aitask(&["sync", "1"]).ok();
    // It asks for the default branch, which carries the tasks, and sees that nothing is newer.
    assert_eq!(ann.connections(), ["fetch"]);
}

#[test]
fn a_former_holder_publishes_nothing() {
    let (world, ann) = worked();
    world.clone("bob").aitask(&["pick", "1", "--steal"]).ok();
    assert_eq!(kind(&ann.aitask(&["sync", "1", "--json"]).fails(1)), "not_holder");
    // Nobody named the task, so the task data is synced all the same.
    let run = ann.at(WORK).aitask(&["sync"]).ok();
    says(&run, &["the task branch was not published"]);
    assert_eq!(world.remote_branch(BRANCH), None);
}

#[test]
fn with_the_setting_every_verb_in_the_worktree_publishes() {
    let (world, ann) = worked();
    ann.git(&["config", "aitask.publish", "true"]);
    for line in share([&["list"][..], &["edit", "1", "--priority", "low"], &["pick", "1"], &["show", "1"]]) {
        let commit = committed(&ann, &format!("{}.txt", line[0]));
        // Elsewhere a session without a process does not hold the task.
        ann.aitask(line);
        assert_ne!(world.remote_branch(BRANCH), Some(commit.clone()), "{line:?} elsewhere");
        ann.at(WORK).aitask(line).ok();
        assert_eq!(world.remote_branch(BRANCH), Some(commit), "{line:?}");
    }
    ann.count_connections();
    ann.at(WORK).aitask(&["list"]).ok();
    assert!(ann.connections().is_empty());
}

#[test]
fn a_takeover_of_work_that_was_never_published_says_where_it_is() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    let run = bob.aitask(&["pick", "1", "--steal", "--json"]).ok();
    let (folder, host) =
        (ann.path(WORK).display().to_string(), run.json()["lock"]["host"].as_str().unwrap().to_owned());
    let unpublished = &run.json()["unpublished"];
    assert_eq!((unpublished["folder"].as_str(), unpublished["host"].as_str()), (Some(&*folder), Some(&*host)));
    says(
        &run,
        &[
            "no commit of ann@example.com is published on the branch of this task",
            &format!("lies in {folder} on {host}"),
        ],
    );
    // In one clone it is where the next one works.
    let run = bob.env("GIT_AITASK_EMAIL", "cid@example.com").aitask(&["pick", "1", "--steal", "--json"]).ok();
    assert!(run.json()["unpublished"].is_null(), "{run}");
}

#[test]
fn work_that_was_never_published_is_named_after_unlock_by_force_and_after_several_takeovers() {
    let (world, ann) = worked();
    ann.at(WORK).write("notes.txt", "mine\n");
    let [bob, cat] = ["bob", "cat"].map(|name| world.clone(name));
    let lies = |repo: &Repo| {
        format!(
            "@example.com is published on the branch of this task; what there is lies in {}",
            repo.path(WORK).display()
        )
    };
    bob.aitask(&["unlock", "1", "--force"]).ok();
    says(&bob.aitask(&["pick", "1"]).ok(), &[&lies(&ann)]);
    cat.git(&["fetch", "-q"]);
    says(&cat.aitask(&["pick", "1", "--steal", "--json"]).ok(), &[&lies(&bob), &lies(&ann)]);
    // In the clone where it is, the worktree and the branch have it.
    cat.aitask(&["unlock", "1", "--force"]).ok();
    let here = |run: &Run, holder: &str| {
        let time = format!("from the time when {holder} had t1");
        says(
            run,
            &[
                &format!("has uncommitted files {time}: notes.txt"),
                &format!("aitask/t1_one has 1 commit that main lacks {time}"),
            ],
        );
    };
    let dan = ann.env("GIT_AITASK_EMAIL", "dan@example.com");
    here(&dan.aitask(&["pick", "1"]).ok(), "ann@example.com");
    ann.aitask(&["unlock", "1", "--force"]).ok();
    here(&ann.aitask(&["pick", "1", "--no-worktree"]).ok(), "dan@example.com");
    here(&dan.aitask(&["pick", "1", "--steal"]).ok(), "ann@example.com");
    // Whoever goes on with what is its own is told nothing.
    let run = dan.at(WORK).aitask(&["pick", "--json"]).ok();
    assert!(run.json().get("notes").is_none(), "{run}");
}

#[test]
fn a_branch_that_the_server_refuses_does_not_keep_a_task_from_being_dropped() {
    let (world, ann) = worked();
    let work = tip(&ann, BRANCH);
    world.protect(BRANCH);
    let run = ann.aitask(&["drop", "1", "--json"]).ok();
    assert!(run.json()["pushed"].is_null() && world.locks().is_empty(), "{run}");
    says(&run, &["aitask/t1_one was not published, and is only in this clone"]);
    assert_eq!(tip(&ann, BRANCH), work);
}

#[test]
fn finish_removes_the_published_branch_in_its_one_push() {
    for mode in share(["--merge", "--squash"]) {
        let (world, ann) = worked();
        ann.at(WORK).git(&["push", "-q", "-u", "origin", "HEAD"]);
        ann.count_connections();
        let run = ann.aitask(&["finish", "1", mode, "--json"]).ok();
        assert_eq!(ann.connections(), ["push"]);
        assert_eq!((run.json()["remote_branch_deleted"].as_bool(), world.remote_branch(BRANCH)), (Some(true), None));
        assert!(!ann.git(&["config", "--list"]).contains("branch.aitask/"));
        ann.git_fails(&["rev-parse", "--verify", "-q", "refs/remotes/origin/aitask/t1_one"]);
    }
}

#[test]
fn a_commit_that_came_meanwhile_keeps_the_published_branch() {
    let (world, ann) = worked();
    ann.aitask(&["sync", "1"]).ok();
    let bob = world.clone("bob");
    bob.git(&["switch", "-q", BRANCH]);
    bob.write("fix.txt", "fix\n");
    let fix = bob.commit("Review fix");
    bob.git(&["push", "-q"]);
    assert_eq!(kind(&ann.aitask(&["finish", "1", "--json"]).fails(1)), "behind");
    assert_eq!((world.remote_branch(BRANCH), world.remote_file("main", "work.txt")), (Some(fix), None));
}

#[test]
fn where_the_server_deletes_no_branches_it_stays_and_finish_says_so() {
    for atomic in share(["true", "false"]) {
        let (world, ann) = worked();
        world.git(&["--git-dir=origin.git", "config", "receive.denyDeletes", "true"]);
        world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", atomic]);
        ann.aitask(&["sync", "1"]).ok();
        let run = ann.aitask(&["finish", "1", "--json"]).ok();
        assert_eq!(run.json()["remote_branch_deleted"].as_bool(), Some(false), "{run}");
        says(&run, &["aitask/t1_one stays on the remote"]);
        assert!(world.remote_branch(BRANCH).is_some() && world.remote_file("main", "work.txt").is_some());
        assert!(world.locks().is_empty() && !ann.path(WORK).exists(), "{run}");
        let main = ann.git(&["log", "--format=%s", "origin/main"]);
        assert_eq!(main.matches("Merge branch").count(), 1, "{main}");
    }
}

#[test]
fn a_branch_of_an_agents_own_in_the_worktree_is_recognised() {
    for (own, is_beside) in share([("branch", false), ("detached", false), ("branch", true), ("detached", true)]) {
        let (world, ann) = worked();
        let there = ann.at(WORK);
        if own == "branch" {
            there.git(&["switch", "-q", "-c", "my-feature"]);
        } else {
            there.git(&["switch", "-q", "--detach"]);
        }
        if is_beside {
            there.git(&["reset", "-q", "--hard", "HEAD~1"]);
        }
        committed(&ann, "own.txt");
        let main = world.remote_branch("main");
        for args in
            [&["finish", "--json"][..], &["finish", "--no-push", "--json"], &["drop", "--json"], &["pick", "--json"]]
        {
            let run = there.aitask(args).fails(1);
            says(&run, &["1 commit there is not on it"]);
            assert!(["dirty", "occupied"].contains(&kind(&run).as_str()), "{run}");
        }
        assert_eq!((world.remote_branch("main"), world.locks().len()), (main, 1));
        let run = there.aitask(&["finish", "--json"]).fails(1);
        ann.follow(&run.error()["error"]["hints"][0]).ok();
        there.aitask(&["finish"]).ok();
        for file in ["work.txt", "own.txt"] {
            assert!(world.remote_file("main", file).is_some(), "{own} {is_beside} {file}");
        }
    }
}

/// Runs a verb that is killed, once at this call of git and once right after its push, and again until it is through.
fn through_kills(repo: &Repo, args: &[&str], k: usize, when: When) {
    let killed = [repo.killed_at(k, when, args), killed_after_push(repo).aitask(args)];
    if killed.iter().all(|run| run.signal.is_some()) {
        repo.aitask(args).ok();
        return;
    }
    // One of them was through; a second time there may be nothing left to do.
    assert!(killed.iter().any(|run| run.code == 0), "{}\n{}", killed[0], killed[1]);
}

#[test]
fn handed_over_three_times_with_kills_no_commit_is_lost_and_none_is_twice() {
    let calls = share([3, 6, 9, 12, 14, 16, 18, 21]);
    for k in calls {
        for when in [When::Before, When::After] {
            let world = World::new();
            let ann = world.initialised("ann");
            ann.task("One", &[]);
            let [bob, cid] = ["bob", "cid"].map(|name| world.clone(name));
            let mut made = Vec::new();
            // Two people, three clones: cid's is a second one of ann's.
            let cid = cid.env("GIT_AITASK_EMAIL", "ann@example.com");
            for (turn, repo) in [&ann, &bob, &cid, &bob].into_iter().enumerate() {
                let takes: &[&str] = if turn == 2 { &["pick", "1", "--steal"] } else { &["pick", "1"] };
                through_kills(repo, takes, k, when);
                for part in ["a", "b"] {
                    made.push(format!("{turn}{part}.txt"));
                    committed(repo, made.last().unwrap());
                }
                match turn {
                    // Taken over after it was synced, given back otherwise.
                    1 => through_kills(repo, &["sync", "1"], k, when),
                    3 => through_kills(repo, &["finish", "1"], k, when),
                    _ => through_kills(repo, &["drop", "1"], k, when),
                }
            }
            let log = world.git(&["--git-dir=origin.git", "log", "--format=%s", "main"]);
            let mut count = BTreeMap::new();
            for subject in log.lines() {
                *count.entry(subject).or_insert(0) += 1;
            }
            for subject in &made {
                assert_eq!(count.get(subject.as_str()), Some(&1), "{subject} at call {k}, {when:?}\n{log}");
                assert!(world.remote_file("main", subject).is_some());
            }
            assert_eq!((world.remote_branch(BRANCH), world.locks()), (None, Vec::new()), "call {k}, {when:?}");
        }
    }
}

#[test]
fn work_on_a_branch_that_is_checked_out_in_the_main_worktree_has_not_landed_in_itself() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["switch", "--quiet", "-c", "aitask/t1_one"]);
    ann.write("half", "half\n");
    ann.commit("half");
    let synced = ann.aitask(&["sync", "--json"]).ok().json();
    assert!(synced.get("landed").is_none(), "{synced}");
    ann.aitask(&["drop", "1"]).ok();
    assert!(world.remote_file("aitask/t1_one", "half").is_some());
}

#[test]
fn work_that_was_merged_only_into_an_unpublished_branch_is_published_by_a_drop() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_one");
    work.write("half", "half\n");
    work.commit("half");
    ann.git(&["merge", "--quiet", "--no-edit", "aitask/t1_one"]);
    ann.aitask(&["drop", "1"]).ok();
    assert!(world.remote_file("aitask/t1_one", "half").is_some());
}

/// Bob, who cloned before ann picked t1, worked, and gave it back.
fn bob_before() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    let bob = world.clone("bob");
    bob.task("Three", &[]);
    ann.aitask(&["pick", "1"]).ok();
    committed(&ann, "work.txt");
    ann.aitask(&["drop", "1"]).ok();
    (world, ann, bob)
}

#[test]
fn a_fetch_of_the_lock_branch_alone_hides_no_published_branch() {
    for whole in share([false, true]) {
        let (_world, _ann, bob) = bob_before();
        bob.git(if whole { &["fetch", "-q"] } else { &["fetch", "-q", "origin", "aitask-locks", "aitask-data"] });
        // What this clone publishes on top of it tells nothing more of the task branches.
        bob.aitask(&["lock", "2"]).ok();
        // it has seen that another clone pushed, which is not what this is about
        std::fs::remove_file(bob.path(".git/aitask/cache/others-push.origin")).unwrap();
        bob.count_connections();
        bob.aitask(&["pick", "1"]).ok();
        assert_eq!(bob.connections(), if whole { vec!["push"] } else { vec!["fetch", "push"] });
        assert_eq!(work_on(&bob, BRANCH), ["work.txt"]);
    }
}

#[test]
fn a_clone_picks_by_one_push_until_it_fetches_a_part() {
    let (world, ann, _bob) = bob_before();
    let eve = world.clone("eve");
    eve.count_connections();
    eve.aitask(&["pick", "2"]).ok();
    eve.aitask(&["drop", "2"]).ok();
    eve.aitask(&["pick", "3"]).ok();
    assert_eq!(eve.connections(), ["push", "push", "push"]);
    ann.aitask(&["lock", "2"]).ok();
    eve.git(&["fetch", "-q", "origin", "aitask-locks"]);
    eve.aitask(&["drop", "3"]).ok();
    eve.connections();
    eve.aitask(&["pick", "3"]).ok();
    assert_eq!(eve.connections(), ["fetch", "push"]);
    eve.aitask(&["drop", "3"]).ok();
    eve.aitask(&["pick", "3"]).ok();
    assert_eq!(eve.connections(), ["push", "push"]);
}

#[test]
fn a_branch_that_was_cut_from_another_base_goes_back_there_from_every_clone() {
    for given_back in share([true, false]) {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        ann.task("One", &[]);
        ann.git(&["push", "-q", "origin", "main:dev"]);
        ann.git(&["fetch", "-q"]);
        let bob = world.clone("bob");
        ann.aitask(&["pick", "1", "--base", "dev"]).ok();
        assert!(world.remote_file("aitask-locks", "t1_lock.yaml").unwrap().contains("\nbase: dev\n"));
        committed(&ann, "work.txt");
        let pick: &[&str] = if given_back {
            ann.aitask(&["drop", "1"]).ok();
            &["pick", "1", "--json"]
        } else {
            ann.aitask(&["sync", "1"]).ok();
            // The task may change hands without a worktree in between.
            let eve = world.clone("eve");
            eve.aitask(&["pick", "1", "--steal", "--no-worktree"]).ok();
            &["pick", "1", "--steal", "--json"]
        };
        assert_eq!(bob.aitask(pick).ok().json()["worktree"]["base"], "dev");
        committed(&bob, "more.txt");
        bob.aitask(&["finish", "1"]).ok();
        let files = ["dev", "main"].map(|branch| world.remote_file(branch, "more.txt").is_some());
        assert_eq!((files, world.remote_file("dev", "work.txt").is_some()), ([true, false], true));
    }
}

#[test]
fn what_this_clone_pushed_last_may_be_replaced_after_it_gave_the_task_back() {
    let (world, ann) = given_back();
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at(WORK);
    there.git(&["commit", "-q", "--amend", "-m", "better"]);
    let run = there.aitask(&["pick", "1", "--json"]).ok();
    assert_eq!(run.json()["worktree"]["published"]["local"], "ahead", "{run}");
    ann.aitask(&["drop", "1"]).ok();
    assert_eq!(world.remote_branch(BRANCH), Some(tip(&ann, BRANCH)));
    // Not where another clone has added to it since.
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1"]).ok();
    let second = committed(&bob, "second.txt");
    bob.aitask(&["drop", "1"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    there.git(&["reset", "-q", "--hard", "HEAD^"]);
    there.git(&["commit", "-q", "--amend", "-m", "other"]);
    assert_eq!(kind(&ann.aitask(&["sync", "1", "--json"]).fails(1)), "behind");
    assert_eq!(world.remote_branch(BRANCH), Some(second));
}

#[test]
fn drop_removes_a_branch_that_landed_as_one_commit_and_publishes_nothing_of_it() {
    let (world, ann) = worked();
    let work = tip(&ann, BRANCH);
    let bob = world.clone("bob");
    ann.at(WORK).git(&["push", "-q", "origin", "HEAD:refs/heads/review"]);
    bob.git(&["pull", "-q"]);
    bob.git(&["fetch", "-q", "origin", "review"]);
    bob.git(&["merge", "-q", "--squash", "FETCH_HEAD"]);
    bob.commit("One (#1)");
    bob.git(&["push", "-q"]);
    ann.git(&["pull", "-q"]);
    let json = ann.aitask(&["drop", "1", "--json"]).ok().json();
    let said = (json["branch_deleted"].as_bool(), json["pushed"].as_str(), json["branch_kept"].as_str());
    assert_eq!(said, (Some(true), None, None), "{json}");
    assert_eq!((tip(&ann, "refs/aitask/squashed/t1_one"), world.remote_branch(BRANCH)), (work, None));
}

/// Bob's clone, made after ann's work on a branch that was cut from `release` was given back. `release` has a commit that
/// main lacks.
fn given_back_from_release() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.git(&["switch", "-q", "-c", "release"]);
    ann.write("rel.txt", "release\n");
    ann.commit("release only");
    ann.git(&["push", "-q", "-u", "origin", "release"]);
    ann.git(&["switch", "-q", "main"]);
    ann.aitask(&["pick", "1", "--base", "release"]).ok();
    committed(&ann, "work.txt");
    ann.aitask(&["drop", "1"]).ok();
    (world, ann)
}

fn has_release_and_work(world: &World, branch: &str) -> [bool; 2] {
    ["rel.txt", "work.txt"].map(|file| world.remote_file(branch, file).is_some())
}

#[test]
fn work_from_another_base_goes_back_there_when_it_was_taken_without_a_worktree() {
    for (n, take) in (1..).zip(share([&["pick", "1", "--no-worktree"][..], &["lock", "1"]])) {
        for adds_worktree in [false, true] {
            let (world, _ann) = given_back_from_release();
            let bob = world.clone(&format!("bob{n}"));
            bob.aitask(take).ok();
            if adds_worktree {
                assert_eq!(bob.aitask(&["worktree", "add", "1", "--json"]).ok().json()["worktree"]["base"], "release");
            } else {
                bob.git(&["branch", "-q", "aitask/t1_one", "origin/aitask/t1_one"]);
            }
            bob.aitask(&["finish", "1"]).ok();
            assert_eq!(has_release_and_work(&world, "release"), [true, true], "{take:?} {adds_worktree}");
            assert_eq!(has_release_and_work(&world, "main"), [false, false], "{take:?} {adds_worktree}");
        }
    }
}

#[test]
fn work_from_a_base_that_is_gone_goes_nowhere_until_somebody_says_where() {
    let (world, _ann) = given_back_from_release();
    world.git(&["--git-dir=origin.git", "branch", "-m", "release", "release-2"]);
    let bob = world.clone("bob");
    let run = bob.aitask(&["pick", "1", "--json"]).ok();
    assert_eq!(run.json()["worktree"]["base"], "release", "{run}");
    says(&run, &["there is no branch release"]);
    assert!(world.remote_file("aitask-locks", "t1_lock.yaml").unwrap().contains("\nbase: release\n"));
    let run = bob.aitask(&["finish", "1", "--json"]).fails(2);
    says(&run, &["there is no branch release", "git aitask finish 1 --into main"]);
    assert_eq!((has_release_and_work(&world, "main"), world.locks().len()), ([false, false], 1));
    bob.aitask(&["finish", "1", "--into", "release-2"]).ok();
    assert_eq!(has_release_and_work(&world, "release-2"), [true, true]);
}

#[test]
fn a_local_branch_from_another_base_goes_back_there_after_its_worktree_was_removed() {
    let (world, ann) = given_back_from_release();
    ann.aitask(&["pick", "1"]).ok();
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask/t1_one"]);
    ann.git(&["fetch", "-q", "--prune"]);
    ann.git(&["worktree", "remove", WORK]);
    assert_eq!(ann.aitask(&["pick", "1", "--steal", "--json"]).ok().json()["worktree"]["base"], "release");
    ann.aitask(&["finish", "1"]).ok();
    assert_eq!(has_release_and_work(&world, "main"), [false, false]);
}

#[test]
fn in_a_shallow_clone_that_cannot_know_the_base_pick_says_how_to_fetch_it() {
    let (world, _ann) = given_back_from_release();
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth=1", "--no-single-branch", &url, "shallow"]);
    let dir = world.root().join("shallow");
    let bob = world.clone("bob").at(&dir).env("GIT_AITASK_EMAIL", "bob@example.com");
    for take in [&["pick", "1"][..], &["lock", "1"]] {
        says(&bob.aitask(take).fails(1), &["git fetch --unshallow"]);
    }
    assert!(world.locks().is_empty());
    bob.git(&["fetch", "-q", "--unshallow"]);
    assert_eq!(bob.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["base"], "release");
}

#[test]
fn drop_publishes_what_was_taken_back_from_main_since_this_clone_fetched() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    committed(&ann, "work.txt");
    let bob = world.clone("bob");
    bob.write("work.txt", "work\n");
    bob.commit("One (#1)");
    bob.git(&["push", "-q"]);
    ann.git(&["fetch", "-q"]);
    bob.git(&["revert", "--no-edit", "HEAD"]);
    bob.git(&["push", "-q"]);
    let run = ann.aitask(&["drop", "1", "--json"]).ok();
    assert_eq!(run.json()["pushed"], BRANCH, "{run}");
    assert!(world.remote_branch(BRANCH).is_some());
}

#[test]
fn a_fetch_that_leaves_no_trace_in_fetch_head_hides_no_published_branch() {
    for how in share(["no head", "elsewhere", "negative"]) {
        let (_world, _ann, bob) = bob_before();
        let part = ["origin", "aitask-locks", "aitask-data"];
        match how {
            "no head" => drop(bob.git(&[&["fetch", "-q", "--no-write-fetch-head"][..], &part].concat())),
            "elsewhere" => {
                bob.git(&["worktree", "add", "-q", "../beside", "-b", "beside"]);
                bob.at("../beside").git(&[&["fetch", "-q"][..], &part].concat());
            }
            _ => {
                bob.git(&["config", "--add", "remote.origin.fetch", "^refs/heads/aitask/*"]);
                bob.git(&["fetch", "-q"]);
            }
        }
        bob.aitask(&["pick", "1"]).ok();
        assert_eq!(work_on(&bob, BRANCH), ["work.txt"], "{how}");
    }
}
