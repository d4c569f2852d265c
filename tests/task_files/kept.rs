//! What creating and changing a task promises its callers beside its fields: the last line, modes, and the files of others.

use super::{PLAIN, both, create, data, files, last_commit, project, script, update};
use crate::support::{Repo, Run, World};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

/// Runs a script by a shell command, in which `"$@"` is the call.
fn by_shell(repo: &Repo, command: &str, name: &str, args: &[&str]) -> Run {
    repo.run(
        "sh",
        &[&["-c", command, "sh", env!("CARGO_BIN_EXE_git-aitask"), "compat", name, "--batch"], args].concat(),
    )
}

#[test]
fn the_last_line_of_both_streams_together_is_the_path() {
    for (_world, ann) in both() {
        let last = |name: &str, args: &[&str]| {
            let run = by_shell(&ann, "\"$@\" 2>&1", name, args).ok();
            run.stdout.lines().last().unwrap().to_owned()
        };
        let make =
            |args: &[&str]| last("aitask_create.sh", &[&["--desc", "d", "--labels", "fresh,!!!"], args].concat());
        let about = ["--commit", "--file-ref", "src/a.rs"];
        assert_eq!(make(&[&about[..], &["--name", "a"]].concat()), "Created: aitasks/t2_a.md");
        assert_eq!(make(&[&about[..], &["--name", "b", "--silent"]].concat()), "aitasks/t3_b.md");
        assert_eq!(make(&["--commit", "--parent", "1", "--name", "c"]), "Created: aitasks/t1/t1_1_c.md");
        let gates = ["--type", "manual_verification", "--gates", "risk", "--silent", "--name", "d"];
        let draft = make(&gates);
        assert!(draft.starts_with("aitasks/new/draft_") && draft.ends_with("_d.md"), "{draft}");
        ann.write("aitasks/new/draft_20260101_0900_e.md", &PLAIN.replace("[]\ncreated", "[other]\nparent: 1\ncreated"));
        let drafts = files(&ann, "aitasks/new");
        assert_eq!(last("aitask_create.sh", &["--silent", "--finalize", &drafts[0]]), "aitasks/t1/t1_2_e.md");
        let done = ["1_1", "--status", "Done", "--commit", "--add-label", "more,!!!"];
        assert_eq!(last("aitask_update.sh", &done), "Updated: aitasks/t1/t1_1_c.md");
        let done = ["1_2", "--status", "Done", "--commit", "--add-label", "!!!", "--silent"];
        assert_eq!(last("aitask_update.sh", &done), "aitasks/t1/t1_2_e.md");
    }
}

#[test]
fn a_file_has_the_mode_of_its_user_and_nothing_is_left_beside_it() {
    for (_world, ann) in both() {
        let mode = |path: &str| std::fs::metadata(ann.path(path)).unwrap().permissions().mode() & 0o777;
        for (n, (mask, wanted)) in [("022", 0o644), ("077", 0o600)].into_iter().enumerate() {
            let (command, name) = (format!("umask {mask}; TMPDIR=/nonexistent exec \"$@\""), format!("made {n}"));
            let run =
                by_shell(&ann, &command, "aitask_create.sh", &["--commit", "--silent", "--desc", "d", "--name", &name]);
            assert_eq!(mode(run.ok().stdout.trim_end()), wanted);
            let run = by_shell(&ann, &command, "aitask_create.sh", &["--silent", "--desc", "d", "--name", &name]).ok();
            assert_eq!(mode(run.stdout.trim_end()), wanted);
        }
        std::fs::set_permissions(ann.path("aitasks/t2_made_0.md"), Permissions::from_mode(0o640)).unwrap();
        by_shell(&ann, "umask 000; TMPDIR=/nonexistent exec \"$@\"", "aitask_update.sh", &["2", "--priority", "low"])
            .ok();
        assert_eq!(mode("aitasks/t2_made_0.md"), 0o640);
        assert_eq!(files(&ann, "aitasks"), ["metadata", "new", "t1_first.md", "t2_made_0.md", "t3_made_1.md"]);
        assert_eq!(files(&ann, "aitasks/metadata"), ["labels.txt", "task_types.txt"]);
    }
}

#[test]
fn a_vocabulary_that_somebody_else_changed_goes_into_no_commit_that_adds_no_label() {
    for (_world, ann) in both() {
        ann.write("aitasks/metadata/labels.txt", "theirs\nui\n");
        create(&ann, &["--commit", "--name", "x", "--labels", "ui"]).ok();
        assert_eq!(last_commit(&data(&ann)), "ait: Add task t2: x\nA\taitasks/t2_x.md\n");
        update(&ann, &["1", "--commit", "--add-label", "ui"]).ok();
        assert_eq!(last_commit(&data(&ann)), "ait: Update task t1: first\nM\taitasks/t1_first.md\n");
        create(&ann, &["--name", "later", "--labels", "ui", "--parent", "1"]).ok();
        script(&ann, "aitask_create.sh", &["--batch", "--finalize-all"]).ok();
        let child = "ait: Add child task t1_1: later\nA\taitasks/t1/t1_1_later.md\nM\taitasks/t1_first.md\n";
        assert_eq!(last_commit(&data(&ann)), child);
        assert_eq!(data(&ann).git(&["status", "--porcelain"]), " M aitasks/metadata/labels.txt\n");
    }
}

#[test]
fn a_parent_takes_from_a_child_its_id_and_nothing_else() {
    let ann = project(&World::new());
    update(&ann, &["1", "--status", "Done", "--commit"]).ok();
    let more = ["--assigned-to", "dev@example.com", "--verifies", "3", "--pull-request", "p", "--contributor", "c"];
    create(&ann, &[&["--commit", "--name", "kid", "--parent", "1", "--contributor-email", "e"], &more[..]].concat())
        .ok();
    let commit = "ait: Add child task t1_1: kid\nA\taitasks/metadata/emails.txt\nA\taitasks/t1/t1_1_kid.md\nM\taitasks/t1_first.md\n";
    assert_eq!(last_commit(&ann), commit);
    assert!(ann.read("aitasks/t1/t1_1_kid.md").contains("\nassigned_to: dev@example.com\n"));
    let parent = || ann.read("aitasks/t1_first.md").replace(&now(&ann), "NOW");
    let done = PLAIN.replace("Ready", "Done").replace("updated_at: 2026-01-01 00:00", "updated_at: NOW");
    let listed = done.replace("created_at", "children_to_implement: [t1_1]\ncreated_at");
    assert_eq!(parent(), listed);
    update(&ann, &["1", "--priority", "low"]).fails(1);
    update(&ann, &["1_1", "--status", "Done", "--commit"]).ok();
    assert_eq!(parent(), done);
    update(&ann, &["1_1", "--status", "Ready"]).ok();
    assert_eq!(parent(), done);
}

/// The time in the newest update of the task 1.
fn now(ann: &Repo) -> String {
    let text = ann.read("aitasks/t1_first.md");
    text.lines().find_map(|line| line.strip_prefix("updated_at: ")).unwrap().to_owned()
}

#[test]
fn a_draft_whose_parent_is_gone_stays_a_draft() {
    for (_world, ann) in both() {
        create(&ann, &["--name", "kid", "--parent", "1"]).ok();
        std::fs::create_dir_all(ann.path("aitasks/archived")).unwrap();
        std::fs::rename(ann.path("aitasks/t1_first.md"), ann.path("aitasks/archived/t1_first.md")).unwrap();
        let head = data(&ann).git(&["rev-parse", "HEAD"]);
        let run = script(&ann, "aitask_create.sh", &["--batch", "--finalize-all"]).fails(1);
        assert!(run.stdout.is_empty() && run.stderr.contains("Parent task t1 not found"), "{run}");
        assert_eq!((files(&ann, "aitasks/new").len(), ann.path("aitasks/t1").exists()), (1, false));
        assert_eq!(data(&ann).git(&["rev-parse", "HEAD"]), head);
    }
}

#[test]
fn a_text_is_given_by_either_name_and_is_never_taken_away() {
    let ann = project(&World::new());
    let body = || ann.read("aitasks/t1_first.md").split_once("---\n\n").unwrap().1.to_owned();
    for (option, text) in [("--desc", "one"), ("--description", "two"), ("-d", "three")] {
        update(&ann, &["1", option, text]).ok();
        assert_eq!(body(), format!("{text}\n"));
        update(&ann, &["1", option, ""]).fails(1);
    }
    ann.write("empty.txt", "\n\n");
    update(&ann, &["1", "-d", "not this", "--desc-file", "empty.txt"]).ok();
    assert_eq!(body(), "three\n");
    let run = script(&ann, "aitask_create.sh", &["--batch", "--silent", "--name", "x", "--description", "four"]).ok();
    assert!(ann.read(run.stdout.trim_end()).ends_with("---\n\nfour\n"));
}

#[test]
fn items_are_trimmed_and_one_added_label_is_one_label() {
    let ann = project(&World::new());
    update(&ann, &["1", "--deps", " 3,  4_1 , t5, , 6", "--labels", " A B , ,ui"]).ok();
    let text = ann.read("aitasks/t1_first.md");
    assert!(text.contains("\ndepends: [3, t4_1, t5, 6]\n") && text.contains("\nlabels: [a_b, ui]\n"), "{text}");
    let run = update(
        &ann,
        &["1", "--add-label", "X, y", "--add-label", "ui", "--remove-label", "A B", "--remove-label", "a_b"],
    );
    assert!(run.ok().stderr.ends_with("Added to label vocabulary: x_y\n"));
    assert!(ann.read("aitasks/t1_first.md").contains("\nlabels: [ui, x_y]\n"));
}
