//! `aitask_plan_externalize.sh` (specification 50, section 4).

use super::scene::{Scene, parse_id};
use crate::error::{Error, Kind, Result};
use crate::git::types::Branch;
use crate::task::plan_header::{self, Claim};
use crate::task::{PlanPath, TaskId, TaskPath, WORKTREES_DIR, paths};
use crate::workflow::{Context, data_state};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const HELP: &str = "\
Usage: aitask_plan_externalize.sh <task_id> [options]

Copies an agent's plan to aiplans/, with a header that records the branch decisions.

  --internal <path>   the plan; otherwise the newest one of the agent's folder
  --force             replace a plan that is there
  --profile <yaml>    execution profile
  --base-branch <b> | --base-branch-file <f>
  --output-branch <b>
  --output-branch-default <b> | --output-branch-default-file <f>
  --worktree <path> | --no-worktree";

/// How old a plan in the agent's folder may be, in seconds.
const MAX_AGE: u64 = 3600;

#[derive(Debug, Default)]
struct Request {
    id: Option<TaskId>,
    internal: Option<String>,
    force: bool,
    profile: Profile,
    base: Option<String>,
    output: Option<String>,
    output_default: Option<String>,
    worktree: Option<String>,
    no_worktree: bool,
}

/// What an execution profile says of branches.
#[derive(Debug, Default)]
struct Profile {
    create_worktree: Option<bool>,
    base: Option<String>,
    output: Option<String>,
}

/// Runs the script.
pub(super) fn run(scene: &Scene, args: &[String]) -> u8 {
    let outcome = match parse(scene, args) {
        Ok(None) => {
            HELP.lines().for_each(|line| scene.console.line(line));
            return 0;
        }
        Ok(Some(request)) => externalize(scene, &request),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(line) => {
            scene.console.line(&line);
            0
        }
        Err(error) => {
            scene.console.error(&error.to_string());
            1
        }
    }
}

fn usage<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::new(Kind::Usage, text))
}

fn parse(scene: &Scene, args: &[String]) -> Result<Option<Request>> {
    let mut request = Request::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut next = || args.next().cloned().map_or_else(|| usage(format!("{arg} wants a value")), Ok);
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--force" => request.force = true,
            "--no-worktree" => request.no_worktree = true,
            "--internal" => request.internal = Some(next()?),
            "--profile" => request.profile = Profile::load(scene, &next()?)?,
            "--base-branch" | "--base-branch-file" => request.base = Some(branch(scene, arg, &next()?)?),
            "--output-branch" => request.output = Some(branch(scene, arg, &next()?)?),
            "--output-branch-default" | "--output-branch-default-file" => {
                request.output_default = Some(branch(scene, arg, &next()?)?);
            }
            "--worktree" => request.worktree = Some(worktree(&next()?)?),
            option if option.starts_with('-') => return usage(format!("Unknown flag: {option}")),
            id => match parse_id(id) {
                Some(id) if request.id.is_none() => request.id = Some(id),
                _ => return usage(format!("Invalid task ID: {id}")),
            },
        }
    }
    if request.worktree.is_some() && request.no_worktree {
        return usage("--worktree and --no-worktree exclude each other");
    }
    if request.worktree.is_some() && request.profile.create_worktree == Some(false) {
        return usage("--worktree, but the profile says create_worktree: false");
    }
    if request.id.is_none() {
        return usage("Task ID is required");
    }
    Ok(Some(request))
}

/// A branch name given on the command line, or as the one line of a file.
fn branch(scene: &Scene, option: &str, text: &str) -> Result<String> {
    if !option.ends_with("-file") {
        return safe_branch(option, text);
    }
    let path = scene.file(text);
    let content = std::fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))?;
    match content.lines().collect::<Vec<_>>()[..] {
        [line] => safe_branch(option, line),
        _ => usage(format!("{option}: {text} does not have exactly one line")),
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

fn safe_branch(option: &str, name: &str) -> Result<String> {
    if is_plain(name) && Branch::parse(name).is_ok() {
        return Ok(name.to_owned());
    }
    usage(format!("{option}: unsafe branch name '{name}' (allowed: A-Z a-z 0-9 . _ / -, as git wants it)"))
}

fn worktree(path: &str) -> Result<String> {
    let stays = !path.starts_with(['/', '-']) && path.split('/').all(|part| !part.is_empty() && part != "..");
    if is_plain(path) && stays {
        return Ok(path.to_owned());
    }
    usage(format!("--worktree: unsafe path '{path}' (relative to the repository, no .., plain characters)"))
}

impl Profile {
    fn load(scene: &Scene, name: &str) -> Result<Self> {
        let path = scene.file(name);
        let path = if path.is_file() { path } else { scene.task_dir().join("metadata/profiles").join(name) };
        let text = std::fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))?;
        let mut profile = Self::default();
        for line in text.lines().map(|line| line.split(" #").next().unwrap_or(line)) {
            if line.trim().is_empty() || line.starts_with(['#', ' ', '\t', '-']) {
                continue;
            }
            let Some((key, value)) = line.split_once(':') else {
                return usage(format!("cannot parse the profile {}: {line:?}", path.display()));
            };
            let value = value.trim().trim_matches(['"', '\'']);
            let filled = || (!value.is_empty()).then_some(value);
            match key.trim() {
                "create_worktree" => profile.create_worktree = Some(matches!(value, "true" | "yes" | "on")),
                "base_branch" => {
                    profile.base = filled().map(|value| safe_branch("profile base_branch", value)).transpose()?;
                }
                "output_branch" => {
                    profile.output = filled().map(|value| safe_branch("profile output_branch", value)).transpose()?;
                }
                _ => {}
            }
        }
        Ok(profile)
    }
}

fn externalize(scene: &Scene, request: &Request) -> Result<String> {
    let files = scene.active_files();
    let tasks: Vec<_> = files.iter().filter_map(|path| TaskPath::parse(path)).collect();
    let Some(task) = tasks.iter().find(|path| Some(path.id()) == request.id) else {
        return Ok("NOT_FOUND:no_task_file".to_owned());
    };
    let plan = task.plan();
    let target = scene.plan_dir().join(plan.as_str().strip_prefix("aiplans/").unwrap_or(plan.as_str()));
    let exists = target.is_file();
    if exists && !request.force {
        return Ok(format!("PLAN_EXISTS:{plan}"));
    }
    let source = match source(scene, request)? {
        Ok(source) => source,
        Err(line) => return Ok(line),
    };
    let path = scene.file(&source);
    let text = std::fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let context = scene.open()?;
    if request.worktree.is_none() && !request.no_worktree {
        scene.console.warn("no worktree claim: neither --worktree nor --no-worktree was given");
    }
    let text = if plan_header::has_header(&text) {
        spliced(request, context.as_ref(), &text)
    } else {
        let lines = header(scene, request, context.as_ref(), task, &plan, &tasks);
        plan_header::with_header(&lines, &text)
    };
    write(&target, &text)?;
    let word = if exists { "OVERWRITTEN" } else { "EXTERNALIZED" };
    Ok(format!("{word}:{plan}:{source}"))
}

/// The plan to copy; the inner error is an answer.
fn source(scene: &Scene, request: &Request) -> Result<Result<String, String>> {
    if let Some(path) = &request.internal {
        let is_file = scene.file(path).is_file();
        return Ok(if is_file { Ok(path.clone()) } else { Err("NOT_FOUND:source_not_file".to_owned()) });
    }
    let home = || scene.environment.text("HOME").map(|home| format!("{home}/.claude/plans"));
    let folder = scene.environment.text("AIT_PLAN_EXTERNALIZE_INTERNAL_DIR").map(str::to_owned).or_else(home);
    let Some(folder) = folder.map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        return Ok(Err("NOT_FOUND:no_internal_dir".to_owned()));
    };
    let limit = match scene.environment.text("AIT_PLAN_EXTERNALIZE_MAX_AGE_SECS") {
        Some(text) => text.parse().or_else(|_| usage(format!("AIT_PLAN_EXTERNALIZE_MAX_AGE_SECS is {text:?}")))?,
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
        [] => Err("NOT_FOUND:no_internal_files".to_owned()),
        [only] => Ok(only.clone()),
        _ => Err(format!("MULTIPLE_CANDIDATES:{}", names.join("|"))),
    })
}

/// Base and output branch.
fn branches(request: &Request, primary: &str) -> (String, String) {
    if request.worktree.is_none() && (request.no_worktree || request.profile.create_worktree != Some(true)) {
        return (primary.to_owned(), primary.to_owned());
    }
    let base = request.base.clone().or_else(|| request.profile.base.clone()).unwrap_or_else(|| primary.to_owned());
    let output = [&request.output, &request.profile.output, &request.output_default].into_iter().flatten().next();
    let output = output.cloned().unwrap_or_else(|| base.clone());
    (base, output)
}

fn header(
    scene: &Scene,
    request: &Request,
    context: Option<&Context>,
    task: &TaskPath,
    plan: &PlanPath,
    tasks: &[TaskPath],
) -> Vec<(&'static str, String)> {
    let primary = context.map_or_else(|| "main".to_owned(), data_state::primary_branch);
    let (base, output) = branches(request, &primary);
    let mut lines = vec![("Task", task.file_name().to_owned())];
    if let Some(parent) = task.id().parent() {
        let listed = |found: Vec<String>| (!found.is_empty()).then(|| found.join(", "));
        let parents = tasks.iter().filter(|path| path.id() == parent).map(ToString::to_string).collect();
        let siblings = tasks.iter().filter(|path| path.id().parent() == Some(parent) && path.id() != task.id());
        let siblings = siblings.map(ToString::to_string).collect();
        let archived = plan.archived();
        let folder = Path::new(archived.as_str()).parent().unwrap_or(Path::new(paths::ARCHIVED_PLANS_DIR));
        let names = std::fs::read_dir(scene.dir.join(folder)).into_iter().flatten().flatten();
        let mut plans: Vec<_> =
            names.filter_map(|entry| Some(folder.join(entry.file_name()).to_str()?.to_owned())).collect();
        plans.sort();
        lines.extend(listed(parents).map(|text| ("Parent Task", text)));
        lines.extend(listed(siblings).map(|text| ("Sibling Tasks", text)));
        lines.extend(listed(plans).map(|text| ("Archived Sibling Plans", text)));
    }
    lines.extend(request.worktree.clone().map(|path| ("Worktree", path)));
    if request.worktree.is_none() && request.profile.create_worktree == Some(true) && !request.no_worktree {
        lines.push(("Worktree", format!("{WORKTREES_DIR}/{}", task.name().as_str())));
    }
    let here = context.and_then(|context| context.repository.here_branch.as_ref()).map(ToString::to_string);
    lines.extend(here.filter(|here| *here != primary).map(|here| ("Branch", here)));
    lines.extend([("Base branch", base), ("Output branch", output), ("plan_verified", "[]".to_owned())]);
    lines
}

/// Of a header that is there, only what was claimed changes.
fn spliced(request: &Request, context: Option<&Context>, text: &str) -> String {
    let primary = || context.map_or_else(|| "main".to_owned(), data_state::primary_branch);
    let set = |value: &Option<String>| value.clone().map_or(Claim::Leave, Claim::Set);
    let output = [&request.output, &request.output_default].into_iter().find(|value| value.is_some());
    let claims = if request.no_worktree {
        [("Worktree", Claim::Delete), ("Base branch", Claim::Set(primary())), ("Output branch", Claim::Set(primary()))]
    } else {
        let output = output.map_or(Claim::Leave, set);
        [("Worktree", set(&request.worktree)), ("Base branch", set(&request.base)), ("Output branch", output)]
    };
    claims.iter().fold(text.to_owned(), |text, (key, claim)| plan_header::splice(&text, key, claim))
}

/// All of it or nothing.
fn write(target: &Path, text: &str) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let temp = tempfile::NamedTempFile::new_in(folder)?;
        std::fs::write(temp.path(), text)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(temp.path(), mode)?;
        temp.persist(target).map(drop).map_err(|error| error.error)
    });
    written.map_err(|error| Error::io("write", target, &error))
}
