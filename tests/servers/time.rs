//! `--timeout` limits what a command waits for others, and nothing else: neither hooks, which have a limit of their own,
//! nor a transfer that moves.

use super::{kind, message, run, scene, tasks, work_on};
use crate::support::{Repo, World, wait_for, wait_for_end};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Lets a clone reach `origin` through a script, with `$1` the service.
fn dial(ann: &Repo, script: &str) {
    let (dial, origin) = (ann.world().root().join("dial"), ann.world().origin());
    ann.world().script(&dial, &format!("#!/bin/sh\ncd '{}' || exit 1\n{script}\n", origin.display()));
    ann.git(&["config", "remote.origin.url", &format!("ext::{} %S", dial.display())]);
}

/// How long a command line takes.
fn time(ann: &Repo, line: &str, code: i32) -> Duration {
    let begun = Instant::now();
    run(ann, line).fails(code);
    begun.elapsed()
}

/// Fails unless the command takes its limit, and no more than what runs here takes too: that is known from a remote
/// that refuses at once.
#[track_caller]
fn takes_its_limit(ann: &Repo, line: &str, limit: Duration) {
    dial(ann, "exit 1");
    let here = time(ann, line, 75);
    dial(ann, "exec sleep 600");
    let took = time(ann, line, 75);
    assert!(took > limit && took < limit + Duration::from_millis(500) + here, "{line}: {took:?}, {here:?} of it here");
}

/// A hook of ann's that does not end, and the file in which it notes its process.
fn hook_without_end(world: &World, ann: &Repo, name: &str) -> std::path::PathBuf {
    let note = world.root().join("hook");
    let text = format!("#!/bin/sh\necho $$ >'{}'\nexec sleep 600\n", note.display());
    world.script(&ann.path(".git/hooks").join(name), &text);
    note
}

#[track_caller]
fn has_ended(note: &Path) {
    wait_for_end(std::fs::read_to_string(note).unwrap().trim().parse().unwrap());
}

#[test]
fn one_second_is_one_second() {
    let (_world, ann) = scene(1);
    for line in ["locks", "list --fetch", "pick 1", "lock 1", "new more"] {
        takes_its_limit(&ann, &format!("{line} --timeout 1s"), Duration::from_secs(1));
    }
}

#[test]
fn the_turn_on_this_host_and_the_remote_share_one_limit() {
    let (_world, ann) = scene(1);
    let holder = ann.start_program("flock", &["-F", ".git/aitask/queue.lock", "sleep", "600"]);
    wait_for("the queue is held", || match ann.run("flock", &["-n", ".git/aitask/queue.lock", "true"]) {
        run if run.code == 0 => Err("nobody holds it".to_owned()),
        _ => Ok(()),
    });
    dial(&ann, "exec sleep 600");
    let took = time(&ann, "lock 1 --timeout 2s", 75);
    assert!(took > Duration::from_millis(1500) && took < Duration::from_millis(3500), "{took:?}");
    holder.kill();
}

#[test]
fn a_hook_is_no_network_time() {
    let (world, ann) = scene(1);
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\nsleep 1.5\n");
    run(&ann, "new more --timeout 1s").ok();
    run(&ann, "pick 1 --no-worktree --timeout 1s").ok();
    assert_eq!((tasks(&world), world.locks().len()), (2, 1));
}

#[test]
fn a_hook_that_does_not_end_is_ended_and_named() {
    let (world, ann) = scene(1);
    ann.git(&["config", "aitask.hookTimeout", "1s"]);
    let note = hook_without_end(&world, &ann, "pre-push");
    let ended = run(&ann, "new more --json").fails(1);
    assert_eq!(kind(&ended), "denied", "{ended}");
    assert!(message(&ended).contains("the pre-push hook did not end within 1 s (aitask.hookTimeout)"), "{ended}");
    has_ended(&note);
    assert_eq!(tasks(&world), 1);
    std::fs::remove_file(ann.path(".git/hooks/pre-push")).unwrap();
    run(&ann, "new more").ok();
    assert_eq!(tasks(&world), 2);
}

/// Changes a task by hand, so that a sync commits it.
fn edit_by_hand(ann: &Repo) {
    let file = "aitasks/t1_job1.md";
    ann.write(file, &format!("{}\nMore.\n", ann.read(file)));
}

#[test]
fn a_hook_or_a_signature_of_a_commit_that_does_not_end_is_ended_and_named() {
    let (world, ann) = scene(1);
    edit_by_hand(&ann);
    ann.git(&["config", "aitask.hookTimeout", "1s"]);
    let note = hook_without_end(&world, &ann, "pre-commit");
    let ended = run(&ann, "sync --json").fails(128);
    assert!(message(&ended).contains("the pre-commit hook did not end within 1 s (aitask.hookTimeout)"), "{ended}");
    has_ended(&note);
    std::fs::rename(ann.path(".git/hooks/pre-commit"), world.root().join("gpg")).unwrap();
    ann.git(&["config", "commit.gpgSign", "true"]);
    ann.git(&["config", "gpg.program", world.root().join("gpg").to_str().unwrap()]);
    let ended = run(&ann, "sync --json").fails(128);
    assert!(message(&ended).contains("the signing program did not end within 1 s (aitask.hookTimeout)"), "{ended}");
    has_ended(&note);
    ann.git(&["config", "commit.gpgSign", "false"]);
    run(&ann, "sync").ok();
    assert!(world.remote_file("main", "aitasks/t1_job1.md").unwrap().ends_with("More.\n"));
}

#[test]
fn a_hook_that_failed_is_named_with_its_last_lines() {
    let (world, ann) = scene(1);
    edit_by_hand(&ann);
    let hook = "#!/bin/sh\nfor n in $(seq 1 30); do echo \"test $n\"; done\necho 'a test failed' >&2\nexit 3\n";
    world.script(&ann.path(".git/hooks/pre-commit"), hook);
    let failed = run(&ann, "sync --json").fails(128);
    let said = message(&failed);
    assert!(said.contains("the pre-commit hook failed") && said.contains("a test failed"), "{failed}");
    assert!(said.contains("test 30") && !said.contains("test 1;"), "{failed}");
    std::fs::rename(ann.path(".git/hooks/pre-commit"), ann.path(".git/hooks/pre-push")).unwrap();
    let failed = run(&ann, "new more --json").fails(1);
    let said = message(&failed);
    assert!(said.contains("your pre-push hook refused") && said.contains("a test failed"), "{failed}");
    assert!(said.contains("test 30") && !said.contains("test 1;"), "{failed}");
}

#[test]
fn a_hook_that_failed_in_a_new_worktree_is_said_by_the_pick_that_made_it() {
    let (world, ann) = scene(2);
    let hook = ann.path(".git/hooks/post-checkout");
    world.script(&hook, "#!/bin/sh\necho 'no licence found' >&2\nexit 3\n");
    let picked = run(&ann, "pick 1").ok();
    let said = format!("{}{}", picked.stdout, picked.stderr);
    assert!(said.contains("the post-checkout hook failed") && said.contains("no licence found"), "{picked}");
    ann.git(&["config", "aitask.hookTimeout", "1s"]);
    let note = hook_without_end(&world, &ann, "post-checkout");
    let picked = run(&ann, "pick 2 --json").ok().json();
    let said = picked["worktree"]["unfinished"].as_str().unwrap();
    assert!(said.contains("the post-checkout hook did not end within 1 s (aitask.hookTimeout)"), "{picked}");
    has_ended(&note);
    assert_eq!(ann.at("aiwork/t2_job2").git(&["status", "--porcelain"]), "");
}

#[test]
fn a_program_that_a_hook_leaves_in_the_background_holds_nothing_up() {
    let (world, ann) = scene(1);
    let note = world.root().join("daemon");
    for hook in ["pre-push", "reference-transaction", "post-checkout"] {
        let text = format!("#!/bin/sh\nsleep 600 &\necho $! >>'{}'\n", note.display());
        world.script(&ann.path(".git/hooks").join(hook), &text);
    }
    let took = time(&ann, "pick 1", 0);
    let daemons = std::fs::read_to_string(&note).unwrap();
    for daemon in daemons.lines() {
        ann.run("kill", &[daemon]).ok();
    }
    // Each git that leaves one behind is given a second for its output.
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_transfer_that_moves_does_not_count() {
    let (world, ann) = scene(1);
    let bob = world.clone("bob");
    work_on(&ann, 1);
    let there = ann.at("aiwork/t1_job1");
    // It cannot be compressed, and takes some seconds.
    there.run("sh", &["-c", "head -c 400000 /dev/urandom >large"]).ok();
    there.commit("large");
    let slowly = "while :; do dd bs=8192 count=1 2>/dev/null >\"part$2\"; [ -s \"part$2\" ] || break; cat \"part$2\"; sleep 0.05; done";
    let throttle = world.root().join("throttle");
    world.script(&throttle, &format!("#!/bin/sh\ncd '{}'\nset -- x $1\n{slowly}\n", world.root().display()));
    dial(&ann, &format!("'{}' 1 | \"$1\" .", throttle.display()));
    let took = time(&ann, "finish 1 --timeout 1s", 0);
    assert!(took > Duration::from_secs(2), "it was not slow: {took:?}");
    dial(&bob, &format!("\"$1\" . | '{}' 2", throttle.display()));
    let took = time(&bob, "list --fetch --timeout 1s", 0);
    assert!(took > Duration::from_secs(2), "it was not slow: {took:?}");
}

#[test]
fn what_a_partial_clone_fetches_while_it_reads_is_network_time_and_nobody_is_asked() {
    let (world, ann) = scene(1);
    run(&ann, "pick 1 --no-worktree").ok();
    world.git(&["--git-dir=origin.git", "config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "--quiet", "--filter=blob:none", &url, "job"]);
    let job = ann.at(world.root().join("job"));
    // It lacks the file of the lock.
    for (script, least) in [("exec sleep 600", 1), ("exit 1", 0)] {
        dial(&job, script);
        let begun = Instant::now();
        let failed = run(&job, "list --json --timeout 1s").fails(75);
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(least) && took < Duration::from_secs(10), "{script} {took:?}\n{failed}");
        assert_eq!(kind(&failed), "unreachable", "{failed}");
        assert!(message(&failed).starts_with("the remote origin cannot be reached: "), "{failed}");
    }
    let (ssh, calls) = (world.root().join("bin/ssh"), world.root().join("calls"));
    let script =
        format!("#!/bin/sh\necho \"$*\" >>'{}'\nfor last; do :; done\nexec sh -c \"$last\"\n", calls.display());
    world.script(&ssh, &script);
    job.git(&["config", "core.sshCommand", ssh.to_str().unwrap()]);
    job.git(&["config", "remote.origin.url", &format!("forge:{}", world.origin().display())]);
    assert!(run(&job, "list --json").ok().json()["tasks"][0]["lock"].is_object());
    let calls = std::fs::read_to_string(calls).unwrap();
    assert!(!calls.is_empty() && calls.lines().all(|call| call.contains("-o BatchMode=yes")), "{calls}");
}

#[test]
fn no_window_asks_for_a_password_where_nobody_is() {
    let (world, ann) = scene(1);
    let (program, asked) = (world.root().join("askpass"), world.root().join("asked"));
    world.script(&program, &format!("#!/bin/sh\necho \"$1\" >>'{}'\necho secret\n", asked.display()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/x.git", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\
                          Connection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    ann.git(&["config", "remote.origin.url", &address]);
    let refused = |ann: &Repo| assert_eq!(kind(&run(ann, "locks --json").fails(128)), "authentication");
    let path = program.display();
    refused(&ann.env("SSH_ASKPASS", &path));
    refused(&ann.env("GIT_ASKPASS", &path).env("DISPLAY", ":0"));
    ann.git(&["config", "core.askPass", program.to_str().unwrap()]);
    refused(&ann);
    assert!(!asked.exists(), "{:?}", std::fs::read_to_string(&asked));
    // A job gives a token so.
    refused(&ann.env("GIT_ASKPASS", &path));
    assert!(asked.exists());
}

#[test]
fn only_an_ssh_is_told_not_to_ask() {
    let (world, ann) = scene(2);
    std::fs::create_dir(world.root().join("bin")).unwrap();
    let (tunnel, ssh) = (world.root().join("tunnel"), world.root().join("bin/ssh"));
    let script = |refuses: &str| {
        format!(
            "#!/bin/sh\necho \"$*\" >>'{}'\n{refuses}\nfor last; do :; done\nexec sh -c \"$last\"\n",
            world.root().join("calls").display()
        )
    };
    world.script(&tunnel, &script("case \"$1\" in -*) echo 'tunnel: unknown host' >&2; exit 2 ;; esac"));
    world.script(&ssh, &script(""));
    ann.git(&["config", "remote.origin.url", &format!("forge:{}", world.origin().display())]);
    ann.git(&["config", "core.sshCommand", tunnel.to_str().unwrap()]);
    ann.git(&["config", "ssh.variant", "simple"]);
    run(&ann, "lock 1").ok();
    ann.git(&["config", "core.sshCommand", ssh.to_str().unwrap()]);
    ann.git(&["config", "ssh.variant", "auto"]);
    run(&ann, "lock 2").ok();
    let calls = std::fs::read_to_string(world.root().join("calls")).unwrap();
    let asks: Vec<_> = calls.lines().map(|call| call.contains("-o BatchMode=yes")).collect();
    assert!(asks.contains(&true) && asks.first() == Some(&false), "{calls}");
    assert_eq!(world.locks().len(), 2);
}

#[test]
fn a_stale_lock_file_of_our_own_is_named_at_once() {
    let (world, ann) = scene(1);
    run(&world.clone("bob"), "lock 1").ok();
    let lock = ann.path(".git/refs/remotes/origin/aitask-locks.lock");
    std::fs::write(&lock, "").unwrap();
    let begun = Instant::now();
    for line in ["locks --json", "pick 1 --json"] {
        let failed = run(&ann, line).fails(128);
        assert!(message(&failed).contains("refs/remotes/origin/aitask-locks.lock"), "{failed}");
        assert!(failed.to_string().contains("rm /"), "{failed}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    std::fs::remove_file(&lock).unwrap();
    run(&ann, "pick 1 --json").fails(1);
}

#[test]
fn a_trace_of_the_user_stays_theirs() {
    let (world, ann) = scene(1);
    let trace = world.root().join("trace");
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\nexit 0\n");
    run(&ann.env("GIT_TRACE2_PERF", trace.display()), "new more").ok();
    let text = std::fs::read_to_string(&trace).unwrap();
    assert!(text.contains("hook:pre-push"), "{text}");
    std::fs::remove_file(&trace).unwrap();
    ann.git(&["config", "--global", "trace2.perfTarget", trace.to_str().unwrap()]);
    run(&ann, "new again").ok();
    let text = std::fs::read_to_string(&trace).unwrap();
    assert!(text.contains("hook:pre-push"), "{text}");
}
