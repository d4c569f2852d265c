use super::*;

fn task(stem: &str, date: &str) -> CompletedTask {
    let document = format!("---\ncompleted_at: {date} 10:00\nlabels: [ui]\nimplemented_with: claude/opus\n---\n");
    parse(&format!("{stem}.md"), stem.matches('_').count() > 1, &Document::parse(document.as_bytes())).unwrap()
}

fn range(week_start: Weekday) -> ReportRange {
    ReportRange { today: "2026-02-11".parse().unwrap(), days: 3, week_start, verbose: true }
}

#[test]
fn weeks_are_counted_from_the_day_they_start_with() {
    // the 11th is a Wednesday
    for (date, monday, wednesday) in
        [("2026-02-11", 0, 0), ("2026-02-10", 0, 1), ("2026-02-08", 1, 1), ("2026-02-04", 1, 1), ("2026-02-03", 1, 2)]
    {
        let task = task("t1_x", date);
        assert_eq!(
            (task.week_offset(&range(Weekday::Monday)), task.week_offset(&range(Weekday::Wednesday))),
            (monday, wednesday),
            "{date}"
        );
    }
}

#[test]
fn what_counts_as_completed() {
    let read = |fields: &str| parse("t1_x.md", false, &Document::parse(format!("---\n{fields}\n---\n").as_bytes()));
    assert_eq!(
        read("completed_at: 2026-02-03 10:00\nupdated_at: 2026-02-05 10:00").unwrap().date.to_string(),
        "2026-02-03"
    );
    assert_eq!(read("updated_at: 2026-02-05 10:00\nstatus: Done").unwrap().date.to_string(), "2026-02-05");
    assert_eq!(read("updated_at: 2026-02-05 10:00\nstatus: Ready"), None);
    assert_eq!(read("completed_at: soon\nstatus: Done"), None);
    assert_eq!(read("completed_at: 2026-02-03").unwrap().labels, ["(unlabeled)"]);
    let runs = "---\nstatus: Ready\n---\n\n## Gate Runs\n\n> **x gate:review_approved** run=2026-02-07T10:00:00Z\n";
    let approved = |text: &str| parse("t1_x.md", false, &Document::parse(text.as_bytes())).unwrap().date.to_string();
    assert_eq!(approved(runs), "2026-02-07");
    let merged = format!("{runs}\n> **x gate:merge_approved** run=2026-02-06T10:00:00Z\n");
    assert_eq!(approved(&merged), "2026-02-06");
    assert_eq!(approved(&merged.replace("status: Ready", "completed_at: 2026-02-01")), "2026-02-01");
}

#[test]
fn the_report_and_its_table_of_values() {
    let tasks = [task("t2_y", "2026-02-11"), task("t1_1_x", "2026-02-10")];
    let text = report(&tasks, &["bug".to_owned(), "feature".to_owned()], &range(Weekday::Monday), "now");
    for line in [
        "Generated: now",
        "| Total Tasks Completed | 2 |",
        "### Daily Completions (Last 3 Days)",
        "| 2026-02-11 | Wednesday | 1 | t2_y |",
        "| Parent Tasks | 0 | 0 | 0 | 1 |",
        "| feature | 0 | 0 | 0 | 2 |",
        "| ui | 0 | 0 | 0 | 2 |",
        "| opus | 0 | 0 | 0 | 2 |",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
    }
    assert!(
        csv(&tasks, &range(Weekday::Monday))
            .contains("2026-02-10,Tuesday,0,t1_1_x,ui,feature,child,claude/opus,claude,opus\n")
    );
}

#[test]
fn days_of_the_week_and_numbers_of_days() {
    assert_eq!(parse_weekday("mo"), Ok(Weekday::Monday));
    assert_eq!(parse_weekday("SUN"), Ok(Weekday::Sunday));
    assert_eq!(parse_weekday("t"), Err(vec!["Tuesday", "Thursday"]));
    assert_eq!(parse_weekday("x"), Err(vec![]));
    assert_eq!(
        (parse_days("7").ok(), parse_days("7.").ok(), parse_days("0").ok(), parse_days("a").ok()),
        (Some(7), Some(7), None, None)
    );
}
