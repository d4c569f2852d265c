//! One push for the commits of several processes of one clone: all land or none, everybody is answered for itself, and
//! nothing is lost or done twice, whoever is killed.

use super::queue::{nothing_is_left, occupied, queued};
use crate::support::{Repo, Run, Running, Sleeper, When, World, share, wait_for};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A clone with `count` tasks, of which only the pushes from now on are counted.
fn scene(count: usize) -> (World, Repo) {
    let world = World::new();
    let ann = world.clone("ann");
    for n in 1..=count {
        let head =
            "---\npriority: medium\neffort: low\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\n---\n";
        ann.write(&format!("aitasks/t{n}_job.md"), &format!("{head}\n# Job {n}\n"));
    }
    if count > 0 {
        ann.commit("tasks");
        ann.git(&["push", "--quiet"]);
    }
    ann.aitask(&["init", "--on", "main"]).ok();
    let log = world.root().join("pushes");
    let hook = format!("#!/bin/sh\ncat >/dev/null\necho push >>'{}'\n", log.display());
    world.script(&world.origin().join("hooks/pre-receive"), &hook);
    let ann = ann.env("AIT_AGENT_PID", "").env("GIT_AITASK_TIMEOUT", "55s");
    (world, ann)
}

/// How many pushes came to the server since the last call.
fn pushes(world: &World) -> usize {
    let log = world.root().join("pushes");
    let count = std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    let _ = std::fs::remove_file(log);
    count
}

/// Starts commands that wait in this order, then lets the first one come to the head.
fn in_order(ann: &Repo, commands: &[(&Repo, &[&str])]) -> Vec<Run> {
    let holder = occupied(ann);
    let runs: Vec<_> = commands.iter().map(|(repo, args)| queued(repo, args)).collect();
    drop(holder);
    let runs = runs.into_iter().map(Running::wait).collect();
    nothing_is_left(ann);
    runs
}

#[track_caller]
fn all_succeed(runs: Vec<Run>) {
    for run in runs {
        run.ok();
    }
}

fn token_of(world: &World, task: usize) -> String {
    let name = format!("refs/heads/aitask-locks:t{task}_lock.yaml");
    world.git(&["--git-dir=origin.git", "rev-parse", &name]).trim().to_owned()
}

#[track_caller]
fn audited(ann: &Repo) {
    ann.aitask(&["doctor", "--history"]).ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn thirty_two_at_once_are_a_few_pushes() {
    let (world, ann) = scene(32);
    let all: Vec<_> = (1..=32).map(|n| ann.start(&["lock", &n.to_string(), "--json"])).collect();
    for (n, run) in all.into_iter().enumerate() {
        let answer = run.wait().ok().json();
        assert_eq!(answer["lock"]["token"], token_of(&world, n + 1), "{answer}");
    }
    let locks = pushes(&world);
    let all: Vec<_> = (1..=32).map(|n| ann.start(&["new", &format!("More {n}"), "--json"])).collect();
    let ids: BTreeSet<u64> =
        all.into_iter().map(|run| run.wait().ok().json()["task"]["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (33..=64).collect());
    assert_eq!(world.remote_files("main").iter().filter(|file| file.starts_with("aitasks/t")).count(), 64);
    let created = pushes(&world);
    assert!(locks <= 6 && created <= 6, "{locks} pushes for 32 locks, {created} for 32 tasks");
    nothing_is_left(&ann);
    audited(&ann);
}

#[test]
fn those_who_wait_are_one_push_in_the_order_in_which_they_came() {
    let (world, ann) = scene(3);
    let runs = in_order(
        &ann,
        &[
            (&ann, &["new", "First", "--json"]),
            (&ann, &["lock", "2", "--json"]),
            (&ann, &["pick", "1", "--no-worktree", "--json"]),
            (&ann, &["edit", "3", "--priority", "high", "--json"]),
            (&ann, &["new", "Second", "--json"]),
            (&ann, &["compat", "aitask_claim_id.sh", "--claim"]),
            (&ann, &["unlock", "2", "--force", "--json"]),
        ],
    );
    let runs: Vec<_> = runs.into_iter().map(Run::ok).collect();
    assert_eq!(pushes(&world), 1);
    assert_eq!((&runs[0].json()["task"]["id"], &runs[4].json()["task"]["id"]), (&"4".into(), &"5".into()));
    assert_eq!(runs[5].stdout, "6\n");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert!(world.remote_file("main", "aitasks/t3_job.md").unwrap().contains("priority: high"));
    // the checkout has what all of them published
    assert_eq!(ann.git(&["rev-parse", "HEAD"]).trim(), world.remote_branch("main").unwrap());
    audited(&ann);
}

#[test]
fn commits_of_the_user_on_the_branch_of_the_tasks_go_along_once() {
    let (world, ann) = scene(2);
    ann.aitask(&["init", "--data-branch"]).ok();
    let data = ann.at(".aitask-data");
    data.write("aiplans/p1_job.md", "First, think.\n");
    data.commit("plan");
    pushes(&world);
    let commands: [&[&str]; 4] =
        [&["new", "First"], &["lock", "1"], &["edit", "2", "--priority", "high"], &["new", "Second"]];
    all_succeed(in_order(&ann, &commands.map(|args| (&ann, args))));
    assert_eq!(pushes(&world), 1);
    let log = world.git(&["--git-dir=origin.git", "log", "--format=%s", "refs/heads/aitask-data"]);
    assert_eq!(log.lines().filter(|line| *line == "plan").count(), 1, "{log}");
    assert_eq!(data.git(&["rev-parse", "HEAD"]).trim(), world.remote_branch("aitask-data").unwrap());
    assert_eq!(data.git(&["status", "--porcelain"]), "");
    audited(&ann);
}

#[test]
fn what_another_clone_published_meanwhile_makes_all_of_them_decide_again() {
    let (world, ann) = scene(5);
    let bob = world.clone("bob");
    bob.aitask(&["lock", "4"]).ok();
    bob.aitask(&["new", "Of Bob"]).ok();
    pushes(&world);
    let runs = in_order(
        &ann,
        &[
            (&ann, &["lock", "1"]),
            (&ann, &["new", "Of Ann", "--json"]),
            (&ann, &["lock", "4", "--json"]),
            (&ann, &["lock", "2"]),
        ],
    );
    assert_eq!(runs.iter().map(|run| run.code).collect::<Vec<_>>(), [0, 0, 1, 0], "{}", runs[2]);
    assert_eq!(runs[1].json()["task"]["id"], "7");
    assert_eq!(runs[2].error()["error"]["holder"]["token"], token_of(&world, 4));
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml", "t4_lock.yaml"]);
    audited(&ann);
}

#[test]
fn of_two_who_want_one_task_the_second_is_told_what_was_published() {
    let (world, ann) = scene(2);
    let (one, other) = (Sleeper::new(), Sleeper::new());
    let [one, other] = [&one, &other].map(|session| ann.env("AIT_AGENT_PID", session.pid()));
    let runs = in_order(
        &ann,
        &[(&one, &["lock", "1", "--json"]), (&other, &["lock", "1", "--json"]), (&other, &["lock", "2", "--json"])],
    );
    assert_eq!(runs.iter().map(|run| run.code).collect::<Vec<_>>(), [0, 1, 0]);
    let token = token_of(&world, 1);
    assert_eq!(runs[0].json()["lock"]["token"], token);
    assert_eq!(runs[1].error()["error"]["holder"]["token"], token);
    audited(&ann);
}

#[test]
fn what_the_server_refuses_is_refused_alone() {
    let (world, ann) = scene(1);
    let update =
        "#!/bin/sh\nif git ls-tree -r --name-only \"$3\" | grep -q forbidden; then echo forbidden >&2; exit 1; fi\n";
    world.script(&world.origin().join("hooks/update"), update);
    let runs = in_order(
        &ann,
        &[
            (&ann, &["new", "Good", "--json"]),
            (&ann, &["new", "Forbidden", "--json"]),
            (&ann, &["lock", "1", "--json"]),
            (&ann, &["new", "Better", "--json"]),
        ],
    );
    assert_eq!(runs.iter().map(|run| run.code == 0).collect::<Vec<_>>(), [true, false, true, true], "{}", runs[1]);
    assert_eq!(runs[1].error()["error"]["kind"], "denied");
    let ids: BTreeSet<_> = [&runs[0], &runs[3]].map(|run| run.json()["task"]["id"].to_string()).into();
    assert_eq!(ids, [r#""2""#, r#""3""#].map(str::to_owned).into());
    let files = world.remote_files("main");
    assert!(!files.iter().any(|file| file.contains("forbidden")), "{files:?}");
    audited(&ann);
}

#[test]
fn pushes_that_go_another_way_are_not_joined() {
    let (world, ann) = scene(3);
    let other = ann.env("GIT_SSH_COMMAND", "ssh -i other");
    let lock = |task| ["lock", task];
    all_succeed(in_order(&ann, &[(&ann, &lock("1")), (&other, &lock("2"))]));
    assert_eq!(pushes(&world), 2);
    let token = ann.env("DEPLOY_TOKEN", "x");
    all_succeed(in_order(&ann, &[(&token, &["unlock", "1"]), (&ann, &["unlock", "2"])]));
    assert_eq!(pushes(&world), 2);
    // who commits, and when, does not matter
    let person = ann.env("GIT_AUTHOR_NAME", "Other").env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
    all_succeed(in_order(&ann, &[(&ann, &lock("1")), (&person, &lock("2"))]));
    assert_eq!(pushes(&world), 1);
    audited(&ann);
}

#[test]
fn a_hook_of_the_user_runs_for_each_push_of_task_data() {
    let (world, ann) = scene(3);
    let log = world.root().join("hooked");
    world.script(&ann.path(".git/hooks/pre-push"), &format!("#!/bin/sh\necho ran >>'{}'\n", log.display()));
    let commands: [&[&str]; 4] = [&["new", "A"], &["lock", "1"], &["lock", "2"], &["new", "B"]];
    all_succeed(in_order(&ann, &commands.map(|args| (&ann, args))));
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 2);
    // the two locks are one
    assert_eq!(pushes(&world), 3);
    audited(&ann);
}

#[test]
fn a_push_that_hangs_ends_in_time_for_the_one_who_has_the_least() {
    let (world, ann) = scene(2);
    let flag = world.root().join("hangs");
    std::fs::write(&flag, "").unwrap();
    let hang =
        format!("#!/bin/sh\ncat >/dev/null\n[ -e '{0}' ] && {{ rm '{0}'; exec sleep 50; }}\nexit 0\n", flag.display());
    world.script(&world.origin().join("hooks/pre-receive"), &hang);
    let begun = Instant::now();
    let runs = in_order(&ann, &[(&ann, &["lock", "1", "--timeout", "8s", "--json"]), (&ann, &["lock", "2"])]);
    // the one had no time left to try again, or just enough; the other one had
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}\n{}", begun.elapsed(), runs[0]);
    let kind = || runs[0].error()["error"]["kind"].as_str().unwrap().to_owned();
    assert!(runs[0].code == 0 || ["unknown", "unreachable"].contains(&kind().as_str()), "{}", runs[0]);
    assert!(!runs[0].stderr.contains("others kept changing"), "{}", runs[0]);
    assert_eq!(runs[1].code, 0, "{}", runs[1]);
    ann.aitask(&["lock", "1"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
    audited(&ann);
}

#[test]
fn a_remote_that_is_not_reached_is_tried_once_for_all_and_nobody_waits_longer_than_its_time() {
    let (world, ann) = scene(4);
    let (dial, dials) = (world.root().join("dial"), world.root().join("dials"));
    world.script(&dial, &format!("#!/bin/sh\necho x >>'{}'\nsleep 1\nexit 1\n", dials.display()));
    let url = ann.git(&["config", "remote.origin.url"]);
    ann.git(&["config", "remote.origin.url", &format!("ext::{} %S", dial.display())]);
    for run in in_order(
        &ann,
        &[(&ann, &["lock", "1", "--json"]), (&ann, &["lock", "2", "--json"]), (&ann, &["lock", "3", "--json"])],
    ) {
        assert_eq!(run.error()["error"]["kind"], "unreachable", "{run}");
    }
    // the push, and the look whether it was a refusal
    assert_eq!(std::fs::read_to_string(&dials).unwrap().lines().count(), 2);
    ann.git(&["config", "remote.origin.url", url.trim()]);
    // the one who pushes for both is stopped
    let holder = occupied(&ann);
    let git = ann.with_git_that("[ \"$ROLE $1\" = 'stop push' ] && { kill -STOP $PPID; sleep 60; }");
    let member = queued(&git, &["lock", "1", "--timeout", "4s", "--json"]);
    let pusher = queued(&git.env("ROLE", "stop"), &["lock", "2"]);
    let begun = Instant::now();
    drop(holder);
    let member = member.wait();
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert_eq!(member.error()["error"]["kind"], "unknown", "{member}");
    drop(pusher);
    ann.aitask(&["lock", "1"]).ok();
    audited(&ann);
}

#[test]
fn nobody_comes_between_the_push_of_a_finish_and_the_removal_of_its_worktree() {
    let (world, ann) = scene(2);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_job");
    work.write("work.txt", "x\n");
    work.commit("work");
    let [reached, go, there] = ["reached", "go", "there"].map(|name| world.root().join(name));
    let until_go = crate::support::sh_wait_for_file(&go);
    let hook = format!("#!/bin/sh\ncat >/dev/null\n: >'{}'\n{until_go}\n", reached.display());
    world.script(&world.origin().join("hooks/pre-receive"), &hook);
    let finish = ann.start(&["finish", "1"]);
    crate::support::wait_for_file(&reached);
    let looks =
        format!("[ \"$1\" = push ] && [ -d '{}' ] && : >'{}'", ann.path("aiwork/t1_job").display(), there.display());
    let lock = queued(&ann.with_git_that(&looks), &["lock", "2"]);
    std::fs::write(&go, "").unwrap();
    finish.wait().ok();
    lock.wait().ok();
    assert!(!there.exists(), "the worktree was there still");
    nothing_is_left(&ann);
    audited(&ann);
}

/// The three commands of a small convoy.
const COMMANDS: [&[&str]; 3] = [&["lock", "1"], &["new", "Write it down"], &["lock", "2"]];

/// Runs the three, of which one is killed at its k-th call of git, and then that one again. False where it made fewer calls.
fn killed(role: usize, k: usize, when: When) -> bool {
    let (world, ann) = scene(2);
    let git = ann.with_git_that_kills(k, when);
    let sessions = [(); 3].map(|()| Sleeper::new());
    let who: Vec<_> = sessions.iter().map(|session| git.env("AIT_AGENT_PID", session.pid())).collect();
    let holder = occupied(&ann);
    let mut runs = Vec::new();
    for (n, args) in COMMANDS.iter().enumerate() {
        let waiting = || ann.path(".git/aitask/queue").read_dir().map_or(0, Iterator::count);
        let before = waiting();
        let run = if n == role { who[n].env("ROLE", "die").start(args) } else { who[n].start(args) };
        let pid = run.pid();
        wait_for("it waits, or was killed", || match waiting() {
            count if count > before => Ok(()),
            count => match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) if !stat.contains(") Z ") => Err(format!("{count}")),
                _ => Ok(()),
            },
        });
        runs.push(run);
    }
    drop(holder);
    let runs: Vec<_> = runs.into_iter().map(Running::wait).collect();
    let what = format!("{:?} killed {when:?} call {k}", COMMANDS[role]);
    for (n, run) in runs.iter().enumerate().filter(|(n, _)| *n != role) {
        assert_eq!(run.code, 0, "{what}: {:?}\n{run}", COMMANDS[n]);
    }
    if runs[role].signal.is_none() {
        return false;
    }
    who[role].aitask(COMMANDS[role]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"], "{what}");
    let files = world.remote_files("main");
    assert_eq!(files.iter().filter(|file| file.ends_with("_write_it_down.md")).count(), 1, "{what}: {files:?}");
    let log = world.git(&["--git-dir=origin.git", "log", "--format=%s", "refs/heads/aitask-locks"]);
    for task in ["t1", "t2"] {
        let lock = format!("ait: Lock task {task} ");
        assert_eq!(log.lines().filter(|line| line.starts_with(&lock)).count(), 1, "{what}: {log}");
    }
    nothing_is_left(&ann);
    audited(&ann);
    true
}

/// Kills one of the three at an eighth of its calls, another eighth each day.
fn killed_at_each_call(role: usize) {
    let calls: Vec<_> = (1..=12).flat_map(|k| [(k, When::Before), (k, When::After)]).collect();
    let kills = share(calls).into_iter().filter(|(k, when)| killed(role, *k, *when)).count();
    assert!(kills > 0, "nobody was killed");
}

#[test]
fn killed_is_the_first_who_hands_over() {
    killed_at_each_call(0);
}

#[test]
fn killed_is_one_in_the_middle() {
    killed_at_each_call(1);
}

#[test]
fn killed_is_the_one_who_pushes() {
    killed_at_each_call(2);
}

#[test]
fn killed_while_it_pushes_for_the_others() {
    for when in [When::Before, When::After] {
        let (world, ann) = scene(3);
        let push = if when == When::After { "@GIT@ \"$@\"; " } else { "" };
        let git = ann.with_git_that(&format!("[ \"$ROLE $1\" = 'die push' ] && {{ {push}kill -9 $PPID; exit 1; }}"));
        let holder = occupied(&ann);
        let first = queued(&git, &["lock", "1", "--json"]);
        let second = queued(&git, &["lock", "2", "--json"]);
        let third = queued(&git.env("ROLE", "die"), &["lock", "3"]);
        drop(holder);
        assert_eq!(third.wait().signal, Some(9));
        for (n, run) in [first, second].into_iter().enumerate() {
            assert_eq!(run.wait().ok().json()["lock"]["token"], token_of(&world, n + 1), "{when:?}");
        }
        ann.aitask(&["lock", "3"]).ok();
        assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml", "t3_lock.yaml"]);
        nothing_is_left(&ann);
        audited(&ann);
    }
}

/// Three of whom the last one pushes for all, and the server waits; then a signal ends the second one. Answers its end.
fn ended_while_it_waits(signal: &str) -> Run {
    let (world, ann) = scene(3);
    let (reached, go) = (world.root().join("reached"), world.root().join("go"));
    let until_go = crate::support::sh_wait_for_file(&go);
    let hook = format!("#!/bin/sh\ncat >/dev/null\n: >'{}'\n{until_go}\n", reached.display());
    world.script(&world.origin().join("hooks/pre-receive"), &hook);
    let holder = occupied(&ann);
    let [first, second, third] = ["1", "2", "3"].map(|task| queued(&ann, &["lock", task]));
    drop(holder);
    crate::support::wait_for_file(&reached);
    ann.run("kill", &[&format!("-{signal}"), &second.pid().to_string()]).ok();
    let second = second.wait();
    std::fs::write(&go, "").unwrap();
    first.wait().ok();
    third.wait().ok();
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml", "t3_lock.yaml"]);
    ann.aitask(&["lock", "2"]).ok();
    nothing_is_left(&ann);
    audited(&ann);
    second
}

#[test]
fn a_member_that_is_killed_while_it_waits_has_published() {
    assert_eq!(ended_while_it_waits("KILL").signal, Some(9));
}

#[test]
fn a_member_that_is_stopped_while_it_waits_says_that_it_may_have_published() {
    let run = ended_while_it_waits("TERM");
    assert!(run.signal == Some(15) && run.stderr.contains("it may still be"), "{run}");
}

#[test]
#[ignore = "64 processes at once, which are slow where others build"]
fn sixty_four_on_sixteen_clones_far_from_the_remote() {
    const CLONES: usize = 16;
    let (world, ann) = scene(65);
    let dial = world.root().join("dial");
    world.script(&dial, "#!/bin/sh\nsleep 0.1\nexec \"$1\" \"$2\"\n");
    let clones: Vec<_> = (0..CLONES)
        .map(|n| {
            let clone = world.clone(&format!("c{n}"));
            let url = format!("ext::{} %S {}", dial.display(), world.origin().display());
            clone.git(&["config", "remote.origin.url", &url]);
            clone.env("AIT_AGENT_PID", "")
        })
        .collect();
    let burst = |task: &dyn Fn(usize) -> usize| {
        let begun = Instant::now();
        let runs: Vec<_> =
            (0..64).map(|n| clones[n % CLONES].start(&["lock", &task(n).to_string(), "--json"])).collect();
        let runs: Vec<_> = runs.into_iter().map(Running::wait).collect();
        (runs, begun.elapsed())
    };
    let (runs, took) = burst(&|n| n + 1);
    all_succeed(runs);
    assert!(took < Duration::from_secs(20), "{took:?} for different tasks, {} pushes", pushes(&world));
    let (runs, took) = burst(&|_| 65);
    let token = token_of(&world, 65);
    let held = runs.iter().filter(|run| run.code == 1 && run.error()["error"]["holder"]["token"] == token).count();
    assert_eq!((runs.iter().filter(|run| run.code == 0).count(), held), (1, 63));
    assert!(took < Duration::from_secs(10), "{took:?} for one task");
    audited(&ann);
}
