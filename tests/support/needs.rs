//! What a test needs of the machine and not every machine has.

use super::World;
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

impl World {
    /// Whether the git of this world is this one or a newer one. A test that asks is skipped with an older one, and says so.
    pub(crate) fn has_git(&self, least: (u32, u32), test: &str) -> bool {
        let has = self.git_version() >= least;
        if !has {
            skipped(
                test,
                &format!("it needs git {}.{}, and this is {}", least.0, least.1, self.git(&["version"]).trim()),
            );
        }
        has
    }

    /// The version of the git of this world, as far as it counts.
    pub(crate) fn git_version(&self) -> (u32, u32) {
        let text = self.git(&["version"]);
        let mut numbers = text.trim().split(' ').nth(2).unwrap().split('.').map_while(|number| number.parse().ok());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }
}

/// Whether a line names the stand-in for git 2.31 (`fixtures/git-2.31`), which is no program of its own.
pub(crate) fn is_stand_in(line: &str) -> bool {
    line.contains("/fixtures/git-2.31/git")
}
