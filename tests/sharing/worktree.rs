//! `aitask_task_worktree.sh` and `git aitask worktree add|remove`.

use crate::support::{Repo, World, rounds};

fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    (world, ann)
}

fn add(ann: &Repo, name: &str) {
    ann.git(&["worktree", "add", "-q", "-b", &format!("aitask/{name}"), &format!("aiwork/{name}"), "main"]);
}

#[track_caller]
fn remove(ann: &Repo, args: &[&str]) -> (i32, Vec<String>) {
    let run = ann.script("aitask_task_worktree.sh", &[&["remove"], args].concat());
    (run.code, run.stdout.lines().map(|line| line.replace(ann.top().to_str().unwrap(), "<root>")).collect())
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (world, ann) = scene();
    std::fs::create_dir_all(world.root().join("outside")).unwrap();
    ann.write("aiwork/t9_x/file", "x\n");
    for name in ["../../outside", "../src", ".", "..", "-x", "t1/../../x", ""] {
        for verb in ["resolve", "remove"] {
            let run = ann.script("aitask_task_worktree.sh", &[verb, name]);
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        }
        assert_eq!(remove(&ann, &[name, "--force"]).0, 2);
    }
    assert!(world.root().join("outside").is_dir() && ann.path("aiwork/t9_x/file").exists());
}

#[test]
fn a_worktree_of_another_branch_in_the_place_is_kept() {
    let (_world, ann) = scene();
    ann.git(&["worktree", "add", "-q", "-b", "other", "aiwork/t2_x"]);
    ann.write("aiwork/t2_x/work", "mine\n");
    let (code, lines) = remove(&ann, &["t2_x", "--force"]);
    assert_eq!((code, lines[0].as_str()), (1, "WORKTREE_KEPT unknown <root>/aiwork/t2_x"));
    assert_eq!(ann.read("aiwork/t2_x/work"), "mine\n");
}

#[test]
fn one_in_the_middle_of_a_rebase_is_kept() {
    let (_world, ann) = scene();
    add(&ann, "t2_x");
    let there = ann.at("aiwork/t2_x");
    for text in ["one", "two"] {
        there.write("README.md", text);
        there.commit(text);
    }
    ann.write("README.md", "main\n");
    ann.commit("main");
    there.git_fails(&["rebase", "-q", "main"]);
    let (code, lines) = remove(&ann, &["t2_x", "--force"]);
    assert_eq!((code, lines.last().unwrap().as_str()), (1, "RESIDUE"), "{lines:?}");
    assert!(ann.path("aiwork/t2_x/README.md").exists());
    there.git(&["rebase", "--abort"]);
    assert_eq!(remove(&ann, &["t2_x"]).1[1], "BRANCH_KEPT unmerged_into:main aitask/t2_x");
}

#[test]
fn no_link_is_followed() {
    let (world, ann) = scene();
    let outside = world.root().join("outside/t2_x");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("file"), "x").unwrap();
    std::os::unix::fs::symlink(world.root().join("outside"), ann.path("aiwork")).unwrap();
    assert_eq!(remove(&ann, &["t2_x", "--force"]).0, 1);
    std::fs::remove_file(ann.path("aiwork")).unwrap();
    std::fs::create_dir(ann.path("aiwork")).unwrap();
    std::os::unix::fs::symlink(&outside, ann.path("aiwork/t2_x")).unwrap();
    assert_eq!(remove(&ann, &["t2_x", "--force"]).1[0], "WORKTREE_NONE");
    assert!(outside.join("file").exists());
}

#[test]
fn from_inside_the_worktree_that_goes() {
    let (_world, ann) = scene();
    add(&ann, "t2_x");
    let run = ann.at("aiwork/t2_x").script("aitask_task_worktree.sh", &["remove", "t2_x"]).ok();
    assert!(run.stdout.ends_with("BRANCH_DELETED aitask/t2_x\nCLEAN\n"), "{run}");
}

#[test]
fn outside_a_repository_and_in_a_bare_one() {
    let (world, ann) = scene();
    let run = ann.at(world.root()).script("aitask_task_worktree.sh", &["resolve", "t1_x"]).fails(3);
    assert!(run.stdout.is_empty() && run.stderr.contains("not inside a git repository"), "{run}");
    let run = ann.at(world.origin()).script("aitask_task_worktree.sh", &["resolve", "t1_x"]).fails(3);
    assert!(run.stdout.is_empty() && run.stderr.contains("bare repository"), "{run}");
}

#[test]
fn the_main_worktree_is_known_where_the_git_dir_is_elsewhere() {
    let (world, ann) = scene();
    ann.git(&["clone", "-q", "--separate-git-dir=../apart.git", "../origin.git", "../apart"]);
    let apart = ann.at(world.root().join("apart"));
    apart.git(&["switch", "-qc", "aitask/t2_x"]);
    let run = apart.script("aitask_task_worktree.sh", &["resolve", "t2_x"]).ok();
    assert_eq!(run.stdout, format!("MAIN {}\n", world.root().join("apart").canonicalize().unwrap().display()));
    let run = apart.script("aitask_task_worktree.sh", &["remove", "t2_x", "--force"]).fails(1);
    assert!(run.stdout.starts_with("WORKTREE_KEPT main_worktree "), "{run}");
}

#[test]
fn a_branch_left_by_an_abort_is_attached() {
    let (_world, ann) = scene();
    let path = |run: crate::support::Run| run.ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
    let there = ann.at(path(ann.aitask(&["worktree", "add", "1", "--json"])));
    there.write("work.txt", "work\n");
    there.commit("work");
    let gone = ann.aitask(&["worktree", "remove", "1", "--json"]).ok().json();
    assert_eq!((&gone["branch_deleted"], &gone["branch_kept"]), (&false.into(), &"aitask/t1_one".into()));
    let again = ann.at(path(ann.aitask(&["worktree", "add", "1", "--json"])));
    assert_eq!(again.read("work.txt"), "work\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_dry_run_makes_and_removes_nothing() {
    let (_world, ann) = scene();
    let text = ann.aitask(&["worktree", "add", "1", "--dry-run"]).ok().stdout;
    assert!(text.contains("git worktree add -b aitask/t1_one ") && !ann.path("aiwork").exists(), "{text}");
    ann.aitask(&["worktree", "add", "1"]).ok();
    let text = ann.aitask(&["worktree", "remove", "1", "--dry-run"]).ok().stdout;
    assert!(text.contains("git worktree remove ") && ann.path("aiwork/t1_one/README.md").exists(), "{text}");
}

#[test]
fn dirty_and_locked_ones_are_refused_with_the_way_out() {
    let (_world, ann) = scene();
    ann.aitask(&["worktree", "add", "1"]).ok();
    ann.write("aiwork/t1_one/new", "x\n");
    let run = ann.aitask(&["worktree", "remove", "1", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "dirty", "{run}");
    ann.git(&["worktree", "lock", "aiwork/t1_one"]);
    let run = ann.aitask(&["worktree", "remove", "1", "--discard", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "occupied", "{run}");
    ann.git(&["worktree", "unlock", "aiwork/t1_one"]);
    ann.at("aiwork/t1_one").aitask(&["worktree", "remove", "--discard"]).ok();
    assert_eq!(ann.git(&["branch", "--list", "aitask/*"]), "");
}

#[test]
fn files_that_git_ignores_come_along_and_the_projects_command_runs() {
    let (_world, ann) = scene();
    ann.write(".git/info/exclude", "/.env\n/cache/\n/other\n");
    ann.write(".env", "secret\n");
    ann.write("cache/a/b", "cached\n");
    ann.write("other", "not wanted\n");
    ann.git(&["config", "aitask.worktreeCopy", ".env cache/**"]);
    ann.git(&["config", "aitask.worktreeSetup", "cat .env >ran; exit 3"]);
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!(json["worktree"]["copied"], serde_json::json!([".env", "cache/a/b"]));
    assert!(json["worktree"]["unfinished"].as_str().unwrap().contains("exit 3"), "{json}");
    let there = ann.at("aiwork/t1_one");
    assert_eq!((there.read("ran"), there.read("cache/a/b")), ("secret\n".into(), "cached\n".into()));
    assert!(!ann.path("aiwork/t1_one/other").exists());
}

/// 8 worktrees made and 8 removed at once, as many rounds as asked for; bystanders stay registered.
#[test]
fn many_at_once() {
    let (_world, ann) = scene();
    for n in 2..=8 {
        ann.task(&format!("Task {n}"), &[]);
    }
    add(&ann, "t90_locked");
    ann.git(&["worktree", "lock", "aiwork/t90_locked"]);
    add(&ann, "t91_absent");
    std::fs::remove_dir_all(ann.path("aiwork/t91_absent")).unwrap();
    let ids: Vec<String> = (1..=8).map(|n| n.to_string()).collect();
    for _ in 0..rounds(1) {
        for verb in ["add", "remove"] {
            let running: Vec<_> = ids.iter().map(|id| ann.start(&["worktree", verb, id])).collect();
            for run in running {
                run.wait().ok();
            }
        }
        let names = ann.git(&["worktree", "list", "--porcelain"]);
        let left: Vec<_> = names.lines().filter_map(|line| line.strip_prefix("branch refs/heads/")).collect();
        assert_eq!(left, ["main", "aitask/t90_locked", "aitask/t91_absent"]);
    }
}
