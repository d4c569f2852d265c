//! The errors of commands that could not reach a remote.

use crate::error::{Error, Kind, Payload};
use crate::git::porcelain::damage::{damage, not_owned};
use crate::git::porcelain::failure::{self, GitFailure};
use std::path::Path;

/// The error of a command that only reads from a remote, given by name or address, and that ran in `dir`; `None` where this
/// git does not know the command.
pub(super) fn connection_error(remote: &str, dir: &Path, code: Option<i32>, stderr: &str) -> Option<Error> {
    damage(dir, stderr).or_else(|| contact_error(remote, failure::of_question(code, stderr), stderr))
}

/// The error of a git that reads a partial clone and could not fetch from `remote` what that lacks, if this is what it says.
pub(super) fn promisor_error(remote: &str, code: Option<i32>, stderr: &str) -> Option<Error> {
    if !failure::is_unfetched(stderr) {
        return None;
    }
    if let Some(line) = stderr.lines().find(|line| line.contains("not our ref")) {
        let message = format!("this partial clone lacks an object, and the remote {remote} does not have it: {line}");
        let error = Error::new(Kind::Damaged, message).with(Payload::Said { stderr: stderr.to_owned() });
        return Some(error.hint(command!["git fsck --full"].note("shows what is missing")));
    }
    contact_error(remote, failure::of_question(code, stderr), stderr)
}

/// The error of a command that failed while it was connected to a remote, given by name or address; `None` where this git
/// does not know the command.
pub(super) fn contact_error(remote: &str, failure: GitFailure, stderr: &str) -> Option<Error> {
    if let Some(error) = not_owned(stderr) {
        return Some(error);
    }
    let said = failure::said(failure, stderr);
    let error = match failure {
        GitFailure::OldGit => return None,
        GitFailure::Authentication => {
            let message = format!("authentication failed for the remote {remote}: {said}");
            Error::new(Kind::Authentication, message).hint(command!["git fetch", remote])
        }
        GitFailure::Address => {
            Error::new(Kind::Damaged, format!("the address of the remote {remote} leads nowhere: {}", nowhere(stderr)))
                .hint(command!["git remote set-url", remote, "URL"])
        }
        GitFailure::Denied => Error::new(Kind::Denied, format!("the server of {remote} refused: {said}"))
            .hint(command!["git remote get-url --push", remote].note("check that you may push there")),
        _ => Error::new(Kind::Unreachable, format!("the remote {remote} cannot be reached: {said}"))
            .hint(command!["git ls-remote", remote])
            .advice("run the same command again later"),
    };
    Some(error.with(Payload::Said { stderr: stderr.to_owned() }))
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
