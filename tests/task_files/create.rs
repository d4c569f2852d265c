//! `aitask_create.sh --batch`.

use super::{both, create, data, files, last_commit, project, refuses_in_order, script, update};
use crate::support::World;
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn without_an_id_nothing_is_written_and_the_text_is_kept() {
    let world = World::new();
    let ann = project(&world);
    let head = ann.git(&["rev-parse", "HEAD"]);
    ann.git(&["remote", "set-url", "origin", "/nowhere/x.git"]);
    let run = create(&ann, &["--commit", "--name", "No net", "--labels", "fresh", "--deps", "1"]).fails(1);
    let last = run.stderr.trim_end().lines().last().unwrap();
    assert!(last.contains("Error: Atomic ID counter failed: Cannot reach origin"), "{last}");
    assert_eq!((run.stdout.as_str(), ann.git(&["rev-parse", "HEAD"])), ("", head));
    assert_eq!((files(&ann, "aitasks").len(), ann.read("aitasks/metadata/labels.txt").as_str()), (3, "ui\n"));
    let draft = files(&ann, "aitasks/new").remove(0);
    run.assert().stderr(contains(format!("the text is kept as the draft aitasks/new/{draft}")));
    ann.git(&["remote", "set-url", "origin", world.origin().to_str().unwrap()]);
    script(&ann, "aitask_create.sh", &["--batch", "--silent", "--finalize", &draft]).ok();
    assert!(ann.read("aitasks/t2_no_net.md").contains("depends: [1]\n"));
}

#[test]
fn what_is_staged_and_dirty_stays_so() {
    let ann = project(&World::new());
    ann.write("new.txt", "1\n");
    ann.git(&["add", "new.txt"]);
    ann.write("new.txt", "2\n");
    ann.write("aitasks/metadata/task_types.txt", "bug\nfeature\nmine\n");
    let before = ann.git(&["status", "--porcelain"]) + &ann.git(&["diff"]) + &ann.git(&["diff", "--cached"]);
    create(&ann, &["--commit", "--name", "x", "--assigned-to", "dev@example.com", "--labels", "fresh"]).ok();
    let commit =
        "ait: Add task t2: x\nA\taitasks/metadata/emails.txt\nM\taitasks/metadata/labels.txt\nA\taitasks/t2_x.md\n";
    assert_eq!(last_commit(&ann), commit);
    let after = ann.git(&["status", "--porcelain"]) + &ann.git(&["diff"]) + &ann.git(&["diff", "--cached"]);
    assert_eq!(after, before);
}

#[test]
fn no_value_forges_a_line_of_the_file_or_of_the_answer() {
    let ann = project(&World::new());
    for option in ["--assigned-to", "--issue", "--contributor", "--pull-request", "--xdeps", "--deps", "--verifies"] {
        for text in ["a\nstatus: Done", "a\r\nx: y", "\u{1b}[2J"] {
            create(&ann, &["--commit", "--name", "x", option, text]).fails(1);
        }
    }
    assert_eq!(ann.git(&["log", "--format=%s"]), "tasks\nfirst\n");
    let run = create(&ann, &["--name", "x\nCreated: aitasks/t9_forged.md", "--labels", "a\nb: c|d"]).ok();
    assert_eq!((run.stdout.lines().count(), run.stdout.starts_with("Created: aitasks/new/draft_")), (1, true));
    let draft = ann.read(run.stdout.trim_end().strip_prefix("Created: ").unwrap());
    assert!(draft.contains("\nlabels: [a_b_c_d]\n"), "{draft}");
}

#[test]
fn a_body_of_a_megabyte_and_one_that_looks_like_an_option_are_kept_to_the_byte() {
    let ann = project(&World::new());
    let long = "x".repeat(1_000_000) + "\n---\nstatus: Done\n\u{1b}[31m";
    for (name, body) in [("long", long.as_str()), ("odd", "-n"), ("blank", "\n\n  leading")] {
        ann.write("body.txt", body);
        create(&ann, &["--name", name, "--desc-file", "body.txt"]).ok();
        let file = files(&ann, "aitasks/new").into_iter().find(|file| file.ends_with(&format!("_{name}.md"))).unwrap();
        assert!(ann.read(&format!("aitasks/new/{file}")).ends_with(&format!("\n---\n\n{body}\n")), "{name}");
    }
}

#[test]
fn a_missing_value_and_a_missing_parent_are_named() {
    let ann = project(&World::new());
    create(&ann, &["--name"]).fails(1).assert().stderr(contains("Missing value for --name"));
    for parent in ["77", "t77", "x", "1_1"] {
        let run = create(&ann, &["--commit", "--name", "x", "--parent", parent]).fails(1);
        let bare = parent.trim_start_matches('t');
        run.assert().stderr(contains(format!("Parent task t{bare} not found")));
    }
    create(&ann, &["--commit", "--silent", "--name", "x", "--parent", "t1"])
        .ok()
        .assert()
        .stdout("aitasks/t1/t1_1_x.md\n");
}

#[test]
fn the_number_of_a_child_in_a_bundle_is_not_used_again() {
    let ann = project(&World::new());
    ann.write("t1/t1_6_old.md", super::PLAIN);
    std::fs::create_dir_all(ann.path("aitasks/archived/_b0")).unwrap();
    ann.run("tar", &["-czf", "aitasks/archived/_b0/old0.tar.gz", "t1"]).ok();
    create(&ann, &["--silent", "--commit", "--name", "x", "--parent", "1"])
        .ok()
        .assert()
        .stdout("aitasks/t1/t1_7_x.md\n");
}

#[test]
fn a_refused_commit_gives_gits_own_code_and_no_result_line() {
    let world = World::new();
    let ann = project(&world);
    world.script(&ann.path(".git/hooks/pre-commit"), "#!/bin/sh\necho refused by policy >&2\nexit 1\n");
    let run = create(&ann, &["--commit", "--name", "x"]).fails(1);
    run.assert().stdout("").stderr(contains("refused by policy"));
    assert_eq!(ann.git(&["log", "--format=%s"]), "tasks\nfirst\n");
}

#[test]
fn on_a_detached_head_the_commit_is_made_there() {
    let ann = project(&World::new());
    ann.git(&["checkout", "--quiet", "--detach"]);
    create(&ann, &["--commit", "--silent", "--name", "x"]).ok().assert().stdout("aitasks/t2_x.md\n");
    assert_eq!(ann.git(&["log", "-1", "--format=%s"]), "ait: Add task t2: x\n");
}

#[test]
fn a_clone_whose_data_branch_is_not_checked_out_gets_no_second_home_for_tasks() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["push", "--quiet", "origin", "main:aitask-data"]);
    let bob = world.clone("bob");
    bob.git(&["fetch", "--quiet"]);
    create(&bob, &["--commit", "--name", "x"]).fails(1).assert().stderr(contains("ait setup"));
    create(&bob, &["--name", "x"]).fails(1);
    assert!(!bob.path("aitasks").exists());
}

#[test]
fn pending_tasks_about_the_same_file_are_folded_when_asked() {
    let ann = project(&World::new());
    create(&ann, &["--commit", "--name", "old one", "--file-ref", "src/a.rs:3"]).ok();
    let merge = ["--commit", "--silent", "--name", "new", "--file-ref", "src/a.rs", "--auto-merge"];
    let run = create(&ann, &merge).ok();
    run.assert().stdout("Auto-merging 1 task(s) into t3...\nFolded t2 into t3\naitasks/t3_new.md\n");
    assert_eq!(last_commit(&ann), "ait: Add task t3: new\nM\taitasks/t2_old_one.md\nA\taitasks/t3_new.md\n");
    let (folded, into) = (ann.read("aitasks/t2_old_one.md"), ann.read("aitasks/t3_new.md"));
    assert!(folded.contains("status: Folded\n") && folded.contains("folded_into: 3\n"), "{folded}");
    let text = "\nd\n\n## Merged from t2: old one\n\nd\n\n## Folded tasks\n\n- t2: aitasks/t2_old_one.md\n";
    assert!(into.contains("folded_tasks: [2]\n") && into.ends_with(text), "{into}");
}

#[test]
fn a_child_does_not_wait_for_the_one_before_when_that_is_folded_into_it() {
    let ann = project(&World::new());
    let child = |more: &[&str]| {
        create(&ann, &[&["--commit", "--silent", "--parent", "1", "--name", "c", "--file-ref", "a.rs"], more].concat())
    };
    child(&[]).ok();
    child(&["--auto-merge"]).ok();
    let text = ann.read("aitasks/t1/t1_2_c.md");
    assert!(text.contains("depends: []\n") && text.contains("folded_tasks: [t1_1]\n"), "{text}");
}

#[test]
fn a_folded_task_keeps_its_uncommitted_rename() {
    let ann = project(&World::new());
    create(&ann, &["--commit", "--name", "old", "--file-ref", "a.rs"]).ok();
    update(&ann, &["2", "--name", "newer"]).ok();
    create(&ann, &["--commit", "--name", "new", "--file-ref", "a.rs", "--auto-merge"]).ok();
    assert_eq!(last_commit(&ann), "ait: Add task t3: new\nA\taitasks/t3_new.md\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), " D aitasks/t2_old.md\n?? aitasks/t2_newer.md\n");
    assert!(ann.read("aitasks/t2_newer.md").contains("folded_into: 3\n"));
}

#[test]
fn what_is_begun_or_has_children_is_not_folded() {
    let ann = project(&World::new());
    for status in ["Implementing", "Postponed"] {
        create(&ann, &["--commit", "--name", "busy", "--file-ref", "a.rs", "--status", status]).ok();
    }
    create(&ann, &["--commit", "--name", "big", "--file-ref", "a.rs"]).ok();
    let child = ["--commit", "--silent", "--name", "part", "--parent", "4", "--file-ref", "a.rs", "--auto-merge"];
    let run = create(&ann, &child).ok();
    run.assert().stdout("aitasks/t4/t4_1_part.md\n").stderr(contains("Auto-merge: skipping t4 (it is the parent)"));
    let run = create(&ann, &["--commit", "--silent", "--name", "new", "--file-ref", "a.rs", "--auto-merge"]).ok();
    run.assert().stderr(contains("Auto-merge: skipping t4 (it has children)"));
    assert!(run.stdout.ends_with("Folded t4_1 into t5\naitasks/t5_new.md\n"), "{run}");
    let run = create(&ann, &["--commit", "--name", "x", "--file-ref", "a.rs", "--auto-merge", "--no-auto-merge"]).ok();
    run.assert().stderr(contains("Auto-merge skipped"));
    for file in ["t2_busy", "t3_busy", "t4_big"] {
        assert!(!ann.read(&format!("aitasks/{file}.md")).contains("Folded"), "{file}");
    }
}

#[test]
fn a_dependency_on_another_project_is_checked_there() {
    let world = World::new();
    let ann = project(&world);
    let sib = world.root().join("sib");
    std::fs::create_dir_all(sib.join("aitasks/metadata")).unwrap();
    std::fs::write(sib.join("aitasks/metadata/project_config.yaml"), "project: sib\n").unwrap();
    std::fs::write(sib.join("aitasks/t4_there.md"), super::PLAIN).unwrap();
    std::fs::write(
        world.root().join("projects.yaml"),
        format!("projects:\n  - path: {}\n    name: sib\n", sib.display()),
    )
    .unwrap();
    let ann = ann.env("AITASKS_PROJECTS_INDEX", world.root().join("projects.yaml").display());
    create(&ann, &["--silent", "--name", "x", "--xdeps", "t4", "--xdeprepo", "sib"]).ok();
    let run = create(&ann, &["--name", "x", "--xdeps", "5", "--xdeprepo", "sib"]).fails(1);
    run.assert().stderr(contains("--xdeps id 5 not found in cross-repo project 'sib'"));
    let run = create(&ann, &["--name", "x", "--project", "sib"]).fails(1);
    run.assert().stderr(contains("is missing or not executable").and(contains("Resolved sib →")));
}

#[test]
fn labels_are_written_through_no_link_out_of_the_checkout() {
    let world = World::new();
    let ann = project(&world);
    let out = world.root().join("out");
    std::fs::rename(ann.path("aitasks/metadata"), &out).unwrap();
    std::os::unix::fs::symlink(&out, ann.path("aitasks/metadata")).unwrap();
    ann.commit("a link");
    let before = ann.git(&["rev-parse", "HEAD"]);
    for more in [&["--commit"][..], &["--commit", "--assigned-to", "bob@example.com"]] {
        let run = create(&ann, &[&["--name", "x", "--labels", "evil"], more].concat());
        assert!(run.code != 0 && run.stderr.contains("metadata is a symbolic link"), "{run}");
    }
    assert_eq!(std::fs::read_to_string(out.join("labels.txt")).unwrap(), "ui\n");
    assert_eq!((ann.git(&["rev-parse", "HEAD"]), ann.git(&["status", "--porcelain"])), (before, String::new()));
}

#[test]
fn a_child_beside_its_parent_s_uncommitted_rename_leaves_that_uncommitted() {
    let ann = project(&World::new());
    ann.run("mv", &["aitasks/t1_first.md", "aitasks/t1_better.md"]).ok();
    let before = ann.git(&["status", "--porcelain"]);
    create(&ann, &["--commit", "--name", "x", "--parent", "1"]).ok();
    assert_eq!(last_commit(&ann), "ait: Add child task t1_1: x\nA\taitasks/t1/t1_1_x.md\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), before);
    assert!(ann.read("aitasks/t1_better.md").contains("children_to_implement: [t1_1]\n"));
}

#[test]
fn a_registered_folder_that_is_no_project_is_stale() {
    let world = World::new();
    let ann = project(&world);
    let (hollow, index) = (world.root().join("hollow"), world.root().join("projects.yaml"));
    std::fs::create_dir_all(hollow.join("aitasks")).unwrap();
    std::fs::write(hollow.join("aitasks/t4_there.md"), super::PLAIN).unwrap();
    for name in ["create", "update", "ls", "query_files", "find_by_file"] {
        let said = format!("#!/bin/sh\necho {name} in \"${{PWD##*/}} of ${{AITASK_SCRIPT_DIR#$PWD}}\": \"$@\"\n");
        world.script(&hollow.join(format!(".aitask-scripts/aitask_{name}.sh")), &said);
    }
    std::fs::write(&index, format!("projects:\n  - name: hollow\n    path: {}\n", hollow.display())).unwrap();
    let ann = ann.env("AITASKS_PROJECTS_INDEX", index.display()).env("AITASK_SCRIPT_DIR", "/nowhere");
    let calls = [
        ("query_files", &["task-status", "4", "--project", "hollow"][..]),
        ("ls", &["--project", "hollow", "5"]),
        ("find_by_file", &["--project", "hollow", "a.rs"]),
        ("create", &["--batch", "--name", "x", "--desc", "d", "--project", "hollow"]),
        ("update", &["--batch", "4", "--priority", "low", "--project", "hollow"]),
    ];
    let other = ("create", &["--batch", "--name", "x", "--desc", "d", "--xdeprepo", "hollow"][..]);
    let changed = ("update", &["--batch", "1", "--xdeps", "4", "--xdeprepo", "hollow"][..]);
    for (name, args) in calls.into_iter().chain([other, changed]) {
        let run = script(&ann, &format!("aitask_{name}.sh"), args).fails(1);
        run.assert().stdout("").stderr(contains("Project 'hollow' is registered but its path is stale: hollow:/"));
    }
    assert!(!ann.path("aitasks/new").exists());
    std::fs::create_dir_all(hollow.join("aitasks/metadata")).unwrap();
    std::fs::write(hollow.join("aitasks/metadata/project_config.yaml"), "project: hollow\n").unwrap();
    for (name, args) in calls {
        let own = args.iter().filter(|arg| !["--project", "hollow"].contains(arg)).copied().collect::<Vec<_>>();
        let run = script(&ann, &format!("aitask_{name}.sh"), args).ok();
        assert_eq!(run.stdout, format!("{name} in hollow of /.aitask-scripts: {}\n", own.join(" ")));
    }
}

#[test]
fn a_silent_create_says_nothing_of_its_commit() {
    for (_world, ann) in both() {
        let silent = |args: &[&str], path: &str| {
            let run = create(&ann, &[&["--silent"], args].concat()).ok();
            assert!(run.stdout == format!("{path}\n") && !run.stderr.contains("ait: Add"), "{run}");
        };
        silent(&["--commit", "--name", "x"], "aitasks/t2_x.md");
        silent(&["--commit", "--name", "kid", "--parent", "2"], "aitasks/t2/t2_1_kid.md");
        for (name, parent) in [("later", ""), ("small", "1")] {
            create(&ann, &["--name", name, "--parent", parent]).ok();
        }
        let drafts = files(&ann, "aitasks/new");
        silent(&["--finalize", &drafts[0]], "aitasks/t3_later.md");
        silent(&["--finalize-all"], "aitasks/t1/t1_1_small.md");
        assert_eq!(data(&ann).git(&["status", "--porcelain"]), "");
        let loud = create(&ann, &["--commit", "--name", "loud"]).ok().stdout;
        assert!(
            loud.contains("] ait: Add task t4: loud\n") && loud.ends_with("\nCreated: aitasks/t4_loud.md\n"),
            "{loud}"
        );
    }
}

#[test]
fn of_several_wrong_options_the_same_one_is_named_first() {
    for (_world, ann) in both() {
        let steps: [(&[&str], &[&str], &str); 13] = [
            (&["--file-ref", ":1"], &[], "Invalid file reference: ':1' (expected PATH[:N[-M][^N[-M]]...])"),
            (&[], &["--name", "x"], "Batch mode requires --name"),
            (&["--desc-file", "nowhere"], &[], "Description file not found: nowhere"),
            (&[], &["--desc", "d"], "Batch mode requires --desc or --desc-file"),
            (&["--priority", "u"], &[], "Invalid priority: u (must be high, medium, or low)"),
            (&["--effort", "v"], &[], "Invalid effort: v (must be low, medium, or high)"),
            (&["--type", "w"], &[], "Invalid type: w (must be one of: bug,feature,manual_verification)"),
            (&["--status", "Done"], &[], "Invalid status: Done (must be Ready, Editing, Implementing, or Postponed)"),
            (&["--xdeps", "3"], &[], "--xdeps requires --xdeprepo"),
            (&["--xdeprepo", "q"], &[], "Project 'q' is not registered"),
            (&["--followup-kind", "k"], &[], "Invalid followup_kind: k (must be one of: carry_over docs_gap "),
            (&["--anchor", "tt1"], &[], "anchor target 'tt1' is not a valid task id (expected N or N_M)."),
            (&["--parent", "77"], &[], "Parent task t77 not found"),
        ];
        // a project makes its ids usable together, and a parent excludes an anchor
        refuses_in_order(&ann, "aitask_create.sh", &["--batch", "--commit", "--labels", "fresh"], &steps[..9]);
        let given = ["--batch", "--commit", "--labels", "fresh", "--name", "x", "--desc", "d"];
        refuses_in_order(&ann, "aitask_create.sh", &given, &steps[9..12]);
        refuses_in_order(&ann, "aitask_create.sh", &given, &steps[12..]);
        assert_eq!((ann.read("aitasks/metadata/labels.txt").as_str(), files(&ann, "aitasks").len()), ("ui\n", 2));
        create(&ann, &["--commit", "--silent", "--labels", "fresh", "--name", "x"])
            .ok()
            .assert()
            .stdout("aitasks/t2_x.md\n");
    }
}
