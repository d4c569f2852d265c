//! The move of the task data to a branch of its own: clones that do not know of it yet, obstacles, a kill in between.

use crate::support::{Repo, World, hints, share};

/// Two clones that know one task, on the code branch.
fn on_main() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let bob = world.initialised_on_main("bob");
    (world, ann, bob)
}

/// All refs of the remote.
fn published(world: &World) -> String {
    world.git(&["--git-dir=origin.git", "for-each-ref"])
}

/// The modes and names of the task data as the remote has them.
fn modes(world: &World) -> String {
    let listed = world.git(&["--git-dir=origin.git", "ls-tree", "-r", "aitask-data"]);
    let line = |line: &str| {
        let (head, path) = line.split_once('\t').unwrap();
        format!("{} {path}\n", head.split(' ').next().unwrap())
    };
    listed.lines().map(line).collect()
}

#[test]
fn a_clone_that_has_its_tasks_on_main_does_not_go_on_there() {
    let (world, ann, bob) = on_main();
    ann.aitask(&["init", "--data-branch"]).ok();
    let before = published(&world);
    for line in ["new From_bob", "edit 1 --effort low", "pick 1", "new Again", "archive 1", "drop 1", "init"] {
        let run = bob.aitask(&[&line.split(' ').collect::<Vec<_>>()[..], &["--json"]].concat()).fails(1);
        let error = &run.error()["error"];
        assert!(error["message"].as_str().unwrap().contains("lives on aitask-data"), "{line}\n{run}");
        assert_eq!(hints(error)[0], "git aitask init --data-branch", "{run}");
    }
    assert_eq!(published(&world), before);
    assert!(bob.aitask(&["list"]).fails(1).stderr.contains("git aitask init --data-branch"));
    bob.aitask(&["init", "--data-branch"]).ok();
    assert!(bob.aitask(&["list"]).ok().stdout.contains("One"));
    assert_eq!(bob.task("From bob", &[]), "2");
    assert!(world.remote_file("aitask-data", "aitasks/t2_from_bob.md").is_some());
    assert_eq!(world.remote_files("main"), [".gitignore", "README.md"]);
}

#[test]
fn the_scripts_do_not_go_on_there_either_once_the_clone_knows() {
    let (world, ann, bob) = on_main();
    ann.aitask(&["init", "--data-branch"]).ok();
    bob.git(&["fetch", "-q"]);
    let (before, main) = (published(&world), bob.git(&["rev-parse", "main"]));
    let create = ["--batch", "--commit", "--name", "from_bob", "--desc", "d"];
    for (script, args) in
        [("aitask_create.sh", &create[..]), ("aitask_update.sh", &["--batch", "1", "--effort", "low", "--commit"])]
    {
        let run = bob.script(script, args).fails(1);
        assert!(run.stderr.contains("moved to the branch aitask-data"), "{run}");
    }
    assert_eq!((published(&world), bob.git(&["rev-parse", "main"])), (before, main));
    bob.git(&["pull", "-q"]);
    bob.script("aitask_setup.sh", &[]).ok();
    bob.script("aitask_create.sh", &create).ok();
    assert!(bob.path(".aitask-data/aitasks/t2_from_bob.md").exists());
}

#[test]
fn a_status_that_a_protected_branch_did_not_take_moves_along_and_its_task_is_finished() {
    for protected in share([true, false]) {
        let (world, ann, bob) = on_main();
        if protected {
            world.protect("main");
        }
        ann.aitask(&["pick", "1"]).ok();
        ann.aitask(&["init", "--data-branch"]).ok();
        let text = world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap();
        assert!(text.contains("status: Implementing") && ann.read("aitasks/t1_one.md") == text, "{text}");
        assert_eq!(ann.git(&["status", "--porcelain"]), "");
        // What was taken before the move is given back, and finished, after it.
        ann.aitask(&["drop", "1"]).ok();
        ann.aitask(&["pick", "1"]).ok();
        bob.aitask(&["init", "--data-branch"]).ok();
        assert!(bob.aitask(&["list"]).ok().stdout.contains("Implementing"));
    }
    let (_world, ann, _bob) = on_main();
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").write("work.txt", "work\n");
    ann.at("aiwork/t1_one").commit("the work");
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.aitask(&["finish", "1"]).ok();
    assert!(ann.path("aitasks/archived/t1_one.md").exists() && ann.path("work.txt").exists());
}

#[test]
fn a_draft_of_the_old_place_does_not_hide_the_data_branch() {
    let (world, ann, bob) = on_main();
    bob.write("aitasks/new/draft_20260101_0101_x.md", "mine\n");
    bob.write("aitasks/metadata/userconfig.yaml", "email: bob@example.com\n");
    ann.aitask(&["init", "--data-branch"]).ok();
    let before = published(&world);
    bob.aitask(&["sync"]).ok();
    assert!(bob.aitask(&["list"]).ok().stdout.contains("One"));
    bob.aitask(&["init"]).ok();
    assert_eq!(published(&world), before);
    assert_eq!(bob.read(".aitask-data/aitasks/new/draft_20260101_0101_x.md"), "mine\n");
    assert!(bob.path("aitasks").is_symlink() && bob.path("aitasks/metadata/userconfig.yaml").is_file());
}

#[test]
fn what_a_gitignore_in_another_encoding_ignores_stays_ignored() {
    let world = World::new();
    let ann = world.clone("ann");
    let text = b"caf\xe9/\n.codex/auth.json\r\n*.key";
    std::fs::write(ann.path(".gitignore"), text).unwrap();
    ann.write(".codex/auth.json", "TOKEN\n");
    ann.git(&["add", ".gitignore"]);
    ann.git(&["commit", "-q", "-m", "ignore"]);
    ann.git(&["push", "-q"]);
    ann.script("aitask_setup.sh", &[]).ok();
    assert_eq!(ann.git(&["ls-files", ".codex"]), "");
    assert!(std::fs::read(ann.path(".gitignore")).unwrap().starts_with(&[text.as_slice(), b"\n"].concat()));
}

#[test]
fn killed_before_the_drafts_moved_over_it_is_finished_by_the_same_command() {
    let (_world, ann, _bob) = on_main();
    ann.write("aitasks/new/draft_20260101_0101_x.md", "mine\n");
    ann.write("aitasks/metadata/userconfig.yaml", "email: ann@example.com\n");
    let hook = "#!/bin/sh\nrm \"$0\"\np=$$\nuntil [ \"$(cat /proc/$p/comm)\" = git-aitask ]; do\n\
                p=$(awk '/^PPid/ { print $2 }' /proc/$p/status)\ndone\nkill -9 $p\n";
    ann.world().script(&ann.path(".git/hooks/post-checkout"), hook);
    let run = ann.aitask(&["init", "--data-branch"]);
    assert_eq!(run.signal, Some(9), "{run}");
    assert!(!ann.path("aitasks").is_symlink() && ann.path(".aitask-data/.git").exists());
    let create = ["--batch", "--name", "Two", "--desc", "x", "--commit"];
    let run = ann.script("aitask_create.sh", &create).fails(1);
    assert!(run.stderr.contains("ait setup"), "{run}");
    ann.aitask(&["init", "--data-branch"]).ok();
    assert!(ann.path("aitasks").is_symlink() && ann.path("aitasks/metadata/userconfig.yaml").is_file());
    assert_eq!(ann.read(".aitask-data/aitasks/new/draft_20260101_0101_x.md"), "mine\n");
    ann.script("aitask_create.sh", &create).ok();
    assert_eq!(ann.at(".aitask-data").git(&["log", "-1", "--format=%s"]), "ait: Add task t2: two\n");
}

#[test]
fn what_is_in_the_way_of_the_move_is_said_before_anything_is_published() {
    let (world, ann, _bob) = on_main();
    ann.write(".gitignore", "target/\n");
    ann.commit("ignore");
    ann.git(&["push", "-q"]);
    let before = published(&world);
    let refused = |what: &str| {
        let run = ann.aitask(&["init", "--data-branch"]).fails(1);
        assert!(run.stderr.contains(what), "{run}");
        assert_eq!(ann.git(&["rev-parse", "main"]), ann.git(&["rev-parse", "origin/main"]));
        let run = ann.script("aitask_setup.sh", &[]).ok();
        assert!(run.stdout.contains(&format!("[ait] Warning: {what}")), "{run}");
        assert_eq!(published(&world), before);
        assert_eq!(ann.git(&["diff", "--name-only", "origin/main", "main", "--", "aitasks", "aiplans"]), "");
    };
    ann.write(".gitignore", "target/\nmine/\n");
    refused(".gitignore");
    ann.git(&["checkout", "-q", ".gitignore"]);
    ann.write(".aitask-data/mine", "mine\n");
    refused(&format!(
        "{} exists, so the data branch cannot be checked out there",
        ann.top().canonicalize().unwrap().join(".aitask-data").display()
    ));
    std::fs::remove_dir_all(ann.path(".aitask-data")).unwrap();
    ann.script("aitask_setup.sh", &[]).ok();
    assert!(ann.path("aitasks/t1_one.md").is_file() && ann.path("aitasks").is_symlink());
}

#[test]
fn half_a_move_is_finished_from_another_clone() {
    let (world, ann, bob) = on_main();
    ann.script("aitask_setup.sh", &[]).ok();
    ann.aitask(&["edit", "1", "--effort", "low"]).ok();
    assert!(world.remote_file("main", "aitasks/t1_one.md").is_some());
    bob.aitask(&["init", "--data-branch"]).ok();
    assert_eq!(world.remote_file("main", "aitasks/t1_one.md"), None);
    assert!(bob.read("aitasks/t1_one.md").contains("effort: low"));
    // What the data branch never had is not taken away.
    let cat = world.clone("cat");
    cat.write("aitasks/t7_old.md", "old\n");
    cat.git(&["add", "-f", "aitasks"]);
    cat.git(&["commit", "-q", "-m", "a task on main"]);
    cat.git(&["push", "-q"]);
    let before = published(&world);
    let run = cat.aitask(&["init", "--data-branch"]).fails(1);
    assert!(run.stderr.contains("aitasks/t7_old.md"), "{run}");
    assert_eq!(published(&world), before);
}

#[test]
fn links_and_programs_are_the_same_on_the_data_branch() {
    let (world, ann, _bob) = on_main();
    ann.write("aitasks/metadata/check.sh", "#!/bin/sh\n");
    ann.run("chmod", &["+x", "aitasks/metadata/check.sh"]).ok();
    std::os::unix::fs::symlink("t1_one.md", ann.path("aitasks/current.md")).unwrap();
    ann.commit("a link and a program");
    ann.git(&["push", "-q"]);
    ann.aitask(&["init", "--data-branch"]).ok();
    let modes = modes(&world);
    for line in ["100755 aitasks/metadata/check.sh", "120000 aitasks/current.md", "100644 aitasks/t1_one.md"] {
        assert!(modes.contains(line), "{modes}");
    }
}

#[test]
fn two_moves_at_once_in_one_clone_lose_no_file() {
    for round in 0..6 {
        let (world, ann, _bob) = on_main();
        ann.write("aitasks/new/draft_20260101_0101_x.md", "mine\n");
        ann.write("aitasks/metadata/userconfig.yaml", "email: ann@example.com\n");
        let start = || match round % 2 {
            0 => ann.start(&["init", "--data-branch"]),
            _ => ann.start_script("aitask_setup.sh", &[]),
        };
        let both = [start(), start()];
        for run in both {
            run.wait();
        }
        ann.aitask(&["init", "--data-branch"]).ok();
        assert_eq!(ann.read(".aitask-data/aitasks/new/draft_20260101_0101_x.md"), "mine\n");
        assert!(ann.path(".aitask-data/aitasks/metadata/userconfig.yaml").exists() && ann.path("aitasks").is_symlink());
        let deleted = ann.at(".aitask-data").git(&["status", "--porcelain"]);
        assert!(!deleted.contains(" D "), "{deleted}");
        assert!(world.remote_file("aitask-data", "aitasks/t1_one.md").is_some());
    }
}
