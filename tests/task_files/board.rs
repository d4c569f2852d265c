//! `aitask_board_column.sh`: what it refuses, in the words of its callers.

use super::{project, script};
use crate::support::World;

#[test]
fn refusals_are_one_line_and_change_nothing() {
    let ann = project(&World::new());
    let absolute = ann.path("aitasks").to_str().unwrap().to_owned();
    for (args, reason) in [
        (&["current-column", "--task", "t1"][..], "malformed_task_id"),
        (&["current-column", "--task", "1_1"], "not_a_parent_task"),
        (&["move", "--task", "t1", "--column", "now"], "malformed_task_id"),
        (&["list-columns", "--task-dir", ""], "unsafe_task_dir"),
        (&["list-columns", "--task-dir", &absolute], "unsafe_task_dir"),
        (&["list-columns", "--task-dir", "aitasks/../aitasks"], "unsafe_task_dir"),
        (&["create", "--title", "x", "--color", ""], "invalid_color"),
        (&["create", "--title", "x", "--color", "red"], "invalid_color"),
        (&["create", "--title", "x", "--color", "#12345"], "invalid_color"),
    ] {
        let run = script(&ann, "aitask_board_column.sh", &[args, &["--root", "."]].concat()).fails(1);
        assert_eq!(run.stdout, format!("ERROR:{reason}\n"), "{args:?}");
    }
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_new_column_has_a_colour_that_no_other_one_has() {
    let ann = project(&World::new());
    let create =
        |title: &str| script(&ann, "aitask_board_column.sh", &["create", "--root", ".", "--title", title]).ok();
    let colors: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|title| create(title).stdout.split('|').nth(1).unwrap().to_owned())
        .chain(["#FF5555", "#50FA7B", "#BD93F9"].map(str::to_owned))
        .collect();
    assert_eq!(colors.iter().collect::<std::collections::BTreeSet<_>>().len(), colors.len(), "{colors:?}");
}
