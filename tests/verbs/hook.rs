//! `git aitask hook`: the events of agent programs, as they send them (invented, in `fixtures/hooks`).

use crate::support::{Repo, Run, World, wait_for};
use std::path::{Path, PathBuf};

/// What a program sends for an event, in this directory and about this file.
fn payload(name: &str, dir: &Path, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/hooks/{name}.json"));
    let text = std::fs::read_to_string(path).unwrap();
    text.replace("{dir}", dir.to_str().unwrap()).replace("{file}", file)
}

/// Lets a program tell an event. Its process is somewhere else than the session.
fn hook(repo: &Repo, event: &str, sent: &str, file: &str) -> Run {
    let from = sent.split('-').next().unwrap();
    let payload = payload(sent, repo.dir(), file);
    repo.at(repo.world().root()).aitask_fed(&["hook", event, "--from", from], &payload)
}

/// Nothing was said and nothing refused.
#[track_caller]
fn silent(run: &Run) {
    assert!((run.code, run.stdout.as_str(), run.stderr.as_str()) == (0, "", ""), "{run}");
}

/// A clone with the tasks 1 to 3, and the two agents of the payloads in it.
fn scene() -> (World, Repo, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    let (claude, codex) = (ann.env("CLAUDE_CODE_SESSION_ID", "0b7c-demo"), ann.env("CODEX_THREAD_ID", "0198-demo"));
    (world, ann, claude, codex)
}

#[test]
fn a_session_begins_with_the_brief_of_its_own() {
    let (_world, ann, claude, codex) = scene();
    claude.aitask(&["pick", "1"]).ok();
    codex.aitask(&["pick", "2"]).ok();
    for (sent, agent, held) in [("claude-session-start", &claude, "1 One"), ("codex-session-start", &codex, "2 Two")] {
        let run = hook(&ann, "session-start", sent, "").ok();
        assert_eq!((&run.stdout, run.stderr.as_str()), (&agent.aitask(&["brief"]).ok().stdout, ""));
        assert!(run.stdout.starts_with("you: c") && run.stdout.contains(&format!("you hold {held}")), "{run}");
    }
}

#[test]
fn whatever_does_not_concern_it_is_silent() {
    let (world, ann, claude, _) = scene();
    claude.aitask(&["pick", "1"]).ok();
    std::fs::create_dir(world.root().join("nowhere")).unwrap();
    let nowhere = ann.at(world.root().join("nowhere"));
    let without_tasks = World::new().clone("bob");
    for (event, sent) in [
        ("session-start", "claude-session-start"),
        ("pre-tool-use", "claude-edit"),
        ("stop", "claude-stop"),
        ("session-end", "claude-session-end"),
        ("worktree-remove", "claude-worktree-remove"),
        ("pre-compact", "claude-stop"),
    ] {
        silent(&hook(&nowhere, event, sent, "x"));
        // A repository without tasks is none of its business.
        silent(&hook(&without_tasks, event, sent, "x"));
        for text in ["", "{", "[]", "{\"cwd\":7}", "\u{0}"] {
            silent(&nowhere.aitask_fed(&["hook", event, "--from", "claude"], text));
        }
    }
    silent(&hook(&nowhere, "worktree-create", "claude-worktree-create", "x"));
    silent(&ann.aitask_fed(&["hook"], "{}"));
    silent(&ann.aitask_fed(&["hook", "later-event", "--from", "later", "--more", "x"], "{}"));
    // The directory of the session may be gone with the worktree of a finished task.
    let gone = payload("claude-stop", &ann.path("aiwork/t9_gone"), "");
    silent(&nowhere.aitask_fed(&["hook", "stop", "--from", "claude"], &gone));
}

#[test]
fn a_program_that_keeps_its_pipe_open_is_not_waited_for() {
    let (world, ann, claude, _) = scene();
    claude.aitask(&["pick", "1"]).ok();
    let sent = world.root().join("sent");
    std::fs::write(&sent, payload("claude-stop", ann.top(), "")).unwrap();
    let program = env!("CARGO_BIN_EXE_git-aitask");
    for (said, file) in [("", "/dev/null"), ("this session still holds t1", sent.to_str().unwrap())] {
        let open = format!("exec 2>/dev/null; cat '{file}'; exec sleep 20");
        let run = ann.run("bash", &["-c", &format!("timeout 15 '{program}' hook stop --from claude < <({open})")]);
        assert!(run.code == 0 && run.stdout.contains(said), "{run}");
    }
}

#[test]
fn a_large_event_is_read_to_its_end() {
    let (_world, ann, ..) = scene();
    ann.git(&["config", "aitask.guardWrites", "true"]);
    let text = payload("claude-write", ann.top(), &ann.path("a.txt").display().to_string());
    for megabytes in [1, 40] {
        let large = text.replace("*** Add", &format!("{}*** Add", "x".repeat(megabytes << 20)));
        silent(&ann.aitask_fed(&["hook", "pre-tool-use", "--from", "claude"], &large));
    }
}

#[test]
fn a_write_outside_of_the_worktree_is_refused_with_the_path_to_go_to_where_that_is_wanted() {
    let (world, ann, claude, codex) = scene();
    let inside = |path: &str| ann.path(path).display().to_string();
    let write = |sent: &str, file: &str| hook(&ann, "pre-tool-use", sent, file);
    claude.aitask(&["pick", "1"]).ok();
    codex.aitask(&["pick", "2"]).ok();
    silent(&write("claude-edit", &inside("src/cart.rs")));
    ann.git(&["config", "aitask.guardWrites", "true"]);
    let there = ann.path("aiwork/t1_one");
    for sent in ["claude-edit", "claude-write", "claude-notebook"] {
        let run = write(sent, &inside("src/cart.rs")).fails(2);
        assert_eq!(run.stdout, "");
        let instead = format!("write {} instead", there.join("src/cart.rs").display());
        assert!(run.stderr.contains(&instead) && run.stderr.contains("you hold t1"), "{run}");
        silent(&write(sent, &there.join("src/new/cart.rs").display().to_string()));
        // Elsewhere on the machine, and the data of the tasks.
        silent(&write(sent, &world.root().join("notes.txt").display().to_string()));
        silent(&write(sent, &inside("aiplans/p1_one.md")));
        silent(&write(sent, &inside(".aitask-data/aiplans/p1_one.md")));
        let run = write(sent, &inside("aiwork/t2_two/cart.rs")).fails(2);
        assert!(run.stderr.contains("the worktree of t2, which is held by ann@example.com (codex)"), "{run}");
    }
    silent(&write("claude-bash", &inside("src/cart.rs")));
    let run = write("codex-patch", "src/cart.rs").fails(2);
    assert!(run.stderr.contains("aiwork/t2_two/src/cart.rs instead") && run.stdout.is_empty(), "{run}");
    silent(&write("codex-patch", "aiwork/t2_two/src/cart.rs"));
    // A link leads to where it leads.
    std::os::unix::fs::symlink(ann.top(), there.join("up")).unwrap();
    write("claude-edit", &there.join("up/src/cart.rs").display().to_string()).fails(2);
    std::fs::remove_file(there.join("up")).unwrap();
    // Who holds nothing, or a task without a worktree, works in the main checkout.
    claude.aitask(&["drop", "1"]).ok();
    silent(&write("claude-edit", &inside("src/cart.rs")));
    write("claude-edit", &inside("aiwork/t2_two/cart.rs")).fails(2);
    claude.aitask(&["pick", "3", "--no-worktree"]).ok();
    silent(&write("claude-edit", &inside("src/cart.rs")));
    write("claude-edit", &inside("aiwork/t2_two/cart.rs")).fails(2);
}

#[test]
fn at_a_stop_it_is_said_what_is_held_and_never_twice() {
    let (_world, ann, claude, codex) = scene();
    silent(&hook(&ann, "stop", "claude-stop", ""));
    claude.aitask(&["pick", "1"]).ok();
    codex.aitask(&["pick", "2"]).ok();
    let run = hook(&ann, "stop", "claude-stop", "").ok();
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 1);
    assert_eq!(json["systemMessage"], "git aitask: this session still holds t1: finish or drop");
    silent(&hook(&ann, "stop", "claude-stop-again", ""));
    // Codex knows no such answer, and would take it for a failure.
    silent(&hook(&ann, "stop", "codex-stop", ""));
}

/// Waits until the remote has no other lock than these.
fn wait_for_locks(world: &World, locks: &[&str]) {
    wait_for("the task is given back", || {
        let found = world.locks();
        if found == locks { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

#[test]
fn at_the_end_a_task_without_work_is_given_back_where_that_is_wanted() {
    let (world, ann, claude, codex) = scene();
    claude.aitask(&["pick", "1"]).ok();
    claude.aitask(&["pick", "2"]).ok();
    codex.aitask(&["pick", "3"]).ok();
    let two = ann.at("aiwork/t2_two");
    let all = ["t1_lock.yaml", "t2_lock.yaml", "t3_lock.yaml"];
    silent(&hook(&ann, "session-end", "claude-session-end", ""));
    ann.git(&["config", "aitask.releaseUnused", "true"]);
    // The session goes on.
    silent(&hook(&ann, "session-end", "claude-session-clear", ""));
    two.write("work.txt", "not committed\n");
    ann.at("aiwork/t3_three").commit("work");
    silent(&hook(&ann, "session-end", "codex-session-end", ""));
    assert_eq!(world.locks(), all);
    silent(&hook(&ann, "session-end", "claude-session-end", ""));
    wait_for_locks(&world, &all[1..]);
    assert_eq!(two.read("work.txt"), "not committed\n");
    two.commit("work");
    silent(&hook(&ann, "session-end", "claude-session-end", ""));
    let there: Vec<_> = ["t2_two", "t3_three"].iter().map(|name| ann.path("aiwork").join(name).is_dir()).collect();
    assert_eq!((world.locks(), there), (all[1..].iter().map(|lock| (*lock).to_owned()).collect(), vec![true, true]));
}

#[test]
fn no_hook_but_the_end_that_gives_back_makes_a_connection() {
    let (_world, ann, claude, _) = scene();
    claude.aitask(&["pick", "1"]).ok();
    for (name, value) in [("aitask.guardWrites", "true"), ("aitask.publish", "true")] {
        ann.git(&["config", name, value]);
    }
    let there = ann.at("aiwork/t1_one");
    there.commit("work");
    ann.count_connections();
    for place in [&ann, &there] {
        hook(place, "session-start", "claude-session-start", "").ok();
        hook(place, "pre-tool-use", "claude-edit", "x");
        hook(place, "stop", "claude-stop", "").ok();
        hook(place, "session-end", "claude-session-end", "").ok();
    }
    assert_eq!(ann.connections(), Vec::<&str>::new());
}

#[test]
fn a_worktree_that_a_program_asks_for_is_made_and_its_path_is_all_that_is_said() {
    let (_world, ann, claude, _) = scene();
    ann.write(".env", "secret\n");
    ann.write(".worktreeinclude", ".env\n");
    ann.write(".git/info/exclude", "/.env\n/aiwork/\n/.aitask-data\n/aitasks\n/aiplans\n");
    let create = |name: &str| hook(&ann, "worktree-create", "claude-worktree-create", name);
    let path = |run: &Run| PathBuf::from(run.stdout.strip_suffix('\n').unwrap());
    let run = create("fix-footer").ok();
    assert_eq!(path(&run), ann.path(".claude/worktrees/fix-footer").canonicalize().unwrap());
    let there = ann.at(path(&run));
    assert_eq!(there.git(&["branch", "--show-current"]), "worktree-fix-footer\n");
    assert_eq!((there.read(".env"), there.read("README.md")), ("secret\n".to_owned(), "a project\n".to_owned()));
    assert_eq!(ann.git(&["status", "--porcelain"]), "?? .worktreeinclude\n");
    assert_eq!(create("fix-footer").ok().stdout, run.stdout, "again");
    // The name of a task means its worktree.
    let run = create("t2_two").ok();
    assert_eq!(path(&run), ann.path("aiwork/t2_two").canonicalize().unwrap());
    for bad in ["../out", "a/b", ".git", "a b", "x~"] {
        let run = create(bad).fails(2);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{bad}: {run}");
    }
    assert!(!ann.path(".claude/out").exists());

    let remove = |path: &Path| silent(&hook(&ann, "worktree-remove", "claude-worktree-remove", path.to_str().unwrap()));
    // Work stays: a change, and a commit.
    there.write("work.txt", "x\n");
    remove(there.dir());
    assert_eq!(there.read("work.txt"), "x\n");
    there.commit("work");
    remove(there.dir());
    assert_eq!(there.read("work.txt"), "x\n");
    there.git(&["reset", "-q", "--hard", "main"]);
    remove(there.dir());
    assert!(!there.dir().exists() && !ann.git(&["branch"]).contains("worktree-"));
    // A task that is held, the main checkout, and what is no worktree.
    claude.aitask(&["pick", "1"]).ok();
    for kept in ["aiwork/t1_one", ".", ".aitask-data", ".claude"] {
        remove(&ann.path(kept));
        assert!(ann.path(kept).is_dir(), "{kept}");
    }
    remove(&ann.path("aiwork/t2_two"));
    assert!(!ann.path("aiwork/t2_two").exists());
}
