//! The test support itself, on git alone: what it counts, records and kills is what happened.

use crate::support::{Run, Running, Sleeper, When, World, sh_wait_for_file};

#[test]
fn people_share_one_remote() {
    let world = World::new();
    let (ann, bob) = (world.clone("ann"), world.clone_as("b", "Bob B.", "bob@b.example"));
    ann.write("src/a.txt", "a\n");
    let commit = ann.commit("a");
    ann.git(&["push", "-q"]);
    assert_eq!(world.remote_branch("main").as_deref(), Some(commit.as_str()));
    assert_eq!(world.remote_branch("absent"), None);
    assert_eq!(world.remote_file("main", "src/a.txt").as_deref(), Some("a\n"));
    assert_eq!(world.remote_file("main", "b"), None);
    assert_eq!(world.remote_files("main"), ["README.md", "src/a.txt"]);
    assert_eq!(world.locks(), Vec::<String>::new());

    bob.git(&["pull", "-q"]);
    assert_eq!(bob.at("src").read("a.txt"), "a\n");
    assert_eq!(bob.at("src").git(&["rev-parse", "--show-prefix"]), "src/\n");
    assert_eq!(bob.git(&["config", "user.email"]), "bob@b.example\n");
    assert!(bob.path("src").is_dir() && bob.top().is_dir());
    assert_ne!(bob.git_fails(&["show", "absent"]).code, 0);
}

#[test]
fn the_environment_is_built_from_nothing() {
    let world = World::new();
    let ann = world.clone("ann").env("AIT_AGENT_PID", 12);
    let run = ann.run("env", &[]).ok();
    let mut names: Vec<_> = run.stdout.lines().map(|line| line.split('=').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(
        names.join(" "),
        "AIT_AGENT_PID GIT_AITASK_SESSION GIT_CEILING_DIRECTORIES GIT_CONFIG_NOSYSTEM HOME LC_ALL PATH TERM TMPDIR TZ XDG_CACHE_HOME \
         XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME"
    );
    run.assert().success().stdout(predicates::str::contains("AIT_AGENT_PID=12\n"));
}

#[test]
fn a_run_shows_status_and_both_streams() {
    let world = World::new();
    let run = world.clone("ann").run("sh", &["-c", "echo out; echo err >&2; cat; exit 3"]).fails(3);
    assert_eq!(
        run.to_string(),
        "$ sh -c echo out; echo err >&2; cat; exit 3\nexit 3\n----- stdout\nout\n----- stderr\nerr\n"
    );
    run.assert().code(3);
    let killed = world.clone("bob").run("sh", &["-c", "kill -9 $$"]);
    assert_eq!((killed.code, killed.signal), (137, Some(9)));
    killed.assert().interrupted();
}

#[test]
fn json_of_either_stream() {
    let world = World::new();
    let run = world.clone("ann").run("sh", &["-c", r#"echo '{"schema":1}'; echo '{"error":{"exit":1}}' >&2"#]);
    assert_eq!(run.json()["schema"], 1);
    assert_eq!(run.error()["error"]["exit"], 1);
}

#[test]
fn the_binary_starts_and_can_be_left_running() {
    let ann = World::new().clone("ann");
    let running: Running = ann.start(&["--version"]);
    assert_ne!(running.pid(), 0);
    running.wait().ok();
    ann.aitask(&["--version"]).ok();
    assert!(matches!(ann.start(&["--version"]).kill().signal, None | Some(9)));
}

#[test]
fn connections_are_counted() {
    let world = World::new();
    let (ann, bob) = (world.clone("ann"), world.clone("bob"));
    ann.count_connections();
    assert_eq!(ann.connections(), Vec::<&str>::new());
    ann.git(&["fetch", "-q"]);
    ann.commit("more");
    ann.git(&["push", "-q"]);
    bob.git(&["fetch", "-q"]);
    assert_eq!(ann.connections(), ["fetch", "push"]);
    assert_eq!(ann.connections(), Vec::<&str>::new());
}

#[test]
fn git_commands_are_recorded() {
    let ann = World::new().clone("ann");
    let head = ann.git(&["rev-parse", "HEAD"]);
    // push starts send-pack, which starts receive-pack: not the program's own
    let script =
        format!("git cat-file -e {} && git -C \"$PWD\" push -q origin HEAD:refs/heads/x && exit 1", head.trim());
    let (run, commands) = ann.git_commands_of("/bin/sh", &["-c", &script]);
    run.fails(1);
    assert_eq!(commands, ["cat-file -e <oid>", "-C <dir>/ann push -q origin HEAD:refs/heads/x"]);
    assert_eq!(ann.git_commands(&["--version"]).1, Vec::<String>::new());
}

#[test]
fn killed_at_every_call_on_either_side() {
    let world = World::new();
    let ann = world.clone("ann");
    let script = "git branch one; git branch two; git push -q origin one two; echo done";
    let branches = |k, when| {
        ann.git_fails(&["rev-parse", "--verify", "one"]);
        let run = ann.program_killed_at("/bin/sh", k, when, &["-c", script]);
        let local = ann.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/one", "refs/heads/two"]);
        let pushed = world.remote_branch("two").is_some();
        for branch in local.lines() {
            ann.git(&["branch", "-qD", branch]);
        }
        if pushed {
            ann.git(&["push", "-q", "origin", ":one", ":two"]);
        }
        (run.signal, local.lines().count(), pushed)
    };
    assert_eq!(branches(1, When::Before), (Some(9), 0, false));
    assert_eq!(branches(1, When::After), (Some(9), 1, false));
    assert_eq!(branches(2, When::Before), (Some(9), 1, false));
    assert_eq!(branches(3, When::Before), (Some(9), 2, false));
    assert_eq!(branches(3, When::After), (Some(9), 2, true));
    assert_eq!(branches(4, When::Before), (None, 2, true));
    ann.killed_at(1000, When::Before, &["--version"]).ok();
}

#[test]
fn the_kill_waits_for_a_git_that_outlives_its_program() {
    let world = World::new();
    let ann = world.clone("ann");
    let [program, begun] = ["program", "begun"].map(|name| world.root().join(name));
    // the hook ends when the program is dead, so the git does too
    let hook = format!(
        "#!/bin/sh\n: >'{}'\nwhile kill -0 \"$(cat '{}')\" 2>/dev/null; do sleep 0.01; done\n",
        begun.display(),
        program.display()
    );
    world.script(&ann.path(".git/hooks/reference-transaction"), &hook);
    let script = format!(
        "echo $$ >'{}'; git branch slow >/dev/null 2>&1 & {}; git version; :",
        program.display(),
        sh_wait_for_file(&begun)
    );
    let run = ann.program_killed_at("/bin/sh", 2, When::After, &["-c", &script]);
    assert_eq!(run.signal, Some(9));
    ann.git(&["rev-parse", "--verify", "slow"]);
}

#[test]
fn a_protected_branch_is_refused() {
    let world = World::new();
    let ann = world.clone("ann");
    world.protect("main");
    ann.commit("no");
    assert!(ann.git_fails(&["push"]).stderr.contains("hook declined"));
    ann.git(&["push", "-q", "origin", "HEAD:other"]);
}

#[test]
fn sleepers_live_and_die() {
    let ann = World::new().clone("ann");
    let alive = |pid: u32| ann.run("sh", &["-c", &format!("kill -0 {pid}")]).code == 0;
    let sleeper = Sleeper::new();
    assert!(alive(sleeper.pid()));
    assert!(!alive(sleeper.die()));
}

#[test]
fn another_git_is_chosen_by_its_directory() {
    let world = World::new();
    world.script(&world.root().join("bin/git"), "#!/bin/sh\necho mine\n");
    let mine = world.with_git(world.root().join("bin"));
    assert_eq!(mine.git(&["version"]), "mine\n");
    assert_ne!(world.git(&["version"]), "mine\n");
}

#[test]
fn two_people_want_one_task() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    let id = ann.task("Add login", &[("priority", "high")]);
    ann.aitask(&["pick", &id]).ok();
    let no = bob.aitask(&["pick", &id, "--json"]).fails(1);
    assert_eq!(no.error()["error"]["kind"], "held");
    assert_eq!(world.locks(), [format!("t{id}_lock.yaml")]);
}

#[test]
fn json_of_a_verb_is_checked_against_its_schema() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let ann = World::new().clone("ann");
    ann.aitask(&["init"]).ok();
    let run = ann.aitask(&["list", "--json"]).ok();
    run.json();
    let refused = ann.aitask(&["show", "9", "--json"]).fails(1);
    refused.error();
    for (from, to) in [
        (r#""schema": 2"#, r#""schema": 3"#),
        (r#""tasks": []"#, r#""tasks": [], "more": 1"#),
        (r#""tasks": []"#, r#""tasks": {}"#),
        (r#""tasks": []"#, r#""tasks": [{}]"#),
        (r#""tasks": []"#, r#""others": []"#),
    ] {
        let changed = Run { stdout: run.stdout.replace(from, to), ..run.clone() };
        assert_ne!(changed.stdout, run.stdout, "{from}");
        assert!(catch_unwind(AssertUnwindSafe(|| changed.json())).is_err(), "{to}");
    }
    for (from, to) in [
        (r#""exit":1"#, r#""exit":1,"more":1"#),
        (r#""kind":"no_such_task""#, r#""kind":"nonsense""#),
        (r#""command""#, r#""commands""#),
    ] {
        let changed = Run { stderr: refused.stderr.replace(from, to), ..refused.clone() };
        assert_ne!(changed.stderr, refused.stderr, "{from}");
        assert!(catch_unwind(AssertUnwindSafe(|| changed.error())).is_err(), "{to}");
    }
}
