//! `aitask_changelog.sh`: gathers tasks, plans and commits since a release, for an agent that writes the changelog.

use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::listing::releases;
use crate::compat::sync::desync;
use crate::error::{Error, Kind, Result};
use crate::git::Freshness;
use crate::ledger::DATA;

const HELP: &str = "\
Usage: aitask_changelog.sh --gather [--from-tag TAG]
       aitask_changelog.sh --check-version VERSION

Gathers the tasks of the commits since a release, or checks whether CHANGELOG.md has a version.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    match answer(invocation, args) {
        Ok(code) => code,
        Err(error) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}

fn answer(invocation: &Invocation, args: &[String]) -> Result<u8> {
    let usage = |text: String| Error::new(Kind::Usage, text);
    let (mut is_gathering, mut tag, mut version) = (false, None, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--gather" => is_gathering = true,
            "--from-tag" => {
                let missing = || usage("--from-tag requires a tag argument".to_owned());
                tag = Some(args.next().filter(|tag| !tag.is_empty()).ok_or_else(missing)?);
            }
            "--check-version" => {
                let missing = || usage("--check-version requires a version argument".to_owned());
                version = Some(args.next().filter(|version| !version.is_empty()).ok_or_else(missing)?);
            }
            "-h" | "--help" => {
                HELP.lines().for_each(|line| invocation.console.line(line));
                return Ok(0);
            }
            other => return Err(usage(format!("Unknown option: {other}. Use --help for usage."))),
        }
    }
    if let Some(version) = version {
        let text = invocation.tree().text("CHANGELOG.md").unwrap_or_default();
        let heading = format!("## v{}", version.strip_prefix('v').unwrap_or(version));
        return Ok(u8::from(!text.lines().any(|line| line.trim_end() == heading)));
    }
    if !is_gathering {
        return Err(usage("Mode required: --gather or --check-version VERSION. Use --help for usage.".to_owned()));
    }
    gather(invocation, tag.map(String::as_str))?;
    Ok(0)
}

fn gather(invocation: &Invocation, tag: Option<&str>) -> Result<()> {
    let context = invocation.open()?.ok_or_else(|| Error::new(Kind::NotARepository, "Not a git repository"))?;
    // This only warns: where the remote cannot be reached, the changelog is gathered from what is here.
    if let Some(state) = desync::compare(&context, DATA, Freshness::Fetched).ok().filter(|state| state.behind > 0) {
        let text = format!("Local {DATA} branch is {} commit(s) behind {}.", state.behind, state.remote_ref);
        invocation.console.warn(&text);
        invocation.console.warn("Tasks and plans that were archived elsewhere may be missing below.");
        invocation.console.warn("Run './ait sync' first to have them.");
    }
    let commits = releases::load_commits(&context, &invocation.dir, tag)?;
    if !commits.is_known {
        invocation.console.warn(&format!("git has no commits {}..HEAD; check the tag", commits.base));
    }
    let line = |text: &str| invocation.console.line(text);
    line(&format!("BASE_TAG: {}", commits.base));
    line("");
    if commits.lines.is_empty() {
        invocation.console.info(&format!("No commits found since {}", commits.base));
        return Ok(());
    }
    let checkout = TaskFolders::of_environment(&invocation.environment, &invocation.dir);
    let entries = releases::entries(&checkout, &commits)?;
    if entries.is_empty() {
        invocation.console.info(&format!("No task IDs found in commits since {}", commits.base));
        line("COMMITS_ONLY:");
        commits.lines.iter().for_each(|commit| line(commit));
    }
    for entry in entries {
        line(&format!("=== TASK t{} ===", entry.id));
        line(&format!("ISSUE_TYPE: {}", entry.issue_type));
        line(&format!("TITLE: {}", entry.title));
        line(&entry.plan.map_or_else(|| "PLAN_FILE:".to_owned(), |plan| format!("PLAN_FILE: {plan}")));
        line("NOTES:");
        entry.notes.iter().for_each(|note| line(note));
        line("COMMITS:");
        entry.commits.iter().for_each(|commit| line(commit));
        line("=== END ===");
        line("");
    }
    Ok(())
}
