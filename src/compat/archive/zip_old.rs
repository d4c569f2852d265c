//! `aitask_zip_old.sh` (specification 30, section 4).

use crate::compat::archive::bundles::{self, Loose, Selection, Unpacked};
use crate::compat::archive::snapshot::Site;
use crate::compat::folders::Checkout;
use crate::compat::invocation::Scene;
use crate::compat::numbers::parse_number;
use crate::error::{Error, Kind, Result};

const HELP: &str = "\
Usage: aitask_zip_old.sh [-n|--dry-run] [--no-commit] [-v|--verbose]
       aitask_zip_old.sh unpack <number>

Puts archived tasks and plans that no active task needs into bundles, or gets one back out of them.";

const NOTHING: &str =
    "No files to archive. All archived files are still relevant to active work (or directories are empty).";

/// What was asked for.
#[derive(Debug, Default)]
struct Request {
    dry_run: bool,
    no_commit: bool,
    verbose: bool,
}

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    // This script knows no TASK_DIR (section 0).
    let checkout = Checkout::new(&scene.dir);
    let outcome = if args.first().is_some_and(|word| word == "unpack") {
        unpack(scene, &checkout, args.get(1))
    } else {
        match parse(args) {
            Ok(Some(request)) => bundle(scene, &checkout, &request),
            Ok(None) => {
                HELP.lines().for_each(|line| scene.console.line(line));
                Ok(())
            }
            Err(error) => Err(error),
        }
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            scene.say_error(&error);
            1
        }
    }
}

fn parse(args: &[String]) -> Result<Option<Request>> {
    let mut request = Request::default();
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

fn bundle(scene: &Scene, checkout: &Checkout, request: &Request) -> Result<()> {
    let selection = Selection::find(checkout);
    if request.verbose {
        verbose(scene, &selection);
    }
    if request.dry_run {
        preview(scene, checkout, &selection);
        return Ok(());
    }
    let context = scene.open()?;
    let site = context.as_ref().map(|context| Site::find(context, &scene.dir, checkout));
    let (selection, (tasks, plans)) = if request.no_commit {
        let selection = bundles::bundle_uncommitted(site.transpose()?.as_ref(), checkout)?;
        let counts = selection.counts();
        (selection, counts)
    } else {
        match site.transpose()? {
            Some(site) => bundles::bundle_committed(&site)?,
            None if selection.counts() == (0, 0) => (selection, (0, 0)),
            None => return Err(Error::new(Kind::NotARepository, "not inside a git repository; see --no-commit")),
        }
    };
    if (tasks, plans) == (0, 0) {
        scene.console.info(NOTHING);
        return Ok(());
    }
    for (count, what) in [(tasks, "task"), (plans, "plan")] {
        if count > 0 {
            scene.console.info(&format!("Archiving {count} {what} file(s) to numbered bundles..."));
        }
    }
    if request.no_commit {
        scene.console.info("Skipping git commit (--no-commit)");
    }
    scene.console.line("");
    scene.console.success("=== Archive Complete ===");
    scene.console.line("");
    scene.console.line(&format!("Task files archived: {tasks}"));
    scene.console.line(&format!("Plan files archived: {plans}"));
    if is_skipping(&selection) {
        scene.console.line("");
        scene.console.line("Skipped (still relevant):");
        skipped(scene, &selection);
    }
    Ok(())
}

fn is_skipping(selection: &Selection) -> bool {
    !selection.active_parents.is_empty() || !selection.dependencies.is_empty()
}

fn parents(selection: &Selection) -> String {
    selection.active_parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn dependencies(selection: &Selection) -> String {
    selection.dependencies.iter().cloned().collect::<Vec<_>>().join(" ")
}

fn skipped(scene: &Scene, selection: &Selection) {
    if !selection.active_parents.is_empty() {
        scene.console.line(&format!("  Active parents: {}", parents(selection)));
    }
    if !selection.dependencies.is_empty() {
        scene.console.line(&format!("  Dependencies: {}", dependencies(selection)));
    }
}

fn verbose(scene: &Scene, selection: &Selection) {
    scene.console.info_aside(&format!("[verbose] Active parents: {}", parents(selection)));
    scene.console.info_aside(&format!("[verbose] Dependency IDs: {}", dependencies(selection)));
    for kept in &selection.kept {
        scene.console.info_aside(&format!("[verbose] {kept}"));
    }
}

fn preview(scene: &Scene, checkout: &Checkout, selection: &Selection) {
    scene.console.info("=== DRY RUN MODE ===");
    if selection.counts() == (0, 0) {
        scene.console.info(NOTHING);
        return;
    }
    let show = |heading: &str, letter: char, shown: &dyn Fn(&str) -> String, loose: &Loose| {
        if loose.is_empty() {
            return;
        }
        scene.console.line("");
        scene.console.line(heading);
        for (stem, files) in loose {
            let number: u64 = stem.rsplit("old").next().and_then(|number| number.parse().ok()).unwrap_or_default();
            let (low, high) = (number * 100, number * 100 + 99);
            scene.console.line(&format!("  {} ({letter}{low}-{high}):", shown(&format!("{stem}.tar.zst"))));
            for file in files {
                scene.console.line(&format!("    - {file}"));
            }
        }
    };
    show("Tasks:", 't', &|name| checkout.archived.shown(name), &selection.tasks);
    show("Plans:", 'p', &|name| checkout.archived_plans.shown(name), &selection.plans);
    if is_skipping(selection) {
        scene.console.line("");
        scene.console.info("Skipped (still relevant):");
        skipped(scene, selection);
    }
}

fn unpack(scene: &Scene, checkout: &Checkout, number: Option<&String>) -> Result<()> {
    let missing = || Error::new(Kind::Usage, "unpack requires a task number argument");
    let raw = number.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    let number = parse_number("task number", raw).map_err(|_| {
        Error::new(Kind::Usage, format!("Invalid task number: '{raw}' (expected a number like 42 or t42)"))
    })?;
    let context = scene.open()?;
    let site = context.as_ref().map(|context| Site::find(context, &scene.dir, checkout)).transpose()?;
    let unpacked = bundles::unpack(site.as_ref(), checkout, number)?;
    if unpacked.is_empty() {
        scene.console.line("NOT_IN_ARCHIVE");
    }
    for one in unpacked {
        match one {
            Unpacked::Task(path) => scene.console.line(&format!("UNPACKED_TASK:{path}")),
            Unpacked::Plan(path) => scene.console.line(&format!("UNPACKED_PLAN:{path}")),
            Unpacked::Kept(path) => {
                scene.console.warn(&format!("{path} is there with another content; the bundle keeps its own"));
            }
        }
    }
    Ok(())
}
