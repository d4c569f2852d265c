//! Selecting tasks for every list of tasks: which ones, and in which order. The callers differ only in the files they
//! read and in the values given here.

use std::borrow::Borrow;

use super::id::TaskId;
use super::model::{Fields, Level, Status, Task};

/// A file that can be selected: a task, or any file that a script lists as one.
pub(crate) trait Candidate {
    /// Its fields.
    fn fields(&self) -> &Fields;

    /// Its file name, without folders.
    fn file_name(&self) -> &str;

    /// Its id; `None` for a file of the scripts, whose id is a text.
    fn id(&self) -> Option<TaskId> {
        None
    }
}

impl Candidate for &Task {
    fn fields(&self) -> &Fields {
        self
    }

    fn file_name(&self) -> &str {
        self.path.file_name()
    }

    fn id(&self) -> Option<TaskId> {
        Some(self.id)
    }
}

/// Whether follow-ups are selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FollowUps {
    /// Those of this kind.
    OfKind(String),
    /// No follow-ups.
    No,
}

/// Which tasks are selected; a field that is absent selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Those with this status.
    pub(crate) status: Option<Status>,
    /// Those with at least one of these labels; an empty list selects all.
    pub(crate) labels: Vec<String>,
    /// Those assigned to this address.
    pub(crate) assigned_to: Option<String>,
    /// Those of this issue type.
    pub(crate) issue_type: Option<String>,
    /// Those of this priority.
    pub(crate) priority: Option<Level>,
    /// Those of this effort.
    pub(crate) effort: Option<Level>,
    /// Those that are such follow-ups.
    pub(crate) follow_ups: Option<FollowUps>,
}

impl Filter {
    /// Whether a task with these fields is selected.
    pub(crate) fn matches(&self, task: &Fields) -> bool {
        self.status.as_ref().is_none_or(|status| *status == task.status)
            && (self.labels.is_empty() || self.labels.iter().any(|label| task.labels.contains(label)))
            && self.assigned_to.as_ref().is_none_or(|email| task.assigned_to.as_ref() == Some(email))
            && self.issue_type.as_ref().is_none_or(|issue_type| *issue_type == task.issue_type)
            && self.priority.is_none_or(|priority| priority == task.priority)
            && self.effort.is_none_or(|effort| effort == task.effort)
            && self.follow_ups.as_ref().is_none_or(|wanted| match wanted {
                FollowUps::OfKind(kind) => task.followup_kind.as_ref() == Some(kind),
                FollowUps::No => task.followup_kind.is_none(),
            })
    }
}

/// The order of the selected tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Blocked ones last, then by priority (high first) and effort (low first); equals by number, so that the oldest
    /// comes first.
    #[default]
    Best,
    /// The same with equals by file name in byte order, as callers of the scripts know it.
    BestByFileName,
    /// The given order: archived tasks are not picked, and the tree of the scripts is sorted by name.
    AsGiven,
}

/// Which tasks are selected, and their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Which ones.
    pub(crate) filter: Filter,
    /// The order.
    pub(crate) order: Order,
}

/// A selected task, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen<T, B> {
    /// The task.
    pub(crate) task: T,
    /// What it waits for; it is blocked unless this is empty.
    pub(crate) blockers: Vec<B>,
}

impl Selection {
    /// Selects among the candidates. `blockers` tells what a task waits for; it is called only for selected tasks,
    /// since it may have to read another project.
    pub(crate) fn choose<T: Candidate, B>(
        &self,
        candidates: impl IntoIterator<Item = T>,
        mut blockers: impl FnMut(&T) -> Vec<B>,
    ) -> Vec<Chosen<T, B>> {
        let wanted = candidates.into_iter().filter(|task| self.filter.matches(task.fields()));
        let wanted = wanted.map(|task| Chosen { blockers: blockers(&task), task });
        if self.order == Order::AsGiven {
            return wanted.collect();
        }
        let mut ranked: Vec<_> = wanted.map(|chosen| (rank(&chosen), chosen)).collect();
        // Thousands of tasks come in the order of their ids, as a rule, and to sort what is sorted takes no time. The second
        // sort, which keeps the order of equals, then tells a few ranks apart.
        let id = |task: &T| task.id().filter(|_| self.order == Order::Best);
        ranked.sort_by(|(_, Chosen { task, .. }), (_, Chosen { task: other, .. })| {
            id(task).cmp(&id(other)).then_with(|| task.file_name().cmp(other.file_name()))
        });
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, chosen)| chosen).collect()
    }
}

/// The rank of a task; the lowest comes first.
fn rank<T: Candidate, B>(chosen: &Chosen<T, B>) -> u8 {
    let fields = chosen.task.fields();
    let is_blocked = !chosen.blockers.is_empty();
    u8::from(is_blocked) * 9 + (Level::High as u8 - fields.priority as u8) * 3 + fields.effort as u8
}

/// The ids of all active files. A task counts as finished for those that depend on it exactly when its id is not among
/// them. For the scripts an id is a text: `007` is not `7`.
///
/// They are sorted, each with the number of files that have it; one that was released has none.
#[derive(Debug, Clone)]
pub(crate) struct ActiveIds<K>(Vec<(K, usize)>);

impl<K: Ord> FromIterator<K> for ActiveIds<K> {
    fn from_iter<I: IntoIterator<Item = K>>(ids: I) -> Self {
        let mut counts: Vec<_> = ids.into_iter().map(|id| (id, 1)).collect();
        counts.sort_by(|(id, _), (other, _)| id.cmp(other));
        counts.dedup_by(|(id, _), (first, count)| {
            let is_same = id == first;
            *count += usize::from(is_same);
            is_same
        });
        Self(counts)
    }
}

impl<K: Ord> ActiveIds<K> {
    /// Whether an active file has this id.
    pub(crate) fn contains<Q: Ord + ?Sized>(&self, id: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.count(id) > 0
    }

    /// Removes an id: nothing waits for it any more.
    pub(crate) fn release<Q: Ord + ?Sized>(&mut self, id: &Q)
    where
        K: Borrow<Q>,
    {
        if let Ok(at) = self.place(id) {
            self.0[at].1 = 0;
        }
    }

    /// Whether several active files have this id.
    pub(crate) fn is_duplicate<Q: Ord + ?Sized>(&self, id: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.count(id) > 1
    }

    fn count<Q: Ord + ?Sized>(&self, id: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.place(id).map_or(0, |at| self.0[at].1)
    }

    fn place<Q: Ord + ?Sized>(&self, id: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(id))
    }

    /// The ids that several active files have, in order.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = &K> {
        self.0.iter().filter(|(_, count)| *count > 1).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frontmatter::Document;
    use super::super::model::Items;
    use super::*;

    /// A file, and a text whose order is the expected one.
    #[derive(Debug)]
    struct ListedFile {
        name: String,
        fields: Fields,
        blocked: bool,
        key: String,
    }

    impl Candidate for &ListedFile {
        fn fields(&self) -> &Fields {
            &self.fields
        }

        fn file_name(&self) -> &str {
            &self.name
        }
    }

    fn fields(text: &str) -> Fields {
        Fields::read(&Document::parse(format!("---\n{text}\n---\n").as_bytes()), Items::AsWritten)
    }

    #[test]
    fn follow_ups() {
        let count = |wanted: Option<FollowUps>| {
            let filter = Filter { follow_ups: wanted, ..Filter::default() };
            ["followup_kind: docs_gap", "followup_kind:", ""]
                .iter()
                .filter(|text| filter.matches(&fields(text)))
                .count()
        };
        assert_eq!(count(None), 3);
        assert_eq!(count(Some(FollowUps::No)), 2);
        assert_eq!(count(Some(FollowUps::OfKind("docs_gap".into()))), 1);
        assert_eq!(count(Some(FollowUps::OfKind("carry_over".into()))), 0);
    }

    #[test]
    fn active_ids() {
        let mut active: ActiveIds<&str> = ["2", "1", "t2_1", "1", "t2_1"].into_iter().collect();
        assert_eq!(active.duplicates().copied().collect::<Vec<_>>(), ["1", "t2_1"]);
        assert!(active.contains("1") && !active.contains("01"));
        active.release("1");
        assert!(!active.contains("1") && active.contains("2"));
    }

    prop_compose! {
        fn a_file()(
            priority in 0..3_usize, effort in 0..3_usize, number in 1..300_u32, blocked: bool, ready: bool, labels in "[ab]{0,2}"
        ) -> ListedFile {
            let levels = ["high", "medium", "low"];
            let labels: Vec<_> = labels.chars().map(String::from).collect();
            let text = format!(
                "priority: {}\neffort: {}\nlabels: [{}]\nstatus: {}",
                levels[priority], levels[effort], labels.join(", "), if ready { "Ready" } else { "Done" }
            );
            let name = format!("t{number}_x.md");
            let key = format!("{}{priority}{}{name}", u8::from(blocked), 2 - effort);
            ListedFile { fields: fields(&text), name, blocked, key }
        }
    }

    proptest! {
        /// The order is that of the expected text, no selected file is missing, and no other file is asked what it
        /// waits for.
        #[test]
        fn what_is_wanted_comes_in_order(files in proptest::collection::vec(a_file(), 0..20), label: bool, status: bool) {
            let filter = Filter {
                labels: label.then(|| "a".to_owned()).into_iter().collect(),
                status: status.then_some(Status::Ready),
                ..Filter::default()
            };
            let is_wanted = |file: &&ListedFile| {
                (!label || file.fields.labels.iter().any(|label| label == "a"))
                    && (!status || file.fields.status == Status::Ready)
            };
            let given: Vec<_> = files.iter().filter(is_wanted).map(|file| file.key.as_str()).collect();
            let mut best = given.clone();
            best.sort_unstable();
            for (order, expected) in [(Order::BestByFileName, best), (Order::AsGiven, given)] {
                let mut asked = 0;
                let chosen = Selection { filter: filter.clone(), order }.choose(&files, |file| {
                    asked += 1;
                    file.blocked.then_some(()).into_iter().collect()
                });
                prop_assert_eq!(chosen.iter().map(|one| one.task.key.as_str()).collect::<Vec<_>>(), expected);
                prop_assert_eq!(asked, chosen.len());
            }
        }
    }
}
