//! `aitask_zip_old.sh`: packs archived files that no active task needs into bundles, and unpacks one task.

use crate::compat::archive::bundles::{self, BundleSelection, LooseFiles, Unpacked};
use crate::compat::archive::snapshot::DataCheckout;
use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::numbers::parse_number;
use crate::error::{Error, Kind, Result};

const HELP: &str = "\
Usage: aitask_zip_old.sh [-n|--dry-run] [--no-commit] [-v|--verbose]
       aitask_zip_old.sh unpack <number>

Packs archived tasks and plans that no active task needs into bundles, or unpacks one task.";

const NOTHING: &str =
    "No files to archive. All archived files are still relevant to active work (or directories are empty).";

/// The arguments of `aitask_zip_old.sh`.
#[derive(Debug, Default)]
struct ZipOldArguments {
    dry_run: bool,
    no_commit: bool,
    verbose: bool,
}

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    // The original ignores TASK_DIR here, so both must use the default folders to find the same bundles.
    let folders = TaskFolders::new(&invocation.dir);
    let outcome = if args.first().is_some_and(|word| word == "unpack") {
        unpack(invocation, &folders, args.get(1))
    } else {
        match parse(args) {
            Ok(Some(request)) => bundle(invocation, &folders, &request),
            Ok(None) => {
                HELP.lines().for_each(|line| invocation.console.line(line));
                Ok(())
            }
            Err(error) => Err(error),
        }
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            invocation.print_error(&error);
            1
        }
    }
}

fn parse(args: &[String]) -> Result<Option<ZipOldArguments>> {
    let mut request = ZipOldArguments::default();
    for arg in args {
        match arg.as_str() {
            "-n" | "--dry-run" => request.dry_run = true,
            "--no-commit" => request.no_commit = true,
            "-v" | "--verbose" => request.verbose = true,
            "-h" | "--help" => return Ok(None),
            other => {
                let text = format!("Unknown option: {other}. Use --help for usage.");
                return Err(Error::new(Kind::Usage, text));
            }
        }
    }
    Ok(Some(request))
}

fn bundle(invocation: &Invocation, folders: &TaskFolders, request: &ZipOldArguments) -> Result<()> {
    let selection = BundleSelection::find(folders);
    if request.verbose {
        verbose(invocation, &selection);
    }
    if request.dry_run {
        preview(invocation, folders, &selection);
        return Ok(());
    }
    let context = invocation.open()?;
    let checkout = context.as_ref().map(|context| DataCheckout::find(context, &invocation.dir, folders));
    let (selection, (tasks, plans)) = if request.no_commit {
        let selection = bundles::bundle_uncommitted(checkout.transpose()?.as_ref(), folders)?;
        let counts = selection.counts();
        (selection, counts)
    } else {
        match checkout.transpose()? {
            Some(checkout) => bundles::bundle_committed(&checkout)?,
            None if selection.counts() == (0, 0) => (selection, (0, 0)),
            None => return Err(Error::new(Kind::NotARepository, "not inside a git repository; see --no-commit")),
        }
    };
    if (tasks, plans) == (0, 0) {
        invocation.console.info(NOTHING);
        return Ok(());
    }
    for (count, what) in [(tasks, "task"), (plans, "plan")] {
        if count > 0 {
            invocation.console.info(&format!("Archiving {count} {what} file(s) to numbered bundles..."));
        }
    }
    if request.no_commit {
        invocation.console.info("Skipping git commit (--no-commit)");
    }
    invocation.console.line("");
    invocation.console.success("=== Archive Complete ===");
    invocation.console.line("");
    invocation.console.line(&format!("Task files archived: {tasks}"));
    invocation.console.line(&format!("Plan files archived: {plans}"));
    if is_skipping(&selection) {
        invocation.console.line("");
        invocation.console.line("Skipped (still relevant):");
        skipped(invocation, &selection);
    }
    Ok(())
}

fn is_skipping(selection: &BundleSelection) -> bool {
    !selection.active_parents.is_empty() || !selection.dependencies.is_empty()
}

fn parents(selection: &BundleSelection) -> String {
    selection.active_parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn dependencies(selection: &BundleSelection) -> String {
    selection.dependencies.iter().cloned().collect::<Vec<_>>().join(" ")
}

fn skipped(invocation: &Invocation, selection: &BundleSelection) {
    if !selection.active_parents.is_empty() {
        invocation.console.line(&format!("  Active parents: {}", parents(selection)));
    }
    if !selection.dependencies.is_empty() {
        invocation.console.line(&format!("  Dependencies: {}", dependencies(selection)));
    }
}

fn verbose(invocation: &Invocation, selection: &BundleSelection) {
    invocation.console.stderr_info(&format!("[verbose] Active parents: {}", parents(selection)));
    invocation.console.stderr_info(&format!("[verbose] Dependency IDs: {}", dependencies(selection)));
    for kept in &selection.kept {
        invocation.console.stderr_info(&format!("[verbose] {kept}"));
    }
}

fn preview(invocation: &Invocation, folders: &TaskFolders, selection: &BundleSelection) {
    invocation.console.info("=== DRY RUN MODE ===");
    if selection.counts() == (0, 0) {
        invocation.console.info(NOTHING);
        return;
    }
    let show = |heading: &str, letter: char, shown: &dyn Fn(&str) -> String, loose: &LooseFiles| {
        if loose.is_empty() {
            return;
        }
        invocation.console.line("");
        invocation.console.line(heading);
        for (stem, files) in loose {
            let number: u64 = stem.rsplit("old").next().and_then(|number| number.parse().ok()).unwrap_or_default();
            let (low, high) = (number * 100, number * 100 + 99);
            invocation.console.line(&format!("  {} ({letter}{low}-{high}):", shown(&format!("{stem}.tar.zst"))));
            for file in files {
                invocation.console.line(&format!("    - {file}"));
            }
        }
    };
    show("Tasks:", 't', &|name| folders.archived.shown(name), &selection.tasks);
    show("Plans:", 'p', &|name| folders.archived_plans.shown(name), &selection.plans);
    if is_skipping(selection) {
        invocation.console.line("");
        invocation.console.info("Skipped (still relevant):");
        skipped(invocation, selection);
    }
}

fn unpack(invocation: &Invocation, folders: &TaskFolders, number: Option<&String>) -> Result<()> {
    let missing = || Error::new(Kind::Usage, "unpack requires a task number argument");
    let raw = number.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    let number = parse_number("task number", raw).map_err(|_| {
        Error::new(Kind::Usage, format!("Invalid task number: '{raw}' (expected a number like 42 or t42)"))
    })?;
    let context = invocation.open()?;
    let checkout = context.as_ref().map(|context| DataCheckout::find(context, &invocation.dir, folders)).transpose()?;
    let unpacked = bundles::unpack(checkout.as_ref(), folders, number)?;
    if unpacked.is_empty() {
        invocation.console.line("NOT_IN_ARCHIVE");
    }
    for one in unpacked {
        match one {
            Unpacked::Task(path) => invocation.console.line(&format!("UNPACKED_TASK:{path}")),
            Unpacked::Plan(path) => invocation.console.line(&format!("UNPACKED_PLAN:{path}")),
            Unpacked::Kept(path) => {
                invocation.console.warn(&format!("{path} exists with other content; the bundle keeps its version"));
            }
        }
    }
    Ok(())
}
