//! `git aitask lock`, `unlock` and `locks`.

use super::init::{everything, keys, local, on_data_branch};
use crate::support::{Repo, Sleeper, World};
use predicates::prelude::*;
use predicates::str::contains;

fn ann_and_bob() -> (World, Repo, Repo) {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
    ann.task("One", &[]);
    (world, ann, bob)
}

#[test]
fn the_lock_alone_is_taken_and_released() {
    let (world, ann, _) = ann_and_bob();
    let main = world.remote_branch("main");
    let json = ann.aitask(&["lock", "1", "--json"]).ok().json();
    assert_eq!(
        (keys(&json), keys(&json["lock"])),
        ("schema task_id lock".into(), "holder host since token session".into())
    );
    assert_eq!((&json["task_id"], world.locks()), (&"1".into(), vec!["t1_lock.yaml".to_owned()]));
    let json = ann.aitask(&["unlock", "t1", "--json"]).ok().json();
    assert_eq!((keys(&json), &json["unlocked"]), ("schema task_id unlocked".into(), &true.into()));
    assert_eq!((world.locks(), world.remote_branch("main")), (vec![], main));
    assert_eq!(ann.aitask(&["unlock", "1", "--json"]).ok().json()["unlocked"], false);
}

#[test]
fn the_lock_of_another_is_refused() {
    let (world, ann, bob) = ann_and_bob();
    ann.aitask(&["lock", "1"]).ok();
    let before = world.remote_branch("aitask-locks");
    let run = bob.aitask(&["lock", "1", "--json"]).fails(1);
    assert_eq!(
        (&run.error()["error"]["kind"], keys(&run.error()["error"])),
        (&"held".into(), "kind message hints exit holder".into())
    );
    let run = bob.aitask(&["unlock", "1"]).fails(1);
    run.assert().stderr(contains("t1 is not yours").and(contains("git aitask unlock 1 --force")));
    assert_eq!(world.remote_branch("aitask-locks"), before);
}

#[test]
fn forced_it_is_released_and_the_loser_is_fenced() {
    let (world, ann, bob) = ann_and_bob();
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(bob.aitask(&["unlock", "1", "--force", "--json"]).ok().json()["unlocked"], true);
    assert_eq!(world.locks(), Vec::<String>::new());
    ann.at("aiwork/t1_one").commit("work");
    assert_eq!(ann.aitask(&["finish", "1", "--json"]).fails(1).error()["error"]["kind"], "not_holder");
    assert!(ann.path("aiwork/t1_one").is_dir());
}

#[test]
fn a_lock_that_cannot_be_read_has_no_age_and_is_removed_by_force_even_as_a_folder() {
    let (world, ann, bob) = ann_and_bob();
    ann.task("Two", &[]);
    let script = "git fetch -q; git switch -qC odd origin/aitask-locks; echo 'garbage: [' >t1_lock.yaml; mkdir t2_lock.yaml; \
                  echo x >t2_lock.yaml/x; git add .; git commit -qm odd; git push -q origin HEAD:aitask-locks";
    bob.run("sh", &["-ec", script]).ok();
    let json = ann.aitask(&["status", "--fetch", "--json"]).ok().json();
    assert_eq!((&json["old_locks"], json["active"].as_array().unwrap().len()), (&serde_json::json!([]), 2), "{json}");
    let refused = ann.aitask(&["pick", "2", "--steal", "--json"]).fails(1).error();
    assert_eq!(refused["error"]["kind"], "occupied", "{refused}");
    for id in ["2", "1"] {
        assert_eq!(ann.aitask(&["unlock", id, "--force", "--json"]).ok().json()["unlocked"], true);
    }
    assert!(!world.remote_files("aitask-locks").iter().any(|file| file.contains("_lock.yaml")));
}

#[test]
fn the_same_session_again_is_fine_and_a_dead_one_is_replaced() {
    let (_, ann, _) = ann_and_bob();
    let agent = Sleeper::new();
    let mine = ann.env("AIT_AGENT_PID", agent.pid());
    let token = |repo: &Repo| repo.aitask(&["lock", "1", "--json"]).ok().json()["lock"]["token"].clone();
    let first = token(&mine);
    assert_eq!(token(&mine), first);
    agent.die();
    let next = Sleeper::new();
    assert_ne!(token(&ann.env("AIT_AGENT_PID", next.pid())), first);
}

#[test]
fn a_task_that_is_not_there_is_not_locked() {
    let (world, ann, _) = ann_and_bob();
    assert_eq!(ann.aitask(&["lock", "9", "--json"]).fails(1).error()["error"]["kind"], "no_such_task");
    ann.aitask(&["lock", "../1"]).fails(2);
    ann.aitask(&["lock"]).fails(2);
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn locks_lists_what_the_remote_has_now() {
    let (_, ann, bob) = ann_and_bob();
    assert_eq!(bob.aitask(&["locks", "--json"]).ok().json()["locks"], serde_json::json!([]));
    let agent = Sleeper::new();
    ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["lock", "1"]).ok();
    let json = bob.aitask(&["locks", "--json"]).ok().json();
    assert_eq!(
        (keys(&json), keys(&json["locks"][0])),
        ("schema locks".into(), "task_id holder host since token pid session".into())
    );
    let line = bob.aitask(&["locks"]).ok().stdout;
    assert!(line.starts_with("1\tann@example.com\t") && line.ends_with("\talive\n"), "{line}");
}

#[test]
fn with_an_address_of_its_own() {
    let (_, ann, _) = ann_and_bob();
    let json = ann.aitask(&["lock", "1", "--email", "ci@example.com", "--json"]).ok().json();
    assert_eq!(json["lock"]["holder"], "ci@example.com");
    ann.aitask(&["lock", "1", "--email", "a|b"]).fails(2);
    ann.aitask(&["unlock", "1", "--email", "ci@example.com"]).ok();
}

#[test]
fn dry_run_changes_nothing() {
    let (_, ann, _) = ann_and_bob();
    let before = everything(&ann);
    let run = ann.aitask(&["lock", "1", "--dry-run"]).ok();
    run.assert().stdout(contains("refs/heads/aitask-locks").and(contains("git push ")));
    assert_eq!(everything(&ann), before);
    ann.aitask(&["lock", "1"]).ok();
    let before = everything(&ann);
    ann.aitask(&["unlock", "1", "--dry-run"]).ok();
    assert_eq!(everything(&ann), before);
    ann.aitask(&["unlock", "1"]).ok();
}

#[test]
fn where_the_task_data_is_protected_pick_takes_the_lock_alone_and_says_so() {
    let (world, ann, bob) = ann_and_bob();
    world.protect("main");
    let main = world.remote_branch("main");
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert!(json["notes"][0].as_str().unwrap().contains("git aitask init --data-branch"), "{json}");
    assert_eq!(
        (&json["took"], world.locks(), world.remote_branch("main")),
        (&"new".into(), vec!["t1_lock.yaml".into()], main)
    );
    assert!(ann.read("aitasks/t1_one.md").contains("status: Implementing"));
    assert_eq!((ann.git(&["status", "--porcelain"]), ann.path("aiwork/t1_one").is_dir()), (String::new(), true));
    bob.aitask(&["pick", "1"]).fails(1);
}

#[test]
fn dry_run_of_what_is_so_already_moves_no_branch() {
    let (_, ann, bob) = ann_and_bob();
    let agent = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", agent.pid());
    ann.aitask(&["lock", "1"]).ok();
    bob.task("Two", &[]);
    let main = ann.git(&["rev-parse", "main"]);
    ann.aitask(&["lock", "1", "--dry-run"]).ok();
    assert_eq!(ann.git(&["rev-parse", "main"]), main);
}

#[test]
fn without_a_remote_and_on_a_data_branch() {
    let world = World::new();
    for ann in [local(), on_data_branch(&world, "ann")] {
        ann.task("One", &[]);
        let before = everything(&ann);
        ann.aitask(&["lock", "1", "--dry-run"]).ok();
        assert_eq!(everything(&ann), before);
        ann.aitask(&["lock", "1"]).ok();
        assert_eq!(ann.aitask(&["locks", "--json"]).ok().json()["locks"][0]["task_id"], "1");
        ann.env("GIT_AITASK_EMAIL", "b@example.com").aitask(&["lock", "1"]).fails(1);
        ann.aitask(&["unlock", "1"]).ok();
        assert_eq!(ann.aitask(&["locks"]).ok().stdout, "");
    }
}

#[test]
fn a_lock_that_nobody_can_read_is_held_by_somebody_unknown() {
    let (world, ann, _) = ann_and_bob();
    ann.git(&["fetch", "-q", "origin", "aitask-locks"]);
    ann.git(&["worktree", "add", "-q", "--detach", "../locks", "FETCH_HEAD"]);
    let locks = ann.at(world.root().join("locks"));
    locks.write("t1_lock.yaml", "\u{1}garbage");
    locks.commit("garbage");
    locks.git(&["push", "-q", "origin", "HEAD:aitask-locks"]);
    let run = ann.aitask(&["lock", "1", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["holder"]["holder"], "unknown");
    assert_eq!(run.error()["error"]["holder"]["session"], "unknown");
}

#[test]
fn the_time_of_a_lock_has_a_zone_and_none_is_made_up() {
    let world = World::new();
    let ann = world.initialised("ann").env("TZ", "IST-5:30");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    let before = jiff::Timestamp::now();
    let json = ann.aitask(&["pick", "1", "--no-worktree", "--json"]).ok().json();
    let since = json["lock"]["since"].as_str().unwrap();
    assert!(since.ends_with("+05:30"), "{since}");
    let age = since.parse::<jiff::Timestamp>().unwrap().duration_since(before).as_secs();
    assert!((-1..60).contains(&age), "{since}");
    // another zone reads the same time
    let bob = world.clone("bob").env("TZ", "UTC");
    assert_eq!(bob.aitask(&["locks", "--json"]).ok().json()["locks"][0]["since"], since);
    assert!(bob.aitask(&["list"]).ok().stdout.contains("just now"));
    let here = since.parse::<jiff::Timestamp>().unwrap().strftime("%Y-%m-%d %H:%M").to_string();
    assert!(bob.aitask(&["locks"]).ok().stdout.contains(&here), "{here}");
    bob.aitask(&["pick", "1"]).fails(1).assert().stderr(contains(format!(" since {here};")));
    // a lock of a script has no zone: on this host its own counts, of another one it is unknown
    ann.script("aitask_lock.sh", &["--lock", "2", "--email", "ann@example.com"]).ok();
    let locks = ann.aitask(&["locks", "--json"]).ok().json()["locks"].clone();
    assert!(locks[1]["since"].as_str().unwrap().ends_with(":00+05:30"), "{locks}");
    let far = world.root().join("far");
    world.script(&far.join("hostname"), "#!/bin/sh\necho elsewhere\n");
    let locks = ann.with_programs(&far).aitask(&["locks", "--json"]).ok().json()["locks"].clone();
    assert_eq!((&locks[0]["since"], locks[0].get("since_local")), (&since.into(), None), "{locks}");
    assert!(locks[1]["since"].is_null() && locks[1]["since_local"].as_str().unwrap().len() == 16, "{locks}");
    // a script that takes the lock of a verb again writes a time without a zone
    ann.script("aitask_lock.sh", &["--lock", "1", "--email", "ann@example.com"]);
    assert!(ann.aitask(&["locks", "--json"]).ok().json()["locks"][0]["since"].is_string());
}

#[test]
fn a_takeover_says_which_lock_it_takes() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    let log = || {
        world.git(&[
            "--git-dir=origin.git",
            "log",
            "-1",
            "--format=%s%n%(trailers:key=Aitask-Takeover)",
            "aitask-locks",
        ])
    };
    let lock = || world.git(&["--git-dir=origin.git", "rev-parse", "aitask-locks:t1_lock.yaml"]);
    let pick = ["pick", "1", "--no-worktree", "--steal"];
    ann.aitask(&pick).ok();
    assert_eq!(log().trim(), "ait: Lock task t1 for ann@example.com", "nobody held it");
    let held = lock();
    bob.aitask(&pick).ok();
    assert_eq!(log().trim(), format!("ait: Lock task t1 for bob@example.com\nAitask-Takeover: {}", held.trim()));
    let held = lock();
    ann.aitask(&["unlock", "1", "--force"]).ok();
    assert_eq!(log().trim(), format!("ait: Unlock task t1\nAitask-Takeover: {}", held.trim()));
    ann.aitask(&["lock", "1"]).ok();
    ann.aitask(&["unlock", "1"]).ok();
    assert_eq!(log().trim(), "ait: Unlock task t1");
}
