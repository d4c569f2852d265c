//! Titles, names, labels and addresses as nobody should type them.

use super::{assert_harmless, fails_clearly, misused, refused, state};
use crate::support::{Repo, World, share, thorough};

fn ready() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("First", &[]);
    (world, ann)
}

#[test]
fn titles_that_are_none() {
    let (_world, ann) = ready();
    let before = state(&ann);
    let long = "x".repeat(10_000);
    for title in [
        "",
        "   ",
        "a\nb",
        "a\rb",
        "\u{1b}[31mred",
        "bell\u{7}",
        "\u{202e}drow",
        "a\u{2028}b",
        "\u{9b}31m",
        "a\tb",
        "\u{7f}",
        &long,
    ] {
        fails_clearly(&ann, &["new", "--", title], 2, "usage");
    }
    fails_clearly(&ann, &["new", "--draft", "--", "a\nb"], 2, "usage");
    assert_eq!(before, state(&ann), "something changed");
}

#[test]
fn titles_that_are_odd() {
    let (world, ann) = ready();
    let long = "word ".repeat(199);
    let mut made_of = Vec::new();
    for title in [
        "-x",
        "--help",
        "-",
        "--",
        "...",
        "!!!???",
        "\u{1f600}",
        "日本語の題",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b\\c",
        "$(touch x)`touch x`",
        "'; rm -rf *; '",
        "a: b # c",
        "---",
        "[x]",
        "%s %n",
        "refs/heads/x.lock",
        "@{-1}",
        "HEAD",
        "\"quoted\"",
        "t1_first",
        "1",
        "CON",
        long.trim(),
    ] {
        let made = ann.aitask(&["new", "--json", "--", title]).ok().json();
        let (id, path) = (made["task"]["id"].as_str().unwrap(), made["task"]["path"].as_str().unwrap());
        let file = path.strip_prefix("aitasks/").unwrap_or_else(|| panic!("{title:?} went to {path}"));
        assert!(!file.contains('/') && file.starts_with(&format!("t{id}_")) && file.len() < 128, "{title:?}: {file}");
        made_of.push((id.to_owned(), path.to_owned(), title));
    }
    // all of them are published, and read as they were given
    let published = world.remote_files("main");
    let listed = ann.aitask(&["list", "--json"]).ok().json();
    for (id, path, title) in &made_of {
        assert!(published.contains(path), "{title:?}");
        let task = listed["tasks"].as_array().unwrap().iter().find(|task| task["id"] == **id);
        assert_eq!(task.unwrap_or_else(|| panic!("{path} is not listed"))["title"], *title, "{path}");
    }
    assert_harmless(&ann.aitask(&["list"]).ok());
    for id in ["2", "12", "22"] {
        assert_harmless(&ann.aitask(&["show", id]).ok());
    }
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert!(!ann.path("x").exists());
    // and one of them through its whole life
    let id = ann.task("../-x $(touch x)", &[]);
    let path = ann.aitask(&["pick", &id, "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with(ann.path("aiwork").to_str().unwrap()), "{path}");
    ann.aitask(&["drop", &id]).ok();
    assert!(!ann.path("x").exists());
}

#[test]
fn tasks_that_cannot_be_meant() {
    const VERBS: [&str; 7] = ["pick", "show", "drop", "finish", "lock", "unlock", "archive"];
    let (_world, ann) = ready();
    let mut wrong = Vec::new();
    for (n, name) in [
        "..",
        "/etc/passwd",
        "t1_..",
        "t1_../../x",
        "",
        " ",
        "0",
        "t0",
        "01x",
        "-1",
        "1_",
        "1_2_3",
        "t",
        "99999999999999999999",
        "t1_a b",
        "1\n",
        "\u{1b}[31m",
        "1;ls",
        "refs/heads/main",
        "aitasks/archived/../../x.md",
        "１",
    ]
    .into_iter()
    .enumerate()
    {
        // an ordinary run tries each verb with some of the names: one parser of ids serves all of them, and has tests of its own
        let one = n % VERBS.len();
        for verb in if thorough() { &VERBS[..] } else { &VERBS[one..=one] } {
            let run = ann.aitask(&[verb, "--json", "--", name]);
            let kind = if run.code == 0 { "none".into() } else { run.error()["error"]["kind"].clone() };
            let no_task = kind == "no_such_task" || *verb == "unlock" && kind == "none";
            if !matches!((run.code, no_task), (2, false) | (0 | 1, true)) {
                wrong.push(format!("{verb} {name:?}: exit {}, {kind}", run.code));
            }
            assert_harmless(&ann.aitask(&[verb, "--", name]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let run = ann.aitask(&["pick", "--json", "--", "-x"]).fails(2);
    assert_eq!(run.error()["error"]["kind"], "usage", "{run}");
    misused(&ann, &["pick", "-x"]);
}

#[test]
fn an_unlock_of_a_task_that_does_not_exist_is_no_error() {
    let (_world, ann) = ready();
    ann.aitask(&["unlock", "99"]).ok();
    refused(&ann, &["pick", "99"], 1, "no_such_task");
    refused(&ann, &["lock", "99"], 1, "no_such_task");
}

#[test]
fn labels_and_other_fields() {
    let (_world, ann) = ready();
    for label in share(["", "\n", "\u{1b}[31m", "|", "日本", "!!!"]) {
        let option = format!("--label={label}");
        let run = ann.aitask(&["new", "A task", &option, "--dry-run", "--json"]);
        if run.code != 0 {
            refused(&ann, &["new", "A task", &option], 2, "usage");
        }
    }
    for label in ["a\nstatus: Done", "a|b", "a]b", "a\u{1b}[31mb", "a,b", "--x"] {
        let option = format!("--label={label}");
        let made = ann.aitask(&["new", "A task", &option, "--json"]).ok().json();
        let task = ann.aitask(&["show", made["task"]["id"].as_str().unwrap(), "--json"]).ok().json();
        assert_eq!(task["task"]["status"], "Ready", "{label:?}");
        for label in task["task"]["labels"].as_array().unwrap() {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            assert!(label.as_str().unwrap().chars().all(plain), "{label}");
        }
    }
    let before = state(&ann);
    for option in share([
        "--priority=urgent",
        "--priority=high\nstatus: Done",
        "--effort=",
        "--type=nope",
        "--type=bug\nstatus: Done",
        "--depends=x",
        "--depends=..",
        "--parent=..",
        "--parent=",
    ]) {
        fails_clearly(&ann, &["new", "A task", option], 2, "usage");
    }
    assert_eq!(before, state(&ann), "something changed");
    refused(&ann, &["new", "A task", "--parent=99"], 1, "no_such_task");
    refused(&ann, &["new", "--publish", "../../README.md"], 1, "no_such_task");
    refused(&ann, &["new", "A task", "-F", "absent"], 128, "io");
}

#[test]
fn a_text_cannot_forge_frontmatter() {
    let (_world, ann) = ready();
    let text = "First.\n---\nstatus: Done\n---\nassigned_to: eve";
    let made = ann.aitask(&["new", "A task", "-m", text, "--json"]).ok().json();
    let shown = ann.aitask(&["show", made["task"]["id"].as_str().unwrap(), "--json"]).ok().json();
    assert_eq!(shown["task"]["status"], "Ready");
    assert!(shown["task"].get("assigned_to").is_none(), "{shown}");
    assert!(shown["text"].as_str().unwrap().contains(text), "{shown}");
}

#[test]
fn a_text_may_begin_with_a_dash() {
    let (_world, ann) = ready();
    for text in ["- one\n- two", "---", "-x", "--help"] {
        let made = ann.aitask(&["new", "A task", "-m", text, "--json"]).ok().json();
        let shown = ann.aitask(&["show", made["task"]["id"].as_str().unwrap(), "--json"]).ok().json();
        assert!(shown["text"].as_str().unwrap().contains(text), "{shown}");
    }
}

#[test]
fn addresses() {
    let (world, ann) = ready();
    let before = state(&ann);
    for email in ["", " ", "a\nlocked_by: eve@x", "a|b@x", "a\u{1b}[31m@x", "a\tb@x", &"a".repeat(400)] {
        let option = format!("--email={email}");
        fails_clearly(&ann, &["pick", "1", &option], 2, "usage");
        if !email.is_empty() {
            fails_clearly(&ann.env("GIT_AITASK_EMAIL", email), &["lock", "1"], 2, "usage");
        }
    }
    assert_eq!(before, state(&ann), "something changed");
    ann.git(&["config", "user.email", "a\nlocked_by: eve@x"]);
    let run = refused(&ann, &["pick", "1"], 2, "usage");
    assert!(!run.stderr.contains("address is configured"), "{run}");
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn no_address_at_all() {
    let (world, ann) = ready();
    ann.git(&["config", "--unset", "user.email"]);
    ann.git(&["config", "--unset", "user.name"]);
    let gitconfig = world.root().join("home/.gitconfig");
    let text = std::fs::read_to_string(&gitconfig).unwrap();
    let (text, _) = text.split_once("[user]").unwrap();
    std::fs::write(&gitconfig, format!("{text}[user]\n\tuseConfigOnly = true\n")).unwrap();
    for args in [&["pick", "1"][..], &["lock", "1"], &["new", "More"]] {
        let run = refused(&ann, args, 2, "no_identity");
        // one message for what locks need and for what commits need
        assert!(run.stderr.contains("no name and e-mail address of yours is configured"), "{run}");
        assert!(run.stderr.contains("user.name <name>") && run.stderr.contains("user.email <e-mail>"), "{run}");
    }
    ann.aitask(&["list"]).ok();
    // an address for the lock makes no author of commits
    refused(&ann.env("GIT_AITASK_EMAIL", "a@x"), &["pick", "1"], 2, "no_identity");
    let author = ann.env("GIT_AUTHOR_NAME", "A").env("GIT_AUTHOR_EMAIL", "a@x").env("GIT_COMMITTER_NAME", "A");
    author.env("GIT_COMMITTER_EMAIL", "a@x").env("GIT_AITASK_EMAIL", "a@x").aitask(&["pick", "1"]).ok();
}
