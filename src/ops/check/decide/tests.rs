use super::*;

/// The kinds that are found in these files, each with its path and line.
fn found(files: &[(&str, &str)], counter: Option<u64>) -> Vec<String> {
    let folder = TaskFolder::of_files(files);
    problems(&folder, counter).iter().map(|it| format!("{} {}:{}", it.kind, it.path, it.line)).collect()
}

const OPEN: &str = "---\nstatus: Ready\n---\n";

#[test]
fn what_is_well_formed_gives_no_finding() {
    let files = [
        ("aitasks/t1_parent.md", "---\npriority: high\nchildren_to_implement: [t1_2]\n---\n"),
        ("aitasks/t1/t1_2_child.md", "---\ndepends: [t1_1, 3, None]\nissue_type: bug\n---\n"),
        ("aitasks/archived/t1/t1_1_done.md", "---\nstatus: Done\n---\n"),
        ("aitasks/archived/t3_old.md", ""),
        ("aitasks/t4_no_header.md", "only a text\n"),
        ("aitasks/t16_2024_report.md", OPEN),
        ("aitasks/new/draft_20260101_1000_x.md", OPEN),
        ("aitasks/metadata/labels.txt", "t_x\n"),
        ("aiplans/p1_parent.md", ""),
        ("aiplans/p1/p1_2_child.md", ""),
        ("aiplans/archived/p3_old.md", ""),
        ("aiplans/README.md", ""),
    ];
    assert_eq!(found(&files, Some(17)), Vec::<String>::new());
    assert_eq!(found(&files, None), Vec::<String>::new());
}

#[test]
fn each_finding_names_its_file_and_line() {
    let head = |line: &str| format!("---\npriority: low\n{line}\n---\nstatus: not this one\n");
    for (files, expected) in [
        (vec![("aitasks/t1_x.md", head("status: Raedy"))], "unknown_status aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("effort: huge"))], "unknown_level aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("issue_type: nonsense"))], "unknown_type aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("depends: [what]"))], "unreadable_dependency aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("depends: [9]"))], "unknown_dependency aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("depends: [1]"))], "circle aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("children_to_implement: [t2_1]"))], "foreign_child aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("children_to_implement: [t1_7]"))], "unknown_child aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", head("children_to_implement: [one]"))], "unreadable_child aitasks/t1_x.md:3"),
        (vec![("aitasks/t1_x.md", "---\nstatus: Ready\n".to_owned())], "front_matter aitasks/t1_x.md:1"),
        (
            vec![("aitasks/t1_x.md", "---\na: b\n---\n\n<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n".to_owned())],
            "front_matter aitasks/t1_x.md:5",
        ),
        (vec![("aitasks/T1_x.md", OPEN.to_owned())], "misnamed aitasks/T1_x.md:1"),
        (
            vec![("aitasks/t1_x.md", OPEN.to_owned()), ("aitasks/t1_2_child.md", OPEN.to_owned())],
            "misnamed aitasks/t1_2_child.md:1",
        ),
        (
            vec![("aitasks/t1_x.md", OPEN.to_owned()), ("aitasks/t1_y.md", OPEN.to_owned())],
            "duplicate_id aitasks/t1_y.md:1",
        ),
        (
            vec![("aitasks/t1_x.md", OPEN.to_owned()), ("aitasks/archived/t1_x.md", OPEN.to_owned())],
            "active_and_archived aitasks/t1_x.md:1",
        ),
        (vec![("aitasks/t1/t1_1_x.md", OPEN.to_owned())], "no_parent aitasks/t1/t1_1_x.md:1"),
        (
            vec![("aitasks/t1/t1_1_x.md", OPEN.to_owned()), ("aitasks/archived/t1_x.md", OPEN.to_owned())],
            "archived_parent aitasks/t1/t1_1_x.md:1",
        ),
        (
            vec![
                ("aitasks/t1_x.md", head("children_to_implement: [t1_1]")),
                ("aitasks/archived/t1/t1_1_x.md", OPEN.to_owned()),
            ],
            "finished_child aitasks/t1_x.md:3",
        ),
        (vec![("aiplans/p1_x.md", String::new())], "plan_without_task aiplans/p1_x.md:1"),
        (
            vec![("aiplans/p1_x.md", String::new()), ("aitasks/archived/t1_x.md", String::new())],
            "plan_of_ended_task aiplans/p1_x.md:1",
        ),
        (
            vec![("aitasks/archived/old.tar.zst", "no bundle".to_owned())],
            "broken_bundle aitasks/archived/old.tar.zst:1",
        ),
        (vec![("aitasks/t8_x.md", OPEN.to_owned())], "counter_behind aitasks/t8_x.md:1"),
    ] {
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        assert_eq!(found(&files, Some(8)), [expected]);
    }
}

#[test]
fn what_is_in_a_bundle_that_cannot_be_read_counts_as_there() {
    let files = [
        ("aitasks/archived/_b0/old0.tar.zst", "no bundle"),
        ("aitasks/t300_x.md", "---\ndepends: [99, 150]\n---\n"),
        ("aitasks/t7/t7_1_x.md", OPEN),
    ];
    let expected = [
        "broken_bundle aitasks/archived/_b0/old0.tar.zst:1",
        "unknown_dependency aitasks/t300_x.md:2",
        "archived_parent aitasks/t7/t7_1_x.md:1",
    ];
    assert_eq!(found(&files, None), expected);
}

#[test]
fn a_message_is_one_safe_line_whatever_the_file_has() {
    let text = "---\nstatus: Re\u{1b}[31mady\u{2028}::set-env name=X::y\neffort: \u{9b}2J\n---\n";
    let folder = TaskFolder::of_files(&[("aitasks/t1_x.md", text)]);
    let problems = problems(&folder, None);
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().all(|it| !it.message.contains(crate::error::is_unsafe)), "{problems:?}");
}

proptest::proptest! {
    #[test]
    fn no_content_is_an_internal_error(paths in proptest::collection::vec("(aitasks|aiplans)/(archived/)?(t[12]/)?[tpT]?[12](_[12])?_?[a-z]{0,2}\\.(md|tar\\.zst)", 0..9), text: String) {
        let files: Vec<_> = paths.iter().map(|path| (path.as_str(), text.as_str())).collect();
        let _ = problems(&TaskFolder::of_files(&files), Some(2));
    }
}
