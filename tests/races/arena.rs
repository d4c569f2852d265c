//! Where the sessions of a race meet, and the tally of a race.

use crate::support::{Repo, Run, World, thorough, turn};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// How many sessions start at once.
pub(super) const SESSIONS: usize = 16;
/// The rounds of all races together, of which an ordinary run does a quarter; `AITASK_TEST_ROUNDS` sets another total.
const ROUNDS: usize = 32;
/// An arena is made anew after so many rounds, so that long runs do not measure the size of a history.
pub(super) const ROUNDS_PER_ARENA: usize = 8;

/// Where the sessions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topology {
    /// In four clones of one remote: only the swap keeps them apart.
    FourClones,
    /// In one clone of a remote.
    OneClone,
    /// In one repository without a remote.
    Alone,
    /// In four linked worktrees of one repository without a remote.
    Worktrees,
}

const TOPOLOGIES: [Topology; 4] = [Topology::FourClones, Topology::OneClone, Topology::Alone, Topology::Worktrees];

/// A set-up repository with tasks, and the places from which sessions work on it.
pub(super) struct Arena {
    topology: Topology,
    world: World,
    seats: Vec<Repo>,
}

impl Arena {
    /// With the tasks 1 to `tasks`. Everybody is the same person, and every commit has the same date: commits made
    /// for the same change are then the same but for what the tool does about it.
    pub(super) fn new(topology: Topology, tasks: usize) -> Self {
        let world = World::new();
        // a loaded machine is no reason to give up; what limits a process is the time limit of the support
        let person = |dir: &str| {
            let repo = world.clone_as(dir, "Same", "same@example.com").env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z");
            repo.env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z").env("GIT_AITASK_TIMEOUT", "55s")
        };
        let first = person("c0");
        for n in 1..=tasks {
            let text = format!(
                "---\npriority: medium\neffort: low\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\n---\n\n# Job {n}\n"
            );
            first.write(&format!("aitasks/t{n}_job.md"), &text);
        }
        first.commit("tasks");
        first.git(&["push", "--quiet"]);
        if matches!(topology, Topology::Alone | Topology::Worktrees) {
            first.git(&["remote", "remove", "origin"]);
        }
        first.aitask(&["init", "--on", "main"]).ok();
        let mut seats = vec![first];
        for n in 1..4 {
            match topology {
                Topology::FourClones => seats.push(person(&format!("c{n}"))),
                Topology::Worktrees => {
                    let linked = world.root().join(format!("w{n}"));
                    seats[0].git(&["worktree", "add", "--quiet", "--detach", linked.to_str().unwrap()]);
                    seats.push(seats[0].at(linked));
                }
                Topology::OneClone | Topology::Alone => {}
            }
        }
        Self { topology, world, seats }
    }

    pub(super) fn has_remote(&self) -> bool {
        matches!(self.topology, Topology::FourClones | Topology::OneClone)
    }

    /// The place of the n-th session.
    pub(super) fn seat(&self, n: usize) -> &Repo {
        &self.seats[n % self.seats.len()]
    }

    /// The n-th session, which has no process to stand for it.
    pub(super) fn nobody(&self, n: usize) -> Repo {
        self.seat(n).env("AIT_AGENT_PID", "")
    }

    /// Git in the repository where the truth is.
    #[track_caller]
    pub(super) fn git(&self, args: &[&str]) -> String {
        if self.has_remote() {
            return self.world.git(&[&["--git-dir=origin.git"], args].concat());
        }
        self.seats[0].git(args)
    }

    /// The commit of a branch.
    pub(super) fn tip(&self, branch: &str) -> String {
        self.git(&["rev-parse", &format!("refs/heads/{branch}")]).trim().into()
    }

    /// The files of a branch.
    pub(super) fn files(&self, branch: &str) -> Vec<String> {
        self.git(&["ls-tree", "-r", "--name-only", &format!("refs/heads/{branch}")]).lines().map(Into::into).collect()
    }

    /// The lock files.
    pub(super) fn locks(&self) -> Vec<String> {
        self.files("aitask-locks")
    }

    /// The files that each commit of a branch since `before` touched, first commit last.
    pub(super) fn touched_since(&self, branch: &str, before: &str) -> Vec<Vec<String>> {
        let range = format!("{before}..refs/heads/{branch}");
        let log = self.git(&["log", "--format=%x00", "--name-only", &range]);
        let commits = log.split('\0').skip(1);
        commits.map(|files| files.lines().filter(|file| !file.is_empty()).map(Into::into).collect()).collect()
    }

    /// Starts `git aitask ARGS` of every session at once, and waits for all.
    pub(super) fn burst(&self, sessions: impl IntoIterator<Item = (Repo, Vec<String>)>) -> Vec<Run> {
        let started: Vec<_> = sessions
            .into_iter()
            .map(|(repo, args)| repo.start(&args.iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        started.into_iter().map(crate::support::Running::wait).collect()
    }

    /// What is true after every race, whatever it was about.
    fn inspect(&self, tally: &mut Tally, runs: &[Run]) {
        for (n, seat) in self.seats.iter().enumerate() {
            let status = seat.git(&["status", "--porcelain"]);
            tally.check(status.is_empty(), runs, || format!("work tree {n} is left dirty:\n{status}"));
            let git_dir = seat.path(seat.git(&["rev-parse", "--git-dir"]).trim());
            tally.check(!git_dir.join("index.lock").exists(), runs, || format!("index.lock is left in {n}"));
        }
    }
}

/// What came of the rounds of one race.
pub(super) struct Tally {
    name: &'static str,
    topology: Topology,
    rounds: usize,
    violations: Vec<String>,
}

impl Tally {
    /// Notes a violation with everything that the programs answered.
    pub(super) fn check(&mut self, holds: bool, runs: &[Run], what: impl FnOnce() -> String) {
        if holds {
            return;
        }
        let mut text = format!("{} in round {} ({:?}): {}\n", self.name, self.rounds, self.topology, what());
        for run in runs {
            let _ = writeln!(text, "{run}");
        }
        self.violations.push(text);
    }

    /// Notes every program that did not end with `code`.
    pub(super) fn all_end_with(&mut self, code: i32, runs: &[Run]) {
        let odd: Vec<_> = runs.iter().filter(|run| run.code != code || run.signal.is_some()).cloned().collect();
        self.check(odd.is_empty(), &odd, || format!("{} of {} did not end with {code}", odd.len(), runs.len()));
    }
}

/// Runs `share` sixtieths of all rounds of a race, in each topology in turn; `round` gets the number of the round in
/// its arena, from 1, and answers what the programs said.
#[track_caller]
pub(super) fn race(
    name: &'static str,
    share: usize,
    tasks: usize,
    mut round: impl FnMut(&Arena, usize, &mut Tally) -> Vec<Run>,
) {
    let ordinary = if thorough() { ROUNDS } else { ROUNDS / 4 };
    let total = std::env::var("AITASK_TEST_ROUNDS").ok().map_or(ordinary, |text| text.parse().unwrap());
    let rounds = (total * share).div_ceil(ROUNDS);
    let mut tally = Tally { name, topology: TOPOLOGIES[0], rounds: 0, violations: Vec::new() };
    let begun = Instant::now();
    let mut seconds = String::new();
    for n in 0..TOPOLOGIES.len() {
        // where there are not rounds enough for all, another one goes without each day
        let topology = TOPOLOGIES[(n + turn()) % TOPOLOGIES.len()];
        let mine = (rounds + TOPOLOGIES.len() - 1 - n) / TOPOLOGIES.len();
        tally.topology = topology;
        let mut racing = Duration::ZERO;
        let mut arena = None;
        for turn in 0..mine {
            let turn = turn % ROUNDS_PER_ARENA;
            if turn == 0 {
                arena = None;
            }
            let arena = arena.get_or_insert_with(|| Arena::new(topology, tasks));
            tally.rounds += 1;
            let started = Instant::now();
            let runs = round(arena, turn + 1, &mut tally);
            racing += started.elapsed();
            arena.inspect(&mut tally, &runs);
        }
        let _ = write!(seconds, ", {topology:?} {mine} in {:.1} s", racing.as_secs_f32());
    }
    let (violations, took) = (tally.violations.len(), begun.elapsed().as_secs_f32());
    // not println!, which the test runner keeps to itself
    let _ = writeln!(
        std::io::stderr(),
        "race {name}: {} rounds, {violations} violations, {took:.1} s{seconds}",
        tally.rounds
    );
    let shown = tally.violations.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(violations == 0, "{violations} violations in {} rounds of {name}\n{shown}", tally.rounds);
}

/// The words of a command line.
pub(super) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(Into::into).collect()
}
