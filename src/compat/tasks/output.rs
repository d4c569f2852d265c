//! The output of an update.

use crate::compat::invocation::Invocation;
use crate::ops::edit::{EditedHere, ParentState};

/// How much of an update is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// Everything.
    All,
    /// The path of the task file (`--silent`), after what git says of a commit; the rest goes to standard error.
    PathOnly,
}

/// Prints an update: labels, parent, commit, and last the task's file, since callers take the last line.
pub(crate) fn print_update(invocation: &Invocation, updated: &EditedHere, volume: Volume) {
    let console = invocation.console;
    let silent = volume == Volume::PathOnly;
    if !updated.labels.is_empty() {
        console.stderr_info(&format!("Added to label vocabulary: {}", updated.labels.join(",")));
    }
    match &updated.parent {
        Some(ParentState::Waits(parent, rest)) => {
            let text = format!("Updated parent t{parent} - remaining children: {}", rest.join(","));
            if silent { console.stderr_info(&text) } else { console.info(&text) }
        }
        Some(ParentState::Free(parent)) => {
            let text = format!("All children of t{parent} are complete! Parent can now be completed.");
            if silent { console.stderr_info(&text) } else { console.success(&text) }
        }
        Some(ParentState::Gone(parent)) => {
            console.warn(&format!("Parent task t{parent} not found - cannot update children_to_implement"));
        }
        None => {}
    }
    console.lines(&updated.said);
    let line = if silent { updated.path.clone() } else { format!("Updated: {}", updated.path) };
    console.line(&line);
}
