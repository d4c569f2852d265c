//! `aitask_find_files.sh`: ranks the tracked files that may belong to some words, by content or by name.

use crate::compat::invocation::Invocation;
use crate::compat::listing::search;
use crate::compat::record::record;
use crate::error::{Error, Kind, Result};

const HELP: &str = "\
Usage: aitask_find_files.sh --keywords \"a b\" | --names \"a b\" [--max-results N]

Ranks the tracked files that match words: by their lines, or by their names (with fzf). Prints rank|score|path.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    match find(invocation, args) {
        Ok(lines) => {
            for line in lines {
                invocation.console.line(&line);
            }
            0
        }
        Err(error) => {
            invocation.console.error(&error.to_string());
            1
        }
    }
}

fn find(invocation: &Invocation, args: &[String]) -> Result<Vec<String>> {
    let usage = |text: String| Error::new(Kind::Usage, text);
    let (mut keywords, mut names, mut limit) = (None, None, 20);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| usage(format!("{arg} requires a value")));
        match arg.as_str() {
            "--keywords" => keywords = Some(value()?.clone()),
            "--names" => names = Some(value()?.clone()),
            "--max-results" => {
                let text = value()?;
                limit = text.parse().map_err(|_| usage(format!("--max-results requires a number, not '{text}'")))?;
            }
            "-h" | "--help" => return Ok(HELP.lines().map(str::to_owned).collect()),
            other => return Err(usage(format!("Unknown argument: {other}. Use --help for usage."))),
        }
    }
    let (Some(text), by_name) = (names.as_ref().or(keywords.as_ref()), names.is_some()) else {
        return Err(usage("Mode required: --keywords or --names. Use --help for usage.".to_owned()));
    };
    let words: Vec<_> = text.split_whitespace().collect();
    let context = invocation.open()?.ok_or_else(|| Error::new(Kind::NotARepository, "Not a git repository"))?;
    let found = if by_name {
        search::by_name(&context, &invocation.dir, &words, limit)?
    } else {
        search::by_content(&context, &invocation.dir, &words)?
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let ranked = found.iter().take(limit).enumerate();
    Ok(ranked.map(|(n, found)| record(&[(n + 1).to_string(), found.score.to_string(), found.file.clone()])).collect())
}
