//! The errors of commands that could not reach a remote.

use crate::error::{Error, Kind, Payload};
use crate::git::porcelain::failure::{self, GitFailure};
use crate::git::run::{Call, Output};

/// The error of a command that only reads from a remote, given by name or address.
pub(super) fn connection_error(remote: &str, call: &Call, output: &Output) -> Error {
    let failure = failure::of_question(output.code, &output.stderr_text());
    contact_error(remote, call, output, failure)
}

/// The error of a command that failed while it was connected to a remote, given by name or address.
pub(super) fn contact_error(remote: &str, call: &Call, output: &Output, failure: GitFailure) -> Error {
    let stderr = output.stderr_text();
    let said = failure::said(failure, &stderr);
    let error = match failure {
        GitFailure::OldGit => return call.failure(output),
        GitFailure::Authentication => {
            let message = format!("authentication failed for the remote {remote}: {said}");
            Error::new(Kind::Authentication, message).hint(command!["git fetch", remote])
        }
        GitFailure::Denied => Error::new(Kind::Denied, format!("the server of {remote} refused: {said}"))
            .hint(command!["git remote get-url --push", remote].note("check that you may push there")),
        _ => Error::new(Kind::Unreachable, format!("the remote {remote} cannot be reached: {said}"))
            .hint(command!["git ls-remote", remote])
            .advice("run the same command again later"),
    };
    error.with(Payload::Said { stderr })
}
