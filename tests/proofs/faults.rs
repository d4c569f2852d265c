//! Everything that can be in the way, one thing at a time: each is called by its name, with the server's own sentence and a
//! next step, in time; nothing is published and no process is left; and without it the same command succeeds.

use super::kind;
use crate::support::{Answer, Proof, Repo, Rounds, Server, Sleeper, World, skipped};
use std::time::{Duration, Instant};

/// What is in the way while it is kept.
type Planted = Box<dyn std::any::Any>;

/// A fault.
struct Fault {
    name: &'static str,
    /// Puts it in the way of Ann, and answers what has to be kept meanwhile; `None` where the machine cannot do it.
    plant: fn(&World, &Repo) -> Option<Planted>,
    /// Takes it out of the way, where that is more than giving the remote's address back.
    mend: fn(&World, &Repo),
    /// What it is called, for `pick` and for `new`; empty where it is in nobody's way.
    kinds: [&'static str; 2],
    /// What the message or a hint says.
    words: &'static str,
}

const NOTHING: fn(&World, &Repo) = |_, _| {};

fn url(ann: &Repo, url: &str) -> Planted {
    ann.git(&["config", "remote.origin.url", url]);
    Box::new(())
}

/// Answers over HTTP, of which those with these words in their first line refuse.
fn http(world: &World, ann: &Repo, words: &'static str, status: u16, says: &'static str) -> Planted {
    let server =
        Server::http(
            world,
            move |request| {
                if request.line.contains(words) { Answer::Says(status, says) } else { Answer::Git }
            },
        );
    server.serves(ann, "http");
    Box::new(server)
}

/// A program in the place of ssh.
fn ssh(world: &World, ann: &Repo, script: &str) -> Planted {
    let dial = world.root().join("dial");
    let text = format!("#!/bin/sh\ncd '{}' || exit 1\n{script}\nexec \"$1\" .\n", world.origin().display());
    world.script(&dial, &text);
    url(ann, &format!("ext::{} %S", dial.display()))
}

fn hook(world: &World, text: &str) -> Planted {
    world.script(&world.origin().join("hooks/pre-receive"), text);
    Box::new(())
}

/// Commits a file to a coordination branch of the remote.
fn commit_there(world: &World, branch: &str, path: &str, text: &str) -> Planted {
    let there = world.clone_as("there", "There", "there@example.com");
    there.git(&["switch", "-q", branch]);
    there.write(path, text);
    there.commit("by hand");
    there.git(&["push", "-q", "origin", branch]);
    Box::new(())
}

/// Removes a file that [`commit_there`] has committed.
fn remove_there(world: &World, branch: &str, path: &str) {
    let there = world.root().join("there");
    let git = |args: &[&str]| world.git(&[&["-C", there.to_str().unwrap()], args].concat());
    git(&["rm", "-q", path]);
    git(&["-c", "user.name=There", "-c", "user.email=there@example.com", "commit", "-qm", "mended"]);
    git(&["push", "-q", "origin", branch]);
}

fn undo_there(world: &World, branch: &str) {
    world.git(&["--git-dir=origin.git", "update-ref", &format!("refs/heads/{branch}"), &format!("{branch}^")]);
}

fn program_in(ann: &Repo, program: &str, args: &[&str]) -> bool {
    ann.run(program, args).code == 0
}

fn touch(path: &std::path::Path) -> Planted {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "").unwrap();
    Box::new(())
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "403 on fetch",
        plant: |world, ann| Some(http(world, ann, "", 403, "You may not read this.")),
        mend: NOTHING,
        kinds: ["denied", "denied"],
        words: "You may not read this.",
    },
    Fault {
        name: "404 on fetch",
        plant: |world, ann| Some(http(world, ann, "", 404, "No such repository.")),
        mend: NOTHING,
        kinds: ["no_remote", "no_remote"],
        words: "not found",
    },
    Fault {
        name: "403 on push",
        plant: |world, ann| Some(http(world, ann, "receive-pack", 403, "You may only read this.")),
        mend: NOTHING,
        kinds: ["denied", "denied"],
        words: "You may only read this.",
    },
    Fault {
        name: "404 on push",
        plant: |world, ann| Some(http(world, ann, "receive-pack", 404, "")),
        mend: NOTHING,
        kinds: ["denied", "denied"],
        words: "refuses",
    },
    Fault {
        name: "401 everywhere",
        plant: |world, ann| Some(http(world, ann, "", 401, "Who are you?")),
        mend: NOTHING,
        kinds: ["authentication", "authentication"],
        words: "git fetch",
    },
    Fault {
        name: "a key that only reads",
        plant: |world, ann| {
            let says = "ERROR: The key you are authenticating with has been marked as read only.";
            Some(ssh(world, ann, &format!("case $1 in *receive-pack) echo '{says}' >&2; exit 1 ;; esac")))
        },
        mend: NOTHING,
        kinds: ["denied", "denied"],
        words: "has been marked as read only",
    },
    Fault {
        name: "a hook of the server declines",
        plant: |world, _| Some(hook(world, "#!/bin/sh\necho 'Closed for the holidays.' >&2\nexit 1\n")),
        mend: |world, _| std::fs::remove_file(world.origin().join("hooks/pre-receive")).unwrap(),
        kinds: ["denied", "denied"],
        words: "Closed for the holidays.",
    },
    Fault {
        name: "the lock branch and the ids are protected",
        plant: |world, _| {
            let update =
                "#!/bin/sh\ncase $1 in */aitask-*) echo 'GH006: Protected branch update failed.' >&2; exit 1 ;; esac\n";
            world.script(&world.origin().join("hooks/update"), update);
            Some(Box::new(()))
        },
        mend: |world, _| std::fs::remove_file(world.origin().join("hooks/update")).unwrap(),
        kinds: ["denied", "denied"],
        words: "GH006: Protected branch update failed.",
    },
    Fault {
        name: "the name is not resolved",
        plant: |_, ann| Some(url(ann, "http://no-such-host.invalid/x.git")),
        mend: NOTHING,
        kinds: ["unreachable", "unreachable"],
        words: "no-such-host.invalid",
    },
    Fault {
        name: "nobody listens",
        plant: |_, ann| Some(url(ann, "git://127.0.0.1:1/x.git")),
        mend: NOTHING,
        kinds: ["unreachable", "unreachable"],
        words: "127.0.0.1",
    },
    Fault {
        name: "the server never answers",
        plant: |world, ann| Some(ssh(world, ann, "exec sleep 600")),
        mend: NOTHING,
        // what was sent may arrive
        kinds: ["unknown", "unknown"],
        words: "",
    },
    Fault {
        name: "TLS where there is none",
        plant: |world, ann| {
            let server = Server::http(world, |_| Answer::Git);
            server.serves(ann, "http");
            let plain = ann.git(&["config", "remote.origin.url"]);
            url(ann, &plain.trim().replace("http://", "https://"));
            Some(Box::new(server))
        },
        mend: NOTHING,
        kinds: ["unreachable", "unreachable"],
        words: "",
    },
    Fault {
        name: "the lock branch is gone",
        plant: |world, _| {
            world.git(&["--git-dir=origin.git", "update-ref", "refs/kept", "aitask-locks"]);
            world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-locks"]);
            Some(Box::new(()))
        },
        mend: |world, _| {
            drop(world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/aitask-locks", "refs/kept"]));
        },
        kinds: ["branch_gone", ""],
        words: "aitask-locks",
    },
    Fault {
        name: "a lock that cannot be read",
        plant: |world, _| Some(commit_there(world, "aitask-locks", "t1_lock.yaml", "\u{0}\u{1}garbage")),
        mend: |world, _| remove_there(world, "aitask-locks", "t1_lock.yaml"),
        kinds: ["held", ""],
        words: "unknown",
    },
    Fault {
        name: "a counter that is no number",
        plant: |world, _| Some(commit_there(world, "aitask-ids", "next_id.txt", "seven\n")),
        mend: |world, _| undo_there(world, "aitask-ids"),
        kinds: ["", "unparsable"],
        words: "the id counter",
    },
    Fault {
        name: "an object is damaged",
        plant: |_, ann| {
            let file = ann.path(format!(".git/objects/{}", object_of_the_task(ann)));
            file.exists().then(|| {
                std::fs::rename(&file, ann.path(".git/kept")).unwrap();
                std::fs::write(&file, "junk").unwrap();
                Box::new(()) as Planted
            })
        },
        mend: |_, ann| {
            let file = ann.path(format!(".git/objects/{}", object_of_the_task(ann)));
            std::fs::rename(ann.path(".git/kept"), file).unwrap();
        },
        kinds: ["damaged", ""],
        words: "fsck",
    },
    Fault {
        name: "the disk is full",
        plant: |_, ann| {
            let objects = ann.path(".git/objects");
            let kept = ann.path(".git/kept");
            std::fs::rename(&objects, &kept).unwrap();
            std::fs::create_dir(&objects).unwrap();
            if !program_in(ann, "mount", &["-t", "tmpfs", "-o", "size=64k,mode=755", "none", objects.to_str().unwrap()])
            {
                std::fs::remove_dir(&objects).unwrap();
                std::fs::rename(&kept, &objects).unwrap();
                return None;
            }
            std::fs::create_dir_all(objects.join("info")).unwrap();
            std::fs::write(objects.join("info/alternates"), format!("{}\n", kept.display())).unwrap();
            let _ = std::fs::write(objects.join("filler"), vec![7; 64 * 1024]);
            Some(Box::new(()))
        },
        mend: |_, ann| {
            let objects = ann.path(".git/objects");
            assert!(program_in(ann, "umount", &["-l", objects.to_str().unwrap()]));
            std::fs::remove_dir(&objects).unwrap();
            std::fs::rename(ann.path(".git/kept"), objects).unwrap();
        },
        kinds: ["disk_full", "disk_full"],
        words: "space",
    },
    Fault {
        name: "a lock file of a ref is left in the clone",
        plant: |_, ann| Some(touch(&ann.path(".git/refs/remotes/origin/aitask-locks.lock"))),
        mend: |_, ann| drop(std::fs::remove_file(ann.path(".git/refs/remotes/origin/aitask-locks.lock"))),
        // it is tidied up, or in nobody's way
        kinds: ["", ""],
        words: "",
    },
    Fault {
        name: "a lock file of a ref is left on the server",
        plant: |world, _| Some(touch(&world.origin().join("refs/heads/aitask-locks.lock"))),
        mend: |world, _| drop(std::fs::remove_file(world.origin().join("refs/heads/aitask-locks.lock"))),
        kinds: ["contention", ""],
        words: "on the server",
    },
    Fault {
        name: "a shallow clone",
        plant: |world, ann| Some(again_cloned(world, ann, &["--depth=1"])),
        mend: NOTHING,
        kinds: ["", ""],
        words: "",
    },
    Fault {
        name: "a clone without blobs",
        plant: |world, ann| {
            world.git(&["--git-dir=origin.git", "config", "uploadpack.allowFilter", "true"]);
            Some(again_cloned(world, ann, &["--filter=blob:none"]))
        },
        mend: NOTHING,
        kinds: ["", ""],
        words: "",
    },
    Fault {
        name: "a clone of one branch",
        plant: |world, ann| Some(again_cloned(world, ann, &["--single-branch"])),
        mend: NOTHING,
        kinds: ["", ""],
        words: "",
    },
    Fault {
        name: "a clone of somebody else",
        plant: |_, ann| {
            let is_done = rustix::process::getuid().is_root()
                && program_in(ann, "chown", &["-R", "65534:65534", ann.top().to_str().unwrap()]);
            is_done.then(|| Box::new(()) as Planted)
        },
        mend: |_, ann| assert!(program_in(ann, "chown", &["-R", "0:0", ann.top().to_str().unwrap()])),
        kinds: ["not_owned", "not_owned"],
        words: "safe.directory",
    },
];

/// The path of the object that is the file of the task 1.
fn object_of_the_task(ann: &Repo) -> String {
    let oid = ann.git(&["rev-parse", "aitask-data:aitasks/t1_job.md"]);
    let (dir, file) = oid.trim().split_at(2);
    format!("{dir}/{file}")
}

/// Ann's clone made anew, in another way.
fn again_cloned(world: &World, ann: &Repo, how: &[&str]) -> Planted {
    std::fs::remove_dir_all(ann.top()).unwrap();
    let origin = format!("file://{}", world.origin().display());
    let clone = [&["clone", "--quiet"], how, &["--", &origin, ann.top().to_str().unwrap()]].concat();
    world.git(&clone);
    for (name, value) in [("user.name", "Ann"), ("user.email", "ann@example.com")] {
        ann.git(&["config", name, value]);
    }
    Box::new(())
}

/// The processes that have something to do with this world.
fn processes(world: &World) -> String {
    let root = world.root().display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let here = std::fs::read_link(entry.path().join("cwd")).ok()?;
        (here.starts_with(&root) || line.contains(&root)).then_some(line)
    });
    lines.filter(|line| !line.contains("http-backend")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_fault_is_called_by_its_name() {
    let rounds = Rounds { ordinary: 5, short: FAULTS.len(), long: 8 * FAULTS.len() };
    let property = "A fault has its name, exit code, next step and the server's words, in time; nothing changes";
    let mut proof = Proof::new("09", property, "faults met by pick and new", rounds);
    while let Some(n) = proof.next_round() {
        // an ordinary run meets others each day
        let fault = &FAULTS[(n + crate::support::day() * 5) % FAULTS.len()];
        let world = World::new();
        let session = Sleeper::new();
        let ann = world.initialised("ann").env("GIT_AITASK_TIMEOUT", "2s").env("AIT_AGENT_PID", session.pid());
        ann.task("Job", &[]);
        let address = ann.git(&["config", "remote.origin.url"]);
        let Some(planted) = (fault.plant)(&world, &ann) else {
            skipped(fault.name, "this machine cannot do it");
            continue;
        };
        let refs = || world.git(&["--git-dir=origin.git", "for-each-ref"]);
        let calls: [&[&str]; 2] = [&["pick", "1", "--no-worktree", "--json"], &["new", "More", "--json"]];
        for (args, expected) in calls.into_iter().zip(fault.kinds) {
            let (before, begun) = (refs(), Instant::now());
            let run = ann.aitask(args);
            let took = begun.elapsed();
            let said = || format!("{}: expected '{expected}', in {took:?}\n{run}", fault.name);
            proof.check(kind(&run) == expected, said);
            proof.check(took < Duration::from_secs(12), said);
            if run.code != 0 {
                let error = &run.error()["error"];
                let has_step = error["hints"].as_array().is_some_and(|hints| !hints.is_empty());
                proof.check(has_step && !expected.is_empty(), || format!("no next step: {}", said()));
                proof.check(run.to_string().contains(fault.words), || format!("not '{}': {}", fault.words, said()));
                proof.check(refs() == before, || format!("something changed: {}", said()));
            }
            // The git that reads objects is not waited for: it ends by itself when its input does.
            let until = Instant::now() + Duration::from_secs(2);
            let mut left = processes(&world);
            while !left.is_empty() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
                left = processes(&world);
            }
            proof.check(left.is_empty(), || format!("left behind: {left}\n{}", said()));
            proof.tried(1);
        }
        drop(planted);
        (fault.mend)(&world, &ann);
        ann.git(&["config", "remote.origin.url", address.trim()]);
        for args in [&["pick", "1", "--no-worktree"][..], &["new", "Even more"]] {
            let run = ann.aitask(args);
            proof.check(run.code == 0, || format!("{}, mended\n{run}", fault.name));
        }
    }
    proof.end();
}
