//! `aitask_remote_drift_check.sh`: tells an agent before it starts whether the base has new commits on the remote, and
//! whether these change a file that its plan names.

use crate::compat::invocation::Invocation;
use crate::compat::sync::drift::{Drift, compare, named_in};
use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use crate::project::data_state;
use std::time::Duration;

const HELP: &str = "\
Usage: aitask_remote_drift_check.sh [--debug] [--timeout <sec>] [--unsynced] <base-branch> <plan-file>

Shows whether <base-branch> has new commits on origin, and which files named in the plan they change.";

struct DriftArguments {
    branch: String,
    plan: String,
    timeout: Duration,
    unsynced: bool,
    debug: bool,
}

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let request = match parse(args) {
        Ok(Some(request)) => request,
        Ok(None) => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            return 0;
        }
        Err(error) => {
            invocation.console.error(&format!("{error}. Use --help for usage."));
            return 1;
        }
    };
    let (files, line) = match check(invocation, &request) {
        Drift::NoLocalBranch => (None, "LOCAL_BRANCH_MISSING".to_owned()),
        Drift::NoRemote => (None, "NO_REMOTE".to_owned()),
        Drift::FetchFailed => (None, "FETCH_FAILED".to_owned()),
        Drift::UpToDate => (None, "UP_TO_DATE".to_owned()),
        Drift::Ahead(0, _) => (None, "LEGACY_MODE_SKIP".to_owned()),
        Drift::Ahead(commits, files) => (Some(files), format!("AHEAD:{commits}")),
    };
    invocation.console.line(&line);
    if let Some(files) = files {
        let plan = read_own(&invocation.file(&request.plan)).unwrap_or_default();
        let named = named_in(&String::from_utf8_lossy(&plan), &files);
        if invocation.debug || request.debug {
            (invocation.notice)(&format!("[debug] {} files changed, {} named in the plan", files.len(), named.len()));
        }
        for file in &named {
            invocation.console.line(&format!("OVERLAP:{file}"));
        }
        if named.is_empty() {
            invocation.console.line("NO_OVERLAP");
        }
    }
    0
}

/// Compares the branch. `Ahead` with no commits means that the check is skipped: the scripts do so in a project
/// without a data branch, unless `--unsynced` is given.
fn check(invocation: &Invocation, request: &DriftArguments) -> Drift {
    let Ok(Some(context)) = invocation.open() else {
        return if request.unsynced { Drift::NoLocalBranch } else { Drift::Ahead(0, Vec::new()) };
    };
    if !request.unsynced && data_state::data_worktree(&context).is_none() {
        return Drift::Ahead(0, Vec::new());
    }
    if invocation.debug || request.debug {
        let seconds = request.timeout.as_secs();
        (invocation.notice)(&format!("[debug] fetching origin/{} (timeout {seconds}s)", request.branch));
    }
    compare(&context, &request.branch, request.timeout).unwrap_or(Drift::FetchFailed)
}

fn parse(args: &[String]) -> Result<Option<DriftArguments>> {
    let usage = |text: String| Err(Error::new(Kind::Usage, text));
    // The script's default: the agent waits for the answer, and goes on without it.
    let (mut positional, mut timeout) = (Vec::new(), Duration::from_secs(10));
    let (mut unsynced, mut debug) = (false, false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--debug" => debug = true,
            "--unsynced" => unsynced = true,
            "--timeout" => {
                let seconds = args.next().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
                match seconds {
                    Some(seconds) => timeout = Duration::from_secs(seconds),
                    None => return usage("--timeout requires a number of seconds".to_owned()),
                }
            }
            option if option.starts_with('-') => return usage(format!("Unknown option: {option}")),
            _ if positional.len() == 2 => return usage(format!("Unexpected positional arg: {arg}")),
            _ => positional.push(arg.clone()),
        }
    }
    // An empty argument is a variable of the caller that was not set.
    let mut positional = positional.into_iter().map(|text| Some(text).filter(|text| !text.is_empty()));
    let (branch, plan) = (positional.next().flatten(), positional.next().flatten());
    let Some(branch) = branch else { return usage("<base-branch> is required".to_owned()) };
    let Some(plan) = plan else { return usage("<plan-file> is required".to_owned()) };
    Ok(Some(DriftArguments { branch, plan, timeout, unsynced, debug }))
}
