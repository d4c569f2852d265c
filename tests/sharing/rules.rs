//! What both sides changed: merged by the rules of each field, or listed and left alone.

use super::{sync, task, two, whole};
use crate::support::{Repo, World, share};

/// Ann's version is published, bob has his own; what his sync says.
fn both(path: &str, base: &str, anns: &str, bobs: &str) -> (World, Repo, Repo, String) {
    let (world, ann, bob) = two();
    ann.write(path, base);
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    ann.write(path, anns);
    bob.write(path, bobs);
    assert_eq!(sync(&ann), "PUSHED");
    let line = sync(&bob);
    whole(&bob);
    (world, ann, bob, line)
}

#[test]
fn fields_of_both_sides() {
    let base = "---\npriority: high\nstatus: Ready\nlabels: [ui]\nupdated_at: 2026-01-01 10:00\nboardcol: backlog\n---\nBody\n";
    let remote = "---\npriority: low\nstatus: Implementing\nlabels: [ui, db]\nupdated_at: 2026-01-02 10:00\nboardcol: now\n---\nBody\n";
    let local = "---\npriority: medium\nstatus: Ready\nlabels: [api, ui]\nupdated_at: 2026-01-03 10:00\nboardcol: backlog\n---\nBody\n";
    let (world, ann, bob, line) = both("aitasks/t2_a.md", base, remote, local);
    let merged = "---\npriority: low\nstatus: Implementing\nlabels: [api, db, ui]\nupdated_at: 2026-01-03 10:00\nboardcol: backlog\n---\nBody\n";
    assert_eq!((line.as_str(), bob.read("aitasks/t2_a.md").as_str()), ("AUTOMERGED", merged));
    assert_eq!(world.remote_file("aitask-data", "aitasks/t2_a.md").as_deref(), Some(merged));
    assert_eq!(sync(&ann), "PULLED");
}

#[test]
fn a_text_that_both_changed_in_different_places() {
    let (_world, _ann, bob, line) = both(
        "aitasks/t2_a.md",
        &task("", "one\ntwo\nthree\n"),
        &task("x: 1\n", "ONE\ntwo\nthree\n"),
        &task("y: 1\n", "one\ntwo\nTHREE\n"),
    );
    assert_eq!((line.as_str(), bob.read("aitasks/t2_a.md")), ("AUTOMERGED", task("y: 1\nx: 1\n", "ONE\ntwo\nTHREE\n")));
}

#[test]
fn what_no_rule_merges_is_listed_and_stays() {
    for (path, base, anns, bobs) in [
        ("aitasks/t2_a.md", task("", "base\n"), task("", "hers\n"), task("", "his\n")),
        ("aitasks/metadata/words.txt", "a\n".into(), "b\n".into(), "c\n".into()),
        ("aitasks/t3 with,comma.md", task("i: 0\n", ""), task("i: 1\n", ""), task("i: 2\n", "")),
    ] {
        let (world, _ann, bob, line) = both(path, &base, &anns, &bobs);
        assert_eq!((line, sync(&bob)), (format!("CONFLICT:{path}"), format!("CONFLICT:{path}")));
        assert_eq!(bob.read(path), bobs);
        assert_eq!(world.remote_file("aitask-data", path), Some(anns));
        assert_eq!(bob.script("ait", &["git", "status", "--porcelain"]).ok().stdout, "");
    }
}

/// Ann and bob with three archived tasks that both know, of which each bundled some meanwhile, bob one more than ann.
fn bundled() -> (World, Repo, Repo) {
    let (world, ann, bob) = two();
    for n in [2, 3, 4] {
        ann.write(&format!("aitasks/archived/t{n}_a.md"), &task("", &format!("text {n}\n")));
    }
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    bob.write("aitasks/archived/t5_b.md", &task("", "his\n"));
    for repo in [&ann, &bob] {
        repo.git(&["remote", "set-url", "--push", "origin", "/nowhere"]);
        repo.script("aitask_zip_old.sh", &[]).ok();
        repo.git(&["config", "--unset", "remote.origin.pushurl"]);
    }
    (world, ann, bob)
}

#[test]
fn bundles_made_in_two_clones_become_one() {
    let (_world, ann, bob) = bundled();
    assert_eq!((sync(&ann), sync(&bob), sync(&ann)), ("PUSHED".into(), "AUTOMERGED".into(), "PULLED".into()));
    for repo in [&ann, &bob] {
        for n in ["2", "3", "4", "5"] {
            repo.script("aitask_zip_old.sh", &["unpack", n]).ok();
        }
        assert_eq!(repo.read("aitasks/archived/t4_a.md"), task("", "text 4\n"));
        assert_eq!(repo.read("aitasks/archived/t5_b.md"), task("", "his\n"));
        assert!(!repo.path("aitasks/archived/_b0").exists());
    }
}

#[test]
fn a_bundle_that_one_emptied_and_the_other_added_to_has_what_was_added() {
    let (_world, ann, bob) = bundled();
    assert_eq!((sync(&ann), sync(&bob), sync(&ann)), ("PUSHED".into(), "AUTOMERGED".into(), "PULLED".into()));
    for n in ["2", "3", "4", "5"] {
        ann.script("aitask_zip_old.sh", &["unpack", n]).ok();
    }
    bob.write("aitasks/archived/t6_b.md", &task("", "more\n"));
    bob.script("aitask_zip_old.sh", &["--no-commit"]).ok();
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "AUTOMERGED".into()));
    let unpacked = bob.script("aitask_zip_old.sh", &["unpack", "6"]).ok().stdout;
    assert_eq!(unpacked, "UNPACKED_TASK:aitasks/archived/t6_b.md\n");
    assert_eq!(bob.read("aitasks/archived/t6_b.md"), task("", "more\n"));
    assert_eq!(bob.read("aitasks/archived/t2_a.md"), task("", "text 2\n"));
}

#[test]
fn what_has_no_lines_is_listed_too() {
    for path in ["aitasks/metadata/picture.png", "aitasks/t2_a.md", "aitasks/archived/_b0/old0.tar.zst"] {
        let text = |body: &str| task("", &format!("\0{body}\n"));
        let (_world, ann, bob, line) = both(path, &text("base"), &text("hers"), &text("his"));
        assert_eq!((line, bob.read(path)), (format!("CONFLICT:{path}"), text("his")));
        bob.write(path, &ann.read(path));
        assert_eq!(sync(&bob), "SYNCED");
        whole(&bob);
    }
}

#[test]
fn a_name_that_is_not_ascii_is_merged_and_quoted() {
    let (_world, _ann, bob, line) = both("aitasks/t2_é.md", &task("", ""), &task("x: 1\n", ""), &task("y: 1\n", ""));
    assert_eq!((line.as_str(), bob.read("aitasks/t2_é.md")), ("AUTOMERGED", task("y: 1\nx: 1\n", "")));
    let line = both("aitasks/t2_é.md", "a\n", "b\n", "c\n").3;
    assert_eq!(line, r#"CONFLICT:"aitasks/t2_\303\251.md""#);
}

#[test]
fn a_task_removed_there_and_edited_here() {
    let (_world, ann, bob) = two();
    std::fs::remove_file(ann.path("aitasks/t1_sample.md")).unwrap();
    bob.write("aitasks/t1_sample.md", "edit\n");
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "CONFLICT:aitasks/t1_sample.md".into()));
    assert_eq!(bob.read("aitasks/t1_sample.md"), "edit\n");
    whole(&bob);
}

#[test]
fn somebody_decides_in_an_editor_whether_a_removed_task_stays() {
    for (editor, kept) in [("true", Some("edit\n")), ("echo more >>", Some("edit\nmore\n")), (": >", None)] {
        let (world, ann, bob) = two();
        std::fs::remove_file(ann.path("aitasks/t1_sample.md")).unwrap();
        bob.write("aitasks/t1_sample.md", "edit\n");
        assert_eq!(sync(&ann), "PUSHED");
        let run = bob.env("EDITOR", editor).script("aitask_sync.sh", &[]).ok();
        assert!(run.stdout.contains("removed on the remote"), "{run}");
        assert_eq!(world.remote_file("aitask-data", "aitasks/t1_sample.md").as_deref(), kept, "{editor}");
        assert_eq!(bob.path("aitasks/t1_sample.md").exists(), kept.is_some());
        whole(&bob);
    }
}

#[test]
fn a_task_archived_there_and_edited_here() {
    let long = (1..30).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
    for (edit, expected) in [("line 29", "SYNCED"), ("line 1\n", "CONFLICT:aitasks/archived/t2_a.md")] {
        let (_world, ann, bob) = two();
        ann.write("aitasks/t2_a.md", &task("", &long));
        assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
        std::fs::remove_file(ann.path("aitasks/t2_a.md")).unwrap();
        ann.write("aitasks/archived/t2_a.md", &task("", &long.replace("line 1\n", "hers\n")));
        bob.write("aitasks/t2_a.md", &task("", &long.replace(edit, "his\n")));
        assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), expected.into()));
        whole(&bob);
    }
}

#[test]
fn a_release_here_is_not_undone_by_a_change_there() {
    let started = "assigned_to: ann@example.com\n";
    let base = task(started, "").replace("Ready", "Implementing");
    let (_world, _ann, bob, line) = both(
        "aitasks/t2_a.md",
        &base,
        &base.replace("[ui]", "[ui, x]"),
        &task("", "").replace("2026-01-01", "2026-01-02"),
    );
    assert_eq!(line, "AUTOMERGED");
    let merged = bob.read("aitasks/t2_a.md");
    assert!(merged.contains("status: Ready\nlabels: [ui, x]\n") && !merged.contains("assigned_to"), "{merged}");
}

#[test]
fn what_somebody_resolves_in_an_editor_is_published() {
    let (world, _ann, bob, _) = both("aitasks/t2_a.md", &task("", "base\n"), &task("", "hers\n"), &task("", "his\n"));
    let editor = world.root().join("tmp/editor");
    world.script(&editor, "#!/bin/sh\necho \"$1\" >\"$HOME/edited\"\nsed -i '/^[<=>]\\{7\\}/d' \"$1\"\n");
    let run = bob.env("EDITOR", editor.display()).script("aitask_sync.sh", &[]).ok();
    assert!(run.stdout.contains("Editing: aitasks/t2_a.md\n"), "{run}");
    assert_eq!(world.remote_file("aitask-data", "aitasks/t2_a.md"), Some(task("", "his\nhers\n")));
    assert_eq!(bob.read("aitasks/t2_a.md"), task("", "his\nhers\n"));
    let edited = bob.read("../home/edited");
    assert!(edited.ends_with("/.aitask-data/aitasks/t2_a.md\n"), "{edited}");
    whole(&bob);
}

#[test]
fn while_an_editor_is_open_the_checkout_holds_no_markers_and_what_was_written_in_vain_is_kept() {
    let (_world, _ann, bob, _) = both("aitasks/t2_a.md", &task("", "base\n"), &task("", "hers\n"), &task("", "his\n"));
    let editor = bob.world().root().join("tmp/editor");
    bob.world().script(&editor, "#!/bin/sh\ncat .aitask-data/aitasks/t2_a.md >\"$HOME/there\"\necho more >>\"$1\"\n");
    let run = bob.env("EDITOR", editor.display()).script("aitask_sync.sh", &[]).fails(1);
    assert_eq!(bob.read("../home/there"), task("", "his\n"));
    let kept = run.stderr.split("is kept in ").nth(1).unwrap_or_default().split([';', '\n']).next().unwrap_or_default();
    assert!(bob.read(kept).contains("more\n"), "{run}");
}

#[test]
fn an_editor_that_resolves_nothing_changes_nothing() {
    let (world, _ann, bob, _) = both("aitasks/t2_a.md", &task("", "base\n"), &task("", "hers\n"), &task("", "his\n"));
    let before = world.remote_branch("aitask-data");
    for editor in share(["true", "false"]) {
        bob.env("EDITOR", editor).script("aitask_sync.sh", &[]).fails(1);
        assert_eq!(
            (bob.read("aitasks/t2_a.md"), world.remote_branch("aitask-data")),
            (task("", "his\n"), before.clone())
        );
    }
}

#[test]
fn conflict_markers_are_never_committed() {
    let (world, ann, _bob) = two();
    ann.write("aitasks/t1_sample.md", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n");
    assert_eq!(sync(&ann), "ERROR:commit_failed");
    assert!(!world.remote_file("aitask-data", "aitasks/t1_sample.md").unwrap().contains("<<<"));
}

#[test]
fn an_editor_that_empties_a_file_of_both_sides_resolves_nothing_and_what_was_resolved_before_is_kept() {
    let (world, ann, bob) = two();
    for name in ["a", "b"] {
        ann.write(&format!("aitasks/t2_{name}.md"), "base\n");
    }
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    for name in ["a", "b"] {
        ann.write(&format!("aitasks/t2_{name}.md"), "hers\n");
        bob.write(&format!("aitasks/t2_{name}.md"), "his\n");
    }
    assert_eq!(sync(&ann), "PUSHED");
    world.script(&world.root().join("bin/edit"), "#!/bin/sh\ncase $1 in *_a.md) echo both >$1;; *) : >$1;; esac\n");
    let bob = bob.with_programs(world.root().join("bin")).env("EDITOR", "edit");
    let run = bob.script("aitask_sync.sh", &[]).fails(1);
    assert!(run.stderr.contains("it is empty"), "{run}");
    let kept = run.stderr.split("is kept in ").nth(1).and_then(|rest| rest.lines().next()).unwrap().trim();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "both\n", "{run}");
    assert_eq!(world.remote_file("aitask-data", "aitasks/t2_b.md").as_deref(), Some("hers\n"));
}
