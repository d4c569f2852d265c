//! `aitask_task_worktree.sh`: what goes, what stays, and how that is said.

use crate::support::{Repo, Sleeper, World};

fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    (world, ann)
}

fn add(ann: &Repo, name: &str) -> Repo {
    ann.git(&["worktree", "add", "-q", "-b", &format!("aitask/{name}"), &format!("aiwork/{name}"), "main"]);
    ann.at(format!("aiwork/{name}"))
}

/// The code and the lines of `remove`, the clone's folder written `<root>`.
#[track_caller]
fn remove(ann: &Repo, args: &[&str]) -> (i32, String) {
    let run = ann.script("aitask_task_worktree.sh", &[&["remove"], args].concat());
    let top = ann.top().canonicalize().unwrap();
    (run.code, run.stdout.trim_end().replace(top.to_str().unwrap(), "<root>").replace('\n', " | "))
}

fn resolve(ann: &Repo, name: &str) -> String {
    ann.script("aitask_task_worktree.sh", &["resolve", name]).ok().stdout
}

#[test]
fn where_there_is_no_worktree_stderr_is_empty() {
    let (_world, ann) = scene();
    let run = ann.script("aitask_task_worktree.sh", &["remove", "t2_x", "--force"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("WORKTREE_NONE\nBRANCH_NONE\nCLEAN\n", ""));
}

#[test]
fn commits_that_are_not_merged_stay_whatever_the_options() {
    let (_world, ann) = scene();
    for (options, code) in [(&["--strict"][..], 1), (&["--force"], 0), (&["--force", "--strict"], 1), (&[], 0)] {
        add(&ann, "t2_x").commit("work");
        let expected = "WORKTREE_REMOVED <root>/aiwork/t2_x | BRANCH_KEPT unmerged_into:main aitask/t2_x | PRESERVED";
        assert_eq!(remove(&ann, &[&["t2_x"], options].concat()), (code, expected.into()), "{options:?}");
        let again = "WORKTREE_NONE | BRANCH_KEPT unmerged_into:main aitask/t2_x | PRESERVED";
        assert_eq!(remove(&ann, &["t2_x", "--strict"]), (1, again.into()));
        ann.git(&["merge", "-q", "aitask/t2_x"]);
        let merged = "WORKTREE_NONE | BRANCH_DELETED aitask/t2_x | CLEAN";
        assert_eq!(remove(&ann, &["t2_x", "--strict"]), (0, merged.into()));
    }
}

#[test]
fn a_branch_that_cannot_go_is_kept_with_the_reason() {
    let (_world, ann) = scene();
    add(&ann, "t2_x");
    ann.git(&["worktree", "add", "-q", "--force", "../second", "aitask/t2_x"]);
    let kept = "WORKTREE_REMOVED <root>/aiwork/t2_x | BRANCH_KEPT checked_out aitask/t2_x | RESIDUE";
    assert_eq!(remove(&ann, &["t2_x", "--force"]), (1, kept.into()));
    add(&ann, "t3_x");
    ann.write(".git/refs/heads/aitask/t3_x.lock", "");
    let kept = "WORKTREE_REMOVED <root>/aiwork/t3_x | BRANCH_KEPT unknown aitask/t3_x | RESIDUE";
    assert_eq!(remove(&ann, &["t3_x"]), (1, kept.into()));
    std::fs::remove_file(ann.path(".git/refs/heads/aitask/t3_x.lock")).unwrap();
    assert_eq!(remove(&ann, &["t3_x"]).0, 0);
    add(&ann, "t4_x").commit("work");
    ann.git(&["checkout", "-q", "--detach"]);
    let kept = "WORKTREE_REMOVED <root>/aiwork/t4_x | BRANCH_KEPT unmerged_into:HEAD aitask/t4_x | PRESERVED";
    assert_eq!(remove(&ann, &["t4_x"]), (0, kept.into()));
    ann.git(&["switch", "-q", "main"]);
    add(&ann, "t5_x");
    std::fs::rename(ann.path("aiwork/t5_x"), ann.path("../moved")).unwrap();
    ann.git(&["update-ref", "-d", "refs/heads/aitask/t5_x"]);
    let kept = "WORKTREE_KEPT stale_record <root>/aiwork/t5_x | BRANCH_NONE | RESIDUE";
    assert_eq!(remove(&ann, &["t5_x", "--force"]), (1, kept.into()));
    // Nothing is touched beside the main worktree, not even a folder in the place.
    ann.git(&["switch", "-q", "-c", "aitask/t6_x"]);
    ann.write("aiwork/t6_x/left", "over\n");
    let kept = "WORKTREE_KEPT main_worktree <root> | BRANCH_KEPT skipped aitask/t6_x | RESIDUE";
    assert_eq!(remove(&ann, &["t6_x", "--force"]), (1, kept.into()));
    assert!(ann.path("aiwork/t6_x/left").exists());
}

#[test]
fn what_cannot_be_understood_has_no_line_on_standard_output() {
    let (_world, ann) = scene();
    add(&ann, "t2_x");
    for args in [
        &[][..],
        &["bogus", "t2_x"],
        &["--help"],
        &["resolve"],
        &["remove", ""],
        &["resolve", "t2_x", "--force"],
        &["resolve", "t2_x", "--strict"],
        &["remove", "--force", "t2_x"],
        &["remove", "t2_x", "--bogus"],
        &["remove", "t2_x", "t3_x"],
        &["remove", "t2\nx", "--force"],
        &["remove", "t2\tx", "--force"],
    ] {
        let run = ann.script("aitask_task_worktree.sh", args).fails(2);
        assert!(run.stdout.is_empty() && run.stderr.contains("\nUsage: aitask_task_worktree.sh resolve"), "{run}");
    }
    assert_eq!(remove(&ann, &["t2_x", "--strict", "--force", "--strict"]).0, 0);
}

#[test]
fn a_path_of_two_lines_is_one_line() {
    let (_world, ann) = scene();
    ann.git(&["worktree", "add", "-q", "-b", "aitask/t2_x", "aiwork/two\nlines"]);
    let top = ann.top().canonicalize().unwrap();
    assert_eq!(resolve(&ann, "t2_x"), format!("UNSAFE {}/aiwork/two%0Alines\n", top.display()));
    let kept = "WORKTREE_KEPT unsafe_path <root>/aiwork/two%0Alines | BRANCH_KEPT skipped aitask/t2_x | RESIDUE";
    assert_eq!(remove(&ann, &["t2_x", "--force"]), (1, kept.into()));
}

#[test]
fn a_pointer_in_a_leftover_to_the_worktree_of_another_task_is_not_followed() {
    let (_world, ann) = scene();
    let other = add(&ann, "t3_y");
    other.write("new", "mine\n");
    let admin = ann.path(".git/worktrees/t3_y").canonicalize().unwrap();
    ann.write("aiwork/t2_x/.git", &format!("gitdir: {}\n", admin.display()));
    let before = ann.git(&["worktree", "list", "--porcelain"]);
    let gone = "WORKTREE_REMOVED <root>/aiwork/t2_x | BRANCH_NONE | CLEAN";
    assert_eq!(remove(&ann, &["t2_x", "--force"]), (0, gone.into()));
    assert_eq!(ann.git(&["worktree", "list", "--porcelain"]), before);
    assert_eq!((other.read("new").as_str(), other.git(&["status", "--porcelain"]).as_str()), ("mine\n", "?? new\n"));
    ann.git(&["fsck", "--no-dangling"]);
}

#[test]
fn the_stale_worktree_of_another_task_is_left_as_it_is() {
    let (world, ann) = scene();
    add(&ann, "t2_x");
    add(&ann, "t3_y");
    std::fs::rename(ann.path("aiwork/t3_y"), world.root().join("moved")).unwrap();
    let of_other = || {
        let list = ann.git(&["worktree", "list", "--porcelain"]);
        list.split("\n\n").find(|record| record.contains("refs/heads/aitask/t3_y")).unwrap().to_owned()
    };
    let before = of_other();
    assert!(before.contains("prunable"), "{before}");
    remove(&ann, &["t2_x", "--force"]);
    assert_eq!(of_other(), before);
}

#[test]
fn one_that_was_moved_by_hand_is_kept_until_it_is_repaired() {
    let (world, ann) = scene();
    add(&ann, "t2_x");
    let moved = world.root().canonicalize().unwrap().join("moved");
    std::fs::rename(ann.path("aiwork/t2_x"), &moved).unwrap();
    let top = ann.top().canonicalize().unwrap();
    assert_eq!(resolve(&ann, "t2_x"), format!("STALE {}/aiwork/t2_x\n", top.display()));
    let kept = "WORKTREE_KEPT stale_record <root>/aiwork/t2_x | BRANCH_KEPT skipped aitask/t2_x | RESIDUE";
    assert_eq!(remove(&ann, &["t2_x", "--force"]), (1, kept.into()));
    ann.git(&["worktree", "repair", moved.to_str().unwrap()]);
    let removed = format!("WORKTREE_REMOVED {} | BRANCH_DELETED aitask/t2_x | CLEAN", moved.display());
    assert_eq!(remove(&ann, &["t2_x", "--strict"]), (0, removed));
    assert!(!moved.exists());
}

#[test]
fn an_aborted_task_can_be_picked_again() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("Abort me", &[]);
    let pick = ["1", "--email", "ann@example.com"];
    assert!(ann.script("aitask_pick_own.sh", &pick).ok().stdout.contains("OWNED:1\n"));
    let there = add(&ann, "t1_abort_me");
    there.commit("half of it");
    there.write("README.md", "uncommitted\n");
    ann.script("aitask_lock.sh", &["--unlock", "1"]).ok();
    ann.script("aitask_update.sh", &["--batch", "1", "--status", "Ready", "--assigned-to", ""]).ok();
    ann.script("ait", &["git", "add", "aitasks/", "aiplans/"]).ok();
    ann.script("ait", &["git", "commit", "-qm", "ait: Abort t1: revert status to Ready"]).ok();
    let kept =
        "WORKTREE_REMOVED <root>/aiwork/t1_abort_me | BRANCH_KEPT unmerged_into:main aitask/t1_abort_me | PRESERVED";
    assert_eq!(remove(&ann, &["t1_abort_me", "--force"]), (0, kept.into()));
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!(!ann.read("aitasks/t1_abort_me.md").contains("assigned_to"));
    assert!(ann.script("aitask_pick_own.sh", &pick).ok().stdout.contains("OWNED:1\n"));
    assert_eq!(resolve(&ann, "t1_abort_me"), "NONE\n");
    let run = ann.aitask(&["worktree", "add", "1"]).ok();
    assert!(run.stdout.contains("1 commit ahead of main, 0 behind"), "{run}");
    assert!(resolve(&ann, "t1_abort_me").starts_with("USABLE "));
}

#[test]
fn a_pushed_branch_that_is_not_merged_is_kept() {
    let (_world, ann) = scene();
    let there = add(&ann, "t2_x");
    there.commit("work");
    there.git(&["push", "-q", "-u", "origin", "aitask/t2_x"]);
    let kept = "WORKTREE_REMOVED <root>/aiwork/t2_x | BRANCH_KEPT unmerged_into:main aitask/t2_x | PRESERVED";
    assert_eq!(remove(&ann, &["t2_x"]), (0, kept.into()));
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at("aiwork/t1_one");
    there.commit("work");
    there.git(&["push", "-q", "-u", "origin", "aitask/t1_one"]);
    let json = ann.aitask(&["worktree", "remove", "1", "--json"]).ok().json();
    assert_eq!((&json["branch_deleted"], &json["branch_kept"]), (&false.into(), &"aitask/t1_one".into()));
}

#[test]
fn a_branch_that_is_merged_elsewhere_alone_is_kept() {
    let (_world, ann) = scene();
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").commit("work");
    ann.git(&["switch", "-qc", "feat"]);
    ann.git(&["merge", "-q", "aitask/t1_one"]);
    let json = ann.aitask(&["worktree", "remove", "1", "--json"]).ok().json();
    assert_eq!((&json["branch_deleted"], &json["branch_kept"]), (&false.into(), &"aitask/t1_one".into()), "{json}");
    ann.git(&["branch", "-f", "main", "feat"]);
    let json = ann.aitask(&["worktree", "remove", "1", "--json"]).ok().json();
    assert_eq!(json["branch_deleted"], true, "{json}");
}

#[test]
fn a_merged_branch_whose_upstream_lacks_it_is_deleted() {
    let (_world, ann) = scene();
    ann.git(&["config", "branch.autoSetupMerge", "inherit"]);
    add(&ann, "t2_x").commit("work");
    assert_eq!(ann.git(&["config", "branch.aitask/t2_x.merge"]), "refs/heads/main\n");
    ann.git(&["merge", "-q", "aitask/t2_x"]);
    let gone = "WORKTREE_REMOVED <root>/aiwork/t2_x | BRANCH_DELETED aitask/t2_x | CLEAN";
    assert_eq!(remove(&ann, &["t2_x", "--strict"]), (0, gone.into()));
    ann.git_fails(&["config", "branch.aitask/t2_x.merge"]);
    ann.git_fails(&["rev-parse", "--verify", "-q", "refs/heads/aitask/t2_x"]);
}

#[test]
fn the_worktree_of_a_living_session_is_kept() {
    let (_world, ann) = scene();
    let (agent, other) = (Sleeper::new(), Sleeper::new());
    let [held, elsewhere] = [&agent, &other].map(|one| ann.env("AIT_AGENT_PID", one.pid()));
    held.aitask(&["pick", "1"]).ok();
    ann.write("aiwork/t1_one/new", "mine\n");
    for somebody in [&ann, &elsewhere] {
        for more in [&[][..], &["--dry-run"]] {
            let run = somebody.aitask(&[&["worktree", "remove", "1", "--discard", "--json"], more].concat()).fails(1);
            assert_eq!(
                (&run.error()["error"]["kind"], ann.read("aiwork/t1_one/new")),
                (&"held".into(), "mine\n".into())
            );
        }
    }
    held.aitask(&["worktree", "remove", "1", "--discard"]).ok();
    held.aitask(&["worktree", "add", "1"]).ok();
    agent.die();
    elsewhere.aitask(&["worktree", "remove", "1", "--discard"]).ok();
}

#[test]
fn the_scripts_force_overrules_a_living_session_of_the_same_person_only() {
    let (_world, ann) = scene();
    let agent = Sleeper::new();
    let held = ann.env("AIT_AGENT_PID", agent.pid());
    held.aitask(&["pick", "1"]).ok();
    let kept =
        |reason| format!("WORKTREE_KEPT {reason} <root>/aiwork/t1_one | BRANCH_KEPT skipped aitask/t1_one | RESIDUE");
    let run = ann.script("aitask_task_worktree.sh", &["remove", "t1_one"]);
    assert!(run.stderr.contains("held by ann@example.com") && run.stderr.contains("is running"), "{run}");
    assert_eq!(remove(&ann, &["t1_one"]), (1, kept("dirty")));
    let gone = "WORKTREE_REMOVED <root>/aiwork/t1_one | BRANCH_DELETED aitask/t1_one | CLEAN";
    assert_eq!(remove(&ann, &["t1_one", "--force"]), (0, gone.into()));
    held.aitask(&["pick", "1", "--email", "bob@example.com", "--steal"]).ok();
    assert_eq!(remove(&ann, &["t1_one", "--force"]), (1, kept("unknown")));
}

#[test]
fn a_lock_of_the_session_that_started_us_is_ours() {
    let (_world, ann) = scene();
    let program = env!("CARGO_BIN_EXE_git-aitask");
    let remove = format!("'{program}' compat aitask_task_worktree.sh remove t1_one --force");
    let take = format!("AIT_AGENT_PID=$$ '{program}' pick 1 >&2 && touch aiwork/t1_one/new");
    let run = ann.run("sh", &["-c", &format!("{take} && {{ (sh -c \"{remove}; true\"); true; }}")]).ok();
    assert!(run.stdout.ends_with("CLEAN\n"), "{run}");
    // of another person, it is not
    let take = take.replace("pick 1", "pick 1 --email bob@example.com --steal");
    let run = ann.run("sh", &["-c", &format!("{take} && {{ {remove}; true; }}")]).ok();
    assert!(run.stdout.starts_with("WORKTREE_KEPT unknown "), "{run}");
}

#[test]
fn the_lock_of_a_parent_is_none_of_its_childs() {
    let (_world, ann) = scene();
    ann.task("Child", &[("parent", "1")]);
    ann.task("2024 report", &[]);
    let agent = Sleeper::new();
    for id in ["1", "2"] {
        ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["lock", id, "--email", "bob@example.com"]).ok();
    }
    add(&ann, "t1_1_child");
    assert_eq!(remove(&ann, &["t1_1_child", "--force"]).0, 0);
    add(&ann, "t2_2024_report");
    assert_eq!(remove(&ann, &["t2_2024_report", "--force"]).0, 1);
}

#[test]
fn a_line_of_unknown_kind_in_a_list_without_nul_is_passed_over() {
    let (_world, ann) = scene();
    add(&ann, "t2_x");
    let old = |extra: &str| {
        ann.with_git_that(&format!(
            "case \"$*\" in 'worktree list'*-z*) echo 'error: unknown switch' >&2; exit 129;; \
             'worktree list'*) @GIT@ \"$@\"; printf '{extra}'; exit;; esac"
        ))
    };
    for extra in ["shiny\\n\\n", "worktree /x\\nbranch refs/heads/x\\n\\n", "worktree /x\\nbare\\nshiny yes\\n\\n"] {
        let ann = old(extra);
        assert_eq!(resolve(&ann, "t3_y"), "UNSAFE \n", "{extra}");
        let kept = "WORKTREE_KEPT unsafe_path  | BRANCH_NONE | RESIDUE";
        assert_eq!(remove(&ann, &["t3_y", "--force"]), (1, kept.into()), "{extra}");
        assert!(resolve(&ann, "t2_x").starts_with("USABLE "), "{extra}");
    }
    assert_eq!(resolve(&old(""), "t3_y"), "NONE\n");
    assert!(remove(&old("shiny\\n\\n"), &["t2_x"]).1.ends_with("CLEAN"));
}

#[test]
fn archiving_says_which_work_it_leaves_behind() {
    let (_world, ann) = scene();
    let archive = |id: &str| ann.git_commands(&["compat", "aitask_archive.sh", "--dry-run", id]);
    let (run, without) = archive("1");
    assert_eq!(run.ok().stderr, "");
    let there = add(&ann, "t1_one");
    let (run, merged) = archive("1");
    assert_eq!((run.ok().stderr.as_str(), merged.len() - without.len()), ("", 2));
    there.commit("work");
    there.write("new", "mine\n");
    let (run, _) = archive("1");
    let warning = run.ok().stderr;
    let expected = "Warning: aitask/t1_one has 1 commit that main lacks; ";
    assert!(warning.contains(expected) && warning.contains("aiwork/t1_one has uncommitted work"), "{warning}");
    there.git(&["clean", "-qfd"]);
    ann.git(&["worktree", "remove", "aiwork/t1_one"]);
    ann.git(&["pack-refs", "--all"]);
    let run = ann.script("aitask_archive.sh", &["1"]).ok();
    assert!(run.stderr.contains("has 1 commit that main lacks"), "{run}");
    assert!(run.stdout.contains("ARCHIVED_TASK:") && run.stdout.contains("COMMITTED:"), "{run}");
}
