//! Proofs of the protocol without git: many schedules of commands, by chance, over refs in memory; and every reachable
//! state of a small model.

mod model;
mod simulation;

use std::io::Write as _;

/// Writes a line that the test runner does not keep to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
