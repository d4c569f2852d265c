//! Every command of ours that a message, a comment, the help or the README names exists.

use super::super::command_line::{command, parses};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use regex::Regex;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A command in a text.
static NAMED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"git[ -]aitask ([a-z][^\n"`\\(]*)"#).unwrap());

/// A command in the line of a hint.
static HINT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"git[ -]aitask ([^&|;)"]*)"#).unwrap());

/// Sentences in which another word than a verb follows the name of the program.
const PROSE: [&str; 2] = ["git aitask in this clone", "git-aitask is"];

/// What is wrong with the commands that a text names: an unknown verb, or an option that the verb does not have.
fn unknown_commands(text: &str) -> Vec<String> {
    let root = command();
    let mut wrong = Vec::new();
    for found in NAMED.captures_iter(text).filter(|found| !PROSE.iter().any(|known| found[0].starts_with(known))) {
        let mut words = found[1].split_whitespace().map(|word| word.trim_end_matches([',', ';', '.', ':', ')', '\'']));
        let verb = words.next().unwrap_or_default();
        let Some(verb) = root.find_subcommand(verb) else {
            wrong.push(format!("there is no verb {verb}: {}", &found[0]));
            continue;
        };
        // the arguments of a script are its own
        if verb.get_name() == "compat" {
            continue;
        }
        let mut words = words.peekable();
        let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
        let below = words.peek().filter(|word| verb.has_subcommands() && is_word(word));
        let named = below.map_or(Some(verb), |below| verb.find_subcommand(below));
        let Some(verb) = named else {
            wrong.push(format!("{} has no such verb: {}", verb.get_name(), &found[0]));
            continue;
        };
        let options = words.take_while(|word| *word != "--").filter_map(|word| word.strip_prefix("--"));
        for option in options.map(|option| option.split('=').next().unwrap_or_default()) {
            let has = |command: &clap::Command| command.get_arguments().any(|arg| arg.get_long() == Some(option));
            if !has(verb) && !has(&root) && !verb.get_subcommands().any(has) {
                wrong.push(format!("{} has no --{option}: {}", verb.get_name(), &found[0]));
            }
        }
    }
    wrong
}

/// The commands of ours in the hints of a Rust source that do not parse.
fn hints_that_do_not_parse(source: &str) -> Vec<String> {
    let mut lines = Vec::new();
    collect_hints(source.parse().unwrap(), &mut lines);
    let commands = lines.iter().flat_map(|line| HINT.captures_iter(line)).map(|found| found[1].to_owned());
    let is_wrong = |line: &String| {
        let words = shlex::split(line).unwrap_or_default();
        !parses(&[&["git-aitask".to_owned()], words.as_slice()].concat())
    };
    commands.filter(is_wrong).collect()
}

/// Collects the text of each `command![...]`, with 12 for every value, and of each `.hint("...")`.
fn collect_hints(tokens: TokenStream, lines: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let before = |back: usize| index.checked_sub(back).map(|at| tokens[at].to_string()).unwrap_or_default();
        if group.delimiter() == Delimiter::Bracket && before(1) == "!" && before(2) == "command" {
            lines.push(line_of(group.stream()));
        } else if before(1) == "hint" {
            lines.extend(literal(group.stream()));
        }
        collect_hints(group.stream(), lines);
    }
}

/// The line of a `command![...]`: its literals, and 12 for every other value.
fn line_of(parts: TokenStream) -> String {
    let mut line: Vec<Vec<TokenTree>> = vec![Vec::new()];
    for token in parts {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => line.push(Vec::new()),
            _ => line.last_mut().unwrap().push(token),
        }
    }
    let text = |part: Vec<TokenTree>| literal(part.into_iter().collect()).unwrap_or_else(|| "12".to_owned());
    line.into_iter().filter(|part| !part.is_empty()).map(text).collect::<Vec<_>>().join(" ")
}

/// The value of tokens that are one string literal.
fn literal(tokens: TokenStream) -> Option<String> {
    syn::parse2::<syn::LitStr>(tokens).ok().map(|text| text.value())
}

/// The Rust sources of the program, without this file, whose tests name wrong commands.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut directories) = (Vec::new(), vec![root.join("src")]);
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with(Path::new(file!()).file_name().unwrap())
            {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    assert!(sources.len() > 100, "the sources are elsewhere");
    sources
}

#[test]
fn every_command_that_the_program_recommends_exists() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let all = unknown_commands(&text).into_iter().chain(hints_that_do_not_parse(&text));
        wrong.extend(all.map(|what| format!("{}: {what}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_that_the_readme_recommends_exists() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let wrong = unknown_commands(&std::fs::read_to_string(readme).unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_that_the_help_recommends_exists() {
    let mut texts = vec![super::printed(&["-h"]), super::printed(&["--help"])];
    texts.extend(super::verbs().iter().map(|verb| super::help(verb, "--help")));
    for text in texts {
        assert_eq!(unknown_commands(&text), Vec::<String>::new());
    }
}

#[test]
fn a_wrong_command_is_found() {
    for (text, wrong) in [
        ("run `git aitask pikc 12`", "there is no verb pikc"),
        ("git aitask worktree delete 12", "worktree has no such verb"),
        ("git aitask pick 12 --force", "pick has no --force"),
        ("git-aitask finnish", "there is no verb finnish"),
        ("git aitask worktree add 12 --discard", "add has no --discard"),
    ] {
        let found = unknown_commands(text);
        assert!(found.len() == 1 && found[0].starts_with(wrong), "{text}: {found:?}");
    }
    for text in
        ["git aitask pick 12 --json", "git aitask -h", "git aitask explore -- grep --color", "`git aitask`, then"]
    {
        assert_eq!(unknown_commands(text), Vec::<String>::new());
    }
}

#[test]
fn a_wrong_hint_is_found() {
    for (source, wrong) in [
        (r#"fn f() { error.hint(command!["git aitask pick", task.id(), "--force"]) }"#, "pick 12 --force"),
        (r#"fn f() { error.hint("git aitask pikc --next") }"#, "pikc --next"),
        (r#"fn f() { x(|| command!["cd", dir, "&& git aitask drop", id, "--status"]) }"#, "drop 12 --status"),
    ] {
        assert_eq!(hints_that_do_not_parse(source), [wrong]);
    }
    let right = r#"fn f() { error.hint(command!["git aitask pick", task.id(), "--steal"].note("git aitask is")) }"#;
    assert_eq!(hints_that_do_not_parse(right), Vec::<String>::new());
}
