//! The lock under which one checkout numbers the children of a task. The original scripts take the same lock in the
//! same checkout, so its place, its files and the rules for a stale one are exactly theirs:
//!
//! - `<base>/child_<parent>/` is the lock. Its file `pid` names the process that holds it, `owner` has a random
//!   token.
//! - `<base>/child_<parent>.gc/` is the guard: it exists while a lock is created, reclaimed or removed, and is never
//!   taken from another process.
//! - The base is `AITASKS_LOCK_DIR`, else `aitask-locks-<uid>-<checksum of the project's path>` in `TMPDIR` or
//!   `/tmp`.

use crate::coordination::process;
use crate::error::{Error, Kind, Result};
use crate::interrupt;
use crate::ledger::nonce;
use crate::settings::Environment;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number of attempts that the error message names; callers match "after 20 attempts". The scripts wait half a
/// second for each, and with what they do in between give up after 11 s. Here each is 22 looks at 25 ms, together 11 s
/// as well: short pauses keep the lock from being idle between two agents that create children.
const ATTEMPTS: u32 = 20;
const LOOKS: u32 = 22;
const PAUSE: Duration = Duration::from_millis(25);
/// A lock without a process id is stale when it is older than this, in seconds. The scripts write the id right after
/// they create the folder, so only a process that was killed in between leaves such a lock; both sides must wait
/// equally long.
const STALE_AFTER: u64 = 120;
/// How often the release tries to get the guard, and the pause between two tries: 2 s, as the scripts do. The guard
/// is held for a few file operations, so a longer wait means that its process was killed.
const GUARD_TRIES: u32 = 40;
const GUARD_PAUSE: Duration = Duration::from_millis(50);

/// The lock; it is released when dropped.
#[derive(Debug)]
pub(crate) struct ChildLock {
    dir: PathBuf,
    token: String,
    held: bool,
}

impl ChildLock {
    /// Takes the lock of a parent in the project at `root`; waits for it.
    ///
    /// # Errors
    /// [`Kind::Contention`] when another process still holds it after all attempts.
    pub(crate) fn acquire(environment: &Environment, root: &Path, parent: &str, warn: &dyn Fn(&str)) -> Result<Self> {
        let base = base(environment, root)
            .ok_or_else(|| Error::new(Kind::Io, format!("Failed to resolve child lock base for parent {parent}")))?;
        let lock = Self { dir: base.join(format!("child_{parent}")), token: nonce()?, held: false };
        for look in 0..ATTEMPTS * LOOKS {
            if let Some(lock) = lock.attempt(parent, warn) {
                return Ok(lock);
            }
            if look + 1 < ATTEMPTS * LOOKS {
                interrupt::pause(PAUSE)?;
            }
        }
        let holder = holder(&lock.dir).map_or_else(
            || format!("holder unknown, at {}", lock.dir.display()),
            |pid| {
                format!("held by pid {pid} at {} — remove that directory if that process is gone", lock.dir.display())
            },
        );
        let guard = guard(&lock.dir);
        let aside = if guard.exists() { format!("; a guard is left at {}", guard.display()) } else { String::new() };
        let message = format!(
            "Failed to acquire child creation lock for parent {parent} after {ATTEMPTS} attempts ({holder}){aside}"
        );
        Err(Error::new(Kind::Contention, message))
    }

    /// Tries once to take the lock, under the guard. A lock of a living process is left alone without taking the
    /// guard, so that many waiting processes do not keep its holder from releasing it.
    fn attempt(&self, parent: &str, warn: &dyn Fn(&str)) -> Option<Self> {
        if holder(&self.dir).is_some_and(|pid| process::exists(pid) != Some(false)) {
            return None;
        }
        let _guard = Guard::take(&self.dir, 1)?;
        if let Ok(state) = self.dir.metadata() {
            match holder(&self.dir) {
                Some(pid) if process::exists(pid) == Some(false) => {
                    warn(&format!("Reclaiming child lock for parent {parent} from dead holder pid {pid}"));
                }
                None if age(&state) > STALE_AFTER => {
                    warn(&format!("Removing stale child lock for parent {parent} (age: {}s)", age(&state)));
                }
                _ => return None,
            }
            std::fs::remove_dir_all(&self.dir).ok()?;
        }
        std::fs::create_dir(&self.dir).ok()?;
        let written = std::fs::write(self.dir.join("owner"), format!("{}\n", self.token))
            .and_then(|()| std::fs::write(self.dir.join("pid"), format!("{}\n", std::process::id())));
        if written.is_err() {
            let _ = std::fs::remove_dir_all(&self.dir);
            return None;
        }
        Some(Self { dir: self.dir.clone(), token: self.token.clone(), held: true })
    }

    /// Releases the lock.
    ///
    /// # Errors
    /// [`Kind::Io`] when it cannot be removed: the next child of this task would wait for it in vain.
    pub(crate) fn release(mut self) -> Result<()> {
        if self.remove() {
            return Ok(());
        }
        Err(Error::new(Kind::Io, format!("the child lock {} could not be released; remove it", self.dir.display())))
    }

    /// Removes the lock, unless it has another token by now: then somebody reclaimed it, and it is not this process's.
    fn remove(&mut self) -> bool {
        if !std::mem::take(&mut self.held) {
            return true;
        }
        let Some(_guard) = Guard::take(&self.dir, GUARD_TRIES) else { return false };
        let owner = std::fs::read_to_string(self.dir.join("owner")).unwrap_or_default();
        owner.trim() != self.token || std::fs::remove_dir_all(&self.dir).is_ok()
    }
}

impl Drop for ChildLock {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The guard: a folder beside the lock that exists only while a lock is created or removed.
struct Guard(PathBuf);

impl Guard {
    fn take(lock: &Path, tries: u32) -> Option<Self> {
        let dir = guard(lock);
        for n in 0..tries {
            if std::fs::create_dir(&dir).is_ok() {
                return Some(Self(dir));
            }
            if n + 1 < tries {
                std::thread::sleep(GUARD_PAUSE);
            }
        }
        None
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn guard(lock: &Path) -> PathBuf {
    lock.with_extension("gc")
}

fn holder(lock: &Path) -> Option<u32> {
    std::fs::read_to_string(lock.join("pid")).ok()?.trim().parse().ok()
}

fn age(state: &std::fs::Metadata) -> u64 {
    state.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default().as_secs()
}

/// The folder of the locks of a project. In the shared `/tmp` it must belong to this user and be no symbolic link,
/// since somebody else could have created it.
fn base(environment: &Environment, root: &Path) -> Option<PathBuf> {
    if let Some(dir) = environment.text("AITASKS_LOCK_DIR") {
        let dir = root.join(dir);
        std::fs::create_dir_all(&dir).ok()?;
        return Some(dir);
    }
    let user = rustix::process::getuid().as_raw();
    let place = root.canonicalize().ok()?;
    let crc = cksum(place.as_os_str().as_encoded_bytes());
    let dir = Path::new(environment.text("TMPDIR").unwrap_or("/tmp")).join(format!("aitask-locks-{user}-{crc}"));
    let _ = std::fs::DirBuilder::new().mode(0o700).create(&dir);
    let state = dir.symlink_metadata().ok()?;
    (state.is_dir() && state.uid() == user).then_some(dir)
}

/// The checksum of POSIX cksum(1).
fn cksum(bytes: &[u8]) -> u32 {
    let length = bytes.len().to_le_bytes();
    let used = length.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ (u32::from(*byte) << 24), |crc, _| {
            if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04c1_1db7 }
        })
    };
    !bytes.iter().chain(&length[..used]).fold(0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of cksum(1), which the original scripts call.
    #[test]
    fn the_checksum_is_that_of_cksum() {
        assert_eq!(cksum(b"/srv/repo"), 1_425_485_331);
        assert_eq!(cksum(b""), 4_294_967_295);
    }

    #[test]
    fn a_lock_is_exclusive_reclaimed_from_a_dead_process_and_released() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::default().with("AITASKS_LOCK_DIR", dir.path().to_str().unwrap());
        let take = || ChildLock::acquire(&environment, dir.path(), "7", &|_| {}).unwrap();
        let first = take();
        let lock = dir.path().join("child_7");
        assert_eq!(holder(&lock), Some(std::process::id()));
        assert!(ChildLock { dir: lock.clone(), token: "x".into(), held: false }.attempt("7", &|_| {}).is_none());
        first.release().unwrap();
        assert!(!lock.exists() && !guard(&lock).exists());
        std::fs::create_dir(&lock).unwrap();
        std::fs::write(lock.join("pid"), "2147483646\n").unwrap();
        drop(take());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
