//! `git aitask setup`.

use crate::cli::app::App;
use crate::error::{Error, Kind, Result};
use crate::ops::setup::{self, SetupAction, SetupFile};
use crate::report::Page;
use clap::{Args, Command};
use std::path::PathBuf;

/// Man pages and completions, so that `git aitask --help` and `git aitask <TAB>` work
///
/// They go into your own folders: the man pages and the completions of bash and zsh below `XDG_DATA_HOME` (else
/// ~/.local/share), those of fish below `XDG_CONFIG_HOME` (else ~/.config).
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask setup --dry-run\n  git aitask setup")]
pub(crate) struct Setup {
    /// Take them away again
    #[arg(long)]
    uninstall: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// The completions: where they go below the folder, and their text.
const COMPLETIONS: [(Base, &str, &str); 3] = [
    (Base::Data, "bash-completion/completions/git-aitask", include_str!("setup/git-aitask.bash")),
    (Base::Data, "zsh/site-functions/_git-aitask", include_str!("setup/_git-aitask")),
    (Base::Config, "fish/conf.d/git-aitask.fish", include_str!("setup/git-aitask.fish")),
];

/// The folders of the XDG base directory specification.
#[derive(Debug, Clone, Copy)]
enum Base {
    Data,
    Config,
}

impl Setup {
    /// Runs the verb; `cli` is the whole command line, which the man pages describe.
    pub(crate) fn run(&self, app: &App, cli: &Command) -> Result<()> {
        let mut files = Vec::new();
        for (base, path, text) in COMPLETIONS {
            files.push(SetupFile { path: folder(app, base)?.join(path), content: text.as_bytes().to_vec() });
        }
        let man = folder(app, Base::Data)?.join("man/man1");
        for (name, command) in pages(cli) {
            let mut content = Vec::new();
            clap_mangen::Man::new(command).render(&mut content).map_err(|error| Error::io("render", &man, &error))?;
            files.push(SetupFile { path: man.join(format!("{name}.1")), content });
        }
        let wanted = if self.uninstall { SetupAction::Gone } else { SetupAction::Written };
        let outcome = setup::setup(&files, wanted, self.dry_run.into())?;
        app.report.answer(&outcome, || {
            let page = Page::new().lines(outcome.changed.iter().map(|path| path.display().to_string()));
            let page = match (outcome.changed.is_empty(), self.dry_run) {
                (true, _) => page.title("nothing to do"),
                (false, true) => page.title("nothing was changed (--dry-run)"),
                (false, false) => page,
            };
            if self.uninstall || self.dry_run {
                return page;
            }
            let bin = app.environment.os("HOME").map(|home| PathBuf::from(home).join(".local/bin"));
            let path = app.environment.os("PATH").unwrap_or_default();
            let page = if std::env::split_paths(&path).any(|dir| Some(dir) == bin) {
                page
            } else {
                // man(1) looks beside the folders of PATH.
                page.advice(
                    "man looks for pages where ~/.local/bin is on PATH; else put this into your shell's profile:",
                )
                .advice("  export MANPATH=${XDG_DATA_HOME:-$HOME/.local/share}/man:")
            };
            page.advice(
                "zsh reads its completions from fpath; put this before compinit in ~/.zshrc if it is not there:",
            )
            .advice("  fpath+=(${XDG_DATA_HOME:-$HOME/.local/share}/zsh/site-functions)")
        })
    }
}

/// The command line itself, and one page for each verb, named as git names manual pages.
fn pages(cli: &Command) -> Vec<(String, Command)> {
    let mut pages = vec![("git-aitask".to_owned(), cli.clone().disable_help_flag(false))];
    for verb in cli.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = format!("git-aitask-{}", verb.get_name());
        let shown = format!("git aitask {}", verb.get_name());
        pages.push((name.clone(), verb.clone().display_name(name).bin_name(shown).version(env!("CARGO_PKG_VERSION"))));
    }
    pages
}

fn folder(app: &App, base: Base) -> Result<PathBuf> {
    let (variable, below) = match base {
        Base::Data => ("XDG_DATA_HOME", ".local/share"),
        Base::Config => ("XDG_CONFIG_HOME", ".config"),
    };
    let named = app.environment.os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || app.environment.os("HOME").map(|home| PathBuf::from(home).join(below));
    named
        .or_else(home)
        .ok_or_else(|| Error::new(Kind::Usage, format!("neither {variable} nor HOME says where your files are")))
}
