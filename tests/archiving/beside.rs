//! What `aitask_archive.sh` says beforehand, and what it does beside archiving.

use super::{alone, script, task};
use crate::support::{Repo, World};

const ARCHIVE: &str = "aitask_archive.sh";

/// A last child with a plan, and its parent, which another task was folded into.
fn family(world: &World) -> Repo {
    let ann = alone(world);
    task(
        &ann,
        "aitasks/t6_p.md",
        "issue: i\nrelated_issues: [\"r1\", r2]\npull_request: p\nchildren_to_implement: [t6_1]\nfolded_tasks: [8]\n",
    );
    task(&ann, "aitasks/t6/t6_1_k.md", "");
    task(&ann, "aitasks/t8_f.md", "related_issues: [fr]\npull_request: fp\n");
    ann.write("aiplans/p6/p6_1_k.md", "plan\n");
    ann.commit("tasks");
    ann
}

#[test]
fn a_dry_run_tells_everything_and_changes_nothing() {
    let world = World::new();
    let ann = family(&world);
    let before = (ann.git(&["rev-parse", "HEAD"]), ann.read("aitasks/t6_p.md"));
    // it overrides --no-commit
    let said = script(&ann, ARCHIVE, &["--no-commit", "6_1", "--dry-run"]).ok().stdout;
    assert_eq!((ann.git(&["rev-parse", "HEAD"]), ann.read("aitasks/t6_p.md")), before);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    let (announced, lines): (Vec<_>, Vec<_>) = said.lines().partition(|line| line.starts_with("[dry-run] Would "));
    assert_eq!(
        lines,
        [
            "Archiving child task: t6_1_k.md (parent: t6_p.md)",
            "ARCHIVED_TASK:aitasks/archived/t6/t6_1_k.md",
            "ARCHIVED_PLAN:aiplans/archived/p6/p6_1_k.md",
            "All child tasks complete — archiving parent task as well.",
            "PARENT_ISSUE:6:i",
            "PARENT_RELATED_ISSUE:6:r1",
            "PARENT_RELATED_ISSUE:6:r2",
            "PARENT_PR:6:p",
            "FOLDED_RELATED_ISSUE:8:fr",
            "FOLDED_PR:8:fp",
            "PARENT_ARCHIVED:aitasks/archived/t6_p.md",
        ]
    );
    for words in [
        "remove child t6_1 from",
        "update metadata",
        "move aitasks/t6_p.md",
        "delete folded task t8",
        "release lock for t6",
        "prune",
    ] {
        assert!(announced.iter().any(|line| line.contains(words)), "{words} in\n{said}");
    }
}

#[test]
fn what_was_rejected_of_an_archived_task_is_forgotten_and_a_failure_of_that_ignored() {
    let world = World::new();
    let ann = family(&world);
    let helper = "#!/bin/sh\necho \"$*\" >>../pruned\necho noise; echo noise >&2; exit 3\n";
    world.script(&ann.path(".aitask-scripts/aitask_shadow_rejected.sh"), helper);
    let run = script(&ann, ARCHIVE, &["6_1"]).ok();
    assert!(!(run.stdout + &run.stderr).contains("noise"));
    let pruned = ann.read("../pruned");
    for id in ["6_1", "6"] {
        assert_eq!(pruned.lines().filter(|line| *line == format!("prune {id}")).count(), 1, "{pruned}");
    }
}
