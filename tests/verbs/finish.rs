//! `git aitask finish`.

use super::init::{everything, keys, local, on_data_branch};
use crate::support::{Repo, Run, World, hints, share};
use predicates::prelude::*;
use predicates::str::contains;

const WORK: &str = "aiwork/t1_one";

/// A clone that holds t1 and has committed `work.txt` to its branch.
fn worked() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    work(&ann);
    (world, ann)
}

fn work(ann: &Repo) -> String {
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("the work")
}

/// Commits a file on main as somebody else and pushes it.
fn meanwhile(world: &World, file: &str, text: &str) {
    let bob = if world.root().join("bob").exists() { world.clone("bob2") } else { world.clone("bob") };
    bob.write(file, text);
    bob.commit("meanwhile");
    bob.git(&["push", "-q"]);
}

fn log(world: &World, format: &str, n: &str, branch: &str) -> String {
    world.git(&["--git-dir=origin.git", "log", "--first-parent", &format!("--format={format}"), "-n", n, branch])
}

fn kind(run: &Run) -> String {
    run.error()["error"]["kind"].as_str().unwrap().to_owned()
}

#[test]
fn finish_of_a_parent_with_an_open_child_is_refused() {
    let (world, ann) = worked();
    ann.task("Child", &[("parent", "1")]);
    let before = world.remote_branch("main");
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    let error = &run.error()["error"];
    assert_eq!((&error["kind"], &error["message"]), (&"not_claimable".into(), &"t1 has open children: t1_1".into()));
    assert!(hints(error).iter().any(|hint| hint.starts_with("git aitask finish 1 --no-archive")), "{run}");
    assert_eq!((world.remote_branch("main"), world.locks().len()), (before, 1));
    ann.aitask(&["finish", "1", "--no-archive"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some());
}

#[test]
fn merged_archived_released_and_tidied() {
    let (world, ann) = worked();
    let tip = ann.at(WORK).git(&["rev-parse", "HEAD"]).trim().to_owned();
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema task merged archived unlocked worktree_removed branch_deleted");
    assert_eq!(keys(&json["merged"]), "branch into commit mode");
    let task = ["status", "path"].map(|key| json["task"][key].as_str().unwrap());
    assert_eq!(task, ["Done", "aitasks/archived/t1_one.md"]);
    let flags = ["unlocked", "worktree_removed", "branch_deleted"].map(|key| json[key].as_bool());
    assert_eq!((flags, &json["archived"]), ([Some(true); 3], &serde_json::json!(["aitasks/archived/t1_one.md"])));
    let merged = ["branch", "into", "mode"].map(|key| json["merged"][key].as_str().unwrap());
    assert_eq!(merged, ["aitask/t1_one", "main", "merge"]);
    assert_eq!(
        log(&world, "%s", "2", "main"),
        "ait: Archive completed t1 task and plan files\nMerge branch 'aitask/t1_one' into main\n"
    );
    assert_eq!(log(&world, "%P", "2", "main").lines().nth(1).unwrap().split(' ').nth(1), Some(tip.as_str()));
    assert_eq!((world.locks(), ann.path(WORK).exists()), (vec![], false));
    assert_eq!(ann.git(&["for-each-ref", "refs/heads/aitask/", "refs/aitask/squashed/"]), "");
    assert_eq!(ann.read("work.txt"), "work\n");
}

#[test]
fn of_several_each_is_finished_by_itself_also_from_the_worktree_of_one() {
    let (world, ann) = worked();
    for (title, n) in [("Two", "2"), ("Three", "3")] {
        ann.task(title, &[]);
        ann.aitask(&["pick", n]).ok();
        let there = ann.at(format!("aiwork/t{n}_{}", title.to_lowercase()));
        there.write(&format!("{n}.txt"), "work\n");
        there.commit(title);
    }
    ann.at("aiwork/t2_two").write("open.txt", "mine\n");
    let run = ann.at("aiwork/t1_one").aitask(&["finish", "1", "2", "3", "--json"]).fails(1);
    let json = run.json();
    assert_eq!((&json["task"]["id"], &json["more"][0]["task"]["id"]), (&"1".into(), &"3".into()), "{run}");
    assert_eq!((&json["failed"][0]["kind"], world.locks()), (&"dirty".into(), vec!["t2_lock.yaml".to_owned()]));
    std::fs::remove_file(ann.path("aiwork/t2_two/open.txt")).unwrap();
    let run = ann.aitask(&["finish", "2", "9"]).fails(1);
    assert!(run.stdout.contains("2  Two  (finished)") && run.stderr.contains("error: "), "{run}");
    assert_eq!(log(&world, "%s", "9", "main").matches("Merge branch").count(), 3);
}

#[test]
fn squashed_to_one_commit_that_keeps_the_old_ones_under_a_name() {
    let (world, ann) = worked();
    let tip = ann.at(WORK).commit("more");
    let json = ann.aitask(&["finish", "1", "--squash", "--json"]).ok().json();
    assert_eq!((&json["merged"]["mode"], &json["branch_deleted"]), (&"squash".into(), &true.into()));
    assert_eq!(log(&world, "%s", "2", "main").lines().nth(1), Some("feature: One (t1)"));
    assert_eq!(log(&world, "%P", "2", "main").lines().nth(1).unwrap().split(' ').count(), 1);
    assert_eq!(ann.git(&["rev-parse", "refs/aitask/squashed/t1_one"]).trim(), tip);
    assert_eq!(world.remote_file("main", "work.txt").as_deref(), Some("work\n"));
}

#[test]
fn fast_forwarded_or_refused() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    let tip = work(&ann);
    ann.aitask(&["finish", "1", "--ff"]).ok();
    assert_eq!(world.remote_branch("main").as_deref(), Some(tip.as_str()));
    let (world, ann) = worked();
    meanwhile(&world, "other.txt", "x\n");
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let run = ann.aitask(&["finish", "1", "--ff", "--json"]).fails(1);
    assert_eq!((kind(&run).as_str(), world.git(&["--git-dir=origin.git", "for-each-ref"])), ("conflict", before));
    ann.aitask(&["finish", "1", "--ff", "--squash"]).fails(2);
    ann.git(&["config", "aitask.merge", "sideways"]);
    ann.aitask(&["finish", "1"]).fails(2);
    ann.git(&["config", "aitask.merge", "squash"]);
    assert_eq!(ann.aitask(&["finish", "1", "--json"]).ok().json()["merged"]["mode"], "squash");
}

#[test]
fn with_a_message_of_its_own() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "-m", "feature: Mine (t1)\n\nwith a body"]).ok();
    let message = world.git(&["--git-dir=origin.git", "log", "-1", "--format=%B", "main^"]);
    assert!(message.starts_with("feature: Mine (t1)\n\nwith a body\n"), "{message}");
}

#[test]
fn an_empty_message_is_refused() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "-m", " "]).fails(2);
    assert!(!log(&world, "%s", "2", "main").contains("Aitask-Nonce"));
}

#[test]
fn another_branch_in_the_main_checkout_does_not_split_the_task_data() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.git(&["push", "-q", "origin", "main:feature"]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).commit("work");
    ann.git(&["switch", "-q", "-c", "feature", "origin/feature"]);
    let run = ann.aitask(&["finish", "1"]);
    let open = world.remote_file("main", "aitasks/t1_one.md").is_some();
    assert_eq!((world.locks().len() == 1, run.code != 0), (open, open), "a lock is released with its task only\n{run}");
}

#[test]
fn the_check_sees_the_merged_tree_and_not_the_branch_alone() {
    let (world, ann) = worked();
    meanwhile(&world, "other.txt", "x\n");
    ann.git(&["fetch", "-q"]);
    let before = everything(&ann);
    let run = ann.aitask(&["finish", "1", "--check", "! test -e other.txt -a -e work.txt", "--json"]).fails(1);
    assert!(run.error()["error"]["kind"] == "check_failed" && run.stderr.contains("exit 1"), "{run}");
    assert_eq!(everything(&ann), before);
    assert_eq!((world.locks().len(), world.remote_file("main", "work.txt")), (1, None));
    ann.git(&["config", "aitask.check", "false"]);
    ann.aitask(&["finish", "1"]).fails(1);
    ann.aitask(&["finish", "1", "--check", "echo checked; test -e other.txt -a -e work.txt"])
        .ok()
        .assert()
        .stderr(contains("checked"));
    assert_eq!(ann.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_conflict_is_a_list_of_files_and_changes_nothing() {
    let (world, ann) = worked();
    meanwhile(&world, "work.txt", "theirs\n");
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    let error = run.error()["error"].clone();
    assert_eq!((&error["kind"], &error["files"]), (&"conflict".into(), &serde_json::json!(["work.txt"])));
    let hint = format!("cd {} && git merge origin/main", ann.path(WORK).canonicalize().unwrap().display());
    assert!(hints(&error)[0].starts_with(&hint), "{run}");
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before);
    assert_eq!(ann.at(WORK).git(&["status", "--porcelain"]), "");
    ann.at(WORK).git_fails(&["merge", "origin/main"]);
    ann.at(WORK).write("work.txt", "both\n");
    ann.at(WORK).commit("mended");
    ann.at(WORK).aitask(&["finish"]).ok();
    assert_eq!(world.remote_file("main", "work.txt").as_deref(), Some("both\n"));
}

#[test]
fn refused_before_anything_is_published() {
    let (world, ann) = worked();
    ann.at(WORK).write("new.txt", "x\n");
    let before = everything(&ann);
    assert_eq!(kind(&ann.aitask(&["finish", "1", "--json"]).fails(1)), "dirty");
    assert_eq!(everything(&ann), before);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "2"]).ok();
    assert_eq!(kind(&ann.aitask(&["finish", "2", "--json"]).fails(1)), "no_commits");
    assert_eq!(kind(&ann.aitask(&["finish", "9", "--json"]).fails(1)), "no_such_task");
    ann.aitask(&["finish"]).fails(2);
    ann.at(WORK).commit("clean");
    ann.aitask(&["finish", "1", "--into", "nowhere"]).fails(2);
    assert_eq!(world.locks().len(), 2);
}

#[test]
fn not_archived_it_stays_ours() {
    let (world, ann) = worked();
    let json = ann.aitask(&["finish", "1", "--no-archive", "--json"]).ok().json();
    assert_eq!((&json["archived"], &json["unlocked"]), (&serde_json::json!([]), &false.into()));
    assert_eq!((world.locks().len(), world.remote_file("main", "work.txt").is_some()), (1, true));
    assert!(world.remote_file("main", "aitasks/t1_one.md").unwrap().contains("Implementing"));
    assert_eq!(ann.aitask(&["archive", "1", "--json"]).ok().json()["unlocked"], true);
}

#[test]
fn left_to_a_pull_request_and_finished_once_it_is_merged() {
    for squash in share([false, true]) {
        let (world, ann) = worked();
        let json = ann.aitask(&["finish", "1", "--no-push", "--json"]).ok().json();
        assert_eq!(
            (&json["pushed"], &json["unlocked"], json.get("merged"), &json["task"]["status"]),
            (&"aitask/t1_one".into(), &false.into(), None, &"Implementing".into())
        );
        assert_eq!(
            (world.locks().len(), ann.path(WORK).is_dir(), world.remote_file("main", "work.txt")),
            (1, true, None)
        );
        let bob = world.clone("bob");
        bob.git(&["merge", "-q", if squash { "--squash" } else { "--no-ff" }, "origin/aitask/t1_one"]);
        bob.commit("pull request 1");
        bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
        let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
        assert_eq!(
            (&json["merged"]["mode"], &json["unlocked"], &json["branch_deleted"]),
            (&serde_json::Value::Null, &true.into(), &true.into())
        );
        assert_eq!(log(&world, "%s", "2", "main"), "ait: Archive completed t1 task and plan files\npull request 1\n");
        assert!(!ann.path(WORK).exists());
    }
}

#[test]
fn into_another_branch_than_the_task_data() {
    let (world, ann) = worked();
    ann.git(&["push", "-q", "origin", "main:develop"]);
    let json = ann.aitask(&["finish", "1", "--into", "develop", "--json"]).ok().json();
    assert_eq!((&json["merged"]["into"], &json["branch_deleted"]), (&"develop".into(), &true.into()));
    assert_eq!(
        (world.remote_file("develop", "work.txt").is_some(), world.remote_file("main", "work.txt")),
        (true, None)
    );
    assert!(world.remote_file("main", "aitasks/archived/t1_one.md").is_some());
    assert!(world.remote_file("develop", "aitasks/archived/t1_one.md").is_none());
}

#[test]
fn commits_of_the_user_on_the_local_branch_are_joined_and_never_rewritten() {
    let (world, ann) = worked();
    ann.write("mine.txt", "mine\n");
    let mine = ann.commit("mine, not pushed");
    ann.aitask(&["finish", "1"]).ok();
    ann.git(&["merge-base", "--is-ancestor", &mine, "main"]);
    ann.git(&["merge-base", "--is-ancestor", "origin/main", "main"]);
    assert_eq!((ann.read("mine.txt"), ann.read("work.txt")), ("mine\n".into(), "work\n".into()));
    assert_eq!((ann.git(&["status", "--porcelain"]), world.remote_file("main", "mine.txt")), (String::new(), None));
}

#[test]
fn unrelated_work_in_the_main_checkout_survives_byte_for_byte() {
    let world = World::new();
    for ann in [world.initialised("ann"), local()] {
        work(&ann);
        ann.write("README.md", "half\r\ndone");
        ann.write("staged.bin", "\u{1}\u{2}");
        ann.git(&["add", "staged.bin"]);
        ann.write("untracked", "new");
        ann.aitask(&["finish", "1"]).ok();
        assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\nA  staged.bin\n?? untracked\n");
        let read = ["README.md", "staged.bin", "untracked", "work.txt"].map(|file| ann.read(file));
        assert_eq!(read, ["half\r\ndone", "\u{1}\u{2}", "new", "work\n"]);
    }
}

#[test]
fn work_that_is_in_the_way_is_kept_and_said() {
    let (world, ann) = worked();
    ann.write("work.txt", "my own\n");
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!(
        (keys(&json["lagging"][0]), &json["lagging"][0]["branch"]),
        ("branch reason hint cause".into(), &"main".into())
    );
    assert_eq!((ann.read("work.txt").as_str(), world.locks().len()), ("my own\n", 0));
    let ann = local();
    work(&ann);
    ann.write("work.txt", "my own\n");
    assert_eq!(kind(&ann.aitask(&["finish", "1", "--json"]).fails(1)), "dirty");
    assert_eq!((ann.read("work.txt").as_str(), ann.path(WORK).is_dir()), ("my own\n", true));
}

#[test]
fn the_parent_and_the_plans_go_along() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("Parent", &[]);
    ann.task("Child", &[("parent", "1")]);
    ann.write("aiplans/p1/p1_1_child.md", "plan\n");
    ann.write("aiplans/p1_parent.md", "plan of all\n");
    ann.commit("plans");
    ann.git(&["push", "-q"]);
    ann.aitask(&["pick", "1_1"]).ok();
    ann.at("aiwork/t1_1_child").commit("work");
    let json = ann.at("aiwork/t1_1_child").aitask(&["finish", "--json"]).ok().json();
    let archived = [
        "aitasks/archived/t1/t1_1_child.md",
        "aiplans/archived/p1/p1_1_child.md",
        "aitasks/archived/t1_parent.md",
        "aiplans/archived/p1_parent.md",
    ];
    assert_eq!(json["archived"], serde_json::json!(archived));
    assert!(archived.iter().all(|path| world.remote_file("main", path).is_some()));
}

#[test]
fn a_protected_output_branch_lands_nothing_and_offers_a_pull_request() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    work(&ann);
    world.protect("main");
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let run = ann.aitask(&["finish", "1"]).fails(1);
    run.assert().stderr(contains("nothing was published").and(contains("git aitask finish 1 --no-push")));
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before);
    assert!(ann.path(WORK).is_dir());
    ann.aitask(&["finish", "1", "--no-push"]).ok().assert().stdout(contains("aitask/t1_one was pushed"));
}

#[test]
fn dry_run_changes_nothing() {
    let world = World::new();
    for ann in [world.initialised("ann"), local(), on_data_branch(&World::new(), "bob")] {
        work(&ann);
        let before = everything(&ann);
        let run = ann.aitask(&["finish", "1", "--dry-run"]).ok();
        run.assert().stdout(
            contains("refs/heads/aitask-locks").and(contains("git worktree remove ")).and(contains("refs/heads/main")),
        );
        ann.aitask(&["finish", "1", "--no-push", "--dry-run", "--json"]).ok();
        ann.aitask(&["finish", "1", "--squash", "--check", "true", "--dry-run"]).ok();
        assert_eq!(everything(&ann), before);
    }
}

#[test]
fn without_a_remote() {
    let ann = local();
    let tip = work(&ann);
    let json = ann.at(WORK).aitask(&["finish", "--json"]).ok().json();
    assert_eq!((&json["worktree_removed"], &json["branch_deleted"]), (&true.into(), &true.into()));
    ann.git(&["merge-base", "--is-ancestor", &tip, "main"]);
    assert_eq!((ann.git(&["status", "--porcelain"]), ann.read("work.txt")), (String::new(), "work\n".into()));
    assert!(ann.path("aitasks/archived/t1_one.md").is_file());
}

#[test]
fn on_a_data_branch_the_three_branches_move_at_once() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    work(&ann);
    ann.count_connections();
    ann.aitask(&["finish", "1"]).ok();
    assert_eq!(ann.connections(), ["fetch", "push"]);
    assert_eq!(log(&world, "%s", "1", "main"), "Merge branch 'aitask/t1_one' into main\n");
    assert!(ann.path(".aitask-data/aitasks/archived/t1_one.md").is_file());
    assert_eq!((ann.read("work.txt"), world.locks()), ("work\n".into(), vec![]));
}

#[test]
fn again_it_is_done_and_changes_nothing() {
    let (_, ann) = worked();
    ann.aitask(&["finish", "1"]).ok();
    let before = everything(&ann);
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((json["merged"].is_null(), everything(&ann)), (true, before));
}

#[test]
fn a_branch_that_renames_the_file_of_its_own_task_is_merged_and_archived_as_one_file() {
    for mode in share(["--merge", "--squash"]) {
        let (world, ann) = worked();
        let there = ann.at(WORK);
        there.git(&["mv", "aitasks/t1_one.md", "aitasks/t1_uno.md"]);
        let text = there.read("aitasks/t1_uno.md");
        there.write(
            "aitasks/t1_uno.md",
            &format!("{}\nA note of the branch.\n", text.replace("priority: medium", "priority: low")),
        );
        there.commit("another name");
        ann.aitask(&["edit", "1", "--effort", "high"]).ok();
        let run = ann.aitask(&["finish", "1", "--ff", "--json"]).fails(1);
        assert_eq!(kind(&run), "conflict", "{run}");
        let json = ann.aitask(&["finish", "1", mode, "--json"]).ok().json();
        assert_eq!(json["archived"], serde_json::json!(["aitasks/archived/t1_one.md"]), "{json}");
        let files: Vec<_> = world.remote_files("main").into_iter().filter(|file| file.contains("/t1_")).collect();
        assert_eq!(files, ["aitasks/archived/t1_one.md"]);
        let text = world.remote_file("main", &files[0]).unwrap();
        for part in ["priority: low", "effort: high", "status: Done", "A note of the branch."] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(world.remote_file("main", "work.txt").is_some());
        assert_eq!(
            (ann.git(&["status", "--porcelain"]), ann.git(&["for-each-ref", "refs/heads/aitask/"])),
            Default::default()
        );
    }
}

#[test]
fn the_messages_of_commits_without_a_change_are_merged() {
    let (world, ann) = worked();
    ann.task("Two", &[]);
    ann.aitask(&["pick", "2"]).ok();
    let there = ann.at("aiwork/t2_two");
    there.git(&["commit", "-q", "--allow-empty", "-m", "measured 12 ms"]);
    let json = ann.aitask(&["finish", "2", "--json"]).ok().json();
    assert_eq!(json["merged"]["mode"], "merge", "{json}");
    assert!(world.git(&["--git-dir=origin.git", "log", "--format=%s", "main"]).contains("measured 12 ms"));
    // again there is nothing to merge
    ann.aitask(&["finish", "2"]).ok();
    assert_eq!(log(&world, "%s", "9", "main").matches("aitask/t2_two").count(), 1);
}

#[test]
fn the_next_steps_of_a_pick_without_a_worktree_work_as_they_stand() {
    let world = World::new();
    for ann in [world.initialised("ann"), local()] {
        ann.task("One", &[]);
        let run = ann.aitask(&["pick", "1", "--no-worktree"]).ok();
        assert!(
            run.to_string().contains("git switch -c aitask/t1_one, work, commit, then: git aitask finish 1"),
            "{run}"
        );
        ann.git(&["switch", "-q", "-c", "aitask/t1_one"]);
        ann.write("work.txt", "work\n");
        ann.commit("work");
        ann.aitask(&["finish", "1"]).ok().assert().stdout(contains("aitask/t1_one was merged into main"));
    }
}
