//! The faults of the original scripts, each as what a user would see.

use super::peer::{Peer, four_lines};
use super::{
    CLAIM, LOCK, PICK, lock, lock_text, pick, plain, project, published, result, run, status, subjects, task_text,
};
use super::{touched, world};
use crate::support::{Repo, World, rounds};
use std::time::{Duration, Instant};

/// Has a script of `peer` run, once, right before our first push.
fn before_our_push(repo: &Repo, script: &str) -> Repo {
    repo.with_git_that(&format!("if [ \"$1\" = push ] && mkdir @DIR@/once 2>/dev/null; then\n{script}\nfi"))
}

// The original's commits have no unique part, so two sessions make the same commit in one second, and both have the id.

/// Two clones of one person, whose commits have one date, and who know the same tips: for the same change both build
/// the same commit, but for what the tool does about it.
fn twins() -> (World, [Repo; 2]) {
    let (world, _ann) = project(1);
    let date = "2026-01-02T03:04:05Z";
    let twin = |name: &str| {
        let repo = world.clone_as(name, "Same", "same@example.com");
        repo.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date)
    };
    let twins = [twin("one"), twin("two")];
    (world, twins)
}

#[test]
fn the_same_id_is_not_given_twice_to_one_identity_in_one_second() {
    let (_world, twins) = twins();
    assert_eq!(twins.map(|repo| run(&repo, CLAIM, "").ok().stdout), ["2\n", "3\n"]);
}

#[test]
fn the_same_lock_is_not_taken_twice_unnoticed() {
    let (world, [one, two]) = twins();
    assert_eq!(plain(&lock(&one, "1", "same").ok().stdout), "Locked task t1\n");
    // in another minute the lock's own bytes would differ
    let lines = plain(&lock(&two, "1", "same").ok().stdout);
    assert!(lines.starts_with("PRIOR_LOCK:-|-|box|"), "{lines}");
    assert_eq!(subjects(&world, "aitask-locks").len(), 3);
}

// Each fetch of the original writes FETCH_HEAD, and a pull beside it then takes the lock branch for the user's own.

#[test]
fn fetch_head_is_neither_written_nor_read() {
    let (world, ann) = project(3);
    let file = ann.path(".git/FETCH_HEAD");
    assert!(!file.exists());
    lock(&ann, "3", "ann").ok();
    // what the original's own fetch leaves behind for the next pull: the lock branch, to be merged
    let tip = world.remote_branch("aitask-locks").unwrap();
    let planted = format!("{tip}\t\tbranch 'aitask-locks' of ../origin\n");
    std::fs::write(&file, &planted).unwrap();
    ann.write("mine.txt", "mine\n");
    ann.commit("mine");
    let bob = world.clone("bob");
    pick(&bob, "2", "bob").ok();
    let all: [(&str, &[&str]); 3] = [
        (LOCK, &["--check 3", "--list", "--unlock 3", "--lock 3 --email ann@example.com", "--cleanup", "--init"]),
        (CLAIM, &["--claim", "--peek", "--resync", "--init"]),
        (PICK, &["--sync", "1 --email ann@example.com", "2 --email ann@example.com", "--sync"]),
    ];
    for (script, lines) in all {
        for line in lines {
            run(&ann, script, line);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), planted, "{script} {line}");
        }
    }
    let history = ann.git(&["log", "--format=%s", "main"]);
    assert!(history.contains("mine\n") && history.contains("Start work on t2"), "{history}");
    assert!(!history.contains("ait: Lock"), "{history}");
    assert!(ann.path("aitasks/t3_job.md").exists() && !ann.path("t3_lock.yaml").exists());
}

#[test]
fn a_sync_beside_lock_traffic_does_not_put_the_branch_on_the_locks() {
    let (_world, ann) = project(2);
    ann.write("mine.txt", "mine\n");
    ann.commit("mine");
    lock(&ann, "1", "ann").ok();
    for _ in 0..rounds(4) {
        let traffic = [["--check", "1"], ["--lock", "2"], ["--unlock", "2"]];
        let traffic: Vec<_> = traffic.iter().map(|args| ann.start_script(LOCK, args)).collect();
        let synced = run(&ann, PICK, "--sync").ok();
        assert_eq!((synced.stdout.as_str(), synced.stderr.as_str()), ("SYNCED\n", ""));
        super::wait_all(traffic);
    }
    let history = ann.git(&["log", "--format=%s", "main"]);
    assert_eq!(history.lines().collect::<Vec<_>>(), ["mine", "tasks", "first"]);
    assert_eq!(status(&ann), "");
}

// Several sessions work in one checkout: parallel fetches of the original update one tracking ref, and fail.

#[test]
fn a_git_of_somebody_else_in_the_same_checkout_is_no_reason_to_fail() {
    let (world, ann) = project(2);
    lock(&world.clone("bob"), "2", "bob").ok();
    // an editor that holds the index, a fetch that holds the tracking refs
    let refs = [".git/refs/remotes/origin/aitask-locks.lock", ".git/refs/remotes/origin/aitask-ids.lock"];
    let release = refs.map(|name| format!("rm -f '{}'", ann.path(name).display())).join("; ");
    let occupy = || refs.iter().for_each(|name| std::fs::write(ann.path(name), "").unwrap());
    occupy();
    let there =
        ann.with_git_that(&format!("if [ \"$1\" = fetch ] && ! mkdir @DIR@/once 2>/dev/null; then {release}; fi"));
    lock(&there, "1", "ann").ok();
    occupy();
    let claimed = run(&there, CLAIM, "").ok();
    assert_eq!(claimed.stdout, "3\n", "{claimed}");
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
}

#[test]
fn a_locked_index_does_not_leave_a_lock_without_a_claim() {
    let (world, ann) = project(2);
    std::fs::write(ann.path(".git/index.lock"), "").unwrap();
    let claimed = pick(&ann.env("GIT_AITASK_TIMEOUT", "2s"), "1", "ann");
    let owned = result(&claimed) == "OWNED:1";
    assert_eq!(world.locks().len(), usize::from(owned), "{claimed}");
    let text = world.remote_file("main", "aitasks/t1_job.md").unwrap();
    assert_eq!(text.contains("status: Implementing"), owned, "{claimed}");
    std::fs::remove_file(ann.path(".git/index.lock")).unwrap();
    assert_eq!(result(&pick(&ann, "1", "ann")), "OWNED:1");
    assert_eq!(status(&ann), "");
}

// The original gives up after five attempts, although each round has a winner.

#[test]
fn the_sixth_contender_does_not_give_up() {
    let (world, ann) = project(1);
    let tree = world.git(&["--git-dir=origin.git", "rev-parse", "aitask-locks^{tree}"]);
    // before each of our first five pushes somebody else has been quicker
    let origin = world.origin();
    let quicker = format!(
        "if [ \"$1\" = push ]; then for n in 1 2 3 4 5; do mkdir @DIR@/$n 2>/dev/null || continue
         o=--git-dir='{}'; c=$(@GIT@ $o commit-tree {} -p aitask-locks -m $n) && @GIT@ $o update-ref refs/heads/aitask-locks $c; break; done; fi",
        origin.display(),
        tree.trim()
    );
    let locked = lock(&ann.with_git_that(&quicker), "1", "ann").ok();
    assert_eq!(subjects(&world, "aitask-locks").len(), 7, "{locked}");
}

#[test]
fn a_refusal_is_not_called_a_race_nor_tried_again() {
    let (world, ann) = project(1);
    ann.count_connections();
    world.protect("aitask-locks");
    for (script, line, code) in [(LOCK, "--lock 1 --email ann@example.com", 12), (PICK, "1 --email ann@example.com", 1)]
    {
        let refused = run(&ann, script, line).fails(code);
        let seen = ann.connections();
        assert!(seen.len() <= 2, "{seen:?}\n{refused}");
        assert!(!refused.to_string().to_lowercase().contains("race"), "{refused}");
    }
}

// A claim is one step: one that fails leaves no lock.

#[test]
fn a_task_that_cannot_be_claimed_is_not_left_locked() {
    let (world, ann) = project(0);
    ann.write("aitasks/archived/t1_old.md", &task_text("status: Done"));
    ann.write("aitasks/t2_done.md", &task_text("status: Done"));
    ann.write("aitasks/t3_folded.md", &task_text("status: Folded"));
    ann.commit("tasks");
    ann.git(&["push", "--quiet"]);
    let before = published(&world);
    for (id, reason) in [("99", "no_such_task"), ("1", "no_such_task"), ("2", "not_claimable"), ("3", "not_claimable")]
    {
        let refused = pick(&ann, id, "ann");
        assert_eq!(result(&refused), format!("LOCK_ERROR:{reason}"));
        assert!(refused.stderr.contains("No task file found"), "{refused}");
        assert_eq!((published(&world), status(&ann)), (before.clone(), String::new()), "{refused}");
    }
}

#[test]
fn a_work_tree_that_cannot_be_committed_to_is_not_left_with_a_lock() {
    let (world, ann) = project(1);
    let before = published(&world);
    ann.git(&["switch", "--quiet", "--detach"]);
    let refused = pick(&ann, "1", "ann");
    assert!(result(&refused).starts_with("LOCK_ERROR:"), "{refused}");
    assert_eq!((published(&world), status(&ann)), (before, String::new()), "{refused}");
}

// A claim that is refused changes nothing, the list of addresses included.

#[test]
fn a_refused_claim_leaves_the_work_tree_as_it_was() {
    let (world, ann) = project(2);
    pick(&world.clone("bob"), "1", "bob").ok();
    ann.write("aitasks/t2_job.md", &task_text("status: Editing"));
    let (before, emails) = (status(&ann), ann.path("aitasks/metadata/emails.txt"));
    assert!(result(&pick(&ann, "1", "ann")).starts_with("LOCK_FAILED:bob@example.com|"));
    let listed = std::fs::read_to_string(emails).unwrap_or_default();
    assert!(!listed.contains("ann@example.com"), "{listed}");
    assert_eq!(status(&ann), before);
    ann.git(&["checkout", "--quiet", "aitasks/t2_job.md"]);
    assert_eq!(run(&ann, PICK, "--sync").ok().stdout, "SYNCED\n");
    assert_eq!(status(&ann), "");
}

// A claim commits its own files alone.

#[test]
fn a_claim_takes_nothing_else_along() {
    let (world, ann) = project(3);
    ann.write("src/code.rs", "staged\n");
    ann.write("README.md", "staged too\n");
    ann.git(&["add", "src/code.rs", "README.md"]);
    ann.write("README.md", "and changed again\n");
    ann.write("aitasks/t2_job.md", &task_text("status: Editing"));
    ann.write("aitasks/junk.txt", "junk\n");
    std::fs::remove_file(ann.path("aitasks/t3_job.md")).unwrap();
    let look = || (status(&ann), ann.git(&["diff", "--cached"]), ann.git(&["diff"]));
    let before = look();
    let claimed = pick(&ann, "1", "ann");
    assert_eq!(result(&claimed), "OWNED:1");
    assert_eq!(touched(&world, "main"), ["aitasks/metadata/emails.txt", "aitasks/t1_job.md"], "{claimed}");
    assert_eq!(look(), before, "{claimed}");
    assert!(ann.read("aitasks/t1_job.md").contains("status: Implementing\n"));
}

// A conflict leaves no rebase behind, and its markers are not committed.

#[test]
fn a_conflict_with_commits_of_ones_own_leaves_no_rebase_behind() {
    let (world, ann) = project(2);
    let bob = world.clone("bob");
    for (repo, text) in [(&bob, "Bob's"), (&ann, "Ann's")] {
        repo.write("aitasks/t2_job.md", &format!("{}{text}\n", task_text("status: Ready")));
        repo.commit(text);
    }
    bob.git(&["push", "--quiet"]);
    let claimed = pick(&ann, "1", "ann");
    result(&claimed);
    assert_eq!(run(&ann, PICK, "--sync").ok().stdout, "SYNC_FAILED:rebase_conflict\n");
    assert_eq!(ann.git(&["symbolic-ref", "--short", "HEAD"]), "main\n");
    for trace in ["rebase-merge", "rebase-apply", "MERGE_HEAD"] {
        assert!(!ann.path(".git").join(trace).exists(), "{trace}\n{claimed}");
    }
    assert!(ann.read("aitasks/t2_job.md").ends_with("Ann's\n"));
    assert_eq!(status(&ann), "");
    assert!(!world.git(&["--git-dir=origin.git", "grep", "-c", "", "main"]).contains("<<<<<<<"));
}

/// A claim in a checkout that a rebase of the user's has stopped in: nothing is taken, and the rebase is theirs still.
#[track_caller]
fn claim_in_the_middle_of_a_rebase(world: &World, ann: &Repo, data: &Repo, branch: &str) {
    data.write("aitasks/t2_job.md", "theirs\n");
    data.commit("theirs");
    let theirs = data.git(&["rev-parse", "HEAD"]);
    data.git(&["reset", "--quiet", "--hard", "HEAD^"]);
    data.write("aitasks/t2_job.md", "mine\n");
    data.commit("mine");
    data.git_fails(&["rebase", "--quiet", theirs.trim()]);
    let (before, look) = (published(world), status(data));
    let refused = pick(ann, "1", "ann");
    assert!(result(&refused).starts_with("LOCK_ERROR:"), "{refused}");
    assert_eq!((published(world), status(data)), (before, look), "{refused}");
    data.git(&["rebase", "--abort"]);
    assert_eq!(data.git(&["log", "-1", "--format=%s", branch]), "mine\n");
    assert_eq!(result(&pick(ann, "1", "ann")), "OWNED:1");
}

#[test]
fn a_claim_in_the_middle_of_a_rebase_commits_no_conflict() {
    let (world, ann) = project(2);
    claim_in_the_middle_of_a_rebase(&world, &ann, &ann, "main");
}

#[test]
fn a_claim_in_the_middle_of_a_rebase_of_the_task_data_takes_no_lock() {
    let world = world();
    let ann = world.clone("ann");
    ann.give_data_a_branch();
    ann.aitask(&["init"]).ok();
    ann.task("job", &[]);
    ann.task("job", &[]);
    claim_in_the_middle_of_a_rebase(&world, &ann, &ann.at(".aitask-data"), "aitask-data");
}

#[test]
fn two_first_claims_do_not_conflict_over_the_addresses() {
    let (world, ann) = project(2);
    let bob = world.clone("bob");
    assert_eq!(
        (result(&pick(&ann, "1", "ann")), result(&pick(&bob, "2", "bob"))),
        ("OWNED:1".into(), "OWNED:2".into())
    );
    let emails = world.remote_file("main", "aitasks/metadata/emails.txt").unwrap();
    assert_eq!(emails, "ann@example.com\nbob@example.com\n");
    assert_eq!((status(&ann), status(&bob)), (String::new(), String::new()));
}

// Force is one commit. The original unlocks and then locks, and the task is free in between.

#[test]
fn force_is_one_commit() {
    let (world, ann) = project(1);
    pick(&world.clone("bob"), "1", "bob").ok();
    let before = subjects(&world, "aitask-locks").len();
    assert_eq!(result(&run(&ann, PICK, "1 --force --email ann@example.com")), "OWNED:1");
    let after = subjects(&world, "aitask-locks");
    assert_eq!((after.len() - before, after[0].as_str()), (1, "ait: Lock task t1 for ann@example.com"));
}

#[test]
fn force_breaks_no_lock_but_the_one_it_showed() {
    let (world, ann) = project(1);
    let peer = Peer::new(&world, "peer");
    peer.lock("1", &four_lines("1", "bob@example.com", "far"));
    ann.git(&["fetch", "--quiet", "--no-write-fetch-head"]);
    // carol takes over while ann's push is on its way
    let carol = four_lines("1", "carol@example.com", "sea");
    std::fs::write(world.root().join("carol"), &carol).unwrap();
    let script = format!(
        "o=--git-dir='{}'; b=$(@GIT@ $o hash-object -w '{}'); t=$(printf '100644 blob %s\\tt1_lock.yaml\\n' $b | @GIT@ $o mktree)
         @GIT@ $o update-ref refs/heads/aitask-locks $(@GIT@ $o commit-tree $t -p aitask-locks -m carol)",
        world.origin().display(),
        world.root().join("carol").display()
    );
    let refused = run(&before_our_push(&ann, &script), PICK, "1 --force --email ann@example.com");
    assert_eq!(result(&refused), "LOCK_FAILED:carol@example.com|2026-01-02 03:04|sea");
    assert_eq!(lock_text(&world, "1"), carol);
    assert!(world.remote_file("main", "aitasks/t1_job.md").unwrap().contains("status: Ready"));
}

#[test]
fn force_that_fails_leaves_the_old_lock() {
    let (world, ann) = project(1);
    pick(&world.clone("bob"), "1", "bob").ok();
    let before = published(&world);
    world.protect("aitask-locks");
    let refused = run(&ann, PICK, "1 --force --email ann@example.com");
    assert_eq!(result(&refused), "LOCK_ERROR:push_rejected");
    assert_eq!(published(&world), before);
}

// Answers are true: what was not asked of the remote is not said to be free, and a refusal is no lost race.

#[test]
fn what_was_not_asked_is_not_answered() {
    let (world, ann) = project(2);
    lock(&ann, "2", "ann").ok();
    run(&ann, LOCK, "--unlock t2").ok();
    assert_eq!(world.locks(), Vec::<String>::new(), "t2 is 2");
    lock(&ann, "t2", "ann").ok();
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
    world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/old/aitask-locks", "main"]);
    world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/old/aitask-ids", "main"]);
    run(&ann, LOCK, "--check 2").ok();
    assert_eq!(run(&ann, CLAIM, "").ok().stdout, "3\n");
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    for line in ["--check 2", "--list"] {
        let unknown = run(&ann, LOCK, line).fails(11);
        assert!(unknown.stdout.is_empty() && unknown.stderr.contains("aitask-locks"), "{unknown}");
    }
}

#[test]
fn an_address_cannot_forge_a_line() {
    let (world, ann) = project(1);
    for email in ["a@example.com\nOWNED:1", "a|b", "a\tb", "a\u{1b}[31m"] {
        ann.script(LOCK, &["--lock", "1", "--email", email]).fails(1);
        assert!(result(&ann.script(PICK, &["1", "--email", email])).starts_with("LOCK_ERROR:"));
    }
    assert_eq!(world.locks(), Vec::<String>::new());
    lock(&ann, "1", "back\\nslash").ok();
    assert!(lock_text(&world, "1").contains("locked_by: back\\nslash@example.com\n"));
}

// No command waits for ever.

#[test]
fn a_remote_that_hangs_does_not_hold_us() {
    let (world, ann) = project(1);
    let dial = world.root().join("dial-that-hangs");
    world.script(&dial, "#!/bin/sh\nsleep 600\n");
    // clones of their own, so that none waits for the others
    let clones = [ann, world.clone("b"), world.clone("c"), world.clone("d")].map(|clone| {
        clone.git(&["config", "remote.origin.url", &format!("ext::{} %S x", dial.display())]);
        clone.env("GIT_AITASK_TIMEOUT", "1s")
    });
    let started = [
        clones[0].start_script(LOCK, &["--lock", "1", "--email", "ann@example.com"]),
        clones[1].start_script(LOCK, &["--check", "1"]),
        clones[2].start_script(CLAIM, &[]),
        clones[3].start_script(PICK, &["1", "--email", "ann@example.com"]),
    ];
    let begun = Instant::now();
    let runs = super::wait_all(started.into());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}\n{}", begun.elapsed(), super::all(&runs));
    assert_eq!([runs[0].code, runs[1].code, runs[2].code], [11, 11, 1], "{}", super::all(&runs));
    assert_eq!(result(&runs[3]), "LOCK_ERROR:fetch_failed");
}

#[test]
fn what_is_no_repository_is_no_crash() {
    let world = world();
    let nowhere = world.clone("ann").at(world.root().join("tmp"));
    assert_eq!(result(&pick(&nowhere, "1", "ann")), "LOCK_ERROR:unknown");
    run(&nowhere, CLAIM, "").fails(1);
    assert_eq!(run(&nowhere, PICK, "--sync").ok().stdout, "SYNCED\n");
}
