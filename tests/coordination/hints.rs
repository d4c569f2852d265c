//! The way on that a message names is tried here: it helps.

use crate::support::{Repo, Run, World};

/// The hints of an error, or the advice of a page, that begin with these words.
#[track_caller]
fn hint(run: &Run, start: &str) -> String {
    let lines = run.stdout.lines().chain(run.stderr.lines());
    let found = lines.map(|line| line.trim().trim_start_matches("try: ")).find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("nothing begins with {start}\n{run}")).to_owned()
}

/// Runs it as a person does who pastes it.
#[track_caller]
fn follow(repo: &Repo, line: &str) {
    let program = env!("CARGO_BIN_EXE_git-aitask").rsplit_once('/').unwrap().0;
    repo.run("sh", &["-c", &format!("PATH={program}:$PATH; {line}")]).ok();
}

/// Runs it where it tells the way on.
#[track_caller]
fn follow_fails(repo: &Repo, line: &str) {
    assert_ne!(repo.aitask(&line.split(' ').skip(2).collect::<Vec<_>>()).code, 0, "{line}");
}

#[test]
fn dubious_ownership() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.write("sub/file", "x\n");
    let others = ann.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    for repo in [others.at("."), others.at("sub")] {
        let refused = repo.aitask(&["list"]).fails(128);
        let cure = hint(&refused, "git config --global --add safe.directory");
        assert!(!cure.ends_with(['/', '\'', '"']), "{cure}");
        repo.run("sh", &["-c", &format!("unset GIT_TEST_ASSUME_DIFFERENT_OWNER; {cure}")]).ok();
        repo.aitask(&["list"]).ok();
        repo.git(&["config", "--global", "--unset-all", "safe.directory"]);
    }
    // as git says it of a remote that is a folder, and of one on a server
    for (path, note) in [(world.origin().display().to_string(), ""), ("/far/hub.git".to_owned(), "# on the server")] {
        let said = format!("fatal: detected dubious ownership in repository at '{path}'");
        world.script(&world.root().join("serve"), &format!("#!/bin/sh\necho \"{said}\" >&2; exit 128\n"));
        let serve = world.root().join("serve").display().to_string();
        let there = ["uploadpack", "receivepack"].map(|program| format!("remote.origin.{program}"));
        for key in there {
            ann.git(&["config", &key, &serve]);
        }
        for args in [&["list", "--fetch"][..], &["new", "One"]] {
            let refused = ann.aitask(args).fails(128);
            let cure = hint(&refused, "git config --global --add safe.directory");
            assert!(cure.contains(&path) && cure.ends_with(note), "{refused}");
        }
    }
}

#[test]
fn a_repository_that_was_moved() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    for (id, inside) in [("1", false), ("2", true)] {
        let name = if inside { "moved" } else { "ann" };
        let from = ann.at(world.root().join(name));
        from.aitask(&["pick", id]).ok();
        let to = world.root().join(format!("{name}2"));
        std::fs::rename(world.root().join(name), &to).unwrap();
        let moved = ann.at(&to);
        let place = to.join(if inside { "aiwork/t2_two" } else { "aiwork/t1_one" });
        let refused = if inside {
            moved.at(&place).aitask(&["finish"]).fails(128)
        } else {
            moved.aitask(&["finish", id]).fails(1)
        };
        let cure = hint(&refused, "cd ");
        assert!(cure.contains("git worktree repair"), "{cure}");
        follow(&moved, &cure);
        let there = moved.at(&place);
        std::fs::write(place.join("work"), "done\n").unwrap();
        there.commit("work");
        there.aitask(&["finish"]).ok();
        std::fs::rename(&to, world.root().join("moved")).unwrap();
    }
}

#[test]
fn an_unborn_head_gets_a_branch_that_is_there() {
    let world = World::new();
    world.initialised_on_main("ann").task("One", &[]);
    world.git(&["--git-dir=origin.git", "symbolic-ref", "HEAD", "refs/heads/master"]);
    for (name, line) in [("bob", &["init", "--on", "main"][..]), ("cid", &["pick", "1"])] {
        let bob = world.clone(name);
        let refused = bob.aitask(line).fails(128);
        assert!(!refused.stderr.contains("--allow-empty"), "{refused}");
        follow(&bob, &hint(&refused, "cd "));
        assert_eq!(bob.git(&["branch", "--show-current"]), "main\n");
        bob.aitask(line).ok();
    }
}

#[test]
fn a_task_that_another_session_of_mine_holds() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let refused = ann.aitask(&["pick", "1"]).fails(1);
    let cure = hint(&refused, "cd ");
    let there = ann.at(cure.strip_prefix("cd ").unwrap().split("  ").next().unwrap());
    there.aitask(&["pick", "1"]).ok();
    let carol = ann.env("GIT_AITASK_EMAIL", "carol@example.com");
    assert!(!carol.aitask(&["pick", "1"]).fails(1).stderr.contains("try: cd "));
}

/// Makes the branch on the server one commit.
fn squash(world: &World, branch: &str) {
    let tree = world.git(&["--git-dir=origin.git", "rev-parse", &format!("{branch}^{{tree}}")]);
    let one = world.git(&["--git-dir=origin.git", "commit-tree", "-m", "squashed", tree.trim()]);
    world.git(&["--git-dir=origin.git", "update-ref", &format!("refs/heads/{branch}"), one.trim()]);
}

#[test]
fn a_data_branch_that_was_squashed_on_the_server() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("One", &[]);
    let bob = world.clone("bob");
    bob.aitask(&["list", "--fetch"]).ok();
    bob.git(&["branch", "--quiet", "aitask-data", "origin/aitask-data"]);
    for (repo, own) in [(&ann, false), (&bob, false), (&ann, true)] {
        if own {
            std::fs::write(ann.path(".aitask-data/aitasks/note.txt"), "mine\n").unwrap();
            ann.at(".aitask-data").commit("ait: mine");
        }
        squash(&world, "aitask-data");
        let main = repo.git(&["rev-parse", "HEAD"]);
        let refused = repo.aitask(&["sync"]);
        assert_ne!(refused.code, 0, "{refused}");
        follow(repo, &hint(&refused, "cd "));
        repo.aitask(&["sync"]).ok();
        assert_eq!(
            (repo.git(&["rev-parse", "HEAD"]), repo.git(&["branch", "--show-current"])),
            (main, "main\n".into())
        );
        assert_eq!(repo.git(&["rev-parse", "aitask-data"]), repo.git(&["rev-parse", "origin/aitask-data"]));
        repo.aitask(&["edit", "1", "--effort", "low"]).ok();
        repo.aitask(&["edit", "1", "--effort", "high"]).ok();
    }
    assert!(world.remote_files("aitask-data").contains(&"aitasks/note.txt".to_owned()));
}

#[test]
fn a_checkout_that_stays_behind() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let bob = world.clone("bob");
    bob.aitask(&["edit", "1", "--priority", "low"]).ok();
    let file = ann.path("aitasks/t1_one.md");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("effort: medium", "effort: high")).unwrap();
    let made = ann.aitask(&["new", "Two"]).ok();
    follow(&ann, &hint(&made, "git aitask sync"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("effort: high") && text.contains("priority: low"), "{made}\n{text}");
    assert!(ann.path("aitasks/t2_two.md").is_file(), "{made}");
}

#[test]
fn a_checkout_that_stays_behind_uncommitted_code() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n{last}\n");
    ann.write("code", &lines("1", "6"));
    ann.commit("code");
    ann.git(&["push", "--quiet"]);
    let bob = world.clone("bob");
    bob.write("code", &lines("one", "6"));
    bob.commit("his");
    bob.git(&["push", "--quiet"]);
    ann.write("code", &lines("1", "six"));
    follow_fails(&ann, &hint(&ann.aitask(&["new", "One"]).ok(), "git aitask sync"));
    follow(&ann, &hint(&ann.aitask(&["sync"]), "cd "));
    assert_eq!(ann.read("code"), lines("one", "six"));
    assert!(ann.path("aitasks/t1_one.md").is_file());
}

#[test]
fn pathspecs_and_a_namespace_of_the_caller() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    for name in ["GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"] {
        let ann = ann.env(name, "1");
        ann.aitask(&["list"]).ok();
        ann.aitask(&["pick", "1"]).ok();
        ann.aitask(&["sync"]).ok();
        ann.aitask(&["drop", "1"]).ok();
    }
    ann.env("GIT_NAMESPACE", "other").aitask(&["pick", "1", "--no-worktree"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref", "refs/namespaces"]), "");
}

#[test]
fn what_is_missing_is_said() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    for verb in ["status", "sync", "list"] {
        assert!(ann.aitask(&[verb]).ok().to_string().contains(": git aitask init"), "{verb}");
    }
    let bob = world.initialised("bob");
    bob.task("One", &[]);
    follow(&bob, &hint(&bob.aitask(&["pick"]).fails(2), "git aitask pick --next"));
    let none = bob.aitask(&["log", "99", "--json"]).fails(1);
    assert_eq!(none.error()["error"]["kind"], "no_such_task");
    bob.aitask(&["log", "1"]).ok();
}
