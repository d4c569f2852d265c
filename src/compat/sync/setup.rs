//! `aitask_setup.sh`, as far as git is concerned: data branch, ignored files, id counter, lock branch, settings,
//! commits. The rest (interpreters, skills, files of a release) is left to the original, if it is there. The data
//! branch comes before the id counter, which is counted from the tasks on it.

use crate::compat::exec;
use crate::compat::invocation::Invocation;
use crate::compat::locks::{claim_id, lock};
use crate::compat::sync::framework::{self, ChangedBeforeSetup, FrameworkFiles, TaskData};
use crate::coordination::session::parse_email;
use crate::data_branch::attach;
use crate::data_branch::migrate::{
    CONFIGURE, CodeCommit, FRAMEWORK_IGNORES, Migration, ignore_private, move_to_data_branch,
};
use crate::error::{Error, Result};
use crate::git::Freshness;
use crate::git::types::Branch;
use crate::ledger::{Channel, DATA, IDS, LOCKS, Ledger};
use crate::project::{Context, data_state};

const HELP: &str = "\
Usage: aitask_setup.sh [--with-pypy] [--with-chat] [--with-dev]

Sets up the repository: the data branch and its worktree, ignored files, the id counter, the lock
branch and the user's settings, and commits the files of the framework. Asks questions on a
terminal only; elsewhere every question gets its default answer.";

/// The lines to add to `.gitignore`, each with the subject of its commit. Subjects and order are the scripts'.
const IGNORED: [(&str, &str); 4] = [
    ("aitasks/new/", "ait: Add aitasks/new/ to .gitignore (draft tasks)"),
    ("__pycache__/", "ait: Add __pycache__/ to .gitignore (Python cache artifacts)"),
    (".aitask-gates/", "ait: Add .aitask-gates/ to .gitignore (gate sidecar logs)"),
    (".aitask-shadow/", "ait: Add .aitask-shadow/ to .gitignore (shadow rejection store)"),
];

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        HELP.lines().for_each(|line| invocation.console.line(line));
        return 0;
    }
    match set_up(invocation) {
        Ok(0) => {
            // The original does the rest. It finds the part that concerns git done, and skips it.
            let original = invocation.dir.join(".aitask-scripts/aitask_setup.sh.original");
            if original.is_file() {
                let error = exec::exec_script(&invocation.environment, &original, args, &invocation.dir);
                invocation.print(&format!("Warning: {error}"));
            }
            0
        }
        Ok(code) => code,
        Err(error) => {
            invocation.notice_setup(&format!("Error: {error}"));
            1
        }
    }
}

impl Invocation {
    fn print(&self, text: &str) {
        self.console.tagged(text);
    }

    /// Prints what could not be done, and the command that helps. Setup continues with the next step.
    fn print_failure(&self, error: &Error) {
        self.print(&format!("Warning: {error}"));
        error.hints().iter().for_each(|hint| self.print(&format!("  try: {hint}, then setup again")));
    }

    fn notice_setup(&self, text: &str) {
        (self.notice)(&format!("[ait] {text}"));
    }

    /// Asks a question with yes or no. Without a terminal, or for an empty answer, the default counts.
    fn confirm(&self, question: &str, default: bool) -> bool {
        let (choice, word) = if default { ("[Y/n]", "yes") } else { ("[y/N]", "no") };
        let Some(answer) = self.console.ask(&format!("[ait] {question} {choice} ")) else {
            self.print(&format!("{question} (auto-accepting the default: {word})"));
            return default;
        };
        match answer.bytes().next().map(|letter| letter.to_ascii_lowercase()) {
            Some(b'y') => true,
            Some(b'n') => false,
            _ => default,
        }
    }

    /// Asks for the user's address; `known`, which git is configured with, is the default.
    fn ask_email(&self, known: Option<&str>) -> Option<String> {
        let shown = known.map_or_else(String::new, |known| format!(" [{known}]"));
        let answer = self.console.ask(&format!("[ait] Your e-mail address{shown}: "));
        if let (None, Some(known)) = (&answer, known) {
            self.print(&format!("Your e-mail address (auto-accepting the default: {known})"));
        }
        let answer = answer.unwrap_or_default();
        let given = if answer.is_empty() { known? } else { &answer };
        parse_email(given).inspect_err(|error| self.print(&format!("Warning: {error}"))).ok()
    }
}

fn set_up(invocation: &Invocation) -> Result<u8> {
    let context = if let Some(context) = invocation.open()? {
        invocation.print("Git repository already initialized");
        let root = &context.repository.toplevel;
        if invocation.dir.canonicalize().is_ok_and(|here| here != *root) {
            let (shown, here) = (root.display(), invocation.dir.display());
            invocation.print(&format!("Warning: the repository's root is {shown}, not {here}"));
            if !invocation.confirm(&format!("Set up {shown}?"), false) {
                invocation.print("Nothing was done");
                return Ok(1);
            }
            let (environment, dir) = (invocation.environment.clone(), root.clone());
            return set_up(&Invocation { environment, from: dir.clone(), dir, ..*invocation });
        }
        context
    } else {
        invocation
            .print(&format!("{} is not a git repository, which is needed to keep tasks", invocation.dir.display()));
        let asked = ["Create one here?", "Setup cannot continue without a repository. Create one?"];
        if !asked.iter().any(|question| invocation.confirm(question, true)) {
            invocation.print("Nothing was done");
            return Ok(1);
        }
        framework::init_repository(&invocation.environment, &invocation.dir)?;
        invocation.print("Git repository initialized");
        let Some(context) = invocation.open()? else { return Ok(1) };
        context
    };
    // This is read before setup writes anything: afterwards the user's changes cannot be told from those of setup.
    let changed = ChangedBeforeSetup::take(&context)?;
    framework::hide_user_config(&context)?;
    let (context, is_settled) = set_up_data(invocation, context)?;
    if is_settled {
        framework::create_folders(&context)?;
        framework::write_initial_files(&context)?;
    }
    ignore(invocation, &context);
    set_up_coordination(invocation, &context);
    if is_settled && framework::user_config(&context, |known| invocation.ask_email(known))? {
        invocation.print("Your address is in aitasks/metadata/userconfig.yaml, which is never committed");
    }
    commit(invocation, &context, &changed, is_settled)?;
    Ok(0)
}

/// Sets up the data branch and its checkout, and prints what fails. `false` when the task data has no place yet: then
/// no file of it may be written, or the task data would be in two places.
fn set_up_data(invocation: &Invocation, context: Context) -> Result<(Context, bool)> {
    let is_there = data_state::data_worktree(&context).is_some();
    if !is_there && !invocation.confirm("Keep task data on a branch of its own?", true) {
        return Ok((context, true));
    }
    let made = if is_there { keep_data_branch(invocation, &context) } else { create_data_branch(invocation, &context) };
    let context = invocation.open()?.unwrap_or(context);
    let is_settled = data_state::data_worktree(&context).is_some();
    let finished = made.and_then(|()| {
        if ignore_private(&context)? {
            invocation.print("git now ignores the drafts and settings of a user on the data branch");
        }
        Ok(())
    });
    if let Err(error) = finished {
        invocation.print_failure(&error);
    }
    if !is_settled {
        invocation.print("Warning: the task data was not moved, and its folders and settings were not set up");
    }
    Ok((context, is_settled))
}

fn keep_data_branch(invocation: &Invocation, context: &Context) -> Result<()> {
    invocation.print("Data branch already configured");
    attach::move_folders(context)?;
    if attach::publish(context)? {
        invocation.print("The data branch was published, and tracks the one of the remote");
    }
    Ok(())
}

fn create_data_branch(invocation: &Invocation, context: &Context) -> Result<()> {
    let opened;
    let mut context = context;
    if context.repository.unborn {
        // The code branch exists only after its first commit.
        framework::ignore(context, &FRAMEWORK_IGNORES, CONFIGURE)?;
        opened = invocation.open()?;
        context = opened.as_ref().unwrap_or(context);
    }
    let Migration { made, aside } = move_to_data_branch(context, CodeCommit::Stays)?;
    made.iter().chain(&aside.notes).for_each(|line| invocation.print(line));
    Ok(())
}

/// Adds the lines to the `.gitignore` of the code branch.
fn ignore(invocation: &Invocation, context: &Context) {
    if context.repository.root_branch.is_none() {
        return invocation.print("Warning: no branch is checked out, so no commit is made on the code branch");
    }
    for (line, message) in IGNORED {
        match framework::ignore(context, &[line], message) {
            Ok(true) => invocation.print(&format!("git now ignores {line}")),
            Ok(false) => {}
            // The cause of one refusal, such as a hook, refuses the other commits too.
            Err(error) => return invocation.print_failure(&error),
        }
    }
}

/// Sets up the id counter and the lock branch.
fn set_up_coordination(invocation: &Invocation, context: &Context) {
    if context.channel == Channel::Local {
        invocation.print("Warning: No git remote 'origin' configured; ids and locks are valid in this clone only");
        invocation.print("Add one with: git remote add origin <url>");
        if invocation.console.ask("[ait] Press Enter to continue without a remote: ").is_none() {
            invocation.print("(auto-accepting acknowledgment)");
        }
        invocation.print("No remote for the lock branch either: already acknowledged");
        return;
    }
    let done = init_coordination(invocation, context).unwrap_or_else(|error| {
        invocation.print_failure(&error);
        false
    });
    if !done {
        invocation.print("Warning: ids and locks are not set up; run setup again when the remote can be reached");
    }
}

fn init_coordination(invocation: &Invocation, context: &Context) -> Result<bool> {
    let known = |name: &str| -> Result<bool> {
        let branch = Branch::parse(name)?;
        let ledger = Ledger { repairs: true, ..context.ledger() };
        let view = ledger.view(std::slice::from_ref(&branch), Freshness::Fetched)?;
        Ok(view.tip(&branch).published.is_some() && ledger.unpublished_locks(&view)?.is_none())
    };
    let dir = invocation.home().unwrap_or_else(|| invocation.dir.clone());
    let there =
        Invocation { dir, from: invocation.dir.clone(), environment: invocation.environment.clone(), ..*invocation };
    let is_done = |run: fn(&Invocation, &[String]) -> u8, option: &str| run(&there, &[option.to_owned()]) == 0;
    let mut done = if known(IDS)? {
        is_done(claim_id::run, "--resync")
    } else if data_state::data_worktree(context).is_none() && known(DATA)? {
        // The tasks are on the data branch, which is not checked out here. A counter that starts from the files here
        // would give their ids again.
        invocation.print("Warning: the id counter starts once the data branch is checked out here");
        false
    } else {
        is_done(claim_id::run, "--init")
    };
    if !known(LOCKS)? {
        done &= is_done(lock::run, "--init");
    }
    Ok(done)
}

/// Commits the files of the framework that are not committed yet.
fn commit(invocation: &Invocation, context: &Context, changed: &ChangedBeforeSetup, is_settled: bool) -> Result<()> {
    let dir = data_state::data_worktree(context);
    let is_free = dir.as_ref().is_none_or(|dir| data_state::unfinished(dir).is_empty());
    if !is_free {
        invocation.print("Warning: the data worktree has an unfinished rebase or merge; see ./ait git-health");
    }
    let mut pending = Vec::new();
    if context.repository.root_branch.is_some() {
        let task_data = if is_settled { TaskData::Included } else { TaskData::LeftAlone };
        pending.push(FrameworkFiles::code(context, changed, task_data)?);
    }
    if let Some(dir) = dir.filter(|_| is_free) {
        pending.push(FrameworkFiles::data(context, changed, dir)?);
    }
    for path in pending.iter().flat_map(|pending| &pending.left_alone) {
        invocation.print(&format!("left alone, since it has uncommitted changes: {}", path.display()));
    }
    let files: usize = pending.iter().map(FrameworkFiles::files).sum();
    if files == 0 {
        invocation.print("Framework files: already committed");
        return Ok(());
    }
    if changed.is_first {
        invocation.print("Warning: First-time framework tracking: all files of the framework are committed");
    }
    invocation.print(&format!("READY TO COMMIT {files} FRAMEWORK FILES"));
    match pending.iter().try_for_each(|pending| pending.commit(context)) {
        Ok(()) => invocation.print("Committed; the code branch was not pushed"),
        Err(error) => invocation.print_failure(&error),
    }
    Ok(())
}
