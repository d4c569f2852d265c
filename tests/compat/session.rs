//! Which process stands for a session of a script: the one that an agent names, else the pane of tmux.

use super::peer::{read, start_of};
use super::{lock, lock_text, project};
use crate::support::{Repo, Sleeper, World};

/// The anchor of the lock that is taken now: process id, start and kind.
fn anchor(world: &World, repo: &Repo) -> [String; 3] {
    lock(repo, "1", "ann").ok();
    let [_, _, _, _, pid, start, kind] = read(&lock_text(world, "1"));
    [pid, start, kind]
}

fn none() -> [String; 3] {
    ["-", "-", "none"].map(str::to_owned)
}

fn of(session: &Sleeper) -> [String; 3] {
    [session.pid().to_string(), start_of(session.pid()), "proc".to_owned()]
}

#[test]
fn a_host_without_a_name_is_unknown_and_its_locks_are_taken_again() {
    let (world, ann) = project(1);
    let bin = world.root().join("no-name");
    world.script(&bin.join("hostname"), "#!/bin/sh\nexit 1\n");
    let session = Sleeper::new();
    lock(&ann.with_programs(bin).env("AIT_AGENT_PID", session.pid()), "1", "ann").ok();
    assert_eq!(read(&lock_text(&world, "1"))[3], "unknown");
    let taken = lock(&ann, "1", "ann").ok();
    assert!(taken.stdout.starts_with(&format!("PRIOR_LOCK:{}|", session.pid())), "{taken}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_number_with_leading_zeros_is_the_same_process() {
    let (world, ann) = project(1);
    let session = Sleeper::new();
    assert_eq!(anchor(&world, &ann.env("AIT_AGENT_PID", format!("0{}", session.pid()))), of(&session));
}

/// A clone whose `tmux` is that of a server at `/tmp/ait`, with the pane `%3` of this process; its arguments are logged.
fn in_tmux(ann: &Repo, pid: u32, server: &str) -> Repo {
    let bin = ann.world().root().join("tmux-bin");
    let log = ann.world().root().join("tmux.log");
    let text = format!("#!/bin/sh\necho \"$*\" >>'{}'\nprintf '{server}\\t{pid}\\n'\n", log.display());
    ann.world().script(&bin.join("tmux"), &text);
    ann.with_programs(bin).env("TMUX", "/tmp/ait,77,0").env("TMUX_PANE", "%3")
}

#[test]
#[cfg(target_os = "linux")]
fn a_pane_of_tmux_is_the_session_where_its_own_server_answers() {
    let (world, ann) = project(1);
    let session = Sleeper::new();
    let pane = in_tmux(&ann, session.pid(), "/tmp/ait");
    let log = || std::fs::read_to_string(world.root().join("tmux.log")).unwrap_or_default();
    let question = "display-message -p -t %3 #{socket_path}\t#{pane_pid}\n";
    assert_eq!((anchor(&world, &pane), log()), (of(&session), format!("-L ait {question}")));
    for (socket, flag) in [(" work ", "-L work "), ("", ""), ("  ", "")] {
        std::fs::remove_file(world.root().join("tmux.log")).unwrap();
        assert_eq!(anchor(&world, &pane.env("AITASKS_TMUX_SOCKET", socket)), of(&session));
        assert_eq!(log(), format!("{flag}{question}"));
    }
    std::fs::remove_file(world.root().join("tmux.log")).unwrap();
    session.die();
    for outside in [pane.env("TMUX", ""), pane.env("TMUX_PANE", "")] {
        assert_eq!((anchor(&world, &outside), log()), (none(), String::new()));
    }
}

#[test]
fn a_pane_that_cannot_be_asked_is_no_session() {
    let (world, ann) = project(1);
    let session = Sleeper::new();
    assert_eq!(anchor(&world, &in_tmux(&ann, session.pid(), "/tmp/other")), none());
    assert_eq!(anchor(&world, &in_tmux(&ann, 1, "/tmp/ait")), none());
    let hangs = in_tmux(&ann, session.pid(), "/tmp/ait");
    for text in ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho no\n", "#!/bin/sh\nsleep 600\n"] {
        world.script(&world.root().join("tmux-bin/tmux"), text);
        let begun = std::time::Instant::now();
        assert_eq!(anchor(&world, &hangs), none());
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{text}");
    }
}
