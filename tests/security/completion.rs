//! What a shell inserts for TAB is quoted, or nothing that others wrote.

use crate::support::{Repo, Run, World, can_run, program as needed, share};

/// Names that run something, or end a word, when they stand on a command line unquoted.
const NAMES: [&str; 12] = [
    "f$(touch${IFS}pwned)",
    "f`touch pwned`",
    "f;touch pwned;",
    "f&touch pwned&",
    "f|touch pwned",
    "f>pwned",
    "f\ntouch pwned\n",
    "f with spaces",
    "f'touch pwned'",
    "f\"$(touch pwned)\"",
    "f\\$(touch pwned)",
    "f!!{a,b}*?~#",
];

fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.aitask(&["setup"]).ok();
    (world, ann)
}

/// Types `keys` in an interactive bash on a terminal, in `dir`, after the lines of `before`.
fn type_in_bash(repo: &Repo, before: &str, keys: &str) -> Run {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_git-aitask"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    // what is typed waits in the terminal until bash reads it
    let typed = format!("{before}\n{keys}\nexit\n");
    repo.env("PATH", path)
        .env("TYPED", typed)
        .env("INPUTRC", "/dev/null")
        .env("HISTFILE", "")
        .env("SHELL", "/bin/bash")
        .run("sh", &["-c", "printf %s \"$TYPED\" | script -qec 'bash --norc --noprofile -i' /dev/null"])
}

/// The command that reads the completion that was set up.
const SOURCE: &str = "source ~/.local/share/bash-completion/completions/git-aitask";

/// Completes the name of the one file in a folder after `words` with TAB, and presses Enter: the file is the one that is
/// read, and nothing else happens.
#[track_caller]
fn completes(ann: &Repo, before: &str, words: &str, name: &str, n: usize) {
    let dir = ann.path(format!("../typed-{n}"));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), format!("text of {n}\n")).unwrap();
    let top = ann.top().display().to_string();
    let run = type_in_bash(&ann.at(&dir), &before.replace("TOP", &top), &words.replace("TOP", &top));
    let names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [name], "something was run\n{run:?}");
    let tasks = ann.git(&["log", "--all", "-p", "--format="]);
    assert!(tasks.contains(&format!("+text of {n}\n")), "the file was not read\n{run:?}");
}

#[test]
fn a_file_name_after_an_option_is_completed_quoted() {
    let (_world, ann) = scene();
    for (n, name) in share(NAMES.into_iter().enumerate()) {
        let before = format!("{SOURCE}; export GIT_DIR=TOP/.git GIT_WORK_TREE=TOP");
        completes(&ann, &before, &format!("git-aitask new x{n} -q -F f\t"), name, n);
    }
}

#[test]
fn a_file_name_is_completed_within_a_quote_that_was_opened() {
    let (_world, ann) = scene();
    for (n, name) in NAMES.into_iter().take(3).enumerate() {
        let before = format!("{SOURCE}; export GIT_DIR=TOP/.git GIT_WORK_TREE=TOP");
        completes(&ann, &before, &format!("git-aitask new x{n} -q -F \"f\t"), name, n);
    }
}

#[test]
fn a_file_name_is_completed_quoted_after_git_aitask_too() {
    let (_world, ann) = scene();
    // git's own completion calls _git_aitask with these, and has the same options
    let git = "__git_wrap() { local words=(\"${COMP_WORDS[@]}\") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} __git_cmd_idx=1; _git_aitask; }; complete -o bashdefault -o default -o nospace -F __git_wrap git";
    for (n, name) in share(NAMES.into_iter().enumerate()) {
        let before = format!("{SOURCE}; {git}; export GIT_DIR=TOP/.git GIT_WORK_TREE=TOP");
        completes(&ann, &before, &format!("git aitask new x{n} -q -F f\t"), name, n);
    }
}

#[test]
fn the_program_itself_offers_no_file_names() {
    let (_world, ann) = scene();
    for name in NAMES {
        std::fs::write(ann.path(name), "text\n").unwrap();
    }
    for shell in ["bash", "zsh", "fish"] {
        for words in [
            &["new", "x", "-F", "f"][..],
            &["new", "x", "--file=f"],
            &["-C", "f"],
            &["shim", "install", "f"],
            &["new", "f"],
        ] {
            let index = words.len().to_string();
            let ask = ann.env("COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", index).env("_CLAP_IFS", "\n");
            let run = ask.aitask(&[&["--", "git-aitask"], words].concat()).ok();
            assert!(!run.stdout.contains("touch") && !run.stdout.contains("f with"), "{run}");
        }
    }
}

#[test]
fn a_title_moves_no_cursor_where_tasks_are_offered() {
    let (world, ann) = scene();
    super::push_to(&world, "main", "aitasks/t7_x.md", "---\nstatus: Ready\n---\n# evil\u{1b}[2J\u{202e}\n");
    ann.git(&["pull", "-q"]);
    let run = ann.env("COMPLETE", "fish").aitask(&["--", "git-aitask", "pick", ""]).ok();
    assert!(run.stdout.contains("7\tevil [2J"), "{run:?}");
    let typed = type_in_bash(&ann, SOURCE, "echo got git-aitask\x01\x0bgit-aitask show 7\t");
    assert!(!typed.stdout.contains('\u{202e}'), "{typed:?}");
}

/// A title that would run something where a shell reads it as more than text.
const TITLE: &str = "x$(touch${IFS}pwned)`touch pwned`;touch pwned;'\"\\ %B:[{a,b}]*~ (held)";

#[test]
fn no_shell_runs_what_stands_in_a_title_that_it_shows() {
    let (world, ann) = scene();
    super::push_to(&world, "main", "aitasks/t7_x.md", &format!("---\nstatus: Ready\n---\n# {TITLE}\n"));
    super::push_to(&world, "main", "aitasks/t8_y.md", &format!("---\nstatus: Ready\n---\n# {TITLE} too\n"));
    ann.git(&["pull", "-q"]);
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let fish = "complete -C 'git-aitask pick '";
    let fish = format!("source ~/.config/fish/completions/git-aitask.fish 2>/dev/null; {fish}");
    // In zsh only the editor of the line completes; `zpty` gives it a terminal.
    let zsh = "zmodload zsh/zpty; zpty z zsh -f -i; \
               zpty -w z 'autoload -U compinit; compinit -u; fpath=(~/.local/share/zsh/site-functions $fpath); compinit -u'; \
               zpty -w z 'source <(COMPLETE=zsh git-aitask); PS1=ready'; zpty -n -w z $'git-aitask pick \\t'; \
               for n in {1..100}; do zpty -r -t z part && text+=$part; [[ $text == *8*too* ]] && break; sleep 0.1; done; \
               print -r -- $text; zpty -d z";
    for (program, script, shows) in [("fish", fish.as_str(), "8\tx$(touch"), ("zsh", zsh, "x$(touch")] {
        if can_run("the titles", needed(program)).is_none() {
            continue;
        }
        let run = ann.env("PATH", &path).env("TERM", "xterm").run(program, &["-c", script]);
        assert!(run.stdout.contains(shows), "{program}: {run:?}");
        assert!(!ann.path("pwned").exists(), "{program}: {run:?}");
    }
    // bash shows them only where it lists what there is, at the second TAB, and inserts nothing of them
    let typed = type_in_bash(&ann, SOURCE, "git-aitask pick \t\t\x01echo typed: \n");
    assert!(typed.stdout.contains("8 -- x$(touch") && typed.stdout.contains("typed: git-aitask pick\r\n"), "{typed:?}");
    assert!(!ann.path("pwned").exists(), "{typed:?}");
}
