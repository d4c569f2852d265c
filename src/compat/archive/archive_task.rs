//! `aitask_archive.sh`.

use crate::archive::archiver::{Kin, Note};
use crate::archive::gates::{self, Pending};
use crate::archive::request::{Ending, Gates, Refusal, Request, Rules};
use crate::compat::archive::file_away::{Archiving, Publication, Told, tell};
use crate::compat::archive::snapshot::{Places, Site};
use crate::compat::folders::Checkout;
use crate::compat::invocation::Scene;
use crate::compat::options::usage;
use crate::error::{Error, Kind, Result};
use crate::project::Context;
use crate::task::{Document, TaskId};
use crate::worktrees::landed;

const HELP: &str = "\
Usage: aitask_archive.sh [OPTIONS] <id>

Archives a finished task: its file is marked Done and moved with its plans, tasks folded into it are deleted, a parent
whose last child it was goes along; one commit, then the lock is released. Nothing else is pushed.

  --dry-run                    show it, change nothing
  --no-commit                  stage it, make no commit
  --superseded                 note that it was overtaken by another task
  --with-deferred-carryover    see the checklist of a manual verification
  --ignore-gates               archive although gates have not passed
  -h, --help                   this text";

/// What was asked for.
#[derive(Debug)]
struct Asked {
    id: Option<TaskId>,
    request: Request,
    publication: Publication,
}

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    let asked = match parse(args) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            HELP.lines().for_each(|line| scene.console.line(line));
            return 0;
        }
        Err(error) => return fail(scene, &error),
    };
    let Some(id) = asked.id else {
        return fail(scene, &usage("Task number is required. Use --help for usage.".to_owned()));
    };
    let checkout = Checkout::of_environment(&scene.environment, &scene.dir);
    let done =
        require_passed(scene, &checkout, asked.request.gates, id).and_then(|()| archive(scene, &checkout, &asked, id));
    match done {
        Ok(()) => 0,
        Err(error) if error.kind() == Kind::GatePending => {
            error.to_string().lines().for_each(|line| scene.console.line(line));
            2
        }
        Err(error) => {
            fail(scene, &error);
            if error.kind() == Kind::NoSuchTask {
                scene.console.error(&format!("Task not found: {id}"));
            }
            1
        }
    }
}

fn fail(scene: &Scene, error: &Error) -> u8 {
    scene.say_error(error);
    1
}

fn parse(args: &[String]) -> Result<Option<Asked>> {
    let request = Request { rules: Rules::Checkout, ..Request::default() };
    let mut asked = Asked { id: None, request, publication: Publication::Commit };
    for arg in args {
        match arg.as_str() {
            // It goes before the other one, wherever it stands.
            "--dry-run" => asked.publication = Publication::Show,
            "--no-commit" if asked.publication == Publication::Commit => asked.publication = Publication::Stage,
            "--superseded" => asked.request.ending = Ending::Superseded,
            // Only a checklist with deferred items asks for the second one.
            "--no-commit" | "--with-deferred-carryover" => {}
            "--ignore-gates" => asked.request.gates = Gates::Overridden,
            "-h" | "--help" => return Ok(None),
            option if option.starts_with('-') => {
                return Err(usage(format!("Unknown option: {option}. Use --help for usage.")));
            }
            _ if asked.id.is_some() => return Err(usage(format!("Unexpected argument: {arg}"))),
            id => match TaskId::recognise(id) {
                Some(id) => asked.id = Some(id),
                None => {
                    return Err(usage(format!(
                        "Invalid task number: {id} (expected format: 166, t166, 16_2, or t16_2)"
                    )));
                }
            },
        }
    }
    Ok(Some(asked))
}

/// Refuses a task with open items of a manual verification, or whose gates have not passed; before anything else is looked
/// at, also outside a repository.
fn require_passed(scene: &Scene, checkout: &Checkout, gates: Gates, id: TaskId) -> Result<()> {
    let Some(file) = checkout.tasks.files_of('t', &id.to_string()).pop() else { return Ok(()) };
    let document = Document::parse(&checkout.tasks.tree().read(scene.dir.join(file))?);
    let ready = || Ok(gates::archive_ready(&scene.environment, &scene.dir, &id.to_string()));
    match gates::pending(&document, ready)? {
        None => Ok(()),
        Some(Pending::Gates(pending)) if gates == Gates::Overridden => {
            scene.console.info(&format!(
                "Ignoring gate-guard (--ignore-gates): archiving {} with pending gate(s): {pending}",
                id.t()
            ));
            Ok(())
        }
        Some(pending) => Err(tell(id, Refusal::Pending(pending), str::to_owned)),
    }
}

fn archive(scene: &Scene, checkout: &Checkout, asked: &Asked, id: TaskId) -> Result<()> {
    let context = scene.open()?.ok_or_else(|| Error::new(Kind::NotARepository, "not inside a git repository"))?;
    let site = Site::find(&context, &scene.dir, checkout)?;
    let publication = asked.publication;
    let dry_run = publication == Publication::Show;
    warn_of_loose_ends(scene, &context, checkout, id);
    let plain = |site: &Site<'_>, note: &Note| lines(note, site.places(), false);
    let archived = Archiving { site: &site, publication, lines: plain }.archive(id, asked.request)?;
    match archived.told {
        Told::Notes(notes) => notes.iter().for_each(|note| show(scene, note, site.places(), dry_run)),
        Told::Lines(lines) => lines.iter().for_each(|line| scene.console.line(line)),
    }
    if let Some(commit) = &archived.commit {
        scene.console.line(&format!("COMMITTED:{commit}"));
    }
    if !dry_run {
        release(scene, &site, &archived.released);
        site.forget_intent(id);
    }
    Ok(())
}

/// What stays behind when the task is archived is said, and is no reason not to archive it.
fn warn_of_loose_ends(scene: &Scene, context: &Context, checkout: &Checkout, id: TaskId) {
    for file in checkout.tasks.files_of('t', &id.to_string()) {
        let name = file.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
        if let Ok(Some(ends)) = landed::loose_ends(context, name, &[]) {
            scene.console.warn(&ends);
        }
    }
}

/// Locks go last; that one cannot be released is no reason to fail.
fn release(scene: &Scene, site: &Site<'_>, tasks: &[TaskId]) {
    match site.release(tasks) {
        Ok(locks) => {
            let own = scene.detect_email().ok();
            for lock in locks.iter().filter(|lock| own.as_ref().is_some_and(|own| *own != lock.holder)) {
                scene.console.warn(&format!("{} was locked by {} on {}", lock.task.t(), lock.holder, lock.host));
            }
        }
        Err(error) => scene
            .console
            .warn(&format!("the lock stays: {error}; once the remote can be reached, run 'aitask_lock.sh --cleanup'")),
    }
    for task in tasks {
        gates::prune_shadow(&scene.environment, &scene.dir, &task.to_string());
    }
}

fn show(scene: &Scene, note: &Note, places: &Places, dry_run: bool) {
    match note {
        Note::Begin(..) | Note::LastChild => {
            for line in lines(note, places, dry_run) {
                scene.console.info(&line);
            }
        }
        Note::StillOpen(parent, children) => {
            let children: Vec<_> = children.iter().map(|child| child.t()).collect();
            scene.console.warn(&format!("{} stays active: {} are still active", parent.t(), children.join(", ")));
        }
        _ => {
            for line in lines(note, places, dry_run) {
                if line.starts_with("[dry-run]") { scene.console.info(&line) } else { scene.console.line(&line) }
            }
        }
    }
}

/// The lines of a note.
fn lines(note: &Note, places: &Places, dry_run: bool) -> Vec<String> {
    let would = |text: String| dry_run.then(|| format!("[dry-run] Would {text}"));
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    match note {
        Note::Begin(file, None) => vec![format!("Archiving parent task: {file}")],
        Note::Begin(file, Some(parent)) => vec![format!("Archiving child task: {file} (parent: {parent})")],
        Note::Link(kin, id, word, url) => {
            let kin = match kin {
                Kin::Own => "",
                Kin::Parent => "PARENT_",
                Kin::Folded => "FOLDED_",
            };
            vec![format!("{kin}{word}:{id}:{url}")]
        }
        Note::ParentEdited(path, child) => {
            let path = places.shown(path);
            vec![would(format!("remove child {} from {path}", child.t())).unwrap_or(path)]
        }
        Note::FoldedDeleted(id, path) => {
            let path = places.shown(path);
            vec![
                would(format!("delete folded task {}: {path}", id.t()))
                    .unwrap_or(format!("FOLDED_DELETED:{id}:{path}")),
            ]
        }
        Note::FoldedKept(id, status) => vec![format!("FOLDED_WARNING:{id}:{status}")],
        Note::Moved(kin, _, from, to) => {
            let (from, to) = (places.shown(from), places.shown(to));
            let edit = would(format!("update metadata in {from} (status=Done, timestamps)"));
            let moved = would(format!("move {from} -> {}", folder(&to)));
            let word = if *kin == Kin::Parent { "PARENT_ARCHIVED" } else { "ARCHIVED_TASK" };
            edit.into_iter().chain(moved).chain([format!("{word}:{to}")]).collect()
        }
        Note::PlanMoved(from, to) => {
            let (from, to) = (places.shown(from), places.shown(to));
            let moved = would(format!("move {from} -> {}", folder(&to)));
            moved.into_iter().chain([format!("ARCHIVED_PLAN:{to}")]).collect()
        }
        Note::LastChild => vec!["All child tasks complete — archiving parent task as well.".to_owned()],
        Note::StillOpen(..) => Vec::new(),
        Note::Released(id) => {
            let lock = would(format!("release lock for {}", id.t()));
            lock.into_iter().chain(would(format!("prune shadow rejection store for {}", id.t()))).collect()
        }
    }
}
