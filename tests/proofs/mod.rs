//! What the program promises, tried many times; `scripts/prove` runs it and prints the table. Proofs of the decisions alone
//! are in the crate, in modules of this name; the races and the kills have modules of their own.

mod attacks;
mod doctor;
mod faults;
mod histories;
mod invocations;
mod read_only;
mod takeover;
mod transports;
mod unknown;
mod words;

use crate::support::Run;

/// What kind of error it is; empty where it succeeded.
fn kind(run: &Run) -> String {
    if run.code == 0 {
        return String::new();
    }
    run.error()["error"]["kind"].as_str().unwrap_or_default().to_owned()
}
