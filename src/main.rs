//! Which face, run, exit.

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;
use git_aitask::cli::{self, Cli, Verb};
use git_aitask::commands::{App, lock, welcome, whoami};
use git_aitask::compat;
use git_aitask::error::{Error, Kind, Result};
use git_aitask::interrupt;
use git_aitask::report::Report;
use git_aitask::settings::Environment;
use std::process::ExitCode;

fn main() -> ExitCode {
    interrupt::watch();
    let code = face();
    interrupt::end();
    code
}

fn face() -> ExitCode {
    let environment = Environment::of_process();
    if let Some(code) = script(&environment) {
        return code.into();
    }
    CompleteEnv::with_factory(cli::completed).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let report = cli.report();
    let ran = std::panic::catch_unwind(|| run(&cli, environment, report));
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

/// The drop-in face, when we are called by a script's name, or as `compat SCRIPT`: its arguments are its own.
fn script(environment: &Environment) -> Option<u8> {
    let mut args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let called = args.next()?;
    let called = called.rsplit('/').next().unwrap_or_default().to_owned();
    let mut args: Vec<_> = args.collect();
    let by_name = compat::SCRIPTS.contains(&called.as_str());
    let name = if by_name {
        called
    } else if args.first().is_some_and(|arg| arg == "compat") && args.get(1).is_some_and(|arg| !arg.starts_with('-')) {
        args.drain(..2).nth(1)?
    } else {
        return None;
    };
    let dir = std::env::current_dir().ok()?;
    let run = if by_name { compat::run_by_name } else { compat::run };
    let code = std::panic::catch_unwind(|| run(&name, &args, environment, &dir));
    Some(code.unwrap_or(Kind::Bug.exit_code()))
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

fn run(cli: &Cli, environment: Environment, report: Report) -> Result<u8> {
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
        .hint("git aitask new \"...\", to file what was found")
        .hint("leave it first (exit)"));
    }
    match dispatch(cli, &app) {
        // Nothing was asked or done before it; only what somebody would have to type again is not.
        Err(error) if error.is_worth_another_look() && !cli.may_ask() => dispatch(cli, &app),
        Err(error) if error.kind() == Kind::Denied && error.hints().is_empty() => Err(with_cure(error)),
        done => done,
    }
}

/// Task data on a protected code branch has one cure, whatever the verb.
fn with_cure(error: Error) -> Error {
    let names = error.details().get("branches").and_then(|names| names.as_array()).cloned().unwrap_or_default();
    if names.iter().filter_map(|name| name.as_str()).all(|name| name.starts_with("aitask-")) {
        return error;
    }
    error.hint("git aitask init --data-branch   # the tasks on a branch of their own, which is not protected")
}

fn dispatch(cli: &Cli, app: &App) -> Result<u8> {
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
        Some(Verb::Shim(verb)) => verb.run(app, &compat::files()),
        Some(Verb::Compat { .. }) => Err(Error::new(Kind::Usage, "compat wants the name of a script first")),
    }
    .map(|()| 0)
}
