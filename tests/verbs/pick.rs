//! `git aitask pick`.

use super::init::{everything, keys, local, on_data_branch};
use super::task_object::TAKEN;
use crate::support::{Repo, Run, Sleeper, World, share, wait_for};
use predicates::prelude::*;
use predicates::str::contains;

/// Two clones and the task t1.
fn ann_and_bob() -> (World, Repo, Repo) {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
    ann.aitask(&["new", "Add login", "-m", "With e-mail\nand password."]).ok();
    (world, ann, bob)
}

fn kind(run: &Run) -> String {
    run.error()["error"]["kind"].as_str().unwrap().to_owned()
}

/// The clone on another machine.
fn on_host(repo: &Repo, name: &str) -> Repo {
    let bin = repo.world().root().join(format!("host-{name}"));
    repo.world().script(&bin.join("hostname"), &format!("#!/bin/sh\necho {name}\n"));
    repo.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
}

#[test]
fn a_picked_task_is_published_and_has_a_worktree() {
    let (world, ann, _) = ann_and_bob();
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    let file = world.remote_file("main", "aitasks/t1_add_login.md").unwrap();
    assert!(file.contains("status: Implementing\n") && file.contains("assigned_to: ann@example.com\n"), "{file}");
    assert_eq!(ann.read("aitasks/t1_add_login.md"), file);
    assert_eq!(ann.at("aiwork/t1_add_login").git(&["branch", "--show-current"]), "aitask/t1_add_login\n");
}

#[test]
fn the_fields_of_the_answer() {
    let (world, ann, _) = ann_and_bob();
    let agent = Sleeper::new();
    let json = ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema task lock worktree cd text took");
    assert_eq!(keys(&json["task"]), TAKEN);
    assert_eq!(keys(&json["lock"]), "holder host since token pid session");
    assert_eq!(keys(&json["worktree"]), "path branch base created");
    assert_eq!(
        (&json["took"], &json["worktree"]["created"], &json["lock"]["session"]),
        (&"new".into(), &true.into(), &"alive".into())
    );
    let blob = world.git(&["--git-dir=origin.git", "rev-parse", "aitask-locks:t1_lock.yaml"]);
    assert_eq!(json["lock"]["token"], blob.trim());
    assert_eq!(json["task"]["status"], "Implementing");
}

#[test]
fn refused_it_says_who_since_where_alive_how_to_take_over_and_what_else() {
    let (world, ann, bob) = ann_and_bob();
    for title in ["B", "C", "D", "E"] {
        ann.task(title, &[]);
    }
    let agent = Sleeper::new();
    ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1"]).ok();
    let before = world.remote_branch("aitask-locks");
    let said = bob.aitask(&["pick", "1"]).fails(1).stderr;
    let alive = format!("its session lives (pid {} is running)", agent.pid());
    for part in
        ["t1 is held by ann@example.com on ", " since 20", &alive, "git aitask pick 1 --steal", "git aitask pick 2"]
    {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let error = bob.aitask(&["pick", "1", "--json"]).fails(1).error()["error"].clone();
    assert_eq!(keys(&error), "kind message hints exit holder ready");
    assert_eq!(keys(&error["holder"]), "holder host since token pid session");
    let ready = error["ready"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap());
    assert_eq!(ready.collect::<Vec<_>>(), ["2", "3", "4"]);
    assert_eq!(world.remote_branch("aitask-locks"), before);
    assert!(!bob.path("aiwork").exists());
}

#[test]
fn refused_people_see_the_next_three_ready_tasks() {
    let (_, ann, bob) = ann_and_bob();
    for title in ["Beta", "Gamma", "Delta", "Epsilon"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["pick", "1"]).ok();
    let said = bob.aitask(&["pick", "1"]).fails(1).stderr;
    assert!(["Beta", "Gamma", "Delta"].iter().all(|title| said.contains(title)) && !said.contains("Epsilon"), "{said}");
}

#[test]
fn liveness_is_told_with_how_we_know_and_never_guessed() {
    let (_, ann, bob) = ann_and_bob();
    let dead = Sleeper::new();
    ann.env("AIT_AGENT_PID", dead.pid()).aitask(&["pick", "1"]).ok();
    let pid = dead.die();
    bob.aitask(&["pick", "1"]).fails(1).assert().stderr(contains(format!("its session is dead (pid {pid} is gone)")));
    ann.task("Zombie", &[]);
    let mut zombie = Sleeper::new();
    ann.env("AIT_AGENT_PID", zombie.pid()).aitask(&["pick", "2"]).ok();
    let ended = format!("its session is dead (pid {} is gone)", zombie.end_unasked());
    bob.aitask(&["pick", "2"]).fails(1).assert().stderr(contains(ended));
    // Boot and PID namespace tell that it is this machine, whatever it is called.
    let renamed = on_host(&bob, "far").aitask(&["pick", "1"]).fails(1);
    renamed.assert().stderr(contains(format!("its session is dead (pid {pid} is gone)")));
    // A lock of the scripts has the machine's name alone.
    ann.task("Other", &[]);
    let agent = Sleeper::new();
    ann.env("AIT_AGENT_PID", agent.pid()).script("aitask_lock.sh", &["--lock", "3", "--email", "ann@example.com"]).ok();
    let far = on_host(&bob, "far").aitask(&["pick", "3"]).fails(1);
    far.assert().stderr(contains("unknown on this machine"));
}

#[test]
fn the_same_session_again_is_no_change() {
    let (world, ann, _) = ann_and_bob();
    let agent = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", agent.pid());
    let first = ann.aitask(&["pick", "1", "--json"]).ok().json();
    let before = everything(&ann);
    let again = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!((&again["took"], &again["worktree"]["created"]), (&"mine".into(), &false.into()));
    assert_eq!(again["lock"]["token"], first["lock"]["token"]);
    assert_eq!((everything(&ann), world.locks().len()), (before, 1));
}

#[test]
fn a_dead_session_of_the_same_person_here_is_taken_again() {
    let (_, ann, _) = ann_and_bob();
    let dead = Sleeper::new();
    let first = ann.env("AIT_AGENT_PID", dead.pid()).aitask(&["pick", "1", "--json"]).ok().json();
    dead.die();
    let agent = Sleeper::new();
    let run = ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1", "--json"]).ok();
    assert_eq!((&run.json()["took"], &run.json()["previous"]["session"]), (&"mine".into(), &"dead".into()));
    assert_ne!(run.json()["lock"]["token"], first["lock"]["token"]);
}

#[test]
fn another_living_session_of_the_same_person_is_another() {
    let (_, ann, _) = ann_and_bob();
    let agents = [Sleeper::new(), Sleeper::new()];
    ann.env("AIT_AGENT_PID", agents[0].pid()).aitask(&["pick", "1"]).ok();
    assert_eq!(kind(&ann.env("AIT_AGENT_PID", agents[1].pid()).aitask(&["pick", "1", "--json"]).fails(1)), "held");
}

#[test]
fn stolen_and_the_loser_is_fenced() {
    let (world, ann, bob) = ann_and_bob();
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_add_login").commit("work of ann");
    let json = bob.aitask(&["pick", "1", "--steal", "--json"]).ok().json();
    assert_eq!((&json["took"], &json["previous"]["holder"]), (&"stolen".into(), &"ann@example.com".into()));
    assert_eq!(json["task"]["assigned_to"], "bob@example.com");
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    for args in [["finish", "1"], ["drop", "1"], ["unlock", "1"], ["archive", "1"]] {
        let run = ann.at("aiwork/t1_add_login").aitask(&[&args[..], &["--json"]].concat()).fails(1);
        assert_eq!(
            (kind(&run).as_str(), &run.error()["error"]["holder"]["holder"]),
            ("not_holder", &"bob@example.com".into())
        );
    }
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before);
    assert!(ann.path("aiwork/t1_add_login").is_dir());
    bob.aitask(&["pick", "1"]).fails(1).assert().stderr(contains("no recorded process"));
}

#[test]
fn stealing_what_is_free_is_taking_it() {
    let (_, ann, _) = ann_and_bob();
    assert_eq!(ann.aitask(&["pick", "1", "--steal", "--json"]).ok().json()["took"], "new");
}

#[test]
fn next_takes_the_best_ready_one_that_nobody_holds() {
    let (_, ann, bob) = ann_and_bob();
    ann.task("Waits", &[("priority", "high"), ("depends", "1")]);
    ann.task("High", &[("priority", "high")]);
    ann.task("High and quick", &[("priority", "high"), ("effort", "low")]);
    let next =
        |who: &Repo| who.aitask(&["pick", "--next", "--json", "--no-worktree"]).ok().json()["task"]["id"].clone();
    assert_eq!([next(&ann), next(&bob), next(&ann)], ["4", "3", "1"]);
    let run = bob.aitask(&["pick", "--next", "--json"]).fails(1);
    assert_eq!(kind(&run), "nothing_to_pick");
}

#[test]
fn next_takes_the_best_of_those_that_match() {
    let (_, ann, _) = ann_and_bob();
    ann.task("High", &[("priority", "high")]);
    ann.task("Quick bug", &[("effort", "low"), ("type", "bug"), ("label", "ui")]);
    ann.task("Part", &[("parent", "1"), ("label", "api")]);
    let next = |args: &str| {
        let args: Vec<_> = "pick --next --json --dry-run".split(' ').chain(args.split_terminator(' ')).collect();
        ann.aitask(&args).ok().json()["task"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(""), "2");
    assert_eq!([next("--type bug"), next("--effort low"), next("--label ui")], ["3", "3", "3"]);
    assert_eq!([next("--parent 1"), next("--priority medium"), next("--label api --label x")], ["1_1", "3", "1_1"]);
    let run = ann.aitask(&["pick", "--next", "--label", "ui", "--priority", "high", "--json"]).fails(1);
    assert_eq!(kind(&run), "nothing_to_pick");
    for args in [&["pick", "1", "--label", "ui"][..], &["pick", "1", "--max", "2"], &["pick", "1", "--wait"]] {
        ann.aitask(args).fails(2);
    }
    ann.aitask(&["pick", "--next", "--max", "0"]).fails(2);
}

#[test]
fn next_takes_up_to_so_many_one_after_the_other() {
    let (world, ann, bob) = ann_and_bob();
    for title in ["Two", "Three", "Four"] {
        ann.task(title, &[]);
    }
    ann.task("Waits", &[("depends", "1")]);
    ann.count_connections();
    let json = ann.aitask(&["pick", "--next", "--max", "2", "--json"]).ok().json();
    assert_eq!(ann.connections(), ["push", "push"]);
    let id = |picked: &serde_json::Value| picked["task"]["id"].as_str().unwrap().to_owned();
    let more = json["more"].as_array().unwrap();
    assert_eq!((id(&json), more.iter().map(id).collect::<Vec<_>>()), ("1".to_owned(), vec!["2".to_owned()]));
    let of_one = "task lock worktree cd text took";
    assert_eq!((keys(&json), keys(&more[0])), (format!("schema {of_one} more"), of_one.to_owned()));
    assert!(ann.path("aiwork/t1_add_login").is_dir() && ann.path("aiwork/t2_two").is_dir());
    // A dry run names what the real one takes; one task has the answer of one.
    let dry = bob.aitask(&["pick", "--next", "--max", "9", "--dry-run", "--json"]).ok().json();
    assert_eq!(
        (id(&dry), dry["more"].as_array().unwrap().len(), id(&dry["more"][0])),
        ("3".to_owned(), 1, "4".to_owned())
    );
    let run = bob.aitask(&["pick", "--next", "--max", "9"]).ok();
    run.assert().stdout(contains("3  Three  (picked)").and(contains("4  Four  (picked)")));
    assert_eq!(world.locks().len(), 4);
    let one = ann.task("One more", &[]);
    let json = ann.aitask(&["pick", "--next", "--max", "3", "--json"]).ok().json();
    assert!(id(&json) == one && json.get("more").is_none(), "{json}");
    assert_eq!(kind(&ann.aitask(&["pick", "--next", "--max", "3", "--json"]).fails(1)), "nothing_to_pick");
}

#[test]
fn a_folder_in_the_way_of_one_task_does_not_stop_next() {
    let (_, ann, bob) = ann_and_bob();
    for title in ["Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.write("aiwork/t1_add_login/x", "x\n");
    let next = ["pick", "--next", "--json"];
    let notes = |json: &serde_json::Value| json["notes"].as_array().map_or(0, Vec::len);
    ann.count_connections();
    let json = ann.aitask(&next).ok().json();
    assert_eq!((&json["task"]["id"], ann.connections()), (&"2".into(), vec!["push"]), "{json}");
    let note = json["notes"][0].as_str().unwrap();
    assert!(note.starts_with("t1 was passed over: ") && note.contains("exists and is not a worktree"), "{note}");
    // Of several, each is named once.
    let json = ann.aitask(&[&next[..], &["--max", "3", "--dry-run"]].concat()).ok().json();
    assert_eq!((&json["task"]["id"], notes(&json), json.get("more")), (&"3".into(), 1, None), "{json}");
    ann.write("aiwork/t3_three/x", "x\n");
    assert!(ann.aitask(&next).fails(1).error()["error"]["message"].as_str().unwrap().contains("aiwork/t1_add_login"));
    ann.aitask(&["pick", "1"]).fails(1);
    bob.write("aiwork/t3_three/x", "x\n");
    let json = bob.aitask(&[&next[..], &["--max", "3"]].concat()).ok().json();
    assert_eq!((&json["task"]["id"], notes(&json), json.get("more")), (&"1".into(), 1, None), "{json}");
    assert!(
        json.get("incomplete").is_none() && json["notes"][0].as_str().unwrap().contains("aiwork/t3_three"),
        "{json}"
    );
}

#[test]
fn what_was_picked_before_a_failure_is_said() {
    let (world, ann, _) = ann_and_bob();
    ann.task("Two", &[]);
    // The second push is refused.
    let hook = world.origin().join("hooks/update");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != refs/heads/aitask-locks ] || mkdir {0} 2>/dev/null || {{ echo no more; exit 1; }}\n",
        world.root().join("once").display()
    );
    world.script(&hook, &script);
    let run = ann.aitask(&["pick", "--next", "--max", "2", "--json"]).ok();
    let json = run.json();
    assert_eq!((&json["task"]["id"], json.get("more")), (&"1".into(), None), "{run}");
    let message = json["incomplete"]["message"].as_str().unwrap();
    assert!(message.starts_with("no further task was picked: "), "{message}");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn who_waits_gets_the_task_that_another_clone_makes_ready() {
    let (world, ann, bob) = ann_and_bob();
    ann.task("Waits", &[("depends", "1")]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    bob.count_connections();
    let waiter = bob.start(&["pick", "--next", "--wait=60s", "--json"]);
    wait_for("bob has looked", || match bob.connections().len() {
        0 => Err("no connection yet".to_owned()),
        _ => Ok(()),
    });
    ann.aitask(&["archive", "1"]).ok();
    let run = waiter.wait().ok();
    assert_eq!((&run.json()["task"]["id"], run.stderr.as_str()), (&"2".into(), ""), "{run}");
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
}

#[test]
fn a_wait_ends_as_it_would_without_and_says_how_long_it_was() {
    let (_, ann, bob) = ann_and_bob();
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let started = std::time::Instant::now();
    let run = bob.aitask(&["pick", "--next", "--wait=1s", "--json"]).fails(1);
    assert!(started.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(kind(&run), "nothing_to_pick");
    assert!(run.error()["error"]["message"].as_str().unwrap().contains("; waited "), "{run}");
    bob.aitask(&["pick", "--next", "--wait=soon"]).fails(2);
    let run = bob.aitask(&["pick", "--next", "--json"]).fails(1);
    assert!(!run.stderr.contains("waited"), "{run}");
    // something is in the way of the worktree of every ready task
    ann.aitask(&["drop", "1"]).ok();
    bob.write("aiwork/t1_add_login/mine.txt", "mine\n");
    let run = bob.aitask(&["pick", "--next", "--wait=1s", "--json"]).fails(1);
    assert_eq!(kind(&run), "occupied");
    assert!(run.error()["error"]["message"].as_str().unwrap().contains("; waited "), "{run}");
}

#[test]
fn a_signal_ends_a_wait_at_once() {
    let (_, ann, bob) = ann_and_bob();
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    bob.count_connections();
    let waiter = bob.start(&["pick", "--next", "--wait"]);
    wait_for("bob has looked", || if bob.connections().is_empty() { Err(String::new()) } else { Ok(()) });
    let started = std::time::Instant::now();
    bob.run("kill", &["-TERM", &waiter.pid().to_string()]).ok();
    assert_eq!(waiter.wait().signal, Some(15));
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn of_several_who_wait_each_gets_a_task_and_a_lost_race_is_no_failure() {
    let (world, ann, bob) = ann_and_bob();
    ann.task("Two", &[("depends", "1")]);
    ann.task("Three", &[("depends", "1")]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let eve = world.initialised_on_main("eve");
    let waiters = [&bob, &eve].map(|who| who.start(&["pick", "--next", "--wait=60s", "--json", "--no-worktree"]));
    ann.aitask(&["archive", "1"]).ok();
    let mut ids = waiters.map(|waiter| waiter.wait().ok().json()["task"]["id"].as_str().unwrap().to_owned());
    ids.sort();
    assert_eq!(ids, ["2", "3"]);
}

#[test]
fn of_several_the_first_that_can_be_had() {
    let (world, ann, bob) = ann_and_bob();
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(bob.aitask(&["pick", "9", "1", "t2", "--json"]).ok().json()["task"]["id"], "2");
    assert_eq!(world.locks().len(), 2);
    assert_eq!(kind(&ann.aitask(&["pick", "9", "2", "--json"]).fails(1)), "no_such_task");
    ann.aitask(&["pick"]).fails(2);
    ann.aitask(&["pick", "1", "--next"]).fails(2);
    ann.aitask(&["pick", "-1"]).fails(2);
}

#[test]
fn the_base_is_the_newest_of_the_branch_that_was_named() {
    let (world, ann, bob) = ann_and_bob();
    bob.git(&["switch", "-q", "-c", "develop"]);
    let tip = bob.commit("on develop");
    bob.git(&["push", "-q", "origin", "develop"]);
    bob.git(&["switch", "-q", "main"]);
    ann.git(&["fetch", "-q"]);
    let json = ann.aitask(&["pick", "1", "--base", "develop", "--json"]).ok().json();
    assert_eq!(json["worktree"]["base"], "develop");
    assert_eq!(ann.at("aiwork/t1_add_login").git(&["rev-parse", "HEAD"]).trim(), tip);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "2", "--base", "nowhere"]).fails(2);
    ann.aitask(&["pick", "2", "--base", "--help"]).fails(2);
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    bob.git(&["config", "aitask.base", "develop"]);
    assert_eq!(bob.aitask(&["pick", "2", "--json"]).ok().json()["worktree"]["base"], "develop");
}

#[test]
fn the_task_branch_is_cut_from_what_the_remote_has_now() {
    let (_, ann, bob) = ann_and_bob();
    bob.aitask(&["status", "--fetch"]).ok();
    ann.write("code.txt", "new\n");
    ann.commit("code");
    ann.git(&["push", "-q"]);
    bob.aitask(&["pick", "1"]).ok();
    assert_eq!(bob.at("aiwork/t1_add_login").read("code.txt"), "new\n");
}

#[test]
fn without_a_worktree() {
    let (_, ann, _) = ann_and_bob();
    let json = ann.aitask(&["pick", "1", "--no-worktree", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema task lock text took");
    ann.git(&["config", "aitask.worktree", "false"]);
    for title in ["Two", "Three"] {
        ann.task(title, &[]);
    }
    assert_eq!(keys(&ann.aitask(&["pick", "2", "--json"]).ok().json()), "schema task lock text took");
    assert!(!ann.path("aiwork").exists());
    let env = ann.env("GIT_AITASK_WORKTREE", "true").aitask(&["pick", "3", "--json"]).ok().json();
    assert_eq!(env["worktree"]["created"], true);
    ann.task("Four", &[]);
    ann.aitask(&["pick", "4", "--worktree"]).ok().assert().stdout(contains("worktree  "));
    ann.git(&["config", "aitask.worktree", "perhaps"]);
    ann.aitask(&["pick", "4"]).fails(2);
}

#[test]
fn what_waits_is_refused_unless_told() {
    let (world, ann, _) = ann_and_bob();
    ann.task("Two", &[("depends", "1")]);
    let run = ann.aitask(&["pick", "2", "--json"]).fails(1);
    assert_eq!((kind(&run).as_str(), &run.error()["error"]["message"]), ("blocked", &"t2 waits for 1".into()));
    assert_eq!(world.locks(), Vec::<String>::new());
    ann.aitask(&["pick", "2", "--ignore-blocked"]).ok();
}

#[test]
fn a_parent_is_refused_and_its_child_taken() {
    let (_, ann, _) = ann_and_bob();
    for title in ["One", "Two"] {
        ann.task(title, &[("parent", "1")]);
    }
    let run = ann.aitask(&["pick", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "not_claimable");
    assert!(run.error()["error"]["message"].as_str().unwrap().contains("t1_1, t1_2"), "{run}");
    let json = ann.aitask(&["pick", "--next", "--json"]).ok().json();
    assert_eq!((&json["task"]["id"], &json["worktree"]["branch"]), (&"1_1".into(), &"aitask/t1_1_one".into()));
    assert!(ann.path("aiwork/t1_1_one").is_dir());
}

#[test]
fn done_folded_archived_and_unknown_are_said_and_nothing_is_taken() {
    let (world, ann, bob) = ann_and_bob();
    ann.write("aitasks/t7_done.md", "---\nstatus: Done\n---\n");
    ann.write("aitasks/t8_folded.md", "---\nstatus: Folded\nfolded_into: 1\n---\n");
    ann.write("aitasks/archived/t9_old.md", "---\nstatus: Done\n---\n");
    ann.commit("tasks");
    ann.git(&["push", "-q"]);
    let said =
        |id| bob.aitask(&["pick", id, "--json"]).fails(1).error()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(said("7"), "t7 is Done");
    assert_eq!(said("8"), "t8 is Folded into 1");
    assert!(said("9").contains("t9 is archived"), "{}", said("9"));
    assert_eq!(said("10"), "there is no task t10");
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!(!bob.path("aiwork").exists());
}

#[test]
fn an_existing_task_branch_is_attached_with_its_commits() {
    let (_, ann, _) = ann_and_bob();
    ann.git(&["switch", "-q", "-c", "aitask/t1_add_login"]);
    let tip = ann.commit("begun before");
    ann.git(&["switch", "-q", "main"]);
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!(json["worktree"]["created"], true);
    assert_eq!(ann.at("aiwork/t1_add_login").git(&["rev-parse", "HEAD"]).trim(), tip);
}

#[test]
fn every_way_to_name_a_task() {
    let (_, ann, _) = ann_and_bob();
    ann.task("Child", &[("parent", "1")]);
    let agent = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", agent.pid());
    let file = ann.path("aitasks/t1/t1_1_child.md").display().to_string();
    for name in share(["1_1", "t1_1", "t1_1_child", "aitasks/t1/t1_1_child.md", &file, "./aitasks/t1/t1_1_child.md"]) {
        assert_eq!(ann.aitask(&["pick", name, "--json"]).ok().json()["task"]["id"], "1_1", "{name}");
    }
    for bad in share(["", "x", "1 2", "t", "1_2_3_4x", "..", "0x1"]) {
        assert!([1, 2].contains(&ann.aitask(&["pick", bad]).code), "{bad}");
    }
}

#[test]
fn from_a_folder_and_from_inside_another_worktree() {
    let (_, ann, _) = ann_and_bob();
    ann.task("Two", &[]);
    ann.write("src/x", "");
    ann.at("src").aitask(&["pick", "1"]).ok();
    let json = ann.at("aiwork/t1_add_login").aitask(&["pick", "2", "--json"]).ok().json();
    assert_eq!(json["worktree"]["path"], ann.path("aiwork/t2_two").canonicalize().unwrap().to_str().unwrap());
    assert_eq!(json["worktree"]["base"], "main");
}

#[test]
fn inside_the_worktree_the_task_may_be_left_out() {
    let (_, ann, _) = ann_and_bob();
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.at("aiwork/t1_add_login").aitask(&["pick", "--json"]).ok().json()["took"], "mine");
}

#[test]
fn dry_run_shows_refs_and_commands_and_changes_nothing() {
    let (_, ann, bob) = ann_and_bob();
    let before = everything(&ann);
    let text = ann.aitask(&["pick", "1", "--dry-run"]).ok().stdout;
    for part in [
        "can be picked",
        "refs/heads/aitask-locks",
        "refs/heads/main",
        "--atomic",
        "git worktree add -b aitask/t1_add_login",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    ann.aitask(&["pick", "--next", "--dry-run", "--json"]).ok();
    assert_eq!(everything(&ann), before);
    ann.aitask(&["pick", "9", "--dry-run"]).fails(1);
    bob.aitask(&["pick", "1"]).ok();
    ann.aitask(&["status", "--fetch"]).ok();
    ann.aitask(&["pick", "1", "--dry-run"]).fails(1);
    let stolen = ann.aitask(&["pick", "1", "--steal", "--dry-run", "--json"]).ok().json();
    assert_eq!((keys(&stolen["dry_run"]), &stolen["took"]), ("refs commands".into(), &"stolen".into()));
}

#[test]
fn dry_run_asks_the_remote() {
    let (_, ann, bob) = ann_and_bob();
    bob.aitask(&["pick", "1"]).ok();
    ann.aitask(&["pick", "1", "--dry-run"]).fails(1);
}

#[test]
fn dry_run_does_not_say_to_work_on_it() {
    let (_, ann, _) = ann_and_bob();
    let text = ann.aitask(&["pick", "1", "--dry-run"]).ok().stdout;
    assert!(!text.contains("work, commit"), "{text}");
}

#[test]
fn without_a_remote() {
    let ann = local();
    ann.task("One", &[]);
    ann.write("README.md", "half done\n");
    let agent = Sleeper::new();
    let before = everything(&ann);
    let json = ann.aitask(&["pick", "1", "--dry-run", "--json"]).ok().json();
    assert_eq!((json["dry_run"]["commands"][0].as_str(), everything(&ann)), (Some("git update-ref --stdin"), before));
    ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1"]).ok();
    assert!(ann.read("aitasks/t1_one.md").contains("status: Implementing"));
    assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\n");
    assert_eq!(kind(&ann.env("GIT_AITASK_EMAIL", "b@example.com").aitask(&["pick", "1", "--json"]).fails(1)), "held");
}

#[test]
fn on_a_data_branch() {
    let world = World::new();
    let (ann, bob) = (on_data_branch(&world, "ann"), on_data_branch(&world, "bob"));
    ann.task("One", &[]);
    let main = world.remote_branch("main");
    let json = ann.aitask(&["pick", "1", "--json"]).ok().json();
    assert_eq!((&json["worktree"]["base"], &json["task"]["path"]), (&"main".into(), &"aitasks/t1_one.md".into()));
    assert_eq!(world.remote_branch("main"), main);
    assert_eq!(ann.at("aiwork/t1_one").git(&["rev-parse", "HEAD"]).trim(), main.unwrap());
    bob.aitask(&["pick", "1"]).fails(1);
    assert!(world.remote_file("aitask-data", "aitasks/t1_one.md").unwrap().contains("Implementing"));
}

#[test]
fn a_file_whose_name_is_no_branch_does_not_stop_next() {
    let (_, ann, _) = ann_and_bob();
    ann.git(&["pull", "-q"]);
    ann.write("aitasks/t7_a.lock.md", "---\npriority: high\nstatus: Ready\n---\n\n# x\n");
    ann.commit("a task by hand");
    ann.git(&["push", "-q"]);
    assert_eq!(ann.aitask(&["pick", "--next", "--json"]).ok().json()["task"]["id"], "1");
}

#[test]
fn a_title_in_a_hint_is_quoted_and_does_not_run() {
    let (_, ann, bob) = ann_and_bob();
    ann.task("Fix; touch PWNED; `id` $(id)", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let said = bob.aitask(&["pick", "1"]).fails(1).stderr;
    let hint = said.lines().find(|line| line.contains("pick 2")).unwrap();
    assert!(!hint.contains([';', '`', '$', '(']), "{said}");
}

#[test]
fn each_of_several_picks_has_the_time_of_a_command_of_its_own() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    world.script(&world.origin().join("hooks/pre-receive"), "#!/bin/sh\ncat >/dev/null\nsleep 1.6\n");
    let pick = ["pick", "--next", "--max", "3", "--no-worktree", "--timeout", "4s", "--json"];
    let json = ann.aitask(&pick).ok().json();
    assert_eq!(json["more"].as_array().map_or(0, Vec::len), 2, "{json}");
}

#[test]
fn a_long_text_is_cut_and_where_the_rest_is_is_said() {
    let ann = World::new().initialised("ann");
    let text = |lines: usize| (1..=lines).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    for (lines, shown) in [(7, 7), (8, 6)] {
        let id = ann.aitask(&["new", "Long", "-m", &text(lines), "--json"]).ok().json()["task"]["id"].clone();
        let run = ann.aitask(&["pick", id.as_str().unwrap(), "--no-worktree"]).ok();
        assert_eq!((1..=lines).filter(|n| run.stdout.contains(&format!("  line {n}\n"))).count(), shown, "{run}");
        let rest = format!("\u{2026} {} more lines: git aitask show {}\n", lines - shown, id.as_str().unwrap());
        assert_eq!(run.stdout.contains(&rest), lines > shown, "{run}");
    }
}
