//! Task data on a code branch: what a sync of the verbs publishes, and a history that was rewritten on the server.

use crate::support::{Repo, When, World, hints, share};

/// Ann's clone with the task 1, on `main`.
fn project() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    (world, ann)
}

fn commit_code(repo: &Repo, file: &str) -> String {
    repo.write(file, "code\n");
    repo.commit(file)
}

fn append(repo: &Repo, path: &str, line: &str) {
    let text = repo.read(path);
    repo.write(path, &format!("{text}{line}\n"));
}

const TASK: &str = "aitasks/t1_one.md";

#[test]
fn unfinished_code_stays_and_the_task_data_is_published() {
    let (world, ann) = project();
    let wip = commit_code(&ann, "wip.c");
    append(&ann, TASK, "note");
    let said = ann.aitask(&["sync", "--json"]).ok().json();
    assert!(said["notes"][0].as_str().unwrap().starts_with("1 commit of main with other files"), "{said}");
    assert!(world.remote_file("main", TASK).unwrap().ends_with("note\n"));
    assert_eq!(world.remote_file("main", "wip.c"), None);
    let here =
        |ann: &Repo| ann.git(&["merge-base", "--is-ancestor", &wip, "HEAD"]) + &ann.git(&["status", "--porcelain"]);
    assert_eq!((here(&ann).as_str(), ann.path("wip.c").exists()), ("", true));
    // again: nothing to do, and nothing is published
    let before = world.remote_branch("main");
    assert_eq!(ann.aitask(&["sync", "--json"]).ok().json()["did"], "nothing");
    assert_eq!(world.remote_branch("main"), before);
    // other verbs go on, and the user's own push publishes the code
    ann.task("Two", &[]);
    ann.aitask(&["sync"]).ok();
    assert_eq!(world.remote_file("main", "wip.c"), None);
    ann.git(&["push", "--quiet"]);
    assert!(world.remote_file("main", "wip.c").is_some());
    assert!(ann.aitask(&["sync", "--json"]).ok().json().get("notes").is_none());
}

#[test]
fn what_others_changed_meanwhile_is_merged_and_the_code_stays() {
    let (world, ann) = project();
    let bob = world.clone("bob");
    append(&bob, TASK, "Bob's");
    bob.aitask(&["edit", "1", "--priority", "high"]).ok();
    bob.aitask(&["sync"]).ok();
    commit_code(&bob, "bobs.c");
    bob.git(&["push", "--quiet"]);
    commit_code(&ann, "wip.c");
    ann.aitask(&["sync"]).ok();
    assert!(ann.path("bobs.c").exists() && ann.read(TASK).contains("Bob's"));
    ann.run("sed", &["-i", "s/^effort:.*/effort: low/", TASK]).ok();
    ann.aitask(&["sync"]).ok();
    let published = world.remote_file("main", TASK).unwrap();
    assert!(published.contains("effort: low") && published.contains("priority: high") && published.contains("Bob's"));
    assert_eq!((world.remote_file("main", "wip.c"), ann.git(&["status", "--porcelain"])), (None, String::new()));
}

#[test]
fn a_dry_run_publishes_nothing() {
    let (world, ann) = project();
    commit_code(&ann, "wip.c");
    append(&ann, TASK, "note");
    let before = (world.remote_branch("main"), ann.git(&["rev-parse", "HEAD"]));
    ann.aitask(&["sync", "--dry-run"]).ok();
    assert_eq!((world.remote_branch("main"), ann.git(&["rev-parse", "HEAD"])), before);
}

#[test]
fn the_script_publishes_all_commits_as_git_push_does() {
    let (world, ann) = project();
    commit_code(&ann, "wip.c");
    assert_eq!(super::sync(&ann), "PUSHED");
    assert!(world.remote_file("main", "wip.c").is_some());
}

#[test]
fn a_history_that_was_rewritten_on_the_server_is_not_published_again() {
    let (world, ann) = project();
    let removed = commit_code(&ann, "secret.txt");
    ann.git(&["push", "--quiet"]);
    let bob = world.clone("bob");
    bob.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    commit_code(&bob, "clean.txt");
    bob.git(&["push", "--quiet", "--force"]);
    let is_back = || world.git(&["--git-dir=origin.git", "branch", "--contains", &removed]).contains("main");
    for fetched_before in [false, true] {
        if fetched_before {
            ann.git(&["fetch", "--quiet"]);
        }
        let said = ann.aitask(&["sync", "--json"]).fails(1).error();
        assert!(said["error"]["message"].as_str().unwrap().contains("origin/main was rewritten"), "{said}");
        assert!(hints(&said["error"]).join("\n").contains("git reset --keep origin/main"), "{said}");
        assert_eq!(super::sync(&ann), "ERROR:pull_rebase_failed");
        assert!(!is_back());
    }
    // a pick takes the lock, and leaves the checkout as it is
    let said = ann.aitask(&["pick", "1", "--no-worktree"]);
    assert!(!is_back() && said.to_string().contains("was rewritten"), "{said}");
    ann.git(&["reset", "--quiet", "--keep", "origin/main"]);
    ann.aitask(&["sync"]).ok();
    assert!(!ann.path("secret.txt").exists() && !is_back());
}

#[test]
fn own_commits_on_a_history_that_was_rewritten_can_be_carried_over() {
    let (world, ann) = project();
    let removed = commit_code(&ann, "secret.txt");
    ann.git(&["push", "--quiet"]);
    commit_code(&ann, "mine.c");
    let bob = world.clone("bob");
    bob.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    bob.git(&["push", "--quiet", "--force"]);
    let said = ann.aitask(&["sync", "--json"]).fails(1).error();
    let expected = format!("git rebase --onto origin/main {removed}");
    assert!(hints(&said["error"]).join("\n").contains(&expected), "{said}");
    ann.run("sh", &["-ec", &expected]).ok();
    ann.aitask(&["sync"]).ok();
    assert!(ann.path("mine.c").exists() && !ann.path("secret.txt").exists());
    assert_eq!(world.remote_file("main", "secret.txt"), None);
}

#[test]
fn commits_that_only_this_clone_has_are_not_in_the_worktree_and_a_finish_does_not_publish_them() {
    let (world, ann) = project();
    commit_code(&ann, "wip.c");
    let picked = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert!(picked["notes"][0].as_str().unwrap().starts_with("1 commit of main only this clone has"), "{picked}");
    let work = ann.at("aiwork/t1_one");
    assert!(!work.path("aiwork/t1_one/wip.c").exists() && ann.path("wip.c").exists());
    commit_code(&work, "work.c");
    work.aitask(&["finish"]).ok();
    assert!(world.remote_file("main", "work.c").is_some() && world.remote_file("main", "wip.c").is_none());
    assert!(ann.path("wip.c").exists() && ann.path("work.c").exists());
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_the_task_branch_changed_in_its_own_task_and_plan_is_archived_with_it() {
    let (world, ann) = project();
    append(&ann, TASK, "- [ ] box\n\nlast");
    ann.write("aiplans/p1_one.md", "- [ ] step\n");
    ann.aitask(&["sync"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_one");
    for file in [TASK, "aiplans/p1_one.md"] {
        work.run("sed", &["-i", "s/\\[ \\]/[x]/", file]).ok();
    }
    work.run("sed", &["-i", "s/^effort:.*/effort: high/", TASK]).ok();
    work.commit("ticked");
    // meanwhile other lines and fields of the published file change
    ann.aitask(&["edit", "1", "--priority", "high"]).ok();
    append(&ann, TASK, "Ann's");
    ann.aitask(&["sync"]).ok();
    work.aitask(&["finish"]).ok();
    let archived = world.remote_file("main", "aitasks/archived/t1_one.md").unwrap();
    for part in ["- [x] box\n", "effort: high\n", "priority: high\n", "Ann's\n", "status: Done\n"] {
        assert!(archived.contains(part), "{part} {archived}");
    }
    assert_eq!(world.remote_file("main", "aiplans/archived/p1_one.md").unwrap(), "- [x] step\n");
    assert_eq!((world.remote_file("main", TASK), ann.git(&["status", "--porcelain"])), (None, String::new()));
}

#[test]
fn a_field_that_both_changed_differently_refuses_a_finish_and_names_the_file() {
    let (world, ann) = project();
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_one");
    work.run("sed", &["-i", "s/^# One/# Mine/", TASK]).ok();
    work.commit("title");
    ann.run("sed", &["-i", "s/^# One/# Theirs/", TASK]).ok();
    ann.aitask(&["sync"]).ok();
    let before = world.remote_branch("main");
    let said = work.aitask(&["finish", "--json"]).fails(1).error();
    assert_eq!((&said["error"]["kind"], &said["error"]["files"][0]), (&"conflict".into(), &TASK.into()), "{said}");
    assert_eq!(world.remote_branch("main"), before);
}

#[test]
fn a_sync_that_keeps_code_back_is_completed_after_a_kill_and_the_code_stays() {
    let scene = || {
        let (world, ann) = project();
        let bob = world.clone("bob");
        bob.run("sed", &["-i", "s/^effort:.*/effort: low/", TASK]).ok();
        bob.commit("bob");
        bob.git(&["push", "--quiet"]);
        commit_code(&ann, "wip.c");
        append(&ann, TASK, "note");
        (world, ann)
    };
    let (run, calls) = scene().1.git_commands(&["sync"]);
    run.ok();
    for k in share(1..=calls.len()) {
        for when in [When::Before, When::After] {
            let (world, ann) = scene();
            let killed = ann.killed_at(k, when, &["sync"]);
            let again = ann.aitask(&["sync"]);
            let at = format!("{when:?} call {k}: {}\n{killed}{again}", calls[k - 1]);
            assert_eq!(again.code, 0, "{at}");
            let published = world.remote_file("main", TASK).unwrap();
            assert!(published.contains("effort: low") && published.matches("note\n").count() == 1, "{at}{published}");
            assert_eq!(world.remote_file("main", "wip.c"), None, "{at}");
            let here = (ann.read(TASK) == published, ann.path("wip.c").exists(), ann.git(&["status", "--porcelain"]));
            assert_eq!(here, (true, true, String::new()), "{at}");
        }
    }
}

#[test]
fn what_the_checkout_cannot_follow_is_not_published() {
    let (world, ann) = project();
    commit_code(&ann, "f");
    ann.git(&["push", "--quiet"]);
    let bob = world.clone("bob");
    bob.write("f", "bob's\n");
    bob.commit("bob");
    bob.git(&["push", "--quiet"]);
    commit_code(&ann, "wip.c");
    ann.write("f", "ann's\n");
    append(&ann, TASK, "note");
    let before = world.remote_branch("main");
    ann.aitask(&["sync"]).fails(1);
    assert_eq!(world.remote_branch("main"), before);
    ann.git(&["checkout", "--", "f"]);
    ann.aitask(&["sync"]).ok();
    assert!(world.remote_file("main", TASK).unwrap().ends_with("note\n"));
}

#[test]
fn a_sync_cut_off_before_the_checkout_followed_does_not_undo_what_others_changed_since() {
    let (world, ann) = project();
    commit_code(&ann, "wip.c");
    ann.run("sed", &["-i", "s/^priority:.*/priority: high/", TASK]).ok();
    ann.git(&["commit", "--quiet", "-m", "high", TASK]);
    let here = ann.git(&["rev-parse", "HEAD"]);
    ann.aitask(&["sync"]).ok();
    // as after a kill between the push and the merge into the local branch
    ann.git(&["reset", "--quiet", "--hard", here.trim()]);
    let bob = world.clone("bob");
    bob.aitask(&["edit", "1", "--priority", "medium"]).ok();
    ann.aitask(&["sync"]).ok();
    assert!(world.remote_file("main", TASK).unwrap().contains("priority: medium"));
    assert!(ann.read(TASK).contains("priority: medium") && ann.path("wip.c").exists());
}

#[test]
fn code_that_came_by_a_merge_stays_too() {
    for script in [
        "git switch -qc side && echo s >secret && git add secret && git commit -qm secret && git switch -q main && \
         git merge -q -s ours --no-edit side",
        "git switch -qc side HEAD~1 && git commit -qm other --allow-empty && git switch -q main && \
         git merge -q --no-ff --no-commit side && echo s >secret && git add secret && git commit -qm merge",
    ] {
        let (world, ann) = project();
        ann.run("sh", &["-ec", script]).ok();
        append(&ann, TASK, "note");
        ann.aitask(&["sync"]).ok();
        let log = world.git(&["--git-dir=origin.git", "log", "--format=", "--name-only", "-m", "main"]);
        assert!(!log.contains("secret"), "{script}\n{log}");
        assert!(world.remote_file("main", TASK).unwrap().ends_with("note\n"), "{script}");
    }
}

#[test]
fn a_branch_that_cannot_be_moved_ends_the_sync_with_the_reason() {
    let (world, ann) = project();
    ann.git(&["switch", "--quiet", "-c", "feature"]);
    world.clone("bob").aitask(&["edit", "1", "--priority", "high"]).ok();
    ann.write(".git/refs/heads/main.lock", "");
    let run = ann.aitask(&["sync", "--json"]);
    assert!(run.code != 0 && run.stderr.contains("main"), "{run}");
}
