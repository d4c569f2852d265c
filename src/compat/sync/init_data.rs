//! `aitask_init_data.sh`: attaches the data branch in a fresh clone. It asks nothing, so it also runs without a
//! terminal.

use crate::compat::invocation::Invocation;
use crate::data_branch::attach::{Attached, attach};

const HELP: &str = "\
Usage: aitask_init_data.sh

Adds the worktree .aitask-data of the branch aitask-data in a fresh clone, and the links to it.
Prints INITIALIZED, ALREADY_INIT, LEGACY_MODE or NO_DATA_BRANCH.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        HELP.lines().for_each(|line| invocation.console.line(line));
        return 0;
    }
    let mut notice = |line: &str| invocation.console.stderr_info(line);
    let attached = match invocation.open() {
        Ok(Some(context)) => attach(&context, &mut notice),
        Ok(None) => Ok(Attached::NoBranch),
        Err(error) => Err(error),
    };
    match attached {
        Ok(attached) => {
            invocation.console.line(match attached {
                Attached::Already => "ALREADY_INIT",
                Attached::Legacy => "LEGACY_MODE",
                Attached::Made => "INITIALIZED",
                Attached::NoBranch => "NO_DATA_BRANCH",
            });
            0
        }
        Err(error) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}
