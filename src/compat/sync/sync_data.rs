//! `aitask_sync.sh`: commits local edits of the task data, merges it with the remote's, and pushes. With `--batch` it
//! prints exactly one line in every case, since programs wait for it.

use crate::compat::invocation::Invocation;
use crate::compat::sync::resolve;
use crate::project::Context;
use crate::sync::join::{Resolutions, Unresolved};
use crate::sync::outcome::{Reconciled, SyncFailure, SyncOptions, SyncProgress};
use crate::sync::reconcile::reconcile;
use crate::task::merge::MergeRules;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const HELP: &str = "\
Usage: aitask_sync.sh [--batch]

Brings the task data of this clone and of origin to the same state: commits local edits, merges
both histories, pushes.

  --batch   print one result line for programs; ask no questions
  --help    this text";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    match args.iter().map(String::as_str).find(|arg| *arg != "--batch") {
        Some("--help" | "-h") => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            return 0;
        }
        Some(other) => {
            invocation.console.error(&format!("Unknown option: {other}. Use --help for usage."));
            return 1;
        }
        None => {}
    }
    let batch = !args.is_empty();
    let context = match invocation.open_remote() {
        Ok(Some(context)) => context,
        Ok(None) => return answer(invocation, batch, &Reconciled::NoRemote),
        Err(error) => {
            invocation.console.error(&error.to_string());
            if batch {
                invocation.console.line("ERROR:no_repository");
            }
            return 1;
        }
    };
    let mut resolutions = Resolutions::new();
    loop {
        let mut progress = |progress| show(invocation, batch, progress);
        let options = SyncOptions {
            commit: true,
            push_first: false,
            code_stays: false,
            also: &[],
            rules: MergeRules::Scripts,
            resolutions: &resolutions,
            progress: &mut progress,
        };
        let outcome = match reconcile(&context, options) {
            Ok(outcome) => outcome,
            Err(error) => Reconciled::Failed(SyncFailure::InTheWay, error),
        };
        match outcome {
            Reconciled::Conflict(files) if !batch => match resolve(invocation, &context, &files) {
                Some(resolved) => resolutions.extend(resolved),
                None => return 1,
            },
            outcome => return answer(invocation, batch, &outcome),
        }
    }
}

fn show(invocation: &Invocation, batch: bool, progress: SyncProgress) {
    let text = match progress {
        SyncProgress::Merged(path) => {
            invocation.console.stderr_info(&format!("Auto-merged: {}", path.display()));
            return;
        }
        // The script has no dry run, which alone reports these.
        SyncProgress::WouldSwap(_)
        | SyncProgress::WouldRun(_)
        | SyncProgress::CodeStays(_)
        | SyncProgress::Published { .. } => return,
        _ if batch => return,
        SyncProgress::Committing(files) => format!("Auto-committing {} modified task/plan files", files.len()),
        SyncProgress::Fetching => "Fetching from remote...".to_owned(),
        SyncProgress::Pulling(commits) => format!("Pulling {commits} new commits"),
        SyncProgress::Pushing(commits) => format!("Pushing {commits} commits to remote"),
    };
    invocation.console.info(&text);
}

fn answer(invocation: &Invocation, batch: bool, outcome: &Reconciled) -> u8 {
    let (line, text) = match outcome {
        Reconciled::Nothing => ("NOTHING".to_owned(), "Already up to date"),
        Reconciled::Pushed => ("PUSHED".to_owned(), "Sync complete: pushed"),
        Reconciled::Pulled => ("PULLED".to_owned(), "Sync complete: pulled"),
        Reconciled::Both => ("SYNCED".to_owned(), "Sync complete: pulled and pushed"),
        Reconciled::Merged => ("AUTOMERGED".to_owned(), "Sync complete: pulled, merged and pushed"),
        Reconciled::NoRemote => ("NO_REMOTE".to_owned(), "No remote 'origin': nothing to sync with"),
        Reconciled::Conflict(files) => {
            let names: Vec<_> = files.iter().map(|file| quoted(&file.path)).collect();
            (format!("CONFLICT:{}", names.join(",")), "")
        }
        Reconciled::Failed(failure, error) => {
            let word = match failure {
                SyncFailure::NoNetwork => "NO_NETWORK".to_owned(),
                SyncFailure::Commit => "ERROR:commit_failed".to_owned(),
                SyncFailure::Detached => "ERROR:detached_head".to_owned(),
                SyncFailure::Stuck(marker) => format!("ERROR:data_worktree_stuck:{marker}"),
                SyncFailure::NoUpstream => "ERROR:no_upstream".to_owned(),
                SyncFailure::InTheWay => "ERROR:pull_rebase_failed".to_owned(),
                SyncFailure::Push => "ERROR:push_failed".to_owned(),
            };
            let offline = *failure == SyncFailure::NoNetwork;
            if !(batch && offline) {
                invocation.console.warn(&error.to_string());
                error.hints().iter().for_each(|hint| invocation.console.warn(&format!("try: {hint}")));
            }
            if batch {
                invocation.console.line(&word);
            }
            return u8::from(!offline);
        }
    };
    if batch {
        invocation.console.line(&line);
    } else {
        invocation.console.success(text);
    }
    0
}

/// Opens the editor for each file. `None` when one is not resolved: then nothing is merged, and the resolutions of the
/// others are kept in files.
fn resolve(invocation: &Invocation, context: &Context, files: &[Unresolved]) -> Option<Resolutions> {
    invocation.console.warn("These files were changed here and on the remote, and cannot be merged automatically:");
    for file in files {
        invocation.console.warn(&format!("  {}", file.path.display()));
    }
    let editor = invocation.environment.text("EDITOR").unwrap_or("nano");
    let mut resolved = Resolutions::new();
    for file in files {
        invocation.console.info(&format!("Editing: {}", file.path.display()));
        if file.versions.ours.is_none() || file.versions.theirs.is_none() {
            let side = if file.versions.ours.is_none() { "here" } else { "on the remote" };
            invocation
                .console
                .info(&format!("It was removed {side}; save the text to keep the file, or an empty file to remove it"));
        }
        match resolve::edit(context, editor, file) {
            Ok(text) => drop(resolved.insert(file.path.clone(), (file.versions.clone(), text))),
            Err(error) => {
                let kept = if resolved.is_empty() { Ok(Vec::new()) } else { resolve::keep(context, &resolved) };
                for path in kept.unwrap_or_default() {
                    invocation.console.warn(&format!("the resolved file is kept in {}", path.display()));
                }
                invocation.console.warn(&format!("{error}; nothing was changed"));
                return None;
            }
        }
    }
    Some(resolved)
}

/// A path as git prints it: in quotes with octal escapes where it has other than printable ASCII. Callers read the
/// list of conflicts in git's form, in which a line break cannot forge a line.
fn quoted(path: &Path) -> String {
    let bytes = OsStr::as_bytes(path.as_os_str());
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let escaped = bytes.iter().map(|byte| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        _ => format!("\\{byte:03o}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
