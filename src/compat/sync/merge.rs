//! `aitask_merge.py` (specification 40, section 7): a task file with conflict markers, merged by the rules.

use crate::compat::invocation::Scene;
use crate::files;
use crate::sync::join::{Merged, by_rules};
use crate::task::Document;
use crate::task::merge::{Rules, TakenApart, sides};
use std::path::PathBuf;

const USAGE: &str = "usage: aitask_merge.py <file> [--batch] [--rebase] [--base-file <path>]";

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    let Some(options) = Options::parse(scene, args) else {
        (scene.narrate)(USAGE);
        return 2;
    };
    let (line, code) = merge(scene, &options).unwrap_or_else(|why| (format!("ERROR:{why}"), 1));
    scene.console.line(&line);
    code
}

#[derive(Default)]
struct Options {
    file: PathBuf,
    base: Option<PathBuf>,
    batch: bool,
    rebase: bool,
}

impl Options {
    fn parse(scene: &Scene, args: &[String]) -> Option<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--batch" => options.batch = true,
                "--rebase" => options.rebase = true,
                "--base-file" => options.base = Some(scene.dir.join(args.next()?)),
                option if option.starts_with('-') => return None,
                _ if !options.file.as_os_str().is_empty() => return None,
                file => options.file = scene.dir.join(file),
            }
        }
        (!options.file.as_os_str().is_empty()).then_some(options)
    }
}

fn merge(scene: &Scene, options: &Options) -> Result<(String, u8), String> {
    let read = |path: &PathBuf| files::read_own(path).map_err(|error| error.to_string());
    let text = read(&options.file)?;
    let base = options.base.as_ref().map(read).transpose()?;
    let skipped = || ("SKIPPED".to_owned(), 1);
    let Some(TakenApart { upper, lower }) = sides(&text) else { return Ok(skipped()) };
    // While commits are replayed, what is replayed stands below.
    let (local, mut remote) = if options.rebase { (lower, upper) } else { (upper, lower) };
    if !options.batch {
        remote = ask(scene, &local, &remote);
    }
    let merged = by_rules(&scene.environment, Rules::Scripts, base.as_deref(), &local, &remote)
        .map_err(|error| error.to_string())?;
    let (bytes, line, code) = match merged {
        Some(Merged::Text(bytes)) => (bytes, "RESOLVED".to_owned(), 0),
        Some(Merged::Not(Some(marked))) => (marked.text, format!("PARTIAL:{}", marked.clashes.join(",")), 2),
        Some(Merged::Not(None) | Merged::Gone) | None => return Ok(skipped()),
    };
    files::replace_own(&options.file, &bytes).map_err(|error| error.to_string())?;
    Ok((line, code))
}

/// The published version, with what somebody prefers for the fields that are otherwise its own.
fn ask(scene: &Scene, local: &[u8], remote: &[u8]) -> Vec<u8> {
    let (ours, mut theirs) = (Document::parse(local), Document::parse(remote));
    for key in ["priority", "effort"] {
        let (Some(here), Some(there)) = (ours.scalar(key), theirs.scalar(key)) else { continue };
        let (here, there) = (here.to_owned(), there.to_owned());
        let question = format!("{key}: [l]ocal {here} or [r]emote {there}? ");
        if here != there && scene.console.ask(&question).is_some_and(|answer| answer == "l") {
            // A value that cannot be written is not preferred.
            let _ = theirs.set(key, &here);
        }
    }
    theirs.to_bytes()
}
