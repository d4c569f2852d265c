use super::*;
use crate::git::porcelain::merge_tree;
use proptest::prelude::*;

fn oid(n: u64) -> Oid {
    Oid::parse(&format!("{:040x}", n + 1)).unwrap()
}

fn id(n: u64) -> TaskId {
    TaskId::try_parse(&(n + 1).to_string()).unwrap()
}

fn name(text: &str) -> RefName {
    RefName::parse(text).unwrap()
}

fn changed(path: &str, content: Option<u64>) -> FileDiff {
    let mode = |there: bool| if there { "100644" } else { "000000" }.to_owned();
    FileDiff {
        old_mode: mode(true),
        new_mode: mode(content.is_some()),
        old: Some(oid(999)),
        new: content.map(oid),
        status: if content.is_some() { 'M' } else { 'D' },
        path: path.into(),
    }
}

/// A side whose content of each file is that of its task.
fn side(task: u64, paths: &[&str]) -> Side {
    let changes: Vec<_> = paths.iter().map(|path| changed(path, Some(100 + task))).collect();
    Side::new(id(task), oid(task), Some(name(&format!("refs/heads/aitask/t{task}"))), &changes).unwrap()
}

fn files(paths: &BTreeSet<PathBuf>) -> Vec<&str> {
    paths.iter().map(|path| path.to_str().unwrap()).collect()
}

fn commit(n: u64, parents: &[u64], refs: &[&str]) -> GraphCommit {
    let parents = parents.iter().map(|n| oid(*n)).collect();
    let time = i64::try_from(n).unwrap();
    GraphCommit { is_boundary: false, oid: oid(n), parents, time, refs: refs.iter().map(|text| name(text)).collect() }
}

fn boundary(n: u64) -> GraphCommit {
    GraphCommit { is_boundary: true, ..commit(n, &[], &[]) }
}

const HERE: &str = "refs/heads/aitask/t1_x";
const THERE: &str = "refs/remotes/origin/aitask/t1_x";

#[test]
fn of_two_branches_the_one_that_is_ahead_counts() {
    let choose = |here: Option<u64>, there: Option<u64>, is_ours: bool| {
        // 1 <- 2 <- 3, 1 <- 4
        let refs = |n: u64| [(HERE, here), (THERE, there)].into_iter().filter(move |it| it.1 == Some(n)).map(|it| it.0);
        let graph = [(1, vec![0]), (2, vec![1]), (3, vec![2]), (4, vec![1])];
        let listed = graph.map(|(n, parents)| commit(n, &parents, &refs(n).collect::<Vec<_>>()));
        let own = OwnCommits::new(listed.into_iter().chain([boundary(0)]).collect());
        let (published, local) = (name(THERE), name(HERE));
        own.choose(&published, &local, is_ours).map(|(name, tip)| (name.as_str() == HERE, tip.clone()))
    };
    for is_ours in [false, true] {
        assert_eq!(choose(Some(3), Some(2), is_ours), Some((true, oid(3))), "ahead");
        assert_eq!(choose(Some(2), Some(3), is_ours), Some((false, oid(3))), "behind");
        assert_eq!(choose(Some(3), Some(4), is_ours), Some((is_ours, oid(if is_ours { 3 } else { 4 }))), "diverged");
        assert_eq!(choose(Some(3), Some(3), is_ours), Some((false, oid(3))), "the same");
        assert_eq!(choose(Some(3), None, is_ours), Some((true, oid(3))), "only here");
        assert_eq!(choose(None, Some(3), is_ours), Some((false, oid(3))), "only there");
        assert_eq!(choose(None, None, is_ours), None, "no commits");
    }
}

#[test]
fn the_base_is_the_last_commit_of_the_output_branch() {
    // 20 was cut from 1, got 2 of the output branch by the merge 22, and goes on
    let own = OwnCommits::new(vec![
        commit(23, &[22], &[HERE]),
        commit(22, &[21, 2], &[]),
        commit(21, &[20], &[]),
        commit(20, &[1], &[]),
        boundary(1),
        boundary(2),
    ]);
    assert_eq!(own.base(&oid(23)), Some(oid(2)));
    assert_eq!(own.base(&oid(21)), Some(oid(1)));
    assert_eq!(own.base(&oid(2)), Some(oid(2)), "a commit of the output branch itself");
    assert_eq!(OwnCommits::new(vec![commit(20, &[], &[HERE])]).base(&oid(20)), None, "another history");
}

#[test]
fn the_same_file_and_a_file_in_the_place_of_a_folder_are_shared_and_nothing_else() {
    let sides = [side(1, &["a", "b/c"]), side(2, &["a", "b"]), side(3, &["bb", "b/d"]), side(1, &["b/c"])];
    let found: Vec<_> = shared(&sides).into_iter().map(|pair| (pair.sides, files(&pair.files).join(" "))).collect();
    let expected = [([0, 1], "a b/c"), ([1, 2], "b/d"), ([1, 3], "b/c")];
    assert_eq!(found, expected.map(|(sides, files)| (sides, files.to_owned())));
}

#[test]
fn task_data_is_no_work_that_conflicts() {
    let changes = [changed("aitasks/t1_x.md", Some(1)), changed("aiplans/p1_x.md", Some(1))];
    assert!(Side::new(id(1), oid(1), None, &changes).is_none());
    assert!(Side::new(id(1), oid(1), None, &[]).is_none());
}

/// The verdicts of git on the recorded pairs, for sides that change what the script changes.
#[test]
fn recorded_merges_are_judged_as_git_judges_them() {
    let raw = |path: &str, content: Option<&str>| FileDiff {
        new: content.and_then(Oid::parse),
        ..changed(path, content.map(|_| 0))
    };
    let text = "0ff3bbb9c8bba2291654cd64067fa417ff54c508";
    let of = |task: u64, changes: &[FileDiff]| Side::new(id(task), oid(task), None, changes).unwrap();
    let one = || of(1, &[raw("text", Some("c99f56679bd4f967b19101bf6d7cab36e6275a07"))]);
    let moved = || of(4, &[raw("text", None), raw("new", Some(text))]);
    let gone = || of(5, &[raw("text", None)]);
    let pairs = [
        (one(), side(2, &["text"]), "text"),
        (one(), side(3, &["text"]), ""),
        (moved(), gone(), "new text"),
        (one(), gone(), "text"),
        (side(6, &["way/file"]), side(7, &["way"]), "way"),
        (side(8, &["binary"]), side(9, &["binary"]), "binary"),
        (one(), one(), ""),
    ];
    for (_, bytes) in recorded_stdin() {
        let merges = merge_tree::parse_many(bytes).unwrap();
        assert_eq!(merges.len(), pairs.len());
        for ((one, other, expected), merged) in pairs.iter().zip(&merges) {
            let found = conflicts(one, other, merged);
            assert_eq!(files(&found).join(" "), *expected);
        }
    }
}

fn recorded_stdin() -> [(&'static str, &'static [u8]); 2] {
    [
        ("2.39.5", include_bytes!("../../../fixtures/porcelain/2.39.5/sha1-merge-tree-stdin.bin")),
        ("2.47.3", include_bytes!("../../../fixtures/porcelain/2.47.3/sha1-merge-tree-stdin.bin")),
    ]
}

/// The other side has a newer version of the file from the output branch, and has not changed it.
#[test]
fn a_conflict_with_the_output_branch_is_none_with_a_task() {
    let (_, bytes) = recorded_stdin()[1];
    let merges = merge_tree::parse_many(bytes).unwrap();
    let (one, other) = (side(1, &["text", "both"]), side(2, &["both"]));
    assert_eq!(conflicts(&one, &other, &merges[0]), BTreeSet::new());
    let sides = [one, other];
    let pairs = shared(&sides);
    assert_eq!(overlaps(&sides, &pairs, Some(&merges[..1]))[0].conflict, Some(false));
    assert_eq!(overlaps(&sides, &pairs, None)[0].conflict, None);
}

#[test]
fn sentences() {
    let of = |conflict, files: &[&str], conflicts: &[&str]| {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        Overlap {
            tasks: [id(2), id(4)],
            files: paths(files),
            conflict,
            conflicts: paths(conflicts),
            hint: None,
            branches: None,
        }
        .sentence()
    };
    assert_eq!(of(Some(true), &["a", "b"], &["b"]), "t3 and t5 change b and conflict");
    assert_eq!(of(Some(false), &["a", "b", "c"], &[]), "t3 and t5 change a and 2 more without a conflict");
    assert_eq!(of(None, &["a"], &[]), "t3 and t5 change a and it is unknown whether they conflict");
}

#[test]
fn who_conflicts_with_nobody_lands_first_and_then_who_changes_least() {
    let overlap = |one: u64, other: u64, conflict| Overlap {
        tasks: [id(one), id(other)],
        files: vec!["a".into()],
        conflict,
        conflicts: Vec::new(),
        hint: None,
        branches: None,
    };
    let tasks = [(id(1), 5), (id(2), 1), (id(3), 2), (id(4), 2)];
    let found = landing_order(&tasks, &[overlap(1, 3, Some(true)), overlap(3, 4, None), overlap(1, 2, Some(false))]);
    let found: Vec<_> = found.into_iter().map(|it| (it.task_id, it.because)).collect();
    let expected = [
        (id(2), LandingReason::NoConflict),
        (id(3), LandingReason::PickedFirst),
        (id(4), LandingReason::AfterConflicts),
        (id(1), LandingReason::AfterConflicts),
    ];
    assert_eq!(found, expected);
    let found = landing_order(&[(id(1), 2), (id(2), 1)], &[overlap(1, 2, Some(true))]);
    assert_eq!((found[0].task_id, found[0].because), (id(2), LandingReason::FewerFiles));
}

prop_compose! {
    /// Sides of a few tasks that change a few files, some of them in folders with the names of others.
    fn any_sides()(chosen in prop::collection::vec((0..6u64, prop::collection::btree_set(0..8usize, 1..5)), 1..8)) -> Vec<Side> {
        const PATHS: [&str; 8] = ["a", "a/b", "a/b/c", "ab", "b", "b/a", "c", "c/c"];
        chosen.iter().map(|(task, paths)| side(*task, &paths.iter().map(|n| PATHS[*n]).collect::<Vec<_>>())).collect()
    }
}

prop_compose! {
    /// Tasks with the numbers of their files, and which of them conflict.
    fn any_tasks()(sizes in prop::collection::vec(1..4usize, 1..8))(
        pairs in prop::collection::vec((0..sizes.len(), 0..sizes.len(), prop::option::of(any::<bool>())), 0..9),
        sizes in Just(sizes),
    ) -> (Vec<(TaskId, usize)>, Vec<Overlap>) {
        let ids = |n: usize| id(10 - n as u64);
        let tasks = sizes.iter().enumerate().map(|(n, size)| (ids(n), *size)).collect();
        let pairs = pairs.into_iter().filter(|(one, other, _)| one != other);
        let overlaps = pairs.map(|(one, other, conflict)| Overlap {
            tasks: [ids(one), ids(other)],
            files: Vec::new(),
            conflict,
            conflicts: Vec::new(),
            hint: None,
        branches: None,
        });
        (tasks, overlaps.collect())
    }
}

proptest! {
    #[test]
    fn pairs_that_share_a_file_are_found_and_no_others(sides in any_sides()) {
        let found: BTreeMap<_, _> = shared(&sides).into_iter().map(|pair| (pair.sides, pair.files)).collect();
        for (m, one) in sides.iter().enumerate() {
            for (n, other) in sides.iter().enumerate().skip(m + 1) {
                let both = |one: &Side, other: &Side| {
                    let is_shared = |path: &&PathBuf| other.paths().iter().any(|it| path.starts_with(it));
                    one.paths().iter().filter(is_shared).cloned().collect::<BTreeSet<_>>()
                };
                let expected: BTreeSet<_> = both(one, other).union(&both(other, one)).cloned().collect();
                let expected = (one.task != other.task && !expected.is_empty()).then_some(expected);
                prop_assert_eq!(found.get(&[m, n]).cloned(), expected);
            }
        }
    }

    #[test]
    fn every_pair_of_tasks_comes_once_and_conflicts_first(sides in any_sides()) {
        let pairs = shared(&sides);
        let merges: Vec<_> = pairs.iter().map(|pair| OneOfMany {
            is_clean: pair.sides[0] % 2 == 0,
            conflicts: vec![pair.files.iter().cloned().collect()],
            ..OneOfMany::default()
        }).collect();
        let found = overlaps(&sides, &pairs, Some(&merges));
        let keys: BTreeSet<_> = found.iter().map(|it| it.tasks.iter().collect::<BTreeSet<_>>()).collect();
        prop_assert_eq!(keys.len(), found.len());
        prop_assert!(found.is_sorted_by_key(|it| it.conflict != Some(true)));
        for it in &found {
            prop_assert_eq!(it.conflict == Some(true), !it.conflicts.is_empty());
            prop_assert!(!it.files.is_empty() && it.files.is_sorted());
        }
    }

    #[test]
    fn the_order_of_landing_has_every_task_once_and_keeps_its_rules((tasks, overlaps) in any_tasks()) {
        let order = landing_order(&tasks, &overlaps);
        let place = |task: TaskId| order.iter().position(|it| it.task_id == task).unwrap();
        prop_assert_eq!(order.len(), tasks.len());
        let picked = |task: TaskId| tasks.iter().position(|it| it.0 == task).unwrap();
        let in_conflict: Vec<_> = overlaps.iter().filter(|it| it.conflict != Some(false)).collect();
        let is_free = |task: TaskId| !in_conflict.iter().any(|it| it.tasks.contains(&task));
        for (at, it) in order.iter().enumerate() {
            prop_assert_eq!(it.because == LandingReason::NoConflict, is_free(it.task_id));
            for later in &order[at + 1..] {
                prop_assert!(is_free(it.task_id) || !is_free(later.task_id));
                prop_assert!(!is_free(later.task_id) || picked(it.task_id) < picked(later.task_id));
            }
        }
        for it in &in_conflict {
            let [one, other] = it.tasks;
            let key = |task: TaskId| (tasks[picked(task)].1, picked(task));
            prop_assert_eq!(place(one) < place(other), key(one) < key(other));
        }
    }

    /// The commits are in the order of time, and every other one is on the output branch.
    #[test]
    fn the_base_is_a_merge_base(parents in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<prop::sample::Index>()), 1..14), tip: prop::sample::Index) {
        let count = parents.len() + 1;
        let graph: Vec<Vec<usize>> = std::iter::once(Vec::new()).chain(parents.iter().enumerate().map(|(n, (one, two, other))| {
            let first = one.index(n + 1);
            [Some(first), two.then(|| other.index(n + 1))].into_iter().flatten().collect()
        })).collect();
        let reach = |from: usize| {
            let mut seen = BTreeSet::from([from]);
            let mut left = vec![from];
            while let Some(at) = left.pop() {
                left.extend(graph[at].iter().copied().filter(|to| seen.insert(*to)));
            }
            seen
        };
        let (output, tip) = (count / 2, tip.index(count));
        let (out, of_tip) = (reach(output), reach(tip));
        let own: BTreeSet<_> = of_tip.difference(&out).copied().collect();
        let bounds: BTreeSet<_> = own.iter().flat_map(|n| &graph[*n]).filter(|n| !own.contains(n)).copied().collect();
        let parents = |n: usize| graph[n].iter().map(|n| *n as u64).collect::<Vec<_>>();
        let listed = own.iter().map(|n| commit(*n as u64, &parents(*n), &[])).chain(bounds.iter().map(|n| boundary(*n as u64)));
        let base = OwnCommits::new(listed.collect()).base(&oid(tip as u64));
        let common: BTreeSet<_> = out.intersection(&of_tip).copied().collect();
        let is_best = |n: usize| common.contains(&n) && !common.iter().any(|other| *other != n && reach(*other).contains(&n));
        let found = (0..count).find(|n| base == Some(oid(*n as u64)));
        prop_assert!(found.is_some_and(is_best), "{found:?} {common:?}");
    }
}
