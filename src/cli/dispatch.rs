//! From the command line to a verb, and from its outcome to an exit code.

use crate::cli::app::App;
use crate::cli::{Cli, Verb, completed, lock, welcome, whoami};
use crate::error::{Error, Kind, Result};
use crate::report::Report;
use crate::settings::Environment;
use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;
use std::process::ExitCode;

/// Runs the verb of the process's arguments. `scripts` are the names that `git aitask shim` gives to the program.
pub(crate) fn run(environment: Environment, scripts: &[&str]) -> ExitCode {
    CompleteEnv::with_factory(completed).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let report = cli.report();
    let ran = std::panic::catch_unwind(|| run_verb(&cli, environment, report, scripts));
    let outcome =
        ran.unwrap_or_else(|_| Err(Error::new(Kind::Bug, "git aitask has a bug; nothing was half published")));
    match outcome {
        Ok(code) => code.into(),
        Err(error) => {
            report.error(&error);
            error.kind().exit_code().into()
        }
    }
}

/// Help and version are answers; anything else is a usage error, as JSON where that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if !error.use_stderr() || !json {
        let _ = error.print();
        return if error.use_stderr() { Kind::Usage.exit_code().into() } else { ExitCode::SUCCESS };
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let report = Report { json, quiet: false, color: anstream::ColorChoice::Never };
    report.error(&Error::new(Kind::Usage, message).hint("git aitask -h"));
    Kind::Usage.exit_code().into()
}

fn run_verb(cli: &Cli, environment: Environment, report: Report, scripts: &[&str]) -> Result<u8> {
    let here = std::env::current_dir().map_err(|_| {
        Error::new(Kind::Io, "the folder you are in is gone, as a worktree is after finish or drop").hint("cd ../..")
    })?;
    let dir = here.join(cli.dir());
    let environment = if cli.is_verbose() { environment.with("GIT_AITASK_TRACE", "1") } else { environment };
    let app = App { environment, dir, flags: cli.flags(), report, narrate: cli.narrate() };
    if cli.is_work() && app.is_exploring() {
        return Err(Error::new(
            Kind::Usage,
            "this is a place for reading (git aitask explore); nothing is taken or changed here",
        )
        .advice("git aitask new \"...\", to file what was found")
        .advice("leave it first (exit)"));
    }
    match dispatch(cli, &app, scripts) {
        // Nothing was asked or done before it; only what somebody would have to type again is not.
        Err(error) if error.is_retryable() && !cli.may_ask() => dispatch(cli, &app, scripts),
        Err(error) if error.kind() == Kind::Denied && error.hints().is_empty() => Err(with_cure(error)),
        done => done,
    }
}

/// Task data on a protected code branch has one cure, whatever the verb.
fn with_cure(error: Error) -> Error {
    if !error.is_denied_for_code() {
        return error;
    }
    error.hint(
        command!["git aitask init --data-branch"].note("the tasks on a branch of their own, which is not protected"),
    )
}

fn dispatch(cli: &Cli, app: &App, scripts: &[&str]) -> Result<u8> {
    match cli.verb() {
        None => welcome::run(app),
        Some(Verb::Init(verb)) => verb.run(app),
        Some(Verb::New(verb)) => verb.run(app),
        Some(Verb::List(verb)) => verb.run(app),
        Some(Verb::Show(verb)) => verb.run(app),
        Some(Verb::Edit(verb)) => verb.run(app),
        Some(Verb::Log(verb)) => verb.run(app),
        Some(Verb::Pick(verb)) => verb.run(app),
        Some(Verb::Drop(verb)) => verb.run(app),
        Some(Verb::Finish(verb)) => verb.run(app),
        Some(Verb::Archive(verb)) => verb.run(app),
        Some(Verb::Lock(verb)) => verb.run(app),
        Some(Verb::Unlock(verb)) => verb.run(app),
        Some(Verb::Locks(_)) => lock::Locks::run(app),
        Some(Verb::Worktree(verb)) => verb.run(app),
        Some(Verb::Sync(verb)) => verb.run(app),
        Some(Verb::Status(verb)) => verb.run(app),
        Some(Verb::Explore(verb)) => return verb.run(app),
        Some(Verb::Whoami(_)) => whoami::Whoami::run(app),
        Some(Verb::Demo(verb)) => verb.run(app),
        Some(Verb::Setup(verb)) => verb.run(app, &Cli::command()),
        Some(Verb::Shim(verb)) => verb.run(app, scripts),
        Some(Verb::Compat { .. }) => Err(Error::new(Kind::Usage, "compat wants the name of a script first")),
    }
    .map(|()| 0)
}
