//! Running a check: on a commit, in a temporary worktree of its own, and not more of them at once than a clone may have.
//!
//! One at once is the default of `aitask.checkJobs`: a check is a build and its tests, which use the whole machine, so
//! that two at once take as long as one after the other; and what waits may find meanwhile that the other one has checked
//! the same content.

use crate::coordination::process;
use crate::error::{Error, Kind, Result};
use crate::files::lock::wait_while;
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
use std::io::{Read as _, Seek as _, Write as _};

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
    held: Option<File>,
}

impl Slot {
    /// Waits until fewer checks run on this clone than may. A check that outlives its killed process counts, one of a process
    /// that is stopped does not.
    ///
    /// # Errors
    /// [`Kind::Interrupted`], [`Kind::Io`].
    pub(crate) fn take(context: &Context) -> Result<Self> {
        if context.dry_run || runs_for_this_clone(context) {
            return Ok(Self { held: None });
        }
        let records = context.repository.records();
        records.folder()?;
        let open = |n: u16| {
            let path = records.path(RecordKind::CheckSlot, &n.to_string());
            let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            file.map_err(|error| Error::io("open", &path, &error))
        };
        let mut said = Vec::new();
        let mut held = loop {
            let mut all = (1..=context.settings.check_jobs).map(open).collect::<Result<Vec<_>>>()?;
            if let Some(free) = all.iter().position(|file| file.try_lock().is_ok()) {
                break all.swap_remove(free);
            }
            let holders: Vec<_> = all.iter_mut().filter_map(holder).collect();
            if let Some(holder) = holders.iter().find(|pid| process::is_stopped(&context.repository, **pid)) {
                (context.progress)(&format!("pid {holder} is stopped, and its check is not waited for"));
                return Ok(Self { held: None });
            }
            if let Some(holder) = holders.first().filter(|_| said.is_empty()) {
                let gone = if process::exists(*holder) == Some(false) { ", which is gone" } else { "" };
                let whose = "waiting for the check of another git aitask in this clone";
                said.push(activity::begin_or_say(context.progress, &format!("{whose} (pid {holder}{gone})")));
            }
            let is_stopped = |pid: &u32| process::is_stopped(&context.repository, *pid);
            let mut is_passed = now_and_then(|| holders.iter().any(is_stopped));
            if let Some(free) = wait_while(all, &mut || !is_passed())? {
                break free;
            }
        };
        // A check that outlives its killed process keeps the lock.
        share(&held, Shared::WithChildren);
        // The number is only shown to those who wait.
        let _ = held.rewind().and_then(|()| held.set_len(0));
        let _ = held.write_all(std::process::id().to_string().as_bytes());
        Ok(Self { held: Some(held) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What a check has left running on purpose, such as a server of its build tool, must not keep the lock.
        if let Some(held) = &self.held {
            let _ = held.unlock();
        }
    }
}

/// The process that has a slot.
fn holder(slot: &mut File) -> Option<u32> {
    let mut text = String::new();
    slot.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Runs a command on a commit, in a temporary detached worktree. It is told the task.
pub(crate) fn run(context: &Context, command: &str, task: &TaskName, commit: &Oid, captured: bool) -> Result<Output> {
    let scratch = Scratch::make(context, "check", "merged", commit)?;
    let output = run_for_task(context, command, task, &scratch.path, captured);
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
