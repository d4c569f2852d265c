//! A checkout of the user's that git was killed at while it brought it forward: the next command brings it forward, and
//! nothing that somebody did there is lost.

use crate::support::{Repo, Sleeper, World, share};

/// The checkout of the branch of the task data.
const DATA: &str = ".aitask-data";

/// A file of the old commit that the new one changes, adds to, and removes; and two new ones.
const CHANGED: [(&str, &str); 4] = [
    ("a.txt", "the new text\n"),
    ("more.txt", "one line\nand another\n"),
    ("new/b.txt", "a new text\n"),
    ("z.txt", "z\n"),
];

/// A clone whose main is behind that of its remote, and whose smudge filter runs `die` after so many files.
fn behind(files: u32, die: &str) -> (World, Repo, Sleeper) {
    behind_in(".", files, die)
}

/// The same for the branch that is checked out in `place`.
fn behind_in(place: &str, files: u32, die: &str) -> (World, Repo, Sleeper) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    if place == DATA {
        ann.aitask(&["init", "--data-branch"]).ok();
    }
    ann.task("One", &[]);
    let there = ann.at(place);
    there.write(".gitattributes", "*.txt filter=dies\n");
    for (name, text) in
        [("a.txt", "the old text\n"), ("gone.txt", "old\n"), ("more.txt", "one line\n"), ("z.txt", "old\n")]
    {
        there.write(name, text);
    }
    there.commit("files");
    there.git(&["push", "-q"]);
    let bob = world.clone("bob");
    if place == DATA {
        bob.aitask(&["init"]).ok();
    }
    let there = bob.at(place);
    for (name, text) in CHANGED {
        there.write(name, text);
    }
    std::fs::remove_file(bob.path(place).join("gone.txt")).unwrap();
    there.commit("news");
    there.git(&["push", "-q"]);
    let root = world.root();
    let text = format!(
        "#!/bin/sh\nread -r left <'{0}/left' || exec cat\necho $((left - 1)) >'{0}/left'\n[ $left -gt 0 ] || {{ rm '{0}/left'; {die}; }}\nexec cat\n",
        root.display()
    );
    world.script(&root.join("filter"), &text);
    ann.git(&["config", "filter.dies.smudge", root.join("filter").to_str().unwrap()]);
    std::fs::write(root.join("left"), format!("{files}\n")).unwrap();
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    (world, ann, session)
}

/// Kills git, and the program that started it.
const ALL: &str = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); kill -9 0";

/// The same, while git brings the checkout forward.
fn cut_off(files: u32) -> (World, Repo, Sleeper) {
    let (world, ann, session) = behind(files, ALL);
    assert_eq!(ann.aitask(&["edit", "1", "--priority", "low"]).signal, Some(9));
    assert!(ann.path(".git/index.lock").exists());
    (world, ann, session)
}

#[track_caller]
fn is_forward(ann: &Repo) {
    assert_eq!(ann.git(&["rev-parse", "HEAD"]), ann.git(&["rev-parse", "@{upstream}"]));
    for (name, text) in CHANGED {
        assert_eq!(ann.read(name), text, "{name}");
    }
    assert_eq!(ann.run("sh", &["-c", "ls -d gone.txt \"$(git rev-parse --git-path index.lock)\""]).stdout, "");
    let left = "cd \"$(git rev-parse --git-common-dir)/aitask\" && ls at-work; ls -d finishing";
    assert_eq!(ann.run("sh", &["-c", left]).stdout, "");
}

#[test]
fn half_a_fast_forward_stayed_behind_for_ever() {
    for files in share(0..4) {
        let (_world, ann, _session) = cut_off(files);
        let json = ann.aitask(&["edit", "1", "--priority", "low", "--json"]).ok().json();
        assert!(json.get("lagging").is_none_or(|lagging| lagging.as_array().unwrap().is_empty()), "{json}");
        is_forward(&ann);
        assert_eq!(ann.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn the_beginning_of_a_file_is_not_the_users_work() {
    let (_world, ann, _session) = cut_off(2);
    ann.write("new/b.txt", "a n");
    ann.write("a.txt", "the ne");
    ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    is_forward(&ann);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_somebody_did_after_the_kill_stays() {
    let (world, ann, _session) = cut_off(2);
    let keep = [("z.txt", "my own text\n"), ("new/b.txt", "another text\n"), ("mine.txt", "mine\n")];
    for (name, text) in keep {
        ann.write(name, text);
    }
    let all = ann.run("sh", &["-c", "git ls-files -s; cat a.txt more.txt; git rev-parse HEAD"]).stdout;
    let run = ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    assert!(run.stdout.contains("main was not updated"), "{run}");
    assert_eq!(ann.run("sh", &["-c", "git ls-files -s; cat a.txt more.txt; git rev-parse HEAD"]).stdout, all);
    for (name, text) in keep {
        assert_eq!(ann.read(name), text, "{name}");
    }
    for (name, _) in &keep[..2] {
        std::fs::rename(ann.path(name), world.root().join("kept")).unwrap();
    }
    ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    is_forward(&ann);
    assert_eq!(ann.git(&["status", "--porcelain"]), "?? mine.txt\n");
}

#[test]
fn staged_changes_stay_staged_when_the_checkout_is_brought_forward_at_last() {
    let (_world, ann, _session) = behind(2, ALL);
    ann.write("staged.md", "staged\n");
    ann.git(&["add", "staged.md"]);
    ann.write("README.md", "changed\n");
    assert_eq!(ann.aitask(&["edit", "1", "--priority", "low"]).signal, Some(9));
    ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    is_forward(&ann);
    assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\nA  staged.md\n");
}

#[test]
fn half_a_fast_forward_of_the_task_data_was_deleted_tasks() {
    for args in share([&["edit", "1", "--priority", "low"][..], &["sync"], &["compat", "aitask_sync.sh", "--batch"]]) {
        let (_world, ann, _session) = behind_in(DATA, 1, ALL);
        let killed = ann.aitask(args);
        assert_eq!(killed.signal, Some(9), "{killed}");
        ann.aitask(args).ok();
        let there = ann.at(DATA);
        is_forward(&there);
        assert_eq!(there.git(&["status", "--porcelain"]), "", "{args:?}");
    }
}

#[test]
fn a_git_that_is_killed_alone_is_started_again() {
    let (_world, ann, _session) = behind(2, "kill -9 $PPID");
    ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    is_forward(&ann);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_lock_that_no_git_of_ours_left_stays() {
    let (world, ann, _session) = behind(99, ALL);
    std::fs::write(ann.path(".git/index.lock"), "").unwrap();
    let run = ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    assert!(run.stdout.contains("main was not updated") && ann.path(".git/index.lock").exists(), "{run}");
    std::fs::remove_file(ann.path(".git/index.lock")).unwrap();
    std::fs::remove_file(world.root().join("left")).unwrap();
    ann.aitask(&["edit", "1", "--priority", "low"]).ok();
    is_forward(&ann);
}

#[test]
fn the_folder_of_a_merge_before_git_2_38_stayed_after_a_kill() {
    let (_world, ann, _session) = behind(99, ALL);
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").write("work.md", "work\n");
    ann.at("aiwork/t1_one").commit("work");
    // so that both sides have changed something
    ann.aitask(&["new", "Two"]).ok();
    let old = "[ \"$1\" = merge-tree ] && { echo 'usage: git merge-tree' >&2; exit 129; }";
    let killed = ann.with_git_that(&format!(
        "{old}\n[ \"$1\" = merge ] && case \"$PWD\" in *git-aitask-merge*) kill -9 $PPID; exit 1 ;; esac"
    ));
    assert_eq!(killed.aitask(&["finish", "1"]).signal, Some(9));
    assert!(ann.git(&["worktree", "list"]).contains("git-aitask-merge-"));
    ann.with_git_that(old).aitask(&["finish", "1"]).ok();
    assert!(!ann.git(&["worktree", "list"]).contains("git-aitask-merge-"));
    let left = ann.run("sh", &["-c", "ls -d \"${TMPDIR:-/tmp}\"/git-aitask-merge-*; ls .git/aitask/scratch"]).stdout;
    assert_eq!(left, "");
}
