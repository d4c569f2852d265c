//! `aitask_setup.sh`, its git side (specification 40, section 9). What it installs besides (interpreters, skills, seeds of
//! a release) belongs to the original.

use super::scene::Scene;
use crate::error::Result;
use crate::ledger::session::parse_email;
use crate::ledger::{Channel, IDS, LOCKS};
use crate::workflow::migrate::{CONFIGURE, Code, FRAMEWORK_IGNORES, to_data_branch};
use crate::workflow::{Context, data_branch, data_state, framework, helper};
use std::path::Path;

const HELP: &str = "\
Usage: aitask_setup.sh [--with-pypy] [--with-chat] [--with-dev]

Sets the repository up: the data branch and its checkout, what git ignores, the id counter, the
lock branch, the user's settings, and commits what belongs to the framework. Asks on a terminal;
elsewhere every question has its default answer.";

/// What is ignored from here on, and the commit that says so.
const IGNORED: [(&str, &str); 4] = [
    ("aitasks/new/", "ait: Add aitasks/new/ to .gitignore (draft tasks)"),
    ("__pycache__/", "ait: Add __pycache__/ to .gitignore (Python cache artifacts)"),
    (".aitask-gates/", "ait: Add .aitask-gates/ to .gitignore (gate sidecar logs)"),
    (".aitask-shadow/", "ait: Add .aitask-shadow/ to .gitignore (shadow rejection store)"),
];

/// Runs the script.
pub(super) fn run(scene: &Scene, args: &[String]) -> u8 {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        HELP.lines().for_each(|line| scene.console.line(line));
        return 0;
    }
    match set_up(scene) {
        Ok(0) => {
            // What is no business of git's is done by the original, where it is kept; it finds all this done.
            let original = scene.dir.join(".aitask-scripts/aitask_setup.sh.original");
            if original.is_file() {
                let error = helper::become_script(&scene.environment, &original, args, &scene.dir);
                scene.say(&format!("Warning: {error}"));
            }
            0
        }
        Ok(code) => code,
        Err(error) => {
            scene.narrate_setup(&format!("Error: {error}"));
            1
        }
    }
}

impl Scene {
    fn say(&self, text: &str) {
        self.console.line(&format!("[ait] {text}"));
    }

    fn narrate_setup(&self, text: &str) {
        (self.narrate)(&format!("[ait] {text}"));
    }

    /// What somebody at a terminal answers; an empty answer, and no terminal, is the default.
    fn agrees(&self, question: &str, default: bool) -> bool {
        let (choice, word) = if default { ("[Y/n]", "yes") } else { ("[y/N]", "no") };
        let Some(answer) = self.console.ask(&format!("[ait] {question} {choice} ")) else {
            self.say(&format!("{question} (auto-accepting the default: {word})"));
            return default;
        };
        match answer.bytes().next().map(|letter| letter.to_ascii_lowercase()) {
            Some(b'y') => true,
            Some(b'n') => false,
            _ => default,
        }
    }

    /// An address to be known by; the one that git knows, unless another is given.
    fn ask_email(&self, known: Option<&str>) -> Option<String> {
        let shown = known.map_or_else(String::new, |known| format!(" [{known}]"));
        let answer = self.console.ask(&format!("[ait] Your e-mail address{shown}: ")).unwrap_or_default();
        let given = if answer.is_empty() { known? } else { &answer };
        parse_email(given).inspect_err(|error| self.say(&format!("Warning: {error}"))).ok()
    }
}

fn set_up(scene: &Scene) -> Result<u8> {
    let context = if let Some(context) = scene.open()? {
        scene.say("Git repository already initialized");
        let root = &context.repository.toplevel;
        if scene.dir.canonicalize().is_ok_and(|here| here != *root) {
            let (shown, here) = (root.display(), scene.dir.display());
            scene.say(&format!("Warning: the repository's root is {shown}, not {here}"));
            if !scene.agrees(&format!("Set up {shown}?"), false) {
                scene.say("Nothing was done");
                return Ok(1);
            }
            let (environment, dir) = (scene.environment.clone(), root.clone());
            return set_up(&Scene { environment, from: dir.clone(), dir, ..*scene });
        }
        context
    } else {
        scene.say(&format!("{} is no git repository, and tasks are kept in one", scene.dir.display()));
        let asked = ["Make one here?", "Nothing works without. Make one after all?"];
        if !asked.iter().any(|question| scene.agrees(question, true)) {
            scene.say("Nothing was done");
            return Ok(1);
        }
        framework::init_repository(&scene.environment, &scene.dir)?;
        scene.say("Git repository initialized");
        let Some(context) = scene.open()? else { return Ok(1) };
        context
    };
    let snapshot = framework::snapshot(&context)?;
    let context = move_data(scene, context)?;
    make_drafts(&context)?;
    framework::seed(&context)?;
    for (line, message) in IGNORED {
        if framework::ignore(&context, &[line], message)? {
            scene.say(&format!("{line} is ignored from now on"));
        }
    }
    coordination(scene, &context)?;
    if framework::user_config(&context, |known| scene.ask_email(known))? {
        scene.say("Your address is in aitasks/metadata/userconfig.yaml, which is never committed");
    }
    let mut committed = framework::commit_framework(&context, &snapshot)?;
    if data_state::data_worktree(&context).is_some() {
        committed.files += framework::commit_framework_data(&context)?.files;
    }
    for path in &committed.left_alone {
        scene.say(&format!("left alone, since you are at work on it: {}", path.display()));
    }
    scene.say(&match committed.files {
        0 => "Framework files: already committed".to_owned(),
        files => format!("Committed {files} framework files; nothing of the code branch was pushed"),
    });
    Ok(0)
}

fn move_data(scene: &Scene, context: Context) -> Result<Context> {
    if data_state::data_worktree(&context).is_some() {
        data_branch::take_over(&context)?;
        scene.say("Data branch already configured");
        return Ok(context);
    }
    if !scene.agrees("Keep task data on a branch of its own?", true) {
        return Ok(context);
    }
    let mut context = context;
    if context.repository.unborn {
        // A branch needs a commit to be there at all.
        framework::ignore(&context, &FRAMEWORK_IGNORES, CONFIGURE)?;
        context = scene.open()?.unwrap_or(context);
    }
    let (made, aside) = to_data_branch(&context, Code::Stays)?;
    made.iter().chain(&aside.notes).for_each(|line| scene.say(line));
    Ok(scene.open()?.unwrap_or(context))
}

/// The folder of the drafts.
fn make_drafts(context: &Context) -> Result<()> {
    let path = context.data_dir().join(crate::task::paths::DRAFTS_DIR);
    std::fs::create_dir_all(&path).map_err(|error| crate::error::Error::io("make", Path::new(&path), &error))
}

/// The id counter and the lock branch.
fn coordination(scene: &Scene, context: &Context) -> Result<()> {
    if context.channel == Channel::Local {
        scene.say("Warning: No git remote 'origin' configured; ids and locks hold on this machine alone");
        scene.say("Add one with: git remote add origin <url>");
        if scene.console.ask("[ait] Enter goes on without one: ").is_none() {
            scene.say("(auto-accepting acknowledgment)");
        }
        scene.say("No remote for the lock branch either: already acknowledged");
        return Ok(());
    }
    let known = |name: &str| -> Result<bool> {
        let branch = crate::git::types::Branch::parse(name)?;
        let ledger = context.ledger();
        let view = ledger.view(std::slice::from_ref(&branch), true)?;
        Ok(view.base(&branch).is_some())
    };
    let option = if known(IDS)? { "--resync" } else { "--init" };
    let call = |script: &str, option: &str| super::run(script, &[option.to_owned()], &scene.environment, &scene.dir);
    let mut done = call("aitask_claim_id.sh", option) == 0;
    if !known(LOCKS)? {
        done &= call("aitask_lock.sh", "--init") == 0;
    }
    if !done {
        scene.say("Warning: ids and locks are not set up; run setup again when the remote can be reached");
    }
    Ok(())
}
