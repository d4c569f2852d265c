//! What a killed command leaves for the moment it works is removed by the next one.

use crate::support::{Repo, World};
use std::path::Path;

const WORK: &str = "aiwork/t1_one";

/// A clone with work on the branch of task 1.
fn worked(world: &World) -> Repo {
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("work");
    ann
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The notes of temporary worktrees, and of removals.
fn notes(ann: &Repo) -> Vec<String> {
    let removing = names(&ann.path(".git/aitask")).into_iter().filter(|name| name.starts_with("removing-"));
    names(&ann.path(".git/aitask/scratch")).into_iter().chain(removing).collect()
}

fn nothing_is_left(world: &World, ann: &Repo) {
    assert_eq!((names(&world.root().join("tmp")), notes(ann)), (Vec::new(), Vec::new()));
    assert_eq!(ann.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
}

#[test]
fn the_worktree_of_a_merge_that_was_killed() {
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/git-2.31");
    let world = World::new().with_git(stand_in);
    let ann = worked(&world);
    // so that both sides have changed something
    ann.aitask(&["new", "Two"]).ok();
    let cut_off = ann.with_git_that("[ \"$1\" = merge ] && kill -9 $PPID && exit 1");
    assert_eq!(cut_off.aitask(&["finish", "1"]).signal, Some(9));
    assert_eq!((names(&world.root().join("tmp")).len(), notes(&ann).len()), (1, 1));
    // a note that was cut off before it named a folder
    ann.write(".git/aitask/scratch/git-aitask-merge-x", "");
    ann.aitask(&["list"]).ok();
    assert_eq!((names(&world.root().join("tmp")), notes(&ann)), (Vec::new(), Vec::new()));
    ann.aitask(&["finish", "1"]).ok();
    nothing_is_left(&world, &ann);
}

/// What `git worktree add` has made when it is killed before the worktree has a `HEAD`: the branch, and a registration.
const WITHOUT_HEAD: &str = r#"
if [ "$1 $2" = "worktree add" ]; then
    for start; do :; done
    mkdir -p .git/refs/heads/aitask .git/worktrees/t1_one aiwork/t1_one
    echo "$start" >.git/refs/heads/aitask/t1_one
    echo initializing >.git/worktrees/t1_one/locked
    echo "$PWD/aiwork/t1_one/.git" >.git/worktrees/t1_one/gitdir
    echo ../.. >.git/worktrees/t1_one/commondir
    echo "gitdir: $PWD/.git/worktrees/t1_one" >aiwork/t1_one/.git
    kill -9 $PPID
    exit 1
fi"#;

#[test]
fn a_worktree_that_was_killed_before_it_had_a_head_is_made_on_the_branch_that_is_there() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    assert_eq!(ann.with_git_that(WITHOUT_HEAD).aitask(&["pick", "1"]).signal, Some(9));
    let made = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!((&made["took"], made.get("incomplete")), (&"mine".into(), None), "{made}");
    assert_eq!(ann.at(WORK).git(&["symbolic-ref", "HEAD"]).trim(), "refs/heads/aitask/t1_one");
}

#[test]
fn the_files_of_a_merge_of_texts_are_in_the_folder_that_is_swept() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
    ann.task("One", &[]);
    for person in [&bob, &ann] {
        person.git(&["pull", "-q", "--no-rebase", "--no-edit"]);
    }
    for (person, text) in [(&bob, "his"), (&ann, "hers")] {
        let task = person.read("aitasks/t1_one.md");
        person.write("aitasks/t1_one.md", &format!("{task}\n{text}\n"));
        person.commit(text);
    }
    bob.git(&["push", "-q"]);
    let cut_off = ann.with_git_that("[ \"$1\" = merge-file ] && kill -9 $PPID && exit 1");
    assert_eq!(cut_off.aitask(&["sync"]).signal, Some(9));
    assert_eq!(names(&world.root().join("tmp")), Vec::<String>::new());
    let folder = names(&ann.path(".git/aitask")).into_iter().find(|name| name.starts_with(".tmp")).unwrap();
    ann.run("touch", &["-d", "2 days ago", &format!(".git/aitask/{folder}")]).ok();
    ann.aitask(&["list"]).ok();
    assert!(!ann.path(".git/aitask").join(folder).exists());
}

#[test]
fn a_removal_that_was_cut_off_is_completed() {
    let world = World::new();
    let ann = worked(&world);
    // Not the worktree in which an old git merges.
    let remove = format!("case \"$*\" in 'worktree remove '*{WORK}) rm -rf '{WORK}'; kill -9 $PPID; exit 1 ;; esac");
    assert_eq!(ann.with_git_that(&remove).aitask(&["finish", "1"]).signal, Some(9));
    assert_eq!(notes(&ann), ["removing-t1_one"]);
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!(json["worktree_removed"], true, "{json}");
    nothing_is_left(&world, &ann);
}

#[test]
fn a_removal_that_git_refused_is_not_taken_for_one_that_was_cut_off() {
    let world = World::new();
    let ann = worked(&world);
    let refuse = "[ \"$1 $2\" = 'worktree remove' ] && \
                  echo \"fatal: validation failed, cannot remove working tree: x\" >&2 && exit 128";
    ann.with_git_that(refuse).aitask(&["worktree", "remove", "1"]);
    assert_eq!(notes(&ann), Vec::<String>::new());
    // A file that is deleted now was deleted by its owner, and not by git.
    std::fs::remove_file(ann.path(WORK).join("work.txt")).unwrap();
    ann.aitask(&["worktree", "add", "1"]).ok();
    assert_eq!(ann.at(WORK).git(&["status", "--porcelain"]), " D work.txt\n");
}
