//! A proof: a property that is tried many times, and the row about it in the table of `scripts/prove`.
//!
//! An ordinary run of the tests does a few rounds of each. `scripts/prove` sets `AITASK_PROVE`: to `short`, or to the
//! seconds that a proof has at most; `AITASK_PROVE_ROWS`, the folder that gets a file for each row; and `AITASK_PROVE_ORDER`,
//! a file with when all have to be done (seconds since 1970), on how many threads, and their names in the order in which they
//! begin: what one does not need of its share of the time goes to those after it.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many rounds a proof has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    /// In an ordinary run of the tests.
    pub(crate) ordinary: usize,
    /// In `scripts/prove --short`.
    pub(crate) short: usize,
    /// At most, in `scripts/prove MINUTES`; fewer where the time is over before.
    pub(crate) long: usize,
}

/// A property, and what came of trying it.
#[derive(Debug)]
pub(crate) struct Proof {
    /// The place of the row in the table, as `03b`. Proofs of one property may share a row, whose figures are added up.
    row: &'static str,
    property: &'static str,
    /// What is tried in each round, of which `times` counts.
    tried: &'static str,
    rounds: usize,
    limit: Option<Duration>,
    begun: Instant,
    /// How many rounds have begun.
    round: usize,
    times: usize,
    took: Vec<Duration>,
    violations: Vec<String>,
}

impl Proof {
    /// A proof that has not begun. `tried` is what the table counts: "races", "schedules".
    pub(crate) fn new(row: &'static str, property: &'static str, tried: &'static str, rounds: Rounds) -> Self {
        let effort = std::env::var("AITASK_PROVE").ok();
        let seconds: Option<u64> = effort.as_deref().and_then(|text| text.parse().ok());
        let rounds = match effort.as_deref() {
            None => rounds.ordinary,
            Some("short") => rounds.short,
            Some(_) => rounds.long,
        };
        let share = std::env::var_os("AITASK_PROVE_ORDER").and_then(|path| {
            let order = std::fs::read_to_string(path).ok()?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            share(&order, std::thread::current().name()?, now)
        });
        let limit = seconds.map(|seconds| share.unwrap_or(Duration::from_secs(seconds)));
        let begun = Instant::now();
        Self {
            row,
            property,
            tried,
            rounds,
            limit,
            begun,
            round: 0,
            times: 0,
            took: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// How many rounds there are at most.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds
    }

    /// The number of the next round, from 0; `None` when all are done or the time is over. A violation ends it, too,
    /// after three.
    pub(crate) fn next_round(&mut self) -> Option<usize> {
        let is_over = self.limit.is_some_and(|limit| self.begun.elapsed() >= limit);
        if self.round >= self.rounds || is_over || self.violations.len() >= 3 {
            return None;
        }
        self.round += 1;
        Some(self.round - 1)
    }

    /// Counts what was tried.
    pub(crate) fn tried(&mut self, times: usize) {
        self.times += times;
    }

    /// Notes how long one of those took; the table has the median and the longest.
    pub(crate) fn took(&mut self, time: Duration) {
        self.took.push(time);
    }

    /// Notes a violation where the property does not hold.
    pub(crate) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(what());
        }
    }

    /// Writes the row; fails when there was a violation, or when nothing was tried.
    #[track_caller]
    pub(crate) fn end(mut self) {
        let seconds = self.begun.elapsed().as_secs_f32();
        let (times, violations) = (self.times, self.violations.len());
        let Self { row, property, tried, .. } = self;
        self.took.sort();
        let each = |time: &Duration| format!("{:.2}", time.as_secs_f32());
        let middle = self.took.get(self.took.len() / 2).map(each).unwrap_or_default();
        let longest = self.took.last().map(each).unwrap_or_default();
        // not println!, which the test runner keeps to itself
        let _ = writeln!(std::io::stderr(), "{property}: {times} {tried}, {violations} violations, {seconds:.1} s");
        if let Some(folder) = std::env::var_os("AITASK_PROVE_ROWS").map(PathBuf::from) {
            let line =
                format!("{row}\t{property}\t{tried}\t{times}\t{violations}\t{seconds:.0}\t{middle}\t{longest}\n");
            // a row may be that of several tests
            let test = std::thread::current().name().unwrap_or_default().replace("::", ".");
            std::fs::write(folder.join(format!("{row} {test}")), line).unwrap();
        }
        let shown = self.violations.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(violations == 0, "{property}: {violations} violations in {times} {tried}\n{shown}");
        assert!(times > 0, "{property}: nothing was tried");
    }
}

/// The time of the test `name`: that until the end, divided by how many rounds of the threads are left with it.
fn share(order: &str, name: &str, now: Duration) -> Option<Duration> {
    let (first, names) = order.split_once('\n')?;
    let (until, threads) = first.split_once(' ')?;
    let names: Vec<_> = names.lines().collect();
    let left = names.len() - names.iter().position(|other| *other == name)?;
    let rounds = u32::try_from(left.div_ceil(threads.parse().ok()?)).ok()?;
    Some(Duration::from_secs(until.parse().ok()?).saturating_sub(now) / rounds)
}

#[test]
fn what_a_proof_does_not_need_of_its_time_goes_to_those_after_it() {
    let order = "1000 2\na\nb\nc\nd\ne\n";
    let share = |name, now| share(order, name, Duration::from_secs(now));
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!((share("a", 400), share("b", 400)), (seconds(200), seconds(300)));
    assert_eq!((share("c", 410), share("d", 420), share("e", 990)), (seconds(295), seconds(580), seconds(10)));
    assert_eq!((share("e", 1001), share("f", 400)), (seconds(0), None));
}
