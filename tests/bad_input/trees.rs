//! Trees in which something is where another thing must be. That is content, and never an internal error.

use super::fails_clearly;
use crate::support::{Repo, World, in_turn};

/// What somebody does in a clone, as a script; a command, and what is in the place of what it writes.
const TAKEN: [(&str, &[&str], &str); 9] = [
    ("rm -rf aitasks/archived; echo x >aitasks/archived", &["archive", "3"], "aitasks/archived"),
    ("rm -rf aitasks/t1; echo x >aitasks/t1", &["new", "Part", "--parent", "1"], "aitasks/t1"),
    ("ln -s nowhere aitasks/t2", &["new", "Part", "--parent", "2"], "aitasks/t2"),
    ("git submodule --quiet add \"$ORIGIN\" aitasks/t2", &["new", "Part", "--parent", "2"], "aitasks/t2"),
    (
        "rm -rf aitasks/metadata/labels.txt; mkdir -p aitasks/metadata/labels.txt; echo x >aitasks/metadata/labels.txt/a",
        &["edit", "2", "--label", "new"],
        "aitasks/metadata/labels.txt/a",
    ),
    ("rm -rf aitasks/metadata; echo x >aitasks/metadata", &["new", "More", "--label", "new"], "aitasks/metadata"),
    ("mv aitasks real; ln -s real aitasks", &["new", "More"], "aitasks"),
    (
        "mkdir -p aitasks/archived/t3_three.md; echo x >aitasks/archived/t3_three.md/x",
        &["archive", "3"],
        "aitasks/archived/t3_three.md/x",
    ),
    (
        "rm -rf aiplans; mkdir aiplans; echo plan >aiplans/p3_three.md; echo x >aiplans/archived",
        &["archive", "3"],
        "aiplans/archived",
    ),
];

/// Other things that nobody expects.
const ODD: [&str; 12] = [
    "git rm -rq aitasks; git submodule --quiet add \"$ORIGIN\" aitasks",
    "rm -rf aitasks; echo x >aitasks",
    "mkdir -p aitasks/archived; git submodule --quiet add \"$ORIGIN\" aitasks/archived/t3_three.md",
    "git submodule --quiet add \"$ORIGIN\" aitasks/t9_sub.md",
    "mv aitasks/t2_two.md real.md; ln -s ../real.md aitasks/t2_two.md; ln -s t8_loop.md aitasks/t8_loop.md",
    "rm aitasks/t2_two.md; mkdir aitasks/t2_two.md; echo x >aitasks/t2_two.md/t7_x.md",
    "for file in aitasks/*.md aitasks/metadata/*; do : >$file; done",
    "for name in t2_TWO T2_two t3_other; do cp aitasks/t2_two.md aitasks/$name.md; done; mkdir aitasks/T1; cp aitasks/t2_two.md aitasks/T1/t1_1_part.md",
    "for name in t7_ t2_; do cp aitasks/t2_two.md \"$(printf 'aitasks/%s\\377\\376.md' $name)\"; done; echo x >\"$(printf '\\377')\"",
    "printf -- '---\\npriority: \\377\\nstatus: Ready\\nlabels: [\\376]\\ndepends: [\\375]\\n---\\n\\372\\n\\000\\n' >aitasks/t2_two.md",
    "mkdir -p aitasks/archived/_b0; echo x >aitasks/archived/_b0/old0.tar.zst; : >aitasks/archived/_b0/old0.tar.gz",
    "echo x >aiwork; mkdir -p aiplans/p2_two.md; echo x >aiplans/p2_two.md/x; ln -s p3_three.md aiplans/p3_three.md",
];

/// Every verb once, about a task that is there and one that is odd.
const VERBS: [&[&str]; 16] = [
    &["list", "--json"],
    &["list", "--archived"],
    &["show", "2"],
    &["status"],
    &["edit", "2", "--priority", "low", "--label", "new"],
    &["new", "More", "--label", "new"],
    &["new", "Part", "--parent", "2"],
    &["pick", "2"],
    &["sync"],
    &["finish", "2", "--no-archive"],
    &["finish", "2"],
    &["drop", "2"],
    &["archive", "3"],
    &["log", "2"],
    &["worktree", "list", "--json"],
    &["compat", "aitask_create.sh", "--batch", "--name", "x", "--desc", "x", "--parent", "2", "--commit"],
];

/// A set-up clone with the tasks 1, 2 and 3, after somebody has published what `script` makes.
fn with_tree(script: &str) -> (World, Repo) {
    let world = World::new();
    let ann = world.kept("trees", "ann", |ann| {
        ann.aitask(&["init", "--on", "main"]).ok();
        for title in ["One", "Two", "Three"] {
            ann.task(title, &[]);
        }
        ann.aitask(&["new", "Part", "--parent", "1"]).ok();
    });
    let bob = world.clone("bob").env("GIT_ALLOW_PROTOCOL", "file").env("ORIGIN", world.origin().display());
    bob.run("sh", &["-ec", script]).ok();
    bob.git(&["add", "-A"]);
    bob.git(&["commit", "-qm", "odd"]);
    bob.git(&["push", "-q"]);
    (world, ann)
}

#[test]
fn what_is_in_the_place_of_a_file_is_named() {
    for (n, (script, args, path)) in TAKEN.into_iter().enumerate() {
        // the first shows it as a page and with all that must not change, too
        if n > 0 && !in_turn(n) {
            continue;
        }
        let (world, ann) = with_tree(script);
        let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
        let run = fails_clearly(&ann, args, 1, "occupied");
        assert!(
            run.error()["error"]["message"].as_str().unwrap().starts_with(&format!("{path} is in the place of ")),
            "{run}"
        );
        assert_eq!(before, world.git(&["--git-dir=origin.git", "for-each-ref"]), "{run}");
    }
}

#[test]
fn a_link_in_the_place_of_a_task_is_handed_to_nobody() {
    let (_world, ann) = with_tree(
        "printf -- '---\nstatus: Done\n---\n' >aitasks/real.txt; rm -r aitasks/t*; ln -s real.txt aitasks/t2_two.md; \
         ln -s nowhere aitasks/t7_x.md; git submodule --quiet add \"$ORIGIN\" aitasks/t9_sub.md",
    );
    for args in [&["list", "--fetch", "--json"][..], &["list", "--json"], &["status", "--json"]] {
        let json = ann.aitask(args).ok().json();
        let said: Vec<_> = json["not_understood"].as_array().unwrap().iter().map(|it| it["why"].to_string()).collect();
        let is_said = |n: usize, what| said[n].contains(what);
        assert!(
            is_said(0, "it is a link,") && is_said(1, "it is a link,") && is_said(2, "it is a submodule,"),
            "{json}"
        );
    }
    fails_clearly(&ann, &["pick", "--next"], 1, "nothing_to_pick");
    for (id, what) in [("2", "link"), ("7", "link"), ("9", "submodule")] {
        for args in [&["pick", id][..], &["show", id], &["edit", id, "--priority", "low"]] {
            let run = fails_clearly(&ann, args, 1, "occupied");
            assert!(run.error()["error"]["message"].as_str().unwrap().ends_with(&format!(": it is a {what}")), "{run}");
        }
    }
    let findings = ann.aitask(&["doctor", "--json"]).fails(1).json().to_string();
    assert_eq!(findings.matches("unreadable_file").count(), 3, "{findings}");
}

#[test]
fn no_content_is_an_internal_error() {
    let taken = TAKEN.map(|(script, ..)| script);
    for (_, script) in taken.iter().chain(&ODD).enumerate().filter(|(n, _)| in_turn(*n)) {
        let (_world, ann) = with_tree(script);
        for args in VERBS {
            if args[0] == "finish" && ann.path("aiwork/t2_two/.git").exists() {
                ann.write("aiwork/t2_two/work.txt", args.last().unwrap());
                ann.at("aiwork/t2_two").commit("work");
            }
            let run = ann.aitask(args);
            assert!([0, 1, 75, 128].contains(&run.code), "{script}\n{run}");
            assert!(!run.stderr.contains("internal error"), "{script}\n{run}");
        }
    }
}

#[test]
fn a_path_that_is_not_utf_8_is_told_in_json_as_well() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.git(&["branch", "aitask/t1_one"]);
    let odd = world.root().join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    ann.run("sh", &["-c", "git worktree add -q \"$(printf '../odd\\377')\" aitask/t1_one"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    for args in [&["list"][..], &["show", "1"], &["worktree", "path", "1"], &["worktree", "list"]] {
        let json = ann.aitask(&[args, &["--json"]].concat()).ok().json().to_string();
        assert!(json.contains(&*odd.to_string_lossy()), "{json}");
    }
    let there = ann.at(&odd);
    there.write("work.txt", "work\n");
    there.commit("work");
    let json = there.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((&json["worktree_removed"], odd.exists()), (&true.into(), false), "{json}");
}

#[test]
fn a_worktree_whose_branch_was_deleted_is_shown() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.git(&["update-ref", "-d", "refs/heads/aitask/t1_one"]);
    let json = ann.aitask(&["show", "1", "--json"]).ok().json();
    assert_eq!(json["task"]["id"], "1", "{json}");
}
