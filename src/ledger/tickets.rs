//! The order in which the processes of one clone entered the queue.
//!
//! Who finds the queue busy makes a ticket: a file in `aitask/queue/` with the next number, which it keeps locked until it
//! has left, and waits until nobody has a smaller one. Nothing depends on it but the order: the head of the queue is who has
//! `queue.lock`. A ticket that nobody has locked is one of a process that was killed, and goes with the next one who waits.

use crate::error::Result;
use crate::files::records::{self, RecordKind, Records};
use crate::ledger::lock_wait::{self, LockMode, LockWait};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How often a number is tried: another process may take the same one at the same moment.
const TRIES: u64 = 100;

/// No ticket gets such a number by counting. Where there is one of the dead all the same, it goes before the next one is
/// made: nobody would ever wait for it, and the highest number of all leaves no other one.
const HIGH: u64 = u64::MAX / 2;

/// The tickets of a clone.
#[derive(Debug)]
pub(super) struct Tickets(Records);

/// What a ticket says.
#[derive(Debug, Serialize, Deserialize)]
struct TicketRecord {
    /// With whom the pushes of its process may be joined; empty for nobody.
    group: String,
}

/// A ticket of this process. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) number: u64,
    path: PathBuf,
    _locked: File,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // The file goes before its lock, so that those who waited for it find the next one at once.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A process that waits in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// The number of its ticket.
    pub(super) number: u64,
    /// With whom its pushes may be joined.
    pub(super) group: String,
}

/// Whether a process has left the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Yes,
    /// It was not waited for any longer.
    NotYet,
    /// This process may not read or remove the ticket.
    Unknown,
}

impl Tickets {
    pub(super) fn new(records: Records) -> Self {
        Self(records)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.0.path(RecordKind::Ticket, &number.to_string())
    }

    /// The numbers of the tickets, smallest first; some may be of processes that were killed.
    pub(super) fn numbers(&self) -> Vec<u64> {
        let names = self.0.names(RecordKind::Ticket);
        let mut numbers: Vec<_> = names.iter().filter_map(|name| name.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Makes a ticket: with this number, where one is given and free, else behind all others. None where the folder cannot
    /// be written.
    pub(super) fn take(&self, number: Option<u64>, group: String) -> Option<Ticket> {
        let bytes = records::encode(&TicketRecord { group }).ok()?;
        let make = |number: u64| -> Result<Option<Ticket>> {
            let made = self.0.create_note(RecordKind::Ticket, &number.to_string(), &bytes, File::lock)?;
            Ok(made.map(|locked| Ticket { number, path: self.path(number), _locked: locked }))
        };
        if let Some(Ok(Some(ticket))) = number.map(make) {
            return Some(ticket);
        }
        for _ in 0..TRIES {
            let last = self.numbers().into_iter().rev().find(|number| *number < HIGH || !self.is_of_the_dead(*number));
            let next = last.map_or(1, |last| last.saturating_add(1));
            if let Some(ticket) = make(next).ok()? {
                return Some(ticket);
            }
        }
        None
    }

    /// Waits until nobody has a smaller number. `goes_on` says how long; false where that was not long enough.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`].
    pub(super) fn wait_for_smaller(&self, own: u64, goes_on: &mut dyn FnMut() -> bool) -> Result<bool> {
        // The last one before this process is waited for; where that gave up or was killed while it waited itself, others
        // are left before it.
        while let Some(number) = self.numbers().into_iter().rfind(|number| *number < own) {
            match self.wait_for(number, goes_on)? {
                Left::Yes => {}
                Left::NotYet => return Ok(false),
                Left::Unknown => return Ok(true),
            }
        }
        Ok(true)
    }

    /// Waits until the process with this ticket has let it go, or is gone.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`].
    pub(super) fn wait_for(&self, number: u64, goes_on: &mut dyn FnMut() -> bool) -> Result<Left> {
        let path = self.path(number);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Left::Yes),
            Err(_) => return Ok(Left::Unknown),
        };
        Ok(match lock_wait::wait(file, LockMode::Shared, goes_on)? {
            LockWait::Locked(file) if is_removed(&path, &file) => Left::Yes,
            LockWait::Locked(_) | LockWait::NoLocks => Left::Unknown,
            LockWait::Stopped => Left::NotYet,
        })
    }

    /// Who comes after the process with the ticket `own`, or after one that has none: the one with the smallest number of
    /// all who still wait.
    pub(super) fn next(&self, own: Option<u64>) -> Option<Waiting> {
        let mut others = self.numbers().into_iter().filter(|number| Some(*number) != own);
        let number = others.find(|number| self.is_held(*number))?;
        let record: Option<TicketRecord> = self.0.load(RecordKind::Ticket, &number.to_string());
        Some(Waiting { number, group: record.map(|record| record.group).unwrap_or_default() })
    }

    /// Whether a ticket is one of a process that was killed; then it is removed.
    fn is_of_the_dead(&self, number: u64) -> bool {
        let path = self.path(number);
        let Ok(file) = File::open(&path) else { return false };
        file.try_lock_shared().is_ok() && is_removed(&path, &file)
    }

    fn is_held(&self, number: u64) -> bool {
        let Ok(file) = File::open(self.path(number)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// Removes the file of a process that was killed, and no other one that has taken its place meanwhile. Whether it is gone.
fn is_removed(path: &Path, file: &File) -> bool {
    let identity = |data: std::fs::Metadata| (data.dev(), data.ino());
    let (Ok(there), Ok(ours)) = (path.symlink_metadata(), file.metadata()) else { return !path.exists() };
    if identity(there) != identity(ours) {
        return true;
    }
    std::fs::remove_file(path).is_ok() || !path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn tickets() -> (TempDir, Tickets) {
        let dir = tempfile::tempdir().unwrap();
        let tickets = Tickets::new(Records::new(dir.path()));
        (dir, tickets)
    }

    /// The ticket of a process that was killed: nobody has it locked.
    fn dead(tickets: &Tickets, number: u64) {
        std::mem::forget(std::fs::File::create(tickets.path(number)).unwrap());
    }

    fn next(number: u64, group: &str) -> Waiting {
        Waiting { number, group: group.to_owned() }
    }

    fn ends(tickets: &Tickets, own: u64) -> bool {
        tickets.wait_for_smaller(own, &mut || false).unwrap()
    }

    #[test]
    fn numbers_grow_while_somebody_waits_and_begin_again_after_that() {
        let (_dir, tickets) = tickets();
        let [one, two] = [(); 2].map(|()| tickets.take(None, String::new()).unwrap());
        assert_eq!((one.number, two.number), (1, 2));
        drop(one);
        assert_eq!(tickets.take(None, String::new()).unwrap().number, 3);
        drop(two);
        assert_eq!(tickets.take(None, String::new()).unwrap().number, 1);
        assert_eq!(tickets.numbers(), [0; 0]);
    }

    #[test]
    fn who_comes_back_gets_its_number_again_unless_another_has_it() {
        let (_dir, tickets) = tickets();
        let _nine = (1..10).map(|_| tickets.take(None, String::new()).unwrap()).collect::<Vec<_>>();
        let back = tickets.take(Some(0), String::new()).unwrap();
        assert_eq!((back.number, tickets.take(Some(0), String::new()).unwrap().number), (0, 10));
    }

    #[test]
    fn a_ticket_that_is_gone_was_let_go() {
        let (_dir, tickets) = tickets();
        assert!(matches!(tickets.wait_for(7, &mut || false).unwrap(), Left::Yes));
        std::fs::create_dir_all(tickets.path(8).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("8", tickets.path(8)).unwrap();
        assert!(matches!(tickets.wait_for(8, &mut || false).unwrap(), Left::Unknown));
    }

    #[test]
    fn nobody_waits_for_the_dead_and_their_tickets_go() {
        let (_dir, tickets) = tickets();
        let first = tickets.take(None, String::new()).unwrap();
        dead(&tickets, 2);
        dead(&tickets, 3);
        let fourth = tickets.take(None, "a".to_owned()).unwrap();
        assert_eq!(tickets.next(Some(1)), Some(next(4, "a")));
        // the first is waited for behind two that are gone
        assert!(!ends(&tickets, fourth.number));
        assert_eq!(tickets.numbers(), [1, 4]);
        drop(first);
        assert!(ends(&tickets, fourth.number));
        assert_eq!(tickets.next(Some(4)), None);
    }

    #[test]
    fn the_highest_number_of_one_who_is_gone_leaves_tickets_for_the_others() {
        let (_dir, tickets) = tickets();
        let first = tickets.take(None, String::new()).unwrap();
        dead(&tickets, u64::MAX);
        dead(&tickets, u64::MAX - 1);
        let second = tickets.take(None, String::new()).unwrap();
        assert_eq!((first.number, second.number, tickets.numbers()), (1, 2, vec![1, 2]));
    }

    #[test]
    fn a_ticket_that_cannot_be_read_stands_for_nobody_to_be_joined_with() {
        let (_dir, tickets) = tickets();
        let waits = tickets.take(None, "a".to_owned()).unwrap();
        std::fs::write(tickets.path(1), "{").unwrap();
        assert_eq!(tickets.next(None), Some(next(1, "")));
        std::fs::write(tickets.path(0), "no number of a ticket").unwrap();
        std::fs::write(tickets.path(0).with_file_name("x"), "no ticket").unwrap();
        assert_eq!(tickets.numbers(), [0, 1]);
        assert!(ends(&tickets, waits.number));
    }
}
