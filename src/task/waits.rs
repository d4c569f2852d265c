//! Which tasks wait for which others, as a graph; and the circles in it, in which every task waits for ever. Pure.

use std::fmt;

use serde::Serialize;

use super::id::TaskId;

/// Why a task waits for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It depends on it.
    Depends,
    /// The other one is its child, or is listed as one.
    Child,
}

/// A task, one that it waits for, and why.
pub(crate) type Wait = (TaskId, TaskId, Why);

/// Tasks of which each waits for the next one, and the last one for the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub(crate) struct Circle {
    tasks: Vec<TaskId>,
    #[serde(skip)]
    breakable: Option<TaskId>,
}

impl Circle {
    /// The tasks, each once.
    pub(crate) fn tasks(&self) -> &[TaskId] {
        &self.tasks
    }

    /// The first task that would not wait for the next one if it depended on nothing. One that waits for its children does
    /// so whatever it depends on.
    pub(crate) fn breakable(&self) -> Option<TaskId> {
        self.breakable
    }
}

/// `12 -> 15 -> 12`
impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for task in &self.tasks {
            write!(f, "{task} -> ")?;
        }
        self.tasks.first().map_or(Ok(()), |first| first.fmt(f))
    }
}

/// Which tasks wait for which others.
#[derive(Debug)]
pub(crate) struct WaitsFor {
    /// All ids, sorted.
    ids: Vec<TaskId>,
    /// For each of them the places of those that it waits for, sorted.
    edges: Vec<Vec<usize>>,
    /// The edges from a task to its children, sorted.
    to_children: Vec<(usize, usize)>,
}

impl WaitsFor {
    /// From all that any task waits for.
    pub(crate) fn new(waits: &[Wait]) -> Self {
        let mut ids: Vec<_> = waits.iter().flat_map(|(task, other, _)| [*task, *other]).collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut edges, mut to_children) = (vec![Vec::new(); ids.len()], Vec::new());
        for (task, other, why) in waits {
            if let (Ok(task), Ok(other)) = (ids.binary_search(task), ids.binary_search(other)) {
                edges[task].push(other);
                to_children.extend((*why == Why::Child).then_some((task, other)));
            }
        }
        to_children.sort_unstable();
        for others in &mut edges {
            others.sort_unstable();
            others.dedup();
        }
        Self { ids, edges, to_children }
    }

    /// A shortest circle through this task.
    pub(crate) fn circle_of(&self, task: TaskId) -> Option<Circle> {
        let task = self.ids.binary_search(&task).ok()?;
        self.circle_from(task, self.edges[task].iter().copied(), |_| true, &mut self.unreached())
    }

    /// A shortest circle in which this task waits directly for one of these others.
    pub(crate) fn circle_by(&self, task: TaskId, others: &[TaskId]) -> Option<Circle> {
        let task = self.ids.binary_search(&task).ok()?;
        let others = others.iter().filter_map(|other| self.ids.binary_search(other).ok());
        self.circle_from(task, others, |_| true, &mut self.unreached())
    }

    /// For each task the one by which a search came to it: at first to none.
    fn unreached(&self) -> Vec<Option<usize>> {
        vec![None; self.ids.len()]
    }

    /// A search in breadth from the first steps back to the start, among the tasks that count.
    fn circle_from(
        &self,
        start: usize,
        first: impl IntoIterator<Item = usize>,
        counts: impl Fn(usize) -> bool,
        before: &mut [Option<usize>],
    ) -> Option<Circle> {
        let mut reached: Vec<usize> = Vec::new();
        let reach = |from: usize, to: usize, before: &mut [Option<usize>]| {
            let is_new = counts(to) && before[to].is_none();
            if is_new {
                before[to] = Some(from);
            }
            is_new
        };
        for other in first {
            reached.extend(reach(start, other, before).then_some(other));
        }
        let mut next = 0;
        while let Some(at) = reached.get(next).copied().filter(|at| *at != start) {
            for other in &self.edges[at] {
                reached.extend(reach(at, *other, before).then_some(*other));
            }
            next += 1;
        }
        let mut at = reached.get(next).copied()?;
        let mut circle = Vec::new();
        loop {
            at = before[at]?;
            circle.push(at);
            if at == start {
                break;
            }
        }
        circle.reverse();
        let mut steps = circle.iter().zip(circle.iter().cycle().skip(1));
        let depends = steps.find(|(task, other)| self.to_children.binary_search(&(**task, **other)).is_err());
        let breakable = depends.map(|(task, _)| self.ids[*task]);
        Some(Circle { tasks: circle.into_iter().map(|task| self.ids[task]).collect(), breakable })
    }

    /// A shortest circle through the lowest id of each group of tasks that wait for each other. There may be more circles
    /// than could be named in any time; once those that are named are gone, the others show.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let groups = self.groups();
        // A search stays in its group, so the groups can share this.
        let mut before = self.unreached();
        let mut seen = vec![false; self.ids.len()];
        let mut circles = Vec::new();
        for task in 0..self.ids.len() {
            let group = groups[task];
            if !std::mem::replace(&mut seen[group], true) {
                let first = self.edges[task].iter().copied();
                circles.extend(self.circle_from(task, first, |other| groups[other] == group, &mut before));
            }
        }
        circles
    }

    /// The group of each task: two tasks are in one group when each waits for the other, perhaps by way of others. The
    /// algorithm is that of Tarjan, with its stack in memory: the depth comes from the files.
    fn groups(&self) -> Vec<usize> {
        const UNSEEN: usize = usize::MAX;
        let count = self.ids.len();
        let (mut number, mut lowest, mut group) = (vec![UNSEEN; count], vec![0; count], vec![UNSEEN; count]);
        let (mut open, mut path) = (Vec::new(), Vec::<(usize, usize)>::new());
        let (mut numbers, mut groups) = (0, 0);
        for root in 0..count {
            if number[root] == UNSEEN {
                path.push((root, 0));
            }
            while let Some((task, step)) = path.pop() {
                if step == 0 {
                    number[task] = numbers;
                    lowest[task] = numbers;
                    numbers += 1;
                    open.push(task);
                }
                // The step before has come back.
                if let Some(other) =
                    step.checked_sub(1).map(|step| self.edges[task][step]).filter(|o| group[*o] == UNSEEN)
                {
                    lowest[task] = lowest[task].min(lowest[other]);
                }
                if let Some(other) = self.edges[task].get(step).copied() {
                    path.push((task, step + 1));
                    if number[other] == UNSEEN {
                        path.push((other, 0));
                    } else if group[other] == UNSEEN {
                        lowest[task] = lowest[task].min(number[other]);
                    }
                } else if lowest[task] == number[task] {
                    while let Some(member) = open.pop() {
                        group[member] = groups;
                        if member == task {
                            break;
                        }
                    }
                    groups += 1;
                }
            }
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn graph(pairs: &[(u64, u64)]) -> WaitsFor {
        let waits = |(task, other): &(u64, u64)| (TaskId::top(*task), TaskId::top(*other), Why::Depends);
        WaitsFor::new(&pairs.iter().map(waits).collect::<Vec<_>>())
    }

    fn shown(circles: &[Circle]) -> Vec<String> {
        circles.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn circles_are_named_from_their_lowest_id() {
        let waits = graph(&[(15, 12), (12, 15), (9, 12), (12, 3), (4, 4), (7, 8), (8, 10), (10, 7), (10, 8)]);
        assert_eq!(shown(&waits.circles()), ["4 -> 4", "7 -> 8 -> 10 -> 7", "12 -> 15 -> 12"]);
        assert_eq!(waits.circle_of(TaskId::top(15)).unwrap().to_string(), "15 -> 12 -> 15");
        assert_eq!(waits.circle_of(TaskId::top(8)).unwrap().to_string(), "8 -> 10 -> 8");
        assert!([9, 3, 99].iter().all(|task| waits.circle_of(TaskId::top(*task)).is_none()));
        let by = |other| waits.circle_by(TaskId::top(12), &[TaskId::top(other)]).map(|circle| circle.to_string());
        assert_eq!((by(15), by(3), by(99)), (Some("12 -> 15 -> 12".to_owned()), None, None));
        assert!(graph(&[]).circles().is_empty());
    }

    #[test]
    fn a_parent_cannot_be_told_to_wait_for_no_child() {
        let [parent, child] = [TaskId::top(5), TaskId::child(5, 1)];
        let waits = WaitsFor::new(&[(parent, child, Why::Child), (child, parent, Why::Depends)]);
        let circle = &waits.circles()[0];
        assert_eq!((circle.to_string().as_str(), circle.breakable()), ("5 -> 5_1 -> 5", Some(child)));
    }

    #[test]
    fn no_advice_to_end_a_circle_leaves_it() {
        let [a, b] = [TaskId::top(5), TaskId::top(6)];
        let breakable = |more: &[Wait]| {
            let waits = [&[(a, b, Why::Child), (b, a, Why::Depends)], more].concat();
            WaitsFor::new(&waits).circles()[0].breakable()
        };
        assert_eq!((breakable(&[]), breakable(&[(a, b, Why::Depends)])), (Some(b), Some(b)));
        assert_eq!(breakable(&[(b, a, Why::Child)]), None);
    }

    #[test]
    fn a_long_chain_needs_no_stack_and_many_groups_no_long_search() {
        const LAST: u64 = 200_000;
        let mut pairs: Vec<_> = (1..LAST).map(|task| (task, task + 1)).collect();
        pairs.extend((1..LAST / 2).map(|pair| (3 * LAST + 2 * pair, 3 * LAST + 2 * pair + 1)));
        assert!(graph(&pairs).circles().is_empty());
        pairs.push((LAST, 1));
        assert_eq!(graph(&pairs).circles()[0].tasks().len(), 200_000);
    }

    proptest! {
        /// A task is in a circle exactly when it can reach itself, and each circle is one.
        #[test]
        fn every_circle_is_found(pairs in proptest::collection::vec((0..9_u64, 0..9_u64), 0..20)) {
            let mut reach: BTreeSet<_> = pairs.iter().copied().collect();
            for via in 0..9 {
                for from in 0..9 {
                    for to in 0..9 {
                        if reach.contains(&(from, via)) && reach.contains(&(via, to)) {
                            reach.insert((from, to));
                        }
                    }
                }
            }
            let waits = graph(&pairs);
            let is_circle = |circle: &Circle| {
                let tasks = circle.tasks();
                let next = tasks.iter().cycle().skip(1);
                let mut steps = tasks.iter().zip(next).map(|(task, next)| (task.number(), next.number()));
                steps.all(|step| pairs.contains(&step)) && tasks.iter().collect::<BTreeSet<_>>().len() == tasks.len()
            };
            for task in 0..9 {
                let circle = waits.circle_of(TaskId::top(task));
                prop_assert_eq!(circle.is_some(), reach.contains(&(task, task)));
                prop_assert!(circle.iter().all(|circle| is_circle(circle) && circle.tasks[0] == TaskId::top(task)));
            }
            let groups: BTreeSet<Vec<u64>> = (0..9).filter(|task| reach.contains(&(*task, *task))).map(|task| {
                (0..9).filter(|other| reach.contains(&(task, *other)) && reach.contains(&(*other, task))).collect()
            }).collect();
            let circles = waits.circles();
            prop_assert!(circles.iter().all(is_circle));
            let lowest: BTreeSet<_> = groups.iter().map(|group| TaskId::top(group[0])).collect();
            prop_assert_eq!(circles.iter().map(|circle| circle.tasks[0]).collect::<BTreeSet<_>>(), lowest);
            prop_assert_eq!(circles.len(), groups.len());
        }
    }
}
