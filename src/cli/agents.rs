//! `git aitask agents`.

use crate::agents::texts::{self, DAY, SKILLS, VerbHelp};
use crate::cli::app::App;
use crate::cli::command_line::command;
use crate::error::{Error, Kind, Result};
use crate::ops::agents::{self, AgentFiles, Hooks, Place, Program, State};
use crate::report::{Page, Table};
use crate::settings::Effect;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Install skills and instructions for coding agents
///
/// Skills tell an agent how to pick, explore and create tasks, and a stanza in AGENTS.md tells it where to begin. A CLAUDE.md
/// that is there and does not lead to AGENTS.md gets the stanza, too. What you wrote around it stays as it
/// is, nothing is written through a symbolic link, and `remove` takes everything back. Nothing is committed.
#[derive(Debug, Args)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(after_help = "Examples:\n  git aitask agents install\n  git aitask agents install --for claude --user\n  \
git aitask agents print\n  git aitask agents remove")]
pub(crate) struct AgentsArgs {
    #[command(subcommand)]
    verb: AgentsVerb,
}

#[derive(Debug, Subcommand)]
enum AgentsVerb {
    /// Write the skills and the stanza, or bring them up to date
    #[command(
        after_help = "Examples:\n  git aitask agents install --dry-run\n  git aitask agents install --for claude --hooks"
    )]
    Install {
        /// The program: claude, codex or generic; may be repeated [default: all]
        #[arg(long = "for", value_name = "PROGRAM", hide_possible_values = true)]
        programs: Vec<ProgramName>,
        /// Also add hooks to .claude/settings.json and .codex/hooks.json
        #[arg(long)]
        hooks: bool,
        /// Also add hooks that make and remove worktrees, in place of Claude Code's own way
        #[arg(long, requires = "hooks")]
        worktree_hooks: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Remove what install has written
    #[command(after_help = "Example:\n  git aitask agents remove --dry-run")]
    Remove(Change),
    /// Print the stanza, or a skill
    #[command(after_help = "Examples:\n  git aitask agents print\n  git aitask agents print aitask-pick")]
    Print {
        /// stanza, aitask-pick, aitask-explore or aitask-create
        #[arg(value_name = "TEXT", default_value = "stanza", hide_default_value = true)]
        text: String,
    },
}

#[derive(Debug, Args)]
struct Change {
    /// In your home directory instead of this repository; no stanza
    #[arg(long)]
    user: bool,
    /// Show which files would be changed; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// A program, as it is named on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProgramName {
    Claude,
    Codex,
    Generic,
}

impl From<ProgramName> for Program {
    fn from(name: ProgramName) -> Self {
        match name {
            ProgramName::Claude => Self::Claude,
            ProgramName::Codex => Self::Codex,
            ProgramName::Generic => Self::Generic,
        }
    }
}

/// The verbs of a day, as their help shows them.
pub(crate) fn day() -> Vec<VerbHelp> {
    let command = command();
    let verbs = DAY.iter().filter_map(|name| command.find_subcommand(name));
    let example = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("  git aitask"))?;
        Some(line.split("  #").next().unwrap_or(line).trim().to_owned())
    };
    verbs
        .filter_map(|verb| {
            Some(VerbHelp {
                verb: verb.get_name().to_owned(),
                about: verb.get_about()?.to_string(),
                example: example(&verb.get_after_help()?.to_string())?,
            })
        })
        .collect()
}

/// A text for agents.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Printed {
    /// Its name.
    name: String,
    /// The text.
    text: String,
}

impl AgentsArgs {
    /// Whether the verb writes into the checkout.
    pub(crate) fn is_work(&self) -> bool {
        let (AgentsVerb::Install { change, .. } | AgentsVerb::Remove(change)) = &self.verb else { return false };
        !change.user
    }

    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        match &self.verb {
            AgentsVerb::Install { programs, hooks, worktree_hooks, change } => {
                let programs: Vec<_> = programs.iter().copied().map(Program::from).collect();
                let programs = if programs.is_empty() { Program::ALL.to_vec() } else { programs };
                let hooks = match (hooks, worktree_hooks) {
                    (false, _) => Hooks::None,
                    (true, false) => Hooks::Usual,
                    (true, true) => Hooks::WithWorktrees,
                };
                let outcome = agents::install(&change.place(app)?, &programs, hooks, &day(), change.dry_run)?;
                app.report.answer(&outcome, || page(&outcome, Some("Tell agents about git aitask")))
            }
            AgentsVerb::Remove(change) => {
                let outcome = agents::remove(&change.place(app)?, change.dry_run)?;
                app.report.answer(&outcome, || page(&outcome, None))
            }
            AgentsVerb::Print { text: name } => {
                let skill = SKILLS.iter().find(|skill| skill.name == name);
                let text = match skill {
                    Some(skill) => skill.file(&day()),
                    None if name == "stanza" => texts::stanza(&day()),
                    None => {
                        return Err(Error::new(Kind::Usage, format!("there is no text {name:?}"))
                            .hint("git aitask agents print -h"));
                    }
                };
                let printed = Printed { name: name.clone(), text };
                app.report.answer(&printed, || Page::new().text(&printed.text))
            }
        }
    }
}

impl Change {
    fn place(&self, app: &App) -> Result<Place> {
        if self.user {
            return Place::user(&app.environment);
        }
        match app.open(Effect::DryRun) {
            Ok(context) => Ok(Place::project(&context)),
            Err(error) if error.kind() == Kind::NotARepository => {
                Err(error.hint(command!["git aitask agents install --user"].note("for all of your repositories")))
            }
            Err(error) => Err(error),
        }
    }
}

fn page(outcome: &AgentFiles, subject: Option<&str>) -> Page {
    let mut table = Table::default();
    for file in &outcome.files {
        let state = match (file.state, file.changed) {
            (State::Installed, true) => "written",
            (State::Installed, false) => "up to date",
            (State::Absent, true) => "removed",
            (State::Absent, false) => continue,
            (State::Left, _) => "left",
        };
        table.row([&*file.path.to_string_lossy(), state, file.why.as_deref().unwrap_or_default()]);
    }
    let changed = outcome.files.iter().any(|file| file.changed);
    let mut page = Page::new();
    if outcome.dry_run.is_some() {
        page = page.dry_run();
    }
    page = page.table(table);
    if !changed {
        page = page.title("nothing to do");
    }
    let below = |path: &&PathBuf| path.is_relative();
    let first = |path: &Path| path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let paths: BTreeSet<_> = outcome.commit.iter().filter(below).filter_map(|path| first(path)).collect();
    if paths.is_empty() {
        return page;
    }
    let paths: Vec<_> = paths.into_iter().collect();
    page.advice(match subject {
        Some(subject) => format!("next: git add {} && git commit -m \"{subject}\"", paths.join(" ")),
        None => format!("next: commit the change of {}, where the files were committed", paths.join(", ")),
    })
}
