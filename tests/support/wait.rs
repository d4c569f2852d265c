//! Waiting for what other processes do: for a condition, never for a time.

use std::path::Path;
use std::time::{Duration, Instant};

/// A condition that is not there after this time does not come.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `look` returns something. What it saw instead, last, is in the failure.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, look: impl Fn() -> Result<T, String>) -> T {
    let until = Instant::now() + LIMIT;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < until, "{what}: not after {LIMIT:?}; seen: {seen}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until there is something at `path`.
#[track_caller]
pub(crate) fn wait_for_file(path: &Path) {
    wait_for(&format!("{} exists", path.display()), || match path.symlink_metadata() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error}; beside it: {:?}", beside(path))),
    });
}

fn beside(path: &Path) -> Vec<std::ffi::OsString> {
    path.parent().unwrap().read_dir().into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// Waits until the process has ended; one that nobody has waited for yet counts.
#[track_caller]
pub(crate) fn wait_for_end(pid: u32) {
    wait_for(&format!("process {pid} has ended"), || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) if !stat.contains(") Z ") => Err(stat),
        _ => Ok(()),
    });
}

/// A command of a shell script that waits until there is something at `path`, and fails when nothing comes.
pub(crate) fn sh_wait_for_file(path: &Path) -> String {
    let ticks = LIMIT.as_millis() / 20;
    let path = shlex::try_quote(path.to_str().unwrap()).unwrap().into_owned();
    format!("n=0; until [ -e {path} ]; do [ $n -lt {ticks} ] || exit 99; sleep 0.02; n=$((n + 1)); done")
}

/// Gives a program time to do what it must not do, where nothing shows that it has come to the place where it waits.
/// No test that passes needs this time: it is there so that a fault is found.
pub(crate) fn give_time_for_a_fault() {
    std::thread::sleep(Duration::from_millis(300));
}
