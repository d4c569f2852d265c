//! Which merges to check together, of those that wait in line to land on one branch: a pure function of what is known.
//!
//! The merges of the line are made one on top of the other, and all of them are checked at once. Where that fails, some of
//! the first are checked, until the one is found with which it begins to fail. Those before it have passed and land; it is
//! refused when it is the first; those behind it are checked without it. Nobody keeps a state: whoever is first in line
//! looks at what is known, so that another one goes on when that process is killed.

/// What is known of the first merges of a line, up to one of them, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Passed,
    Failed,
    Unknown,
}

/// What the first in line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It lands: so many have passed together, itself among them.
    Land(usize),
    /// It is refused.
    Refuse,
    /// It checks so many together, itself among them, and looks again.
    Check(usize),
}

/// What the first does, where `line` says of each one what is known of it with all that are before it.
pub(crate) fn next(line: &[Known]) -> Next {
    let failed = line.iter().position(|known| *known == Known::Failed);
    let before = line.get(..failed.unwrap_or(line.len())).unwrap_or_default();
    if let Some(last) = before.iter().rposition(|known| *known == Known::Passed) {
        return Next::Land(last + 1);
    }
    match failed {
        None => Next::Check(line.len()),
        Some(0) => Next::Refuse,
        Some(last) => Next::Check(cut(line.len(), last + 1)),
    }
}

/// How many of the first `failing` to check next, of a line of `all`. Half of them would be right if there were nothing to
/// do afterwards; but behind a bad one that is far in front there are more to be checked, so that the search for it should
/// be shorter.
fn cut(all: usize, failing: usize) -> usize {
    let weight = |up_to: usize| (0..up_to).map(|n| all - n + 2).sum::<usize>();
    (1..failing).min_by_key(|cut| weight(failing).abs_diff(2 * weight(*cut))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// What becomes of a line, and how often a check runs. `forget` says after which runs all that is known is lost.
    #[derive(Debug, Default)]
    struct Landing {
        landed: Vec<usize>,
        refused: Vec<usize>,
        runs: usize,
    }

    fn land(all: usize, bad: &BTreeSet<usize>, forget: &[usize]) -> Landing {
        let mut line: Vec<_> = (0..all).collect();
        let mut known: BTreeMap<Vec<usize>, Known> = BTreeMap::new();
        let mut landing = Landing::default();
        while let Some(first) = line.first().copied() {
            let up_to = |n: usize, landed: &[usize]| [landed, &line[..n]].concat();
            let of = |n| *known.get(&up_to(n, &landing.landed)).unwrap_or(&Known::Unknown);
            match next(&(1..=line.len()).map(of).collect::<Vec<_>>()) {
                Next::Land(_) => landing.landed.push(line.remove(0)),
                Next::Refuse => landing.refused.push(line.remove(0)),
                Next::Check(n) => {
                    assert!((1..=line.len()).contains(&n), "{n} of {}", line.len());
                    landing.runs += 1;
                    assert!(landing.runs < 200, "it does not end at {first}");
                    if line[..n].iter().any(|member| bad.contains(member)) {
                        known.insert(up_to(n, &landing.landed), Known::Failed);
                    } else {
                        known.extend((1..=n).map(|n| (up_to(n, &landing.landed), Known::Passed)));
                    }
                    if forget.contains(&landing.runs) {
                        known.clear();
                    }
                }
            }
        }
        landing
    }

    fn chosen(all: usize, count: usize) -> Vec<BTreeSet<usize>> {
        let mut sets = vec![BTreeSet::new()];
        for _ in 0..count {
            let further = |set: &BTreeSet<usize>| {
                let from = set.last().map_or(0, |last| last + 1);
                (from..all).map(|n| set.iter().copied().chain([n]).collect()).collect::<Vec<_>>()
            };
            sets = sets.iter().flat_map(further).collect();
        }
        sets
    }

    fn most(all: usize, count: usize) -> usize {
        chosen(all, count).iter().map(|bad| land(all, bad, &[]).runs).max().unwrap()
    }

    #[test]
    fn all_good_ones_cost_one_run_and_sixteen_with_three_bad_ones_at_most_fifteen() {
        assert_eq!((1..=16).map(|all| most(all, 0)).max(), Some(1));
        assert_eq!((0..=3).map(|count| most(16, count)).collect::<Vec<_>>(), [1, 7, 12, 15]);
    }

    #[test]
    fn one_bad_one_costs_at_most_twice_the_halvings_and_one() {
        for all in 1..=32_usize {
            let halvings = usize::try_from(all.next_power_of_two().ilog2()).unwrap();
            assert!(most(all, 1) <= 2 * halvings + 1, "{all}: {}", most(all, 1));
        }
    }

    proptest! {
        #[test]
        fn every_good_one_lands_in_order_and_each_bad_one_is_refused(
            bad in prop::collection::btree_set(0..30_usize, 0..30),
            all in 0..30_usize,
            forget in prop::collection::vec(1..20_usize, 0..4),
        ) {
            let landing = land(all, &bad, &forget);
            let (good, bad): (Vec<_>, Vec<_>) = (0..all).partition(|member| !bad.contains(member));
            prop_assert_eq!(landing.landed, good);
            prop_assert_eq!(landing.refused, bad);
        }
    }
}
