//! A peer that is not us: plain git commands that lock and number tasks in the original's form.

use super::{run, scene, tasks};
use crate::support::{Running, World, thorough};
use std::collections::BTreeSet;

/// As the scripts do it: one commit an operation on the tip, pushed without force and without a nonce. Takes the locks from
/// 100 on, `$1` of them, and as many ids, which it prints. It sleeps before it tries again what was refused.
const PEER: &str = r#"
n=100
while [ $n -lt $((100 + $1)) ]; do
    git fetch -q origin +aitask-locks:refs/remotes/origin/aitask-locks +aitask-ids:refs/remotes/origin/aitask-ids || continue
    tip=$(git rev-parse origin/aitask-locks)
    blob=$(printf 'task_id: %s\nlocked_by: x@y\nlocked_at: 2026-01-02 03:04\nhostname: box\npid: 42\npid_starttime: 99\npid_starttime_kind: proc\n' $n | git hash-object -w --stdin)
    tree=$({ git ls-tree $tip; printf '100644 blob %s\tt%s_lock.yaml\n' $blob $n; } | git mktree)
    commit=$(git commit-tree $tree -p $tip -m "ait: Lock task t$n for x@y")
    git push -q origin $commit:refs/heads/aitask-locks || { sleep 0.1; continue; }
    while :; do
        id=$(git show origin/aitask-ids:next_id.txt)
        blob=$(echo $((id + 1)) | git hash-object -w --stdin)
        tree=$(printf '100644 blob %s\tnext_id.txt\n' $blob | git mktree)
        commit=$(git commit-tree $tree -p origin/aitask-ids -m "ait: Claim task ID t$id, advance counter to $((id + 1))")
        git push -q origin $commit:refs/heads/aitask-ids && break
        sleep 0.1
        git fetch -q origin +aitask-ids:refs/remotes/origin/aitask-ids
    done
    echo $id
    n=$((n + 1))
done
"#;

#[test]
fn nothing_of_a_foreign_peer_is_lost() {
    // the peer's locks, our bursts, and how many are in each
    let (locks, bursts, size) = if thorough() { (20, 3, 8) } else { (6, 1, 6) };
    let (world, ann) = scene(size);
    let peer = world.clone("peer");
    let clones = [ann, world.clone("b"), world.clone("c"), world.clone("d")];
    let seat = |n: usize| clones[n % 4].env("GIT_AITASK_TIMEOUT", "55s");
    // at work beside us until it has everything it wants
    let (sender, answer) = std::sync::mpsc::channel();
    let (done, ids) = std::thread::scope(|scope| {
        scope.spawn(move || sender.send(peer.run("sh", &["-c", PEER, "sh", &locks.to_string()])).unwrap());
        let mut ids = Vec::new();
        for turn in 0..bursts {
            let burst = |line: &dyn Fn(usize) -> String| {
                let start = |n| seat(n).start(&line(n).split(' ').collect::<Vec<_>>());
                let started: Vec<_> = (0..size).map(start).collect();
                started.into_iter().map(|running| Running::wait(running).ok()).collect::<Vec<_>>()
            };
            let made = burst(&|n| format!("new more{turn}_{n} --json"));
            ids.extend(made.iter().map(|run| run.json()["task"]["id"].as_str().unwrap().parse::<usize>().unwrap()));
            burst(&|n| format!("pick {} --no-worktree", n + 1));
            burst(&|n| format!("drop {}", n + 1));
        }
        (answer.recv().unwrap().ok(), ids)
    });
    let theirs: Vec<usize> = done.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!((theirs.len(), ids.len()), (locks, bursts * size), "{done}");
    let all: BTreeSet<_> = theirs.iter().chain(&ids).collect();
    assert_eq!(all.len(), locks + bursts * size, "an id came twice: theirs {theirs:?}, ours {ids:?}");
    let expected: Vec<_> = (100..100 + locks).map(|n| format!("t{n}_lock.yaml")).collect();
    assert_eq!(world.locks(), expected, "{done}");
    assert_eq!(tasks(&world), size + bursts * size);
    lock_files_are_untouched(&world, locks);
    // and we understand what it wrote
    let listed = run(&seat(0), "locks --json").ok().json();
    assert_eq!(listed["locks"][0]["holder"], "x@y");
}

fn lock_files_are_untouched(world: &World, locks: usize) {
    for n in 100..100 + locks {
        let text = world.remote_file("aitask-locks", &format!("t{n}_lock.yaml")).unwrap();
        assert_eq!(text.lines().count(), 7, "{text}");
        assert!(text.starts_with(&format!("task_id: {n}\nlocked_by: x@y\n")), "{text}");
    }
}
