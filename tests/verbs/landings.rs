//! Several `git aitask finish` of one clone at once, with a check: who runs it, on what, and what each one hears.

use super::checks::{counter, runs, with_work};
use crate::support::{Repo, Run, Running, World, sh_wait_for_file, thorough, wait_for};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A clone with tasks that are worked on, and a check that counts its runs, waits until `go` is there, and fails where a
/// file begins with `bad`.
pub(super) struct Station {
    pub(super) world: World,
    pub(super) ann: Repo,
    pub(super) count: PathBuf,
    pub(super) go: PathBuf,
    pub(super) check: String,
    /// The files of the work in what was checked, a line a run.
    checked: PathBuf,
}

impl Station {
    fn new(ann: impl FnOnce(&World) -> Repo, tasks: usize) -> Self {
        let world = World::new();
        let ann = ann(&world);
        for id in 1..=tasks {
            with_work(&ann, &id.to_string());
        }
        let (count, counts) = counter(&world);
        let go = world.root().join("go");
        let (checked, tips) = (world.root().join("checked"), world.root().join("tips"));
        let lists = format!("echo *.txt >>'{}'", checked.display());
        let check = format!("{counts}; {lists}; {}; ls | grep '^bad' && exit 1; true", sh_wait_for_file(&go));
        let hook = format!(
            "#!/bin/sh\nwhile read old new name; do [ $name != refs/heads/main ] || echo $new; done >>'{}'\n",
            tips.display()
        );
        world.script(&world.origin().join("hooks/post-receive"), &hook);
        Self { world, ann, count, go, check, checked }
    }

    /// How often main was moved. Whatever it was moved to has been checked.
    pub(super) fn moves_of_main(&self) -> usize {
        let tips = std::fs::read_to_string(self.world.root().join("tips")).unwrap_or_default();
        let checked = std::fs::read_to_string(&self.checked).unwrap();
        for tip in tips.lines() {
            let files = self.world.git(&["--git-dir=origin.git", "ls-tree", "--name-only", tip]);
            let files: Vec<_> = files.lines().filter(|file| file.strip_suffix(".txt").is_some()).collect();
            assert!(checked.lines().any(|line| line == files.join(" ")), "{files:?} was not checked:\n{checked}");
        }
        tips.lines().count()
    }

    pub(super) fn on_main(tasks: usize) -> Self {
        Self::new(|world| world.initialised_on_main("ann"), tasks)
    }

    /// Adds a file to the work on a task.
    fn add(&self, id: usize, file: &str, text: &str) {
        let at = self.ann.at(format!("aiwork/t{id}_job"));
        at.write(file, text);
        at.commit("more");
    }

    pub(super) fn start(&self, id: usize, options: &[&str]) -> Running {
        self.ann.start(&[&["finish", &id.to_string(), "--check", &self.check], options].concat())
    }

    fn in_line(&self) -> usize {
        std::fs::read_dir(self.ann.path(".git/aitask/landings")).map_or(0, Iterator::count)
    }

    pub(super) fn wait_for_line(&self, count: usize) {
        wait_for("all stand in line", || match self.in_line() {
            found if found == count => Ok(()),
            found => Err(format!("{found} do")),
        });
    }

    /// Starts finishes one after the other, so that they stand in line in this order; the first of them runs the check.
    pub(super) fn line_up(&self, ids: impl IntoIterator<Item = usize>, options: &[&str]) -> Vec<(usize, Running)> {
        let before = self.in_line();
        let start = |(n, id)| {
            let running = self.start(id, options);
            self.wait_for_line(before + n + 1);
            (id, running)
        };
        let line = ids.into_iter().enumerate().map(start).collect();
        wait_for("the check runs", || if runs(&self.count) > 0 { Ok(()) } else { Err("it does not".into()) });
        line
    }

    /// Lets the check go on, and waits for all.
    pub(super) fn go(&self, line: Vec<(usize, Running)>) -> Vec<(usize, Run)> {
        std::fs::write(&self.go, "").unwrap();
        line.into_iter().map(|(id, running)| (id, running.wait())).collect()
    }

    /// The tasks whose merges are on main, in their order; each is there once, with its archive and without its lock.
    pub(super) fn landed(&self) -> Vec<String> {
        let origin = ["--git-dir=origin.git", "log", "--reverse", "--first-parent", "--format=%s", "main"];
        let log = self.world.git(&origin);
        let merge = |line: &str| Some(line.strip_prefix("Merge branch 'aitask/t")?.split('_').next()?.to_owned());
        let landed: Vec<_> = log.lines().filter_map(merge).collect();
        let (files, locks) = (self.world.remote_files("main"), self.world.locks());
        for id in &landed {
            assert!(files.contains(&format!("work{id}.txt")), "{id}: {files:?}");
            assert!(!locks.contains(&format!("t{id}_lock.yaml")), "{id}: {locks:?}");
        }
        assert_eq!(landed.iter().collect::<BTreeSet<_>>().len(), landed.len(), "{log}");
        landed
    }
}

pub(super) fn numbers(ids: impl IntoIterator<Item = usize>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

#[test]
fn six_at_once_cost_two_runs_and_each_makes_its_own_merge() {
    let station = Station::on_main(6);
    let line = station.line_up(1..=6, &["--json"]);
    let mut told = Vec::new();
    for (id, run) in station.go(line) {
        let json = run.ok().json();
        assert_eq!((&json["task"]["id"], &json["merged"]["mode"]), (&id.to_string().into(), &"merge".into()));
        let check = &json["checks"][0];
        told.push((check["ran"] == true, check["together"] == true));
    }
    let (led, along) = ((true, false), (false, true));
    assert_eq!(told, [led, (true, true), along, along, along, (false, false)]);
    assert_eq!((runs(&station.count), station.landed()), (2, numbers(1..=6)));
    // five in one swap
    assert_eq!((station.in_line(), station.moves_of_main()), (0, 2));
}

#[test]
fn whoever_waits_sees_how_many_are_before_it_and_that_several_are_checked_together() {
    let station = Station::on_main(3);
    let line = station.line_up(1..=3, &[]);
    let all = station.go(line);
    let said: Vec<_> = all.iter().map(|(_, run)| run.stderr.as_str()).collect();
    assert!(!said[0].contains("before you"), "{}", said[0]);
    assert!(
        said[1].contains("1 waits before you to land on main") && said[2].contains("2 wait before you"),
        "{said:?}"
    );
    assert!(said[1].contains("the check runs for t2, t3 together"), "{said:?}");
    assert!(all[2].1.stdout.contains("it passed at 20") && all[1].1.code == 0, "{}", all[2].1);
}

#[test]
fn every_good_one_lands_each_bad_one_hears_why_and_nobody_else_does() {
    let (tasks, bad, limit) = if thorough() { (16, vec![5, 9, 14], 15) } else { (7, vec![3, 6], 8) };
    let station = Station::new(|world| world.initialised("ann"), tasks);
    for id in &bad {
        station.add(*id, &format!("bad{id}.txt"), "x\n");
    }
    let line = station.line_up(1..=tasks, &[]);
    for (id, run) in station.go(line) {
        let is_bad = bad.contains(&id);
        assert_eq!(run.code, i32::from(is_bad), "{run}");
        let all = format!("{}{}", run.stdout, run.stderr);
        let named: Vec<_> = bad.iter().filter(|bad| all.contains(&format!("bad{bad}.txt"))).collect();
        assert_eq!(named, Vec::from_iter(is_bad.then_some(&id)), "{run}");
        assert_eq!(run.stderr.contains("the check failed on the merged tree (exit 1)"), is_bad, "{run}");
    }
    assert_eq!(station.landed(), numbers((1..=tasks).filter(|id| !bad.contains(id))));
    let (count, moves) = (runs(&station.count), station.moves_of_main());
    // those that a run has found to pass land in one swap
    assert!(moves <= count - bad.len(), "{moves} moves of main, {count} runs");
    eprintln!("{tasks} finishes, {} of them bad: {count} runs", bad.len());
    assert!(count <= limit, "{count}");
    // what failed is not remembered: once it is mended, it lands
    let id = bad[0];
    std::fs::remove_file(station.ann.path(format!("aiwork/t{id}_job/bad{id}.txt"))).unwrap();
    station.ann.at(format!("aiwork/t{id}_job")).commit("mended");
    station.start(id, &[]).wait().ok();
    assert_eq!(runs(&station.count), count + 1);
}

#[test]
fn who_conflicts_with_those_before_it_is_refused_alone() {
    let station = Station::on_main(4);
    station.add(2, "same.txt", "two\n");
    station.add(3, "same.txt", "three\n");
    let line = station.line_up(1..=4, &["--json"]);
    let all = station.go(line);
    let kinds: Vec<_> = all.iter().map(|(_, run)| (run.code, run.stderr.contains("conflict"))).collect();
    assert_eq!(kinds, [(0, false), (0, false), (1, true), (0, false)], "{}", all[2].1);
    assert_eq!((station.landed(), runs(&station.count)), (numbers([1, 2, 4]), 2));
    assert_eq!(station.moves_of_main(), 2);
}

#[test]
fn who_cannot_land_after_it_was_checked_along_is_left_out_and_the_others_are_checked_again() {
    let station = Station::on_main(4);
    let mut line = station.line_up(1..=1, &[]);
    // the second check waits, too, and meanwhile there is uncommitted work in one worktree
    let gate = station.world.root().join("gate");
    let waits = format!("{}; {}", station.check, sh_wait_for_file(&gate));
    for id in 2..=4 {
        line.push((id, station.ann.start(&["finish", &id.to_string(), "--check", &waits])));
        station.wait_for_line(id);
    }
    std::fs::write(&station.go, "").unwrap();
    wait_for("the three are checked", || if runs(&station.count) == 2 { Ok(()) } else { Err("not yet".into()) });
    station.ann.at("aiwork/t3_job").write("work3.txt", "unsaved\n");
    std::fs::write(&gate, "").unwrap();
    let all = station.go(line);
    let codes: Vec<_> = all.iter().map(|(_, run)| run.code).collect();
    assert_eq!(codes, [0, 0, 1, 0], "{}", all[2].1);
    assert!(all[2].1.stderr.contains("uncommitted"), "{}", all[2].1);
    assert_eq!((station.landed(), station.moves_of_main()), (numbers([1, 2, 4]), 2));
    assert_eq!(runs(&station.count), 3);
}

#[test]
fn who_pushes_another_way_is_checked_and_lands_alone() {
    let station = Station::on_main(4);
    let mut line = station.line_up(1..=2, &[]);
    let other = station.ann.env("DEPLOY_TOKEN", "x");
    line.push((3, other.start(&["finish", "3", "--check", &station.check])));
    station.wait_for_line(3);
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    // a hook of the user runs for each of them
    let hooked = station.world.root().join("hooked");
    station
        .world
        .script(&station.ann.path(".git/hooks/pre-push"), &format!("#!/bin/sh\necho x >>'{}'\n", hooked.display()));
    station.start(4, &[]).wait().ok();
    assert_eq!((station.landed(), station.moves_of_main()), (numbers(1..=4), 4));
    assert_eq!((runs(&station.count), runs(&hooked)), (4, 1));
}

#[test]
fn others_stand_in_line_too_and_are_checked_alone() {
    let station = Station::on_main(4);
    let mut line = station.line_up([1], &[]);
    for (id, options) in [(2, &["--squash"][..]), (3, &["--check", "true"]), (4, &[])] {
        line.push((id, station.start(id, options)));
        station.wait_for_line(id);
    }
    for (_, run) in station.go(line) {
        assert!(!run.ok().stderr.contains("together"));
    }
    // the one with another check runs both
    assert_eq!((station.landed(), runs(&station.count)), (numbers([1, 3, 4]), 4));
    assert!(station.world.remote_files("main").contains(&"work2.txt".to_owned()));
}

#[test]
fn other_verbs_go_on_while_a_line_waits() {
    let station = Station::on_main(3);
    let line = station.line_up(1..=2, &[]);
    station.ann.aitask(&["new", "Meanwhile", "--timeout", "5s"]).ok();
    station.ann.aitask(&["drop", "3", "--timeout", "5s"]).ok();
    // without a check nobody waits, and what others check is checked again
    station.ann.aitask(&["pick", "3"]).ok();
    station.ann.aitask(&["finish", "3", "--timeout", "5s"]).ok();
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    assert_eq!((station.landed(), runs(&station.count)), (numbers([3, 1, 2]), 2));
}

#[test]
fn when_the_first_is_killed_the_next_one_goes_on_and_nothing_is_lost() {
    let station = Station::on_main(4);
    let mut line = station.line_up(1..=4, &[]);
    let (_, first) = line.remove(0);
    // one of those who wait, too
    let (_, third) = line.remove(1);
    // the check that it had started goes on, and has its output
    drop((third, first));
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    assert_eq!(station.landed(), numbers([2, 4]));
    for id in [1, 3] {
        station.start(id, &[]).wait().ok();
    }
    assert_eq!((station.landed(), station.in_line()), (numbers([2, 4, 1, 3]), 0));
}

#[test]
fn each_signs_its_own_merge() {
    let station = Station::on_main(3);
    station.ann.sign_and_show_it();
    let line = station.line_up(1..=3, &[]);
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    let log = ["--git-dir=origin.git", "log", "--first-parent", "--merges", "--format=%G?%s", "main"];
    let merges = station.world.git(&log);
    assert_eq!((runs(&station.count), station.landed()), (2, numbers(1..=3)));
    let raw = station.world.git(&["--git-dir=origin.git", "log", "--merges", "--format=raw", "main"]);
    assert_eq!(raw.matches("gpgsig").count(), 3, "{merges}");
}

#[test]
fn a_finish_within_a_check_does_not_wait_for_that_check() {
    let station = Station::on_main(2);
    let nested = format!(
        "cd '{}' && timeout 30 '{}' finish 2 --check true",
        station.ann.top().display(),
        env!("CARGO_BIN_EXE_git-aitask")
    );
    station.ann.aitask(&["finish", "1", "--check", &format!("test -e work2.txt || ({nested})")]).ok();
    assert_eq!(station.landed(), numbers([2, 1]));
}

#[test]
fn finishes_of_several_clones_land_every_good_one() {
    let (clones, each, bad) = if thorough() { (4, 4, vec![3, 8, 14]) } else { (2, 2, vec![3]) };
    let world = World::new();
    let first = world.initialised_on_main("c0");
    let others = (1..clones).map(|n| world.clone(&format!("c{n}")));
    let repos: Vec<_> = std::iter::once(first).chain(others).collect();
    let (file, counts) = counter(&world);
    for id in 1..=clones * each {
        let repo = &repos[id % clones];
        with_work(repo, &id.to_string());
        if bad.contains(&id) {
            repo.at(format!("aiwork/t{id}_job")).write(&format!("bad{id}.txt"), "x\n");
            repo.at(format!("aiwork/t{id}_job")).commit("bad");
        }
    }
    let seconds = if thorough() { 2 } else { 1 };
    let check = format!("{counts}; sleep {seconds}; ls | grep '^bad' && exit 1; true");
    let start =
        |id: usize| repos[id % clones].start(&["finish", &id.to_string(), "--check", &check, "--timeout", "2m"]);
    let started = Instant::now();
    let all: Vec<_> = (1..=clones * each).map(|id| (id, start(id))).collect();
    for (id, run) in all {
        let run = run.wait();
        assert_eq!(run.code, i32::from(bad.contains(&id)), "{run}");
        assert_eq!(run.stderr.contains(&format!("bad{id}.txt")), bad.contains(&id), "{run}");
    }
    eprintln!("{clones} clones: {} runs in {:?}", runs(&file), started.elapsed());
    assert!(runs(&file) <= if thorough() { 15 } else { 5 }, "{}", runs(&file));
    let merges = world.git(&["--git-dir=origin.git", "log", "--first-parent", "--merges", "--format=%s", "main"]);
    assert_eq!(merges.lines().count(), clones * each - bad.len(), "{merges}");
}

/// Another clone with tasks that are worked on.
pub(super) fn second_clone(station: &Station, ids: std::ops::RangeInclusive<usize>) -> Repo {
    let bob = station.world.clone("bob");
    ids.for_each(|id| with_work(&bob, &id.to_string()));
    // its tasks are on main, too
    std::fs::remove_file(station.world.root().join("tips")).unwrap();
    bob
}

/// Starts a finish there, and waits until so many stand in line there.
pub(super) fn start_in(bob: &Repo, id: usize, check: &str, count: usize) -> Running {
    let running = bob.start(&["finish", &id.to_string(), "--check", check]);
    let in_line = || std::fs::read_dir(bob.path(".git/aitask/landings")).map_or(0, Iterator::count);
    wait_for("it stands in line", || if in_line() == count { Ok(()) } else { Err(format!("{}", in_line())) });
    running
}

#[test]
fn clones_of_one_machine_check_and_land_in_turn() {
    let station = Station::on_main(3);
    let bob = second_clone(&station, 4..=6);
    let mut line = station.line_up(1..=1, &[]);
    line.extend((4..=6).map(|id| (id, start_in(&bob, id, &station.check, id - 3))));
    line.extend((2..=3).map(|id| (id, station.start(id, &[]))));
    station.wait_for_line(3);
    // a clone of the same user on this machine sees what lands in another one, and in which
    bob.aitask(&["list", "--fetch"]).ok();
    let status = bob.aitask(&["status", "--json"]).ok().json();
    let landing =
        status["in_flight"].as_array().unwrap().iter().find(|it| it["task_id"] == "1").unwrap()["landing"].clone();
    assert_eq!(landing["clone"], station.ann.top().to_str().unwrap(), "{status}");
    bob.aitask(&["status"]).ok();
    let pid = line[0].1.pid();
    let all = station.go(line);
    let said: Vec<_> = all.into_iter().map(|(_, run)| run.ok().stderr).collect();
    let place = station.ann.top().display();
    assert!(said[1].contains(&format!("waiting for t1 in {place}/.git to land on main (pid {pid})")), "{}", said[1]);
    assert_eq!(station.landed().len(), 6);
    assert_eq!((runs(&station.count), station.moves_of_main()), (3, 3));
}

#[test]
fn the_turn_of_a_clone_ends_with_its_process_and_nobody_waits_longer_than_its_time() {
    let station = Station::on_main(1);
    let bob = second_clone(&station, 2..=4);
    let (_, first) = station.line_up(1..=1, &[]).remove(0);
    // who may wait for a second goes on without the turn
    let hasty = bob.start(&["finish", "2", "--check", &station.check, "--timeout", "2s"]);
    wait_for("it checks, too", || if runs(&station.count) == 2 { Ok(()) } else { Err("not yet".into()) });
    drop(first);
    std::fs::write(&station.go, "").unwrap();
    hasty.wait();
    // a folder to which others can write says nothing
    std::fs::remove_file(&station.go).unwrap();
    let folder = station.world.root().join("home/.local/state/git-aitask/landings");
    let ann = start_in(&station.ann, 1, &station.check, 1);
    wait_for("it checks", || if runs(&station.count) > 2 { Ok(()) } else { Err("not yet".into()) });
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let before = runs(&station.count);
    let other = bob.start(&["finish", "3", "--check", &station.check]);
    wait_for("it does not wait", || if runs(&station.count) > before { Ok(()) } else { Err("not yet".into()) });
    std::fs::write(&station.go, "").unwrap();
    ann.wait().ok();
    other.wait().ok();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    bob.aitask(&["finish", "4", "--check", &station.check]).ok();
}

#[test]
fn a_check_that_outlives_its_killed_finish_is_waited_for() {
    let station = Station::on_main(2);
    let (busy, beside) = (station.world.root().join("busy"), station.world.root().join("beside"));
    let (enter, leave) =
        (format!("mkdir '{0}' || : >'{1}'", busy.display(), beside.display()), format!("rmdir '{}'", busy.display()));
    let check = format!("{enter}; {}; {leave}", station.check);
    let first = start_in(&station.ann, 1, &check, 1);
    wait_for("it checks", || if busy.exists() { Ok(()) } else { Err("not yet".into()) });
    let killed = first.pid();
    drop(first);
    let second = start_in(&station.ann, 2, &check, 1);
    // long enough to begin a check
    std::thread::sleep(Duration::from_millis(1500));
    std::fs::write(&station.go, "").unwrap();
    let second = second.wait().ok();
    assert!(
        second.stderr.contains(&format!("the check of another git aitask in this clone (pid {killed}")),
        "{second}"
    );
    assert!(!beside.exists());
    // what a check leaves running keeps nothing
    let server = format!("sleep 60 >/dev/null 2>&1 & {check}");
    let begun = Instant::now();
    station.ann.aitask(&["finish", "1", "--check", &server]).ok();
    with_work(&station.ann, "3");
    station.ann.aitask(&["finish", "3", "--check", &check]).ok();
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[test]
fn who_is_stopped_holds_up_nobody() {
    let station = Station::on_main(3);
    let mut line = station.line_up(1..=3, &[]);
    let (_, first) = line.remove(0);
    let pid = first.pid().to_string();
    station.ann.run("kill", &["-STOP", &pid]).ok();
    for (_, run) in station.go(line) {
        let run = run.ok();
        assert!(run.stderr.contains(&format!("pid {pid}")), "{run}");
    }
    station.ann.run("kill", &["-CONT", &pid]).ok();
    first.wait().ok();
    assert_eq!(station.landed(), numbers([2, 3, 1]));
}

#[test]
fn what_has_passed_together_does_not_count_without_the_others() {
    let station = Station::on_main(3);
    let mut line = station.line_up(1..=1, &[]);
    let gate = station.world.root().join("gate");
    let waits = format!("{}; {}", station.check, sh_wait_for_file(&gate));
    line.push((2, start_in(&station.ann, 2, &waits, 2)));
    let third = start_in(&station.ann, 3, &waits, 3);
    std::fs::write(&station.go, "").unwrap();
    wait_for("both are checked", || if runs(&station.count) == 2 { Ok(()) } else { Err("not yet".into()) });
    drop(third);
    std::fs::write(&gate, "").unwrap();
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    assert_eq!((runs(&station.count), station.landed(), station.moves_of_main()), (3, numbers([1, 2]), 2));
}

#[test]
fn what_the_server_refuses_of_those_that_were_checked_together_is_refused_alone() {
    let station = Station::on_main(4);
    station.add(3, "forbidden.txt", "x\n");
    let refuses =
        "#!/bin/sh\n! git ls-tree --name-only \"$3\" | grep -q forbidden || { echo forbidden >&2; exit 1; }\n";
    station.world.script(&station.world.origin().join("hooks/update"), refuses);
    let mut line = station.line_up(1..=1, &["--json"]);
    for id in 2..=4 {
        line.push((id, station.start(id, &["--json"])));
        station.wait_for_line(id);
    }
    let all = station.go(line);
    assert_eq!(all.iter().map(|(_, run)| run.code).collect::<Vec<_>>(), [0, 0, 1, 0], "{}", all[2].1);
    assert_eq!(all[2].1.error()["error"]["kind"], "denied", "{}", all[2].1);
    assert_eq!((station.landed(), station.moves_of_main()), (numbers([1, 2, 4]), 3));
    // all of them together, and each alone
    assert_eq!(runs(&station.count), 5);
}

#[test]
fn code_that_others_push_while_several_are_checked_is_checked_with_all_of_them() {
    let station = Station::on_main(3);
    let bob = station.world.clone("bob");
    let mut line = station.line_up(1..=1, &[]);
    let gate = station.world.root().join("gate");
    let waits = format!("{}; {}", station.check, sh_wait_for_file(&gate));
    line.push((2, start_in(&station.ann, 2, &waits, 2)));
    line.push((3, start_in(&station.ann, 3, &waits, 3)));
    std::fs::write(&station.go, "").unwrap();
    wait_for("both are checked", || if runs(&station.count) == 2 { Ok(()) } else { Err("not yet".into()) });
    bob.git(&["pull", "--quiet"]);
    bob.write("bob.txt", "x\n");
    bob.commit("of bob");
    bob.git(&["push", "--quiet"]);
    std::fs::remove_file(station.world.root().join("tips")).unwrap();
    std::fs::write(&gate, "").unwrap();
    station.go(line).into_iter().for_each(|(_, run)| drop(run.ok()));
    assert_eq!((station.landed(), runs(&station.count), station.moves_of_main()), (numbers(1..=3), 3, 1));
}
