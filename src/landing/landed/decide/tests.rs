use super::*;
use proptest::prelude::*;

fn oid(n: usize) -> Oid {
    Oid::parse(&format!("{:040x}", n + 1)).unwrap()
}

/// A file that changes from one content to another; 0 is no file.
fn change(path: &str, from: usize, to: usize) -> FileDiff {
    let (mode, object) = (|n| if n == 0 { "000000" } else { "100644" }, |n| (n > 0).then(|| oid(1000 + n)));
    FileDiff {
        old_mode: mode(from).to_owned(),
        new_mode: mode(to).to_owned(),
        old: object(from),
        new: object(to),
        status: 'M',
        path: PathBuf::from(path),
    }
}

/// A history in which each commit has a message and the contents that it gives to files, which begin with content 1.
fn history(commits: &[(&str, &[(&str, usize)])]) -> Vec<LoggedCommit> {
    let mut now: BTreeMap<&str, usize> = BTreeMap::new();
    let mut history = Vec::new();
    for (n, (message, files)) in commits.iter().enumerate() {
        let mut give = |(path, to): &(&'static str, usize)| {
            let from = now.insert(path, *to).unwrap_or(usize::from(!path.starts_with("new")));
            change(path, from, *to)
        };
        // The names outlive the test.
        let files: Vec<(&'static str, usize)> = files.iter().map(|(path, to)| (NAMES[at(path)], *to)).collect();
        let changes = files.iter().map(&mut give).collect();
        let (parents, author) = (Vec::new(), String::new());
        history.push(LoggedCommit { oid: oid(n), parents, author, message: (*message).to_owned(), changes });
    }
    history
}

const NAMES: [&str; 4] = ["a", "b", "new", "other"];

fn at(path: &str) -> usize {
    NAMES.iter().position(|name| *name == path).unwrap()
}

/// Work that gives `a` the content 2 and adds `new` with the content 2.
fn work() -> Work {
    Work::of(&[change("a", 1, 2), change("new", 0, 2)])
}

fn find(history: &[LoggedCommit]) -> Search {
    search(history, &work(), |_| Ok(false)).unwrap()
}

/// The commit that took back what landed first.
fn taken(history: &[LoggedCommit]) -> Option<usize> {
    let Search::At(at) = find(history) else { panic!("{:?}", find(history)) };
    taken_back(history, at, &work(), |_| Ok(false), |_| Ok(false)).unwrap()
}

const DONE: (&str, &[(&str, usize)]) = ("Work (#7)", &[("a", 2), ("new", 2)]);

#[test]
fn landed_where_all_files_have_its_content_whatever_came_later() {
    assert_eq!(find(&history(&[("x", &[("other", 5)]), DONE, ("later", &[("a", 3), ("new", 3)])])), Search::At(1));
    assert_eq!(find(&history(&[("half", &[("a", 2)]), ("rest", &[("new", 2)])])), Search::At(1));
    assert_eq!(find(&history(&[("half", &[("a", 2)])])), Search::Nowhere);
    assert_eq!(find(&history(&[("half", &[("new", 2)]), ("other", &[("a", 3)])])), Search::Nowhere);
    assert_eq!(find(&[]), Search::Nowhere);
}

#[test]
fn a_merge_is_tried_only_where_every_file_has_changed_and_not_too_often() {
    let mut tried = Vec::new();
    let some = history(&[("x", &[("a", 3)]), ("y", &[("new", 3)]), ("z", &[("other", 2)]), ("w", &[("a", 4)])]);
    let found = search(&some, &work(), |commit| {
        tried.push(commit.clone());
        Ok(tried.len() == 2)
    });
    assert_eq!((found.unwrap(), tried), (Search::At(3), vec![oid(1), oid(3)]));
    let mut commits: Vec<(&str, Vec<(&str, usize)>)> = vec![("x", vec![("new", 3), ("a", 3)])];
    commits.extend((0..MOST_TRIES).map(|n| ("y", vec![("a", 4 + n)])));
    let commits: Vec<_> = commits.iter().map(|(message, files)| (*message, files.as_slice())).collect();
    assert_eq!(find(&history(&commits)), Search::TooMany);
    assert_eq!(find(&history(&commits[1..])), Search::Nowhere, "none of these was tried");
}

#[test]
fn taken_back_where_the_files_are_as_they_were() {
    let back: &[(&str, usize)] = &[("a", 1), ("new", 0)];
    assert_eq!(taken(&history(&[DONE, ("no more", back)])), Some(1));
    assert_eq!(taken(&history(&[DONE, ("one", &[("a", 1)]), ("two", &[("new", 0)])])), Some(2));
    assert_eq!(taken(&history(&[DONE, ("one", &[("a", 1)])])), None, "half of it is still there");
    assert_eq!(taken(&history(&[DONE, ("x", &[("a", 3)]), ("no more", back)])), Some(2));
    // Something else had changed the file before.
    assert_eq!(taken(&history(&[("x", &[("a", 9)]), DONE, ("no more", &[("a", 9), ("new", 0)])])), Some(2));
}

#[test]
fn taken_back_where_a_message_says_so() {
    let name = oid(0);
    let partly: &[(&str, usize)] = &[("a", 7)];
    for said in [format!("Revert it\n\nThis reverts commit {name}."), "Revert \"Work (#7)\" (#8)".to_owned()] {
        assert_eq!(taken(&history(&[DONE, ("later", &[("a", 3)]), (&said, partly)])), Some(2), "{said}");
        assert_eq!(taken(&history(&[DONE, (&said, &[("other", 2)])])), None, "of another file: {said}");
    }
    for said in ["This reverts commit 00.", "Revert \"Work\"", "Revert \"Work (#71)\"", "This reverts commit"] {
        assert_eq!(taken(&history(&[DONE, (said, partly)])), None, "{said}");
    }
    let part = history(&[DONE, ("This reverts commit abcdef1.", partly)]);
    let is_part = |name: &str| Ok(name == "abcdef1");
    assert_eq!(taken_back(&part, 0, &work(), is_part, |_| Ok(false)).unwrap(), Some(1));
}

#[test]
fn put_back_by_the_files_by_a_message_or_by_a_merge_that_changes_nothing() {
    let back: (&str, &[(&str, usize)]) = ("no more", &[("a", 1), ("new", 0)]);
    assert_eq!(taken(&history(&[DONE, back, ("again", DONE.1)])), None);
    let said = format!("Reapply it\n\nThis reverts commit {}.", oid(1));
    assert_eq!(taken(&history(&[DONE, back, (&said, &[("a", 8)])])), None);
    let other = history(&[DONE, back, ("by hand", &[("a", 8), ("new", 8)])]);
    assert_eq!(taken(&other), Some(1));
    assert_eq!(taken_back(&other, 0, &work(), |_| Ok(false), |commit| Ok(*commit == oid(2))).unwrap(), None);
    assert_eq!(taken(&history(&[DONE, back, ("again", DONE.1), ("never", back.1)])), Some(3));
}

#[test]
fn a_file_that_was_moved_is_not_taken_back() {
    let mut moved = history(&[DONE, ("move", &[("new", 0), ("a", 1)])]);
    assert_eq!(taken(&moved), Some(1));
    moved[1].changes.push(change("elsewhere/new", 0, 2));
    moved[1].changes.push(change("elsewhere/a", 0, 2));
    assert_eq!(taken(&moved), Some(1), "the other file has its old content");
    let only = Work::of(&[change("new", 0, 2)]);
    assert_eq!(taken_back(&moved, 0, &only, |_| Ok(false), |_| Ok(false)).unwrap(), None);
}

#[test]
fn work_that_undoes_itself_is_none() {
    assert!(Work::of(&[change("a", 1, 2), change("a", 2, 1)]).is_empty());
    assert!(!Work::of(&[change("a", 1, 2), change("a", 2, 3)]).is_empty());
}

/// Commits that give files contents; the work gives `a` and `new` the content 2.
fn commits() -> impl Strategy<Value = Vec<Vec<(&'static str, usize)>>> {
    let file = prop_oneof![(Just("a"), 1..5usize), (Just("new"), 0..5usize), (Just("other"), 1..5usize)];
    let files = prop::collection::btree_map(prop::sample::select(vec!["a", "new", "other"]), 0..5usize, 1..3);
    let one = prop_oneof![file.prop_map(|file| vec![file]), files.prop_map(|files| files.into_iter().collect())];
    prop::collection::vec(one, 0..12)
}

fn told(commits: &[Vec<(&'static str, usize)>]) -> Vec<LoggedCommit> {
    history(&commits.iter().map(|files| ("some", files.as_slice())).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn what_landed_is_found_and_nothing_else(before in commits(), after in commits()) {
        let (mut files, mut has) = (BTreeMap::from([("a", 1), ("new", 0)]), false);
        for commit in &before {
            files.extend(commit.iter().copied());
            has |= (files["a"], files["new"]) == (2, 2);
        }
        prop_assert_eq!(matches!(find(&told(&before)), Search::At(_)), has);
        let landed = [before, vec![vec![("a", 2), ("new", 2)]], after].concat();
        prop_assert!(matches!(find(&told(&landed)), Search::At(_)));
    }

    #[test]
    fn it_is_taken_back_by_the_commit_that_restores_the_files_and_by_no_unrelated_one(
        quiet in prop::collection::vec(1..9usize, 0..5),
        later in prop::collection::vec(3..9usize, 0..3),
    ) {
        let unrelated: Vec<Vec<(&'static str, usize)>> = quiet.iter().map(|n| vec![("other", *n)]).collect();
        let edits: Vec<Vec<(&'static str, usize)>> = later.iter().map(|n| vec![("a", *n)]).collect();
        let landed = [unrelated.clone(), vec![vec![("a", 2), ("new", 2)]], edits, unrelated.clone()].concat();
        prop_assert_eq!(taken(&told(&landed)), None);
        let back = [landed.clone(), vec![vec![("a", 1), ("new", 0)]], unrelated.clone()].concat();
        prop_assert_eq!(taken(&told(&back)), Some(landed.len()));
        let again = [back, vec![vec![("a", 2), ("new", 2)]], unrelated].concat();
        prop_assert_eq!(taken(&told(&again)), None);
    }

    #[test]
    fn no_history_makes_it_panic(all in commits(), at in 0..14usize) {
        let history = told(&all);
        for work in [work(), Work::default()] {
            let found = taken_back(&history, at, &work, |_| Ok(true), |_| Ok(true)).unwrap();
            prop_assert!(found.is_none_or(|found| found > at && found < history.len()));
        }
    }
}
