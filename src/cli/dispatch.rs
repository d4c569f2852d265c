//! From the command line to a verb, and from its outcome to an exit code.

use crate::cli::app::App;
use crate::cli::command_line::{command, completed, named_verb, parse};
use crate::cli::{Cli, Verb, brief, finish, lock, schema, unknown_verb, usage, welcome, whoami};
use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::report::{self, Report, activity};
use crate::settings::Environment;
use clap::error::ErrorKind;
use clap_complete::CompleteEnv;
use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs the verb of the process's arguments. `scripts` are the names that `git aitask shim` gives to the program.
pub(crate) fn run(environment: Environment, scripts: &[&str]) -> ExitCode {
    CompleteEnv::with_factory(completed).complete();
    let args: Vec<_> = std::env::args_os().collect();
    let cli = match parse(&args) {
        Ok(cli) if cli.asks_for_schema() => return show_schema(&args).into(),
        Ok(cli) => cli,
        Err(error) if asks_for_schema(&args) && lacks_arguments(&error) => return show_schema(&args).into(),
        Err(error) => return refuse(Report::by_arguments(args.iter().cloned()), &args, &error).into(),
    };
    let report = cli.report(&environment);
    // The variable asks for the calls as they come, as GIT_TRACE does.
    if report.json && cli.is_verbose() && environment.text("GIT_AITASK_TRACE").is_none() {
        report::trace_in_document();
    }
    if !report.json && !report.quiet {
        activity::show_activities(environment.text("TERM"));
    }
    match run_verb(&cli, environment, report, scripts) {
        Ok(code) => code.into(),
        Err(error) => {
            let error = if report.json { usage::whole(&args, error) } else { error };
            report.error(&error);
            error.kind().exit_code().into()
        }
    }
}

fn asks_for_schema(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--schema")
}

/// Whether arguments are missing, which nobody has to name for a schema.
fn lacks_arguments(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
}

/// Prints the schema of the document of a verb.
fn show_schema(args: &[OsString]) -> u8 {
    let report = Report::by_arguments(args.iter().cloned());
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let verb = named_verb(&args);
    let shown = match schema::of(&verb) {
        Some(schema) => report::show_schema(&schema),
        None => Err(Error::new(Kind::Usage, format!("git aitask {} has no JSON document", verb.join(" ")))
            .hint(usage::help_of(&verb))),
    };
    let Err(error) = shown else { return 0 };
    report.error(&error);
    error.kind().exit_code()
}

/// Prints the long help of a verb, as `git aitask VERB --help` does.
fn help(report: Report, verb: &[String]) -> u8 {
    let words = ["git-aitask"].into_iter().chain(verb.iter().map(String::as_str)).chain(["--help"]);
    let args: Vec<_> = words.map(OsString::from).collect();
    let Err(error) = parse(&args) else {
        let error = Error::new(Kind::Usage, format!("`{}` is no verb", verb.join(" "))).hint("git aitask -h");
        report.error(&error);
        return Kind::Usage.exit_code();
    };
    refuse(report, &args, &error)
}

/// Help and version go to standard output; any other error is a usage error, as JSON where the arguments ask for it.
fn refuse(report: Report, args: &[OsString], error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let _ = error.print();
        return 0;
    }
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if report.json {
        report.error(&usage::error(&args, error));
    } else if let Some(error) = unknown_verb::error(&args, error) {
        report.error(&error);
    } else {
        let _ = error.print();
    }
    Kind::Usage.exit_code()
}

fn run_verb(cli: &Cli, environment: Environment, report: Report, scripts: &[&str]) -> Result<u8> {
    let is_hook = matches!(cli.verb(), Some(Verb::Hook(_)));
    let here = match std::env::current_dir() {
        // An agent may stand in the worktree of a task that it has finished, and a hook is never an error.
        Err(_) if is_hook => PathBuf::from("/"),
        here => here.map_err(|_| {
            let message = "the current directory no longer exists; finish and drop remove the worktree of a task";
            Error::new(Kind::Io, message).hint("cd ../..")
        })?,
    };
    let dir = here.join(cli.dir());
    let environment = if cli.is_verbose() { environment.with("GIT_AITASK_TRACE", "1") } else { environment };
    let app = App {
        environment,
        dir,
        shell: here,
        flags: cli.flags(),
        report,
        may_page: cli.may_page(),
        progress: cli.progress(),
        publishes: Cell::default(),
        lacks_checkout: Cell::default(),
        input: OnceCell::new(),
    };
    if cli.is_work() && app.is_exploring() {
        return Err(Error::new(
            Kind::Usage,
            "this is an explore worktree, which is for reading: `git aitask explore` discards all changes",
        )
        .hint(command!["exit"].note("leaves the explore worktree"))
        .hint(command!["git aitask new <title>"].note("creates a task; this works here")));
    }
    let done = run_on(cli, &app, scripts);
    if let (Err(error), Some(Verb::Finish(_))) = (&done, cli.verb()) {
        finish::summarise_refusal(&app, error);
    }
    if done.is_ok() && app.publishes.get() {
        app.publish_branch();
    }
    if done.is_ok() && app.lacks_checkout.get() && cli.changes_tasks() {
        app.check_out_tasks();
    }
    done
}

fn run_on(cli: &Cli, app: &App, scripts: &[&str]) -> Result<u8> {
    match dispatch(cli, app, scripts) {
        // Such an error comes before any effect, so that the verb can run again; a text from an editor would be lost.
        Err(error) if error.is_retryable() && !cli.may_open_editor() => dispatch(cli, app, scripts),
        Err(error) if error.kind() == Kind::Denied && error.hints().is_empty() => Err(with_remedy(error)),
        done => done,
    }
}

/// Adds what helps where the server refused a push, whatever the verb: the one remedy for task data on a protected code
/// branch, what works all the same, and who can change it.
fn with_remedy(error: Error) -> Error {
    if !error.payloads().iter().any(|payload| matches!(payload, Payload::Refused { .. })) {
        return error;
    }
    let apart = || {
        command!["git aitask init --data-branch"]
            .note("moves the task data to a branch of its own, which is not protected")
    };
    let error = if error.is_denied_for_code() { error.hint(apart()) } else { error };
    error
        .hint(Hint::from("git aitask list").note("reading needs no leave to push"))
        .advice("mend what the server names and give the same command again, or ask who runs it for leave to push")
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
        Some(Verb::Drop(verb)) => return verb.run(app),
        Some(Verb::Finish(verb)) => return verb.run(app),
        Some(Verb::Archive(verb)) => verb.run(app),
        Some(Verb::Reopen(verb)) => verb.run(app),
        Some(Verb::Lock(verb)) => verb.run(app),
        Some(Verb::Unlock(verb)) => verb.run(app),
        Some(Verb::Locks(_)) => lock::LocksArgs::run(app),
        Some(Verb::Worktree(verb)) => verb.run(app),
        Some(Verb::Sync(verb)) => verb.run(app),
        Some(Verb::Status(verb)) => verb.run(app),
        Some(Verb::Check(verb)) => return verb.run(app),
        Some(Verb::Doctor(verb)) => return verb.run(app),
        Some(Verb::Explore(verb)) => return verb.run(app),
        Some(Verb::Whoami(_)) => whoami::WhoamiArgs::run(app),
        Some(Verb::Brief(_)) => brief::BriefArgs::run(app),
        Some(Verb::Demo(verb)) => verb.run(app),
        Some(Verb::Setup(verb)) => verb.run(app, command()),
        Some(Verb::Agents(verb)) => verb.run(app),
        Some(Verb::Hook(verb)) => return Ok(verb.run(app)),
        Some(Verb::Shim(verb)) => verb.run(app, scripts),
        Some(Verb::Compat { .. }) => {
            Err(Error::new(Kind::Usage, "the name of the script must come right after compat")
                .hint("git aitask compat -h"))
        }
        Some(Verb::Help { verb }) => return Ok(help(app.report, verb)),
    }
    .map(|()| 0)
}
