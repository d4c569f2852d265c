//! The report on completed tasks: how many, when, and of which labels and types.

use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::compat::listing::rows;
use crate::error::{Error, Kind, Result};
use crate::task::{Document, Status, bundle, gate_runs};
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The days of a week, from Monday.
pub(crate) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The gates whose run tells when a task without a date of completion was completed, the best first.
const COMPLETING_GATES: [&str; 2] = ["merge_approved", "review_approved"];

/// A completed task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompletedTask {
    /// Its file's name without ending.
    pub(crate) stem: String,
    /// The day of its completion.
    pub(crate) date: Date,
    /// Its labels; `(unlabeled)` when it has none.
    pub(crate) labels: Vec<String>,
    /// Its issue type.
    pub(crate) issue_type: String,
    /// Whether it was a child.
    pub(crate) is_child: bool,
    /// The agent and model that implemented it.
    pub(crate) implemented_with: String,
}

/// The period and form of the report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReportRange {
    /// Today.
    pub(crate) today: Date,
    /// The number of days that are listed one by one.
    pub(crate) days: i64,
    /// The first day of a week.
    pub(crate) week_start: Weekday,
    /// Whether the names of the tasks are listed.
    pub(crate) verbose: bool,
}

/// All archived tasks that have a date, newest first, without those in the single bundle of early versions, which the
/// scripts do not count. `unreadable` receives the error of each bundle that cannot be read.
pub(crate) fn load(checkout: &TaskFolders, unreadable: impl Fn(&Error)) -> Vec<CompletedTask> {
    let archive = &checkout.archived;
    let mut completed = Vec::new();
    let mut add = |name: &str, bytes: &[u8]| {
        let file = name.rsplit('/').next().unwrap_or(name);
        let is_child = name.contains('/');
        // A child's file in the folder of the parents is misplaced; the scripts count it neither as child nor as
        // parent.
        if rows::parent_id(file).is_some() && (is_child || rows::child_id(file).is_none()) {
            completed.extend(parse(file, is_child, &Document::parse(bytes)));
        }
    };
    for name in archive.files('t') {
        if let Ok(bytes) = archive.read(&name) {
            add(&name, &bytes);
        }
    }
    for name in bundles(archive) {
        match archive.read(&name).and_then(|bytes| bundle::files(&archive.shown(&name), &bytes)) {
            Ok(files) => files.iter().for_each(|(member, content)| add(member, content)),
            Err(error) => unreadable(&error),
        }
    }
    completed.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.stem.cmp(&b.stem)));
    completed
}

/// The numbered bundles. A gzip bundle beside a zstd bundle of the same number was replaced by it and is left out.
fn bundles(archive: &TaskFolder) -> Vec<String> {
    let folders = archive.names(|name| name.starts_with("_b"));
    let all: Vec<_> = folders
        .into_iter()
        .flat_map(|folder| {
            let names = archive.below(&folder).names(|name| name.starts_with("old"));
            names.into_iter().map(move |name| format!("{folder}/{name}"))
        })
        .collect();
    let of = |ending: &'static str| all.iter().filter_map(move |name| name.strip_suffix(ending));
    let zstd = of(".tar.zst").map(|stem| format!("{stem}.tar.zst"));
    let alone = of(".tar.gz").filter(|stem| !of(".tar.zst").any(|other| other == *stem));
    zstd.chain(alone.map(|stem| format!("{stem}.tar.gz"))).collect()
}

fn parse(file: &str, is_child: bool, document: &Document) -> Option<CompletedTask> {
    let text = |key: &str| document.scalar(key).unwrap_or_default().to_owned();
    let day_of = |time: &str| time.get(..10).and_then(|date| date.parse::<Date>().ok());
    let date = |key: &str| day_of(&text(key));
    let approved = || COMPLETING_GATES.iter().find_map(|gate| day_of(gate_runs::last_run(document.raw_body(), gate)?));
    let is_done = text("status") == Status::Done.as_str() || text("status") == "Completed";
    let date = date("completed_at").or_else(|| date("updated_at").filter(|_| is_done)).or_else(approved)?;
    let mut labels = document.list("labels");
    if labels.is_empty() {
        labels.push("(unlabeled)".to_owned());
    }
    let issue_type = Some(text("issue_type")).filter(|kind| !kind.is_empty()).unwrap_or_else(|| "feature".to_owned());
    let stem = file.strip_suffix(".md").unwrap_or(file).to_owned();
    Some(CompletedTask { stem, date, labels, issue_type, is_child, implemented_with: text("implemented_with") })
}

impl CompletedTask {
    /// The agent that implemented it.
    pub(crate) fn agent(&self) -> &str {
        self.implemented_with.split('/').next().unwrap_or_default()
    }

    /// The model that implemented it.
    pub(crate) fn model(&self) -> &str {
        self.implemented_with.split_once('/').map_or("", |(_, model)| model)
    }

    /// Whole weeks since the week it was completed in.
    pub(crate) fn week_offset(&self, range: &ReportRange) -> i64 {
        let start = |date: Date| {
            let since = date.weekday().since(range.week_start);
            date.checked_sub(i64::from(since).days()).unwrap_or(date)
        };
        days_between(start(self.date), start(range.today)) / 7
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// The weekday that a text is the beginning of.
///
/// # Errors
/// The days that begin with the text, when they are none or several.
pub(crate) fn parse_weekday(text: &str) -> Result<Weekday, Vec<&'static str>> {
    let wanted = text.to_lowercase();
    let found: Vec<_> = DAYS.iter().enumerate().filter(|(_, day)| day.to_lowercase().starts_with(&wanted)).collect();
    match found.as_slice() {
        [(n, _)] if !text.is_empty() => {
            let day = i8::try_from(*n).ok().and_then(|n| Weekday::from_monday_zero_offset(n).ok());
            day.ok_or_else(Vec::new)
        }
        several => Err(several.iter().map(|(_, day)| **day).collect()),
    }
}

/// The report, in Markdown.
pub(crate) fn report(completed: &[CompletedTask], types: &[String], range: &ReportRange, now: &str) -> String {
    let within =
        |days: i64| completed.iter().filter(move |task| (0..days).contains(&days_between(task.date, range.today)));
    let mut text = format!("## Task Completion Statistics\n\nGenerated: {now}\n\n### Summary\n\n");
    text.push_str(&table(
        &["Metric", "Count"],
        vec![
            vec!["Total Tasks Completed".to_owned(), completed.len().to_string()],
            vec!["Completed (Last 7 days)".to_owned(), within(7).count().to_string()],
            vec!["Completed (Last 30 days)".to_owned(), within(30).count().to_string()],
        ],
    ));
    text.push_str("\n_In flight (implementation done, awaiting gates): 0_\n\n");
    let _ = write!(text, "### Daily Completions (Last {} Days)\n\n{}", range.days, daily(completed, range));
    let _ = write!(text, "\n### Average Completions by Day of Week\n\n{}", weekdays(completed, range));
    text.push_str("\n### Pipeline Timing (gated tasks)\n\nNo gated tasks with ledger timing yet.\n");
    let labels = |task: &CompletedTask| task.labels.clone();
    let trends = [
        ("Completions by Label - Weekly Trend (Last 4 Weeks)", weekly(completed, range, "Label", labels)),
        ("Label Avg by Day of Week (Last 30 Days)", label_weekdays(&within(30).collect::<Vec<_>>(), range)),
        ("By Task Type - Weekly Trend (Last 4 Weeks)", by_type(completed, types, range)),
        (
            "By Issue Type per Label - Weekly Trend (Last 4 Weeks)",
            weekly(completed, range, "Label / Type", |task| {
                task.labels.iter().map(|label| format!("{label} / {}", task.issue_type)).collect()
            }),
        ),
        (
            "By Code Agent - Weekly Trend (Last 4 Weeks)",
            weekly(completed, range, "Code Agent", |task| vec![known(task.agent())]),
        ),
        (
            "By LLM Model - Weekly Trend (Last 4 Weeks)",
            weekly(completed, range, "LLM Model", |task| vec![known(task.model())]),
        ),
    ];
    for (heading, table) in trends {
        let _ = write!(text, "\n### {heading}\n\n{table}");
    }
    text
}

fn known(name: &str) -> String {
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = row(head.iter().map(|cell| (*cell).to_owned()).collect());
    let _ = writeln!(text, "|{}", "---|".repeat(head.len()));
    for cells in rows {
        text.push_str(&row(cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect()));
    }
    text
}

fn daily(completed: &[CompletedTask], range: &ReportRange) -> String {
    let rows = (0..range.days).filter_map(|back| {
        let date = range.today.checked_sub(back.days()).ok()?;
        let tasks: Vec<_> = completed.iter().filter(|task| task.date == date).collect();
        let mut row = vec![date.to_string(), day(date.weekday()).to_owned(), tasks.len().to_string()];
        if range.verbose {
            row.push(tasks.iter().map(|task| task.stem.as_str()).collect::<Vec<_>>().join(", "));
        }
        Some(row)
    });
    let head: &[&str] =
        if range.verbose { &["Date", "Day", "Completed", "Tasks"] } else { &["Date", "Day", "Completed"] };
    table(head, rows.collect())
}

fn day(weekday: Weekday) -> &'static str {
    DAYS.get(usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)).unwrap_or(&DAYS[0])
}

/// The days of a week, from the one it starts with.
fn week(range: &ReportRange) -> Vec<Weekday> {
    range.week_start.cycle_forward().take(7).collect()
}

/// The number of times a weekday occurs in the last `days` days, today included.
fn occurrences(weekday: Weekday, days: i64, range: &ReportRange) -> i64 {
    let dates = (0..days).filter_map(|back| range.today.checked_sub(back.days()).ok());
    i64::try_from(dates.filter(|date| date.weekday() == weekday).count()).unwrap_or(0)
}

fn average(count: usize, times: i64) -> String {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let times = u32::try_from(times.max(1)).unwrap_or(u32::MAX);
    format!("{:.1}", f64::from(count) / f64::from(times))
}

fn weekdays(completed: &[CompletedTask], range: &ReportRange) -> String {
    let first = completed.iter().map(|task| task.date).min().unwrap_or(range.today);
    let days = days_between(first, range.today) + 1;
    let rows = week(range).into_iter().map(|weekday| {
        let count = completed.iter().filter(|task| task.date.weekday() == weekday).count();
        vec![day(weekday).to_owned(), count.to_string(), average(count, occurrences(weekday, days, range))]
    });
    table(&["Day", "Total", "Average"], rows.collect())
}

fn label_weekdays(recent: &[&CompletedTask], range: &ReportRange) -> String {
    let mut labels: BTreeMap<&str, Vec<Weekday>> = BTreeMap::new();
    for task in recent {
        for label in &task.labels {
            labels.entry(label).or_default().push(task.date.weekday());
        }
    }
    let days = week(range);
    let rows = labels.into_iter().map(|(label, found)| {
        let averages = days.iter().map(|weekday| {
            let count = found.iter().filter(|other| *other == weekday).count();
            average(count, occurrences(*weekday, 30, range))
        });
        std::iter::once(label.to_owned()).chain(averages).collect()
    });
    let head: Vec<_> = std::iter::once("Label").chain(days.iter().map(|weekday| &day(*weekday)[..3])).collect();
    table(&head, rows.collect())
}

const WEEKS: [&str; 4] = ["W-3", "W-2", "W-1", "This Week"];

/// Counts of the last four weeks, oldest first.
fn counts<'a>(tasks: impl Iterator<Item = &'a CompletedTask>, range: &ReportRange) -> [usize; 4] {
    let mut counts = [0; 4];
    for task in tasks {
        if let Some(count) = usize::try_from(3 - task.week_offset(range)).ok().and_then(|n| counts.get_mut(n)) {
            *count += 1;
        }
    }
    counts
}

fn trend(name: &str, counts: [usize; 4]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(counts.map(|count| count.to_string())).collect()
}

fn weekly(
    completed: &[CompletedTask],
    range: &ReportRange,
    what: &str,
    keys: impl Fn(&CompletedTask) -> Vec<String>,
) -> String {
    let mut groups: BTreeMap<String, Vec<&CompletedTask>> = BTreeMap::new();
    for task in completed.iter().filter(|task| (0..4).contains(&task.week_offset(range))) {
        for key in keys(task) {
            groups.entry(key).or_default().push(task);
        }
    }
    let rows = groups.into_iter().map(|(key, tasks)| trend(&key, counts(tasks.into_iter(), range)));
    let head: Vec<_> = std::iter::once(what).chain(WEEKS).collect();
    table(&head, rows.collect())
}

fn by_type(completed: &[CompletedTask], types: &[String], range: &ReportRange) -> String {
    let of = |wanted: &dyn Fn(&CompletedTask) -> bool| counts(completed.iter().filter(|task| wanted(task)), range);
    let mut rows =
        vec![trend("Parent Tasks", of(&|task| !task.is_child)), trend("Child Tasks", of(&|task| task.is_child))];
    rows.extend(types.iter().map(|kind| trend(kind, of(&|task| task.issue_type == *kind))));
    let head: Vec<_> = std::iter::once("Type").chain(WEEKS).collect();
    table(&head, rows)
}

/// The rows as comma-separated values, with their heading.
pub(crate) fn csv(completed: &[CompletedTask], range: &ReportRange) -> String {
    let quoted = |text: &str| {
        let needs = text.contains([',', '"', '\n']);
        if needs { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    let mut text =
        "date,day_of_week,week_offset,task_id,labels,issue_type,task_type,implemented_with,codeagent,llm_model\n"
            .to_owned();
    for task in completed {
        let row = [
            task.date.to_string(),
            day(task.date.weekday()).to_owned(),
            task.week_offset(range).to_string(),
            task.stem.clone(),
            task.labels.join(";"),
            task.issue_type.clone(),
            if task.is_child { "child" } else { "parent" }.to_owned(),
            task.implemented_with.clone(),
            task.agent().to_owned(),
            task.model().to_owned(),
        ];
        text.push_str(&row.map(|cell| quoted(&cell)).join(","));
        text.push('\n');
    }
    text
}

/// Today's date in the local time zone.
pub(crate) fn today() -> Date {
    jiff::ZonedDateTime::now().date()
}

/// The number of days to list. The limit of a hundred years keeps a mistyped number from filling the output.
///
/// # Errors
/// [`Kind::Usage`] for what is no number of days.
pub(crate) fn parse_days(text: &str) -> Result<i64> {
    let number = text.strip_suffix('.').unwrap_or(text);
    let days = number.parse().ok().filter(|days| (1..=36_500).contains(days));
    days.ok_or_else(|| Error::new(Kind::Usage, format!("'{text}' is not a number of days")))
}

#[cfg(test)]
mod tests;
