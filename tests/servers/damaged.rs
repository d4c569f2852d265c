//! A clone that a crash left broken, and addresses that lead nowhere: neither is the network, and the command that is named
//! repairs it.

use super::{kind, message, run, scene};
use crate::support::{Repo, Run, World};

/// A world with two tasks, the first of which Bob holds; Ann's clone has its objects in files of their own.
fn two_people() -> (World, Repo) {
    let (world, ann) = scene(2);
    run(&world.clone("bob"), "pick 1 --no-worktree").ok();
    run(&ann, "list --fetch").ok();
    unpack(&ann);
    (world, ann)
}

/// Gives every object a file of its own.
fn unpack(repo: &Repo) {
    let each = "for p in pack/*.pack; do [ ! -e $p ] || git unpack-objects -q <$p; done; rm -rf pack";
    repo.run("sh", &["-c", &format!("mv .git/objects/pack . 2>/dev/null; {each}")]).ok();
}

/// The first hint, followed.
#[track_caller]
fn cure(repo: &Repo, failed: &Run) {
    repo.follow(&failed.error()["error"]["hints"][0]);
}

#[track_caller]
fn damaged(repo: &Repo, line: &str, words: &str) -> Run {
    let failed = run(repo, line).fails(128);
    assert_eq!(kind(&failed), "damaged", "{failed}");
    assert!(message(&failed).contains(words), "{words}\n{failed}");
    assert!(!message(&failed).contains("cannot be reached"), "{failed}");
    failed
}

/// Puts a text, or what a power cut leaves, where a ref was.
fn break_ref(repo: &Repo, name: &str, text: &str) {
    let file = repo.path(".git").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

const TEXTS: [&str; 3] = ["garbage\n", "", "1234567890123456789012345678901234567890\n"];

#[test]
fn a_broken_tracking_ref_is_named_and_the_hint_repairs_it() {
    for name in
        ["refs/remotes/origin/main", "refs/remotes/origin/aitask-locks", "refs/aitask/known/origin/aitask-locks"]
    {
        for text in TEXTS {
            let (_world, ann) = two_people();
            break_ref(&ann, name, text);
            // A sync that finds nothing newer does not look at what it would keep of a fetch.
            let line = if name.starts_with("refs/aitask/") { "locks --json" } else { "sync --json" };
            let failed = run(&ann, line).fails(128);
            assert_eq!(kind(&failed), "damaged", "{name} {text}\n{failed}");
            cure(&ann, &failed);
            let held = run(&ann, "pick 1 --json").fails(1);
            assert_eq!(kind(&held), "held", "{name} {text}\n{held}");
            run(&ann, "pick 2").ok();
            run(&ann, "sync").ok();
        }
    }
}

#[test]
fn what_cannot_be_read_gives_nobody_a_held_task() {
    for what in ["origin/aitask-locks", "origin/aitask-locks^{tree}", "origin/aitask-locks:t1_lock.yaml"] {
        for text in [None, Some(""), Some("junk")] {
            let (_world, ann) = two_people();
            break_object(&ann, what, text);
            let shown = ann.aitask(&["list", "--json"]);
            let is_held = || shown.json()["tasks"][0]["lock"].is_object();
            assert!(shown.code != 0 || is_held(), "{what} {text:?}\n{shown}");
            for (line, kinds) in [
                ("edit 1 --status Postponed --json", ["damaged", "not_holder"]),
                ("pick 1 --json", ["damaged", "held"]),
            ] {
                let run = run(&ann, line);
                assert_ne!(run.code, 0, "{what} {text:?}\n{run}");
                assert!(kinds.contains(&kind(&run).as_str()), "{what} {text:?}\n{run}");
            }
        }
    }
}

fn break_object(repo: &Repo, what: &str, text: Option<&str>) {
    let oid = repo.git(&["rev-parse", what]);
    let (dir, file) = oid.trim().split_at(2);
    let file = repo.path(format!(".git/objects/{dir}/{file}"));
    std::fs::remove_file(&file).unwrap();
    if let Some(text) = text {
        std::fs::write(&file, text).unwrap();
    }
}

#[test]
fn a_broken_object_is_named_and_the_hints_repair_it() {
    for what in ["origin/main", "origin/main^{tree}"] {
        for text in [None, Some(""), Some("junk")] {
            let (world, ann) = two_people();
            if !world.has_git((2, 36), "a_broken_object_is_named_and_the_hints_repair_it") {
                return;
            }
            break_object(&ann, what, text);
            // a list that knows what is in the commit needs not read it
            std::fs::remove_dir_all(ann.path(".git/aitask/cache")).unwrap();
            let failed = run(&ann, "list --json").fails(128);
            assert_eq!(kind(&failed), "damaged", "{what} {text:?}\n{failed}");
            for hint in failed.error()["error"]["hints"].as_array().unwrap() {
                ann.follow(hint);
            }
            run(&ann, "list").ok();
            run(&ann, "pick 2").ok();
            ann.git(&["fsck", "--full"]);
        }
    }
}

#[test]
fn what_this_clone_lacks_is_no_state_of_the_locks_or_tasks() {
    let (world, ann) = two_people();
    if !world.has_git((2, 36), "what_this_clone_lacks_is_no_state_of_the_locks_or_tasks") {
        return;
    }
    for what in ["origin/aitask-locks:t1_lock.yaml", "origin/aitask-ids:next_id.txt", "origin/main:aitasks/t2_job2.md"]
    {
        break_object(&ann, what, None);
    }
    std::fs::remove_dir_all(ann.path(".git/aitask/cache")).unwrap();
    let shown = run(&ann, "list").ok();
    assert!(shown.stderr.contains("this clone is damaged: what the branch aitask-locks has"), "{shown}");
    assert!(shown.to_string().contains("t2_job2.md: its object is missing or broken in this clone"), "{shown}");
    for line in ["pick 1 --json", "pick 2 --json", "new more --json"] {
        damaged(&ann, line, "this clone is damaged");
    }
    let found = run(&ann, "doctor --json").fails(1).json();
    let kinds = ["missing_counter", "missing_object", "unreadable_lock"];
    let mut seen: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, kinds, "{found}");
    for finding in found["findings"].as_array().unwrap() {
        assert!(finding["cause"].as_str().unwrap().starts_with("this clone is damaged: "), "{finding}");
        assert!(finding.to_string().contains("--refetch") && !finding.to_string().contains("unlock"), "{finding}");
    }
    ann.git(&["fetch", "--quiet", "--refetch", "--all"]);
    run(&ann, "doctor").ok();
    unpack(&ann);
    break_object(&ann, "origin/aitask-locks^{tree}", None);
    damaged(&ann, "drop 1 --json", "what the branch aitask-locks has");
    break_object(&ann, "origin/main:aitasks", None);
    damaged(&ann, "sync --json", "this clone is damaged: ");
    ann.git(&["fetch", "--quiet", "--refetch", "--all"]);
    unpack(&ann);
    break_object(&ann, "origin/main", None);
    damaged(&ann, "pick 2 --json", "this clone is damaged: ");
    ann.git(&["fetch", "--quiet", "--refetch", "--all"]);
    run(&ann, "pick 2 --no-worktree").ok();
    unpack(&ann);
    break_object(&ann, "origin/aitask-locks:t2_lock.yaml", None);
    damaged(&ann, "drop 2 --json", "what the branch aitask-locks has");
}

#[test]
fn a_gc_during_a_push_is_damage_of_this_clone_and_the_hint_brings_the_objects_back() {
    let (world, ann) = scene(1);
    if !world.has_git((2, 36), "a_gc_during_a_push_is_damage_of_this_clone_and_the_hint_brings_the_objects_back") {
        return;
    }
    let hook = world.origin().join("hooks/pre-receive");
    let there = ann.top().display();
    world.script(&hook, &format!("#!/bin/sh\ncd '{there}' && env -i PATH=\"$PATH\" git prune --expire=now\n"));
    let picked = run(&ann, "pick 1").ok();
    assert!(picked.to_string().contains("the task is yours"), "{picked}");
    std::fs::remove_file(hook).unwrap();
    for line in ["status --json", "list --json", "sync --json", "lock 1 --json"] {
        damaged(&ann, line, "this clone is damaged: ");
    }
    cure(&ann, &run(&ann, "pick 1 --json").fails(128));
    run(&ann, "pick 1").ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    run(&ann, "doctor").ok();
}

#[test]
fn an_empty_object_met_by_a_push_is_no_refusal_of_the_server() {
    let (_world, ann) = two_people();
    break_object(&ann, "origin/aitask-locks", Some(""));
    let failed = run(&ann, "new more --json");
    if failed.code != 0 {
        assert_eq!(kind(&failed), "damaged", "{failed}");
    }
}

#[test]
fn a_broken_branch_is_put_back_as_its_reflog_has_it() {
    for text in &TEXTS[..2] {
        let (_world, ann) = two_people();
        let tip = ann.git(&["rev-parse", "main"]);
        break_ref(&ann, "refs/heads/main", text);
        let failed = damaged(&ann, "sync --json", "refs/heads/main");
        cure(&ann, &failed);
        assert_eq!(ann.git(&["rev-parse", "main"]), tip);
        run(&ann, "sync").ok();
    }
}

#[test]
fn a_broken_index_is_no_broken_task() {
    let (_world, ann) = two_people();
    std::fs::write(ann.path(".git/index"), "junk").unwrap();
    let failed = damaged(&ann, "sync --json", "index");
    cure(&ann, &failed);
    run(&ann, "sync").ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_configuration_that_cannot_be_read_is_no_missing_repository() {
    let (world, ann) = two_people();
    let config = ann.read(".git/config");
    // git itself would make nothing else of these
    for (text, words) in
        [("[core]\n\trepositoryFormatVersion = 7\n", "found 7"), ("[extensions]\n\tunheard = 1\n", "unheard")]
    {
        let text = if words == "found 7" {
            text.to_owned()
        } else {
            format!("{}{text}", config.replace("version = 0", "version = 1"))
        };
        std::fs::write(ann.path(".git/config"), text).unwrap();
        let failed = run(&ann, "list --json").fails(128);
        assert_eq!(kind(&failed), "git_too_old", "{failed}");
        assert!(message(&failed).contains(words) && !failed.stderr.contains("git init"), "{failed}");
    }
    std::fs::write(ann.path(".git/config"), "[core\n").unwrap();
    let failed = damaged(&ann, "list --json", ".git/config");
    cure(&ann, &failed);
    ann.write(".git/config", &config);
    let home = world.root().join("home/.gitconfig");
    let lines = std::fs::read_to_string(&home).unwrap();
    std::fs::write(&home, format!("{lines}[bad\n")).unwrap();
    let failed = damaged(&ann, "list --json", "/.gitconfig");
    assert!(!failed.stderr.contains("this clone") && !failed.stderr.contains("fsck"), "{failed}");
    cure(&ann, &failed);
}

#[test]
fn without_a_remote_a_broken_ref_is_said_at_once() {
    let (_world, ann) = scene(1);
    ann.git(&["remote", "remove", "origin"]);
    ann.git(&["config", "aitask.remote", "."]);
    run(&ann, "init --on main").ok();
    run(&ann, "new more").ok();
    break_ref(&ann, "refs/heads/aitask-ids", "garbage");
    let begun = std::time::Instant::now();
    let failed = run(&ann, "new again --json");
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{failed}");
    assert_ne!(failed.code, 0, "{failed}");
}

#[test]
fn an_address_that_leads_nowhere_is_not_the_network() {
    let (world, ann) = scene(1);
    for (url, words) in [
        ("htps://example.invalid/x", "remote-htps"),
        ("foo::bar", "remote-foo"),
        ("ssh://-oX/x", "strange hostname"),
        ("http://[bad/x", "bad/illegal format"),
    ] {
        ann.git(&["config", "remote.origin.url", url]);
        for line in ["pick 1 --json", "locks --json"] {
            let failed = damaged(&ann, line, words);
            assert!(failed.to_string().contains("git remote set-url origin"), "{failed}");
        }
    }
    ann.git(&["remote", "set-url", "origin", world.origin().to_str().unwrap()]);
    run(&ann, "pick 1").ok();
}

#[test]
fn a_task_whose_file_cannot_be_read_is_not_written_back_empty() {
    for text in [None, Some(""), Some("junk")] {
        let (world, ann) = scene(1);
        let before = world.remote_file("main", "aitasks/t1_job1.md").unwrap();
        break_object(&ann, "origin/main:aitasks/t1_job1.md", text);
        for line in ["pick 1 --json", "edit 1 --priority low --json", "archive 1 --json", "show 1 --json"] {
            let failed = run(&ann, line).fails(128);
            assert_eq!(kind(&failed), "damaged", "{text:?}\n{failed}");
        }
        assert_eq!(world.remote_file("main", "aitasks/t1_job1.md").as_deref(), Some(before.as_str()));
    }
}
