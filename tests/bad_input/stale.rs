//! What was true when this clone last looked is not what is true: a decision stands on every branch it read.

use super::refused;
use crate::support::{Repo, Run, Sleeper, World, sh_wait_for_file, share, thorough};

fn two() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("First", &[]);
    ann.task("Second", &[]);
    let bob = world.initialised_on_main("bob");
    (world, ann, bob)
}

#[test]
fn a_task_that_another_locked_meanwhile_is_not_archived() {
    let (world, ann, bob) = two();
    bob.aitask(&["lock", "1"]).ok();
    refused(&ann, &["archive", "1"], 1, "not_holder");
    assert!(world.remote_files("main").contains(&"aitasks/t1_first.md".to_owned()));
}

#[test]
fn a_task_that_was_stolen_meanwhile_is_not_merged() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.give_data_a_branch();
    ann.aitask(&["init"]).ok();
    ann.task("First", &[]);
    let bob = world.clone("bob");
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_first");
    work.write("work.txt", "done\n");
    work.commit("work");
    bob.git(&["fetch", "--quiet"]);
    bob.aitask(&["pick", "1", "--steal", "--no-worktree"]).ok();
    refused(&ann, &["finish", "1", "--no-archive"], 1, "not_holder");
    assert!(!ann.world().remote_files("main").contains(&"work.txt".to_owned()));
}

#[test]
fn a_lock_that_was_lost_meanwhile_is_not_called_ours() {
    let (_world, ann, bob) = two();
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["lock", "1"]).ok();
    bob.aitask(&["unlock", "1", "--force"]).ok();
    bob.aitask(&["lock", "1"]).ok();
    refused(&ann, &["pick", "1"], 1, "held");
}

#[test]
fn a_task_that_was_archived_meanwhile_is_not_taken() {
    let (_world, ann, bob) = two();
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.aitask(&["unlock", "1", "--force"]).ok();
    bob.aitask(&["archive", "1"]).ok();
    refused(&ann, &["pick", "1"], 1, "not_claimable");
}

/// A git whose push lives on when the program is killed, and the file that says that it has landed.
fn with_a_push_that_outlives_us(ann: &Repo) -> (Repo, Repo) {
    let [done, repeated] = ["landed", "repeated"].map(|name| ann.path("..").join(name));
    let outliving = ann.with_git_that(&format!(
        "if [ \"$1\" = push ]; then kill -9 $PPID; {}; @GIT@ \"$@\"; : >{}; exit; fi",
        sh_wait_for_file(&repeated),
        done.display()
    ));
    let waiting = ann.with_git_that(&format!(
        "if [ \"$1\" = push ]; then : >{}; {}; fi",
        repeated.display(),
        sh_wait_for_file(&done)
    ));
    (outliving, waiting)
}

#[test]
fn a_push_that_lands_after_its_pick_was_killed_and_repeated_locks_nobody_out() {
    let (world, ann, _bob) = two();
    let (outliving, waiting) = with_a_push_that_outlives_us(&ann);
    for verb in share(["pick", "lock"]) {
        let killed = outliving.start(&[verb, "1"]).wait();
        assert_eq!(killed.signal, Some(9), "{killed}");
        waiting.aitask(&[verb, "1"]).ok();
        assert_eq!(world.locks().len(), 1);
        ann.at(if verb == "pick" { "aiwork/t1_first" } else { "." }).aitask(&["unlock", "1"]).ok();
        for file in ["../landed", "../repeated"] {
            std::fs::remove_file(ann.path(file)).unwrap();
        }
    }
}

#[test]
fn next_goes_on_with_what_it_took_when_it_was_killed() {
    let (world, ann, _bob) = two();
    let dies = ann.with_git_that("[ \"$1 $2\" = 'worktree add' ] && kill -9 $PPID && exit 1");
    assert_eq!(dies.aitask(&["pick", "--next"]).signal, Some(9));
    assert_eq!(world.locks().len(), 1);
    let first = ann.aitask(&["pick", "--next", "--json"]).ok().json();
    assert_eq!((&first["took"], world.locks().len()), (&"mine".into(), 1));
    assert!(ann.path(first["worktree"]["path"].as_str().unwrap()).is_dir());
    let second = ann.aitask(&["pick", "--next", "--json"]).ok().json();
    assert_ne!(first["task"]["id"], second["task"]["id"]);
}

#[test]
fn what_goes_wrong_after_it_has_landed_does_not_forget_the_right_to_it() {
    let (_world, ann, _bob) = two();
    let file = ann.path(".git/aitask/as-of");
    let _ = std::fs::remove_file(&file);
    std::fs::create_dir_all(file).unwrap();
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_first").aitask(&["drop"]).ok();
}

#[test]
fn notes_of_a_killed_command_do_not_touch_a_checkout_that_went_on() {
    let ann = World::new().clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init"]).ok();
    ann.git(&["branch", "other"]);
    let dies = ann.with_git_that("[ \"$1 $2\" = 'update-ref -m' ] && { @GIT@ \"$@\"; kill -9 $PPID; exit 1; }");
    assert_eq!(dies.aitask(&["new", "First"]).signal, Some(9));
    ann.git(&["reset", "--quiet", "--hard"]);
    ann.write("mine.txt", "mine\n");
    ann.commit("mine");
    ann.git(&["switch", "--quiet", "other"]);
    ann.aitask(&["list"]).ok();
    ann.git(&["switch", "--quiet", "-"]);
    ann.git(&["switch", "--quiet", "other"]);
    let _ = ann.aitask(&["lock", "1"]);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn an_editor_that_holds_the_index_for_good_is_said_and_what_is_behind_is_brought_later() {
    let ann = World::new().clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--on", "main"]).ok();
    // With the editor, three gits are repeated for ten seconds each, a limit that no setting changes. A git that fails for
    // another reason is not repeated, and leaves the same behind.
    let does = if thorough() {
        ": >.git/index.lock"
    } else {
        "{ echo 'fatal: unable to write new index file' >&2; exit 128; }"
    };
    let holds = ann.with_git_that(&format!("[ \"$1 $2 $3\" = 'read-tree -m -u' ] && {does}"));
    let json = holds.aitask(&["new", "First", "--json"]).ok().json();
    assert_eq!(json["lagging"][0]["branch"], "main", "{json}");
    let _ = std::fs::remove_file(ann.path(".git/index.lock"));
    ann.task("Second", &[]);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert!(ann.path("aitasks/t1_first.md").exists());
}

#[test]
fn a_remote_of_another_name_is_not_taken_for_none() {
    let world = World::new();
    world.initialised("ann");
    let bob = world.clone("bob");
    bob.git(&["remote", "rename", "origin", "upstream"]);
    let run = refused(&bob, &["new", "Twice"], 2, "usage");
    assert!(run.hints()[0].contains("aitask.remote upstream"), "{run}");
    bob.git(&["config", "aitask.remote", "upstream"]);
    bob.task("Once", &[]);
    bob.git(&["config", "aitask.remote", "."]);
    assert_eq!(bob.aitask(&["whoami", "--json"]).ok().json()["remote"], serde_json::Value::Null);
}

#[test]
fn a_lock_stolen_in_the_same_clone_fences_the_worktree_too() {
    let (_world, ann, _bob) = two();
    let sessions = [Sleeper::new(), Sleeper::new()];
    let [first, second] = sessions.each_ref().map(|session| ann.env("AIT_AGENT_PID", session.pid()));
    first.aitask(&["pick", "1"]).ok();
    second.aitask(&["pick", "1", "--steal"]).ok();
    for verb in share([&["finish", "1"][..], &["drop", "1"], &["unlock", "1"]]) {
        refused(&first.at("aiwork/t1_first"), verb, 1, "not_holder");
    }
    second.at("aiwork/t1_first").aitask(&["drop"]).ok();
}

#[test]
fn a_task_cannot_depend_on_one_that_never_was() {
    let (_world, ann, _bob) = two();
    refused(&ann, &["new", "Third", "--depends", "99"], 1, "no_such_task");
    ann.aitask(&["new", "Third", "--depends", "1"]).ok();
}

#[test]
fn who_followed_the_hints_of_a_held_task_took_live_work_away() {
    let (_world, ann, bob) = two();
    let agent = Sleeper::new();
    bob.aitask(&["pick", "1", "--no-worktree"]).ok();
    let holder = |run: Run| {
        let hints = run.error()["error"]["hints"].as_array().unwrap().clone();
        (run.hints(), hints.last().unwrap().clone())
    };
    // nothing speaks for its end: stealing is the last hint, and no command
    let (hints, last) = holder(refused(&ann, &["pick", "1"], 1, "held"));
    assert!(hints[0].starts_with("git aitask pick 2   # "), "{hints:?}");
    assert_eq!(hints[1], "ask bob@example.com; only if that session is over: git aitask pick 1 --steal");
    assert!(last["command"].is_null() && last["shell"].is_null(), "{last}");
    assert!(holder(refused(&ann, &["lock", "1"], 1, "held")).1["command"].is_null());
    assert!(holder(refused(&ann, &["drop", "1"], 1, "not_holder")).1["command"].is_null());
    let (hints, _) = holder(refused(&bob.env("GIT_AITASK_SESSION", "x"), &["pick", "1"], 1, "held"));
    assert_eq!(hints[1], "go on in that session; only if that session is over: git aitask pick 1 --steal");
    // it was taken long ago, and nothing has been committed since
    let impatient = ann.env("GIT_AITASK_STALEAFTER", "1ms");
    let (hints, _) = holder(refused(&impatient, &["pick", "1"], 1, "held"));
    assert!(hints[1].starts_with("git aitask pick 1 --steal   # take it over: it was taken "), "{hints:?}");
    // it lives, however long ago it was taken; and then it is dead
    bob.aitask(&["drop", "1"]).ok();
    let carl = ann.env("GIT_AITASK_EMAIL", "carl@example.com").env("AIT_AGENT_PID", agent.pid());
    carl.aitask(&["pick", "1", "--no-worktree"]).ok();
    let here = ann.env("GIT_AITASK_STALEAFTER", "1ms");
    assert!(holder(refused(&here, &["pick", "1"], 1, "held")).1["command"].is_null());
    drop(agent);
    let (hints, last) = holder(refused(&ann, &["pick", "1"], 1, "held"));
    assert_eq!(hints[1], "git aitask pick 1 --steal   # take it over: its session is dead");
    assert_eq!(last["command"], serde_json::json!(["git", "aitask", "pick", "1", "--steal"]));
    ann.follow(&last).ok();
}

#[test]
fn a_folder_that_is_gone_is_named() {
    let (_world, ann, _bob) = two();
    let program = env!("CARGO_BIN_EXE_git-aitask");
    let gone = format!("mkdir gone && cd gone && rmdir ../gone && '{program}' list");
    let run = ann.run("sh", &["-c", &gone]);
    assert!(run.code != 0 && run.stderr.contains("the current directory no longer exists"), "{run}");
}
