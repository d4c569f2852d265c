//! The scripts without `--batch`, and `new` and `edit`, in an editor.

use super::{files, last_commit, project, script};
use crate::support::{Repo, World};
use predicates::prelude::*;
use predicates::str::contains;

/// The same person with an editor that does these shell commands to the file `$f`.
fn with_editor(ann: &Repo, commands: &str) -> Repo {
    let file = ann.world().root().join("editor.sh");
    ann.world().script(&file, &format!("#!/bin/sh\nfor f; do :; done\necho run >>\"$0.log\"\n{commands}\n"));
    ann.env("EDITOR", file.display())
}

fn runs(ann: &Repo) -> usize {
    std::fs::read_to_string(ann.world().root().join("editor.sh.log")).unwrap_or_default().lines().count()
}

const FILL: &str =
    "sed -i 's/^title:.*/title: Add login/; s/^labels:.*/labels: [New One]/' \"$f\"; echo 'With e-mail.' >>\"$f\"";

#[test]
fn a_task_written_in_the_editor_is_a_draft() {
    let ann = project(&World::new());
    let run = script(&with_editor(&ann, FILL), "aitask_create.sh", &[]).ok();
    let path = run.stdout.trim_end().strip_prefix("Created: ").expect("a last line").to_owned();
    let draft = ann.read(&path);
    assert!(path.ends_with("_add_login.md") && draft.ends_with("---\n\nWith e-mail.\n"), "{path} {draft}");
    assert!(draft.contains("labels: [new_one]\ndraft: true\n") && !draft.contains("#|"), "{draft}");
    assert_eq!(ann.read("aitasks/metadata/labels.txt"), "new_one\nui\n");
    assert!(ann.read("aitasks/metadata/userconfig.yaml").ends_with("\nlast_used_labels: [new_one]\n"));
    assert_eq!(files(&ann, ".git/aitask").iter().filter(|name| name.starts_with("task-")).count(), 0);
}

#[test]
fn what_is_wrong_is_said_in_the_sheet_and_the_text_stays() {
    let ann = project(&World::new());
    let commands = format!(
        "if grep -q '^#! priority must be' \"$f\"; then sed -i 's/^priority:.*/priority: high/' \"$f\"; \
         else {FILL}; sed -i 's/^priority:.*/priority: urgent/' \"$f\"; fi"
    );
    let ann = with_editor(&ann, &commands);
    let run = script(&ann, "aitask_create.sh", &[]).ok();
    let draft = ann.read(run.stdout.trim_end().strip_prefix("Created: ").unwrap());
    assert!(draft.contains("priority: high\n") && draft.ends_with("With e-mail.\n"), "{draft}");
    assert_eq!(runs(&ann), 2);
}

#[test]
fn a_sheet_left_as_wrong_as_it_was_is_kept_and_one_left_as_it_was_makes_nothing() {
    let ann = project(&World::new());
    let wrong = "grep -q '^#!' \"$f\" || echo 'Much work.' >>\"$f\"";
    let run = script(&with_editor(&ann, wrong), "aitask_create.sh", &[]).fails(1);
    let kept = run.stderr.lines().find_map(|line| line.split("your text is kept in ").nth(1)).expect("a place");
    assert!(std::fs::read_to_string(kept).unwrap().contains("Much work."));
    run.assert().stderr(contains("Error: the title is missing"));
    script(&with_editor(&ann, "true"), "aitask_create.sh", &[]).fails(1);
    script(&with_editor(&ann, "exit 3"), "aitask_update.sh", &["1"]).fails(1).assert().stderr(contains("is kept in"));
    assert!(files(&ann, "aitasks/new").is_empty());
    assert_eq!(ann.read("aitasks/t1_first.md"), super::PLAIN);
}

#[test]
fn without_a_terminal_and_an_editor_nobody_waits() {
    let ann = project(&World::new());
    script(&ann, "aitask_create.sh", &[]).fails(1).assert().stderr(contains("no terminal"));
    ann.git(&["push", "--quiet", "origin", "main"]);
    ann.aitask(&["edit", "1"]).fails(2).assert().stderr(contains("no terminal"));
    // A script asks the editor that is named, whatever its streams are; a verb would let an agent wait for ever.
    let ann = with_editor(&ann, "true");
    script(&ann, "aitask_update.sh", &["1"]).fails(1);
    for args in [&["edit", "1"][..], &["new", "--edit"], &["new", "--edit", "X"]] {
        let run = ann.aitask(args).fails(2);
        assert!(run.stderr.contains("there is no terminal for an editor") && run.stderr.contains("-m <text>"), "{run}");
    }
    for args in [&["edit", "1", "--json"][..], &["new", "--edit", "X", "--json"]] {
        for run in [ann.aitask(args), ann.aitask_at_terminal(args)] {
            let error = run.fails(2).error();
            assert_eq!(error["error"]["message"], "--json opens no editor", "{args:?}");
        }
    }
    assert_eq!(runs(&ann), 1);
    // Nor where only one of standard input and output is a terminal.
    let program = env!("CARGO_BIN_EXE_git-aitask");
    let line = format!("'{program}' new 'Add it' | cat; '{program}' edit 1 </dev/null; echo x | '{program}' edit 1");
    ann.run("script", &["-qec", &line, "/dev/null"]).fails(2);
    assert_eq!(runs(&ann), 1);
}

#[test]
fn an_update_by_hand_changes_what_was_changed_and_can_rename() {
    let ann = project(&World::new());
    let commands = "sed -i 's/^effort:.*/effort: low/; s/^Do it./Do it well./; 2i name: Other name' \"$f\"";
    let run = script(&with_editor(&ann, commands), "aitask_update.sh", &["1"]).ok();
    assert_eq!(run.stdout, "Updated: aitasks/t1_other_name.md\n");
    let file = ann.read("aitasks/t1_other_name.md");
    assert!(file.contains("effort: low\n") && file.ends_with("\nDo it well.\n") && !file.contains("name:"), "{file}");
}

#[test]
fn what_came_while_the_editor_was_open_is_kept_and_a_clash_loses_no_text() {
    let ann = project(&World::new());
    let other = format!("'{}' compat aitask_update.sh --batch 1 --priority high >&2", env!("CARGO_BIN_EXE_git-aitask"));
    let commands = format!("cd '{}'; {other}; sed -i 's/^effort:.*/effort: low/' \"$f\"", ann.top().display());
    script(&with_editor(&ann, &commands), "aitask_update.sh", &["1"]).ok();
    let file = ann.read("aitasks/t1_first.md");
    assert!(file.contains("priority: high\n") && file.contains("effort: low\n"), "{file}");
    let clash = commands
        .replace("effort:.*/effort: low", "priority:.*/priority: medium")
        .replace("priority high", "priority low");
    let run = script(&with_editor(&ann, &clash), "aitask_update.sh", &["1"]).fails(1);
    run.assert()
        .stderr(contains("priority was changed by somebody else meanwhile").and(contains("your text is kept in")));
    assert!(ann.read("aitasks/t1_first.md").contains("priority: low\n"));
}

#[test]
fn new_in_an_editor_is_published() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    with_editor(&ann, FILL).aitask_at_terminal(&["new", "--edit"]).ok();
    let file = world.remote_file("main", "aitasks/t1_add_login.md").unwrap();
    assert!(file.contains("labels: [new_one]\n") && file.ends_with("\n# Add login\n\nWith e-mail.\n"), "{file}");
    // left as it is, the sheet makes a task where a title was given
    let run = with_editor(&ann, "true").aitask_at_terminal(&["new", "--edit"]).fails(2);
    run.assert().stderr(contains("no task was created"));
    with_editor(&ann, "true").aitask_at_terminal(&["new", "X"]).ok();
    assert!(world.remote_file("main", "aitasks/t2_x.md").is_some());
}

#[test]
fn a_failed_publish_leaves_a_draft_and_says_where() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.git(&["remote", "set-url", "origin", "/nowhere/x.git"]);
    let run = with_editor(&ann, FILL).aitask_at_terminal(&["new", "--edit", "--timeout", "2s"]).fails(75);
    let draft = files(&ann, "aitasks/new").remove(0);
    run.assert().stderr(contains(format!("git aitask new --publish aitasks/new/{draft}")));
    assert!(ann.read(&format!("aitasks/new/{draft}")).ends_with("\n# Add login\n\nWith e-mail.\n"));
    ann.git(&["remote", "set-url", "origin", world.origin().to_str().unwrap()]);
    ann.aitask(&["new", "--publish", &draft]).ok();
}

#[test]
fn a_committed_update_holds_the_task_alone() {
    let ann = project(&World::new());
    ann.write("other.txt", "x");
    ann.git(&["add", "other.txt"]);
    super::update(&ann, &["1", "--commit", "--effort", "low"]).ok();
    assert_eq!(last_commit(&ann), "ait: Update task t1: first\nM\taitasks/t1_first.md\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "A  other.txt\n");
}

#[test]
fn an_editor_that_brings_the_same_wrong_text_again_is_not_asked_for_ever() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let run = with_editor(&ann, "printf 'no dashes\\n' >\"$f\"").aitask_at_terminal(&["edit", "1"]).fails(2);
    let kept = run.stderr.lines().find_map(|line| line.split("your text is kept in ").nth(1)).expect("a place");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "no dashes\n");
    let before = runs(&ann);
    assert!(before <= 2);
    for args in [&["edit", "1"][..], &["new", "--edit", "X"]] {
        let run = with_editor(&ann, "truncate -s 0 \"$f\"").aitask_at_terminal(args).fails(2);
        assert!(!run.stderr.contains("kept"), "{run}");
    }
    assert_eq!(runs(&ann), before + 2);
}

#[test]
fn a_comment_written_in_the_editor_while_somebody_changes_a_field_is_kept() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let other = format!("'{}' edit 1 --effort low >&2", env!("CARGO_BIN_EXE_git-aitask"));
    let commands = format!("(cd '{}'; {other}); sed -i '2i # my comment' \"$f\"", ann.top().display());
    with_editor(&ann, &commands).aitask_at_terminal(&["edit", "1"]).ok();
    let file = world.remote_file("main", "aitasks/t1_one.md").unwrap();
    assert!(file.contains("# my comment\n") && file.contains("effort: low\n"), "{file}");
}

#[test]
fn text_of_another_encoding_is_refused_and_kept() {
    let world = World::new();
    let ann = world.initialised("ann");
    let commands = format!("grep -qa '^#!' \"$f\" || {{ {FILL}; printf 'caf\\351\\n' >>\"$f\"; }}");
    let run = with_editor(&ann, &commands).aitask_at_terminal(&["new", "--edit"]).fails(2);
    let kept = run.stderr.lines().find_map(|line| line.split("your text is kept in ").nth(1)).expect("a place");
    assert!(std::fs::read(kept).unwrap().windows(5).any(|window| window == b"caf\xe9\n"));
    assert!(run.stderr.contains("UTF-8"), "{run}");
}
