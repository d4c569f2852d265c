//! Task files in one checkout: the scripts' create and update, and what must not happen to them.

mod at_once;
mod board;
mod by_hand;
mod create;
mod drafts;
mod kept;
mod not_understood;
mod update;

use crate::support::{Repo, Run, World};

/// What a task file begins and ends with when nothing was asked for.
const PLAIN: &str = "---\npriority: medium\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\n\
created_at: 2026-01-01 00:00\nupdated_at: 2026-01-01 00:00\n---\n\nDo it.\n";

/// A clone with the counter, the vocabulary, and the task 1, all committed.
fn project(world: &World) -> Repo {
    filled(world.clone("ann"))
}

/// The same project twice: with the task data on the branch of the code, and on a branch of its own.
fn both() -> [(World, Repo); 2] {
    let (plain, branched) = (World::new(), World::new());
    let ann = branched.clone("ann");
    ann.give_data_a_branch();
    let (first, second) = (project(&plain), filled(ann));
    [(plain, first), (branched, second)]
}

fn filled(ann: Repo) -> Repo {
    ann.write("aitasks/metadata/labels.txt", "ui\n");
    ann.write("aitasks/metadata/task_types.txt", "bug\nfeature\nmanual_verification\n");
    data(&ann).write(".gitignore", "aitasks/new/\n");
    ann.write("aitasks/t1_first.md", PLAIN);
    data(&ann).commit("tasks");
    script(&ann, "aitask_claim_id.sh", &["--init"]).ok();
    ann
}

/// The checkout in which git works on the task data.
fn data(repo: &Repo) -> Repo {
    let own = repo.path(".aitask-data");
    repo.at(if own.exists() { own } else { repo.path("") })
}

/// Runs a script again and again: each time the first of what is wrong is named, and put right for the next time. A step is
/// what is wrong, what is right, and the refusal.
fn refuses_in_order(repo: &Repo, name: &str, given: &[&str], steps: &[(&[&str], &[&str], &str)]) {
    for (n, (.., refusal)) in steps.iter().enumerate() {
        let right = steps[..n].iter().flat_map(|(_, right, _)| *right);
        let wrong = steps[n..].iter().flat_map(|(wrong, ..)| *wrong);
        let args: Vec<_> = given.iter().chain(right).chain(wrong).copied().collect();
        let run = script(repo, name, &args).fails(1);
        assert!(run.stdout.is_empty() && run.stderr.starts_with(&format!("Error: {refusal}")), "{args:?}: {run}");
    }
}

fn script(repo: &Repo, name: &str, args: &[&str]) -> Run {
    repo.aitask(&[&["compat", name], args].concat())
}

/// `aitask_create.sh --batch --desc d ARGS`.
fn create(repo: &Repo, args: &[&str]) -> Run {
    script(repo, "aitask_create.sh", &[&["--batch", "--desc", "d"], args].concat())
}

/// `aitask_update.sh --batch ARGS`.
fn update(repo: &Repo, args: &[&str]) -> Run {
    script(repo, "aitask_update.sh", &[&["--batch"], args].concat())
}

/// The files of the newest commit, as git's name-status says, a line each.
fn last_commit(repo: &Repo) -> String {
    repo.git(&["show", "--format=%s", "--name-status", "--no-renames", "HEAD"]).replace("\n\n", "\n")
}

fn files(repo: &Repo, dir: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repo.path(dir)).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
