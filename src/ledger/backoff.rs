//! The wait before the next attempt: exponential with full jitter. Attempts are bounded by time and not by a count, since
//! what a user waits for is time.

use crate::error::Result;
use crate::interrupt;
use crate::ledger::nonce::random;
use std::time::{Duration, Instant};

/// The longest wait after the first attempt: about what one push to a near server takes.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait after any attempt: it lets a crowd of writers spread out, and still leaves several attempts within the
/// default limit of 30 s.
const CAP: Duration = Duration::from_secs(4);
/// The time that a query of the remote gets also after the deadline: a push without an answer must not stay unexplained
/// because the time was used up by the push itself.
const LAST_QUERY: Duration = Duration::from_secs(5);

/// The wait after attempt `attempt` (the first is 0), given a random number: between zero and 50 ms · 2^attempt, at most
/// 4 s. The whole range is random ("full jitter"), so that writers that collided once do not collide again.
pub(crate) fn delay(attempt: u32, random: u64) -> Duration {
    let ceiling = FIRST.saturating_mul(1 << attempt.min(10)).min(CAP);
    let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % (micros + 1))
}

/// The time at which a command must stop using the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// A deadline this far from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// A deadline later by this much.
    pub(crate) fn extended(self, by: Duration) -> Self {
        Self(self.0 + by)
    }

    /// The remaining time; `None` when the deadline has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// The remaining time, but at least [`LAST_QUERY`], for a request that only reads.
    pub(crate) fn remaining_for_query(&self) -> Duration {
        self.remaining().unwrap_or_default().max(LAST_QUERY)
    }

    /// Waits before the next attempt; `false` when the deadline has passed.
    pub(crate) fn wait(&self, attempt: u32) -> Result<bool> {
        let Some(left) = self.remaining() else { return Ok(false) };
        interrupt::pause(delay(attempt, u64::from_le_bytes(random()?)).min(left))?;
        Ok(self.remaining().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
