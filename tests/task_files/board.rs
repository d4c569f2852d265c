//! `aitask_board_column.sh`, by the lines of its callers.

use super::{PLAIN, both, data, project, script};
use crate::support::{Repo, Run, Running, World};
use std::collections::BTreeSet;

fn board(repo: &Repo, args: &[&str]) -> Run {
    script(repo, "aitask_board_column.sh", &[args, &["--root", "."]].concat())
}

/// Starts the script so many times at once, with `args` before the number.
fn at_once(repo: &Repo, many: usize, args: impl Fn(&str) -> Vec<String>) -> Vec<Run> {
    let start = |n: usize| {
        let args = [vec!["compat".into(), "aitask_board_column.sh".into()], args(&n.to_string())].concat();
        repo.start(&args.iter().map(String::as_str).chain(["--root", "."]).collect::<Vec<_>>())
    };
    (1..=many).map(start).collect::<Vec<_>>().into_iter().map(Running::wait).map(Run::ok).collect()
}

#[test]
fn refusals_are_one_line_and_change_nothing() {
    for (_world, ann) in both() {
        let absolute = ann.path("aitasks").to_str().unwrap().to_owned();
        for name in ["t4_one.md", "t4_two.md"] {
            ann.write(&format!("aitasks/{name}"), PLAIN);
        }
        data(&ann).commit("two of one number");
        for (args, reason) in [
            (&["current-column", "--task", "t1"][..], "malformed_task_id"),
            (&["current-column", "--task", ""], "malformed_task_id"),
            (&["current-column", "--task", "1_1"], "not_a_parent_task"),
            (&["current-column", "--task", "9"], "not_found"),
            (&["current-column", "--task", "4"], "ambiguous_task_id"),
            (&["move", "--task", "t1", "--column", "now"], "malformed_task_id"),
            (&["move", "--task", "4", "--column", "now"], "ambiguous_task_id"),
            (&["move", "--task", "9", "--column", "now"], "not_found"),
            (&["move", "--task", "1", "--column", "nowhere"], "unknown_column"),
            (&["move", "--task", "1", "--column", ""], "unknown_column"),
            (&["list-columns", "--task-dir", ""], "unsafe_task_dir"),
            (&["list-columns", "--task-dir", &absolute], "unsafe_task_dir"),
            (&["list-columns", "--task-dir", "aitasks/../aitasks"], "unsafe_task_dir"),
            (&["list-columns", "--task-dir", "nowhere"], "unsupported_layout"),
            (&["create", "--title", " "], "empty_title"),
            (&["create", "--title", "x", "--color", ""], "invalid_color"),
            (&["create", "--title", "x", "--color", "red"], "invalid_color"),
            (&["create", "--title", "x", "--color", "#12345"], "invalid_color"),
        ] {
            assert_eq!(board(&ann, args).fails(1).stdout, format!("ERROR:{reason}\n"), "{args:?}");
        }
        assert_eq!(data(&ann).git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn a_wrong_command_line_is_no_refusal() {
    let ann = project(&World::new());
    let called = |args: &[&str]| script(&ann, "aitask_board_column.sh", args);
    for args in [
        &[][..],
        &["bogus", "--root", "."],
        &["list-columns"],
        &["list-columns", "--root"],
        &["list-columns", "--root", ".", "stray"],
        &["list-columns", "--root", ".", "--bogus"],
        &["list-columns", "--root", ".", "--title", "x"],
        &["current-column", "--root", "."],
        &["current-column", "--root", ".", "--task", "1", "--column", "now"],
        &["move", "--root", ".", "--task", "1"],
        &["create", "--root", ".", "--color", "#123456"],
    ] {
        let run = called(args).fails(2);
        assert!(run.stdout.is_empty() && run.stderr.contains("Usage: aitask_board_column.sh"), "{args:?}: {run}");
    }
    assert_eq!(called(&["--help"]).ok().stdout, called(&["move", "-h"]).ok().stdout);
}

#[test]
fn a_task_is_moved_in_its_file_and_nothing_is_committed() {
    for (_world, ann) in both() {
        let head = "---\nboardcol: next\nstatus: Ready\nboardgroup: \"\"\n# why\nX-Own: \"kept\"\nupdated_at: then\n";
        let body = "---\n\n\nboardcol: text  \n";
        ann.write("aitasks/t2_second.md", &format!("{head}{body}"));
        ann.write("aitasks/t3_third.md", "---\nboardcol: \"now\" # soon\nboardidx: 40 # x\n---\n");
        let commit = data(&ann).commit("more");
        let current = |id: &str| board(&ann, &["current-column", "--task", id]).ok().stdout;
        assert_eq!(
            [current("1"), current("2"), current("3")],
            ["CURRENT:1|unordered\n", "CURRENT:2|next\n", "CURRENT:3|now\n"]
        );
        assert_eq!(
            board(&ann, &["move", "--task", "2", "--column", "now"]).ok().stdout,
            "MOVED:t2_second.md|now|1064\n"
        );
        let kept = head.replace("boardcol: next\n", "").replace("boardgroup: \"\"\n", "");
        let moved = format!("{kept}boardcol: now\nboardidx: 1064\nboardgroup: \"\"\n{body}");
        assert_eq!(ann.read("aitasks/t2_second.md"), moved);
        let again = board(&ann, &["move", "--task", "2", "--column", "unordered", "--task-dir", "aitasks"]).ok();
        assert_eq!(again.stdout, "MOVED:t2_second.md|unordered|1024\n");
        assert_eq!(current("2"), "CURRENT:2|unordered\n");
        assert_eq!(data(&ann).git(&["status", "--porcelain"]), " M aitasks/t2_second.md\n");
        assert_eq!(data(&ann).git(&["rev-parse", "HEAD"]).trim(), commit);
    }
}

#[test]
fn columns_are_listed_in_their_order_and_a_title_is_whatever_comes_last() {
    for (_world, ann) in both() {
        let listed = |more: &[&str]| board(&ann, &[&["list-columns"], more].concat()).ok().stdout;
        let usual = "COLUMN:now|#FF5555|Now ⚡\nCOLUMN:next|#50FA7B|Next Week 📅\nCOLUMN:backlog|#BD93F9|Backlog 🗄️\n";
        assert_eq!(listed(&["--include-unordered"]), format!("COLUMN:unordered|gray|Unsorted / Inbox\n{usual}"));
        let created = board(&ann, &["create", "--title", "To | Review", "--color", "#abcDEF"]).ok().stdout;
        assert_eq!(created, "CREATED:to_review|#abcDEF|To | Review\n");
        assert_eq!(board(&ann, &["create", "--title", "後で"]).ok().stdout, "CREATED:column|#FFB86C|後で\n");
        assert_eq!(board(&ann, &["create", "--title", "後で"]).ok().stdout, "CREATED:column_2|#8BE9FD|後で\n");
        let own = "COLUMN:to_review|#abcDEF|To | Review\nCOLUMN:column|#FFB86C|後で\nCOLUMN:column_2|#8BE9FD|後で\n";
        assert_eq!(listed(&[]), format!("{usual}{own}"));
        let written = ann.read("aitasks/metadata/board_config.json");
        ann.write("aitasks/metadata/board_config.local.json", "{\"column_order\": [\"column\", \"gone\", \"now\"]}");
        assert_eq!(listed(&[]), "COLUMN:column|#FFB86C|後で\nCOLUMN:now|#FF5555|Now ⚡\n");
        assert_eq!(ann.read("aitasks/metadata/board_config.json"), written);
    }
}

#[test]
fn a_new_column_has_a_colour_that_no_other_one_has() {
    let ann = project(&World::new());
    let create = |title: &str| board(&ann, &["create", "--title", title]).ok();
    let colors: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|title| create(title).stdout.split('|').nth(1).unwrap().to_owned())
        .chain(["#FF5555", "#50FA7B", "#BD93F9"].map(str::to_owned))
        .collect();
    assert_eq!(colors.iter().collect::<BTreeSet<_>>().len(), colors.len(), "{colors:?}");
}

#[test]
fn columns_made_at_once_are_all_kept_and_tasks_moved_at_once_have_places_of_their_own() {
    for (_world, ann) in both() {
        const MANY: usize = 8;
        at_once(&ann, MANY, |_| ["create", "--title", "same"].map(str::to_owned).to_vec());
        let listed = board(&ann, &["list-columns"]).ok().stdout;
        assert_eq!(listed.lines().count(), 3 + MANY, "{listed}");
        for n in 2..=MANY {
            ann.write(&format!("aitasks/t{n}_more.md"), PLAIN);
        }
        let moved = at_once(&ann, MANY, |n| ["move", "--column", "now", "--task", n].map(str::to_owned).to_vec());
        let places: BTreeSet<_> = moved.iter().map(|run| run.stdout.rsplit('|').next().unwrap()).collect();
        assert_eq!(places.len(), MANY, "{places:?}");
    }
}
