//! Sync where something is wrong: one honest line, and nothing is lost or left half done.

use super::{sync, task, two, whole};
use crate::support::{When, World, day, thorough, wait_for};

#[test]
fn a_commit_that_is_refused_leaves_the_edit_and_the_index_as_they_were() {
    let (world, ann, _bob) = two();
    ann.write("aitasks/t2_new.md", "new\n");
    ann.write("aitasks/t1_sample.md", "edit\n");
    let data = ann.at(".aitask-data");
    let before = data.git(&["status", "--porcelain"]);
    world.script(&ann.path(".git/hooks/pre-commit"), "#!/bin/sh\nexit 1\n");
    assert_eq!((sync(&ann), data.git(&["status", "--porcelain"])), ("ERROR:commit_failed".into(), before.clone()));
    std::fs::remove_file(ann.path(".git/hooks/pre-commit")).unwrap();
    ann.git(&["config", "commit.gpgSign", "true"]);
    ann.git(&["config", "gpg.program", "false"]);
    assert_eq!((sync(&ann), data.git(&["status", "--porcelain"])), ("ERROR:commit_failed".into(), before));
    ann.git(&["config", "commit.gpgSign", "false"]);
    assert_eq!(sync(&ann), "PUSHED");
}

#[test]
fn a_merge_needs_no_signature_and_drops_no_commit() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/t1_sample.md", &task("", "Body\n").replace("[ui]", "[b]"));
    bob.write("aitasks/t1_sample.md", &task("", "Body\n").replace("[ui]", "[c]"));
    bob.script("ait", &["git", "commit", "-qam", "ait: mine"]).ok();
    bob.git(&["config", "commit.gpgSign", "true"]);
    bob.git(&["config", "gpg.program", "false"]);
    assert_eq!((sync(&ann), sync(&bob)), ("PUSHED".into(), "AUTOMERGED".into()));
    assert!(bob.read("aitasks/t1_sample.md").contains("labels: [b, c]\n"));
    assert!(bob.git(&["log", "--format=%s", "origin/aitask-data"]).contains("ait: mine\n"));
}

#[test]
fn a_file_that_git_does_not_track_is_moved_away_and_no_stash_of_the_user_is_touched() {
    for (own, theirs, named) in
        [("secret", "secret", "secret"), ("new.txt", "new.txt", "new.txt"), ("dir", "dir/new.txt", "dir")]
    {
        for diverged in [false, true] {
            let world = World::new();
            let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
            ann.write("README.md", "put away\n");
            ann.git(&["stash", "-q"]);
            bob.git(&["pull", "-q"]);
            bob.write(theirs, "theirs\n");
            bob.commit("theirs");
            bob.git(&["push", "-q"]);
            if diverged {
                ann.commit("own");
            }
            ann.write(".git/info/exclude", "secret\n");
            ann.write(own, "mine\n");
            let run = ann.aitask(&["sync", "--json"]).fails(1);
            let hint = run.hints().swap_remove(0);
            assert!(hint.ends_with(&format!("mv -n {named} {named}.mine && git aitask sync")), "{run}");
            ann.follow(&run.error()["error"]["hints"][0]).ok();
            assert_eq!([ann.read(theirs), ann.read(&format!("{named}.mine"))], ["theirs\n", "mine\n"]);
            assert_eq!(ann.git(&["stash", "list"]).lines().count(), 1);
        }
    }
}

#[test]
fn an_edit_of_a_tracked_file_is_stashed_until_the_sync_is_done() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
    bob.git(&["pull", "-q"]);
    bob.write("README.md", "a project\n\n\n\nof bob\n");
    bob.commit("theirs");
    bob.git(&["push", "-q"]);
    ann.write("README.md", "my project\n");
    ann.write("new.txt", "mine\n");
    let run = ann.aitask(&["sync", "--json"]).fails(1);
    let hint = run.hints().swap_remove(0);
    assert!(hint.ends_with("git stash && git aitask sync; git stash pop"), "{run}");
}

#[test]
fn a_checkout_that_is_detached_or_stuck_is_said() {
    let (_world, ann, _bob) = two();
    let data = ann.at(".aitask-data");
    data.git(&["switch", "-q", "--detach"]);
    assert_eq!(sync(&ann), "ERROR:detached_head");
    data.git(&["switch", "-q", "aitask-data"]);
    let marker = ann.path(".git/worktrees/-aitask-data/rebase-merge");
    std::fs::create_dir(&marker).unwrap();
    assert_eq!(sync(&ann), "ERROR:data_worktree_stuck:rebase-merge");
    let health = ann.script("ait", &["git-health"]).ok();
    assert!(health.stderr.contains("In-progress operations: rebase-merge"), "{health}");
    assert!(health.stdout.contains("Git-dir: .git/worktrees/-aitask-data\n"), "{health}");
    ann.at("aitasks").script("ait", &["git", "add", "aitasks"]).fails(1).assert().stdout("");
    std::fs::remove_dir(marker).unwrap();
    assert_eq!(sync(&ann), "NOTHING");
}

#[test]
fn what_a_killed_write_left_beside_a_task_is_not_published() {
    let (world, ann, _bob) = two();
    ann.write("aitasks/.t1_sample.md.aB3xY9", "half a te");
    assert_eq!(sync(&ann), "NOTHING");
    ann.write("aitasks/.t1_sample.md.swp", "an editor's, which is its user's to ignore");
    assert_eq!(sync(&ann), "PUSHED");
    assert_eq!(world.remote_file("aitask-data", "aitasks/.t1_sample.md.aB3xY9"), None);
}

#[test]
fn a_remote_that_is_away_costs_nothing() {
    let (world, ann, _bob) = two();
    ann.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    ann.write("aitasks/t1_sample.md", "edit\n");
    assert_eq!(sync(&ann), "NO_NETWORK");
    assert_eq!(ann.script("ait", &["git", "push", "--batch"]).ok().stdout, "FAILED:remote_unreachable:1\n");
    ann.git(&["remote", "set-url", "origin", world.origin().to_str().unwrap()]);
    assert_eq!(sync(&ann), "PUSHED");
}

#[test]
fn a_server_that_refuses_is_said_and_the_checkout_stays() {
    let (world, ann, bob) = two();
    ann.write("aitasks/t2_a.md", "a\n");
    assert_eq!(sync(&ann), "PUSHED");
    world.protect("aitask-data");
    bob.write("aitasks/t3_b.md", "b\n");
    assert_eq!(sync(&bob), "ERROR:push_failed");
    assert!(!bob.path("aitasks/t2_a.md").exists());
    assert_eq!(bob.script("ait", &["git", "push", "--batch"]).ok().stdout, "FAILED:unknown:1\n");
    whole(&bob);
}

#[test]
fn a_push_that_loses_the_race_merges_again() {
    let (world, ann, bob) = two();
    ann.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
    ann.script("ait", &["git", "commit", "-qam", "ait: hers"]).ok();
    // Bob's first push is overtaken by ann's.
    let hook =
        format!("#!/bin/sh\nrm \"$0\"\ncd {} && git push -q origin aitask-data\n", ann.path(".aitask-data").display());
    world.script(&bob.path(".git/hooks/pre-push"), &hook);
    bob.write("aitasks/t1_sample.md", &task("his: 1\n", "Body\n"));
    assert_eq!(sync(&bob), "AUTOMERGED");
    assert_eq!(bob.read("aitasks/t1_sample.md"), task("his: 1\nhers: 1\n", "Body\n"));
    whole(&bob);
}

#[test]
fn a_file_in_the_way_stops_it_before_anything_is_pushed() {
    let (world, ann, bob) = two();
    ann.write(".aitask-data/notes.txt", "hers\n");
    ann.script("ait", &["git", "add", "notes.txt"]).ok();
    ann.script("ait", &["git", "commit", "-qm", "ait: notes"]).ok();
    assert_eq!(sync(&ann), "PUSHED");
    bob.write(".aitask-data/notes.txt", "his, not committed\n");
    bob.write("aitasks/t2_b.md", "b\n");
    let before = world.remote_branch("aitask-data");
    assert_eq!(sync(&bob), "ERROR:pull_rebase_failed");
    assert_eq!(
        (bob.read(".aitask-data/notes.txt").as_str(), world.remote_branch("aitask-data")),
        ("his, not committed\n", before)
    );
    std::fs::remove_file(bob.path(".aitask-data/notes.txt")).unwrap();
    assert_eq!(sync(&bob), "SYNCED");
}

#[test]
fn push_integrates_while_a_tracked_file_is_dirty() {
    let (_world, ann, bob) = two();
    ann.write("aitasks/t2_a.md", "a\n");
    assert_eq!(sync(&ann), "PUSHED");
    bob.write("aitasks/t3_b.md", "b\n");
    bob.script("ait", &["git", "add", "aitasks"]).ok();
    bob.script("ait", &["git", "commit", "-qm", "ait: b"]).ok();
    bob.write("aitasks/t1_sample.md", "dirty\n");
    assert_eq!(bob.script("ait", &["git", "push", "--batch"]).ok().stdout, "PUSHED\n");
    assert_eq!((bob.read("aitasks/t1_sample.md"), bob.read("aitasks/t2_a.md")), ("dirty\n".into(), "a\n".into()));
}

#[test]
fn killed_anywhere_the_next_one_finishes() {
    const SYNC: [&str; 3] = ["compat", "aitask_sync.sh", "--batch"];
    let both_changed = || {
        let (world, ann, bob) = two();
        ann.write("aitasks/t1_sample.md", &task("hers: 1\n", "Body\n"));
        assert_eq!(sync(&ann), "PUSHED");
        bob.write("aitasks/t1_sample.md", &task("his: 1\n", "Body\n"));
        (world, bob)
    };
    let (run, calls) = both_changed().1.git_commands(&SYNC);
    run.ok();
    // five of the calls in an ordinary run, other ones each day
    let step = if thorough() { 1 } else { calls.len().div_ceil(5) };
    for k in (1 + day() % step..=calls.len()).step_by(step) {
        let (world, bob) = both_changed();
        let when = if k % 2 == 0 { When::Before } else { When::After };
        let killed = bob.killed_at(k, when, &SYNC);
        assert_eq!(killed.signal, Some(9), "{killed}");
        let line = sync(&bob);
        assert!(["AUTOMERGED", "PULLED", "NOTHING"].contains(&line.as_str()), "{when:?} call {k}: {line}");
        let merged = task("his: 1\nhers: 1\n", "Body\n");
        assert_eq!(world.remote_file("aitask-data", "aitasks/t1_sample.md"), Some(merged.clone()));
        assert_eq!(bob.read("aitasks/t1_sample.md"), merged);
        whole(&bob);
    }
}

#[test]
fn a_revert_that_is_not_finished_is_left_to_its_user() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[]);
    for text in ["a\n", "b\n"] {
        ann.write("code.txt", text);
        ann.commit(text.trim());
    }
    ann.git_fails(&["revert", "--no-edit", "HEAD~1"]);
    ann.write("aitasks/t1_one.md", &(ann.read("aitasks/t1_one.md") + "more\n"));
    assert!(ann.aitask(&["sync"]).code != 0);
    assert!(ann.path(".git/REVERT_HEAD").exists());
    ann.git(&["revert", "--abort"]);
}

#[test]
fn a_checkout_that_left_its_branch_is_not_called_up_to_date() {
    let (_world, ann, _bob) = two();
    let data = ann.at(".aitask-data");
    data.git(&["checkout", "-q", "--detach"]);
    data.git(&["commit", "-q", "--allow-empty", "-m", "apart"]);
    let run = ann.script("ait", &["git", "push", "--batch"]).ok();
    assert_eq!(run.stdout, "FAILED:unknown:unknown\n");
    assert!(run.stderr.contains("unpushed commit count unavailable"), "{run}");
    let run = ann.script("aitask_pick_own.sh", &["--sync"]).ok();
    assert_eq!(run.stdout, "SYNC_FAILED:unknown\n");
    assert!(run.stderr.contains("unreconciled commit counts unavailable"), "{run}");
    data.git(&["checkout", "-q", "aitask-data"]);
    assert_eq!(ann.script("aitask_pick_own.sh", &["--sync"]).ok().stdout, "SYNCED\n");
}

#[test]
fn a_code_branch_that_follows_another_one_takes_what_is_published_there_and_pushes_nothing() {
    let world = World::new();
    let (ann, bob) = (world.clone("ann"), world.clone("bob"));
    ann.write("aitasks/t1_a.md", &task("", "a\n"));
    ann.commit("a task");
    ann.git(&["push", "-q"]);
    bob.git(&["pull", "-q"]);
    bob.git(&["checkout", "-q", "-b", "work", "--track", "origin/main"]);
    ann.write("aitasks/t1_a.md", &task("", "b\n"));
    assert_eq!(sync(&ann), "PUSHED");
    assert_eq!(
        (sync(&bob), sync(&bob), bob.read("aitasks/t1_a.md")),
        ("PULLED".into(), "NOTHING".into(), task("", "b\n"))
    );
    bob.write("aitasks/t1_a.md", &task("", "c\n"));
    assert_eq!(sync(&bob), "ERROR:no_upstream");
    assert_eq!(world.remote_branch("work"), None);
    // Somebody who has git push there gets just that.
    bob.git(&["config", "push.default", "upstream"]);
    assert_eq!(sync(&bob), "PUSHED");
    assert_eq!(world.remote_file("main", "aitasks/t1_a.md"), Some(task("", "c\n")));
    assert_eq!((sync(&ann), world.remote_branch("work")), ("PULLED".into(), None));
}

#[test]
fn a_project_below_the_root_has_its_edits_published() {
    let world = World::new();
    let (ann, bob) = (world.clone("ann"), world.clone("bob"));
    ann.write("below/aitasks/t1_a.md", &task("", "a\n"));
    ann.write("aitasks/t1_above.md", &task("", "a\n"));
    ann.commit("tasks");
    ann.git(&["push", "-q"]);
    for path in ["below/aitasks/t1_a.md", "aitasks/t1_above.md"] {
        ann.write(path, &task("", "b\n"));
    }
    let below = ann.at(ann.path("below"));
    assert_eq!((sync(&below), sync(&below)), ("PUSHED".into(), "NOTHING".into()));
    bob.git(&["pull", "-q"]);
    assert_eq!(bob.read("below/aitasks/t1_a.md"), task("", "b\n"));
    assert_eq!(ann.git(&["status", "--porcelain"]), " M aitasks/t1_above.md\n");
}

#[test]
fn waiting_for_another_one_and_for_the_network_share_one_limit() {
    let (_world, ann, _bob) = two();
    ann.git(&["config", "core.sshCommand", "sleep 60 #"]);
    ann.git(&["remote", "set-url", "origin", "ssh://nowhere.example/x"]);
    ann.git(&["config", "aitask.timeout", "4"]);
    let holder = ann.start_program("flock", &["-F", ".git/aitask/queue.lock", "sleep", "600"]);
    wait_for("the queue is held", || match ann.run("flock", &["-n", ".git/aitask/queue.lock", "true"]) {
        run if run.code == 0 => Err("nobody holds it".to_owned()),
        _ => Ok(()),
    });
    let begin = std::time::Instant::now();
    assert_eq!(sync(&ann), "NO_NETWORK");
    let took = begin.elapsed().as_secs_f32();
    assert!((2.0..6.5).contains(&took), "{took} s");
    holder.kill();
}

#[test]
fn drafts_and_settings_of_one_user_are_never_published_whether_or_not_git_ignores_them() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/t1_a.md", "a\n");
    ann.commit("a task");
    ann.git(&["push", "-q"]);
    ann.write("aitasks/new/draft_1.md", "mine\n");
    ann.write("aitasks/metadata/userconfig.yaml", "email: a@b.c\n");
    assert_eq!(sync(&ann), "NOTHING");
    ann.write("aitasks/t1_a.md", "b\n");
    assert_eq!(sync(&ann), "PUSHED");
    assert_eq!(world.remote_files("main"), ["README.md", "aitasks/t1_a.md"]);
    // Nor are they in the way of the move to the data branch, which takes them along as they lie there.
    ann.script("aitask_setup.sh", &[]).ok();
    assert_eq!(ann.read(".aitask-data/aitasks/new/draft_1.md"), "mine\n");
    assert!(
        world.remote_files("aitask-data").iter().all(|name| !name.contains("draft") && !name.contains("userconfig"))
    );
}
