//! The invariants that must hold at the end. Pure: each is a function of what was recorded.

use crate::task::{TaskName, TaskPath};
use serde::Serialize;
use std::collections::BTreeSet;

/// An invariant, and whether it holds.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Invariant {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// A count where it holds; else what is wrong.
    pub(crate) detail: String,
}

impl Invariant {
    /// An invariant that holds when `wrong` is empty.
    fn new(name: &'static str, right: String, wrong: &[String]) -> Self {
        let detail = if wrong.is_empty() { right } else { wrong.join("; ") };
        Self { name, holds: wrong.is_empty(), detail }
    }
}

/// The race of all agents for one task.
#[derive(Debug, Default)]
pub(crate) struct Race {
    /// The agents whose pick succeeded.
    pub(crate) winners: Vec<usize>,
    /// The holders that the refusals named: e-mail and process id.
    pub(crate) told: Vec<(String, u64)>,
}

/// What happened to the tasks of the session that was killed.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// The state of the session, as a colleague's refusal reported it.
    pub(crate) session: String,
    /// How the colleague got the task.
    pub(crate) took: String,
    /// The kind of the refusal that the former holder got on `finish`.
    pub(crate) dispossessed: String,
    /// How the same person got the other task.
    pub(crate) took_again: String,
}

/// A finished task, and the commit that `finish` named as the merge.
#[derive(Debug, Clone)]
pub(crate) struct FinishedTask {
    pub(crate) task: u64,
    pub(crate) commit: String,
}

/// The state at the end, of the remote and of each clone by its name.
#[derive(Debug, Default)]
pub(crate) struct FinalState {
    /// Paths of the code and of the task data on the remote.
    pub(crate) files: BTreeSet<String>,
    /// Commits of the remote's main branch.
    pub(crate) commits: BTreeSet<String>,
    /// The content of the shared file there.
    pub(crate) board: String,
    /// Entries of the remote's lock branch.
    pub(crate) locks: Vec<String>,
    /// Worktrees other than the main one and that of the task data, and the content of `aiwork/`.
    pub(crate) worktrees: Vec<(String, Vec<String>)>,
    /// Branches.
    pub(crate) branches: Vec<(String, Vec<String>)>,
}

/// The file that the work on a task adds.
pub(crate) fn work_file(task: u64) -> String {
    format!("work/t{task}.txt")
}

/// Whether the work on a task changes its line in the shared file, too.
pub(crate) fn is_on_board(task: u64) -> bool {
    task.is_multiple_of(3)
}

/// The line of a task in the shared file.
pub(crate) fn board_line(task: u64, state: &str) -> String {
    format!("t{task}: {state}")
}

/// The ids are consecutive from 1, each given once.
pub(crate) fn ids(created: &[u64]) -> Invariant {
    let mut sorted = created.to_vec();
    sorted.sort_unstable();
    let twice: Vec<_> = sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    let there: BTreeSet<_> = sorted.iter().copied().collect();
    let last = sorted.last().copied().unwrap_or(0);
    let mut wrong: Vec<_> = twice.iter().map(|id| format!("t{id} was given twice")).collect();
    wrong.extend((1..=last).filter(|id| !there.contains(id)).map(|id| format!("t{id} was skipped")));
    if created.is_empty() {
        wrong.push("no task was created".to_owned());
    }
    Invariant::new("ids all different, none skipped", format!("{} tasks, t1 to t{last}", created.len()), &wrong)
}

/// Exactly one agent got the task, and every refusal named it. `winner` is that agent's e-mail and process id.
pub(crate) fn one_winner(race: &Race, agents: usize, winner: &(String, u64)) -> Invariant {
    let mut wrong = Vec::new();
    if race.winners.len() != 1 {
        wrong.push(format!("{} winners", race.winners.len()));
    }
    if race.told.len() + race.winners.len() != agents {
        wrong.push(format!("{} of {agents} got an answer", race.told.len() + race.winners.len()));
    }
    let others = race.told.iter().filter(|told| *told != winner);
    wrong.extend(others.map(|(holder, pid)| format!("a refusal named {holder} (pid {pid}), not {}", winner.0)));
    Invariant::new("one winner of the race", format!("1 of {agents}; {} refusals named it", race.told.len()), &wrong)
}

/// The task of a dead session can be taken over, and its session has then no right to it.
pub(crate) fn recovered(recovery: &Recovery) -> Invariant {
    let expected = [
        ("the colleague saw the session as", &recovery.session, &["dead"][..]),
        ("the takeover was", &recovery.took, &["stolen"]),
        ("the refusal of the former holder was", &recovery.dispossessed, &["not_holder"]),
        ("the same person's task was", &recovery.took_again, &["mine"]),
    ];
    let wrong = expected.iter().filter(|(_, seen, right)| !right.contains(&seen.as_str()));
    let wrong: Vec<_> =
        wrong.map(|(what, seen, right)| format!("{what} {seen:?}, not {}", right.join(" or "))).collect();
    Invariant::new("dead sessions recovered", "1 taken over, 1 picked again".to_owned(), &wrong)
}

/// Every task was finished exactly once.
pub(crate) fn finished_once(tasks: &[u64], done: &[FinishedTask]) -> Invariant {
    let count = |task: u64| done.iter().filter(|done| done.task == task).count();
    let wrong = tasks.iter().map(|task| (task, count(*task))).filter(|(_, count)| *count != 1);
    let mut wrong: Vec<_> = wrong.map(|(task, count)| format!("t{task} was finished {count} times")).collect();
    let strange = done.iter().filter(|done| !tasks.contains(&done.task));
    wrong.extend(strange.map(|done| format!("t{} was finished, and nobody created it", done.task)));
    Invariant::new("every task finished once", format!("{} tasks", tasks.len()), &wrong)
}

/// The work on every task is on the remote: its commit, its file, its line in the shared file.
pub(crate) fn merged(tasks: &[u64], done: &[FinishedTask], seen: &FinalState) -> Invariant {
    let lost = done.iter().filter(|done| !seen.commits.contains(&done.commit));
    let mut wrong: Vec<_> =
        lost.map(|done| format!("the commit of t{} is lost ({})", done.task, done.commit)).collect();
    let absent = tasks.iter().map(|task| work_file(*task)).filter(|file| !seen.files.contains(file));
    wrong.extend(absent.map(|file| format!("{file} is lost")));
    let lines: BTreeSet<_> = seen.board.lines().collect();
    let on_board = tasks.iter().filter(|task| is_on_board(**task));
    let lost = on_board.filter(|task| !lines.contains(board_line(**task, "done").as_str()));
    wrong.extend(lost.map(|task| format!("the line of t{task} is lost")));
    Invariant::new("every merge on the remote", format!("{} merges", done.len()), &wrong)
}

/// Every task is archived on the remote, and no longer active.
pub(crate) fn archived(tasks: &[u64], seen: &FinalState) -> Invariant {
    let paths: Vec<_> = seen.files.iter().filter_map(|path| TaskPath::parse(path)).collect();
    let ids = |archived: bool| {
        let those = paths.iter().filter(move |path| path.is_archived() == archived);
        those.map(|path| path.id().to_string()).collect::<BTreeSet<_>>()
    };
    let (active, archived) = (ids(false), ids(true));
    let mut wrong: Vec<_> = active.iter().map(|id| format!("t{id} is still active")).collect();
    let missing = tasks.iter().filter(|task| !archived.contains(&task.to_string()));
    wrong.extend(missing.map(|task| format!("t{task} is not archived")));
    Invariant::new("every task archived", format!("{} on the remote", archived.len()), &wrong)
}

/// No lock is left.
pub(crate) fn no_lock(seen: &FinalState) -> Invariant {
    let wrong: Vec<_> = seen.locks.iter().map(|name| format!("{name} is left")).collect();
    Invariant::new("no lock left", "0 on the remote".to_owned(), &wrong)
}

/// No worktree is left.
pub(crate) fn no_worktree(seen: &FinalState) -> Invariant {
    let wrong = seen.worktrees.iter().flat_map(|(place, left)| left.iter().map(move |what| format!("{place}: {what}")));
    let wrong: Vec<_> = wrong.collect();
    Invariant::new("no worktree left", format!("0 in {} clones", seen.worktrees.len()), &wrong)
}

/// No task branch is left.
pub(crate) fn no_branch(seen: &FinalState) -> Invariant {
    let all = seen.branches.iter().flat_map(|(place, names)| names.iter().map(move |name| (place, name)));
    let wrong: Vec<_> = all
        .filter(|(_, name)| TaskName::from_branch(name).is_some())
        .map(|(place, name)| format!("{place}: {name}"))
        .collect();
    let clones = seen.branches.len().saturating_sub(1);
    Invariant::new("no task branch left", format!("0 on the remote and in {clones} clones"), &wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(task: u64) -> FinishedTask {
        FinishedTask { task, commit: format!("c{task}") }
    }

    /// The expected state after tasks 1 to 3.
    fn seen() -> FinalState {
        let mut files: BTreeSet<_> = (1..=3).map(work_file).collect();
        files.extend((1..=3).map(|task| format!("aitasks/archived/t{task}_add_login.md")));
        FinalState {
            files,
            commits: ["c1", "c2", "c3"].map(str::to_owned).into(),
            board: "t3: done\n".to_owned(),
            locks: Vec::new(),
            worktrees: vec![("Ann".to_owned(), Vec::new())],
            branches: vec![("remote".to_owned(), vec!["main".to_owned(), "aitask-locks".to_owned()])],
        }
    }

    #[track_caller]
    fn broken(invariant: &Invariant, detail: &str) {
        assert!(!invariant.holds && invariant.detail.contains(detail), "{invariant:?} lacks {detail:?}");
    }

    #[test]
    fn all_of_it_holds() {
        let (tasks, all) = ([1, 2, 3], [done(1), done(2), done(3)]);
        let seen = seen();
        let checks = [
            ids(&[3, 1, 2]),
            finished_once(&tasks, &all),
            merged(&tasks, &all, &seen),
            archived(&tasks, &seen),
            no_lock(&seen),
            no_worktree(&seen),
            no_branch(&seen),
        ];
        assert!(checks.iter().all(|check| check.holds), "{checks:?}");
    }

    #[test]
    fn an_id_given_twice_or_skipped() {
        broken(&ids(&[1, 2, 2, 3]), "t2 was given twice");
        broken(&ids(&[1, 3]), "t2 was skipped");
        broken(&ids(&[2]), "t1 was skipped");
        broken(&ids(&[]), "no task");
    }

    #[test]
    fn a_race_with_two_winners_none_or_a_wrong_holder() {
        let ann = ("ann@x".to_owned(), 7);
        let race = |winners: &[usize], told: &[&(String, u64)]| Race {
            winners: winners.to_vec(),
            told: told.iter().copied().cloned().collect(),
        };
        assert!(one_winner(&race(&[0], &[&ann, &ann]), 3, &ann).holds);
        broken(&one_winner(&race(&[0, 1], &[&ann]), 3, &ann), "2 winners");
        broken(&one_winner(&race(&[], &[&ann, &ann, &ann]), 3, &ann), "0 winners");
        broken(&one_winner(&race(&[0], &[&ann]), 3, &ann), "2 of 3");
        broken(&one_winner(&race(&[0], &[&ann, &("ann@x".to_owned(), 8)]), 3, &ann), "pid 8");
        broken(&one_winner(&race(&[0], &[&ann, &("bob@x".to_owned(), 7)]), 3, &ann), "bob@x");
    }

    #[test]
    fn a_dead_session_that_is_not_recovered() {
        let right = || Recovery {
            session: "dead".to_owned(),
            took: "stolen".to_owned(),
            dispossessed: "not_holder".to_owned(),
            took_again: "mine".to_owned(),
        };
        assert!(recovered(&right()).holds);
        broken(&recovered(&Recovery { session: "unknown".to_owned(), ..right() }), "\"unknown\", not dead");
        broken(&recovered(&Recovery { took: "new".to_owned(), ..right() }), "takeover");
        broken(&recovered(&Recovery { dispossessed: String::new(), ..right() }), "former holder");
        broken(&recovered(&Recovery { took_again: "stolen".to_owned(), ..right() }), "same person");
    }

    #[test]
    fn a_task_finished_twice_or_never() {
        broken(&finished_once(&[1, 2], &[done(1), done(2), done(2)]), "t2 was finished 2 times");
        broken(&finished_once(&[1, 2], &[done(1)]), "t2 was finished 0 times");
        broken(&finished_once(&[1], &[done(1), done(9)]), "t9");
    }

    #[test]
    fn work_that_is_lost() {
        let (tasks, all) = ([1, 2, 3], [done(1), done(2), done(3)]);
        let mut without = seen();
        without.commits.remove("c2");
        broken(&merged(&tasks, &all, &without), "commit of t2");
        let mut without = seen();
        without.files.remove("work/t1.txt");
        broken(&merged(&tasks, &all, &without), "work/t1.txt is lost");
        broken(&merged(&tasks, &all, &FinalState { board: "t3: open\n".to_owned(), ..seen() }), "line of t3");
    }

    #[test]
    fn something_left_behind() {
        let mut left = seen();
        left.files.insert("aitasks/t2_add_login.md".to_owned());
        broken(&archived(&[1, 2, 3], &left), "t2 is still active");
        broken(&archived(&[1, 2, 3, 4], &seen()), "t4 is not archived");
        broken(&no_lock(&FinalState { locks: vec!["t1_lock.yaml".to_owned()], ..seen() }), "t1_lock.yaml");
        let worktrees = vec![("Dee".to_owned(), vec!["aiwork/t1_add_login".to_owned()])];
        broken(&no_worktree(&FinalState { worktrees, ..seen() }), "Dee: aiwork/t1_add_login");
        let branches = vec![("remote".to_owned(), vec!["aitask/t1_add_login".to_owned()])];
        broken(&no_branch(&FinalState { branches, ..seen() }), "remote: aitask/t1_add_login");
    }
}
