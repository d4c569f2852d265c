//! Merging a task branch off to the side, and trying a command on the result.

use super::context::Context;
use crate::error::{Error, Kind, Result};
use crate::git::objects::{self, NewCommit, Parent};
use crate::git::porcelain::commit::Commit;
use crate::git::porcelain::merge_tree::MergeTree;
use crate::git::run::Call;
use crate::git::{Branch, Oid, merge, worktree};
use crate::ledger::transaction::{Plan, Step};
use crate::ledger::{liveness, nonce};
use std::path::PathBuf;
use std::time::Duration;

/// How work is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A commit with two parents, always.
    Merge,
    /// One commit with all changes.
    Squash,
    /// The output branch moves to the task branch.
    Ff,
}

impl Mode {
    /// Reads a setting.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "merge" => Ok(Self::Merge),
            "squash" => Ok(Self::Squash),
            "ff" => Ok(Self::Ff),
            _ => Err(Error::new(Kind::Usage, format!("{text:?} is no way to merge")).hint("use merge, squash or ff")),
        }
    }
}

/// What merging comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// The output branch has everything already.
    Already,
    /// It moves to the tip of the task branch.
    FastForward,
    /// This tree, on top of the output branch.
    Tree(Oid),
}

/// Works out the merge of `tip` into `output`.
///
/// # Errors
/// [`Kind::Conflict`] with the files; for [`Mode::Ff`], when the output branch has commits that the task branch lacks.
pub fn plan(context: &Context, mode: Mode, output: &Oid, into: &Branch, tip: &Oid, branch: &Branch) -> Result<Merge> {
    let repository = &context.repository;
    if merge::is_ancestor(repository, tip, output)? {
        return Ok(Merge::Already);
    }
    let place = || {
        repository
            .worktree_of(branch)
            .ok()
            .flatten()
            .map_or_else(String::new, |record| format!("cd {} && ", record.path.display()))
    };
    let bring = || {
        let source = context.channel.remote().map_or_else(|| into.to_string(), |remote| format!("{remote}/{into}"));
        format!("{}git merge {source}", place())
    };
    if mode == Mode::Ff {
        return if merge::is_ancestor(repository, output, tip)? {
            Ok(Merge::FastForward)
        } else {
            let message = format!("{into} has commits that {branch} lacks, so it cannot be fast-forwarded");
            Err(Error::new(Kind::Conflict, message).hint(bring()).hint("git aitask finish --merge"))
        };
    }
    match merge::merge_tree(repository, output, tip)? {
        MergeTree::Conflict { paths, .. } => {
            let files: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            let message = format!("{branch} conflicts with {into} in {}", files.join(", "));
            Err(Error::new(Kind::Conflict, message)
                .hint(format!("{} (mend the files and commit, then finish again)", bring()))
                .detail("files", files))
        }
        MergeTree::Clean { tree } if Some(&tree) == tree_of(context, output)?.as_ref() => Ok(Merge::Already),
        MergeTree::Clean { tree } => Ok(Merge::Tree(tree)),
    }
}

/// The step that makes the merge; none for a fast-forward, which moves the branch.
#[must_use]
pub fn add(plan: Plan, into: &Branch, merge: &Merge, mode: Mode, tip: &Oid, subject: &str) -> Plan {
    let step = |merge, tree| Step { subject: subject.to_owned(), edits: Vec::new(), merge, tree };
    match (merge, mode) {
        (Merge::Already, _) => plan,
        (Merge::FastForward, _) => plan.advance(into, tip.clone()),
        (Merge::Tree(tree), Mode::Squash) => plan.step(into, step(None, Some(tree.clone()))),
        (Merge::Tree(tree), _) => plan.step(into, step(Some((tip.clone(), tree.clone())), None)),
    }
}

fn tree_of(context: &Context, commit: &Oid) -> Result<Option<Oid>> {
    let object = objects::load(&context.repository, &[commit.to_string()])?.pop().flatten();
    object.map(|object| Commit::parse(&object.data).map(|commit| commit.tree)).transpose()
}

/// How the folders of checks are called; something random follows.
const CHECK: &str = "git-aitask-check-";

/// A detached worktree for a check, in the folder for temporary files, where no tool takes it for part of a repository.
/// A note in the repository says where, so that a later command can remove what a killed one left.
struct CheckPlace {
    note: PathBuf,
    folder: PathBuf,
}

impl CheckPlace {
    fn new(context: &Context) -> Result<Self> {
        let notes = context.repository.private_dir()?.join("check");
        let note = notes.join(std::process::id().to_string());
        let folder = worktree::temporary_folder()?.join(format!("{CHECK}{}", nonce()?));
        let place = Self { note, folder };
        let text = place.folder.to_string_lossy().into_owned();
        let made = std::fs::create_dir_all(&notes).and_then(|()| std::fs::write(&place.note, text));
        made.and_then(|()| std::fs::create_dir(&place.folder))
            .map_err(|error| Error::io("make", &place.folder, &error))?;
        Ok(place)
    }

    fn worktree(&self) -> PathBuf {
        self.folder.join("merged")
    }

    /// Removes worktree, folder and note; what is not there is gone already.
    fn remove(&self, context: &Context) -> Result<()> {
        let path = self.worktree();
        if worktree::list(&context.repository)?.iter().any(|record| record.path == path) {
            worktree::remove(&context.repository, &path, true)?;
        }
        let gone = |result: std::io::Result<()>| match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let removed = gone(std::fs::remove_dir_all(&self.folder)).and_then(|()| gone(std::fs::remove_file(&self.note)));
        removed.map_err(|error| Error::io("remove", &self.folder, &error))
    }
}

/// Removes what checks whose process was killed left behind.
fn sweep(context: &Context) -> Result<()> {
    let notes = std::fs::read_dir(context.repository.common_dir.join("aitask/check"));
    for note in notes.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let pid = note.file_name().and_then(|name| name.to_str()?.parse().ok());
        let folder = std::fs::read_to_string(&note).map(PathBuf::from).unwrap_or_default();
        let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CHECK));
        if ours && pid.is_some_and(|pid| liveness::exists(pid) == Some(false)) {
            CheckPlace { note, folder }.remove(context)?;
        }
    }
    Ok(())
}

/// Runs a command on the merged tree, in a detached worktree that goes away again.
///
/// # Errors
/// [`Kind::CheckFailed`] when it does not exit with 0.
pub fn check(context: &Context, command: &str, output: &Oid, merge: &Merge, tip: &Oid) -> Result<()> {
    let repository = &context.repository;
    let commit = match merge {
        Merge::Already => output.clone(),
        Merge::FastForward => tip.clone(),
        Merge::Tree(tree) => {
            let new = NewCommit {
                parent: Parent::Commit(output.clone()),
                merged: Some(tip.clone()),
                tree: Some(tree.clone()),
                edits: Vec::new(),
                message: "git aitask: the merged tree, to be checked\n".to_owned(),
            };
            let built = objects::build(repository, &[new])?;
            built.commits.into_iter().next().ok_or_else(|| Error::new(Kind::Bug, "git made no commit to check"))?
        }
    };
    sweep(context)?;
    let place = CheckPlace::new(context)?;
    let path = place.worktree();
    let day = Duration::from_secs(24 * 3600);
    let output = worktree::add_detached(repository, &path, &commit).and_then(|()| {
        let call = Call::program(repository.git().environment(), "sh", &path).args(["-c", command]);
        call.limit(day).streams(crate::git::run::Streams::ToStderr).output()
    });
    let removed = place.remove(context);
    let output = output?;
    removed?;
    if output.success() {
        return Ok(());
    }
    let exit = output.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"));
    Err(Error::new(Kind::CheckFailed, format!("the check failed on the merged tree ({exit}): {command}"))
        .hint("mend it in the worktree, commit, then finish again"))
}
