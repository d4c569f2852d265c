//! `aitask_merge.py`: a task file with conflict markers, merged by the rules of each field.

use crate::support::{Repo, World};

const MERGE: &str = "aitask_merge.py";

/// Two versions of a file as git marks them, with what both began with beside it.
fn conflict(repo: &Repo, base: &str, upper: &str, lower: &str) {
    let file = |fields: &str| format!("---\n{fields}---\nBody\n");
    repo.write("base.md", &file(base));
    repo.write("t.md", &format!("<<<<<<< HEAD\n{}=======\n{}>>>>>>> commit\n", file(upper), file(lower)));
}

#[test]
fn what_the_rules_decide_is_resolved_and_local_is_below_while_commits_are_replayed() {
    let ann = World::new().clone("ann");
    for (options, priority, board) in [(&["--batch"][..], "low", "here"), (&["--batch", "--rebase"], "high", "there")] {
        conflict(&ann, "", "priority: high\nboardcol: here\n", "priority: low\nboardcol: there\n");
        let run = ann.script(MERGE, &[&["t.md"], options].concat()).ok();
        assert_eq!(run.stdout, "RESOLVED\n");
        assert_eq!(ann.read("t.md"), format!("---\npriority: {priority}\nboardcol: {board}\n---\nBody\n"));
    }
}

#[test]
fn what_they_do_not_decide_is_named_and_shown() {
    let ann = World::new().clone("ann");
    conflict(&ann, "", "status: Ready\nx: 1\n", "status: Done\nx: 2\n");
    ann.write("t.md", &ann.read("t.md").replacen("Body\n", "Text\n", 1));
    assert_eq!(ann.script(MERGE, &["t.md", "--batch"]).fails(2).stdout, "PARTIAL:status,x,body\n");
    let text = ann.read("t.md");
    assert!(text.contains("<<<<<<< LOCAL\nstatus: Ready\n=======\nstatus: Done\n>>>>>>> REMOTE\n"), "{text}");
    assert!(text.contains("<<<<<<< LOCAL\nText\n=======\nBody\n>>>>>>> REMOTE\n"), "{text}");
}

#[test]
fn with_a_base_what_one_side_changed_wins() {
    let ann = World::new().clone("ann");
    conflict(
        &ann,
        "status: Implementing\nlabels: [a, b]\n",
        "status: Ready\nlabels: [b]\n",
        "status: Implementing\nlabels: [a, b, c]\n",
    );
    assert_eq!(ann.script(MERGE, &["t.md", "--batch", "--base-file", "base.md"]).ok().stdout, "RESOLVED\n");
    assert_eq!(ann.read("t.md"), "---\nstatus: Ready\nlabels: [b, c]\n---\nBody\n");
}

#[test]
fn a_base_that_is_not_there_is_none() {
    let ann = World::new().clone("ann");
    for base in [&[][..], &["--base-file", "none.md"]] {
        conflict(&ann, "status: Ready\n", "status: Ready\n", "status: Done\n");
        let run = ann.script(MERGE, &[&["t.md", "--batch"], base].concat()).fails(2);
        assert_eq!(run.stdout, "PARTIAL:status\n");
    }
    assert!(ann.script(MERGE, &["t.md", "--batch", "--base-file", "."]).fails(1).stdout.starts_with("ERROR:"));
}

#[test]
fn what_is_no_conflict_of_task_files_stays_as_it_is() {
    let world = World::new();
    let ann = world.clone("ann");
    for text in ["no markers\n", "<<<<<<< a\nno\n=======\nfields\n>>>>>>> b\n"] {
        ann.write("t.md", text);
        assert_eq!(
            (ann.script(MERGE, &["t.md"]).fails(1).stdout.as_str(), ann.read("t.md").as_str()),
            ("SKIPPED\n", text)
        );
    }
    assert!(ann.script(MERGE, &["none.md"]).fails(1).stdout.starts_with("ERROR:"));
    for args in [&[][..], &["--base-file"], &["a", "b"], &["a", "--bogus"]] {
        assert_eq!(ann.script(MERGE, args).fails(2).stdout, "");
    }
    // outside of a repository, too
    let away = ann.at(world.root());
    conflict(&ann, "", "x: 1\n", "x: 1\n");
    std::fs::rename(ann.path("t.md"), world.root().join("t.md")).unwrap();
    assert_eq!(away.script(MERGE, &["t.md"]).ok().stdout, "RESOLVED\n");
}

#[test]
fn somebody_at_a_terminal_is_asked_for_priority_and_effort() {
    let ann = World::new().clone("ann");
    conflict(&ann, "", "priority: high\neffort: low\n", "priority: low\neffort: high\n");
    let line = format!("'{}' compat {MERGE} t.md", env!("CARGO_BIN_EXE_git-aitask"));
    ann.run("sh", &["-c", "printf 'l\\nr\\n' | script -qec \"$1\" /dev/null", "sh", &line]).ok();
    assert_eq!(ann.read("t.md"), "---\npriority: high\neffort: high\n---\nBody\n");
}
