//! Picking what is next: the best ready task, or several one after the other; and waiting until there is one.
//!
//! Each task is picked by a swap of its own, so that a command that is killed or fails has picked some of them, each
//! whole. The same command again completes the one that was cut off, and goes on from there.

use crate::error::{Error, Kind, Payload, Result};
use crate::interrupt;
use crate::ledger::random;
use crate::ops::pick::planned_worktree::is_about_one;
use crate::ops::pick::{PickOptions, Picked, pick};
use crate::project::context::Context;
use crate::report::activity;
use crate::waiting;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// How long a command waits for a ready task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// At most this long; `None` until somebody interrupts it.
    pub(crate) limit: Option<Duration>,
    /// Whether somebody is to be told that it waits.
    pub(crate) is_told: bool,
}

/// The options of `git aitask pick --next`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NextOptions {
    /// At most so many tasks.
    pub(crate) max: NonZeroUsize,
    /// How long to wait for the first one.
    pub(crate) patience: Option<Patience>,
}

/// Picks the best ready task, and up to `max` tasks. Fewer are no error.
///
/// # Errors
/// Those of [`pick`] for the first task. What fails after it is a note of the answer, since the tasks before are picked.
pub(crate) fn pick_next(context: &Context, options: &PickOptions, next: NextOptions) -> Result<Picked> {
    let mut options = PickOptions { wanted: Vec::new(), ..options.clone() };
    let mut first = match next.patience {
        Some(patience) => until_ready(context, patience, || pick(context, &options))?,
        None => pick(context, &options)?,
    };
    while first.more.len() + 1 < next.max.get() {
        let last = first.more.last().unwrap_or(&first);
        // What keeps one worktree from being made keeps the next one, too.
        if last.aside.incomplete.is_some() {
            break;
        }
        // Each pick has the time of a command of its own.
        waiting::start_again();
        options.among.except.extend(last.passed_over.iter().copied().chain([last.task.id]));
        match pick(context, &options) {
            Ok(picked) => first.more.push(picked),
            Err(error) if error.kind() == Kind::NothingToPick => break,
            // Something is in the way of all that are left.
            Err(error) if error.kind() == Kind::Occupied => {
                first.aside.notes.push(format!("no further task was picked: {error}"));
                break;
            }
            Err(error) => {
                let again = command!["git aitask pick --next"].note("goes on");
                first
                    .aside
                    .after_swap(Err::<(), _>(error), "no further task was picked", [again])
                    .map_err(|error| with_picked(error, &first))?;
                break;
            }
        }
    }
    Ok(first)
}

/// Adds to an error what was picked before it.
fn with_picked(error: Error, first: &Picked) -> Error {
    let picked: Vec<_> = std::iter::once(first).chain(&first.more).collect();
    let ids: Vec<_> = picked.iter().map(|picked| picked.task.id.to_string()).collect();
    error
        .append(&format!("; picked before that: {}", ids.join(", ")))
        .with(Payload::Picked { picked: Payload::described(&picked) })
}

/// The longest pause after the first look.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: a look is a connection, and who has waited for minutes does not mind half of one more.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The pause after a look (the first is 0): it doubles, and is half of that at least. The rest is random, so that those
/// who wait for the same task do not all come at once.
fn pause_after(look: u32, random: u64) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << look.min(10)).min(LONGEST_PAUSE);
    let half = u64::try_from(longest.as_micros() / 2).unwrap_or(u64::MAX);
    longest / 2 + Duration::from_micros(random % (half + 1))
}

/// Tries again until a task is ready, or the patience ends.
fn until_ready<T>(context: &Context, patience: Patience, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let (started, mut told) = (Instant::now(), Vec::new());
    for look in 0.. {
        let error = match attempt() {
            Err(error) if error.kind() == Kind::NothingToPick => error,
            // What is in the way of the worktrees may go, or another task become ready.
            Err(error) if is_about_one(context, &error) => error,
            // Others were first at each attempt, or the network is gone for a moment: it was there before.
            Err(error) if error.kind() == Kind::Contention => error,
            Err(error) if error.kind() == Kind::Unreachable && look > 0 => error,
            done => return done,
        };
        let waited = started.elapsed();
        let left = patience.limit.map(|limit| limit.saturating_sub(waited));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(error.append(&format!("; waited {:?}", Duration::from_secs(waited.as_secs()))));
        }
        if patience.is_told && look == 0 {
            let limit = left.map_or_else(|| "Ctrl-C ends it".to_owned(), |left| format!("for at most {left:?}"));
            let text = format!("{error}; waits until one is free ({limit})");
            told.extend(activity::begin_or_say(context.progress, &text));
        }
        let pause = pause_after(look, u64::from_le_bytes(random()?));
        interrupt::pause(left.map_or(pause, |left| pause.min(left)))?;
        // The limit of the network is for one look.
        waiting::start_again();
    }
    Err(Error::new(Kind::Bug, "an endless loop ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_never_short() {
        for look in 0..40 {
            let longest = Duration::from_secs(1 << look.min(10)).min(LONGEST_PAUSE);
            for random in [0, 1, 123_456_789, u64::MAX] {
                let pause = pause_after(look, random);
                assert!(pause >= longest / 2 && pause <= longest, "{look} {random} {pause:?}");
            }
        }
    }
}
