//! Who holds a task, and what that gives a right to: the faults that let a former holder land, or a session take what
//! another one holds.

mod advice;
mod agents;
mod displaced;
mod fences;
mod gates;
mod going_on;
mod handover;
mod matrix;
mod parents;
mod records;
mod renamed;
mod rounds;
mod taken_over;
mod task_branch;
mod worlds;

use crate::support::{Repo, Run, World};

const WORK: &str = "aiwork/t1_one";

/// A clone that holds t1 and has committed `work.txt` to its branch.
fn worked() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    committed(&ann, "work.txt");
    (world, ann)
}

/// Commits a file in the worktree of t1.
fn committed(repo: &Repo, file: &str) -> String {
    repo.at(WORK).write(file, "work\n");
    repo.at(WORK).commit(file)
}

fn kind(run: &Run) -> String {
    run.error()["error"]["kind"].as_str().unwrap().to_owned()
}

/// Whether a commit is in a branch of the remote.
fn is_in(world: &World, commit: &str, branch: &str) -> bool {
    let history = world.git(&["--git-dir=origin.git", "rev-list", branch]);
    history.lines().any(|line| line == commit)
}

/// The same clone with a program that dies as soon as a push of its own has landed.
fn killed_after_push(repo: &Repo) -> Repo {
    let (world, git) = (repo.world(), repo.world().real_git().display().to_string());
    let bin = world.root().join("killer");
    let script = format!("#!/bin/sh\n[ \"$1\" = push ] || exec '{git}' \"$@\"\n'{git}' \"$@\"\nkill -9 $PPID\n");
    world.script(&bin.join("git"), &script);
    repo.with_programs(&bin)
}
