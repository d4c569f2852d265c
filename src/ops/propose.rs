//! Pushing a task branch and opening its pull request, by the program of the forge where there is one.
//!
//! The branch is pushed first. When the program fails, the same command again pushes nothing and only asks the program
//! once more; where the pull request is open already, the program says its address.

use crate::error::{Error, Kind, Result, sanitise};
use crate::git::address::Address;
use crate::git::remote;
use crate::git::run::Call;
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

/// The outcome: the branch was pushed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Proposed {
    /// The push.
    #[serde(flatten)]
    pub(crate) finished: Finished,
    /// The pull request; absent where no program of the forge is on `PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pull_request: Option<OpenedRequest>,
}

/// A program that opens pull requests, and the part of a host's name by which its forge is known.
const PROGRAMS: [(&str, &str, &str); 2] = [("gh", "github", "GH_HOST"), ("glab", "gitlab", "GITLAB_HOST")];

/// Pushes the branch of a task and opens its pull request.
///
/// # Errors
/// Those of a finish; [`Kind::Denied`] with the words of the program where it opened none.
pub(crate) fn propose(context: &Context, wanted: &Wanted, options: &FinishOptions) -> Result<Proposed> {
    let mut finished = finish(context, wanted, &FinishOptions { no_push: true, ..options.clone() })?;
    let program = program(context).filter(|_| !context.dry_run && finished.pushed.is_some());
    let pull_request = program.map(|by| open(context, by, &finished, options)).transpose()?;
    if pull_request.is_none() && finished.pushed.is_some() {
        let note = "no pull request was opened: neither gh nor glab is here for this remote";
        finished.aside.notes.push(note.to_owned());
    }
    Ok(Proposed { finished, pull_request })
}

fn program(context: &Context) -> Option<&'static str> {
    let environment = context.repository.git().environment();
    let url = remote::url(&context.repository, context.channel.remote()?)?;
    let address = Address::parse(url);
    let host = address.host()?;
    let is_its_forge = |word: &str, variable: &str| host.contains(word) || environment.text(variable) == Some(host);
    let found = PROGRAMS.into_iter().find(|(_, word, variable)| is_its_forge(word, variable))?;
    which::which_in(found.0, environment.text("PATH"), &context.repository.root).ok().map(|_| found.0)
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
    let why = sanitise(said.trim());
    Err(Error::new(Kind::Denied, format!("{branch} was pushed, but {by} opened no pull request: {why}"))
        .hint(command!["git aitask finish", task.id, "--pr"].note("asks it again")))
}
