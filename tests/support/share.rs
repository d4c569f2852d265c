//! How much of the long sweeps and races an ordinary run does: an eighth, another one each day.

use std::time::SystemTime;

const SHARES: usize = 8;

/// Whether all of every sweep and race is to be done: `AITASK_TEST_ALL` is set, or this is a long run of `scripts/prove`.
pub(crate) fn thorough() -> bool {
    std::env::var_os("AITASK_TEST_ALL").is_some() || std::env::var_os("AITASK_PROVE").is_some_and(|it| it != "short")
}

/// How many rounds of a race there are: `ordinary`, eight times as many with all, or as many as `AITASK_TEST_ROUNDS` says.
pub(crate) fn rounds(ordinary: usize) -> usize {
    let named = std::env::var("AITASK_TEST_ROUNDS").ok().map(|text| text.parse().unwrap());
    named.unwrap_or(if thorough() { SHARES * ordinary } else { ordinary })
}

/// The number of today, or what `AITASK_TEST_SHARE` says.
pub(crate) fn day() -> usize {
    let named = std::env::var("AITASK_TEST_SHARE").ok().map(|text| text.parse::<usize>().unwrap());
    let days = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / (24 * 60 * 60);
    named.unwrap_or_else(|| usize::try_from(days()).unwrap())
}

/// Which eighth is done today, or the one that `AITASK_TEST_SHARE` (0 to 7) names, to repeat what failed another day.
pub(crate) fn turn() -> usize {
    day() % SHARES
}

/// Whether the `n`-th case of a sweep belongs to this run.
pub(crate) fn in_turn(n: usize) -> bool {
    thorough() || n % SHARES == turn()
}

/// The cases that belong to this run, at least one of them.
pub(crate) fn share<T>(cases: impl IntoIterator<Item = T>) -> Vec<T> {
    let cases: Vec<T> = cases.into_iter().collect();
    if thorough() {
        return cases;
    }
    let first = turn() % cases.len().clamp(1, SHARES);
    cases.into_iter().skip(first).step_by(SHARES).collect()
}
