//! The errors of commands that could not reach a remote.

use crate::error::{Error, Hint, Kind, Payload};
use crate::git::porcelain::damage::{damage, not_owned};
use crate::git::porcelain::failure::{self, GitFailure, NO_SPACE};
use std::path::Path;

/// The error of a command that only reads from a remote, given by name or address, and that ran in `dir`; `None` where this
/// git does not know the command.
pub(super) fn connection_error(remote: &str, dir: &Path, code: Option<i32>, stderr: &str) -> Option<Error> {
    let broken = damage(dir, stderr).or_else(|| unwritten(dir, stderr));
    broken.or_else(|| contact_error(remote, failure::of_question(code, stderr), stderr))
}

/// What git and the system say of a file that cannot be written, beside [`NO_SPACE`].
const UNWRITTEN: [&str; 5] = [
    "': couldn't write '",
    "Read-only file system",
    "insufficient permission for adding an object to repository database",
    "unable to create temporary file",
    "unable to write file ",
];

/// The error of a git that could not write below `dir`, if that is what it reports. After a fetch that says that the remote was
/// reached; the words of the server begin with `remote:`.
pub(super) fn unwritten(dir: &Path, stderr: &str) -> Option<Error> {
    let is_full = |line: &str| NO_SPACE.iter().any(|words| line.contains(words));
    let is_refused = |line: &str| line.contains("Unable to create '") && line.ends_with(": Permission denied");
    let is_about = |line: &str| is_full(line) || is_refused(line) || UNWRITTEN.iter().any(|words| line.contains(words));
    let of_git = |line| ["error: ", "fatal: "].iter().find_map(|start| str::strip_prefix(line, start));
    let said = stderr.lines().filter_map(of_git).find(|line| is_about(line))?;
    let kind = if is_full(stderr) { Kind::DiskFull } else { Kind::Io };
    let df = command!["df -h", dir.display()].note("shows whether it is full; then the same command again");
    let error = Error::new(kind, format!("git could not write: {said}")).hint(df);
    Some(error.with(Payload::Said { stderr: stderr.to_owned() }))
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
                .hint(command!["git remote set-url", remote, "<url>"])
        }
        GitFailure::Unsupported => {
            let (what, cure) = failure::unsupported(stderr).unwrap_or_default();
            let message =
                format!("nothing was sent: your configuration wants {what}, and the server of {remote} has none");
            Error::new(Kind::Git, message).hint(Hint::from(cure).note("pushes without in this clone"))
        }
        GitFailure::Denied => Error::new(Kind::Denied, format!("the server of {remote} refused: {said}"))
            .hint(command!["git remote get-url --push", remote].note("check that you may push there")),
        _ if failure::is_no_repository(stderr) => {
            let message = format!("the remote {remote} leads to no repository, or to one that you may not see: {said}");
            Error::new(Kind::NoRemote, message)
                .hint("git remote -v")
                .hint(command!["git remote set-url", remote, "<url>"].note("where the address is wrong"))
                .advice("a host answers the same to who has no access: ask for it")
        }
        _ => {
            let error = Error::new(Kind::Unreachable, format!("the remote {remote} cannot be reached: {said}"));
            if failure::is_no_folder(stderr) {
                error
                    .hint(Hint::from("git remote -v").note("check the address"))
                    .advice("where it is right, run the same command again once the repository is there")
            } else {
                error.hint(command!["git ls-remote", remote]).advice("run the same command again later")
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_that_cannot_be_written_is_not_a_remote_that_cannot_be_reached() {
        let kind = |stderr: &str| unwritten(Path::new("/clone"), stderr).map(|error| error.kind());
        let to_lock = "cannot lock ref 'refs/x': Unable to create '/clone/.git/refs/x.lock'";
        for (line, expected) in [
            ("error: cannot update ref 'refs/x': couldn't write '/clone/.git/refs/x.lock'".to_owned(), Kind::Io),
            (format!("error: {to_lock}: No space left on device"), Kind::DiskFull),
            (format!("error: {to_lock}: Read-only file system"), Kind::Io),
            (format!("error: {to_lock}: Permission denied"), Kind::Io),
            (
                "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output".to_owned(),
                Kind::DiskFull,
            ),
            ("fatal: write error: Disk quota exceeded".to_owned(), Kind::DiskFull),
        ] {
            assert_eq!(kind(&format!("{line}\n")), Some(expected), "{line}");
            assert_eq!(kind(&format!("remote: {line}\n").replace("\nfatal", "\nremote: fatal")), None, "{line}");
        }
        for other in [
            format!("error: {to_lock}: File exists."),
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.".to_owned(),
            "bash: /etc/profile.d/x.sh: Permission denied".to_owned(),
        ] {
            assert_eq!(kind(&other), None, "{other}");
        }
    }
}
