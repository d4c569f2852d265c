//! What must be true of every schedule.

use super::World;
use super::commands::{BARE, READY, Reply, WITH_FILE, Who, Wish, held_by, parts, path_of, session_of};
use crate::coordination::{LockEntry, ids};
use crate::error::{Kind, Result};
use crate::ledger::{DATA, IDS, LOCKS};
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A command, and what came of it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) who: Who,
    pub(super) wish: Wish,
    /// The number of its clone.
    pub(super) clone: usize,
    /// How many swaps the remote had made when it began.
    pub(super) begun: usize,
    /// The same when it ended.
    pub(super) ended: usize,
    /// When it began and when it answered, by the clock of the schedule.
    pub(super) time: (usize, Option<usize>),
    /// What it answered; `None` where it was killed.
    pub(super) reply: Option<Result<Reply>>,
    /// Whether something went wrong that it may report.
    pub(super) disturbed: bool,
}

/// The contents that a file had, each with the number of the swap that wrote it.
type Contents = Vec<(usize, Option<String>)>;

/// The contents of every file, by branch and path.
struct Timeline(BTreeMap<(String, String), Contents>);

impl Timeline {
    fn at(&self, branch: &str, path: &str, swap: usize) -> Option<&str> {
        let values = self.0.get(&(branch.to_owned(), path.to_owned()))?;
        values.iter().rev().find(|(at, _)| *at <= swap)?.1.as_deref()
    }

    /// Whether a file had some content at a time from one swap to another.
    fn ever(
        &self,
        branch: &str,
        path: &str,
        mut swaps: RangeInclusive<usize>,
        is_it: impl Fn(Option<&str>) -> bool,
    ) -> bool {
        swaps.any(|swap| is_it(self.at(branch, path, swap)))
    }
}

fn lock_path(task: u64) -> String {
    LockEntry::path(TaskId::top(task))
}

fn lock(task: u64, text: &str) -> LockEntry {
    LockEntry::parse(TaskId::top(task), text.as_bytes(), None)
}

fn holder(task: u64, text: &str) -> Option<usize> {
    session_of(&lock(task, text))
}

fn text(entry: &LockEntry) -> String {
    String::from_utf8(entry.to_bytes()).unwrap()
}

/// What is wrong.
pub(super) fn check(world: &World, beginning: &[(&str, &str, String)], told: &[Told]) -> Result<(), String> {
    let first = |(branch, path, content): &(&str, &str, String)| {
        (((*branch).to_owned(), (*path).to_owned()), vec![(0, Some(content.clone()))])
    };
    let mut timeline = Timeline(beginning.iter().map(first).collect());
    let mut landed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (swap, made) in (1..).zip(world.remote.landed()) {
        let author = &told[made.command];
        landed.entry(made.command).or_default().push(swap);
        let wrong = |what: String| format!("swap {swap}, by command {}, {:?}: {what}", made.command, author.wish);
        for update in &made.moved {
            let (changes, is_child) = world.remote.changes(update);
            let branch = update.name.branch().unwrap().to_string();
            if !is_child {
                return Err(wrong(format!("a commit of {branch} was dropped")));
            }
            for (path, before, after) in changes {
                let judge = |session: Option<usize>, before: &str| {
                    let judged = world.judged.borrow().get(&made.command).is_some_and(|judged| text(judged) == before);
                    let gone = world.gone.borrow();
                    judged || session.and_then(|session| gone.get(&session)).is_some_and(|at| *at < swap)
                };
                change(author, &timeline, swap, (&branch, &path), (before.as_deref(), after.as_deref()), &judge)
                    .map_err(&wrong)?;
                timeline.0.entry((branch.clone(), path)).or_default().push((swap, after));
            }
        }
        for task in WITH_FILE {
            let lock = timeline.at(LOCKS, &lock_path(task), swap).and_then(|text| holder(task, text));
            let file = timeline.at(DATA, &path_of(task), swap).unwrap_or_default();
            let agree = match lock {
                Some(session) => file.starts_with(&held_by(session)),
                None => !file.starts_with("status: Implementing"),
            };
            if !agree {
                return Err(wrong(format!("the lock of t{task} is of {lock:?}, and its file says {file:?}")));
            }
        }
    }
    let mut ids = BTreeMap::new();
    for (command, this) in told.iter().enumerate() {
        let landed = landed.get(&command).map_or(&[][..], Vec::as_slice);
        // Processes of one clone share its refs: when the push of one is answered, its git may set them back to what it
        // pushed, so that another reads that after a fetch. It is at least as new as the beginning of the first.
        let beside = told[..command].iter().filter(|other| other.clone == this.clone && other.ended >= this.begun);
        let since = beside.map(|other| other.begun).fold(this.begun, usize::min);
        let is_own = |nonce: &str| nonce == super::commands::nonce(command);
        reply(this, &timeline, landed, &(since..=this.ended), is_own)
            .map_err(|what| format!("command {command}: {what}; landed: {landed:?}; {this:?}"))?;
        if let Some(Ok(Reply::Id(id))) = &this.reply
            && let Some(other) = ids.insert(*id, command)
        {
            return Err(format!("the id {id} was told to commands {other} and {command}"));
        }
    }
    Ok(())
}

/// Checks what one swap did to one file; `may_replace` tells whether a lock was judged, or its session has ended.
fn change(
    author: &Told,
    timeline: &Timeline,
    swap: usize,
    (branch, path): (&str, &str),
    (before, after): (Option<&str>, Option<&str>),
    may_replace: &dyn Fn(Option<usize>, &str) -> bool,
) -> Result<(), String> {
    let me = author.who.session;
    let task =
        BARE.into_iter().chain(WITH_FILE).find(|task| [lock_path(*task), path_of(*task)].iter().any(|p| p == path));
    let named = match author.wish {
        Wish::Take { task, .. } | Wish::Release { task, .. } | Wish::Edit(task) | Wish::Note(task) => Some(task),
        Wish::Claim | Wish::New => None,
    };
    let holds =
        |condition: bool, what: &str| if condition { Ok(()) } else { Err(format!("{what}: {path}, {before:?}")) };
    holds(task == named, "it changed the file of another task")?;
    match (branch, task) {
        (LOCKS, Some(task)) => match (author.wish, before.map(|text| (text, holder(task, text))), after) {
            (Wish::Take { .. }, None, Some(after)) => holds(holder(task, after) == Some(me), "a lock of another"),
            (Wish::Take { .. }, Some((_, Some(session))), Some(_)) if session == me => Ok(()),
            (Wish::Take { .. }, Some((before, session)), Some(_)) => {
                holds(may_replace(session, before), "it replaced a lock of another, which it did not judge")
            }
            (Wish::Release { .. }, Some((_, session)), None) => {
                holds(session == Some(me), "it released the lock of another")
            }
            _ => holds(false, "it changed a lock"),
        },
        (DATA, Some(task)) => {
            let ((head, notes), (new_head, new_notes)) =
                (parts(before.unwrap_or_default()), parts(after.unwrap_or_default()));
            holds(new_notes.starts_with(notes), "a line was lost")?;
            let was_mine = || {
                let lock = timeline.at(LOCKS, &lock_path(task), swap - 1);
                lock.and_then(|text| holder(task, text)) == Some(me)
            };
            match author.wish {
                Wish::Edit(_) => {
                    holds(head == new_head && was_mine(), "a session changed a task that it does not hold")
                }
                Wish::Note(_) => holds(head == new_head, "a note changed the status"),
                _ => holds(new_notes == notes, "it added a line"),
            }
        }
        (DATA, None) => {
            holds(author.wish == Wish::New && before.is_none() && after == Some(READY), "a task was overwritten")
        }
        (IDS, None) if path == ids::FILE => {
            let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
            holds(number(after) == number(before).map(|id| id + 1), "the counter did not go up by one")
        }
        _ => holds(false, "it changed another file"),
    }
}

/// Checks that what a command answered is true.
fn reply(
    told: &Told,
    timeline: &Timeline,
    landed: &[usize],
    swaps: &RangeInclusive<usize>,
    is_own: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let holds = |condition: bool, what: &str| if condition { Ok(()) } else { Err(what.to_owned()) };
    holds(landed.len() <= 1, "it landed twice")?;
    let is_in_time = || landed.first().is_some_and(|swap| (told.begun + 1..=told.ended).contains(swap));
    let has_not_landed = || holds(landed.is_empty(), "it landed, and said that it did not");
    let has_landed = || holds(is_in_time(), "it said that it landed, and did not");
    let Some(answer) = &told.reply else { return Ok(()) };
    let task = match told.wish {
        Wish::Take { task, .. } | Wish::Release { task, .. } | Wish::Edit(task) | Wish::Note(task) => task,
        Wish::Claim | Wish::New => 0,
    };
    let lock_was =
        |content: Option<&str>| timeline.ever(LOCKS, &lock_path(task), swaps.clone(), |text| text == content);
    match answer {
        Ok(Reply::Taken(entry)) => {
            has_landed()?;
            let content = text(entry);
            holds(timeline.at(LOCKS, &lock_path(task), landed[0]) == Some(&content), "its lock is not there")
        }
        // it did not recognise its push, since one of the refs was set back, but its lock
        Ok(Reply::Kept(entry)) if entry.nonce.as_deref().is_some_and(is_own) => has_landed(),
        Ok(Reply::Kept(entry) | Reply::Held(entry)) => {
            has_not_landed()?;
            holds(lock_was(Some(&text(entry))), "the lock that it named was not there")
        }
        Ok(Reply::Released | Reply::Written) => has_landed(),
        Ok(Reply::NotHeld) => {
            has_not_landed()?;
            holds(lock_was(None), "the task was held all the time")
        }
        Ok(Reply::Over) => {
            has_not_landed()?;
            let is_done = |text: Option<&str>| text.is_some_and(|text| text.starts_with("status: Done"));
            holds(timeline.ever(DATA, &path_of(task), swaps.clone(), is_done), "the task was not done")
        }
        Ok(Reply::Id(id)) => {
            has_landed()?;
            let before = timeline.at(IDS, ids::FILE, landed[0] - 1).map(str::trim);
            holds(before == Some(&id.to_string()), "the counter had another number")
        }
        Err(error) => {
            holds(error.kind() != Kind::Bug && told.disturbed, "an error without a cause")?;
            if error.kind() == Kind::Unknown { Ok(()) } else { has_not_landed() }
        }
    }
}
