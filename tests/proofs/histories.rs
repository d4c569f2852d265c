//! Sessions in four clones of one remote lock, unlock and take over tasks, and create some, all at once, while the server is
//! killed and calls are killed by chance. Then a checker looks for an order of the calls that explains every answer.

use super::kind;
use crate::support::linearizability::{Call, Claim, LockAct, is_explained};
use crate::support::{Chance, Proof, Repo, Rounds, Sleeper, World};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const CLONES: usize = 4;
const SESSIONS: usize = 8;
/// The tasks that the sessions want, the only ones in the beginning.
const TASKS: usize = 2;

/// The calls, by object.
#[derive(Debug, Default)]
struct History {
    locks: BTreeMap<usize, Vec<Call<LockAct>>>,
    claims: Vec<Call<Claim>>,
    /// Answers that no history explains.
    wrong: Vec<String>,
    /// What was called and said, with the time of the beginning.
    said: Vec<(usize, String)>,
}

impl History {
    fn join(&mut self, other: Self) {
        for (task, calls) in other.locks {
            self.locks.entry(task).or_default().extend(calls);
        }
        self.claims.extend(other.claims);
        self.wrong.extend(other.wrong);
        self.said.extend(other.said);
    }

    /// All that was said, in the order in which it was asked.
    fn told(&self) -> String {
        let mut said: Vec<_> = self.said.iter().collect();
        said.sort();
        said.iter().map(|(begun, said)| format!("{begun}: {said}")).collect::<Vec<_>>().join("\n")
    }
}

/// One session, with the clock of all.
struct Client<'w> {
    repo: Repo,
    number: usize,
    clock: &'w AtomicUsize,
    chance: Chance,
    calls: usize,
}

impl Client<'_> {
    fn run(self) -> History {
        let mut history = History::default();
        for n in 0..self.calls {
            let task = 1 + self.chance.below(TASKS);
            let (name, title) = (task.to_string(), format!("Job {n} of {}", self.number));
            let me = self.number;
            let (args, act) = match self.chance.below(10) {
                0..4 => (vec!["lock", &name, "--json"], Some(LockAct::Lock(me))),
                4..8 => (vec!["unlock", &name, "--json"], Some(LockAct::Unlock(me))),
                8 => (vec!["pick", &name, "--no-worktree", "--steal", "--json"], Some(LockAct::Steal(me))),
                _ => (vec!["new", &title, "--json"], None),
            };
            let begun = self.clock.fetch_add(1, Ordering::SeqCst);
            let running = self.repo.start(&args);
            let is_killed = self.chance.one_in(12);
            let run = if is_killed {
                thread::sleep(Duration::from_millis(self.chance.below(400).try_into().unwrap()));
                running.kill()
            } else {
                running.wait()
            };
            let ended = Some(self.clock.fetch_add(1, Ordering::SeqCst));
            let kind = if run.signal.is_some() { "unknown".to_owned() } else { kind(&run) };
            let said = format!("to {ended:?}, session {me}: {run}");
            history.said.push((begun, said.split_whitespace().collect::<Vec<_>>().join(" ")));
            let locks = history.locks.entry(task).or_default();
            match (act, kind.as_str()) {
                (Some(act), "unknown") => locks.push(Call { act, begun, ended: None }),
                // it was taken over, and is free by now
                (Some(_), "not_holder") if run.stderr.contains("is not locked any more") => {
                    locks.push(Call { act: LockAct::SaysFree, begun, ended });
                }
                (Some(_), "held" | "not_holder") => locks.push(Call { act: LockAct::SaysHeld(me), begun, ended }),
                (Some(act), "") => {
                    let was_free = run.json()["unlocked"] == false;
                    locks.push(Call { act: if was_free { LockAct::SaysFree } else { act }, begun, ended });
                }
                (None, "unknown") => history.claims.push(Call { act: Claim(None), begun, ended: None }),
                (None, "") => {
                    let id = run.json()["task"]["id"].as_str().unwrap().parse().ok();
                    history.claims.push(Call { act: Claim(id.map(|id: u64| id - TASKS as u64)), begun, ended });
                }
                // nothing took effect, and it says why
                (_, "contention" | "unreachable" | "io") => {}
                (_, _) => history.wrong.push(run.to_string()),
            }
        }
        history
    }
}

/// Kills the server by chance, before or after it moves the refs. Locks of refs that it leaves are removed, as somebody
/// would who tidies up.
fn make_the_server_fail(world: &World) {
    let hook = "#!/bin/sh\n[ $(($(od -An -N2 -tu2 /dev/urandom) % 10)) = 0 ] || exit 0\nin=$(cat)\n\
        case $in in *refs/heads/*) ;; *) exit 0 ;; esac\n\
        case $1 in\n\
        prepared) refs=$(printf '%s\\n' \"$in\" | sed 's/.* //' | sort -r)\nkill -9 $PPID\n\
        (sleep 0.1; for ref in $refs; do rm -f \"$ref.lock\"; done) >/dev/null 2>&1 </dev/null & ;;\n\
        committed) kill -9 $PPID ;;\nesac\nexit 0\n";
    world.script(&world.origin().join("hooks/reference-transaction"), hook);
}

/// One history: what all sessions were told, and what is there at the end.
fn history(seed: u64, calls: usize) -> History {
    let world = World::new();
    let first = world.initialised_on_main("c0");
    for n in 1..=TASKS {
        first.task(&format!("Task {n}"), &[]);
    }
    let clones: Vec<_> =
        (0..CLONES).map(|n| if n == 0 { first.at(first.top()) } else { world.clone(&format!("c{n}")) }).collect();
    make_the_server_fail(&world);
    let sleepers: Vec<_> = (0..SESSIONS).map(|_| Sleeper::new()).collect();
    let clock = AtomicUsize::new(0);
    let mut all = History::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..SESSIONS)
            .map(|number| {
                let repo = clones[number % CLONES].env("AIT_AGENT_PID", sleepers[number].pid());
                let chance = Chance::new(seed * 1000 + number as u64);
                let client = Client { repo, number, clock: &clock, chance, calls };
                scope.spawn(move || client.run())
            })
            .collect();
        for thread in threads {
            all.join(thread.join().expect("a session failed"));
        }
    });
    for task in 1..=TASKS {
        let lock = world.remote_file("aitask-locks", &format!("t{task}_lock.yaml"));
        let pid = lock.as_deref().and_then(|lock| lock.lines().find_map(|line| line.strip_prefix("pid: ")));
        let holder = pid.and_then(|pid| sleepers.iter().position(|sleeper| sleeper.pid().to_string() == pid));
        assert_eq!(lock.is_some(), holder.is_some(), "{lock:?}");
        let begun = clock.fetch_add(2, Ordering::SeqCst);
        let act = LockAct::Holder(holder);
        all.locks.entry(task).or_default().push(Call { act, begun, ended: Some(begun + 1) });
    }
    // each number that was told has its file
    let files = world.remote_files("main");
    for id in all.claims.iter().filter_map(|call| call.act.0) {
        let name = format!("aitasks/t{}_", id + TASKS as u64);
        if !files.iter().any(|file| file.starts_with(&name)) {
            all.wrong.push(format!("{name} is not there"));
        }
    }
    all
}

#[test]
fn some_order_explains_every_answer() {
    let property = "some order of the calls explains all answers, while the server and calls are killed";
    let mut proof = Proof::new("06", property, "calls, 8 sessions", Rounds { ordinary: 1, short: 3, long: 1000 });
    // in an ordinary run short histories, else up to 200 calls
    let calls = match proof.rounds() {
        1 => 2,
        3 => 6,
        _ => 25,
    };
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    while let Some(round) = proof.next_round() {
        let history = history(seed + round as u64, calls);
        for (task, calls) in &history.locks {
            proof.check(is_explained(calls), || format!("task {task}: {calls:?}\n{}", history.told()));
        }
        proof.check(is_explained(&history.claims), || format!("{:?}\n{}", history.claims, history.told()));
        proof.check(history.wrong.is_empty(), || history.wrong.join("\n"));
        proof.tried(SESSIONS * calls);
    }
    proof.end();
}
