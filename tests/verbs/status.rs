//! `git aitask status`.

use super::init::{everything, keys, local, of_kind, on_data_branch};
use super::task_object::{FREE, TAKEN};
use crate::support::{Sleeper, World};
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn the_fields() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let json = ann.aitask(&["status", "--json"]).ok().json();
    assert_eq!(
        keys(&json),
        "schema tasks as_of active in_flight stale_locks old_locks orphan_worktrees unlocked_implementing ready"
    );
    assert_eq!([keys(&json["ready"][0]), keys(&json["active"][0])], [FREE, TAKEN]);
    let ids = ["active", "ready"].map(|key| json[key][0]["id"].as_str().unwrap());
    assert_eq!(ids, ["1", "2"]);
    for empty in ["stale_locks", "old_locks", "orphan_worktrees", "unlocked_implementing"] {
        assert_eq!(json[empty], serde_json::json!([]), "{empty}");
    }
}

#[test]
fn people_see_who_works_on_what_and_what_is_ready() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    let agent = Sleeper::new();
    ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1", "--no-worktree"]).ok();
    let text = ann.aitask(&["status"]).ok().stdout;
    assert!(
        text.starts_with("held\n1\tImplementing\tmedium\tmedium\tOne\theld by another session of yours on "),
        "{text}"
    );
    assert!(text.contains(" (alive)\nready\n2\tReady\t") && !text.contains("as of"), "{text}");
    ann.aitask(&["status", "-q"]).ok().assert().stdout(contains("next:").not());
}

#[test]
fn a_lock_of_a_dead_session_is_stale() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    let agent = Sleeper::new();
    ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1"]).ok();
    assert_eq!(ann.aitask(&["status", "--json"]).ok().json()["stale_locks"], serde_json::json!([]));
    agent.die();
    let stale = ann.aitask(&["status", "--json"]).ok().json()["stale_locks"][0].clone();
    assert_eq!(
        (keys(&stale), &stale["session"]),
        ("task_id holder host since token pid session why".into(), &"dead".into())
    );
    let told = ann.aitask(&["status"]).ok();
    // it is said once
    assert!(told.stdout.contains(" (dead); in ") && !told.stdout.contains("stale locks"), "{told}");
    let way = format!("1 is dead (pid {} is gone); to go on with it: git aitask pick 1\n", stale["pid"]);
    assert!(told.stdout.contains(&way), "{told}");
    assert!(!told.stdout.contains("no task is ready"), "{told}");
    ann.aitask(&["pick", "1"]).ok();
}

#[test]
fn tasks_in_work_that_nobody_holds_and_worktrees_without_a_task() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.aitask(&["unlock", "1"]).ok();
    let json = ann.aitask(&["status", "--json"]).ok().json();
    assert_eq!((&json["unlocked_implementing"][0]["id"], &json["active"]), (&"1".into(), &serde_json::json!([])));
    ann.aitask(&["archive", "1"]).ok();
    let json = ann.aitask(&["status", "--json"]).ok().json();
    assert_eq!(keys(&json["orphan_worktrees"][0]), "task_id path branch dirty ahead behind");
    assert_eq!(json["orphan_worktrees"][0]["branch"], "aitask/t1_one");
    ann.aitask(&["status"]).ok().assert().stdout(contains("worktrees without an active task"));
}

#[test]
fn fetch_asks_the_remote_first() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    let ready = |args: &[&str]| bob.aitask(args).ok().json()["ready"].as_array().unwrap().len();
    assert_eq!((ready(&["status", "--json"]), ready(&["status", "--json", "--fetch"])), (0, 1));
    bob.git(&["config", "remote.origin.url", "/nowhere"]);
    assert_eq!(ready(&["status", "--json"]), 1);
    bob.aitask(&["status", "--fetch"]).fails(75);
}

#[test]
fn without_a_remote_and_on_a_data_branch_it_changes_nothing() {
    let world = World::new();
    for ann in [local(), on_data_branch(&world, "ann")] {
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let before = everything(&ann);
        assert_eq!(ann.at("aiwork/t1_one").aitask(&["status", "--json"]).ok().json()["active"][0]["id"], "1");
        assert_eq!(everything(&ann), before);
    }
}

#[test]
fn the_page_shows_the_ten_best_ready_tasks_and_how_many_more_there_are() {
    let world = World::new();
    let ann = world.initialised("ann");
    for n in 1..=12 {
        ann.aitask(&["new", &format!("Task {n}")]).ok();
    }
    let page = ann.aitask(&["status"]).ok().stdout;
    assert!(page.contains("Task 10") && !page.contains("Task 11"), "{page}");
    assert!(page.contains("and 2 more: git aitask list\n"), "{page}");
    assert_eq!(ann.aitask(&["status", "--json"]).ok().json()["ready"].as_array().unwrap().len(), 12);
}

#[test]
fn after_the_last_free_task_no_next_one_is_advised_to_be_picked() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    bob.aitask(&["lock", "3"]).ok();
    let main = format!("cd {}", ann.top().display());
    for (task, name, says) in [
        ("1", "t1_one", format!("was removed; next: {main} && git aitask pick --next\n")),
        (
            "2",
            "t2_two",
            format!("was removed, and every task that is left is held; next: {main} && git aitask status\n"),
        ),
        // nothing is left to do, and who types what is advised must not create a task
        ("3", "t3_three", format!("was removed, and no task is left; next: {main}\n")),
    ] {
        if task == "3" {
            bob.aitask(&["unlock", "3"]).ok();
        }
        ann.aitask(&["pick", task]).ok();
        let worktree = ann.at(format!("aiwork/{name}"));
        worktree.write("work", task);
        worktree.commit("work");
        let run = ann.aitask(&["finish", task]).ok();
        assert!(run.stdout.ends_with(&says), "{run}");
    }
    // what is to be filled in is no command: a program does not start it, and a shell refuses it
    let next = ann.aitask(&["--json"]).ok().json()["next"].clone();
    assert_eq!(next, serde_json::json!({ "template": "git aitask new <title>" }));
    assert_ne!(ann.run("sh", &["-c", "git aitask new <title>"]).code, 0);
    assert_eq!(ann.aitask(&["list", "--json"]).ok().json()["tasks"], serde_json::json!([]));
}

#[test]
fn task_files_that_were_edited_by_hand_and_are_not_shared_are_counted() {
    for n in 0..2 {
        let world = World::new();
        let ann = of_kind(n, &world);
        ann.task("One", &[]);
        let count = || ann.aitask(&["status", "--json"]).ok().json()["unshared_files"].as_u64();
        let asks_git = || ann.git_commands(&["status"]).1.iter().any(|command| command.starts_with("status "));
        assert_eq!((count(), asks_git()), (None, false));
        ann.write("aitasks/t7_by_hand.md", "---\nstatus: Ready\n---\n");
        ann.write("aitasks/new/idea.md", "a draft\n");
        assert_eq!(count(), Some(1));
        ann.write("aitasks/t1_one.md", &(ann.read("aitasks/t1_one.md") + "more\n"));
        assert_eq!(count(), Some(2));
        for page in [&["status"][..], &[]] {
            let said = "2 task files were changed here and are not shared yet: git aitask sync\n";
            ann.aitask(page).ok().assert().stdout(contains(said));
        }
        assert!(asks_git());
        if n == 0 {
            ann.write("aiwork/t9_x/aitasks/t9_x.md", "that of a worktree\n");
            assert_eq!(ann.at("aiwork/t9_x").aitask(&["status", "--json"]).ok().json().get("unshared_files"), None);
        }
        ann.aitask(&["sync"]).ok();
        assert_eq!((count(), asks_git()), (None, false));
        // staged, and not committed; of the same length, with the time of before
        let there = ann.at(if n == 0 { "." } else { ".aitask-data" });
        let text = there.read("aitasks/t1_one.md");
        there.write("aitasks/t1_one.md", &(text.clone() + "staged\n"));
        there.git(&["add", "aitasks/t1_one.md"]);
        assert_eq!(count(), Some(1));
        there.git(&["rm", "-q", "aitasks/t7_by_hand.md"]);
        assert_eq!(count(), Some(2));
        there.git(&["reset", "-q", "--hard"]);
        assert_eq!((count(), asks_git()), (None, false));
        there.git(&["rm", "-q", "--cached", "aitasks/t7_by_hand.md"]);
        assert_eq!(count(), Some(1), "it is deleted in the index, and not known");
        there.git(&["reset", "-q", "--hard"]);
        let stamp = there.path("stamp");
        there.run("touch", &["-r", "aitasks/t1_one.md", stamp.to_str().unwrap()]).ok();
        there.write("aitasks/t1_one.md", &text.replace("more", "less"));
        there.run("touch", &["-r", stamp.to_str().unwrap(), "aitasks/t1_one.md"]).ok();
        assert_eq!(count(), Some(1), "the time of its content was set back");
    }
}

#[test]
fn of_a_session_of_which_nothing_is_known_nothing_is_said() {
    let ann = World::new().initialised("ann").env("GIT_AITASK_SESSION", "");
    ann.task("One", &[]);
    ann.aitask(&["lock", "1"]).ok();
    let text = ann.aitask(&["status"]).ok().stdout;
    assert!(text.contains("held by ") && !text.contains("unknown"), "{text}");
}

#[test]
fn the_main_checkout_on_the_branch_of_a_task_is_named_as_what_it_is() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["switch", "-q", "-c", "aitask/t1_one"]);
    let place = format!("in {}, the main checkout", ann.top().display());
    for verb in ["list", "status"] {
        ann.aitask(&[verb]).ok().assert().stdout(contains(place.as_str()));
    }
    assert_eq!(ann.aitask(&["list", "--json"]).ok().json()["tasks"][0]["worktree"]["main"], true);
    ann.git(&["switch", "-q", "-c", "aitask/t9_gone"]);
    let run = ann.aitask(&["status"]).ok();
    assert!(run.stdout.contains("aitask/t9_gone\tthe main checkout"), "{run}");
    let back = format!("cd {} && git switch main", ann.top().display());
    assert!(run.stdout.contains(&back) || run.stderr.contains(&back), "{run}");
}
