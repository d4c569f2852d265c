//! `aitask_claim_id.sh`: takes, shows, corrects or creates the counter of task ids. `--claim` prints the id alone,
//! since callers read standard output as the number.

use crate::compat::invocation::Invocation;
use crate::compat::locks::probe::Probe;
use crate::coordination::ids;
use crate::coordination::ids::Counter;
use crate::error::{Error, Kind, Payload, Result};
use crate::git::Freshness;
use crate::git::types::Branch;
use crate::ledger::{Channel, Decision, IDS, Ledger, Plan, View, nonce};
use crate::project::Context;
use crate::task::{Scan, query};

const HELP: &str = "\
Usage: aitask_claim_id.sh [--claim | --peek | --resync | --init]

The counter of task ids, kept on the branch aitask-ids of the remote origin.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let outcome = match args.first().map_or("--claim", String::as_str) {
        "--claim" | "claim" => open(invocation).and_then(|context| claim(invocation, &context)).map(|(id, aside)| {
            if let Some(aside) = aside {
                invocation.console.stderr_info(&aside);
            }
            invocation.console.line(&id.to_string());
        }),
        "--peek" | "peek" => peek(invocation),
        "--resync" | "resync" => resync(invocation),
        "--init" | "init" => init(invocation),
        "--help" | "-h" => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            Ok(())
        }
        other => Err(Error::new(Kind::Usage, format!("Unknown option: {other}. Use --help for usage."))),
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}

fn open(invocation: &Invocation) -> Result<Context> {
    invocation.open()?.ok_or_else(|| Error::new(Kind::NotARepository, "not inside a git repository"))
}

/// The highest id of all tasks, bundles included.
fn full_scan(invocation: &Invocation) -> Result<u64> {
    let files = [invocation.active_files(), invocation.archived_files()?].concat();
    Ok(query::max_number(files.iter().map(String::as_str), Scan::Full))
}

/// Takes the next id; and gives a note for standard error where it had to create or restore the counter.
pub(crate) fn claim(invocation: &Invocation, context: &Context) -> Result<(u64, Option<String>)> {
    // The folder is read before the counter, so that the time between reading the counter and the push stays short.
    let files = invocation.active_files();
    let active = query::max_number(files.iter().map(String::as_str), Scan::Active);
    let archived = query::max_number(invocation.archived_names().iter().map(String::as_str), Scan::UpperBound);
    let (branch, counter_kind) = (Ledger::ids_branch()?, Counter::of(&context.channel));
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let landed = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        let mut plan = Plan::new();
        let (counter, aside) = match ids::load(view, &branch)? {
            Some(counter) => (counter, None),
            None if counter_kind == Counter::Local => {
                let next = full_scan(invocation)? + 1;
                plan = ids::initialise(plan, &branch, next, Counter::Local);
                (next, Some(format!("Local counter branch 'aitask-ids' created with next_id={next}")))
            }
            None => {
                let (upgraded, next) = upgrade(invocation, view, &branch, plan)?;
                plan = upgraded;
                let aside = if view.gone(&branch).is_some() {
                    "Counter branch 'aitask-ids' was gone from origin; restored from this clone"
                } else {
                    "Pushed local counter branch to remote (auto-upgrade)"
                };
                (next, Some(aside.to_owned()))
            }
        };
        // A counter that was set back must not give the number of an archived task again. A bundle that cannot be read
        // stops no claim: the counter is right, as a rule.
        let highest = if archived < counter { active } else { full_scan(invocation).unwrap_or(active) };
        let id = ids::next_of(counter, highest);
        Ok(Decision::Publish(ids::claim(plan, &branch, id), (id, aside)))
    });
    landed.map(|landed| landed.value).map_err(|error| explain(context, error, "ID claim", "claim task ID"))
}

/// Publishes the counter of this clone: the one it used before there was a remote, or the one it knew before the remote
/// lost it. The value is above every id of the task files, so that no id is given twice.
fn upgrade(invocation: &Invocation, view: &View<'_>, branch: &Branch, plan: Plan) -> Result<(Plan, u64)> {
    match ids::load_kept(view, branch)? {
        Some(kept) => Ok((plan.advance(branch, kept.start), kept.value.max(full_scan(invocation)? + 1))),
        None => Err(Error::new(
            Kind::NotInitialised,
            "Counter branch 'aitask-ids' is not initialized on origin and no local branch exists to upgrade. \
             Run 'ait setup' to initialize the counter.",
        )),
    }
}

/// An error in the scripts' words, since callers search for "race", "Cannot reach origin" and the like.
fn explain(context: &Context, error: Error, race: &str, action: &str) -> Error {
    match error.kind() {
        Kind::Unparsable => {
            let value = error.payloads().iter().find_map(|payload| match payload {
                Payload::Counter { value } => Some(value.as_str()),
                _ => None,
            });
            let text = value.map_or_else(
                || format!("Could not read next_id.txt from branch '{IDS}': {error}"),
                |value| format!("Invalid counter value: '{value}' (expected a number)"),
            );
            Error::new(Kind::Unparsable, text)
        }
        Kind::Unreachable | Kind::NoRemote | Kind::Authentication | Kind::Unknown | Kind::Damaged => {
            let stderr = stderr_text(&error);
            let there = Ledger::ids_branch().and_then(|branch| Probe::new(context.ledger()).is_there(&branch));
            let what = match there {
                Ok(true) => "Failed to fetch counter branch 'aitask-ids' from origin",
                _ => "Cannot reach origin to verify counter branch 'aitask-ids'",
            };
            Error::new(error.kind(), format!("{what}: {stderr}"))
        }
        Kind::Contention => {
            Error::new(Kind::Contention, format!("{race} race: Failed to {action} after 5 attempts ({error})"))
        }
        _ => error,
    }
}

/// The standard error of git in an error about the connection, on one line.
fn stderr_text(error: &Error) -> String {
    let text = error.stderr().map_or_else(|| error.to_string(), str::to_owned);
    text.split('\n').map(str::trim_end).collect::<Vec<_>>().join(" ")
}

fn peek(invocation: &Invocation) -> Result<()> {
    let context = open(invocation)?;
    let (branch, ledger) = (Ledger::ids_branch()?, Ledger { repairs: true, ..context.ledger() });
    let known = ledger.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
    let local = known.published_and_local(&branch, ids::FILE)?.local;
    let local = local.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    if context.channel == Channel::Local {
        let next = local.map_or_else(|| full_scan(invocation).map(|max| (max + 1).to_string()), Ok)?;
        invocation.console.line(&next);
        return Ok(());
    }
    let published = ledger.view(std::slice::from_ref(&branch), Freshness::Fetched).and_then(|view| {
        let file = view.published_and_local(&branch, ids::FILE)?.published;
        file.ok_or_else(|| match view.tip(&branch).published {
            Some(_) => ids::no_file(),
            None => Error::new(Kind::NotInitialised, "Counter branch 'aitask-ids' is not initialized on origin"),
        })
    });
    match (published.map_err(|error| explain(&context, error, "", "peek")), local) {
        (Ok(bytes), _) => {
            invocation.console.line(String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
            Ok(())
        }
        (Err(error), Some(local)) => {
            invocation.console.warn(&format!("{error}; showing local value"));
            invocation.console.line(&local);
            Ok(())
        }
        (Err(error), None) if error.kind() == Kind::NotInitialised => Err(Error::new(
            Kind::NotInitialised,
            format!("{error} and no local branch exists to read. Run 'ait setup' to initialize the counter."),
        )),
        (Err(error), None) => Err(error),
    }
}

fn resync(invocation: &Invocation) -> Result<()> {
    let context = open(invocation)?;
    let desired = full_scan(invocation)? + 1;
    let (branch, counter_kind) = (Ledger::ids_branch()?, Counter::of(&context.channel));
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let mut mirror = None;
    let landed = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        let (plan, current) = match ids::load(view, &branch)? {
            Some(current) => (Plan::new(), current),
            None if counter_kind == Counter::Local => {
                let plan = ids::initialise(Plan::new(), &branch, desired, Counter::Local);
                return Ok(Decision::Publish(plan, format!("OK:{desired}")));
            }
            None => upgrade(invocation, view, &branch, Plan::new())?,
        };
        if current >= desired && plan.branches.is_empty() {
            let published = view.published_and_local(&branch, ids::FILE)?.published;
            // A local branch with a higher value holds ids that were given out and are known nowhere else.
            let is_highest = published.is_some_and(|bytes| ids::parse(&bytes).is_ok_and(|value| value == current));
            mirror = view.tip(&branch).published.filter(|_| is_highest && counter_kind == Counter::Shared);
            return Ok(Decision::NoChange(format!("OK:{current}")));
        }
        let next = current.max(desired);
        Ok(Decision::Publish(ids::resync(plan, &branch, next, counter_kind), format!("RESYNCED:{current}:{next}")))
    });
    let landed = landed.map_err(|error| explain(&context, error, "ID counter resync", "resync task ID counter"))?;
    if let Some(published) = mirror {
        // Best effort, as after a claim: the local branch only answers while the remote does not.
        let _ = ledger.refs.follow(&[(branch.full(), &published)]);
    }
    invocation.console.line(&landed.value);
    Ok(())
}

fn init(invocation: &Invocation) -> Result<()> {
    let context = open(invocation).ok().filter(|context| context.channel != Channel::Local).ok_or_else(|| {
        Error::new(Kind::Usage, "No git remote 'origin' configured. Cannot initialize atomic task ID counter.")
    })?;
    let max = full_scan(invocation)?;
    let (branch, next) = (Ledger::ids_branch()?, max + 1);
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let landed = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        if view.tip(&branch).published.is_some() {
            let value = ids::load(view, &branch).ok().flatten();
            return Ok(Decision::NoChange(CounterInit::Found(
                value.map_or_else(|| "?".to_owned(), |value| value.to_string()),
            )));
        }
        let known = view.gone(&branch).map(|_| ids::load_kept(view, &branch)).transpose()?.flatten();
        Ok(match known {
            Some(kept) => {
                let next = kept.value.max(next);
                let plan = Plan::new().advance(&branch, kept.start);
                Decision::Publish(ids::resync(plan, &branch, next, Counter::Shared), CounterInit::PutBack(next))
            }
            None => Decision::Publish(ids::initialise(Plan::new(), &branch, next, Counter::Shared), CounterInit::Made),
        })
    });
    let landed = landed.map_err(|error| Error::new(error.kind(), format!("Failed to push counter branch: {error}")))?;
    match landed.value {
        CounterInit::Found(value) => {
            invocation.console.info(&format!("Counter branch '{IDS}' already exists on remote."));
            invocation.console.info(&format!("Current counter value: {value}"));
        }
        CounterInit::PutBack(next) => {
            invocation.console.warn(&format!("Counter branch '{IDS}' was gone from origin"));
            invocation.console.success(&format!("Counter branch '{IDS}' restored with next_id={next}"));
        }
        CounterInit::Made => {
            invocation.console.info(&format!("Max existing task ID: t{max}"));
            invocation.console.info(&format!("Initializing counter branch with next_id={next} (max + 1)"));
            invocation.console.success(&format!("Counter branch '{IDS}' created with next_id={next}"));
        }
    }
    Ok(())
}

/// What `--init` did.
enum CounterInit {
    /// The branch exists on the remote, with this value.
    Found(String),
    /// The remote had lost the branch; it is restored from this clone, with this value.
    PutBack(u64),
    /// The branch was created.
    Made,
}
