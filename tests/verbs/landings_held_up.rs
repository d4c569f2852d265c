//! Finishes with a check beside processes that are stopped, slow or gone: nobody waits long for them, nor fails.

use super::checks::runs;
use super::landings::{Station, numbers, second_clone, start_in};
use crate::support::{Running, sh_wait_for_file, wait_for};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Much less than what one would wait for a member of a train, and more than a landing takes on a busy machine.
const SOON: Duration = Duration::from_secs(10);

impl Station {
    fn gate(&self, name: &str) -> PathBuf {
        self.world.root().join(name)
    }

    fn open(&self, name: &str) {
        std::fs::write(self.gate(name), "").unwrap();
    }

    fn wait_for_runs(&self, count: usize) {
        wait_for("so many checks run", || match runs(&self.count) {
            found if found == count => Ok(()),
            found => Err(format!("{found} do")),
        });
    }

    fn signal(&self, signal: &str, running: &Running) {
        self.ann.run("kill", &[signal, &running.pid().to_string()]).ok();
    }

    /// The first one lands alone while the others stand in line, who are then checked together; that check waits, too.
    fn check_together(&self, others: std::ops::RangeInclusive<usize>, waits: &str) -> Vec<(usize, Running)> {
        let mut line = self.line_up(1..=1, &[]);
        let check = format!("{}; {waits}", self.check);
        line.extend(others.map(|id| (id, start_in(&self.ann, id, &check, id))));
        std::fs::write(&self.go, "").unwrap();
        self.wait_for_runs(2);
        line
    }
}

/// Makes each signature take so many seconds, or those that `SLOW` says.
fn slow_signer(station: &Station, seconds: &str) {
    let gpg = station.world.root().join("tmp/gpg");
    let slow = format!("case $* in *--verify*) ;; *) sleep ${{SLOW:-{seconds}}} ;; esac\ncat >");
    let signs = std::fs::read_to_string(&gpg).unwrap().replacen("cat >", &slow, 1);
    station.world.script(&gpg, &signs);
}

#[test]
fn who_is_stopped_after_it_was_checked_along_is_not_waited_for() {
    let station = Station::on_main(4);
    let mut line = station.check_together(2..=4, &sh_wait_for_file(&station.gate("gate")));
    let (_, third) = line.remove(2);
    station.signal("-STOP", &third);
    let begun = Instant::now();
    station.open("gate");
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    let took = begun.elapsed();
    station.signal("-CONT", &third);
    third.wait().ok();
    assert_eq!((station.landed(), station.moves_of_main()), (numbers([1, 2, 4, 3]), 3));
    assert!(took < SOON, "{took:?}");
}

#[test]
fn who_is_stopped_while_several_land_together_is_not_waited_for() {
    let station = Station::on_main(4);
    station.ann.sign_and_show_it();
    slow_signer(&station, "1");
    let mut line = station.check_together(2..=4, &sh_wait_for_file(&station.gate("gate")));
    let (_, third) = line.remove(2);
    station.open("gate");
    let trains = station.ann.path(".git/aitask/convoy");
    wait_for("it is called", || match std::fs::read_dir(&trains).map_or(0, Iterator::count) {
        0 => Err("nobody is".into()),
        _ => Ok(()),
    });
    station.signal("-STOP", &third);
    let begun = Instant::now();
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    let took = begun.elapsed();
    station.signal("-CONT", &third);
    third.wait().ok();
    assert_eq!(station.landed(), numbers([1, 2, 4, 3]));
    assert!(took < SOON, "{took:?}");
}

#[test]
fn who_was_stopped_and_goes_on_does_not_wait_for_the_one_that_passed_it() {
    let station = Station::on_main(4);
    let (with_second, else_) = (sh_wait_for_file(&station.gate("second")), sh_wait_for_file(&station.gate("third")));
    let waits = format!("if test -e work2.txt; then {with_second}; else {else_}; fi");
    let mut line = station.check_together(2..=4, &waits);
    let (_, second) = line.remove(1);
    station.signal("-STOP", &second);
    station.wait_for_runs(3);
    station.signal("-CONT", &second);
    let begun = Instant::now();
    station.open("second");
    second.wait().ok();
    let took = begun.elapsed();
    station.open("third");
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    assert_eq!(station.landed(), numbers([1, 2, 4, 3]));
    assert!(took < SOON, "{took:?}");
}

#[test]
fn what_a_check_of_a_killed_finish_left_running_on_purpose_is_not_waited_for() {
    let station = Station::on_main(2);
    let daemon = format!("setsid sleep 50 >/dev/null 2>&1 & {}", station.check);
    let first = start_in(&station.ann, 1, &daemon, 1);
    station.wait_for_runs(1);
    let killed = first.pid();
    drop(first);
    let second = start_in(&station.ann, 2, "true", 1);
    let begun = Instant::now();
    std::fs::write(&station.go, "").unwrap();
    let second = second.wait().ok();
    assert!(begun.elapsed() < SOON, "{second}");
    assert!(second.stderr.contains(&format!("pid {killed} is gone, and what its check left")), "{second}");
}

#[test]
fn a_process_that_hangs_with_a_file_of_the_landings_holds_up_nobody() {
    let station = Station::on_main(3);
    std::fs::write(&station.go, "").unwrap();
    station.start(1, &[]).wait().ok();
    let turns = station.world.root().join("home/.local/state/git-aitask/landings");
    let turn = std::fs::read_dir(turns).unwrap().next().unwrap().unwrap().path();
    for (id, path) in [(2, station.ann.path(".git/aitask/landings.lock")), (3, turn)] {
        let held = std::fs::File::open(path).unwrap();
        held.lock().unwrap();
        station.start(id, &[]).wait().ok();
    }
    assert_eq!(station.landed(), numbers(1..=3));
}

#[test]
fn waiting_for_another_clone_takes_no_time_from_the_push() {
    let station = Station::on_main(1);
    let bob = second_clone(&station, 2..=2);
    let slow = "#!/bin/sh\n[ $1 != refs/heads/main ] || sleep 3\n";
    station.world.script(&station.world.origin().join("hooks/update"), slow);
    let line = station.line_up(1..=1, &[]);
    let hasty = bob.start(&["finish", "2", "--check", "true", "--timeout", "9s"]).wait().ok();
    assert!(hasty.stderr.contains("waiting for t1"), "{hasty}");
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    assert_eq!(station.landed(), numbers([2, 1]));
}

#[test]
fn slow_signers_land_together_and_who_has_little_time_is_left_out() {
    let station = Station::on_main(5);
    station.ann.sign_and_show_it();
    slow_signer(&station, "0");
    let mut line = station.line_up(1..=1, &[]);
    // together they take longer than one is waited for
    let slow = station.ann.env("SLOW", "5.5");
    for (id, ann, limit) in [(2, &station.ann, "30s"), (3, &slow, "30s"), (4, &slow, "30s"), (5, &station.ann, "3s")] {
        let options = ["finish", &id.to_string(), "--check", &station.check, "--timeout", limit];
        line.push((id, ann.start(&options)));
        station.wait_for_line(id);
    }
    let all: Vec<_> = station.go(line).into_iter().map(|(_, run)| run.ok()).collect();
    assert!(all[1].stderr.contains("the check runs for t2, t3, t4 together"), "{}", all[1]);
    assert_eq!((station.landed(), station.moves_of_main(), runs(&station.count)), (numbers(1..=5), 3, 3));
}
