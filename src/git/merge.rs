//! Merges without a checkout, and questions about the history.

use crate::error::{Error, Kind, Result};
use crate::files::private_folder;
use crate::files::records::{RecordKind, Records};
use crate::git::history::cuts;
use crate::git::noted_folder::in_noted_folder;
use crate::git::objects::{NewCommit, ParentCommit};
use crate::git::porcelain::cat_file::ObjectKind;
use crate::git::porcelain::commit::Commit;
use crate::git::porcelain::diff_raw::{self, FileDiff};
use crate::git::porcelain::log_raw::{self, LoggedCommit};
use crate::git::porcelain::merge_tree::{self, MergeTree};
use crate::git::porcelain::unmerged::{self, Versions};
use crate::git::run::{Call, Git};
use crate::git::worktree::{Coverage, Unsaved};
use crate::git::{AheadBehind, Branch, Oid, RefName, Repository, objects, worktree};
use crate::interrupt;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The variable that names the commit whose attributes count. git before 2.41 ignores it.
const ATTR_SOURCE: &str = "GIT_ATTR_SOURCE";

/// Which renames a merge detects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renames {
    /// Those that the user has configured: for code.
    AsConfigured,
    /// Renames of files but not of folders, so that a new file in a folder that the other side moved stays where it is:
    /// for task data.
    OfFilesAlone,
}

impl Renames {
    fn given_to(self, call: Call) -> Call {
        match self {
            Self::AsConfigured => call,
            Self::OfFilesAlone => call.setting("merge.directoryRenames", "false"),
        }
    }
}

/// Merges code as git merges it on a checkout of `ours`, whose attributes (`merge=`, `text`) count: those in the checkout
/// of the user may be older, or of another branch. `has_attributes` is whether either of them may have some; only then
/// does it matter that git before 2.41 cannot read those of a commit, so that it needs a checkout of it.
///
/// # Errors
/// Those of [`merge_tree()`].
pub(crate) fn merge_code(repository: &Repository, ours: &Oid, theirs: &Oid, has_attributes: bool) -> Result<MergeTree> {
    let renames = Renames::AsConfigured;
    if has_attributes && repository.git_version()? < (2, 41) {
        return in_worktree(repository, ours, |path| merge_at(repository, path, ours, theirs, renames));
    }
    merge_tree(repository, ours, theirs, renames)
}

/// Merges two commits without touching a checkout of the user: in the object store (git-merge-tree(1), `--write-tree`),
/// or, before git 2.38, in a temporary worktree. The attributes are those of `ours`, from git 2.41 on.
///
/// # Errors
/// [`Kind::Git`] for unrelated histories.
pub(crate) fn merge_tree(repository: &Repository, ours: &Oid, theirs: &Oid, renames: Renames) -> Result<MergeTree> {
    // Where only one side has changed anything, the merge is that side.
    if is_near(repository, ours, theirs)
        && let Some(tree) = tree_of(repository, theirs)?
    {
        return Ok(MergeTree::Clean { tree });
    }
    let call = repository.read("merge-tree").args(["--write-tree", "-z", "--name-only", "--no-messages"]);
    let call = renames.given_to(call.args([ours.as_str(), theirs.as_str()])).env(ATTR_SOURCE, ours.as_str());
    let output = call.output()?;
    let stderr_text = output.stderr_text();
    match output.code {
        Some(code @ (0 | 1)) => merge_tree::parse(code, &output.stdout),
        _ if stderr_text.contains("usage: git merge-tree") => {
            in_worktree(repository, ours, |path| merge_at(repository, path, ours, theirs, renames))
        }
        _ if stderr_text.contains("unrelated histories") => Err(unrelated(ours, theirs)),
        _ => Err(call.failure(&output)),
    }
}

/// What merging some work into a commit changes, whatever the history of the commit has of that work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergedAnew {
    /// Nothing: its content has the work.
    Nothing,
    /// Something: it lacks the work, or a part of it.
    Something,
    /// There is a conflict: it has something else in the same place.
    Conflict,
}

/// Merges the work from `fork` to `tip` into the content of `commit`, as if that had been made on `fork`, too. A merge of
/// the commits themselves leaves out what is in the history of `commit`, also where it was reverted since. Three processes.
pub(crate) fn anew(repository: &Repository, fork: &Oid, commit: &Oid, tip: &Oid) -> Result<MergedAnew> {
    let (Some(there), Some(work)) = (tree_of(repository, commit)?, tree_of(repository, tip)?) else {
        return Ok(MergedAnew::Conflict);
    };
    let [ours, theirs] = [&there, &work].map(|tree| NewCommit {
        parent: ParentCommit::Commit(fork.clone()),
        merged: None,
        tree: Some(tree.clone()),
        edits: Vec::new(),
        message: "aitask: compared\n".to_owned(),
    });
    let built = objects::build(repository, &[ours, theirs])?.commits;
    let [ours, theirs] = &built[..] else { return Err(Error::new(Kind::Bug, "two commits were not built")) };
    Ok(match merge_tree(repository, ours, theirs, Renames::AsConfigured)? {
        MergeTree::Clean { tree } if tree == there => MergedAnew::Nothing,
        MergeTree::Clean { .. } => MergedAnew::Something,
        MergeTree::Conflict { .. } => MergedAnew::Conflict,
    })
}

fn unrelated(ours: &Oid, theirs: &Oid) -> Error {
    Error::new(Kind::Git, format!("{} and {} have no common history", ours.short(), theirs.short()))
        .hint("git fetch --unshallow")
}

fn in_worktree<T>(repository: &Repository, ours: &Oid, merge: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    in_noted_folder(repository, |folder| {
        let path = folder.join("merge");
        let merged = worktree::add_detached(repository, &path, ours, Coverage::AsHere).and_then(|()| merge(&path));
        let removed = interrupt::cleaning_up(|| worktree::remove(repository, &path, Unsaved::Discard));
        let merged = merged?;
        removed?;
        Ok(merged)
    })
}

fn merge_at(repository: &Repository, path: &Path, ours: &Oid, theirs: &Oid, renames: Renames) -> Result<MergeTree> {
    let git = |subcommand: &str| repository.git().write(path, subcommand);
    let call = git("merge").args(["--no-commit", "--no-ff", "--quiet", "--no-autostash", theirs.as_str()]);
    let call = renames.given_to(call);
    let output = call.output()?;
    if output.stderr_text().contains("unrelated histories") {
        return Err(unrelated(ours, theirs));
    }
    let unmerged = git("diff").args(["--name-only", "--diff-filter=U", "-z"]).run()?.stdout;
    let names = unmerged.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let paths: Vec<_> = names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect();
    if output.success() && paths.is_empty() {
        let tree = Oid::parse(&git("write-tree").run()?.text());
        return tree.map(|tree| MergeTree::Clean { tree }).ok_or_else(|| call.failure(&output));
    }
    if paths.is_empty() { Err(call.failure(&output)) } else { Ok(MergeTree::Conflict { tree: ours.clone(), paths }) }
}

/// The conflicts of a merge.
#[derive(Debug)]
pub(crate) struct Conflicts {
    /// The tree of the merge without the files in conflict, to which the merged files are added.
    pub(crate) tree: Oid,
    /// The versions of each file in conflict.
    pub(crate) files: BTreeMap<PathBuf, Versions>,
}

/// The conflicts of [`merge_tree()`] with [`Renames::OfFilesAlone`].
pub(crate) fn conflicts(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<Conflicts> {
    let call =
        repository.read("merge-tree").args(["--write-tree", "-z", "--no-messages", ours.as_str(), theirs.as_str()]);
    let call = Renames::OfFilesAlone.given_to(call).env(ATTR_SOURCE, ours.as_str());
    let output = call.output()?;
    if output.stderr_text().contains("usage: git merge-tree") {
        return in_worktree(repository, ours, |path| conflicts_at(repository, path, theirs));
    }
    let tree = output.stdout.split(|&byte| byte == 0).next().unwrap_or_default();
    let oid = std::str::from_utf8(tree).ok().and_then(Oid::parse).ok_or_else(|| call.failure(&output))?;
    let files = unmerged::parse(output.stdout.get(tree.len() + 1..).unwrap_or_default())?;
    Ok(Conflicts { tree: oid, files })
}

fn conflicts_at(repository: &Repository, path: &Path, theirs: &Oid) -> Result<Conflicts> {
    let git = |subcommand: &str| repository.git().write(path, subcommand);
    let call = git("merge").args(["--no-commit", "--no-ff", "--quiet", "--no-autostash", theirs.as_str()]);
    Renames::OfFilesAlone.given_to(call).output()?;
    let listed = git("ls-files").args(["-u", "-z"]).run()?.stdout;
    let files = unmerged::parse(&listed)?;
    // A tree cannot contain a conflict, so the files in conflict are removed; the caller adds them merged.
    let names: Vec<_> = files.keys().flat_map(|name| [name.as_os_str().as_bytes(), b"\0"].concat()).collect();
    git("update-index").args(["--force-remove", "-z", "--stdin"]).input(names).run()?;
    let call = git("write-tree");
    let output = call.run()?;
    let tree = Oid::parse(&output.text()).ok_or_else(|| call.failure(&output))?;
    Ok(Conflicts { tree, files })
}

/// The result of merging three texts line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MergeFile {
    /// The merged text.
    Clean(Vec<u8>),
    /// The text with conflict markers.
    Marked(Vec<u8>),
    /// None, since one of the texts is binary.
    Binary,
}

/// Merges three texts line by line (git-merge-file(1)). Its files are among the records of the clone, if there is one,
/// where a later command removes what a killed one left.
pub(crate) fn merge_file(git: &Git, records: Option<&Records>, [base, ours, theirs]: [&[u8]; 3]) -> Result<MergeFile> {
    let temp = match records {
        Some(records) => records.make_folder(RecordKind::Temporary)?,
        None => private_folder("git-aitask-merge-", &std::env::temp_dir())?,
    };
    let mut call = git.read(temp.path(), "merge-file").args(["-p", "-L", "LOCAL", "-L", "BASE", "-L", "REMOTE"]);
    for (name, text) in [("ours", ours), ("base", base), ("theirs", theirs)] {
        let path = temp.path().join(name);
        std::fs::write(&path, text).map_err(|error| Error::io("write", &path, &error))?;
        call = call.arg(path);
    }
    let output = call.output()?;
    match output.code {
        Some(0) => Ok(MergeFile::Clean(output.stdout)),
        Some(1..=127) => Ok(MergeFile::Marked(output.stdout)),
        _ if output.stderr_text().contains("Cannot merge binary files") => Ok(MergeFile::Binary),
        _ => Err(call.failure(&output)),
    }
}

/// The merge base of two commits; `None` for unrelated histories.
pub(crate) fn base(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>> {
    for (one, other) in [(ours, theirs), (theirs, ours)] {
        if one == other || is_near(repository, one, other) {
            return Ok(Some(one.clone()));
        }
    }
    let output = repository.read("merge-base").args([ours.as_str(), theirs.as_str()]).output()?;
    Ok(Oid::parse(&output.text()))
}

/// Whether two commits have the same content.
pub(crate) fn have_same_tree(repository: &Repository, one: &Oid, other: &Oid) -> Result<bool> {
    if one == other {
        return Ok(true);
    }
    let trees = [one, other].map(|commit| format!("{commit}^{{tree}}"));
    let text = repository.read("rev-parse").args(trees).run()?.text();
    let mut lines = text.lines();
    Ok(lines.next() == lines.next())
}

/// How many commits, merges aside, one branch has that another one lacks.
pub(crate) fn count_own(repository: &Repository, commit: &Oid, other: &Oid) -> Result<u32> {
    let range = format!("{other}..{commit}");
    let text = repository.read("rev-list").args(["--count", "--no-merges", &range, "--"]).run()?.text();
    Ok(text.parse().unwrap_or(0))
}

/// The tree of a commit.
pub(crate) fn tree_of(repository: &Repository, commit: &Oid) -> Result<Option<Oid>> {
    let object = objects::load_one(repository, commit.as_str())?;
    object.map(|object| Commit::parse(&object.data).map(|commit| commit.tree)).transpose()
}

/// A history of the remote that was rewritten: commits that a local branch still has are no part of it any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RewrittenHistory {
    /// The last commit that the local branch and the former published history share.
    pub(crate) shared: Oid,
    /// How many commits the local branch has after it.
    pub(crate) own: u32,
}

/// Whether the published history `theirs` was rewritten below the branch `local`: the reflog of the remote-tracking ref
/// knows what was published when the local branch left it (git-merge-base(1), `--fork-point`).
pub(crate) fn rewritten(
    repository: &Repository,
    tracking: &RefName,
    local: &Oid,
    theirs: &Oid,
) -> Result<Option<RewrittenHistory>> {
    let call = repository.read("merge-base").args(["--fork-point", tracking.as_str(), local.as_str()]);
    let Some(shared) = Oid::parse(&call.output()?.text()) else { return Ok(None) };
    if is_ancestor(repository, &shared, theirs)? {
        return Ok(None);
    }
    let own = count_own(repository, local, &shared)?;
    Ok(Some(RewrittenHistory { shared, own }))
}

impl RewrittenHistory {
    /// The refusal, with the command that follows the new history, in the checkout `dir`, or, where `branch` is checked out
    /// nowhere, from it; `upstream` is the name of the remote-tracking branch.
    pub(crate) fn error(&self, dir: &Path, branch: Option<&Branch>, upstream: &str) -> Error {
        let Self { shared, own } = self;
        let message = format!(
            "{upstream} was rewritten: it no longer has {}, so nothing of the former history is merged or published",
            shared.short()
        );
        let error = Error::new(Kind::BranchGone, message);
        if let Some(branch) = branch {
            return error.hint(if *own == 0 {
                command!["git branch -f", branch, upstream].within(dir).note("nothing of yours is lost")
            } else {
                command!["git rebase --onto", upstream, shared, branch, "&& git switch -"]
                    .within(dir)
                    .note("carries your own commits over")
            });
        }
        if *own == 0 {
            return error.hint(command!["git reset --keep", upstream].within(dir).note("nothing of yours is lost"));
        }
        error.hint(command!["git rebase --onto", upstream, shared].within(dir).note("carries your own commits over"))
    }
}

/// Whether `ancestor` is reachable from `commit`.
pub(crate) fn is_ancestor(repository: &Repository, ancestor: &Oid, commit: &Oid) -> Result<bool> {
    if ancestor == commit || is_near(repository, ancestor, commit) {
        return Ok(true);
    }
    let call = repository.read("merge-base").args(["--is-ancestor", ancestor.as_str(), commit.as_str()]);
    let output = call.output()?;
    match output.code {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        // A commit that this clone does not have cannot be in the history; git reports that as an error.
        _ if output.stderr_text().contains("Not a valid commit name") => Ok(false),
        _ => Err(call.failure(&output)),
    }
}

/// Those of these commits that are in the history of `tip`. One process.
pub(crate) fn in_history<'c>(
    repository: &Repository,
    commits: impl Iterator<Item = &'c Oid>,
    tip: &Oid,
) -> Result<BTreeSet<&'c Oid>> {
    let commits: BTreeSet<_> = commits.collect();
    let beyond = beyond(repository, &[], &commits, tip.as_str())?;
    Ok(commits.into_iter().filter(|oid| !beyond.contains(oid)).collect())
}

/// Those of these commits that no ref has in its history. One process, where there are any; a commit that is not here is
/// left out.
pub(crate) fn of_no_ref<'c>(repository: &Repository, commits: &'c [Oid]) -> Result<Vec<&'c Oid>> {
    if commits.is_empty() {
        return Ok(Vec::new());
    }
    let beyond = beyond(repository, &["--ignore-missing"], &commits.iter().collect(), "--all")?;
    Ok(commits.iter().filter(|oid| beyond.contains(oid)).collect())
}

/// Those of these commits that are not in the history of a commit, or of all refs (`--all`). They come by standard input, since
/// there may be more than a command line has room for.
fn beyond<'c>(
    repository: &Repository,
    options: &[&str],
    commits: &BTreeSet<&'c Oid>,
    than: &str,
) -> Result<BTreeSet<&'c Oid>> {
    let input = commits.iter().map(|oid| oid.as_str()).collect::<Vec<_>>().join("\n");
    let call = repository.read("rev-list").args(options).args(["--stdin", "--not", than]).input(input);
    let text = call.run()?.text();
    let beyond: BTreeSet<_> = text.lines().collect();
    Ok(commits.iter().filter(|oid| beyond.contains(oid.as_str())).copied().collect())
}

/// How many commits are read before git is asked: what was just merged, or just cut off, is a few commits away.
const NEAR: usize = 16;

/// Whether `ancestor` is one of the last commits in the history of `commit`; no is no answer. Only where objects are being
/// read anyway, since git would cost as much.
fn is_near(repository: &Repository, ancestor: &Oid, commit: &Oid) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), BTreeSet::from([commit.to_string()]));
    while !next.is_empty() && seen.len() + next.len() <= NEAR && objects::are_read(repository) {
        let Ok(found) = objects::load(repository, &next.iter().cloned().collect::<Vec<_>>()) else { return false };
        seen.append(&mut next);
        let commits = found.into_iter().flatten().filter(|object| object.kind == ObjectKind::Commit);
        let parents = commits.filter_map(|object| Some(Commit::parse(&object.data).ok()?.parents)).flatten();
        next = parents.map(|parent| parent.to_string()).filter(|parent| !seen.contains(parent)).collect();
        if next.contains(ancestor.as_str()) {
            return true;
        }
    }
    false
}

/// Whether a commit is in the history of `HEAD` of the main worktree; false when that has no commit.
pub(crate) fn is_in_head(repository: &Repository, commit: &Oid) -> Result<bool> {
    Ok(repository.read("merge-base").args(["--is-ancestor", commit.as_str(), "HEAD"]).output()?.success())
}

/// The commits of the first-parent history up to `tip` that `known` does not contain, oldest first, with the files that
/// each changed. One process.
pub(crate) fn first_parents(repository: &Repository, known: &[&Oid], tip: &Oid) -> Result<Vec<LoggedCommit>> {
    let call = repository.read("log").args(["-z", "--first-parent", "--diff-merges=first-parent", "--raw"]);
    let call = call.args(["--no-abbrev", "--no-renames", "--ignore-submodules=none", "--encoding=UTF-8"]);
    let call = call.args([&format!("--format={}", log_raw::FORMAT), tip.as_str(), "--not"]);
    let mut commits = log_raw::parse(&call.args(known.iter().map(|oid| oid.as_str())).arg("--").run()?.stdout)?;
    commits.reverse();
    Ok(commits)
}

/// The files that differ between two commits. One process.
pub(crate) fn changes(repository: &Repository, from: &Oid, to: &Oid) -> Result<Vec<FileDiff>> {
    let call = repository.read("diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
    diff_raw::parse(&call.args([from.as_str(), to.as_str(), "--"]).run()?.stdout)
}

/// How many commits a branch has that are in the history of none of `known` (commit names); `None` without the branch.
pub(crate) fn count_beyond(repository: &Repository, branch: &Branch, known: &[&str]) -> Result<Option<u32>> {
    let call = repository.read("rev-list").args(["--count", branch.full().as_str(), "--not"]).args(known);
    Ok(call.arg("--").output()?.text().trim().parse().ok())
}

/// The oldest commit in the history of `tip` whose message contains this text.
pub(crate) fn with_message(repository: &Repository, tip: &Oid, text: &str) -> Result<Option<Oid>> {
    let call = repository.read("log").args(["--format=%H", "--fixed-strings", &format!("--grep={text}")]);
    Ok(call.args([tip.as_str(), "--"]).run()?.text().lines().last().and_then(Oid::parse))
}

/// Whether a commit whose message contains this text is reachable from `tip`.
pub(crate) fn has_message(repository: &Repository, tip: &Oid, text: &str) -> Result<bool> {
    let call = repository.read("log").args(["-n", "1", "--format=%H", "--fixed-strings", &format!("--grep={text}")]);
    Ok(!call.args([tip.as_str(), "--"]).run()?.stdout.is_empty())
}

/// The first commit on the first-parent history up to `tip` that contains `commit`; `None` when `tip` does not contain
/// it.
pub(crate) fn first_with(repository: &Repository, commit: &Oid, tip: &Oid) -> Result<Option<Oid>> {
    if !is_ancestor(repository, commit, tip)? {
        return Ok(None);
    }
    let range = format!("{commit}..{tip}");
    let list = |option: &str| repository.read("rev-list").args([option, &range, "--"]).run();
    let (line, descendants) = (list("--first-parent")?.text(), list("--ancestry-path")?.text());
    let descendants: BTreeSet<_> = descendants.lines().collect();
    let first = line.lines().rfind(|oid| descendants.contains(oid)).and_then(Oid::parse);
    Ok(Some(first.unwrap_or_else(|| commit.clone())))
}

/// The commits of `theirs` that `ours` lacks, newest first: short name, subject, author.
pub(crate) fn described(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<Vec<String>> {
    let range = format!("{ours}..{theirs}");
    let text = repository.read("log").args(["--format=%h %s (%an <%ae>)", &range, "--"]).run()?.text();
    Ok(text.lines().map(str::to_owned).collect())
}

/// The files that `theirs` changed since the merge base; for unrelated histories all that differ.
pub(crate) fn changed_since_fork(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<Vec<String>> {
    let diff = |range: [&str; 2]| {
        let call = repository.read("diff-tree").args(["-r", "-z", "--name-only", "--no-renames"]);
        call.args(range).arg("--")
    };
    let fork = base(repository, ours, theirs)?.unwrap_or_else(|| ours.clone());
    let output = diff([fork.as_str(), theirs.as_str()]).run()?;
    let names = output.stdout.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// The subjects of the commits of `theirs` that `ours` lacks, newest first.
pub(crate) fn subjects(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<Vec<String>> {
    let range = format!("{ours}..{theirs}");
    let text = repository.read("log").args(["--format=%s", &range, "--"]).run()?.text();
    Ok(text.lines().map(str::to_owned).collect())
}

/// Whether what two histories have in common is not known in this shallow clone: a commit with which it begins is in one
/// of them alone. One process, and none in a clone that is whole.
pub(crate) fn is_cut_off(repository: &Repository, one: &Oid, other: &Oid) -> Result<bool> {
    let cuts = cuts(repository);
    if cuts.is_empty() || one == other {
        return Ok(false);
    }
    let range = format!("{one}...{other}");
    let text = repository.read("rev-list").args(["--max-parents=0", &range, "--"]).run()?.text();
    Ok(text.lines().filter_map(Oid::parse).any(|first| cuts.contains(&first)))
}

/// [`ahead_behind`]; `None` where that cannot be counted here.
pub(crate) fn counted(repository: &Repository, commit: &Oid, base: &Oid) -> Option<AheadBehind> {
    let is_cut_off = is_cut_off(repository, commit, base).unwrap_or(true);
    (!is_cut_off).then(|| ahead_behind(repository, commit, base).ok()).flatten()
}

/// How many commits `commit` has that `base` lacks, and the reverse.
pub(crate) fn ahead_behind(repository: &Repository, commit: &Oid, base: &Oid) -> Result<AheadBehind> {
    let range = format!("{commit}...{base}");
    let text = repository.read("rev-list").args(["--left-right", "--count", &range, "--"]).run()?.text();
    let mut counts = text.split_whitespace().map(|n| n.parse().unwrap_or(0));
    Ok(AheadBehind { ahead: counts.next().unwrap_or(0), behind: counts.next().unwrap_or(0) })
}

/// [`counted`] for several refs, by their commits. One process; nothing before git 2.41, which cannot tell, and in a
/// shallow clone.
pub(crate) fn counted_together(repository: &Repository, refs: &[RefName], base: &Oid) -> BTreeMap<Oid, AheadBehind> {
    if !cuts(repository).is_empty() {
        return BTreeMap::new();
    }
    let format = format!("--format=%(objectname) %(ahead-behind:{base})");
    let call = repository.read("for-each-ref").arg(format).args(refs.iter().map(RefName::as_str));
    let text = call.run().map(|output| output.text()).unwrap_or_default();
    let counts = |line: &str| {
        let mut words = line.split(' ');
        let commit = Oid::parse(words.next()?)?;
        Some((commit, AheadBehind { ahead: words.next()?.parse().ok()?, behind: words.next()?.parse().ok()? }))
    };
    text.lines().filter_map(counts).collect()
}
