//! The process around us: hooks, aliases, environment, pipes, permissions.

use super::refused;
use crate::support::{Repo, Run, World};

const PROGRAM: &str = env!("CARGO_BIN_EXE_git-aitask");

fn with_task() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("First", &[]);
    (world, ann)
}

/// Runs a line of shell in which `$aitask` is the program.
fn shell(repo: &Repo, line: &str) -> Run {
    repo.env("aitask", PROGRAM).run("sh", &["-c", line])
}

#[test]
fn a_reader_that_went_away() {
    let (_world, ann) = with_task();
    for verb in ["list", "show 1", "list --json", "status", "--help", "--version", "pick 1", "drop 1", "locks", ""] {
        // a pipe whose only reader is closed before the program starts
        let line = format!(
            "mkfifo ../pipe; exec 3<>../pipe 4>../pipe 3>&-; rm ../pipe; \"$aitask\" {verb} >&4; echo \"code $?\" >&2"
        );
        let run = shell(&ann, &line).ok();
        assert!(run.stderr.contains("code 0") && !run.stderr.contains("panick"), "{verb}: {run}");
    }
}

#[test]
fn closed_streams() {
    let (_world, ann) = with_task();
    for streams in [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"] {
        for verb in ["list", "show 99", "new More", "--help", "nonsense"] {
            let run = shell(&ann, &format!("\"$aitask\" {verb} {streams}; echo \"code $?\"")).ok();
            let code = run.stdout.lines().last().unwrap_or_default();
            assert!(["code 0", "code 1", "code 2", "code 128"].contains(&code), "{verb} {streams}: {run}");
            assert!(!run.stderr.contains("panick"), "{verb} {streams}: {run}");
        }
    }
    // no stream's number was given to a file of the repository
    assert_eq!(ann.git(&["fsck", "--no-dangling"]), "");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn no_home() {
    let (world, ann) = with_task();
    let run =
        shell(&ann, "unset HOME XDG_CONFIG_HOME; \"$aitask\" pick 1 && \"$aitask\" drop 1 && \"$aitask\" new More");
    run.ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn variables_that_name_another_repository_for_every_call() {
    let (world, ann) = with_task();
    let elsewhere = ann.at(world.root().join("tmp")).env("GIT_DIR", ann.path(".git").display());
    let elsewhere = elsewhere.env("GIT_WORK_TREE", ann.top().display());
    assert!(elsewhere.aitask(&["list"]).ok().stdout.contains("First"));
    elsewhere.aitask(&["pick", "1"]).ok();
    assert!(ann.path("aiwork/t1_first/README.md").exists());
    // as git sets it for a hook of a partial commit
    let hook = ann.env("GIT_INDEX_FILE", ann.path(".git/next-index-1.lock").display()).env("GIT_DIR", ".git");
    hook.aitask(&["drop", "1"]).ok();
    assert!(!ann.path("aiwork/t1_first").exists());
    assert!(!ann.path(".git/next-index-1.lock").exists());
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_work_tree_that_does_not_lead_to_its_git_directory_is_named_and_refused() {
    let (world, ann) = with_task();
    let (work, bare) = (world.root().join("work"), world.root().join("origin.git"));
    std::fs::create_dir(&work).unwrap();
    let elsewhere = ann.at(&work).env("GIT_DIR", bare.display()).env("GIT_WORK_TREE", work.display());
    let other = || ann.env("GIT_WORK_TREE", work.display());
    world.git(&["clone", "-q", "origin.git", "apart"]);
    world.git(&["-C", "apart", "config", "core.worktree", work.to_str().unwrap()]);
    for (repo, verb) in [(elsewhere, "list"), (other(), "doctor"), (ann.at(world.root().join("apart")), "sync")] {
        let run = repo.aitask(&[verb, "--json"]).fails(128);
        let error = &run.error()["error"];
        assert_eq!(error["kind"], "not_a_repository", "{run}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("the work tree {} does not have ", work.display())), "{run}");
    }
    // What is advised works, and makes no checkout inside of another one.
    let run = other().aitask(&["list", "--json"]).fails(128);
    let hint = run.error()["error"]["hints"][0].clone();
    assert!(hint["note"].to_string().contains("unset GIT_WORK_TREE"), "{run}");
    assert!(other().follow(&hint).ok().stdout.contains("First"), "{run}");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    let run = ann.at(world.root().join("apart")).aitask(&["list", "--json"]).fails(128);
    ann.follow(&run.error()["error"]["hints"][0]).ok();
    assert!(ann.at(world.root().join("checkout")).aitask(&["list"]).ok().stdout.contains("First"));
}

#[test]
fn in_the_checkout_that_is_advised_beside_a_git_directory_a_task_is_picked_and_finished() {
    let (world, ann) = with_task();
    world.git(&["clone", "-q", "--bare", &format!("file://{}", world.origin().display()), "dot"]);
    let run = ann.at(world.root().join("dot")).aitask(&["list", "--json"]).fails(128);
    let hints = run.error()["error"]["hints"].clone();
    let hint = hints.as_array().unwrap().iter().find(|hint| hint.get("command").is_some()).unwrap();
    ann.at(world.root().join("dot")).follow(hint).ok();
    let checkout = ann.at(world.root().join("checkout"));
    checkout.aitask(&["pick", "1"]).ok();
    let work = ann.at(world.root().join("checkout/aiwork/t1_first"));
    work.commit("work");
    work.aitask(&["finish"]).ok();
    assert!(world.git(&["--git-dir=origin.git", "log", "--format=%s", "main"]).contains("work"));
}

#[test]
fn from_a_hook() {
    let (world, ann) = with_task();
    let hook = format!(
        "#!/bin/sh\n{{ '{PROGRAM}' list; '{PROGRAM}' pick 1; '{PROGRAM}' new 'From a hook'; echo \"code $?\"; }} \
         >'{0}/tmp/said' 2>&1\n",
        world.root().display()
    );
    world.script(&ann.path(".git/hooks/post-commit"), &hook);
    ann.write("code.txt", "code\n");
    ann.write("other.txt", "other\n");
    ann.git(&["add", "code.txt", "other.txt"]);
    ann.git(&["commit", "-q", "-m", "a part", "code.txt"]);
    let said = std::fs::read_to_string(world.root().join("tmp/said")).unwrap();
    assert!(said.ends_with("code 0\n"), "{said}");
    assert_eq!(world.locks(), ["t1_lock.yaml"], "{said}");
    assert!(world.remote_files("main").contains(&"aitasks/t2_from_a_hook.md".to_owned()), "{said}");
    assert_eq!(ann.git(&["log", "--format=%s", "--", "code.txt"]), "a part\n");
    assert_eq!(ann.git(&["status", "--porcelain"]), "A  other.txt\n", "{said}");
    assert_eq!(ann.at("aiwork/t1_first").git(&["status", "--porcelain"]), "", "{said}");
}

#[test]
fn from_a_hook_in_a_tasks_worktree() {
    let (world, ann) = with_task();
    ann.aitask(&["pick", "1"]).ok();
    let hook = format!("#!/bin/sh\n'{PROGRAM}' show --json >'{}/tmp/said' 2>&1\n", world.root().display());
    world.script(&ann.path(".git/hooks/pre-commit"), &hook);
    let work = ann.at("aiwork/t1_first");
    work.write("work.txt", "done\n");
    work.commit("work");
    let said = std::fs::read_to_string(world.root().join("tmp/said")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said).unwrap()["task"]["id"], "1", "{said}");
}

#[test]
fn from_an_alias() {
    let (_world, ann) = with_task();
    ann.git(&["config", "alias.ai", &format!("!{PROGRAM}")]);
    ann.write("deep/folder/file", "x\n");
    assert!(ann.at("deep/folder").git(&["ai", "list"]).contains("First"));
    ann.at("deep/folder").git(&["ai", "pick", "1"]);
    let work = ann.at("aiwork/t1_first");
    assert!(work.git(&["ai", "show"]).contains("First"));
    work.write("work.txt", "done\n");
    work.commit("work");
    ann.git(&["ai", "finish", "1"]);
    assert!(!ann.path("aiwork/t1_first").exists());
}

#[test]
fn a_git_directory_that_cannot_be_written() {
    let (_world, ann) = with_task();
    let git = ann.path(".git");
    let status = |mode: &str| ann.run("chmod", &["-R", mode, git.to_str().unwrap()]).ok();
    status("a-w");
    // root may write everywhere, but for this right
    let without = if rustix::process::getuid().is_root() { "setpriv --bounding-set=-dac_override --" } else { "" };
    let run = shell(&ann, &format!("{without} \"$aitask\" pick 1 --json"));
    status("u+w");
    assert_eq!(run.code, 128, "{run}");
    assert!(!run.error()["error"]["message"].as_str().unwrap().contains('\n'), "{run}");
}

#[test]
fn a_private_folder_that_is_a_file() {
    let (_world, ann) = with_task();
    std::fs::remove_dir_all(ann.path(".git/aitask")).unwrap();
    ann.write(".git/aitask", "mine\n");
    refused(&ann, &["pick", "1"], 128, "io");
    refused(&ann, &["new", "More"], 128, "io");
    ann.aitask(&["list"]).ok();
    assert_eq!(ann.read(".git/aitask"), "mine\n");
}

#[test]
fn no_git_on_the_path() {
    let ann = World::new().initialised("ann");
    let run = ann.env("PATH", "/nowhere").aitask(&["list", "--json"]).fails(128);
    assert_eq!(run.error()["error"]["kind"], "git", "{run}");
    assert!(run.stderr.contains("git"), "{run}");
}

#[test]
fn no_hostname_on_the_path() {
    let (world, ann) = with_task();
    let git = world.real_git();
    std::fs::create_dir(world.root().join("only")).unwrap();
    std::os::unix::fs::symlink(git, world.root().join("only/git")).unwrap();
    let lonely = ann.env("PATH", world.root().join("only").display());
    lonely.aitask(&["pick", "1", "--no-worktree"]).ok();
    assert!(world.remote_file("aitask-locks", "t1_lock.yaml").unwrap().contains("hostname: unknown\n"));
    lonely.aitask(&["drop", "1"]).ok();
}

#[test]
fn hints_with_a_path_that_has_a_space_in_it_can_be_pasted() {
    let world = World::new();
    let ann = world.clone_as("sp ace;x", "Ann", "ann@example.com");
    ann.aitask(&["init"]).ok();
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.write("aiwork/t1_one/new.txt", "new\n");
    for verb in [&["drop", "1"][..], &["worktree", "remove", "1"], &["finish", "1"]] {
        let run = ann.aitask(&[verb, &["--json"]].concat()).fails(1);
        let (way, _) = run.hints()[0].split_once(" && ").map(|(way, next)| (way.to_owned(), next.to_owned())).unwrap();
        ann.run("sh", &["-c", &way]).ok();
        assert!(std::path::Path::new(run.error()["error"]["hints"][0]["cd"].as_str().unwrap()).is_dir(), "{run}");
    }
}
