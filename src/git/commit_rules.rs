//! The user's rules on commits of code that are made in their name: the hooks that see the message, and the signature.
//!
//! Commits without a checkout are made by git-fast-import(1), which knows neither. So where there are rules, the message
//! passes the hooks here, and git-commit-tree(1) makes the commit. Both keep the terminal, at which a hook or a signing
//! program may ask something.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::files::records::RecordKind;
use crate::git::registry::git_dir;
use crate::git::run::{Call, WITHIN, hook_limit, on_terminal};
use crate::git::{Oid, Repository};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The hooks that see the message of a merge, in the order in which git runs them.
const MESSAGE_HOOKS: [&str; 2] = ["prepare-commit-msg", "commit-msg"];

/// How many lines of a failure an error has.
const SHOWN_LINES: usize = 5;

/// Whether the user signs commits.
pub(crate) fn signs(repository: &Repository) -> bool {
    let value = repository.config().last("commit.gpgsign");
    value.is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0"))
}

/// The hooks of the user that see the message of a commit in the worktree `dir`, by their names. No process, except where
/// git must find out what `core.hooksPath` means.
pub(crate) fn message_hooks(repository: &Repository, dir: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let home = repository.git().environment().os("HOME");
    let folder = match (repository.config().last("core.hookspath"), home) {
        (None, _) => repository.common_dir.join("hooks"),
        (Some(path), Some(home)) if path.starts_with("~/") => Path::new(home).join(&path[2..]),
        (Some(path), _) if path.starts_with(['~', '%']) => {
            let asked = repository.git().read(dir, "rev-parse").args(["--git-path", "hooks"]).run()?;
            dir.join(asked.text())
        }
        (Some(path), _) => dir.join(path),
    };
    let is_hook =
        |path: &Path| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    let hooks = MESSAGE_HOOKS.map(|name| (name, folder.join(name)));
    Ok(hooks.into_iter().filter(|(_, path)| is_hook(path)).collect())
}

/// Passes a message through these hooks, in the worktree `dir` and with the environment that git gives them. `source` is
/// what `prepare-commit-msg` is told about the origin of the message.
///
/// # Errors
/// [`Kind::Denied`] with the last lines of the hook that refuses.
pub(crate) fn through_hooks(
    repository: &Repository,
    hooks: &[(&'static str, PathBuf)],
    dir: &Path,
    message: &str,
    source: &str,
) -> Result<String> {
    let git_dir = git_dir(dir).unwrap_or_else(|| repository.common_dir.clone());
    // Not the file that git-commit(1) uses in this git directory: another finish, or the user's editor, may have that open.
    let folder = repository.records().make_folder(RecordKind::Temporary)?;
    let file = folder.path().join("COMMIT_EDITMSG");
    std::fs::write(&file, format!("{}\n", message.trim_end())).map_err(|error| Error::io("write", &file, &error))?;
    for (name, path) in hooks {
        // A shell runs a script without a first line that names its program, as git does.
        let call = Call::program(repository.git().environment(), "sh", dir).args(["-c", r#"exec "$0" "$@""#]);
        let call = call.arg(path).arg(&file).args((*name == "prepare-commit-msg").then_some(source));
        let call = call.env("GIT_DIR", &git_dir).env("GIT_INDEX_FILE", git_dir.join("index"));
        let call = call.env("GIT_EDITOR", ":").env("GIT_PREFIX", "").env(WITHIN, "1");
        let output = attended(repository, call).output()?;
        if !output.success() {
            let said = output.last_lines(SHOWN_LINES).join("; ");
            let said = if said.is_empty() { output.ending() } else { said };
            let error = if output.timed_out {
                Error::new(Kind::Denied, format!("your {name} hook did not end, and was ended: {said}"))
                    .hint("git config aitask.hookTimeout 1h")
            } else {
                Error::new(Kind::Denied, format!("your {name} hook refuses the message of the merge: {said}"))
            };
            return Err(error.with(Payload::Hook { hook: name }));
        }
    }
    let left = std::fs::read(&file).map_err(|error| Error::io("read", &file, &error))?;
    let left = String::from_utf8_lossy(&left).trim_end().to_owned();
    match hooks.last() {
        Some((name, _)) if left.trim().is_empty() => {
            Err(Error::new(Kind::Denied, "your hooks left no message for the merge").with(Payload::Hook { hook: name }))
        }
        _ => Ok(left),
    }
}

/// Makes a signed commit, as the user's configuration says.
///
/// # Errors
/// [`Kind::SigningFailed`]; it is never left unsigned instead.
pub(crate) fn sign(repository: &Repository, parents: &[Oid], tree: &Oid, message: &str) -> Result<Oid> {
    let call = repository.write("commit-tree").arg("-S").args(parents.iter().flat_map(|oid| ["-p", oid.as_str()]));
    let call = call.args(["-F", "-", tree.as_str()]).input(message).setting("i18n.commitEncoding", "UTF-8");
    let call = attended(repository, call);
    let output = call.output()?;
    if let (true, Some(commit)) = (output.success(), Oid::parse(&output.text())) {
        return Ok(commit);
    }
    let error = call.failure(&output);
    if error.kind() != Kind::Git {
        return Err(error);
    }
    let said = output.last_lines(SHOWN_LINES).join("; ");
    let key = repository.config().last("user.signingkey").unwrap_or_default();
    let hint = if key.starts_with(['/', '~']) {
        Hint::from("ssh-add").word(&key.trim_end_matches(".pub")).note("the agent then signs without a question")
    } else {
        Hint::from("echo | gpg --clearsign").note("asks for the passphrase, which the agent then keeps")
    };
    Err(Error::new(Kind::SigningFailed, format!("the merge could not be signed: {said}")).hint(hint))
}

/// A call that may ask something where there is a terminal. Where there is none, ssh must neither open a window nor wait for
/// the terminal of somebody else in the same session, so it gets a program that knows no passphrase; unless the user has
/// named one for this.
fn attended(repository: &Repository, call: Call) -> Call {
    let call = call.limit(hook_limit());
    if on_terminal() {
        return call.keeps_terminal();
    }
    match repository.git().environment().text("SSH_ASKPASS_REQUIRE") {
        Some(_) => call,
        None => call.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "false"),
    }
}
