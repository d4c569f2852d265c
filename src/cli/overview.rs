//! The page of `git aitask status`.

use crate::cli::{list, lock};
use crate::coordination::process::Liveness;
use crate::ops::dependencies::end_of_circle;
use crate::ops::in_flight::{DoubtfulLock, InFlight, LandingPlace};
use crate::ops::list::Shape;
use crate::ops::next_step::NextStep;
use crate::ops::status::Overview;
use crate::ops::task_info::{PullRequest, TaskInfo, WorktreeState};
use crate::project::outcome::Holder;
use crate::report::{Cell, Column, Page, Table, Tone, as_of, relative};
use crate::task::Status;

/// The page; `is_seen`: on a terminal, where one line tells all of a task in work.
pub(super) fn page(outcome: &Overview, next: &NextStep, is_set_up: bool, is_seen: bool) -> Page {
    let mut page = Page::new();
    let section =
        |page: Page, title: &str, table: Table, empty: bool| if empty { page } else { page.title(title).table(table) };
    let held = if is_seen { in_flight(outcome).with_head() } else { list::table(&outcome.active, Shape::Flat) };
    page = section(page, "held", held, outcome.active.is_empty());
    if let Some(overlaps) = &outcome.overlaps {
        let lines = overlaps.lines();
        page = if lines.is_empty() { page } else { page.title("changes of the same files").lines(lines) };
        page = overlaps.doubts().into_iter().fold(page, Page::warning);
        page = overlaps.advice().into_iter().fold(page, Page::advice);
    }
    // A held task whose session is dead is among the held ones, which say so.
    let (dead, stale): (Vec<_>, Vec<_>) =
        outcome.stale_locks.iter().partition(|lock| outcome.is_active(lock.locked.task_id));
    let is_empty = stale.is_empty();
    let stale = if is_seen { doubtful(stale) } else { lock::table(stale.into_iter().map(|lock| &lock.locked)) };
    page = section(page, "stale locks", stale, is_empty);
    for lock in &dead {
        let task = lock.locked.task_id;
        let gone = lock.locked.lock.pid.map_or_else(String::new, |pid| format!(" (pid {pid} is gone)"));
        page = page.advice(if lock.locked.lock.is_own() {
            format!(
                "the session that held {task} is dead{gone}; to go on with it: {}",
                command!["git aitask pick", task]
            )
        } else {
            let steal = command!["git aitask pick", task, "--steal"];
            format!("the session that held {task} is dead{gone}; to take it over: {steal}")
        });
    }
    page = section(page, "old locks", doubtful(outcome.old_locks.iter()), outcome.old_locks.is_empty());
    // Whose session lives is at work, however long it has committed nothing.
    if let Some(lock) = outcome.old_locks.iter().find(|lock| lock.locked.lock.session != Liveness::Alive) {
        let steal = command!["git aitask pick", lock.locked.task_id, "--steal"];
        page = page.advice(format!("to take one over whose session is over: {steal}"));
    }
    let mut orphans = Table::default();
    for worktree in &outcome.orphan_worktrees {
        let at = &worktree.worktree_state;
        let main = if at.main { "the main checkout" } else { "" };
        orphans.row([at.path.display().to_string(), at.branch.to_string(), main.to_owned()]);
    }
    page = section(page, "worktrees without an active task", orphans, outcome.orphan_worktrees.is_empty());
    let (main, others): (Vec<_>, Vec<_>) = outcome.orphan_worktrees.iter().partition(|it| it.worktree_state.main);
    if let (Some(main), Some(branch)) = (main.first(), &outcome.default_branch) {
        let back = command!["git switch", branch].within(&main.worktree_state.path);
        page = page.advice(format!("to leave the branch of a task that is not active: {back}"));
    }
    if !others.is_empty() {
        page = page.advice("what becomes of their work: git aitask doctor");
    }
    let unlocked = &outcome.unlocked_implementing;
    page = section(page, "Implementing, but not locked", list::table(unlocked, Shape::Flat), unlocked.is_empty());
    let best = &outcome.ready;
    page = section(page, "ready", list::table(best, Shape::Flat), best.is_empty());
    if outcome.ready_count > best.len() {
        page = page.line(format!("and {} more: git aitask list", outcome.ready_count - best.len()));
    }
    page = outcome.doubts.lines().into_iter().fold(page, Page::warning);
    for circle in &outcome.circles {
        page = page.warning(format!("these wait for each other: {circle}"));
        page =
            circle.breakable().into_iter().fold(page, |page, id| page.advice(format!("  try: {}", end_of_circle(id))));
    }
    page = outcome.unshared().into_iter().fold(page, Page::advice);
    for task in &outcome.without_worktree {
        page = page.advice(format!("{task} has no worktree; to create it: git aitask worktree add {task}"));
    }
    let line = format!("next: {}", next.hint);
    let is_nothing_ready = outcome.ready.is_empty() && !next.is_own;
    match &outcome.as_of {
        _ if !is_set_up => page.advice("this clone is not set up for tasks").advice(line),
        None => {
            let page = page.advice("the remote has not been fetched yet; to fetch: git aitask status --fetch");
            if is_nothing_ready { page } else { page.advice(line) }
        }
        Some(_) if is_nothing_ready && !dead.is_empty() => page,
        Some(_) if is_nothing_ready => page.advice(format!("no task is ready; to create one: {}", next.hint)),
        Some(time) => page.advice(as_of(time).map_or_else(String::new, |as_of| format!("{as_of}; ")) + &line),
    }
}

const IN_FLIGHT: [Column; 9] = [
    Column::new("id", 0, 6),
    Column::new("title", 0, 22),
    Column::new("holder", 1, 8),
    Column::new("host", 6, 6),
    // As wide as `59 min ago`, so that the columns beside it stay where they are from one minute to the next.
    Column::new("since     ", 3, 12),
    Column::new("session", 2, 7),
    Column::new("worktree", 5, 8),
    Column::new("last commit", 7, 18),
    Column::new("state", 4, 14),
];

/// The tasks in work, a line each.
fn in_flight(outcome: &Overview) -> Table {
    let mut table = Table::of(&IN_FLIGHT);
    for row in &outcome.active {
        let at = outcome.in_flight.iter().find(|at| at.task_id == row.id);
        let lock = row.lock.as_ref();
        let session = match lock.map(|lock| lock.session) {
            Some(Liveness::Dead) => Cell::from("dead").tone(Tone::Urgent),
            Some(Liveness::Alive) => "alive".into(),
            // It would stand in nearly every row, and says nothing.
            Some(Liveness::Unknown) | None => Cell::default(),
        };
        let commit = at.and_then(|at| at.last_commit.as_ref()).map(|commit| {
            let when = relative(&commit.time).unwrap_or_else(|| commit.time.clone());
            format!("{when}: {}", commit.subject)
        });
        table.row([
            row.id.to_string().into(),
            Cell::from(&row.title),
            Cell::from(lock.map(|lock| lock.seen_in_brief(row.mine)).unwrap_or_default()).tone(Tone::Busy),
            lock.map(|lock| lock.host.clone()).unwrap_or_default().into(),
            lock.map(Holder::age).unwrap_or_default().into(),
            session,
            row.worktree.as_ref().map(work_of).unwrap_or_default().into(),
            Cell::from(commit.unwrap_or_default()).tone(Tone::Faint),
            state(row, at),
        ]);
    }
    table
}

/// The commits and changes of a worktree: `+2 -1 dirty`.
fn work_of(worktree: &WorktreeState) -> String {
    let count = |sign: char, count: Option<u32>| count.filter(|count| *count > 0).map(|count| format!("{sign}{count}"));
    let changes = match worktree.dirty {
        Some(true) => Some("dirty".to_owned()),
        Some(false) => None,
        None => Some("missing".to_owned()),
    };
    let busy = worktree.in_progress.map(|what| format!("in {what}"));
    let parts: Vec<_> =
        [count('+', worktree.ahead), count('-', worktree.behind), changes, busy, worktree.checked_out.clone()]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() { "clean".to_owned() } else { parts.join(" ") }
}

/// What else there is to know of a task in work.
fn state(row: &TaskInfo, at: Option<&InFlight>) -> Cell {
    let conflicts: Vec<_> = at.into_iter().flat_map(|at| &at.conflicts_with).map(|task| task.prefixed()).collect();
    let tone = if conflicts.is_empty() { Tone::Plain } else { Tone::Urgent };
    let parts = [
        at.and_then(|at| at.landing.as_ref()).map(LandingPlace::sentence),
        (!conflicts.is_empty()).then(|| format!("conflict: {}", conflicts.join(", "))),
        row.pull_request.as_ref().map(PullRequest::sentence),
        (row.status != Status::Implementing).then(|| format!("its status is {}", row.status)),
    ];
    Cell::from(parts.into_iter().flatten().collect::<Vec<_>>().join("; ")).tone(tone)
}

const DOUBTFUL: [Column; 5] = [
    Column::new("id", 0, 6),
    Column::new("holder", 1, 8),
    Column::new("host", 3, 6),
    Column::new("since", 2, 9),
    Column::new("why", 0, 20),
];

/// Locks that may be left over, with the reason.
fn doubtful<'l>(locks: impl IntoIterator<Item = &'l DoubtfulLock>) -> Table {
    let mut table = Table::of(&DOUBTFUL);
    for DoubtfulLock { locked, why } in locks {
        let lock = &locked.lock;
        let (holder, since) = (format!("{}{}", lock.holder, lock.agent_in_brackets()), lock.since_shown.clone());
        table.row([locked.task_id.to_string(), holder, lock.host.clone(), since, why.clone()]);
    }
    table
}
