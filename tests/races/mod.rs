//! Many processes at once, over clones, worktrees and one checkout, with the tasks on main or on a branch of their own, as one
//! person or several, with one date: commits for the same change differ by nothing but what the tool adds.
//!
//! A few rounds in an ordinary run, another setting each day; `scripts/prove` does the rest.

mod arena;
mod group;
mod queue;

use crate::support::{Repo, Rounds, Run, Sleeper};
use arena::{Arena, ROUNDS_PER_ARENA, Race, SESSIONS, Tally, words};
use std::collections::BTreeSet;

#[test]
fn new_gives_every_task_a_number_of_its_own() {
    let rounds = Rounds { ordinary: 1, short: 3, long: 640 };
    let property = "`new`: every id once, and none is skipped";
    let race = Race { row: "02a", property, tried: ("claims by 16 processes", None), rounds, tasks: 0 };
    race.run(|arena, turn, tally| {
        // one title, too: the commits of two sessions for one number would be the same
        let runs = arena.burst((0..SESSIONS).map(|n| (arena.nobody(n), words("new job --json"))));
        tally.all_end_with(0, &runs);
        let ids: BTreeSet<usize> = runs.iter().filter(|run| run.code == 0).filter_map(id).collect();
        let expected: BTreeSet<usize> = ((turn - 1) * SESSIONS + 1..=turn * SESSIONS).collect();
        tally.check(ids == expected, &runs, || format!("ids {ids:?}"));
        let files = arena.files(arena.setting.home());
        let count = files.iter().filter(|file| file.contains(".md") && file.starts_with("aitasks/t")).count();
        tally.check(count == turn * SESSIONS, &runs, || format!("{count} task files"));
        let next = arena.git(&["show", "refs/heads/aitask-ids:next_id.txt"]);
        tally.check(next.trim() == (turn * SESSIONS + 1).to_string(), &runs, || format!("the counter says {next}"));
        runs
    });
}

#[test]
fn the_script_claims_every_id_once() {
    let rounds = Rounds { ordinary: 1, short: 3, long: 640 };
    let property = "`aitask_claim_id.sh --claim`: every id once, and none is skipped";
    let race = Race { row: "02b", property, tried: ("claims by 16 processes", None), rounds, tasks: 0 };
    race.run(|arena, turn, tally| {
        let claim = || words("compat aitask_claim_id.sh --claim");
        let runs = arena.burst((0..SESSIONS).map(|n| (arena.nobody(n), claim())));
        tally.all_end_with(0, &runs);
        let ids: BTreeSet<usize> = runs.iter().filter_map(|run| run.stdout.trim().parse().ok()).collect();
        let expected: BTreeSet<usize> = ((turn - 1) * SESSIONS + 1..=turn * SESSIONS).collect();
        tally.check(ids == expected, &runs, || format!("ids {ids:?}"));
        runs
    });
}

/// Races for the task 1 that have one winner.
fn has_one_winner(row: &'static str, property: &'static str, line: &str, named: bool, long: usize) {
    let rounds = Rounds { ordinary: 2, short: 4, long };
    let race = Race { row, property, tried: ("races of 2 to 16 processes", Some(1)), rounds, tasks: 1 };
    race.run(|arena, _, tally| one_winner(arena, tally, line, named));
}

#[test]
fn lock_has_one_winner() {
    has_one_winner("01a", "`lock`: one holder, and each loser is told who", "lock 1 --json", true, 3000);
}

#[test]
fn lock_has_one_winner_among_sessions_without_a_process() {
    has_one_winner("01b", "`lock` of sessions without a process: the same", "lock 1 --json", false, 2000);
}

#[test]
fn pick_has_one_winner() {
    has_one_winner("01c", "`pick`: the same", "pick 1 --no-worktree --json", true, 3000);
}

#[test]
fn pick_has_one_winner_among_sessions_without_a_process() {
    let line = "pick 1 --no-worktree --json";
    has_one_winner("01d", "`pick` of sessions without a process: the same", line, false, 2000);
}

#[test]
fn sixteen_tasks_have_sixteen_winners_and_are_dropped_at_once() {
    let rounds = Rounds { ordinary: 1, short: 2, long: 200 };
    let property = "16 picks and drops of different tasks at once: all succeed, and each changes its own task";
    let race = Race { row: "01e", property, tried: ("races of 16 processes", Some(1)), rounds, tasks: SESSIONS };
    race.run(|arena, _, tally| {
        let sleepers = sleepers();
        let home = arena.setting.home();
        let before = (arena.tip(home), arena.tip("aitask-locks"));
        let pick = |n: usize| words(&format!("pick {} --no-worktree --json", n + 1));
        let runs = arena.burst((0..SESSIONS).map(|n| (session(arena, n, &sleepers), pick(n))));
        tally.all_end_with(0, &runs);
        let own: BTreeSet<_> = (1..=SESSIONS).map(|n| vec![format!("aitasks/t{n}_job.md")]).collect();
        each_touched_its_own(arena, tally, &runs, (home, &before.0), &own);
        let own = (1..=SESSIONS).map(|n| vec![format!("t{n}_lock.yaml")]).collect();
        each_touched_its_own(arena, tally, &runs, ("aitask-locks", &before.1), &own);
        drop_all(arena, tally, &sleepers, |n| n + 1);
        runs
    });
}

#[test]
fn next_gives_sixteen_sessions_sixteen_tasks() {
    let rounds = Rounds { ordinary: 1, short: 2, long: 200 };
    let property = "`pick --next` of 16 processes at once: 16 different tasks";
    let race = Race { row: "01f", property, tried: ("races of 16 processes", Some(1)), rounds, tasks: SESSIONS };
    race.run(|arena, _, tally| {
        let sleepers = sleepers();
        let runs = arena
            .burst((0..SESSIONS).map(|n| (session(arena, n, &sleepers), words("pick --next --no-worktree --json"))));
        tally.all_end_with(0, &runs);
        let ids: Vec<usize> = runs.iter().filter(|run| run.code == 0).filter_map(id).collect();
        let different: BTreeSet<_> = ids.iter().collect();
        tally.check(different.len() == SESSIONS, &runs, || format!("ids {ids:?}"));
        let new = runs.iter().filter(|run| run.code == 0 && run.json()["took"] == "new").count();
        tally.check(new == SESSIONS, &runs, || format!("{new} were new"));
        if ids.len() == SESSIONS {
            drop_all(arena, tally, &sleepers, |n| ids[n]);
        }
        runs
    });
}

#[test]
fn eight_are_finished_at_once() {
    const WORKERS: usize = 8;
    let rounds = Rounds { ordinary: 1, short: 2, long: 200 };
    let property = "`finish` of 8 processes at once: all land, and nothing is left over";
    let tasks = WORKERS * ROUNDS_PER_ARENA;
    let race = Race { row: "01g", property, tried: ("races of 8 processes", Some(1)), rounds, tasks };
    race.run(|arena, turn, tally| {
        let sleepers = sleepers();
        let task = |n: usize| (turn - 1) * WORKERS + n + 1;
        let of_all = |verb: &str| {
            let args = |n: usize| words(&format!("{verb} {} --json", task(n)));
            arena.burst((0..WORKERS).map(|n| (session(arena, n, &sleepers), args(n))))
        };
        let picked = of_all("pick");
        tally.all_end_with(0, &picked);
        for run in picked.iter().filter(|run| run.code == 0) {
            let worktree = run.json()["worktree"]["path"].as_str().unwrap().to_owned();
            let there = arena.seat(0).at(&worktree);
            there.write(&format!("work/{}", id(run).unwrap()), "done\n");
            there.commit("work");
        }
        let runs = of_all("finish");
        tally.all_end_with(0, &runs);
        let locks = arena.locks();
        tally.check(locks.is_empty(), &runs, || format!("locks left: {locks:?}"));
        let (code, data) = (arena.files("main"), arena.files(arena.setting.home()));
        for n in (0..WORKERS).map(task) {
            for (files, file) in [(&code, format!("work/{n}")), (&data, format!("aitasks/archived/t{n}_job.md"))] {
                tally.check(files.contains(&file), &runs, || format!("{file} has not landed"));
            }
            tally.check(!data.contains(&format!("aitasks/t{n}_job.md")), &runs, || format!("{n} is active still"));
        }
        for n in 0..4 {
            let branches = arena.seat(n).git(&["for-each-ref", "refs/heads/aitask/"]);
            let worktrees = arena.seat(n).git(&["worktree", "list"]);
            let tidy = branches.is_empty() && !worktrees.contains("aiwork");
            tally.check(tidy, &runs, || format!("left over:\n{branches}{worktrees}"));
        }
        runs
    });
}

fn id(run: &Run) -> Option<usize> {
    run.json()["task"]["id"].as_str()?.parse().ok()
}

fn sleepers() -> Vec<Sleeper> {
    (0..SESSIONS).map(|_| Sleeper::new()).collect()
}

/// The n-th session, as the process of the n-th sleeper.
fn session(arena: &Arena, n: usize, sleepers: &[Sleeper]) -> Repo {
    arena.seat(n).env("AIT_AGENT_PID", sleepers[n].pid())
}

/// All sessions want the task 1; then the winner lets it go.
fn one_winner(arena: &Arena, tally: &mut Tally, line: &str, named: bool) -> Vec<Run> {
    let sleepers = if named { sleepers() } else { Vec::new() };
    let sessions = tally.sessions();
    let of = |n: usize| if named { session(arena, n, &sleepers) } else { arena.nobody(n) };
    let runs = arena.burst((0..sessions).map(|n| (of(n), words(line))));
    let winners: Vec<usize> = (0..sessions).filter(|&n| runs[n].code == 0).collect();
    tally.check(winners.len() == 1, &runs, || format!("winners {winners:?}"));
    let Some(&winner) = winners.first() else { return runs };
    let answer = runs[winner].json();
    if line.starts_with("pick") {
        tally.check(answer["took"] == "new", &runs, || format!("took {}", answer["took"]));
    }
    let token = &answer["lock"]["token"];
    let blob = arena.git(&["rev-parse", "refs/heads/aitask-locks:t1_lock.yaml"]);
    tally.check(token == blob.trim(), &runs, || format!("the winner has {token}, the branch {blob}"));
    for (n, run) in runs.iter().enumerate().filter(|(n, _)| *n != winner) {
        let held = run.code == 1
            && serde_json::from_str(&run.stderr).is_ok_and(|no: serde_json::Value| {
                no["error"]["kind"] == "held" && no["error"]["holder"]["token"] == *token
            });
        tally.check(held, std::slice::from_ref(run), || format!("session {n} was not told who holds it ({token})"));
    }
    let release = if line.starts_with("pick") { "drop 1" } else { "unlock 1" };
    let released = arena.burst([(of(winner), words(release))]);
    tally.all_end_with(0, &released);
    let locks = arena.locks();
    tally.check(locks.is_empty(), &released, || format!("locks left: {locks:?}"));
    runs
}

fn drop_all(arena: &Arena, tally: &mut Tally, sleepers: &[Sleeper], task: impl Fn(usize) -> usize) {
    let line = |n: usize| words(&format!("drop {} --json", task(n)));
    let runs = arena.burst((0..SESSIONS).map(|n| (session(arena, n, sleepers), line(n))));
    tally.all_end_with(0, &runs);
    let locks = arena.locks();
    tally.check(locks.is_empty(), &runs, || format!("locks left: {locks:?}"));
    let ready = (1..=SESSIONS).filter(|n| {
        let text = arena.git(&["show", &format!("refs/heads/{}:aitasks/t{n}_job.md", arena.setting.home())]);
        text.contains("status: Ready") && !text.contains("same@")
    });
    let ready = ready.count();
    tally.check(ready == SESSIONS, &runs, || format!("only {ready} tasks are as they were"));
}

/// Every commit since `before` touched one file, each another one of `own`, and nothing else landed.
fn each_touched_its_own(
    arena: &Arena,
    tally: &mut Tally,
    runs: &[Run],
    (branch, before): (&str, &str),
    own: &BTreeSet<Vec<String>>,
) {
    let touched = arena.touched_since(branch, before);
    let different: BTreeSet<_> = touched.iter().cloned().collect();
    let right = touched.len() == own.len() && different == *own;
    tally.check(right, runs, || format!("the commits on {branch} touched {touched:?}"));
}
