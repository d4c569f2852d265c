//! Servers that refuse, break off, or cannot swap several refs at once; peers, hooks and other kinds of repositories.

mod broken;
mod damaged;
mod formats;
mod not_atomic;
mod peers;
mod permission;
mod refusing;
mod time;
mod unheard;
mod unreachable;

use crate::support::{Repo, Run, World};

/// A set-up world with so many tasks, `t1_job1` and so on.
fn scene(tasks: usize) -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for n in 1..=tasks {
        ann.task(&format!("job{n}"), &[]);
    }
    (world, ann)
}

/// Runs a command line.
#[track_caller]
fn run(repo: &Repo, line: &str) -> Run {
    repo.aitask(&line.split(' ').collect::<Vec<_>>())
}

/// Picks a task and commits `work/ID` in its worktree.
#[track_caller]
fn work_on(repo: &Repo, id: usize) {
    let picked = run(repo, &format!("pick {id} --json")).ok().json();
    let there = repo.at(picked["worktree"]["path"].as_str().unwrap());
    there.write(&format!("work/{id}"), "done\n");
    there.commit("work");
}

/// What is published, all of it, to see that nothing changed.
fn published(world: &World) -> String {
    world.git(&["--git-dir=origin.git", "for-each-ref"])
}

/// The lines of `text` that are all of this kind.
#[track_caller]
fn kind(run: &Run) -> String {
    run.error()["error"]["kind"].as_str().unwrap().to_owned()
}

/// The message of an error in JSON form.
#[track_caller]
fn message(run: &Run) -> String {
    run.error()["error"]["message"].as_str().unwrap().to_owned()
}

/// Task 1 of [`scene`] as the remote has it: its status.
fn status_of(world: &World, id: usize) -> String {
    let text = world.remote_file("main", &format!("aitasks/t{id}_job{id}.md")).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("status: ")).unwrap_or("absent").to_owned()
}

/// How many tasks the remote has, active ones.
fn tasks(world: &World) -> usize {
    let files = world.remote_files("main").into_iter();
    files.filter(|file| file.starts_with("aitasks/t") && file.contains(".md")).count()
}
