//! Which tasks in work change the same files, whether they conflict, and in which order they had best land: pure functions
//! of what git says of their branches.

use crate::error::Hint;
use crate::git::porcelain::diff_raw::FileDiff;
use crate::git::porcelain::log_graph::GraphCommit;
use crate::git::porcelain::merge_tree::OneOfMany;
use crate::git::porcelain::unmerged::Version;
use crate::git::{Oid, RefName};
use crate::task::{TaskId, paths};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// The commits that the branches of tasks have beyond the output branch.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnCommits {
    commits: BTreeMap<Oid, GraphCommit>,
    /// The commits of the output branch that they continue, with their times.
    continued: BTreeMap<Oid, i64>,
    tips: BTreeMap<RefName, Oid>,
}

impl OwnCommits {
    /// As git listed them.
    pub(crate) fn new(listed: Vec<GraphCommit>) -> Self {
        let mut own = Self::default();
        for commit in listed {
            if commit.is_boundary {
                own.continued.insert(commit.oid, commit.time);
                continue;
            }
            own.tips.extend(commit.refs.iter().map(|name| (name.clone(), commit.oid.clone())));
            own.commits.insert(commit.oid.clone(), commit);
        }
        own
    }

    /// The tip of a branch, where it has commits of its own.
    pub(crate) fn tip(&self, name: &RefName) -> Option<&Oid> {
        self.tips.get(name)
    }

    /// All own commits from this one down, the nearest first.
    fn below<'o>(&'o self, tip: &Oid) -> Vec<&'o GraphCommit> {
        let mut queue: VecDeque<_> = self.commits.get(tip).into_iter().collect();
        let mut seen: BTreeSet<_> = queue.iter().map(|commit| &commit.oid).collect();
        let mut found = Vec::new();
        while let Some(commit) = queue.pop_front() {
            found.push(commit);
            let parents = commit.parents.iter().filter_map(|parent| self.commits.get(parent));
            queue.extend(parents.filter(|parent| seen.insert(&parent.oid)));
        }
        found
    }

    /// Whether one commit has another one in its history, and that is an own commit.
    pub(crate) fn contains(&self, tip: &Oid, other: &Oid) -> bool {
        self.below(tip).into_iter().any(|commit| commit.oid == *other)
    }

    /// Which of two branches of a task counts: the local one where it has all commits of the published one, or where both
    /// have commits of their own and this clone holds the task; else the published one.
    pub(crate) fn choose<'n>(
        &self,
        published: &'n RefName,
        local: &'n RefName,
        is_ours: bool,
    ) -> Option<(&'n RefName, &Oid)> {
        let (theirs, ours) = (self.tip(published), self.tip(local));
        match (theirs, ours) {
            (Some(theirs), Some(ours)) => {
                let is_local = self.contains(ours, theirs) && ours != theirs || is_ours && !self.contains(theirs, ours);
                Some(if is_local { (local, ours) } else { (published, theirs) })
            }
            (theirs, ours) => theirs.map(|tip| (published, tip)).or(ours.map(|tip| (local, tip))),
        }
    }

    /// The last commit of the output branch that a branch has: where it was cut, or what was merged into it since. Of
    /// several it is the newest, and of equally old ones the nearest, since to ask git costs a process for each branch. A
    /// tip without commits of its own is in the output branch itself. `None` where they have no history in common.
    pub(crate) fn base(&self, tip: &Oid) -> Option<Oid> {
        if !self.commits.contains_key(tip) {
            return Some(tip.clone());
        }
        let parents = self.below(tip).into_iter().flat_map(|commit| &commit.parents);
        let continued =
            parents.enumerate().filter_map(|(n, parent)| Some((self.continued.get(parent)?, Reverse(n), parent)));
        continued.max().map(|(_, _, parent)| parent.clone())
    }
}

/// The work of a task, as one commit has it: of its branch, or of its worktree.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// The task.
    pub(crate) task: TaskId,
    /// The commit.
    pub(crate) commit: Oid,
    /// The branch that has it; `None` for uncommitted work.
    pub(crate) branch: Option<RefName>,
    paths: BTreeSet<PathBuf>,
    objects: BTreeSet<Oid>,
}

impl Side {
    /// With what the commit changes against the output branch; task data aside, which every command changes, and which a
    /// finish merges field by field. `None` where nothing is left.
    pub(crate) fn new(task: TaskId, commit: Oid, branch: Option<RefName>, changes: &[FileDiff]) -> Option<Self> {
        let is_code = |path: &Path| ![paths::TASKS_DIR, paths::PLANS_DIR].iter().any(|dir| path.starts_with(dir));
        let code = || changes.iter().filter(|change| is_code(&change.path));
        let (paths, objects) = (
            code().map(|change| change.path.clone()).collect(),
            code().filter_map(|change| change.new.clone()).collect(),
        );
        Some(Self { task, commit, branch, paths, objects }).filter(|side| !side.paths.is_empty())
    }

    /// The files that it changes.
    pub(crate) fn paths(&self) -> &BTreeSet<PathBuf> {
        &self.paths
    }

    /// Whether it changes this file, or one in a folder of this name.
    fn changes_below(&self, path: &Path) -> bool {
        let from = (Bound::Included(path), Bound::Unbounded);
        self.paths.range::<Path, _>(from).next().is_some_and(|first| first.starts_with(path))
    }

    /// Whether one of these files, or versions of files, is its work.
    fn takes_part(&self, files: &[PathBuf], versions: &[&Version]) -> bool {
        files.iter().any(|path| self.changes_below(path))
            || versions.iter().any(|version| self.objects.contains(&version.oid))
    }
}

/// Two sides, by their places, that change the same files, or that have a file where the other one has a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedFiles {
    /// The sides.
    pub(crate) sides: [usize; 2],
    /// The files.
    pub(crate) files: BTreeSet<PathBuf>,
}

/// The pairs of sides of different tasks that share files, in the order of the sides.
pub(crate) fn shared(sides: &[Side]) -> Vec<SharedFiles> {
    let mut changed: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (n, side) in sides.iter().enumerate() {
        for path in &side.paths {
            changed.entry(path).or_default().push(n);
        }
    }
    let mut pairs: BTreeMap<[usize; 2], BTreeSet<PathBuf>> = BTreeMap::new();
    for (path, changing) in &changed {
        let others = path.ancestors().filter_map(|above| changed.get(above)).flatten();
        for (one, other) in others.flat_map(|other| changing.iter().map(move |one| (*one, *other))) {
            let differ = sides.get(one).map(|side| side.task) != sides.get(other).map(|side| side.task);
            if differ {
                pairs.entry([one.min(other), one.max(other)]).or_default().insert(path.to_path_buf());
            }
        }
    }
    pairs.into_iter().map(|(sides, files)| SharedFiles { sides, files }).collect()
}

/// The files in which two sides conflict, by the merge of both. What only one of them changed conflicts with the output
/// branch, of which the other one has more, and not with that one.
fn conflicts(one: &Side, other: &Side, merged: &OneOfMany) -> BTreeSet<PathBuf> {
    if merged.is_clean {
        return BTreeSet::new();
    }
    let unnamed = || merged.files.keys().map(|path| vec![path.clone()]).collect();
    let groups: Vec<Vec<PathBuf>> = if merged.conflicts.is_empty() { unnamed() } else { merged.conflicts.clone() };
    let mut found = BTreeSet::new();
    for group in groups {
        let versions = group.iter().filter_map(|path| merged.files.get(path));
        let (ours, theirs): (Vec<_>, Vec<_>) = versions.map(|it| (it.ours.as_ref(), it.theirs.as_ref())).unzip();
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (ours.into_iter().flatten().collect(), theirs.into_iter().flatten().collect());
        if one.takes_part(&group, &ours) && other.takes_part(&group, &theirs) {
            let is_changed = |path: &PathBuf| one.changes_below(path) || other.changes_below(path);
            found.extend(group.into_iter().filter(is_changed));
        }
    }
    found
}

/// Two tasks that change the same files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Overlap {
    /// The tasks, first the one that was picked first.
    #[cfg_attr(test, schemars(with = "Vec<TaskId>"))]
    pub(crate) tasks: [TaskId; 2],
    /// The files that both change.
    #[serde(serialize_with = "crate::report::path::all")]
    pub(crate) files: Vec<PathBuf>,
    /// Whether they conflict; `null` where that is not known.
    pub(crate) conflict: Option<bool>,
    /// The files in which they conflict.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "crate::report::path::all")]
    pub(crate) conflicts: Vec<PathBuf>,
    /// The command that shows what the second one changes, where they may conflict and the work of both is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<Hint>,
    /// The branches that have the work, where all of it is committed.
    #[serde(skip)]
    branches: Option<[RefName; 2]>,
}

impl Overlap {
    /// One sentence.
    pub(crate) fn sentence(&self) -> String {
        let [one, other] = self.tasks.map(TaskId::prefixed);
        let files = if self.conflicts.is_empty() { &self.files } else { &self.conflicts };
        let verdict = match self.conflict {
            Some(true) => "and conflict",
            Some(false) => "without a conflict",
            None => "and it is unknown whether they conflict",
        };
        format!("{one} and {other} change {} {verdict}", some(files))
    }

    fn comparison(&self) -> Option<Hint> {
        let [one, other] = self.branches.as_ref()?.each_ref().map(|name| {
            let name = name.as_str();
            name.strip_prefix("refs/remotes/").or(name.strip_prefix("refs/heads/")).unwrap_or(name)
        });
        let file = self.conflicts.first().or(self.files.first())?.to_str()?;
        Some(command!["git diff", format!("{one}...{other}"), "--", format!(":/{file}")])
    }
}

/// The first file, and how many more there are.
pub(crate) fn some(files: &[PathBuf]) -> String {
    let first = files.first().map(|path| path.display().to_string()).unwrap_or_default();
    match files.len() {
        0 | 1 => first,
        count => format!("{first} and {} more", count - 1),
    }
}

/// The pairs of tasks, conflicts first; `merges` are those of the pairs, where they are known.
pub(crate) fn overlaps(sides: &[Side], pairs: &[SharedFiles], merges: Option<&[OneOfMany]>) -> Vec<Overlap> {
    let mut found: BTreeMap<[TaskId; 2], Overlap> = BTreeMap::new();
    let mut order = Vec::new();
    for (n, pair) in pairs.iter().enumerate() {
        let [Some(one), Some(other)] = pair.sides.map(|side| sides.get(side)) else { continue };
        let conflicts = merges.and_then(|merges| merges.get(n)).map(|merged| conflicts(one, other, merged));
        let tasks = [one.task, other.task];
        // A task may have more than one side, in whatever order.
        let key = [tasks[0].min(tasks[1]), tasks[0].max(tasks[1])];
        let branches = one.branch.clone().zip(other.branch.clone()).map(|(one, other)| [one, other]);
        let overlap = found.entry(key).or_insert_with(|| {
            order.push(key);
            let (files, conflicts) = (Vec::new(), Vec::new());
            Overlap { tasks, files, conflict: Some(false), conflicts, hint: None, branches: branches.clone() }
        });
        overlap.branches = overlap.branches.take().and(branches);
        overlap.files.extend(pair.files.iter().cloned());
        match conflicts {
            None => overlap.conflict = None,
            Some(conflicts) => {
                overlap.conflict = overlap.conflict.map(|conflict| conflict || !conflicts.is_empty());
                overlap.conflicts.extend(conflicts);
            }
        }
    }
    let mut overlaps: Vec<_> = order.iter().filter_map(|key| found.remove(key)).collect();
    for overlap in &mut overlaps {
        for files in [&mut overlap.files, &mut overlap.conflicts] {
            files.sort_unstable();
            files.dedup();
        }
        overlap.hint = if overlap.conflict == Some(false) { None } else { overlap.comparison() };
    }
    overlaps.sort_by_key(|overlap| match overlap.conflict {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    });
    overlaps
}

/// Why a task has its place in the order of landing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum LandingReason {
    /// It conflicts with none, so it was put where it was picked.
    NoConflict,
    /// It changes fewer files than those that follow and conflict with it: less has to be merged again.
    FewerFiles,
    /// It changes as many files as one that follows and conflicts with it, and was picked before.
    PickedFirst,
    /// It conflicts with those before it alone.
    AfterConflicts,
}

/// A task in the proposed order of landing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Landing {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Why it has this place.
    pub(crate) because: LandingReason,
}

/// The proposed order of landing. Tasks without conflicts are first, in the order of their picks. Of two that conflict, or
/// may, the one that changes fewer files is before the other, since who comes later has to merge; of equal ones the one that
/// was picked first. `tasks` are in the order of their picks, each with the number of its files.
pub(crate) fn landing_order(tasks: &[(TaskId, usize)], overlaps: &[Overlap]) -> Vec<Landing> {
    let in_conflict: Vec<_> = overlaps.iter().filter(|overlap| overlap.conflict != Some(false)).collect();
    let conflicts_with = |task: TaskId| {
        in_conflict
            .iter()
            .filter(move |it| it.tasks.contains(&task))
            .flat_map(|it| it.tasks)
            .filter(move |it| *it != task)
    };
    let is_free = |task: TaskId| conflicts_with(task).next().is_none();
    let mut order: Vec<_> = tasks.iter().enumerate().map(|(n, (task, files))| (*task, *files, n)).collect();
    order.sort_by_key(|(task, files, n)| if is_free(*task) { (false, 0, *n) } else { (true, *files, *n) });
    let place = |task: TaskId| order.iter().position(|(it, ..)| *it == task);
    let placed = order.iter().enumerate().map(|(at, (task, files, _))| {
        let later = conflicts_with(*task).filter_map(place).filter(|other| *other > at);
        let sizes: Vec<_> = later.filter_map(|other| order.get(other)).map(|(_, files, _)| *files).collect();
        let because = match sizes.iter().min() {
            _ if is_free(*task) => LandingReason::NoConflict,
            None => LandingReason::AfterConflicts,
            Some(least) if least > files => LandingReason::FewerFiles,
            Some(_) => LandingReason::PickedFirst,
        };
        Landing { task_id: *task, because }
    });
    placed.collect()
}

#[cfg(test)]
mod tests;
