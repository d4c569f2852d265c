//! Reading committed code while others work: a command runs in a temporary read-only worktree, which is
//! removed afterwards. Takes no lock, creates no branch, uses no network.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::run::Call;
use crate::git::{Branch, Oid, RefName, RefUpdate, Repository, refs, worktree};
use crate::project::context::Context;
use crate::project::leftovers::{PURPOSE, VARIABLE, Writing, seal};
use crate::worktrees::base::BaseBranch;
use crate::worktrees::scratch::Scratch;
use std::collections::{BTreeMap, BTreeSet};

/// Runs a command (without one, the user's shell) in a temporary read-only worktree of `at` (without one, of the output
/// branch), and returns its exit code.
///
/// # Errors
/// [`Kind::Dirty`] when files or commits were written nevertheless; they are discarded.
pub(crate) fn explore(context: &Context, at: Option<&str>, command: &[String]) -> Result<u8> {
    let repository = &context.repository;
    let commit = match at {
        Some(revision) => resolve(repository, revision)?,
        None => match BaseBranch::find(context, context.settings.output.as_deref()) {
            Ok(base) => base.commit,
            Err(error) if error.kind() == Kind::DetachedHead => resolve(repository, "HEAD")?,
            Err(error) => return Err(error),
        },
    };
    let name = repository.root.file_name().map_or_else(|| "code".into(), std::ffi::OsStr::to_string_lossy);
    let scratch = Scratch::make(context, PURPOSE, &name, &commit)?;
    let branches = refs::load_below(repository, "refs/heads/");
    let ran = seal(&scratch.path, Writing::Refused).and_then(|()| run(context, &scratch, &commit, command));
    let written = branches.and_then(|branches| written(repository, &scratch, &commit, &branches));
    scratch.remove(context)?;
    let (code, written) = (ran?, written?);
    if written.is_empty() {
        return Ok(code);
    }
    let shown: Vec<_> = written.iter().take(10).map(String::as_str).collect();
    let more = written.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "the explore worktree was changed; what is not marked as kept has been discarded: {}{more}",
        shown.join(", ")
    );
    Err(Error::new(Kind::Dirty, message)
        .hint(Hint::from("git aitask new <title>").note("records what was found as a task"))
        .hint(Hint::from("git aitask pick <id>").note("adds a worktree to work in"))
        .with(Payload::Written { written }))
}

fn resolve(repository: &Repository, revision: &str) -> Result<Oid> {
    let wanted = format!("{revision}^{{commit}}");
    let output = repository.read("rev-parse").args(["--verify", "--quiet", "--end-of-options", &wanted]).output()?;
    Oid::parse(&output.text())
        .ok_or_else(|| Error::new(Kind::Usage, format!("{revision:?} names no commit")).hint("git log --oneline --all"))
}

fn run(context: &Context, scratch: &Scratch, commit: &Oid, command: &[String]) -> Result<u8> {
    let environment = context.repository.git().environment();
    let shell = environment.text("SHELL").unwrap_or("sh").to_owned();
    if command.is_empty() {
        let (at, to) = (commit.short(), scratch.path.display());
        (context.progress)(&format!("{at}, read-only, in {to}; exit leaves it and keeps nothing"));
    }
    let (program, args) = command.split_first().map_or((&shell, &[][..]), |(program, args)| (program, args));
    Call::program(environment, program, &scratch.path).args(args).env(VARIABLE, "1").run_attached()
}

/// Lists what differs from the commit: files, but for those that git ignores, and commits. A branch that was created in the
/// worktree is deleted and listed with its tip; a branch that existed before is kept, since others may have moved it
/// meanwhile.
fn written(
    repository: &Repository,
    scratch: &Scratch,
    commit: &Oid,
    branches: &BTreeMap<RefName, Oid>,
) -> Result<Vec<String>> {
    if scratch.path.is_symlink() || !scratch.path.join(".git").exists() {
        return Ok(vec!["the worktree itself was removed".to_owned()]);
    }
    let status = worktree::load_everything(repository, &scratch.path)?;
    let mut written: Vec<_> = status.entries.iter().map(|entry| entry.path.display().to_string()).collect();
    let steps = repository.git().read(&scratch.path, "reflog").args(["--format=%gs"]).output()?.text();
    let is_move = |step: &&str| step.is_empty() || step.starts_with("checkout: ");
    let lost = status.detached && status.head.as_ref() != Some(commit) && steps.is_empty();
    if lost || steps.lines().any(|step| !is_move(&step)) {
        let keeps = status.branch.as_ref().filter(|branch| branches.contains_key(&branch.full()));
        written.insert(
            0,
            keeps.map_or_else(|| "a commit".to_owned(), |branch| format!("a commit (on {branch}, which keeps it)")),
        );
    }
    let visited = steps.lines().filter_map(|step| step.strip_prefix("checkout: moving from ")?.rsplit_once(" to "));
    let visited: BTreeSet<_> = visited.filter_map(|(_, to)| Some(Branch::parse(to).ok()?.full())).collect();
    let now = refs::load_below(repository, "refs/heads/")?;
    for (name, tip) in now.into_iter().filter(|(name, _)| visited.contains(name) && !branches.contains_key(name)) {
        written.insert(
            0,
            format!("the branch {} at {}", name.branch().map_or_else(String::new, |b| b.to_string()), tip.short()),
        );
        refs::swap(repository, &[RefUpdate { name, old: Some(tip), new: None }], "aitask: exploring keeps nothing")?;
    }
    Ok(written)
}
