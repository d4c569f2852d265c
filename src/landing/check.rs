//! Running a check: on a commit, in a temporary worktree of its own, and not more of them at once than a clone may have.
//!
//! One at once is the default of `aitask.checkJobs`: a check is a build and its tests, which use the whole machine, so
//! that two at once take as long as one after the other; and what waits may find meanwhile that the other one has checked
//! the same content.

use crate::coordination::process;
use crate::error::{Error, Kind, Result};
use crate::files::lock::{is_same, wait_while};
use crate::files::records::RecordKind;
use crate::git::marker::{Shared, share};
use crate::git::objects::{self, NewCommit, ParentCommit};
use crate::git::run::Output;
use crate::git::{Oid, Repository};
use crate::landing::line::now_and_then;
use crate::landing::merge::Merge;
use crate::project::context::Context;
use crate::report::activity;
use crate::task::TaskName;
use crate::worktrees::prepare::{RUNNING_FOR, require_success, run_for_task, running_for};
use crate::worktrees::scratch::Scratch;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the check of a process that is gone is waited for: with what it left running on purpose it may go on for ever.
const LEFT_RUNNING: Duration = Duration::from_secs(600);

/// The commit whose tree is checked: what the output branch will contain. The task branch alone is not checked, since
/// what passes there may fail beside what others have merged.
pub(crate) fn commit_of(repository: &Repository, output: &Oid, merge: &Merge, tip: &Oid) -> Result<Oid> {
    let tree = match merge {
        Merge::Already => return Ok(output.clone()),
        Merge::FastForward => return Ok(tip.clone()),
        Merge::Tree(tree) => tree.clone(),
    };
    let new = NewCommit {
        parent: ParentCommit::Commit(output.clone()),
        merged: Some(tip.clone()),
        tree: Some(tree),
        edits: Vec::new(),
        message: "git aitask: the merged tree, to be checked\n".to_owned(),
    };
    let built = objects::build(repository, &[new])?;
    built.commits.into_iter().next().ok_or_else(|| Error::new(Kind::Bug, "git made no commit to check"))
}

/// Whether this command was started by a command of the project that runs for this clone, such as a check: waiting for that
/// one would be waiting for itself.
pub(crate) fn runs_for_this_clone(context: &Context) -> bool {
    let folder = running_for(context);
    context.repository.git().environment().os(RUNNING_FOR) == Some(folder.as_os_str())
}

/// The right to run a check, given back when it is dropped; no file is held in a dry run, which leaves none.
pub(crate) struct Slot {
    held: Option<(File, PathBuf)>,
}

/// Who has a slot.
struct Holder {
    pid: u32,
    /// The process group of its check, once that runs.
    check: Option<u32>,
}

impl Slot {
    /// Waits until fewer checks run on this clone than may. A check that outlives its killed process counts for
    /// [`LEFT_RUNNING`], as long as its process group lives; one of a process that is stopped does not count.
    ///
    /// # Errors
    /// [`Kind::Interrupted`], [`Kind::Io`].
    pub(crate) fn take(context: &Context) -> Result<Self> {
        if context.dry_run || runs_for_this_clone(context) {
            return Ok(Self { held: None });
        }
        let records = context.repository.records();
        records.folder()?;
        let paths: Vec<_> =
            (1..=context.settings.check_jobs).map(|n| records.path(RecordKind::CheckSlot, &n.to_string())).collect();
        let open = |path: &PathBuf| {
            let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
            file.map_err(|error| Error::io("open", path, &error))
        };
        let (since, mut said) = (Instant::now(), Vec::new());
        // Why somebody is not waited for.
        let passed_over = || {
            let mut holders = paths.iter().filter_map(|path| Holder::of(path));
            holders.find_map(|holder| holder.passed_over(context, since.elapsed()))
        };
        let held = loop {
            let mut all = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
            if let Some(free) = all.iter().position(|file| file.try_lock().is_ok()) {
                break all.swap_remove(free);
            }
            if let Some(why) = passed_over() {
                (context.progress)(&why);
                return Ok(Self { held: None });
            }
            if let Some(Holder { pid, .. }) = paths.iter().find_map(|path| Holder::of(path)).filter(|_| said.is_empty())
            {
                let gone = if process::exists(pid) == Some(false) { ", which is gone" } else { "" };
                let whose = "waiting for the check of another git aitask in this clone";
                said.push(activity::begin_or_say(context.progress, &format!("{whose} (pid {pid}{gone})")));
            }
            let mut is_passed = now_and_then(|| passed_over().is_some());
            if let Some(free) = wait_while(all, &mut || !is_passed())? {
                break free;
            }
        };
        // A check that outlives its killed process keeps the lock.
        share(&held, Shared::WithChildren);
        let is_slot = |path: &&PathBuf| File::open(path).is_ok_and(|slot| is_same(&slot, &held));
        let held = paths.iter().find(is_slot).cloned().map(|path| {
            // Those who wait read it.
            let _ = std::fs::write(&path, std::process::id().to_string());
            (held, path)
        });
        Ok(Self { held })
    }

    /// Where the process group of its check is noted.
    fn group_note(&self) -> Option<&Path> {
        self.held.as_ref().map(|(_, path)| path.as_path())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What a check has left running on purpose, such as a server of its build tool, must not keep the lock.
        if let Some((held, _)) = &self.held {
            let _ = held.set_len(0).and_then(|()| held.unlock());
        }
    }
}

impl Holder {
    fn of(slot: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(slot).ok()?;
        let mut ids = text.split_whitespace().map_while(|id| id.parse().ok());
        Some(Self { pid: ids.next()?, check: ids.next() })
    }

    /// Why its check is not waited for, after that time; none where it is.
    fn passed_over(&self, context: &Context, waited: Duration) -> Option<String> {
        let Self { pid, check } = self;
        if process::is_stopped(&context.repository, *pid) {
            return Some(format!("pid {pid} is stopped, and its check is not waited for"));
        }
        let is_left = || waited >= LEFT_RUNNING || check.is_some_and(|group| !process::group_exists(group));
        let is_passed = process::exists(*pid) == Some(false) && is_left();
        is_passed.then(|| format!("pid {pid} is gone, and what its check left running is not waited for"))
    }
}

/// Runs a command on a commit, in a temporary detached worktree. It is told the task.
pub(crate) fn run(
    context: &Context,
    slot: &Slot,
    command: &str,
    task: &TaskName,
    commit: &Oid,
    captured: bool,
) -> Result<Output> {
    let scratch = Scratch::make(context, "check", "merged", commit)?;
    let output = run_for_task(context, command, task, &scratch.path, captured, slot.group_note());
    let removed = scratch.remove(context);
    let output = output?;
    removed.map(|()| output)
}

/// Refuses what did not pass.
///
/// # Errors
/// [`Kind::CheckFailed`], with the last lines of the output, where it was captured.
pub(crate) fn require_passed(output: &Output, command: &str, task: &TaskName) -> Result<()> {
    require_success(output, |exit| failed(exit, command)).map_err(|error| with_hint(error, task))
}

/// The sentence about a check that ended so.
pub(crate) fn failed(exit: &str, command: &str) -> String {
    format!("the check failed on the merged tree ({exit}): {command}")
}

/// Says what helps after a check has failed.
pub(crate) fn with_hint(error: Error, task: &TaskName) -> Error {
    let commit = command!["git commit -a -m", task.branch_name()];
    error.hint(commit.note("in the worktree, once it is fixed; then finish again"))
}
