//! `sync`, `push` and `setup` of the scripts in situations that no other test has: their lines, and what they leave.

use super::{sync, task, two, whole};
use crate::support::{Repo, World};

/// `ait git push --batch`: its line, and what it warned of.
fn push(repo: &Repo) -> (String, String) {
    let run = repo.script("ait", &["git", "push", "--batch"]).ok();
    (run.stdout, run.stderr)
}

/// Commits what is edited in the checkout of the task data.
fn commit_data(repo: &Repo, subject: &str) {
    repo.script("ait", &["git", "add", "-A"]).ok();
    repo.script("ait", &["git", "commit", "-qm", subject]).ok();
}

#[test]
fn a_code_branch_that_was_never_published_is_not_pushed_with_the_tasks() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["switch", "-q", "-c", "topic"]);
    ann.write("aitasks/t1_a.md", "a\n");
    ann.commit("a task");
    let (line, said) = push(&ann);
    assert_eq!(line, "FAILED:no_upstream:unknown\n");
    assert!(said.starts_with("Warning: unpushed commit count unavailable"), "{said}");
    assert!(said.contains("'./ait git branch --set-upstream-to=origin/topic'"), "{said}");
    assert!(world.remote_branch("topic").is_none());
    let (line, said) = push(&two().1);
    assert_eq!((line.as_str(), said.as_str()), ("NOTHING\n", ""));
}

#[test]
fn a_remote_that_keeps_moving_is_called_diverged() {
    let (world, ann, bob) = two();
    bob.write("aitasks/t2_b.md", "b\n");
    commit_data(&bob, "ait: b");
    // Ann's next commit lands before each push of bob's.
    let hook = format!(
        "#!/bin/sh\ncd {} && git commit -q --allow-empty -m 'ait: again' && git push -q origin aitask-data\n",
        ann.path(".aitask-data").display()
    );
    world.script(&bob.path(".git/hooks/pre-push"), &hook);
    let (line, said) = push(&bob);
    assert_eq!(line, "FAILED:diverged:1\n");
    assert!(said.starts_with("Warning: 1 commit(s) not pushed to origin/aitask-data"), "{said}");
    assert!(said.contains("ait syncer"), "{said}");
    whole(&bob);
}

#[test]
fn an_edit_in_the_way_of_what_is_published_is_called_dirty() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    assert_eq!(sync(&ann), "PUSHED");
    bob.write("aitasks/t2_b.md", "b\n");
    commit_data(&bob, "ait: b");
    bob.write("aitasks/t1_sample.md", "his\n");
    let (line, said) = push(&bob);
    assert_eq!(line, "FAILED:dirty_worktree:1\n");
    assert!(said.starts_with("Warning: 1 commit(s) not pushed to origin/aitask-data"), "{said}");
    assert!(said.contains("unstaged changes") && said.contains("ait syncer"), "{said}");
    assert_eq!(bob.read("aitasks/t1_sample.md"), "his\n");
    whole(&bob);
}

#[test]
fn a_checkout_in_the_middle_of_a_rebase_is_looked_at_and_freed() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/t1_sample.md", "hers\n");
    assert_eq!(sync(&ann), "PUSHED");
    bob.write("aitasks/t1_sample.md", "his\n");
    commit_data(&bob, "ait: his");
    bob.at(".aitask-data").git_fails(&["pull", "-q", "--rebase"]);
    let ait = |args: &[&str]| bob.script("ait", args);
    assert_eq!(ait(&["git", "status", "-sb"]).ok().stdout, "## HEAD (no branch)\nUU aitasks/t1_sample.md\n");
    let health = ait(&["git-health"]).ok();
    let commit = bob.at(".aitask-data").git(&["rev-parse", "--short", "HEAD"]);
    let said = format!(
        "Mode: branch (.aitask-data worktree present)\nWorktree path: .aitask-data\n\
         Git-dir: .git/worktrees/-aitask-data\nBranch (rev-parse --abbrev-ref HEAD): HEAD\nHEAD commit: {commit}\
         Recover with: ./ait git <rebase|merge|cherry-pick|revert> --abort  (or --continue)\n"
    );
    assert_eq!(health.stdout, said);
    assert_eq!(health.stderr, "Warning: Detached HEAD.\nWarning: In-progress operations: rebase-merge\n");
    for writes in [
        &["git", "add", "aitasks/t1_sample.md"][..],
        &["git", "symbolic-ref", "HEAD", "refs/heads/aitask-data"],
        &["git", "config", "x.y", "z"],
        &["git", "remote", "remove", "origin"],
        &["git", "fetch", "origin", "main:main"],
        &["git", "push", "--batch"],
    ] {
        let run = ait(writes).fails(1);
        assert!(run.stderr.contains("stuck mid-rebase-merge") && run.stdout.is_empty(), "{run}");
    }
    for reads in [&["git", "remote", "-v"][..], &["git", "config", "--get", "remote.origin.url"], &["git", "fetch"]] {
        ait(reads).ok();
    }
    assert_eq!(sync(&bob), "ERROR:data_worktree_stuck:rebase-merge");
    ait(&["git", "rebase", "--abort"]).ok();
    whole(&bob);
    assert_eq!(sync(&bob), "CONFLICT:aitasks/t1_sample.md");
}

#[test]
fn files_in_conflict_stand_in_one_line_commas_and_all() {
    let (_world, ann, bob) = two();
    let names = ["aitasks/t2_b.md", "aitasks/t3 with,comma.md"];
    for name in names {
        ann.write(name, "body\n");
    }
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    for (repo, text) in [(&ann, "hers\n"), (&bob, "his\n")] {
        for name in names {
            repo.write(name, text);
        }
    }
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), format!("CONFLICT:{}", names.join(","))));
    whole(&bob);
    assert_eq!(bob.read(names[1]), "his\n");
}

#[test]
fn labels_that_differ_are_in_conflict() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/metadata/labels.txt", "api\n");
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    ann.write("aitasks/metadata/labels.txt", "db\n");
    bob.write("aitasks/metadata/labels.txt", "ui\n");
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "CONFLICT:aitasks/metadata/labels.txt".into()));
    let ahead = bob.script("ait", &["git", "status", "-sb"]).ok().stdout;
    assert_eq!(ahead, "## aitask-data...origin/aitask-data [ahead 1, behind 1]\n");
    whole(&bob);
}

#[test]
fn a_race_lost_to_an_edit_of_the_same_line_is_a_conflict_and_no_rebase() {
    let (world, ann, bob) = two();
    ann.write("aitasks/t1_sample.md", "hers\n");
    commit_data(&ann, "ait: hers");
    let hook =
        format!("#!/bin/sh\nrm \"$0\"\ncd {} && git push -q origin aitask-data\n", ann.path(".aitask-data").display());
    world.script(&bob.path(".git/hooks/pre-push"), &hook);
    bob.write("aitasks/t1_sample.md", "his\n");
    assert_eq!(sync(&bob), "CONFLICT:aitasks/t1_sample.md");
    whole(&bob);
    assert_eq!(bob.read("aitasks/t1_sample.md"), "his\n");
    assert_eq!(bob.at(".aitask-data").git(&["status", "--porcelain"]), "");
    assert_eq!(world.remote_file("aitask-data", "aitasks/t1_sample.md").as_deref(), Some("hers\n"));
}

#[test]
fn the_second_migration_by_setup_puts_no_old_file_over_a_new_one() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.git(&["pull", "-q"]);
    ann.script("aitask_setup.sh", &[]).ok();
    assert!(world.remote_files("aitask-data").contains(&"aitasks/t1_one.md".to_owned()));
    ann.script("aitask_update.sh", &["--batch", "1", "--status", "Done"]).ok();
    assert_eq!(sync(&ann), "PUSHED");
    // His main still has the task as it was: Ready.
    bob.script("aitask_setup.sh", &[]).ok();
    assert!(bob.read("aitasks/t1_one.md").contains("status: Done"));
    assert!(world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap().contains("status: Done"));
    assert!(!bob.git(&["log", "--format=%s", "aitask-data"]).replacen("Migrate task data", "", 1).contains("Migrate"));
    assert_eq!(bob.git(&["ls-files", "aitasks", "aiplans"]), "");
    assert_eq!(sync(&bob), "NOTHING");
}
