//! Things that do not match: how each comes about, and what is found then.

use super::scene::{DATA, LOCKS, WORK, old, put, rename, task, work};
use crate::support::{Repo, Sleeper, World};

/// Something that does not match.
pub(crate) struct Planted {
    /// The kind that is found, and no other.
    pub(crate) kind: &'static str,
    /// Whether `--fix` mends it.
    pub(crate) is_mended: bool,
    /// How it comes about.
    pub(crate) plant: fn(&World, &Repo),
}

const fn left(kind: &'static str, plant: fn(&World, &Repo)) -> Planted {
    Planted { kind, is_mended: false, plant }
}

const fn mended(kind: &'static str, plant: fn(&World, &Repo)) -> Planted {
    Planted { kind, is_mended: true, plant }
}

const TWO: &str = "aitasks/t2_two.md";
const CHILD: &str = "aitasks/t3/t3_1_child.md";
const RECORD: &str = ".git/aitask/held/t2.json";

fn link(ann: &Repo, name: &str, to: &str) {
    std::fs::remove_file(ann.path(name)).unwrap();
    std::os::unix::fs::symlink(to, ann.path(name)).unwrap();
}

fn ended(ann: &Repo, is_merged: bool) {
    work(ann, is_merged);
    ann.aitask(&["archive", "1"]).ok();
}

/// All of them.
pub(crate) const PLANTED: &[Planted] = &[
    // locks
    mended("lock_of_ended_task", |world, ann| {
        ann.aitask(&["pick", "2", "--no-worktree"]).ok();
        rename(world, TWO, "aitasks/archived/t2_two.md");
    }),
    left("lock_of_closed_task", |world, ann| {
        ann.aitask(&["pick", "2", "--no-worktree"]).ok();
        task(world, TWO, "status: Done");
    }),
    left("lock_of_no_task", |world, _| put(world, LOCKS, "t99_lock.yaml", Some("locked_by: x@x\nhostname: far\n"))),
    left("unreadable_lock", |world, _| put(world, LOCKS, "t2_lock.yaml", Some("<<<<<<< HEAD\n"))),
    left("foreign_file", |world, _| put(world, LOCKS, "notes.txt", Some("hello\n"))),
    left("dead_lock", |_, ann| {
        let agent = Sleeper::new();
        ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "2", "--no-worktree"]).ok();
        agent.die();
    }),
    left("missing_lock", |world, _| task(world, TWO, "status: Implementing")),
    left("lock_without_work", |_, ann| drop(ann.aitask(&["lock", "2"]).ok())),
    left("other_assignee", |world, ann| {
        ann.aitask(&["pick", "2", "--no-worktree"]).ok();
        task(world, TWO, "status: Implementing\nassigned_to: bob@example.com");
    }),
    left("branch_gone", |world, _| {
        world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-locks"]);
    }),
    left("branch_gone", |world, _| {
        drop(world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-ids"]));
    }),
    left("branch_set_back", |world, ann| {
        ann.aitask(&["pick", "2", "--no-worktree"]).ok();
        world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/aitask-locks", "aitask-locks~1"]);
    }),
    left("unpublished_locks", |_, ann| {
        ann.aitask(&["init", "--remote", "."]).ok();
        ann.aitask(&["lock", "2", "--remote", "."]).ok();
    }),
    // ids
    left("unreadable_counter", |world, _| put(world, "aitask-ids", "next_id.txt", Some("many\n"))),
    mended("counter_behind", |world, _| put(world, "aitask-ids", "next_id.txt", Some("2\n"))),
    // tasks
    left("front_matter", |world, _| put(world, DATA, TWO, Some("---\nstatus: Ready\n"))),
    left("unknown_status", |world, _| task(world, TWO, "status: Raedy")),
    left("unknown_level", |world, _| task(world, TWO, "priority: \u{1b}[2Jhuge")),
    left("unknown_type", |world, _| task(world, TWO, "issue_type: nonsense")),
    left("misnamed", |world, _| put(world, DATA, "aitasks/T2_\u{1b}x.md", Some(""))),
    left("duplicate_id", |world, _| task(world, "aitasks/t2_again.md", "status: Ready")),
    left("active_and_archived", |world, _| task(world, "aitasks/archived/t2_two.md", "status: Done")),
    left("no_parent", |world, _| {
        put(world, DATA, TWO, None);
        task(world, "aitasks/t2/t2_1_x.md", "status: Ready");
    }),
    left("archived_parent", |world, _| {
        rename(world, TWO, "aitasks/archived/t2_two.md");
        task(world, "aitasks/t2/t2_1_x.md", "status: Ready");
    }),
    mended("finished_child", |world, _| rename(world, CHILD, "aitasks/archived/t3/t3_1_child.md")),
    left("unknown_child", |world, _| put(world, DATA, CHILD, None)),
    left("foreign_child", |world, _| task(world, TWO, "children_to_implement: [t3_1]")),
    left("unreadable_child", |world, _| task(world, TWO, "children_to_implement: [one]")),
    left("unknown_dependency", |world, _| task(world, TWO, "depends: [77]")),
    left("unreadable_dependency", |world, _| task(world, TWO, "depends: [what]")),
    left("circle", |world, _| task(world, TWO, "depends: [2]")),
    left("plan_without_task", |world, _| put(world, DATA, "aiplans/p77_x.md", Some(""))),
    left("plan_of_ended_task", |world, _| {
        put(world, DATA, "aiplans/p2_two.md", Some(""));
        rename(world, TWO, "aitasks/archived/t2_two.md");
    }),
    left("broken_bundle", |world, _| put(world, DATA, "aitasks/archived/_b0/old0.tar.zst", Some("none"))),
    // worktrees
    mended("empty_folder", |_, ann| std::fs::create_dir_all(ann.path("aiwork/t2_two")).unwrap()),
    left("stray_folder", |_, ann| ann.write("aiwork/notes/x.txt", "mine\n")),
    left("broken_worktree", |_, ann| ann.write("aiwork/t2_two/.git", "gitdir: /nowhere\n")),
    mended("forgotten_worktree", |_, ann| {
        std::fs::rename(ann.path("aiwork"), ann.path("away")).unwrap();
        ann.git(&["worktree", "prune", "--expire", "now"]);
        std::fs::rename(ann.path("away"), ann.path("aiwork")).unwrap();
    }),
    left("foreign_repository", |_, ann| drop(ann.git(&["init", "-q", "aiwork/clone"]))),
    mended("moved_worktree", |_, ann| std::fs::rename(ann.path(WORK), ann.path("aiwork/elsewhere")).unwrap()),
    left("missing_worktree", |_, ann| std::fs::remove_dir_all(ann.path(WORK)).unwrap()),
    left("other_branch", |_, ann| drop(ann.at(WORK).git(&["switch", "-qc", "other"]))),
    mended("incomplete_worktree", |_, ann| ann.write(".git/aitask/removing-t1_one", "")),
    mended("temporary_worktree", |world, ann| {
        let folder = world.root().join("tmp/git-aitask-merge-x");
        ann.git(&["worktree", "add", "-q", "--detach", folder.join("w").to_str().unwrap()]);
        std::fs::remove_dir_all(folder).unwrap();
    }),
    mended("worktree_of_ended_task", |_, ann| ended(ann, true)),
    left("ignored_files", |_, ann| {
        ended(ann, true);
        ann.write(".git/info/exclude", &(ann.read(".git/info/exclude") + "*.env\n"));
        ann.at(WORK).write("my.env", "secret\n");
    }),
    left("dirty_worktree", |_, ann| {
        ended(ann, true);
        ann.at(WORK).write("open.txt", "not committed\n");
    }),
    // branches
    mended("branch_of_ended_task", |_, ann| {
        ended(ann, true);
        ann.git(&["worktree", "remove", WORK]);
    }),
    mended("published_branch_of_ended_task", |_, ann| {
        ended(ann, true);
        ann.git(&["push", "-q", "origin", "aitask/t1_one"]);
        ann.git(&["worktree", "remove", WORK]);
        ann.git(&["branch", "-qD", "aitask/t1_one"]);
    }),
    left("lost_work", |_, ann| ended(ann, false)),
    left("branch_of_no_task", |_, ann| drop(ann.git(&["branch", "aitask/t88_x"]))),
    left("diverged_branch", |_, ann| {
        ann.git(&["push", "-q", "origin", "main:refs/heads/aitask/t1_one"]);
        let other = ann.git(&["commit-tree", "-p", "main", "-m", "theirs", "main^{tree}"]);
        ann.git(&["push", "-q", "origin", &format!("{}:refs/heads/aitask/t1_one", other.trim())]);
        work(ann, false);
    }),
    left("landed_task", |_, ann| work(ann, true)),
    left("former_branch", |world, _| rename(world, "aitasks/t1_one.md", "aitasks/t1_better.md")),
    // records
    left("record_without_lock", |_, ann| ann.write(RECORD, &ann.read(".git/aitask/held/t1.json"))),
    left("record_of_other_lock", |world, _| {
        drop(world.clone("bob").aitask(&["pick", "1", "--steal", "--no-worktree"]).ok());
    }),
    mended("record_of_ended_task", |_, ann| {
        ann.aitask(&["archive", "2"]).ok();
        ann.write(RECORD, &ann.read(".git/aitask/held/t1.json"));
    }),
    left("newer_record", |_, ann| ann.write(RECORD, r#"{"format":9,"nonce":"x"}"#)),
    mended("unreadable_record", |_, ann| ann.write(RECORD, "{")),
    left("folder_for_record", |_, ann| std::fs::create_dir_all(ann.path(RECORD)).unwrap()),
    mended("temporary_file", |_, ann| old(ann, ".git/aitask/.tmpAbCdEf")),
    left("lock_file", |_, ann| old(ann, ".git/packed-refs.lock")),
    left("ref_of_no_remote", |_, ann| drop(ann.git(&["update-ref", "refs/aitask/known/gone/aitask-locks", "HEAD"]))),
    // the checkout of the tasks
    mended("missing_checkout", |_, ann| std::fs::remove_dir_all(ann.path(".aitask-data")).unwrap()),
    mended("broken_link", |_, ann| std::fs::remove_file(ann.path("aiplans")).unwrap()),
    mended("broken_link", |_, ann| link(ann, "aiplans", "nowhere")),
    left("other_link", |world, ann| link(ann, "aiplans", world.root().join("tmp").to_str().unwrap())),
    left("data_folder_is_not_a_link", |_, ann| {
        std::fs::remove_file(ann.path("aiplans")).unwrap();
        ann.write("aiplans/sub/p2_two.md", "mine\n");
    }),
    mended("broken_link", |_, ann| {
        std::fs::remove_file(ann.path("aiplans")).unwrap();
        std::fs::create_dir(ann.path("aiplans")).unwrap();
    }),
    left("other_checkout", |_, ann| drop(ann.at(".aitask-data").git(&["checkout", "-q", "--detach"]))),
    left("unfinished_checkout", |_, ann| {
        let there = ann.at(".aitask-data");
        let head = there.git(&["rev-parse", "HEAD"]);
        let file = there.git(&["rev-parse", "--path-format=absolute", "--git-path", "MERGE_HEAD"]);
        std::fs::write(file.trim(), head).unwrap();
    }),
    left("diverged_tasks", |world, ann| {
        put(world, DATA, "aiplans/p2_two.md", Some("theirs\n"));
        ann.at(".aitask-data").write("aiplans/p3_three.md", "ours\n");
        ann.at(".aitask-data").commit("ours");
    }),
    left("second_home", |world, _| put(world, "main", "aitasks/t2_two.md", Some("---\nstatus: Ready\n---\n"))),
    left("renamed_branch", |world, ann| {
        world.git(&["--git-dir=origin.git", "branch", "-m", "main", "trunk"]);
        ann.git(&["fetch", "-q", "--prune"]);
    }),
    // settings
    left("tasks_gone", |_, ann| drop(ann.git(&["config", "aitask.data", "nowhere"]))),
    left("setting_without_branch", |_, ann| drop(ann.git(&["config", "aitask.base", "nowhere"]))),
];
