//! How long to wait before the next try: exponential with full jitter, bounded by time and not by a count.

use crate::error::Result;
use crate::interrupt;
use crate::ledger::nonce::random;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(50);
const CAP: Duration = Duration::from_secs(4);

/// The wait before try `attempt` + 1 (the first is 0), given a random number: anything between nothing and
/// 50 ms · 2^attempt, at most 4 s.
pub(crate) fn delay(attempt: u32, random: u64) -> Duration {
    let ceiling = FIRST.saturating_mul(1 << attempt.min(10)).min(CAP);
    let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % (micros + 1))
}

/// The end of the time that a command may spend on the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// A deadline this far from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// The same, so much later.
    pub(crate) fn extended(self, by: Duration) -> Self {
        Self(self.0 + by)
    }

    /// What is left; `None` when it has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// What is left, and never less than a last question may take: what a broken push came to is always asked.
    pub(crate) fn remaining_for_query(&self) -> Duration {
        self.remaining().unwrap_or_default().max(Duration::from_secs(5))
    }

    /// Waits before the next try; `false` when the time is up.
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
