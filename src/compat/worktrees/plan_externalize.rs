//! `aitask_plan_externalize.sh`: copies an agent's plan to the project's plans, with a header that records base and
//! output. Later sessions read these branches from the plan alone.

use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::record::record;
use crate::compat::worktrees::names::{is_plain, safe_branch, usage};
use crate::compat::worktrees::profile::ExecutionProfile;
use crate::error::{Error, Result};
use crate::files::read_own;
use crate::project::{Context, data_state};
use crate::task::plan_header::{self, HeaderEdit};
use crate::task::{TaskId, paths};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const HELP: &str = "\
Usage: aitask_plan_externalize.sh <task_id> [options]

Copies an agent's plan to aiplans/, with a header that records the branch decisions.

  --internal <path>   the plan; otherwise the only new one of the agent's folder
  --force             replace an existing plan
  --profile <yaml>    execution profile
  --base-branch <b> | --base-branch-file <f>
  --output-branch <b>
  --output-branch-default <b> | --output-branch-default-file <f>
  --worktree <path> | --no-worktree";

/// Callers look for these words on standard error.
const NO_CLAIM: &str = "no worktree claim (--worktree/--no-worktree)";

/// The age in seconds up to which a plan in the agent's folder counts. It is the scripts' default: the folder keeps the
/// plans of all projects, and one of an earlier session is another task's.
const MAX_AGE: u64 = 3600;

#[derive(Debug, Default)]
struct ExternalizeArguments {
    id: Option<TaskId>,
    internal: Option<String>,
    force: bool,
    profile: Option<String>,
    base: BranchArgument,
    output: BranchArgument,
    output_default: BranchArgument,
    worktree: Option<String>,
    no_worktree: bool,
}

/// A branch in the arguments.
#[derive(Debug, Default)]
struct BranchArgument {
    name: Option<String>,
    /// The option, and the file.
    file: Option<(String, String)>,
}

/// The branches and the worktree that the arguments, their files and the profile name.
#[derive(Debug)]
struct BranchDecisions<'r> {
    profile: ExecutionProfile,
    base: Option<String>,
    output: Option<String>,
    output_default: Option<String>,
    worktree: Option<&'r str>,
    no_worktree: bool,
}

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let outcome = match parse(args) {
        Ok(None) => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            return 0;
        }
        Ok(Some(request)) => externalize(invocation, &request),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(line) => {
            invocation.console.line(&line);
            0
        }
        Err(error) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}

fn parse(args: &[String]) -> Result<Option<ExternalizeArguments>> {
    let mut request = ExternalizeArguments::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut next = || args.next().cloned().map_or_else(|| usage(format!("{arg} requires a value")), Ok);
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--force" => request.force = true,
            "--no-worktree" => request.no_worktree = true,
            "--internal" => request.internal = Some(next()?),
            "--profile" => request.profile = Some(next()?),
            "--base-branch" => request.base.name = Some(safe_branch(arg, &next()?)?),
            "--base-branch-file" => request.base.file = Some((arg.clone(), next()?)),
            "--output-branch" => request.output.name = Some(safe_branch(arg, &next()?)?),
            "--output-branch-default" => request.output_default.name = Some(safe_branch(arg, &next()?)?),
            "--output-branch-default-file" => request.output_default.file = Some((arg.clone(), next()?)),
            "--worktree" => request.worktree = Some(worktree(&next()?)?),
            option if option.starts_with('-') => return usage(format!("Unknown flag: {option}")),
            id => match TaskId::try_parse(id) {
                Some(id) if request.id.is_none() => request.id = Some(id),
                _ => return usage(format!("Invalid task ID: {id}")),
            },
        }
    }
    if request.worktree.is_some() && request.no_worktree {
        return usage("--worktree and --no-worktree are mutually exclusive");
    }
    if request.id.is_none() {
        return usage("Task ID is required");
    }
    Ok(Some(request))
}

/// The branch that the command line names, or the one line of a file. The file counts where both are given: agents
/// write a name there that they would otherwise have to quote.
fn branch(invocation: &Invocation, given: &BranchArgument) -> Result<Option<String>> {
    let Some((option, path)) = &given.file else { return Ok(given.name.clone()) };
    let content = read_own(&invocation.file(path));
    let content = content.map_err(|error| Error::new(error.kind(), format!("{option}: {error}")))?;
    // A carriage return belongs to the line, and so to a name that is refused.
    match String::from_utf8_lossy(&content).split_terminator('\n').collect::<Vec<_>>()[..] {
        [line] => safe_branch(option, line).map(Some),
        _ => usage(format!("{option}: {path} does not have exactly one line")),
    }
}

fn worktree(path: &str) -> Result<String> {
    let stays = !path.is_empty() && !path.starts_with(['/', '-']) && path.split('/').all(|part| part != "..");
    if is_plain(path) && stays {
        return Ok(path.to_owned());
    }
    usage(format!("--worktree: unsafe path '{path}' (relative to the repository, no .., plain characters)"))
}

impl<'r> BranchDecisions<'r> {
    fn load(invocation: &Invocation, request: &'r ExternalizeArguments) -> Result<Self> {
        let profile = request
            .profile
            .as_ref()
            .map(|name| ExecutionProfile::load(invocation, name))
            .transpose()?
            .unwrap_or_default();
        if request.worktree.is_some() && profile.create_worktree() == Some(false) {
            return usage("--worktree contradicts the profile, which has create_worktree: false");
        }
        Ok(Self {
            profile,
            base: branch(invocation, &request.base)?,
            output: branch(invocation, &request.output)?,
            output_default: branch(invocation, &request.output_default)?,
            worktree: request.worktree.as_deref(),
            no_worktree: request.no_worktree,
        })
    }
}

fn externalize(invocation: &Invocation, request: &ExternalizeArguments) -> Result<String> {
    // Also names that are not well formed: people write task files by hand. One with line breaks could forge lines of
    // the header.
    let files = invocation.active_files().into_iter().filter(|path| !path.contains(char::is_control));
    let mut tasks: Vec<_> = files.filter_map(|path| Some((paths::loose_id(&path)?, path))).collect();
    // A folder has no order of its own.
    tasks.sort();
    let named = tasks.iter().find(|(id, _)| Some(*id) == request.id);
    let Some((task, plan)) = named.and_then(|task| Some((task, paths::loose_plan(&task.1)?))) else {
        return Ok("NOT_FOUND:no_task_file".to_owned());
    };
    let plans = TaskFolders::of_environment(&invocation.environment, &invocation.dir).plans;
    let target = plans.path(plan.strip_prefix("aiplans/").unwrap_or(&plan));
    let exists = plans.tree().is_file(&target);
    if exists && !request.force {
        return Ok(format!("PLAN_EXISTS:{plan}"));
    }
    let decisions = BranchDecisions::load(invocation, request)?;
    let source = match source(invocation, request)? {
        PlanSource::Plan(path) => path,
        PlanSource::Unclear(line) => return Ok(line),
    };
    let path = invocation.file(&source);
    let bytes = read_own(&path)?;
    // A header is text. What follows a byte that is none is copied as it is.
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let rest = bytes.strip_prefix(text.as_bytes()).unwrap_or_default();
    let context = invocation.open()?;
    let has_header = plan_header::has_header(text);
    if request.worktree.is_none() && !request.no_worktree {
        let what = if has_header { "is left as it is in" } else { "omitted from" };
        invocation.console.warn(&format!("{NO_CLAIM} -- 'Worktree:' {what} the plan header"));
    }
    let text = if has_header {
        changed_header(&decisions, context.as_ref(), text)
    } else {
        let lines = header(invocation, &decisions, context.as_ref(), task, &plan, &tasks);
        plan_header::with_header(&lines, text)
    };
    plans.tree().replace(&target, &[text.as_bytes(), rest].concat())?;
    let word = if exists { "OVERWRITTEN" } else { "EXTERNALIZED" };
    Ok(format!("{word}:{plan}:{source}"))
}

/// The plan to copy.
enum PlanSource {
    /// The file to copy.
    Plan(String),
    /// The result line for no plan, or for more than one.
    Unclear(String),
}

fn source(invocation: &Invocation, request: &ExternalizeArguments) -> Result<PlanSource> {
    let unclear = |line: &str| PlanSource::Unclear(line.to_owned());
    if let Some(path) = &request.internal {
        let is_file = invocation.file(path).is_file();
        return Ok(if is_file { PlanSource::Plan(path.clone()) } else { unclear("NOT_FOUND:source_not_file") });
    }
    let home = || invocation.environment.text("HOME").map(|home| format!("{home}/.claude/plans"));
    let folder = invocation.environment.text("AIT_PLAN_EXTERNALIZE_INTERNAL_DIR").map(str::to_owned).or_else(home);
    let Some(folder) = folder.map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        return Ok(unclear("NOT_FOUND:no_internal_dir"));
    };
    let limit = match invocation.environment.text("AIT_PLAN_EXTERNALIZE_MAX_AGE_SECS") {
        Some(text) => text
            .parse()
            .or_else(|_| usage(format!("AIT_PLAN_EXTERNALIZE_MAX_AGE_SECS is {text:?}, not a number of seconds")))?,
        None => MAX_AGE,
    };
    let entries = std::fs::read_dir(&folder).map_err(|error| Error::io("read", &folder, &error))?;
    let oldest = SystemTime::now().checked_sub(Duration::from_secs(limit));
    let mut found: Vec<(SystemTime, String)> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "md"))
        .filter_map(|entry| Some((entry.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok()?, entry)))
        .filter(|(time, _)| oldest.is_none_or(|oldest| *time >= oldest))
        .map(|(time, entry)| (time, entry.path().to_string_lossy().into_owned()))
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    let names: Vec<_> = found.into_iter().map(|(_, name)| name).collect();
    Ok(match &names[..] {
        [] => unclear("NOT_FOUND:no_internal_files"),
        [only] => PlanSource::Plan(only.clone()),
        _ => PlanSource::Unclear(format!("MULTIPLE_CANDIDATES:{}", record(&names))),
    })
}

/// The base and the output. Work that is said to have no worktree is done on the primary branch itself.
fn branches(decisions: &BranchDecisions<'_>, primary: &str) -> (String, String) {
    if decisions.no_worktree || decisions.profile.create_worktree() == Some(false) {
        return (primary.to_owned(), primary.to_owned());
    }
    let base = decisions.base.clone().or_else(|| decisions.profile.base.clone()).unwrap_or_else(|| primary.to_owned());
    let output = [&decisions.output, &decisions.profile.output, &decisions.output_default].into_iter().flatten().next();
    let output = output.cloned().unwrap_or_else(|| base.clone());
    (base, output)
}

fn header(
    invocation: &Invocation,
    decisions: &BranchDecisions<'_>,
    context: Option<&Context>,
    (id, task): &(TaskId, String),
    plan: &str,
    tasks: &[(TaskId, String)],
) -> Vec<(&'static str, String)> {
    let primary = context.map_or_else(|| "main".to_owned(), data_state::primary_branch);
    let (base, output) = branches(decisions, &primary);
    let mut lines = vec![("Task", task.rsplit('/').next().unwrap_or(task).to_owned())];
    if let Some(parent) = id.parent() {
        let family = plan.split('/').nth_back(1).unwrap_or_default();
        let archive = Path::new(paths::ARCHIVED_PLANS_DIR).join(family);
        let names = invocation.tree().names(&archive).filter(|name| !name.contains(char::is_control));
        let plans = names.filter_map(|name| Some(archive.join(name).to_str()?.to_owned()));
        let mut plans: Vec<_> = plans.filter_map(|path| Some((paths::loose_plan_id(&path)?, path))).collect();
        plans.sort();
        let listed = |files: &[(TaskId, String)], wanted: &dyn Fn(TaskId) -> bool| {
            let found: Vec<_> = files.iter().filter(|(id, _)| wanted(*id)).map(|(_, path)| path.as_str()).collect();
            (!found.is_empty()).then(|| found.join(", "))
        };
        let is_sibling = |other: TaskId| other.parent() == Some(parent) && other != *id;
        lines.extend(listed(tasks, &|other| other == parent).map(|text| ("Parent Task", text)));
        lines.extend(listed(tasks, &is_sibling).map(|text| ("Sibling Tasks", text)));
        lines.extend(listed(&plans, &|_| true).map(|text| ("Archived Sibling Plans", text)));
    }
    // Only `--worktree` is recorded, since that worktree exists. One that the profile asks for may not have been added.
    lines.extend(decisions.worktree.map(|path| ("Worktree", path.to_owned())));
    let here = context.and_then(|context| context.repository.here_branch.as_ref()).map(ToString::to_string);
    lines.extend(here.filter(|here| *here != primary).map(|here| ("Branch", here)));
    lines.extend([("Base branch", base), ("Output branch", output), ("plan_verified", "[]".to_owned())]);
    lines
}

/// The text with its header changed only in the lines that the arguments name.
fn changed_header(decisions: &BranchDecisions<'_>, context: Option<&Context>, text: &str) -> String {
    let primary = || context.map_or_else(|| "main".to_owned(), data_state::primary_branch);
    let set = |value: Option<&str>| value.map_or(HeaderEdit::Leave, |value| HeaderEdit::Set(value.to_owned()));
    // A default changes nothing that is recorded.
    let default = || {
        decisions.output_default.as_deref().filter(|_| plan_header::value_as_written(text, "Output branch").is_none())
    };
    let output = decisions.output.as_deref().or_else(default);
    let lines = if decisions.no_worktree {
        [
            ("Worktree", HeaderEdit::Delete),
            ("Base branch", HeaderEdit::Set(primary())),
            ("Output branch", HeaderEdit::Set(primary())),
        ]
    } else {
        [
            ("Worktree", set(decisions.worktree)),
            ("Base branch", set(decisions.base.as_deref())),
            ("Output branch", set(output)),
        ]
    };
    lines.iter().fold(text.to_owned(), |text, (key, claim)| plan_header::splice(&text, key, claim))
}
