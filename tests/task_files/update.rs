//! `aitask_update.sh --batch`.

use super::{PLAIN, both, create, data, files, last_commit, project, refuses_in_order, script, update};
use crate::support::World;
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn a_committed_rename_commits_both_names_and_takes_nobodys_place() {
    let ann = project(&World::new());
    ann.write("aitasks/t1_taken.md.bak", "");
    let run = update(&ann, &["1", "--name", "Better Name", "--commit", "--silent"]).ok();
    assert_eq!(run.stdout.lines().last(), Some("aitasks/t1_better_name.md"));
    let commit = "ait: Update task t1: better name\nA\taitasks/t1_better_name.md\nD\taitasks/t1_first.md\n";
    assert_eq!(last_commit(&ann), commit);
    update(&ann, &["1", "--name", "!!!"]).fails(1);
    assert_eq!(files(&ann, "aitasks"), ["metadata", "t1_better_name.md", "t1_taken.md.bak"]);
}

#[test]
fn an_uncommitted_task_can_be_renamed_and_committed() {
    let ann = project(&World::new());
    ann.write("aitasks/t5_new.md", PLAIN);
    update(&ann, &["5", "--name", "other", "--commit"]).ok();
    assert_eq!(last_commit(&ann), "ait: Update task t5: other\nA\taitasks/t5_other.md\n");
}

#[test]
fn a_child_that_is_done_takes_its_parent_into_the_commit() {
    let ann = project(&World::new());
    for name in ["a", "b"] {
        create(&ann, &["--commit", "--name", name, "--parent", "1"]).ok();
    }
    let run = update(&ann, &["1_1", "--status", "Done", "--commit", "--silent"]).ok();
    run.assert().stderr(contains("Updated parent t1 - remaining children: t1_2"));
    assert_eq!(last_commit(&ann), "ait: Update task t1_1: a\nM\taitasks/t1/t1_1_a.md\nM\taitasks/t1_first.md\n");
    update(&ann, &["1_1", "--priority", "low", "--commit"]).ok();
    assert_eq!(last_commit(&ann), "ait: Update task t1_1: a\nM\taitasks/t1/t1_1_a.md\n");
    let run = update(&ann, &["1_2", "-s", "Done"]).ok();
    run.assert().stdout(contains("All children of t1 are complete! Parent can now be completed.\nUpdated: "));
    assert_eq!(ann.git(&["status", "--porcelain"]), " M aitasks/t1/t1_2_b.md\n M aitasks/t1_first.md\n");
}

#[test]
fn the_same_change_again_is_no_failure() {
    let ann = project(&World::new());
    for _ in 0..2 {
        update(&ann, &["1", "--priority", "high", "--commit"])
            .ok()
            .assert()
            .stdout(contains("Updated: aitasks/t1_first.md"));
    }
}

#[test]
fn lines_we_do_not_model_survive_in_their_order() {
    let ann = project(&World::new());
    let text = "---\r\ncustom: [a,\r\n  b]\r\n# note\r\nX-Own:\r\n  - one\r\n  - 'two'\r\nstatus: Ready\r\nlabels:\r\n- a b\r\n\
        created_at: c\r\nupdated_at: u\r\ncompleted_at: d\r\nrelated_issues: [\"https://x/3\"]\r\n---\r\n\r\nBody \r\n\r\n---\r\nlast";
    ann.write("aitasks/t3_mess.md", text);
    update(&ann, &["3", "--effort", "low"]).ok();
    let after = ann.read("aitasks/t3_mess.md");
    let (head, times) = after.split_once("created_at: c\n").unwrap();
    assert!(head.ends_with("labels: [a b]\ncustom: [a,\n  b]\n# note\nX-Own:\n  - one\n  - 'two'\n"), "{head}");
    assert!(
        times.contains("\ncompleted_at: d\nrelated_issues: [\"https://x/3\"]\n---\n\nBody \r\n\r\n---\r\nlast\n"),
        "{times}"
    );
    update(&ann, &["3", "--effort", "low"]).ok();
    assert_eq!(ann.read("aitasks/t3_mess.md").lines().count(), after.lines().count());
}

#[test]
fn no_value_forges_a_line() {
    let ann = project(&World::new());
    for option in ["--assigned-to", "--issue", "--boardidx", "--folded-into", "--active-gates-digest", "--deps"] {
        for text in ["x\nstatus: Done", "x\u{2028}y", "a\u{1b}]0;t\u{7}"] {
            let group = ["--active-gates", "", "--active-gates-filtered", "", "--active-gates-profile", ""];
            let group = if option == "--active-gates-digest" { &group[..] } else { &[] };
            update(&ann, &[&["1", option, text], group].concat()).fails(1).assert().stdout("");
        }
    }
    assert_eq!(ann.read("aitasks/t1_first.md"), PLAIN);
}

#[test]
fn labels_are_registered_after_the_checks() {
    let ann = project(&World::new());
    update(&ann, &["1", "--add-label", "fresh", "--priority", "urgent"]).fails(1);
    update(&ann, &["1", "--add-label", "fresh", "--status", "Done", "--children", "1_1"]).fails(1);
    assert_eq!(ann.read("aitasks/metadata/labels.txt"), "ui\n");
    let run = update(&ann, &["1", "--add-label", "fresh", "--add-label", "!!!"]).ok();
    run.assert().stderr(contains("dropped invalid label(s): !!!").and(contains("Added to label vocabulary: fresh")));
}

#[test]
fn ids_of_children_are_removed_with_and_without_t() {
    let ann = project(&World::new());
    update(&ann, &["1", "--children", "1_1,t1_2,1_3", "--verifies", "2_1"]).ok();
    update(&ann, &["1", "--remove-child", "1_1", "--add-child", "t1_2", "--remove-verifies", "2_1"]).ok();
    let file = ann.read("aitasks/t1_first.md");
    assert!(file.contains("children_to_implement: [t1_2, t1_3]\n") && !file.contains("verifies"), "{file}");
}

#[test]
fn another_projects_task_is_updated_only_without_questions() {
    let ann = project(&World::new());
    for args in [&["1", "--priority", "low"][..], &["1", "--name", "x"], &["1"], &[]] {
        let run = script(&ann, "aitask_update.sh", &[&["--project", "sib"], args].concat()).fails(1);
        run.assert().stdout("").stderr(contains("--project requires --batch"));
    }
    update(&ann, &["1", "--name", "x", "--project", "sib"]).fails(1).assert().stderr(contains("cannot be combined"));
}

#[test]
fn a_kind_of_follow_up_is_judged_only_where_the_kinds_are_known() {
    let world = World::new();
    let ann = project(&world);
    let set = ["1", "--followup-kind", "docs_gap"];
    std::fs::create_dir_all(world.root().join("empty")).unwrap();
    for place in ["empty", "none"] {
        let blind = ann.env("AIT_FOLLOWUP_KINDS_DIR", world.root().join(place).display());
        let run = update(&blind, &set).fails(1);
        run.assert().stderr(contains("cannot resolve the follow-up kind vocabulary").and(contains("Invalid").not()));
        update(&blind, &["1", "--followup-kind", ""]).ok();
    }
    assert!(!ann.read("aitasks/t1_first.md").contains("followup_kind"));
    update(&ann.env("AIT_FOLLOWUP_KINDS_DIR", ann.path("aitasks").display()), &set).ok();
}

#[test]
fn a_plain_update_starts_one_git_process() {
    let ann = project(&World::new());
    let (run, commands) = ann.git_commands(&["compat", "aitask_update.sh", "--batch", "1", "--priority", "high"]);
    run.ok();
    assert_eq!(commands.len(), 1, "{commands:?}");
}

#[test]
fn a_silent_update_shows_its_commit_before_its_path() {
    for (_world, ann) in both() {
        let run = update(&ann, &["1", "--priority", "low", "--silent", "--commit"]).ok();
        let lines: Vec<_> = run.stdout.lines().collect();
        assert!(lines.len() == 3 && lines[0].ends_with("] ait: Update task t1: first"), "{run}");
        assert_eq!((lines[2], run.stderr.as_str()), ("aitasks/t1_first.md", ""));
        let run = update(&ann, &["1", "--priority", "high", "--silent"]).ok();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("aitasks/t1_first.md\n", ""));
    }
}

#[test]
fn a_task_that_is_a_link_to_a_file_that_git_knows_stays_a_link() {
    for (_world, ann) in both() {
        let data = data(&ann);
        data.write("common/of_all.md", PLAIN);
        std::os::unix::fs::symlink("../common/of_all.md", ann.path("aitasks/t9_link.md")).unwrap();
        data.commit("a link");
        update(&ann, &["9", "--priority", "high", "--xdeps", "", "--xdeprepo", "", "--commit"]).ok();
        assert!(ann.path("aitasks/t9_link.md").is_symlink());
        assert!(data.read("common/of_all.md").starts_with("---\npriority: high\n"));
        assert_eq!(last_commit(&data), "ait: Update task t9: link\nM\tcommon/of_all.md\n");
        assert_eq!(data.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn of_several_wrong_options_the_same_one_is_named_first() {
    for (_world, ann) in both() {
        let text = PLAIN
            .replace("Ready", "Done")
            .replace("created_at", "children_to_implement: [t1_1]\nfollowup_kind: manual_verification\ncreated_at");
        ann.write("aitasks/t1_first.md", &text);
        let level = "(must be high, medium, or low)";
        let levels =
            ["priority", "risk-code-health", "risk-goal-achievement"].map(|name| format!("Invalid {name}: u {level}"));
        let tuple = "--active-gates* flags form an atomic tuple: pass all four";
        let done = "Cannot complete parent task: children_to_implement still contains: t1_1";
        let steps: [(&[&str], &[&str], &str); 20] = [
            (&["--file-ref", ":"], &[], "Invalid file reference: ':'"),
            (&["--active-gates", "x"], &[], tuple),
            (&["--anchor", "z"], &[], "anchor target 'z' is not a valid task id"),
            (&["--followup-kind", "k"], &[], "Invalid followup_kind: k"),
            (&["--boardgroup", "A b"], &[], "boardgroup 'A b' is not a valid slug (expected [a-z0-9_]+)."),
            (&["--boardcol", "q"], &[], "board column 'q' is not configured. Valid ids: now next backlog unordered"),
            (&[], &["77"], "Batch mode requires a task number"),
            (&[], &["1"], "No task file found for task number 77"),
            (&[], &["--add-label", "fresh"], "No update parameters specified. Use --help for usage."),
            (&["--priority", "u"], &[], &levels[0]),
            (&["--risk-code-health", "u"], &[], &levels[1]),
            (&["--risk-goal-achievement", "u"], &[], &levels[2]),
            (&["--effort", "u"], &[], "Invalid effort: u (must be low, medium, or high)"),
            (
                &["--status", "Gone"],
                &[],
                "Invalid status: Gone (must be Ready, Editing, Implementing, Postponed, Done, or ",
            ),
            (&["--type", "w"], &[], "Invalid type: w (must be one of: bug,feature,manual_verification)"),
            (&["--desc-file", "nowhere"], &[], "Description file not found: nowhere"),
            (&["--xdeps", "3"], &[], "--xdeps requires --xdeprepo"),
            (
                &[],
                &["--followup-kind", ""],
                "followup_kind 'manual_verification' requires issue_type 'manual_verification'",
            ),
            (&[], &["--status", "Ready"], done),
            (&["--name", "!!!"], &[], "Invalid task name after sanitization"),
        ];
        // nothing to do is only said where nothing is wrong
        refuses_in_order(&ann, "aitask_update.sh", &["--batch", "--silent"], &steps[..8]);
        refuses_in_order(&ann, "aitask_update.sh", &["--batch", "1"], &steps[8..9]);
        refuses_in_order(&ann, "aitask_update.sh", &["--batch", "1", "--add-label", "fresh"], &steps[9..]);
        assert_eq!(
            (ann.read("aitasks/t1_first.md"), ann.read("aitasks/metadata/labels.txt")),
            (text, "ui\n".to_owned())
        );
        update(&ann, &["1", "--add-label", "fresh", "--followup-kind", "", "--status", "Ready"]).ok();
    }
}
