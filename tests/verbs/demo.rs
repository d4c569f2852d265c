//! `git aitask demo`.

use crate::support::World;

/// What is in the temporary folder of a world.
fn left(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.root().join("tmp")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn all_of_it_holds_and_nothing_is_left() {
    let world = World::new();
    let ann = world.clone("ann");
    // settings of the developer that would break it, were they seen
    ann.git(&["config", "--global", "commit.gpgSign", "true"]);
    ann.git(&["config", "--global", "gpg.program", "/bin/false"]);
    let hostile =
        ann.env("GIT_DIR", "/nowhere").env("GIT_AITASK_REMOTE", "nowhere").env("GIT_AITASK_WORKTREE", "false");
    let run = hostile.aitask(&["demo", "--agents", "4", "--tasks", "6", "--json"]).ok();
    let answer = run.json();
    assert_eq!(answer["schema"], 2);
    let agents = answer["agents"].as_array().unwrap();
    let names: Vec<_> = agents.iter().map(|agent| agent["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ann/1", "Bob/1", "Chen/1", "Dee/1"]);
    let sum = |field: &str| agents.iter().map(|agent| agent[field].as_u64().unwrap()).sum::<u64>();
    // three lost the fight, and one was refused before its takeover
    assert_eq!([sum("created"), sum("finished"), sum("picks_lost")], [6, 6, 4]);
    let invariants = answer["invariants"].as_array().unwrap();
    assert_eq!(invariants.len(), 9);
    assert!(invariants.iter().all(|invariant| invariant["holds"] == true), "{run}");
    assert!(answer["seconds"].as_f64().unwrap() > 0.0 && answer.get("folder").is_none(), "{run}");
    assert_eq!(left(&world), Vec::<String>::new());
}

#[test]
fn people_see_what_happens_and_may_keep_it() {
    let world = World::new();
    let ann = world.clone("ann");
    let run = ann.aitask(&["demo", "--agents=3", "--tasks=4", "--clones=2", "--keep"]).ok();
    for act in
        ["1. Ann, Bob clone", "2. 3 agents create 4 tasks", "3. all 3 agents pick t3", "4. ", "5. 2 agents", "6. "]
    {
        assert!(run.stderr.contains(act), "{act}: {run}");
    }
    assert!(run.stdout.contains("All invariants hold.\n") && run.stdout.contains("git aitask init"), "{run}");
    let kept = left(&world);
    assert!(kept.len() == 1 && run.stdout.contains(&kept[0]), "{run}");
    assert!(world.root().join("tmp").join(&kept[0]).join("origin.git").is_dir());
}

#[test]
fn sizes_that_are_too_small_for_the_demonstration_are_refused() {
    let ann = World::new().clone("ann");
    for size in ["--agents=1", "--tasks=3", "--clones=1", "--clones=9", "--agents=x"] {
        ann.aitask(&["demo", size]).fails(2);
    }
}

#[test]
fn a_broken_invariant_is_named_and_the_folder_is_left() {
    let world = World::new();
    // An older git gives the program the same list as the check.
    if !world.has_git((2, 36), "a_broken_invariant_is_named_and_the_folder_is_left") {
        return;
    }
    // a git that shows one worktree too many, but only to the command line of the check
    let git = world.real_git();
    let lie = r#"[ "$*" = "worktree list --porcelain" ] && echo "worktree /main" && echo "worktree /left""#;
    world.script(&world.root().join("bin/git"), &format!("#!/bin/sh\n{lie} && exit\nexec {} \"$@\"\n", git.display()));
    let ann = world.with_git(world.root().join("bin")).clone("ann");
    let run = ann.aitask(&["demo", "--agents=2", "--tasks=4", "--json", "-q"]).fails(1);
    let error = &run.error()["error"];
    assert_eq!(error["kind"], "invariant");
    assert!(error["message"].as_str().unwrap().starts_with("broken: no worktree left (Ann: /left"), "{run}");
    let broken = run.json()["invariants"].as_array().unwrap().iter().filter(|one| one["holds"] == false).count();
    assert_eq!(broken, 1, "{run}");
    assert!(std::path::Path::new(error["folder"].as_str().unwrap()).join("origin.git").is_dir(), "{run}");
}

#[test]
fn an_unexpected_answer_ends_it_and_the_folder_is_left() {
    let world = World::new();
    // a git whose every commit fails
    let script = format!("#!/bin/sh\n[ \"$1\" = commit ] && exit 1\nexec {} \"$@\"\n", world.real_git().display());
    world.script(&world.root().join("bin/git"), &script);
    let run = world.with_git(world.root().join("bin"));
    std::fs::create_dir(world.root().join("empty")).unwrap();
    let mut command = run.command(env!("CARGO_BIN_EXE_git-aitask"), &world.root().join("empty"));
    let output = command.args(["demo", "--json", "-q"]).output().unwrap();
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_ne!(output.status.code(), Some(0));
    let folder = std::path::Path::new(error["error"]["folder"].as_str().unwrap());
    assert!(folder.join("origin.git").is_dir(), "{error}");
}
