//! The drop-in face for locks, ids and claiming: a module a topic, [`faults`] for what the original
//! scripts got wrong.

mod address;
mod broken;
mod claim;
mod cleanup;
mod cost;
mod crowd;
mod diag;
mod faults;
mod fleet;
mod ids;
mod kept;
mod killed;
mod lock;
mod peer;
mod renamed;
mod scope;
mod session;

use crate::support::{Repo, Run, Running, World};

const LOCK: &str = "aitask_lock.sh";
const CLAIM: &str = "aitask_claim_id.sh";
const PICK: &str = "aitask_pick_own.sh";

/// A task file as the scripts write it.
fn task_text(fields: &str) -> String {
    format!(
        "---\npriority: medium\neffort: low\ndepends: []\nissue_type: feature\n{fields}\nlabels: []\n---\n\nDo it.\n"
    )
}

/// A world whose host is `box`, or what `TEST_HOST` says.
fn world() -> World {
    let world = World::new();
    let bin = world.root().join("bin");
    world.script(&bin.join("hostname"), "#!/bin/sh\necho \"${TEST_HOST:-box}\"\n");
    world.with_programs(bin)
}

/// Ann's clone with the tasks 1 to `tasks`, published; no lock branch, no counter.
fn bare(tasks: usize) -> (World, Repo) {
    let (world, ann) = unpublished(tasks);
    ann.git(&["push", "--quiet"]);
    (world, ann)
}

fn unpublished(tasks: usize) -> (World, Repo) {
    let world = world();
    let ann = world.clone("ann");
    for n in 1..=tasks {
        ann.write(&format!("aitasks/t{n}_job.md"), &task_text("status: Ready"));
    }
    ann.commit("tasks");
    (world, ann)
}

/// What the original's setup leaves on the remote: an empty lock branch, and a counter.
const SETUP: &str = r#"
empty=$(git mktree </dev/null)
counter=$(printf '100644 blob %s\tnext_id.txt\n' $(echo $1 | git hash-object -w --stdin) | git mktree)
locks=$(git commit-tree $empty -m 'ait: Initialize task lock branch')
ids=$(git commit-tree $counter -m "ait: Initialize task ID counter at $1")
git push -q origin main $locks:refs/heads/aitask-locks $ids:refs/heads/aitask-ids
"#;

/// As [`bare`], set up by somebody with the original.
fn project(tasks: usize) -> (World, Repo) {
    let (world, ann) = unpublished(tasks);
    ann.run("sh", &["-ec", SETUP, "setup", &(tasks + 1).to_string()]).ok();
    (world, ann)
}

/// A repository with the tasks 1 to `tasks` and no remote.
fn alone(tasks: usize) -> (World, Repo) {
    let (world, ann) = unpublished(tasks);
    ann.git(&["remote", "remove", "origin"]);
    (world, ann)
}

/// Runs a script with the words of a line.
#[track_caller]
fn run(repo: &Repo, script: &str, line: &str) -> Run {
    repo.script(script, &line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>())
}

/// Takes a lock, or tries to, as `NAME@example.com`.
#[track_caller]
fn lock(repo: &Repo, id: &str, name: &str) -> Run {
    repo.script(LOCK, &["--lock", id, "--email", &format!("{name}@example.com")])
}

/// Claims a task, or tries to, as `NAME@example.com`.
#[track_caller]
fn pick(repo: &Repo, id: &str, name: &str) -> Run {
    repo.script(PICK, &[id, "--email", &format!("{name}@example.com")])
}

/// The bytes of a lock.
fn lock_text(world: &World, id: &str) -> String {
    world.remote_file("aitask-locks", &format!("t{id}_lock.yaml")).unwrap_or_default()
}

/// Subjects of a branch of the remote, newest first.
fn subjects(world: &World, branch: &str) -> Vec<String> {
    let log = world.git(&["--git-dir=origin.git", "log", "--format=%s", &format!("refs/heads/{branch}")]);
    log.lines().map(Into::into).collect()
}

/// The files that the newest commit of a branch of the remote touched.
fn touched(world: &World, commit: &str) -> Vec<String> {
    let tree = ["--git-dir=origin.git", "diff-tree", "--no-commit-id", "--name-only", "-r", commit];
    world.git(&tree).lines().map(Into::into).collect()
}

/// All refs of the remote, to see that nothing changed.
fn published(world: &World) -> String {
    world.git(&["--git-dir=origin.git", "for-each-ref"])
}

fn status(repo: &Repo) -> String {
    repo.git(&["status", "--porcelain"])
}

/// Text without colours.
fn plain(text: &str) -> String {
    regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}

/// The one line that says how a claim ended. What force broke is said before, and is no end.
#[track_caller]
fn result(run: &Run) -> String {
    let ends =
        ["OWNED:", "LOCK_FAILED:", "LOCK_LIVE_HOLDER:", "LOCK_UNVERIFIABLE_HOLDER:", "LOCK_INFRA_", "LOCK_ERROR:"];
    let lines: Vec<_> = run.stdout.lines().collect();
    let broken = lines.iter().position(|line| line.starts_with("FORCE_UNLOCKED:"));
    let rest = &lines[broken.map_or(0, |n| n + 1)..];
    let found: Vec<_> = rest.iter().filter(|line| ends.iter().any(|end| line.starts_with(end))).collect();
    assert_eq!(found.len(), 1, "not one result line\n{run}");
    let owned = found[0].starts_with("OWNED:");
    assert_eq!(run.code, i32::from(!owned), "{run}");
    (*found[0]).to_string()
}

/// Waits for all.
fn wait_all(started: Vec<Running>) -> Vec<Run> {
    started.into_iter().map(Running::wait).collect()
}

/// The exit codes, sorted.
fn codes(runs: &[Run]) -> Vec<i32> {
    let mut codes: Vec<_> = runs.iter().map(|run| run.code).collect();
    codes.sort_unstable();
    codes
}

fn all(runs: &[Run]) -> String {
    runs.iter().map(ToString::to_string).collect()
}
