//! The face `git aitask VERB`, for people, agents and CI.
//!
//! Each verb has one file: its arguments, one call of an operation of `ops`, and the outcome as a page or as JSON. A verb
//! decides nothing about tasks itself. A command line that does not parse changes nothing and ends with exit code 2.
//!
//! Only `lib.rs` calls this module, through [`run`].

pub(crate) mod agents;
pub(crate) mod app;
pub(crate) mod archive;
pub(crate) mod brief;
pub(crate) mod check;
mod command_line;
pub(crate) mod complete;
pub(crate) mod demo;
mod dispatch;
pub(crate) mod doctor;
pub(crate) mod drop;
mod each;
pub(crate) mod edit;
pub(crate) mod explore;
mod filter;
pub(crate) mod finish;
mod given_text;
mod help;
pub(crate) mod history;
pub(crate) mod hook;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod log;
mod manual;
pub(crate) mod new;
mod overview;
mod pager;
pub(crate) mod pick;
pub(crate) mod reopen;
mod schema;
pub(crate) mod setup;
pub(crate) mod shim;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod sync;
mod unknown_verb;
mod usage;
mod watch;
pub(crate) mod welcome;
pub(crate) mod whoami;
pub(crate) mod worktree;

pub(crate) use dispatch::run;

use crate::report::{self, Report};
use crate::settings::{Environment, Flags};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// The heading of the options that every verb has; help lists them last.
const OPTIONS_OF_EVERY_VERB: &str = "Options of every verb";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Tasks as files, coordination as git refs: for several people and agents
///
/// Without a verb, it shows the tasks that you hold, the next task that can be picked, and the command that may be next.
#[derive(Debug, Parser)]
#[command(name = "git-aitask", bin_name = "git aitask", version, styles = STYLES)]
#[command(disable_help_flag = true, disable_help_subcommand = true, max_term_width = 100)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = OPTIONS_OF_EVERY_VERB)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    dir: Vec<PathBuf>,
    /// Print one JSON document; errors as JSON on standard error
    #[arg(long, global = true)]
    json: bool,
    /// Print the JSON Schema of that document; do nothing else
    #[arg(long, global = true, hide_short_help = true)]
    schema: bool,
    /// Print only the result: no advice, no progress
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Show every call of git with its time
    ///
    /// With --json they are in the document, under `trace`.
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to use colour: auto, always or never
    #[arg(long, value_name = "WHEN", global = true, hide_possible_values = true)]
    color: Option<Color>,
    /// Show a long list, log or task without the pager of git
    #[arg(long, global = true, hide_short_help = true)]
    no_pager: bool,
    /// The remote [default: aitask.remote, else origin]
    #[arg(long, value_name = "NAME", global = true)]
    remote: Option<String>,
    /// Time limit of the network, such as 2m [default: 30s]
    #[arg(long, value_name = "TIME", global = true)]
    timeout: Option<String>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Init(init::InitArgs),
    New(new::NewArgs),
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    Show(show::ShowArgs),
    Edit(edit::EditArgs),
    Log(log::LogArgs),
    Pick(pick::PickArgs),
    Drop(drop::DropArgs),
    Finish(finish::FinishArgs),
    Archive(archive::ArchiveArgs),
    Reopen(reopen::ReopenArgs),
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Locks(lock::LocksArgs),
    Worktree(worktree::WorktreeArgs),
    Sync(sync::SyncArgs),
    Status(status::StatusArgs),
    Check(check::CheckArgs),
    Doctor(doctor::DoctorArgs),
    Explore(explore::ExploreArgs),
    Whoami(whoami::WhoamiArgs),
    Brief(brief::BriefArgs),
    Demo(demo::DemoArgs),
    Setup(setup::SetupArgs),
    Agents(agents::AgentsArgs),
    // Agent programs call it, and nobody else.
    #[command(hide = true)]
    Hook(hook::HookArgs),
    Shim(shim::ShimArgs),
    /// Run the replacement of an original script
    ///
    /// Arguments, result lines and exit codes are those of the script.
    #[command(
        hide = true,
        after_help = "Examples:\n  git aitask compat aitask_lock.sh --check 12\n  git aitask compat aitask_ls.sh -v 15"
    )]
    Compat {
        /// The name of the script, such as `aitask_lock.sh`
        script: String,
        /// The arguments of the script
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Show the long help of git aitask, or of a verb
    ///
    /// This is the text that `git aitask VERB --help` prints. git itself answers `git aitask --help` with the manual page,
    /// which `git aitask setup` installs.
    #[command(after_help = "Examples:\n  git aitask help\n  git aitask help pick\n  git aitask help worktree add")]
    Help {
        /// The verb, such as `pick` or `worktree add`
        verb: Vec<String>,
    },
}

impl Cli {
    /// The verb, if one was given.
    pub(crate) fn verb(&self) -> Option<&Verb> {
        self.verb.as_ref()
    }

    /// Whether the verb may have opened an editor, so that running it again would ask the user to write the text again.
    pub(crate) fn may_open_editor(&self) -> bool {
        matches!(self.verb, Some(Verb::New(_) | Verb::Edit(_))) && std::io::stdin().is_terminal()
    }

    /// Whether the verb changes code, locks or worktrees, which `git aitask explore` does not allow.
    pub(crate) fn is_work(&self) -> bool {
        match &self.verb {
            Some(Verb::Worktree(verb)) => verb.is_work(),
            Some(Verb::Doctor(verb)) => verb.is_work(),
            Some(Verb::Agents(verb)) => verb.is_work(),
            Some(
                Verb::Init(_)
                | Verb::Pick(_)
                | Verb::Drop(_)
                | Verb::Finish(_)
                | Verb::Archive(_)
                | Verb::Reopen(_)
                | Verb::Lock(_)
                | Verb::Unlock(_)
                | Verb::Sync(_),
            ) => true,
            _ => false,
        }
    }

    /// Whether the verb changes tasks or their locks.
    pub(crate) fn changes_tasks(&self) -> bool {
        match &self.verb {
            Some(Verb::New(_) | Verb::Edit(_)) => true,
            Some(Verb::Init(_) | Verb::Worktree(_) | Verb::Agents(_) | Verb::Doctor(_)) => false,
            _ => self.is_work(),
        }
    }

    /// How to show the result.
    pub(crate) fn report(&self, environment: &Environment) -> Report {
        let color = match self.global.color {
            None | Some(Color::Auto) => ColorChoice::Auto,
            Some(Color::Always) => ColorChoice::Always,
            Some(Color::Never) => ColorChoice::Never,
        };
        let color = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let behind_pager =
            report::width_behind_pager(environment.text("GIT_PAGER_IN_USE"), environment.text("COLUMNS"));
        Report { json: self.global.json, quiet: self.global.quiet, color, behind_pager }
    }

    /// Whether a long page goes through the pager of git.
    pub(crate) fn may_page(&self) -> bool {
        !self.global.no_pager
    }

    /// Whether only the schema of the document is asked for.
    pub(crate) fn asks_for_schema(&self) -> bool {
        self.global.schema
    }

    /// The directory to start in.
    pub(crate) fn dir(&self) -> PathBuf {
        self.global.dir.iter().filter(|dir| !dir.as_os_str().is_empty()).collect()
    }

    /// Whether every call of git is shown.
    pub(crate) fn is_verbose(&self) -> bool {
        self.global.verbose
    }

    /// The settings that the command line names.
    pub(crate) fn flags(&self) -> Flags {
        Flags { remote: self.global.remote.clone(), timeout: self.global.timeout.clone(), ..Flags::default() }
    }

    /// The function that shows progress.
    pub(crate) fn progress(&self) -> fn(&str) {
        if self.global.quiet || self.global.json { report::no_progress } else { report::progress }
    }
}

#[cfg(test)]
mod tests;
