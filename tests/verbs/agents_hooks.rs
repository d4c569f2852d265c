//! `git aitask agents install --hooks`: the settings of agent programs, with what the user wrote in them.

use super::agents::{everything, state};
use crate::support::{Repo, World};
use serde_json::Value;
use std::os::unix::fs::symlink;
use std::path::Path;

fn install(ann: &Repo, more: &[&str]) -> Value {
    ann.aitask(&[&["agents", "install", "--hooks", "--json"], more].concat()).ok().json()
}

/// The events with a hook of ours in a file, and their commands.
fn hooks(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let settings: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    let mut found = Vec::new();
    for (event, entries) in settings["hooks"].as_object().unwrap() {
        for hook in entries.as_array().unwrap().iter().flat_map(|entry| entry["hooks"].as_array().unwrap()) {
            let command = hook["command"].as_str().unwrap();
            found.extend(command.starts_with("git aitask hook ").then(|| format!("{event}: {command}")));
        }
    }
    found
}

#[test]
fn hooks_are_merged_into_the_settings_and_taken_out_byte_for_byte() {
    let settings = [
        None,
        Some("{}"),
        Some("{\r\n\t\"model\": \"m\",\r\n\t\"permissions\": { \"allow\": [] }\r\n}"),
        Some("\u{feff}{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"mine\"}]}]}}\n"),
        Some("{\n  \"hooks\": {\n    \"PreToolUse\": []\n  },\n  \"env\": {\"A\": \"1\"}\n}\n"),
    ];
    for text in settings {
        let ann = World::new().clone("ann");
        ann.write(".codex/config.toml", "model = \"m\"\n# hooks\n[features]\n");
        ann.write(".claude/settings.local.json", "{ }");
        for file in [".claude/settings.json", ".codex/hooks.json"] {
            if let Some(text) = text {
                ann.write(file, text);
            }
        }
        let before = everything(ann.top());
        ann.aitask(&["agents", "install"]).ok();
        assert_eq!(ann.path(".claude/settings.json").exists(), text.is_some(), "hooks are not asked for");
        let answer = install(&ann, &[]);
        assert_eq!(state(&answer, ".claude/settings.json"), ("installed".to_owned(), true, String::new()));
        assert_eq!(state(&answer, ".codex/hooks.json"), ("installed".to_owned(), true, String::new()));
        assert_eq!(hooks(&ann.path(".claude/settings.json")).len(), 4);
        assert_eq!(hooks(&ann.path(".codex/hooks.json")).len(), 4);
        let after = everything(ann.top());
        install(&ann, &[]);
        assert_eq!(everything(ann.top()), after);
        ann.aitask(&["agents", "remove"]).ok();
        assert_eq!(everything(ann.top()), before);
    }
}

#[test]
fn hooks_for_worktrees_are_asked_for_by_name_and_only_claude_has_them() {
    let ann = World::new().clone("ann");
    ann.aitask(&["agents", "install", "--worktree-hooks"]).fails(2);
    install(&ann, &[]);
    install(&ann, &["--worktree-hooks"]);
    let events = |file: &str| {
        let hooks = hooks(&ann.path(file));
        hooks.iter().map(|hook| hook.split(':').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        events(".claude/settings.json"),
        "SessionStart PreToolUse Stop SessionEnd WorktreeCreate WorktreeRemove"
    );
    assert_eq!(events(".codex/hooks.json"), "SessionStart PreToolUse Stop SessionEnd");
    ann.aitask(&["agents", "remove"]).ok();
    assert_eq!(everything(ann.top()).keys().collect::<Vec<_>>(), ["README.md"]);
}

#[test]
fn every_command_that_is_installed_runs_and_is_silent_about_nothing() {
    let ann = World::new().clone("ann");
    install(&ann, &["--worktree-hooks"]);
    let program = Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap().display().to_string();
    let ann = ann.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()));
    for file in [".claude/settings.json", ".codex/hooks.json"] {
        for hook in hooks(&ann.path(file)) {
            let run = ann.run("sh", &["-c", hook.split_once(": ").unwrap().1]).ok();
            assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{hook}");
        }
    }
}

#[test]
fn settings_that_cannot_be_changed_safely_are_left_and_said() {
    for (text, why) in [
        ("{\"a\": 1,}", "it is no JSON"),
        ("// mine\n{}", "it is no JSON"),
        ("[]", "it is no object"),
        ("{\"hooks\": []}", "its `hooks` are no object"),
        ("{\"hooks\": {\"Stop\": 1}}", "the hooks of an event are no list"),
    ] {
        let ann = World::new().clone("ann");
        ann.write(".claude/settings.json", text);
        let (state, changed, said) = state(&install(&ann, &[]), ".claude/settings.json");
        assert_eq!((state.as_str(), changed, said.as_str()), ("left", false, why));
        assert_eq!(ann.read(".claude/settings.json"), text);
    }
    let world = World::new();
    let ann = world.clone("ann");
    std::fs::write(world.root().join("settings.json"), "{}").unwrap();
    std::fs::create_dir(ann.path(".claude")).unwrap();
    symlink("../../settings.json", ann.path(".claude/settings.json")).unwrap();
    assert_eq!(state(&install(&ann, &[]), ".claude/settings.json").0, "left");
    assert_eq!(std::fs::read_to_string(world.root().join("settings.json")).unwrap(), "{}");
    ann.write(".codex/config.toml", "[[hooks.Stop]]\n");
    assert!(state(&install(&ann, &[]), ".codex/hooks.json").2.contains("config.toml has hooks, too"));
}

#[test]
fn codex_gets_its_hooks_in_the_main_checkout_and_a_user_gets_them_at_home() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
    let before = everything(ann.top());
    let side = ann.at(world.root().join("side"));
    let codex = ann.path(".codex/hooks.json");
    let answer = install(&side, &[]);
    assert_eq!(state(&answer, codex.to_str().unwrap()).0, "installed");
    assert!(codex.is_file() && side.dir().join(".claude/settings.json").is_file());
    assert!(!side.dir().join(".codex").exists() && !ann.path(".claude").exists());
    side.aitask(&["agents", "remove"]).ok();
    assert_eq!(everything(ann.top()), before);

    let home = world.root().join("home");
    let before = everything(&home);
    install(&ann, &["--user"]);
    assert!(home.join(".claude/settings.json").is_file() && home.join(".codex/hooks.json").is_file());
    ann.aitask(&["agents", "remove", "--user"]).ok();
    assert_eq!(everything(&home), before);
    let elsewhere = ann.env("CODEX_HOME", world.root().join("codex").display());
    install(&elsewhere, &["--user", "--for", "codex"]);
    assert!(world.root().join("codex/hooks.json").is_file() && !home.join(".codex").exists());
}
