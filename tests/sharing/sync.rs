//! `aitask_sync.sh` and `git aitask sync`: what goes over, and in one connection where there is nothing.

use super::{sync, task, two, whole};
use crate::support::{Repo, Sleeper, World, skipped, thorough};
use predicates::str::contains;
use std::time::Instant;

#[test]
fn a_sync_of_two_clones_step_by_step() {
    let (_world, ann, bob) = two();
    assert_eq!(sync(&ann), "NOTHING");
    ann.write("aitasks/t1_sample.md", &task("", "Body\nedit\n"));
    assert_eq!((sync(&ann), sync(&bob), sync(&bob)), ("PUSHED".into(), "PULLED".into(), "NOTHING".into()));
    ann.write("aitasks/t2_a.md", &task("", "a\n"));
    bob.write("aitasks/t3_b.md", &task("", "b\n"));
    assert_eq!((sync(&ann), sync(&bob), sync(&ann)), ("PUSHED".into(), "SYNCED".into(), "PULLED".into()));
    let run = ann.script("aitask_sync.sh", &[]).ok();
    assert_eq!(run.stdout, "Fetching from remote...\nAlready up to date\n");
    let subject = ann.script("ait", &["git", "log", "--no-merges", "-1", "--format=%s"]).ok().stdout;
    assert_eq!(subject, "ait: Auto-commit task changes before sync\n");
}

#[test]
fn nothing_to_do_is_one_connection() {
    let (_world, ann, _bob) = two();
    ann.count_connections();
    assert_eq!(sync(&ann), "NOTHING");
    assert_eq!(ann.connections(), ["fetch"]);
    ann.aitask(&["sync"]).ok();
    assert_eq!(ann.connections(), ["fetch"]);
    ann.script("ait", &["git", "push"]).ok();
    assert_eq!(ann.connections(), ["fetch"]);
    ann.write("aitasks/t1_sample.md", "changed\n");
    ann.script("ait", &["git", "commit", "-qam", "ait: by hand"]).ok();
    assert_eq!(ann.script("ait", &["git", "push", "--batch"]).ok().stdout, "PUSHED\n");
    assert_eq!(ann.connections(), ["push"]);
}

#[test]
fn twelve_at_once_in_one_checkout_all_tell_the_truth() {
    let (world, ann, _bob) = two();
    ann.write("aitasks/t2_a.md", "text\n");
    let running: Vec<_> = (0..12).map(|_| ann.start(&["compat", "aitask_sync.sh", "--batch"])).collect();
    let mut lines: Vec<_> = running.into_iter().map(|run| run.wait().ok().stdout).collect();
    lines.sort();
    assert_eq!((lines.pop().unwrap(), lines), ("PUSHED\n".into(), vec!["NOTHING\n".to_owned(); 11]));
    assert_eq!(world.remote_file("aitask-data", "aitasks/t2_a.md").as_deref(), Some("text\n"));
    whole(&ann);
}

#[test]
fn two_clones_at_once_converge() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    bob.write("aitasks/t1_sample.md", &task("his: 1\n", "Body\n"));
    let both = [&ann, &bob].map(|repo| repo.start(&["compat", "aitask_sync.sh", "--batch"]));
    for run in both {
        let line = run.wait().ok().stdout;
        assert!(["PUSHED\n", "AUTOMERGED\n"].contains(&line.as_str()), "{line}");
    }
    for repo in [&ann, &bob, &ann] {
        sync(repo);
    }
    let merged = ann.read("aitasks/t1_sample.md");
    assert!(merged.contains("hers: 1\n") && merged.contains("his: 1\n"), "{merged}");
    assert_eq!((bob.read("aitasks/t1_sample.md"), sync(&bob)), (merged, "NOTHING".into()));
}

#[test]
fn a_branch_that_was_never_pushed_is_published() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "rename", "origin", "later"]);
    ann.git(&["config", "aitask.remote", "."]);
    ann.aitask(&["init", "--data-branch"]).ok();
    assert_eq!(sync(&ann), "NO_REMOTE");
    ann.git(&["remote", "rename", "later", "origin"]);
    ann.write("aitasks/t1_a.md", "text\n");
    assert_eq!(sync(&ann), "PUSHED");
    let upstream = ann.script("ait", &["git", "rev-parse", "--abbrev-ref", "@{u}"]).ok().stdout;
    assert_eq!(upstream, "origin/aitask-data\n");
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-data"]);
    assert_eq!((sync(&ann), sync(&ann)), ("PUSHED".into(), "NOTHING".into()));
}

#[test]
fn a_second_clone_has_no_plans_and_syncs_all_the_same() {
    let (world, ann, bob) = two();
    std::fs::remove_file(bob.path(".aitask-data/aiplans/p1_sample.md")).unwrap();
    std::fs::remove_dir(bob.path(".aitask-data/aiplans")).unwrap();
    bob.write("aitasks/t1_sample.md", "edit\n");
    assert_eq!((sync(&bob), sync(&ann)), ("PUSHED".into(), "PULLED".into()));
    assert_eq!(world.remote_files("aitask-data").iter().filter(|path| path.starts_with("aiplans")).count(), 0);
}

#[test]
fn on_a_code_branch_only_task_data_is_committed_and_the_rest_stays_as_it_was() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
    ann.write("src/staged.c", "staged\n");
    ann.git(&["add", "src/staged.c"]);
    ann.write("README.md", "dirty\n");
    ann.write("aitasks/t1_a.md", "text\n");
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\nA  src/staged.c\n");
    assert_eq!(bob.read("aitasks/t1_a.md"), "text\n");
    bob.write("aitasks/t1_a.md", "more\n");
    bob.write("other.c", "code\n");
    bob.commit("code");
    bob.git(&["push", "-q"]);
    assert_eq!(sync(&ann), "PULLED");
    ann.git(&["switch", "-qc", "private"]);
    assert_eq!(sync(&ann), "ERROR:no_upstream");
    assert_eq!(world.remote_branch("private"), None);
}

#[test]
fn the_verb_says_what_it_did_and_removes_locks_of_archived_tasks() {
    let (world, ann, bob) = two();
    bob.aitask(&["lock", "1"]).ok();
    std::fs::create_dir_all(bob.path("aitasks/archived")).unwrap();
    std::fs::rename(bob.path("aitasks/t1_sample.md"), bob.path("aitasks/archived/t1_sample.md")).unwrap();
    let json = bob.aitask(&["sync", "--json"]).ok().json();
    assert_eq!(
        (&json["did"], &json["committed"], &json["released"]),
        (&"pushed".into(), &2.into(), &serde_json::json!(["1"]))
    );
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!(ann.aitask(&["sync"]).ok().stdout.starts_with("pulled"));
}

#[test]
fn a_held_task_that_another_person_files_by_hand_stays_held_and_its_holder_brings_it_back() {
    let (world, ann, bob) = two();
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.path("aiwork/t1_sample");
    ann.git(&["-C", work.to_str().unwrap(), "commit", "-q", "--allow-empty", "-m", "work"]);
    bob.aitask(&["sync"]).ok();
    std::fs::create_dir_all(bob.path("aitasks/archived")).unwrap();
    std::fs::rename(bob.path("aitasks/t1_sample.md"), bob.path("aitasks/archived/t1_sample.md")).unwrap();
    let run = bob.aitask(&["sync"]).ok();
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("t1 is archived, and still held by ann@example.com") && !said.contains("released:"), "{run}");
    bob.aitask(&["doctor", "--fix"]).fails(1).assert().stdout(contains("git aitask unlock 1 --force"));
    bob.aitask(&["reopen", "1"]).fails(1).assert().stderr(contains("held by ann@example.com"));
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    let run = ann.aitask(&["finish", "1"]).fails(1);
    assert!(run.stderr.contains("t1 was archived by bob") && run.stderr.contains("git aitask reopen 1"), "{run}");
    let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
    assert_eq!((&json["task"]["mine"], world.locks()), (&true.into(), vec!["t1_lock.yaml".to_owned()]), "{json}");
    bob.aitask(&["pick", "1"]).fails(1);
    ann.aitask(&["pick", "1"]).ok();
    ann.aitask(&["finish", "1"]).ok();
    // Filed by its holder, it is released by that one.
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn beside_a_staged_file_the_hint_of_a_conflict_leads_on() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("aitasks/t1_a.md", "text\n");
    ann.aitask(&["sync"]).ok();
    let bob = world.clone("bob");
    bob.write("aitasks/t1_a.md", "his\n");
    bob.aitask(&["sync"]).ok();
    ann.write("aitasks/t1_a.md", "hers\n");
    ann.write("README.md", "staged\n");
    ann.git(&["add", "README.md"]);
    let failed = ann.aitask(&["sync", "--json"]).fails(1);
    ann.follow(&failed.error()["error"]["hints"][0]);
    assert_eq!(ann.git(&["diff", "--name-only", "--diff-filter=U"]), "aitasks/t1_a.md\n");
    ann.write("aitasks/t1_a.md", "both\n");
    ann.git(&["commit", "-qam", "both"]);
    ann.aitask(&["sync"]).ok();
    ann.git(&["stash", "pop", "-q"]);
    assert_eq!(ann.git(&["diff", "HEAD", "--name-only"]), "README.md\n");
    assert_eq!(world.remote_file("main", "aitasks/t1_a.md").as_deref(), Some("both\n"));
}

/// 200 files changed on both sides; slow on a busy machine, so only when asked for.
#[test]
fn two_hundred_files_of_both_sides_in_two_seconds() {
    if !thorough() {
        return skipped("two_hundred_files_of_both_sides_in_two_seconds", "AITASK_TEST_ALL is not set");
    }
    let (_world, ann, bob) = two();
    let fill = |repo: &crate::support::Repo, fields: &str| {
        for n in 1..=200 {
            repo.write(&format!("aitasks/t{n}_x.md"), &task(fields, "Body\n"));
        }
    };
    fill(&ann, "issue: 0\n");
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    fill(&ann, "issue: 0\nboardcol: now\n");
    fill(&bob, "issue: 1\nboardidx: 10\n");
    assert_eq!(sync(&ann), "PUSHED");
    let started = std::time::Instant::now();
    assert_eq!(sync(&bob), "AUTOMERGED");
    eprintln!("200 files of both sides: {:?}", started.elapsed());
    let merged = bob.read("aitasks/t200_x.md");
    assert!(merged.contains("issue: 1\nboardidx: 10\nboardcol: now\n"), "{merged}");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let (world, ann, bob) = two();
    for (repo, field) in [(&ann, "hers"), (&bob, "his")] {
        repo.write("aitasks/t1_sample.md", &task(&format!("{field}: 1\n"), "Body\n"));
    }
    let rehearse = |repo: &Repo| {
        let refs = ["for-each-ref", "refs/heads", "refs/remotes"];
        let everything = || (repo.git(&refs), repo.git(&["-C", ".aitask-data", "status", "--porcelain"]));
        repo.git(&["fetch", "-q"]);
        let (before, there) = (everything(), world.remote_branch("aitask-data"));
        let said = repo.aitask(&["sync", "--dry-run", "--json"]).ok().json();
        assert_eq!((everything(), world.remote_branch("aitask-data")), (before, there));
        said
    };
    let said = rehearse(&ann);
    assert_eq!((&said["did"], &said["committed"]), (&"pushed".into(), &1.into()));
    assert_eq!(said["dry_run"]["refs"][0]["ref"], "refs/heads/aitask-data");
    ann.aitask(&["sync"]).ok();
    let said = rehearse(&bob);
    assert_eq!((&said["did"], &said["merged"][0]), (&"merged".into(), &"aitasks/t1_sample.md".into()));
    let tree = |commit: &str| bob.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let foreseen = tree(said["dry_run"]["refs"][0]["new"].as_str().unwrap());
    let page = bob.aitask(&["sync", "--dry-run"]).ok().stdout;
    assert!(page.starts_with("nothing was changed (--dry-run)") && page.contains("git push"), "{page}");
    bob.aitask(&["sync"]).ok();
    assert_eq!(tree("aitask-data"), foreseen);
    assert_eq!(rehearse(&ann)["did"], "pulled");
    ann.aitask(&["sync"]).ok();
    assert_eq!(rehearse(&ann)["dry_run"], serde_json::json!({"refs": [], "commands": []}));
    // What would be in the way is foreseen.
    ann.write("aitasks/t1_sample.md", &task("x: 1\n", "Body\n"));
    ann.write(".aitask-data/foo.txt", "hers\n");
    ann.script("ait", &["git", "add", "foo.txt"]).ok();
    ann.script("ait", &["git", "commit", "-qm", "ait: foo", "foo.txt"]).ok();
    ann.aitask(&["sync"]).ok();
    bob.write(".aitask-data/foo.txt", "his\n");
    for options in [&["sync", "--dry-run"][..], &["sync"]] {
        assert!(bob.aitask(options).fails(1).stderr.contains("foo.txt"));
    }
    std::fs::remove_file(bob.path(".aitask-data/foo.txt")).unwrap();
    bob.write("aitasks/t1_sample.md", &task("x: 2\n", "Body\n"));
    let error = bob.aitask(&["sync", "--dry-run", "--json"]).fails(1).error();
    assert_eq!(error["error"]["kind"], "conflict");
}

#[test]
fn a_remote_that_hangs_is_given_up_after_ten_seconds_or_less_where_a_limit_is_set() {
    let (_world, ann, _bob) = two();
    let (least, most) = if thorough() { (9, 20) } else { (1, 8) };
    if !thorough() {
        ann.git(&["config", "aitask.timeout", "1"]);
    }
    ann.git(&["config", "core.sshCommand", "sleep 60 #"]);
    ann.git(&["remote", "set-url", "origin", "ssh://nowhere.example/x"]);
    ann.write("aitasks/t1_sample.md", &task("x: 1\n", "Body\n"));
    let begin = Instant::now();
    assert_eq!(sync(&ann), "NO_NETWORK");
    let took = begin.elapsed().as_secs();
    assert!((least..most).contains(&took), "{took} s");
    // The edit is committed, for the next run to push.
    assert_eq!(ann.script("ait", &["git", "status", "--porcelain"]).ok().stdout, "");
    whole(&ann);
}

#[test]
fn no_python_is_needed_to_merge() {
    let (world, ann, bob) = two();
    let bin = world.root().join("bin");
    for name in ["python", "python3"] {
        world.script(&bin.join(name), "#!/bin/sh\necho called >>\"$HOME/called\"\nexit 127\n");
    }
    ann.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    bob.write("aitasks/t1_sample.md", &task("his: 1\n", "Body\n"));
    assert_eq!(
        (sync(&ann), sync(&bob.with_programs(&bin).env("AIT_PYTHON", "/nowhere"))),
        ("PUSHED".into(), "AUTOMERGED".into())
    );
    assert!(!world.root().join("home/called").exists());
}

#[test]
fn a_push_goes_to_the_remote_that_the_branch_follows() {
    let (world, ann, _bob) = two();
    ann.git(&["remote", "rename", "origin", "up"]);
    for n in ["1", "2"] {
        ann.script("ait", &["git", "commit", "-q", "--allow-empty", "-m", n]).ok();
        assert_eq!(ann.script("ait", &["git", "push", "--batch"]).ok().stdout, "PUSHED\n");
        assert_eq!(world.remote_branch("aitask-data").as_deref(), Some(ann.git(&["rev-parse", "aitask-data"]).trim()));
        // With an origin beside it, too.
        world.git(&["init", "-q", "--bare", "other.git"]);
        ann.git(&["config", "remote.origin.url", world.root().join("other.git").to_str().unwrap()]);
    }
    assert_eq!(world.git(&["--git-dir=other.git", "for-each-ref"]), "");
    assert_eq!(ann.script("ait", &["git", "push", "--batch"]).ok().stdout, "NOTHING\n");
}

#[test]
fn the_verb_loses_no_field_that_one_side_alone_changed() {
    let (_world, ann, bob) = two();
    let fields = |priority: &str, effort: &str| {
        format!("---\npriority: {priority}\neffort: {effort}\nstatus: Ready\nupdated_at: 2026-01-01 10:00\n---\nBody\n")
    };
    ann.write("aitasks/t1_sample.md", &fields("medium", "medium"));
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "PULLED".into()));
    ann.write("aitasks/t1_sample.md", &fields("low", "medium"));
    bob.write("aitasks/t1_sample.md", &fields("medium", "high"));
    ann.aitask(&["sync"]).ok();
    bob.aitask(&["sync"]).ok();
    assert_eq!(bob.read("aitasks/t1_sample.md"), fields("low", "high"));
}

#[test]
fn somebody_who_watches_a_sync_is_told_each_step_and_the_merged_files_aside() {
    let (_world, ann, bob) = two();
    let watched = |repo: &Repo| repo.script("aitask_sync.sh", &[]).ok();
    let fetching = "Fetching from remote...\n";
    assert_eq!(watched(&ann).stdout, format!("{fetching}Already up to date\n"));
    ann.write("aitasks/t1_sample.md", &task("", "Body\n").replace("[ui]", "[ui, api]"));
    ann.write("aitasks/t2_new.md", "new\n");
    assert_eq!(
        watched(&ann).stdout,
        format!(
            "Auto-committing 2 modified task/plan files\n{fetching}Pushing 1 commits to remote\nSync complete: pushed\n"
        )
    );
    bob.write("aitasks/t1_sample.md", &task("", "Body\n").replace("[ui]", "[ui, db]"));
    let run = watched(&bob);
    assert!(run.stdout.contains("Pulling 1 new commits\n") && run.stdout.contains("\nSync complete: "), "{run}");
    assert!(!run.stdout.contains("Auto-merged") && run.stderr == "Auto-merged: aitasks/t1_sample.md\n", "{run}");
    assert_eq!(watched(&ann).stdout.lines().last(), Some("Sync complete: pulled"));
    for (args, code) in [
        (&["--batch", "-h"][..], 0),
        (&["--help", "--bogus"], 0),
        (&["-h"], 0),
        (&["--bogus", "--help"], 1),
        (&["now"], 1),
    ] {
        let run = ann.script("aitask_sync.sh", args);
        assert_eq!((run.code, run.stdout.is_empty()), (code, code == 1), "{args:?}: {run}");
    }
}
