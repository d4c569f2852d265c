//! `git aitask hook`.

use crate::agents::payload::Payload;
use crate::cli::agents::day;
use crate::cli::app::App;
use crate::cli::brief;
use crate::error::{Kind, Result};
use crate::interrupt;
use crate::ops::{brief::brief, hook};
use crate::report::{self, Report};
use crate::settings::Effect;
use anstream::ColorChoice;
use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Answer an event of a coding agent
///
/// Agent programs call it, once `git aitask agents install --hooks` has told them to; the facts of the event come on
/// standard input. At the start of a session it prints the brief; with aitask.guardWrites it refuses to write outside the
/// worktree of the task that the session holds; at the end it says what is still held, and with aitask.releaseUnused it
/// gives back tasks in which nothing was done. Exit code 2 with a reason is a refusal; whatever else happens, it is silent.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git aitask hook session-start --from claude </dev/null")]
pub(crate) struct HookArgs {
    /// session-start, pre-tool-use, stop, session-end, worktree-create or worktree-remove
    event: Option<String>,
    /// The program that calls: claude or codex
    #[arg(long, value_name = "PROGRAM")]
    from: Option<String>,
    // A program that was set up by another version must not take a usage error (exit code 2) for a refusal.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    more: Vec<String>,
}

/// The program that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Claude,
    Codex,
}

impl Caller {
    /// The variable in which commands of the program find the name of their session.
    fn variable(self) -> &'static str {
        match self {
            Self::Claude => "CLAUDE_CODE_SESSION_ID",
            Self::Codex => "CODEX_THREAD_ID",
        }
    }
}

/// How much of standard input is read: a tool may write a large file, and its content is a part of the event.
const LARGEST: usize = 32 << 20;

/// The exit code that all programs take for a refusal.
const REFUSED: u8 = 2;

impl HookArgs {
    /// Runs the verb; returns the exit code.
    pub(crate) fn run(&self, app: &App) -> u8 {
        let payload = Payload::parse(&input());
        let event = self.event.as_deref().unwrap_or_default();
        // Where it cannot be told what is so, nothing is said: a hook that fails would stop the agent, or alarm its user.
        match self.answer(event, app, &payload) {
            Ok(Some(reason)) => {
                report::reason(&reason);
                REFUSED
            }
            // The program takes this for a failure only where it was to make a worktree.
            Err(error) if event == "worktree-create" && error.kind() != Kind::NotARepository => {
                report::reason(&error.to_string());
                REFUSED
            }
            Ok(None) | Err(_) => 0,
        }
    }

    /// Answers the event; a reason is a refusal.
    fn answer(&self, event: &str, app: &App, payload: &Payload) -> Result<Option<String>> {
        let caller = if self.from.as_deref() == Some("codex") { Caller::Codex } else { Caller::Claude };
        let variable = payload.session.as_deref().map(|session| (caller.variable(), session));
        // An app of its own: after a hook no branch is published, whatever the settings say of verbs.
        let app = App {
            environment: variable.iter().fold(app.environment.clone(), |it, (name, value)| it.with(name, value)),
            dir: payload.dir.clone().filter(|dir| dir.is_dir()).unwrap_or_else(|| app.dir.clone()),
            report: Report { json: false, quiet: false, color: ColorChoice::Never, behind_pager: None },
            ..app.silent()
        };
        match event {
            "session-start" => {
                let context = app.open(Effect::DryRun)?;
                let outcome = brief(&context, day())?;
                if outcome.initialised {
                    app.report.answer(&outcome, || brief::page(&outcome))?;
                }
            }
            "pre-tool-use" if !payload.written.is_empty() => {
                let context = app.open(Effect::DryRun)?;
                if context.settings.hooks.guard_writes {
                    return hook::refusal(&context, payload);
                }
            }
            // An agent that was kept from stopping once is not kept again.
            "stop" if !payload.is_kept_going && caller == Caller::Claude => {
                let held = hook::held(&app.open(Effect::DryRun)?)?;
                if !held.is_empty() {
                    let tasks: Vec<_> = held.iter().map(|task| task.prefixed()).collect();
                    report::message(&format!("this session still holds {}: finish or drop", tasks.join(", ")));
                }
            }
            "session-end" => {
                let context = app.open(Effect::DryRun)?;
                // After these the session goes on, under this name or another.
                let goes_on = matches!(payload.reason.as_deref(), Some("clear" | "resume" | "compact"));
                if let (true, false, Some(variable)) = (context.settings.hooks.release_unused, goes_on, variable) {
                    hook::give_back(&context, variable)?;
                }
            }
            "worktree-create" => {
                if let Some(name) = &payload.name {
                    let context = app.open(Effect::Real)?;
                    report::path_alone(&hook::create_worktree(&context, name)?);
                }
            }
            "worktree-remove" => {
                if let Some(path) = &payload.worktree {
                    let context = app.open(Effect::Real)?;
                    hook::remove_worktree(&context, path)?;
                }
            }
            _ => {}
        }
        Ok(None)
    }
}

/// How long the next part of what a program sends is waited for. One that keeps the pipe open has sent all that it sends.
const PATIENCE: Duration = Duration::from_secs(2);

/// What comes on standard input; all of it is taken, so that the program does not fail to write it. What is too large
/// tells nothing.
fn input() -> Vec<u8> {
    let stdin = std::io::stdin();
    let (mut bytes, mut part) = (Vec::new(), vec![0; 1 << 16]);
    if stdin.is_terminal() {
        return bytes;
    }
    interrupt::waiting_for_input(|| {
        let mut until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let time = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&time)) {
                Ok(0) => return,
                Err(Errno::INTR) => continue,
                Ok(_) | Err(_) => {}
            }
            match rustix::io::read(&stdin, &mut part) {
                Ok(0) => return,
                Ok(count) if bytes.len() <= LARGEST => {
                    bytes.extend_from_slice(part.get(..count).unwrap_or_default());
                    until = Instant::now() + PATIENCE;
                }
                Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return,
            }
            // An endless stream ends here, too.
            if left.is_zero() {
                return;
            }
        }
    });
    if bytes.len() <= LARGEST { bytes } else { Vec::new() }
}
