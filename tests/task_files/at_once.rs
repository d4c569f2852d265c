//! Many processes in one checkout.

use super::{both, create, data, files, last_commit, project, update};
use crate::support::{World, give_time_for_a_fault, wait_for_file};

const MANY: usize = 16;

#[test]
fn sixteen_creates_at_once_make_sixteen_tasks_each_in_a_commit_that_holds_nothing_else() {
    let ann = project(&World::new());
    ann.write("staged.txt", "mine\n");
    ann.git(&["add", "staged.txt"]);
    ann.write("README.md", "dirty\n");
    let before = ann.git(&["status", "--porcelain"]);
    let start = |n: usize| {
        let name = format!("made {n}");
        ann.start(&["compat", "aitask_create.sh", "--batch", "--commit", "--silent", "--desc", "d", "--name", &name])
    };
    let runs: Vec<_> =
        (0..MANY).map(start).collect::<Vec<_>>().into_iter().map(crate::support::Running::wait).collect();
    let mut paths: Vec<_> = runs.into_iter().map(|run| run.ok().stdout.trim_end().to_owned()).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), MANY);
    let log = ann.git(&["log", "--format=", "--name-status", &format!("-{MANY}")]);
    let mut committed: Vec<_> =
        log.lines().map(|line| line.strip_prefix("A\t").expect("only new files").to_owned()).collect();
    committed.sort();
    assert_eq!(committed, paths);
    assert_eq!(ann.git(&["log", "--format=%s", &format!("-{MANY}")]).lines().count(), MANY);
    assert_eq!(ann.git(&["status", "--porcelain"]), before);
}

#[test]
fn sixteen_labels_added_at_once_to_one_task_are_sixteen_labels() {
    let ann = project(&World::new());
    let start = |n: usize| {
        let label = format!("label{n:02}");
        ann.start(&["compat", "aitask_update.sh", "--batch", "1", "--silent", "--add-label", &label])
    };
    for running in (0..MANY).map(start).collect::<Vec<_>>() {
        running.wait().ok();
    }
    let labels =
        ann.read("aitasks/t1_first.md").lines().find_map(|line| line.strip_prefix("labels: ").map(str::to_owned));
    assert_eq!(labels.unwrap().matches("label").count(), MANY);
    assert_eq!(ann.read("aitasks/metadata/labels.txt").lines().count(), MANY + 1);
}

#[test]
fn drafts_that_many_finalize_at_once_become_one_task_each() {
    for (_world, ann) in both() {
        for name in ["a", "b", "c"] {
            create(&ann, &["--name", name, "--labels", "ui"]).ok();
        }
        let finalize = ["compat", "aitask_create.sh", "--batch", "--finalize-all", "--silent"];
        let running: Vec<_> = (0..6).map(|_| ann.start(&finalize)).collect();
        let mut paths: Vec<_> = running.into_iter().map(|one| one.wait().ok().stdout).collect();
        paths.retain(|path| !path.is_empty());
        assert_eq!(paths.concat().lines().count(), 3, "{paths:?}");
        assert_eq!(files(&ann, "aitasks").iter().filter(|name| name.starts_with('t')).count(), 1 + 3);
        assert_eq!((files(&ann, "aitasks/new").len(), data(&ann).git(&["status", "--porcelain"]).as_str()), (0, ""));
    }
}

#[test]
fn commits_of_different_kinds_at_once_keep_to_their_own_files() {
    let ann = project(&World::new());
    let new = ["compat", "aitask_create.sh", "--batch", "--commit", "--silent", "--desc", "d", "--name", "n"];
    let child = [&new[..], &["--parent", "1"]].concat();
    let change = ["compat", "aitask_update.sh", "--batch", "1", "--commit", "--silent", "--boardidx", "7"];
    let running: Vec<_> = [&new[..], &child, &change, &new, &child].into_iter().map(|args| ann.start(args)).collect();
    for running in running {
        running.wait().ok();
    }
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert!(ann.read("aitasks/t1_first.md").contains("children_to_implement: [t1_1, t1_2]\n"));
    assert!(ann.read("aitasks/t1_first.md").contains("boardidx: 7\n"));
    assert_eq!(files(&ann, "aitasks/t1"), ["t1_1_n.md", "t1_2_n.md"]);
}

#[test]
fn a_git_that_holds_the_index_for_a_moment_is_waited_for() {
    let world = World::new();
    let ann = project(&world);
    ann.write(".git/index.lock", "");
    let met = world.root().join("met");
    let running = ann.with_git_that_tells("index.lock", &met).start(&[
        "compat",
        "aitask_create.sh",
        "--batch",
        "--commit",
        "--desc",
        "d",
        "--name",
        "n",
    ]);
    wait_for_file(&met);
    std::fs::remove_file(ann.path(".git/index.lock")).unwrap();
    running.wait().ok();
    assert_eq!(last_commit(&ann), "ait: Add task t2: n\nA\taitasks/t2_n.md\n");
}

#[test]
fn a_task_that_another_program_changes_meanwhile_keeps_both_changes() {
    let ann = project(&World::new());
    // The other program does not queue. Its pauses spread its changes over the time that the update takes.
    let loop_ = "for n in 1 2 3 4 5 6 7 8; do sed -i \"s/^Do it.*/Do it $n/\" aitasks/t1_first.md; sleep 0.02; done";
    let other = std::thread::scope(|scope| {
        let other = scope.spawn(|| ann.run("sh", &["-c", loop_]));
        update(&ann, &["1", "--priority", "high"]).ok();
        other.join().unwrap()
    });
    other.ok();
    assert!(ann.read("aitasks/t1_first.md").contains("Do it 8"));
    create(&ann, &["--name", "x"]).ok();
}

#[test]
fn eight_children_at_once_are_numbered_without_a_gap_and_each_waits_for_the_one_before() {
    let ann = project(&World::new());
    let args = [
        "compat",
        "aitask_create.sh",
        "--batch",
        "--commit",
        "--silent",
        "--parent",
        "1",
        "--name",
        "k",
        "--desc",
        "d",
    ];
    let mut paths: Vec<_> =
        (0..8).map(|_| ann.start(&args)).collect::<Vec<_>>().into_iter().map(|run| run.wait().ok().stdout).collect();
    paths.sort();
    assert_eq!(paths, (1..=8).map(|n| format!("aitasks/t1/t1_{n}_k.md\n")).collect::<Vec<_>>());
    assert!(ann.read("aitasks/t1/t1_8_k.md").contains("depends: [t1_7]\n"));
    let list = (1..=8).map(|n| format!("t1_{n}")).collect::<Vec<_>>().join(", ");
    assert!(ann.read("aitasks/t1_first.md").contains(&format!("children_to_implement: [{list}]\n")));
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_script_that_holds_the_child_lock_is_waited_for_and_its_lock_is_not_taken() {
    let world = World::new();
    let ann = project(&world).env("AITASKS_LOCK_DIR", world.root().join("locks").display());
    let lock = world.root().join("locks/child_1");
    std::fs::create_dir_all(&lock).unwrap();
    std::fs::write(lock.join("pid"), std::process::id().to_string()).unwrap();
    std::fs::write(lock.join("owner"), "token").unwrap();
    let running = ann.start(&[
        "compat",
        "aitask_create.sh",
        "--batch",
        "--commit",
        "--desc",
        "d",
        "--name",
        "n",
        "--parent",
        "1",
    ]);
    give_time_for_a_fault();
    assert_eq!(std::fs::read_to_string(lock.join("owner")).unwrap(), "token");
    assert!(!ann.path("aitasks/t1").exists());
    std::fs::remove_dir_all(&lock).unwrap();
    running.wait().ok();
    assert_eq!(std::fs::read_dir(world.root().join("locks")).unwrap().count(), 0);
}

#[test]
fn a_child_lock_that_stays_held_is_given_up_after_eleven_seconds() {
    let world = World::new();
    let ann = project(&world).env("AITASKS_LOCK_DIR", world.root().join("locks").display());
    let lock = world.root().join("locks/child_1");
    std::fs::create_dir_all(&lock).unwrap();
    std::fs::write(lock.join("pid"), std::process::id().to_string()).unwrap();
    let started = std::time::Instant::now();
    let run = create(&ann, &["--commit", "--name", "n", "--parent", "1"]).fails(1);
    let waited = started.elapsed().as_secs();
    assert!((10..20).contains(&waited), "{waited} s");
    assert!(run.stderr.contains("Failed to acquire child creation lock for parent 1 after 20 attempts"), "{run}");
    assert!(lock.join("pid").exists() && !ann.path("aitasks/t1").exists());
}
