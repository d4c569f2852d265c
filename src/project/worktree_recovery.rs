//! Worktrees that a command, or git itself, was killed at: half made, or half removed. They are told from whole ones, made
//! whole, and removed; what is missing in them is nobody's work, and what was changed in them is.

use crate::error::{Error, Kind, Result};
use crate::files::canonicalize_lenient;
use crate::files::records::RecordKind;
use crate::git::leftover_lock::is_open;
use crate::git::porcelain::status::{self, StatusEntry, StatusKind};
use crate::git::run::Call;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, Repository, registry, worktree};
use crate::interrupt;
use crate::project::marker::InProgressMarker;
use crate::project::repaired::{Interruption, Repaired};
use crate::task::BRANCH_PREFIX;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Makes a worktree as [`worktree::add`] does, and notes it meanwhile. One that another command made is as good, and one
/// that git left half made is made whole.
pub(crate) fn make(
    repository: &Repository,
    path: &Path,
    branch: &Branch,
    start: Option<&Oid>,
    limit: Duration,
) -> Result<()> {
    let mut mark = InProgressMarker::making(repository, name_of(branch));
    mark.set()?;
    if let Err(error) = worktree::add(repository, path, branch, start) {
        let record = repository
            .worktree_of(branch)?
            .filter(|record| canonicalize_lenient(&record.path) == canonicalize_lenient(path));
        let Some(record) = record else {
            mark.clear();
            return Err(error);
        };
        // Nobody waits for this command itself.
        drop(mark);
        let site = RecoverableWorktree::of(repository, &record.path, branch);
        return if site.repair(limit)? == Some(Repaired::Unregistered) { Err(error) } else { Ok(()) };
    }
    mark.clear();
    Ok(())
}

/// What the note about a worktree being made says while we write the files that git, killed, did not. Git itself writes
/// the index last; we need it first, so that the index alone would not tell that files are missing.
const REPAIRING: &[u8] = b"mending\n";

/// How long ago a git that we did not start may have begun, to be taken for one that is still at it.
const YOUNG: Duration = Duration::from_secs(2);

/// A worktree: where it is, and the name that its notes have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecoverableWorktree<'s> {
    pub(crate) repository: &'s Repository,
    pub(crate) name: &'s str,
    pub(crate) path: &'s Path,
}

impl<'s> RecoverableWorktree<'s> {
    /// The worktree of a task branch.
    pub(crate) fn of(repository: &'s Repository, path: &'s Path, branch: &'s Branch) -> Self {
        Self { repository, name: name_of(branch), path }
    }

    /// What it is in the middle of, told from the notes and from files of git's (gitrepository-layout(5)): the index of a
    /// worktree is written when all its files are there, and until then its registration is locked. That somebody noted
    /// that git makes it is no sign: git may be done, and the files be somebody's work. Starts no process.
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

    /// Whether somebody began to write the files that git, killed, did not.
    fn is_being_repaired(&self) -> bool {
        InProgressMarker::making(self.repository, self.name).says(REPAIRING)
    }

    /// What its missing files come from, where it is not somebody who deleted them: once git has written the index, all
    /// files were there.
    fn loss(&self, dir: &Path, what: Interruption) -> Option<Interruption> {
        let is_git = what == Interruption::Removal || !dir.join("index").exists() || self.is_being_repaired();
        is_git.then_some(what)
    }

    /// Where git keeps what it knows of the worktree.
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

    /// Waits for a git that is still at it.
    ///
    /// # Errors
    /// [`Kind::Contention`] when it takes longer than `limit`.
    fn wait(&self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        while self.is_busy() {
            if Instant::now() > until {
                let message = format!("a git is still at work in {}", self.path.display());
                return Err(Error::new(Kind::Contention, message).advice("run the same command again later"));
            }
            interrupt::pause(interrupt::POLL_INTERVAL)?;
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
            // What a hook left running in the background holds the note, and is not at the files.
            return making.is_held() && (is_half(&dir) || lock.exists() || self.is_being_repaired());
        }
        let age = dir.join("locked").metadata().and_then(|data| data.modified()).ok();
        let is_young = age.and_then(|age| age.elapsed().ok()).is_some_and(|age| age < YOUNG);
        (is_half(&dir) && is_young) || (lock.exists() && is_open(&lock))
    }

    /// Makes it whole again, and finishes what was begun; what is not as in its commit stays as it is. `None` when there
    /// is nothing to do.
    ///
    /// # Errors
    /// [`Kind::Contention`] when a git is at it for longer than `limit`.
    pub(crate) fn repair(&self, limit: Duration) -> Result<Option<Repaired>> {
        let (mut making, mut removing) = (
            InProgressMarker::making(self.repository, self.name),
            InProgressMarker::removing(self.repository, self.name),
        );
        let before = self.interruption();
        if before.is_some() {
            self.wait(limit)?;
        }
        // The git that was waited for may have done it.
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
        // With an index it looks like one in which somebody deleted files; the note tells otherwise.
        if loss == Some(Interruption::Making) {
            making.say(REPAIRING)?;
        }
        self.link()?;
        // Nobody has it any more.
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
        // Best effort: it is for the speed of the next git.
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

    /// What git does last when it makes a worktree. Before git 2.36 hooks cannot be run so; and what the hook says is told
    /// by no exit code of ours, since the worktree is there.
    fn run_hook(&self, dir: &Path) -> Result<()> {
        let head = self.git(dir, "rev-parse").arg("HEAD").run()?.text();
        let zeros = "0".repeat(head.len());
        let hook = self.git(dir, "hook").args(["run", "--ignore-missing", "post-checkout", "--", &zeros, &head, "1"]);
        hook.output().map(drop)
    }

    /// What in it is in no commit.
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
        // An index beside its own: nothing is changed by looking.
        let beside = self.repository.records().make_folder(RecordKind::Temporary)?;
        let index = beside.path().join("index");
        self.git(&dir, "read-tree").env("GIT_INDEX_FILE", &index).arg("HEAD").run()?;
        Ok(self.look(&dir, loss, Some(&index))?.1)
    }

    /// Refuses where a submodule in it has what no remote has: its repository goes with the worktree. One that is cut off
    /// has been asked for uncommitted work by [`Self::load_work`].
    pub(crate) fn require_expendable_submodules(&self) -> Result<()> {
        match self.interruption().and_then(|_| self.registration()) {
            Some(dir) => worktree::require_pushed_submodules(self.repository, self.path, &dir),
            None if worktree::has_submodules(self.path) => {
                worktree::require_expendable_submodules(self.repository, self.path)
            }
            None => Ok(()),
        }
    }

    /// The tracked files that are not there, or not to their end, because of `loss`; and what else differs.
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

    /// Whether a changed file is the beginning of what is committed: git was killed while it wrote it.
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

    /// Removes the worktree and notes it meanwhile. What is cut off is removed whatever is missing in it, so
    /// [`Self::load_work`] is to be asked before; else git refuses uncommitted work, unless it is to be discarded.
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
        // Git refuses before it begins; where it failed or was ended, it may have begun.
        if removed.as_ref().err().is_none_or(|error| error.kind() == Kind::Dirty) {
            mark.clear();
            if removed.is_ok() {
                InProgressMarker::making(self.repository, self.name).clear();
            }
        }
        removed
    }

    /// Puts back the file that leads from the worktree to its registration; git knows how.
    fn link(&self) -> Result<()> {
        if self.path.is_dir() && !self.path.join(".git").exists() {
            self.repository.write("worktree").arg("repair").output()?;
        }
        Ok(())
    }

    /// Forgets a registration that never came to name a commit, or whose folder is gone. Git's own commands do not take
    /// one that is not whole.
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

    /// Whether a registration is one that git can work with.
    fn is_usable(&self, dir: &Path) -> bool {
        let names_a_commit = || {
            let call = self.git(dir, "rev-parse").args(["--verify", "--quiet", "HEAD^{commit}"]);
            call.output().is_ok_and(|output| output.success())
        };
        dir.join("commondir").exists() && dir.join("HEAD").exists() && names_a_commit()
    }

    /// Git in the worktree, also where the file that leads to its registration is gone.
    fn git(&self, dir: &Path, subcommand: &str) -> Call {
        let call = self.repository.git().write(&self.repository.root, subcommand);
        let call = if self.path.is_dir() { call.dir(self.path) } else { call };
        call.env("GIT_DIR", dir).env("GIT_WORK_TREE", self.path)
    }
}

/// The name that the notes about the worktree of a branch have.
pub(crate) fn name_of(branch: &Branch) -> &str {
    branch.as_str().strip_prefix(BRANCH_PREFIX).unwrap_or(branch.as_str())
}

/// Whether a registration is of a worktree that git has not made to the end.
fn is_half(dir: &Path) -> bool {
    is_initializing(dir) || !dir.join("index").exists()
}

/// Whether a registration has the lock that git puts on it while it makes the worktree.
fn is_initializing(dir: &Path) -> bool {
    std::fs::read(dir.join("locked")).is_ok_and(|reason| is_initializing_lock(&reason))
}

/// Whether the reason of a lock is git's own, while it makes a worktree.
pub(crate) fn is_initializing_lock(reason: &[u8]) -> bool {
    reason.trim_ascii_end() == b"initializing"
}
