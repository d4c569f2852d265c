//! Checking the files of the task data, for CI: it reads and changes nothing.

pub(crate) mod decide;

use crate::coordination::ids;
use crate::error::{Error, Hint, Kind, Result};
use crate::files::data_checkout;
use crate::git::Freshness;
use crate::ledger::{Ledger, View};
use crate::ops::check::decide::{Problem, Severity, problems};
use crate::project::context::Context;
use crate::project::task_folder::TaskFolder;
use serde::Serialize;
use std::path::PathBuf;

/// The outcome: what is wrong.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Checked {
    /// The checkout that was read; absent where a branch was.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) folder: Option<PathBuf>,
    /// The branch that was read; absent where a checkout was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) branch: Option<String>,
    /// The number of active tasks.
    pub(crate) tasks: usize,
    /// The next id; `null` where this clone does not know it, so that the numbers were not compared with it.
    pub(crate) counter: Option<u64>,
    /// The number of errors.
    pub(crate) errors: usize,
    /// The number of warnings.
    pub(crate) warnings: usize,
    /// What is wrong, by path and line.
    pub(crate) findings: Vec<Problem>,
}

/// Checks the task files of the checkout; where it has none, or a fetch is asked for and they have a branch of their own,
/// those of their branch. No connection without a fetch: a job of CI may have no network, and a clone without set-up.
///
/// # Errors
/// [`Kind::NotInitialised`] where there are no task files; those of the fetch.
pub(crate) fn check(context: &Context, freshness: Freshness) -> Result<Checked> {
    let (repository, is_fetched) = (&context.repository, freshness == Freshness::Fetched);
    let checkout = if context.has_data_branch() {
        data_checkout(&repository.root).filter(|_| !is_fetched)
    } else {
        Some(repository.toplevel.clone())
    };
    let ids = Ledger::ids_branch()?;
    let read = checkout.and_then(|root| Some((TaskFolder::of_checkout(&root)?, root)));
    if let Some((files, root)) = read {
        let ledger = Ledger { dry_run: true, ..context.ledger() };
        let view = ledger.view(std::slice::from_ref(&ids), freshness)?;
        return Ok(Checked::new(&files, counter(&view)?, Some(root), None));
    }
    if !context.has_data_branch() && !is_fetched {
        return Err(Error::new(Kind::NotInitialised, "there are no task files here")
            .hint(Hint::from("git aitask check --fetch").note("looks for them on the remote")));
    }
    let data = context.data_branch()?.clone();
    let ledger = context.reading_ledger();
    let view = ledger.view(&[data.clone(), ids], freshness)?;
    view.require_home()?;
    if view.base(&data).is_none() {
        return Err(Error::new(Kind::NotInitialised, format!("there is no branch {data}")).hint("git aitask init"));
    }
    Ok(Checked::new(&TaskFolder::of_branch(&view, &data)?, counter(&view)?, None, Some(data.to_string())))
}

/// The counter of a view, or why it is none; `None` where it is not known.
pub(super) fn counter(view: &View<'_>) -> Result<Option<std::result::Result<u64, Error>>> {
    match ids::load_published(view, &Ledger::ids_branch()?) {
        Err(error) if error.kind() == Kind::Unparsable => Ok(Some(Err(error))),
        read => Ok(read?.map(Ok)),
    }
}

impl Checked {
    fn new(
        files: &TaskFolder,
        counter: Option<std::result::Result<u64, Error>>,
        folder: Option<PathBuf>,
        branch: Option<String>,
    ) -> Self {
        let known = counter.as_ref().and_then(|counter| counter.as_ref().ok()).copied();
        let mut findings = problems(files, known);
        findings.extend(counter.and_then(std::result::Result::err).map(|error| Problem::of_counter(&error)));
        let count = |severity| findings.iter().filter(|problem| problem.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        Self { folder, branch, tasks: files.active().count(), counter: known, errors, warnings, findings }
    }
}
