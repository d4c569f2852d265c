//! Worktrees that are half made or half removed: none is called whole, and nothing that somebody did in one is lost.

use crate::support::{Repo, Sleeper, World, hints, share};

const WORK: &str = "aiwork/t1_one";

/// A clone with some files and the task 1, asked by a session that lives.
fn ready() -> (World, Repo, Sleeper) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for name in ["a", "b", "folder/c"] {
        ann.write(&format!("{name}.txt"), &format!("the text of {name}\n"));
    }
    ann.commit("files");
    ann.git(&["push", "-q"]);
    ann.task("One", &[]);
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    (world, ann, session)
}

/// Leaves the worktree of task 1 as git does that was killed in the middle of its checkout, by somebody's own
/// `git worktree add`: with `lock` the lock that git puts on it is there, too.
fn half_made(ann: &Repo, lock: bool) {
    ann.git(&["worktree", "add", "-q", "--no-checkout", "-b", "aitask/t1_one", WORK]);
    let registration = ann.path(".git/worktrees/t1_one");
    let _ = std::fs::remove_file(registration.join("index"));
    if lock {
        std::fs::write(registration.join("locked"), "initializing").unwrap();
        age(ann, &registration.join("locked"));
    }
    std::fs::write(registration.join("index.lock"), "").unwrap();
    ann.write(&format!("{WORK}/a.txt"), "the text of a\n");
    ann.write(&format!("{WORK}/b.txt"), "the te");
}

/// Makes a file look like one of a git that was killed a while ago.
fn age(ann: &Repo, file: &std::path::Path) {
    ann.run("touch", &["-d", "1 hour ago", file.to_str().unwrap()]).ok();
}

#[track_caller]
fn whole(ann: &Repo) {
    let there = ann.at(WORK);
    assert_eq!(there.git(&["status", "--porcelain"]), "");
    assert_eq!(
        (there.read("b.txt"), there.read("folder/c.txt")),
        ("the text of b\n".into(), "the text of folder/c\n".into())
    );
    assert!(!ann.git(&["worktree", "list", "--porcelain"]).contains("locked"));
}

#[test]
fn half_a_worktree_was_called_whole() {
    for lock in share([false, true]) {
        for verb in [&["pick", "1"][..], &["worktree", "add", "1"]] {
            let (_world, ann, _session) = ready();
            half_made(&ann, lock);
            let list = ann.aitask(&["worktree", "list"]).ok().stdout;
            assert!(list.contains("in the middle of being made"), "{list}");
            let error = ann.aitask(&["worktree", "path", "1", "--json"]).fails(1).error();
            assert_eq!(hints(&error["error"])[0], "git aitask worktree add 1", "{error}");
            let script = ann.script("aitask_task_worktree.sh", &["resolve", "t1_one"]).ok().stdout;
            assert!(script.starts_with("LOCKED "), "{script}");
            ann.aitask(verb).ok();
            whole(&ann);
            ann.aitask(&["worktree", "path", "1"]).ok();
        }
    }
}

#[test]
fn half_a_worktree_that_the_same_session_holds_was_its_own_already() {
    let (_world, ann, _session) = ready();
    half_made(&ann, true);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!((&json["took"], &json["worktree"]["created"]), (&"mine".into(), &true.into()), "{json}");
    whole(&ann);
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("work");
    ann.aitask(&["finish", "1"]).ok();
    assert!(ann.path("b.txt").exists() && ann.path("work.txt").exists());
}

#[test]
fn what_somebody_did_in_half_a_worktree_stays() {
    let (_world, ann, _session) = ready();
    half_made(&ann, true);
    ann.write(&format!("{WORK}/a.txt"), "my own text\n");
    ann.write(&format!("{WORK}/new.txt"), "new\n");
    for verb in ["drop", "finish"] {
        ann.aitask(&["pick", "1", "--no-worktree"]).ok();
        let error = ann.aitask(&[verb, "1", "--json"]).fails(1).error();
        let hints = hints(&error["error"]).join("\n");
        assert_eq!(error["error"]["kind"], "dirty", "{error}");
        assert!(hints.contains("git aitask worktree add 1") && !hints.contains("git add"), "{error}");
    }
    let error = ann.aitask(&["worktree", "remove", "1", "--json"]).fails(1).error();
    assert_eq!(error["error"]["kind"], "dirty", "{error}");
    ann.script("aitask_task_worktree.sh", &["remove", "t1_one"]).fails(1);
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert!(json["worktree"]["mended"].as_str().unwrap().contains("left as it is: a.txt, new.txt"), "{json}");
    let there = ann.at(WORK);
    assert_eq!(there.git(&["status", "--porcelain"]), " M a.txt\n?? new.txt\n");
    assert_eq!((there.read("a.txt"), there.read("b.txt")), ("my own text\n".into(), "the text of b\n".into()));
}

#[test]
fn half_a_worktree_without_work_in_it_is_removed() {
    for args in share([
        &["drop", "1"][..],
        &["worktree", "remove", "1"],
        &["compat", "aitask_task_worktree.sh", "remove", "t1_one"],
    ]) {
        let (_world, ann, _session) = ready();
        half_made(&ann, true);
        ann.aitask(&["pick", "1", "--no-worktree"]).ok();
        ann.aitask(args).ok();
        assert!(!ann.path(WORK).exists(), "{args:?}");
        assert_eq!(ann.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1, "{args:?}");
    }
}

#[test]
fn a_registration_without_a_commit_is_made_anew() {
    let (_world, ann, _session) = ready();
    let registration = ann.path(".git/worktrees/t1_one");
    std::fs::create_dir_all(&registration).unwrap();
    std::fs::create_dir_all(ann.path(WORK)).unwrap();
    std::fs::write(registration.join("locked"), "initializing").unwrap();
    age(&ann, &registration.join("locked"));
    std::fs::write(registration.join("gitdir"), format!("{}/.git\n", ann.path(WORK).display())).unwrap();
    ann.write(&format!("{WORK}/.git"), &format!("gitdir: {}\n", registration.display()));
    ann.aitask(&["pick", "1"]).ok();
    whole(&ann);
}

#[test]
fn deleted_files_in_a_whole_worktree_are_work() {
    let (_world, ann, _session) = ready();
    ann.aitask(&["pick", "1"]).ok();
    std::fs::remove_file(ann.path(WORK).join("a.txt")).unwrap();
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.at(WORK).git(&["status", "--porcelain"]), " D a.txt\n");
    assert_eq!(ann.aitask(&["drop", "1", "--json"]).fails(1).error()["error"]["kind"], "dirty");
}

#[test]
fn deletions_in_a_worktree_whose_pick_was_ended_in_a_hook_were_destroyed() {
    for signal in ["TERM", "KILL"] {
        let (_world, ann, _session) = ready();
        // git has made the worktree, and a hook takes its time
        let ends = ann.with_git_that(&format!(
            "[ \"$1 $2\" = 'worktree add' ] && {{ @GIT@ \"$@\"; kill -{signal} $PPID; exec sleep 1; }}"
        ));
        assert!(ends.aitask(&["pick", "1"]).signal.is_some());
        let there = ann.at(WORK);
        there.write("work.txt", "work\n");
        there.commit("work");
        std::fs::remove_file(ann.path(WORK).join("a.txt")).unwrap();
        there.write("b.txt", "the te");
        let work = " D a.txt\n M b.txt\n";
        for verb in ["finish", "drop", "pick"] {
            let run = ann.aitask(&[verb, "1", "--json"]);
            assert!(verb == "pick" || run.error()["error"]["kind"] == "dirty", "{run}");
            assert_eq!(there.git(&["status", "--porcelain"]), work, "{run}");
        }
        let notes = ann.run("sh", &["-c", "ls .git/aitask"]).stdout;
        assert!(!notes.contains("making-t1_one"), "{notes}");
    }
}

#[test]
fn deletions_in_a_worktree_that_git_was_killed_at_after_its_checkout_were_undone() {
    let (_world, ann, _session) = ready();
    ann.aitask(&["pick", "1"]).ok();
    let lock = ann.path(".git/worktrees/t1_one/locked");
    std::fs::write(&lock, "initializing").unwrap();
    age(&ann, &lock);
    std::fs::remove_file(ann.path(WORK).join("a.txt")).unwrap();
    assert_eq!(ann.aitask(&["drop", "1", "--json"]).fails(1).error()["error"]["kind"], "dirty");
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!((ann.at(WORK).git(&["status", "--porcelain"]).as_str(), lock.exists()), (" D a.txt\n", false));
}

#[test]
fn a_mend_that_is_killed_itself_is_continued() {
    let (_world, ann, _session) = ready();
    half_made(&ann, true);
    let dies = ann.with_git_that("[ \"$1\" = checkout-index ] && kill -9 $PPID && exit 1");
    assert_eq!(dies.aitask(&["pick", "1"]).signal, Some(9));
    assert!(ann.aitask(&["worktree", "list"]).ok().stdout.contains("in the middle of being made"));
    ann.aitask(&["pick", "1"]).ok();
    whole(&ann);
    let notes = ann.run("sh", &["-c", "ls .git/aitask"]).stdout;
    assert!(!notes.contains("making-t1_one"), "{notes}");
}

#[test]
fn an_explore_that_was_killed_with_its_git_left_its_worktree_for_ever() {
    let (_world, ann, _session) = ready();
    let dies = ann.with_git_that(
        "[ \"$1 $2\" = 'worktree add' ] && { @GIT@ \"$@\"; cd .git/worktrees/*; rm index; \
         echo initializing >locked; kill -9 $PPID; exit 1; }",
    );
    assert_eq!(dies.aitask(&["explore", "--", "true"]).signal, Some(9));
    ann.aitask(&["list"]).ok();
    assert_eq!(ann.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(ann.run("sh", &["-c", "ls .git/aitask/scratch"]).stdout, "");
}

#[test]
fn a_removal_that_was_cut_off_was_uncommitted_work() {
    let (_world, ann, _session) = ready();
    ann.aitask(&["pick", "1"]).ok();
    let dies = ann.with_git_that(&format!(
        "[ \"$1 $2\" = 'worktree remove' ] && rm '{0}/a.txt' '{0}/.git' && kill -9 $PPID && exit 1",
        ann.path(WORK).display()
    ));
    assert_eq!(dies.aitask(&["worktree", "remove", "1"]).signal, Some(9));
    let script = ann.script("aitask_task_worktree.sh", &["resolve", "t1_one"]).ok().stdout;
    assert!(script.starts_with("STALE "), "{script}");
    ann.write(&format!("{WORK}/new.txt"), "new\n");
    let error = ann.aitask(&["worktree", "remove", "1", "--json"]).fails(1).error();
    assert_eq!(error["error"]["kind"], "dirty", "{error}");
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert!(json["worktree"]["mended"].as_str().unwrap().contains("being removed"), "{json}");
    assert_eq!(ann.at(WORK).git(&["status", "--porcelain"]), "?? new.txt\n");
    std::fs::remove_file(ann.path(WORK).join("new.txt")).unwrap();
    whole(&ann);
    assert_eq!(dies.aitask(&["drop", "1"]).signal, Some(9));
    ann.aitask(&["drop", "1"]).ok();
    assert!(!ann.path(WORK).exists());
}

#[test]
fn a_git_that_outlives_its_command_is_waited_for() {
    let (_world, ann, _session) = ready();
    ann.git(&["config", "aitask.timeout", "1s"]);
    ann.run("mkfifo", &["go"]).ok();
    let go = ann.path("go");
    // the program dies, and its git comes to its checkout only when it is let go
    let orphan = ann.with_git_that(&format!(
        "if [ \"$1 $2\" = 'worktree add' ]; then kill -9 $PPID; read -r line <'{}'; @GIT@ \"$@\"; exit; fi",
        go.display()
    ));
    assert_eq!(orphan.start(&["pick", "1"]).wait().signal, Some(9));
    let list = ann.run("sh", &["-c", "ls .git/aitask"]).stdout;
    assert!(list.contains("making-t1_one"), "{list}");
    std::fs::write(&go, "go\n").unwrap();
    ann.aitask(&["pick", "1", "--timeout", "30s"]).ok();
    whole(&ann);
}

#[test]
fn half_a_checkout_of_the_data_branch_deleted_tasks() {
    let (_world, ann, _session) = ready();
    let world = ann.world();
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("Two", &[]);
    let bob = world.clone("bob");
    bob.git(&[
        "worktree",
        "add",
        "-q",
        "--no-checkout",
        "--track",
        "-b",
        "aitask-data",
        ".aitask-data",
        "origin/aitask-data",
    ]);
    let registration = bob.git(&["-C", ".aitask-data", "rev-parse", "--absolute-git-dir"]);
    let _ = std::fs::remove_file(std::path::Path::new(registration.trim()).join("index"));
    let said = bob.aitask(&["list"]).ok().stderr;
    assert!(said.contains("missing files were restored: ") && said.contains("aitasks/t1_one.md"), "{said}");
    bob.aitask(&["init"]).ok();
    assert_eq!(bob.at(".aitask-data").git(&["status", "--porcelain"]), "");
    let files = bob.run("sh", &["-c", "ls aitasks/*.md"]).ok().stdout;
    assert_eq!(files.lines().count(), 2, "{files}");
}
