//! The wait before the next attempt: exponential with full jitter. Attempts are bounded by time and not by a count,
//! since what a user waits for is time.

use crate::error::Result;
use crate::ledger::nonce::random;
use crate::report::activity;
use crate::waiting;
use std::time::Duration;

/// The longest wait after the first attempt: about what one push to a near server takes.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait after any attempt: it lets a crowd of writers spread out, and still leaves several attempts within
/// the default limit of 30 s.
const CAP: Duration = Duration::from_secs(4);
/// The time that attempts leave for the last query of the remote, or a quarter of the limit where that is less: a push
/// without an answer must not stay unexplained because the time was used up by the push itself.
const LAST_QUERY: Duration = Duration::from_secs(5);

/// The wait after attempt `attempt` (the first is 0), given a random number: between zero and 50 ms · 2^attempt, at
/// most 4 s. The whole range is random ("full jitter"), so that writers that collided once do not collide again.
pub(crate) fn delay(attempt: u32, random: u64) -> Duration {
    let ceiling = FIRST.saturating_mul(1 << attempt.min(10)).min(CAP);
    let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % (micros + 1))
}

/// When an operation must stop waiting for others, measured by what this command has waited ([`waiting::waited`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    end: Duration,
    last_query: Duration,
}

impl Deadline {
    /// A deadline after this much more waiting.
    pub(crate) fn after(limit: Duration) -> Self {
        let limit = limit.min(waiting::left());
        Self { end: waiting::waited().saturating_add(limit), last_query: (limit / 4).min(LAST_QUERY) }
    }

    /// The same, where an attempt may take at most this long.
    pub(crate) fn at_most(self, attempt: Duration) -> Self {
        let last_query = self.last_query.min(attempt);
        Self { end: self.end.min(waiting::waited().saturating_add(attempt).saturating_add(last_query)), last_query }
    }

    /// The remaining time.
    pub(crate) fn remaining(&self) -> Duration {
        self.end.saturating_sub(waiting::waited())
    }

    /// The remaining time for an attempt, which leaves some for the last query.
    pub(crate) fn remaining_for_attempt(&self) -> Duration {
        let left = self.remaining();
        left.saturating_sub(self.last_query).max(left / 2)
    }

    /// Waits before the next attempt; `false` when only the time for the last query is left.
    pub(crate) fn wait(&self, attempt: u32) -> Result<bool> {
        let left = || self.remaining().saturating_sub(self.last_query);
        let _activity = activity::begin(|| "waiting before the next attempt".to_owned());
        waiting::pause(delay(attempt, u64::from_le_bytes(random()?)).min(left()))?;
        Ok(!left().is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_for_others_ends_in_their_time() {
        let own = Deadline::after(Duration::from_secs(30));
        for seconds in [1, 3, 10] {
            let left = own.at_most(Duration::from_secs(seconds)).remaining_for_attempt();
            assert!(left <= Duration::from_secs(seconds), "{left:?}");
        }
        assert!(own.at_most(Duration::from_secs(3600)).remaining_for_attempt() <= own.remaining_for_attempt());
    }

    #[test]
    fn waits_grow_and_stay_below_the_cap() {
        assert_eq!(delay(0, 0), Duration::ZERO);
        for attempt in 0..100 {
            let ceiling = FIRST * 2_u32.pow(attempt.min(10));
            for random in [1, 12_345, u64::MAX / 3, u64::MAX] {
                assert!(delay(attempt, random) <= ceiling.min(CAP));
            }
        }
        assert_eq!(delay(3, 400_000), Duration::from_millis(400));
        assert_eq!(delay(u32::MAX, 4_000_000), CAP);
    }
}
