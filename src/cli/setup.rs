//! `git aitask setup`.

use crate::cli::app::App;
use crate::cli::manual;
use crate::error::{Error, Kind, Result, quoted};
use crate::git::run::Call;
use crate::ops::setup::{self, SetUp, SetupAction, SetupFile};
use crate::report::Page;
use clap::{Args, Command, ValueEnum};
use std::path::{Path, PathBuf};

/// Install manual pages, shell completions and the shell function
///
/// They make `git aitask --help` and `git aitask <TAB>` work. They go into your own directories: the completions of bash
/// and zsh below `XDG_DATA_HOME` (else ~/.local/share), those of fish below `XDG_CONFIG_HOME` (else ~/.config), and the
/// manual pages where man looks for those of the program: for ~/.cargo/bin on PATH in ~/.cargo/share/man, else with the
/// completions. With the function, `git aitask` changes the folder of your shell: to the worktree after pick, worktree add
/// and worktree path, and back to the main checkout where finish, drop or worktree remove took the folder away. It is
/// called `git`, so that it works as you type, and passes everything else on to git. No shell reads it unless your profile
/// does, as the example (bash, zsh); in fish, pipe the text into `source`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask setup\n  eval \"$(git aitask setup --shell)\"\n  git aitask setup --uninstall"
)]
pub(crate) struct SetupArgs {
    /// Print the function for bash, zsh or fish [default: the shell of SHELL]
    #[arg(long, value_name = "SHELL", num_args = 0..=1, default_missing_value = "user", hide_possible_values = true)]
    #[arg(conflicts_with_all = ["uninstall", "dry_run"])]
    shell: Option<Shell>,
    /// Remove them again
    #[arg(long)]
    uninstall: bool,
    /// Show which files would be written; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Whose function is asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    /// That of the user.
    #[value(hide = true)]
    User,
}

impl Shell {
    fn function(self, app: &App) -> Result<&'static str> {
        let path = app.environment.text("SHELL").unwrap_or_default();
        match (self, path.rsplit('/').next()) {
            (Self::Bash | Self::Zsh, _) | (Self::User, Some("bash" | "zsh")) => Ok(include_str!("setup/shell.sh")),
            (Self::Fish, _) | (Self::User, Some("fish")) => Ok(include_str!("setup/shell.fish")),
            (Self::User, _) => {
                let message = format!("SHELL is {path:?}, and there are functions for bash, zsh and fish");
                Err(Error::new(Kind::Usage, message).hint("git aitask setup --shell bash"))
            }
        }
    }
}

/// The completions and functions: the directory, the path below it, and the text.
const FILES: [(UserDirectory, &str, &str); 5] = [
    (UserDirectory::Data, "bash-completion/completions/git-aitask", include_str!("setup/git-aitask.bash")),
    (UserDirectory::Data, "zsh/site-functions/_git-aitask", include_str!("setup/_git-aitask")),
    (UserDirectory::Config, "fish/conf.d/git-aitask.fish", include_str!("setup/git-aitask.fish")),
    (UserDirectory::Data, "git-aitask/shell.sh", include_str!("setup/shell.sh")),
    (UserDirectory::Data, "git-aitask/shell.fish", include_str!("setup/shell.fish")),
];

/// The directories for files of a user, as freedesktop.org names them.
#[derive(Debug, Clone, Copy)]
enum UserDirectory {
    Data,
    Config,
}

impl SetupArgs {
    /// Runs the verb; the manual pages describe the command line `cli`.
    pub(crate) fn run(&self, app: &App, cli: Command) -> Result<()> {
        if let Some(shell) = self.shell {
            let function = shell.function(app)?;
            let outcome = SetUp { function: Some(function), ..SetUp::default() };
            return app.report.answer(&outcome, || Page::new().bare().lines(function.lines()));
        }
        let mut files = Vec::new();
        for (base, path, text) in FILES {
            files.push(SetupFile { path: directory(app, base)?.join(path), content: text.as_bytes().to_vec() });
        }
        let folders = page_folders(app)?;
        let man = folders.first().cloned().unwrap_or_default();
        for (name, content) in manual::pages(cli, &man)? {
            let of =
                |folder: &PathBuf| SetupFile { path: folder.join(format!("man1/{name}.1")), content: content.clone() };
            files.extend(folders.iter().map(of));
        }
        let wanted = if self.uninstall { SetupAction::Gone } else { SetupAction::Written };
        let outcome = setup::setup(&files, wanted, self.dry_run.into())?;
        app.report.answer(&outcome, || {
            let page = Page::new().lines(by_folder(&outcome.changed));
            let page = match (outcome.changed.is_empty(), self.dry_run) {
                (true, _) => page.title("nothing to do"),
                (false, true) => page.title("nothing was changed (--dry-run)"),
                (false, false) => page,
            };
            if self.uninstall || self.dry_run {
                return page;
            }
            let page = if searches_pages(app, &man) {
                page
            } else {
                page.advice("man does not look there, and git aitask --help asks it; add this to the profile of your shell:")
                    .advice(format!("  export MANPATH={}:${{MANPATH-}}", quoted(&man)))
            };
            let page = page.advice("bash finds the completions by the package bash-completion, where that is installed");
            page.advice(
                "zsh finds the completions through fpath; add this to ~/.zshrc, before compinit, unless it is there:",
            )
            .advice("  fpath+=(${XDG_DATA_HOME:-$HOME/.local/share}/zsh/site-functions)")
            .advice(
                "your shell goes to the worktree of a task, and back once it is removed, with this in ~/.bashrc or ~/.zshrc:",
            )
            .advice("  eval \"$(git aitask setup --shell)\"    # fish: git aitask setup --shell fish | source")
        })
    }
}

/// A line for each folder: its file, or how many there are.
fn by_folder(paths: &[PathBuf]) -> Vec<String> {
    let folders = paths.chunk_by(|one, next| one.parent() == next.parent());
    let line = |folder: &[PathBuf]| match folder {
        [path] => Some(path.display().to_string()),
        paths => Some(format!("{}: {} files", paths.first()?.parent()?.display(), paths.len())),
    };
    folders.filter_map(line).collect()
}

/// The folders for the manual pages. man looks beside each folder of PATH, in `../share/man`, so the first is there where
/// the program is found in the home of the user; else it is that for data. Pages that an earlier setup put into the latter
/// are kept up to date, since man may prefer them.
fn page_folders(app: &App) -> Result<Vec<PathBuf>> {
    let data = directory(app, UserDirectory::Data)?.join("man");
    let environment = &app.environment;
    let program = which::which_in("git-aitask", environment.os("PATH"), &app.dir).ok();
    let beside = program.as_deref().and_then(|program| Some(program.parent()?.parent()?.join("share/man")));
    let is_own = |folder: &PathBuf| environment.os("HOME").is_some_and(|home| folder.starts_with(home));
    let beside =
        beside.filter(|folder| environment.text("XDG_DATA_HOME").is_none() && is_own(folder) && *folder != data);
    let is_wanted = beside.is_none() || data.join("man1/git-aitask.1").exists();
    Ok(beside.into_iter().chain(is_wanted.then_some(data)).collect())
}

/// Whether man looks for pages below this folder, as manpath(1) says: its own configuration counts, and PATH.
fn searches_pages(app: &App, man: &Path) -> bool {
    let output = Call::program(&app.environment, "manpath", man).arg("-q").output();
    output.is_ok_and(|output| std::env::split_paths(&output.text()).any(|path| path == man))
}

fn directory(app: &App, base: UserDirectory) -> Result<PathBuf> {
    let (variable, below) = match base {
        UserDirectory::Data => ("XDG_DATA_HOME", ".local/share"),
        UserDirectory::Config => ("XDG_CONFIG_HOME", ".config"),
    };
    let named = app.environment.os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || app.environment.os("HOME").map(|home| PathBuf::from(home).join(below));
    named
        .or_else(home)
        .ok_or_else(|| Error::new(Kind::Usage, format!("neither {variable} nor HOME is set to a directory")))
}
