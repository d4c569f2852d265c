//! The front door: which commands `ait` has, where, in which colours; and what hands over to programs that are not ours.

use super::{sync, two};
use crate::support::World;

#[test]
fn commands_of_crew_gates_and_brainstorm_run_their_scripts_and_the_rest_goes_to_the_original() {
    let (world, ann, _bob) = two();
    let said = |command: &[&str]| ann.script("ait", command);
    let echo = "#!/bin/sh\necho \"${0##*/} $*\"\n";
    for name in ["crew_init", "run_gates", "gate_pass", "brainstorm_init"] {
        world.script(&ann.path(format!(".aitask-scripts/aitask_{name}.sh")), echo);
    }
    for (command, ran) in [
        (&["crew", "init", "--id", "a b"][..], "aitask_crew_init.sh --id a b\n"),
        (&["gates", "run", "1"], "aitask_run_gates.sh 1\n"),
        (&["gate", "pass", "1", "tests"], "aitask_gate_pass.sh 1 tests\n"),
        (&["brainstorm", "init"], "aitask_brainstorm_init.sh \n"),
    ] {
        assert_eq!(said(command).ok().stdout, ran);
    }
    for command in [&["crew", "nothing"][..], &["crew"], &["crew", "../init"], &["board", "column"]] {
        assert!(said(command).fails(1).stderr.starts_with("ait: unknown command"), "{command:?}");
    }
    world.script(&ann.path("ait.original"), echo);
    assert_eq!(said(&["crew", "nothing", "-x"]).ok().stdout, "ait.original crew nothing -x\n");
    assert_eq!(said(&["crew", "init"]).ok().stdout, "aitask_crew_init.sh \n");
    assert!(!said(&["ls"]).ok().stdout.contains("ait.original"));
}

#[test]
fn scripts_without_a_command_are_unknown_to_the_dispatcher() {
    let (world, ann, _bob) = two();
    ann.write(".aitask-scripts/aitask_archive.sh", "#!/bin/sh\necho ran\n");
    for command in [
        "archive",
        "own",
        "pick-own",
        "claim-id",
        "init-data",
        "task-worktree",
        "find-files",
        "find-by-file",
        "query-files",
        "labels",
        "board-column",
        "lock-diag",
        "plan-externalize",
        "remote-drift-check",
        "web-merge",
        "pick_own",
    ] {
        let run = ann.script("ait", &[command, "--help"]).fails(1);
        let said = format!("ait: unknown command '{command}'\nRun 'ait help' for usage information.\n");
        assert_eq!((run.stderr, run.stdout.as_str()), (said, ""));
    }
    for command in ["create", "ls", "update", "sync", "lock", "zip-old", "setup", "stats", "changelog"] {
        ann.script("ait", &[command, "--help"]).ok();
    }
    world.script(&ann.path(".aitask-scripts/aitask_gates.sh"), "#!/bin/sh\necho ran\n");
    assert_eq!(ann.script("ait", &["gates"]).ok().stdout, "ran\n");
}

#[test]
fn by_its_own_name_it_wants_a_project() {
    let (world, ann, _bob) = two();
    let link = world.root().join("tmp/ait");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_git-aitask"), &link).unwrap();
    let bare = world.clone("bare");
    bare.git(&["update-ref", "-d", "refs/remotes/origin/aitask-data"]);
    for outside in [ann.at(world.root()), bare.at(world.root().join("bare/.git/info"))] {
        for args in [&["sync", "--batch"][..], &["help"], &[]] {
            let run = outside.run(&link, args).fails(1);
            assert!(run.stderr.contains("No ait project found in any parent directory of /"), "{run}");
            assert_eq!(run.stdout, "", "{run}");
        }
        outside.run(&link, &["setup", "--help"]).ok();
        let run = outside.env("_AIT_SHIM_ACTIVE", "1").run(&link, &["ls"]).fails(1);
        assert!(run.stderr.contains("ait dispatcher not found in any parent directory"), "{run}");
    }
    std::fs::create_dir_all(ann.path("src/deep")).unwrap();
    ann.at("src/deep").run(&link, &["help"]).ok();
    ann.git(&["worktree", "add", "-q", "../far"]);
    assert_eq!(ann.at(world.root().join("far")).run(&link, &["sync", "--batch"]).ok().stdout, "NOTHING\n");
}

#[test]
fn on_a_terminal_the_colours_are_those_of_the_scripts() {
    let (_world, ann, _bob) = two();
    let bin = env!("CARGO_BIN_EXE_git-aitask");
    let at_terminal = |args: &str| {
        let line = format!("'{bin}' compat {args}");
        ann.env("TERM", "xterm")
            .run("sh", &["-c", "printf '\\n\\n\\n' | script -qec \"$1\" /dev/null", "sh", &line])
            .stdout
            // the terminal echoes what is typed wherever the output is at that time
            .replace("\r\n", "")
    };
    let said = at_terminal("ait git-health");
    assert!(said.contains("\u{1b}[0;34mWorktree path: .aitask-data\u{1b}[0m"), "{said:?}");
    assert!(said.contains("\u{1b}[0;32mClean: no operation in progress.\u{1b}[0m"), "{said:?}");
    let said = at_terminal("aitask_sync.sh --bogus");
    assert!(said.contains("\u{1b}[0;31mError: Unknown option: --bogus."), "{said:?}");
    ann.git(&["remote", "remove", "origin"]);
    let said = at_terminal("aitask_setup.sh");
    assert!(said.contains("\u{1b}[0;34m[ait]\u{1b}[0m Git repository already initialized"), "{said:?}");
    assert!(said.contains("\u{1b}[1;33m[ait]\u{1b}[0m Warning: No git remote 'origin' configured"), "{said:?}");
    assert!(!ann.script("aitask_setup.sh", &[]).ok().stdout.contains('\u{1b}'));
}

#[test]
fn what_is_gathered_is_warned_of_when_the_data_branch_is_behind() {
    let (_world, ann, bob) = two();
    ann.git(&["tag", "v0.1.0"]);
    let gather = || ann.script("aitask_changelog.sh", &["--gather"]).ok().stderr;
    assert_eq!(gather(), "");
    bob.write("aitasks/t2_b.md", "b\n");
    assert_eq!(sync(&bob), "PUSHED");
    let said = gather();
    assert!(said.contains("Warning: Local aitask-data branch is 1 commit(s) behind origin/aitask-data.\n"), "{said}");
    ann.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    assert_eq!(gather(), "");
}

#[test]
fn what_the_script_of_the_gates_complains_of_is_handed_on() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/metadata/profiles/fast.yaml", "name: fast\n");
    ann.write("marker.json", "{\"profile\": \"fast\", \"profile_filename\": \"fast.yaml\"}\n");
    let gate = |script: &str| {
        world.script(&ann.path(".aitask-scripts/aitask_gate.sh"), &format!("#!/bin/sh\n{script}\n"));
        ann.script("aitask_web_merge.sh", &["materialize", "5", "marker.json"])
    };
    assert_eq!(gate("echo said; echo why >&2; exit 3").fails(1).stdout, "WEBMAT_FAIL:3:said why\n");
    assert_eq!(gate("echo why >&2; exit 3").fails(1).stdout, "WEBMAT_FAIL:3:why\n");
    assert_eq!(gate("echo aside >&2; echo MATERIALIZED").ok().stdout, "WEBMAT_OK:MATERIALIZED\n");
}

#[test]
fn what_the_dispatcher_knows_of_the_project() {
    let world = World::new();
    let ann = world.clone("ann");
    let ait = |args: &[&str]| ann.script("ait", args).ok().stdout;
    assert_eq!(ait(&["--version"]) + &ait(&["-v"]), "ait version unknown\nait version unknown\n");
    assert!(ait(&["git-health", "ignored"]).starts_with("Mode: legacy"));
    world.script(&ann.path(".aitask-scripts/aitask_stats_tui.sh"), "#!/bin/sh\necho \"tui $*\"; echo \"$PATH\"\n");
    world.script(&ann.path(".aitask-scripts/aitask_upgrade.sh"), "#!/bin/sh\necho \"upgrade $*\"\n");
    assert_eq!(ait(&["upgrade", "latest"]), "upgrade latest\n");
    let said = ann
        .env("HOME", "/nowhere")
        .env("PATH", "/nowhere/.aitask/bin:/usr/bin:/bin")
        .script("ait", &["stats", "tui", "-x"]);
    assert_eq!(said.ok().stdout, "tui -x\n/nowhere/.aitask/bin:/usr/bin:/bin\n");
    let path = ann.env("HOME", "/nowhere").env("PATH", "/usr/bin:/bin").script("ait", &["stats", "tui"]).ok().stdout;
    assert_eq!(path, "tui \n/nowhere/.aitask/bin:/usr/bin:/bin\n");
}

#[test]
fn a_data_checkout_whose_folder_in_git_is_gone_is_said() {
    let (_world, ann, _bob) = two();
    std::fs::rename(ann.path(".git/worktrees"), ann.path(".git/elsewhere")).unwrap();
    let run = ann.script("ait", &["git-health"]).ok();
    assert!(run.stdout.contains("\nGit-dir: <missing>\n") && !run.stdout.contains("Clean"), "{run}");
    assert!(run.stderr.starts_with("Warning: Git-dir is missing"), "{run}");
    assert!(sync(&ann).starts_with("ERROR:"));
}
