//! `lib/desync_state.py snapshot`: prints how this clone and the remote differ, as text, JSON or lines. The exit code
//! is 0 whatever the state is: callers read the status of each branch.

use crate::compat::invocation::Invocation;
use crate::compat::sync::desync::{NAMES, RefState, compare};
use crate::git::Freshness;

const USAGE: &str =
    "usage: desync_state.py snapshot [--fetch] [--ref main|aitask-data] [--format text|json|lines] [--json]";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let Some(DesyncArguments { names, freshness, format }) = parse(&words) else {
        (invocation.notice)(USAGE);
        return 2;
    };
    let mut states = Vec::new();
    match invocation.open() {
        Ok(Some(context)) => {
            for name in names {
                match compare(&context, name, freshness) {
                    Ok(state) => states.push(state),
                    Err(error) => (invocation.notice)(&error.to_string()),
                }
            }
        }
        Ok(None) => (invocation.notice)("not inside a git repository"),
        Err(error) => (invocation.notice)(&error.to_string()),
    }
    match format {
        "json" => {
            let document = serde_json::json!({ "refs": states });
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            text.lines().for_each(|line| invocation.console.line(line));
        }
        "lines" => {
            for (n, state) in states.iter().enumerate() {
                if n > 0 {
                    invocation.console.line("");
                }
                for line in lines(state) {
                    invocation.console.line(&line);
                }
            }
        }
        _ => states.iter().for_each(|state| invocation.console.line(&format!("{}: {}", state.name, text(state)))),
    }
    0
}

struct DesyncArguments<'a> {
    names: Vec<&'static str>,
    freshness: Freshness,
    format: &'a str,
}

fn parse<'a>(words: &[&'a str]) -> Option<DesyncArguments<'a>> {
    let (verb, mut rest) = words.split_first()?;
    let (mut names, mut freshness, mut format) = (NAMES.to_vec(), Freshness::AsKnown, "text");
    while let [option, after @ ..] = rest {
        rest = after;
        match *option {
            "--fetch" => freshness = Freshness::Fetched,
            "--json" => format = "json",
            "--ref" | "--format" => {
                let (value, after) = rest.split_first()?;
                rest = after;
                match *option {
                    "--ref" => names = vec![*NAMES.iter().find(|name| *name == value)?],
                    _ => format = Some(*value).filter(|value| ["text", "json", "lines"].contains(value))?,
                }
            }
            _ => return None,
        }
    }
    (*verb == "snapshot").then_some(DesyncArguments { names, freshness, format })
}

fn lines(state: &RefState) -> Vec<String> {
    let mut lines = vec![
        format!("REF:{}", state.name),
        format!("STATUS:{}", state.status),
        format!("AHEAD:{}", state.ahead),
        format!("BEHIND:{}", state.behind),
    ];
    lines.extend(state.error.iter().map(|error| format!("ERROR:{error}")));
    lines.extend(state.remote_commits.iter().map(|subject| format!("REMOTE_COMMIT:{subject}")));
    lines.extend(state.remote_changed_paths.iter().map(|path| format!("REMOTE_CHANGED_PATH:{path}")));
    lines
}

fn text(state: &RefState) -> String {
    match state.status {
        "ok" if state.ahead == 0 && state.behind == 0 => "up to date".to_owned(),
        "ok" => format!("behind {}, ahead {}", state.behind, state.ahead),
        "no_remote" => "no origin remote".to_owned(),
        "missing_local" => "missing local ref".to_owned(),
        "missing_remote" => "missing remote ref".to_owned(),
        other => other.replace('_', " "),
    }
}
