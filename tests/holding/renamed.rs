//! A task whose file was renamed while somebody works on it, or after its work was published.

use super::{WORK, committed, kind, worked};
use crate::support::Repo;

/// Renames the file of t1 as people do, and publishes that.
fn rename(repo: &Repo, from: &str, to: &str) {
    repo.git(&["pull", "-q"]);
    repo.git(&["mv", &format!("aitasks/t1_{from}.md"), &format!("aitasks/t1_{to}.md")]);
    repo.commit("renamed");
    repo.git(&["push", "-q"]);
}

#[test]
fn the_work_of_a_task_whose_file_was_renamed_is_not_forgotten() {
    let (world, ann) = worked();
    rename(&ann, "one", "better");
    for args in [&["drop"][..], &["finish"], &["worktree", "add"]] {
        let run = ann.aitask(&[args, &["1", "--json"]].concat()).fails(1);
        let told = (kind(&run), run.to_string().contains("its work is on aitask/t1_one"));
        assert_eq!(told, ("occupied".to_owned(), true), "{run}");
    }
    let status = ann.aitask(&["status"]).ok();
    assert!(status.stdout.contains(WORK) && !status.to_string().contains("no worktree"), "{status}");
    assert!(ann.aitask(&["worktree", "path", "1"]).ok().stdout.ends_with("/aiwork/t1_one\n"));
    let found = ann.aitask(&["doctor", "--json"]).fails(1).json();
    assert_eq!(found["findings"][0]["kind"], "former_branch", "{found}");
    ann.follow(&found["findings"][0]["cures"][0]).ok();
    ann.aitask(&["drop", "1"]).ok();
    assert!(world.remote_branch("aitask/t1_better").is_some() && !ann.path(WORK).exists());

    // Now it is published under a name that is not the last one.
    rename(&ann, "better", "best");
    let bob = world.clone("bob");
    let run = bob.aitask(&["pick", "1", "--json"]).fails(1);
    assert!(run.to_string().contains("its work is on origin/aitask/t1_better"), "{run}");
    assert!(world.locks().is_empty());
    bob.follow(&run.error()["error"]["hints"][0]).ok();
    bob.aitask(&["pick", "1"]).ok();
    assert_eq!(bob.read("aiwork/t1_best/work.txt"), "work\n");
    bob.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some() && !bob.path("aiwork/t1_best").exists());
}

#[test]
fn a_second_worktree_that_was_made_after_a_rename_is_not_taken_for_the_work() {
    let (world, ann) = worked();
    rename(&ann, "one", "better");
    ann.git(&["worktree", "add", "-q", "-b", "aitask/t1_better", "aiwork/t1_better", "origin/main"]);
    for args in [["drop", "1", "--json"], ["finish", "1", "--json"]] {
        let run = ann.aitask(&args).fails(1);
        assert_eq!(kind(&run), "occupied", "{run}");
    }
    ann.follow(&ann.aitask(&["finish", "1", "--json"]).error()["error"]["hints"][0]).ok();
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some());

    // A branch that is beside the work, and not in place of it, keeps nobody from anything.
    let (world, ann) = worked();
    ann.git(&["branch", "-q", "aitask/t1_one_before"]);
    ann.at(WORK).git(&["commit", "-q", "--amend", "-m", "better"]);
    committed(&ann, "more.txt");
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "more.txt").is_some());
}

#[test]
fn a_branch_with_the_number_of_a_task_that_is_not_its_own_keeps_nobody_from_the_task() {
    let (world, ann) = worked();
    ann.task("Two", &[]);
    ann.git(&["switch", "-qc", "aitask/t2_spike"]);
    ann.write("spike.txt", "spike\n");
    ann.commit("spike");
    ann.git(&["push", "-q", "origin", "HEAD"]);
    ann.git(&["switch", "-q", "main"]);
    let bob = world.clone("bob");
    let note = "aitask/t2_spike has commits that have not landed, and no name that the file of t2 ever had";
    for (repo, shown) in [(&ann, note.to_owned()), (&bob, format!("origin/{note}"))] {
        let run = repo.aitask(&["pick", "2", "--json"]).ok();
        assert!(run.json()["notes"][0].as_str().unwrap().starts_with(&shown), "{run}");
        assert!(!repo.path("aiwork/t2_two/spike.txt").exists());
        repo.aitask(&["doctor", "--json"]).ok();
        repo.aitask(&["drop", "2"]).ok();
    }
    bob.aitask(&["pick", "2", "--no-worktree"]).ok();
    // In a clone without the history nothing tells whose it is.
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth", "1", "--no-single-branch", &url, "job"]);
    let run = ann.at(world.root().join("job")).aitask(&["pick", "2", "--steal", "--json"]).fails(1);
    assert!(run.to_string().contains("its work is on origin/aitask/t2_spike"), "{run}");
}

#[test]
fn the_name_that_a_task_had_before_the_tasks_were_moved_is_one_of_its_own() {
    let (world, ann) = worked();
    ann.aitask(&["drop", "1"]).ok();
    rename(&ann, "one", "better");
    ann.aitask(&["init", "--data-branch"]).ok();
    let bob = world.clone("bob");
    let run = bob.aitask(&["pick", "1", "--json"]).fails(1);
    assert!(run.to_string().contains("its work is on origin/aitask/t1_one"), "{run}");
    bob.follow(&run.error()["error"]["hints"][0]).ok();
    bob.aitask(&["pick", "1"]).ok();
    assert_eq!(bob.read("aiwork/t1_better/work.txt"), "work\n");
}
