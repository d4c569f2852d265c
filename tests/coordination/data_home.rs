//! Which branch carries the tasks: the same one for every clone of a remote, whatever is checked out.

use crate::support::{Repo, When, World, hints, share};

const TASK: &str = "aitasks/t1_one.md";

/// Ann, who set up and has t1, and bob on a published branch that was cut before.
fn bob_on_a_feature_branch() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let bob = world.clone("bob");
    bob.git(&["switch", "-q", "-c", "feature"]);
    bob.git(&["push", "-q", "-u", "origin", "feature"]);
    (world, ann, bob)
}

/// The checkout of a job for a pull request: one commit, of a ref that is no branch, on no branch.
fn job(world: &World) -> Repo {
    world.git(&["--git-dir=origin.git", "update-ref", "refs/pull/7/merge", "refs/heads/main"]);
    let job = world.clone("bob");
    std::fs::remove_dir_all(job.top()).unwrap();
    world.git(&["init", "-q", "bob"]);
    let url = format!("file://{}", world.origin().display());
    job.git(&["remote", "add", "origin", &url]);
    job.git(&["config", "--unset-all", "remote.origin.fetch"]);
    job.git(&["fetch", "-q", "--no-tags", "--depth=1", "origin", "+refs/pull/7/merge:refs/remotes/pull/7/merge"]);
    job.git(&["checkout", "-q", "--force", "refs/remotes/pull/7/merge"]);
    job.env("GIT_AITASK_EMAIL", "job@example.com")
}

fn ids(repo: &Repo, verb: &[&str]) -> Vec<String> {
    let rows = repo.aitask(&[verb, &["--json"]].concat()).ok().json()["tasks"].clone();
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The network commands of a verb, which succeeds.
fn network(repo: &Repo, verb: &[&str]) -> Vec<String> {
    let (run, commands) = repo.git_commands(verb);
    run.ok();
    let names = commands.iter().filter_map(|command| command.split(' ').next().map(str::to_owned));
    names.filter(|name| ["fetch", "push", "ls-remote", "pull"].contains(&name.as_str())).collect()
}

/// Whether the main worktree is on this branch.
fn here(repo: &Repo, branch: &str) -> bool {
    repo.git(&["branch", "--show-current"]).trim() == branch
}

/// The hub renames its default branch.
fn rename(world: &World, new: &str) {
    world.git(&["--git-dir=origin.git", "branch", "-m", "main", new]);
}

#[test]
fn on_a_feature_branch_nobody_is_offered_a_finished_task() {
    let (_world, ann, bob) = bob_on_a_feature_branch();
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").commit("work");
    ann.aitask(&["finish", "1"]).ok();
    let run = bob.aitask(&["pick", "1", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "not_claimable", "{run}");
    assert_eq!(ids(&bob, &["list"]), Vec::<String>::new());
}

#[test]
fn on_a_feature_branch_every_verb_reads_and_writes_the_default_branch() {
    let (world, ann, bob) = bob_on_a_feature_branch();
    let feature = world.remote_branch("feature");
    assert_eq!(bob.task("Two", &[]), "2");
    bob.aitask(&["edit", "2", "--priority", "high"]).ok();
    bob.aitask(&["pick", "2"]).ok();
    assert_eq!((here(&bob, "feature"), world.remote_branch("feature")), (true, feature.clone()));
    assert!(world.remote_file("main", "aitasks/t2_two.md").unwrap().contains("status: Implementing"));
    assert_eq!(bob.git(&["status", "--porcelain"]), "");
    assert_eq!(ids(&ann, &["list", "--fetch"]), ["2", "1"]);
    bob.aitask(&["drop", "2"]).ok();
    bob.aitask(&["sync"]).ok();
    bob.aitask(&["archive", "2"]).ok();
    assert!(world.remote_file("main", "aitasks/archived/t2_two.md").is_some());
    assert_eq!((here(&bob, "feature"), world.remote_branch("feature")), (true, feature));
}

#[test]
fn on_a_feature_branch_the_local_default_branch_follows() {
    let (world, _ann, bob) = bob_on_a_feature_branch();
    bob.task("Two", &[]);
    assert_eq!(bob.git(&["rev-parse", "main"]).trim(), world.remote_branch("main").unwrap());
}

#[test]
fn work_on_a_feature_branch_is_merged_there_and_its_task_archived_where_the_tasks_are() {
    let (world, _ann, bob) = bob_on_a_feature_branch();
    bob.aitask(&["pick", "1"]).ok();
    let there = bob.at("aiwork/t1_one");
    there.write("work.txt", "work\n");
    there.commit("work");
    bob.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("feature", "work.txt").is_some() && world.remote_file("main", "work.txt").is_none());
    assert!(world.remote_file("main", "aitasks/archived/t1_one.md").is_some());
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn the_scripts_go_on_reading_what_is_checked_out() {
    let (_world, ann, bob) = bob_on_a_feature_branch();
    ann.task("Two", &[]);
    bob.git(&["fetch", "-q"]);
    assert_eq!(ids(&bob, &["list"]), ["1", "2"]);
    let run = bob.script("aitask_ls.sh", &["10"]).ok();
    assert!(run.stdout.contains("t1_one.md") && !run.stdout.contains("t2_two.md"), "{run}");
}

#[test]
fn the_branch_that_is_named_carries_the_tasks_of_this_clone() {
    let (world, _ann, bob) = bob_on_a_feature_branch();
    bob.git(&["push", "-q", "origin", "main:tasks"]);
    bob.git(&["config", "aitask.data", "tasks"]);
    bob.task("Two", &[]);
    assert!(world.remote_file("tasks", "aitasks/t2_two.md").is_some());
    assert!(world.remote_file("main", "aitasks/t2_two.md").is_none());
    let run = bob.env("GIT_AITASK_DATA", "aitask-locks").aitask(&["list", "--json"]).fails(2);
    assert!(run.error()["error"]["message"].as_str().unwrap().contains("aitask-locks"), "{run}");
    // Also where others keep theirs on a branch of its own meanwhile.
    bob.git(&["push", "-q", "origin", "main:aitask-data"]);
    assert_eq!(bob.task("Three", &[]), "3");
    assert!(world.remote_file("tasks", "aitasks/t3_three.md").is_some());
}

#[test]
fn the_data_branch_is_used_whatever_old_folders_a_branch_has() {
    let (world, ann, bob) = bob_on_a_feature_branch();
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("Two", &[]);
    for fetched in share([true, false]) {
        if fetched {
            bob.git(&["fetch", "-q"]);
        }
        let title = format!("From there, fetched {fetched}");
        bob.task(&title, &[]);
        assert_eq!(ids(&bob, &["list"]), ids(&ann, &["list", "--fetch"]), "{fetched}");
        assert_eq!(world.remote_files("main").iter().filter(|file| file.starts_with("aitasks")).count(), 0);
    }
}

#[test]
fn the_remote_is_asked_once_for_its_default_branch_and_again_where_the_network_is_wanted() {
    let world = World::new();
    let ann = world.clone("ann");
    let asked = |verb: &[&str]| network(&ann, verb).iter().filter(|name| *name == "ls-remote").count();
    assert_eq!([asked(&["init", "--on", "main"]), asked(&["new", "One"]), asked(&["list"])], [1, 0, 0]);
    assert_eq!([asked(&["list", "--fetch"]), asked(&["sync"]), asked(&["pick", "1"])], [1, 1, 0]);
}

#[test]
fn a_remote_that_names_no_branch_leaves_it_to_what_is_checked_out() {
    let world = World::new();
    let ann = world.clone("ann");
    world.git(&["--git-dir=origin.git", "symbolic-ref", "HEAD", "refs/heads/nowhere"]);
    ann.aitask(&["init", "--on", "main"]).ok();
    assert_eq!(ann.task("One", &[]), "1");
    assert!(world.remote_file("main", TASK).is_some());
    assert_eq!(network(&ann, &["list"]), Vec::<String>::new());
    // Once it names one, setting up again finds it.
    world.git(&["--git-dir=origin.git", "symbolic-ref", "HEAD", "refs/heads/main"]);
    ann.aitask(&["init"]).ok();
    ann.git(&["switch", "-q", "-c", "feature"]);
    assert_eq!(ann.task("Two", &[]), "2");
}

#[test]
fn a_remote_that_cannot_be_asked_is_said_with_a_way_around() {
    let world = World::new();
    let ann = world.clone("ann");
    let away = world.root().join("away.git");
    std::fs::rename(world.origin(), &away).unwrap();
    let run = ann.aitask(&["list", "--json"]).fails(75);
    assert_eq!(run.error()["error"]["kind"], "unreachable", "{run}");
    assert!(run.hints().join("\n").contains("git config aitask.data main"), "{run}");
    std::fs::rename(&away, world.origin()).unwrap();
    ann.aitask(&["init"]).ok();
    std::fs::rename(world.origin(), &away).unwrap();
    assert_eq!(ids(&ann, &["list"]), Vec::<String>::new());
}

#[test]
fn a_renamed_default_branch_is_said_at_once_and_its_commands_follow_it() {
    let verbs: [&[&str]; 5] = [&["pick", "1"], &["new", "Two"], &["list", "--fetch"], &["sync"], &["init"]];
    for verb in share(verbs) {
        let (world, ann, _bob) = bob_on_a_feature_branch();
        rename(&world, "trunk");
        let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
        let run = ann.aitask(&[verb, &["--json"]].concat()).fails(1);
        let error = run.error()["error"].clone();
        assert_eq!(error["kind"], "branch_gone", "{run}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("the default branch of origin is trunk now") && message.contains("main"), "{run}");
        assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before, "{run}");
        for hint in error["hints"].as_array().unwrap() {
            ann.follow(hint).ok();
        }
        ann.aitask(verb).ok();
        assert_eq!((here(&ann, "trunk"), world.remote_branch("main")), (true, None));
        let one = ann.env("AIT_AGENT_PID", std::process::id());
        one.aitask(&["pick", "1", "--steal"]).ok();
        one.aitask(&["drop", "1"]).ok();
        assert!(world.remote_file("trunk", TASK).unwrap().contains("status: Ready"));
    }
}

#[test]
fn a_task_that_was_picked_before_the_rename_is_finished_after_it() {
    let (world, ann, _bob) = bob_on_a_feature_branch();
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at("aiwork/t1_one");
    there.write("work.txt", "work\n");
    there.commit("work");
    rename(&world, "trunk");
    for hint in ann.aitask(&["finish", "1", "--json"]).fails(1).error()["error"]["hints"].as_array().unwrap() {
        ann.follow(hint).ok();
    }
    let notes = ann.aitask(&["finish", "1", "--json"]).ok().json()["notes"].to_string();
    assert!(notes.contains("main is gone from the remote, and trunk is its default branch"), "{notes}");
    assert!(world.remote_file("trunk", "work.txt").is_some());
    assert!(world.remote_file("trunk", "aitasks/archived/t1_one.md").is_some());
}

#[test]
fn a_branch_of_the_tasks_that_was_deleted_is_put_back_by_the_command_that_is_named() {
    let (world, ann, _bob) = bob_on_a_feature_branch();
    let tip = world.remote_branch("main");
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/main"]);
    let error = ann.aitask(&["new", "Two", "--json"]).fails(1).error()["error"].clone();
    assert_eq!(error["kind"], "branch_gone", "{error}");
    ann.follow(&error["hints"][0]).ok();
    assert_eq!(world.remote_branch("main"), tip);
    ann.aitask(&["new", "Two"]).ok();
}

#[test]
fn a_job_on_a_detached_checkout_reads_by_one_fetch_picks_and_finishes() {
    for own in share([false, true]) {
        let world = World::new();
        let ann = if own { world.initialised("ann") } else { world.initialised_on_main("ann") };
        ann.task("One", &[]);
        ann.aitask(&["new", "Two"]).ok();
        ann.aitask(&["lock", "2"]).ok();
        let job = job(&world);
        assert_eq!(network(&job, &["list"]), ["ls-remote", "fetch"], "{own}");
        assert_eq!(network(&job, &["list"]), Vec::<String>::new());
        assert_eq!(
            (ids(&job, &["list"]), ids(&job, &["list", "--ready"])),
            (vec!["1".into(), "2".into()], vec!["1".into()])
        );
        assert_eq!(job.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["base"], "main");
        let there = job.at("aiwork/t1_one");
        there.git(&["config", "user.email", "job@example.com"]);
        there.write("work.txt", "work\n");
        there.commit("work");
        job.aitask(&["finish", "1"]).ok();
        assert!(world.remote_file("main", "work.txt").is_some(), "{own}");
        let data = if own { "aitask-data" } else { "main" };
        assert!(world.remote_file(data, "aitasks/archived/t1_one.md").is_some());
    }
}

#[test]
fn a_clone_of_one_branch_reads_the_locks_by_one_fetch() {
    for own in share([false, true]) {
        let world = World::new();
        let ann = world.initialised("ann");
        ann.task("One", &[]);
        if own {
            ann.aitask(&["init", "--data-branch"]).ok();
        }
        ann.aitask(&["lock", "1"]).ok();
        let url = format!("file://{}", world.origin().display());
        world.git(&["clone", "-q", "--single-branch", "--depth=1", &url, "ci"]);
        let ci = ann.at(world.root().join("ci"));
        assert_eq!(network(&ci, &["list"]), ["fetch"], "{own}");
        assert_eq!(ids(&ci, &["list", "--ready"]), Vec::<String>::new());
    }
}

/// The hub has another default branch, and keeps the old one.
fn other_default(world: &World) {
    world.git(&["--git-dir=origin.git", "branch", "trunk", "main"]);
    world.git(&["--git-dir=origin.git", "symbolic-ref", "HEAD", "refs/heads/trunk"]);
}

#[test]
fn another_default_branch_beside_the_old_one_is_said_and_its_commands_bring_all_tasks_there() {
    let verbs: [&[&str]; 5] =
        [&["list", "--fetch"], &["status", "--fetch"], &["show", "1", "--fetch"], &["sync"], &["init"]];
    for (n, verb) in share(verbs.into_iter().enumerate().collect::<Vec<_>>()) {
        let (world, ann, _bob) = bob_on_a_feature_branch();
        other_default(&world);
        let eve = world.clone("eve");
        let mut all = vec!["1".to_owned()];
        if n % 2 == 0 {
            all.push(eve.task("Of eve", &[]));
        }
        // Nobody told this clone yet, and an ordinary verb does not ask.
        assert_eq!(network(&ann, &["new", "Of ann"])[..1], ["push"]);
        all.push(if n % 2 == 0 { "3".into() } else { "2".into() });
        let run = ann.aitask(&[verb, &["--json"]].concat()).fails(1);
        let error = run.error()["error"].clone();
        assert_eq!(error["kind"], "not_initialised", "{run}");
        assert!(error["message"].as_str().unwrap().contains("the default branch of origin is trunk now"), "{run}");
        let hints = error["hints"].as_array().unwrap();
        assert!(run.hints().last().unwrap().starts_with("git config aitask.data main"), "{run}");
        for hint in &hints[..hints.len() - 1] {
            ann.follow(hint).ok();
        }
        ann.aitask(verb).ok();
        for repo in [&ann, &eve] {
            let mut there = ids(repo, &["list", "--fetch"]);
            there.sort();
            assert_eq!(there, all, "{run}");
        }
    }
}

#[test]
fn the_old_default_branch_keeps_the_tasks_where_it_is_named() {
    let (world, ann, _bob) = bob_on_a_feature_branch();
    other_default(&world);
    ann.aitask(&["sync"]).fails(1);
    ann.git(&["config", "aitask.data", "main"]);
    ann.aitask(&["sync"]).ok();
    ann.task("Two", &[]);
    assert!(world.remote_file("main", "aitasks/t2_two.md").is_some());
}

#[test]
fn an_output_that_was_deleted_is_named_at_once_and_is_no_stale_lock_file() {
    for named in share([false, true]) {
        let (world, _ann, bob) = bob_on_a_feature_branch();
        bob.commit("of the feature");
        bob.git(&["push", "-q"]);
        bob.aitask(&["pick", "1"]).ok();
        let there = bob.at("aiwork/t1_one");
        there.write("work.txt", "work\n");
        there.commit("work");
        world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/feature"]);
        let started = std::time::Instant::now();
        let verb: &[&str] =
            if named { &["finish", "1", "--into", "feature", "--json"] } else { &["finish", "1", "--json"] };
        let run = bob.aitask(verb).fails(1);
        assert!(started.elapsed().as_secs() < 15, "{run}");
        let error = run.error()["error"].clone();
        assert_eq!(error["kind"], "branch_gone", "{run}");
        assert!(error["message"].as_str().unwrap().contains("feature is gone from origin"), "{run}");
        assert_eq!(hints(&error)[0], "git aitask finish 1 --into main", "{run}");
        if named {
            bob.follow(&error["hints"][1]).ok();
            bob.aitask(&["finish", "1"]).ok();
        } else {
            bob.aitask(&["finish", "1", "--into", "main"]).ok();
        }
        assert!(world.remote_file(if named { "feature" } else { "main" }, "work.txt").is_some());
    }
}

#[test]
fn with_fetch_a_reader_judges_a_pull_request_by_what_it_fetched() {
    let verbs: [&[&str]; 3] = [&["list"], &["status"], &["show", "1"]];
    for verb in share(verbs) {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        ann.task("One", &[]);
        ann.aitask(&["init", "--data-branch"]).ok();
        ann.aitask(&["pick", "1"]).ok();
        let there = ann.at("aiwork/t1_one");
        there.write("work.txt", "work\n");
        there.commit("work");
        ann.aitask(&["finish", "1", "--no-push"]).ok();
        let bob = world.clone("bob");
        bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
        bob.commit("squashed");
        bob.git(&["push", "-q"]);
        bob.task("Two", &[]);
        let text = |more: &[&str]| ann.aitask(&[verb, more, &["--json"]].concat()).ok().json().to_string();
        assert!(text(&[]).contains("\"state\":\"not_landed\""), "{verb:?}");
        let text = text(&["--fetch"]);
        assert!(text.contains("\"state\":\"landed\""), "{text}");
        assert_eq!(text.contains("t2_two"), verb[0] != "show", "{text}");
    }
}

#[test]
fn task_changes_of_a_clone_that_had_not_heard_of_the_move_are_brought_to_the_new_branch_by_its_hints() {
    for has_edit in [true, false] {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        for title in ["One", "Two", "Three"] {
            ann.task(title, &[]);
        }
        let bob = world.clone("bob");
        let one = bob.read("aitasks/t1_one.md");
        if has_edit {
            bob.write("aitasks/t1_one.md", &format!("{one}By hand.\n"));
            std::fs::create_dir_all(bob.path("aitasks/archived")).unwrap();
            std::fs::rename(bob.path("aitasks/t2_two.md"), bob.path("aitasks/archived/t2_two.md")).unwrap();
            std::fs::remove_file(bob.path("aitasks/t3_three.md")).unwrap();
        }
        bob.write("aitasks/t7_bob.md", &one);
        ann.aitask(&["init", "--data-branch"]).ok();
        ann.aitask(&["edit", "1", "--priority", "high"]).ok();
        let mut run = bob.aitask(&["pick", "1", "--json"]).fails(1);
        for hint in ["git aitask init --data-branch", "git aitask sync", "git aitask init --data-branch"] {
            assert_eq!(run.hints().first().map(String::as_str), Some(hint), "{run}");
            run = bob.aitask(&hint.split(' ').skip(2).chain(["--json"]).collect::<Vec<_>>());
            assert!(!world.remote_files("main").iter().any(|file| file.starts_with("aitasks")), "{run}");
        }
        let done = run.ok().json();
        // Without a change in conflict the local branch has followed.
        let merges = done["notes"].to_string().contains("git merge origin/main brings main up to date");
        assert_eq!(merges, has_edit, "{done}");
        assert!(done.get("lagging").is_none_or(|all| all.as_array().unwrap().is_empty()), "{done}");
        let text = world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap();
        assert!(text.contains("priority: high\n") && text.contains("By hand.") == has_edit, "{text}");
        assert_eq!(world.remote_file("aitask-data", "aitasks/t7_bob.md"), Some(one));
        assert_eq!(bob.git(&["status", "--porcelain"]), "");
        bob.git(&["merge", "-q", "origin/main"]);
        bob.aitask(&["init", "--data-branch"]).ok();
        bob.aitask(&["sync"]).ok();
        // What was filed is filed; what was only removed here is no task that was done.
        let mut open = ids(&bob, &["list"]);
        open.sort_unstable();
        assert_eq!(open, if has_edit { &["1", "3", "7"][..] } else { &["1", "2", "3", "7"] });
        let files = world.remote_files("aitask-data");
        assert_eq!(files.iter().any(|file| file == "aitasks/archived/t2_two.md"), has_edit, "{files:?}");
    }
}

#[test]
fn cut_off_while_it_brings_task_changes_the_same_command_brings_them_once() {
    // before the first of these it only reads, and after the last it makes the checkout, as without changes
    for k in share((10..34).step_by(2)) {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        ann.task("One", &[]);
        let bob = world.clone("bob");
        let one = bob.read("aitasks/t1_one.md");
        bob.write("aitasks/t1_one.md", &format!("{one}By hand.\n"));
        ann.aitask(&["init", "--data-branch"]).ok();
        ann.aitask(&["edit", "1", "--priority", "high"]).ok();
        bob.aitask(&["sync"]).fails(1);
        bob.killed_at(k, When::After, &["init", "--data-branch"]);
        bob.aitask(&["init", "--data-branch"]).ok();
        let text = world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap();
        assert!(
            text.contains("priority: high\n") && text.matches("By hand.").count() == 1,
            "killed at call {k}\n{text}"
        );
        let brought = world.git(&["--git-dir=origin.git", "log", "--format=%s", "aitask-data"]);
        assert_eq!(brought.matches("not published before it was moved").count(), 1, "killed at call {k}\n{brought}");
        assert_eq!(bob.git(&["ls-files", "aitasks"]), "", "killed at call {k}");
    }
}

#[test]
fn the_script_that_picks_says_that_the_tasks_were_moved() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let bob = world.clone("bob");
    ann.script("aitask_setup.sh", &[]).ok();
    let tips = || [world.remote_branch("main"), world.remote_branch("aitask-locks")];
    let before = tips();
    for _ in 0..2 {
        let run = bob.script("aitask_pick_own.sh", &["1", "--email", "bob@example.com"]).fails(1);
        assert_eq!((run.stdout.as_str(), tips()), ("LOCK_INFRA_MISSING\n", before.clone()), "{run}");
        assert!(run.stderr.contains("the task data moved to the branch aitask-data"), "{run}");
        assert!(run.stderr.contains("Run 'ait setup' first"), "{run}");
    }
    bob.script("aitask_setup.sh", &[]).ok();
    let run = bob.script("aitask_pick_own.sh", &["1", "--email", "bob@example.com"]).ok();
    assert!(run.stdout.contains("OWNED:1\n"), "{run}");
    assert_eq!(world.remote_branch("main"), before[0]);
}

#[test]
fn after_the_setup_of_the_scripts_moved_the_tasks_a_clone_that_has_not_heard_of_it_is_told() {
    let verbs: [&[&str]; 7] = [
        &["new", "Later"],
        &["edit", "2", "--priority", "high"],
        &["pick", "2"],
        &["drop", "1"],
        &["finish", "1"],
        &["archive", "2"],
        &["sync"],
    ];
    for verb in share(verbs) {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        ann.task("One", &[]);
        ann.task("Two", &[]);
        let bob = world.clone("bob");
        bob.aitask(&["pick", "1"]).ok();
        let there = bob.at("aiwork/t1_one");
        there.write("work.txt", "work\n");
        there.commit("work");
        ann.script("aitask_setup.sh", &[]).ok();
        let (main, data) = (world.remote_branch("main"), world.remote_branch("aitask-data"));
        assert!(data.is_some(), "{verb:?}");
        let run = bob.aitask(&[verb, &["--json"]].concat()).fails(1);
        let error = run.error()["error"].clone();
        assert_eq!(
            (&error["kind"], run.hints()),
            (&"not_initialised".into(), vec!["git aitask init --data-branch".to_owned()])
        );
        assert_eq!((world.remote_branch("main"), world.remote_branch("aitask-data")), (main, data), "{verb:?}");
        bob.aitask(&["init", "--data-branch"]).ok();
        bob.aitask(verb).ok();
        assert!(world.remote_branch("aitask-data").is_some());
        assert_eq!(world.remote_files("main").iter().filter(|file| file.starts_with("aitasks")).count(), 0, "{verb:?}");
    }
}
