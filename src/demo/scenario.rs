//! The steps of the demonstration.

use crate::demo::invariants::{
    self, FinalState, FinishedTask, Invariant, Race, Recovery, board_line, is_on_board, work_file,
};
use crate::demo::sandbox::{Agent, CommandOutcome, Sandbox, at_once, read, write};
use crate::demo::score::{DemoOptions, Score};
use crate::error::{Error, Kind, Result};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file that many tasks change.
const BOARD: &str = "board.md";

const VERBS: [&str; 6] = ["Add", "Fix", "Test", "Document", "Measure", "Simplify"];
const THINGS: [&str; 8] = ["login", "search", "export", "billing", "upload", "reports", "backup", "settings"];

/// The scenario and what was recorded so far.
pub(crate) struct Scenario<'a> {
    sandbox: &'a Sandbox<'a>,
    narrate: fn(&str),
    agents: Vec<Agent>,
    scores: Vec<Score>,
    /// The ids, in the order in which they were given.
    tasks: Vec<u64>,
    count: usize,
    done: Vec<FinishedTask>,
    race: Race,
    recovery: Recovery,
}

/// The agent that is killed, and its two tasks.
struct AbandonedTasks {
    crashed: usize,
    held: u64,
    half_picked: u64,
}

impl<'a> Scenario<'a> {
    /// Starts the sessions.
    pub(crate) fn new(sandbox: &'a Sandbox<'a>, options: &DemoOptions, narrate: fn(&str)) -> Result<Self> {
        let agents = sandbox.start_agents(options.agents)?;
        let score = |agent: &Agent| {
            let email = sandbox.owner(agent).email.clone();
            Score { name: agent.name.clone(), email, ..Score::default() }
        };
        let scores = agents.iter().map(score).collect();
        Ok(Self {
            sandbox,
            narrate,
            agents,
            scores,
            tasks: Vec::new(),
            count: options.tasks,
            done: Vec::new(),
            race: Race::default(),
            recovery: Recovery::default(),
        })
    }

    /// Runs all steps; returns what each agent did, and the invariants.
    pub(crate) fn run(mut self) -> Result<(Vec<Score>, Vec<Invariant>)> {
        self.set_up()?;
        self.file()?;
        let contested = self.task(self.count / 2)?;
        let winner = self.race_for_task(contested)?;
        let orphans = self.crash(winner, contested)?;
        self.work(winner, contested, orphans.crashed)?;
        self.recover(&orphans)?;
        let invariants = self.check(winner)?;
        for (agent, score) in self.agents.iter_mut().zip(&mut self.scores) {
            agent.kill();
            score.seconds = (score.seconds * 100.0).round() / 100.0;
        }
        Ok((self.scores, invariants))
    }

    fn say(&self, line: impl AsRef<str>) {
        (self.narrate)(line.as_ref());
    }

    fn task(&self, n: usize) -> Result<u64> {
        let mut sorted = self.tasks.clone();
        sorted.sort_unstable();
        sorted.get(n).copied().ok_or_else(|| Error::new(Kind::Bug, "the demo has fewer tasks than it needs"))
    }

    /// Step 1: a remote, a clone for each person, `init` in all clones at once.
    fn set_up(&self) -> Result<()> {
        let (sandbox, people) = (self.sandbox, self.sandbox.people());
        let names: Vec<_> = people.iter().map(|person| person.name).collect();
        let count = self.agents.len();
        self.say(format!(
            "1. {} clone one remote and run git aitask init at once; {count} agents work for them",
            names.join(", ")
        ));
        let begun = Instant::now();
        sandbox.git(sandbox.root(), &["init", "--quiet", "--bare", "origin.git"])?;
        let clone = |person: &crate::demo::sandbox::Person| {
            sandbox.git(sandbox.root(), &["clone", "--quiet", "origin.git", &person.name.to_lowercase()])?;
            sandbox.git(&person.clone, &["config", "user.name", person.name])?;
            sandbox.git(&person.clone, &["config", "user.email", &person.email])
        };
        let Some((first, others)) = people.split_first() else { return Ok(()) };
        clone(first)?;
        let lines = (1..=self.count as u64).map(|task| format!("{}\n\n---\n\n", board_line(task, "open")));
        write(&first.clone.join(BOARD), &format!("# Board\n\n{}", lines.collect::<String>()))?;
        sandbox.git(&first.clone, &["add", "--all"])?;
        sandbox.git(&first.clone, &["commit", "--quiet", "-m", "first commit"])?;
        sandbox.git(&first.clone, &["push", "--quiet", "-u", "origin", "main"])?;
        at_once(others, |_, person| clone(person))?;
        at_once(people, |_, person| sandbox.aitask_as_person(person, &["init", "--json"])?.require_done(person.name))?;
        self.say(format!("   {} ({:.1} s)", sandbox.root().display(), begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Step 2: all agents create tasks at once.
    fn file(&mut self) -> Result<()> {
        let (sandbox, total, count) = (self.sandbox, self.agents.len(), self.count);
        self.say(format!("2. {total} agents create {count} tasks at once"));
        let begun = Instant::now();
        let filed = at_once(&self.agents, |n, agent| {
            let begun = Instant::now();
            let mut ids = Vec::new();
            for number in (n..count).step_by(total) {
                let title = format!(
                    "{} {}",
                    VERBS[number % VERBS.len()],
                    THINGS[(number / VERBS.len() + number) % THINGS.len()]
                );
                let priority = ["high", "medium", "low"][number % 3];
                let args = ["new", &title, "--priority", priority, "-m", "Filed by the demo.", "--json"];
                ids.push(sandbox.aitask(agent, &args)?.require_done(&agent.name)?.task()?);
            }
            Ok((ids, begun.elapsed()))
        })?;
        for (score, (ids, took)) in self.scores.iter_mut().zip(filed) {
            score.created = ids.len();
            score.seconds += took.as_secs_f64();
            self.tasks.extend(ids);
        }
        let (first, last) = (self.task(0)?, self.task(self.tasks.len().saturating_sub(1))?);
        self.say(format!("   t{first} to t{last} ({:.1} s)", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Step 3: all agents pick one task. Returns the agent that got it.
    fn race_for_task(&mut self, task: u64) -> Result<usize> {
        let sandbox = self.sandbox;
        self.say(format!("3. all {} agents pick t{task} at once", self.agents.len()));
        let begun = Instant::now();
        let answers = at_once(&self.agents, |_, agent| {
            let begun = Instant::now();
            let answer = sandbox.aitask(agent, &["pick", &task.to_string(), "--json"])?;
            Ok((answer, begun.elapsed()))
        })?;
        for (n, (answer, took)) in answers.iter().enumerate() {
            self.scores[n].seconds += took.as_secs_f64();
            if answer.is_done() {
                self.race.winners.push(n);
            } else if answer.refusal() == Kind::Held.name() {
                self.scores[n].picks_lost += 1;
                let pid = answer.json.pointer("/error/holder/pid").and_then(serde_json::Value::as_u64);
                self.race.told.push((answer.text("/error/holder/holder").to_owned(), pid.unwrap_or(0)));
            } else {
                return Err(answer.unexpected(&self.agents[n].name));
            }
        }
        let winner = self.race.winners.first().copied();
        let winner = winner.ok_or_else(|| Error::new(Kind::Invariant, format!("no agent got t{task}")))?;
        let (name, took) = (&self.agents[winner].name, begun.elapsed().as_secs_f64());
        self.say(format!("   {name} holds it; {} picks were refused ({took:.1} s)", self.race.told.len()));
        Ok(winner)
    }

    /// Step 4: a session is killed while it holds a task; its next session is killed during `pick`.
    fn crash(&mut self, winner: usize, contested: u64) -> Result<AbandonedTasks> {
        let sandbox = self.sandbox;
        let crashed = if winner + 1 == self.agents.len() { winner - 1 } else { self.agents.len() - 1 };
        let free: Vec<_> = self.tasks.iter().copied().filter(|task| *task != contested).collect();
        let [held, half_picked] = free.get(..2).and_then(|two| two.try_into().ok()).unwrap_or_default();
        let name = self.agents[crashed].name.clone();
        self.say(format!("4. {name} is killed while it holds t{held}, and again during its pick of t{half_picked}"));
        let begun = Instant::now();
        sandbox.aitask(&self.agents[crashed], &["pick", &held.to_string(), "--json"])?.require_done(&name)?;
        self.agents[crashed].kill();
        sandbox.restart(&mut self.agents[crashed])?;
        let before = sandbox.remote_tip("aitask-locks")?;
        let pick =
            sandbox.aitask_in_background(&self.agents[crashed], &["pick", &half_picked.to_string(), "--json"])?;
        while sandbox.remote_tip("aitask-locks")? == before {
            if begun.elapsed() > Duration::from_secs(40) {
                return Err(Error::new(
                    Kind::Invariant,
                    format!("{name}: `git aitask pick {half_picked}` did not take the lock within 40 s"),
                ));
            }
        }
        drop(pick);
        self.agents[crashed].kill();
        self.scores[crashed].seconds += begun.elapsed().as_secs_f64();
        self.say(format!("   both locks stay; all others continue ({:.1} s)", begun.elapsed().as_secs_f64()));
        Ok(AbandonedTasks { crashed, held, half_picked })
    }

    /// Step 5: all other agents work until nothing is left to pick.
    fn work(&mut self, winner: usize, contested: u64, crashed: usize) -> Result<()> {
        let sandbox = self.sandbox;
        let workers = self.agents.len() - 1;
        self.say(format!("5. {workers} agents pick, commit in worktrees of their own, and finish"));
        let begun = Instant::now();
        let worked = at_once(&self.agents, |n, agent| {
            let begun = Instant::now();
            let mut done = Vec::new();
            if n == crashed {
                return Ok((done, Duration::ZERO));
            }
            if n == winner {
                // It holds the task already, so the pick succeeds again.
                done.push(finish(
                    sandbox,
                    agent,
                    &sandbox.aitask(agent, &["pick", &contested.to_string(), "--json"])?,
                )?);
            }
            loop {
                let answer = sandbox.aitask(agent, &["pick", "--next", "--json"])?;
                if answer.refusal() == Kind::NothingToPick.name() {
                    return Ok((done, begun.elapsed()));
                }
                done.push(finish(sandbox, agent, &answer)?);
            }
        })?;
        let merged: usize = worked.iter().map(|(done, _)| done.len()).sum();
        for (score, (done, took)) in self.scores.iter_mut().zip(worked) {
            score.finished += done.len();
            score.seconds += took.as_secs_f64();
            self.done.extend(done);
        }
        self.say(format!("   {merged} tasks finished ({:.1} s)", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Step 6: a colleague takes over one task of the dead session; the same person picks the other again.
    fn recover(&mut self, orphans: &AbandonedTasks) -> Result<()> {
        let (sandbox, begun) = (self.sandbox, Instant::now());
        let AbandonedTasks { crashed, held, half_picked } = *orphans;
        let person = self.agents[crashed].person;
        let colleague = self.agents.iter().position(|agent| agent.person != person);
        let colleague = colleague.ok_or_else(|| Error::new(Kind::Bug, "the demo needs two people"))?;
        let (dead, living) = (self.agents[crashed].name.clone(), self.agents[colleague].name.clone());
        self.say(format!(
            "6. {living} is refused t{held}, whose session is dead, and takes it over; {dead} picks t{half_picked} \
             again"
        ));
        sandbox.restart(&mut self.agents[crashed])?;
        let (back, colleague_agent) = (&self.agents[crashed], &self.agents[colleague]);
        let held = held.to_string();

        let refused = sandbox.aitask(colleague_agent, &["pick", &held, "--json"])?;
        if refused.refusal() != Kind::Held.name() {
            return Err(refused.unexpected(&living));
        }
        refused.text("/error/holder/session").clone_into(&mut self.recovery.session);
        let stolen = sandbox.aitask(colleague_agent, &["pick", &held, "--steal", "--json"])?;
        stolen.text("/took").clone_into(&mut self.recovery.took);
        let dispossessed = sandbox.aitask(back, &["finish", &held, "--json"])?;
        dispossessed.refusal().clone_into(&mut self.recovery.dispossessed);
        let first = finish(sandbox, colleague_agent, &stolen)?;
        let again = sandbox.aitask(back, &["pick", &half_picked.to_string(), "--json"])?;
        let second = finish(sandbox, back, &again)?;
        again.text("/took").clone_into(&mut self.recovery.took_again);
        forget_worktree(sandbox, &sandbox.owner(back).clone, &held)?;

        self.done.extend([first, second]);
        let took = begun.elapsed().as_secs_f64();
        for n in [crashed, colleague] {
            self.scores[n].finished += 1;
            self.scores[n].seconds += took;
        }
        self.scores[colleague].picks_lost += 1;
        self.say(format!("   both tasks are finished; nothing of the dead session is left ({took:.1} s)"));
        Ok(())
    }

    /// Reads the final state with plain git.
    fn check(&self, winner: usize) -> Result<Vec<Invariant>> {
        let sandbox = self.sandbox;
        let remote = sandbox.remote();
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let paths = |text: String| text.split_terminator('\0').map(str::to_owned).collect::<Vec<_>>();
        let branches =
            |dir: &Path| Ok(lines(sandbox.git(dir, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"])?));
        let files = |branch: &str| {
            let branch = format!("refs/heads/{branch}");
            Ok::<_, Error>(paths(sandbox.git(&remote, &["ls-tree", "-r", "-z", "--name-only", &branch])?))
        };
        let mut seen = FinalState {
            files: files("main")?.into_iter().chain(files("aitask-data")?).collect(),
            commits: lines(sandbox.git(&remote, &["rev-list", "refs/heads/main"])?).into_iter().collect(),
            board: sandbox.git(&remote, &["show", &format!("refs/heads/main:{BOARD}")])?,
            locks: files("aitask-locks")?,
            branches: vec![("the remote".to_owned(), branches(&remote)?)],
            worktrees: Vec::new(),
        };
        for person in sandbox.people() {
            let list = sandbox.git(&person.clone, &["worktree", "list", "--porcelain"])?;
            let listed = list.lines().filter_map(|line| line.strip_prefix("worktree ")).skip(1).map(str::to_owned);
            let listed = listed.filter(|path| !path.ends_with("/.aitask-data"));
            let folder = std::fs::read_dir(person.clone.join("aiwork")).into_iter().flatten().flatten();
            let left = listed.chain(folder.map(|entry| entry.path().to_string_lossy().into_owned())).collect();
            seen.worktrees.push((person.name.to_owned(), left));
            seen.branches.push((person.name.to_owned(), branches(&person.clone)?));
        }
        let agent = &self.agents[winner];
        let holder = (sandbox.owner(agent).email.clone(), u64::from(agent.pid()));
        Ok(vec![
            invariants::ids(&self.tasks),
            invariants::one_winner(&self.race, self.agents.len(), &holder),
            invariants::recovered(&self.recovery),
            invariants::finished_once(&self.tasks, &self.done),
            invariants::merged(&self.tasks, &self.done, &seen),
            invariants::archived(&self.tasks, &seen),
            invariants::no_lock(&seen),
            invariants::no_worktree(&seen),
            invariants::no_branch(&seen),
        ])
    }
}

/// Works in the worktree of a task that was picked, commits with git, finishes.
fn finish(sandbox: &Sandbox<'_>, agent: &Agent, picked: &CommandOutcome) -> Result<FinishedTask> {
    if !picked.is_done() {
        return Err(picked.unexpected(&agent.name));
    }
    let (task, worktree) = (picked.task()?, Path::new(picked.text("/worktree/path")));
    if !worktree.is_absolute() || !worktree.starts_with(sandbox.root()) {
        return Err(Error::new(Kind::Invariant, format!("t{task} has no worktree in the clone of {}", agent.name)));
    }
    write(&worktree.join(work_file(task)), &format!("t{task}, by {}\n", agent.name))?;
    if is_on_board(task) {
        let board = worktree.join(BOARD);
        let (open, done) = (board_line(task, "open") + "\n", board_line(task, "done") + "\n");
        write(&board, &read(&board)?.replace(&open, &done))?;
    }
    sandbox.git(worktree, &["add", "--all"])?;
    sandbox.git(worktree, &["commit", "--quiet", "-m", &format!("work on t{task}")])?;
    let finished = sandbox.aitask_in(worktree, agent, &["finish", "--json"])?.require_done(&agent.name)?;
    Ok(FinishedTask { task, commit: finished.text("/merged/commit").to_owned() })
}

/// Removes the worktree that the dead session left, as its person would. Git refuses if work would be lost.
fn forget_worktree(sandbox: &Sandbox<'_>, clone: &Path, task: &str) -> Result<()> {
    let branches = sandbox.git(clone, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/aitask"])?;
    for branch in branches.lines().filter(|branch| branch.starts_with(&format!("aitask/t{task}_"))) {
        let folder = format!("aiwork/{}", branch.trim_start_matches("aitask/"));
        sandbox.git(clone, &["worktree", "remove", &folder])?;
        sandbox.git(clone, &["branch", "--quiet", "-d", branch])?;
    }
    Ok(())
}
