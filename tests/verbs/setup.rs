//! `git aitask setup`, and what the shell offers.

use crate::support::{Repo, Sleeper, World, can_run, program, skipped};

const BASH: &str = "home/.local/share/bash-completion/completions/git-aitask";

fn scene() -> Repo {
    let ann = World::new().initialised("ann");
    ann.task("Add login", &[]);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    ann.env("PATH", format!("{}:{path}", program.display()))
}

fn changed(ann: &Repo, args: &[&str]) -> Vec<String> {
    let json = ann.aitask(&[&["setup", "--json"], args].concat()).ok().json();
    json["changed"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_verb_gets_its_page_and_every_shell_its_completion() {
    let ann = scene();
    let home = ann.world().root().join("home");
    let planned = changed(&ann, &["--dry-run"]);
    assert!(!ann.world().root().join(BASH).exists());
    assert_eq!(changed(&ann, &[]), planned);
    let ends = |name: &str| planned.iter().any(|path| path.ends_with(name) && path.starts_with(home.to_str().unwrap()));
    for name in ["man1/git-aitask.1", "git-aitask-pick.1", "/_git-aitask", "conf.d/git-aitask.fish", BASH] {
        assert!(ends(name), "{name} is not in {planned:?}");
    }
    let page = std::fs::read_to_string(home.join(".local/share/man/man1/git-aitask-pick.1")).unwrap();
    assert!(page.contains(".SH EXAMPLES\n.nf\n  git aitask pick 12\n"), "{page}");
    assert!(page.contains("OPTIONS OF EVERY VERB") && page.contains("json"), "{page}");
    let page = |name: &str| std::fs::read_to_string(home.join(".local/share/man/man1").join(name)).unwrap();
    assert!(page("git-aitask-worktree-add.1").contains("git aitask worktree add 12"));
    for section in ["SYNOPSIS", "VERBS", "\"EXIT STATUS\"", "SETTINGS", "ENVIRONMENT", "FILES", "\"JSON DOCUMENTS\""] {
        assert!(page("git-aitask.1").contains(&format!("\n.SH {section}\n")), "{section}");
    }
    let kinds = page("git-aitask.1").split_once(".SH \"KINDS OF ERRORS\"").unwrap().1.to_owned();
    for kind in ["held", "denied", "authentication", "unreachable", "damaged", "bug", "interrupted"] {
        assert!(kinds.lines().any(|line| line.trim_start().starts_with(&format!("{kind} "))), "{kind}: {kinds}");
    }
    assert_eq!(changed(&ann, &[]), Vec::<String>::new());
    assert_eq!(changed(&ann, &["--uninstall"]), planned);
    assert_eq!(changed(&ann, &["--uninstall"]), Vec::<String>::new());
}

#[test]
fn what_was_written_is_counted_by_folder_and_said_is_what_man_and_bash_still_need() {
    let ann = scene();
    let data = ann.world().root().join("home/.local/share");
    let run = ann.aitask(&["setup"]).ok();
    let pages = std::fs::read_dir(data.join("man/man1")).unwrap().count();
    assert!(run.stdout.contains(&format!("{}: {pages} files\n", data.join("man/man1").display())), "{run}");
    assert!(run.stdout.contains(&format!("{}\n", ann.world().root().join(BASH).display())), "{run}");
    assert!(run.stdout.lines().count() < 16, "{run}");
    assert!(run.stdout.contains(&format!("  export MANPATH={}:${{MANPATH-}}\n", data.join("man").display())), "{run}");
    // the README names the same way for the shell
    assert!(
        run.stdout.contains("  eval \"$(git aitask setup --shell)\" ")
            && run.stdout.contains("the package bash-completion"),
        "{run}"
    );
    let manpath = ann.world().root().join("stub/manpath");
    ann.world().script(&manpath, &format!("#!/bin/sh\necho /usr/man:{}\n", data.join("man").display()));
    let path = ann.run("sh", &["-c", "echo $PATH"]).stdout;
    let found = ann.env("PATH", format!("{}:{}", manpath.parent().unwrap().display(), path.trim()));
    let run = found.aitask(&["setup"]).ok();
    assert!(run.stdout.contains("nothing to do") && !run.stdout.contains("MANPATH"), "{run}");
}

#[test]
fn after_setup_man_found_no_page_of_a_program_that_cargo_had_installed() {
    let ann = scene();
    let home = ann.world().root().join("home");
    let bin = home.join(".cargo/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_git-aitask"), bin.join("git-aitask")).unwrap();
    let path = ann.run("sh", &["-c", "echo $PATH"]).stdout;
    let installed = ann.env("PATH", format!("{}:{}", bin.display(), path.trim())).env("XDG_DATA_HOME", "");
    let pages = |below: &str| home.join(below).join("man1/git-aitask.1").exists();
    let written = changed(&installed, &[]);
    assert!(pages(".cargo/share/man") && !pages(".local/share/man"), "{written:?}");
    if can_run("git aitask --help", program("man")).is_some() {
        assert!(!installed.aitask(&["setup"]).ok().stdout.contains("MANPATH"));
        let run = installed.env("MANPAGER", "cat").run("git", &["aitask", "--help"]).ok();
        assert!(run.stdout.contains("git aitask pick"), "{run}");
    }
    assert_eq!(changed(&installed, &["--uninstall"]), written);
    // pages of an earlier setup are kept up to date, and removed
    changed(&ann, &[]);
    std::fs::write(home.join(".local/share/man/man1/git-aitask.1"), "old").unwrap();
    assert!(changed(&installed, &[]).iter().any(|path| path.ends_with(".local/share/man/man1/git-aitask.1")));
    changed(&installed, &["--uninstall"]);
    assert!(!pages(".cargo/share/man") && !pages(".local/share/man"));
}

#[test]
fn git_shows_the_page_of_a_verb() {
    let ann = scene();
    if let Err(missing) = program("man") {
        return skipped("git_shows_the_page_of_a_verb", &missing);
    }
    changed(&ann, &[]);
    let man = ann.world().root().join("home/.local/share/man");
    let run = ann.env("MANPATH", man.display()).env("MANPAGER", "cat").run("git", &["help", "-m", "aitask-pick"]).ok();
    assert!(run.stdout.contains("git aitask pick 12"), "{run}");
    let long = ann.run("git", &["aitask", "pick", "--help"]).ok().stdout;
    assert!(long.starts_with("Pick a task") && long.contains("TIME is such as 30s or 5m"), "{long}");
}

#[test]
fn the_shell_is_offered_verbs_and_tasks() {
    let ann = scene();
    let ask = |words: &[&str]| ann.env("COMPLETE", "fish").aitask(&[&["--", "git-aitask"], words].concat()).ok().stdout;
    assert!(ask(&["pi"]).starts_with("pick\tPick a task"));
    assert!(ask(&["pick", ""]).starts_with("1\tAdd login\n"));
    assert!(ask(&["worktree", "add", ""]).starts_with("1\tAdd login\n"));
    // it has none
    assert!(!ask(&["worktree", "path", ""]).contains("Add login"));
    assert_eq!(ask(&["list", "--effort", ""]), "high\nmedium\nlow\n");
    let words = "ui\n$(touch pwned)\n";
    let data = ann.at(".aitask-data");
    data.write("aitasks/metadata/labels.txt", words);
    data.write("aitasks/metadata/task_types.txt", "bug\nno type\n");
    data.commit("words");
    for verb in [&["list"][..], &["pick", "--next"]] {
        let ask = |option| ask(&[verb, &[option, ""]].concat());
        assert_eq!(
            (ask("--label"), ask("--type"), ask("--parent")),
            ("ui\n".into(), "bug\n".into(), "1\tAdd login\n".into())
        );
    }
    let outside = ann.at("..").env("COMPLETE", "fish").aitask(&["--", "git-aitask", "pick", "1"]).ok();
    assert_eq!((outside.stdout.as_str(), outside.stderr.as_str()), ("", ""));
}

#[test]
fn of_the_tasks_those_are_offered_that_make_sense_there() {
    let ann = scene();
    let bob = ann.world().initialised("bob");
    for title in ["Two", "Three", "Four", "Five"] {
        ann.task(title, &[]);
    }
    ann.task("Waits", &[("depends", "1")]);
    let [session, other] = [Sleeper::new(), Sleeper::new()];
    let here = ann.env("AIT_AGENT_PID", session.pid());
    ann.env("AIT_AGENT_PID", other.pid()).aitask(&["pick", "2", "--no-worktree"]).ok();
    here.aitask(&["pick", "4", "--no-worktree"]).ok();
    bob.aitask(&["pick", "3", "--no-worktree"]).ok();
    here.aitask(&["list", "--fetch"]).ok();
    here.count_connections();
    let ask = |line: &str| {
        let words: Vec<_> = ["--", "git-aitask"].into_iter().chain(line.split(' ')).collect();
        let offered = here.env("COMPLETE", "fish").aitask(&words).ok().stdout;
        offered.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    for (line, offered) in [
        ("pick ", "1 5"),
        ("pick --ne", "--next"),
        ("finish ", "4"),
        ("drop ", "4"),
        ("unlock ", "4 2 3"),
        ("lock ", "1 5 6"),
        ("new x --depends ", "1 2 3 4 5 6"),
        ("drop 4 --status ", "Ready Postponed Editing"),
        ("list --status P", "Postponed"),
        (
            "new x --type ",
            "bug chore documentation enhancement feature manual_verification performance refactor style test",
        ),
        ("edit 1 --priority ", "high medium low"),
        ("pick --base ", "main"),
        ("finish --into m", "main"),
    ] {
        assert_eq!(ask(line), offered, "{line}");
    }
    assert_eq!(here.connections(), Vec::<&str>::new());
    here.aitask(&["worktree", "add", "1"]).ok();
    assert_eq!((ask("worktree path "), ask("worktree remove ")), ("1".into(), "1".into()));
    here.git(&["branch", "x;touch-pwned"]);
    here.git(&["branch", "release/1.0"]);
    assert_eq!(ask("worktree add 1 --base "), "main release/1.0");
}

#[test]
fn bash_completes_behind_git_and_alone() {
    let ann = scene();
    changed(&ann, &[]);
    let file = ann.world().root().join(BASH);
    let script = format!(
        "source {}; words=(git aitask pi) cword=2 cur=pi __git_cmd_idx=1; _git_aitask; echo \"[${{COMPREPLY[*]}}]\"; \
         COMP_WORDS=(git-aitask show '') COMP_CWORD=2; _git_aitask_alone; echo \"[${{COMPREPLY[0]}}]\"",
        file.display()
    );
    assert_eq!(ann.run("bash", &["-c", &script]).ok().stdout, "[pick ]\n[1 ]\n");
}
