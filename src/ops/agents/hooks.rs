//! The hooks in the settings of agent programs. Their commands stay the same in every version: a program asks its user for
//! trust again when one changes.

use super::{Action, Place, Planned, Program, Purpose, State};
use crate::agents::settings_text::{self, Hook, Settings};
use crate::files::Tree;
use std::path::{Path, PathBuf};

/// Which hooks are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hooks {
    /// None.
    None,
    /// Those that tell and guard.
    Usual,
    /// Also those that make and remove worktrees in the place of the program's own way.
    WithWorktrees,
}

const fn hook(event: &'static str, matcher: &'static str, command: &'static str, timeout: u32) -> Hook {
    Hook { event, matcher, command, timeout }
}

const CLAUDE: [Hook; 4] = [
    hook("SessionStart", "", "git aitask hook session-start --from claude", 10),
    hook("PreToolUse", "Write|Edit|MultiEdit|NotebookEdit", "git aitask hook pre-tool-use --from claude", 10),
    hook("Stop", "", "git aitask hook stop --from claude", 10),
    hook("SessionEnd", "", "git aitask hook session-end --from claude", 5),
];

const CLAUDE_WORKTREES: [Hook; 2] = [
    hook("WorktreeCreate", "", "git aitask hook worktree-create --from claude", 600),
    hook("WorktreeRemove", "", "git aitask hook worktree-remove --from claude", 60),
];

const CODEX: [Hook; 4] = [
    hook("SessionStart", "", "git aitask hook session-start --from codex", 10),
    hook("PreToolUse", "apply_patch|Edit|Write", "git aitask hook pre-tool-use --from codex", 10),
    hook("Stop", "", "git aitask hook stop --from codex", 10),
    hook("SessionEnd", "", "git aitask hook session-end --from codex", 5),
];

/// The files of settings: that of Claude Code is in the checkout. Codex reads the one of the main checkout, from whichever
/// worktree it is started.
fn files(place: &Place) -> [(Program, Tree, PathBuf); 2] {
    let claude = (Program::Claude, Tree::new(place.root()), PathBuf::from(".claude/settings.json"));
    let (tree, codex) = match place {
        Place::Project { checkout, main, .. } if checkout != main => (Tree::new(main), main.join(".codex/hooks.json")),
        Place::User { codex: Some(home), .. } => (Tree::new(home), home.join("hooks.json")),
        _ => (Tree::new(place.root()), PathBuf::from(".codex/hooks.json")),
    };
    [claude, (Program::Codex, tree, codex)]
}

/// How the hooks get into the settings.
pub(super) fn installed(place: &Place, programs: &[Program], hooks: Hooks) -> Vec<Planned> {
    let wanted = files(place).into_iter().filter(|(program, ..)| hooks != Hooks::None && programs.contains(program));
    wanted
        .map(|(program, tree, path)| {
            let hooks = match (program, hooks) {
                (Program::Claude, Hooks::WithWorktrees) => [&CLAUDE[..], &CLAUDE_WORKTREES].concat(),
                (Program::Claude, _) => CLAUDE.to_vec(),
                _ => CODEX.to_vec(),
            };
            let planned = with_hooks(&tree, &path, &hooks);
            let twice = program == Program::Codex && has_hooks_in_toml(&tree, &path);
            let planned = if twice {
                planned.noting("config.toml has hooks, too: Codex runs both, with a warning")
            } else {
                planned
            };
            planned.within(tree)
        })
        .collect()
}

fn with_hooks(tree: &Tree, path: &Path, hooks: &[Hook]) -> Planned {
    let found = match text(tree, path) {
        Err(why) => return Planned::left(path, Purpose::Hooks, why),
        Ok(found) => found,
    };
    let plan = |action| Planned::new(path, Purpose::Hooks, State::Installed, action);
    match (settings_text::added(found.as_deref(), hooks), &found) {
        (Err(why), _) => Planned::left(path, Purpose::Hooks, why),
        (Ok(new), Some(old)) if new == *old => plan(Action::Nothing),
        (Ok(new), Some(_)) => plan(Action::Replace(new.into_bytes())),
        (Ok(new), None) => plan(Action::Create(new.into_bytes())),
    }
}

/// How the hooks get out of the settings.
pub(super) fn removed(place: &Place) -> Vec<Planned> {
    files(place).into_iter().filter_map(|(_, tree, path)| Some(without_hooks(&tree, &path)?.within(tree))).collect()
}

fn without_hooks(tree: &Tree, path: &Path) -> Option<Planned> {
    let text = text(tree, path).ok()??;
    let action = match settings_text::removed(&text) {
        Ok(found) => match found? {
            Settings::Nothing => Action::Remove,
            Settings::Text(rest) => Action::Replace(rest.into_bytes()),
        },
        Err(why) if text.contains(settings_text::OURS) => return Some(Planned::left(path, Purpose::Hooks, why)),
        Err(_) => return None,
    };
    Some(Planned::new(path, Purpose::Hooks, State::Absent, action))
}

fn text(tree: &Tree, path: &Path) -> Result<Option<String>, String> {
    let found = tree.load(path).map_err(|error| error.to_string())?;
    found.map(String::from_utf8).transpose().map_err(|_| "it is no text in UTF-8".to_owned())
}

/// Whether the other file of settings that Codex reads has hooks.
fn has_hooks_in_toml(tree: &Tree, path: &Path) -> bool {
    let is_table = |line: &str| line.trim_start_matches('[').trim_start().starts_with("hooks") && line.starts_with('[');
    tree.text(path.with_file_name("config.toml")).is_ok_and(|text| text.lines().any(is_table))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program asks its user for trust again when a command or a time limit changes: these are for ever.
    #[test]
    fn the_commands_of_hooks_never_change() {
        let lines = |hooks: &[Hook]| -> Vec<String> {
            hooks
                .iter()
                .map(|hook| format!("{} [{}] {} {}", hook.event, hook.matcher, hook.command, hook.timeout))
                .collect()
        };
        assert_eq!(
            lines(&CLAUDE),
            [
                "SessionStart [] git aitask hook session-start --from claude 10",
                "PreToolUse [Write|Edit|MultiEdit|NotebookEdit] git aitask hook pre-tool-use --from claude 10",
                "Stop [] git aitask hook stop --from claude 10",
                "SessionEnd [] git aitask hook session-end --from claude 5",
            ]
        );
        assert_eq!(
            lines(&CLAUDE_WORKTREES),
            [
                "WorktreeCreate [] git aitask hook worktree-create --from claude 600",
                "WorktreeRemove [] git aitask hook worktree-remove --from claude 60",
            ]
        );
        assert_eq!(
            lines(&CODEX),
            [
                "SessionStart [] git aitask hook session-start --from codex 10",
                "PreToolUse [apply_patch|Edit|Write] git aitask hook pre-tool-use --from codex 10",
                "Stop [] git aitask hook stop --from codex 10",
                "SessionEnd [] git aitask hook session-end --from codex 5",
            ]
        );
    }
}
