//! SIGINT, SIGTERM and SIGHUP. A signal stops a command as an error does: the process groups that it started are ended,
//! temporary files are removed, records stay for the next command, and at the end the program raises the same signal
//! again, so that the parent process sees what ended it.
//!
//! Every module may call [`check`] and [`pause`]; only `lib.rs` calls [`watch`] and [`end`].

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
/// How many threads wait for input of the user.
static WAITING_FOR_INPUT: AtomicUsize = AtomicUsize::new(0);
/// How many child processes own the terminal.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread cleans up, which a signal must not stop.
    static CLEANING_UP: Cell<bool> = const { Cell::new(false) };
}

/// How often a wait looks again, for a signal or for what it waits for: a user notices no delay of 20 ms, and 50 looks
/// a second cost nothing.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A second signal this long after the first one ends the program at once: something hangs. An earlier one does not,
/// since a terminal that closes and supervisors send two signals in a row, and cleaning up takes a moment.
const FORCED_END_AFTER: Duration = Duration::from_secs(5);

/// Begins to handle the signals, except those that the parent process has set to be ignored (nohup, a background job of
/// a shell).
pub(crate) fn watch() {
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    // Without handlers a signal ends the program at once, as it ends any program.
    let Ok(mut signals) = Signals::new(wanted) else { return };
    std::thread::spawn(move || {
        let mut since: Option<Instant> = None;
        for signal in signals.forever() {
            let stuck = since.is_some_and(|since| since.elapsed() > FORCED_END_AFTER);
            if stuck || WAITING_FOR_INPUT.load(Ordering::Acquire) > 0 {
                let _ = emulate_default_handler(signal);
            }
            // The terminal sends SIGINT to the child too. An editor or a shell uses it itself, so the child decides.
            if signal != SIGINT || ATTACHED.load(Ordering::Acquire) == 0 {
                record(signal);
                since = since.or_else(|| Some(Instant::now()));
            }
        }
    });
}

/// The ignored signals as a bit mask (proc(5)); none where the system does not tell.
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

/// Whether this thread is to stop.
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

/// The error of a command that a signal stopped.
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

/// Runs something that waits for input of the user. A signal ends the program at once meanwhile, since nothing needs to
/// be cleaned up.
pub(crate) fn waiting_for_input<T>(read: impl FnOnce() -> T) -> T {
    let _counted = Counted::new(&WAITING_FOR_INPUT);
    read()
}

/// Runs something while a child owns the terminal; SIGINT is left to the child meanwhile.
pub(crate) fn attached<T>(wait: impl FnOnce() -> T) -> T {
    let _counted = Counted::new(&ATTACHED);
    wait()
}

/// Records that SIGINT ended a child that owned the terminal, so this process stops too.
pub(crate) fn child_was_interrupted() {
    record(SIGINT);
}

/// Runs something that a signal does not stop: removing temporary files.
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
