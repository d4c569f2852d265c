//! Copies of the repository for a moment are for nobody else's eyes.

use crate::support::{Repo, World};

fn initialised() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    (world, ann)
}

/// Runs `git aitask ARGS` with the widest umask.
fn aitask(repo: &Repo, args: &[&str]) -> crate::support::Run {
    let script = "umask 000; binary=$1; shift; exec \"$binary\" \"$@\"";
    repo.run("sh", &[&["-c", script, "sh", env!("CARGO_BIN_EXE_git-aitask")], args].concat())
}

#[test]
fn nobody_else_can_look_into_the_folder_of_an_exploration() {
    let (_world, ann) = initialised();
    let run = aitask(&ann, &["explore", "--", "sh", "-c", "stat -c %a ..; cat README.md"]).ok();
    assert_eq!(run.stdout, "700\na project\n", "{run}");
}

#[test]
fn nobody_else_can_look_into_the_folder_of_a_check() {
    let (_world, ann) = initialised();
    ann.task("First", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_first");
    work.write("work.txt", "done\n");
    work.commit("work");
    let mode = ann.path("../mode").display().to_string();
    aitask(&ann, &["finish", "1", "--check", &format!("stat -c %a .. >{mode}")]).ok();
    assert_eq!(ann.read(&mode), "700\n");
}

#[test]
fn nobody_else_can_look_into_the_folder_of_a_merge() {
    let (world, ann) = initialised();
    // a git without merge-tree --write-tree merges in a worktree of its own
    let seen = world.root().join("modes").display().to_string();
    let old = ann.with_git_that(&format!(
        "case $1:$PWD in
            merge-tree:*) echo 'usage: git merge-tree' >&2; exit 129 ;;
            merge:*/git-aitask-merge-*) stat -c %a .. >>'{seen}' ;;
        esac"
    ));
    ann.task("First", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_first");
    work.write("work.txt", "done\n");
    work.commit("work");
    ann.write("other.txt", "meanwhile\n");
    ann.commit("meanwhile");
    ann.git(&["push", "-q"]);
    aitask(&old, &["finish", "1"]).ok();
    assert_eq!(ann.read(&seen).lines().collect::<std::collections::BTreeSet<_>>(), ["700"].into());
    assert_eq!(std::fs::read_dir(world.root().join("tmp")).unwrap().count(), 0);
}
