//! The turns of the clones of one user on this machine that land on the same branch of the same remote after a check: while
//! one of them checks and lands those of its line, the others wait, since each landing makes what they check obsolete.
//!
//! It is a file for each address and branch in `git-aitask/landings` below `XDG_STATE_HOME`, else `~/.local/state`. It names
//! the clone whose turn it is, by the folder of its records, and the last number of its line that counts: a line in decimal
//! digits, and the path. The turn lasts while one of the line with such a number lives; so a clone in which more and more
//! want to land lets others land between, and nobody waits for a process that was killed. The file is locked (flock(2))
//! while it is read and written, and never removed. It saves runs of the check and nothing depends on it: where there is no
//! such folder of this user alone, clones do not wait for each other, nor do those that have different ones.

use crate::coordination::process;
use crate::digest;
use crate::error::Result;
use crate::files::lock::{wait_briefly, wait_while};
use crate::files::read_own;
use crate::files::records::{RecordKind, Records};
use crate::git::remote;
use crate::landing::line::{self, Entry, Place, living, now_and_then};
use crate::project::context::Context;
use crate::waiting;
use crate::worktrees::prepare::RUNNING_FOR;
use rustix::process::geteuid;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClonesTurn {
    /// That of this clone.
    Ours,
    /// That of this clone, after another one had landed.
    OursNow,
    /// It was not waited for any longer.
    NotWaitedFor,
}

/// Who is waited for.
struct Before {
    records: Records,
    clone: PathBuf,
    number: u64,
    entry: Entry,
}

/// Waits until no other clone has its turn, and takes it for all who stand in the line of this clone now. It waits for at
/// most two thirds of the time that is left for the remote, and takes none of that: it only saves runs of the check.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`].
pub(crate) fn wait_for_turn(context: &Context, place: &Place) -> Result<ClonesTurn> {
    // A check may finish a task in another clone; waiting for others there could be waiting for that check.
    let is_in_check = context.repository.git().environment().os(RUNNING_FOR).is_some();
    let Some(path) = path(context, &place.entry.into).filter(|_| !is_in_check) else { return Ok(ClonesTurn::Ours) };
    let limit = waiting::left() / 3 * 2;
    let (begun, mut said) = (Instant::now(), None);
    loop {
        let Some(before) = take(context, &path, place)? else {
            return Ok(if said.is_some() { ClonesTurn::OursNow } else { ClonesTurn::Ours });
        };
        if begun.elapsed() >= limit {
            return Ok(ClonesTurn::NotWaitedFor);
        }
        let Before { records, clone, number, entry } = before;
        if said.replace(number) != Some(number) {
            let (task, clone, into) = (&entry.task, clone.display(), &entry.into);
            (context.progress)(&format!("waiting for {task} in {clone} to land on {into} (pid {})", entry.pid));
        }
        if let Ok(file) = File::open(records.path(RecordKind::Landing, &number.to_string())) {
            let mut is_passed = now_and_then(|| process::is_stopped(&context.repository, entry.pid));
            wait_while(vec![file], &mut || begun.elapsed() < limit && !is_passed())?;
        }
    }
}

/// Those who land in other clones of this user on this machine, or wait there behind one who does, for one who only looks:
/// each with the folder of its clone, those of a clone in order.
pub(crate) fn in_other_clones(context: &Context) -> Vec<(PathBuf, Entry)> {
    let Some((folder, address)) = folder(context).zip(address(context)) else { return Vec::new() };
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let text = read_own(&file.path()).unwrap_or_default();
        let Some((common, _)) = parse(&text).filter(|(common, _)| *common != context.repository.common_dir) else {
            continue;
        };
        let is_there = |entry: &Entry| *name(&address, &entry.into) == *file.file_name();
        let entries = line::all(&Records::new(&common)).into_iter().filter(is_there);
        let clone = if common.ends_with(".git") { common.parent() } else { None };
        let clone = clone.unwrap_or(&common);
        found.extend(entries.map(|entry| (clone.to_owned(), entry)));
    }
    found
}

/// The file of the turns; none where there is no remote, or no folder for it.
fn path(context: &Context, into: &str) -> Option<PathBuf> {
    let name = name(&address(context)?, into);
    DirBuilder::new().recursive(true).mode(0o700).create(place(context)?).ok()?;
    folder(context).map(|folder| folder.join(name))
}

fn name(address: &str, into: &str) -> String {
    digest::of(format!("{address}\0{into}").as_bytes())
}

fn address(context: &Context) -> Option<String> {
    remote::url(&context.repository, context.channel.remote()?).map(Into::into)
}

/// The folder of these files, where it is one of this user alone: what another one can write to says nothing.
fn folder(context: &Context) -> Option<PathBuf> {
    let folder = place(context)?;
    let data = folder.symlink_metadata().ok()?;
    let is_own = data.is_dir() && data.uid() == geteuid().as_raw() && data.mode() & 0o022 == 0;
    is_own.then_some(folder)
}

fn place(context: &Context) -> Option<PathBuf> {
    let environment = context.repository.git().environment();
    let state = environment.os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || environment.os("HOME").map(|home| Path::new(home).join(".local/state"));
    Some(state.or_else(home).filter(|path| path.is_absolute())?.join("git-aitask/landings"))
}

/// Takes the turn, unless somebody of another clone has it. A file that cannot be used stops nobody.
fn take(context: &Context, path: &Path, place: &Place) -> Result<Option<Before>> {
    let Ok(file) = File::options().read(true).write(true).create(true).truncate(false).open(path) else {
        return Ok(None);
    };
    let Some(mut file) = wait_briefly(file)? else { return Ok(None) };
    let mut text = Vec::new();
    let _ = file.read_to_end(&mut text);
    let (own, common) = (context.repository.records(), &context.repository.common_dir);
    let noted = parse(&text);
    if let Some((clone, up_to)) = noted {
        if clone == *common && place.number <= up_to {
            return Ok(None);
        }
        let records = Records::new(&clone);
        let mut others = living(&records, &place.entry.into).into_iter();
        let is_stopped = |entry: &Entry| process::is_stopped(&context.repository, entry.pid);
        let first = others.find(|(number, entry)| *number <= up_to && !is_stopped(entry));
        if let Some((number, entry)) = first.filter(|_| clone != *common) {
            return Ok(Some(Before { records, clone, number, entry }));
        }
    }
    let last = living(&own, &place.entry.into).last().map_or(place.number, |(number, _)| *number);
    let text = [last.max(place.number).to_string().as_bytes(), b"\n", common.as_os_str().as_bytes()].concat();
    let _ = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(&text));
    Ok(None)
}

/// The clone, and the last number of its line that counts.
fn parse(text: &[u8]) -> Option<(PathBuf, u64)> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (number, path) = text.split_at(end);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((PathBuf::from(OsStr::from_bytes(path.get(1..)?)), number))
}
