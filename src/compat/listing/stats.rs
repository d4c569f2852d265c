//! `aitask_stats.sh`: reports on completed tasks as Markdown, and as CSV on request.

use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::listing::statistics::{self, ReportRange, parse_days, parse_weekday};
use crate::project::Context;
use crate::task::fields::issue_types;
use crate::task::paths;

const HELP: &str = "\
Usage: aitask_stats.sh [-d|--days N] [-w|--week-start DAY] [-v|--verbose] [--csv [FILE]]

Reports on completed tasks, in Markdown.";

/// The file that `--csv` alone writes.
const CSV: &str = "aitask_stats.csv";

/// The arguments of `aitask_stats.sh`.
struct StatsArguments {
    range: ReportRange,
    csv: Option<String>,
}

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let request = match parse(invocation, args) {
        Ok(Some(request)) => request,
        Ok(None) => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            return 0;
        }
        Err(wrong) => {
            HELP.lines().for_each(|line| (invocation.notice)(line));
            (invocation.notice)(&format!("aitask_stats.sh: error: {wrong}"));
            return 2;
        }
    };
    // The original honours TASK_DIR here, and ignores ARCHIVED_DIR.
    let folder = invocation.environment.text("TASK_DIR").unwrap_or(paths::TASKS_DIR);
    let checkout = TaskFolders::below(&invocation.dir, folder);
    if !checkout.archived.exists() {
        invocation
            .console
            .line(&format!("No archived tasks found in {}", checkout.archived.shown("").trim_end_matches('/')));
        return 0;
    }
    let completed = statistics::load(&checkout, |error| invocation.console.warn(&error.to_string()));
    if completed.is_empty() {
        invocation.console.line("No completed tasks found.");
        return 0;
    }
    let text = checkout.tasks.tree().text(checkout.tasks.path("metadata/task_types.txt")).unwrap_or_default();
    let types = issue_types(&text);
    invocation.console.lines(statistics::report(&completed, &types, &request.range, &Context::now()).as_bytes());
    if let Some(file) = request.csv {
        let text = statistics::csv(&completed, &request.range);
        let written = if file == CSV {
            // The caller did not choose the default name, so a symbolic link of this name is replaced and not followed.
            invocation.tree().replace(CSV, text.as_bytes()).map_err(|error| error.to_string())
        } else {
            std::fs::write(invocation.dir.join(&file), text).map_err(|error| error.to_string())
        };
        if let Err(error) = written {
            invocation.console.error(&format!("cannot write {file}: {error}"));
            return 1;
        }
        invocation.console.line(&format!("CSV exported to: {file}"));
    }
    0
}

fn parse(invocation: &Invocation, args: &[String]) -> Result<Option<StatsArguments>, String> {
    let monday = statistics::parse_weekday("Monday").map_err(|_| "a week has no Monday".to_owned())?;
    let mut range = ReportRange { today: statistics::today(), days: 7, week_start: monday, verbose: false };
    let mut csv = None;
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-d" | "--days" => {
                let text = args.next().ok_or_else(|| format!("{arg} expects a value"))?;
                range.days = parse_days(text).map_err(|error| error.to_string())?;
            }
            "-w" | "--week-start" => {
                let text = args.next().ok_or_else(|| format!("{arg} expects a value"))?;
                match parse_weekday(text) {
                    Ok(day) => range.week_start = day,
                    Err(days) if days.is_empty() => invocation
                        .console
                        .warn(&format!("'{text}' does not match any day of the week. Using default (Monday).")),
                    Err(days) => invocation.console.warn(&format!(
                        "'{text}' is ambiguous (matches: {}). Using default (Monday).",
                        days.join(", ")
                    )),
                }
            }
            "-v" | "--verbose" => range.verbose = true,
            "--csv" => {
                let file = args.next_if(|next| !next.starts_with('-'));
                csv = Some(file.cloned().unwrap_or_else(|| CSV.to_owned()));
            }
            "-h" | "--help" => return Ok(None),
            other => return Err(format!("unrecognized arguments: {other}")),
        }
    }
    Ok(Some(StatsArguments { range, csv }))
}
