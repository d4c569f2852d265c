//! Pushing a task branch and opening its pull request, by the program of the forge where there is one.
//!
//! The branch is pushed first. When the program fails, or there is none, that is an error: what was asked for, a pull
//! request, is not there, and a job that only looks at the exit code must notice. The same command again pushes nothing
//! and only asks the program once more; where the pull request is open already, the program says its address.

use crate::error::{Error, Hint, Kind, Payload, Result, sanitise};
use crate::git::address::Address;
use crate::git::remote;
use crate::git::run::Call;
use crate::ledger::Channel;
use crate::ops::finish::{FinishOptions, Finished, finish};
use crate::project::context::{Context, Wanted};
use serde::Serialize;
use std::time::Duration;

/// The time limit of the program: it makes a few requests to the forge.
const LIMIT: Duration = Duration::from_secs(60);

/// A pull request that was opened.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OpenedRequest {
    /// The program that opened it.
    pub(crate) by: &'static str,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

/// The outcome: the branch was pushed, and its pull request is open.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Proposed {
    /// The push.
    #[serde(flatten)]
    pub(crate) finished: Finished,
    /// The pull request; absent where nothing was pushed: the task is over, or this is a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pull_request: Option<OpenedRequest>,
}

/// A program that opens pull requests, and the part of a host's name by which its forge is known.
const PROGRAMS: [(&str, &str, &str); 2] = [("gh", "github", "GH_HOST"), ("glab", "gitlab", "GITLAB_HOST")];

/// Pushes the branch of a task and opens its pull request.
///
/// # Errors
/// Those of a finish. Where the branch was pushed and no pull request was opened, so that what was asked for has not
/// happened: [`Kind::Denied`] with the words of the program, and [`Kind::NotMerged`] where there is no program to ask.
/// [`Kind::Usage`] without a remote.
pub(crate) fn propose(context: &Context, wanted: &Wanted, options: &FinishOptions) -> Result<Proposed> {
    if context.channel == Channel::Local {
        let message = "this repository has no remote where a pull request could be opened; nothing was changed";
        return Err(
            Error::new(Kind::Usage, message).hint(command!["git aitask finish", wanted.id].note("merges it here"))
        );
    }
    let mut finished = finish(context, wanted, &FinishOptions { no_push: true, ..options.clone() })?;
    if finished.pushed.is_none() {
        return Ok(Proposed { finished, pull_request: None });
    }
    let pull_request = match program(context) {
        Ok(by) if context.dry_run => {
            finished.aside.would_run(by.join(" "));
            None
        }
        Err(why) if context.dry_run => {
            finished.aside.notes.push(format!("no pull request would be opened: {why}"));
            None
        }
        Ok([by, ..]) => Some(open(context, by, &finished, options)?),
        Err(why) => {
            let error = not_opened(Kind::NotMerged, &finished, &why.to_string());
            let by_hand = finished.addresses.iter().map(|address| Hint::advice(format!("open it at {address}")));
            let error = by_hand.fold(error, Error::hint);
            let error = error.hint(command!["git aitask finish", finished.task.id].note("once it is open and merged"));
            return Err(match why {
                NoProgram::NoForge => error,
                NoProgram::Missing(_) => error.hint(asks_again(&finished)),
            });
        }
    };
    Ok(Proposed { finished, pull_request })
}

/// Why no program opens a pull request.
enum NoProgram {
    /// The server is of no forge that has one.
    NoForge,
    /// It is not here.
    Missing(&'static str),
}

impl std::fmt::Display for NoProgram {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoForge => formatter
                .write_str("its server is neither GitHub nor GitLab, as far as its name, GH_HOST and GITLAB_HOST tell"),
            Self::Missing(program) => write!(formatter, "{program} is not on PATH"),
        }
    }
}

/// The first words of the program that opens pull requests on the server of the remote; else why there is none.
fn program(context: &Context) -> std::result::Result<[&'static str; 3], NoProgram> {
    let environment = context.repository.git().environment();
    let url = context.channel.remote().and_then(|remote| remote::url(&context.repository, remote));
    let address = url.map(Address::parse);
    let host = address.as_ref().and_then(Address::host);
    let is_its_forge =
        |host: &str, word: &str, variable: &str| host.contains(word) || environment.text(variable) == Some(host);
    let of_host = |host| PROGRAMS.into_iter().find(|(_, word, variable)| is_its_forge(host, word, variable));
    let (by, ..) = host.and_then(of_host).ok_or(NoProgram::NoForge)?;
    which::which_in(by, environment.text("PATH"), &context.repository.root)
        .map(|_| if by == "gh" { [by, "pr", "create"] } else { [by, "mr", "create"] })
        .map_err(|_| NoProgram::Missing(by))
}

/// The error where a branch was pushed for a pull request that is not open.
fn not_opened(kind: Kind, finished: &Finished, why: &str) -> Error {
    let branch = finished.pushed.as_ref().map(ToString::to_string).unwrap_or_default();
    let addresses = finished.addresses.clone();
    Error::new(kind, format!("{branch} was pushed, but no pull request was opened: {why}"))
        .with(Payload::Pushed { pushed: branch, addresses })
}

fn asks_again(finished: &Finished) -> Hint {
    command!["git aitask finish", finished.task.id, "--pr"].note("pushes nothing again, and asks once more")
}

fn open(context: &Context, by: &'static str, finished: &Finished, options: &FinishOptions) -> Result<OpenedRequest> {
    let task = &finished.task;
    let title = sanitise(&format!("{} ({})", task.title, task.id.prefixed()));
    let body = options.message.clone().unwrap_or_default();
    let branch = finished.pushed.as_ref().map(ToString::to_string).unwrap_or_default();
    let into = finished.into.to_string();
    let call = Call::program(context.repository.git().environment(), by, &context.repository.root);
    let call = call.waits_for_others(LIMIT);
    let call = if by == "gh" {
        call.args(["pr", "create", "--head", &branch, "--base", &into, "--title", &title, "--body", &body])
    } else {
        let call = call.args(["mr", "create", "--yes", "--source-branch", &branch, "--target-branch", &into]);
        call.args(["--title", &title, "--description", &body])
    };
    let output = call.env("GH_PROMPT_DISABLED", "1").env("NO_PROMPT", "1").output()?;
    let said = format!("{}\n{}", output.text(), output.stderr_text());
    let address = said.split_whitespace().find(|word| word.starts_with("https://")).map(sanitise);
    if output.success() || (said.contains("already exists") && address.is_some()) {
        return Ok(OpenedRequest { by, address });
    }
    let why = format!("{by} says: {}", sanitise(said.trim()));
    Err(not_opened(Kind::Denied, finished, &why).hint(asks_again(finished)))
}
