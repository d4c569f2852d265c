//! What the program promises, tried many times; `scripts/prove` runs it and prints the table. Proofs of the decisions alone
//! are in the crate, in modules of this name; the races and the kills have modules of their own.

mod doctor;
mod takeover;
mod unknown;

use crate::support::Run;

/// What kind of error it is; empty where it succeeded.
fn kind(run: &Run) -> String {
    if run.code == 0 {
        return String::new();
    }
    run.error()["error"]["kind"].as_str().unwrap_or_default().to_owned()
}
