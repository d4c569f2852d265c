//! `aitask_pick_own.sh`, and the older `aitask_own.sh`: what a claim prints and leaves.

use super::peer::{Peer, four_lines, seven_lines, start_of};
use super::{LOCK, PICK, alone, bare, lock, lock_text, pick, plain, project, published, result, run, status, subjects};
use super::{task_text, touched};
use crate::support::{Repo, Sleeper, World};

/// A project with two tasks in each of the two places of the task data: its checkout, that of the data, and the branch
/// of the data.
fn places() -> Vec<(World, Repo, Repo, &'static str)> {
    let (beside, ann) = project(2);
    let data = ann.at(".");
    let world = super::world();
    let apart = world.clone("ann");
    apart.give_data_a_branch();
    apart.aitask(&["init"]).ok();
    for n in 1..=2 {
        apart.write(&format!(".aitask-data/aitasks/t{n}_job.md"), &task_text("status: Ready"));
    }
    let data_apart = apart.at(".aitask-data");
    data_apart.commit("tasks");
    data_apart.git(&["push", "--quiet"]);
    vec![(beside, ann, data, "main"), (world, apart, data_apart, "aitask-data")]
}

/// What a claim prints, without the line that tells that it made no commit: whether a minute has passed since the last
/// one is not known here.
fn lines(run: &crate::support::Run) -> Vec<String> {
    let lines = plain(&run.stdout).lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    lines.into_iter().filter(|line| !line.starts_with("No changes to commit")).collect()
}

#[test]
fn claimed_again_in_another_minute_the_time_of_the_task_is_renewed_and_published() {
    for (world, ann, data, branch) in places() {
        pick(&ann, "1", "ann").ok();
        // as if the first had been in another minute
        let earlier = ann.read("aitasks/t1_job.md").replace("updated_at: 2", "updated_at: 1");
        data.write("aitasks/t1_job.md", &earlier);
        data.commit("earlier");
        data.git(&["push", "--quiet"]);
        let again = pick(&ann, "1", "ann").ok();
        let said = plain(&again.stdout);
        let (prior, rest) = said.split_once('\n').unwrap();
        assert!(prior.starts_with("PRIOR_LOCK:-|-|box|"), "{again}");
        assert_eq!(rest, "Updated: aitasks/t1_job.md\nOWNED:1\nRECLAIM_STATUS:Implementing|ann@example.com\n");
        assert_eq!(subjects(&world, branch)[0], "ait: Start work on t1: set status to Implementing");
        assert_eq!(touched(&world, branch), ["aitasks/t1_job.md"]);
        let text = world.remote_file(branch, "aitasks/t1_job.md").unwrap();
        assert!(text.contains("updated_at: 2") && text == ann.read("aitasks/t1_job.md"), "{text}");
        assert_eq!(status(&data), "");
    }
}

#[test]
fn claimed_again_it_publishes_the_commits_that_wait_here() {
    for (world, ann, data, branch) in places() {
        for email in [Some("ann"), None] {
            let claim = |ann: &Repo| email.map_or_else(|| run(ann, PICK, "1"), |name| pick(ann, "1", name)).ok();
            claim(&ann);
            data.write("aitasks/t2_job.md", &task_text("status: Editing"));
            data.commit("waits");
            if email.is_none() {
                super::peer::Peer::new(&world, "peer").put(branch, "NOTE", Some("theirs\n"), "theirs");
            }
            let again = claim(&ann);
            assert_eq!(result(&again), "OWNED:1");
            let head = data.git(&["rev-parse", "HEAD"]);
            assert_eq!(world.remote_branch(branch).as_deref(), Some(head.trim()), "{branch}\n{again}");
            assert!(subjects(&world, branch).contains(&"waits".to_owned()));
            data.write("aitasks/t2_job.md", &task_text("status: Ready"));
            data.commit("back");
        }
    }
}

#[test]
fn claimed_again_the_commits_that_wait_here_are_kept_where_the_server_refuses_them() {
    let (world, ann) = project(2);
    pick(&ann, "1", "ann").ok();
    ann.write("aitasks/t2_job.md", &task_text("status: Editing"));
    ann.commit("waits");
    world.protect("main");
    let main = world.remote_branch("main");
    let again = pick(&ann, "1", "ann");
    assert_eq!((result(&again).as_str(), world.remote_branch("main")), ("OWNED:1", main), "{again}");
    assert!(again.stderr.contains("not pushed to origin/main") && again.stderr.contains("protected"), "{again}");
    assert!(ann.read("aitasks/t2_job.md").contains("status: Editing\n"));
}

#[test]
fn a_claim_is_one_commit_on_each_branch() {
    let (world, ann) = project(2);
    let claimed = pick(&ann, "t1", "ann").ok();
    assert_eq!(claimed.stdout, "Updated: aitasks/t1_job.md\nOWNED:1\n", "{claimed}");
    assert_eq!(claimed.stderr, "");
    assert_eq!(subjects(&world, "main")[0], "ait: Start work on t1: set status to Implementing");
    assert_eq!(subjects(&world, "aitask-locks")[0], "ait: Lock task t1 for ann@example.com");
    assert_eq!(touched(&world, "main"), ["aitasks/metadata/emails.txt", "aitasks/t1_job.md"]);
    assert_eq!(ann.read("aitasks/metadata/emails.txt"), "ann@example.com\n");
    let text = ann.read("aitasks/t1_job.md");
    assert!(text.contains("status: Implementing\n") && text.contains("assigned_to: ann@example.com\n"), "{text}");
    assert_eq!(
        (status(&ann), ann.git(&["rev-parse", "main"])),
        (String::new(), ann.git(&["rev-parse", "origin/main"]))
    );
}

#[test]
fn whose_claim_it_is_without_an_address() {
    let (world, ann) = project(3);
    ann.write("aitasks/t2_job.md", &task_text("status: Ready\nassigned_to: bob@example.com"));
    ann.commit("for bob");
    ann.git(&["push", "--quiet"]);
    assert_eq!(result(&run(&ann, PICK, "1")), "OWNED:1");
    assert_eq!(world.locks(), Vec::<String>::new(), "nobody is known, so nobody is kept away");
    let warned = run(&ann, PICK, "2");
    assert!(
        result(&warned) == "OWNED:2" && lock_text(&world, "2").contains("locked_by: bob@example.com\n"),
        "{warned}"
    );
    ann.write("aitasks/metadata/userconfig.yaml", "name: Ann\nemail: ann@example.com\n");
    let again = run(&ann, PICK, "2");
    assert!(again.stderr.contains("bob@example.com") && again.stderr.contains("ann@example.com"), "{again}");
    // The text of a task says nothing about its assignee.
    ann.write("aitasks/t3_job.md", &(task_text("status: Ready") + "assigned_to: eve@example.com\n"));
    assert_eq!(result(&run(&ann, PICK, "3")), "OWNED:3");
    assert!(lock_text(&world, "3").contains("locked_by: ann@example.com\n"));
}

#[test]
fn a_task_outside_of_the_folder_of_tasks_is_not_claimed_and_no_file_is_made() {
    let (world, ann) = project(1);
    ann.git(&["mv", "aitasks", "work"]);
    ann.commit("moved");
    ann.git(&["push", "--quiet"]);
    let before = published(&world);
    assert_eq!(result(&pick(&ann.env("TASK_DIR", "work"), "1", "ann")), "LOCK_ERROR:no_such_task");
    assert_eq!((published(&world), status(&ann), ann.path("aitasks").exists()), (before, String::new(), false));
}

#[test]
fn a_claim_says_that_the_checkout_of_the_task_data_is_not_on_its_branch() {
    let (world, ann, data, branch) = places().remove(1);
    for (id, elsewhere) in [("1", &["switch", "-q", "--detach"][..]), ("2", &["switch", "-q", "-c", "other"])] {
        data.git(elsewhere);
        let claimed = pick(&ann, id, "ann");
        assert_eq!(result(&claimed), format!("OWNED:{id}"));
        assert!(claimed.stderr.contains("counts unavailable") && claimed.stderr.contains("not on its branch"));
        let text = world.remote_file(branch, &format!("aitasks/t{id}_job.md")).unwrap();
        assert!(text.contains("status: Implementing\n"), "{claimed}");
        data.git(&["switch", "-q", branch]);
    }
}

#[test]
fn a_userconfig_without_an_address_is_no_reason_to_fail_in_silence() {
    let (_world, ann) = project(1);
    ann.write("aitasks/metadata/userconfig.yaml", "theme: dark\n");
    assert_eq!(result(&run(&ann, PICK, "1")), "OWNED:1");
}

#[test]
fn empty_quotes_are_no_address() {
    let (_world, ann) = project(1);
    ann.write("aitasks/t1_job.md", &task_text("status: Ready\nassigned_to: \"\""));
    ann.commit("quotes");
    ann.git(&["push", "--quiet"]);
    assert_eq!(result(&run(&ann, PICK, "1")), "OWNED:1");
    assert!(!ann.path("aitasks/metadata/emails.txt").exists());
}

/// A claim of task 1 by session `first`, then another by `second`; each `None` is a session without a process.
fn again(first: Option<u32>, second: Option<u32>, hosts: [&str; 2]) -> (World, Repo, crate::support::Run) {
    let (world, ann) = project(1);
    let session = |pid: Option<u32>, host: &str| {
        ann.env("AIT_AGENT_PID", pid.map_or(String::new(), |pid| pid.to_string())).env("TEST_HOST", host)
    };
    pick(&session(first, hosts[0]), "1", "ann").ok();
    let run = pick(&session(second, hosts[1]), "1", "ann");
    (world, ann, run)
}

#[test]
fn claimed_again_by_the_same_session() {
    let me = Sleeper::new();
    let (_world, _ann, run) = again(Some(me.pid()), Some(me.pid()), ["box", "box"]);
    assert_eq!(result(&run), "OWNED:1");
    let lines = lines(&run);
    let prior = format!("PRIOR_LOCK:{}|{}|box|", me.pid(), start_of(me.pid()));
    assert!(lines[0].starts_with(&prior) && lines[0].ends_with("|proc"), "{run}");
    let rest = ["Updated: aitasks/t1_job.md", "OWNED:1", "RECLAIM_STATUS:Implementing|ann@example.com"];
    assert_eq!(lines[1..], rest);
}

#[test]
fn claimed_again_after_a_crash_or_from_another_host() {
    let (first, mut dead) = (Sleeper::new(), Sleeper::new());
    let (world, ann) = project(1);
    pick(&ann.env("AIT_AGENT_PID", dead.pid()), "1", "ann").ok();
    let live = pick(&ann.env("AIT_AGENT_PID", first.pid()), "1", "ann").fails(1);
    assert!(result(&live).starts_with("LOCK_LIVE_HOLDER:ann@example.com|"), "{live}");
    dead.end();
    let crashed = pick(&ann.env("AIT_AGENT_PID", first.pid()), "1", "ann").ok();
    let expected =
        regex::Regex::new(&format!(r"^RECLAIM_CRASH:\d{{4}}-\d\d-\d\d \d\d:\d\d\|box\|{}$", dead.pid())).unwrap();
    assert!(expected.is_match(crashed.stdout.lines().last().unwrap()), "{crashed}");
    let far = pick(&ann.env("TEST_HOST", "far"), "1", "ann").ok();
    assert!(far.stdout.starts_with("LOCK_RECLAIM:box|") && far.stdout.contains("\nPRIOR_LOCK:"), "{far}");
    assert!(far.stdout.ends_with("OWNED:1\nRECLAIM_STATUS:Implementing|ann@example.com\n"), "{far}");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn a_session_that_nobody_can_judge_is_not_pushed_aside() {
    let (world, ann) = project(1);
    let live = Sleeper::new();
    Peer::new(&world, "peer").lock("1", &seven_lines("1", "ann@example.com", "box", live.pid(), "-"));
    let refused = result(&pick(&ann, "1", "ann"));
    assert_eq!(refused, format!("LOCK_UNVERIFIABLE_HOLDER:ann@example.com|2026-01-02 03:04|box|{}", live.pid()));
}

#[test]
fn force_says_what_it_broke() {
    let (world, ann) = project(1);
    Peer::new(&world, "peer").lock("1", &four_lines("1", "bob@example.com", "far"));
    let run = run(&ann, PICK, "--force 1 --email ann@example.com").ok();
    let expected = "LOCK_FAILED:bob@example.com|2026-01-02 03:04|far\nFORCE_UNLOCKED:bob@example.com\n\
        Updated: aitasks/t1_job.md\nOWNED:1\n";
    assert_eq!(run.stdout, expected);
    assert!(lock_text(&world, "1").contains("locked_by: ann@example.com\n"));
}

#[test]
fn what_force_took_back_is_no_reclaim() {
    let (world, ann) = project(1);
    pick(&ann, "1", "ann").ok();
    run(&ann, LOCK, "--unlock 1").ok();
    Peer::new(&world, "peer").lock("1", &four_lines("1", "bob@example.com", "far"));
    let run = run(&ann, PICK, "--force 1 --email ann@example.com").ok();
    assert!(run.stdout.ends_with("OWNED:1\n") && !run.stdout.contains("PRIOR_LOCK"), "{run}");
}

#[test]
fn force_changes_nothing_where_nothing_is_in_the_way() {
    let (_world, ann) = project(1);
    let free = run(&ann, PICK, "--force 1 --email ann@example.com").ok();
    assert_eq!(free.stdout, "Updated: aitasks/t1_job.md\nOWNED:1\n");
    let (_world, bob) = bare(1);
    let missing = run(&bob, PICK, "1 --force --email bob@example.com");
    assert_eq!(result(&missing), "LOCK_INFRA_MISSING");
    assert!(missing.stderr.contains("ait setup"), "{missing}");
}

#[test]
fn without_a_remote_there_are_no_locks() {
    let (_world, ann) = alone(1);
    for (name, last) in [("ann", "OWNED:1"), ("bob", "OWNED:1"), ("bob", "RECLAIM_STATUS:Implementing|bob@example.com")]
    {
        let claimed = pick(&ann, "1", name).ok();
        assert_eq!(claimed.stdout.lines().last(), Some(last), "{claimed}");
    }
    assert_eq!(ann.read("aitasks/metadata/emails.txt"), "ann@example.com\nbob@example.com\n");
    assert_eq!(status(&ann), "");
}

#[test]
fn arguments_in_any_order_and_wrong_ones() {
    let (world, ann) = project(2);
    assert_eq!(result(&run(&ann, PICK, "t2 --email ann@example.com 1")), "OWNED:1");
    let before = published(&world);
    for (line, fragment) in [
        ("--what", "Unknown option: --what"),
        ("1x", "Invalid task ID: 1x"),
        ("", "Task ID is required"),
        ("1 --email", "Missing email address after --email"),
        ("--what --sync", "Unknown option: --what"),
    ] {
        let refused = run(&ann, PICK, line).fails(1);
        assert!(refused.stderr.contains(fragment) && refused.stdout.is_empty(), "{refused}");
    }
    assert_eq!(published(&world), before);
    // Sync looks at nothing else.
    assert_eq!(run(&ann, PICK, "1 --force --sync --email ann@example.com").ok().stdout, "SYNCED\n");
    assert_eq!(published(&world), before);
}

#[test]
fn sync_says_one_line_and_sweeps() {
    let (world, ann) = project(2);
    lock(&ann, "1", "ann").ok();
    let bob = world.clone("bob");
    bob.git(&["mv", "aitasks/t1_job.md", "aitasks/t9_job.md"]);
    bob.write("aitasks/archived/t1_job.md", &bob.read("aitasks/t9_job.md"));
    bob.git(&["rm", "-qf", "aitasks/t9_job.md"]);
    bob.commit("archived");
    bob.git(&["push", "--quiet"]);
    let synced = run(&ann, PICK, "--sync").ok();
    assert_eq!((synced.stdout.as_str(), synced.stderr.as_str()), ("SYNCED\n", ""));
    assert!(ann.path("aitasks/archived/t1_job.md").exists());
    assert_eq!(world.locks(), Vec::<String>::new(), "the sweep sees what the sync has brought");
}

#[test]
fn a_claim_sweeps_the_locks_of_archived_tasks_and_says_nothing_of_it() {
    let (world, ann) = project(2);
    lock(&ann, "1", "ann").ok();
    ann.write("aitasks/archived/t1_job.md", &ann.read("aitasks/t1_job.md"));
    std::fs::remove_file(ann.path("aitasks/t1_job.md")).unwrap();
    let claimed = pick(&ann, "2", "ann").ok();
    assert_eq!((claimed.stdout.as_str(), claimed.stderr.as_str()), ("Updated: aitasks/t2_job.md\nOWNED:2\n", ""));
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
    assert_eq!(subjects(&world, "aitask-locks")[1], "ait: Cleanup 1 stale lock(s)");
}

#[test]
fn sync_with_the_remote_away_says_what_is_not_published() {
    let (world, ann) = project(1);
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    let silent = run(&ann, PICK, "--sync").ok();
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("SYNC_FAILED:remote_unreachable\n", ""));
    ann.write("note.txt", "mine\n");
    ann.commit("mine");
    let failed = run(&ann, PICK, "--sync").ok();
    assert_eq!(failed.stdout, "SYNC_FAILED:remote_unreachable\n");
    let said = "Warning: task data not reconciled with origin/main: 1 local unpushed, 0 remote unpulled";
    assert!(failed.stderr.starts_with(said) && failed.stderr.contains("last successful fetch"), "{failed}");
    assert!(failed.stderr.contains("'./ait sync'") && !failed.stderr.contains("ait git push"), "{failed}");
}

#[test]
fn sync_says_when_the_sweep_was_refused() {
    let (world, ann) = project(1);
    lock(&ann, "1", "ann").ok();
    ann.write("aitasks/archived/t1_job.md", &ann.read("aitasks/t1_job.md"));
    std::fs::remove_file(ann.path("aitasks/t1_job.md")).unwrap();
    ann.commit("archived");
    ann.git(&["push", "--quiet"]);
    world.protect("aitask-locks");
    let run = run(&ann, PICK, "--sync").ok();
    assert_eq!(run.stdout, "SYNCED\n");
    for fragment in ["1 stale lock(s)", "LOCK_FAILED for a task nobody is working on"] {
        assert!(run.stderr.contains(fragment), "{fragment}\n{run}");
    }
}

#[test]
fn the_helper_beside_the_scripts_runs_for_a_new_claim_alone_and_says_nothing() {
    let (world, ann) = project(2);
    ann.write(".git/info/exclude", ".aitask-scripts\n");
    let log = world.root().join("captured");
    let text = format!("#!/bin/sh\necho noise; echo noise >&2\necho \"$@\" >>'{}'\nexit 3\n", log.display());
    let silent = pick(&ann, "1", "ann").ok();
    world.script(&ann.path(".aitask-scripts/aitask_change_surface.sh"), &text);
    let claimed = pick(&ann, "2", "ann").ok();
    assert_eq!(claimed.stdout, silent.stdout.replace('1', "2"));
    assert_eq!(claimed.stderr, "");
    pick(&ann, "2", "ann").ok();
    assert_eq!(std::fs::read_to_string(log).unwrap(), "capture 2\n");
}

#[test]
fn the_older_script_says_less() {
    let (world, ann) = project(2);
    let own = |id: &str| ann.script("aitask_own.sh", &[id, "--email", "ann@example.com"]);
    Peer::new(&world, "peer").lock("1", &four_lines("1", "bob@example.com", "far"));
    assert_eq!(own("1").fails(1).stdout, "LOCK_FAILED:bob@example.com\n");
    let owned = "Updated: aitasks/t2_job.md\nOWNED:2\n";
    assert_eq!(own("2").ok().stdout, owned);
    // Its callers know neither the lines of a claim that was made again, nor those of a session that lives.
    assert_eq!(lines(&own("2").ok()).join("\n") + "\n", owned);
    let session = Sleeper::new();
    lock(&ann.env("AIT_AGENT_PID", session.pid()), "2", "ann").ok();
    assert_eq!(own("2").fails(1).stdout, "LOCK_FAILED:ann@example.com\n");
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    assert_eq!(own("2").fails(1).stdout, "LOCK_INFRA_MISSING\n");
    assert_eq!(ann.script("aitask_own.sh", &["--sync"]).ok().stdout, "SYNCED\n");
    run(&ann, LOCK, "--check 1").fails(11);
}

#[test]
fn a_claim_where_the_task_data_have_a_branch_of_their_own() {
    let world = super::world();
    let ann = world.clone("ann");
    ann.give_data_a_branch();
    ann.aitask(&["init"]).ok();
    ann.task("job", &[]);
    let main = world.remote_branch("main");
    assert_eq!(result(&pick(&ann, "1", "ann")), "OWNED:1");
    assert_eq!(subjects(&world, "aitask-data")[0], "ait: Start work on t1: set status to Implementing");
    assert_eq!(touched(&world, "aitask-data"), ["aitasks/metadata/emails.txt", "aitasks/t1_job.md"]);
    assert_eq!((world.remote_branch("main"), status(&ann.at(".aitask-data"))), (main, String::new()));
    assert!(ann.read("aitasks/t1_job.md").contains("status: Implementing\n"));
}
