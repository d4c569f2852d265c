//! Agents of one person are told apart without set-up: by what they export, and by their processes.

use super::kind;
use crate::support::{Repo, Sleeper, World};

fn world() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    (world, ann)
}

fn lock(ann: &Repo) -> String {
    ann.git(&["fetch", "-q"]);
    ann.git(&["show", "origin/aitask-locks:t1_lock.yaml"])
}

#[test]
fn a_takeover_that_is_wanted_gives_the_task_to_the_other_agent() {
    let (_world, ann) = world();
    let (a, b) = (ann.env("CODEX_THREAD_ID", "a"), ann.env("CODEX_THREAD_ID", "b"));
    a.aitask(&["pick", "1"]).ok();
    b.aitask(&["pick", "1", "--steal"]).ok();
    assert_eq!(kind(&a.aitask(&["finish", "1", "--json"]).fails(1)), "not_holder");
    b.aitask(&["archive", "1"]).ok();
}

#[test]
fn the_lock_has_the_kind_and_a_digest_after_the_lines_of_the_scripts_and_never_the_name() {
    let (_world, ann) = world();
    let agent = Sleeper::new();
    ann.env("CLAUDE_CODE_SESSION_ID", "abc").env("CLAUDE_PID", agent.pid()).aitask(&["pick", "1"]).ok();
    let text = lock(&ann);
    let keys: Vec<_> = text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key).collect();
    assert_eq!(
        keys.join(" "),
        "task_id locked_by locked_at hostname pid pid_starttime pid_starttime_kind nonce boot_id pid_namespace folder \
         base agent session since"
    );
    assert!(text.contains("\nagent: claude-code\nsession: ba7816bf8f01\nsince: 20"), "{text}");
    assert!(text.contains(&format!("\npid: {}\n", agent.pid())) && !text.contains("abc"), "{text}");
}

#[test]
fn an_agent_that_was_started_again_goes_on_with_its_session_and_the_lock_names_its_new_process() {
    let (_world, ann) = world();
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let named = ann.env("CLAUDE_CODE_SESSION_ID", "a");
    named.env("CLAUDE_PID", first.pid()).aitask(&["pick", "1"]).ok();
    first.die();
    let again = named.env("CLAUDE_PID", second.pid());
    again.aitask(&["pick", "1"]).ok();
    assert!(lock(&ann).contains(&format!("\npid: {}\n", second.pid())));
    let other = ann.env("CLAUDE_CODE_SESSION_ID", "b");
    assert_eq!(kind(&other.aitask(&["pick", "1", "--json"]).fails(1)), "held");
    again.aitask(&["archive", "1"]).ok();
}

#[test]
fn an_agent_that_names_its_session_anew_is_still_the_holder() {
    let (_world, ann) = world();
    let agent = Sleeper::new();
    let agent = |name: &str| ann.env("CLAUDE_PID", agent.pid()).env("CLAUDE_CODE_SESSION_ID", name);
    agent("a").aitask(&["pick", "1"]).ok();
    agent("b").aitask(&["archive", "1"]).ok();
}

#[test]
fn what_a_dead_agent_held_another_one_of_the_same_person_picks() {
    let (_world, ann) = world();
    let dead = Sleeper::new();
    ann.env("CLAUDE_CODE_SESSION_ID", "a").env("CLAUDE_PID", dead.pid()).aitask(&["pick", "1"]).ok();
    dead.die();
    ann.env("CLAUDE_CODE_SESSION_ID", "b").aitask(&["pick", "1"]).ok();
}

#[test]
fn a_command_that_an_agent_runs_for_somebody_else_is_not_taken_for_its_own() {
    let (world, ann) = world();
    let program = world.root().join("agents/claude");
    world.script(&program, "#!/bin/sh\nsh -c \"$1\"\nexit $?\n");
    let ann = ann.env("aitask", env!("CARGO_BIN_EXE_git-aitask"));
    let below = |command: &str| ann.run(program.to_str().unwrap(), &[command]).ok().json();
    assert_eq!(below("unset GIT_AITASK_SESSION; $aitask whoami --json")["agent"], "claude-code");
    assert!(below("GIT_AITASK_SESSION= $aitask whoami --json")["agent"].is_null());
}

#[test]
fn an_agent_that_a_person_starts_in_the_worktree_goes_on_with_what_was_taken_in_that_shell() {
    let (world, ann) = world();
    let program = world.root().join("agents/claude");
    world.script(&program, "#!/bin/sh\nunset GIT_AITASK_SESSION\nsh -c \"$1\"\nexit $?\n");
    let ann = ann.env("aitask", env!("CARGO_BIN_EXE_git-aitask")).env("agent", program.display());
    // elsewhere it is another session
    let taken = "AIT_AGENT_PID=$$ $aitask pick 1 && { $agent '$aitask drop 1'; test $? -eq 1; }";
    ann.run("sh", &["-c", &format!("{taken} && cd aiwork/t1_one && $agent '$aitask drop 1'")]).ok();
}

#[test]
fn gemini_which_hides_the_configuration_of_the_user_from_its_commands_can_work_on_a_task() {
    let (world, ann) = world();
    for key in ["user.name", "user.email"] {
        ann.git(&["config", "--unset", key]);
    }
    let hidden = [
        ("GEMINI_CLI", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "credential.helper"),
        ("GIT_CONFIG_VALUE_0", ""),
    ];
    let gemini = hidden.iter().fold(ann.at("."), |ann, (name, value)| ann.env(*name, value));
    gemini.aitask(&["pick", "1"]).ok();
    assert!(lock(&ann).contains("\nlocked_by: test@example.com\n"), "{}", lock(&ann));
    let work = ann.at("aiwork/t1_one");
    work.commit("work");
    gemini.at("aiwork/t1_one").aitask(&["finish"]).ok();
    let author = world.git(&["--git-dir=origin.git", "log", "-1", "--format=%an <%ae>", "main"]);
    assert_eq!(author, "Test <test@example.com>\n");
    // Others that hide it mean it.
    let run = ann.env("GIT_CONFIG_GLOBAL", "/dev/null").aitask(&["whoami", "--json"]).fails(2);
    assert_eq!(kind(&run), "no_identity");
}

#[test]
fn who_asks_is_shown_with_the_rule_and_with_what_does_not_count() {
    let (_world, ann) = world();
    let agent = Sleeper::new();
    let named = ann.env("CLAUDE_CODE_SESSION_ID", "abc").env("CLAUDE_PID", agent.pid()).env("CODEX_THREAD_ID", "x");
    let said = named.aitask(&["whoami"]).ok().stdout;
    assert!(said.contains("CODEX_THREAD_ID"), "{said}");
    let named = ann.env("CLAUDE_CODE_SESSION_ID", "abc").env("AIT_AGENT_PID", "999999999");
    let json = named.aitask(&["whoami", "--json"]).ok().json();
    assert_eq!((&json["agent"], &json["session"]), (&"claude-code".into(), &"ba7816bf8f01".into()));
    assert_eq!(
        (&json["session_origin"], &json["session_variable"]),
        (&"agent_variable".into(), &"CLAUDE_CODE_SESSION_ID".into())
    );
    assert_eq!(json["ignored"][0], "AIT_AGENT_PID=999999999 does not name a live process");
    let said = named.aitask(&["whoami"]).ok().stdout;
    assert!(
        said.contains("session  claude-code, ba7816bf8f01 (CLAUDE_CODE_SESSION_ID)\nignored  AIT_AGENT_PID=9"),
        "{said}"
    );
}

#[test]
fn a_script_does_not_take_what_another_agent_holds_by_a_verb_and_serves_the_holder() {
    let (_world, ann) = world();
    let (a, b) = (ann.env("CODEX_THREAD_ID", "a"), ann.env("CODEX_THREAD_ID", "b"));
    a.aitask(&["pick", "1"]).ok();
    let take = ["compat", "aitask_lock.sh", "--lock", "1", "--email", "ann@example.com"];
    assert_ne!(b.aitask(&take).code, 0);
    a.aitask(&take).ok();
    assert!(lock(&ann).contains("\nagent: codex\n"));
}

#[test]
fn a_session_with_a_name_was_shown_by_its_digest_alone() {
    let (_world, ann) = world();
    let [alpha, beta] = ["alpha", "beta"].map(|name| ann.env("GIT_AITASK_SESSION", name));
    alpha.aitask(&["pick", "1"]).ok();
    let said = alpha.aitask(&["whoami"]).ok().stdout;
    assert!(said.contains("session  alpha, 8ed3f6ad685b (GIT_AITASK_SESSION)\n"), "{said}");
    assert!(alpha.aitask(&["brief"]).ok().stdout.starts_with("you: alpha, "));
    for args in [["pick", "1"], ["drop", "1"]] {
        let run = beta.aitask(&args).fails(1);
        assert!(run.stderr.starts_with("error: t1 is held by another session of yours (alpha) on "), "{run}");
        assert!(run.stderr.matches("held by").count() == 1 && run.stderr.contains("; its worktree is "), "{run}");
    }
    let json = beta.aitask(&["pick", "1", "--json"]).fails(1).error();
    assert_eq!(json["error"]["holder"]["session_name"], "alpha");
    // what others can read has no name
    assert!(!lock(&ann).contains("alpha"), "{}", lock(&ann));
}
