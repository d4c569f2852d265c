//! Whether this clone knows all published task branches.
//!
//! Whoever publishes a task branch moves the lock branch in the same push. So where a fetch brought both together, a swap
//! that finds the lock branch as expected has found all task branches. A fetch of the user may bring the lock branch
//! alone (`git fetch origin aitask-locks main`): then a task branch that is not here may be published all the same.

use crate::files::read_own;
use crate::files::records::RecordKind;
use crate::git::remote::record_name;
use crate::git::{Oid, RefName, RemoteName, Repository, refs, remote};
use crate::ledger::{LOCKS, Ledger};

/// The record of the pushes of this clone since it fetched: the tip of the lock branch that came with all task branches,
/// and the tip that this clone has made of it since.
#[derive(serde::Serialize, serde::Deserialize)]
struct FetchedRecord {
    /// The tip that was fetched; absent where all that this clone has was fetched together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The tip that this clone published last.
    to: String,
}

/// The ref that every fetch of the coordination branches by this program moves with the lock branch.
pub(super) fn kept_locks(remote: &RemoteName) -> Option<RefName> {
    RefName::parse(&remote::known(remote, &Ledger::locks_branch().ok()?))
}

/// Whether the lock branch came to this tip with all task branches: by a fetch of this program, of which `kept` tells; by
/// one that brought all that the configuration names; by a clone; or by pushes of this clone after one of these. No process.
pub(super) fn came_with_task_branches(
    repository: &Repository,
    remote: &RemoteName,
    tip: &Oid,
    kept: Option<&Oid>,
) -> bool {
    if kept == Some(tip) || is_of_whole_fetch(repository, tip.as_str()) {
        return true;
    }
    match repository.records().load::<FetchedRecord>(RecordKind::Fetched, &record_name(remote)) {
        Some(FetchedRecord { from, to }) if to == tip.as_str() => from
            .is_none_or(|from| kept.is_some_and(|kept| kept.as_str() == from) || is_of_whole_fetch(repository, &from)),
        Some(_) => false,
        None => kept.is_none() && was_cloned(repository, remote),
    }
}

/// Records that this clone has moved the lock branch. Best effort: without the record a pick fetches once more. No process.
pub(super) fn note_push(repository: &Repository, remote: &RemoteName, old: Option<&Oid>, new: &Oid) {
    let (records, name) = (repository.records(), record_name(remote));
    let known: Option<FetchedRecord> = records.load(RecordKind::Fetched, &name);
    let from = match (old, known) {
        (Some(old), Some(known)) if known.to == old.as_str() => known.from,
        (Some(old), known) => {
            let is_kept = || kept_locks(remote).is_none_or(|kept| refs::may_exist(repository, &[kept]));
            let was_cloned = known.is_none() && was_cloned(repository, remote) && !is_kept();
            Some(old.to_string()).filter(|old| !was_cloned && !is_of_whole_fetch(repository, old))
        }
        (None, _) => None,
    };
    let _ = records.note(RecordKind::Fetched, &name, &FetchedRecord { from, to: new.to_string() });
}

/// Whether the lock branch is what a clone brought, or pushes made of it since ([`cloned_at`]).
fn was_cloned(repository: &Repository, remote: &RemoteName) -> bool {
    cloned_at(repository, remote).is_some()
}

/// When the clone was made that brought the lock branch, in seconds since 1970, where only pushes of this clone have moved it
/// since. git logs every fetch that moves the branch; a clone writes no entry for it, but one for `HEAD`, which shows that
/// moves are logged at all. No process.
pub(super) fn cloned_at(repository: &Repository, remote: &RemoteName) -> Option<u64> {
    let log = |name: &str| {
        let bytes = read_own(&repository.common_dir.join("logs").join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let is_clone = |line: &str| line.contains("\tclone: ");
    let is_own = |line: &str| line.ends_with("\tupdate by push") || is_clone(line);
    let locks = log(&format!("refs/remotes/{remote}/{LOCKS}")).unwrap_or_default();
    let head = log("HEAD")?;
    let first = head.lines().next().filter(|line| is_clone(line) && locks.lines().all(is_own))?;
    // `OLD NEW NAME <E-MAIL> SECONDS ZONE`, and a tab before the message
    let (_, when) = first.split_once('\t')?.0.rsplit_once("> ")?;
    when.split(' ').next()?.parse().ok()
}

/// What the last fetch of the user brought, here and in the worktree of the current directory.
fn fetch_heads(repository: &Repository) -> impl Iterator<Item = String> {
    let dirs = [Some(repository.common_dir.clone()), crate::git::registry::git_dir(&repository.toplevel)];
    let read = |dir: std::path::PathBuf| String::from_utf8(read_own(&dir.join("FETCH_HEAD")).ok()?).ok();
    dirs.into_iter().flatten().filter_map(read)
}

/// Whether the last fetch of the user brought the lock branch at this commit with all branches. git notes the branches that
/// a command line names as to be merged.
fn is_of_whole_fetch(repository: &Repository, tip: &str) -> bool {
    let line = format!("{tip}\tnot-for-merge\tbranch '{LOCKS}' of ");
    fetch_heads(repository).any(|text| text.lines().any(|other| other.starts_with(&line)))
}
