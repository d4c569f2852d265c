//! Task files that hands and other tools have changed: what is not understood is not ready, is said, and is kept.

use crate::support::{Repo, World, share};
use predicates::str::contains;

const HEADER: &str = "priority: high\neffort: low\ndepends: []\nissue_type: bug\nstatus: Done\nlabels: [ui]\n";

/// A clone with these files in `aitasks/`, published.
fn with(files: &[(&str, &str)]) -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for (name, text) in files {
        ann.write(&format!("aitasks/{name}"), text);
    }
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    (world, ann)
}

fn names(repo: &Repo, args: &[&str]) -> Vec<String> {
    let tasks = repo.aitask(&[&["list", "--json"], args].concat()).ok().json()["tasks"].clone();
    tasks.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_header_that_hands_touched_is_read() {
    let shapes = [
        format!("--- \n{HEADER}---\n\nBody\n"),
        format!("---\n{HEADER}--- \n\nBody\n"),
        format!("\n---\n{HEADER}---\n\nBody\n"),
        format!("<!-- note -->\n---\n{HEADER}---\n\nBody\n"),
        format!("A note\n---\n{HEADER}---\n\nBody\n"),
        format!("---\n{HEADER}...\n\nBody\n"),
        format!("\u{feff}---\n{HEADER}---\n\nBody\n"),
        format!("---\n{HEADER}---\n\nBody\n").replace('\n', "\r\n"),
    ];
    for (place, text) in share(shapes.into_iter().enumerate().collect::<Vec<_>>()) {
        let (_world, ann) = with(&[("t1_one.md", &text)]);
        assert_eq!(names(&ann, &["--ready"]), Vec::<String>::new(), "shape {place}");
        assert_eq!(ann.aitask(&["show", "1", "--json"]).ok().json()["task"]["status"], "Done", "shape {place}");
        ann.aitask(&["edit", "1", "--priority", "low"]).ok();
        let (before, after) = (text.lines(), ann.read("aitasks/t1_one.md"));
        let changed = |line: &str| line.starts_with("priority:") || line.starts_with("updated_at:");
        let kept: Vec<_> = after.lines().filter(|line| !changed(line)).collect();
        assert_eq!(kept, before.filter(|line| !changed(line)).collect::<Vec<_>>(), "shape {place}");
    }
}

#[test]
fn a_task_file_that_cannot_be_read_is_given_to_nobody_said_and_kept() {
    let shapes = [
        ("no end", format!("---\n{}", HEADER.replace("Done", "Ready"))),
        ("no start", format!("{}---\n\nBody\n", HEADER.replace("Done", "Ready"))),
        ("markers", "---\n<<<<<<< a\nstatus: Ready\n=======\nstatus: Done\n>>>>>>> b\n---\n".to_owned()),
    ];
    for (name, text) in share(shapes) {
        let (world, ann) = with(&[("t1_one.md", &text)]);
        assert_eq!(names(&ann, &["--ready"]), Vec::<String>::new(), "{name}");
        for verb in ["list", "status"] {
            let run = ann.aitask(&[verb]).ok();
            assert!(format!("{}{}", run.stdout, run.stderr).contains("aitasks/t1_one.md: "), "{run}");
        }
        let run = ann.aitask(&["pick", "1", "--json"]).fails(1);
        assert_eq!(run.error()["error"]["kind"], "not_claimable", "{run}");
        ann.aitask(&["pick", "--next"]).fails(1);
        ann.aitask(&["edit", "1", "--priority", "low"]).fails(1);
        ann.script("aitask_update.sh", &["--batch", "1", "--priority", "low"]).fails(1);
        assert_eq!(ann.read("aitasks/t1_one.md"), text, "{name}");
        assert_eq!(world.remote_file("main", "aitasks/t1_one.md").as_deref(), Some(text.as_str()), "{name}");
        assert_eq!(world.locks(), Vec::<String>::new());
    }
}

#[test]
fn an_unknown_status_is_given_to_nobody_until_it_is_set() {
    let (_world, ann) = with(&[("t1_one.md", "---\nstatus: Waiting\npriority: urgent\n---\n\nBody\n")]);
    let run = ann.aitask(&["pick", "1"]).fails(1);
    assert!(run.stderr.contains("\"Waiting\"") && run.stderr.contains("git aitask edit 1 --status Ready"), "{run}");
    ann.aitask(&["edit", "1", "--status", "Ready"]).ok();
    let run = ann.aitask(&["list"]).ok();
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(said.matches("priority urgent is not known, and counts as medium").count(), 1, "{run}");
    ann.aitask(&["pick", "1"]).ok();
}

#[test]
fn files_that_look_like_tasks_and_have_a_wrong_name_are_said() {
    let text = "---\nstatus: Ready\n---\n\nBody\n";
    let wrong = [
        "t_refresh.md",
        "T7_upper.md",
        "t10_with blank.md",
        "t11-dash.md",
        "t9.md",
        "t1_2_child.md",
        "t2_foo.lock.md",
        "t3_foo..md",
    ];
    let files: Vec<_> = ["t1_one.md", "README.md", "notes.md"].iter().chain(&wrong).map(|name| (*name, text)).collect();
    let (_world, ann) = with(&files);
    assert_eq!(names(&ann, &[]), ["t1_one"]);
    for verb in ["list", "status"] {
        let run = ann.aitask(&[verb]).ok();
        let said = format!("{}{}", run.stdout, run.stderr);
        for name in wrong {
            assert!(said.contains(&format!("aitasks/{name} is no task by its name")), "{name}\n{run}");
        }
        assert!(!said.contains("README") && !said.contains("notes"), "{run}");
    }
    let misnamed = ann.aitask(&["status", "--json"]).ok().json()["misnamed"].as_array().unwrap().len();
    assert_eq!(misnamed, wrong.len());
    // A name that makes no branch is said as such, and refused as no task.
    ann.aitask(&["check"])
        .fails(1)
        .assert()
        .stdout(contains("t3_foo..md:1: it is no task by its name, since git takes"));
    let found = ann.aitask(&["doctor", "--json"]).fails(1).json()["findings"].clone();
    let about = |it: &&serde_json::Value| it["what"].as_str().unwrap().starts_with("aitasks/t3_foo");
    ann.follow(&found.as_array().unwrap().iter().find(about).unwrap()["cures"][0]);
    assert!(ann.path("aitasks/t3_foo_.md").exists(), "{found}");
    for verb in [&["pick", "2"][..], &["pick", "2", "--no-worktree"], &["lock", "2"], &["drop", "2"], &["finish", "2"]]
    {
        let run = ann.aitask(verb).fails(1);
        assert!(
            run.stderr.contains("there is no task t2: aitasks/t2_foo.lock.md is no task by its name, since"),
            "{run}"
        );
    }
}

#[test]
fn a_name_that_begins_with_digits_is_a_task_where_no_other_has_its_number() {
    let (_world, ann) = with(&[("t16_2024_report.md", "---\nstatus: Ready\n---\n\nBody\n")]);
    assert_eq!(names(&ann, &[]), ["t16_2024_report"]);
    ann.aitask(&["pick", "16"]).ok();
}

#[test]
fn the_list_of_archived_tasks_has_those_in_bundles() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["archive", "1", "2", "3"]).ok();
    ann.script("aitask_zip_old.sh", &[]).ok();
    assert!(!ann.path("aitasks/archived/t1_one.md").exists());
    let mut listed = names(&ann, &["--archived"]);
    listed.sort_unstable();
    assert_eq!(listed, ["t1_one", "t2_two", "t3_three"]);
}

#[test]
fn a_file_that_one_side_saved_with_windows_line_ends_is_merged() {
    for change in ["s/$/\\r/", "1s/^/\\xef\\xbb\\xbf/"] {
        let world = World::new();
        let ann = world.initialised("ann");
        ann.aitask(&["new", "One", "-m", "first\n\nsecond\n\nthird\n\nfourth"]).ok();
        let bob = world.clone("bob");
        bob.aitask(&["edit", "1", "--label", "x"]).ok();
        ann.aitask(&["sync"]).ok();
        let edit = |repo: &Repo, script: &str| drop(repo.run("sed", &["-i", script, "aitasks/t1_one.md"]).ok());
        edit(&bob, "s/^priority:.*/priority: high/; s/^first/FIRST/");
        bob.aitask(&["sync"]).ok();
        edit(&ann, "s/^effort:.*/effort: low/; s/^fourth/FOURTH/");
        edit(&ann, change);
        ann.aitask(&["sync"]).ok();
        let text = ann.read("aitasks/t1_one.md");
        for part in ["priority: high", "effort: low", "FIRST", "FOURTH"] {
            assert!(text.contains(part), "{part} is lost after {change}\n{text}");
        }
    }
}
