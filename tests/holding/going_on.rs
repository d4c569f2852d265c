//! Who goes on with a task that another session of the same person has taken.

use super::matrix::{OF_HOLDER, refused, state, world};
use super::worlds::relock;
use super::{WORK, committed, kind};
use crate::support::{Repo, Sleeper, World};

/// A session that has taken t1 and has ended.
fn held_by_the_dead() -> (World, Repo) {
    let (world, ann) = world();
    let dead = Sleeper::new();
    ann.env("CLAUDE_CODE_SESSION_ID", "a").env("CLAUDE_PID", dead.pid()).aitask(&["pick", "1"]).ok();
    dead.die();
    committed(&ann, "work.txt");
    (world, ann.env("CLAUDE_CODE_SESSION_ID", "b"))
}

#[test]
fn what_a_dead_session_holds_is_ended_in_its_worktree_and_elsewhere_after_a_pick() {
    let (world, ann) = held_by_the_dead();
    let before = state(&world, &ann);
    for verb in OF_HOLDER.iter().filter(|verb| !["pick", "worktree"].contains(&verb[0])) {
        let run = ann.aitask(&[verb, &["--json"][..]].concat()).fails(1);
        assert_eq!(kind(&run), "not_holder", "{run}");
        assert!(run.stderr.contains("goes on with it") && !run.stderr.contains("--steal"), "{run}");
        assert_eq!(state(&world, &ann), before, "{run}");
    }
    ann.aitask(&["pick", "1"]).ok();
    ann.aitask(&["finish", "1"]).ok();
}

#[test]
fn what_a_dead_session_holds_is_finished_in_its_worktree() {
    let (world, ann) = held_by_the_dead();
    ann.at(WORK).aitask(&["edit", "--status", "Editing"]).ok();
    ann.at(WORK).aitask(&["finish"]).ok();
    assert!(world.locks().is_empty());
}

#[test]
fn in_a_worktree_of_another_clone_a_dead_session_gives_nobody_its_task() {
    let (world, ann) = held_by_the_dead();
    ann.git(&["push", "-q", "origin", "aitask/t1_one"]);
    let other = world.clone_as("other", "ann", "ann@example.com");
    other.git(&["worktree", "add", "-q", WORK, "aitask/t1_one"]);
    let run = other.at(WORK).aitask(&["finish", "--json"]).fails(1);
    assert!(kind(&run) == "not_holder" && run.stderr.contains("goes on with it"), "{run}");
    other.at(WORK).aitask(&["pick"]).ok();
}

#[test]
fn a_refusal_names_the_worktree_only_where_it_helps() {
    let (_world, ann) = world();
    let (a, b) = (ann.env("CODEX_THREAD_ID", "a"), ann.env("CODEX_THREAD_ID", "b"));
    a.aitask(&["pick", "1"]).ok();
    let run = b.aitask(&["finish", "1"]).fails(1);
    assert!(!run.stderr.contains("cd "), "{run}");
    let (_world, ann) = held_by_the_dead();
    let run = ann.aitask(&["finish", "1"]).fails(1);
    assert!(run.stderr.contains("cd ") && run.stderr.contains(WORK), "{run}");
}

#[test]
fn a_session_in_another_pid_namespace_of_a_host_of_this_name_keeps_its_task() {
    for variables in [&[("CODEX_THREAD_ID", "a")][..], &[]] {
        let (world, ann) = world();
        let process = Sleeper::new();
        let holder = variables.iter().fold(ann.at(""), |repo, (name, value)| repo.env(*name, value));
        let holder = if variables.is_empty() { holder.env("AIT_AGENT_PID", process.pid()) } else { holder };
        holder.aitask(&["pick", "1"]).ok();
        committed(&ann, "work.txt");
        relock(&ann, "s/^pid_namespace: .*/pid_namespace: 4026539999/");
        ann.git(&["fetch", "-q"]);
        let other = Sleeper::new();
        let sessions = [ann.env("CODEX_THREAD_ID", "b"), ann.env("AIT_AGENT_PID", other.pid())];
        for (session, place) in sessions.iter().zip(["", WORK]) {
            refused(&world, &ann, &|args| session.at(place).aitask(args));
        }
        // the same number in this namespace is another process
        if variables.is_empty() {
            refused(&world, &ann, &|args| holder.aitask(args));
        } else {
            holder.aitask(&["finish", "1"]).ok();
        }
    }
}

#[test]
fn a_session_of_another_boot_of_a_host_of_this_name_keeps_its_task_outside_of_its_worktree() {
    for name in ["CODEX_THREAD_ID", "AIT_AGENT_PID"] {
        let (world, ann) = world();
        let processes = [(); 2].map(|()| Sleeper::new());
        let [holder, other] = [0, 1].map(|at| ann.env(name, processes[at].pid()));
        holder.aitask(&["pick", "1"]).ok();
        committed(&ann, "work.txt");
        relock(&ann, "s/^boot_id: .*/boot_id: 00000000-0000-4000-8000-000000000000/");
        ann.git(&["fetch", "-q"]);
        for verb in OF_HOLDER.iter().filter(|verb| verb[0] != "worktree") {
            let run = other.aitask(&[verb, &["--json"][..]].concat()).fails(1);
            assert!(["not_holder", "held"].contains(&kind(&run).as_str()) && run.stderr.contains("--steal"), "{run}");
        }
        // this clone took it on this host, which was started again since
        other.at(WORK).aitask(&["pick"]).ok();
        other.aitask(&["finish", "1"]).ok();
        assert!(world.locks().is_empty());
    }
}

#[test]
fn what_a_newer_program_says_of_its_session_is_neither_guessed_nor_lost() {
    for line in ["session_lease: 7", "agent_thread: x"] {
        let (world, ann) = world();
        let dead = Sleeper::new();
        let holder = ann.env("AIT_AGENT_PID", dead.pid());
        holder.aitask(&["pick", "1"]).ok();
        committed(&ann, "work.txt");
        relock(&ann, &format!("$a {line}"));
        ann.git(&["fetch", "-q"]);
        refused(&world, &ann, &|args| holder.at(WORK).aitask(args));
        dead.die();
        let run = ann.aitask(&["pick", "1"]).fails(1);
        assert!(run.stderr.contains("cannot judge") && run.stderr.contains(line.split(':').next().unwrap()), "{run}");
        refused(&world, &ann, &|args| ann.env("CODEX_THREAD_ID", "b").at(WORK).aitask(args));
    }
    // A session that is known by its name stays so, and the lines stay when its lock is written again.
    let (world, ann) = world();
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let named = ann.env("CLAUDE_CODE_SESSION_ID", "a");
    named.env("CLAUDE_PID", first.pid()).aitask(&["pick", "1"]).ok();
    relock(&ann, "$a session_lease: 7\\nreason: lunch");
    named.env("CLAUDE_PID", second.pid()).aitask(&["pick", "1"]).ok();
    let lock = world.remote_file("aitask-locks", "t1_lock.yaml").unwrap();
    assert!(lock.contains(&format!("\npid: {}\n", second.pid())), "{lock}");
    assert!(lock.ends_with("\nsession_lease: 7\nreason: lunch\n"), "{lock}");
}

#[test]
fn an_agent_that_is_started_where_the_task_was_picked_picks_it_too() {
    let (world, ann) = world();
    let program = world.root().join("agents/claude");
    world.script(&program, "#!/bin/sh\nunset GIT_AITASK_SESSION\nsh -c \"$1\"\nexit $?\n");
    let ann = ann.env("aitask", env!("CARGO_BIN_EXE_git-aitask")).env("agent", program.display());
    let script =
        "AIT_AGENT_PID=$$ $aitask pick 1 && cd aiwork/t1_one && $agent '$aitask pick' && $agent '$aitask drop'";
    ann.run("sh", &["-c", script]).ok();
    assert!(world.locks().is_empty());
}

#[test]
fn the_lock_that_a_dead_session_has_left_on_a_task_that_is_over_is_released_by_finish_from_anywhere() {
    let (world, ann) = held_by_the_dead();
    // as a kill between two pushes leaves it, on a server that takes one branch after the other
    ann.git(&["merge", "-q", "--no-edit", "aitask/t1_one"]);
    ann.write("aitasks/archived/t1_one.md", "---\nstatus: Done\n---\n\nText.\n");
    std::fs::remove_file(ann.path("aitasks/t1_one.md")).unwrap();
    ann.commit("Finish t1");
    ann.git(&["push", "-q"]);
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.locks().is_empty() && !ann.path(WORK).exists());
}

#[test]
fn an_agent_that_runs_below_the_holder_does_not_discard_the_work_of_that_one() {
    let (_world, ann) = world();
    let ann = ann.env("aitask", env!("CARGO_BIN_EXE_git-aitask"));
    let script = "AIT_AGENT_PID=$$ $aitask pick 1 && echo precious >aiwork/t1_one/unsaved && \
                  { CODEX_THREAD_ID=c $aitask worktree remove 1 --discard; test $? -eq 1; } && \
                  test -e aiwork/t1_one/unsaved && AIT_AGENT_PID=$$ $aitask worktree remove 1 --discard";
    ann.run("sh", &["-c", script]).ok();
}

#[test]
fn a_lock_that_names_no_session_is_not_that_of_every_agent() {
    let (_world, ann) = world();
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("unsaved", "precious\n");
    let b = ann.env("CODEX_THREAD_ID", "b");
    for args in [&["drop", "1"][..], &["worktree", "remove", "1"]] {
        let run = b.aitask(&[args, &["--discard", "--json"]].concat()).fails(1);
        assert!(["not_holder", "held"].contains(&kind(&run).as_str()), "{run}");
    }
    let mine = |repo: &Repo| repo.aitask(&["show", "1", "--json"]).ok().json()["task"]["mine"].clone();
    assert_eq!((mine(&b), mine(&b.at(WORK)), mine(&ann)), (false.into(), true.into(), true.into()));
    b.at(WORK).aitask(&["drop", "--discard"]).ok();
}

#[test]
fn a_command_without_a_terminal_below_the_shell_that_took_the_task_is_of_the_holder() {
    let (world, ann) = world();
    let ann = ann.env("aitask", env!("CARGO_BIN_EXE_git-aitask"));
    let script = "AIT_AGENT_PID=$$ $aitask pick 1 && $aitask list --json | grep '\"mine\": true' && \
                  $aitask pick 1 && $aitask drop 1; exit $?";
    ann.run("sh", &["-c", script]).ok();
    assert!(world.locks().is_empty());
}

#[test]
fn a_session_that_was_started_again_is_not_taken_for_dead_once_it_has_changed_something() {
    let (world, ann) = held_by_the_dead();
    let (before, again) = (state(&world, &ann), Sleeper::new());
    let a = ann.env("CLAUDE_CODE_SESSION_ID", "a").env("CLAUDE_PID", again.pid());
    for reading in [&["list"][..], &["show", "1"], &["drop", "1", "--dry-run"]] {
        a.aitask(reading).ok();
    }
    assert_eq!(state(&world, &ann), before);
    a.aitask(&["edit", "1", "--status", "Editing"]).ok();
    refused(&world, &ann, &|args| ann.at(WORK).aitask(args));
    again.die();
    ann.at(WORK).aitask(&["finish"]).ok();
}

/// Ann's session has `notes.txt` uncommitted in the worktree of t1; Bob has taken t1 over and given it back.
fn free_again(session: impl std::fmt::Display) -> (World, Repo) {
    let (world, ann) = world();
    ann.env("CLAUDE_CODE_SESSION_ID", "a").env("CLAUDE_PID", session).aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("notes.txt", "work\n");
    let bob = world.initialised_on_main("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    bob.aitask(&["drop", "1"]).ok();
    (world, ann)
}

#[test]
fn a_free_task_is_not_handed_over_with_the_uncommitted_files_of_another_session_without_a_word() {
    let session = Sleeper::new();
    let (_world, ann) = free_again(session.pid());
    session.die();
    let note = "has uncommitted files from the time when another session of yours (claude-code) had t1: notes.txt";
    let run = ann.env("CODEX_THREAD_ID", "c").aitask(&["pick", "1", "--json"]).ok();
    assert!(run.json()["notes"][0].as_str().unwrap().ends_with(note), "{run}");
    assert!(ann.path(WORK).join("notes.txt").exists());
}

#[test]
fn the_worktree_of_a_session_that_lives_is_not_handed_over_when_another_clone_freed_the_task() {
    let session = Sleeper::new();
    let (world, ann) = free_again(session.pid());
    let other = ann.env("CODEX_THREAD_ID", "c");
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let run = other.aitask(&["pick", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "occupied");
    assert!(run.stderr.contains("uncommitted there: notes.txt") && run.stderr.contains("--no-worktree"), "{run}");
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before);
    // The next one is picked instead.
    assert_eq!(other.aitask(&["pick", "--next", "--json"]).ok().json()["task"]["id"], "2");
    other.aitask(&["pick", "1", "--no-worktree"]).ok();
}
