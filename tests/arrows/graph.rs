//! Who uses whom, and the circles of it.

use std::collections::{BTreeMap, BTreeSet};

/// The arrows between files or rooms, each with the places (file and line) of its uses.
#[derive(Default)]
pub(super) struct Arrows(BTreeMap<String, BTreeMap<String, BTreeSet<Place>>>);

/// A file and a line of it.
pub(super) type Place = (String, usize);

impl Arrows {
    pub(super) fn add(&mut self, from: &str, to: &str, place: Place) {
        self.0.entry(from.into()).or_default().entry(to.into()).or_default().insert(place);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<Place>)> {
        self.0.iter().flat_map(|(from, to)| to.iter().map(move |(to, places)| (from.as_str(), to.as_str(), places)))
    }

    fn from<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(node).into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// The shortest way from a node back to itself.
    fn circle_of<'a>(&'a self, start: &'a str) -> Option<Vec<&'a str>> {
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for next in self.from(way[way.len() - 1]) {
                    let way = || way.iter().copied().chain([next]).collect::<Vec<_>>();
                    if next == start {
                        return Some(way());
                    } else if seen.insert(next) {
                        longer.push(way());
                    }
                }
            }
            ways = longer;
        }
        None
    }

    /// The shortest circle, as `a -> b -> a` with the place of each use.
    pub(super) fn shortest_circle(&self) -> Option<String> {
        let circle = self.0.keys().filter_map(|node| self.circle_of(node)).min_by_key(Vec::len)?;
        let uses = circle.windows(2).map(|pair| {
            let (file, line) = self.0[pair[0]][pair[1]].first().unwrap();
            format!("\n  src/{file}:{line} uses {}", pair[1])
        });
        Some(format!("{}{}", circle.join(" -> "), uses.collect::<String>()))
    }

    /// The groups in which everybody reaches everybody.
    pub(super) fn knots(&self) -> Vec<BTreeSet<&str>> {
        let reached = |start| {
            let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
            while let Some(node) = next.pop() {
                next.extend(self.from(node).filter(|other| reached.insert(*other)));
            }
            reached
        };
        let all: BTreeMap<&str, BTreeSet<&str>> = self.0.keys().map(|node| (node.as_str(), reached(node))).collect();
        let mut knots = BTreeSet::new();
        for (node, others) in &all {
            let back = |other: &&str| all.get(other).is_some_and(|back| back.contains(node));
            knots.insert(others.iter().copied().filter(back).collect::<BTreeSet<_>>());
        }
        knots.remove(&BTreeSet::new());
        knots.into_iter().collect()
    }
}
