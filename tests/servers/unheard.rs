//! Pushes whose answer was not received, on servers that talk: they are looked up, nothing is done twice, and no hook is
//! blamed for them.

use super::{kind, message, run, scene, status_of, tasks, work_on};
use crate::support::{First, Repo, Sleeper, World, sh_wait_for_file, share, wait_for};

/// Lets a clone reach `origin` through a script, with `$1` the service. What is not said here is git's own.
fn dial(ann: &Repo, script: &str) {
    let (dial, origin) = (ann.world().root().join("dial"), ann.world().origin());
    // A job in the background has no input of its own, so it is there as 3, too.
    let text = format!("#!/bin/sh\nexec 3<&0\ncd '{}' || exit 1\n{script}\nexec \"$1\" .\n", origin.display());
    ann.world().script(&dial, &text);
    ann.git(&["config", "remote.origin.url", &format!("ext::{} %S", dial.display())]);
}

/// Lets the next push land and its connection end before the answer; with `away` every later one is refused at the door.
fn cut_off_after_landing(world: &World, away: bool) {
    let hook = world.origin().join("hooks/reference-transaction");
    let away = if away { "touch away;" } else { "" };
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = committed ] && grep -q refs/heads/ && {{ {away} mv \"$0\" \"$0.done\"; kill -9 $PPID; }}\nexit 0\n"
    );
    world.script(&hook, &text);
}

/// What servers, their login files and what these start print besides git.
const NOISE: [&str; 5] = [
    "bash: nvm: command not found",
    "bash: warning: unable to access '/root/.profile': Permission denied",
    "git@mirror: Permission denied (publickey).",
    "fatal: Could not read from remote repository.",
    "ERROR: Repository not found.",
];

#[test]
fn what_a_login_file_prints_is_no_sign_that_nothing_was_sent() {
    let (world, ann) = scene(1);
    for (n, noise) in NOISE.iter().enumerate() {
        dial(&ann, &format!("echo \"{noise}\" >&2"));
        cut_off_after_landing(&world, false);
        run(&ann, &format!("new more{n}")).ok();
        assert_eq!(tasks(&world), n + 2, "{noise}");
        cut_off_after_landing(&world, false);
        run(&ann, if n % 2 == 0 { "lock 1" } else { "unlock 1" }).ok();
        assert_eq!(world.locks().len(), (n + 1) % 2, "{noise}");
    }
}

#[test]
fn new_given_again_after_a_noisy_server_went_away_makes_one_task() {
    let (world, ann) = scene(0);
    for (n, noise) in NOISE.iter().enumerate() {
        dial(&ann, &format!("echo \"{noise}\" >&2; [ ! -e away ] || exit 1"));
        cut_off_after_landing(&world, true);
        let cut = run(&ann, &format!("new more{n} --json")).fails(75);
        assert_eq!(kind(&cut), "unknown", "{noise}\n{cut}");
        std::fs::remove_file(world.origin().join("away")).unwrap();
        let again = run(&ann, &format!("new more{n} --json")).ok();
        assert_eq!(tasks(&world), n + 1, "{noise}\n{cut}\n{again}");
        assert!(again.stdout.contains("an earlier run of this command created this task"), "{again}");
    }
}

#[test]
fn new_given_again_when_the_task_is_over_makes_no_second_one() {
    let (world, ann) = scene(0);
    dial(&ann, "[ ! -e away ] || exit 1");
    cut_off_after_landing(&world, true);
    run(&ann, "new more --json").fails(75);
    std::fs::remove_file(world.origin().join("away")).unwrap();
    run(&world.clone("bob"), "archive 1").ok();
    let again = run(&ann, "new more --json").ok();
    assert_eq!((tasks(&world), &again.json()["task"]["id"]), (0, &"1".into()), "{again}");
}

#[test]
fn next_given_again_after_an_unknown_outcome_takes_no_second_task() {
    for session in share([None, Some(Sleeper::new())]) {
        let (world, ann) = scene(4);
        let ann = session.iter().fold(ann.at("."), |ann, agent| ann.env("AIT_AGENT_PID", agent.pid()));
        dial(&ann, "[ ! -e away ] || exit 1");
        cut_off_after_landing(&world, true);
        let cut = run(&ann, "pick --next --no-worktree --json").fails(75);
        assert_eq!(kind(&cut), "unknown", "{cut}");
        std::fs::remove_file(world.origin().join("away")).unwrap();
        let again = run(&ann, "pick --next --no-worktree --json").ok();
        assert_eq!(again.json()["task"]["id"], "1", "{again}");
        assert_eq!(world.locks(), ["t1_lock.yaml"], "{again}");
        // It is complete now, so the next one is another.
        assert_eq!(run(&ann, "pick --next --no-worktree --json").ok().json()["task"]["id"], "2");
    }
}

#[test]
fn the_helper_for_http_dies_and_no_hook_is_blamed() {
    let (world, ann) = scene(1);
    let died = "@GIT@ \"$@\" >/dev/null 2>&1
        echo 'send-pack: unexpected disconnect while reading sideband packet' >&2
        echo 'fatal: the remote end hung up unexpectedly' >&2
        echo 'error: git-remote-http died of signal 9' >&2
        echo \"error: failed to push some refs to 'http://forge/x.git'\" >&2
        exit 1";
    let broken =
        || ann.with_git_that(&format!("if [ \"$1\" = push ] && mkdir '@DIR@/once' 2>/dev/null; then\n{died}\nfi"));
    run(&broken(), "pick 1 --no-worktree").ok();
    run(&broken(), "new more").ok();
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\necho all is well\n");
    run(&broken(), "new again").ok();
    assert_eq!((world.locks().len(), tasks(&world)), (1, 3));
}

#[test]
fn a_server_over_http_without_atomic_pushes_is_no_hook() {
    let (world, ann) = scene(1);
    let cannot = ann.with_git_that(
        "case \"$1 $*\" in push*--atomic*)
            echo 'fatal: the receiving end does not support --atomic push' >&2
            echo 'fatal: the remote end hung up unexpectedly' >&2
            echo \"error: failed to push some refs to 'http://forge/x.git'\" >&2
            exit 1 ;; esac",
    );
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\nexit 0\n");
    run(&cannot, "new more").ok();
    run(&cannot, "pick 1 --no-worktree").ok();
    assert_eq!((tasks(&world), world.locks().len()), (2, 1));
}

#[test]
fn a_hook_elsewhere_can_refuse() {
    let (world, ann) = scene(1);
    ann.git(&["config", "core.hooksPath", "tools/hooks"]);
    world.script(&ann.path("tools/hooks/pre-push"), "#!/bin/sh\necho 'error: tests are red'\nexit 1\n");
    let refused = run(&ann, "new more --json").fails(1);
    assert!(kind(&refused) == "denied" && message(&refused).contains("pre-push hook"), "{refused}");
    assert!(message(&refused).contains("tests are red"), "{refused}");
}

#[test]
fn who_may_read_and_not_write_is_denied_at_once() {
    let (world, ann) = scene(1);
    dial(
        &ann,
        "echo \"$1\" >>connections
        case \"$1\" in *receive-pack) echo 'ERROR: Permission to ann/demo.git denied to bob.' >&2; exit 1;; esac",
    );
    for line in ["pick 1 --json", "lock 1 --json", "new more --json"] {
        let refused = run(&ann, line).fails(1);
        assert_eq!(kind(&refused), "denied", "{refused}");
        assert!(message(&refused).contains("ERROR: Permission to ann/demo.git denied to bob."), "{refused}");
        assert!(!message(&refused).contains("hook"), "{refused}");
    }
    let connections = std::fs::read_to_string(world.origin().join("connections")).unwrap();
    assert_eq!(connections.lines().count(), 3, "{connections}");
    let left = std::fs::read_dir(ann.path(".git/aitask/making")).unwrap().count();
    assert_eq!(left, 0, "what certainly was not made is not remembered");
}

#[test]
fn a_password_that_only_the_push_wants_is_no_hook() {
    let (_world, ann) = scene(1);
    let wants = "if [ \"$1\" = push ]; then
        echo \"fatal: could not read Username for 'http://forge': terminal prompts disabled\" >&2
        echo \"error: failed to push some refs to 'http://forge/x.git'\" >&2
        echo 'send-pack: unexpected disconnect while reading sideband packet' >&2
        echo 'fatal: the remote end hung up unexpectedly' >&2
        exit 1; fi";
    for line in ["pick 1 --json", "lock 1 --json", "new more --json"] {
        let refused = run(&ann.with_git_that(wants), line).fails(128);
        assert_eq!(kind(&refused), "authentication", "{refused}");
    }
}

#[test]
fn a_push_that_lands_late_is_unknown_and_made_once() {
    let (world, ann) = scene(0);
    let file = |name: &str| world.origin().join(name);
    // The connection ends while the server works on; later pushes are refused at the door, questions are answered.
    world.script(
        &file("hooks/pre-receive"),
        &format!("#!/bin/sh\ncat >/dev/null\ntouch begun\n{}\n", sh_wait_for_file(&file("go"))),
    );
    dial(
        &ann,
        &format!(
            "case \"$1\" in *receive-pack) ;; *) exec \"$1\" . ;; esac
        if [ -e begun ]; then echo \"fatal: 'x' does not appear to be a git repository\" >&2; exit 1; fi
        mkfifo in out
        \"$1\" . <in >out 2>/dev/null &
        cat <out & answer=$!
        cat <&3 >in & question=$!
        {}
        kill -9 $answer $question
        exit 1",
            sh_wait_for_file(&file("begun"))
        ),
    );
    let cut = run(&ann, "new more --json").fails(75);
    assert_eq!((kind(&cut).as_str(), tasks(&world)), ("unknown", 0), "{cut}");
    std::fs::write(file("go"), "").unwrap();
    wait_for("the push has landed", || match tasks(&world) {
        1 => Ok(()),
        n => Err(format!("{n} tasks")),
    });
    std::fs::remove_file(file("begun")).unwrap();
    std::fs::remove_file(file("hooks/pre-receive")).unwrap();
    ann.git(&["config", "remote.origin.url", world.origin().to_str().unwrap()]);
    run(&ann, "new more").ok();
    assert_eq!(tasks(&world), 1, "{cut}");
}

#[test]
fn the_task_branch_pushed_again_is_no_refusal() {
    let (world, ann) = scene(1);
    work_on(&ann, 1);
    let cut = run(&ann.with_broken_push(First::LandsAndGoes), "finish 1 --no-push --json").fails(75);
    assert_eq!(kind(&cut), "unknown", "{cut}");
    ann.bring_remote_back();
    run(&ann, "finish 1 --no-push").ok();
    assert!(world.remote_branch("aitask/t1_job1").is_some());
    assert_eq!(status_of(&world, 1), "Implementing");
}
