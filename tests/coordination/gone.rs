//! A coordination branch that was deleted on the server, or set back there.

use crate::support::{Repo, World, hints, rounds, share};

const LOCKS: &str = "aitask-locks";

/// Ann, who holds t1 of two tasks, and bob, who knows that.
fn held() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let bob = world.clone("bob");
    bob.aitask(&["locks"]).ok();
    (world, ann, bob)
}

fn delete(world: &World, branch: &str) {
    world.git(&["--git-dir=origin.git", "update-ref", "-d", &format!("refs/heads/{branch}")]);
}

/// Puts a branch of the server where it was before its last `n` commits.
fn set_back(world: &World, branch: &str, n: usize) {
    world.git(&["--git-dir=origin.git", "update-ref", &format!("refs/heads/{branch}"), &format!("{branch}~{n}")]);
}

/// The verb says which branch is gone, where it was, and what helps; and makes none.
#[track_caller]
fn says_gone(world: &World, repo: &Repo, verb: &[&str], commit: &str, branch: &str) {
    let run = repo.aitask(&[verb, &["--json"]].concat()).fails(1);
    let error = run.error()["error"].clone();
    assert_eq!(error["kind"], "branch_gone", "{run}");
    assert_eq!(error["commit"], commit, "{run}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("gone from origin") && message.contains(commit), "{run}");
    assert!(!message.contains("not set up"), "{run}");
    assert!(hints(&error).join("\n").contains("git aitask init"), "{run}");
    assert_eq!(world.remote_branch(branch), None);
}

#[test]
fn every_verb_says_that_the_lock_branch_is_gone_and_makes_none() {
    let (world, ann, bob) = held();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    for verb in
        share([&["locks"][..], &["pick", "2"], &["drop", "1"], &["lock", "2"], &["unlock", "1"], &["finish", "1"]])
    {
        says_gone(&world, &ann, verb, &tip, LOCKS);
        says_gone(&world, &bob, verb, &tip, LOCKS);
    }
    says_gone(&world, &bob, &["list"], &tip, LOCKS);
    says_gone(&world, &bob, &["status", "--fetch"], &tip, LOCKS);
}

#[test]
fn init_puts_the_locks_back_and_nobody_gets_a_held_task() {
    let (world, ann, bob) = held();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    let made = ann.aitask(&["init", "--json"]).ok().json()["made"].to_string();
    assert!(made.contains(&format!("restored at {tip}")), "{made}");
    assert_eq!((world.remote_branch(LOCKS), world.locks()), (Some(tip), vec!["t1_lock.yaml".to_owned()]));
    bob.aitask(&["pick", "1"]).fails(1);
    ann.aitask(&["drop", "1"]).ok();
}

#[test]
fn tasks_that_are_being_worked_on_without_a_lock_are_named_when_the_locks_are_put_back() {
    let (world, ann, bob) = held();
    bob.aitask(&["pick", "2", "--no-worktree"]).ok();
    delete(&world, LOCKS);
    let run = ann.aitask(&["init", "--json"]).ok();
    let notes = run.json()["notes"].to_string();
    assert!(notes.contains("t2 (bob@example.com)") && !notes.contains("t1 ("), "{run}");
    let run = bob.aitask(&["init"]).ok();
    assert!(!run.stdout.contains("t2 (") && !run.stderr.contains("t2 ("), "{run}");
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
}

#[test]
fn a_fetch_of_the_user_that_prunes_takes_no_knowledge_away() {
    let (world, ann, bob) = held();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    for repo in [&ann, &bob] {
        repo.git(&["fetch", "-q", "--prune"]);
        repo.git(&["reflog", "expire", "--expire=now", "--all"]);
        says_gone(&world, repo, &["pick", "2"], &tip, LOCKS);
        repo.git(&["gc", "-q", "--prune=now"]);
    }
    bob.aitask(&["init"]).ok();
    assert_eq!(world.remote_branch(LOCKS), Some(tip));
}

#[test]
fn what_was_only_fetched_is_known_after_the_garbage_is_collected() {
    let (world, _, bob) = held();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    bob.git(&["fetch", "-q", "--prune"]);
    bob.git(&["gc", "-q", "--prune=now"]);
    bob.aitask(&["init"]).ok();
    assert_eq!(world.remote_branch(LOCKS), Some(tip));
}

#[test]
fn a_clone_that_knew_nothing_makes_the_branch_and_one_that_knew_says_what_is_missing() {
    let (world, ann, _) = held();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    world.clone("cid").aitask(&["init", "--remote", "origin"]).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
    let run = ann.aitask(&["lock", "2"]).ok();
    assert!(run.stderr.contains("lacks the locks of t1") && run.stderr.contains(&tip), "{run}");
}

#[test]
fn the_clone_that_knows_more_brings_the_branch_forward() {
    let (world, ann, bob) = held();
    ann.aitask(&["lock", "2"]).ok();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    // bob's knowledge is older than ann's
    bob.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    let run = ann.aitask(&["init", "--json"]).ok();
    assert!(run.json()["made"].to_string().contains(&format!("forward to {tip}")), "{run}");
    assert_eq!(world.remote_branch(LOCKS), Some(tip));
}

/// Ann knows that bob holds t1; then the server is restored from a backup without that lock.
fn set_back_below_a_lock() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    let bob = world.clone("bob");
    bob.aitask(&["lock", "1"]).ok();
    ann.aitask(&["locks"]).ok();
    (world, ann, bob)
}

#[test]
fn a_lock_branch_that_was_set_back_gives_nobody_a_held_task() {
    let (world, ann, bob) = set_back_below_a_lock();
    let tip = world.remote_branch(LOCKS).unwrap();
    set_back(&world, LOCKS, 1);
    let older = world.remote_branch(LOCKS);
    for verb in
        share([&["pick", "1", "--no-worktree"][..], &["pick", "2", "--no-worktree"], &["lock", "1"], &["lock", "2"]])
    {
        let run = ann.aitask(&[verb, &["--json"]].concat()).fails(1);
        let error = run.error()["error"].clone();
        assert_eq!(error["kind"], "branch_gone", "{run}");
        assert!(error["message"].as_str().unwrap().contains("t1"), "{run}");
        assert!(hints(&error).join("\n").contains("git aitask init"), "{run}");
        assert_eq!(world.remote_branch(LOCKS), older);
    }
    let run = ann.script("aitask_lock.sh", &["1", "--email", "ann@example.com"]).fails(10);
    assert!(run.stderr.contains("set back"), "{run}");
    let run = ann.aitask(&["list", "--fetch"]).ok();
    assert!(run.stderr.contains("set back"), "{run}");
    // neither the fetches of these commands nor git's cleaning takes the knowledge away
    ann.git(&["reflog", "expire", "--expire=now", "--all"]);
    ann.git(&["gc", "-q", "--prune=now"]);
    ann.aitask(&["init"]).ok();
    assert_eq!((world.remote_branch(LOCKS), world.locks()), (Some(tip), vec!["t1_lock.yaml".to_owned()]));
    ann.aitask(&["pick", "1", "--no-worktree"]).fails(1);
    bob.aitask(&["unlock", "1"]).ok();
}

#[test]
fn a_branch_that_was_set_back_is_accepted_by_the_command_of_the_hint() {
    let (world, ann, _) = set_back_below_a_lock();
    set_back(&world, LOCKS, 1);
    let run = ann.aitask(&["lock", "2", "--json"]).fails(1);
    ann.follow(&run.error()["error"]["hints"][1]).ok();
    ann.aitask(&["lock", "2"]).ok();
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
}

#[test]
fn a_branch_that_was_set_back_and_went_on_loses_no_lock() {
    let (world, ann, bob) = set_back_below_a_lock();
    set_back(&world, LOCKS, 1);
    // cid knows of nothing
    world.clone("cid").aitask(&["lock", "2"]).ok();
    ann.aitask(&["pick", "1", "--no-worktree"]).fails(1);
    ann.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
    ann.aitask(&["pick", "1", "--no-worktree"]).fails(1);
    bob.aitask(&["unlock", "1"]).ok();
}

#[test]
fn a_branch_that_was_set_back_to_before_an_unlock_is_no_reason_to_stop() {
    let (world, ann, bob) = set_back_below_a_lock();
    bob.aitask(&["unlock", "1"]).ok();
    ann.aitask(&["lock", "2"]).ok();
    ann.aitask(&["unlock", "2"]).ok();
    set_back(&world, LOCKS, 1);
    bob.aitask(&["lock", "1"]).ok();
    ann.aitask(&["unlock", "2", "--force"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn what_the_counter_was_before_it_was_set_back_is_not_handed_out_again() {
    let (world, ann, _) = set_back_below_a_lock();
    // no claim, so it has no mirror of the counter
    let cid = world.clone("cid");
    ann.aitask(&["new", "Three", "--draft"]).ok();
    ann.script("aitask_claim_id.sh", &[]).ok();
    cid.aitask(&["list", "--fetch"]).ok();
    let next: u64 = world.remote_file("aitask-ids", "next_id.txt").unwrap().trim().parse().unwrap();
    cid.script("aitask_claim_id.sh", &["--peek"]).ok();
    set_back(&world, "aitask-ids", 1);
    assert_eq!(cid.task("Four", &[]), next.to_string());
}

#[test]
fn two_clones_that_put_it_back_at_once_lose_nothing() {
    for _ in 0..rounds(1) {
        let (world, ann, bob) = held();
        ann.aitask(&["lock", "2"]).ok();
        let tip = world.remote_branch(LOCKS).unwrap();
        delete(&world, LOCKS);
        let both = [ann.start(&["init"]), bob.start(&["init"])];
        for running in both {
            running.wait().ok();
        }
        // whoever came first: bob's state is part of ann's
        ann.aitask(&["init"]).ok();
        assert_eq!(world.remote_branch(LOCKS), Some(tip));
    }
}

#[test]
fn the_counter_that_is_gone_goes_on_where_it_was() {
    let (world, ann, bob) = held();
    bob.aitask(&["new", "Three"]).ok();
    let tip = world.remote_branch("aitask-ids").unwrap();
    delete(&world, "aitask-ids");
    let run = bob.aitask(&["new", "Four", "--json"]).fails(1);
    assert_eq!(
        (&run.error()["error"]["kind"], &run.error()["error"]["commit"]),
        (&"branch_gone".into(), &tip.clone().into())
    );
    assert_eq!(world.remote_branch("aitask-ids"), None);
    bob.aitask(&["init"]).ok();
    assert_eq!(world.remote_branch("aitask-ids"), Some(tip));
    assert_eq!((ann.task("Four", &[]), bob.task("Five", &[])), ("4".into(), "5".into()));
}

#[test]
fn the_data_branch_that_is_gone_is_put_back_with_what_others_published() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.aitask(&["init", "--data-branch"]).ok();
    let bob = world.clone("bob");
    bob.aitask(&["init"]).ok();
    bob.task("By bob", &[]);
    ann.aitask(&["list", "--fetch"]).ok();
    let tip = world.remote_branch("aitask-data").unwrap();
    delete(&world, "aitask-data");
    let run = ann.aitask(&["new", "x", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "branch_gone", "{run}");
    ann.aitask(&["sync"]).fails(1);
    assert_eq!(world.remote_branch("aitask-data"), None);
    ann.aitask(&["init"]).ok();
    assert_eq!(world.remote_branch("aitask-data"), Some(tip));
    assert_eq!(ann.task("Next", &[]), "2");
}

#[test]
fn what_was_noted_before_records_had_a_format_counts() {
    let (world, ann, _bob) = held();
    let file = format!(".git/aitask/known/origin/{LOCKS}");
    let noted: serde_json::Value = serde_json::from_str(&ann.read(&file)).unwrap();
    let [commit, address] = ["commit", "address"].map(|field| noted[field].as_str().unwrap().to_owned());
    ann.write(&file, &format!("{commit}\n{address}\n"));
    set_back(&world, LOCKS, 1);
    let run = ann.aitask(&["pick", "2", "--no-worktree", "--json"]).fails(1);
    let error = run.error()["error"].clone();
    assert_eq!((&error["kind"], &error["commit"]), (&"branch_gone".into(), &commit.into()), "{run}");
}

#[test]
fn the_scripts_say_it_and_their_init_puts_it_back() {
    let (world, ann, bob) = held();
    let tip = world.remote_branch(LOCKS).unwrap();
    delete(&world, LOCKS);
    let run = bob.script("aitask_lock.sh", &["2", "--email", "bob@example.com"]).fails(10);
    assert!(run.stderr.contains("gone from origin") && run.stderr.contains(&tip), "{run}");
    bob.script("aitask_lock.sh", &["--list"]).fails(11);
    bob.script("aitask_lock.sh", &["--check", "1"]).fails(11);
    let run = bob.script("aitask_pick_own.sh", &["2", "--email", "bob@example.com"]).fails(1);
    assert!(run.stdout.contains("LOCK_INFRA_MISSING"), "{run}");
    assert_eq!(world.remote_branch(LOCKS), None);
    let run = bob.script("aitask_lock.sh", &["--init"]).ok();
    assert!(run.stdout.contains("restored") || run.stderr.contains("restored"), "{run}");
    assert_eq!(world.remote_branch(LOCKS), Some(tip));
    let counter = world.remote_file("aitask-ids", "next_id.txt");
    delete(&world, "aitask-ids");
    ann.script("aitask_claim_id.sh", &["--init"]).ok();
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt"), counter);
}

#[test]
fn a_clone_that_lost_its_own_refs_asks_before_it_says_anything() {
    let (_world, ann, _) = held();
    for _ in 0..2 {
        ann.git(&["update-ref", "-d", "refs/remotes/origin/aitask-locks"]);
        ann.aitask(&["list"]).ok().assert().stdout(predicates::str::contains("held by you"));
        ann.aitask(&["lock", "2"]).ok();
        ann.aitask(&["unlock", "2"]).ok();
    }
}

#[test]
fn a_data_branch_that_is_gone_gets_no_second_home_on_the_code_branch() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("One", &[]);
    let bob = world.clone("bob");
    bob.aitask(&["list", "--fetch"]).ok();
    let tip = world.remote_branch("aitask-data").unwrap();
    delete(&world, "aitask-data");
    bob.git(&["fetch", "-q", "--prune"]);
    says_gone(&world, &bob, &["pick", "1"], &tip, "aitask-data");
    bob.aitask(&["init"]).ok();
    assert_eq!(world.remote_branch("aitask-data"), Some(tip));
    assert!(!world.remote_files("main").iter().any(|path| path.starts_with("aitasks")));
    assert!(bob.read("aitasks/t1_one.md").contains("One"));
}

#[test]
fn a_repository_that_moved_without_them_gets_them_only_where_the_remote_is_named() {
    let (world, ann, _) = held();
    let tip = world.remote_branch(LOCKS);
    world.git(&["clone", "-q", "--bare", "--single-branch", "--branch", "main", "origin.git", "new.git"]);
    ann.git(&["remote", "set-url", "origin", "../new.git"]);
    // before and after this clone has looked there
    ann.aitask(&["init"]).fails(2);
    let there = || {
        world.git(&["--git-dir=new.git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/aitask-*"])
    };
    let run = ann.aitask(&["lock", "2"]).fails(1);
    assert!(run.stderr.contains("origin.git") && run.stderr.contains("new.git"), "{run}");
    let run = ann.aitask(&["init"]).fails(2);
    assert!(run.stderr.contains("git remote set-url origin") && run.stderr.contains("--remote origin"), "{run}");
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    ann.aitask(&["init"]).fails(75);
    assert_eq!(there(), "");
    ann.aitask(&["init", "--remote", "origin"]).ok();
    assert!(there().contains(&format!("{} refs/heads/aitask-locks\n", tip.unwrap())));
    ann.aitask(&["drop", "1"]).ok();
}

#[test]
fn a_repository_that_moved_from_an_address_of_ssh_is_asked_there_as_its_user() {
    let (world, ann, _) = held();
    let ssh = world.root().join("bin/ssh");
    let asked = "#!/bin/sh\ncase \" $* \" in *' git@work '*) ;; *) exit 255 ;; esac\nfor command; do :; done\nexec sh -c \"$command\"\n";
    world.script(&ssh, asked);
    let ann = ann.env("GIT_SSH_COMMAND", ssh.display()).env("GIT_SSH_VARIANT", "simple");
    let old = format!("ssh://git@work{}", world.origin().display());
    ann.git(&["remote", "set-url", "origin", &old]);
    ann.aitask(&["lock", "2"]).ok();
    world.git(&["clone", "-q", "--bare", "--single-branch", "--branch", "main", "origin.git", "new.git"]);
    ann.git(&["remote", "set-url", "origin", "../new.git"]);
    let run = ann.aitask(&["init"]).fails(2);
    assert!(run.stderr.contains(&format!("git remote set-url origin {old}")), "{run}");
}

#[test]
fn a_clone_that_never_knew_the_lock_branch_makes_no_empty_one_while_others_work() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.aitask(&["pick", "1", "--no-worktree"]).ok();
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-locks"]);
    let carl = world.clone("carl");
    let run = carl.aitask(&["init", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "branch_gone", "{run}");
    assert!(run.to_string().contains("t1 (bob@example.com)"), "{run}");
    bob.aitask(&["init"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    carl.aitask(&["init"]).ok();
    carl.aitask(&["pick", "1"]).fails(1);
}

#[test]
fn a_new_lock_branch_is_made_where_the_remote_is_named() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-locks"]);
    world.clone("carl").aitask(&["init", "--remote", "origin"]).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}
