//! `ait`, the dispatcher, which runs the script of a command, and `ait git-health`, which reports on the data worktree.

use crate::compat::exec;
use crate::compat::invocation::Invocation;
use crate::compat::scripts::SCRIPTS;
use crate::compat::sync::git;
use crate::files::data_checkout;
use crate::project::data_state;
use std::path::{Path, PathBuf};

/// The scripts of this program that have a command. The others are called by their paths; the original answers a
/// command of such a name with "unknown command", and so does this one.
const NAMED: [&str; 9] = [
    "aitask_create.sh",
    "aitask_ls.sh",
    "aitask_update.sh",
    "aitask_sync.sh",
    "aitask_lock.sh",
    "aitask_zip_old.sh",
    "aitask_setup.sh",
    "aitask_stats.sh",
    "aitask_changelog.sh",
];

/// Commands whose script is not named after them.
const OTHERS: [(&str, &str); 1] = [("install", "aitask_install.sh")];

const HELP: &str = "\
Usage: ait <command> [arguments]

Tasks:    create, ls, update, zip-old, stats, changelog
Sharing:  sync, lock, git, git-health
Project:  setup, upgrade

Any other command runs the script .aitask-scripts/aitask_<command>.sh of the project.
'ait <command> --help' says more; 'ait --version' says which version this is.";

/// Runs the dispatcher, with the project's root as directory.
pub(super) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let root = root(invocation);
    let invoked_from = invocation.dir.to_string_lossy().into_owned();
    let scripts = root.join(".aitask-scripts").to_string_lossy().into_owned();
    let environment = invocation.environment.clone().with("AIT_INVOCATION_PWD", &invoked_from);
    let environment = environment.with("AITASK_SCRIPT_DIR", &scripts);
    let invocation = Invocation { environment, from: root.clone(), dir: root, ..*invocation };
    let Some((command, rest)) = args.split_first() else { return help(&invocation) };
    match command.as_str() {
        "help" | "--help" | "-h" => help(&invocation),
        "--version" | "-v" => {
            let version = invocation.tree().text(".aitask-scripts/VERSION").unwrap_or_default();
            let version = version.lines().next().filter(|line| !line.is_empty()).unwrap_or("unknown").to_owned();
            invocation.console.line(&format!("ait version {version}"));
            0
        }
        "git" => git::run(&invocation, rest),
        "git-health" => health(&invocation),
        "stats" if rest.first().is_some_and(|arg| arg == "tui") => {
            script(&invocation, "stats", "aitask_stats_tui.sh", &rest[1..])
        }
        _ => {
            let other = OTHERS.iter().find(|(name, _)| name == command).map(|(_, script)| (*script).to_owned());
            let name = other.unwrap_or_else(|| format!("aitask_{}.sh", command.replace('-', "_")));
            script(&invocation, command, &name, rest)
        }
    }
}

fn help(invocation: &Invocation) -> u8 {
    HELP.lines().for_each(|line| invocation.console.line(line));
    0
}

/// Runs a script of this program, else the project's own file of that name, else what the original dispatcher would run;
/// a file replaces this process.
fn script(invocation: &Invocation, command: &str, name: &str, args: &[String]) -> u8 {
    if is_plain(command) && NAMED.contains(&name) {
        return super::run(name, args, &invocation.environment, &invocation.dir);
    }
    let own = || project_script(invocation, name).filter(|_| is_plain(command)).map(|file| (file, args.to_vec()));
    let Some((file, args)) =
        own().or_else(|| subcommand(invocation, command, args)).or_else(|| original(invocation, command, args))
    else {
        (invocation.notice)(&format!("ait: unknown command '{command}'"));
        (invocation.notice)("Run 'ait help' for usage information.");
        return 1;
    };
    let error = exec::exec_script(&invocation.environment, &file, &args, &invocation.dir);
    invocation.console.error(&error.to_string());
    1
}

/// Whether a word can be a part of the name of a script, so that no command leads out of their folder.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A script of the project that has a command, and that this program does not replace.
fn project_script(invocation: &Invocation, name: &str) -> Option<PathBuf> {
    let file = invocation.dir.join(".aitask-scripts").join(name);
    (!SCRIPTS.contains(&name) && file.is_file()).then_some(file)
}

/// The script of a command with a subcommand, and its arguments: `crew init` is `aitask_crew_init.sh`, `gates run` is
/// `aitask_run_gates.sh`.
fn subcommand(invocation: &Invocation, command: &str, args: &[String]) -> Option<(PathBuf, Vec<String>)> {
    let (sub, rest) = args.split_first()?;
    if !is_plain(command) || !is_plain(sub) {
        return None;
    }
    let (command, sub) = (command.replace('-', "_"), sub.replace('-', "_"));
    let names = [format!("aitask_{command}_{sub}.sh"), format!("aitask_{sub}_{command}.sh")];
    let file = names.iter().find_map(|name| project_script(invocation, name))?;
    Some((file, rest.to_vec()))
}

/// The original dispatcher, where a shim stands in its place, with all arguments: it knows the commands that have no script
/// of their name.
fn original(invocation: &Invocation, command: &str, args: &[String]) -> Option<(PathBuf, Vec<String>)> {
    let file = invocation.dir.join("ait.original");
    file.is_file().then(|| (file, std::iter::once(command.to_owned()).chain(args.iter().cloned()).collect()))
}

/// The project's root: where the scripts lie, else the root of the repository. Inside a task's worktree it is the
/// root of the main worktree: `ait git` there would otherwise change the branch of the code instead of the task data.
fn root(invocation: &Invocation) -> PathBuf {
    let of_git = || Some(invocation.open().ok().flatten()?.repository.root.clone());
    // a shim that is called by its path says where it lies
    let of_shim = || Some(Path::new(invocation.environment.text("AITASK_SCRIPT_DIR")?).parent()?.to_owned());
    invocation.home().or_else(of_shim).or_else(of_git).unwrap_or_else(|| invocation.dir.clone())
}

/// Refuses `ait` on the PATH outside of a project and gives its exit code; `None` in a project, and for `ait setup`.
pub(super) fn refuse_outside(invocation: &Invocation, args: &[String]) -> Option<u8> {
    let is_setup = args.first().is_some_and(|command| command == "setup");
    let has_data = || invocation.open().ok().flatten().is_some_and(|context| context.has_data_branch());
    if is_setup || invocation.home().is_some() || has_data() {
        return None;
    }
    // The shim of the project has called this dispatcher already. Calling the shim again would never end.
    if invocation.environment.text("_AIT_SHIM_ACTIVE") == Some("1") {
        (invocation.notice)("Error: ait dispatcher not found in any parent directory");
        return Some(1);
    }
    (invocation.notice)(&format!(
        "Error: No ait project found in any parent directory of {}",
        invocation.dir.display()
    ));
    (invocation.notice)("Run 'ait setup' in the folder of the project.");
    Some(1)
}

fn health(invocation: &Invocation) -> u8 {
    let console = invocation.console;
    let Some(dir) = data_checkout(&invocation.dir) else {
        console.info("Mode: legacy (task data on the branch that is checked out)");
        return 0;
    };
    console.info("Mode: branch (.aitask-data worktree present)");
    console.info("Worktree path: .aitask-data");
    let admin = data_state::admin_dir(&dir);
    let shown = admin.as_ref().map_or_else(
        || "<missing>".to_owned(),
        |admin| admin.strip_prefix(&invocation.dir).unwrap_or(admin).display().to_string(),
    );
    console.info(&format!("Git-dir: {shown}"));
    let data_state::CheckedOut { branch, commit } = data_state::head(&invocation.environment, &dir);
    console.info(&format!("Branch (rev-parse --abbrev-ref HEAD): {branch}"));
    console.info(&format!("HEAD commit: {commit}"));
    if admin.is_none() {
        console.warn("Git-dir is missing: the data worktree is not usable.");
        return 0;
    }
    if branch == "HEAD" {
        console.warn("Detached HEAD.");
    }
    let markers = data_state::unfinished(&dir);
    if !markers.is_empty() {
        console.warn(&format!("In-progress operations: {}", markers.join(" ")));
        console.info("Recover with: ./ait git <rebase|merge|cherry-pick|revert> --abort  (or --continue)");
    } else if branch != "HEAD" {
        console.success("Clean: no operation in progress.");
    }
    0
}
