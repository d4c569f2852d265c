//! Connections and servers that let a script down: done once, said once, nothing half.

use super::{CLAIM, LOCK, PICK, bare, lock, lock_text, pick, plain, project, published, result, run, status, subjects};
use crate::support::First;

#[test]
fn a_push_that_landed_and_was_reported_failed_is_one_commit() {
    let (world, ann) = bare(2);
    let commits = |branch: &str| if world.remote_branch(branch).is_some() { subjects(&world, branch).len() } else { 0 };
    let once = |script: &str, line: &str, expected: [usize; 3]| {
        let of = ["aitask-locks", "aitask-ids", "main"];
        let before = of.map(commits);
        let run = run(&ann.with_broken_push(First::Lands), script, line).ok();
        let after = of.map(commits);
        let made: Vec<_> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        assert_eq!(made, expected, "{run}");
        assert_eq!(status(&ann), "", "{run}");
        plain(&run.stdout)
    };
    assert!(once(LOCK, "--init", [1, 0, 0]).contains("created"));
    assert!(once(CLAIM, "--init", [0, 1, 0]).contains("created"));
    assert_eq!(once(CLAIM, "--claim", [0, 1, 0]), "3\n");
    assert_eq!(once(LOCK, "--lock 1 --email ann@example.com", [1, 0, 0]), "Locked task t1\n");
    assert_eq!(once(LOCK, "--unlock 1", [1, 0, 0]), "");
    assert_eq!(once(PICK, "1 --email ann@example.com", [1, 0, 1]), "Updated: aitasks/t1_job.md\nOWNED:1\n");
    let forced = once(PICK, "1 --email bob@example.com --force", [1, 0, 1]);
    assert!(forced.starts_with("LOCK_FAILED:ann@example.com|") && forced.ends_with("OWNED:1\n"), "{forced}");
}

#[test]
fn a_push_that_never_landed_is_tried_again() {
    let (world, ann) = project(1);
    assert_eq!(run(&ann.with_broken_push(First::Fails), CLAIM, "").ok().stdout, "2\n");
    let claimed = pick(&ann.with_broken_push(First::Fails), "1", "ann");
    assert_eq!((result(&claimed).as_str(), world.locks().len()), ("OWNED:1", 1));
}

#[test]
fn a_claim_whose_answer_was_lost_is_finished_by_the_next_one() {
    let (world, ann) = project(1);
    let cut = pick(&ann.with_broken_push(First::LandsAndGoes), "1", "ann");
    assert!(result(&cut).starts_with("LOCK_ERROR:"), "{cut}");
    ann.bring_remote_back();
    let landed = world.remote_file("main", "aitasks/t1_job.md");
    let again = pick(&ann, "1", "ann");
    assert_eq!(result(&again), "OWNED:1");
    // The second claim makes a commit of its own only where a minute has passed since the first.
    let commits = 3 + usize::from(world.remote_file("main", "aitasks/t1_job.md") != landed);
    assert_eq!((status(&ann), subjects(&world, "main").len()), (String::new(), commits));
    assert!(ann.read("aitasks/t1_job.md").contains("status: Implementing\n"));
}

#[test]
fn the_remote_away() {
    let (world, ann) = project(1);
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    let before = ann.git(&["for-each-ref"]);
    let refused = pick(&ann, "1", "ann");
    assert_eq!(result(&refused), "LOCK_ERROR:fetch_failed");
    assert_eq!((status(&ann), ann.git(&["for-each-ref"])), (String::new(), before));
    // without an address there is nothing to ask the remote for
    let alone = run(&ann, PICK, "1");
    assert_eq!(result(&alone), "OWNED:1");
    assert!(alone.stderr.contains("1 commit(s) not pushed to origin/main"), "{alone}");
    assert!(ann.read("aitasks/t1_job.md").contains("status: Implementing\n"));
}

#[test]
fn a_server_that_refuses_locks() {
    let (world, ann) = project(1);
    world.protect("aitask-locks");
    let before = published(&world);
    let refused = pick(&ann, "1", "ann");
    assert_eq!(result(&refused), "LOCK_ERROR:push_rejected");
    assert!(refused.stderr.contains("protected"), "the server's reason\n{refused}");
    assert_eq!((published(&world), status(&ann)), (before, String::new()));
}

#[test]
fn a_server_that_refuses_task_data() {
    let (world, ann) = project(1);
    world.protect("main");
    let main = world.remote_branch("main");
    let claimed = pick(&ann, "1", "ann");
    assert_eq!(result(&claimed), "OWNED:1");
    assert!(claimed.stderr.contains("1 commit(s) not pushed to origin/main"), "{claimed}");
    assert!(claimed.stderr.contains("protected") && !claimed.stderr.contains("diverge"), "{claimed}");
    assert_eq!((world.remote_branch("main"), status(&ann)), (main, String::new()));
    assert!(lock_text(&world, "1").contains("locked_by: ann@example.com\n"));
    assert!(ann.git(&["show", "main:aitasks/t1_job.md"]).contains("status: Implementing\n"));
}

#[test]
fn a_server_without_atomic_push_where_the_task_data_moves_between_the_pushes() {
    let (world, ann) = project(1);
    world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
    let bob = world.clone("bob");
    let overtaken = || {
        let publish = "@GIT@ pull -q && @GIT@ commit -q --allow-empty -m theirs && @GIT@ push -q";
        let once = format!("mkdir @DIR@/once 2>/dev/null && (cd '{}' && {publish})", bob.top().display());
        ann.with_git_that(&format!("case \"$*\" in push*aitask-locks*) ;; push*) {once} ;; esac"))
    };
    let claimed = pick(&overtaken(), "1", "ann").ok();
    assert_eq!(claimed.stdout, "Updated: aitasks/t1_job.md\nOWNED:1\n", "{claimed}");
    assert_eq!(subjects(&world, "main")[1], "theirs", "{claimed}");
    let forced = run(&overtaken(), PICK, "1 --email bob@example.com --force").ok();
    let lines: Vec<_> = forced.stdout.lines().collect();
    assert!(lines[0].starts_with("LOCK_FAILED:ann@example.com|"), "{forced}");
    assert_eq!(lines[1..], ["FORCE_UNLOCKED:ann@example.com", "Updated: aitasks/t1_job.md", "OWNED:1"]);
    let locks = subjects(&world, "aitask-locks");
    let taken = |name: &str| locks.iter().filter(|it| it.ends_with(&format!("for {name}@example.com"))).count();
    assert_eq!((taken("ann"), taken("bob")), (1, 1), "{locks:?}");
}

#[test]
fn a_server_without_atomic_push_that_refuses_task_data() {
    let (world, ann) = project(1);
    world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
    world.protect("main");
    let claimed = pick(&ann, "1", "ann").ok();
    assert_eq!(claimed.stdout, "Updated: aitasks/t1_job.md\nOWNED:1\n", "{claimed}");
    assert!(lock_text(&world, "1").contains("locked_by: ann@example.com\n"));
}

#[test]
fn hooks_of_the_user_run_for_task_data_alone() {
    let (world, ann) = project(1);
    let log = world.root().join("hook.log");
    world.script(&ann.path(".git/hooks/pre-push"), &format!("#!/bin/sh\necho run >>'{}'\n", log.display()));
    lock(&ann, "1", "ann").ok();
    run(&ann, CLAIM, "").ok();
    run(&ann, LOCK, "--unlock 1").ok();
    assert!(!log.exists());
    assert_eq!(result(&pick(&ann, "1", "ann")), "OWNED:1");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "run\n");
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\necho 'tests are red' >&2\nexit 1\n");
    let refused = pick(&ann, "1", "bob");
    assert!(result(&refused).starts_with("LOCK_FAILED:ann@example.com|"), "{refused}");
}
