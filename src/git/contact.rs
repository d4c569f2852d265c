//! The errors of commands that could not reach a remote.

use crate::error::{Error, Kind, Payload};
use crate::git::porcelain::damage::{damage, not_owned};
use crate::git::porcelain::failure::{self, GitFailure};
use crate::git::run::{Call, Output};

/// The error of a command that only reads from a remote, given by name or address.
pub(super) fn connection_error(remote: &str, call: &Call, output: &Output) -> Error {
    let stderr = output.stderr_text();
    let broken = damage(call.directory(), &stderr);
    broken.unwrap_or_else(|| contact_error(remote, call, output, failure::of_question(output.code, &stderr)))
}

/// The error of a command that failed while it was connected to a remote, given by name or address.
pub(super) fn contact_error(remote: &str, call: &Call, output: &Output, failure: GitFailure) -> Error {
    let stderr = output.stderr_text();
    if let Some(error) = not_owned(&stderr) {
        return error;
    }
    let said = failure::said(failure, &stderr);
    let error = match failure {
        GitFailure::OldGit => return call.failure(output),
        GitFailure::Authentication => {
            let message = format!("authentication failed for the remote {remote}: {said}");
            Error::new(Kind::Authentication, message).hint(command!["git fetch", remote])
        }
        GitFailure::Address => {
            Error::new(Kind::Damaged, format!("the address of the remote {remote} leads nowhere: {}", nowhere(&stderr)))
                .hint(command!["git remote set-url", remote, "URL"])
        }
        GitFailure::Denied => Error::new(Kind::Denied, format!("the server of {remote} refused: {said}"))
            .hint(command!["git remote get-url --push", remote].note("check that you may push there")),
        _ => Error::new(Kind::Unreachable, format!("the remote {remote} cannot be reached: {said}"))
            .hint(command!["git ls-remote", remote])
            .advice("run the same command again later"),
    };
    error.with(Payload::Said { stderr })
}

/// The error of a push to a server that can be read and takes no push.
pub(super) fn refused_error(remote: &str, failure: GitFailure, stderr: &str) -> Error {
    let said = failure::said(failure, stderr);
    let error = Error::new(Kind::Denied, format!("the server of {remote} can be read and refuses the push: {said}"))
        .hint(command!["git remote get-url --push", remote].note("check that you may push there"))
        .with(Payload::Said { stderr: stderr.to_owned() });
    if failure != GitFailure::Authentication {
        return error;
    }
    let again = command!["git push --dry-run", remote, "HEAD:refs/heads/aitask-ids"];
    error.hint(again.note("in a terminal asks for other credentials"))
}

/// The line of git that says what is wrong with an address.
fn nowhere(stderr: &str) -> &str {
    stderr.lines().find(|line| line.starts_with("git: ") || line.starts_with("fatal: ")).unwrap_or(stderr)
}
