//! `git aitask explore`: nothing changes, nothing is left.

use crate::sharing::two;
use crate::support::{Repo, World, rounds, share, wait_for_end, wait_for_file};

/// Refs, registered worktrees and every file of the checkouts.
fn everything(repo: &Repo) -> String {
    let files = "git for-each-ref; git worktree list --porcelain; find . -path ./.git -prune -o -type f -print | sort | xargs md5sum";
    repo.run("sh", &["-c", files]).ok().stdout
}

fn left(world: &World) -> Vec<String> {
    let names = std::fs::read_dir(world.root().join("tmp")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("git-aitask-")).collect()
}

#[test]
fn a_command_sees_the_committed_code_and_nothing_is_left() {
    let (world, ann, _bob) = two();
    ann.write("README.md", "not committed\n");
    let before = everything(&ann);
    let run = ann
        .aitask(&["explore", "--", "sh", "-c", "cat README.md; echo $GIT_AITASK_EXPLORE; git log -1 --format=%D"])
        .ok();
    assert!(run.stdout.starts_with("a project\n1\nHEAD"), "{run}");
    assert_eq!(ann.aitask(&["explore", "--", "sh", "-c", "exit 9"]).code, 9);
    assert_eq!((everything(&ann), left(&world)), (before, vec![]));
    let old = ann.git(&["rev-list", "--max-parents=0", "main"]);
    assert_eq!(ann.aitask(&["explore", "--at", old.trim(), "--", "git", "rev-parse", "HEAD"]).ok().stdout, old);
    ann.aitask(&["explore", "--at", "no-such"]).fails(2);
}

#[test]
fn what_is_written_all_the_same_is_said_and_thrown_away() {
    let (world, ann, _bob) = two();
    let before = everything(&ann);
    let write = "chmod -R u+w .; echo x >README.md; echo y >new; git commit -qam more 2>/dev/null; true";
    let run = ann.aitask(&["explore", "--", "sh", "-c", write]).fails(1);
    for word in ["a commit", "new"] {
        assert!(run.stderr.contains(word), "{run}");
    }
    assert_eq!((everything(&ann), left(&world)), (before, vec![]));
}

#[test]
fn inside_tasks_are_read_and_filed_and_none_is_taken() {
    let (world, ann, _bob) = two();
    let binary = env!("CARGO_BIN_EXE_git-aitask");
    let script = "\"$0\" new 'Found a bug' -q >/dev/null && \"$0\" show 2 -q && ! \"$0\" pick 2 && ! \"$0\" compat aitask_pick_own.sh 2 --email a@b.c";
    let run = ann.aitask(&["explore", "--", "sh", "-c", script, binary]).ok();
    assert!(run.stdout.contains("Found a bug"), "{run}");
    assert!(world.remote_file("aitask-data", "aitasks/t2_found_a_bug.md").is_some());
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn one_that_was_killed_is_swept_by_the_next_command() {
    let (world, ann, _bob) = two();
    let before = everything(&ann);
    let inside = world.root().join("home/in");
    let script = "echo in >\"$HOME/in\"; while [ -e \"$HOME/in\" ]; do sleep 0.05; done";
    let running = ann.start(&["explore", "--", "sh", "-c", script]);
    let pid = running.pid();
    wait_for_file(&inside);
    ann.aitask(&["list"]).ok();
    assert_eq!(left(&world).len(), 1, "one in use is left alone");
    ann.run("kill", &["-9", &pid.to_string()]).ok();
    wait_for_end(pid);
    std::fs::remove_file(inside).unwrap();
    ann.aitask(&["list"]).ok();
    assert_eq!((everything(&ann), left(&world)), (before, vec![]));
    drop(running);
}

#[test]
fn explorers_beside_workers_change_not_one_byte() {
    let (world, ann, _bob) = two();
    for n in 2..=5 {
        ann.task(&format!("Task {n}"), &[]);
        ann.aitask(&["pick", &n.to_string()]).ok();
        ann.write(&format!("aiwork/t{n}_task_{n}/work"), "in progress\n");
    }
    let before = everything(&ann);
    let running: Vec<_> = (0..rounds(4)).map(|_| ann.start(&["explore", "--", "git", "log", "--oneline"])).collect();
    for run in running {
        run.wait().ok();
    }
    assert_eq!((everything(&ann), left(&world), world.locks().len()), (before, vec![], 4));
}

#[test]
fn what_a_link_in_the_place_of_the_worktree_leads_to_is_left_alone() {
    let (world, ann, _bob) = two();
    let out = world.root().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("f"), "precious").unwrap();
    let swap = "p=$PWD; cp .git \"$0\"/.git; cd ..; mv \"$p\" x; ln -s \"$0\" \"$p\"";
    ann.aitask(&["explore", "--", "sh", "-c", swap, out.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(out.join("f")).unwrap(), "precious");
    assert_eq!(left(&world), Vec::<String>::new());
    ann.aitask(&["list"]).ok();
    assert!(!ann.git(&["worktree", "list"]).contains("git-aitask-explore"));
}

#[test]
fn a_branch_made_in_there_is_thrown_away_and_one_that_was_there_keeps_what_it_has() {
    let (world, ann, _bob) = two();
    ann.git(&["branch", "old"]);
    let before = everything(&ann);
    let commit = |branch: &str| {
        let script = format!("git checkout -q {branch} && git commit -qm x --allow-empty");
        ann.aitask(&["explore", "--", "sh", "-c", &script]).fails(1).stderr
    };
    assert!(commit("-b new").contains("a commit"));
    assert_eq!((everything(&ann), left(&world)), (before.clone(), vec![]));
    ann.aitask(&["explore", "--", "git", "checkout", "-qb", "new"]).fails(1);
    assert_eq!(everything(&ann), before);
    assert!(commit("old").contains("on old, which keeps it"));
    assert_eq!(ann.git(&["log", "-1", "--format=%s", "old"]), "x\n");
}

#[test]
fn the_scripts_read_and_file_in_there_too_and_change_no_code() {
    for has_data_branch in share([true, false]) {
        let world = World::new();
        let ann = world.initialised("ann");
        if has_data_branch {
            ann.git(&["push", "-q"]);
            ann.aitask(&["init", "--data-branch"]).ok();
        }
        ann.task("First", &[]);
        let call = |script: &str| {
            let run = ann.aitask(&["explore", "--", "sh", "-c", script, env!("CARGO_BIN_EXE_git-aitask")]);
            (run.code, run.stdout)
        };
        let refs = ann.git(&["for-each-ref", "refs/heads"]);
        for refused in share([
            "ait git commit --allow-empty -m evil",
            "ait git push",
            "ait git branch new",
            "aitask_lock.sh 1 --email a@b.c",
        ]) {
            assert_eq!(call(&format!("\"$0\" compat {refused}")).0, 1, "{refused}");
        }
        assert_eq!(ann.git(&["for-each-ref", "refs/heads"]), refs);
        assert_eq!(call("\"$0\" compat aitask_task_worktree.sh resolve t1_first"), (0, "NONE\n".into()));
        assert_eq!(call("\"$0\" compat aitask_query_files.sh resolve 1").0, 0);
        assert_eq!(call("unset GIT_AITASK_EXPLORE; \"$0\" pick 1").0, 2);
        let create = "\"$0\" compat aitask_create.sh --batch --commit --silent --name found --desc d";
        assert_eq!(call(create), (0, "aitasks/t2_found.md\n".into()));
        assert!(ann.path("aitasks/t2_found.md").exists());
    }
}

#[test]
fn a_branch_that_was_there_stays_where_others_moved_it_and_a_look_at_it_is_no_writing() {
    let (_world, ann, _bob) = two();
    ann.git(&["branch", "dev"]);
    ann.aitask(&["explore", "--", "git", "switch", "-q", "dev"]).ok();
    // Somebody's work lands on it meanwhile.
    let land = "git switch -q dev && git update-ref refs/heads/dev $(git commit-tree -p dev -m work 'dev^{tree}')";
    ann.aitask(&["explore", "--", "sh", "-c", land]);
    assert_eq!(ann.git(&["log", "-1", "--format=%s", "dev"]), "work\n");
    let hidden =
        "o=$(git rev-parse HEAD); git switch -q -c side; git commit -q --allow-empty -m x; git switch -q --detach $o";
    let run = ann.aitask(&["explore", "--", "sh", "-c", hidden]).fails(1);
    assert!(run.stderr.contains("the branch side at "), "{run}");
    assert_eq!(ann.git(&["branch", "--list", "side"]), "");
}

#[test]
fn a_file_that_git_ignores_is_not_taken_for_a_change() {
    let (_world, ann, _bob) = two();
    let build = "chmod -R u+w .; mkdir target; echo x >target/built";
    ann.git(&["config", "core.excludesFile", ann.path(".git/ignored").to_str().unwrap()]);
    std::fs::write(ann.path(".git/ignored"), "target/\n").unwrap();
    ann.aitask(&["explore", "--", "sh", "-c", build]).ok();
}

#[test]
fn a_shell_is_told_where_it_is() {
    let (_world, ann, _bob) = two();
    let run = ann.env("SHELL", "true").aitask(&["explore"]).ok();
    assert!(run.stderr.contains("read-only, in ") && run.stderr.contains("exit leaves it"), "{run}");
}
