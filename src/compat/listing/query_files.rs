//! `aitask_query_files.sh`: look-ups of task and plan files for agents. The exit code is 0 whether something is found
//! or not, and the result line says which; other exit codes mean wrong arguments.

use crate::archive::gates;
use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::compat::invocation::Invocation;
use crate::compat::numbers::{bare, is_id, parse_number};
use crate::compat::options::{ForProject, take_project, usage};
use crate::compat::projects;
use crate::compat::record::record;
use crate::error::{Error, Result};
use crate::task::{Document, Status};
use std::cmp::Reverse;

const HELP: &str = "\
Usage: aitask_query_files.sh [--project NAME] SUBCOMMAND [ARGS]

Looks up task and plan files. The answer is one or more lines; exit 0 also when nothing is found.

  task-file N | resolve N | has-children N | child-file P C
  active-children N | all-children N | archived-children N | sibling-context P
  plan-file ID | archived-task ID | task-status ID
  recent-archived [LIMIT] | inflight";

/// The default number of lines of `recent-archived`, the one of the scripts.
const RECENT: usize = 15;

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let answer = take_project(args).and_then(|ForProject { project, args: rest }| match project {
        Some(name) => Err(projects::exec_script(&invocation.environment, &name, "aitask_query_files.sh", &rest)),
        None => FileQuery { invocation, files: TaskFolders::of_environment(&invocation.environment, &invocation.dir) }
            .answer(&rest),
    });
    match answer {
        Ok(lines) => {
            for line in lines {
                invocation.console.line(&line);
            }
            0
        }
        Err(error) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}

struct FileQuery<'a> {
    invocation: &'a Invocation,
    files: TaskFolders,
}

impl FileQuery<'_> {
    fn answer(&self, args: &[String]) -> Result<Vec<String>> {
        let Some(subcommand) = args.first().map(String::as_str).filter(|word| !matches!(*word, "-h" | "--help")) else {
            return Ok(HELP.lines().map(str::to_owned).collect());
        };
        let first = args.get(1).filter(|arg| !arg.is_empty());
        let number = |what: &str, text: &str| {
            let missing = || usage(format!("{subcommand} requires a {text} argument"));
            parse_number(what, first.ok_or_else(missing)?)
        };
        let task = || number("task number", "task number");
        let lines = match subcommand {
            "task-file" => self.first_file("TASK_FILE", &self.files.tasks.files_of('t', task()?)),
            "resolve" => self.resolve(task()?),
            "has-children" => self.has_children(task()?),
            "child-file" => {
                let (Some(parent), Some(child)) = (first, args.get(2).filter(|arg| !arg.is_empty())) else {
                    return Err(usage("child-file requires <parent> and <child> arguments".to_owned()));
                };
                let (parent, child) = (parse_number("parent number", parent)?, parse_number("child number", child)?);
                self.first_file("CHILD_FILE", &self.files.tasks.files_of('t', &format!("{parent}_{child}")))
            }
            "active-children" => children("CHILD", &self.files.tasks, 't', task()?),
            "all-children" => {
                let number = task()?;
                let archived = children("ARCHIVED_CHILD", &self.files.archived, 't', number);
                [children("CHILD", &self.files.tasks, 't', number), archived].concat()
            }
            "archived-children" => children("ARCHIVED_CHILD", &self.files.archived, 't', task()?),
            "sibling-context" => self.siblings(number("parent number", "parent number")?),
            "plan-file" => {
                let raw = first.ok_or_else(|| usage("plan-file requires a task ID argument".to_owned()))?;
                // All of them, under one prefix: callers take the last line.
                let mut plans = self.files.plans.files_of('p', parse_id("task ID", raw)?);
                self.warn_of_several(&plans);
                if let Some(first) = plans.first_mut() {
                    first.insert_str(0, "PLAN_FILE:");
                }
                plans
            }
            "archived-task" => {
                let raw = first.ok_or_else(|| usage("archived-task requires a task number argument".to_owned()))?;
                self.archived(parse_id("task ID", raw)?).into_iter().collect()
            }
            "task-status" => {
                let missing = || usage("task-status requires a task id argument (N or N_M)".to_owned());
                vec![self.status(parse_id("task id", first.ok_or_else(missing)?)?)]
            }
            "recent-archived" => self.recent(first)?,
            "inflight" => self.inflight(),
            other => return Err(usage(format!("Unknown subcommand: '{other}'. Use --help for usage."))),
        };
        Ok(if lines.is_empty() { vec![not_found_line(subcommand).to_owned()] } else { lines })
    }

    fn warn_of_several(&self, found: &[String]) {
        if found.len() > 1 {
            self.invocation.console.warn(&format!("Several files for one id: {}", found.join(", ")));
        }
    }

    /// One result line; with several files for one id the first by name, with a warning, since callers read one path.
    fn first_file(&self, prefix: &str, found: &[String]) -> Vec<String> {
        self.warn_of_several(found);
        found.first().map(|path| format!("{prefix}:{path}")).into_iter().collect()
    }

    fn resolve(&self, number: &str) -> Vec<String> {
        let mut lines = self.first_file("TASK_FILE", &self.files.tasks.files_of('t', number));
        if !lines.is_empty() {
            let children = self.has_children(number);
            lines.extend(if children.is_empty() { vec!["NO_CHILDREN".to_owned()] } else { children });
        }
        lines
    }

    fn has_children(&self, number: &str) -> Vec<String> {
        let count = self.files.tasks.children_of('t', number).1.len();
        if count == 0 { Vec::new() } else { vec![format!("HAS_CHILDREN:{count}")] }
    }

    fn siblings(&self, parent: &str) -> Vec<String> {
        let files = &self.files;
        [
            children("ARCHIVED_PLAN", &files.archived_plans, 'p', parent),
            children("ARCHIVED_TASK", &files.archived, 't', parent),
            children("PENDING_SIBLING", &files.tasks, 't', parent),
            children("PENDING_PLAN", &files.plans, 'p', parent),
        ]
        .concat()
    }

    fn archived(&self, id: &str) -> Option<String> {
        if let Some(line) = self.first_file("ARCHIVED_TASK", &self.files.archived.files_of('t', id)).pop() {
            return Some(line);
        }
        let warn = |error: Error| self.invocation.console.warn(&error.to_string());
        let (bundle, member) = self.files.archived.find_bundled('t', id, warn)?;
        Some(format!("ARCHIVED_TASK_ARCHIVE:{bundle}:{member}"))
    }

    fn status(&self, id: &str) -> String {
        let active = self.files.tasks.files_of('t', id);
        if !active.is_empty() {
            self.first_file("", &active);
        }
        let status = match active.first() {
            Some(path) => document(self.invocation, path).scalar("status").unwrap_or_default().to_owned(),
            None => self.archived(id).map_or_else(String::new, |_| Status::Done.to_string()),
        };
        format!("STATUS:{}", if status.is_empty() { "NOT_FOUND" } else { &status })
    }

    fn recent(&self, limit: Option<&String>) -> Result<Vec<String>> {
        let limit = match limit {
            None => RECENT,
            Some(text) => text.parse().map_err(|_| usage(format!("Invalid limit: '{text}' (expected a number)")))?,
        };
        let mut found: Vec<_> = self
            .files
            .archived
            .shown_files('t')
            .into_iter()
            .filter_map(|path| {
                let name = path.rsplit('/').next().filter(|name| name.contains('_'))?;
                let stem = name.trim_end_matches(".md").to_owned();
                let document = document(self.invocation, &path);
                let value = |key: &str| document.scalar(key).unwrap_or_default().to_owned();
                let completed = Some(value("completed_at")).filter(|text| !text.is_empty());
                let completed = completed.unwrap_or_else(|| "0000-00-00 00:00".to_owned());
                Some((completed, path, value("issue_type"), stem))
            })
            .collect();
        found.sort_by_cached_key(|(completed, path, ..)| Reverse((completed.clone(), path.clone())));
        let lines = found.into_iter().take(limit);
        Ok(lines
            .map(|(date, path, kind, stem)| format!("RECENT_ARCHIVED:{}", record(&[path, date, kind, stem])))
            .collect())
    }

    /// The tasks with status `Implementing` whose file records gate runs.
    fn inflight(&self) -> Vec<String> {
        let files = self.files.tasks.shown_files('t').into_iter();
        let mut lines: Vec<_> = files
            .filter_map(|path| {
                let document = document(self.invocation, &path);
                let is_implementing = document.scalar("status") == Some(Status::Implementing.as_str());
                let has_runs = String::from_utf8_lossy(document.raw_body()).lines().any(|line| line == "## Gate Runs");
                let file = path.rsplit('/').next()?;
                let id = file.trim_start_matches('t').split('_').take_while(|part| part.parse::<u64>().is_ok());
                let id = id.collect::<Vec<_>>().join("_");
                (is_implementing && has_runs).then(|| {
                    let (environment, dir) = (&self.invocation.environment, &self.invocation.dir);
                    let archive = gates::archive_ready(environment, dir, &id).unwrap_or_else(|| "NO_GATES".to_owned());
                    let resume = gates::resume_point(environment, dir, &id);
                    format!("INFLIGHT:{}", record(&[&id, &path, &resume, &archive]))
                })
            })
            .collect();
        lines.sort_unstable();
        lines
    }
}

/// The result line when nothing is found.
fn not_found_line(subcommand: &str) -> &'static str {
    match subcommand {
        "has-children" | "active-children" | "all-children" => "NO_CHILDREN",
        "archived-children" => "NO_ARCHIVED_CHILDREN",
        "sibling-context" => "NO_CONTEXT",
        "recent-archived" => "NO_RECENT_ARCHIVED",
        "inflight" => "NO_INFLIGHT",
        _ => "NOT_FOUND",
    }
}

fn children(prefix: &str, folder: &TaskFolder, letter: char, parent: &str) -> Vec<String> {
    let (folder, names) = folder.children_of(letter, parent);
    names.iter().map(|name| format!("{prefix}:{}", folder.shown(name))).collect()
}

fn document(invocation: &Invocation, shown: &str) -> Document {
    Document::parse(&invocation.tree().read(shown).unwrap_or_default())
}

fn parse_id<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    let id = bare(text);
    let refusal = || usage(format!("Invalid {what}: '{text}' (expected a number like 16, t16, or 16_2)"));
    is_id(id).then_some(id).ok_or_else(refusal)
}
