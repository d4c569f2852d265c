//! Killed with everything that git had started, in the middle of what git does: git and its children go at the same moment
//! as the program, so that git cleans nothing up.

use super::describe::{describe, difference};
use super::{Mode, Scene};
use crate::support::{Repo, Run, in_turn, share};
use rustix::fs::{Mode as Permissions, OFlags};
use std::time::{Duration, Instant};

/// More often than any command comes to a point.
const TIMES: usize = 60;

/// Kills at the `$1` (`prepared` is the state of a reference transaction in which the refs are locked) that `armed` names, when it is come to as often as that says; does nothing else.
const DIE: &str = r#"#!/bin/sh
at=$1
[ "$1" = reference-transaction ] && case $2 in
committed) ;;
prepared) at=prepared ;;
*) exit 0 ;;
esac
read -r point times <'@ROOT@/armed' 2>/dev/null || exit 0
[ "$point" = "$at" ] || exit 0
if [ "$times" -gt 1 ]; then
    echo "$point $((times - 1))" >'@ROOT@/armed'
    exit 0
fi
rm '@ROOT@/armed'
while ! [ -s '@ROOT@/pid' ]; do sleep 0.01; done
kill -9 "$(cat '@ROOT@/pid')"
kill -9 0
"#;

/// Where git starts something of the user's in the middle of its work.
const POINTS: [&str; 5] = ["smudge", "post-checkout", "reference-transaction", "pre-receive", "post-receive"];

/// A scene with files that a filter writes, and hooks at every point.
fn prepared(mode: Mode, work: bool) -> Scene {
    let scene = if work { Scene::with_work(mode, true, true) } else { Scene::with_tasks(mode, true) };
    let root = scene.world.root();
    let die = root.join("die");
    scene.world.script(&die, &DIE.replace("@ROOT@", root.to_str().unwrap()));
    for name in ["post-checkout", "reference-transaction"] {
        scene.world.script(&scene.ann.path(".git/hooks").join(name), &hook(name, &die, ""));
    }
    for name in ["pre-receive", "post-receive"] {
        scene.world.script(&scene.world.origin().join("hooks").join(name), &hook(name, &die, "cat >/dev/null"));
    }
    scene.ann.git(&["config", "filter.dies.smudge", &format!("'{}' smudge; cat", die.display())]);
    if !work {
        add_files(&scene.ann, mode);
    }
    scene
}

fn hook(name: &str, die: &std::path::Path, first: &str) -> String {
    format!("#!/bin/sh\n{first}\nexec '{}' {name} \"$@\"\n", die.display())
}

fn add_files(ann: &Repo, mode: Mode) {
    ann.write(".gitattributes", "*.txt filter=dies\n");
    for name in ["a.txt", "m.txt", "z.txt", "folder/b.txt"] {
        ann.write(name, &format!("the text of {name}\n"));
    }
    ann.commit("files");
    if mode != Mode::Local {
        ann.git(&["push", "-q"]);
    }
}

/// Runs `git aitask ARGS`, to be killed at the point as often as that is come to; answers when nothing of it is left, and
/// whether it was killed.
fn killed_at(scene: &Scene, ann: &Repo, point: &str, times: usize, args: &[&str]) -> (Run, bool) {
    let root = scene.world.root();
    let (armed, pid, fifo) = (root.join("armed"), root.join("pid"), root.join("alive"));
    let _ = std::fs::remove_file(&pid);
    std::fs::write(&armed, format!("{point} {times}\n")).unwrap();
    if !fifo.exists() {
        scene.ann.run("mkfifo", &[fifo.to_str().unwrap()]).ok();
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let alive = rustix::fs::open(&fifo, flags, Permissions::empty()).unwrap();
    // Whatever it starts has the write end open.
    let open = format!("exec 9>'{}'; exec \"$0\" \"$@\"", fifo.display());
    let running = ann.start_program("sh", &[&["-c", &open, env!("CARGO_BIN_EXE_git-aitask")], args].concat());
    std::fs::write(root.join("pid.new"), running.pid().to_string()).unwrap();
    std::fs::rename(root.join("pid.new"), &pid).unwrap();
    let run = running.wait();
    let until = Instant::now() + Duration::from_secs(60);
    while !matches!(rustix::io::read(&alive, &mut [0u8; 64]), Ok(0)) {
        assert!(Instant::now() < until, "something outlives the kill\n{run}");
        std::thread::sleep(Duration::from_millis(2));
    }
    let fired = !armed.exists();
    let _ = std::fs::remove_file(&armed);
    (run, fired)
}

/// Kills at every point, as often as it is come to (an eighth of the times, and the first on the server or of a single point, in
/// an ordinary run), gives the command again, and fails unless the world is then as if nobody had disturbed it.
#[track_caller]
fn sweep(scene: &Scene, points: &[&str], args: &[&str]) {
    scene.save();
    scene.ann.aitask(args).ok();
    let undisturbed = describe(scene);
    let mut wrong = String::new();
    let mut kills = 0;
    for (n, point) in points.iter().enumerate() {
        for times in 1..TIMES {
            let is_always = point.ends_with("receive") || (points.len() == 1 && times == 1);
            if !is_always && !in_turn(n + times) {
                continue;
            }
            scene.restore();
            let (run, fired) = killed_at(scene, &scene.ann, point, times, args);
            if !fired {
                run.ok();
                break;
            }
            kills += 1;
            assert_eq!(run.signal, Some(9), "{run}");
            let again = scene.ann.aitask(args);
            let differs = difference(&undisturbed, &describe(scene));
            if again.code != 0 || !differs.is_empty() {
                wrong.push_str(&format!("  killed at {point} {times}:\n{again}{differs}"));
            }
        }
    }
    eprintln!("{} in mode {:?}: {kills} kills of everything", args[0], scene.mode);
    assert!(kills > 0 && wrong.is_empty(), "git aitask {} ({:?}):\n{wrong}", args.join(" "), scene.mode);
}

#[test]
fn everything_killed_while_it_picks() {
    sweep(&prepared(Mode::Remote, false), &POINTS, &["pick", "1"]);
}

#[test]
#[ignore = "as with a remote, but for the push"]
fn everything_killed_while_it_picks_without_a_remote() {
    sweep(&prepared(Mode::Local, false), &POINTS, &["pick", "1"]);
}

#[test]
fn everything_killed_while_it_finishes() {
    sweep(&prepared(Mode::Remote, true), &POINTS, &["finish", "1"]);
}

#[test]
#[ignore = "as with a remote, but for the push"]
fn everything_killed_while_it_finishes_without_a_remote() {
    sweep(&prepared(Mode::Local, true), &POINTS, &["finish", "1"]);
}

/// As [`prepared`] with work; the work, and what others published meanwhile, has files that a filter writes.
fn filtered(mode: Mode) -> Scene {
    let scene = prepared(mode, false);
    let ann = &scene.ann;
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_add_login");
    work.write("a.txt", "another text\n");
    work.write("new.txt", "a new text\n");
    work.write("other/new.txt", "another new text\n");
    work.git(&["rm", "-q", "z.txt"]);
    work.commit("login");
    if mode != Mode::Local {
        let bob = scene.world.clone("bob");
        bob.write("m.txt", "the text of Bob\n");
        bob.write("folder/bob.txt", "his new text\n");
        bob.commit("bob");
        bob.git(&["push", "-q"]);
        std::fs::remove_dir_all(bob.top()).unwrap();
    }
    ann.write("staged.md", "staged\n");
    ann.git(&["add", "staged.md"]);
    ann.write("README.md", "changed\n");
    scene
}

/// Points within the bringing forward of the user's own checkout.
const FORWARD: [&str; 2] = ["smudge", "reference-transaction"];

#[test]
fn half_a_fast_forward_was_uncommitted_work_when_it_finishes() {
    sweep(&filtered(Mode::Remote), &FORWARD, &["finish", "1"]);
}

#[test]
fn half_a_fast_forward_was_uncommitted_work_when_it_finishes_without_a_remote() {
    sweep(&filtered(Mode::Local), &FORWARD, &["finish", "1"]);
}

#[test]
fn half_a_fast_forward_was_uncommitted_work_when_it_picks_and_edits() {
    for args in [&["pick", "2"][..], &["edit", "2", "--priority", "low"]] {
        sweep(&filtered(Mode::Remote), &FORWARD, args);
    }
}

#[test]
fn refs_that_a_killed_git_had_locked_stayed_locked() {
    sweep(&prepared(Mode::Remote, false), &["prepared"], &["pick", "1"]);
    sweep(&prepared(Mode::Remote, true), &["prepared"], &["finish", "1"]);
}

#[test]
fn refs_that_a_killed_git_had_locked_stayed_locked_without_a_remote() {
    sweep(&filtered(Mode::Local), &["prepared"], &["finish", "1"]);
}

#[test]
#[ignore = "what finish does, too"]
fn everything_killed_while_it_drops() {
    let scene = prepared(Mode::Remote, false);
    scene.ann.aitask(&["pick", "1"]).ok();
    sweep(&scene, &POINTS, &["drop", "1"]);
}

/// What a removal that was cut off has done; git takes the files away one by one, and then the registration.
const REMOVED: [&str; 4] =
    ["rm login.txt", "rm -r login.txt .git", "rm -r aitasks README.md", "rm -rf ../t1_add_login"];

#[test]
fn everything_killed_while_it_removes_the_worktree() {
    for args in [&["finish", "1"][..], &["drop", "1"], &["worktree", "remove", "1"]] {
        let scene = prepared(Mode::Remote, true);
        scene.save();
        scene.ann.aitask(args).ok();
        let undisturbed = describe(&scene);
        for removed in share(REMOVED) {
            scene.restore();
            let root = scene.world.root().display();
            let script = format!(
                "[ \"$1 $2\" = 'worktree remove' ] && [ -e '{root}/armed' ] && (cd aiwork/t1_add_login && {removed}) && \
                 '{root}/die' removal"
            );
            let dies = scene.ann.with_git_that(&script);
            let (run, fired) = killed_at(&scene, &dies, "removal", 1, args);
            assert!(fired && run.signal == Some(9), "{run}");
            if !removed.contains("rf") {
                let list = scene.ann.aitask(&["worktree", "list"]).ok().stdout;
                assert!(list.contains("in the middle of being removed"), "{list}");
            }
            scene.ann.aitask(args).ok();
            let differs = difference(&undisturbed, &describe(&scene));
            assert!(differs.is_empty(), "{args:?} killed after `{removed}`:\n{differs}");
        }
    }
}
