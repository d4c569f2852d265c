//! Finishes in line, one of them killed at a call of git: the others land, and the same command again lands that one, once.

use super::{Mode, Scene};
use crate::support::{Running, When, in_turn, thorough, wait_for};
use std::cell::RefCell;
use std::path::Path;

/// More than any finish makes.
const CALLS: usize = 200;

/// The tasks, and the files of their work.
const TWO: [(&str, &str); 2] = [("t1_add_login", "login.txt"), ("t2_mend_the_report", "mended.txt")];

/// A scene in which two tasks are worked on.
fn scene() -> Scene {
    let scene = Scene::with_work(Mode::Remote, true, true);
    scene.ann.aitask(&["pick", "2"]).ok();
    let work = scene.ann.at("aiwork/t2_mend_the_report");
    work.write("mended.txt", "yes\n");
    work.commit("mended");
    scene
}

fn in_line(scene: &Scene) -> usize {
    std::fs::read_dir(scene.ann.path(".git/aitask/landings")).map_or(0, Iterator::count)
}

/// Starts a finish behind the one that is in line already.
fn start_behind(scene: &Scene, check: &str) -> Running {
    let before = in_line(scene);
    let running = scene.ann.start(&["finish", "2", "--check", check]);
    wait_for("it stands in line", || {
        let found = in_line(scene);
        if found > before { Ok(()) } else { Err(format!("{found} in line, {before} before")) }
    });
    running
}

fn all_has_landed_once(scene: &Scene, tasks: &[(&str, &str)]) -> String {
    let log = ["--git-dir=origin.git", "log", "--first-parent", "--format=%s", "main"];
    let log = scene.world.git(&log);
    let mut wrong = String::new();
    let files = scene.world.remote_files("main");
    for (task, work) in tasks {
        let merges = log.matches(&format!("Merge branch 'aitask/{task}'")).count();
        if merges != 1 {
            wrong.push_str(&format!("{task} was merged {merges} times\n{log}"));
        }
        for file in [(*work).to_owned(), format!("aitasks/archived/{task}.md")] {
            if !files.contains(&file) {
                wrong.push_str(&format!("{file} is not on main\n"));
            }
        }
    }
    let left = scene.ann.git(&["worktree", "list"]);
    let locks = scene.world.locks();
    if left.lines().count() != 1 || !locks.is_empty() || in_line(scene) > 0 {
        wrong.push_str(&format!("left: {locks:?}, {} in line\n{left}", in_line(scene)));
    }
    wrong
}

/// The calls at which a sweep kills: all, or today's share of every other one, of which each has a first one among the some
/// twenty that a finish makes.
fn calls() -> impl Iterator<Item = usize> {
    let step = if thorough() { 1 } else { 2 };
    (1..CALLS).step_by(step).filter(move |k| in_turn(k / step))
}

/// A check that passes once a file is gone.
fn waiting_for(gate: &Path) -> String {
    format!("while [ -e '{}' ]; do sleep 0.02; done; test -e README.md", gate.display())
}

/// Kills the finish of task 1 at its calls of git, while that of task 2 stands behind it or, where `behind`, before it.
fn sweep(behind: bool) {
    let scene = scene();
    scene.save();
    let gate = scene.world.root().join("gate");
    let check = waiting_for(&gate);
    let mut kills = 0;
    for when in [When::Before, When::After] {
        for k in calls() {
            scene.restore();
            let other = behind.then(|| {
                std::fs::write(&gate, "").unwrap();
                start_behind(&scene, &check)
            });
            let (killed, other) = std::thread::scope(|scope| {
                let killed = scope.spawn(|| scene.ann.killed_at(k, when, &["finish", "1", "--check", &check]));
                let other = other.unwrap_or_else(|| scene.ann.start(&["finish", "2", "--check", &check]));
                if behind {
                    // until the second one stands in line, or is gone
                    wait_for("it stands in line", || {
                        if in_line(&scene) > 1 || killed.is_finished() { Ok(()) } else { Err("not yet".into()) }
                    });
                    std::fs::remove_file(&gate).unwrap();
                }
                (killed.join().unwrap(), other.wait())
            });
            let mut wrong = if other.code == 0 { String::new() } else { format!("the other one fails\n{other}") };
            if killed.signal.is_some() {
                kills += 1;
                let again = scene.ann.aitask(&["finish", "1", "--check", &check]);
                if again.code != 0 {
                    wrong.push_str(&format!("the command given again fails\n{again}"));
                }
            }
            // what the killed one had made for the moment is swept by the next command
            scene.ann.aitask(&["new", "Next"]).ok();
            wrong.push_str(&all_has_landed_once(&scene, &TWO));
            assert!(wrong.is_empty(), "killed {when:?} call {k}:\n{wrong}\n{killed}\n{other}");
            if killed.signal.is_none() {
                break;
            }
        }
    }
    eprintln!("{kills} kills");
    assert!(kills > 0);
}

#[test]
fn beside_another_finish() {
    sweep(false);
}

#[test]
fn behind_another_finish() {
    sweep(true);
}

/// Kills one of two that were checked together and land in one swap: the first of them, or the one that it calls.
fn sweep_train(dies: usize) {
    let scene = scene();
    scene.ann.aitask(&["new", "Third"]).ok();
    scene.ann.aitask(&["pick", "3"]).ok();
    scene.ann.at("aiwork/t3_third").write("third.txt", "yes\n");
    scene.ann.at("aiwork/t3_third").commit("third");
    scene.save();
    let gate = scene.world.root().join("gate");
    let check = waiting_for(&gate);
    let mut kills = 0;
    for when in [When::Before, When::After] {
        for k in calls() {
            scene.restore();
            std::fs::write(&gate, "").unwrap();
            let ann = scene.ann.with_git_that_kills(k, when);
            let mut running = Vec::new();
            // The third one is checked alone, and the two that come meanwhile together.
            for task in [3, 1, 2] {
                let before = in_line(&scene);
                let role = if task == dies { "die" } else { "" };
                let one = ann.env("ROLE", role).start(&["finish", &task.to_string(), "--check", &check]);
                let one = RefCell::new(one);
                wait_for("it stands in line, or was killed", || {
                    if in_line(&scene) > before || one.borrow_mut().has_ended() {
                        Ok(())
                    } else {
                        Err("not yet".into())
                    }
                });
                running.push((task, one.into_inner()));
            }
            std::fs::remove_file(&gate).unwrap();
            let mut wrong = String::new();
            let mut is_killed = false;
            for (task, one) in running {
                let run = one.wait();
                if task == dies && run.signal.is_some() {
                    is_killed = true;
                } else if run.code != 0 {
                    wrong.push_str(&format!("{task} fails\n{run}"));
                }
            }
            if is_killed {
                kills += 1;
                let again = scene.ann.aitask(&["finish", &dies.to_string(), "--check", &check]);
                if again.code != 0 {
                    wrong.push_str(&format!("the command given again fails\n{again}"));
                }
            }
            scene.ann.aitask(&["new", "Next"]).ok();
            wrong.push_str(&all_has_landed_once(&scene, &[TWO[0], TWO[1], ("t3_third", "third.txt")]));
            assert!(wrong.is_empty(), "killed {when:?} call {k}:\n{wrong}");
            if !is_killed {
                break;
            }
        }
    }
    eprintln!("{kills} kills");
    assert!(kills > 0);
}

#[test]
fn the_first_of_several_that_land_together() {
    sweep_train(1);
}

#[test]
fn one_that_is_called_to_land_together() {
    sweep_train(2);
}
