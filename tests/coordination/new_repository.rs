//! Where a repository without tasks gets them: on a branch of their own, unless the user or existing tasks say otherwise.

use crate::support::{Repo, When, World, hints};

const TASK: &str = "aitasks/t1_one.md";

fn branch_of_tasks(repo: &Repo) -> String {
    repo.aitask(&["--json"]).ok().json()["tasks"]["branch"].as_str().unwrap().to_owned()
}

/// Whether the tasks are checked out, with both links, and git reports nothing in the main worktree.
fn is_attached(repo: &Repo) -> bool {
    let leads = |name: &str| std::fs::read_link(repo.path(name)).is_ok_and(|to| to.starts_with(".aitask-data"));
    let attached = leads("aitasks") && leads("aiplans") && repo.path("aitasks/metadata").is_dir();
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    attached
}

/// The remote as ann left it: one task, on its own branch.
fn with_a_task() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    (world, ann)
}

#[test]
fn a_new_repository_gets_a_branch_for_its_tasks_and_nothing_is_committed_to_main() {
    let world = World::new();
    let ann = world.clone("ann");
    let main = world.remote_branch("main");
    let run = ann.aitask(&["init", "--json"]).ok();
    assert_eq!(run.json()["data"], "aitask-data", "{run}");
    ann.task("One", &[]);
    assert!(is_attached(&ann) && ann.path(TASK).exists());
    assert_eq!(world.remote_branch("main"), main);
    assert!(world.remote_file("aitask-data", TASK).is_some());
    assert_eq!(branch_of_tasks(&ann), "aitask-data");
    assert_eq!(ann.aitask(&["init", "--json"]).ok().json()["made"], serde_json::json!([]));
}

#[test]
fn without_a_remote_as_well() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init"]).ok();
    ann.task("One", &[]);
    assert!(is_attached(&ann) && ann.path(TASK).exists());
    assert_eq!(ann.git(&["ls-tree", "--name-only", "main"]), "README.md\n");
}

#[test]
fn on_main_is_where_it_stays() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let bob = world.clone("bob");
    for (repo, verb) in [(&ann, &["init"][..]), (&bob, &["init"]), (&bob, &["init", "--json"])] {
        repo.aitask(verb).ok();
    }
    assert_eq!([branch_of_tasks(&ann), branch_of_tasks(&bob)], ["main", "main"]);
    assert_eq!(world.remote_branch("aitask-data"), None);
}

#[test]
fn a_repository_that_has_tasks_keeps_them_where_they_are() {
    for (path, text) in [(TASK, "---\nstatus: Ready\n---\n"), ("aiplans/p1_one.md", "# One\n")] {
        let world = World::new();
        let (ann, bob) = (world.clone("ann"), world.clone("bob"));
        ann.write(path, text);
        ann.commit("by hand");
        ann.git(&["push", "-q"]);
        // his checkout is older than the tasks
        let made = bob.aitask(&["init", "--json"]).ok().json();
        assert_eq!(made["data"], "main");
        assert_eq!(world.remote_branch("aitask-data"), None);
    }
}

#[test]
fn tasks_that_are_not_committed_yet_count_as_tasks() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write(TASK, "---\nstatus: Ready\n---\nmine\n");
    assert_eq!(ann.aitask(&["init", "--json"]).ok().json()["data"], "main");
    assert!(ann.read(TASK).contains("mine"));
}

#[test]
fn tasks_on_another_branch_get_no_second_home() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["switch", "-q", "-c", "develop"]);
    ann.git(&["push", "-q", "-u", "origin", "develop"]);
    ann.aitask(&["init", "--on", "develop"]).ok();
    ann.task("One", &[]);
    let bob = world.clone("bob");
    for verb in [&["init"][..], &["init", "--data-branch"]] {
        let run = bob.aitask(&[verb, &["--json"]].concat()).fails(1);
        let error = &run.error()["error"];
        assert_eq!(
            (&error["kind"], hints(error)[0].as_str()),
            (&"not_initialised".into(), "git config aitask.data <branch>   # names that branch")
        );
        assert_eq!(world.remote_branch("aitask-data"), None);
    }
    bob.git(&["config", "aitask.data", "develop"]);
    bob.aitask(&["init"]).ok();
    assert_eq!(branch_of_tasks(&bob), "develop");
    assert!(bob.aitask(&["list"]).ok().stdout.contains("One"));
}

#[test]
fn a_setting_decides_before_all() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["config", "aitask.data", "main"]);
    assert_eq!(ann.aitask(&["init", "--json"]).ok().json()["data"], "main");
    assert_eq!(world.remote_branch("aitask-data"), None);
}

#[test]
fn an_unpublished_main_is_said_as_before() {
    let world = World::new();
    world.git(&["init", "-q", "local"]);
    let local = world.clone("ann").at(world.root().join("local"));
    local.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    world.git(&["init", "-q", "--bare", "empty.git"]);
    local.git(&["remote", "add", "origin", "../empty.git"]);
    let run = local.aitask(&["init"]).fails(1);
    assert!(run.stderr.contains("git push -u origin main"), "{run}");
    assert_eq!(world.git(&["--git-dir=empty.git", "for-each-ref"]), "");
}

#[test]
fn a_fresh_clone_reads_without_set_up_and_stays_as_it_is() {
    let (world, _ann) = with_a_task();
    let bob = world.clone("bob");
    let exclude = bob.read(".git/info/exclude");
    for verb in [&["list"][..], &["show", "1"], &["log"]] {
        let run = bob.aitask(verb).ok();
        assert!(run.stdout.contains("One") || run.stdout.contains("t1"), "{run}");
    }
    let run = bob.aitask(&["status"]).ok();
    assert!(run.stdout.contains("One"), "{run}");
    let run = bob.aitask(&[]).ok();
    assert!(run.stdout.contains("tasks: branch aitask-data, not checked out here yet"), "{run}");
    bob.aitask(&["pick", "1", "--dry-run"]).ok();
    assert!(!bob.path(".aitask-data").exists() && !bob.path("aitasks").exists());
    assert_eq!(bob.read(".git/info/exclude"), exclude);
}

#[test]
fn the_first_verb_that_changes_something_checks_the_tasks_out() {
    let verbs: [&[&str]; 7] = [
        &["new", "Two"],
        &["edit", "1", "--priority", "high"],
        &["pick", "1"],
        &["pick", "1", "--no-worktree"],
        &["lock", "1"],
        &["archive", "1"],
        &["sync"],
    ];
    for verb in verbs {
        let (world, _ann) = with_a_task();
        let main = world.remote_branch("main");
        let bob = world.clone("bob");
        let run = bob.aitask(verb).ok();
        assert!(is_attached(&bob), "{run}");
        assert_eq!(bob.git(&["status", "--porcelain"]), "");
        assert_eq!(world.remote_branch("main"), main);
        let run = bob.aitask(&[]).ok();
        assert!(run.stdout.contains("tasks: branch aitask-data, aitasks/, aiplans/"), "{run}");
    }
}

#[test]
fn the_checkout_costs_no_connection() {
    let (world, _ann) = with_a_task();
    let bob = world.clone("bob");
    bob.count_connections();
    bob.aitask(&["edit", "1", "--priority", "high"]).ok();
    assert_eq!(bob.connections(), ["push"]);
    let carl = world.clone("carl");
    carl.count_connections();
    carl.aitask(&["pick", "1"]).ok();
    assert_eq!(carl.connections(), ["push"]);
}

#[test]
fn a_refused_verb_checks_nothing_out() {
    let (world, ann) = with_a_task();
    ann.aitask(&["pick", "1"]).ok();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1"]).fails(1);
    assert!(!bob.path(".aitask-data").exists());
}

#[test]
fn the_tasks_are_checked_out_in_the_main_worktree_whatever_the_current_one() {
    let (world, _ann) = with_a_task();
    let bob = world.clone("bob");
    bob.git(&["worktree", "add", "-q", "../other"]);
    bob.at(world.root().join("other")).aitask(&["new", "Two"]).ok();
    assert!(is_attached(&bob) && bob.path("aitasks/t2_two.md").exists());
    assert!(!world.root().join("other/aitasks").exists());
}

#[test]
fn a_job_on_no_branch_gets_the_checkout_too() {
    let (world, _ann) = with_a_task();
    let bob = world.clone("bob");
    bob.git(&["checkout", "-q", "--detach"]);
    bob.aitask(&["pick", "1"]).ok();
    assert!(is_attached(&bob));
}

#[test]
fn links_that_were_deleted_come_back() {
    let (_world, ann) = with_a_task();
    std::fs::remove_file(ann.path("aitasks")).unwrap();
    ann.aitask(&["list"]).ok();
    assert!(!ann.path("aitasks").exists());
    ann.task("Two", &[]);
    assert!(is_attached(&ann));
    std::fs::remove_dir_all(ann.path(".aitask-data")).unwrap();
    ann.task("Three", &[]);
    assert!(is_attached(&ann));
    ann.task("Four", &[]);
    assert!(ann.path("aitasks/t3_three.md").exists());
}

#[test]
fn a_file_in_the_place_of_a_link_stays_and_the_verb_is_done() {
    let (world, _ann) = with_a_task();
    let bob = world.clone("bob");
    bob.write("aiplans", "mine\n");
    bob.write(".aitask-data/mine", "mine\n");
    let run = bob.aitask(&["edit", "1", "--priority", "high"]).ok();
    assert!(run.stderr.contains("the tasks were not checked out"), "{run}");
    assert_eq!([bob.read("aiplans"), bob.read(".aitask-data/mine")], ["mine\n", "mine\n"]);
    assert!(world.remote_file("aitask-data", TASK).unwrap().contains("priority: high"));
}

#[test]
fn explore_checks_nothing_out() {
    let (world, _ann) = with_a_task();
    let bob = world.clone("bob");
    bob.aitask(&["explore", "--", env!("CARGO_BIN_EXE_git-aitask"), "new", "Found while exploring"]).ok();
    assert!(!bob.path(".aitask-data").exists());
    assert!(world.remote_file("aitask-data", "aitasks/t2_found_while_exploring.md").is_some());
}

#[test]
fn in_a_bare_repository_with_worktrees_the_first_one_has_it() {
    let (world, _ann) = with_a_task();
    world.git(&["clone", "-q", "--bare", "origin.git", "hub.git"]);
    world.git(&["--git-dir=hub.git", "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    world.git(&["--git-dir=hub.git", "fetch", "-q", "origin"]);
    for branch in ["one", "two"] {
        world.git(&["--git-dir=hub.git", "worktree", "add", "-q", "-b", branch, branch, "main"]);
    }
    let carl = world.clone("carl");
    for (dir, title) in [("one", "Two"), ("two", "Three")] {
        carl.at(world.root().join(dir)).aitask(&["new", title]).ok();
    }
    assert!(world.root().join("one/aitasks/t3_three.md").exists());
    assert!(!world.root().join("two/.aitask-data").exists());
}

#[test]
fn killed_while_it_checks_the_tasks_out_the_next_one_does_it() {
    for k in 1.. {
        for when in [When::Before, When::After] {
            let (world, _ann) = with_a_task();
            let bob = world.clone("bob");
            let run = bob.killed_at(k, when, &["edit", "1", "--priority", "high"]);
            if run.signal.is_none() {
                assert!(k > 3, "{run}");
                return;
            }
            bob.aitask(&["edit", "1", "--priority", "high"]).ok();
            bob.aitask(&["new", "Two"]).ok();
            assert!(is_attached(&bob), "killed at call {k}: {run}");
            assert_eq!(bob.git(&["-C", ".aitask-data", "status", "--porcelain"]), "", "killed at call {k}: {run}");
        }
    }
}

#[test]
fn of_two_people_who_set_up_differently_at_once_both_get_one_place() {
    for _ in 0..8 {
        let world = World::new();
        let (ann, bob) = (world.clone("ann"), world.clone("bob"));
        let both = [ann.start(&["init"]), bob.start(&["init", "--on", "main"])];
        let _ = both.map(|one| one.wait());
        ann.aitask(&["init"]).ok();
        bob.aitask(&["init"]).ok();
        ann.task("One", &[]);
        bob.task("Two", &[]);
        assert_eq!(branch_of_tasks(&ann), branch_of_tasks(&bob));
        let places = [world.remote_file("main", TASK), world.remote_file("aitask-data", TASK)];
        assert_eq!(places.iter().flatten().count(), 1);
    }
}

#[test]
fn a_folder_of_the_users_own_is_never_moved_nor_published() {
    let (world, _ann) = with_a_task();
    for (name, is_ignored) in [("aitasks", false), ("aiplans", true)] {
        let bob = world.clone(&format!("bob_{name}"));
        bob.write(&format!("{name}/notes.txt"), "private\n");
        if is_ignored {
            bob.write(".git/info/exclude", &format!("/{name}/\n"));
        }
        assert_eq!(branch_of_tasks(&bob), "aitask-data");
        let run = bob.aitask(&["new", "Another"]).ok();
        assert!(run.stderr.contains(&format!("{name} is of your own")), "{run}");
        bob.aitask(&["sync"]).ok();
        bob.aitask(&["init"]).ok();
        assert_eq!(bob.read(&format!("{name}/notes.txt")), "private\n");
        for branch in ["main", "aitask-data"] {
            assert!(!world.remote_files(branch).iter().any(|file| file.contains("notes")), "{branch}");
        }
    }
}

#[test]
fn folders_without_tasks_do_not_make_a_repository_old() {
    let make: [fn(&Repo); 3] = [
        |ann| std::fs::create_dir(ann.path("aitasks")).unwrap(),
        |ann| ann.write("aitasks/notes.txt", "private\n"),
        |ann| ann.write("aiplans/notes.txt", "private\n"),
    ];
    for make in make {
        let world = World::new();
        let ann = world.clone("ann");
        make(&ann);
        assert_eq!(ann.aitask(&["init", "--json"]).ok().json()["data"], "aitask-data");
        assert_eq!(world.remote_files("main"), ["README.md"]);
    }
}

#[test]
fn where_tasks_keep_a_new_set_up_on_main_it_is_said() {
    let ann = World::new().clone("ann");
    ann.write(TASK, "---\nstatus: Ready\n---\n");
    let run = ann.aitask(&["init"]).ok();
    assert!(run.stderr.contains("stay there") || run.stdout.contains("stay there"), "{run}");
}

#[test]
fn in_a_sparse_checkout_all_task_files_are_there() {
    let (world, ann) = with_a_task();
    ann.write("src/a.txt", "a\n");
    ann.commit("code");
    ann.git(&["push", "-q"]);
    let bob = world.clone("bob");
    bob.git(&["sparse-checkout", "set", "src"]);
    bob.aitask(&["edit", "1", "--priority", "high"]).ok();
    assert!(bob.path(TASK).exists());
    let text = bob.read(TASK);
    bob.write(TASK, &format!("{text}more\n"));
    bob.write("aitasks/t9_by_hand.md", "---\nstatus: Ready\n---\n");
    bob.aitask(&["sync"]).ok();
    let published = world.remote_file("aitask-data", TASK).unwrap();
    assert!(published.contains("priority: high") && published.ends_with("more\n"), "{published}");
    assert!(world.remote_file("aitask-data", "aitasks/t9_by_hand.md").is_some());
    assert_eq!(bob.git(&["sparse-checkout", "list"]), "src\n");
    // one that an older release made
    bob.git(&["-C", ".aitask-data", "sparse-checkout", "set", "src"]);
    assert!(!bob.path(TASK).exists());
    bob.task("Another", &[]);
    assert!(bob.path(TASK).exists());
}

#[test]
fn a_task_is_cut_from_the_work_that_finished_what_it_waited_for() {
    let (world, ann) = with_a_task();
    ann.aitask(&["new", "Two", "--depends", "1"]).ok();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1"]).ok();
    bob.at("aiwork/t1_one").write("lib.txt", "lib\n");
    bob.at("aiwork/t1_one").git(&["add", "."]);
    bob.at("aiwork/t1_one").git(&["commit", "-q", "-m", "lib"]);
    bob.aitask(&["finish", "1"]).ok();
    ann.count_connections();
    ann.aitask(&["pick", "2"]).ok();
    assert_eq!(ann.connections(), ["fetch", "push"]);
    assert!(ann.path("aiwork/t2_two/lib.txt").exists());
}
