//! Every process that `pick` starts, those of git included, as strace sees them.

use super::scene;
use crate::support::{can_run, is_stand_in, program};
use std::io::Write as _;

/// More than this is a decision: the commands of `pick` and what git starts for its one push.
const LIMIT: usize = 22;

#[test]
fn programs_of_pick() {
    let Some(strace) = can_run("programs_of_pick", program("strace")) else { return };
    let (world, ann) = scene();
    let log = world.root().join("strace");
    let args =
        ["-f", "-qq", "-e", "trace=execve", "-o", log.to_str().unwrap(), env!("CARGO_BIN_EXE_git-aitask"), "pick", "1"];
    let run = ann.run(strace, &args);
    let may_trace = run.code == 0 || !run.stderr.contains("ptrace");
    let Some(()) = can_run("programs_of_pick", may_trace.then_some(()).ok_or_else(|| run.stderr.clone())) else {
        return;
    };
    let run = run.ok();
    let text = std::fs::read_to_string(&log).unwrap();
    let started = |line: &&str| line.contains("execve(") && line.ends_with("= 0") && !is_stand_in(line);
    let programs: Vec<_> = text.lines().filter(started).collect();
    let own = programs.iter().filter(|line| line.contains("git-aitask")).count();
    assert!(own >= 1, "{text}");
    let _ = writeln!(std::io::stderr(), "pick starts {} programs, git's own included", programs.len());
    assert!(programs.len() <= LIMIT, "{} programs\n{run}\n{}", programs.len(), programs.join("\n"));
}
