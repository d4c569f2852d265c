//! `aitask_task_worktree.sh`: finds or removes the worktree and branch of a task. On an error standard output is empty,
//! since callers take any line there for a result.

use crate::compat::invocation::Invocation;
use crate::error::Kind;
use crate::project::Context;
use crate::settings::Flags;
use crate::worktrees::registry_state::{self, RegistryState, WorktreeName};
use crate::worktrees::removal;
use crate::worktrees::removal_result::{BranchDeletion, BranchResult, Extent, RemovalOptions, WorktreeResult};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const USAGE: &str = "\
Usage: aitask_task_worktree.sh resolve <task_name>
       aitask_task_worktree.sh remove <task_name> [--force] [--strict]";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let usage = |text: &str| {
        (invocation.notice)(&format!("aitask_task_worktree: {text}"));
        USAGE.lines().for_each(invocation.notice);
        2
    };
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let (verb, name, options) = match words[..] {
        [] => return usage("a subcommand is missing"),
        [verb, ..] if !matches!(verb, "resolve" | "remove") => return usage(&format!("unknown subcommand '{verb}'")),
        [_] | [_, "", ..] => return usage("a task name is missing"),
        [verb, name, ref options @ ..] => (verb, name, options),
    };
    let known: &[&str] = if verb == "remove" { &["--force", "--strict"] } else { &[] };
    if let Some(other) = options.iter().find(|option| !known.contains(option)) {
        return usage(&format!("unknown option '{other}'"));
    }
    let Some(name) = WorktreeName::parse(name) else {
        return usage(&format!("'{name}' is not the name of a worktree (such as t16_2_add_login)"));
    };
    let context =
        Context::open_on_origin(&invocation.environment, &invocation.dir, &Flags::default(), invocation.notice);
    let outcome = match context {
        Ok(context) if verb == "resolve" => resolve(invocation, &context, &name),
        Ok(context) => remove(invocation, &context, &name, options),
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(|error| {
        let text = match error.kind() {
            Kind::NotARepository => format!("not inside a git repository: {}", invocation.dir.display()),
            Kind::BareRepository => format!("bare repository: {error}"),
            _ => error.to_string(),
        };
        (invocation.notice)(&format!("aitask_task_worktree: {text}"));
        3
    })
}

fn resolve(invocation: &Invocation, context: &Context, name: &WorktreeName) -> crate::error::Result<u8> {
    let (word, path) = match registry_state::resolve(context, name)? {
        RegistryState::Nowhere => ("NONE", None),
        RegistryState::Usable(path) => ("USABLE", Some(path)),
        RegistryState::Stale(path) => ("STALE", Some(path)),
        RegistryState::Locked(path) => ("LOCKED", Some(path)),
        RegistryState::Main(path) => ("MAIN", Some(path)),
        RegistryState::Unsafe(path) => ("UNSAFE", Some(path)),
    };
    invocation.console.line(&path.map_or_else(|| word.to_owned(), |path| format!("{word} {}", one_line(&path))));
    Ok(0)
}

fn remove(
    invocation: &Invocation,
    context: &Context,
    name: &WorktreeName,
    options: &[&str],
) -> crate::error::Result<u8> {
    let work = options.contains(&"--force").into();
    let (extent, branch) = (Extent::FolderUnlessRebasing, BranchDeletion::IfLanded(None));
    let removal = removal::remove(context, name.branch(), &RemovalOptions { work, extent, branch, dry_run: false })?;
    removal.causes.iter().for_each(|cause| (invocation.notice)(&format!("aitask_task_worktree: {cause}")));
    invocation.console.line(&match &removal.worktree {
        WorktreeResult::None => "WORKTREE_NONE".to_owned(),
        WorktreeResult::Removed(path) => format!("WORKTREE_REMOVED {}", one_line(path)),
        WorktreeResult::Kept(reason, path) => format!("WORKTREE_KEPT {} {}", reason.name(), one_line(path)),
    });
    let branch = name.branch();
    invocation.console.line(&match &removal.branch {
        BranchResult::None => "BRANCH_NONE".to_owned(),
        BranchResult::Deleted => format!("BRANCH_DELETED {branch}"),
        BranchResult::Skipped => format!("BRANCH_KEPT skipped {branch}"),
        BranchResult::CheckedOut => format!("BRANCH_KEPT checked_out {branch}"),
        BranchResult::Unmerged(into) => format!("BRANCH_KEPT unmerged_into:{into} {branch}"),
        BranchResult::Unknown => format!("BRANCH_KEPT unknown {branch}"),
    });
    let (result, code) = match (removal.is_clean(), removal.is_preserved()) {
        (true, _) => ("CLEAN", 0),
        (_, true) => ("PRESERVED", u8::from(options.contains(&"--strict"))),
        _ => ("RESIDUE", 1),
    };
    invocation.console.line(result);
    Ok(code)
}

/// A path for a result line. In a path with line breaks or tabs all but plain bytes are written `%XX`, so that it
/// cannot forge a line.
fn one_line(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'\t' | b'\r' | b'\n')) {
        return path.display().to_string();
    }
    let mut text = String::new();
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"._/~:@+-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
