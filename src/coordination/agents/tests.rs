use super::*;
use proptest::prelude::*;

/// A process whose number is its place in the chain and 100.
fn process(name: &str) -> Ancestor {
    let args: Vec<_> = name.split(' ').map(str::to_owned).collect();
    let name = args[0].rsplit('/').next().unwrap().to_owned();
    Ancestor { pid: 0, name, args }
}

fn chain(names: &[&str]) -> Vec<Ancestor> {
    let numbered = (100..).zip(names).map(|(pid, name)| Ancestor { pid, ..process(name) });
    numbered.collect()
}

/// What is recognised with these variables below these processes. All numbers from 2 to 199 are processes.
fn seen(variables: &[(&str, &str)], names: &[&str], sees_all: bool) -> Recognition {
    let above = chain(names);
    recognise(&Surroundings {
        variable: &|name| {
            variables.iter().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| *value)
        },
        above: &|| above.clone(),
        sees_all,
        exists: &|pid| pid < 200,
    })
}

/// The kind, the name as it was before it was hashed, and the process, in one line.
fn told(variables: &[(&str, &str)], names: &[&str]) -> String {
    let Some(found) = seen(variables, names, true).session else { return "nobody".to_owned() };
    let name = |digest: &String| {
        variables
            .iter()
            .find(|(_, value)| digest::of(value.as_bytes()) == *digest)
            .map_or("?", |(_, value)| *value)
            .to_owned()
    };
    let parts = [found.name.kind.clone(), found.name.digest.as_ref().map(name), found.pid.map(|pid| pid.to_string())];
    parts.map(|part| part.unwrap_or_else(|| "-".to_owned())).join(" ")
}

const CLAUDE: (&str, &str) = ("CLAUDE_CODE_SESSION_ID", "a");
const CODEX: (&str, &str) = ("CODEX_THREAD_ID", "b");

#[test]
fn the_first_rule_that_answers_counts() {
    let all = [(SESSION, "mine"), (AGENT_PID, "150"), CLAUDE, ("CLAUDE_PID", "101"), ("GITHUB_RUN_ID", "7")];
    let names = ["bash", "claude", "bash"];
    assert_eq!(told(&all, &names), "- mine 150");
    assert_eq!(told(&all[1..], &names), "- - 150");
    assert_eq!(told(&all[2..], &names), "claude-code a 101");
    assert_eq!(told(&all[4..], &names), "claude-code - 101");
    assert_eq!(told(&all[4..], &["bash"]), "github-actions ? -");
    assert_eq!(told(&[], &["bash", "systemd"]), "nobody");
    assert_eq!(told(&[(SESSION, "mine")], &names), "- mine 101");
}

#[test]
fn a_variable_that_tells_only_the_kind_names_no_session() {
    let kinds = [("GEMINI_CLI", "1"), ("OPENCODE", "1"), ("CURSOR_AGENT", "1"), ("AGENT", "amp"), ("CI", "1")];
    assert_eq!(told(&kinds, &["bash", "systemd"]), "nobody");
    assert_eq!(told(&kinds, &["bash", "node --no-warnings /usr/bin/gemini", "zsh"]), "gemini-cli - 101");
    assert_eq!(told(&[("OPENCODE", "1"), ("OPENCODE_PID", "101")], &["sh", "node x.js", "zsh"]), "opencode - 101");
}

#[test]
fn of_two_programs_that_name_a_session_the_nearer_one_counts() {
    assert_eq!(told(&[CLAUDE, CODEX], &["bash", "codex", "bash", "claude"]), "codex b 101");
    assert_eq!(told(&[CLAUDE, CODEX], &["bash", "claude", "bash", "codex"]), "claude-code a 101");
    assert_eq!(told(&[CLAUDE, CODEX, ("CLAUDE_PID", "101")], &["bash", "node x", "codex"]), "claude-code a 101");
    let ignored = seen(&[CLAUDE, CODEX], &["bash", "codex", "claude"], true).ignored;
    assert_eq!(ignored, ["CLAUDE_CODE_SESSION_ID: CODEX_THREAD_ID counts"]);
}

#[test]
fn an_agent_without_a_name_that_another_one_started_is_not_that_one() {
    assert_eq!(told(&[CLAUDE], &["bash", "gemini", "bash", "claude"]), "gemini-cli - 101");
    assert_eq!(
        seen(&[CLAUDE], &["bash", "gemini", "bash", "claude"], true).ignored,
        ["CLAUDE_CODE_SESSION_ID: the process of a nearer agent counts"]
    );
}

#[test]
fn a_name_that_a_terminal_server_has_kept_gives_way_to_an_agent_that_runs() {
    let kept = [CLAUDE, ("CLAUDE_PID", "180")];
    assert_eq!(told(&kept, &["bash", "gemini", "tmux: server"]), "gemini-cli - 101");
    assert_eq!(told(&kept, &["bash", "codex", "tmux: server"]), "codex - 101");
    // a command that the agent left running in the background
    assert_eq!(told(&kept, &["bash"]), "claude-code a 180");
    assert_eq!(told(&[CLAUDE, ("CLAUDE_PID", "999")], &["bash"]), "claude-code a -");
}

#[test]
fn the_process_of_an_agent_without_a_name_that_is_not_above_is_no_session() {
    let kept = [("OPENCODE", "1"), ("OPENCODE_PID", "180")];
    assert_eq!(told(&kept, &["bash", "tmux: server"]), "nobody");
    let ignored = seen(&kept, &["bash", "tmux: server"], true).ignored;
    assert_eq!(ignored, ["OPENCODE_PID=180 names no process above this one"]);
    assert_eq!(told(&kept, &["bash", "codex", "tmux: server"]), "codex - 101");
    assert_eq!(told(&kept[1..], &["bash", "opencode", "tmux: server"]), "opencode - 101");
    assert_eq!(told(&[("OPENCODE_PID", "102"), ("KILO_PID", "180")], &["bash", "sh", "node x"]), "opencode - 102");
}

#[test]
fn two_agents_below_one_inherited_name_of_another_program_are_not_one_session() {
    assert_eq!(told(&[CODEX], &["bash", "gemini", "zsh"]), "gemini-cli - 101");
    assert_eq!(told(&[CODEX], &["bash", "zsh"]), "codex b -");
    // its process may be one that is not seen
    let hidden = seen(&[CODEX], &["bash", "gemini"], false).session.unwrap();
    assert_eq!((hidden.name.digest, hidden.pid), (Some(digest::of(b"b")), None));
}

#[test]
fn in_a_pid_namespace_the_number_of_a_process_outside_is_not_taken_for_one_inside() {
    let found = seen(&[CLAUDE, ("CLAUDE_PID", "101")], &["bash", "sleep"], false);
    assert_eq!(found.session.map(|session| (session.pid, session.name.digest)), Some((None, Some(digest::of(b"a")))));
    assert!(found.hidden);
    let found = seen(&[], &["bash", "claude"], false);
    assert_eq!((found.session.unwrap().pid, found.hidden), (Some(101), false));
    let found = seen(&[], &["bash", "init"], false);
    assert_eq!((found.session, found.hidden), (None, true));
}

#[test]
fn a_process_that_the_variable_names_and_that_is_not_there_is_said() {
    for odd in ["999", "0", "1", "-5", "+7", "x"] {
        let found = seen(&[(AGENT_PID, odd), CLAUDE], &["bash"], true);
        assert_eq!(found.ignored, [format!("AIT_AGENT_PID={odd} does not name a live process")]);
        assert_eq!(found.session.unwrap().origin, SessionOrigin::AgentVariable);
    }
}

#[test]
fn processes_of_agents_and_processes_that_look_like_them() {
    for (line, kind) in [
        ("claude", "claude-code"),
        ("/home/x/.local/bin/claude --resume", "claude-code"),
        ("node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", "claude-code"),
        ("node /usr/lib/node_modules/@openai/codex/bin/codex.js", "codex"),
        ("/usr/lib/codex-x/bin/codex exec", "codex"),
        ("node /usr/bin/gemini", "gemini-cli"),
        ("node --x /usr/lib/node_modules/@qwen-code/qwen-code/cli.js", "qwen-code"),
        ("python3 /usr/bin/aider", "aider"),
        ("cursor-agent", "cursor"),
        ("amp", "amp"),
    ] {
        assert_eq!(told(&[], &["bash", line]), format!("{kind} - 101"), "{line}");
    }
    for line in [
        "claude-desktop",
        "node /home/x/.claude/hooks/a.js",
        "node /home/x/claude-code/server.js",
        "vim codex",
        "cat /usr/bin/gemini",
        "ping",
        "stamp",
        "agent",
    ] {
        assert_eq!(told(&[], &["bash", line]), "nobody", "{line}");
    }
    // a script that an interpreter runs has its own name for the system
    let above = vec![Ancestor { pid: 5, name: "codex".into(), args: ["/bin/sh", "/x/codex"].map(Into::into).into() }];
    let around = Surroundings { variable: &|_| None, above: &|| above.clone(), sees_all: true, exists: &|_| true };
    assert_eq!(recognise(&around).session.unwrap().name.kind.as_deref(), Some("codex"));
}

#[test]
fn jobs_of_one_matrix_are_told_apart() {
    let job = |runner: &str| {
        let variables = [("GITHUB_RUN_ID", "7"), ("GITHUB_JOB", "test"), ("RUNNER_NAME", runner)];
        seen(&variables, &["bash"], true).session.unwrap().name
    };
    assert_ne!(job("one"), job("two"));
    assert_eq!(job("one"), job("one"));
}

#[test]
fn the_digest_is_the_beginning_of_the_sha256_of_the_name() {
    assert_eq!(digest::of(b"abc"), "ba7816bf8f01");
}

fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["bash", "claude", "codex", "gemini", "opencode", "sleep", "node /usr/bin/qwen", "tmux"])
}

fn any_variables() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let all = vec![
        (SESSION, "mine"),
        (AGENT_PID, "150"),
        (AGENT_PID, "999"),
        CLAUDE,
        ("CLAUDE_PID", "101"),
        ("CLAUDE_PID", "180"),
        CODEX,
        ("OPENCODE_PID", "102"),
        ("CI_JOB_ID", "5"),
        ("GEMINI_CLI", "1"),
    ];
    prop::sample::subsequence(all, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_any_variables_and_any_processes(
        variables in any_variables(),
        names in prop::collection::vec(any_name(), 0..6),
        sees_all in any::<bool>(),
    ) {
        let found = seen(&variables, &names, sees_all);
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let agent_above = chain(&names).iter().any(|it| PROGRAMS.iter().any(|program| program.is_run_by(it)));
        let Some(session) = found.session else {
            // Nobody is asking only where nothing tells who.
            let naming = [SESSION, "CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID", "CI_JOB_ID"];
            prop_assert!(!agent_above && naming.iter().all(|name| value(name).is_none()));
            return Ok(());
        };
        // What the user said comes first.
        if value(SESSION).is_some() {
            prop_assert_eq!(session.origin, SessionOrigin::Named);
        } else if value(AGENT_PID) == Some("150") {
            prop_assert_eq!((session.origin, session.pid), (SessionOrigin::Variable, Some(150)));
        } else if let (Some(pid), true) = (session.pid, agent_above) {
            // No agent is nearer than the one that counts, where that one is above at all.
            let above = chain(&names);
            let nearer = above.iter().take_while(|it| it.pid != pid);
            let is_above = above.iter().any(|it| it.pid == pid);
            let nearer_agent = nearer.into_iter().any(|it| PROGRAMS.iter().any(|program| program.is_run_by(it)));
            // A variable may name a process that only starts the agent.
            let is_given = value("CLAUDE_PID").or(value("OPENCODE_PID")).is_some();
            prop_assert!(is_given || !is_above || !nearer_agent);
            // Where all processes are seen, it is one of them.
            prop_assert!(is_above || !sees_all);
        }
        // A number that another namespace gave is not trusted.
        let taken = session.pid.filter(|pid| *pid == 180);
        prop_assert!(taken.is_none() || sees_all);
        // Every name that is set counts, or is said not to.
        for (name, _) in variables.iter().filter(|(name, _)| ["CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID"].contains(name)) {
            let is_said = found.ignored.iter().any(|ignored| ignored.starts_with(name));
            prop_assert!(is_said != (session.variable == Some(name)));
        }
    }
}
