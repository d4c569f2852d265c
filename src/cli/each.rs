//! A verb that does the same to several tasks: each by itself, so that what is in the way of one is in the way of no other.

use crate::cli::app::App;
use crate::error::{Error, Kind, Payload, Result};
use crate::project::holder::held_here;
use crate::project::{Context, Wanted};
use crate::report::Page;
use crate::waiting;
use serde::Serialize;
use serde_json::Value;

/// The outcome: that of the first task, with those after it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Each<T> {
    /// That of the first task with which it was done.
    #[serde(flatten)]
    pub(crate) first: T,
    /// Those of the tasks after it, each as if it were the only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) more: Vec<T>,
    /// Why it was not done with the others. The exit code is the highest of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(schema_with = "errors"))]
    pub(crate) failed: Vec<Value>,
}

#[cfg(test)]
fn errors(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "$ref": "#/$defs/error" } })
}

/// The tasks that were named, each once; else the one of the current worktree.
///
/// # Errors
/// [`Kind::Usage`] elsewhere, with the command for each task that this session holds; also of a single one, since another
/// session of the same person may be meant.
pub(crate) fn wanted(context: &Context, named: &[String], verb: &'static str) -> Result<Vec<Wanted>> {
    if named.is_empty() {
        let here = context.wanted(None).map_err(|error| {
            let held = held_here(context).unwrap_or_default();
            if held.is_empty() {
                return error;
            }
            let hints = held.into_iter().map(|task| command!["git aitask"].text(verb).word(&task));
            hints.fold(Error::new(Kind::Usage, error.to_string()), Error::hint)
        });
        return Ok(vec![here?]);
    }
    let mut all = Vec::with_capacity(named.len());
    for name in named {
        let wanted = Wanted::parse(name)?;
        if !all.contains(&wanted) {
            all.push(wanted);
        }
    }
    Ok(all)
}

/// Whether an error is one of this command or of the remote, and not of the task.
fn is_in_the_way_of_all(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Interrupted | Kind::Unreachable | Kind::NoRemote | Kind::Unknown | Kind::Authentication
    )
}

/// The error that ended a command at the first of these tasks, with the others, and the command for all of them.
fn with_untried(error: Error, verb: &'static str, left: &[Wanted]) -> Error {
    let names: Vec<_> = left.iter().map(|wanted| wanted.id.to_string()).collect();
    let Some((_, others)) = names.split_first().filter(|(_, others)| !others.is_empty()) else { return error };
    let again = names.iter().fold(command!["git aitask"].text(verb), |again, name| again.word(name));
    let passes = error.is_retryable() || error.kind() == Kind::Interrupted;
    let error = error.append(&format!("; not tried: {}", others.join(", ")));
    let again = again.note("with the same options, once that is over");
    // What does not pass by itself is mended first.
    let error = if passes { error.only_hint(again) } else { error.hint(again) };
    error.with(Payload::NotTried { not_tried: others.to_vec() })
}

impl App {
    /// Does the same to each of these tasks, by the verb of this name, and shows the outcomes; returns the exit code, the
    /// highest of those that failed. `told` gets the page of each outcome at once; of several, also each error. What would be
    /// in the way of every task ends it, and the error names those that were not tried.
    ///
    /// # Errors
    /// The one error of a single task. For programs the one with the highest exit code, with all others, where it was done
    /// with no task.
    pub(crate) fn each<T: Serialize>(
        &self,
        verb: &'static str,
        wanted: &[Wanted],
        act: impl Fn(&Wanted) -> Result<T>,
        page: impl Fn(&T) -> Page,
        told: impl Fn(Result<&Page, &Error>),
    ) -> Result<u8> {
        if let [one] = wanted {
            let outcome = act(one)?;
            let page = page(&outcome);
            told(Ok(&page));
            return self.report.answer(&outcome, || page).map(|()| 0);
        }
        let (mut done, mut failed, mut whole) = (Vec::new(), Vec::<Error>::new(), Page::new());
        for (at, task) in wanted.iter().enumerate() {
            // Each has the time of a command of its own.
            waiting::start_again();
            let outcome = match act(task) {
                Err(error) if error.is_retryable() => act(task),
                outcome => outcome,
            };
            match outcome {
                Ok(outcome) => {
                    let page = page(&outcome);
                    told(Ok(&page));
                    whole = whole.and(page);
                    done.push(outcome);
                }
                Err(error) if is_in_the_way_of_all(&error) => {
                    failed.push(with_untried(error, verb, wanted.get(at..).unwrap_or_default()));
                    break;
                }
                Err(error) => failed.push(error),
            }
        }
        for error in &failed {
            told(Err(error));
        }
        let code = failed.iter().map(|error| error.kind().exit_code()).max().unwrap_or(0);
        let all: Vec<Value> = failed.iter().map(|error| error.described().into()).collect();
        if done.is_empty() && self.report.json {
            let worst = failed.into_iter().find(|error| error.kind().exit_code() == code);
            let worst = worst.unwrap_or_else(|| Error::new(Kind::Bug, "no task was named"));
            return Err(worst.with(Payload::Failed { failed: all.into() }));
        }
        if !done.is_empty() {
            let first = done.remove(0);
            let outcome = Each { first, more: done, failed: all };
            self.report.answer(&outcome, || whole)?;
        }
        if !self.report.json {
            for error in &failed {
                self.report.error(error);
            }
        }
        Ok(code)
    }
}
