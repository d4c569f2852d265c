//! Task files that nobody checked.

use super::{assert_harmless, put, refused};
use crate::support::{Repo, World, share};

/// A set-up clone in which task 1 has this content.
fn with_file(content: &[u8]) -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    put(&world, "main", "aitasks/t1_odd.md", content);
    ann.git(&["pull", "-q"]);
    (world, ann)
}

/// Readers read it, and picking works or is refused clearly.
#[track_caller]
fn survives(content: &[u8]) -> (World, Repo) {
    let (world, ann) = with_file(content);
    for args in [&["list"][..], &["show", "1"], &["status"], &["list", "--json"], &["show", "1", "--json"]] {
        assert_harmless(&ann.aitask(args).ok());
    }
    let run = ann.aitask(&["pick", "1", "--json"]);
    if run.code == 0 {
        assert_eq!(world.locks(), ["t1_lock.yaml"], "{run}");
        let file = world.remote_file("main", "aitasks/t1_odd.md").unwrap();
        assert!(file.contains("status: Implementing") && file.contains("assigned_to: ann@example.com"), "{file:?}");
        ann.aitask(&["drop", "1"]).ok();
    } else {
        refused(&ann, &["pick", "1"], run.code, run.error()["error"]["kind"].as_str().unwrap());
        assert!(run.code == 1, "{run}");
    }
    (world, ann)
}

#[test]
fn binary() {
    survives(&[0, 255, 254, 10, 13, 27, b'[', b'3', b'1', b'm', 200, 10]);
}

#[test]
fn empty() {
    survives(b"");
}

#[test]
fn without_frontmatter() {
    survives(b"# A title\n\nJust text.\n");
}

#[test]
fn with_unclosed_frontmatter() {
    survives(b"---\nstatus: Ready\npriority: high\n\nText that never was closed.\n");
}

#[test]
fn with_conflict_markers() {
    survives(b"---\n<<<<<<< HEAD\nstatus: Ready\n=======\nstatus: Editing\n>>>>>>> x\n---\nText.\n");
}

#[test]
fn with_a_line_of_a_megabyte() {
    let mut content = b"---\nstatus: Ready\nlabels: [".to_vec();
    content.resize(1_000_000, b'x');
    content.extend(b"]\n---\n# Long\n");
    content.resize(2_000_000, b'y');
    survives(&content);
}

#[test]
fn with_windows_line_ends() {
    let (world, _ann) = survives(b"---\r\nstatus: Ready\r\npriority: high\r\n---\r\n# A title\r\n\r\nText.\r\n");
    let file = world.remote_file("main", "aitasks/t1_odd.md").unwrap();
    assert!(file.contains("# A title\r\n\r\nText.\r\n"), "the text was changed: {file:?}");
    assert_eq!(file.matches("status:").count(), 1, "{file:?}");
}

#[test]
fn with_a_key_twice() {
    survives(b"---\nstatus: Ready\nstatus: Done\nassigned_to: x\nassigned_to: y\n---\nText.\n");
}

#[test]
fn with_values_of_no_vocabulary() {
    survives(
        b"---\nstatus: Perhaps\npriority: !!!\neffort:\ndepends: [abc, 99999999999999999999, -1, t1_odd]\nlabels: ]][[\n\
          children_to_implement: [zz]\nfolded_tasks: [1]\n---\nText.\n",
    );
}

#[test]
fn that_waits_for_itself() {
    let (_world, ann) = with_file(b"---\nstatus: Ready\ndepends: [1]\n---\nText.\n");
    ann.aitask(&["list", "--tree"]).ok();
    refused(&ann, &["pick", "1"], 1, "blocked");
    refused(&ann, &["pick", "--next"], 1, "nothing_to_pick");
}

#[test]
fn of_one_id_twice() {
    let (world, ann) = with_file(b"---\nstatus: Ready\n---\nText.\n");
    put(&world, "main", "aitasks/t1_other.md", b"---\nstatus: Ready\n---\nText.\n");
    ann.git(&["pull", "-q"]);
    for args in share([&["pick", "1"][..], &["pick", "t1_odd"], &["lock", "1"], &["archive", "1"]]) {
        let run = refused(&ann, args, 1, "not_claimable");
        assert!(run.stderr.contains("t1_odd") && run.stderr.contains("t1_other"), "{run}");
    }
    refused(&ann, &["pick", "--next"], 1, "nothing_to_pick");
    assert_eq!(ann.aitask(&["list", "--json"]).ok().json()["duplicates"][0], "1");
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn with_hostile_names() {
    let world = World::new();
    let ann = world.initialised("ann");
    for name in ["t1_\u{1b}[31mred.md", "t2_a\nb.md", "t3_-rf.md", "t4_$(touch x).md", "t5_a b.md", "t6_\u{202e}x.md"] {
        put(&world, "main", &format!("aitasks/{name}"), b"---\nstatus: Ready\n---\nText.\n");
    }
    ann.git(&["pull", "-q"]);
    for args in share([&["list"][..], &["status"], &["list", "--json"]]) {
        assert_harmless(&ann.aitask(args).ok());
    }
    for id in ["1", "2", "3", "4", "5", "6"] {
        for args in share([&["show", id][..], &["pick", id], &["drop", id]]) {
            assert_harmless(&ann.aitask(args));
        }
    }
    assert!(!ann.path("x").exists());
}

#[test]
fn that_are_links() {
    let world = World::new();
    let ann = world.initialised("ann");
    std::fs::write(world.root().join("secret"), "---\nstatus: Ready\n---\nSecret.\n").unwrap();
    let editor = world.clone("editor");
    std::fs::create_dir_all(editor.path("aitasks")).unwrap();
    std::os::unix::fs::symlink(world.root().join("secret"), editor.path("aitasks/t1_link.md")).unwrap();
    editor.commit("link");
    editor.git(&["push", "-q"]);
    ann.git(&["pull", "-q"]);
    assert!(!ann.aitask(&["show", "1"]).stdout.contains("Secret"));
    ann.aitask(&["list"]).ok();
    ann.aitask(&["pick", "1"]);
    assert!(std::fs::read_to_string(world.root().join("secret")).unwrap().contains("status: Ready"));
}

#[test]
fn hostile_text_reaches_no_terminal_raw() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}32m\u{202e}\r";
    let content = format!(
        "---\nstatus: Ready{hostile}\nassigned_to: eve{hostile}@x\nlabels: [a{hostile}]\nissue_type: b{hostile}\n\
         priority: high\nfurther: {hostile}\n---\n# Title {hostile}\n\nText {hostile}\n"
    );
    let (world, ann) = with_file(content.as_bytes());
    let lock = format!("locked_by: eve{hostile}@x\nhostname: h{hostile}\nlocked_at: t{hostile}\npid: {hostile}\n");
    for round in 0..2 {
        for color in [&["--color", "never"][..], &[], &["--json"]] {
            for verb in [&["list"][..], &["show", "1"], &["status"], &["locks"], &["pick", "1"], &["drop", "1"], &[]] {
                let run = ann.aitask(&[color, verb].concat());
                assert!(run.code <= 1, "{run:?}");
                assert_harmless(&run);
            }
        }
        if round == 0 {
            put(&world, "aitask-locks", "t1_lock.yaml", lock.as_bytes());
        }
    }
    let always = ann.aitask(&["--color", "always", "show", "1"]).ok();
    assert!(!always.stdout.contains("\u{1b}]0;") && !always.stdout.contains("\u{1b}[31m"), "{always:?}");
}
