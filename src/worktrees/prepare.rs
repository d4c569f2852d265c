//! Preparing a new worktree and clearing it up: copying files that git ignores (`.worktreeinclude`,
//! `aitask.worktreeCopy`), and running the project's own commands (`aitask.worktreeSetup`, `aitask.worktreeTeardown`).

use crate::error::{Error, Kind, Payload, Result};
use crate::files::Tree;
use crate::files::records::RecordKind;
use crate::git::run::{Call, Output, Streams};
use crate::git::worktree;
use crate::project::context::Context;
use crate::task::{TaskName, WORKTREES_DIR, paths};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file at the root of the main worktree with patterns of ignored files that a new worktree gets a copy of, in the
/// syntax of `.gitignore`. Other programs that make worktrees read it, too.
const INCLUDE_FILE: &str = ".worktreeinclude";

/// Whether the settings or the project ask for any preparation.
pub(crate) fn is_preparation_needed(context: &Context) -> bool {
    let settings = &context.settings;
    !settings.worktree_copy.is_empty() || !settings.worktree_setup.is_empty() || include_file(context).is_some()
}

/// The file of patterns, where the main worktree has one. A symbolic link is no such file, since it could lead anywhere.
fn include_file(context: &Context) -> Option<PathBuf> {
    let file = context.repository.root.join(INCLUDE_FILE);
    file.symlink_metadata().is_ok_and(|data| data.is_file()).then_some(file)
}

/// The time limit of each command. It may install dependencies, build the project or test it, and only its author knows
/// how long that takes: a day ends a command that hangs, and nothing else.
const COMMAND_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// The variable that tells a command of the project for which clone it runs, by the folder of its records.
pub(crate) const RUNNING_FOR: &str = "GIT_AITASK_RUNNING_FOR";

/// The folder that names this clone there.
pub(crate) fn running_for(context: &Context) -> PathBuf {
    context.repository.records().path(RecordKind::Landing, "")
}

/// How many lines of a failing command the error has: enough for the failure that a test runner prints last.
const SHOWN_LINES: usize = 40;

/// Prepares the worktree of a task at `path`; `copied` gets the files that were copied into it.
///
/// # Errors
/// The first error of a copy, when everything else was copied; or [`Kind::CheckFailed`] for a command. The worktree exists
/// and stays in both cases.
pub(crate) fn prepare_worktree(
    context: &Context,
    name: &TaskName,
    path: &Path,
    copied: &mut Vec<PathBuf>,
) -> Result<()> {
    copy_ignored_files(context, path, copied)?;
    let settings = &context.settings;
    settings.worktree_setup.iter().try_for_each(|command| run(context, "aitask.worktreeSetup", command, name, path))
}

/// Runs the commands that clear the worktree of a task up before it is removed.
///
/// # Errors
/// [`Kind::CheckFailed`] for the first one that fails.
pub(crate) fn clear_worktree(context: &Context, name: &TaskName, path: &Path) -> Result<()> {
    let settings = &context.settings;
    settings
        .worktree_teardown
        .iter()
        .try_for_each(|command| run(context, "aitask.worktreeTeardown", command, name, path))
}

fn run(context: &Context, setting: &str, command: &str, name: &TaskName, path: &Path) -> Result<()> {
    let output = run_for_task(context, command, name, path, context.json, None)?;
    require_success(&output, |exit| format!("{setting} failed in {} ({exit}): {command}", path.display()))
}

/// Runs a command of the project for a task, in this folder. Its output goes to standard error, or it is captured: with
/// JSON, since standard error is a document then, where there is an error. Its process group is noted in a file.
pub(crate) fn run_for_task(
    context: &Context,
    command: &str,
    name: &TaskName,
    path: &Path,
    captured: bool,
    group_note: Option<&Path>,
) -> Result<Output> {
    let call = Call::program(context.repository.git().environment(), "sh", path).args(["-c", command]);
    let call = call.doing(format!("running {command}"));
    let streams = if captured { Streams::Captured } else { Streams::ToStderr };
    let call = call.env(RUNNING_FOR, running_for(context));
    with_task(call, name, path).limit(COMMAND_LIMIT).streams(streams).group_noted_in(group_note).output()
}

/// Refuses the output of such a command that failed; the message is about how it ended.
///
/// # Errors
/// [`Kind::CheckFailed`], with the last lines of the output, where it was captured.
pub(crate) fn require_success(output: &Output, message: impl FnOnce(&str) -> String) -> Result<()> {
    if output.success() {
        return Ok(());
    }
    let error = Error::new(Kind::CheckFailed, message(&output.ending()));
    let said = output.last_lines(SHOWN_LINES).join("\n");
    Err(if said.is_empty() { error } else { error.with(Payload::Output { output: said }) })
}

/// Tells a command of the project which task it runs for, and a port that no other task of this machine is likely to
/// have.
fn with_task(call: Call, name: &TaskName, path: &Path) -> Call {
    call.env("AITASK_ID", name.id().to_string())
        .env("AITASK_NAME", name.as_str())
        .env("AITASK_BRANCH", name.branch_name())
        .env("AITASK_WORKTREE", path)
        .env("AITASK_PORT", port(name).to_string())
}

/// The first of ten ports for a task: from 10000 up, below those that Linux gives to outgoing connections (32768).
fn port(name: &TaskName) -> u32 {
    let digest = Sha256::digest(name.as_str().as_bytes());
    let number = digest.iter().take(4).fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
    10_000 + number % 2_270 * 10
}

/// Copies the files that git ignores and a pattern names.
pub(crate) fn copy_ignored_files(context: &Context, path: &Path, copied: &mut Vec<PathBuf>) -> Result<()> {
    let (repository, patterns) = (&context.repository, &context.settings.worktree_copy);
    let mut names = Vec::new();
    if !patterns.is_empty() {
        names = worktree::ignored_files(repository, &repository.root, patterns)?;
    }
    if let Some(file) = include_file(context) {
        let is_file = |name: &PathBuf| repository.root.join(name).symlink_metadata().is_ok_and(|data| data.is_file());
        names.extend(worktree::ignored_files_in(repository, &repository.root, &file)?.into_iter().filter(is_file));
    }
    let ours = [WORKTREES_DIR, paths::DATA_WORKTREE_DIR, paths::TASKS_DIR, paths::PLANS_DIR];
    let mut failed = None;
    for name in names {
        let target = path.join(&name);
        if ours.iter().any(|folder| name.starts_with(folder)) || target.symlink_metadata().is_ok() {
            continue;
        }
        match copy_file(&Tree::new(&repository.root), &Tree::new(path), &name) {
            Ok(true) => copied.push(name),
            Ok(false) => {}
            // A file that cannot be read keeps no other one away.
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Copies a file, or a symbolic link as a link, and returns whether it was copied. The copy is written under another
/// name and renamed, so that nobody reads half of it. It replaces nothing, and it is not written through a symbolic
/// link: a folder that the commit has as a link may point outside the worktree. The operating system shares the blocks
/// where the file system can.
fn copy_file(from: &Tree, to: &Tree, name: &Path) -> Result<bool> {
    let failed = |error: std::io::Error| Error::io("copy", name, &error);
    if name.parent().is_some_and(|folder| to.make_folder(folder).is_err()) {
        return Ok(false);
    }
    let (source, target) = (from.root().join(name), to.root().join(name));
    let Ok(kind) = source.symlink_metadata().map(|data| data.file_type()) else { return Ok(false) };
    if kind.is_symlink() {
        std::fs::read_link(&source).and_then(|link| std::os::unix::fs::symlink(link, &target)).map_err(failed)?;
        return Ok(true);
    }
    if !kind.is_file() {
        return Ok(false);
    }
    let mut part = target.clone().into_os_string();
    part.push(".aitask-part");
    // A killed copy may have left this file. A commit may also contain a symbolic link of this name: it is removed,
    // since writing through it could change a file outside the worktree.
    to.remove(&part)?;
    std::fs::copy(&source, &part).map_err(failed)?;
    to.rename(&part, &target).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_ten_apart_and_below_those_of_outgoing_connections() {
        let ports = (1..2000).map(|id| port(&TaskName::parse(&format!("t{id}_some_task")).unwrap()));
        assert!(ports.into_iter().all(|port| port % 10 == 0 && (10_000..32_700).contains(&port)));
        // Scripts of a project rely on the number of a task.
        assert_eq!(port(&TaskName::parse("t1_one").unwrap()), 23_760);
    }
}
