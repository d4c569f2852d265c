//! Many sessions at once: one identity, one date, in one checkout, in many clones, and without a remote.

use super::{CLAIM, LOCK, PICK, all, alone, codes, project, result, status, wait_all};
use crate::support::{Repo, Sleeper, World, thorough};
use std::collections::BTreeSet;

/// How many sessions there are at once.
fn sessions() -> usize {
    if thorough() { 16 } else { 6 }
}

/// Commits of the same change are the same, but for what the tool does about it.
fn pinned(repo: &Repo) -> Repo {
    let date = "2026-01-02T03:04:05Z";
    let repo = repo.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
    // a loaded machine is no reason to give up
    repo.env("GIT_AITASK_TIMEOUT", "55s")
}

/// Clones with one identity.
fn clones(world: &World) -> Vec<Repo> {
    let first = pinned(&world.clone_as("c0", "Same", "same@example.com"));
    let copy = |n: usize| {
        let dir = world.root().join(format!("c{n}"));
        first.run("cp", &["-a", first.top().to_str().unwrap(), dir.to_str().unwrap()]).ok();
        first.at(dir)
    };
    let copies: Vec<_> = (1..sessions()).map(copy).collect();
    std::iter::once(first).chain(copies).collect()
}

/// Every session claims an id: from 6 on, each once, none skipped.
#[track_caller]
fn ids_are_distinct<'a>(repos: impl Iterator<Item = &'a Repo>) {
    let runs = wait_all(repos.map(|repo| repo.start_script(CLAIM, &[])).collect());
    assert_eq!(codes(&runs), vec![0; sessions()], "{}", all(&runs));
    let ids: BTreeSet<usize> = runs.iter().map(|run| run.stdout.trim().parse().unwrap()).collect();
    assert_eq!(ids, (6..6 + sessions()).collect(), "{}", all(&runs));
}

#[test]
fn ids_in_one_checkout() {
    let (_world, ann) = project(5);
    ids_are_distinct([pinned(&ann)].iter().cycle().take(sessions()));
}

#[test]
fn ids_in_many_clones() {
    let (world, _ann) = project(5);
    ids_are_distinct(clones(&world).iter());
}

#[test]
fn ids_without_a_remote() {
    let (_world, ann) = alone(5);
    ids_are_distinct([pinned(&ann)].iter().cycle().take(sessions()));
}

#[test]
fn many_tasks_are_locked_by_as_many_sessions() {
    let (world, ann) = project(0);
    let ann = pinned(&ann);
    let start = |n: usize| ann.start_script(LOCK, &["--lock", &n.to_string(), "--email", "a@example.com"]);
    let runs = wait_all((1..=sessions()).map(start).collect());
    assert_eq!(codes(&runs), vec![0; sessions()], "{}", all(&runs));
    assert_eq!(world.locks().len(), sessions());
    let start = |n: usize| ann.start_script(LOCK, &["--unlock", &n.to_string()]);
    assert_eq!(codes(&wait_all((1..=sessions()).map(start).collect())), vec![0; sessions()]);
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn one_of_many_addresses_wins_a_task() {
    let (world, _ann) = project(0);
    let clones = clones(&world);
    let start = |n: usize| clones[n].start_script(LOCK, &["--lock", "1", "--email", &format!("p{n}@example.com")]);
    let runs = wait_all((0..sessions()).map(start).collect());
    let mut expected = vec![1; sessions()];
    expected[0] = 0;
    assert_eq!(codes(&runs), expected, "{}", all(&runs));
    let winner = runs.iter().position(|run| run.code == 0).unwrap();
    let held = format!("LOCK_HOLDER:p{winner}@example.com|");
    for run in runs.iter().filter(|run| run.code != 0) {
        assert!(run.stdout.starts_with(&held) && run.stdout.lines().count() == 1, "{winner}\n{run}");
    }
}

#[test]
fn one_of_many_sessions_of_one_person_wins_a_task() {
    let (_world, ann) = project(0);
    let sleepers: Vec<_> = (0..sessions()).map(|_| Sleeper::new()).collect();
    let session = |n: usize| pinned(&ann).env("AIT_AGENT_PID", sleepers[n].pid());
    let start = |n: usize| session(n).start_script(LOCK, &["--lock", "1", "--email", "a@example.com"]);
    let runs = wait_all((0..sessions()).map(start).collect());
    let mut expected = vec![13; sessions()];
    expected[0] = 0;
    assert_eq!(codes(&runs), expected, "{}", all(&runs));
    assert!(runs.iter().all(|run| !run.stdout.contains("PRIOR_LOCK")), "{}", all(&runs));
}

#[test]
fn two_nameless_sessions_are_one_after_the_other() {
    let (_world, ann) = project(0);
    let ann = pinned(&ann);
    let start = || ann.start_script(LOCK, &["--lock", "1", "--email", "a@example.com"]);
    let runs = wait_all((0..2).map(|_| start()).collect());
    assert_eq!(codes(&runs), [0, 0], "{}", all(&runs));
    // in the original both are the same commit, and neither hears of the other
    assert_eq!(runs.iter().filter(|run| run.stdout.contains("PRIOR_LOCK:-|-|box|")).count(), 1, "{}", all(&runs));
}

/// Six claims at once: a commit each, which touches its own task, and every address kept.
fn six_claims(world: &World, seats: &[Repo]) {
    let before = world.remote_branch("main").unwrap();
    let start = |n: usize| {
        let (id, email) = ((n + 1).to_string(), format!("p{n}@example.com"));
        pinned(&seats[n % seats.len()]).start_script(PICK, &[&id, "--email", &email])
    };
    let runs = wait_all((0..6).map(start).collect());
    for (n, run) in runs.iter().enumerate() {
        assert_eq!(result(run), format!("OWNED:{}", n + 1));
    }
    let log = ["--git-dir=origin.git", "log", "--format=%x00%s", "--name-only", &format!("{before}..main")];
    let log = world.git(&log);
    let commits: Vec<Vec<&str>> =
        log.split('\0').skip(1).map(|commit| commit.lines().filter(|line| !line.is_empty()).collect()).collect();
    assert_eq!(commits.len(), 6, "{log}");
    for commit in &commits {
        let id = commit[0].strip_prefix("ait: Start work on t").unwrap().split(':').next().unwrap();
        assert_eq!(commit[1..], ["aitasks/metadata/emails.txt", &format!("aitasks/t{id}_job.md")], "{log}");
    }
    let emails = world.remote_file("main", "aitasks/metadata/emails.txt").unwrap();
    assert_eq!(emails.lines().count(), 6, "{emails}");
    assert_eq!(world.locks().len(), 6);
    for seat in seats {
        assert_eq!(status(seat), "", "{}", all(&runs));
    }
}

#[test]
fn six_claims_in_one_checkout() {
    let (world, ann) = project(6);
    six_claims(&world, &[ann]);
}

#[test]
fn six_claims_in_six_clones() {
    let (world, _ann) = project(6);
    let seats: Vec<_> = (0..6).map(|n| world.clone(&format!("c{n}"))).collect();
    six_claims(&world, &seats);
}
