//! `aitask_merge.py`: merges a task file with conflict markers field by field.

use crate::compat::invocation::Invocation;
use crate::files;
use crate::sync::join::{MergedFile, by_rules};
use crate::task::Document;
use crate::task::merge::{MergeRules, TakenApart, sides};
use std::path::PathBuf;

const USAGE: &str = "usage: aitask_merge.py <file> [--batch] [--rebase] [--base-file <path>]";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let Some(arguments) = MergeArguments::parse(invocation, args) else {
        (invocation.notice)(USAGE);
        return 2;
    };
    let (line, code) = merge(invocation, &arguments).unwrap_or_else(|why| (format!("ERROR:{why}"), 1));
    invocation.console.line(&line);
    code
}

#[derive(Default)]
struct MergeArguments {
    file: PathBuf,
    base: Option<PathBuf>,
    batch: bool,
    rebase: bool,
}

impl MergeArguments {
    fn parse(invocation: &Invocation, args: &[String]) -> Option<Self> {
        let mut arguments = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--batch" => arguments.batch = true,
                "--rebase" => arguments.rebase = true,
                "--base-file" => arguments.base = Some(invocation.dir.join(args.next()?)),
                option if option.starts_with('-') => return None,
                _ if !arguments.file.as_os_str().is_empty() => return None,
                file => arguments.file = invocation.dir.join(file),
            }
        }
        (!arguments.file.as_os_str().is_empty()).then_some(arguments)
    }
}

fn merge(invocation: &Invocation, arguments: &MergeArguments) -> Result<(String, u8), String> {
    let read = |path: &PathBuf| files::read_own(path).map_err(|error| error.to_string());
    let text = read(&arguments.file)?;
    // A base that is not there is none, as for a file that both sides added; one that cannot be read is an error.
    let base = arguments.base.as_ref().filter(|path| path.symlink_metadata().is_ok()).map(read).transpose()?;
    let skipped = || ("SKIPPED".to_owned(), 1);
    let Some(TakenApart { upper, lower }) = sides(&text) else { return Ok(skipped()) };
    // During a rebase git puts the local commit that it replays into the lower half.
    let (local, mut remote) = if arguments.rebase { (lower, upper) } else { (upper, lower) };
    if !arguments.batch {
        remote = ask(invocation, &local, &remote);
    }
    let merged = by_rules(&invocation.environment, None, MergeRules::Scripts, base.as_deref(), &local, &remote)
        .map_err(|error| error.to_string())?;
    let (bytes, line, code) = match merged {
        Some(MergedFile::Text(bytes)) => (bytes, "RESOLVED".to_owned(), 0),
        Some(MergedFile::Not(Some(marked))) => (marked.text, format!("PARTIAL:{}", marked.clashes.join(",")), 2),
        Some(MergedFile::Not(None) | MergedFile::Gone) | None => return Ok(skipped()),
    };
    files::replace_own(&arguments.file, &bytes).map_err(|error| error.to_string())?;
    Ok((line, code))
}

/// The remote version, with the values that the user prefers for priority and effort; without a question the remote's
/// win.
fn ask(invocation: &Invocation, local: &[u8], remote: &[u8]) -> Vec<u8> {
    let (ours, mut theirs) = (Document::parse(local), Document::parse(remote));
    for key in ["priority", "effort"] {
        let (Some(here), Some(there)) = (ours.scalar(key), theirs.scalar(key)) else { continue };
        let (here, there) = (here.to_owned(), there.to_owned());
        let question = format!("{key}: [l]ocal {here} or [r]emote {there}? ");
        if here != there && invocation.console.ask(&question).is_some_and(|answer| answer == "l") {
            // For a value that no field can hold, the remote's stays.
            let _ = theirs.set(key, &here);
        }
    }
    theirs.to_bytes()
}
