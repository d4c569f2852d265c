//! The function of a shell, with which `git aitask` changes its folder, in the real shells.

use crate::support::{Repo, World, can_run, program};
use std::path::Path;

/// The shells, each with the options that keep other files out, and how it reads the function.
const SHELLS: [(&str, &[&str], &str); 3] = [
    ("bash", &["--norc", "--noprofile"], "eval \"$(git aitask setup --shell bash)\""),
    ("zsh", &["-f"], "eval \"$(git aitask setup --shell zsh)\""),
    ("fish", &["--no-config"], "git aitask setup --shell fish | source"),
];

/// This program on PATH.
fn with_program(repo: &Repo) -> Repo {
    let program = Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap().display();
    repo.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()))
}

/// What lines print in a shell that has read the function. `STATUS` is the exit code of the command before.
fn said(repo: &Repo, shell: &str, lines: &str) -> String {
    let (_, options, reads) = SHELLS.iter().find(|(name, ..)| *name == shell).unwrap();
    let lines = lines.replace("STATUS", if shell == "fish" { "$status" } else { "$?" });
    let run = with_program(repo).run(shell, &[options, &["-c", &format!("{reads}\n{lines}")][..]].concat());
    run.stdout.replace(&repo.top().display().to_string(), "TOP") + &run.stderr
}

/// The shells that are here.
fn shells() -> impl Iterator<Item = &'static str> {
    SHELLS.into_iter().map(|(shell, ..)| shell).filter(|shell| can_run(shell, program(shell)).is_some())
}

const A_DAY: &str = r#"
git aitask pick 1 >/dev/null; echo STATUS "$PWD"
cd ..; git aitask worktree path 1; echo STATUS "$PWD"
git -C aitask status 2>/dev/null; cd ..; git aitask worktree add 1 --quiet >/dev/null; echo STATUS "$PWD"
cd deep; git aitask finish --quiet 2>/dev/null; echo STATUS "$PWD"
git commit -qm work; git aitask finish --dry-run >/dev/null; echo STATUS "$PWD"
git aitask finish >/dev/null; echo STATUS "$PWD"
cd src; git aitask list --quiet; echo STATUS "$PWD"
git -C .. --no-pager aitask pick 2 >/dev/null; git -c a.b=c aitask drop 2>/dev/null >/dev/null; echo STATUS "$PWD"
git aitask pick 2 >/dev/null; sh -c 'cd ../.. && git aitask drop 2 --quiet' >/dev/null; git aitask pick 7 --quiet
echo STATUS "$PWD"
git rev-parse --show-toplevel; git nonsense 2>/dev/null; echo STATUS; git; echo STATUS
"#;

#[test]
fn the_folder_of_the_shell_follows_the_task_and_all_else_is_as_it_was() {
    for shell in shells() {
        let world = World::new();
        let ann = world.clone_as("it's \"a\" $(touch pwned) clone; &", "Ann", "ann@example.com");
        ann.write("src/a.txt", "a\n");
        ann.write("deep/a.txt", "a\n");
        ann.commit("folders");
        ann.git(&["push", "-q"]);
        ann.aitask(&["init"]).ok();
        ann.task("One", &[]);
        ann.task("Two", &[]);
        let day = A_DAY.replace("cd deep;", "cd deep; echo work >work.txt; git add .;");
        let said = said(&ann, shell, &day);
        let (head, usage) = said.split_once("usage: git").unwrap_or_else(|| panic!("{shell}: {said}"));
        assert_eq!(
            head,
            "0 TOP/aiwork/t1_one\nTOP/aiwork/t1_one\n0 TOP/aiwork/t1_one\n0 TOP/aiwork/t1_one\n\
             1 TOP/aiwork/t1_one/deep\n0 TOP/aiwork/t1_one/deep\n0 TOP\n2\tReady\tmedium\tmedium\tTwo\t\n0 TOP/src\n0 TOP\n\
             1 TOP\nTOP\n1\n",
            "{shell}"
        );
        assert!(
            usage.contains("\n1\n") && usage.contains("git aitask: the folder is gone; this is "),
            "{shell}: {said}"
        );
        assert!(!world.root().join("pwned").exists() && !ann.path("pwned").exists(), "{shell}");
        let left = std::fs::read_dir(world.root().join("tmp")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), Vec::<std::ffi::OsString>::new(), "{shell}");
    }
}

#[test]
fn any_name_of_a_folder_is_gone_to_and_what_git_starts_is_not_told_the_file() {
    let world = World::new();
    let ann = world.initialised("ann");
    let dir = world.root().join("a\nb'\"$(touch pwned) -é\n");
    std::fs::create_dir_all(&dir).unwrap();
    let git = "#!/bin/sh\nif [ \"$1\" = aitask ] && [ \"$2\" = go ]; then printf '%s/' \"$DIR\" >\"$GIT_AITASK_CD\"; exit 7; fi\n";
    world.script(&world.root().join("stub/git"), &format!("{git}exec '{}' \"$@\"\n", world.real_git().display()));
    for shell in shells() {
        let stub = with_program(&ann).run("sh", &["-c", "echo $PATH"]).stdout;
        let path = format!("{}:{}", world.root().join("stub").display(), stub.trim());
        let script = format!("set -gx PATH (string split : '{path}'); true");
        let lines = if shell == "fish" { script } else { format!("PATH='{path}'") };
        let said = said(&ann.env("DIR", dir.display()), shell, &format!("{lines}\ngit aitask go; echo STATUS; pwd"));
        assert_eq!(said, format!("7\n{}\n", dir.display()), "{shell}");
        assert!(!world.root().join("pwned").exists(), "{shell}");
    }
    // a verb that is run by what a verb starts does not lead the shell
    let file = ann.path("told");
    ann.task("One", &[]);
    ann.git(&["config", "aitask.worktreeSetup", "echo \"[$GIT_AITASK_CD]\" >seen"]);
    std::fs::write(&file, "").unwrap();
    ann.env("GIT_AITASK_CD", file.display()).aitask(&["pick", "1"]).ok();
    assert_eq!(ann.read("aiwork/t1_one/seen"), "[]\n");
    assert_eq!(ann.read("told"), format!("{}/", ann.path("aiwork/t1_one").display()));
}

#[test]
fn what_ctrl_c_ends_has_its_exit_code_and_leaves_no_more_than_one_file() {
    let world = World::new();
    let ann = world.initialised("ann");
    let git = "#!/bin/sh\nif [ \"$1 $2\" = 'aitask hang' ]; then kill -INT $$; sleep 9; fi\n";
    world.script(&world.root().join("stub/git"), &format!("{git}exec '{}' \"$@\"\n", world.real_git().display()));
    let path = with_program(&ann).run("sh", &["-c", "echo $PATH"]).stdout;
    let ann = ann.env("PATH", format!("{}:{}", world.root().join("stub").display(), path.trim())).env("TERM", "dumb");
    for shell in shells() {
        let (_, options, reads) = SHELLS.iter().find(|(name, ..)| *name == shell).unwrap();
        let code = if shell == "fish" { "$status" } else { "$?" };
        let tell = "ls \"$TMPDIR\" | grep -c tmp\\.";
        let hang = "git aitask hang\necho rc:$code\n".repeat(2);
        let typed = format!("{reads}\n{hang}{tell}\ngit aitask list\n{tell}\nexit\n");
        ann.write("typed", &typed.replace("$code", code));
        let interactive = format!("{shell} {} -i", options.join(" "));
        let run = ann.run("sh", &["-c", "script -qec \"$1\" /dev/null <typed", "sh", &interactive]);
        let lines: Vec<_> = run.stdout.lines().map(str::trim).collect();
        let said = lines.iter().filter(|line| line.starts_with("rc:") || line.parse::<u8>().is_ok());
        assert_eq!(said.copied().collect::<Vec<_>>(), ["rc:130", "rc:130", "1", "0"], "{shell}: {run}");
    }
}

#[test]
fn a_function_called_git_that_is_there_stays() {
    let ann = World::new().clone("ann");
    for shell in shells() {
        let (_, options, reads) = SHELLS.iter().find(|(name, ..)| *name == shell).unwrap();
        let own = if shell == "fish" {
            "function git; command git $argv; echo mine; end"
        } else {
            "git() { command git \"$@\"; echo mine; }"
        };
        // it is read twice, as by two profiles
        let script = format!("{own}\n{}\ngit version", reads.replace("git aitask", "git-aitask"));
        let run = with_program(&ann).run(shell, &[options, &["-c", &script][..]].concat()).ok();
        assert!(
            run.stdout.ends_with("mine\n") && run.stderr.contains("git is a function of your own"),
            "{shell}: {run}"
        );
        let twice = said(&ann, shell, &format!("{reads}\ngit version"));
        assert!(twice.starts_with("git version") && twice.lines().count() == 1, "{shell}: {twice}");
    }
}

#[test]
fn the_shell_of_the_user_is_the_default_and_an_unknown_one_is_refused() {
    let ann = World::new().clone("ann");
    let of = |shell| ann.env("SHELL", shell).aitask(&["setup", "--shell"]);
    assert_eq!(of("/bin/zsh").ok().stdout, ann.aitask(&["setup", "--shell", "bash"]).ok().stdout);
    let fish = of("/usr/bin/fish").ok().stdout;
    assert_eq!(ann.aitask(&["setup", "--shell", "fish", "--json"]).ok().json()["function"], fish.as_str());
    assert_eq!(
        ann.env("SHELL", "/bin/tcsh").aitask(&["setup", "--shell", "--json"]).fails(2).hints(),
        ["git aitask setup --shell bash"]
    );
    ann.aitask(&["setup", "--shell", "tcsh"]).fails(2);
    // the usual setup puts the same text beside the completions
    ann.aitask(&["setup"]).ok();
    let data = ann.world().root().join("home/.local/share/git-aitask");
    assert_eq!(std::fs::read_to_string(data.join("shell.fish")).unwrap(), fish);
}
