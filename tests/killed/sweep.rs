//! Killing at every call, on either side of it, and looking what the same command makes of it.

use super::Scene;
use super::describe::{describe, difference};
use crate::support::{Proof, Rounds, When, in_turn, thorough};
use std::collections::BTreeMap;

const ROW: &str = "04";
const PROPERTY: &str = "Killed before and after every git call, and the same command again: the same end, nothing lost";

/// More than any verb makes.
const CALLS: usize = 200;

/// Kills `git aitask ARGS` before and after its git calls (an eighth of them, and all pushes, in an ordinary run), gives the
/// command again, and fails unless the world is then as if nobody had disturbed it.
#[track_caller]
pub(super) fn sweep(scene: &Scene, args: &[&str]) {
    sweep_at(scene, args, &[When::Before, When::After]);
}

/// [`sweep`] on one side of each call in an ordinary run, since after one is before the next.
#[track_caller]
pub(super) fn sweep_once(scene: &Scene, args: &[&str]) {
    sweep_at(scene, args, if thorough() { &[When::Before, When::After] } else { &[When::After] });
}

#[track_caller]
fn sweep_at(scene: &Scene, args: &[&str], sides: &[When]) {
    scene.save();
    let pristine = scene.files();
    let (run, calls) = scene.ann.git_commands(args);
    run.ok();
    let undisturbed = describe(scene);
    let mut proof = Proof::new(ROW, PROPERTY, "kills", Rounds { ordinary: 1, short: 1, long: 1 });
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut kills, mut untouched) = (0, 0);
    for (side, when) in sides.iter().copied().enumerate() {
        for k in 1..CALLS {
            // the last one is not made any more, and ends the loop
            let always = k > calls.len() || calls[k - 1].starts_with("push");
            if !always && !in_turn(k + 2 * side) {
                continue;
            }
            scene.restore();
            let killed = scene.ann.killed_at(k, when, args);
            let whole = killed.signal.is_none();
            let mut problem = String::new();
            if whole {
                killed.ok();
            } else {
                kills += 1;
                // the same command on the same world does the same
                if scene.files() == pristine {
                    untouched += 1;
                    continue;
                }
                let again = scene.ann.aitask(args);
                if again.code != 0 {
                    problem = format!("the command given again fails:\n{again}");
                }
            }
            let mut found = describe(scene);
            if thorough() && args[0] != "init" {
                let doctor = scene.ann.aitask(&["doctor"]);
                if doctor.code != 0 {
                    problem.push_str(&format!("doctor finds something:\n{doctor}"));
                }
            }
            if args[0] == "compat" {
                // the lock scripts write the lock of their own session again
                found.dedup_by(|one, other| {
                    one == other && one.ends_with("has the commit: ait: Lock task t1 for ann@example.com")
                });
            }
            if found != undisturbed || !problem.is_empty() {
                problem.push_str(&difference(&undisturbed, &found));
                let call = calls.get(k - 1).map_or("(none)", String::as_str);
                wrong.entry(problem).or_default().push(format!("{when:?} call {k}: git {call:.120}"));
            }
            if whole {
                assert!(k > calls.len(), "call {k} of {} was never made", calls.len());
                break;
            }
        }
    }
    eprintln!("{} in mode {:?}: {kills} kills, {untouched} of them before anything was written", args[0], scene.mode);
    let report: Vec<_> =
        wrong.iter().map(|(problem, at)| format!("  killed {}\n{problem}", at.join("\n  killed "))).collect();
    proof.tried(kills);
    proof.check(wrong.is_empty(), || {
        format!("git aitask {} ({:?}):\n{}", args.join(" "), scene.mode, report.join("\n"))
    });
    proof.end();
}
