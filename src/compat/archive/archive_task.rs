//! `aitask_archive.sh`: archives a task with its plans and folded tasks, and then releases its lock. Skills read the
//! result lines; exit 2 says that gates or checklist items are pending.

use crate::archive::archiver::{ArchiveEvent, EventTask};
use crate::archive::carry_over::CarryOver;
use crate::archive::gates::{self, PendingGates};
use crate::archive::request::{ArchiveRefusal, ArchiveRequest, ArchiveRules, Deferred, Ending, Gates};
use crate::compat::archive::file_away::{ArchiveReport, Publication, ScriptArchive, refusal_error};
use crate::compat::archive::snapshot::{DataCheckout, FolderPaths};
use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::options::usage;
use crate::error::{Error, Kind, Result};
use crate::project::Context;
use crate::task::checklist::Checklist;
use crate::task::{Document, TaskId};
use crate::worktrees::landed;

const HELP: &str = "\
Usage: aitask_archive.sh [OPTIONS] <id>

Archives a finished task: its file is marked Done and moved with its plans, tasks folded into it are deleted, a parent
whose last child it was goes along; one commit, then the lock is released. Nothing else is pushed.

  --dry-run                    show it, change nothing
  --no-commit                  stage it, make no commit
  --superseded                 note that it was overtaken by another task
  --with-deferred-carryover    a new task takes over the deferred items of the checklist
  --ignore-gates               archive although gates have not passed
  -h, --help                   this text";

/// The arguments of `aitask_archive.sh`.
#[derive(Debug)]
struct ArchiveArguments {
    id: Option<TaskId>,
    request: ArchiveRequest,
    publication: Publication,
}

/// Claims the id of a new task; gives a note, too, where that restored the counter.
pub(crate) type Claim = fn(&Invocation, &Context) -> Result<(u64, Option<String>)>;

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String], claim: Claim) -> u8 {
    let arguments = match parse(args) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            return 0;
        }
        Err(error) => return fail(invocation, &error),
    };
    let Some(id) = arguments.id else {
        return fail(invocation, &usage("Task number is required. Use --help for usage.".to_owned()));
    };
    let folders = TaskFolders::of_environment(&invocation.environment, &invocation.dir);
    let done = require_passed(invocation, &folders, arguments.request, id)
        .and_then(|deferred| archive(invocation, &folders, &arguments, id, (deferred > 0).then_some(claim)));
    match done {
        Ok(()) => 0,
        Err(error) if error.kind() == Kind::GatePending => {
            error.to_string().lines().for_each(|line| invocation.console.line(line));
            2
        }
        Err(error) => {
            fail(invocation, &error);
            if error.kind() == Kind::NoSuchTask {
                invocation.console.error(&format!("Task not found: {id}"));
            }
            1
        }
    }
}

fn fail(invocation: &Invocation, error: &Error) -> u8 {
    invocation.print_error(error);
    1
}

fn parse(args: &[String]) -> Result<Option<ArchiveArguments>> {
    let request = ArchiveRequest { rules: ArchiveRules::Checkout, ..ArchiveRequest::default() };
    let mut arguments = ArchiveArguments { id: None, request, publication: Publication::Commit };
    for arg in args {
        match arg.as_str() {
            // It overrides --no-commit, in whatever order the two are given.
            "--dry-run" => arguments.publication = Publication::Show,
            "--no-commit" if arguments.publication == Publication::Commit => arguments.publication = Publication::Stage,
            "--superseded" => arguments.request.ending = Ending::Superseded,
            "--no-commit" => {}
            "--with-deferred-carryover" => arguments.request.deferred = Deferred::CarryOver,
            "--ignore-gates" => arguments.request.gates = Gates::Overridden,
            "-h" | "--help" => return Ok(None),
            option if option.starts_with('-') => {
                return Err(usage(format!("Unknown option: {option}. Use --help for usage.")));
            }
            _ if arguments.id.is_some() => return Err(usage(format!("Unexpected argument: {arg}"))),
            id => match TaskId::try_parse(id) {
                Some(id) => arguments.id = Some(id),
                None => {
                    return Err(usage(format!(
                        "Invalid task number: {id} (expected format: 166, t166, 16_2, or t16_2)"
                    )));
                }
            },
        }
    }
    Ok(Some(arguments))
}

/// Refuses a task with open items of a manual verification, or whose gates have not passed. As in the scripts this is
/// the first check, and it works outside a repository: callers read the pending gates from it. Gives the number of
/// deferred items.
fn require_passed(
    invocation: &Invocation,
    folders: &TaskFolders,
    request: ArchiveRequest,
    id: TaskId,
) -> Result<usize> {
    let Some(file) = folders.tasks.files_of('t', &id.to_string()).pop() else { return Ok(0) };
    let document = Document::parse(&folders.tasks.tree().read(invocation.dir.join(file))?);
    let ready = || Ok(gates::archive_ready(&invocation.environment, &invocation.dir, &id.to_string()));
    let deferred = Checklist::of(&document).deferred.len();
    match gates::pending(&document, request.deferred, ready)? {
        None => Ok(deferred),
        Some(PendingGates::Gates(pending)) if request.gates == Gates::Overridden => {
            invocation.console.info(&format!(
                "Ignoring gate-guard (--ignore-gates): archiving {} with pending gate(s): {pending}",
                id.prefixed()
            ));
            Ok(deferred)
        }
        Some(pending) => Err(refusal_error(id, ArchiveRefusal::Pending(pending), str::to_owned)),
    }
}

/// Archives the task. With `claim`, a new task takes over its deferred items.
fn archive(
    invocation: &Invocation,
    folders: &TaskFolders,
    arguments: &ArchiveArguments,
    id: TaskId,
    claim: Option<Claim>,
) -> Result<()> {
    let context = invocation.open()?.ok_or_else(|| Error::new(Kind::NotARepository, "not inside a git repository"))?;
    let checkout = DataCheckout::find(&context, &invocation.dir, folders)?;
    let publication = arguments.publication;
    let dry_run = publication == Publication::Show;
    warn_of_loose_ends(invocation, &context, folders, id);
    let carry_over = match claim {
        Some(_) if dry_run => {
            invocation
                .console
                .info(&format!("[dry-run] Would create a task for the deferred items of {}", id.prefixed()));
            None
        }
        Some(claim) => {
            let (number, aside) = claim(invocation, &context)?;
            if let Some(aside) = aside {
                invocation.console.stderr_info(&aside);
            }
            Some(CarryOver::numbered(number))
        }
        None => None,
    };
    let plain = |checkout: &DataCheckout<'_>, note: &ArchiveEvent| result_lines(note, checkout.folder_paths(), false);
    let place = ScriptArchive { checkout: &checkout, publication, carry_over, lines: plain };
    let archived = place.archive(id, arguments.request)?;
    match archived.report {
        ArchiveReport::Notes(notes) => {
            for note in &notes {
                print_note(invocation, note, checkout.folder_paths(), dry_run);
            }
        }
        ArchiveReport::Lines(lines) => lines.iter().for_each(|line| invocation.console.line(line)),
    }
    if let Some(commit) = &archived.commit {
        invocation.console.line(&format!("COMMITTED:{commit}"));
    }
    if !dry_run {
        release(invocation, &checkout, &archived.released);
        checkout.forget_intent(id);
    }
    Ok(())
}

/// Warns of commits and changes that archiving does not publish, such as an unmerged task branch. The scripts archive
/// such a task, so this does not refuse.
fn warn_of_loose_ends(invocation: &Invocation, context: &Context, folders: &TaskFolders, id: TaskId) {
    for file in folders.tasks.files_of('t', &id.to_string()) {
        let name = file.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
        if let Ok(Some(ends)) = landed::describe_remaining_work(context, name, &[]) {
            invocation.console.warn(&ends);
        }
    }
}

/// Releases the locks, after the commit: if the run is interrupted before, the task is still locked and the same
/// command goes on. A lock that cannot be released is a warning only, since the task is archived and the lock is
/// stale.
fn release(invocation: &Invocation, checkout: &DataCheckout<'_>, tasks: &[TaskId]) {
    match checkout.release(tasks) {
        Ok(locks) => {
            let own = invocation.detect_email().ok();
            for lock in locks.iter().filter(|lock| own.as_ref().is_some_and(|own| *own != lock.holder)) {
                invocation.console.warn(&format!(
                    "{} was locked by {} on {}",
                    lock.task.prefixed(),
                    lock.holder,
                    lock.host
                ));
            }
        }
        Err(error) => invocation.console.warn(&format!(
            "the lock was not released: {error}; run 'aitask_lock.sh --cleanup' once the remote can be reached"
        )),
    }
    for task in tasks {
        gates::prune_shadow(&invocation.environment, &invocation.dir, &task.to_string());
    }
}

fn print_note(invocation: &Invocation, note: &ArchiveEvent, folder_paths: &FolderPaths, dry_run: bool) {
    match note {
        ArchiveEvent::Begin(..) | ArchiveEvent::LastChild => {
            for line in result_lines(note, folder_paths, dry_run) {
                invocation.console.info(&line);
            }
        }
        ArchiveEvent::StillOpen(parent, children) => {
            let children: Vec<_> = children.iter().map(|child| child.prefixed()).collect();
            invocation.console.warn(&format!(
                "{} stays active: {} are still active",
                parent.prefixed(),
                children.join(", ")
            ));
        }
        _ => {
            for line in result_lines(note, folder_paths, dry_run) {
                if line.starts_with("[dry-run]") {
                    invocation.console.info(&line);
                } else {
                    invocation.console.line(&line);
                }
            }
        }
    }
}

/// The result lines of a note.
fn result_lines(note: &ArchiveEvent, folder_paths: &FolderPaths, dry_run: bool) -> Vec<String> {
    let would = |text: String| dry_run.then(|| format!("[dry-run] Would {text}"));
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    match note {
        ArchiveEvent::CarriedOver(id, path) => vec![format!("CARRYOVER_CREATED:{id}:{}", folder_paths.shown(path))],
        ArchiveEvent::Begin(file, None) => vec![format!("Archiving parent task: {file}")],
        ArchiveEvent::Begin(file, Some(parent)) => vec![format!("Archiving child task: {file} (parent: {parent})")],
        ArchiveEvent::Link(kin, id, word, url) => {
            let kin = match kin {
                EventTask::Own => "",
                EventTask::Parent => "PARENT_",
                EventTask::Folded => "FOLDED_",
            };
            vec![format!("{kin}{word}:{id}:{url}")]
        }
        ArchiveEvent::ParentEdited(path, child) => {
            let path = folder_paths.shown(path);
            vec![would(format!("remove child {} from {path}", child.prefixed())).unwrap_or(path)]
        }
        ArchiveEvent::FoldedDeleted(id, path) => {
            let path = folder_paths.shown(path);
            vec![
                would(format!("delete folded task {}: {path}", id.prefixed()))
                    .unwrap_or(format!("FOLDED_DELETED:{id}:{path}")),
            ]
        }
        ArchiveEvent::FoldedKept(id, status) => vec![format!("FOLDED_WARNING:{id}:{status}")],
        ArchiveEvent::Moved(kin, _, from, to) => {
            let (from, to) = (folder_paths.shown(from), folder_paths.shown(to));
            let edit = would(format!("update metadata in {from} (status=Done, timestamps)"));
            let moved = would(format!("move {from} -> {}", folder(&to)));
            let word = if *kin == EventTask::Parent { "PARENT_ARCHIVED" } else { "ARCHIVED_TASK" };
            edit.into_iter().chain(moved).chain([format!("{word}:{to}")]).collect()
        }
        ArchiveEvent::PlanMoved(from, to) => {
            let (from, to) = (folder_paths.shown(from), folder_paths.shown(to));
            let moved = would(format!("move {from} -> {}", folder(&to)));
            moved.into_iter().chain([format!("ARCHIVED_PLAN:{to}")]).collect()
        }
        ArchiveEvent::LastChild => vec!["All child tasks complete — archiving parent task as well.".to_owned()],
        ArchiveEvent::StillOpen(..) | ArchiveEvent::ParentStays(..) => Vec::new(),
        ArchiveEvent::Released(id) => {
            let lock = would(format!("release lock for {}", id.prefixed()));
            lock.into_iter().chain(would(format!("prune shadow rejection store for {}", id.prefixed()))).collect()
        }
    }
}
