//! SIGINT, SIGTERM and SIGHUP. One of them stops what is going on as an error does: every process that was started is
//! ended with its process group, what was made for a moment is removed, records stay, and at its end the program raises
//! the same signal again, so that whoever started it sees what ended it.

use crate::error::{Error, Kind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};
use std::cell::Cell;
use std::io::Write as _;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The first signal that arrived, or 0.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// How many wait for somebody who types.
static WAITING_FOR_INPUT: AtomicUsize = AtomicUsize::new(0);
/// How many children own the terminal.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What this thread does is to go on in spite of a signal.
    static CLEANING_UP: Cell<bool> = const { Cell::new(false) };
}

/// How often a wait looks whether a signal has come.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A signal this long after the first one ends the program at once: something is stuck. Not sooner, since a terminal that
/// closes, and a supervisor, send two in a row.
const FORCED_END_AFTER: Duration = Duration::from_secs(5);

/// Begins to look for the signals, but for those that whoever started us had ignored (nohup, a shell's background job).
pub(crate) fn watch() {
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    // Without the handlers the signals end us as they end any program.
    let Ok(mut signals) = Signals::new(wanted) else { return };
    std::thread::spawn(move || {
        let mut since: Option<Instant> = None;
        for signal in signals.forever() {
            let stuck = since.is_some_and(|since| since.elapsed() > FORCED_END_AFTER);
            if stuck || WAITING_FOR_INPUT.load(Ordering::Acquire) > 0 {
                let _ = emulate_default_handler(signal);
            }
            // The terminal sends it to the child as well, and what it means there is the child's to say.
            if signal != SIGINT || ATTACHED.load(Ordering::Acquire) == 0 {
                record(signal);
                since = since.or_else(|| Some(Instant::now()));
            }
        }
    });
}

/// The signals that are ignored, as bits (proc(5)); none where the system does not say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn record(signal: i32) {
    let _ = FIRST.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
}

fn first() -> Option<i32> {
    Some(FIRST.load(Ordering::Acquire)).filter(|signal| *signal != 0)
}

/// Whether what this thread does is to stop.
pub(crate) fn is_wanted() -> bool {
    first().is_some() && !CLEANING_UP.get()
}

/// Fails when this thread is to stop.
///
/// # Errors
/// [`Kind::Interrupted`].
pub(crate) fn check() -> Result<()> {
    if is_wanted() { Err(error()) } else { Ok(()) }
}

/// The error that stops what is going on.
pub(crate) fn error() -> Error {
    let name = first().and_then(signal_name).unwrap_or("a signal");
    Error::new(Kind::Interrupted, format!("stopped by {name}"))
        .advice("run the same command again: it continues where it stopped")
}

/// Sleeps.
///
/// # Errors
/// [`Kind::Interrupted`], at once.
pub(crate) fn pause(time: Duration) -> Result<()> {
    let until = Instant::now() + time;
    loop {
        check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(POLL_INTERVAL));
    }
}

/// Does something that waits for somebody who types; a signal ends the program then, since nothing is going on.
pub(crate) fn waiting_for_input<T>(read: impl FnOnce() -> T) -> T {
    let _counted = Counted::new(&WAITING_FOR_INPUT);
    read()
}

/// Does something while a child owns the terminal: SIGINT is the child's then.
pub(crate) fn attached<T>(wait: impl FnOnce() -> T) -> T {
    let _counted = Counted::new(&ATTACHED);
    wait()
}

/// A child that owned the terminal was ended by SIGINT, so this process stops, too.
pub(crate) fn child_was_interrupted() {
    record(SIGINT);
}

/// Does something that a signal does not keep from being done: putting away what was made for a moment.
pub(crate) fn cleaning_up<T>(work: impl FnOnce() -> T) -> T {
    let before = CLEANING_UP.replace(true);
    let done = work();
    CLEANING_UP.set(before);
    done
}

/// Ends the program by the signal that stopped it, if one did.
pub(crate) fn end() {
    if let Some(signal) = first() {
        let _ = std::io::stdout().flush();
        let _ = emulate_default_handler(signal);
    }
}

struct Counted(&'static AtomicUsize);

impl Counted {
    fn new(count: &'static AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
