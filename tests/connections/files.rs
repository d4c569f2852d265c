//! Refs and the index: their files tell what is plain, git is asked about all else, and both say the same.

use super::scene;
use crate::support::{Repo, Run};

/// A symbolic ref that leads nowhere, where the files are asked for a branch: no branch, but only git says so.
const ODD: [&str; 2] = [".git/refs/heads/aitask-data", ".git/refs/heads/aitask/t9_none"];

const READERS: [&[&str]; 4] = [
    &["list", "--json"],
    &["status", "--json"],
    &["worktree", "list", "--json"],
    &["worktree", "prune", "--dry-run", "--json"],
];

fn asks(commands: &[String], subcommand: &str) -> bool {
    commands.iter().any(|command| command.starts_with(subcommand))
}

/// Runs verbs that read refs by the files and by git, which must answer the same.
#[track_caller]
fn tells_by_files(repo: &Repo) {
    let told = |run: Run| (run.code, run.stdout, run.stderr);
    let mut is_asked = false;
    for args in READERS {
        let (by_files, commands) = repo.git_commands(args);
        assert!(!asks(&commands, "for-each-ref --format=%(refname)%00%(objectname)%00%(symref)"), "{commands:#?}");
        for place in ODD {
            repo.write(place, "ref: refs/heads/nowhere\n");
        }
        let (by_git, commands) = repo.git_commands(args);
        for place in ODD {
            std::fs::remove_file(repo.path(place)).unwrap();
        }
        is_asked |= asks(&commands, "for-each-ref");
        assert_eq!(told(by_files), told(by_git), "{args:?}");
    }
    assert!(is_asked);
}

#[test]
fn refs_are_told_by_files_as_git_tells_them() {
    let (world, ann) = scene();
    ann.aitask(&["pick", "1"]).ok();
    ann.aitask(&["pick", "2"]).ok();
    tells_by_files(&ann);
    ann.git(&["tag", "-a", "-m", "one", "v1"]);
    ann.git(&["pack-refs", "--all"]);
    tells_by_files(&ann);
    // some in files, newer than those that are packed
    world.clone("bob").aitask(&["new", "four"]).ok();
    ann.aitask(&["drop", "2"]).ok();
    ann.aitask(&["list", "--fetch"]).ok();
    tells_by_files(&ann);
}

#[test]
fn marks_of_the_index_are_told_by_its_file_in_every_version() {
    let (_world, ann) = scene();
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at("aiwork/t1_one");
    there.write("a folder/with a file.txt", "x\n");
    there.commit("more");
    let looks = || ann.git_commands(&["worktree", "remove", "1", "--dry-run"]);
    let versions = [
        (&["--index-version", "2"][..], "skip-worktree"),
        (&["--index-version", "4"], "assume-unchanged"),
        (&["--split-index"], "skip-worktree"),
    ];
    for (options, mark) in versions {
        there.git(&[&["update-index"], options].concat());
        let (run, commands) = looks();
        run.ok();
        assert_eq!(asks(&commands, "ls-files -v"), options == ["--split-index"], "{options:?} {commands:#?}");
        there.git(&["update-index", &format!("--{mark}"), "a folder/with a file.txt"]);
        let (_run, commands) = looks();
        assert!(asks(&commands, "ls-files -v"), "{options:?} {mark} {commands:#?}");
        there.git(&["update-index", &format!("--no-{mark}"), "a folder/with a file.txt"]);
    }
}

#[test]
fn a_git_that_reads_objects_and_was_ended_is_started_again() {
    let (world, ann) = scene();
    // It answers what it is asked first, and ends.
    let once = "if [ \"$1\" = cat-file ]; then dd bs=1000000 count=1 2>@DIR@/dd | @GIT@ \"$@\"; exit; fi";
    let (run, commands) = ann.with_git_that(once).git_commands(&["pick", "1"]);
    run.ok();
    assert!(commands.iter().filter(|command| *command == "cat-file --batch").count() > 1, "{commands:#?}");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}
