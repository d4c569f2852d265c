//! What a record says, who may join, and when it goes.

use super::*;
use tempfile::TempDir;

fn oid(n: u8) -> Oid {
    Oid::parse(&format!("{n:040x}")).unwrap()
}

fn name(branch: &str) -> RefName {
    RefName::parse(&format!("refs/heads/{branch}")).unwrap()
}

fn moves(branch: &str, from: u8, to: u8) -> RefUpdate {
    RefUpdate { name: name(branch), old: Some(oid(from)), new: Some(oid(to)) }
}

fn records() -> (TempDir, Records) {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::new(dir.path());
    records.folder().unwrap();
    (dir, records)
}

fn of_a() -> String {
    "a".to_owned()
}

/// A convoy of one member that has handed over.
fn begun(records: &Records, nonce: &str) -> Convoy {
    let mut convoy = Convoy::new(of_a(), false);
    assert!(convoy.add(&[moves("aitask-locks", 1, 2)], Duration::from_secs(20)));
    convoy.hand_over(records, nonce, 7).unwrap();
    convoy
}

fn names(records: &Records) -> Vec<String> {
    records.names(RecordKind::Convoy)
}

#[test]
fn each_member_builds_on_the_one_before_and_the_push_is_from_the_start() {
    let (_dir, records) = records();
    let first = begun(&records, "1");
    let mut second = Convoy::pending(&records, &of_a).unwrap();
    assert_eq!(second.refs()[&name("aitask-locks")], PendingRef { from: oid(1), to: Some(oid(2)) });
    assert!(second.add(&[moves("aitask-locks", 2, 3), moves("main", 9, 9)], Duration::from_secs(20)));
    second.hand_over(&records, "2", 8).unwrap();
    let mut third = Convoy::pending(&records, &of_a).unwrap();
    assert!(third.add(&[moves("main", 9, 10)], Duration::from_secs(20)));
    assert_eq!(third.updates(), [moves("aitask-locks", 1, 3), moves("main", 9, 10)]);
    assert_eq!(third.before_push(&[moves("aitask-locks", 2, 3)]), [moves("aitask-locks", 1, 3)]);
    assert_eq!(names(&records), ["1"]);
    drop((first, second, third));
}

#[test]
fn who_decided_on_something_else_does_not_fit() {
    let (_dir, records) = records();
    let _first = begun(&records, "1");
    let create = RefUpdate { old: None, ..moves("main", 1, 2) };
    for updates in [moves("aitask-locks", 1, 3), create] {
        let mut second = Convoy::pending(&records, &of_a).unwrap();
        assert!(!second.add(&[updates], Duration::from_secs(20)));
    }
}

#[test]
fn another_group_is_not_joined() {
    let (_dir, records) = records();
    let _first = begun(&records, "1");
    assert!(Convoy::pending(&records, &|| "b".to_owned()).is_none());
    assert_eq!(names(&records), ["1"]);
}

#[test]
fn every_member_reads_the_end_and_the_last_one_removes_the_record() {
    for end in [End::Landed, End::Stale("moved".to_owned()), End::Refused, End::Unknown("cut off".to_owned())] {
        let (_dir, records) = records();
        let mut first = begun(&records, "1");
        let mut second = Convoy::pending(&records, &of_a).unwrap();
        assert!(second.add(&[moves("aitask-locks", 2, 3)], Duration::from_secs(20)));
        second.begin_push().unwrap();
        second.ended(end.clone());
        assert!(Convoy::pending(&records, &of_a).is_none());
        first.refresh();
        assert_eq!((first.end(), names(&records).len()), (Some(&end), 1));
        drop(first);
        assert!(names(&records).is_empty());
    }
}

#[test]
fn what_a_killed_process_had_begun_to_push_is_unknown_to_its_members() {
    let (_dir, records) = records();
    let mut first = begun(&records, "1");
    let mut second = Convoy::pending(&records, &of_a).unwrap();
    second.begin_push().unwrap();
    drop(second);
    assert!(Convoy::pending(&records, &of_a).is_none());
    first.refresh();
    assert!(matches!(first.end(), Some(End::Unknown(_))));
}

#[test]
fn one_whose_members_were_all_killed_is_not_pushed_and_goes() {
    let (_dir, records) = records();
    let first = begun(&records, "1");
    let text = std::fs::read(records.path(RecordKind::Convoy, "1")).unwrap();
    drop(first);
    std::fs::write(records.path(RecordKind::Convoy, "1"), text).unwrap();
    assert!(Convoy::pending(&records, &of_a).is_none());
    assert!(names(&records).is_empty());
}

#[test]
fn a_line_that_was_cut_off_counts_as_not_written() {
    let (_dir, records) = records();
    let mut first = begun(&records, "1");
    let path = records.path(RecordKind::Convoy, "1");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{}", whole.split_at(whole.len() / 2).0)).unwrap();
    let mut second = Convoy::pending(&records, &of_a).unwrap();
    assert!(second.add(&[moves("aitask-locks", 2, 3)], Duration::from_secs(20)));
    second.hand_over(&records, "2", 9).unwrap();
    first.refresh();
    assert_eq!((first.next(), &first.refs()[&name("aitask-locks")].to), (9, &Some(oid(3))));
    assert_eq!(State::parse(""), None);
    assert_eq!(State::parse("nonsense\n"), None);
}

#[test]
fn it_grows_by_so_many_and_for_so_long() {
    let state = |members, since, until| State {
        group: of_a(),
        refs: PendingRefs::new(),
        members,
        since,
        forming: millis(FORMING),
        until,
        least: u64::MAX,
        next: 0,
        calls: Vec::new(),
        is_pushing: false,
        end: None,
    };
    let thirty_seconds = 30_000;
    assert!(state(1, 0, thirty_seconds).may_grow(0));
    assert!(state(MEMBERS - 1, 0, thirty_seconds).may_grow(800));
    assert!(!state(MEMBERS, 0, thirty_seconds).may_grow(0));
    assert!(!state(2, 0, thirty_seconds).may_grow(millis(FORMING)));
    // who has a second left does not spend it on waiting for others
    assert!(state(2, 0, 1000).may_grow(40));
    assert!(!state(2, 0, 1000).may_grow(60));
    assert!(!state(2, 0, 1000).may_grow(2000));
    assert!(Convoy::new(of_a(), true).state.forming < Convoy::new(of_a(), false).state.forming);
    let (_dir, records) = records();
    let mut first = Convoy::new(of_a(), false);
    assert!(first.add(&[moves("main", 1, 2)], Duration::from_secs(9)));
    first.hand_over(&records, "1", 7).unwrap();
    assert!(first.add(&[moves("main", 2, 3)], Duration::from_secs(20)));
    // the push ends in time for the one who has the least
    assert!(first.left() <= Duration::from_secs(9));
}
