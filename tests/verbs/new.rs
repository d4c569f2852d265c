//! `git aitask new`.

use super::init::{everything, keys, local, on_data_branch};
use super::task_object::FREE;
use crate::support::{Repo, World};
use predicates::prelude::*;
use predicates::str::contains;

/// A field of a task file as the remote has it.
fn field(ann: &Repo, path: &str, key: &str) -> String {
    let file = ann.world().remote_file("main", path).unwrap_or_else(|| panic!("no {path}"));
    let line = file.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
    line.unwrap_or_default().to_owned()
}

/// Runs `git aitask ARGS` with `text` on standard input.
fn piped(ann: &Repo, text: &str, args: &str) -> crate::support::Run {
    let script = format!("printf '%s' '{text}' | '{}' {args}", env!("CARGO_BIN_EXE_git-aitask"));
    ann.run("sh", &["-c", &script])
}

#[test]
fn the_task_is_numbered_and_published_in_one_commit_each() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let json = ann.aitask(&["new", "Add login!", "-m", "With e-mail.", "--json"]).ok().json();
    assert_eq!((keys(&json), keys(&json["task"])), ("schema task".into(), FREE.into()));
    assert_eq!(json["task"]["id"], "1");
    assert_eq!(json["task"]["path"], "aitasks/t1_add_login.md");
    let file = world.remote_file("main", "aitasks/t1_add_login.md").unwrap();
    assert!(file.ends_with("---\n\n# Add login!\n\nWith e-mail.\n"), "{file}");
    assert_eq!(ann.read("aitasks/t1_add_login.md"), file);
    assert_eq!(
        world.git(&["--git-dir=origin.git", "log", "-1", "--format=%s", "main"]),
        "ait: Add task t1: add login\n"
    );
}

#[test]
fn people_see_id_title_file_and_what_is_next() {
    let ann = World::new().initialised("ann");
    let run = ann.aitask(&["new", "Add login"]).ok();
    assert_eq!(run.stdout, "1  Add login\n  aitasks/t1_add_login.md\nnext: git aitask pick 1\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn ids_are_unique_across_clones() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    assert_eq!([ann.task("A", &[]), bob.task("B", &[]), ann.task("C", &[])], ["1", "2", "3"]);
}

#[test]
fn every_field_is_written() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("First", &[]);
    ann.task("X", &[("priority", "high"), ("effort", "low"), ("type", "bug"), ("depends", "t1"), ("label", "UI Kit")]);
    let path = "aitasks/t2_x.md";
    let found = ["priority", "effort", "issue_type", "depends", "labels", "status"].map(|key| field(&ann, path, key));
    assert_eq!(found, ["high", "low", "bug", "[1]", "[ui_kit]", "Ready"]);
}

#[test]
fn labels_join_the_vocabulary_once() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.aitask(&["new", "A", "--label", "ui", "--label", "api"]).ok();
    ann.aitask(&["new", "B", "--label", "ui"]).ok();
    assert_eq!(world.remote_file("main", "aitasks/metadata/labels.txt").as_deref(), Some("api\nui\n"));
    ann.aitask(&["new", "C", "--label", "!!!"]).fails(2).assert().stderr(contains("no label can be made of"));
}

#[test]
fn what_is_no_word_of_the_project_is_a_usage_error() {
    let world = World::new();
    let ann = world.initialised("ann");
    let before = everything(&ann);
    let run = ann.aitask(&["new", "X", "--type", "nonsense"]).fails(2);
    run.assert().stderr(contains("\"nonsense\" is not an issue type").and(contains("bug, chore")));
    for bad in [["--priority", "urgent"], ["--effort", "High"], ["--depends", "x"], ["--parent", "../1"]] {
        ann.aitask(&["new", "X", bad[0], bad[1]]).fails(2);
    }
    for title in ["", "  ", "a\nb", "a\u{1b}[31m"] {
        ann.aitask(&["new", title]).fails(2);
    }
    ann.aitask(&["new"]).fails(2);
    assert_eq!(everything(&ann), before);
}

#[test]
fn text_from_a_file_or_standard_input() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("src/text.md", "from a file\n");
    ann.at("src").aitask(&["new", "A", "-F", "text.md"]).ok();
    assert!(world.remote_file("main", "aitasks/t1_a.md").unwrap().ends_with("# A\n\nfrom a file\n"));
    piped(&ann, "from a pipe\n\nmore", "new B -F -").ok();
    assert!(world.remote_file("main", "aitasks/t2_b.md").unwrap().ends_with("# B\n\nfrom a pipe\n\nmore\n"));
    ann.aitask(&["new", "C", "-F", "absent"]).fails(128);
    ann.aitask(&["new", "C", "-F", "x", "-m", "y"]).fails(2);
}

#[test]
fn a_file_is_looked_for_in_the_folder_of_c() {
    let ann = World::new().initialised("ann");
    ann.write("src/text.md", "from a file\n");
    ann.aitask(&["-C", "src", "new", "A", "-F", "text.md"]).ok();
}

#[test]
fn children_are_numbered_below_their_parent_and_wait_for_their_elder() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let parent = ann.task("Parent", &[]);
    let ids = ["One", "Two"].map(|title| ann.task(title, &[("parent", &parent)]));
    assert_eq!(ids, ["1_1", "1_2"]);
    assert_eq!(field(&ann, "aitasks/t1_parent.md", "children_to_implement"), "[t1_1, t1_2]");
    assert_eq!(field(&ann, "aitasks/t1/t1_1_one.md", "depends"), "[]");
    assert_eq!(field(&ann, "aitasks/t1/t1_2_two.md", "depends"), "[t1_1]");
    assert_eq!(field(&ann, "aitasks/t1/t1_2_two.md", "anchor"), "1");
    assert_eq!(ann.task("Other", &[]), "2");
}

#[test]
fn no_child_waits_silently_for_the_child_before_it() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let parent = ann.task("Parent", &[]);
    let new = |args: &[&str]| ann.aitask(&[&["new", "-m", "", "--parent", &parent], args].concat()).ok();
    assert!(!new(&["One"]).stdout.contains("waits for"));
    let run = new(&["Two"]);
    let note = "note: it waits for 1_1, the child before it; --no-sibling-dep makes one that does not";
    run.assert().stdout(contains(note).and(contains("next: git aitask pick --next")));
    let json = new(&["Three", "--json"]).json();
    assert_eq!(json["waits_for_sibling"], "1_2");
    assert!(json["notes"][0].as_str().unwrap().contains("waits for 1_2"), "{json}");
    // Who names it, or does not want it, hears nothing.
    let named = new(&["Four", "--depends", "1_3", "--json"]).json();
    let free = new(&["Five", "--no-sibling-dep", "--json"]).json();
    assert!([named, free].iter().all(|json| json.get("waits_for_sibling").is_none() && json.get("notes").is_none()));
    assert_eq!(field(&ann, "aitasks/t1/t1_4_four.md", "depends"), "[t1_3]");
    assert_eq!(field(&ann, "aitasks/t1/t1_5_five.md", "depends"), "[]");
    ann.aitask(&["archive", "1_5"]).ok();
    assert!(new(&["Six", "--json"]).json().get("waits_for_sibling").is_none());
}

#[test]
fn a_published_draft_depends_on_no_unknown_task() {
    let ann = World::new().initialised("ann");
    ann.aitask(&["new", "--draft", "Idea", "-m", "", "--depends", "9"]).ok();
    let draft = std::fs::read_dir(ann.path("aitasks/new")).unwrap().next().unwrap().unwrap().file_name();
    let run = ann.aitask(&["new", "--publish", draft.to_str().unwrap()]).fails(1);
    run.assert().stderr(contains("there is no task t9 to depend on"));
    assert!(ann.path("aitasks/new").join(draft).exists());
}

#[test]
fn a_parent_must_be_an_active_task_and_no_child() {
    let ann = World::new().initialised("ann");
    ann.task("Parent", &[]);
    ann.task("Child", &[("parent", "1")]);
    ann.aitask(&["new", "X", "--parent", "1_1"]).fails(2);
    let run = ann.aitask(&["new", "X", "--parent", "9", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "no_such_task");
}

#[test]
fn a_draft_is_local_and_published_later() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let before = everything(&ann).split("--\n").take(2).map(str::to_owned).collect::<Vec<_>>();
    ann.git(&["config", "remote.origin.url", "/nowhere"]);
    let json = ann.aitask(&["new", "--draft", "An idea", "-m", "Text", "--label", "ui", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema draft");
    let draft = json["draft"].as_str().unwrap();
    assert!(ann.read(draft).contains("draft: true\n") && draft.starts_with("aitasks/new/draft_"));
    assert_eq!(everything(&ann).split("--\n").take(2).collect::<Vec<_>>(), before);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");

    ann.git(&["config", "remote.origin.url", world.origin().to_str().unwrap()]);
    let task = ann.aitask(&["new", "--publish", draft, "--json"]).ok().json()["task"].clone();
    assert_eq!((&task["id"], &task["title"]), (&"1".into(), &"An idea".into()));
    let file = world.remote_file("main", "aitasks/t1_an_idea.md").unwrap();
    assert!(file.ends_with("# An idea\n\nText\n") && !file.contains("draft"), "{file}");
    assert!(!ann.path(draft).exists());
    assert_eq!(world.remote_file("main", "aitasks/metadata/labels.txt").as_deref(), Some("ui\n"));
}

#[test]
fn two_drafts_of_one_title_are_two_files() {
    let ann = World::new().initialised("ann");
    let draft = || ann.aitask(&["new", "--draft", "Same", "--json"]).ok().json()["draft"].to_string();
    assert_ne!(draft(), draft());
    ann.aitask(&["new", "--publish", "draft_20260101_0101_absent.md"]).fails(1);
    ann.aitask(&["new", "--publish", "../../README.md"]).fails(1);
    assert_eq!(ann.read("README.md"), "a project\n");
}

#[test]
fn publishing_a_draft_that_fails_keeps_it() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let draft = ann.aitask(&["new", "--draft", "Idea", "--json"]).ok().json()["draft"].as_str().unwrap().to_owned();
    world.protect("main");
    ann.aitask(&["new", "--publish", &draft]).fails(1);
    ann.aitask(&["new", "--publish", &draft, "--dry-run"]).ok();
    assert!(ann.path(&draft).is_file());
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref().map(str::trim), Some("1"));
}

#[test]
fn a_published_draft_of_a_child_has_its_anchor() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("Parent", &[]);
    ann.task("One", &[("parent", "1")]);
    let json = ann.aitask(&["new", "--draft", "Two", "--parent", "1", "--json"]).ok().json();
    ann.aitask(&["new", "--publish", json["draft"].as_str().unwrap()]).ok();
    assert_eq!(field(&ann, "aitasks/t1_parent.md", "children_to_implement"), "[t1_1, t1_2]");
    assert_eq!(field(&ann, "aitasks/t1/t1_2_two.md", "depends"), "[]");
    assert_eq!(field(&ann, "aitasks/t1/t1_2_two.md", "anchor"), "1");
}

#[test]
fn a_draft_with_an_unknown_issue_type_is_not_published() {
    let ann = World::new().initialised("ann");
    let run = ann.aitask(&["new", "--draft", "X", "--type", "nonsense", "--json"]);
    if run.code == 0 {
        ann.aitask(&["new", "--publish", run.json()["draft"].as_str().unwrap()]).fails(2);
    }
}

#[test]
fn dry_run_changes_nothing() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("Parent", &[]);
    let before = everything(&ann);
    let run = ann.aitask(&["new", "X", "--label", "ui", "--dry-run"]).ok();
    run.assert().stdout(contains("refs/heads/aitask-ids").and(contains("refs/heads/main")).and(contains("git push ")));
    ann.aitask(&["new", "X", "--parent", "1", "--dry-run", "--json"]).ok();
    let draft = ann.aitask(&["new", "X", "--draft", "--dry-run", "--json"]).ok().json();
    assert_eq!(draft["dry_run"]["refs"], serde_json::json!([]));
    assert_eq!(everything(&ann), before);
    assert_eq!(ann.task("Next", &[]), "2");
}

#[test]
fn without_a_remote() {
    let ann = local();
    ann.write("README.md", "half done\n");
    assert_eq!([ann.task("A", &[]), ann.task("B", &[("parent", "1")])], ["1", "1_1"]);
    assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\n");
    assert!(ann.path("aitasks/t1/t1_1_b.md").is_file());
    let before = everything(&ann);
    let json = ann.aitask(&["new", "C", "--dry-run", "--json"]).ok().json();
    assert_eq!(json["dry_run"]["commands"], serde_json::json!(["git update-ref --stdin"]));
    assert_eq!(everything(&ann), before);
}

#[test]
fn on_a_data_branch() {
    let world = World::new();
    let (ann, bob) = (on_data_branch(&world, "ann"), on_data_branch(&world, "bob"));
    let main = world.remote_branch("main");
    assert_eq!([ann.task("A", &[]), bob.task("B", &[])], ["1", "2"]);
    assert!(bob.path("aitasks/t1_a.md").is_file() && bob.path(".aitask-data/aitasks/t2_b.md").is_file());
    assert_eq!((world.remote_branch("main"), bob.git(&["status", "--porcelain"])), (main, String::new()));
    let draft = ann.aitask(&["new", "--draft", "Idea", "--json"]).ok().json()["draft"].as_str().unwrap().to_owned();
    ann.aitask(&["new", "--publish", &draft]).ok();
    assert!(world.remote_file("aitask-data", "aitasks/t3_idea.md").is_some());
}

#[test]
fn a_branch_that_is_not_published_does_not_get_the_task() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.git(&["switch", "-q", "-c", "feature"]);
    ann.aitask(&["new", "X"]).ok();
    assert_eq!(world.remote_branch("feature"), None);
    assert!(world.remote_file("main", "aitasks/t1_x.md").is_some() && !ann.path("aitasks/t1_x.md").exists());
}

#[test]
fn from_a_worktree_the_task_lands_in_the_task_data() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("A", &[]);
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.at("aiwork/t1_a").task("Found on the way", &[]), "2");
    assert!(ann.path("aitasks/t2_found_on_the_way.md").is_file());
    assert_eq!(ann.at("aiwork/t1_a").git(&["status", "--porcelain"]), "");
}

#[test]
fn an_empty_record_of_a_creation_is_removed() {
    let world = World::new();
    let ann = world.initialised("ann");
    let record = ann.path(".git/aitask/making/00112233445566778899aabbccddeeff");
    ann.write(".git/aitask/making/00112233445566778899aabbccddeeff", "");
    let file = std::fs::File::options().write(true).open(&record).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7200)).unwrap();
    ann.aitask(&["new", "One"]).ok();
    assert!(!record.exists());
}
