//! Task data carried between clones, the checkout of the data branch, task worktrees, looking without touching; by the
//! scripts' names and by the verbs.

mod anywhere;
mod appendix;
mod code_branch;
mod drift;
mod explore;
mod front;
mod merge;
mod moved;
mod moving;
mod plans;
mod rules;
mod scripts;
mod setup;
mod sync;
mod trouble;
mod web;
mod worktree;
mod worktree_ready;
mod worktree_teardown;

use crate::support::{Repo, World};

/// Two clones with the task data on a branch of its own, and one task that both know.
fn two() -> (World, Repo, Repo) {
    let world = World::new();
    let (ann, bob) = (world.clone("ann"), world.clone("bob"));
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.write("aitasks/t1_sample.md", &task("", "Body\n"));
    ann.write("aiplans/p1_sample.md", "plan\n");
    assert_eq!(sync(&ann), "PUSHED");
    bob.git(&["pull", "-q"]);
    bob.script("aitask_init_data.sh", &[]).ok();
    (world, ann, bob)
}

/// A task file: the usual fields with these after them.
fn task(fields: &str, body: &str) -> String {
    format!("---\npriority: medium\nstatus: Ready\nlabels: [ui]\nupdated_at: 2026-01-01 10:00\n{fields}---\n{body}")
}

/// `aitask_sync.sh --batch`, which answers with one line whatever happens.
#[track_caller]
fn sync(repo: &Repo) -> String {
    let run = repo.script("aitask_sync.sh", &["--batch"]);
    let lines: Vec<_> = run.stdout.lines().collect();
    let [line] = lines[..] else { panic!("not one line\n{run}") };
    assert_eq!(run.code, i32::from(line.starts_with("ERROR:")), "{run}");
    line.to_owned()
}

/// Nothing is left half done in the checkout of the task data.
#[track_caller]
fn whole(repo: &Repo) {
    let data = repo.at(repo.path(".aitask-data"));
    assert_eq!(data.git(&["symbolic-ref", "--short", "HEAD"]), "aitask-data\n");
    let admin = repo.path(".git/worktrees/-aitask-data");
    for marker in ["rebase-merge", "rebase-apply", "MERGE_HEAD"] {
        assert!(!admin.join(marker).exists(), "{marker}");
    }
}
