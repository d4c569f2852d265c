//! `aitask_lock.sh`: bytes, subjects, whom a lock keeps away, exit codes.

use super::peer::{Peer, four_lines, read, seven_lines, start_of};
use super::{CLAIM, LOCK, PICK, alone, bare, lock, lock_text, plain, project, published, run, subjects};
use crate::support::Sleeper;

#[test]
fn bytes_and_subjects_of_the_lock_branch() {
    let (world, ann) = bare(0);
    run(&ann, LOCK, "--init").ok();
    Peer::new(&world, "peer").put("aitask-locks", "README", Some("not a lock\n"), "note");
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    let taken = lock(&ann, "t10_2", "ann").ok();
    assert_eq!(plain(&taken.stdout), "Locked task t10_2\n");
    let [id, by, at, host, pid, start, kind] = read(&lock_text(&world, "10_2"));
    assert_eq!([id.as_str(), &by, &host, &kind], ["10_2", "ann@example.com", "box", "proc"]);
    assert_eq!((pid, start), (session.pid().to_string(), start_of(session.pid())));
    assert!(regex::Regex::new(r"^\d{4}-\d\d-\d\d \d\d:\d\d$").unwrap().is_match(&at), "{at}");
    lock(&ann, "10_2", "ann").ok();
    assert_eq!(run(&ann, LOCK, "--unlock 10_2").ok().stdout, "");
    assert_eq!(world.remote_files("aitask-locks"), ["README"]);
    let lock_it = "ait: Lock task t10_2 for ann@example.com";
    let expected = ["ait: Unlock task t10_2", lock_it, lock_it, "note", "ait: Initialize task lock branch"];
    assert_eq!(subjects(&world, "aitask-locks"), expected);
    let parents = world.git(&["--git-dir=origin.git", "rev-list", "--parents", "aitask-locks"]);
    let counts: Vec<_> = parents.lines().map(|line| line.split(' ').count() - 1).collect();
    assert_eq!(counts, [1, 1, 1, 1, 0]);
    let modes = world.git(&["--git-dir=origin.git", "ls-tree", "aitask-locks~2"]);
    assert!(modes.lines().all(|line| line.starts_with("100644 blob ")), "{modes}");
    assert_eq!(ann.git(&["branch", "--list", "aitask-locks"]), "");
}

/// Every kind of lock that the scripts tell apart, in one branch of planted locks, a task a case.
#[test]
#[cfg(target_os = "linux")]
fn whom_a_planted_lock_keeps_away() {
    let (me, other, mut dead) = (Sleeper::new(), Sleeper::new(), Sleeper::new());
    let (mine, live, gone) = (start_of(me.pid()), start_of(other.pid()), start_of(dead.pid()));
    dead.end();
    let [m, l, d] = [&me, &other, &dead].map(|it| it.pid().to_string());
    let (world, ann) = project(0);
    let ps = ann.run("ps", &["-p", &l, "-o", "lstart="]).ok().stdout;
    let ps = ps.split_whitespace().collect::<Vec<_>>().join("_");

    let anchored = |pid: &str, start: &str, kind: &str| {
        let kind = if kind.is_empty() { String::new() } else { format!("pid_starttime_kind: {kind}\n") };
        format!("{}pid: {pid}\npid_starttime: {start}\n{kind}", four_lines("ID", "ann@example.com", "box"))
    };
    let prior = |rest: &str, kind: &str| (0, format!("PRIOR_LOCK:{rest}|2026-01-02 03:04|{kind}"));
    let other_owner = |owner: &str, host: &str| (1, format!("LOCK_HOLDER:{owner}|2026-01-02 03:04|{host}"));
    let alive = (13, format!("LOCK_LIVE_HOLDER:ann@example.com|2026-01-02 03:04|box|{l}"));
    let unknown = (14, format!("LOCK_UNVERIFIABLE_HOLDER:ann@example.com|2026-01-02 03:04|box|{l}"));
    let far = "LOCK_RECLAIM:far|2026-01-02 03:04|box\nPRIOR_LOCK:-|-|far|2026-01-02 03:04|proc";
    let four = |email: &str, host: &str| four_lines("ID", email, host);
    let cases = [
        ("another owner", four("bob@example.com", "box"), other_owner("bob@example.com", "box")),
        ("the same in other letters", four("Ann@example.com", "box"), other_owner("Ann@example.com", "box")),
        ("no owner", "task_id: ID\nlocked_at: 2026-01-02 03:04\nhostname: far\n".into(), other_owner("unknown", "far")),
        ("another host", four("ann@example.com", "far"), (0, far.to_owned())),
        (
            "alive on an unknown host",
            seven_lines("ID", "ann@example.com", "unknown", &l, &live),
            prior(&format!("{l}|{live}|unknown"), "proc"),
        ),
        ("no host", four("ann@example.com", "").replace("hostname: \n", ""), prior("-|-|unknown", "proc")),
        ("mine", anchored(&m, &mine, "proc"), prior(&format!("{m}|{mine}|box"), "proc")),
        ("alive", anchored(&l, &live, "proc"), alive.clone()),
        ("alive, no kind", anchored(&l, &live, ""), alive),
        ("alive, to the second", anchored(&l, &ps, "ps"), unknown.clone()),
        ("an unknown kind", anchored(&l, &live, "bogus"), unknown.clone()),
        ("no token", anchored(&l, "-", "none"), unknown),
        ("dead", anchored(&d, &gone, "proc"), prior(&format!("{d}|{gone}|box"), "proc")),
        ("a number used again", anchored(&l, "1", "proc"), prior(&format!("{l}|1|box"), "proc")),
        ("no process", anchored("-", "-", "none"), prior("-|-|box", "none")),
        ("filled in later", anchored("0", "-", ""), prior("0|-|box", "proc")),
        ("before there were anchors", four("ann@example.com", "box"), prior("-|-|box", "proc")),
    ];
    let planted = |n: usize| cases[n].1.replace("ID", &(n + 1).to_string());
    let (files, mut tree) = (ann.at("planted"), String::new());
    for n in 0..cases.len() {
        files.write("lock", &planted(n));
        tree += &format!("100644 blob {}\tt{}_lock.yaml\n", files.git(&["hash-object", "-w", "lock"]).trim(), n + 1);
    }
    files.write("tree", &tree);
    let plant = "commit=$(git commit-tree $(git mktree <tree) -p origin/aitask-locks -m planted) && \
        git push -q origin $commit:refs/heads/aitask-locks";
    files.run("sh", &["-c", plant]).ok();

    let ann = ann.env("AIT_AGENT_PID", me.pid());
    for (n, (name, _, (code, line))) in cases.iter().enumerate() {
        let (id, before) = ((n + 1).to_string(), published(&world));
        let run = lock(&ann, &id, "ann");
        let success = if *code == 0 { format!("\nLocked task t{id}") } else { String::new() };
        assert_eq!((run.code, plain(&run.stdout)), (*code, format!("{line}{success}\n")), "{name}\n{run}");
        if *code == 0 {
            let [.., host, pid, start, kind] = read(&lock_text(&world, &id));
            assert_eq!([host, pid, start, kind], ["box", &m, &mine, "proc"], "{name}");
        } else {
            assert_eq!((published(&world), lock_text(&world, &id)), (before, planted(n)), "{name}");
        }
    }
}

#[test]
fn a_session_that_cannot_name_itself_is_not_the_holder() {
    let (_world, ann) = project(1);
    let session = Sleeper::new();
    lock(&ann.env("AIT_AGENT_PID", session.pid()), "1", "ann").ok();
    let refused = lock(&ann, "1", "ann").fails(13);
    let said = plain(&refused.stderr);
    assert!(said.contains(&format!("(pid {}", session.pid())) && said.contains("--unlock 1"), "{refused}");
    session.die();
    lock(&ann, "1", "ann").ok();
}

#[test]
fn an_anchor_that_names_no_live_process_is_said_once_and_ignored() {
    let (world, ann) = project(1);
    let dead = Sleeper::new().die();
    for value in ["0", "1", "abc", " ", &dead.to_string()] {
        let taken = lock(&ann.env("AIT_AGENT_PID", value), "1", "ann").ok();
        let warnings = taken.stderr.lines().filter(|line| line.starts_with("warning: ")).collect::<Vec<_>>();
        assert_eq!(warnings.len(), 1, "{value:?}\n{taken}");
        let (what, why) = (format!("AIT_AGENT_PID={value}"), "does not name a live process");
        assert!(warnings[0].contains(&what) && warnings[0].contains(why), "{taken}");
        assert_eq!(read(&lock_text(&world, "1"))[4..], ["-", "-", "none"]);
    }
}

/// The codes of lock, unlock, check, list, cleanup and init, in this order.
#[track_caller]
fn exit_codes(repo: &crate::support::Repo, expected: [i32; 6]) {
    let commands = ["--lock 1 --email a@example.com", "--unlock 1", "--check 1", "--list", "--cleanup", "--init"];
    for (line, code) in commands.into_iter().zip(expected) {
        run(repo, LOCK, line).fails(code);
    }
}

#[test]
fn exit_codes_without_a_remote() {
    let (_world, ann) = alone(1);
    exit_codes(&ann, [0, 0, 1, 0, 0, 10]);
    let silent = run(&ann, LOCK, "--lock 1 --email a@example.com").ok();
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("", ""));
    assert!(run(&ann, LOCK, "--list").stdout.contains("No locks (no remote configured)"));
    // what is no repository has no remote either
    let nowhere = ann.at(ann.world().root().join("tmp"));
    exit_codes(&nowhere, [0, 0, 1, 0, 0, 10]);
}

#[test]
fn exit_codes_with_the_remote_away() {
    let (world, ann) = project(1);
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    exit_codes(&ann, [11, 11, 11, 11, 11, 1]);
    assert!(run(&ann, LOCK, "--lock 1 --email a@example.com").stderr.contains("network or auth issue"));
    let check = run(&ann, LOCK, "--check 1");
    assert!(check.stdout.is_empty() && !check.stderr.is_empty(), "{check}");
}

#[test]
fn exit_codes_without_the_branch() {
    let (world, ann) = bare(1);
    let missing = run(&ann, LOCK, "--lock 1 --email a@example.com").fails(10);
    assert!(missing.stderr.contains("not found on remote") && missing.stderr.contains("ait setup"), "{missing}");
    assert!(run(&ann, LOCK, "--list").stdout.contains("No locks (branch not initialized)"));
    exit_codes(&ann, [10, 10, 1, 0, 0, 0]);
    assert_eq!(world.remote_files("aitask-locks"), Vec::<String>::new());
    exit_codes(&ann, [0, 0, 1, 0, 0, 0]);
}

#[test]
fn exit_codes_with_a_hook_that_refuses() {
    let (world, ann) = bare(1);
    world.protect("aitask-locks");
    run(&ann, LOCK, "--init").fails(1);
    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    run(&ann, LOCK, "--init").ok();
    lock(&ann, "1", "ann").ok();
    world.protect("aitask-locks");
    for line in ["--lock 2 --email a@example.com", "--unlock 1"] {
        let refused = run(&ann, LOCK, line).fails(12);
        assert!(refused.stderr.contains("protected") && !refused.stderr.contains("race"), "{refused}");
    }
}

#[test]
fn a_clone_of_one_branch_can_do_everything() {
    let (world, ann) = project(1);
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "--quiet", "--single-branch", &url, "single"]);
    let single = ann.at(world.root().join("single"));
    lock(&single, "1", "ann").ok();
    assert_eq!(run(&single, LOCK, "--check 1").ok().stdout, lock_text(&world, "1"));
    assert!(run(&single, LOCK, "--list").ok().stdout.starts_with("t1: locked by ann@example.com on box since "));
    assert_eq!(run(&single, CLAIM, "").ok().stdout, "2\n");
    run(&single, LOCK, "--unlock 1").ok();
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!(super::pick(&single, "1", "ann").ok().stdout.ends_with("OWNED:1\n"));
}

#[test]
fn without_an_identity_nothing_is_written() {
    let (world, ann) = project(1);
    for key in ["user.name", "user.email"] {
        ann.git(&["config", "--unset", key]);
    }
    let config = world.root().join("home/.gitconfig");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{}\tuseConfigOnly = true\n", text.split("\tname").next().unwrap())).unwrap();
    let before = published(&world);
    for (script, line) in [(LOCK, "--lock 1 --email a@example.com"), (CLAIM, "--claim")] {
        let failed = run(&ann, script, line).fails(1);
        assert!(!failed.stderr.is_empty() && failed.stdout.is_empty(), "{failed}");
    }
    assert_eq!(super::result(&run(&ann, PICK, "1 --email a@example.com")), "LOCK_ERROR:unknown");
    assert_eq!(published(&world), before);
    assert_eq!(super::status(&ann), "");
}

#[test]
fn lines_of_the_list_are_what_the_board_reads() {
    let (world, ann) = project(0);
    assert!(run(&ann, LOCK, "--list").ok().stdout.contains("No active locks"));
    let peer = Peer::new(&world, "peer");
    peer.lock("7", "task_id: 7\nlocked_by: a b@example.com\nlocked_at: 2026-01-02 03:04\n");
    peer.lock("10", &four_lines("10", "x@example.com", "far off"));
    peer.lock("10_2", &seven_lines("10_2", "y@example.com", "box", "-", "-"));
    peer.put("aitask-locks", "notes.txt", Some("task_id: 5\n"), "note");
    let list = run(&ann, LOCK, "--list").ok();
    let expected = [
        "t10_2: locked by y@example.com on box since 2026-01-02 03:04",
        "t10: locked by x@example.com on far off since 2026-01-02 03:04",
        "t7: locked by a b@example.com on unknown since 2026-01-02 03:04",
    ];
    assert_eq!(list.stdout.lines().collect::<Vec<_>>(), expected, "{list}");
    let board = regex::Regex::new(r"^t(\S+): locked by (.+?) on (.+?) since (.+)$").unwrap();
    assert!(list.stdout.lines().all(|line| board.is_match(line)));
}

#[test]
fn a_refused_command_says_how_it_is_used() {
    let (world, ann) = project(0);
    for (line, fragment) in [
        ("", "No command specified"),
        ("foo", "Unknown option: foo"),
        ("1_2_3", "Unknown option: 1_2_3"),
        ("--lock", "Usage: ait lock <task_id> [--email <email>]"),
        ("--unlock", "Usage: aitask_lock.sh --unlock <task_id>"),
        ("--check", "Usage: aitask_lock.sh --check <task_id>"),
        ("--lock 1 --email", "Missing email address after --email"),
        ("--lock .* --email a@example.com", "Invalid task ID: .*"),
        ("--unlock ../x", "Invalid task ID: ../x"),
        ("--lock 1", "No email provided and none found in userconfig.yaml or emails.txt"),
    ] {
        let refused = run(&ann, LOCK, line).fails(1);
        assert!(plain(&refused.stderr).contains(fragment) && refused.stdout.is_empty(), "{line}\n{refused}");
    }
    assert_eq!(subjects(&world, "aitask-locks").len(), 1);
    // An address is asked for first, also where no lock would be taken.
    assert!(run(&alone(0).1, LOCK, "1").fails(1).stderr.contains("No email provided"));
}

#[test]
fn further_words_are_ignored_and_an_address_among_them_too() {
    let (world, ann) = project(0);
    ann.write("aitasks/metadata/emails.txt", " first@example.com \nsecond@example.com\n");
    run(&ann, LOCK, "--debug --debug 7 extra --email other@example.com").ok();
    assert!(lock_text(&world, "7").contains("locked_by: first@example.com\n"));
    let text = lock_text(&world, "7");
    assert_eq!(run(&ann, LOCK, "check t7 extra").ok().stdout, text);
    assert!(run(&ann, LOCK, "list extra").ok().stdout.starts_with("t7: "));
    // Anybody may release a lock.
    let bob = world.clone("bob");
    assert_eq!(run(&bob, LOCK, "unlock 7 --email x").ok().stdout, "");
    assert_eq!(run(&bob, LOCK, "--unlock 7").ok().stdout, "");
    assert_eq!(world.locks(), Vec::<String>::new());
    ann.write("aitasks/metadata/emails.txt", "\nsecond@example.com\n");
    run(&ann, LOCK, "7").fails(1);
}

#[test]
fn the_branch_made_by_two_at_once_is_there_for_both() {
    let (world, ann) = bare(0);
    let bob = world.clone("bob");
    let runs = super::wait_all([&ann, &bob].map(|repo| repo.start_script(LOCK, &["--init"])).into());
    assert_eq!(super::codes(&runs), [0, 0], "{}", super::all(&runs));
    let runs = super::wait_all([&ann, &bob].map(|repo| repo.start_script(CLAIM, &["--init"])).into());
    assert_eq!(super::codes(&runs), [0, 0], "{}", super::all(&runs));
    assert_eq!(["aitask-locks", "aitask-ids"].map(|branch| subjects(&world, branch).len()), [1, 1]);
}
