//! `aitask_lock_diag.sh`: checks step by step what locks need (git, the remote, the lock branch, a push) and prints
//! PASS or FAIL for each, and a summary. It changes no branch, so it may run beside other sessions.

use crate::compat::invocation::Invocation;
use crate::compat::locks::lock::{host, listed};
use crate::compat::locks::probe::Probe;
use crate::coordination::{LockEntry, ReadLocks};
use crate::error::{Error, Kind, Result, redacted};
use crate::files::data_checkout;
use crate::git::Freshness;
use crate::ledger::{Channel, Ledger};
use crate::project::Context;

/// The counts of checks that passed and failed.
struct Tally<'s> {
    invocation: &'s Invocation,
    passed: u32,
    failed: u32,
}

impl Tally<'_> {
    fn head(&self, title: &str) {
        self.invocation.console.line(&format!("--- {title} ---"));
    }

    fn info(&self, text: &str) {
        self.invocation.console.line(&format!("  INFO: {text}"));
    }

    fn check(&mut self, outcome: Result<String>, failure: &str) {
        match outcome {
            Ok(text) => {
                self.passed += 1;
                self.invocation.console.line(&format!("  PASS: {text}"));
            }
            Err(error) => {
                self.failed += 1;
                self.invocation.console.line(&format!("  FAIL: {failure}"));
                self.invocation.console.line(&format!("        {error}"));
            }
        }
    }
}

/// Runs the script; it has no options.
pub(crate) fn run(invocation: &Invocation) -> u8 {
    let mut tally = Tally { invocation, passed: 0, failed: 0 };
    invocation.console.line("=== Lock System Diagnostics ===");
    invocation.console.line("");
    if let Ok(Some(context)) = invocation.open() {
        examine(&mut tally, &context);
    } else {
        tally.head("1. Git");
        tally.check(Err(Error::new(Kind::NotARepository, "not inside a git repository")), "Git repository not found");
    }
    let (passed, failed) = (tally.passed, tally.failed);
    invocation.console.line("");
    invocation.console.line("===============================");
    invocation.console.line(&format!("Results: {passed} passed, {failed} failed, {} total", passed + failed));
    invocation.console.line(if failed == 0 { "ALL CHECKS PASSED" } else { "SOME CHECKS FAILED" });
    u8::from(failed > 0)
}

fn examine(tally: &mut Tally<'_>, context: &Context) {
    let probe = Probe::new(context.ledger());
    let remote = context.channel != Channel::Local;
    tally.head("1. Git");
    tally.check(probe.version().map(|version| format!("Git available ({version})")), "Git not available");
    tally.head("2. Remote");
    let url = probe.url().ok_or_else(|| Error::new(Kind::Usage, "git remote add origin URL"));
    tally.check(
        url.as_ref().map(|_| "Origin remote configured".to_owned()).map_err(|_| no_remote()),
        "Origin remote not configured",
    );
    if let Ok(url) = &url {
        tally.info(&format!("URL: {}", redacted(url)));
    }
    let branch = Ledger::locks_branch().and_then(|branch| probe.is_there(&branch));
    let there = matches!(branch, Ok(true));
    tally.head("3. Lock branch");
    let missing = || Error::new(Kind::NotInitialised, "run 'ait setup' to initialize");
    let found = if there {
        Ok("Lock branch 'aitask-locks' exists on remote".to_owned())
    } else {
        Err(branch.err().unwrap_or_else(missing))
    };
    tally.check(found, "Lock branch 'aitask-locks' not found on remote");
    tally.head("4. Fetch");
    let fetched = if there { probe.fetch().map(|()| "Fetched lock branch".to_owned()) } else { Err(missing()) };
    tally.check(fetched, "Failed to fetch lock branch");
    tally.head("5. Tree parse");
    let tree = if there { probe.tree().map(|tree| format!("Tree hash: {tree}")) } else { Err(missing()) };
    tally.check(tree, "Failed to read the tree of the lock branch");
    tally.head("6. Git plumbing");
    for (name, outcome) in probe.plumbing() {
        tally.check(outcome.map(|()| format!("git {name} works")), &format!("git {name} failed"));
    }
    tally.head("7. Push (dry-run)");
    if there {
        tally.check(probe.dry_push().map(|()| "Push would be accepted".to_owned()), "Push would be refused");
    } else {
        tally.info("skipped (lock branch missing)");
    }
    tally.head("8. hostname");
    let name = host(context);
    let known = if name == "unknown" {
        Err(Error::new(Kind::Io, "the command hostname failed"))
    } else {
        Ok(format!("hostname available ({name})"))
    };
    tally.check(known, "hostname not available");
    tally.head("9. date");
    tally.check(Ok(format!("date available ({})", Context::now())), "date not available");
    tally.head("10. Current locks");
    if remote || tally.failed == 0 {
        locks(tally, context);
    } else {
        tally.check(Ok("Lock list readable".to_owned()), "");
        tally.info("No locks (no remote configured)");
    }
    tally.head("11. Environment");
    for name in ["HOME", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SHELL", "TERM"] {
        tally.info(&format!("{name}={}", tally.invocation.environment.text(name).unwrap_or("(not set)")));
    }
    tally.info(&format!("credential.helper={}", probe.credential_helper().as_deref().unwrap_or("(not set)")));
    tally.head("12. Data worktree");
    let data = tally.invocation.dir.join(crate::task::paths::DATA_WORKTREE_DIR);
    if !data.exists() {
        tally.info("no data worktree (legacy mode)");
    } else if data_checkout(&tally.invocation.dir).is_some() {
        tally.check(Ok(format!("Data worktree on branch {}", crate::ledger::DATA)), "");
    } else {
        tally.check(Err(Error::new(Kind::Io, ".aitask-data is a folder and no worktree")), "Data worktree broken");
    }
}

fn no_remote() -> Error {
    Error::new(Kind::Usage, "git remote add origin URL")
}

fn locks(tally: &mut Tally<'_>, context: &Context) {
    let read = || -> Result<Option<Vec<LockEntry>>> {
        let (branch, ledger) = (Ledger::locks_branch()?, context.ledger());
        let view = ledger.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
        view.locks()?.map(|locks| locks.entries(&*context.repository)).transpose()
    };
    match read() {
        Ok(locks) => {
            tally.check(Ok("Lock list readable".to_owned()), "");
            match listed(locks) {
                Ok(lines) => lines.iter().for_each(|line| tally.info(line)),
                Err(none) => tally.info(none),
            }
        }
        Err(error) => tally.check(Err(error), "Lock list not readable"),
    }
}
