//! `git aitask edit`: the text of a task without an editor.

use crate::support::{Repo, Running, World, rounds};
use predicates::prelude::*;
use predicates::str::contains;

const FILE: &str = "aitasks/t1_add_login.md";

fn file(ann: &Repo) -> String {
    ann.world().remote_file("aitask-data", FILE).unwrap()
}

fn text(ann: &Repo) -> String {
    file(ann).split("\n---\n").nth(1).unwrap().to_owned()
}

/// A clone whose only task has this text.
fn with_text(text: &str) -> Repo {
    let ann = World::new().initialised("ann");
    ann.aitask(&["new", "Add login", "-m", text]).ok();
    ann
}

/// The task's file as somebody wrote it by hand, and published.
fn by_hand(ann: &Repo, text: &str) {
    let data = ann.at(".aitask-data");
    data.write(FILE, text);
    data.commit("by hand");
    data.git(&["push", "-q", "origin", "HEAD:aitask-data"]);
}

#[test]
fn another_text_stands_below_the_title_and_more_text_at_the_end() {
    let ann = with_text("Old.");
    let json = ann.aitask(&["edit", "1", "-m", "New.", "-m", "- one\n- two", "--json"]).ok().json();
    assert_eq!((&json["changed"], &json["task"]["title"]), (&true.into(), &"Add login".into()));
    assert_eq!(text(&ann), "\n# Add login\n\nNew.\n\n- one\n- two\n");
    ann.aitask_fed(&["edit", "1", "--append", "-F", "-"], "More.\r\n\n").ok();
    assert_eq!(text(&ann), "\n# Add login\n\nNew.\n\n- one\n- two\n\nMore.\n");
    let tip = ann.world().remote_branch("aitask-data");
    let again = ann.aitask(&["edit", "1", "--append", "-m", "More."]).ok();
    assert!(again.stdout.contains("(unchanged)") && again.stdout.contains("ends with it already"), "{again}");
    ann.write("text.txt", "# Log in\n\nOther.\n");
    let run = ann.aitask(&["edit", "1", "-F", "text.txt", "--dry-run"]).ok();
    run.assert().stdout(contains("1  Log in  (changed)").and(contains("refs/heads/aitask-data")));
    assert_eq!(ann.world().remote_branch("aitask-data"), tip);
    std::fs::create_dir(ann.path("sub")).unwrap();
    ann.aitask(&["-C", "sub", "edit", "1", "-F", "../text.txt", "--status", "Editing"]).ok();
    assert_eq!(text(&ann), "\n# Log in\n\nOther.\n");
    assert!(file(&ann).contains("status: Editing\n"));
}

#[test]
fn a_note_is_a_dated_line_with_the_kind_of_the_agent_or_the_address() {
    let ann = with_text("Do it.");
    ann.aitask(&["edit", "1", "--note", "first\nof two lines"]).ok();
    let claude = ann.env("GIT_AITASK_SESSION", "").env("CLAUDE_CODE_SESSION_ID", "abc");
    ann.aitask(&["edit", "1", "--note", "- second", "--note", "third", "--effort", "low"]).ok();
    // Without the variable that hides what runs the tests.
    claude
        .run("env", &["-u", "GIT_AITASK_SESSION", env!("CARGO_BIN_EXE_git-aitask"), "edit", "1", "--note", "fourth"])
        .ok();
    let text = text(&ann);
    let dated = regex::Regex::new(r"- \d{4}-\d\d-\d\d \d\d:\d\d ").unwrap().replace_all(&text, "- DATE ");
    assert_eq!(
        dated,
        "\n# Add login\n\nDo it.\n\n## Notes\n\n- DATE ann@example.com: first\n  of two lines\n\
         - DATE ann@example.com: - second\n- DATE ann@example.com: third\n- DATE claude-code: fourth\n"
    );
    assert!(file(&ann).contains("effort: low\n"));
    let tip = ann.world().remote_branch("aitask-data");
    ann.aitask(&["edit", "1", "--append", "-m", "x", "--note", "y", "--dry-run"]).ok();
    assert_eq!(ann.world().remote_branch("aitask-data"), tip);
}

#[test]
fn a_note_or_a_text_that_is_there_further_up_is_added_again() {
    let ann = with_text("```\n\nrun it\n\n```\n\nEnd.");
    for (option, words) in [("--append", "run it"), ("--note", "one"), ("--note", "two"), ("--note", "one")] {
        let args = [&["edit", "1", option][..], if option == "--append" { &["-m"] } else { &[] }, &[words]].concat();
        assert_eq!(ann.aitask(&[&args[..], &["--json"]].concat()).ok().json()["changed"], true, "{args:?}");
    }
    let before = text(&ann);
    assert_eq!((before.matches("run it\n").count(), before.matches(": one\n").count()), (2, 2), "{before}");
    let json = ann.aitask(&["edit", "1", "--note", "one", "--json"]).ok().json();
    assert_eq!(json["changed"], false);
    assert!(json["notes"][0].as_str().unwrap().contains("the last note says it already"), "{json:#}");
    assert_eq!(text(&ann), before);
}

#[test]
fn everybody_may_add_a_note_to_a_task_that_another_session_holds() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.aitask(&["new", "Add login", "-m", "- [ ] a"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    bob.aitask(&["edit", "1", "--note", "see the cache", "--check", "1"]).ok();
    bob.aitask(&["edit", "1", "--note", "take it", "--status", "Ready"]).fails(1).assert().stderr(contains("ann@"));
    let text = text(&ann);
    assert!(text.contains("bob@example.com: see the cache\n") && text.contains("- [x] a\n"), "{text}");
    assert!(!text.contains("take it") && file(&ann).contains("status: Implementing\n"), "{text}");
    assert_eq!(world.locks().len(), 1);
}

#[test]
fn a_box_is_ticked_by_its_number_and_one_that_is_so_already_is_said() {
    let ann = with_text("- [ ] one\n```\n- [ ] code\n```\n1. [x] two\n* [ ] three");
    let json = ann.aitask(&["edit", "1", "--check", "1", "--check", "2", "--uncheck", "3", "--json"]).ok().json();
    let found = |number: u32, text: &str, ticked: bool, changed: bool| serde_json::json!({"number": number, "text": text, "ticked": ticked, "changed": changed});
    let boxes = [found(1, "one", true, true), found(2, "two", true, false), found(3, "three", false, false)];
    assert_eq!(json["boxes"], serde_json::json!(boxes));
    assert_eq!(text(&ann), "\n# Add login\n\n- [x] one\n```\n- [ ] code\n```\n1. [x] two\n* [ ] three\n");
    let tip = ann.world().remote_branch("aitask-data");
    let run = ann.aitask(&["edit", "1", "--check", "1"]).ok();
    run.assert().stdout(contains("(unchanged)").and(contains("1. [x] one  (it was so already)")));
    for wrong in
        [&["--check", "4"][..], &["--check", "0"], &["--check", "1", "--uncheck", "1"], &["-m", "x", "--check", "1"]]
    {
        ann.aitask(&[&["edit", "1"], wrong].concat()).fails(2);
    }
    ann.aitask(&["edit", "1", "--uncheck", "9"]).fails(2).assert().stderr(contains("no box 9: the text has 3 boxes"));
    assert_eq!(ann.world().remote_branch("aitask-data"), tip);
    ann.aitask(&["edit", "1", "--uncheck", "2", "--append", "-m", "- [ ] four"]).ok();
    assert!(text(&ann).contains("1. [ ] two\n") && text(&ann).ends_with("\n\n- [ ] four\n"), "{}", text(&ann));
}

#[test]
fn two_who_write_at_once_both_get_their_text_in() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.aitask(&["new", "Add login", "-m", "- [ ] a\n- [ ] b"]).ok();
    for round in 0..rounds(6) {
        let [a, b] = ["ann", "bob"].map(|name| format!("text {round} of {name}"));
        let runs = [
            ann.start(&["edit", "1", "--append", "-m", &a, "--check", "1"]),
            bob.start(&["edit", "1", "--note", &b, "--check", "2"]),
            bob.start(&["edit", "1", "--note", &a]),
        ];
        runs.into_iter().map(Running::wait).for_each(|run| drop(run.ok()));
        let text = text(&ann);
        assert_eq!((text.matches(&a).count(), text.matches(&b).count()), (2, 1), "{text}");
        assert!(text.contains("- [x] a\n- [x] b\n") && text.matches("## Notes").count() == 1, "{text}");
    }
}

#[test]
fn a_file_with_carriage_returns_keeps_them() {
    let ann = with_text("Do it.");
    by_hand(&ann, &file(&ann).replace('\n', "\r\n"));
    ann.aitask(&["edit", "1", "--append", "-m", "a\nb", "--note", "n", "--title", "Log in"]).ok();
    let file = file(&ann);
    assert!(file.contains("\r\n# Log in\r\n\r\nDo it.\r\n\r\na\r\nb\r\n\r\n## Notes\r\n"), "{file:?}");
    assert_eq!(file.matches('\n').count(), file.matches("\r\n").count(), "{file:?}");
}

#[test]
fn no_text_breaks_the_file_and_none_is_lost() {
    let ann = with_text("Do it.");
    for text in ["---\nstatus: Done\n---\nassigned_to: eve", "-x", "```", "## Notes", "\u{feff}---"] {
        for option in [&["-m", text][..], &["--append", "-m", text], &["--note", text]] {
            ann.aitask(&[&["edit", "1"], option].concat()).ok();
            let shown = ann.aitask(&["show", "1", "--json"]).ok().json();
            assert_eq!((&shown["task"]["status"], &shown["task"]["title"]), (&"Ready".into(), &"Add login".into()));
            assert!(shown["task"].get("assigned_to").is_none(), "{shown}");
            let written = shown["text"].as_str().unwrap();
            assert!(text.lines().all(|line| written.contains(line)), "{text:?} in {written:?}");
        }
    }
    let tip = ann.world().remote_branch("aitask-data");
    for (text, named) in [("a\u{1b}[31mb", "1b"), ("a\u{7}", "{7}"), ("a\u{202e}b", "202e"), ("a\rb", "{d}")] {
        for option in [&["edit", "1", "-m"][..], &["edit", "1", "--note"], &["new", "X", "-m"]] {
            let run = ann.aitask(&[option, &[text]].concat()).fails(2);
            assert!(run.stderr.contains("control character") && run.stderr.contains(named), "{run}");
        }
        ann.aitask_fed(&["edit", "1", "-F", "-"], text).fails(2).assert().stderr(contains(named));
    }
    for (option, said) in [
        (&["-m", ""][..], "the text is empty"),
        (&["-m", " \n"], "the text is empty"),
        (&["--append", "-m", ""], "the text is empty"),
        (&["--note", " "], "the text is empty"),
        (&["-m", "<<<<<<< a\n=======\n>>>>>>> b"], "conflict markers"),
        (&["--append"], "-m"),
        (&["--title", "x", "-m", "# y"], "two titles"),
        (&["-m", "x", "-F", "y"], "cannot be used with"),
    ] {
        ann.aitask(&[&["edit", "1"], option].concat()).fails(2).assert().stderr(contains(said));
    }
    for (input, said) in [("", "the text is empty"), ("a\0b", "NUL byte"), (&*"x".repeat(9 << 20), "8 MiB")] {
        ann.aitask_fed(&["edit", "1", "-F", "-"], input).fails(2).assert().stderr(contains(said));
    }
    std::fs::write(ann.path("latin1.txt"), b"caf\xe9").unwrap();
    ann.aitask(&["edit", "1", "-F", "latin1.txt"]).fails(2).assert().stderr(contains("not UTF-8"));
    ann.aitask(&["edit", "1", "-F", "absent.txt"]).fails(128);
    let zero = ann.aitask(&["edit", "1", "-F", "/dev/zero"]).fails(2);
    assert!(zero.stderr.contains("8 MiB"), "{zero}");
    assert_eq!(ann.world().remote_branch("aitask-data"), tip);
    // What is there already counts, too.
    let half = "x\n".repeat(5 << 19);
    ann.aitask_fed(&["edit", "1", "-F", "-"], &half).ok();
    ann.aitask_fed(&["edit", "1", "--append", "-F", "-"], &format!("{half}y"))
        .fails(2)
        .assert()
        .stderr(contains("8 MiB"));
}

#[test]
fn a_mark_of_the_byte_order_does_not_hide_the_title_of_a_file() {
    let ann = with_text("Do it.");
    std::fs::write(ann.path("text.txt"), "\u{feff}# Log in\r\n\r\nOther.\r\n").unwrap();
    ann.aitask(&["edit", "1", "-F", "text.txt"]).ok();
    assert_eq!(text(&ann), "\n# Log in\n\nOther.\n");
    ann.aitask_fed(&["edit", "1", "-F", "-"], "\u{feff}").fails(2).assert().stderr(contains("the text is empty"));
}

#[test]
fn a_dry_run_that_changes_nothing_names_no_commands() {
    let ann = with_text("Do it.");
    let run = ann.aitask(&["edit", "1", "-m", "Do it.", "--dry-run"]).ok();
    assert!(run.stdout.contains("none") && !run.stdout.contains("commands that would be run"), "{run}");
    let run = ann.aitask(&["edit", "1", "-m", "Do more.", "--dry-run"]).ok();
    assert!(run.stdout.contains("commands that would be run"), "{run}");
}

#[test]
fn standard_input_that_is_a_terminal_is_not_waited_for() {
    let ann = with_text("Do it.");
    for args in [&["edit", "1", "-F", "-"][..], &["new", "X", "-F", "-"]] {
        ann.aitask_at_terminal(args).fails(2).assert().stderr(contains("standard input, which is a terminal"));
    }
    ann.aitask_fed(&["new", "Fed", "-F", "-"], "A text.\n").ok();
    assert!(ann.read("aitasks/t2_fed.md").ends_with("\n# Fed\n\nA text.\n"));
}
