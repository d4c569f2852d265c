//! `aitask_find_files.sh`, `aitask_changelog.sh` and `aitask_stats.sh`.

use super::{alone, script};
use crate::support::{Repo, World};

const FIND: &str = "aitask_find_files.sh";
const CHANGELOG: &str = "aitask_changelog.sh";
const STATS: &str = "aitask_stats.sh";

#[track_caller]
fn refused(repo: &Repo, name: &str, args: &[&str], code: i32, words: &str) {
    let run = script(repo, name, args).fails(code);
    assert!(run.stdout.is_empty() && run.stderr.contains(words), "{words:?} in\n{run}");
}

/// Tracked files that match the word alpha: once, twice, in a path with a blank, and in one that is binary.
fn with_files(world: &World) -> Repo {
    let ann = alone(world);
    ann.write("src/b.txt", "alpha\n");
    ann.write("src/c.txt", "alpha\nALPHA beta\n");
    ann.write("a b/d.txt", "alpha\n");
    ann.write("x.bin", "alpha\0\n");
    ann.git(&["add", "."]);
    ann.git(&["commit", "-q", "-m", "files"]);
    ann.write("src/untracked.txt", "alpha\n");
    ann
}

#[test]
fn files_are_ranked_by_their_lines_and_no_path_is_cut() {
    let world = World::new();
    let ann = with_files(&world);
    let find = |args: &[&str]| script(&ann, FIND, args).ok().stdout;
    assert_eq!(find(&["--keywords", "alpha  beta"]), "1|3|src/c.txt\n2|1|a b/d.txt\n3|1|src/b.txt\n");
    assert_eq!(find(&["--max-results", "1", "--keywords", "al.ha"]), "1|2|src/c.txt\n");
    assert_eq!(find(&["--keywords", "zz"]) + &find(&["--keywords", ""]), "");
    (10..35).for_each(|n| ann.write(&format!("many/{n}"), "gamma\n"));
    ann.git(&["add", "many"]);
    assert_eq!(find(&["--keywords", "gamma"]).lines().count(), 20);
    refused(&ann, FIND, &[], 1, "Error: Mode required: --keywords or --names. Use --help for usage.\n");
    refused(&ann, FIND, &["alpha"], 1, "Error: Unknown argument: alpha. Use --help for usage.\n");
    for option in ["--keywords", "--names", "--max-results"] {
        refused(&ann, FIND, &[option], 1, &format!("{option} requires a value"));
    }
    refused(&ann, FIND, &["--keywords", "x", "--max-results", "few"], 1, "--max-results");
    let outside = ann.at(world.root()).env("GIT_CEILING_DIRECTORIES", world.root().display());
    refused(&outside, FIND, &["--keywords", "x"], 1, "Error: Not a git repository\n");
}

#[test]
fn files_are_ranked_by_their_names_with_fzf_only() {
    let world = World::new();
    let ann = with_files(&world);
    let fzf = world.root().join("fzf");
    // the arguments are: --read0 --print0 --filter WORD
    world.script(&fzf.join("fzf"), "#!/bin/sh\ntr '\\0' '\\n' | grep -e \"$4\" | sort -r | tr '\\n' '\\0'\n");
    let found = ann.with_programs(&fzf);
    let run = script(&found, FIND, &["--names", "txt src", "--max-results", "5"]).ok();
    assert_eq!(run.stdout, "1|10|src/c.txt\n2|8|src/b.txt\n3|3|a b/d.txt\n");
    if !std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join("fzf").exists()) {
        refused(
            &ann,
            FIND,
            &["--names", "b"],
            1,
            "fzf is required for name search but not found. Install fzf first.\n",
        );
    }
}

fn commit(repo: &Repo, subject: &str) -> String {
    repo.git(&["commit", "-q", "--allow-empty", "-m", subject]);
    repo.git(&["log", "-1", "--format=%h %s"])
}

#[test]
fn the_changelog_is_gathered_task_by_task() {
    let world = World::new();
    let ann = alone(&world);
    let gather = |args: &[&str]| script(&ann, CHANGELOG, &[&["--gather"], args].concat());
    refused(&ann, CHANGELOG, &["--gather"], 1, "No release tags found. Cannot determine base for changelog.\n");
    ann.git(&["tag", "v0.9.0"]);
    ann.git(&["tag", "v0.10.0"]);
    assert_eq!(gather(&[]).ok().stdout, "BASE_TAG: v0.10.0\n\nNo commits found since v0.10.0\n");
    let nameless = commit(&ann, "plain");
    let said = format!("BASE_TAG: v0.9.0\n\nNo task IDs found in commits since v0.9.0\nCOMMITS_ONLY:\n{nameless}");
    assert_eq!(gather(&["--from-tag", "v0.9.0"]).ok().stdout, said);
    let run = gather(&["--from-tag", "nope"]).ok();
    assert!(run.stdout.ends_with("No commits found since nope\n") && run.stderr.contains("check the tag"), "{run}");
    let ten = commit(&ann, "feature: ten (t16_10)");
    let two = commit(&ann, "bug: two (t16_2)");
    let both = commit(&ann, "bug: both (t3) and (t16)");
    let zeros = commit(&ann, "chore: zeros (t007)");
    ann.write("aitasks/archived/t3_fix_the_thing.md", "---\nissue_type: bug\n---\nx\n");
    let plan = "# Plan\n\n## Final Implementation Notes\n\n- one\n\n- two\n\n## Next\nno\n";
    ann.write("aiplans/archived/p3_fix_the_thing.md", plan);
    ann.write("aitasks/t16/t16_2_a_child.md", "---\nissue_type:\n---\nx\n");
    let entry = |id: &str, kind: &str, title: &str, plan: &str, commits: &str| {
        format!(
            "=== TASK t{id} ===\nISSUE_TYPE: {kind}\nTITLE: {title}\nPLAN_FILE:{plan}COMMITS:\n{commits}=== END ===\n\n"
        )
    };
    let none = "\nNOTES:\n";
    let expected = [
        entry("3", "bug", "fix the thing", " aiplans/archived/p3_fix_the_thing.md\nNOTES:\n- one\n\n- two\n", &both),
        entry("007", "feature", "t007", none, &zeros),
        entry("16", "feature", "t16", none, &both),
        entry("16_2", "feature", "a child", none, &two),
        entry("16_10", "feature", "t16_10", none, &ten),
    ];
    assert_eq!(gather(&[]).ok().stdout, format!("BASE_TAG: v0.10.0\n\n{}", expected.concat()));
}

#[test]
fn the_changelog_is_asked_for_a_version_and_refuses_what_it_does_not_know() {
    let world = World::new();
    let ann = alone(&world);
    let check = |version: &str| {
        let run = script(&ann, CHANGELOG, &["--check-version", version]);
        assert_eq!(run.stdout.clone() + &run.stderr, "", "{run}");
        run.code
    };
    assert_eq!(check("1.2"), 1);
    ann.write("CHANGELOG.md", "# Changes\n## v1.2  \n## v1.30\n### v1.4\n");
    assert_eq!(["1.2", "1.3", "1.30", "1.4", "1x2"].map(check), [0, 1, 0, 1, 1]);
    for (args, words) in [
        (&[][..], "Mode required: --gather or --check-version VERSION. Use --help for usage."),
        (&["--check-version"], "--check-version requires a version argument"),
        (&["--check-version", ""], "--check-version requires a version argument"),
        (&["--gather", "--from-tag"], "--from-tag requires a tag argument"),
        (&["--gather", "--from-tag", ""], "--from-tag requires a tag argument"),
        (&["--gather", "x"], "Unknown option: x. Use --help for usage."),
    ] {
        refused(&ann, CHANGELOG, args, 1, &format!("Error: {words}\n"));
    }
}

#[test]
fn the_settings_of_a_user_colour_no_line_and_add_none() {
    let world = World::new();
    let ann = with_files(&world);
    ann.sign_and_show_it();
    for (name, value) in
        [("color.grep", "always"), ("color.diff", "always"), ("grep.column", "true"), ("column.ui", "always")]
    {
        ann.git(&["config", name, value]);
    }
    ann.git(&["tag", "v1"]);
    ann.git(&["tag", "v0"]);
    ann.git(&["commit", "-q", "--allow-empty", "-m", "signed (t1)"]);
    assert_eq!(script(&ann, FIND, &["--keywords", "beta"]).ok().stdout, "1|1|src/c.txt\n");
    let commit = ann.git(&["rev-parse", "--short", "HEAD"]);
    let gathered = script(&ann, CHANGELOG, &["--gather"]).ok().stdout;
    assert!(gathered.starts_with("BASE_TAG: v1\n"), "{gathered}");
    assert!(gathered.ends_with(&format!("COMMITS:\n{} signed (t1)\n=== END ===\n\n", commit.trim())), "{gathered}");
}

/// A project with tasks that were completed today, and one that was not completed.
fn with_completed(world: &World) -> (Repo, String) {
    let ann = alone(world);
    let today = ann.run("date", &["+%F"]).ok().stdout.trim().to_owned();
    let file = |fields: &str| format!("---\n{}\n---\nx\n", fields.replace("TODAY", &today));
    ann.write(
        "aitasks/archived/t1_one.md",
        &file("status: Done\ncompleted_at: TODAY 10:00\nlabels: [ui, api]\nissue_type: bug\nimplemented_with: claude/opus"),
    );
    ann.write("aitasks/archived/t2/t2_1_two.md", &file("status: Completed\nupdated_at: TODAY 10:00"));
    ann.write("aitasks/archived/t3_three.md", &file("status: Ready\nupdated_at: TODAY 10:00"));
    (ann, today)
}

#[test]
fn what_was_completed_is_reported_in_the_order_of_the_scripts() {
    let world = World::new();
    let (ann, today) = with_completed(&world);
    // the single bundle of early versions is not counted, nor read
    ann.write("aitasks/archived/old.tar.gz", "no bundle");
    let report = |args: &[&str]| script(&ann, STATS, args).ok().stdout;
    let text = report(&["-v", "--days", "2."]);
    let headings: Vec<_> = text.lines().filter(|line| line.starts_with(['#', '_'])).collect();
    let trend = "- Weekly Trend (Last 4 Weeks)";
    assert_eq!(
        headings,
        [
            "## Task Completion Statistics",
            "### Summary",
            "_In flight (implementation done, awaiting gates): 0_",
            "### Daily Completions (Last 2 Days)",
            "### Average Completions by Day of Week",
            "### Pipeline Timing (gated tasks)",
            &format!("### Completions by Label {trend}"),
            "### Label Avg by Day of Week (Last 30 Days)",
            &format!("### By Task Type {trend}"),
            &format!("### By Issue Type per Label {trend}"),
            &format!("### By Code Agent {trend}"),
            &format!("### By LLM Model {trend}"),
        ]
    );
    for line in ["| Total Tasks Completed | 2 |", "| Child Tasks | 0 | 0 | 0 | 1 |", "| refactor | 0 | 0 | 0 | 0 |"] {
        assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
    }
    assert!(text.contains(&format!("| {today} | ")) && text.contains(" | 2 | t1_one, t2_1_two |\n"), "{text}");
    assert!(!report(&["-d", "1"]).contains("t1_one"));
    for (day, words) in
        [("t", "'t' is ambiguous (matches: Tuesday, Thursday)"), ("x", "'x' does not match any day of the week")]
    {
        let run = script(&ann, STATS, &["-w", day]).ok();
        assert!(run.stderr.contains(&format!("Warning: {words}. Using default (Monday).\n")), "{run}");
    }
    for wrong in [&["-d", "0"][..], &["-d", "-1"], &["--days", "x"], &["-d"], &["-w"], &["--bogus"]] {
        let run = script(&ann, STATS, wrong).fails(2);
        assert!(run.stdout.is_empty() && run.stderr.starts_with("Usage: "), "{run}");
    }
    assert!(script(&ann, "ait", &["stats", "--days", "1"]).ok().stdout.contains("(Last 1 Days)"));
}

#[test]
fn what_was_completed_is_written_as_values() {
    let world = World::new();
    let (ann, today) = with_completed(&world);
    for (args, file) in [(&["--csv"][..], "aitask_stats.csv"), (&["--csv", "out.csv", "-v"], "out.csv")] {
        let said = script(&ann, STATS, args).ok().stdout;
        assert_eq!(said.lines().last(), Some(format!("CSV exported to: {file}").as_str()));
        let text = ann.read(file);
        let rows: Vec<Vec<_>> = text.lines().map(|row| row.split(',').collect()).collect();
        let head =
            "date,day_of_week,week_offset,task_id,labels,issue_type,task_type,implemented_with,codeagent,llm_model";
        assert_eq!(rows[0].join(","), head);
        assert_eq!(
            (rows[1][0], &rows[1][2..]),
            (today.as_str(), &["0", "t1_one", "ui;api", "bug", "parent", "claude/opus", "claude", "opus"][..])
        );
        assert_eq!(rows[2][3..], ["t2_1_two", "(unlabeled)", "feature", "child", "", "", ""]);
    }
}

#[test]
fn where_nothing_was_completed_the_report_says_so() {
    let world = World::new();
    let ann = alone(&world);
    assert_eq!(script(&ann, STATS, &[]).ok().stdout, "No archived tasks found in aitasks/archived\n");
    ann.write("aitasks/archived/t3_three.md", "---\nstatus: Ready\nupdated_at: 2026-01-01 10:00\n---\n");
    assert_eq!(script(&ann, STATS, &[]).ok().stdout, "No completed tasks found.\n");
    let elsewhere = ann.env("TASK_DIR", "other").env("ARCHIVED_DIR", "aitasks/archived");
    assert_eq!(script(&elsewhere, STATS, &[]).ok().stdout, "No archived tasks found in other/archived\n");
}
