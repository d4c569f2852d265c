//! The folder of the demonstration: a remote, the clones of several people, their sessions, and the processes in it,
//! which see none of the user's settings.

use crate::demo::background::BackgroundProcess;
use crate::error::{Error, Kind, Result};
use crate::git::run::{Call, Output};
use crate::interrupt;
use crate::settings::Environment;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The people, in the order of their clones.
const PEOPLE: [&str; 8] = ["Ann", "Bob", "Chen", "Dee", "Eve", "Finn", "Gus", "Hana"];

/// The variables that a process inherits.
const KEPT: [&str; 4] = ["PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The time limit of one process. A command of the demo takes seconds; a minute ends one that hangs.
const LIMIT: Duration = Duration::from_secs(60);

const GITCONFIG: &str = "[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";

/// The folder and what all processes in it share.
#[derive(Debug)]
pub(crate) struct Sandbox<'a> {
    environment: &'a Environment,
    program: &'a Path,
    root: PathBuf,
    until: Instant,
    people: Vec<Person>,
    narrate: fn(&str),
}

/// A person with a clone.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) email: String,
    pub(crate) clone: PathBuf,
}

/// The session of a coding agent, represented by a process that lives as long.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Such as `Ann/2`.
    pub(crate) name: String,
    /// The index of its person.
    pub(crate) person: usize,
    session: Option<BackgroundProcess>,
}

impl Agent {
    /// The process id of the session; 0 when it is dead.
    pub(crate) fn pid(&self) -> u32 {
        self.session.as_ref().map_or(0, BackgroundProcess::pid)
    }

    /// Kills the session, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.session = None;
    }
}

/// The result of a `git aitask` command.
#[derive(Debug)]
pub(crate) struct CommandOutcome {
    output: Output,
    line: String,
    /// The JSON document of the result or of the error.
    pub(crate) json: Value,
}

impl CommandOutcome {
    fn new(output: Output, line: String) -> Self {
        let text = if output.success() { output.text() } else { output.stderr_text() };
        // Progress lines may precede the document.
        let from = text.find('{').filter(|at| *at == 0 || text[..*at].ends_with('\n')).unwrap_or(0);
        let json = serde_json::from_str(&text[from..]).unwrap_or(Value::Null);
        Self { output, line, json }
    }

    /// Whether it succeeded.
    pub(crate) fn is_done(&self) -> bool {
        self.output.success()
    }

    /// Requires that the command of `who` succeeded.
    pub(crate) fn require_done(self, who: &str) -> Result<Self> {
        if self.is_done() { Ok(self) } else { Err(self.unexpected(who)) }
    }

    /// A text of its document, by a JSON pointer; empty where it is absent.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The kind of the error of a refused request (exit code 1).
    pub(crate) fn refusal(&self) -> &str {
        if self.output.code == Some(1) { self.text("/error/kind") } else { "" }
    }

    /// The id of the task it is about.
    pub(crate) fn task(&self) -> Result<u64> {
        self.text("/task/id").parse().map_err(|_| self.unexpected("somebody"))
    }

    /// The error for an unexpected result.
    pub(crate) fn unexpected(&self, who: &str) -> Error {
        let said = match self.text("/error/message") {
            "" => self.output.stderr_text(),
            message => message.to_owned(),
        };
        let code = self.output.code.map_or_else(|| "was killed".to_owned(), |code| format!("exited with {code}"));
        Error::new(Kind::Invariant, format!("{who}: `{}` {code}: {said}", self.line))
    }
}

impl<'a> Sandbox<'a> {
    /// Prepares an empty folder. Starts no process.
    pub(crate) fn new(
        environment: &'a Environment,
        program: &'a Path,
        root: &Path,
        clones: usize,
        limit: Duration,
        narrate: fn(&str),
    ) -> Result<Self> {
        let root = root.canonicalize().map_err(|error| Error::io("find", root, &error))?;
        let person = |name: &&'static str| Person {
            name,
            email: format!("{}@demo.example", name.to_lowercase()),
            clone: root.join(name.to_lowercase()),
        };
        let people = PEOPLE.iter().take(clones).map(person).collect();
        let sandbox = Self { environment, program, root, until: Instant::now() + limit, people, narrate };
        write(&sandbox.root.join("home/.gitconfig"), GITCONFIG)?;
        let temp = sandbox.root.join("tmp");
        std::fs::create_dir_all(&temp).map_err(|error| Error::io("make", &temp, &error))?;
        Ok(sandbox)
    }

    /// The remote.
    pub(crate) fn remote(&self) -> PathBuf {
        self.root.join("origin.git")
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The people.
    pub(crate) fn people(&self) -> &[Person] {
        &self.people
    }

    /// The person of an agent.
    pub(crate) fn owner(&self, agent: &Agent) -> &Person {
        &self.people[agent.person]
    }

    /// Starts the sessions, distributed evenly over the people, each with a process of its own.
    pub(crate) fn start_agents(&self, agents: usize) -> Result<Vec<Agent>> {
        let count = self.people.len();
        let start_agents = |n: usize| {
            let person = n * count / agents;
            // The first one of a person is the smallest n with n * count / agents == person.
            let number = n - (person * agents).div_ceil(count) + 1;
            let name = format!("{}/{number}", self.people[person].name);
            Ok(Agent { name, person, session: Some(self.session()?) })
        };
        (0..agents).map(start_agents).collect()
    }

    /// Starts a new session of an agent.
    pub(crate) fn restart(&self, agent: &mut Agent) -> Result<()> {
        agent.session = Some(self.session()?);
        Ok(())
    }

    /// Starts a process that does nothing, and ends when the demonstration does, even if that is killed.
    fn session(&self) -> Result<BackgroundProcess> {
        let shell = self.call("sh", &self.root)?.limit(self.left()?);
        let watch = r#"while kill -0 "$1" 2>/dev/null; do sleep 1; done"#;
        let us = std::process::id().to_string();
        BackgroundProcess::start(shell, &self.root.join("tmp"), "sh".as_ref(), &["-c", watch, "session", &us])
    }

    /// The commit of a branch of the remote, when it has one.
    pub(crate) fn remote_tip(&self, branch: &str) -> Result<Option<String>> {
        let name = format!("refs/heads/{branch}");
        let call = self.call("git", &self.remote())?.args(["rev-parse", "--verify", "--quiet", &name]);
        let output = call.output()?;
        Ok(output.success().then(|| output.text()))
    }

    /// Runs git, which must succeed.
    pub(crate) fn git(&self, dir: &Path, args: &[&str]) -> Result<String> {
        Ok(self.call("git", dir)?.args(args).run()?.text())
    }

    /// Runs `git aitask` in a person's clone, outside any session.
    pub(crate) fn aitask_as_person(&self, person: &Person, args: &[&str]) -> Result<CommandOutcome> {
        let call = self.call(self.program, &person.clone)?.args(args);
        Ok(CommandOutcome::new(call.output()?, line(args)))
    }

    /// Starts `git aitask` as an agent, in the background.
    pub(crate) fn aitask_in_background(&self, agent: &Agent, args: &[&str]) -> Result<BackgroundProcess> {
        let shell = self.call("sh", &self.owner(agent).clone)?.env("AIT_AGENT_PID", agent.pid().to_string());
        BackgroundProcess::start(shell, &self.root.join("tmp"), self.program.as_os_str(), args)
    }

    /// [`Self::aitask_in`] in the clone of the agent's person.
    pub(crate) fn aitask(&self, agent: &Agent, args: &[&str]) -> Result<CommandOutcome> {
        self.aitask_in(&self.owner(agent).clone, agent, args)
    }

    /// Runs `git aitask` as an agent. Repeats it, with a progress line, when it reports contention or an unreachable
    /// remote.
    pub(crate) fn aitask_in(&self, dir: &Path, agent: &Agent, args: &[&str]) -> Result<CommandOutcome> {
        loop {
            let call = self.call(self.program, dir)?.args(args).env("AIT_AGENT_PID", agent.pid().to_string());
            let answer = CommandOutcome::new(call.output()?, line(args));
            let kind = answer.text("/error/kind");
            // Not after an unknown outcome: the first attempt may have succeeded.
            if ![Kind::Contention, Kind::Unreachable].iter().any(|again| again.name() == kind) {
                return Ok(answer);
            }
            (self.narrate)(&format!("   {} tries again: {}", agent.name, answer.text("/error/message")));
            interrupt::pause(Duration::from_millis(100))?;
        }
    }

    /// The remaining time of the demonstration.
    fn left(&self) -> Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        let up = || Error::new(Kind::Invariant, "the demo did not end within its time limit");
        if left.is_zero() { Err(up()) } else { Ok(left) }
    }

    /// A call of a process that inherits only the variables of [`KEPT`].
    fn call(&self, program: impl AsRef<std::ffi::OsStr>, dir: &Path) -> Result<Call> {
        let left = self.left()?;
        let mut call = Call::program(self.environment, program, dir)
            .clear_env()
            .limit(left.min(LIMIT))
            .env("HOME", self.root.join("home"))
            .env("TMPDIR", self.root.join("tmp"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", &self.root)
            .env("GIT_TERMINAL_PROMPT", "0");
        for name in KEPT {
            if let Some(value) = self.environment.os(name) {
                call = call.env(name, value);
            }
        }
        Ok(call)
    }
}

fn line(args: &[&str]) -> String {
    format!("git aitask {}", args.join(" "))
}

/// Runs `work` for all items at the same time, and waits for all.
pub(crate) fn at_once<I: Sync, T: Send>(items: &[I], work: impl Fn(usize, &I) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.iter().enumerate().map(|(n, item)| scope.spawn(move || work(n, item))).collect();
        let results: Vec<_> = threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        let bug = |_| Err(Error::new(Kind::Bug, "a thread of the demo panicked"));
        results.into_iter().map(|result| result.unwrap_or_else(bug)).collect()
    })
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).map_err(|error| Error::io("write", path, &error))
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))
}
