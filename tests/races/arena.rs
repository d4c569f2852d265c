//! Where the sessions of a race meet, and the tally of a race.

use crate::support::{Proof, Repo, Rounds, Run, World, turn};
use std::fmt::Write as _;
use std::time::Instant;

/// How many sessions start at once, at most.
pub(super) const SESSIONS: usize = 16;
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

/// Where a race takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) topology: Topology,
    /// Whether the tasks are on a branch of their own, else on main.
    pub(super) on_data_branch: bool,
    /// Whether everybody is the same person; every commit has the same date anyway.
    pub(super) one_identity: bool,
}

impl Setting {
    /// The n-th of sixteen; every four in a row have every topology.
    fn of(n: usize) -> Self {
        Self { topology: TOPOLOGIES[n % 4], on_data_branch: n / 4 % 2 == 1, one_identity: (n / 8).is_multiple_of(2) }
    }

    /// The branch with the tasks.
    pub(super) fn home(self) -> &'static str {
        if self.on_data_branch { "aitask-data" } else { "main" }
    }
}

/// A set-up repository with tasks, and the places from which sessions work on it.
pub(super) struct Arena {
    pub(super) setting: Setting,
    world: World,
    seats: Vec<Repo>,
}

impl Arena {
    /// With the tasks 1 to `tasks`. Every commit has the same date: with one identity, commits made for the same change
    /// are then the same but for what the tool does about it.
    pub(super) fn new(setting: Setting, tasks: usize) -> Self {
        let (world, topology) = (World::new(), setting.topology);
        // a loaded machine is no reason to give up; what limits a process is the time limit of the support
        let person = |dir: &str| {
            let mail = if setting.one_identity { "same@example.com" } else { &format!("same@{dir}.example.com") };
            let repo = world.clone_as(dir, "Same", mail).env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z");
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
        if setting.on_data_branch {
            first.aitask(&["init", "--data-branch"]).ok();
        }
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
        Self { setting, world, seats }
    }

    pub(super) fn has_remote(&self) -> bool {
        matches!(self.setting.topology, Topology::FourClones | Topology::OneClone)
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
        let audit = self.seats[0].aitask(&["doctor", "--history"]);
        tally.check(audit.code == 0, runs, || format!("the history is not what it may be:\n{audit}"));
    }
}

/// What came of the rounds of one race.
pub(super) struct Tally {
    proof: Proof,
    setting: Setting,
    round: usize,
}

impl Tally {
    /// Notes a violation with everything that the programs answered.
    pub(super) fn check(&mut self, holds: bool, runs: &[Run], what: impl FnOnce() -> String) {
        let (round, setting) = (self.round, self.setting);
        self.proof.check(holds, || {
            let mut text = format!("in round {round} ({setting:?}): {}\n", what());
            for run in runs {
                let _ = writeln!(text, "{run}");
            }
            text
        });
    }

    /// How many sessions race in this round: 16, 8, 4 or 2, another number in each setting's next turn.
    pub(super) fn sessions(&self) -> usize {
        SESSIONS >> ((self.round + self.round / 4) % 4)
    }

    /// Notes every program that did not end with `code`.
    pub(super) fn all_end_with(&mut self, code: i32, runs: &[Run]) {
        let odd: Vec<_> = runs.iter().filter(|run| run.code != code || run.signal.is_some()).cloned().collect();
        self.check(odd.is_empty(), &odd, || format!("{} of {} did not end with {code}", odd.len(), runs.len()));
    }
}

/// A race: its row in the table of proofs, and how many rounds it has.
pub(super) struct Race {
    pub(super) row: &'static str,
    pub(super) property: &'static str,
    /// What is counted, and how many of it a round has; `None` for as many as there are sessions.
    pub(super) tried: (&'static str, Option<usize>),
    pub(super) rounds: Rounds,
    /// How many tasks there are from the beginning.
    pub(super) tasks: usize,
}

impl Race {
    /// Runs it, in each setting in turn; `round` gets the number of the round in its arena, from 1, and how many sessions
    /// there are, and answers what the programs said.
    #[track_caller]
    pub(super) fn run(self, mut round: impl FnMut(&Arena, usize, &mut Tally) -> Vec<Run>) {
        let proof = Proof::new(self.row, self.property, self.tried.0, self.rounds);
        // where there are not rounds enough for all, others go without each day
        let first = turn() * 5;
        // few rounds are to see many settings, and many rounds are not to spend their time on setting up
        let per_arena = if proof.rounds() > 16 { ROUNDS_PER_ARENA } else { 1 };
        let mut tally = Tally { proof, setting: Setting::of(first), round: 0 };
        let mut arena = None;
        while let Some(n) = tally.proof.next_round() {
            tally.round = n;
            if n % per_arena == 0 {
                tally.setting = Setting::of(first + n / per_arena);
                arena = Some(Arena::new(tally.setting, self.tasks));
            }
            let Some(arena) = &arena else { continue };
            let begun = Instant::now();
            let runs = round(arena, n % per_arena + 1, &mut tally);
            tally.proof.took(begun.elapsed());
            arena.inspect(&mut tally, &runs);
            tally.proof.tried(self.tried.1.unwrap_or(runs.len()));
        }
        tally.proof.end();
    }
}

/// The words of a command line.
pub(super) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(Into::into).collect()
}
