//! Remotes that do not answer, or whose refs stay locked.

use super::{kind, message, published, run, scene};
use crate::support::{share, skipped};
use std::time::{Duration, Instant};

#[test]
fn nobody_there_is_said_at_once() {
    let (world, ann) = scene(1);
    let gone = world.root().join("no-such.git");
    for url in ["http://127.0.0.1:1/x.git", "ssh://127.0.0.1:1/x.git", "git://127.0.0.1:1/x"] {
        ann.git(&["config", "remote.origin.url", url]);
        for line in share(["pick 1 --json", "new more --json", "lock 1 --json", "locks --json"]) {
            let begun = Instant::now();
            let failed = run(&ann, line).fails(75);
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?} {url}\n{failed}", begun.elapsed());
            assert_eq!(kind(&failed), "unreachable", "{url}\n{failed}");
        }
    }
    // a folder that is not there may be on a disk that is not mounted, or the address is wrong
    ann.git(&["config", "remote.origin.url", gone.to_str().unwrap()]);
    for line in ["pick 1 --json", "new more --json", "locks --json", "list --fetch --json"] {
        let failed = run(&ann, line).fails(75);
        assert_eq!(kind(&failed), "unreachable", "{failed}");
        assert_eq!(failed.hints()[0], "git remote -v   # check the address", "{failed}");
    }
    assert!(!ann.path("aiwork").exists());
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    ann.git(&["config", "remote.origin.url", world.origin().to_str().unwrap()]);
    run(&ann, "pick 1").ok();
}

#[test]
fn a_full_disk_of_the_clone_is_no_remote_that_cannot_be_reached() {
    let (world, ann) = scene(1);
    // where nothing is newer, nothing would be written
    run(&world.clone("bob"), "new Newer").ok();
    let known = ann.path(".git/refs/aitask");
    std::fs::create_dir_all(&known).unwrap();
    if ann.run("mount", &["-t", "tmpfs", "-o", "size=64k,mode=755", "none", known.to_str().unwrap()]).code != 0 {
        return skipped("a_full_disk_of_the_clone_is_no_remote_that_cannot_be_reached", "nothing can be mounted");
    }
    let _ = std::fs::write(known.join("filler.lock"), vec![7; 64 * 1024]);
    let runs = ["list --fetch --json", "locks --json", "doctor --json"].map(|line| run(&ann, line));
    ann.run("umount", &["-l", known.to_str().unwrap()]).ok();
    for failed in runs {
        assert!(["io", "disk_full"].contains(&kind(&failed).as_str()), "{failed}");
        assert!(failed.code == 128 && !message(&failed).contains("cannot be reached"), "{failed}");
        assert_eq!(failed.error()["error"]["hints"][0]["command"][0], "df", "{failed}");
    }
    run(&ann, "list --fetch").ok();
}

#[test]
fn a_remote_that_hangs_is_left_alone() {
    let (world, ann) = scene(1);
    let dial = world.root().join("hanging-dial");
    world.script(&dial, "#!/bin/sh\nsleep 600\n");
    let lines = ["pick 1 --timeout 1s --json", "new more --timeout 1s --json", "locks --timeout 1s --json"];
    // clones of their own, so that none waits for the others
    let clones = [ann, world.clone("bob"), world.clone("cid")];
    for clone in &clones {
        clone.git(&["config", "remote.origin.url", &format!("ext::{} %S x", dial.display())]);
    }
    let begun = Instant::now();
    let started: Vec<_> =
        clones.iter().zip(lines).map(|(clone, line)| clone.start(&line.split(' ').collect::<Vec<_>>())).collect();
    for running in started {
        let failed = running.wait().fails(75);
        // one second, and five for the last question: what came of the push
        assert!(begun.elapsed() < Duration::from_secs(9), "{:?}\n{failed}", begun.elapsed());
        assert!(["unknown", "unreachable"].contains(&kind(&failed).as_str()), "{failed}");
    }
    let left = clones[0].run("pgrep", &["-fl", dial.to_str().unwrap()]);
    assert!(left.stdout.is_empty(), "left behind:\n{}", left.stdout);
    assert!(!clones[0].path("aiwork").exists());
}

#[test]
fn a_server_without_push_options_was_sent_nothing_and_the_hint_helps() {
    let (world, ann) = scene(1);
    ann.git(&["config", "--add", "push.pushOption", "ci.skip"]);
    ann.git(&["config", "--add", "push.pushOption", "more"]);
    let before = published(&world);
    for line in ["new more --json", "pick 1 --json"] {
        let failed = run(&ann, line).fails(128);
        assert!(message(&failed).starts_with("nothing was sent: your configuration wants push options"), "{failed}");
        assert_eq!((kind(&failed), published(&world)), ("git".to_owned(), before.clone()));
    }
    let failed = run(&ann, "pick 1 --json").fails(128);
    ann.follow(&failed.error()["error"]["hints"][0]);
    run(&ann, "pick 1").ok();
}

#[test]
fn a_stale_lock_file_of_the_server_is_named() {
    let (world, ann) = scene(1);
    std::fs::write(world.origin().join("refs/heads/aitask-locks.lock"), "").unwrap();
    let before = published(&world);
    for line in share(["lock 1 --timeout 2s --json", "pick 1 --timeout 2s --json"]) {
        let begun = Instant::now();
        let failed = run(&ann, line).fails(75);
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(1500) && took < Duration::from_secs(12), "{took:?}\n{failed}");
        assert_eq!(kind(&failed), "contention", "{failed}");
        assert!(message(&failed).contains("on the server") && failed.stderr.contains(".lock"), "{failed}");
        assert!(!message(&failed).contains("others"), "{failed}");
        assert_eq!(published(&world), before);
    }
    std::fs::remove_file(world.origin().join("refs/heads/aitask-locks.lock")).unwrap();
    run(&ann, "pick 1").ok();
}
