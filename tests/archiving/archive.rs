//! `aitask_archive.sh`.

use super::{alone, last_commit, script, task};
use crate::support::{Repo, World, wait_for_file};

const ARCHIVE: &str = "aitask_archive.sh";

const CHECKLIST: &str = "## Verification Checklist\n\n";

fn status(repo: &Repo) -> String {
    repo.git(&["status", "--porcelain", "--untracked-files=all"])
}

#[test]
fn twelve_at_once_in_one_checkout_make_twelve_clean_commits() {
    let world = World::new();
    let ann = alone(&world);
    for n in 1..=12 {
        task(&ann, &format!("aitasks/t{n}_x.md"), "");
        ann.write(&format!("aiplans/p{n}_x.md"), "plan\n");
    }
    ann.commit("tasks");
    let started: Vec<_> = (1..=12).map(|n| ann.start(&["compat", ARCHIVE, &n.to_string()])).collect();
    for run in started {
        assert!(run.wait().ok().stdout.contains("COMMITTED:"));
    }
    let log = ann.git(&["log", "-12", "--format=%s", "--name-only", "--no-renames"]);
    for commit in log.split("ait: ").skip(1) {
        let id = commit.strip_prefix("Archive completed t").unwrap().split(' ').next().unwrap();
        let paths: Vec<_> = commit.lines().skip(1).filter(|line| !line.is_empty()).collect();
        let of_task = |path: &&&str| path.ends_with(&format!("t{id}_x.md")) || path.ends_with(&format!("p{id}_x.md"));
        assert_eq!((paths.len(), paths.iter().filter(of_task).count()), (4, 4), "{commit}");
    }
    assert_eq!(status(&ann), "");
}

#[test]
fn an_index_that_is_locked_for_a_moment_is_waited_for() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "");
    ann.commit("tasks");
    ann.write(".git/index.lock", "");
    let met = world.root().join("met");
    let run = ann.with_git_that_tells("index.lock", &met).start(&["compat", ARCHIVE, "1"]);
    wait_for_file(&met);
    std::fs::remove_file(ann.path(".git/index.lock")).unwrap();
    run.wait().ok();
    assert_eq!(status(&ann), "");
}

#[test]
fn what_others_staged_stays_staged_except_a_parent_s_own_children() {
    let world = World::new();
    let ann = alone(&world);
    for path in ["aitasks/t1_p.md", "aitasks/t1/t1_1_x.md", "aitasks/t2_y.md", "aitasks/t3_z.md"] {
        task(&ann, path, "");
    }
    ann.write("code.rs", "one\n");
    ann.commit("tasks");
    ann.git(&["rm", "-q", "aitasks/t1/t1_1_x.md", "aitasks/t3_z.md"]);
    ann.write("code.rs", "two\n");
    ann.git(&["add", "code.rs"]);
    ann.write("aitasks/t2_y.md", "changed\n");
    script(&ann, ARCHIVE, &["--superseded", "1"]).ok();
    assert_eq!(
        last_commit(&ann),
        "ait: Archive completed t1 task and plan files\n\nA\taitasks/archived/t1_p.md\nD\taitasks/t1/t1_1_x.md\nD\taitasks/t1_p.md\n"
    );
    assert_eq!(status(&ann), " M aitasks/t2_y.md\nD  aitasks/t3_z.md\nM  code.rs\n");
}

#[test]
fn all_plans_of_a_task_move_also_changed_ones() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "");
    for name in ["p1_x", "p1_old_name"] {
        ann.write(&format!("aiplans/{name}.md"), "plan\n");
    }
    ann.commit("tasks");
    ann.write("aiplans/p1_x.md", "changed\n");
    ann.write("aiplans/p1_new.md", "never committed\n");
    let run = script(&ann, ARCHIVE, &["1"]).ok();
    assert_eq!(run.stdout.matches("ARCHIVED_PLAN:").count(), 3);
    assert_eq!(ann.git(&["show", "HEAD:aiplans/archived/p1_x.md"]), "changed\n");
    assert_eq!(ann.git(&["show", "HEAD:aiplans/archived/p1_new.md"]), "never committed\n");
    assert_eq!(status(&ann), "");
}

#[test]
fn a_folded_task_with_uncommitted_changes_is_kept() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "folded_tasks: [2, t3, 4_1, 5]\n");
    for path in ["aitasks/t2_x.md", "aitasks/t3_x.md", "aitasks/t4/t4_1_x.md"] {
        task(&ann, path, "");
    }
    task(&ann, "aitasks/t4_x.md", "children_to_implement: [t4_1, t4_2]\nrelated_issues: [a]\n");
    ann.commit("tasks");
    task(&ann, "aitasks/t3_x.md", "issue: new\n");
    task(&ann, "aitasks/t5_x.md", "");
    let run = script(&ann, ARCHIVE, &["1"]).ok();
    for line in [
        "FOLDED_DELETED:2:",
        "FOLDED_WARNING:3:Ready",
        "aitasks/t4_x.md",
        "FOLDED_DELETED:4_1:",
        "FOLDED_WARNING:5:Ready",
    ] {
        assert!(run.stdout.lines().any(|other| other.starts_with(line)), "{line}\n{run}");
    }
    let parent = ann.git(&["show", "HEAD:aitasks/t4_x.md"]);
    assert!(parent.contains("children_to_implement: [t4_2]\n") && parent.contains("related_issues: [a]\n"), "{parent}");
    assert_eq!(status(&ann), " M aitasks/t3_x.md\n?? aitasks/t5_x.md\n");
}

#[test]
fn a_move_that_was_cut_off_is_completed() {
    let world = World::new();
    let ann = alone(&world);
    for staged in [false, true] {
        let id = if staged { "2" } else { "1" };
        let [task_file, plan] = [format!("t{id}_x.md"), format!("p{id}_x.md")];
        task(&ann, &format!("aitasks/{task_file}"), "");
        ann.write(&format!("aiplans/{plan}"), "plan\n");
        ann.commit("tasks");
        // as the original leaves it when it is killed before the commit
        ann.write(
            &format!("aitasks/archived/{task_file}"),
            "---\nstatus: Done\nupdated_at: 2026-02-02 00:00\ncompleted_at: 2026-02-02 00:00\n---\n",
        );
        ann.write(&format!("aiplans/archived/{plan}"), "plan\n");
        for old in [format!("aitasks/{task_file}"), format!("aiplans/{plan}")] {
            std::fs::remove_file(ann.path(old)).unwrap();
        }
        if staged {
            ann.git(&["add", "--all"]);
        }
        let run = script(&ann, ARCHIVE, &[id]).ok();
        assert!(run.stdout.contains(&format!("ARCHIVED_PLAN:aiplans/archived/{plan}\nCOMMITTED:")), "{run}");
        assert!(ann.read(&format!("aitasks/archived/{task_file}")).contains("completed_at: 2026-02-02 00:00"));
        assert_eq!(status(&ann), "");
        let again = script(&ann, ARCHIVE, &[id]).fails(1);
        assert!(again.stderr.contains("already archived") && again.stdout.is_empty(), "{again}");
    }
}

#[test]
fn what_was_only_staged_is_committed_by_the_next_run() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_p.md", "children_to_implement: [t1_1]\n");
    task(&ann, "aitasks/t1/t1_1_x.md", "");
    ann.write("aiplans/p1/p1_1_x.md", "plan\n");
    ann.commit("tasks");
    let staged = script(&ann, ARCHIVE, &["--no-commit", "1_1"]).ok().stdout;
    assert!(staged.contains("PARENT_ARCHIVED:") && !staged.contains("COMMITTED:"), "{staged}");
    assert!(status(&ann).lines().all(|line| line.starts_with(['A', 'D', 'R'])), "{}", status(&ann));
    assert!(script(&ann, ARCHIVE, &["1_1"]).ok().stdout.contains("PARENT_ARCHIVED:aitasks/archived/t1_p.md\n"));
    assert!(last_commit(&ann).starts_with("ait: Archive completed t1_1 and parent t1 task and plan files\n"));
    assert_eq!(status(&ann), "");
}

#[test]
fn what_refuses_does_so_before_anything_changes() {
    let world = World::new();
    let ann = alone(&world);
    for path in
        ["aitasks/t1_x.md", "aitasks/t2_p.md", "aitasks/t2/t2_1_x.md", "aitasks/archived/t3_x.md", "aitasks/t3_x.md"]
    {
        task(&ann, path, "");
    }
    ann.commit("tasks");
    let head = ann.git(&["rev-parse", "HEAD"]);
    for (args, said) in [
        (&["2"][..], "children_to_implement still contains: t2_1"),
        (&["3"], "exists already"),
        (&["1", "2"], "Unexpected argument: 2"),
        (&["9"], "Task not found: 9"),
    ] {
        let run = script(&ann, ARCHIVE, args).fails(1);
        assert!(run.stderr.contains(said), "{run}");
    }
    ann.git(&["checkout", "-q", "--detach"]);
    assert!(script(&ann, ARCHIVE, &["1"]).fails(1).stderr.contains("detached HEAD"));
    assert_eq!((ann.git(&["rev-parse", "HEAD"]), status(&ann)), (head, String::new()));
}

#[test]
fn a_checkout_in_the_middle_of_a_rebase_is_left_alone() {
    let world = World::new();
    let ann = alone(&world);
    ann.git(&["branch", "aitask-data"]);
    ann.git(&["worktree", "add", "-q", ".aitask-data", "aitask-data"]);
    std::os::unix::fs::symlink(".aitask-data/aitasks", ann.path("aitasks")).unwrap();
    let data = ann.at(".aitask-data");
    task(&data, "aitasks/t1_x.md", "");
    data.commit("tasks");
    let marker = data.git(&["rev-parse", "--path-format=absolute", "--git-path", "rebase-merge"]);
    std::fs::create_dir(marker.trim()).unwrap();
    let run = script(&ann, ARCHIVE, &["1"]).fails(1);
    assert!(run.stderr.contains("Data worktree (.aitask-data) is stuck mid-rebase-merge."), "{run}");
    assert_eq!(status(&data), "");
    script(&ann.env("AIT_GIT_SKIP_STATE_CHECK", 1), ARCHIVE, &["1"]).ok();
}

#[test]
fn a_child_whose_parent_is_archived_goes_alone_and_a_parent_with_open_files_stays() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/archived/t1_p.md", "");
    task(&ann, "aitasks/t2_p.md", "children_to_implement: [t2_1]\n");
    for path in ["aitasks/t1/t1_1_x.md", "aitasks/t2/t2_1_x.md", "aitasks/t2/t2_2_unlisted.md"] {
        task(&ann, path, "");
    }
    ann.commit("tasks");
    assert!(script(&ann, ARCHIVE, &["1_1"]).ok().stdout.contains("(parent: t1_p.md)"));
    let run = script(&ann, ARCHIVE, &["2_1"]).ok();
    assert!(run.stderr.contains("t2_2") && !run.stdout.contains("PARENT_ARCHIVED"), "{run}");
    assert!(script(&ann, ARCHIVE, &["2_2"]).ok().stdout.contains("PARENT_ARCHIVED:aitasks/archived/t2_p.md"));
}

#[test]
fn folders_elsewhere_are_found_by_the_variables() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "work/tasks/t1_x.md", "");
    ann.commit("tasks");
    let there = ann.env("TASK_DIR", ann.path("work/tasks").display()).env("ARCHIVED_DIR", "work/old");
    let run = script(&there, ARCHIVE, &["1"]).ok();
    assert!(run.stdout.contains("ARCHIVED_TASK:work/old/t1_x.md\n"), "{run}");
    assert!(last_commit(&ann).ends_with("A\twork/old/t1_x.md\nD\twork/tasks/t1_x.md\n"));
}

#[test]
fn open_boxes_and_pending_gates_block() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "issue_type: manual_verification\n");
    task(&ann, "aitasks/t2_x.md", "gates: [review]\n");
    let text = ann.read("aitasks/t1_x.md");
    ann.write("aitasks/t1_x.md", &format!("{text}\n{CHECKLIST}- [x] one\n- [ ] two\n- [defer] three\n"));
    ann.commit("tasks");
    let run = script(&ann, ARCHIVE, &["1", "--ignore-gates"]).fails(2);
    assert_eq!(
        run.stdout,
        "PENDING:1\nDEFERRED:1\nVERIFICATION_PENDING: cannot archive until all items are terminal (pass/fail/skip)\n"
    );
    let helper = "#!/bin/sh\n[ \"$1 $2\" = 'archive-ready 2' ] && echo BLOCKED:review\n";
    ann.world().script(&ann.path(".aitask-scripts/aitask_gate.sh"), helper);
    let run = script(&ann, ARCHIVE, &["2"]).fails(2);
    assert!(run.stdout.starts_with("GATE_PENDING:review\nGATE_BLOCKED: cannot archive"), "{run}");
    assert!(script(&ann, ARCHIVE, &["2", "--ignore-gates"]).ok().stdout.starts_with("Ignoring gate-guard"));
}

#[test]
fn a_new_task_takes_over_deferred_items_in_the_commit_that_archives_the_old_one() {
    let world = World::new();
    let ann = alone(&world);
    for path in ["aitasks/t1_x.md", "aitasks/t2_y.md"] {
        task(&ann, path, "issue_type: manual_verification\n");
        let text = ann.read(path);
        ann.write(path, &format!("{text}\n- [ ] prose\n\n{CHECKLIST}- [x] one\n- [defer] two\n"));
    }
    ann.commit("tasks");
    let run = script(&ann, ARCHIVE, &["1", "--ignore-gates"]).fails(2);
    assert!(run.stdout.starts_with("DEFERRED:1\nVERIFICATION_DEFERRED: use --with-deferred-carryover"), "{run}");
    let carry = ["1", "--with-deferred-carryover"];
    let run = script(&ann, ARCHIVE, &[&carry[..], &["--dry-run"]].concat()).ok();
    assert!(run.stdout.starts_with("[dry-run] Would create a task for the deferred items of t1\n"), "{run}");
    let run = script(&ann, ARCHIVE, &carry).ok();
    assert!(run.stdout.starts_with("CARRYOVER_CREATED:3:aitasks/t3_x_carryover.md\nArchiving parent task"), "{run}");
    let commit = last_commit(&ann);
    let paths = "A\taitasks/archived/t1_x.md\nD\taitasks/t1_x.md\nA\taitasks/t3_x_carryover.md\n";
    assert!(commit.ends_with(paths), "{commit}");
    assert_eq!(status(&ann), "");
    assert!(ann.read("aitasks/t3_x_carryover.md").ends_with(&format!("\n{CHECKLIST}- [ ] two\n")));
    script(&ann, ARCHIVE, &["2", "--with-deferred-carryover", "--no-commit"]).ok();
    assert!(status(&ann).contains("A  aitasks/t4_y_carryover.md\n"), "{}", status(&ann));
}

/// In two clones: both are archived, and the second takes the parent along, once.
#[test]
fn two_siblings_archived_at_once_in_two_clones_take_their_parent_along_once() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
    ann.task("Parent", &[]);
    ann.task("One", &[("parent", "1")]);
    ann.task("Two", &[("parent", "1")]);
    let runs = [ann.start(&["archive", "1_1"]), bob.start(&["archive", "1_2"])];
    for run in runs {
        run.wait().ok();
    }
    let files = world.remote_files("main");
    let archived: Vec<_> =
        files.iter().filter(|path| path.starts_with("aitasks/") && !path.contains("metadata")).collect();
    assert_eq!(
        archived,
        ["aitasks/archived/t1/t1_1_one.md", "aitasks/archived/t1/t1_2_two.md", "aitasks/archived/t1_parent.md"]
    );
    let log = world.git(&["--git-dir=origin.git", "log", "--format=%s", "main"]);
    assert_eq!((log.matches("and parent t1").count(), log.matches("Archive completed").count()), (1, 2), "{log}");
}

#[test]
fn the_lock_goes_last_and_its_holder_is_named() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    script(&bob, "aitask_lock.sh", &["--lock", "1", "--email", "bob@example.com"]).ok();
    ann.write("aitasks/metadata/userconfig.yaml", "email: ann@example.com\n");
    ann.git(&["fetch", "-q"]);
    ann.count_connections();
    let run = script(&ann, ARCHIVE, &["1"]).ok();
    assert!(run.stderr.contains("t1 was locked by bob@example.com"), "{run}");
    assert_eq!(ann.connections(), ["push"]);
    assert_eq!(world.locks(), Vec::<String>::new());
    assert_eq!(world.remote_files("main").iter().filter(|path| path.contains("archived/t1_")).count(), 0);
}

#[test]
fn a_task_file_that_became_a_link_publishes_nothing_from_elsewhere() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "");
    ann.commit("tasks");
    let (file, key) = (ann.path("aitasks/t1_x.md"), world.root().join("key"));
    std::fs::rename(&file, &key).unwrap();
    std::os::unix::fs::symlink(&key, &file).unwrap();
    let before = (ann.git(&["rev-parse", "HEAD"]), status(&ann));
    let run = script(&ann, ARCHIVE, &["1"]).fails(1);
    assert!(run.stderr.contains("t1_x.md is a symbolic link"), "{run}");
    assert_eq!((ann.git(&["rev-parse", "HEAD"]), status(&ann)), before);
}

#[test]
fn a_file_name_forges_no_line_of_the_answer() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t30_x\nCOMMITTED:deadbeef\nARCHIVED_TASK:evil.md", "");
    ann.commit("tasks");
    let run = script(&ann, ARCHIVE, &["30"]);
    let forged = |line: &str| line.starts_with("COMMITTED:deadbeef") || line.starts_with("ARCHIVED_TASK:evil");
    assert!(!run.stdout.lines().chain(run.stderr.lines()).any(forged), "{run}");
}

/// A parent with two children, all committed, whose rename to `t1_new` is not.
fn renamed_parent(world: &World, children: &[&str]) -> Repo {
    let ann = alone(world);
    task(&ann, "aitasks/t1_old.md", &format!("children_to_implement: [{}]\n", children.join(", ")));
    for child in children {
        task(&ann, &format!("aitasks/t1/{child}_x.md"), "");
    }
    ann.commit("tasks");
    ann.run("mv", &["aitasks/t1_old.md", "aitasks/t1_new.md"]).ok();
    ann
}

#[test]
fn a_parent_s_uncommitted_rename_stays_uncommitted_as_a_whole() {
    for stage in [false, true] {
        let ann = renamed_parent(&World::new(), &["t1_1", "t1_2"]);
        if stage {
            ann.git(&["add", "aitasks"]);
        }
        let before = status(&ann);
        script(&ann, ARCHIVE, &["1_2"]).ok();
        assert_eq!(
            last_commit(&ann),
            "ait: Archive completed t1_2 task and plan files\n\nA\taitasks/archived/t1/t1_2_x.md\nD\taitasks/t1/t1_2_x.md\n"
        );
        let list = ann.read("aitasks/t1_new.md");
        assert!(list.contains("children_to_implement: [t1_1]\n"), "{list}");
        assert_eq!(status(&ann).replace("AM", "A ").replace("RM", "R "), before);
    }
}

#[test]
fn a_renamed_parent_that_is_archived_with_its_last_child_leaves_no_second_file() {
    let ann = renamed_parent(&World::new(), &["t1_1"]);
    script(&ann, ARCHIVE, &["1_1"]).ok();
    let files = ann.git(&["ls-tree", "-r", "--name-only", "HEAD", "aitasks"]);
    assert_eq!(
        (files.as_str(), status(&ann)),
        ("aitasks/archived/t1/t1_1_x.md\naitasks/archived/t1_new.md\n", String::new())
    );
}
