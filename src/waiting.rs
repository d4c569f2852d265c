//! The time for which this command waits for others: for its turn on this host, for the remote, and between attempts.
//! `--timeout` limits the sum of these waits. What runs here is not waited for in this sense: local commands of git,
//! hooks, signing, a check of the user, and a transfer that moves.

use crate::error::Result;
use crate::interrupt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The limit of all waits of this command together, in microseconds.
static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);
/// The waits so far, in microseconds.
static WAITED: AtomicU64 = AtomicU64::new(0);
/// How long a hook or the signing program may take, in microseconds; 0 where no setting says it.
static HOOK_LIMIT: AtomicU64 = AtomicU64::new(0);

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Sets the limits of this command.
pub(crate) fn set_limits(waits: Duration, hooks: Option<Duration>) {
    LIMIT.store(micros(waits), Ordering::Release);
    HOOK_LIMIT.store(hooks.map_or(0, micros), Ordering::Release);
}

/// How long a hook or the signing program may take, where a setting says it.
pub(crate) fn hook_limit() -> Option<Duration> {
    Some(HOOK_LIMIT.load(Ordering::Acquire)).filter(|limit| *limit > 0).map(Duration::from_micros)
}

/// How long this command has waited.
pub(crate) fn waited() -> Duration {
    Duration::from_micros(WAITED.load(Ordering::Acquire))
}

/// How long it may still wait.
pub(crate) fn left() -> Duration {
    Duration::from_micros(LIMIT.load(Ordering::Acquire)).saturating_sub(waited())
}

/// Counts from zero again: what comes now is as a command of its own.
pub(crate) fn start_again() {
    WAITED.store(0, Ordering::Release);
}

/// Counts a wait.
pub(crate) fn count(time: Duration) {
    WAITED.fetch_add(micros(time), Ordering::AcqRel);
}

/// Sleeps, and counts it.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`], at once.
pub(crate) fn pause(time: Duration) -> Result<()> {
    let started = Instant::now();
    let paused = interrupt::pause(time);
    count(started.elapsed());
    paused
}
