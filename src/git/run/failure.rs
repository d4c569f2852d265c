//! The error for a process that failed, or that could not be started.

use super::{Call, LAST_LINES, Output};
use crate::error::{Error, Kind, Payload};
use crate::git::contact;
use crate::git::porcelain::damage::{damage, moved};
use std::io;

impl Call {
    /// The error for a failure of this call.
    pub(crate) fn failure(&self, output: &Output) -> Error {
        let stderr_text = output.stderr_text();
        if stderr_text.contains("unknown option") || stderr_text.contains("unknown switch") {
            let message = format!("this git is too old for `{}`", self.command_line());
            return Error::new(Kind::GitTooOld, message)
                .hint("git version")
                .with(Payload::Said { stderr: stderr_text });
        }
        if stderr_text.contains("Please tell me who you are") || stderr_text.contains("empty ident name") {
            return self.said_in.nobody(false);
        }
        if let Some(error) = contact::unwritten(&self.dir, &stderr_text) {
            return error;
        }
        if let Some(error) = self.unfetched(output.code, &stderr_text) {
            return error;
        }
        if let Some(error) = damage(&self.dir, &stderr_text).or_else(|| moved(&self.dir, &stderr_text)) {
            return error;
        }
        let (code, command) = (output.ending(), self.command_line());
        let mut error = match &output.hook {
            Some(hook) if hook.timed_out => {
                Error::new(Kind::Git, format!("{stderr_text}; it was ended, and `{command}` with it"))
                    .hint("git config aitask.hookTimeout 1h")
            }
            Some(hook) => Error::new(
                Kind::Git,
                format!(
                    "{} failed in `{command}` ({code}): {}",
                    hook.called(),
                    output.last_lines(LAST_LINES).join("; ")
                ),
            ),
            None => {
                let said = if stderr_text.is_empty() { String::new() } else { format!(": {stderr_text}") };
                Error::new(Kind::Git, format!("`{command}` failed ({code}){said}"))
            }
        };
        if let Some(hook) = &output.hook {
            error = error.with(Payload::FailedHook { failed_hook: hook.name.clone() });
        }
        error.with(Payload::Call { command, directory: self.dir.to_string_lossy().into_owned() })
    }

    /// The error for a failure of this call, which only reads from a remote, given by name or address.
    pub(crate) fn not_connected(&self, remote: &str, output: &Output) -> Error {
        let error = contact::connection_error(remote, &self.dir, output.code, &output.stderr_text());
        error.unwrap_or_else(|| self.failure(output))
    }

    /// The error where git could not fetch what a partial clone lacks, if this is what it says.
    pub(super) fn unfetched(&self, code: Option<i32>, stderr: &str) -> Option<Error> {
        contact::promisor_error(self.promisor.as_deref()?, code, stderr)
    }

    pub(super) fn not_started(&self, error: &io::Error) -> Error {
        let program = self.program.to_string_lossy();
        let error = Error::new(Kind::Git, format!("cannot start {program}: {error}"));
        if which::which(&self.program).is_err() {
            error.advice(format!("install {program}, or correct PATH"))
        } else {
            error
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Kind;
    use crate::git::Repository;
    use crate::git::run::Output;
    use std::path::Path;

    #[test]
    fn a_server_without_space_is_no_full_disk_here() {
        let call = Repository::without_git(Path::new("/clone")).write("push");
        let kind = |said: &str| call.failure(&Output::silent(said.as_bytes().to_vec())).kind();
        assert_eq!(kind("remote: fatal: write error: No space left on device\n"), Kind::Git);
        assert_eq!(kind("fatal: cannot create directory at 'x': No space left on device\n"), Kind::DiskFull);
        assert_eq!(kind("error: unable to write file x\n"), Kind::Io);
    }
}
