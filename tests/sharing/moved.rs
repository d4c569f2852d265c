//! Files that moved on one side and changed on the other: told apart by the id in their name, never by how alike they
//! look.

use super::{sync, task, two, whole};
use crate::support::{Repo, World};
use std::fs::{create_dir_all, remove_file, rename};

fn archive(repo: &Repo, name: &str) {
    create_dir_all(repo.path("aitasks/archived")).unwrap();
    rename(repo.path(format!("aitasks/{name}")), repo.path(format!("aitasks/archived/{name}"))).unwrap();
}

#[test]
fn an_edit_of_a_task_that_went_does_not_land_in_a_new_one_that_looks_alike() {
    let (world, ann, bob) = two();
    remove_file(ann.path("aitasks/t1_sample.md")).unwrap();
    ann.write("aitasks/t3_other.md", &task("", "Body\n"));
    bob.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "CONFLICT:aitasks/t1_sample.md".into()));
    assert_eq!(world.remote_file("aitask-data", "aitasks/t3_other.md"), Some(task("", "Body\n")));
    assert_eq!(bob.read("aitasks/t1_sample.md"), task("hers: 1\n", "Body\n"));
    whole(&bob);
}

#[test]
fn nor_when_a_verb_brings_the_checkout_forward() {
    let (_world, ann, bob) = two();
    ann.task("Two", &[]);
    remove_file(ann.path("aitasks/t1_sample.md")).unwrap();
    ann.write("aitasks/t3_other.md", &task("", "Body\n"));
    ann.at(".aitask-data").commit("ait: mine");
    bob.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    assert_eq!(sync(&bob), "SYNCED");
    ann.aitask(&["edit", "2", "--effort", "low"]);
    assert_eq!(ann.read("aitasks/t3_other.md"), task("", "Body\n"));
}

#[test]
fn a_verb_carries_an_edit_there_to_where_the_task_was_archived_here() {
    let (world, ann, bob) = two();
    ann.task("Two", &[]);
    archive(&ann, "t1_sample.md");
    ann.at(".aitask-data").commit("ait: mine");
    bob.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    assert_eq!(sync(&bob), "SYNCED");
    ann.aitask(&["edit", "2", "--effort", "low"]).ok();
    assert_eq!(ann.read("aitasks/archived/t1_sample.md"), task("hers: 1\n", "Body\n"));
    let files = world.remote_files("aitask-data");
    assert!(!files.contains(&"aitasks/t1_sample.md".to_owned()), "{files:?}");
}

#[test]
fn a_task_rewritten_while_it_was_archived_is_still_the_same_task() {
    let (_world, ann, bob) = two();
    remove_file(ann.path("aitasks/t1_sample.md")).unwrap();
    ann.write("aitasks/archived/t1_sample.md", "---\nstatus: Done\n---\nNothing is left of it\n");
    bob.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "AUTOMERGED".into()));
    let text = bob.read("aitasks/archived/t1_sample.md");
    assert!(text.contains("hers: 1\n") && text.ends_with("Nothing is left of it\n"), "{text}");
    assert!(!bob.path("aitasks/t1_sample.md").exists());
    whole(&bob);
}

#[test]
fn archived_on_both_sides_is_merged_against_what_both_began_with() {
    let (_world, ann, bob) = two();
    for (repo, fields) in [(&ann, "boardgroup: a\n"), (&bob, "his: 1\n")] {
        archive(repo, "t1_sample.md");
        repo.write("aitasks/archived/t1_sample.md", &task(fields, "Body\n"));
    }
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "AUTOMERGED".into()));
    assert_eq!(bob.read("aitasks/archived/t1_sample.md"), task("his: 1\nboardgroup: a\n", "Body\n"));
}

#[test]
fn archived_there_and_renamed_here_is_not_two_tasks() {
    let (_world, ann, bob) = two();
    archive(&ann, "t1_sample.md");
    ann.write("aitasks/archived/t1_sample.md", &task("hers: 1\n", "Body\n"));
    remove_file(bob.path("aitasks/t1_sample.md")).unwrap();
    bob.write("aitasks/t1_renamed.md", &task("his: 1\n", "Body\n"));
    assert_eq!(sync(&ann), "PUSHED");
    let line = sync(&bob);
    assert!(line.starts_with("CONFLICT:aitasks/"), "{line}");
    assert_eq!(bob.read("aitasks/t1_renamed.md"), task("his: 1\n", "Body\n"));
}

#[test]
fn a_new_child_does_not_follow_its_siblings_into_the_archive() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/t1/t1_1_a.md", &task("", "a\n"));
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    create_dir_all(ann.path("aitasks/archived")).unwrap();
    rename(ann.path("aitasks/t1"), ann.path("aitasks/archived/t1")).unwrap();
    bob.write("aitasks/t1/t1_2_b.md", "b\n");
    bob.git(&["config", "merge.directoryRenames", "true"]);
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "SYNCED".into()));
    assert!(bob.path("aitasks/t1/t1_2_b.md").exists() && bob.path("aitasks/archived/t1/t1_1_a.md").exists());
}

#[test]
fn code_that_was_renamed_here_and_changed_there_is_merged_as_git_does() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let long = (1..30).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    ann.write("src/old.c", &long);
    ann.commit("code");
    ann.git(&["push", "-q"]);
    let bob = world.clone("bob");
    bob.git(&["mv", "src/old.c", "src/new.c"]);
    bob.commit("renamed");
    let changed = long.replace("\n7\n", "\nseven\n");
    ann.write("src/old.c", &changed);
    ann.commit("changed");
    ann.git(&["push", "-q"]);
    assert_eq!(sync(&bob), "SYNCED");
    assert_eq!(bob.read("src/new.c"), changed);
    assert!(!bob.path("src/old.c").exists());
}

#[test]
fn two_children_with_one_number_are_a_conflict_and_neither_is_lost() {
    let (world, ann, bob) = two();
    let child = |repo: &Repo, name: &str| {
        let args = ["--batch", "--commit", "--silent", "--parent", "1", "--name", name, "--desc", "d"];
        repo.script("aitask_create.sh", &args).ok().stdout
    };
    assert_eq!(child(&ann, "one").trim(), "aitasks/t1/t1_1_one.md");
    assert_eq!(child(&bob, "other").trim(), "aitasks/t1/t1_1_other.md");
    assert_eq!(sync(&ann), "PUSHED");
    assert_eq!(sync(&bob), "CONFLICT:aitasks/t1/t1_1_other.md");
    let said = bob.aitask(&["sync", "--json"]).fails(1).error();
    assert!(said["error"]["message"].as_str().unwrap().contains("given to another new task"), "{said}");
    assert!(bob.path("aitasks/t1/t1_1_other.md").exists() && !bob.path("aitasks/t1/t1_1_one.md").exists());
    assert!(world.remote_file("aitask-data", "aitasks/t1/t1_1_other.md").is_none());
    // another number settles it
    bob.run("mv", &["aitasks/t1/t1_1_other.md", "aitasks/t1/t1_2_other.md"]).ok();
    assert_eq!(sync(&bob), "SYNCED");
    assert!(bob.path("aitasks/t1/t1_1_one.md").exists() && bob.path("aitasks/t1/t1_2_other.md").exists());
}
