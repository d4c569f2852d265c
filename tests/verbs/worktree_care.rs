//! Worktrees that were moved by hand, are in the middle of something, or were there before.

use super::init::everything;
use crate::support::{Repo, Sleeper, World, hints, share};
use predicates::prelude::*;
use predicates::str::contains;

const WORK: &str = "aiwork/t1_one";

/// A clone that holds t1 and has committed to its branch.
fn worked() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    work(&ann);
    (world, ann)
}

/// The same, in the session of this process.
fn worked_by(agent: &Sleeper) -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann").env("AIT_AGENT_PID", agent.pid());
    work(&ann);
    (world, ann)
}

fn work(ann: &Repo) {
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("the work");
}

/// Fails unless the command is refused with this kind and has changed nothing.
#[track_caller]
fn refused(repo: &Repo, args: &[&str], kind: &str) -> serde_json::Value {
    let before = everything(repo);
    let run = repo.aitask(&[args, &["--json"]].concat());
    assert!(run.code == 1 || (run.code == 2 && kind == "usage"), "{run}");
    let error = run.error()["error"].clone();
    assert_eq!((error["kind"].as_str(), everything(repo)), (Some(kind), before), "{run}");
    error
}

/// Starts a rebase in the worktree of t1 that stops at a conflict.
fn rebase(ann: &Repo) -> Repo {
    let there = ann.at(WORK);
    ann.write("work.txt", "other\n");
    ann.commit("other");
    ann.git(&["push", "-q"]);
    there.git_fails(&["rebase", "-q", "main"]);
    there
}

#[test]
fn a_worktree_that_was_moved_by_hand_keeps_its_registration() {
    let (world, ann) = worked();
    let moved = world.root().join("moved");
    std::fs::rename(ann.path(WORK), &moved).unwrap();
    let there = ann.at(&moved);
    there.write("new.txt", "mine\n");
    for verb in share(["finish", "drop"]) {
        let error = refused(&ann, &[verb, "1"], "occupied");
        let hints = hints(&error).join("\n");
        assert!(hints.contains("git worktree repair <new-place>") && hints.contains("git worktree remove "), "{error}");
        assert_eq!(hints.contains("--discard"), verb == "drop", "{error}");
    }
    let text = ann.aitask(&["drop", "1", "--discard", "--dry-run"]).ok().stdout;
    assert!(!text.contains("\n  git worktree remove"), "{text}");
    let json = ann.aitask(&["drop", "1", "--discard", "--json"]).ok().json();
    let flags = ["worktree_removed", "branch_deleted"].map(|key| json[key].as_bool());
    assert_eq!((flags, world.locks()), ([Some(false); 2], vec![]), "{json}");
    assert!(json["notes"][0].as_str().unwrap().contains("git worktree repair"), "{json}");
    refused(&ann, &["pick", "1"], "occupied");
    ann.git(&["worktree", "repair", moved.to_str().unwrap()]);
    assert_eq!(there.git(&["status", "--porcelain", "--branch"]), "## aitask/t1_one\n?? new.txt\n");
    ann.aitask(&["pick", "1"]).ok();
}

#[test]
fn one_that_was_deleted_is_told_from_the_hint() {
    let (world, ann) = worked();
    let path = ann.path(WORK).canonicalize().unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    let error = refused(&ann, &["finish", "1"], "occupied");
    let hint = hints(&error)[1].split("   #").next().unwrap().to_owned();
    assert_eq!(hint, format!("git worktree remove {}", path.display()));
    ann.follow(&error["hints"][1]).ok();
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((&json["branch_deleted"], world.locks()), (&true.into(), vec![]), "{json}");
}

#[test]
fn a_removal_that_was_cut_off_in_the_middle_is_completed() {
    for verb in share(["finish", "drop"]) {
        let agent = Sleeper::new();
        let (world, ann) = worked_by(&agent);
        let dies = ann.with_git_that(&format!(
            // an old git removes the worktree of its merge before
            "case \"$*\" in 'worktree remove'*/{WORK}) rm -rf '{}' && kill -9 $PPID && exit 1 ;; esac",
            ann.path(WORK).display()
        ));
        assert_eq!(dies.aitask(&[verb, "1"]).signal, Some(9));
        ann.aitask(&[verb, "1"]).ok();
        assert_eq!(ann.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1, "{verb}");
        assert_eq!(world.locks(), Vec::<String>::new());
        let notes = ann.run("sh", &["-c", "ls .git/aitask"]).stdout;
        assert!(!notes.contains("removing"), "{notes}");
    }
}

#[test]
fn a_removal_that_was_cut_off_before_it_began_excuses_no_later_move() {
    let agent = Sleeper::new();
    let (world, ann) = worked_by(&agent);
    let dies = ann.with_git_that("[ \"$1 $2\" = 'worktree remove' ] && kill -9 $PPID && exit 1");
    assert_eq!(dies.aitask(&["drop", "1"]).signal, Some(9));
    ann.aitask(&["pick", "1"]).ok();
    std::fs::rename(ann.path(WORK), world.root().join("moved")).unwrap();
    refused(&ann, &["drop", "1"], "occupied");
}

#[test]
fn a_worktree_in_the_middle_of_a_rebase_refuses_drop() {
    let (world, ann) = worked();
    let there = rebase(&ann);
    refused(&ann, &["drop", "1"], "dirty");
    let json = ann.aitask(&["worktree", "list", "--json"]).ok().json();
    assert_eq!(
        (&json["worktrees"][0]["task_id"], &json["worktrees"][0]["in_progress"]),
        (&"1".into(), &"a rebase".into())
    );
    assert!(ann.aitask(&["worktree", "path", "1"]).ok().stdout.ends_with("/aiwork/t1_one\n"));
    let json = ann.aitask(&["status", "--json"]).ok().json();
    assert_eq!(json["active"][0]["worktree"]["in_progress"], "a rebase", "{json}");
    ann.aitask(&["status"]).ok().assert().stdout(contains("in the middle of a rebase"));
    let script = ann.script("aitask_task_worktree.sh", &["resolve", "t1_one"]).ok();
    assert_eq!(script.stdout, "NONE\n");
    let tip = ann.git(&["rev-parse", "aitask/t1_one"]);
    let json = ann.aitask(&["drop", "1", "--discard", "--json"]).ok().json();
    assert_eq!((&json["worktree_removed"], world.locks()), (&true.into(), vec![]), "{json}");
    assert!(!ann.path(WORK).exists() && ann.git(&["rev-parse", "aitask/t1_one"]) == tip, "{json}");
    drop(there);
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.at(WORK).read("work.txt"), "work\n");
}

#[test]
fn a_worktree_in_the_middle_of_a_rebase_is_removed_with_discard_alone() {
    let (_world, ann) = worked();
    rebase(&ann);
    refused(&ann, &["worktree", "remove", "1"], "dirty");
    refused(&ann, &["worktree", "remove", "1", "--dry-run"], "dirty");
    let json = ann.aitask(&["pick", "1", "--steal", "--json"]).ok().json();
    assert_eq!(json["worktree"]["created"], false, "{json}");
    ann.at(WORK).write("work.txt", "both\n");
    let stood = ann.at(WORK).commit("resolved");
    let json = ann.aitask(&["worktree", "remove", "1", "--discard", "--json"]).ok().json();
    assert!(json["notes"][0].as_str().unwrap().contains(&stood), "{json}");
    assert_eq!((&json["branch_kept"], ann.path(WORK).exists()), (&"aitask/t1_one".into(), false), "{json}");
}

#[test]
fn a_dry_run_answers_what_the_removal_would() {
    let (world, ann) = worked();
    let dry = ["worktree", "remove", "1", "--dry-run"];
    let text = ann.aitask(&dry).ok().stdout;
    assert!(text.contains("git worktree remove ") && !text.contains("git branch -d"), "{text}");
    ann.git(&["worktree", "lock", WORK]);
    refused(&ann, &dry, "occupied");
    ann.git(&["worktree", "unlock", WORK]);
    ann.at(WORK).write("new", "x");
    refused(&ann, &dry, "dirty");
    let text = ann.aitask(&[&dry[..], &["--discard"]].concat()).ok().stdout;
    assert!(text.contains("git worktree remove --force ") && ann.path(WORK).join("new").exists(), "{text}");
    std::fs::rename(ann.path(WORK), world.root().join("moved")).unwrap();
    let error = refused(&ann, &dry, "occupied");
    assert!(hints(&error)[0].contains("git worktree repair"), "{error}");
    refused(&ann, &[&dry[..], &["--discard"]].concat(), "occupied");
}

#[test]
fn a_branch_that_was_there_is_not_said_to_be_cut_just_now() {
    let (_world, ann) = worked();
    ann.at(WORK).commit("more");
    ann.aitask(&["drop", "1"]).ok();
    ann.commit("main goes on");
    ann.git(&["push", "-q"]);
    let text = ann.aitask(&["worktree", "add", "1", "--dry-run"]).ok().stdout;
    assert!(text.contains("git worktree add /") && !text.contains(" -b "), "{text}");
    let run = ann.aitask(&["pick", "1"]).ok();
    let was_there = "aitask/t1_one, already there: 2 commits ahead of main, ";
    run.assert().stdout(contains(was_there).and(contains(" behind")).and(contains("cut from").not()));
    let json = ann.aitask(&["worktree", "add", "1", "--json"]).ok().json();
    assert_eq!((&json["worktree"]["created"], &json["worktree"]["ahead"]), (&false.into(), &2.into()), "{json}");
    assert!(json["worktree"]["behind"].as_u64().unwrap() >= 1, "{json}");
    let run = ann.aitask(&["worktree", "add", "1"]).ok();
    run.assert().stdout(contains("(already there)").and(contains(was_there)));
    ann.aitask(&["worktree", "remove", "1"]).ok();
    let run = ann.aitask(&["worktree", "add", "1"]).ok();
    run.assert().stdout(contains(was_there).and(contains("(already there)").not()));
    ann.task("Two", &[]);
    let json = ann.aitask(&["pick", "2", "--json"]).ok().json();
    assert!(json["worktree"].get("ahead").is_none(), "{json}");
    ann.task("Three", &[]);
    ann.aitask(&["pick", "3"]).ok().assert().stdout(contains(", cut from main at "));
}

#[test]
fn a_pick_killed_while_it_prepares_the_worktree_is_finished_by_the_next() {
    let world = World::new();
    let agent = Sleeper::new();
    let ann = world.initialised("ann").env("AIT_AGENT_PID", agent.pid());
    ann.task("One", &[]);
    ann.write(".git/info/exclude", "/.env\nran\n");
    ann.write(".env", "secret\n");
    ann.git(&["config", "aitask.worktreeCopy", ".env"]);
    ann.git(&[
        "config",
        "aitask.worktreeSetup",
        "[ -e ../../once ] || { touch ../../once; kill -9 $PPID; }; echo x >>ran",
    ]);
    assert_eq!(ann.aitask(&["pick", "1"]).signal, Some(9));
    std::fs::write(ann.path(WORK).join("ran"), "").unwrap();
    std::fs::remove_file(ann.path(WORK).join(".env")).unwrap();
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!(
        (&json["worktree"]["created"], &json["worktree"]["copied"][0]),
        (&false.into(), &".env".into()),
        "{json}"
    );
    assert_eq!((ann.at(WORK).read("ran"), ann.at(WORK).read(".env")), ("x\n".into(), "secret\n".into()));
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.at(WORK).read("ran"), "x\n");
}

#[test]
fn a_pick_killed_before_it_prepares_the_worktree_is_finished_by_the_next() {
    let agent = Sleeper::new();
    let ann = World::new().initialised("ann").env("AIT_AGENT_PID", agent.pid());
    ann.task("One", &[]);
    ann.git(&["config", "aitask.worktreeSetup", "echo x >>../../ran"]);
    let dies = ann.with_git_that("[ \"$1 $2\" = 'worktree add' ] && { @GIT@ \"$@\"; kill -9 $PPID; exit 1; }");
    assert_eq!(dies.aitask(&["pick", "1"]).signal, Some(9));
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.read("ran"), "x\n");
}

#[test]
fn no_code_is_merged_into_a_branch_that_coordinates_or_cut_from_it() {
    let (world, ann) = worked();
    for branch in share(["aitask-locks", "aitask-ids", "aitask/t1_one"]) {
        refused(&ann, &["finish", "1", "--into", branch], "usage");
    }
    ann.task("Two", &[]);
    for branch in share(["aitask-locks", "aitask-ids"]) {
        ann.git(&["branch", "-q", "-f", branch, "main"]);
        refused(&ann, &["pick", "2", "--base", branch], "usage");
        refused(&ann, &["worktree", "add", "2", "--base", branch], "usage");
    }
    refused(&ann, &["pick", "1", "--base", "aitask/t1_one"], "usage");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    let world = World::new();
    let ann = world.clone("ann");
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("One", &[]);
    refused(&ann, &["pick", "1", "--base", "aitask-data"], "usage");
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).commit("work");
    refused(&ann, &["finish", "1", "--into", "aitask-data"], "usage");
    ann.aitask(&["finish", "1"]).ok();
}

#[test]
fn an_output_branch_that_is_not_pushed_is_said_to_be_here_alone() {
    let (_world, ann) = worked();
    ann.git(&["branch", "dev"]);
    let error = refused(&ann, &["finish", "1", "--into", "dev"], "usage");
    assert!(error["message"].as_str().unwrap().contains("dev is not published on origin"), "{error}");
    assert_eq!(hints(&error)[0], "git push -u origin dev");
    let error = refused(&ann, &["finish", "1", "--into", "nowhere"], "usage");
    assert!(error["message"].as_str().unwrap().contains("there is no branch nowhere"), "{error}");
    ann.git(&["push", "-q", "-u", "origin", "dev"]);
    ann.aitask(&["finish", "1", "--into", "dev"]).ok();
}

#[test]
fn a_task_in_work_without_a_worktree_says_so() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.aitask(&["status"])
        .ok()
        .assert()
        .stdout(contains("1 has no worktree; to create it: git aitask worktree add 1\n"));
    assert_eq!(ann.aitask(&["status", "--json"]).ok().json()["without_worktree"], serde_json::json!(["1"]));
    ann.aitask(&["show", "1"]).ok().assert().stdout(contains("none; to create it: git aitask worktree add 1\n"));
    ann.aitask(&["worktree", "add", "1"]).ok();
    for verb in [&["status"][..], &["show", "1"]] {
        ann.aitask(verb).ok().assert().stdout(contains("git aitask worktree add").not());
    }
}

#[test]
fn archiving_a_task_whose_branch_is_not_merged_says_so() {
    let (_world, ann) = worked();
    ann.at(WORK).write("new", "x");
    let json = ann.aitask(&["archive", "1", "--json"]).ok().json();
    let note = json["notes"][0].as_str().unwrap();
    assert!(note.contains("aitask/t1_one has 1 commit that main lacks") && note.contains("uncommitted work"), "{json}");
    assert_eq!(json["archived"][0], "aitasks/archived/t1_one.md");
}

#[test]
fn six_that_finish_at_once_all_land() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let ids: Vec<_> = (1..=6).map(|n| ann.task(&format!("Task {n}"), &[])).collect();
    for id in &ids {
        let path = ann.aitask(&["pick", id, "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
        ann.at(&path).write(&format!("work{id}.txt"), "work\n");
        ann.at(&path).commit("work");
    }
    let running: Vec<_> = ids.iter().map(|id| ann.start(&["finish", id])).collect();
    for run in running {
        run.wait().ok();
    }
    for id in &ids {
        assert_eq!(world.remote_file("main", &format!("work{id}.txt")).as_deref(), Some("work\n"));
        assert!(ann.path(format!("work{id}.txt")).exists(), "{id}");
    }
    assert_eq!((world.locks(), ann.git(&["branch", "--list", "aitask/*"])), (vec![], String::new()));
    assert_eq!(ann.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn commits_in_a_submodule_that_is_not_checked_out_keep_the_worktree() {
    let world = World::new();
    let ann = world.initialised("ann");
    world.git(&["init", "-q", "lib"]);
    let lib = ann.at(world.root().join("lib"));
    lib.write("l", "l\n");
    lib.git(&["add", "."]);
    lib.git(&["commit", "-qm", "lib"]);
    let allow = ["-c", "protocol.file.allow=always", "submodule", "--quiet"];
    ann.git(&[&allow[..], &["add", "../lib", "lib"]].concat());
    ann.git(&["commit", "-qam", "A submodule"]);
    ann.git(&["push", "-q"]);
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at("aiwork/t1_one");
    there.git(&[&allow[..], &["update", "--init"]].concat());
    let inner = ann.at("aiwork/t1_one/lib");
    inner.git(&["switch", "-qc", "fix"]);
    inner.write("l", "precious\n");
    inner.git(&["commit", "-qam", "only here"]);
    there.git(&["submodule", "--quiet", "deinit", "-f", "lib"]);
    there.write("w", "w\n");
    there.commit("w");
    for args in [&["finish", "1", "--json"][..], &["drop", "1", "--json"], &["worktree", "remove", "1", "--json"]] {
        assert_eq!(ann.aitask(args).fails(1).error()["error"]["kind"], "dirty", "{args:?}");
    }
    assert!(ann.path(".git/worktrees/t1_one/modules/lib/HEAD").exists());
}

#[test]
fn a_worktree_on_another_branch_or_none_is_shown_and_what_doctor_advises_loses_no_commit() {
    for (change, on) in
        [(&["branch", "-m", "feature/x"][..], "on feature/x"), (&["switch", "--detach"], "on no branch")]
    {
        let (_world, ann) = worked();
        let there = ann.at(WORK);
        there.git(change);
        there.write("own.txt", "mine\n");
        let own = there.commit("own");
        for args in [&["status"][..], &["show", "1"], &["worktree", "list"]] {
            ann.aitask(args).ok().assert().stdout(contains(WORK).and(contains(on)).and(contains("no worktree").not()));
        }
        ann.aitask(&["worktree", "path", "1"]).ok().assert().stdout(contains(WORK));
        let found = ann.aitask(&["doctor", "--json"]).fails(1).json();
        let finding = &found["findings"][0];
        assert!(finding["cause"].as_str().unwrap().contains(&on[3..]), "{found}");
        ann.follow(&finding["cures"][0]).ok();
        assert_eq!(ann.git(&["rev-parse", "aitask/t1_one"]).trim(), own, "{found}");
        ann.aitask(&["doctor"]).ok();
    }
}

#[test]
fn a_worktree_that_git_has_forgotten_is_not_left_behind_and_comes_back() {
    let (_world, ann) = worked();
    let there = ann.at(WORK);
    there.write("gone.txt", "deleted later\n");
    there.commit("gone");
    std::fs::remove_file(ann.path(WORK).join("gone.txt")).unwrap();
    there.write("wip.txt", "mine\n");
    // another worktree has the name of the registration meanwhile
    let taken = ann.world().root().join("t1_one");
    std::fs::rename(ann.path("aiwork"), ann.path("away")).unwrap();
    ann.git(&["worktree", "prune", "--expire", "now"]);
    std::fs::rename(ann.path("away"), ann.path("aiwork")).unwrap();
    for args in [&["finish", "1"][..], &["drop", "1"], &["worktree", "add", "1"]] {
        let error = refused(&ann, args, "occupied");
        assert!(error["message"].as_str().unwrap().contains("git has forgotten it"), "{error}");
    }
    let inside = ann.at(WORK).aitask(&["status", "--json"]).fails(128);
    let doctor = ann.follow(&inside.error()["error"]["hints"][0]).fails(1);
    assert!(doctor.stdout.contains("git has forgotten this worktree"), "{inside}{doctor}");
    for is_taken in [false, true] {
        let found = ann.aitask(&["doctor", "--json"]).fails(1).json();
        // typed twice
        for _ in 0..2 {
            ann.follow(&found["findings"][0]["cures"][0]).ok();
            assert_eq!(there.git(&["status", "--porcelain"]), " D gone.txt\n?? wip.txt\n");
        }
        if !is_taken {
            std::fs::rename(ann.path("aiwork"), ann.path("away")).unwrap();
            ann.git(&["worktree", "prune", "--expire", "now"]);
            ann.git(&["worktree", "add", "-q", "--detach", taken.to_str().unwrap()]);
            std::fs::rename(ann.path("away"), ann.path("aiwork")).unwrap();
        }
    }
    assert_eq!(ann.at(&taken).git(&["rev-parse", "--abbrev-ref", "HEAD"]), "HEAD\n");
    assert!(ann.git(&["worktree", "list"]).contains(taken.to_str().unwrap()));
    there.commit("wip");
    ann.aitask(&["finish", "1"]).ok();
}

#[test]
fn a_worktree_in_which_another_session_goes_on_is_not_removed_by_the_drop_before() {
    let (_world, ann) = worked();
    let tip = ann.at(WORK).git(&["rev-parse", "HEAD"]);
    // what runs after the drop is published, and before the worktree goes
    let pick = format!("GIT_AITASK_SESSION=other '{}' pick 1 >&2", env!("CARGO_BIN_EXE_git-aitask"));
    ann.git(&["config", "aitask.worktreeTeardown", &pick]);
    let json = ann.aitask(&["drop", "1", "--json"]).ok().json();
    assert!(json["notes"].to_string().contains("t1 was picked again meanwhile"), "{json}");
    assert_eq!((json["worktree_removed"].as_bool(), ann.at(WORK).git(&["rev-parse", "HEAD"])), (Some(false), tip));
    // and it has its record still
    ann.env("GIT_AITASK_SESSION", "other").aitask(&["finish", "1"]).ok();
}
