//! git-aitask: tasks are files, coordination is git refs, and every verb is one atomic push.

// First, since its macro `command!` is known from here on.
#[macro_use]
mod error;

mod archive;
mod cli;
mod compat;
mod coordination;
mod data_branch;
mod demo;
mod files;
mod git;
mod interrupt;
mod landing;
mod ledger;
mod ops;
mod project;
mod report;
mod settings;
mod sync;
mod task;
mod worktrees;

use error::Kind;
use settings::Environment;
use std::process::ExitCode;

/// Runs the program with the arguments and the environment of this process; gives its exit code. The name it was called by
/// or its first argument decides which face answers.
#[must_use]
pub fn run() -> ExitCode {
    interrupt::watch();
    let environment = Environment::of_process();
    let code = script(&environment).map_or_else(|| cli::run(environment, &compat::files()), ExitCode::from);
    interrupt::end();
    code
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
