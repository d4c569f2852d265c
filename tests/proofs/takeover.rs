//! Takeovers: none of a lock that was not judged, and what is left to a session that lost its task.

use super::kind;
use crate::support::{Proof, Rounds, Sleeper, World, sh_wait_for_file, wait_for_file};

#[test]
fn a_lock_that_is_taken_anew_between_judging_and_takeover_stays() {
    let rounds = Rounds { ordinary: 1, short: 4, long: 2000 };
    let property = "The holder takes the lock anew between judging and takeover: it keeps it";
    let mut proof = Proof::new("05a", property, "takeovers", rounds);
    let world = World::new();
    let sessions = [Sleeper::new(), Sleeper::new()];
    let ann = world.initialised("ann").env("AIT_AGENT_PID", sessions[0].pid());
    let bob = world.clone("bob").env("AIT_AGENT_PID", sessions[1].pid());
    ann.task("Job", &[]);
    let (held, go) = (world.root().join("held"), world.root().join("go"));
    let waiting = ann.with_git_that(&format!(
        "if [ \"$1\" = push ] && [ ! -e '{}' ]; then : >'{}'\n{}\nfi",
        held.display(),
        held.display(),
        sh_wait_for_file(&go)
    ));
    while let Some(n) = proof.next_round() {
        for file in [&held, &go] {
            let _ = std::fs::remove_file(file);
        }
        bob.aitask(&["lock", "1"]).ok();
        // what it has not heard of it cannot judge
        ann.git(&["fetch", "-q"]);
        let args: &[&str] = match n % 2 {
            0 => &["pick", "1", "--steal", "--no-worktree", "--json"],
            _ => &["pick", "1", "--steal", "--json"],
        };
        let steal = waiting.start(args);
        wait_for_file(&held);
        bob.aitask(&["unlock", "1"]).ok();
        let token = bob.aitask(&["lock", "1", "--json"]).ok().json()["lock"]["token"].clone();
        std::fs::write(&go, "").unwrap();
        let run = steal.wait();
        let keeps = world.git(&["--git-dir=origin.git", "rev-parse", "aitask-locks:t1_lock.yaml"]);
        proof.check(token == keeps.trim(), || format!("evicted: {keeps}, not {token}\n{run}"));
        let is_told = kind(&run) == "held" && run.error()["error"]["holder"]["token"] == token;
        proof.check(is_told, || format!("not told who holds it\n{run}"));
        bob.aitask(&["unlock", "1"]).ok();
        proof.tried(1);
    }
    proof.end();
}

/// What a session that lost its task may try.
const VERBS: [&[&str]; 10] = [
    &["finish", "1"],
    &["finish", "1", "--squash"],
    &["finish", "1", "--ff"],
    &["finish", "1", "--no-push"],
    &["finish", "1", "--no-archive"],
    &["drop", "1"],
    &["unlock", "1"],
    &["archive", "1"],
    &["edit", "1", "--status", "Postponed"],
    &["sync", "1"],
];

#[test]
fn a_session_that_lost_its_task_publishes_nothing() {
    let rounds = Rounds { ordinary: 1, short: 2, long: 60 };
    let property = "A session that lost its task publishes nothing, and is told who has it and where its commits are";
    let mut proof = Proof::new("05b", property, "refusals", rounds);
    while let Some(n) = proof.next_round() {
        let world = World::new();
        let sessions = [Sleeper::new(), Sleeper::new()];
        let ann = if n % 2 == 0 { world.initialised("ann") } else { world.initialised_on_main("ann") };
        let ann = ann.env("AIT_AGENT_PID", sessions[0].pid());
        ann.task("Job", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let there = ann.at("aiwork/t1_job");
        there.write("work.txt", "mine\n");
        let work = there.commit("work");
        let bob = world.clone("bob").env("AIT_AGENT_PID", sessions[1].pid());
        bob.aitask(&["pick", "1", "--steal"]).ok();
        let theirs = bob.at("aiwork/t1_job");
        theirs.write("theirs.txt", "theirs\n");
        theirs.commit("theirs");
        let end: Option<&[&str]> = match n % 5 {
            0 => None,
            1 => Some(&["finish", "1"]),
            2 => Some(&["finish", "1", "--squash"]),
            3 => Some(&["archive", "1"]),
            _ => Some(&["finish", "1", "--no-archive"]),
        };
        if let Some(end) = end {
            bob.aitask(end).ok();
        }
        let refs = || world.git(&["--git-dir=origin.git", "for-each-ref"]);
        let before = refs();
        for verb in VERBS {
            for repo in [&ann, &there] {
                let run = repo.aitask(&[verb, &["--json"]].concat());
                let said = || format!("after {end:?}\n{run}");
                proof.check(refs() == before, || format!("published: {}", said()));
                proof.check(run.code != 0 || verb[0] == "sync", || format!("succeeded: {}", said()));
                let text = run.to_string();
                if verb[0] == "finish" {
                    let is_told = text.contains("bob@example.com") && text.contains(&work[..7]);
                    proof.check(is_told, || format!("not told who and where: {}", said()));
                }
                proof.tried(1);
            }
        }
        proof.check(ann.git(&["rev-parse", "aitask/t1_job"]).trim() == work, || "the branch is gone".into());
        proof.check(there.read("work.txt") == "mine\n", || "the worktree is gone".into());
    }
    proof.end();
}
