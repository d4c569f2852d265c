//! `aitask_ls.sh` and `aitask_query_files.sh`.

use super::{alone, script, task};
use crate::support::World;

const LS: &str = "aitask_ls.sh";

#[test]
fn an_option_without_its_value_is_refused_and_does_not_hang() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "");
    for option in ["-s", "-l", "--type", "--followup-kind", "-c"] {
        assert!(script(&ann, LS, &["-v", option]).fails(1).stderr.contains(&format!("{option} requires a value")));
    }
}

#[test]
fn wrapped_lists_and_windows_files_count_and_notes_are_no_tasks() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "depends: [9,\n  2]\nlabels:\n  - ui\n");
    ann.write("aitasks/t2_y.md", "---\r\nstatus: Ready\r\npriority: high\r\n---\r\n");
    ann.write("aitasks/todo_list.md", "a note\n");
    let run = script(&ann, LS, &["-v", "0"]).ok();
    assert_eq!(
        run.stdout,
        "t2_y.md [Status: Ready, Priority: High, Effort: Medium, Type: feature]\n\
         t1_x.md [Status: Blocked (by 9,2), Priority: Medium, Effort: Medium, Type: feature]\n"
    );
    assert_eq!(script(&ann, LS, &["-l", "ui"]).ok().stdout, "t1_x.md\n");
}

#[test]
fn tasks_that_their_gates_let_go_on_do_not_block() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "gates: [review]\n");
    task(&ann, "aitasks/t2_y.md", "depends: [1]\n");
    task(&ann, "aitasks/t3_z.md", "depends: [2]\n");
    assert!(script(&ann, LS, &["-v", "0"]).ok().stdout.contains("t2_y.md [Status: Blocked (by 1)"));
    let helper = "#!/bin/sh\nwhile read -r path; do printf 'SATISFIED\\t%s\\n' \"$path\"; done\n";
    ann.world().script(&ann.path(".aitask-scripts/aitask_gate.sh"), helper);
    let run = script(&ann, LS, &["-v", "0"]).ok();
    assert!(
        run.stdout.contains("t2_y.md [Status: Ready") && run.stdout.contains("t3_z.md [Status: Blocked (by 2)"),
        "{run}"
    );
}

#[test]
fn a_tool_that_the_gates_have_in_their_own_folder_is_found() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "gates: [review]\n");
    task(&ann, "aitasks/t2_y.md", "depends: [1]\n");
    let tool = "#!/bin/sh\nwhile read -r path; do printf 'SATISFIED\\t%s\\n' \"$path\"; done\n";
    world.script(&world.root().join("tools/.aitask/bin/judge"), tool);
    world.script(&ann.path(".aitask-scripts/aitask_gate.sh"), "#!/bin/sh\nexec judge\n");
    let ann = ann.env("HOME", world.root().join("tools").display());
    assert!(script(&ann, "ait", &["ls", "-v", "0"]).ok().stdout.contains("t2_y.md [Status: Ready"));
}

#[test]
fn listing_and_looking_up_start_no_program() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/t1_x.md", "");
    for args in [&["compat", LS, "-v", "15"][..], &["compat", "aitask_query_files.sh", "resolve", "1"]] {
        let (run, calls) = ann.git_commands(args);
        assert!(run.ok().stdout.contains("t1_x.md"));
        assert_eq!(calls, Vec::<String>::new());
    }
    // nor do they need a repository
    let outside = ann.at("..");
    outside.write("aitasks/t7_x.md", "");
    assert_eq!(script(&outside, LS, &["5"]).ok().stdout, "t7_x.md\n");
}

#[test]
fn of_two_plans_with_one_id_both_answer() {
    let world = World::new();
    let ann = alone(&world);
    for name in ["p1_b.md", "p1_c.md", "p1_a.md", "p1/p1_2_y.md", "p1/p1_2_x.md"] {
        ann.write(&format!("aiplans/{name}"), "plan\n");
    }
    for (id, answer) in [
        ("1", "PLAN_FILE:aiplans/p1_a.md\naiplans/p1_b.md\naiplans/p1_c.md\n"),
        ("1_2", "PLAN_FILE:aiplans/p1/p1_2_x.md\naiplans/p1/p1_2_y.md\n"),
        ("2", "NOT_FOUND\n"),
    ] {
        assert_eq!(script(&ann, "aitask_query_files.sh", &["plan-file", id]).ok().stdout, answer);
    }
}

#[test]
fn of_two_files_with_one_id_the_first_answers() {
    let world = World::new();
    let ann = alone(&world);
    for name in ["t1_b.md", "t1_a.md"] {
        task(&ann, &format!("aitasks/{name}"), "");
    }
    let run = script(&ann, "aitask_query_files.sh", &["task-file", "1"]).ok();
    assert_eq!(run.stdout, "TASK_FILE:aitasks/t1_a.md\n");
    assert!(run.stderr.contains("Several files"), "{run}");
    assert_eq!(script(&ann, "aitask_query_files.sh", &["task-status", "1"]).ok().stdout, "STATUS:Ready\n");
    for (limit, code) in [("0", 0), ("", 0), ("x", 1), ("-1", 1)] {
        assert_eq!(script(&ann, "aitask_query_files.sh", &["recent-archived", limit]).code, code, "{limit}");
    }
}

#[test]
fn a_number_that_a_caller_left_empty_is_missing() {
    let world = World::new();
    let ann = alone(&world);
    for (args, words) in [
        (&["child-file", "1", ""][..], "child-file requires <parent> and <child> arguments"),
        (&["task-file", ""], "task-file requires a task number argument"),
        (&["plan-file", ""], "plan-file requires a task ID argument"),
    ] {
        let run = script(&ann, "aitask_query_files.sh", args).fails(1);
        assert_eq!((run.stdout.as_str(), run.stderr), ("", format!("Error: {words}\n")));
    }
}

#[test]
fn tasks_in_work_with_gates_are_told_with_what_their_gates_say() {
    let world = World::new();
    let ann = alone(&world);
    for (path, status) in [("t1_a", "Implementing"), ("t2/t2_1_k", "Implementing"), ("t3_c", "Ready")] {
        ann.write(&format!("aitasks/{path}.md"), &format!("---\nstatus: {status}\n---\nx\n\n## Gate Runs\n"));
    }
    ann.write("aitasks/t4_d.md", "---\nstatus: Implementing\n---\nno gates\n");
    let inflight = || script(&ann, "aitask_query_files.sh", &["inflight"]).ok().stdout;
    let without = "INFLIGHT:1|aitasks/t1_a.md|PLAN|NO_GATES\nINFLIGHT:2_1|aitasks/t2/t2_1_k.md|PLAN|NO_GATES\n";
    assert_eq!(inflight(), without);
    let helper =
        "#!/bin/sh\necho aside >&2\n[ $2 = 1 ] || exit 1\n[ $1 = resume-point ] && echo POSTIMPL || echo BLOCKED:a,b\n";
    world.script(&ann.path(".aitask-scripts/aitask_gate.sh"), helper);
    assert_eq!(inflight(), without.replacen("PLAN|NO_GATES", "POSTIMPL|BLOCKED:a,b", 1));
}
