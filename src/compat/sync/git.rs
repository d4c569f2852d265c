//! `ait git`: runs git in the data worktree. During an unfinished rebase or merge it allows only commands that read
//! or that end it. `ait git push` reconciles with the remote first, and reports in one line.

use crate::compat::exec;
use crate::compat::invocation::Invocation;
use crate::error::{Error, Kind};
use crate::files::data_checkout;
use crate::ledger::Channel;
use crate::ops::sync;
use crate::project::{Context, data_state};
use crate::sync::join::Resolutions;
use crate::sync::outcome::{Reconciled, SyncFailure, SyncOptions};
use crate::sync::reconcile::reconcile;
use crate::task::merge::MergeRules;
use std::path::PathBuf;

const READS: [&str; 11] =
    ["status", "log", "show", "diff", "rev-parse", "ls-files", "blame", "grep", "reflog", "rev-list", "for-each-ref"];

/// Runs the command; `invocation.dir` is the project's root.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let data = data_checkout(&invocation.dir);
    let skip = invocation.environment.text("AIT_GIT_SKIP_STATE_CHECK") == Some("1");
    if let Some(dir) = data.as_ref().filter(|_| !skip && !is_allowed_while_unfinished(args))
        && let Some(marker) = data_state::unfinished(dir).first()
    {
        invocation.console.error_lines(&data_state::unfinished_message(marker));
        return 1;
    }
    if args.first().is_some_and(|verb| verb == "push") {
        return push(invocation, args.iter().any(|arg| arg == "--batch"));
    }
    let dir: PathBuf = data.unwrap_or_else(|| invocation.dir.clone());
    let error = exec::exec_git(&invocation.environment, args, &dir);
    invocation.console.error(&error.to_string());
    128
}

/// Whether a command only reads, or ends the unfinished operation. All others are refused during one: a commit would
/// become a part of the rebase, and abandoning that would lose it.
fn is_allowed_while_unfinished(args: &[String]) -> bool {
    // Options of git itself stand before the verb; some take the next word.
    let mut words = args.iter().map(String::as_str);
    let verb = loop {
        match words.next() {
            Some("-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "--config-env") => drop(words.next()),
            Some(option) if option.starts_with('-') => {}
            other => break other,
        }
    };
    let rest: Vec<_> = words.collect();
    let has = |options: &[&str]| rest.iter().any(|arg| options.contains(arg));
    let named: Vec<_> = rest.iter().copied().filter(|arg| !arg.starts_with('-')).collect();
    match verb {
        None => true,
        Some(verb) if READS.contains(&verb) => true,
        Some("branch") => !has(&["-d", "-D", "-m", "-M", "--delete", "--move"]),
        Some("tag") => has(&["-l", "--list"]),
        Some("stash") => matches!(rest.first(), Some(&("list" | "show"))),
        Some("rebase" | "merge" | "cherry-pick" | "revert") => {
            has(&["--abort", "--continue", "--skip", "--edit-todo", "--quit"])
        }
        Some("bisect") => rest.first() == Some(&"reset"),
        Some("remote") => matches!(named[..], [] | ["show" | "get-url", ..]),
        Some("symbolic-ref") => named.len() < 2 && !has(&["-d", "--delete"]),
        Some("config") => {
            let scopes = ["--local", "--global", "--system", "--worktree"];
            rest.iter().any(|arg| arg.starts_with("--get") || matches!(*arg, "--list" | "-l"))
                || matches!(named[..], ["get" | "list", ..])
                || (matches!(named[..], [key] if key.contains('.'))
                    && rest.len() == 1 + rest.iter().filter(|arg| scopes.contains(arg)).count())
        }
        // Without a destination fetch writes only remote-tracking refs.
        Some("fetch") => {
            let writes = |refspec: &&str| refspec.split_once(':').is_some_and(|(_, to)| !to.is_empty());
            !named.iter().skip(1).any(writes)
                && !rest.iter().any(|arg| *arg == "--stdin" || arg.starts_with("--refmap"))
        }
        Some(_) => false,
    }
}

/// Whether a command changes nothing; ending an unfinished operation does.
pub(crate) fn reads_only(args: &[String]) -> bool {
    let changes = |arg: &str| ["rebase", "merge", "cherry-pick", "revert", "bisect"].contains(&arg);
    let names_branch =
        || args.iter().skip_while(|arg| *arg != "branch").nth(1).is_some_and(|arg| !arg.starts_with('-'));
    is_allowed_while_unfinished(args) && !args.iter().any(|arg| changes(arg)) && !names_branch()
}

/// Pushes the task data. Prints the result line with `--batch`, and a warning when commits stay unpublished. The exit
/// code is 0 in any case, as in the scripts: skills push at the end of their work and must not fail when offline.
fn push(invocation: &Invocation, batch: bool) -> u8 {
    let context = match invocation.open() {
        Ok(context) => context,
        Err(error) => {
            invocation.console.warn(&error.to_string());
            None
        }
    };
    let line = match context {
        Some(context) if context.has_any_remote() => publish(invocation, &on_its_remote(context)),
        _ => "NO_REMOTE".to_owned(),
    };
    if batch {
        invocation.console.line(&line);
    }
    0
}

/// The context with the remote of `branch.<name>.remote`, as git-push(1) uses it.
fn on_its_remote(mut context: Context) -> Context {
    let data = context.data_branch().map(|data| format!("branch.{data}.remote"));
    let named = data.ok().and_then(|key| context.repository.config().last(&key)).map(str::to_owned);
    if let Some(Ok(channel)) = named.map(|name| Channel::of_script(&context.repository, Some(&name))) {
        context.channel = channel;
    }
    context
}

fn publish(invocation: &Invocation, context: &Context) -> String {
    let none = Resolutions::new();
    let mut ignore = |_| ();
    let options = SyncOptions {
        commit: false,
        // Mostly nobody else has pushed meanwhile; then one connection is enough.
        push_first: true,
        code_stays: false,
        also: &[],
        rules: MergeRules::Scripts,
        resolutions: &none,
        progress: &mut ignore,
    };
    let outcome = match &context.channel {
        Channel::Remote(_) => reconcile(context, options),
        Channel::Local => {
            let error = Error::new(Kind::NotInitialised, "no remote is named origin");
            Ok(Reconciled::Failed(SyncFailure::NoUpstream, error))
        }
    };
    let detached = matches!(outcome, Ok(Reconciled::Failed(SyncFailure::Detached, _)));
    let (reason, said) = match outcome {
        Ok(Reconciled::Nothing | Reconciled::Pulled) => return "NOTHING".to_owned(),
        Ok(Reconciled::Pushed | Reconciled::Both | Reconciled::Merged) => return "PUSHED".to_owned(),
        Ok(Reconciled::NoRemote) => return "NO_REMOTE".to_owned(),
        Ok(Reconciled::Conflict(_)) => ("rebase_conflict", String::new()),
        Ok(Reconciled::Failed(failure, error)) => (reason(failure, error.kind()), error.to_string()),
        Err(error) => ("unknown", error.to_string()),
    };
    let counts = sync::unreconciled(context).filter(|_| reason != "no_upstream" && !detached);
    let data = context.data_branch().map_or_else(|_| "<branch>".to_owned(), ToString::to_string);
    let unpushed = match &counts {
        None => Some("unpushed commit count unavailable".to_owned()),
        Some(found) if found.counts.ahead == 0 => None,
        Some(found) => Some(format!("{} commit(s) not pushed to {}", found.counts.ahead, found.upstream)),
    };
    if let Some(unpushed) = unpushed {
        invocation.console.warn(&format!("{unpushed}; {}", hint(reason, &data, &said)));
    }
    format!("FAILED:{reason}:{}", counts.map_or_else(|| "unknown".to_owned(), |found| found.counts.ahead.to_string()))
}

fn reason(failure: SyncFailure, kind: Kind) -> &'static str {
    match failure {
        SyncFailure::NoNetwork => "remote_unreachable",
        SyncFailure::NoUpstream => "no_upstream",
        SyncFailure::InTheWay if kind == Kind::Dirty => "dirty_worktree",
        SyncFailure::Push if kind == Kind::Contention => "diverged",
        SyncFailure::Stuck(_) => "rebase_conflict",
        SyncFailure::InTheWay | SyncFailure::Push | SyncFailure::Detached | SyncFailure::Commit => "unknown",
    }
}

/// The cause and the command that helps. Callers search the text for the command.
fn hint(reason: &str, branch: &str, said: &str) -> String {
    match reason {
        "dirty_worktree" => {
            "data worktree has unstaged changes blocking what is published; reconcile with 'ait syncer'".to_owned()
        }
        "rebase_conflict" => {
            "both sides changed the same lines; nothing was touched, so no './ait git rebase --abort' is \
                              needed: reconcile with 'ait sync'"
                .to_owned()
        }
        "no_upstream" => {
            format!("no upstream; set one with './ait git branch --set-upstream-to=origin/{branch}'")
        }
        "remote_unreachable" => {
            "remote unreachable (network or permission); retry './ait git push' once connectivity is restored"
                .to_owned()
        }
        "diverged" => "others push to the remote at the same time; reconcile with 'ait syncer'".to_owned(),
        _ => format!("see './ait git-health' (git: {})", said.lines().next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed_while_unfinished;

    #[test]
    fn commands_that_are_allowed_during_an_unfinished_operation() {
        let harmless =
            |line: &str| is_allowed_while_unfinished(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        for line in [
            "",
            "status -sb",
            "--no-pager log",
            "-c a=b diff",
            "branch",
            "branch --list x",
            "tag -l",
            "stash list",
            "rebase --abort",
            "merge --continue",
            "bisect reset",
            "rev-list HEAD",
            "remote",
            "remote -v",
            "remote get-url origin",
            "config x.y",
            "config --local x.y",
            "config --get-all x.y",
            "config -l",
            "config get x.y",
            "fetch",
            "fetch -q origin main",
            "fetch git@host:a/b.git main:",
            "symbolic-ref --short HEAD",
            "cherry-pick --quit",
        ] {
            assert!(harmless(line), "{line}");
        }
        for line in [
            "add x",
            "commit -m log",
            "-C x add y",
            "branch -D x",
            "tag x",
            "stash",
            "stash pop",
            "rebase main",
            "push",
            "bisect start",
            "checkout x",
            "remote add x y",
            "remote remove x",
            "remote prune origin",
            "remote -v set-url x y",
            "config x.y z",
            "config --unset x.y",
            "config --global --unset x.y",
            "config set x.y z",
            "config edit",
            "config -e",
            "fetch origin main:main",
            "fetch . +a:refs/heads/b",
            "fetch --refmap=a:b origin a",
            "symbolic-ref HEAD refs/heads/x",
            "symbolic-ref -d HEAD",
            "reset",
        ] {
            assert!(!harmless(line), "{line}");
        }
    }
}
