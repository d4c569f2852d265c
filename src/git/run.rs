//! The one place that starts processes: git, and the few other programs (`hostname`, `ps`, `tmux`, the check command of
//! the user). A second place would forget the time limit, the environment or the process group.

mod failure;
mod git;
mod hooks;
mod kept;
mod output;
mod progress;
mod transfer;
mod wait;

pub(crate) use git::{Git, WITHIN};
pub(crate) use hooks::PRE_PUSH;
pub(crate) use kept::Kept;
pub(crate) use output::Output;

use crate::error::{Error, Kind, Result, quoted, redacted, sanitise};
use crate::git::identity::SaidIn;
use crate::interrupt;
use crate::report::activity;
use crate::settings::Environment;
use crate::waiting;
use hooks::{FailedHook, HookTrace};
use rustix::process::{Pid, Signal};
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use transfer::Transfer;
use wait::{Capture, Clock, SignalTarget, WaitEnd};

/// The variables that `git rev-parse --local-env-vars` lists, without the two that carry configuration. They name the
/// repository, so they count while it is looked for, and are removed once a directory names it. The last five go with them:
/// four say how git reads paths, which every call here says itself; with a namespace a remote that is a path would show
/// other branches, so that two sessions of one repository would not see each other's locks.
const LOCAL_VARIABLES: [&str; 19] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_NAMESPACE",
];

/// The time limit of a local command. No git of a large repository takes five minutes for one of these calls, so only a
/// hang reaches it.
const LOCAL_LIMIT: Duration = Duration::from_secs(300);

/// The time limit of a hook and of the signing program where no terminal is there at which somebody waits and can stop
/// it. A hook that tests a project may take minutes.
const HOOK_LIMIT: Duration = Duration::from_secs(600);

/// How many lines of a hook that failed are shown: its verdict stands at the end.
pub(crate) const LAST_LINES: usize = 10;

/// The variable by which the function of the user's shell names the file where it reads where to go. No program that is
/// started here gets it: what that runs is not what the user typed.
pub(crate) const SHELL_FILE: &str = "GIT_AITASK_CD";

/// No time limit: for an editor or a shell, in which a user may work for as long as they like.
pub(crate) const NO_LIMIT: Duration = Duration::from_secs(u32::MAX as u64);

/// A process to start, as a value: nothing happens before [`Call::output`] or [`Call::run`].
#[derive(Debug, Clone)]
pub(crate) struct Call {
    program: OsString,
    args: Vec<OsString>,
    dir: PathBuf,
    env: Vec<(OsString, Option<OsString>)>,
    input: Option<Vec<u8>>,
    limit: Duration,
    trace: bool,
    streams: Streams,
    keeps_terminal: bool,
    /// What it does, in the words of people.
    doing: Option<String>,
    /// Where git shows the progress of its transfer: what it says so.
    progress: Option<progress::Said>,
    alone: bool,
    hooks: Hooks,
    waits_for: WaitsFor,
    /// In a partial clone, the remote from which git fetches what it reads and does not have.
    promisor: Option<String>,
    /// Where the id of its process group is noted.
    group_note: Option<PathBuf>,
    /// Where the user says who they are, for the error where they did not.
    said_in: SaidIn,
}

/// Whether a process waits for others, so that its time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    Nobody,
    Others,
}

/// Whether a process is a git that may run hooks of the user, or the program that signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hooks {
    None,
    Watched,
}

/// Where the output of a process goes: it is captured, goes to standard error, or, together with the terminal, where
/// the output of this program goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    Captured,
    ToStderr,
    Ours,
}

impl Call {
    /// A program other than git, in a directory.
    pub(crate) fn program(environment: &Environment, program: impl AsRef<OsStr>, dir: &Path) -> Self {
        let variables = LOCAL_VARIABLES.iter().map(|name| (OsString::from(name), None)).collect();
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            dir: dir.to_owned(),
            env: variables,
            input: None,
            limit: LOCAL_LIMIT,
            trace: environment.text("GIT_AITASK_TRACE").is_some_and(|value| value != "0"),
            streams: Streams::Captured,
            keeps_terminal: false,
            doing: None,
            progress: None,
            alone: false,
            hooks: Hooks::None,
            waits_for: WaitsFor::Nobody,
            promisor: None,
            group_note: None,
            said_in: SaidIn::of(environment),
        }
    }

    /// A script of the project. `~/.aitask/bin` is added to the PATH, since the original's dispatcher does so and the
    /// scripts find their tools there.
    pub(crate) fn script(environment: &Environment, script: impl AsRef<OsStr>, dir: &Path) -> Self {
        let call = Self::program(environment, script, dir);
        let Some(home) = environment.os("HOME") else { return call };
        let bin = Path::new(home).join(".aitask/bin");
        let path = environment.os("PATH").unwrap_or_default();
        if std::env::split_paths(path).any(|dir| dir == bin) {
            return call;
        }
        call.env("PATH", [bin.as_os_str(), path].join(OsStr::new(":")))
    }

    /// Gives it no environment but what [`Call::env`] sets.
    pub(crate) fn clear_env(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Runs it in this directory.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// Gives git one more setting, which overrides all others.
    pub(crate) fn setting(self, key: &str, value: &str) -> Self {
        let count = self.env.iter().rev().find(|(name, _)| name == "GIT_CONFIG_COUNT");
        let count = count.and_then(|(_, count)| count.as_ref()?.to_str()?.parse::<usize>().ok()).unwrap_or(0);
        self.env(&format!("GIT_CONFIG_KEY_{count}"), key)
            .env(&format!("GIT_CONFIG_VALUE_{count}"), value)
            .env("GIT_CONFIG_COUNT", (count + 1).to_string())
    }

    /// Unsets a variable.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Gives it bytes on standard input, which is otherwise closed.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Limits its time; when it is over, its whole process group is ended.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Limits its time as one that waits for others, which together have a limit of their own.
    pub(crate) fn waits_for_others(mut self, limit: Duration) -> Self {
        self.waits_for = WaitsFor::Others;
        self.limit(limit.min(waiting::left()))
    }

    /// Notes in this file the ids of this process and of the process group that it runs in, in decimal digits with a space
    /// between. Best effort.
    pub(crate) fn group_noted_in(mut self, path: Option<&Path>) -> Self {
        self.group_note = path.map(Path::to_path_buf);
        self
    }

    /// Where its output goes; by default it is captured.
    pub(crate) fn streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// Lets it ask something at the terminal, although its output is captured.
    pub(crate) fn keeps_terminal(mut self) -> Self {
        self.keeps_terminal = true;
        self
    }

    /// Says what it does, for people who wait.
    pub(crate) fn doing(mut self, what: impl Into<String>) -> Self {
        self.doing = Some(what.into());
        self
    }

    /// Lets git show the progress of its transfer where people wait, by an option; else this one is given, without which
    /// git lists refs.
    pub(crate) fn with_progress_or(mut self, quiet: Option<&str>) -> Self {
        if !activity::shows_activities() {
            return self.args(quiet);
        }
        self.progress = Some(quiet.map_or(progress::Said::Progress, |_| progress::Said::ProgressAndRefs));
        self.arg("--progress")
    }

    /// The command line, for messages; URLs in it lose their secrets.
    pub(crate) fn command_line(&self) -> String {
        let mut line = self.program.to_string_lossy().into_owned();
        for arg in &self.args {
            line.extend([" ", &quoted(arg)]);
        }
        redacted(&line)
    }

    /// Starts it, waits for it, and returns the result, whatever the exit code.
    ///
    /// # Errors
    /// When it cannot be started: the directory or the program is missing. [`Kind::Interrupted`] when a signal arrived;
    /// then it was ended, or not started.
    pub(crate) fn output(&self) -> Result<Output> {
        // A missing directory and a missing program give the same error, so the directory is checked first.
        if !self.dir.is_dir() {
            return Err(Error::new(Kind::Io, format!("{} is no longer a directory", self.dir.display())));
        }
        let started = Instant::now();
        let output = self.start()?;
        if self.trace {
            self.print_trace(started.elapsed(), &output);
        }
        Ok(output)
    }

    fn start(&self) -> Result<Output> {
        interrupt::check()?;
        if self.waits_for == WaitsFor::Others && self.limit.is_zero() {
            let stderr = b"no time is left for it (--timeout)".to_vec();
            return Ok(Output { timed_out: true, ..Output::silent(stderr) });
        }
        // An editor opens the terminal as /dev/tty, whatever its standard input is; in a process group of its own it
        // would be stopped by that.
        let attached = (self.streams == Streams::Ours || self.keeps_terminal) && on_terminal();
        let run = |attached| self.started(attached, hook_limit());
        let ended = if attached { interrupt::attached(|| run(true)) } else { run(false) };
        let Ended { end, hook, stdout, stderr } = ended.map_err(|error| self.not_started(&error))?;
        match end {
            WaitEnd::Itself(status) => {
                if attached && status.signal() == Some(Signal::INT.as_raw()) {
                    interrupt::child_was_interrupted();
                }
                let stderr = [stderr.as_slice(), &ended_by_signal(status)].concat();
                Ok(Output { code: status.code(), signal: status.signal(), timed_out: false, hook, stdout, stderr })
            }
            WaitEnd::TimedOut | WaitEnd::FetchTimedOut => Ok(self.timed_out(&end)),
            WaitEnd::HookTimedOut(name) => {
                let hook = FailedHook { name, timed_out: true };
                let seconds = hook_limit().as_secs_f32();
                let stderr = format!("{} did not end within {seconds} s (aitask.hookTimeout)", hook.called());
                let (hook, stderr) = (Some(hook), stderr.into_bytes());
                Ok(Output { timed_out: true, hook, ..Output::silent(stderr) })
            }
            WaitEnd::Interrupted => Err(interrupt::error()),
        }
    }

    /// Starts it and waits; with `attached` it shares the process group of this program, since it owns the terminal.
    fn started(&self, attached: bool, hook_limit: Duration) -> io::Result<Ended> {
        let is_silent = attached || self.streams != Streams::Captured;
        let activity = if is_silent { activity::give_away() } else { activity::begin(|| self.activity()) };
        let observed = activity.as_ref().filter(|_| self.progress.is_some());
        let observed = observed.map(|activity| progress::observed(activity.detail()));
        let (mut captures, mut pipes) = (Vec::new(), Vec::new());
        if self.streams == Streams::Captured {
            for observed in [None, observed] {
                let (capture, pipe) = Capture::start(observed)?;
                captures.push(capture);
                pipes.push(pipe);
            }
        }
        // This process has closed its ends of the pipes by now, so the readers see the end of the output.
        let hooks = (self.hooks == Hooks::Watched).then(HookTrace::new);
        let handle = self.spawn(attached, pipes, hooks.as_ref().and_then(HookTrace::target))?;
        let pid = handle.pids().first().and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
        if let (Some(path), Some(pid)) = (&self.group_note, pid.filter(|_| !attached)) {
            let _ = std::fs::write(path, format!("{} {pid}", std::process::id()));
        }
        let target = pid.map(if attached { SignalTarget::Alone } else { SignalTarget::Group });
        let mut clock = Clock { hook_limit, hooks, ..self.clock(pid) };
        let end = wait::wait(target, &mut clock, |time| Ok(handle.wait_timeout(time)?.map(|output| output.status)))?;
        let mut output = captures.into_iter().map(|capture| match end {
            WaitEnd::Itself(_) => capture.finish(),
            WaitEnd::TimedOut | WaitEnd::FetchTimedOut | WaitEnd::HookTimedOut(_) | WaitEnd::Interrupted => Vec::new(),
        });
        let (stdout, stderr) = (output.next().unwrap_or_default(), output.next().unwrap_or_default());
        let hook = clock.hooks.and_then(HookTrace::failed);
        // A push that its hook refused has transferred nothing: all that is there is the hook's.
        let stderr = match self.progress.filter(|_| hook.as_ref().is_none_or(|hook| hook.name != PRE_PUSH)) {
            Some(said) => progress::without(said, &stderr),
            None => stderr,
        };
        Ok(Ended { end, hook, stdout, stderr })
    }

    /// The time of this call, which begins now, in a process that runs no hooks.
    fn clock(&self, pid: Option<Pid>) -> Clock {
        let is_connected = self.waits_for == WaitsFor::Others;
        let transfer = pid.filter(|_| is_connected || self.promisor.is_some()).map(Transfer::of);
        let (limit, last, used) = (self.limit, Instant::now(), Default::default());
        Clock { limit, hook_limit: NO_LIMIT, hooks: None, shown_hook: None, transfer, is_connected, last, used }
    }

    /// The output where it was ended by a limit.
    fn timed_out(&self, end: &WaitEnd) -> Output {
        let stderr = match end {
            WaitEnd::FetchTimedOut => "no answer from the promisor remote in time (--timeout)".to_owned(),
            _ => format!("no answer within {} ms", self.limit.as_millis()),
        };
        Output { timed_out: true, ..Output::silent(stderr.into_bytes()) }
    }

    /// What it does: as it was said, else its command.
    fn activity(&self) -> String {
        self.doing.clone().unwrap_or_else(|| {
            let words = self.args.iter().take_while(|arg| !arg.to_string_lossy().starts_with('-')).take(2);
            let words: Vec<_> = std::iter::once(&self.program).chain(words).map(|it| it.to_string_lossy()).collect();
            words.join(" ")
        })
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    fn spawn(&self, attached: bool, pipes: Vec<io::PipeWriter>, trace: Option<String>) -> io::Result<duct::Handle> {
        let mut expression = duct::cmd(&self.program, &self.args).dir(&self.dir);
        let bytes = self.input.clone();
        expression = match bytes {
            Some(bytes) => expression.stdin_bytes(bytes),
            None if self.streams == Streams::Ours => expression,
            None => expression.stdin_null(),
        };
        let mut pipes = pipes.into_iter();
        expression = match (self.streams, pipes.next(), pipes.next()) {
            (Streams::ToStderr, ..) => expression.stdout_to_stderr(),
            (_, Some(stdout), Some(stderr)) => expression.stdout_file(stdout).stderr_file(stderr),
            _ => expression,
        };
        let (environment, alone) = (self.env.clone(), self.alone);
        // In duct the innermost `.env` wins; one hook that sets all variables in order makes the last value win.
        let expression = expression.unchecked().before_spawn(move |command| {
            if !attached {
                command.process_group(0);
            }
            if alone {
                command.env_clear();
            }
            command.env_remove(SHELL_FILE);
            for (name, value) in &environment {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            if let Some(target) = &trace {
                command.env(hooks::TRACE, target).env(hooks::BRIEF, "1");
            }
            Ok(())
        });
        expression.start()
    }

    /// Runs it on the terminal of this program without a time limit; returns its exit code as a shell counts it.
    pub(crate) fn run_attached(self) -> Result<u8> {
        let output = self.streams(Streams::Ours).limit(NO_LIMIT).output()?;
        let signal = || 128 + output.signal.unwrap_or(0);
        Ok(u8::try_from(output.code.unwrap_or_else(signal)).unwrap_or(u8::MAX))
    }

    /// Replaces this program by it (execve(2)): it gets the streams, and its signals and exit code are those that the
    /// caller sees. Returns only when it cannot be started.
    pub(crate) fn exec(&self) -> Error {
        let error = self.command().exec();
        self.not_started(&error)
    }

    /// Starts it and does not wait: it goes on after this program has ended, without its streams, outside of its process
    /// group.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn detach(&self) -> Result<()> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().map(drop).map_err(|error| self.not_started(&error))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).current_dir(&self.dir).env_remove(SHELL_FILE);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs it, and requires exit code 0.
    ///
    /// # Errors
    /// [`Kind::Git`] with the command, its exit code and its standard error.
    pub(crate) fn run(&self) -> Result<Output> {
        let output = self.output()?;
        if output.success() { Ok(output) } else { Err(self.failure(&output)) }
    }

    /// Prints the call in the format of `GIT_TRACE`: time of day, source, command.
    fn print_trace(&self, took: Duration, output: &Output) {
        crate::report::trace(&self.trace_line(took, &output.ending()));
    }

    fn trace_line(&self, took: Duration, ending: &str) -> String {
        let now = jiff::ZonedDateTime::now().strftime("%H:%M:%S%.6f");
        let command = sanitise(&self.command_line());
        format!("{now} git-aitask:run.rs       trace: run_command: {command} ({} ms, {ending})", took.as_millis())
    }
}

/// How a process ended, and what it wrote.
struct Ended {
    end: WaitEnd,
    hook: Option<FailedHook>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// How long a hook or a signing program may take (`aitask.hookTimeout`).
pub(crate) fn hook_limit() -> Duration {
    waiting::hook_limit().unwrap_or_else(|| if on_terminal() { NO_LIMIT } else { HOOK_LIMIT })
}

/// Whether a variable names the repository, so that no git that is called here gets it.
pub(crate) fn is_local_variable(name: &str) -> bool {
    LOCAL_VARIABLES.contains(&name)
}

/// Whether this program is used on a terminal, at which a user can be asked something, or stop what takes too long.
pub(crate) fn on_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

fn ended_by_signal(status: std::process::ExitStatus) -> Vec<u8> {
    status.signal().map_or_else(Vec::new, |signal| format!("\nended by signal {signal}").into_bytes())
}
