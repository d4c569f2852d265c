//! Every process that a verb starts, those of git included, as strace sees them.

use super::scene;
use crate::support::{can_run, is_stand_in, program};
use std::io::Write as _;

/// What is run in this order, and how many programs it may start with those of git: more is a decision. A push over a path
/// is 8 of git's own. The last two ask for the default branch and see that nothing is newer.
const LIMITS: [(&str, usize); 3] = [("pick 1", 18), ("sync", 8), ("list --fetch", 9)];

#[test]
fn programs_of_verbs() {
    let Some(strace) = can_run("programs_of_verbs", program("strace")) else { return };
    let (world, ann) = scene();
    for (line, limit) in LIMITS {
        let log = world.root().join("strace");
        let mut args = vec!["-f", "-qq", "-e", "trace=execve", "-o", log.to_str().unwrap()];
        args.push(env!("CARGO_BIN_EXE_git-aitask"));
        args.extend(line.split(' '));
        let run = ann.run(strace.clone(), &args);
        let may_trace = run.code == 0 || !run.stderr.contains("ptrace");
        let Some(()) = can_run("programs_of_verbs", may_trace.then_some(()).ok_or_else(|| run.stderr.clone())) else {
            return;
        };
        let run = run.ok();
        let text = std::fs::read_to_string(&log).unwrap();
        // Where another process comes in between, strace tells the end of a call in a line of its own.
        let is_end = |line: &str| line.contains("execve(") || line.contains("execve resumed");
        let started = |line: &&str| is_end(line) && line.ends_with("= 0") && !is_stand_in(line);
        let programs: Vec<_> = text.lines().filter(started).collect();
        let (own, others): (Vec<_>, Vec<_>) =
            programs.iter().copied().partition(|line: &&str| line.contains("git-aitask"));
        assert!(!own.is_empty(), "{text}");
        let _ = writeln!(std::io::stderr(), "{line} starts {} programs, git's own included", others.len());
        assert!(others.len() <= limit, "{line}: {} programs\n{run}\n{}", others.len(), programs.join("\n"));
    }
}
