//! The command line: global options and the verbs.

pub(crate) mod app;
pub(crate) mod archive;
pub(crate) mod complete;
pub(crate) mod demo;
mod dispatch;
pub(crate) mod drop;
pub(crate) mod edit;
pub(crate) mod explore;
pub(crate) mod finish;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod new;
pub(crate) mod pick;
pub(crate) mod setup;
pub(crate) mod shim;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod welcome;
pub(crate) mod whoami;
pub(crate) mod worktree;

pub(crate) use dispatch::run;

use crate::report::{self, Report};
use crate::settings::Flags;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, ColorChoice, Command, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};
use std::io::IsTerminal as _;
use std::path::PathBuf;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the answer is no (held by another, conflict, nothing to pick); 2 usage; \
70 a bug of ours; 75 try again later (contention, network); 128 git failed.";

/// Tasks as files, coordination as git refs: several people and coding agents on one repository.
///
/// Without a verb it says where things stand and what to type next.
#[derive(Debug, Parser)]
#[command(name = "git-aitask", bin_name = "git aitask", version, styles = STYLES, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// The command line as it is completed: file names are left to the shell, which quotes what it inserts. A shell that is
/// given them by a program inserts them as they are, and runs what is in them.
pub(crate) fn completed() -> Command {
    without_files(Cli::command())
}

fn without_files(command: Command) -> Command {
    let hinted = |arg: clap::Arg| {
        if arg.get_value_hint() == ValueHint::Unknown { arg } else { arg.value_hint(ValueHint::Other) }
    };
    command.mut_args(hinted).mut_subcommands(without_files)
}

/// Options of every verb.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    dir: Vec<PathBuf>,
    /// One JSON document on standard output; errors as JSON on standard error
    #[arg(long, global = true)]
    json: bool,
    /// Only the answer: no advice, no narration
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Show every git call with its time (as `GIT_AITASK_TRACE=1` does)
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Colour: auto, always or never
    #[arg(long, value_name = "WHEN", global = true)]
    color: Option<Color>,
    /// The remote that coordinates [default: aitask.remote, else origin]
    #[arg(long, value_name = "NAME", global = true)]
    remote: Option<String>,
    /// Limit of the whole network part, such as 30s or 2m [default: 30s]
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

/// What can be done; each verb describes itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Init(init::Init),
    New(new::New),
    #[command(visible_alias = "ls")]
    List(list::List),
    Show(show::Show),
    Edit(edit::Edit),
    Log(log::Log),
    Pick(pick::Pick),
    Drop(drop::Drop),
    Finish(finish::Finish),
    Archive(archive::Archive),
    Lock(lock::Lock),
    Unlock(lock::Unlock),
    Locks(lock::Locks),
    Worktree(worktree::Worktree),
    Sync(sync::Sync),
    Status(status::Status),
    Explore(explore::Explore),
    Whoami(whoami::Whoami),
    Demo(demo::Demo),
    Setup(setup::Setup),
    Shim(shim::Shim),
    /// Stand in for a script of the original, with its own arguments
    #[command(after_help = "Example:\n  git aitask compat aitask_lock.sh --check 12")]
    Compat {
        /// The script, such as `aitask_lock.sh`
        script: String,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

impl Cli {
    /// The verb; none asks where things stand.
    pub(crate) fn verb(&self) -> Option<&Verb> {
        self.verb.as_ref()
    }

    /// Whether the verb may have opened an editor.
    pub(crate) fn may_ask(&self) -> bool {
        matches!(self.verb, Some(Verb::New(_) | Verb::Edit(_))) && std::io::stdin().is_terminal()
    }

    /// Whether the verb changes code or takes a task, which does not go together with exploring.
    pub(crate) fn is_work(&self) -> bool {
        match &self.verb {
            Some(Verb::Worktree(verb)) => verb.is_work(),
            Some(
                Verb::Init(_)
                | Verb::Pick(_)
                | Verb::Drop(_)
                | Verb::Finish(_)
                | Verb::Archive(_)
                | Verb::Lock(_)
                | Verb::Unlock(_)
                | Verb::Sync(_),
            ) => true,
            _ => false,
        }
    }

    /// Whether the answer is to be JSON.
    pub(crate) fn report(&self) -> Report {
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
        Report { json: self.global.json, quiet: self.global.quiet, color }
    }

    /// The folder to start in.
    pub(crate) fn dir(&self) -> PathBuf {
        self.global.dir.iter().filter(|dir| !dir.as_os_str().is_empty()).collect()
    }

    /// Whether every git call is shown.
    pub(crate) fn is_verbose(&self) -> bool {
        self.global.verbose
    }

    /// The settings it names.
    pub(crate) fn flags(&self) -> Flags {
        Flags { remote: self.global.remote.clone(), timeout: self.global.timeout.clone(), email: None }
    }

    /// Where narration goes.
    pub(crate) fn narrate(&self) -> fn(&str) {
        if self.global.quiet || self.global.json { report::be_quiet } else { report::narrate }
    }
}

#[cfg(test)]
mod tests;
