//! What a test needs of the machine and not every machine has.

use std::io::Write as _;

/// Whether a test can run: `found` is what it needs, or why that is missing. A test that is skipped says so on stderr; where
/// everything must be tested (`CI=true`, as in `scripts/check`) it fails.
#[track_caller]
pub(crate) fn can_run<T>(test: &str, found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{test} cannot run: {missing}");
            skipped(test, &missing);
            None
        }
    }
}

/// Says that a test is skipped where that is no fault of the machine, such as a git that is too old for it.
pub(crate) fn skipped(test: &str, reason: &str) {
    // not eprintln!, which the test runner keeps to itself
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}

/// The program, or that it is not installed.
pub(crate) fn program(name: &str) -> Result<std::path::PathBuf, String> {
    which::which(name).map_err(|_| format!("{name} is not installed"))
}
