//! A mixed fleet: [`Peer`]s that push as the original does, at any moment, beside us. Nothing of theirs is lost, and
//! each respects what the other wrote.

use super::peer::{Peer, four_lines, read, seven_lines, start_of};
use super::{CLAIM, LOCK, PICK, lock, lock_text, pick, project, result, run, wait_all};
use crate::support::{Repo, Sleeper, World};
use std::collections::BTreeSet;

/// Has a peer's change of a coordination branch land right before each of our first three pushes.
fn overtaken(world: &World, repo: &Repo, branch: &str, entry: &str) -> Repo {
    let tail = if branch == "aitask-ids" { "next_id.txt" } else { "t90_lock.yaml" };
    let text = world.root().join(format!("{branch}.text"));
    std::fs::write(&text, entry).unwrap();
    repo.with_git_that(&format!(
        "if [ \"$1\" = push ]; then for n in 1 2 3; do mkdir @DIR@/$n 2>/dev/null || continue
         o=--git-dir='{}'; b=$(@GIT@ $o hash-object -w '{}')
         t=$({{ @GIT@ $o ls-tree {branch} | grep -v {tail}; printf '100644 blob %s\\t%s\\n' $b {tail}; }} | @GIT@ $o mktree)
         @GIT@ $o update-ref refs/heads/{branch} $(@GIT@ $o commit-tree $t -p {branch} -m \"peer $n\"); break; done; fi",
        world.origin().display(),
        text.display()
    ))
}

#[test]
fn a_peer_that_is_quicker_loses_nothing() {
    let (world, ann) = project(2);
    let theirs = four_lines("90", "peer@example.com", "far");
    for (script, line) in [
        (LOCK, "--lock 1 --email ann@example.com"),
        (LOCK, "--unlock 1"),
        (PICK, "1 --email ann@example.com"),
        (PICK, "1 --email bob@example.com --force"),
    ] {
        run(&overtaken(&world, &ann, "aitask-locks", &theirs), script, line).ok();
        assert_eq!(lock_text(&world, "90"), theirs, "{script} {line}");
    }
    assert_eq!(super::subjects(&world, "aitask-locks").iter().filter(|it| it.starts_with("peer")).count(), 12);
    assert_eq!(lock_text(&world, "1").lines().nth(1), Some("locked_by: bob@example.com"));
    // the peer has given away the ids up to 40
    assert_eq!(run(&overtaken(&world, &ann, "aitask-ids", "41\n"), CLAIM, "").ok().stdout, "41\n");
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt").unwrap(), "42\n");
}

#[test]
fn ids_and_locks_of_peers_and_ours_at_once() {
    const EACH: usize = 6;
    let (world, ann) = project(0);
    let (claims, locks) = (Peer::new(&world, "claims"), Peer::new(&world, "locks"));
    let text = |n: usize| {
        let id = (100 + n).to_string();
        if n.is_multiple_of(2) {
            four_lines(&id, "p@example.com", "far")
        } else {
            seven_lines(&id, "p@example.com", "far", 7, "9")
        }
    };
    let ann = ann.env("GIT_AITASK_TIMEOUT", "55s");
    let (theirs, ours, runs) = std::thread::scope(|scope| {
        let claiming = scope.spawn(|| (0..EACH).map(|_| claims.claim()).collect::<Vec<_>>());
        let locking = scope.spawn(|| (0..EACH).for_each(|n| locks.lock(&(100 + n).to_string(), &text(n))));
        let ids = wait_all((0..EACH).map(|_| ann.start_script(CLAIM, &[])).collect());
        let start = |n: usize| ann.start_script(LOCK, &["--lock", &n.to_string(), "--email", "ann@example.com"]);
        let runs = wait_all((1..=EACH).map(start).collect());
        locking.join().unwrap();
        (claiming.join().unwrap(), ids, runs)
    });
    assert_eq!(super::codes(&runs), [0; EACH], "{}", super::all(&runs));
    let ours: Vec<u64> = ours.into_iter().map(|run| run.ok().stdout.trim().parse().unwrap()).collect();
    let distinct: BTreeSet<u64> = theirs.iter().chain(&ours).copied().collect();
    assert_eq!(distinct, (1..=2 * EACH as u64).collect(), "theirs {theirs:?}, ours {ours:?}");
    assert_eq!(world.locks().len(), 2 * EACH);
    for n in 0..EACH {
        assert_eq!(lock_text(&world, &(100 + n).to_string()), text(n));
        read(&lock_text(&world, &(n + 1).to_string()));
    }
}

#[test]
fn a_lock_of_a_peer_keeps_us_away() {
    let (world, ann) = project(2);
    let peer = Peer::new(&world, "peer");
    peer.lock("1", &four_lines("1", "peer@example.com", "far"));
    let session = Sleeper::new();
    peer.lock("2", &seven_lines("2", "ann@example.com", "box", session.pid(), &start_of(session.pid())));
    assert_eq!(lock(&ann, "1", "ann").fails(1).stdout, "LOCK_HOLDER:peer@example.com|2026-01-02 03:04|far\n");
    assert!(lock(&ann, "2", "ann").fails(13).stdout.starts_with("LOCK_LIVE_HOLDER:ann@example.com|"));
    assert!(result(&pick(&ann, "1", "ann")).starts_with("LOCK_FAILED:peer@example.com|"));
    assert!(result(&pick(&ann, "2", "ann")).starts_with("LOCK_LIVE_HOLDER:ann@example.com|"));
    // it is the session's own
    lock(&ann.env("AIT_AGENT_PID", session.pid()), "2", "ann").ok();
    peer.put("aitask-locks", "t1_lock.yaml", None, "ait: Unlock task t1");
    assert_eq!(result(&pick(&ann, "1", "ann")), "OWNED:1");
}

#[test]
fn what_we_write_is_what_the_original_reads() {
    let (world, ann) = project(3);
    let session = Sleeper::new();
    lock(&ann, "1", "ann").ok();
    pick(&ann.env("AIT_AGENT_PID", session.pid()), "2", "ann").ok();
    Peer::new(&world, "peer").lock("3", &four_lines("3", "peer@example.com", "far"));
    run(&ann, PICK, "3 --force --email ann@example.com").ok();
    for (id, anchor) in [("1", "-".to_owned()), ("2", session.pid().to_string()), ("3", "-".to_owned())] {
        let [task, by, _, host, pid, start, kind] = read(&lock_text(&world, id));
        assert_eq!([task.as_str(), &by, &host, &pid], [id, "ann@example.com", "box", &anchor]);
        let expected = if pid == "-" { ("-".into(), "none") } else { (start_of(session.pid()), "proc") };
        assert_eq!((start, kind.as_str()), expected);
    }
    run(&ann, CLAIM, "").ok();
    let next = world.remote_file("aitask-ids", "next_id.txt").unwrap();
    assert!(next.trim_end().bytes().all(|byte| byte.is_ascii_digit()) && next.ends_with('\n'), "{next:?}");
    assert_eq!(Peer(world.clone("bob")).claim().to_string(), next.trim());
    assert_eq!(run(&ann, CLAIM, "").ok().stdout.trim(), "6");
}

#[test]
fn a_lock_of_our_own_face_is_respected_by_the_scripts() {
    let (world, ann) = project(1);
    ann.aitask(&["lock", "1"]).ok();
    let bob = world.clone("bob");
    assert!(lock(&bob, "1", "bob").fails(1).stdout.starts_with("LOCK_HOLDER:ann@example.com|"));
    assert!(run(&bob, LOCK, "--list").ok().stdout.starts_with("t1: locked by ann@example.com on box since "));
    run(&ann, LOCK, "--unlock 1").ok();
    lock(&bob, "1", "bob").ok();
    let held = ann.aitask(&["lock", "1", "--json"]).fails(1);
    assert_eq!(held.error()["error"]["kind"], "held", "{held}");
}
