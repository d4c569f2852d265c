//! Worktrees whose creation or removal was interrupted because a command, or git itself, was killed. They are told from
//! complete ones, and repaired or removed. A file that is missing there is nobody's work; a file that was changed is.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::canonicalize_lenient;
use crate::files::records::RecordKind;
use crate::git::leftover_lock::is_open;
use crate::git::porcelain::status::{self, StatusEntry, StatusKind};
use crate::git::run::Call;
use crate::git::worktree::{Coverage, Unsaved};
use crate::git::{Branch, Oid, Repository, registry, worktree};
use crate::interrupt;
use crate::ledger::DATA;
use crate::project::marker::InProgressMarker;
use crate::project::repaired::{Interruption, Repaired};
use crate::task::BRANCH_PREFIX;
use crate::waiting;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Adds a worktree as [`worktree::add`] does, within a note. A worktree that another command added meanwhile is used,
/// and an incomplete one is repaired. Returns the failure of a hook that ran when the worktree was complete.
pub(crate) fn make(
    repository: &Repository,
    path: &Path,
    branch: &Branch,
    start: Option<&Oid>,
    limit: Duration,
) -> Result<Option<Error>> {
    let mut mark = InProgressMarker::making(repository, name_of(branch));
    mark.set()?;
    let coverage = if branch.as_str() == DATA { Coverage::Full } else { Coverage::AsHere };
    if let Err(error) = worktree::add(repository, path, branch, start, coverage) {
        let record = repository
            .worktree_of(branch)?
            .filter(|record| canonicalize_lenient(&record.path) == canonicalize_lenient(path));
        let Some(record) = record else {
            mark.clear();
            return Err(error);
        };
        // The repair waits for every process that has the note locked, so this one must release it.
        drop(mark);
        let site = RecoverableWorktree::of(repository, &record.path, branch);
        if site.repair(limit)? == Some(Repaired::Unregistered) {
            return Err(error);
        }
        let is_of_hook = error.payloads().iter().any(|payload| matches!(payload, Payload::FailedHook { .. }));
        return Ok(is_of_hook.then_some(error));
    }
    mark.clear();
    Ok(None)
}

/// The content of the note about a creation while this program writes the files that a killed git did not. git writes
/// the index last, but the repair needs it first; without the note, a worktree with an index and without some files
/// would look as if the user had deleted them.
const REPAIRING: &[u8] = b"mending\n";

/// What git says when it refuses to remove a worktree, before it removes anything.
const REFUSALS: [&str; 3] = ["validation failed", "cannot remove a locked", "is not a working tree"];

/// How old the lock of a registration may be for a git that this program did not start to count as running: git holds
/// it only while it writes the files, and a note of this program covers everything longer.
const YOUNG: Duration = Duration::from_secs(2);

/// A worktree that may be incomplete: its path, and the name in its notes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecoverableWorktree<'s> {
    pub(crate) repository: &'s Repository,
    pub(crate) name: &'s str,
    pub(crate) path: &'s Path,
}

impl<'s> RecoverableWorktree<'s> {
    /// The worktree of a branch.
    pub(crate) fn of(repository: &'s Repository, path: &'s Path, branch: &'s Branch) -> Self {
        Self { repository, name: name_of(branch), path }
    }

    /// What was interrupted, told from the notes and from git's files (gitrepository-layout(5)): git writes the index
    /// of a worktree after all files, and keeps the registration locked until then. A note of a creation alone proves
    /// nothing: git may have finished, and missing files may have been deleted by the user. No process.
    pub(crate) fn interruption(&self) -> Option<Interruption> {
        if self.path == self.repository.root {
            return None;
        }
        if InProgressMarker::removing(self.repository, self.name).is_there() {
            return Some(Interruption::Removal);
        }
        (self.is_being_repaired() || self.registration().is_some_and(|dir| is_half(&dir)))
            .then_some(Interruption::Making)
    }

    /// Whether a repair of the missing files has begun.
    fn is_being_repaired(&self) -> bool {
        InProgressMarker::making(self.repository, self.name).says(REPAIRING)
    }

    /// Why files are missing, unless the user deleted them: once git has written the index, all files were there.
    fn loss(&self, dir: &Path, what: Interruption) -> Option<Interruption> {
        let is_git = what == Interruption::Removal || !dir.join("index").exists() || self.is_being_repaired();
        is_git.then_some(what)
    }

    /// The git directory of the worktree.
    fn registration(&self) -> Option<PathBuf> {
        if let Some(dir) = registry::git_dir(self.path).filter(|dir| dir.is_dir()) {
            return Some(dir);
        }
        let link = canonicalize_lenient(&self.path.join(".git"));
        let all = std::fs::read_dir(self.repository.common_dir.join("worktrees")).ok()?;
        all.flatten().map(|entry| entry.path()).find(|dir| {
            let text = std::fs::read(dir.join("gitdir")).unwrap_or_default();
            canonicalize_lenient(&dir.join(std::ffi::OsStr::from_bytes(text.trim_ascii_end()))) == link
        })
    }

    /// Waits for a git that is still working on it.
    ///
    /// # Errors
    /// [`Kind::Contention`] when it takes longer than `limit`.
    fn wait(&self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit.min(waiting::left());
        while self.is_busy() {
            if Instant::now() > until {
                let message = format!("a git is still running in {}", self.path.display());
                return Err(Error::new(Kind::Contention, message).advice("run the same command again later"));
            }
            waiting::pause(interrupt::POLL_INTERVAL)?;
        }
        Ok(())
    }

    fn is_busy(&self) -> bool {
        if InProgressMarker::removing(self.repository, self.name).is_held() {
            return true;
        }
        let Some(dir) = self.registration() else { return false };
        let lock = dir.join("index.lock");
        let making = InProgressMarker::making(self.repository, self.name);
        if making.is_there() {
            // A background process of a hook has the note locked too, but does not work on the files.
            return making.is_held() && (is_half(&dir) || lock.exists() || self.is_being_repaired());
        }
        let age = dir.join("locked").metadata().and_then(|data| data.modified()).ok();
        let is_young = age.and_then(|age| age.elapsed().ok()).is_some_and(|age| age < YOUNG);
        (is_half(&dir) && is_young) || (lock.exists() && is_open(&lock))
    }

    /// Repairs the worktree: finishes what was interrupted, and leaves files that differ from the commit as they are.
    /// `None` when there is nothing to do.
    ///
    /// # Errors
    /// [`Kind::Contention`] when a git works on it for longer than `limit`.
    pub(crate) fn repair(&self, limit: Duration) -> Result<Option<Repaired>> {
        let (mut making, mut removing) = (
            InProgressMarker::making(self.repository, self.name),
            InProgressMarker::removing(self.repository, self.name),
        );
        let before = self.interruption();
        if before.is_some() {
            self.wait(limit)?;
        }
        // The git that was waited for may have finished it.
        let Some(what) = self.interruption() else {
            making.clear();
            return Ok(None);
        };
        if before != Some(what) {
            return Ok(None);
        }
        let Some(dir) = self.registration().filter(|dir| self.path.is_dir() && self.is_usable(dir)) else {
            self.unregister()?;
            making.clear();
            removing.clear();
            return Ok(Some(Repaired::Unregistered));
        };
        let loss = self.loss(&dir, what);
        // From here on there is an index, and only the note tells that the missing files were not deleted by the user.
        if loss == Some(Interruption::Making) {
            making.say(REPAIRING)?;
        }
        self.link()?;
        // The process that created the lock file has ended.
        let _ = std::fs::remove_file(dir.join("index.lock"));
        let git = |subcommand: &str| self.git(&dir, subcommand);
        if !dir.join("index").exists() {
            git("read-tree").arg("HEAD").run()?;
            let sparse = git("config").args(["--bool", "core.sparseCheckout"]).output()?;
            if sparse.text() == "true" {
                git("sparse-checkout").arg("reapply").run()?;
            }
        }
        let (missing, work) = self.look(&dir, loss, None)?;
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().flat_map(|path| [path.as_os_str().as_bytes(), b"\0"].concat()).collect();
            git("checkout-index").args(["--force", "--index", "--quiet", "-z", "--stdin"]).input(names).run()?;
        }
        // Best effort: it only makes the next git faster.
        let _ = git("update-index").args(["-q", "--refresh"]).output()?;
        if is_initializing(&dir) {
            let lock = dir.join("locked");
            std::fs::remove_file(&lock).map_err(|error| Error::io("remove", &lock, &error))?;
        }
        making.clear();
        removing.clear();
        if what == Interruption::Making {
            self.run_hook(&dir)?;
        }
        Ok(Some(Repaired::Whole(what, missing, work)))
    }

    /// Runs the hook that git runs last when it adds a worktree. git runs hooks this way since 2.36. A failure of the
    /// hook is no failure of the repair, since the worktree is complete.
    fn run_hook(&self, dir: &Path) -> Result<()> {
        let head = self.git(dir, "rev-parse").arg("HEAD").run()?.text();
        let zeros = "0".repeat(head.len());
        let hook = self.git(dir, "hook").args(["run", "--ignore-missing", "post-checkout", "--", &zeros, &head, "1"]);
        hook.output().map(drop)
    }

    /// The uncommitted changes in the worktree.
    pub(crate) fn load_work(&self) -> Result<Vec<StatusEntry>> {
        let Some(what) = self.interruption() else {
            return Ok(worktree::load_status(self.repository, self.path)?.entries);
        };
        let usable = self.registration().filter(|dir| self.path.is_dir() && self.is_usable(dir));
        let Some(dir) = usable else { return Ok(Vec::new()) };
        let loss = self.loss(&dir, what);
        if dir.join("index").exists() {
            return Ok(self.look(&dir, loss, None)?.1);
        }
        // A temporary index, so that looking changes nothing.
        let beside = self.repository.records().make_folder(RecordKind::Temporary)?;
        let index = beside.path().join("index");
        self.git(&dir, "read-tree").env("GIT_INDEX_FILE", &index).arg("HEAD").run()?;
        Ok(self.look(&dir, loss, Some(&index))?.1)
    }

    /// Refuses when a submodule has commits that no remote has: its repository is removed with the worktree. For an
    /// incomplete worktree the caller has called [`Self::load_work`] before.
    pub(crate) fn require_expendable_submodules(&self) -> Result<()> {
        match self.interruption().and_then(|_| self.registration()) {
            Some(dir) => worktree::require_pushed_submodules(self.repository, self.path, &dir),
            None if worktree::has_submodules(self.path) => {
                worktree::require_expendable_submodules(self.repository, self.path)
            }
            None => Ok(()),
        }
    }

    /// The tracked files that are missing or incomplete because of `loss`, and the other entries that differ.
    fn look(
        &self,
        dir: &Path,
        loss: Option<Interruption>,
        index: Option<&Path>,
    ) -> Result<(Vec<PathBuf>, Vec<StatusEntry>)> {
        let call = self.git(dir, "status").args(["--porcelain=v2", "--branch", "-z", "--no-renames"]);
        let call = call.env("GIT_OPTIONAL_LOCKS", "0");
        let call = call.args(["--untracked-files=normal", "--ignore-submodules=none"]);
        let call = index.map_or_else(|| call.clone(), |index| call.clone().env("GIT_INDEX_FILE", index));
        let (mut missing, mut work) = (Vec::new(), Vec::new());
        for entry in status::parse(&call.run()?.stdout)?.entries {
            let is_gone = loss.is_some() && entry.code == ['.', 'D'];
            if is_gone || (loss == Some(Interruption::Making) && self.is_beginning(dir, &entry)?) {
                missing.push(entry.path);
            } else {
                work.push(entry);
            }
        }
        Ok((missing, work))
    }

    /// Whether a changed file is the beginning of the committed one: git was killed while it wrote it.
    fn is_beginning(&self, dir: &Path, entry: &StatusEntry) -> Result<bool> {
        let file = self.path.join(&entry.path);
        let is_file = file.symlink_metadata().is_ok_and(|data| data.is_file());
        if entry.kind != StatusKind::Ordinary || entry.code != ['.', 'M'] || !is_file {
            return Ok(false);
        }
        let mut name = std::ffi::OsString::from("HEAD:");
        name.push(&entry.path);
        let committed = self.git(dir, "cat-file").arg("--filters").arg(name).run()?.stdout;
        let found = std::fs::read(&file).map_err(|error| Error::io("read", &file, &error))?;
        Ok(found.len() < committed.len() && committed.starts_with(&found))
    }

    /// Removes the worktree within a note. An incomplete one is removed whatever is missing, so the caller must call
    /// [`Self::load_work`] first; for a complete one git refuses uncommitted work, unless it is to be discarded.
    pub(crate) fn remove(&self, work: Unsaved, limit: Duration) -> Result<()> {
        let cut_off = self.interruption();
        if cut_off.is_some() {
            self.wait(limit)?;
            if work == Unsaved::Keep {
                self.require_expendable_submodules()?;
            }
        }
        let mut mark = InProgressMarker::removing(self.repository, self.name);
        mark.set()?;
        if cut_off.is_some() {
            if !self.registration().is_some_and(|dir| self.is_usable(&dir)) {
                self.unregister()?;
            }
            self.link()?;
        }
        let removed = match (cut_off, self.registration()) {
            (Some(_), None) => Ok(()),
            (Some(_), Some(_)) => worktree::remove_cut_off(self.repository, self.path),
            (None, _) => worktree::remove(self.repository, self.path, work),
        };
        // git refuses before it removes anything. After another failure it may have removed something, so the note
        // stays, as does one of an earlier removal.
        let is_refusal = |error: &Error| {
            let said = error.to_string();
            error.kind() == Kind::Dirty || cut_off.is_none() && REFUSALS.iter().any(|refusal| said.contains(refusal))
        };
        if removed.as_ref().err().is_none_or(is_refusal) {
            mark.clear();
            if removed.is_ok() {
                InProgressMarker::making(self.repository, self.name).clear();
            }
        }
        removed
    }

    /// Restores the file `.git` that leads from the worktree to its git directory, by `git worktree repair`.
    fn link(&self) -> Result<()> {
        if self.path.is_dir() && !self.path.join(".git").exists() {
            self.repository.write("worktree").arg("repair").output()?;
        }
        Ok(())
    }

    /// Removes a registration that names no commit, or whose folder is gone. git's own commands refuse an incomplete
    /// registration.
    fn unregister(&self) -> Result<()> {
        let Some(dir) = self.registration() else { return Ok(()) };
        let registry = canonicalize_lenient(&self.repository.common_dir.join("worktrees"));
        if canonicalize_lenient(&dir).parent() != Some(&registry) {
            return Ok(());
        }
        let link = self.path.join(".git");
        if link.is_file() {
            std::fs::remove_file(&link).map_err(|error| Error::io("remove", &link, &error))?;
        }
        std::fs::remove_dir_all(&dir).map_err(|error| Error::io("remove", &dir, &error))
    }

    /// Whether git can work with a registration.
    fn is_usable(&self, dir: &Path) -> bool {
        let names_a_commit = || {
            let call = self.git(dir, "rev-parse").args(["--verify", "--quiet", "HEAD^{commit}"]);
            call.output().is_ok_and(|output| output.success())
        };
        dir.join("commondir").exists() && dir.join("HEAD").exists() && names_a_commit()
    }

    /// A git call in the worktree that works also where its file `.git` is missing.
    fn git(&self, dir: &Path, subcommand: &str) -> Call {
        let call = self.repository.git().write(&self.repository.root, subcommand);
        let call = if self.path.is_dir() { call.dir(self.path) } else { call };
        call.env("GIT_DIR", dir).env("GIT_WORK_TREE", self.path)
    }
}

/// The name of the notes about the worktree of a branch.
pub(crate) fn name_of(branch: &Branch) -> &str {
    branch.as_str().strip_prefix(BRANCH_PREFIX).unwrap_or(branch.as_str())
}

/// Whether a registration is of a worktree that git has not completed.
fn is_half(dir: &Path) -> bool {
    is_initializing(dir) || !dir.join("index").exists()
}

/// Whether a registration has the lock that git sets while it adds the worktree.
fn is_initializing(dir: &Path) -> bool {
    std::fs::read(dir.join("locked")).is_ok_and(|reason| is_initializing_lock(&reason))
}

/// Whether the reason of a lock is the one that git uses while it adds a worktree.
pub(crate) fn is_initializing_lock(reason: &[u8]) -> bool {
    reason.trim_ascii_end() == b"initializing"
}
