use super::{CODE_IGNORES, bare_names, with_lines};

#[test]
fn patterns_stand_there_once() {
    let once = with_lines(b"target/\n/aitasks/\n", &CODE_IGNORES);
    assert_eq!(String::from_utf8_lossy(&once), "target/\n/aitasks/\n.aitask-data/\naitasks\naiplans\n");
    assert_eq!(with_lines(&once, &CODE_IGNORES), once);
}

#[test]
fn folders_become_names_of_links() {
    let bare = |text: &str| String::from_utf8(bare_names(text.as_bytes())).unwrap();
    assert_eq!(
        bare("a/\naitasks/\naiplans/ \nx/aitasks/\naitasks/*\n"),
        "a/\naitasks\naiplans \nx/aitasks/\naitasks/*\n"
    );
    assert_eq!(bare("aitasks/\r\naiplans/"), "aitasks\r\naiplans");
    assert_eq!(bare("aitasks\naitasks/\n"), "aitasks\n");
}
