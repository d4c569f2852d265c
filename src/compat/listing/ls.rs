//! `aitask_ls.sh`: lists active tasks. It ignores `TASK_DIR` and works outside a repository, as the original does.

use crate::archive::gates;
use crate::compat::folders::{TaskFolder, TaskFolders, is_file};
use crate::compat::invocation::Invocation;
use crate::compat::listing::rows::{Detail, TaskRow, child_id, parent_id};
use crate::compat::numbers::is_number;
use crate::compat::options::{ForProject, take_project, usage};
use crate::compat::projects;
use crate::error::{Error, Result};
use crate::task::fields::{FOLLOWUP_KINDS, issue_types};
use crate::task::{ActiveIds, Document, Filter, FollowUps, Order, Selection, Status, paths};
use std::collections::{HashMap, HashSet};

const HELP: &str = "\
Usage: aitask_ls.sh [OPTIONS] [NUMBER]

Lists active tasks: what is not blocked first, then by priority, effort and name. NUMBER limits the lines, 0 does not.

  -v                      also status, priority, effort, type and more
  -s, --status STATUS     with this status (default Ready); 'all' for every one
  -l, --labels L1,L2      with at least one of these labels
      --type TYPE         of this issue type
      --followup-kind K   of this kind of follow-up
      --no-followup-kind  of no such kind
  -c, --children PARENT   the children of this task
      --all-levels        parents and children in one list
      --tree              children below their parents, not sorted
      --project NAME      in another registered project
  -h, --help              this text";

/// The arguments of `aitask_ls.sh`.
#[derive(Debug, Default)]
struct ListArguments {
    limit: usize,
    detail: Detail,
    filter: Filter,
    children: Option<String>,
    all_levels: bool,
    tree: bool,
}

/// Why the arguments ask for no listing.
enum ListUsage {
    Help,
    Unknown(String),
    Wrong(Error),
}

impl From<Error> for ListUsage {
    fn from(error: Error) -> Self {
        Self::Wrong(error)
    }
}

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let help = |code| {
        HELP.lines().for_each(|line| invocation.console.line(line));
        code
    };
    if args.is_empty() {
        return help(0);
    }
    let answer = match take_project(args) {
        Ok(ForProject { project: Some(name), args: rest }) => {
            Err(projects::exec_script(&invocation.environment, &name, "aitask_ls.sh", &rest).into())
        }
        Ok(ForProject { project: None, args: rest }) => parse(invocation, &rest),
        Err(error) => Err(error.into()),
    };
    match answer {
        Ok(request) => list(invocation, &request),
        Err(ListUsage::Help) => help(0),
        Err(ListUsage::Unknown(arg)) => {
            invocation.console.line(&format!("Unknown argument: {arg}"));
            help(1)
        }
        Err(ListUsage::Wrong(error)) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}

fn parse(invocation: &Invocation, args: &[String]) -> Result<ListArguments, ListUsage> {
    let mut request = ListArguments::default();
    let mut status = "Ready".to_owned();
    let (mut kind, mut without_kind) = (None, false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(|| usage(format!("{arg} requires a value")));
        match arg.as_str() {
            "-v" => request.detail = Detail::Fields,
            "-s" | "--status" => status = value()?,
            "-l" | "--labels" => {
                let labels = value()?;
                request.filter.labels =
                    labels.split(',').filter(|label| !label.is_empty()).map(str::to_owned).collect();
            }
            "--type" => request.filter.issue_type = Some(value()?),
            "--followup-kind" => kind = Some(value()?),
            "--no-followup-kind" => without_kind = true,
            "-c" | "--children" => request.children = Some(value()?),
            "--all-levels" => request.all_levels = true,
            "--tree" => request.tree = true,
            "-h" | "--help" => return Err(ListUsage::Help),
            number if is_number(number) => {
                request.limit = number.parse().unwrap_or(usize::MAX);
            }
            unknown => return Err(ListUsage::Unknown(unknown.to_owned())),
        }
    }
    request.filter.status = (status != "all").then(|| Status::parse(&status));
    if let Some(kind) = &request.filter.issue_type {
        check_type(invocation, kind)?;
    }
    request.filter.follow_ups = match kind {
        Some(_) if without_kind => {
            return Err(usage("--followup-kind and --no-followup-kind are mutually exclusive.".to_owned()).into());
        }
        Some(kind) => Some(FollowUps::OfKind(check_kind(invocation, kind)?)),
        None => without_kind.then_some(FollowUps::No),
    };
    Ok(request)
}

fn check_type(invocation: &Invocation, kind: &str) -> Result<()> {
    let mut types = issue_types(&invocation.tree().text(paths::TASK_TYPES_FILE).unwrap_or_default());
    types.sort_unstable();
    if types.iter().any(|known| known == kind) {
        return Ok(());
    }
    Err(usage(format!("Invalid type: {kind} (must be one of: {})", types.join(","))))
}

fn check_kind(invocation: &Invocation, kind: String) -> Result<String> {
    invocation.require_followup_kinds()?;
    if FOLLOWUP_KINDS.contains(&kind.as_str()) {
        return Ok(kind);
    }
    Err(usage(format!("Invalid follow-up kind: {kind} (must be one of: {})", FOLLOWUP_KINDS.join(", "))))
}

/// The names of all active files.
struct ActiveNames {
    tasks: TaskFolder,
    parents: Vec<String>,
    children: Vec<(String, Vec<String>)>,
}

impl ActiveNames {
    fn load(tasks: TaskFolder) -> Self {
        let is_task = |name: &str| is_file(name, "t") && parent_id(name).is_some();
        let parents = tasks.names(is_task);
        let is_child = |name: &str| is_task(name) && name.matches('_').count() > 1;
        let folders = tasks.folders('t').into_iter();
        let children =
            folders.map(|folder| (tasks.below(&folder).names(is_child), folder)).map(|(names, f)| (f, names));
        Self { children: children.collect(), parents, tasks }
    }

    fn active(&self) -> ActiveIds<&str> {
        let parents = self.parents.iter().filter_map(|file| parent_id(file));
        let children = self.children.iter().flat_map(|(_, files)| files).filter_map(|file| child_id(file));
        parents.chain(children).collect()
    }

    /// The files to list: parents by name, then children; in a tree each parent followed by its children.
    fn chosen<'a>(&'a self, request: &ListArguments) -> Vec<(Option<&'a str>, &'a str)> {
        let below = |parent: &str| {
            let (folder, start) = (format!("t{parent}"), format!("t{parent}_"));
            let files = self.children.iter().filter(move |(name, _)| *name == folder);
            files
                .flat_map(|(folder, files)| files.iter().map(move |file| (Some(folder.as_str()), file.as_str())))
                .filter(move |(_, file)| file.starts_with(&start))
                .collect::<Vec<_>>()
        };
        let parents = self.parents.iter().map(|file| (None, file.as_str()));
        if let Some(parent) = &request.children {
            return below(parent.strip_prefix('t').unwrap_or(parent));
        }
        if request.tree {
            return parents
                .flat_map(|one| {
                    let children = parent_id(one.1).map(below).unwrap_or_default();
                    std::iter::once(one).chain(children)
                })
                .collect();
        }
        let children = self.children.iter().filter(|_| request.all_levels);
        let children =
            children.flat_map(|(folder, files)| files.iter().map(|file| (Some(folder.as_str()), file.as_str())));
        parents.chain(children).collect()
    }

    /// A file in the folder of tasks.
    fn path(folder: Option<&str>, file: &str) -> String {
        folder.map_or_else(|| file.to_owned(), |folder| format!("{folder}/{file}"))
    }
}

fn list(invocation: &Invocation, request: &ListArguments) -> u8 {
    let tasks = TaskFolders::new(&invocation.dir).tasks;
    if !tasks.exists() {
        invocation.console.line("Error: Directory 'aitasks' not found.");
        return 1;
    }
    let names = ActiveNames::load(tasks);
    let mut active = names.active();
    let duplicates = active.duplicates().copied().collect::<Vec<_>>().join("\n");
    if !duplicates.is_empty() {
        invocation.console.warn_lines(&format!(
            "Duplicate task IDs detected: {duplicates}\nRun 'ait setup' to initialize the atomic task ID counter."
        ));
    }
    let chosen = names.chosen(request);
    let files: Vec<_> = chosen.iter().map(|(folder, file)| ActiveNames::path(*folder, file)).collect();
    let items =
        names.tasks.load_each(&files, |n, head| TaskRow::parse(chosen[n].0, chosen[n].1, &Document::parse(head)));
    let read = chosen.iter().copied().zip(&items);
    let known = read.filter_map(|(file, item)| Some((file, item.as_ref()?.is_gated()))).collect();
    release_satisfied(invocation, &names, &items, &known, &mut active);
    let mut asked = HashMap::new();
    let mut elsewhere = |project: &str, id: &str| {
        let ask = || projects::task_status(&invocation.environment, project, id);
        asked.entry((project.to_owned(), id.to_owned())).or_insert_with(ask).clone()
    };
    let in_tree = request.tree && request.children.is_none();
    let order = if request.tree { Order::AsGiven } else { Order::BestByFileName };
    let selection = Selection { filter: request.filter.clone(), order };
    let listed = selection.choose(items.into_iter().flatten(), |item| item.blocked_by(&active, &mut elsewhere));
    let limit = if request.limit == 0 { usize::MAX } else { request.limit };
    let mut text = String::new();
    for one in listed.iter().take(limit) {
        text.push_str(if in_tree && one.task.is_child() { "  └─ " } else { "" });
        text.push_str(&one.task.line(&one.blockers, request.detail));
        text.push('\n');
    }
    invocation.console.lines(text.as_bytes());
    0
}

/// Removes from the active tasks those that do not block because their gates have passed. Only tasks that others
/// depend on are read, and the project's gate script is started only when one of them has gates: starting it costs
/// more than the whole listing.
fn release_satisfied(
    invocation: &Invocation,
    names: &ActiveNames,
    items: &[Option<TaskRow>],
    known: &HashMap<(Option<&str>, &str), bool>,
    active: &mut ActiveIds<&str>,
) {
    let waited: HashSet<_> =
        items.iter().flatten().flat_map(TaskRow::waits_for).filter(|id| active.contains(id.as_str())).collect();
    let parents = names.parents.iter().filter_map(|file| Some((parent_id(file)?, (None, file.as_str()))));
    let children = names.children.iter().flat_map(|(folder, files)| {
        files.iter().filter_map(move |file| Some((child_id(file)?, (Some(folder.as_str()), file.as_str()))))
    });
    let candidates: Vec<_> = parents.chain(children).filter(|(id, _)| waited.contains(*id)).collect();
    let unknown: Vec<_> = candidates.iter().filter(|(_, file)| !known.contains_key(file)).collect();
    let files: Vec<_> = unknown.iter().map(|(_, (folder, file))| ActiveNames::path(*folder, file)).collect();
    let read = names
        .tasks
        .load_each(&files, |n, head| TaskRow::parse(unknown[n].1.0, unknown[n].1.1, &Document::parse(head)).is_gated());
    let read: HashSet<_> =
        unknown.iter().zip(read).filter(|(_, gated)| *gated == Some(true)).map(|(one, _)| one.1).collect();
    let is_gated = |file: &(Option<&str>, &str)| known.get(file).copied().unwrap_or_else(|| read.contains(file));
    let gated: Vec<_> = candidates.iter().filter(|(_, file)| is_gated(file)).collect();
    if gated.is_empty() {
        return;
    }
    let shown = |folder, file| names.tasks.shown(&ActiveNames::path(folder, file));
    let paths: Vec<_> = gated.iter().map(|(_, (folder, file))| shown(*folder, file)).collect();
    let satisfied = gates::satisfied(&invocation.environment, &invocation.dir, &paths);
    for ((id, _), path) in gated.into_iter().zip(&paths) {
        if satisfied.contains(path) {
            active.release(*id);
        }
    }
}
