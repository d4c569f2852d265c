//! `git aitask init`, and the three kinds of repository that the tests of all verbs use.

use crate::support::{Repo, World};
use serde_json::Value;

/// A repository of each of the three kinds: with the tasks on main, on a branch of their own, and without a remote.
pub(super) fn of_kind(kind: usize, world: &World) -> Repo {
    match kind {
        0 => world.initialised_on_main("ann"),
        1 => on_data_branch(world, "ann"),
        _ => local(),
    }
}

/// A repository without a remote, set up.
pub(super) fn local() -> Repo {
    let ann = World::new().clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init"]).ok();
    ann
}

/// A clone whose task data lives on the branch `aitask-data`, checked out at `.aitask-data`; the first one makes it.
pub(crate) fn on_data_branch(world: &World, name: &str) -> Repo {
    let repo = world.clone(name);
    if world.remote_branch("aitask-data").is_none() {
        let tree = repo.git(&["mktree"]);
        let commit = repo.git(&["commit-tree", tree.trim(), "-m", "task data"]);
        repo.git(&["push", "-q", "origin", &format!("{}:refs/heads/aitask-data", commit.trim())]);
    }
    repo.git(&["fetch", "-q"]);
    repo.git(&["worktree", "add", "-q", "-b", "aitask-data", ".aitask-data", "origin/aitask-data"]);
    for dir in ["aitasks", "aiplans"] {
        std::os::unix::fs::symlink(format!(".aitask-data/{dir}"), repo.path(dir)).unwrap();
    }
    repo.write(".git/info/exclude", "/.aitask-data/\n/aitasks\n/aiplans\n");
    repo.aitask(&["init"]).ok();
    repo
}

/// All refs of a clone and of its remote, its worktrees, the state of its files, and what it remembers of tasks.
pub(super) fn everything(repo: &Repo) -> String {
    let at = repo.at("");
    let origin = repo.world().git(&["--git-dir=origin.git", "for-each-ref"]);
    // without what fetches keep
    let local = at.git(&["for-each-ref", "refs/heads", "refs/remotes", "refs/tags"]);
    let status = at.git(&["status", "--porcelain=v2", "--branch", "--ignored", "--untracked-files=all"]);
    let worktrees = at.git(&["worktree", "list", "--porcelain"]);
    let held = at.run("sh", &["-c", "cat .git/aitask/held/* .git/info/exclude 2>&1"]).stdout;
    [origin, local, status, worktrees, held].join("--\n")
}

/// The names of the fields of an object, in order.
pub(crate) fn keys(value: &Value) -> String {
    value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn makes_the_branches_and_the_files_and_says_so() {
    let world = World::new();
    let ann = world.clone("ann");
    let json = ann.aitask(&["init", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema remote data made found");
    assert_eq!(
        (&json["remote"], &json["data"], &json["found"]),
        (&"origin".into(), &"aitask-data".into(), &Value::Array(vec![]))
    );
    assert_eq!(json["made"].as_array().unwrap().len(), 7);
    assert_eq!(world.locks(), Vec::<String>::new());
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref().map(str::trim), Some("1"));
    assert!(world.remote_file("aitask-data", "aitasks/metadata/task_types.txt").unwrap().contains("feature\n"));
    assert_eq!(ann.read("aitasks/metadata/labels.txt"), "");
}

#[test]
fn again_it_finds_everything_and_changes_nothing() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let before = everything(&ann);
    let json = ann.aitask(&["init", "--json"]).ok().json();
    assert_eq!((&json["made"], json["found"].as_array().unwrap().len()), (&Value::Array(vec![]), 4));
    assert_eq!(everything(&ann), before);
    ann.aitask(&["init"]).ok().assert().stdout(predicates::str::contains("found: branch aitask-locks"));
    let bob = world.clone("bob").aitask(&["init", "--json"]).ok().json();
    assert_eq!(bob["made"], Value::Array(vec![]));
}

#[test]
fn repairs_what_is_missing_and_keeps_the_counter() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.git(&["push", "-q", "origin", ":aitask-locks"]);
    let ids = world.remote_branch("aitask-ids");
    let json = ann.aitask(&["init", "--json"]).ok().json();
    let made = json["made"].as_array().unwrap();
    assert_eq!(made.len(), 1);
    assert!(made[0].as_str().unwrap().starts_with("branch aitask-locks, restored at "), "{json}");
    assert_eq!((world.remote_branch("aitask-ids"), ann.task("Two", &[])).0, ids);
}

#[test]
fn the_counter_starts_after_every_task_there_ever_was() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/t7_x.md", "---\nstatus: Ready\n---\n");
    ann.write("aitasks/archived/t12_y.md", "---\nstatus: Done\n---\n");
    ann.commit("tasks");
    ann.git(&["push", "-q"]);
    ann.aitask(&["init"]).ok().assert().stdout(predicates::str::contains("next id 13"));
    assert_eq!(ann.task("Next", &[]), "13");
}

#[test]
fn without_a_remote_everything_is_here() {
    let ann = World::new().clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    let json = ann.aitask(&["init", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema data made found");
    let branches = ann.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    assert_eq!(branches, "aitask-data\naitask-ids\naitask-locks\nmain\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    ann.aitask(&["init"]).ok().assert().stdout(predicates::str::contains("no remote"));
}

#[test]
fn on_a_data_branch_the_code_branch_stays_as_it_is() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    assert_eq!(world.remote_files("main"), ["README.md"]);
    let made = [".gitignore", "aitasks/metadata/labels.txt", "aitasks/metadata/task_types.txt"];
    assert_eq!(world.remote_files("aitask-data"), made);
    assert!(ann.path("aitasks/metadata/labels.txt").is_file());
    assert_eq!(ann.aitask(&["init", "--json"]).ok().json()["data"], "aitask-data");
}

#[test]
fn dry_run_shows_refs_and_commands_and_changes_nothing() {
    let world = World::new();
    let ann = world.clone("ann");
    let before = everything(&ann);
    let text = ann.aitask(&["init", "--dry-run"]).ok().stdout;
    let parts = ["missing: branch aitask-locks", "refs/heads/aitask-data (none) -> ", "git push ", "git worktree add "];
    for part in parts {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let text = ann.aitask(&["init", "--on", "main", "--dry-run"]).ok().stdout;
    assert!(text.contains("refs/heads/main") && !text.contains("aitask-data"), "{text}");
    let json = ann.aitask(&["init", "--dry-run", "--json"]).ok().json();
    assert_eq!(
        (keys(&json["dry_run"]), keys(&json["dry_run"]["refs"][0])),
        ("refs commands".into(), "ref old new".into())
    );
    assert_eq!(everything(&ann), before);
}

#[test]
fn commits_and_work_of_the_user_survive() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("mine.txt", "mine\n");
    let mine = ann.commit("mine, not pushed");
    ann.write("README.md", "half done\n");
    ann.write("untracked.txt", "new\n");
    ann.aitask(&["init"]).ok();
    ann.git(&["merge-base", "--is-ancestor", &mine, "main"]);
    assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\n?? untracked.txt\n");
    assert_eq!(world.remote_file("main", "mine.txt"), None);
}

#[test]
fn worktrees_and_private_files_are_excluded_here() {
    let ann = World::new().initialised("ann");
    ann.write("aiwork/t1_x/file", "");
    ann.write("aitasks/new/draft_20260101_0101_x.md", "");
    ann.write("aitasks/metadata/userconfig.yaml", "email: x@example.com\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert_eq!(ann.read(".git/info/exclude").matches("aiwork").count(), 1);
}

#[test]
fn refuses_where_there_is_nothing_to_start_from() {
    let world = World::new();
    let ann = world.clone("ann");
    let kind = |run: crate::support::Run| run.error()["error"]["kind"].as_str().unwrap().to_owned();
    assert_eq!(kind(ann.at(world.root()).aitask(&["init", "--json"]).fails(128)), "not_a_repository");
    assert_eq!(kind(ann.at(world.origin()).aitask(&["init", "--json"]).fails(128)), "bare_repository");
    ann.git(&["remote", "remove", "origin"]);
    ann.git(&["switch", "-q", "--detach"]);
    assert_eq!(kind(ann.aitask(&["init", "--json"]).fails(128)), "detached_head");
}

#[test]
fn a_branch_that_is_not_published_gets_no_history_of_its_own() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["switch", "-q", "-c", "local_only"]);
    assert_eq!(ann.aitask(&["init", "--on", "main", "--json"]).ok().json()["data"], "main");
    assert_eq!(world.remote_branch("local_only"), None);
}

#[test]
fn before_anything_is_published_it_names_the_branch_to_publish() {
    let world = World::new();
    let ann = world.clone("ann");
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/main"]);
    ann.git(&["fetch", "-q", "--prune"]);
    let run = ann.aitask(&["init", "--json"]).fails(1);
    assert!(run.hints().join("\n").contains("git push -u origin main"), "{run}");
    ann.git(&["push", "-q", "-u", "origin", "main"]);
    ann.aitask(&["init"]).ok();
}

#[test]
fn works_from_a_folder_of_the_checkout() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("src/deep/x", "");
    ann.at("src/deep").aitask(&["init"]).ok();
    assert!(ann.path("aitasks/metadata/labels.txt").is_file());
    assert!(!ann.path("src/deep/aitasks").exists());
}

#[test]
fn a_rehearsed_move_to_the_data_branch_names_both_branches_and_moves_nothing() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let before = everything(&ann);
    let said = ann.aitask(&["init", "--data-branch", "--dry-run", "--json"]).ok().json();
    let refs: Vec<_> = said["dry_run"]["refs"].as_array().unwrap().iter().map(|change| change["ref"].clone()).collect();
    assert_eq!(
        (refs, &said["data"]),
        (
            ["ids", "locks", "data"]
                .map(|name| format!("refs/heads/aitask-{name}").into())
                .into_iter()
                .chain(["refs/heads/main".into()])
                .collect::<Vec<serde_json::Value>>(),
            &"aitask-data".into()
        )
    );
    assert_eq!(everything(&ann), before);
}

#[test]
fn the_tasks_are_on_the_code_branch_that_was_named() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["push", "-q", "origin", "main:develop"]);
    let before = everything(&ann);
    let said = ann.aitask(&["init", "--on", "develop", "--dry-run", "--json"]).ok().json();
    assert_eq!((&said["data"], everything(&ann)), (&"develop".into(), before));
    ann.git_fails(&["config", "aitask.data"]);
    let said = ann.aitask(&["init", "--on", "develop", "--json"]).ok().json();
    assert!(said["notes"].to_string().contains("git config aitask.data develop"), "{said}");
    ann.task("One", &[]);
    assert!(world.remote_file("develop", "aitasks/t1_one.md").is_some());
    assert_eq!(world.remote_files("main"), ["README.md"]);
    // Cut off before this clone noted it.
    ann.git(&["config", "--unset", "aitask.data"]);
    ann.aitask(&["init", "--on", "develop"]).ok();
    assert_eq!(ann.git(&["config", "aitask.data"]), "develop\n");
    assert_eq!(ann.task("Two", &[]), "2");
}

#[test]
fn the_branch_that_would_be_used_anyway_is_no_setting() {
    let world = World::new();
    let ann = world.clone("ann");
    let json = ann.aitask(&["init", "--on", "main", "--json"]).ok().json();
    assert_eq!((&json["data"], keys(&json)), (&"main".into(), "schema remote data made found".into()));
    ann.git_fails(&["config", "aitask.data"]);
    ann.aitask(&["init", "--on", "main", "--data-branch"]).fails(2);
    ann.aitask(&["init", "--on", "aitask-locks"]).fails(2);
}

#[test]
fn a_repository_that_has_tasks_stays_as_it_is() {
    for own in [false, true] {
        let world = World::new();
        let ann = if own { on_data_branch(&world, "ann") } else { world.initialised_on_main("ann") };
        ann.task("One", &[]);
        ann.git(&["push", "-q", "origin", "main:develop"]);
        let said = ann.aitask(&["init", "--on", "develop", "--json"]).ok().json();
        let data = if own { "aitask-data" } else { "main" };
        assert_eq!((&said["data"], &said["made"]), (&data.into(), &Value::Array(vec![])));
        assert!(said["notes"].to_string().contains(&format!("are on {data}, and stay there")), "{said}");
        ann.git_fails(&["config", "aitask.data"]);
    }
}

#[test]
fn without_a_remote_the_tasks_are_on_the_branch_that_was_named_whatever_is_checked_out() {
    let ann = World::new().clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.git(&["branch", "tasks"]);
    ann.aitask(&["init", "--on", "tasks"]).ok();
    ann.task("One", &[]);
    ann.git(&["switch", "-q", "-c", "feature"]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").commit("work");
    ann.aitask(&["finish", "1"]).ok();
    ann.git(&["cat-file", "-e", "tasks:aitasks/archived/t1_one.md"]);
    assert_eq!(ann.git(&["ls-tree", "--name-only", "feature"]), "README.md\n");
}
