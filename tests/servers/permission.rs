//! Servers that let a user read and not write: each says so in a way of its own, or says nothing.

use super::{kind, message, published, run, scene, tasks, work_on};
use crate::support::{Answer, Repo, Server, World, share};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Each verb is denied at once, with the words, and nothing changes.
#[track_caller]
fn denied(world: &World, ann: &Repo, words: &str) {
    let before = published(world);
    for line in share(["pick 1 --json", "lock 1 --json", "new more --json"]) {
        let begun = Instant::now();
        let refused = run(ann, line).fails(1);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}\n{refused}", begun.elapsed());
        assert_eq!(kind(&refused), "denied", "{refused}");
        assert!(message(&refused).contains(words), "{refused}");
        assert!(!message(&refused).contains("hook") && refused.to_string().contains("get-url --push"), "{refused}");
    }
    assert_eq!(published(world), before);
    assert!(!ann.path("aiwork").exists());
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

fn is_push(line: &str) -> bool {
    line.contains("receive-pack")
}

#[test]
fn over_http_with_a_status_that_refuses() {
    for (status, words) in [(403, "Bob may only read this."), (401, "Bob may not write here."), (401, ""), (404, "")] {
        for is_private in [false, true] {
            let (world, ann) = scene(1);
            let server = Server::http(&world, move |request| match is_push(&request.line) {
                _ if is_private && !request.with_credentials => Answer::Says(401, ""),
                true => Answer::Says(status, words),
                false => Answer::Git,
            });
            server.serves(&ann, "http");
            run(&ann, "locks").ok();
            server.asked("");
            denied(&world, &ann, words);
            let asked = server.asked("receive-pack");
            // With credentials each is asked twice: git sends them when it is told to. A push, and one that sends nothing.
            assert!(asked <= 4 * 3, "{status} {words}: {asked}");
        }
    }
}

#[test]
fn over_http_refused_when_the_push_itself_is_sent() {
    for status in [403, 404, 405, 413] {
        let (world, ann) = scene(1);
        let server = Server::http(&world, move |request| {
            if request.line.starts_with("POST") && is_push(&request.line) {
                Answer::Says(status, "")
            } else {
                Answer::Git
            }
        });
        server.serves(&ann, "http");
        denied(&world, &ann, &status.to_string());
    }
}

#[test]
fn over_http_where_pushes_are_hung_up_on() {
    let (world, ann) = scene(1);
    let rule = |request: &crate::support::Request| if is_push(&request.line) { Answer::Closes } else { Answer::Git };
    let server = Server::http(&world, rule);
    server.serves(&ann, "http");
    denied(&world, &ann, "Empty reply");
}

#[test]
fn who_is_not_known_is_no_matter_of_permission() {
    let (world, ann) = scene(1);
    let all = Server::http(&world, |_| Answer::Says(401, ""));
    all.serves(&ann, "http");
    let failed = run(&ann, "pick 1 --json").fails(128);
    assert_eq!(kind(&failed), "authentication", "{failed}");
    let token = Server::http(&world, |request| {
        if is_push(&request.line) { Answer::Says(401, "Invalid username or token.") } else { Answer::Git }
    });
    token.serves(&ann, "http");
    let failed = run(&ann, "pick 1 --json").fails(128);
    assert_eq!(kind(&failed), "authentication", "{failed}");
    assert!(message(&failed).contains("Invalid username or token."), "{failed}");
}

#[test]
fn the_daemon_that_takes_no_pushes() {
    for options in [&["--informative-errors"][..], &[]] {
        let (world, ann) = scene(1);
        let server = Server::daemon(&world, options, |_| Answer::Git);
        server.serves(&ann, "git");
        run(&ann, "locks").ok();
        server.asked("");
        denied(&world, &ann, if options.is_empty() { "access denied" } else { "service not enabled" });
        assert!(server.asked("") <= 3);
    }
}

#[test]
fn a_server_of_the_git_protocol_that_hangs_up_on_pushes() {
    for closes in [|| Answer::Says(0, ""), || Answer::Closes] {
        let (world, ann) = scene(1);
        let server = Server::daemon(&world, &[], move |service| if is_push(service) { closes() } else { Answer::Git });
        server.serves(&ann, "git");
        run(&ann, "locks").ok();
        server.asked("");
        denied(&world, &ann, "can be read and refuses the push");
        // A push, a question, and a push that sends nothing, for each of three.
        let asked = server.asked("");
        assert!(asked <= 9, "{asked}");
    }
}

#[test]
fn a_connection_that_is_reset_once_is_no_refusal() {
    let (world, ann) = scene(1);
    let pushes = AtomicUsize::new(0);
    let server = Server::daemon(&world, &["--enable=receive-pack"], move |service| {
        if is_push(service) && pushes.fetch_add(1, Ordering::SeqCst) == 0 { Answer::Closes } else { Answer::Git }
    });
    server.serves(&ann, "git");
    run(&ann, "new more").ok();
    assert_eq!(tasks(&world), 2);
}

#[test]
fn over_ssh_in_whatever_words() {
    for (says, words) in [
        ("exit 1", "can be read and refuses the push"),
        ("echo 'fatal: bob may only read' >&2; exit 128", "bob may only read"),
        ("echo 'you are welcome to read' >&2; exit 1", "can be read and refuses the push"),
        ("printf '0027ERR bob may not write to this depot\\n'; exit 1", "bob may not write to this depot"),
        ("echo '> You are not allowed to push code'; exit 1", "protocol error"),
    ] {
        let (world, ann) = scene(1);
        let ssh = world.root().join("bin/ssh");
        world.script(
            &ssh,
            &format!(
                "#!/bin/sh\nfor command; do :; done\necho \"$command\" >>'{}'\n\
                 case $command in git-receive-pack*) {says};; esac\nexec sh -c \"$command\"\n",
                world.root().join("calls").display()
            ),
        );
        ann.git(&["config", "remote.origin.url", &format!("ssh://forge{}", world.origin().display())]);
        let ann = ann.env("GIT_SSH_COMMAND", ssh.display()).env("GIT_SSH_VARIANT", "ssh");
        denied(&world, &ann, words);
        let calls = std::fs::read_to_string(world.root().join("calls")).unwrap();
        assert!(calls.lines().count() <= 9, "{calls}");
    }
}

#[test]
fn over_http_a_server_without_atomic_push_works_as_over_ssh() {
    let (world, ann) = scene(2);
    world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
    let server = Server::http(&world, |_| Answer::Git);
    server.serves(&ann, "http");
    let first = run(&ann, "new third").ok();
    assert_eq!(first.stderr.matches("has no atomic push").count(), 1, "{first}");
    run(&ann, "pick 1 --no-worktree").ok();
    run(&ann, "drop 1").ok();
    work_on(&ann, 2);
    run(&ann, "finish 2").ok();
    assert_eq!((tasks(&world), world.locks().len()), (2, 0));
    assert!(world.remote_file("main", "work/2").is_some());

    let fresh = World::new();
    let zoe = fresh.clone("zoe");
    fresh.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
    let server = Server::http(&fresh, |_| Answer::Git);
    server.serves(&zoe, "http");
    run(&zoe, "init --on main").ok();
    run(&zoe, "new one").ok();
}
