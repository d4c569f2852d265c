//! Verdicts: a check that has passed on a content is not run again on it.
//!
//! A verdict is of the content of a tree, the command, and the values of the variables on which that depends: those that
//! the command names (`$NAME`, `${NAME}`) and those of `aitask.checkEnv`. The content is the tree without the task data,
//! where that is on the same branch, so that whoever files or changes a task meanwhile makes no second run necessary. Only
//! what has passed is remembered: a check that failed may fail for a reason that is over. A failure is noted only for those
//! who waited in line when it was found.

use crate::digest;
use crate::error::Result;
use crate::files::records::{RecordKind, Records};
use crate::git::{Oid, Repository, objects};
use crate::project::context::Context;
use crate::settings::Environment;
use crate::task::{TaskName, paths};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

/// How many verdicts are kept: more than the checks of a day on one clone.
const MOST: usize = 200;

/// Variables that tell a check where it runs, and nothing of what it finds: each run gets others.
const PLACES: [&str; 2] = ["AITASK_WORKTREE", "AITASK_PORT"];

/// A command that must pass, and what its outcome depends on beside the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// The command.
    pub(crate) command: String,
    /// The variables that count, with their values.
    variables: Vec<u8>,
}

/// A check that has passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The command, for people who find the record.
    pub(crate) command: String,
    /// When it passed (RFC 3339).
    pub(crate) since: String,
    /// Where it ran on the content of several merges together: those on top of this one, in order. It passed on what all of
    /// them made of the output branch, so it counts only for a swap in which all of them land.
    pub(crate) with: Vec<Companion>,
}

/// One of several merges that were checked together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Companion {
    /// Its number in the line.
    pub(crate) number: u64,
    /// The commit that it merges.
    pub(crate) tip: String,
}

/// A check that failed on several merges together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// What is wrong, and how it ended.
    pub(crate) message: String,
    /// The last lines that it printed.
    pub(crate) lines: Vec<String>,
    /// The number of the last of these merges in the line: for whoever comes later, it runs again.
    pub(crate) up_to: u64,
}

/// A digest of checks: what must be the same for those that are checked together.
pub(crate) fn group(checks: &[Check]) -> String {
    digest::whole(&checks.iter().flat_map(|check| check.name("").into_bytes()).collect::<Vec<_>>())
}

impl Check {
    /// The check with this command for a task.
    pub(crate) fn new(context: &Context, command: &str, task: &TaskName) -> Self {
        let environment = context.repository.git().environment();
        let variables = variables(environment, command, &context.settings.check_env, task);
        Self { command: command.to_owned(), variables }
    }

    /// The name of its verdict on a content.
    fn name(&self, content: &str) -> String {
        digest::whole(&[content.as_bytes(), b"\0", self.command.as_bytes(), b"\0", &self.variables].concat())
    }

    /// Its failure on a content, if that was found when the one with this number stood in line already.
    pub(crate) fn failure(&self, records: &Records, content: &str, number: u64) -> Option<Failure> {
        let failure = records.load::<Failure>(RecordKind::CheckFailure, &self.name(content))?;
        Some(failure).filter(|failure| number <= failure.up_to)
    }

    /// Notes that it failed on a content. Best effort: without the note it runs again.
    pub(crate) fn note_failure(&self, records: &Records, content: &str, failure: &Failure) {
        let _ = records.note(RecordKind::CheckFailure, &self.name(content), failure);
        records.bound(RecordKind::CheckFailure, MOST);
    }

    /// Its verdict on a content, if it has passed on it.
    pub(crate) fn verdict(&self, records: &Records, content: &str) -> Option<Verdict> {
        let name = self.name(content);
        records.names(RecordKind::Verdict).contains(&name).then(|| records.load(RecordKind::Verdict, &name)).flatten()
    }

    /// Remembers that it has passed on a content. Best effort: a verdict only saves work.
    pub(crate) fn remember(&self, records: &Records, content: &str, with: Vec<Companion>) {
        let verdict = Verdict { command: self.command.clone(), since: Context::instant(), with };
        let _ = records.note(RecordKind::Verdict, &self.name(content), &verdict);
        records.bound(RecordKind::Verdict, MOST);
    }
}

fn variables(environment: &Environment, command: &str, further: &[String], task: &TaskName) -> Vec<u8> {
    let names: BTreeSet<_> = named(command).chain(further.iter().map(String::as_str)).collect();
    let mut variables = Vec::new();
    for name in names.into_iter().filter(|name| !PLACES.contains(name)) {
        let own = match name {
            "AITASK_ID" => Some(task.id().to_string()),
            "AITASK_NAME" => Some(task.as_str().to_owned()),
            "AITASK_BRANCH" => Some(task.branch_name()),
            _ => None,
        };
        let value = own.as_ref().map(String::as_bytes).or_else(|| environment.os(name).map(OsStrExt::as_bytes));
        variables.extend(name.as_bytes());
        variables.extend(value.map_or_else(Vec::new, |value| [b"=", value].concat()));
        variables.push(0);
    }
    variables
}

/// The variables that a command of the shell names.
fn named(command: &str) -> impl Iterator<Item = &str> {
    command.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).filter(|name| name.starts_with(|c: char| !c.is_ascii_digit()))
    })
}

/// The digest of the content of a commit or tree; `has_tasks`: without its task data. One process.
pub(crate) fn content(repository: &Repository, treeish: &Oid, has_tasks: bool) -> Result<String> {
    let mut text = Vec::new();
    for entry in objects::root_entries(repository, treeish)? {
        let is_data = [paths::TASKS_DIR, paths::PLANS_DIR].iter().any(|folder| entry.path == folder.as_bytes());
        if !(has_tasks && is_data) {
            text.extend([entry.mode.as_str().as_bytes(), b" ", entry.oid.as_str().as_bytes(), b" "].concat());
            text.extend(entry.path);
            text.push(0);
        }
    }
    Ok(digest::whole(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> TaskName {
        TaskName::parse("t7_add_login").unwrap()
    }

    fn check(command: &str, environment: &[(&str, &str)], further: &[&str]) -> Check {
        let with = |all: Environment, (name, value): &(&str, &str)| all.with(name, value);
        let environment = environment.iter().fold(Environment::default(), with);
        let further: Vec<_> = further.iter().map(|name| (*name).to_owned()).collect();
        Check { command: command.to_owned(), variables: variables(&environment, command, &further, &task()) }
    }

    #[test]
    fn the_variables_that_a_command_names_are_found() {
        for (command, names) in [
            ("cargo test", ""),
            ("$RUNNER \"$A_1\"/x ${B:-2} ${C}x", "RUNNER A_1 B C"),
            ("echo $1 $$ $? $(ls) ${#D} '$E' $", "E"),
            ("a$Bä$C", "B C"),
        ] {
            assert_eq!(named(command).collect::<Vec<_>>().join(" "), names, "{command}");
        }
    }

    #[test]
    fn a_verdict_depends_on_content_command_and_the_variables_that_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(dir.path());
        let passed = check("test $A", &[("A", "1"), ("B", "1"), ("LIST", "x")], &["LIST"]);
        assert_eq!(passed.verdict(&records, "tree"), None);
        passed.remember(&records, "tree", Vec::new());
        let same = check("test $A", &[("A", "1"), ("B", "2"), ("LIST", "x")], &["LIST"]);
        assert_eq!(same.verdict(&records, "tree").unwrap().command, "test $A");
        assert_eq!(same.verdict(&records, "another"), None);
        for other in [
            check("test  $A", &[("A", "1"), ("LIST", "x")], &["LIST"]),
            check("test $A", &[("A", "2"), ("LIST", "x")], &["LIST"]),
            check("test $A", &[("LIST", "x")], &["LIST"]),
            check("test $A", &[("A", "1"), ("LIST", "y")], &["LIST"]),
            check("test $A", &[("A", "1"), ("LIST", "x")], &[]),
        ] {
            assert_eq!(other.verdict(&records, "tree"), None, "{other:?}");
        }
    }

    #[test]
    fn the_task_counts_where_it_is_named_and_where_a_check_runs_does_not() {
        let of = |command: &str, name: &str, value: &str| check(command, &[(name, value)], &[]);
        assert_eq!(of("x $AITASK_PORT", "AITASK_PORT", "1"), of("x $AITASK_PORT", "AITASK_PORT", "2"));
        assert!(String::from_utf8_lossy(&check("x $AITASK_ID", &[], &[]).variables).contains("AITASK_ID=7"));
    }

    #[test]
    fn verdicts_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(dir.path());
        let check = check("true", &[], &[]);
        for n in 0..MOST + 20 {
            check.remember(&records, &n.to_string(), Vec::new());
        }
        assert!(records.names(RecordKind::Verdict).len() <= MOST);
        assert!(check.verdict(&records, &(MOST + 19).to_string()).is_some());
    }
}
