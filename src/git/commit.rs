//! Commits of named files of a checkout, and of nothing else.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::run::{Call, Output};
use crate::git::{Branch, Oid, RefName, Repository, at_work, commit_rules, ref_files};
use crate::interrupt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long another git that holds the index is waited for. git holds it for milliseconds, or for as long as the user
/// writes the message of a commit, which nobody should have to wait for.
const INDEX_WAIT: Duration = Duration::from_secs(10);

/// How long to wait before a commit is built again on the tip that another process has moved.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// The hooks that git-commit(1) runs.
const HOOKS: [&str; 4] = ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"];

/// Commits these files (paths below `dir`) with their present content, and nothing else: what else is staged stays
/// staged. `optional` ones are included unless git ignores them. Waits for another git that holds the index. Returns
/// what git says of the commit; `None` when nothing had changed.
///
/// # Errors
/// [`Kind::Git`] with the exit code of git as the detail `code`, for example when a hook refuses.
pub(crate) fn commit(
    repository: &Repository,
    dir: &Path,
    subject: &str,
    paths: &[String],
    optional: &[String],
) -> Result<Option<Vec<u8>>> {
    let top = dir.ancestors().find(|at| at.join(".git").exists()).unwrap_or(dir);
    at_work::noted(repository, top, || commit_there(repository, dir, subject, paths, optional))
}

fn commit_there(
    repository: &Repository,
    dir: &Path,
    subject: &str,
    paths: &[String],
    optional: &[String],
) -> Result<Option<Vec<u8>>> {
    let (mut named, gone): (Vec<_>, Vec<_>) = paths.iter().partition(|path| dir.join(path).symlink_metadata().is_ok());
    required(patiently(&git(repository, dir, "add").arg("--").args(&named))?, "add")?;
    if !optional.is_empty() && patiently(&git(repository, dir, "add").arg("--").args(optional))?.success() {
        named.extend(optional);
    }
    if !is_plain(repository, dir) {
        return by_porcelain(repository, dir, subject, &named, &gone);
    }
    if !gone.is_empty() {
        let remove = git(repository, dir, "rm").args(["--cached", "--quiet", "--ignore-unmatch", "--"]).args(&gone);
        required(patiently(&remove)?, "rm")?;
    }
    let prefix = dir.strip_prefix(&repository.toplevel).ok().filter(|_| !dir.join(".git").exists());
    let full = |path: &str| prefix.map_or_else(|| path.to_owned(), |prefix| prefix.join(path).display().to_string());
    let staged = git(repository, dir, "ls-files").args(["--stage", "--full-name", "-z", "--"]).args(&named).run()?;
    let mut edits: Vec<_> = staged.stdout.split(|byte| *byte == 0).filter_map(staged_file).collect();
    edits.extend(gone.iter().map(|path| Edit::Remove { path: full(path) }));
    let until = Instant::now() + INDEX_WAIT;
    loop {
        let Some((old, branch)) = head(repository, dir)? else {
            return by_porcelain(repository, dir, subject, &named, &gone);
        };
        let commit = NewCommit {
            parent: ParentCommit::Commit(old.clone()),
            merged: None,
            tree: None,
            edits: edits.clone(),
            message: format!("{subject}\n"),
        };
        let built = objects::build(repository, &[commit])?.commits.pop();
        let new = built.ok_or_else(|| Error::new(Kind::Git, "git made no commit"))?;
        let compare = git(repository, dir, "diff-tree").args(["-r", "--shortstat", "--summary", "--no-renames"]);
        let changes = compare.args([old.as_str(), new.as_str()]).run()?.stdout;
        if changes.is_empty() {
            return Ok(None);
        }
        let reason = format!("commit: {subject}");
        let update = git(repository, dir, "update-ref").args(["-m", &reason, "HEAD", new.as_str(), old.as_str()]);
        let output = update.output();
        // git may have been ended after it moved the branch.
        let is_there = || -> Result<bool> {
            Ok(Oid::parse(&git(repository, dir, "rev-parse").arg("HEAD").run()?.text()) == Some(new.clone()))
        };
        if output.as_ref().is_ok_and(Output::success) || interrupt::cleaning_up(is_there)? {
            let name = branch.as_ref().map_or("detached HEAD", Branch::as_str);
            return Ok(Some([format!("[{name} {}] {subject}\n", new.short()).into_bytes(), changes].concat()));
        }
        let output = output?;
        // Another process committed in the meantime.
        if Instant::now() > until {
            return required(output, "update-ref").map(Some);
        }
        interrupt::pause(RETRY_AFTER)?;
    }
}

/// The commit that is checked out in `dir`, and its branch; `None` where there is no commit yet. No process, as a rule.
fn head(repository: &Repository, dir: &Path) -> Result<Option<(Oid, Option<Branch>)>> {
    if let Some((oid, name)) = ref_files::head(repository, dir) {
        return Ok(Some((oid, name.branch())));
    }
    let head = git(repository, dir, "rev-parse").args(["HEAD", "--symbolic-full-name", "HEAD"]).output()?;
    let text = head.text();
    let mut lines = text.lines();
    let oid = lines.next().and_then(Oid::parse).filter(|_| head.success());
    let branch = lines.next().and_then(RefName::parse).and_then(|name| name.branch());
    Ok(oid.map(|oid| (oid, branch)))
}

fn git(repository: &Repository, dir: &Path, name: &str) -> Call {
    repository.git().write(dir, name).env("GIT_LITERAL_PATHSPECS", "1")
}

/// Whether the commit needs neither hook nor signature, and no merge is in progress. Then it is built in the object
/// store, whose time does not depend on the number of files in the checkout.
fn is_plain(repository: &Repository, dir: &Path) -> bool {
    let config = repository.config();
    let runs = |name: &str| {
        let hook = repository.common_dir.join("hooks").join(name).metadata();
        hook.is_ok_and(|hook| hook.permissions().mode() & 0o111 != 0)
    };
    let merging = repository.common_dir.join("MERGE_HEAD").exists();
    // In a linked worktree the files of a merge are in its own git directory.
    repository.toplevel == repository.root
        && dir.starts_with(&repository.root)
        && !commit_rules::signs(repository)
        && !merging
        && config.last("core.hookspath").is_none()
        && !HOOKS.iter().any(|name| runs(name))
}

/// A line of `git ls-files --stage`: mode, object, stage, path.
fn staged_file(record: &[u8]) -> Option<Edit> {
    let text = std::str::from_utf8(record).ok()?;
    let (head, path) = text.split_once('\t')?;
    let mut words = head.split(' ');
    let (mode, oid) = (words.next()?, Oid::parse(words.next()?)?);
    Some(Edit::Take { path: path.to_owned(), mode: mode.to_owned(), oid })
}

/// Commits by git-commit(1), which runs hooks and signing.
fn by_porcelain(
    repository: &Repository,
    dir: &Path,
    subject: &str,
    named: &[&String],
    gone: &[&String],
) -> Result<Option<Vec<u8>>> {
    let commit = |named: &[&String]| {
        patiently(&git(repository, dir, "commit").args(["--only", "-m", subject, "--"]).args(named))
    };
    let mut output = commit(&[named, gone].concat())?;
    if !gone.is_empty() && output.stderr_text().contains("did not match any file") {
        output = commit(named)?;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let nothing = ["nothing to commit", "nothing added to commit", "no changes added to commit"];
    if output.code == Some(1) && nothing.iter().any(|text| said.contains(text)) {
        return Ok(None);
    }
    required(output, "commit").map(Some)
}

fn required(output: Output, name: &str) -> Result<Vec<u8>> {
    match output.code {
        Some(0) => Ok(output.stdout),
        code => Err(Error::new(Kind::Git, format!("git {name} failed: {}", output.stderr_text()))
            .with(Payload::ExitCode { code: code.unwrap_or(128) })),
    }
}

/// Runs it again while another git holds the index, for [`INDEX_WAIT`] at most.
pub(super) fn patiently(call: &Call) -> Result<Output> {
    let until = Instant::now() + INDEX_WAIT;
    loop {
        let output = call.output()?;
        if output.success() || !output.stderr_text().contains("index.lock") || Instant::now() > until {
            return Ok(output);
        }
        interrupt::pause(interrupt::POLL_INTERVAL)?;
    }
}
