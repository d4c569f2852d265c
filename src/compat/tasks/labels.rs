//! `aitask_labels.sh`: lists the labels of the project, and compares given labels with them.

use crate::compat::invocation::Invocation;
use crate::task::labels;

const USAGE: &str = "\
Usage: aitask_labels.sh list | classify CSV

Lists the labels of the project, or compares the labels of a list with them.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let console = invocation.console;
    match args.first().map(String::as_str) {
        Some("list") => {
            for label in vocabulary(invocation) {
                console.line(&format!("LABEL:{label}"));
            }
            0
        }
        Some("classify") => {
            let known = vocabulary(invocation);
            let tokens = args.get(1).map_or("", String::as_str).split(',').map(str::trim);
            tokens.filter(|token| !token.is_empty()).for_each(|token| console.line(&classify(token, &known)));
            0
        }
        None | Some("--help" | "-h") => {
            USAGE.lines().for_each(|line| console.line(line));
            u8::from(args.is_empty())
        }
        Some(other) => {
            USAGE.lines().for_each(|line| console.stderr_line(line));
            console.error(&format!("unknown subcommand: {other}"));
            1
        }
    }
}

/// The labels of the project, sorted. A missing file is created empty, as the scripts do.
fn vocabulary(invocation: &Invocation) -> Vec<String> {
    let tasks = invocation.tasks();
    let _ = tasks.tree().create_empty(tasks.path("metadata/labels.txt"));
    let text = invocation.metadata("labels.txt").unwrap_or_default();
    let mut known: Vec<_> = labels::vocabulary(&text).into_iter().map(str::to_owned).collect();
    known.sort();
    known.dedup();
    known
}

fn classify(token: &str, known: &[String]) -> String {
    let Some(label) = labels::sanitise(token) else { return format!("INVALID:{token}") };
    if known.contains(&label) {
        return format!("EXISTING:{label}");
    }
    let bare = |label: &str| label.replace(['_', '-'], "");
    let near: Vec<_> = known.iter().filter(|known| bare(known) == bare(&label)).map(String::as_str).collect();
    if near.is_empty() { format!("NEW:{label}") } else { format!("NEAR:{label}:{}", near.join(",")) }
}
