//! Takeovers at every moment: a few rounds in an ordinary run, more with `AITASK_TEST_ALL=1`; `AITASK_TEST_ROUNDS=200` sets
//! the number of each. A takeover at one moment that counts is in `fences`.

use super::is_in;
use crate::support::{Repo, Run, Sleeper, When, World, rounds, thorough, turn};
use std::time::Duration;

/// Ann and Bob in clones of their own, in one world for every round.
struct Duel {
    world: World,
    ann: Repo,
    bob: Repo,
    _sessions: [Sleeper; 2],
}

impl Duel {
    fn new() -> Self {
        let world = World::new();
        let sessions = [Sleeper::new(), Sleeper::new()];
        let ann = world.initialised("ann").env("AIT_AGENT_PID", sessions[0].pid());
        let bob = world.clone("bob").env("AIT_AGENT_PID", sessions[1].pid());
        Self { world, ann, bob, _sessions: sessions }
    }

    /// A new task that Ann has taken and worked on: its id, and her commit.
    fn taken(&self, n: usize) -> (String, String) {
        let id = self.ann.task(&format!("Job {n}"), &[]);
        let json = self.ann.aitask(&["pick", &id, "--json"]).ok().json();
        let there = self.ann.at(json["worktree"]["path"].as_str().unwrap());
        there.write(&format!("work/{n}"), "done\n");
        let commit = there.commit("work");
        (id, commit)
    }

    /// Ann ends the task in some way while Bob takes it over. Neither may land on top of the other.
    fn fight(&self, n: usize, id: &str, work: &str, args: &[&str], stagger: Duration) {
        let before = self.world.remote_branch("aitask-locks").unwrap();
        let ends = self.ann.start(args);
        // no synchronisation: the takeover may come at any moment, and each round is another one
        std::thread::sleep(stagger);
        let steal = self.bob.start(&["pick", id, "--steal", "--no-worktree", "--json"]);
        let (ended, stolen) = (ends.wait(), steal.wait());
        let range = format!("{before}..aitask-locks");
        let log = self.world.git(&["--git-dir=origin.git", "log", "--reverse", "--format=%ae %s", &range]);
        let lines: Vec<_> = log.lines().filter(|line| line.split(' ').any(|word| word == format!("t{id}"))).collect();
        let taken = lines.iter().position(|line| line.starts_with("bob@example.com ait: Lock task"));
        let after = lines.iter().skip(taken.map_or(lines.len(), |at| at)).any(|line| line.starts_with("ann@"));
        let said = || format!("round {n}, {args:?}\n{log}\n{ended}\n{stolen}");
        assert!(!after, "Ann landed after the takeover: {}", said());
        assert_eq!(stolen.code == 0, taken.is_some(), "{}", said());
        let landed = lines.iter().any(|line| line.starts_with("ann@"));
        assert_eq!(ended.code == 0, landed, "{}", said());
        if ended.code != 0 {
            assert_eq!(ended.error()["error"]["kind"], "not_holder", "{}", said());
            assert!(!is_in(&self.world, work, "main"), "{}", said());
        }
        let _: Run = self.ann.aitask(&["worktree", "remove", id, "--discard"]);
        let _: Run = self.bob.aitask(&["drop", id]);
        self.bob.aitask(&["doctor", "--history"]).ok();
    }
}

/// A moment of the round, spread over the time that a command takes.
fn moment(n: usize) -> Duration {
    Duration::from_millis((n * 37 % 240).try_into().unwrap())
}

#[test]
fn taken_over_while_finish_is_checking() {
    let duel = Duel::new();
    for n in 0..rounds(2) {
        let (id, work) = duel.taken(n);
        duel.fight(n, &id, &work, &["finish", &id, "--json", "--check", "sleep 0.1"], moment(n + turn()));
    }
}

#[test]
fn taken_over_while_the_hook_of_the_server_sleeps() {
    let duel = Duel::new();
    duel.world.script(&duel.world.origin().join("hooks/pre-receive"), "#!/bin/sh\ncat >/dev/null\nsleep 0.1\n");
    for n in 0..rounds(2) {
        let (id, work) = duel.taken(n);
        let forms: [&[&str]; 5] = [
            &["finish", &id, "--json"],
            &["finish", &id, "--no-archive", "--json"],
            &["finish", &id, "--no-push", "--json"],
            &["drop", &id, "--json"],
            &["edit", &id, "--status", "Postponed", "--json"],
        ];
        let form = (n + turn()) % forms.len();
        duel.fight(n, &id, &work, forms[form], moment(n + turn()));
    }
}

/// Two sessions of one person in one clone. One is killed at every call of git while it takes the task; then both want it.
#[test]
fn one_of_two_sessions_is_killed_at_every_call_and_one_holds_the_task() {
    let world = World::new();
    let ann = world.initialised("ann");
    let sessions = [Sleeper::new(), Sleeper::new()];
    let [first, second] = [0, 1].map(|n: usize| ann.env("AIT_AGENT_PID", sessions[n].pid()));
    let step = if thorough() { 1 } else { 8 };
    for when in [When::Before, When::After] {
        for k in (1 + turn() % step..200).step_by(step) {
            let id = ann.task("Job", &[]);
            let killed = first.killed_at(k, when, &["pick", &id, "--no-worktree"]);
            let wanted = [&second, &first].map(|session| session.aitask(&["pick", &id, "--no-worktree", "--json"]));
            let winners: Vec<_> = wanted.iter().filter(|run| run.code == 0).collect();
            assert_eq!(winners.len(), 1, "call {k} {when:?}\n{killed}\n{}\n{}", wanted[0], wanted[1]);
            let winner = usize::from(wanted[0].code == 0);
            let lock = world.remote_file("aitask-locks", &format!("t{id}_lock.yaml")).unwrap();
            assert!(lock.contains(&format!("pid: {}\n", sessions[winner].pid())), "call {k} {when:?}\n{lock}");
            [&first, &second][winner].aitask(&["drop", &id]).ok();
            ann.aitask(&["archive", &id]).ok();
            if killed.signal.is_none() {
                break;
            }
        }
    }
}
