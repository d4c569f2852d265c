//! The other scripts: `ait`, drift check, plans, the data branch in odd clones, moving the task data.

use super::{sync, two};
use crate::support::{Repo, World};

#[test]
fn the_dispatcher_runs_what_is_not_ours_from_the_root() {
    let (world, ann, _bob) = two();
    ann.write(".aitask-scripts/VERSION", "1.2.3\n");
    let script = "#!/bin/sh\necho \"$(pwd) $AIT_INVOCATION_PWD $*\"\nexit 7\n";
    world.script(&ann.path(".aitask-scripts/aitask_issue_import.sh"), script);
    ann.write("src/x", "");
    let run = ann.at("src").script("ait", &["issue-import", "a b", "-x"]).fails(7);
    let root = ann.top().canonicalize().unwrap();
    assert_eq!(run.stdout, format!("{0} {0}/src a b -x\n", root.display()));
    assert_eq!(ann.script("ait", &["--version"]).ok().stdout, "ait version 1.2.3\n");
    for odd in ["frobnicate", "../x", ""] {
        let run = ann.script("ait", &[odd]).fails(1);
        assert_eq!(run.stderr, format!("ait: unknown command '{odd}'\nRun 'ait help' for usage information.\n"));
    }
}

#[test]
fn by_its_own_name_it_is_the_dispatcher() {
    let (world, ann, _bob) = two();
    let link = world.root().join("tmp/ait");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_git-aitask"), &link).unwrap();
    assert_eq!(ann.run(&link, &["sync", "--batch"]).ok().stdout, "NOTHING\n");
    assert_eq!(
        ann.at("aitasks").run(&link, &["git", "rev-parse", "--abbrev-ref", "HEAD"]).ok().stdout,
        "aitask-data\n"
    );
    ann.run(&link, &["git", "diff", "--quiet"]).ok();
    ann.run(&link, &["git", "no-such-verb"]).fails(1);
}

#[test]
fn a_plan_is_taken_over_with_its_branch_decisions() {
    let (_world, ann, _bob) = two();
    ann.write("aitasks/t2_add_login.md", "---\nstatus: Ready\n---\n");
    ann.write("int.md", "# The plan\n");
    let plan = |args: &[&str]| ann.script("aitask_plan_externalize.sh", args);
    let run = plan(&["2", "--internal", "int.md", "--worktree", "aiwork/t2_add_login"]).ok();
    assert_eq!(run.stdout, "EXTERNALIZED:aiplans/p2_add_login.md:int.md\n");
    let text = "---\nTask: t2_add_login.md\nWorktree: aiwork/t2_add_login\nBase branch: main\nOutput branch: main\nplan_verified: []\n---\n\n# The plan\n";
    assert_eq!(ann.read("aiplans/p2_add_login.md").replace("Base branch: dev", "Base branch: main"), text);
    assert_eq!(plan(&["2"]).ok().stdout, "PLAN_EXISTS:aiplans/p2_add_login.md\n");
    let run = plan(&["2", "--force", "--internal", "aiplans/p2_add_login.md", "--no-worktree"]).ok();
    assert_eq!(run.stdout, "OVERWRITTEN:aiplans/p2_add_login.md:aiplans/p2_add_login.md\n");
    assert!(!ann.read("aiplans/p2_add_login.md").contains("Worktree"));
    assert_eq!(plan(&["9", "--internal", "int.md"]).ok().stdout, "NOT_FOUND:no_task_file\n");
    assert_eq!(plan(&["2", "--force", "--internal", "no.md"]).ok().stdout, "NOT_FOUND:source_not_file\n");
    assert_eq!(plan(&["2", "--force"]).ok().stdout, "NOT_FOUND:no_internal_dir\n");
    let run = plan(&["2", "--base-branch", "dev$(id)"]).fails(1);
    assert!(run.stdout.is_empty() && run.stderr.contains("--base-branch: unsafe branch name 'dev$(id)'"), "{run}");
    for bad in [["--worktree", "../x"], ["--worktree", "/x"], ["--bogus", "x"]] {
        plan(&["2", bad[0], bad[1]]).fails(1);
    }
    plan(&["2", "--worktree", "x", "--no-worktree"]).fails(1);
}

#[test]
fn plans_of_the_agents_folder() {
    let (world, ann, _bob) = two();
    let folder = world.root().join("tmp/plans");
    std::fs::create_dir_all(&folder).unwrap();
    let ann = ann.env("AIT_PLAN_EXTERNALIZE_INTERNAL_DIR", folder.display());
    let plan = || ann.script("aitask_plan_externalize.sh", &["1", "--force", "--no-worktree"]).ok().stdout;
    assert_eq!(plan(), "NOT_FOUND:no_internal_files\n");
    let [one, two] = ["one.md", "two.md"].map(|name| folder.join(name));
    std::fs::write(&one, "one\n").unwrap();
    assert_eq!(plan(), format!("OVERWRITTEN:aiplans/p1_sample.md:{}\n", one.display()));
    std::fs::write(&two, "two\n").unwrap();
    assert!(plan().starts_with("MULTIPLE_CANDIDATES:"));
    let age = |path: &std::path::Path, seconds| {
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        std::fs::File::open(path).unwrap().set_modified(time).unwrap();
    };
    std::fs::write(folder.join("note.txt"), "no plan\n").unwrap();
    std::fs::create_dir(folder.join("folder.md")).unwrap();
    for (first, second, found) in [
        (20, 60, format!("MULTIPLE_CANDIDATES:{}|{}\n", one.display(), two.display())),
        (60, 20, format!("MULTIPLE_CANDIDATES:{}|{}\n", two.display(), one.display())),
        (60, 3700, format!("OVERWRITTEN:aiplans/p1_sample.md:{}\n", one.display())),
        (3700, 3700, "NOT_FOUND:no_internal_files\n".to_owned()),
    ] {
        age(&one, first);
        age(&two, second);
        assert_eq!(plan(), found);
    }
    let plan = |limit: &str| {
        let ann = ann.env("AIT_PLAN_EXTERNALIZE_MAX_AGE_SECS", limit);
        ann.script("aitask_plan_externalize.sh", &["1", "--force", "--no-worktree"])
    };
    age(&one, 3650);
    assert_eq!(plan("3680").ok().stdout, format!("OVERWRITTEN:aiplans/p1_sample.md:{}\n", one.display()));
    assert!(plan("soon").fails(1).stderr.contains("AIT_PLAN_EXTERNALIZE_MAX_AGE_SECS"));
}

#[test]
fn a_clone_of_one_branch_or_one_commit_gets_its_data() {
    let (world, ann, _bob) = two();
    let url = format!("file://{}", world.origin().display());
    for (dir, how) in [("single", "--single-branch"), ("shallow", "--depth=1")] {
        ann.git(&["clone", "-q", how, &url, &format!("../{dir}")]);
        let clone = ann.at(world.root().join(dir));
        assert_eq!(clone.script("aitask_init_data.sh", &[]).ok().stdout, "INITIALIZED\n");
        clone.write("aitasks/t1_sample.md", &format!("{dir}\n"));
        assert_eq!((sync(&clone), sync(&clone)), ("PUSHED".into(), "NOTHING".into()));
        assert_eq!(world.remote_file("aitask-data", "aitasks/t1_sample.md"), Some(format!("{dir}\n")));
    }
}

#[test]
fn a_clone_that_knows_the_data_branch_needs_no_network() {
    let (_world, ann, bob) = two();
    bob.git(&["worktree", "remove", ".aitask-data"]);
    bob.git(&["branch", "-D", "aitask-data"]);
    bob.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    assert_eq!(bob.script("aitask_init_data.sh", &[]).ok().stdout, "INITIALIZED\n");
    std::fs::remove_file(ann.path("aitasks")).unwrap();
    std::fs::create_dir(ann.path("aitasks")).unwrap();
    assert_eq!(ann.script("aitask_init_data.sh", &[]).ok().stdout, "ALREADY_INIT\n");
    assert!(!ann.path("aitasks/aitasks").exists());
}

#[test]
fn task_data_moves_to_a_branch_of_its_own() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.git(&["pull", "-q"]);
    ann.write("aitasks/metadata/userconfig.yaml", "email: ann@example.com\n");
    ann.write("src/dirty", "x\n");
    ann.aitask(&["init", "--data-branch"]).ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "?? src/\n");
    assert_eq!(ann.read("aitasks/metadata/userconfig.yaml"), "email: ann@example.com\n");
    let kept = world.remote_files("main");
    assert_eq!(kept, [".gitignore", "README.md"]);
    assert!(world.remote_files("aitask-data").contains(&"aitasks/t1_one.md".to_owned()));
    ann.aitask(&["pick", "1"]).ok();
    // Bob has not pulled: his old files are not put over it.
    bob.aitask(&["init", "--data-branch"]).ok();
    assert!(bob.read("aitasks/t1_one.md").contains("Implementing"));
    assert!(world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap().contains("Implementing"));
}

#[test]
fn old_task_data_that_was_never_published_is_not_put_over_the_new() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.git(&["pull", "-q"]);
    bob.write("aitasks/t1_one.md", "bob's\n");
    bob.commit("bob's own");
    ann.aitask(&["init", "--data-branch"]).ok();
    let before = world.remote_branch("aitask-data");
    let run = bob.aitask(&["init", "--data-branch", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "conflict", "{run}");
    assert_eq!((bob.read("aitasks/t1_one.md"), world.remote_branch("aitask-data")), ("bob's\n".into(), before));
}

#[test]
fn the_cure_for_a_protected_branch_works_on_a_protected_branch() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    world.protect("main");
    let run = ann.aitask(&["init", "--data-branch"]).ok();
    assert!(run.stdout.contains("refuses pushes to main") || run.stderr.contains("refuses pushes to main"), "{run}");
    ann.aitask(&["pick", "1"]).ok();
    assert!(world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap().contains("Implementing"));
    assert_eq!(ann.git(&["rev-list", "--count", "origin/main..main"]).trim(), "1");
}

#[test]
fn how_far_the_branches_are_apart() {
    let (_world, ann, bob) = two();
    let snapshot = |args: &[&str]| ann.script("desync_state.py", &[&["snapshot"], args].concat());
    assert_eq!(snapshot(&[]).ok().stdout, "main: up to date\naitask-data: up to date\n");
    bob.write("aitasks/t2_b.md", "b\n");
    assert_eq!(sync(&bob), "PUSHED");
    let lines = snapshot(&["--fetch", "--ref", "aitask-data", "--format", "lines"]).ok().stdout;
    let expected = "REF:aitask-data\nSTATUS:ok\nAHEAD:0\nBEHIND:1\n\
                    REMOTE_COMMIT:ait: Auto-commit task changes before sync\nREMOTE_CHANGED_PATH:aitasks/t2_b.md\n";
    assert_eq!(lines, expected);
    let json = snapshot(&["--json", "--ref", "aitask-data"]).ok().json();
    let keys = "ahead behind error local_ref name remote_changed_paths remote_commits remote_ref status worktree";
    assert_eq!(json["refs"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" "), keys);
    ann.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    assert_eq!(snapshot(&["--fetch"]).ok().stdout, "main: fetch error\naitask-data: fetch error\n");
    ann.git(&["worktree", "remove", "--force", ".aitask-data"]);
    assert_eq!(snapshot(&["--ref", "aitask-data"]).ok().stdout, "aitask-data: missing worktree\n");
    ann.git(&["remote", "remove", "origin"]);
    assert_eq!(snapshot(&["--ref", "main"]).ok().stdout, "main: no origin remote\n");
    for bad in [vec![], vec!["x"], vec!["snapshot", "--ref", "x"], vec!["snapshot", "--format"]] {
        ann.script("desync_state.py", &bad).fails(2);
    }
}

#[test]
fn setup_of_a_fresh_project_as_in_the_transcript() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("mine.txt", "staged\n");
    ann.git(&["add", "mine.txt"]);
    let setup = || ann.script("aitask_setup.sh", &[]).ok();
    assert!(setup().stdout.contains("auto-accepting"));
    let subjects = |branch: &str| ann.git(&["log", "--format=%s", branch]);
    assert_eq!(subjects("aitask-data"), "ait: Initialize task data structure\nait: Initialize aitask-data branch\n");
    let code = "ait: Add .aitask-shadow/ to .gitignore (shadow rejection store)\n\
                ait: Add .aitask-gates/ to .gitignore (gate sidecar logs)\n\
                ait: Add __pycache__/ to .gitignore (Python cache artifacts)\n\
                ait: Add aitasks/new/ to .gitignore (draft tasks)\n\
                ait: Configure task data branch with worktree and symlinks\nfirst\n";
    assert_eq!(subjects("main"), code);
    assert_eq!(ann.git(&["rev-list", "--count", "origin/main..main"]), "5\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "A  mine.txt\n");
    assert!(ann.read(".gitignore").starts_with(".aitask-data/\naitasks\naiplans\n.claude/skills/*-/\n"));
    for branch in ["aitask-data", "aitask-ids", "aitask-locks"] {
        assert!(world.remote_branch(branch).is_some(), "{branch}");
    }
    assert!(ann.read("aitasks/metadata/userconfig.yaml").contains("\nemail: ann@example.com\n"));
    let again = setup().stdout;
    assert!(again.contains("already initialized") && again.contains("already configured"), "{again}");
    assert_eq!((subjects("main"), sync(&ann)), (code.to_owned(), "NOTHING".to_owned()));
}

#[test]
fn setup_leaves_alone_what_somebody_is_at_work_on() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write(".aitask-scripts/VERSION", "1\n");
    ann.script("aitask_setup.sh", &[]).ok();
    assert_eq!(ann.git(&["log", "-1", "--format=%s"]), "ait: Add aitask framework\n");
    ann.write(".aitask-scripts/VERSION", "mine\n");
    let run = ann.script("aitask_setup.sh", &[]).ok();
    assert!(run.stdout.contains("left alone"), "{run}");
    assert_eq!(ann.git(&["status", "--porcelain"]), " M .aitask-scripts/VERSION\n");
    std::fs::create_dir(world.root().join("new")).unwrap();
    let run = ann.at(world.root().join("new")).script("aitask_setup.sh", &[]).ok();
    assert!(run.stdout.contains("initialized") && world.root().join("new/.aitask-data/aitasks").is_dir(), "{run}");
    ann.at(ann.path("aiplans")).script("aitask_setup.sh", &[]).fails(1);
}

/// What setup says to somebody who types these answers at a terminal, and its exit code.
fn typed(repo: &Repo, answers: &str) -> (String, i32) {
    let line = format!("'{}' compat aitask_setup.sh", env!("CARGO_BIN_EXE_git-aitask"));
    let run = repo.run("sh", &["-c", "printf \"$1\" | script -qec \"$2\" /dev/null", "sh", answers, &line]);
    (run.stdout, run.code)
}

#[test]
fn setup_asks_at_a_terminal_and_takes_no_for_an_answer() {
    let world = World::new();
    let ann = world.clone("ann");
    let (said, code) = typed(&ann, "n\\nann@home.example\\n");
    assert!(code == 0 && !said.contains("auto-accepting"), "{said}");
    assert!(ann.read("aitasks/metadata/userconfig.yaml").contains("\nemail: ann@home.example\n"), "{said}");
    assert!(!ann.path(".aitask-data").exists() && ann.path("aitasks/metadata/task_types.txt").exists());
    assert_eq!(ann.git(&["log", "--format=%s", "--", "aitasks"]), "ait: Add aitask framework\n");
    assert_eq!(ann.git(&["ls-files", "aitasks"]), "aitasks/metadata/labels.txt\naitasks/metadata/task_types.txt\n");
    ann.git(&["push", "-q"]);
    let (said, code) = typed(&ann, "\\n");
    assert_eq!(code, 0, "{said}");
    assert!(ann.path(".aitask-data/aitasks/metadata/task_types.txt").exists());
    let new = ann.at(world.root()).env("GIT_CEILING_DIRECTORIES", world.root().display());
    let (said, code) = typed(&new, "n\\nno\\n");
    assert!(code == 1 && said.contains("Nothing was done") && !world.root().join(".git").exists(), "{said}");
    std::fs::create_dir(ann.path("sub")).unwrap();
    let (said, code) = typed(&ann.at(ann.path("sub")), "n\\n");
    assert!(code == 1 && said.contains("the repository's root is"), "{said}");
    assert_eq!(typed(&ann.at(ann.path("sub")), "y\\n").1, 0);
}

#[test]
fn without_a_remote_setup_says_how_to_add_one() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    let said = ann.script("aitask_setup.sh", &[]).ok().stdout;
    for words in ["No git remote 'origin' configured", "git remote add origin", "auto-accepting acknowledgment"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(said.contains("already acknowledged"), "{said}");
}
