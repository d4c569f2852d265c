//! The one integration-test binary: a module a verb under `verbs/`, real repositories from `support/`.
//!
//! Every other file directly in `tests/` would be a binary of its own, so modules live in folders.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test is how a test answers")]
#![expect(clippy::disallowed_methods, reason = "tests start processes and read the environment")]
#![expect(clippy::print_stderr, reason = "races and kills print their counts")]
#![expect(clippy::format_push_string, clippy::unused_self, reason = "the plainer form, where speed is no matter")]

mod archiving;
mod arrows;
mod bad_input;
mod ci;
mod compat;
mod connections;
mod coordination;
mod doctor;
mod dsl;
mod holding;
mod killed;
mod page;
mod proofs;
mod races;
mod recordings;
mod security;
mod sequences;
mod servers;
mod sharing;
mod support;
mod task_files;
mod verbs;
