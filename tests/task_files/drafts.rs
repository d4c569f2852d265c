//! Drafts and what becomes of them.

use super::{PLAIN, create, files, last_commit, project, script};
use crate::support::{Repo, World};
use predicates::str::contains;

#[test]
fn two_drafts_of_one_name_in_one_minute_are_two_drafts() {
    let ann = project(&World::new());
    let paths: Vec<_> = (0..3).map(|_| create(&ann, &["--silent", "--name", "x"]).ok().stdout).collect();
    assert_eq!(files(&ann, "aitasks/new").len(), 3, "{paths:?}");
    script(&ann, "aitask_create.sh", &["--batch", "--silent", "--finalize-all"]).ok();
    assert_eq!(files(&ann, "aitasks/new").len(), 0);
}

#[test]
fn only_files_in_the_folder_of_drafts_are_finalized() {
    let ann = project(&World::new());
    for named in ["aitasks/t1_first.md", "t1_first.md", "../README.md", "aitasks/new/../t1_first.md", ""] {
        let run = script(&ann, "aitask_create.sh", &["--batch", "--finalize", named]).fails(1);
        run.assert().stderr(contains(format!("Draft file not found: {named}")));
    }
    assert_eq!(ann.read("aitasks/t1_first.md"), PLAIN);
}

#[test]
fn a_draft_stays_until_its_commit_is_made() {
    let world = World::new();
    let ann = project(&world);
    create(&ann, &["--name", "x"]).ok();
    world.script(&ann.path(".git/hooks/pre-commit"), "#!/bin/sh\nexit 1\n");
    let run = script(&ann, "aitask_create.sh", &["--batch", "--finalize-all"]).fails(1);
    assert_eq!((run.stdout.as_str(), files(&ann, "aitasks/new").len()), ("", 1));
}

#[test]
fn a_draft_loses_its_two_lines_in_the_frontmatter_and_nothing_else() {
    let ann = project(&World::new());
    let head = PLAIN.replace("labels: []\n", "labels: []\nX-Own: 'kept'  \n# why\n").replace("\nDo it.\n", "");
    let body = "\ndraft: true\nparent: 1\r\nno newline at the end";
    let draft = head.replace("created_at", "draft: true\nparent: t1\ncreated_at") + body;
    ann.write("aitasks/new/draft_20260101_0900_it.md", &draft);
    script(&ann, "aitask_create.sh", &["--batch", "--finalize", "draft_20260101_0900_it.md"]).ok();
    assert_eq!(ann.read("aitasks/t1/t1_1_it.md"), head + body);
    assert_eq!(last_commit(&ann), "ait: Add child task t1_1: it\nA\taitasks/t1/t1_1_it.md\nM\taitasks/t1_first.md\n");
}

#[test]
fn gates_that_cannot_be_reached_are_dropped_on_the_way() {
    let ann = project(&World::new());
    let text = PLAIN.replace("issue_type: feature", "issue_type: manual_verification");
    let draft = text.replace("labels: []\n", "labels: []\ngates: [risk, lint]\ndraft: true\n");
    ann.write("aitasks/new/draft_20260101_0900_it.md", &draft);
    let run = script(&ann, "aitask_create.sh", &["--batch", "--finalize-all"]).ok();
    let said = "manual_verification: dropped unreachable gate(s) from finalized draft: risk\nFinalized: aitasks/t2_it.md (ID: t2)\n";
    assert!(run.stdout.starts_with(said), "{run}");
    assert!(ann.read("aitasks/t2_it.md").contains("gates: [lint]\n"));
}

#[test]
fn a_draft_takes_over_pending_tasks_about_its_files() {
    let ann = project(&World::new());
    let old = ["--commit", "--silent", "--name", "old", "--file-ref", "a.rs"];
    create(&ann, &old).ok();
    let draft = |name: &str| create(&ann, &["--silent", "--name", name, "--file-ref", "a.rs:4"]).ok().stdout;
    let finalize = |args: &[&str]| script(&ann, "aitask_create.sh", &[&["--batch", "--silent"], args].concat()).ok();
    let run = finalize(&["--finalize", draft("one").trim_end()]);
    run.assert().stderr(contains("Found 1 pending task(s) that already reference this file:"));
    let run = finalize(&["--finalize", draft("two").trim_end(), "--auto-merge"]);
    let said = "Auto-merging 2 task(s) into t4...\nFolded t2, t3 into t4\naitasks/t4_two.md\n";
    assert!(run.stdout.ends_with(said), "{run}");
    let commit = "ait: Add task t4: two\nM\taitasks/t2_old.md\nM\taitasks/t3_one.md\nA\taitasks/t4_two.md\n";
    assert_eq!(last_commit(&ann), commit);
    draft("three");
    finalize(&["--finalize-all", "--auto-merge"]);
    assert!(ann.read("aitasks/t5_three.md").contains("folded_tasks: [4, 2, 3]\n"));
}

#[test]
fn a_fold_that_was_cut_off_before_its_commit_is_completed() {
    let world = World::new();
    let ann = project(&world);
    create(&ann, &["--commit", "--silent", "--name", "old", "--file-ref", "a.rs"]).ok();
    create(&ann, &["--silent", "--name", "new", "--file-ref", "a.rs"]).ok();
    let finalize = || script(&ann, "aitask_create.sh", &["--batch", "--finalize-all", "--auto-merge"]);
    world.script(&ann.path(".git/hooks/pre-commit"), "#!/bin/sh\nexit 1\n");
    finalize().fails(1);
    let cut_off = ann.read("aitasks/t3_new.md");
    std::fs::remove_file(ann.path(".git/hooks/pre-commit")).unwrap();
    finalize().ok();
    assert_eq!(ann.read("aitasks/t3_new.md"), cut_off);
    assert_eq!(last_commit(&ann), "ait: Add task t3: new\nM\taitasks/t2_old.md\nA\taitasks/t3_new.md\n");
}

#[test]
fn outside_of_a_repository_a_draft_can_be_made() {
    let world = World::new();
    let ann = project(&world);
    std::fs::create_dir_all(world.root().join("bare")).unwrap();
    let there = ann.at(world.root().join("bare"));
    create(&there, &["--silent", "--name", "x"]).ok();
    create(&there, &["--commit", "--name", "x"]).fails(1).assert().stderr(contains("not inside a git repository"));
}

#[test]
fn a_draft_that_is_a_link_publishes_nothing_from_elsewhere() {
    let world = World::new();
    let ann = project(&world);
    let key = world.root().join("key");
    std::fs::write(&key, "SECRET").unwrap();
    std::fs::create_dir_all(ann.path("aitasks/new")).unwrap();
    std::os::unix::fs::symlink(&key, ann.path("aitasks/new/draft_20260101_0000_x.md")).unwrap();
    for args in [&["--finalize", "draft_20260101_0000_x.md"][..], &["--finalize-all"]] {
        let run = script(&ann, "aitask_create.sh", &[&["--batch"], args].concat()).fails(1);
        run.assert().stderr(contains("is a symbolic link"));
    }
    assert_eq!(ann.git(&["log", "-1", "--format=%s"]), "tasks\n");
    ann.git(&["push", "-q", "origin", "main"]);
    ann.aitask(&["new", "--publish", "draft_20260101_0000_x.md"]).fails(1);
}

#[test]
fn a_draft_whose_filing_was_cut_off_after_the_commit_becomes_one_task() {
    let world = World::new();
    let ann = project(&world);
    create(&ann, &["--name", "x"]).ok();
    let finalize = ["compat", "aitask_create.sh", "--batch", "--finalize-all"];
    let filed = |ann: &Repo| files(ann, "aitasks").iter().filter(|name| name.ends_with("_x.md")).count();
    let draft = files(&ann, "aitasks/new").remove(0);
    let text = ann.read(&format!("aitasks/new/{draft}"));
    world.script(&ann.path(".git/hooks/post-commit"), "#!/bin/sh\nexec kill -9 $(cat ../pid 2>/dev/null || cat pid)\n");
    let run = ann.run(
        "sh",
        &[
            "-c",
            "echo $$ >../pid; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_git-aitask"),
            finalize[0],
            finalize[1],
            finalize[2],
            finalize[3],
        ],
    );
    std::fs::remove_file(ann.path(".git/hooks/post-commit")).unwrap();
    assert!(run.signal == Some(9) && filed(&ann) == 1 && ann.read(&format!("aitasks/new/{draft}")) == text, "{run}");
    let run = ann.aitask(&finalize).ok();
    assert_eq!((filed(&ann), files(&ann, "aitasks/new").len()), (1, 0), "{run}");
    create(&ann, &["--name", "x"]).ok();
    ann.aitask(&finalize).ok();
    assert_eq!(filed(&ann), 2);
}
