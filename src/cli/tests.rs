//! The help and every command that the program recommends, against the command line itself.

use super::Cli;
use clap::{CommandFactory as _, Parser as _};

/// The short help of a verb, or of all.
fn help(verb: &[&str]) -> String {
    let line = ["git-aitask"].iter().chain(verb).chain(&["-h"]).copied();
    Cli::try_parse_from(line).unwrap_err().to_string()
}

/// Every verb and verb of a verb, as words: `pick`, `worktree list`.
fn verbs() -> Vec<String> {
    let mut all = Vec::new();
    for verb in Cli::command().get_subcommands() {
        all.push(verb.get_name().to_owned());
        all.extend(verb.get_subcommands().map(|below| format!("{} {}", verb.get_name(), below.get_name())));
    }
    all
}

/// The words of a command line as a shell reads them, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let parts = regex::Regex::new(r#"(?:"[^"]*"|[^\s"])+"#).unwrap();
    parts.find_iter(line).map(|word| word.as_str().replace('"', "")).collect()
}

/// The `git aitask ...` commands in a text, without comments.
fn commands(text: &str) -> Vec<Vec<String>> {
    let command = regex::Regex::new(r"git[ -]aitask ([^\n]*)").unwrap();
    let lines = command.captures_iter(text).map(|found| found[1].to_owned());
    let bare = |line: String| {
        let line = line.split("   ").next().unwrap_or_default().split(" #").next().unwrap_or_default().to_owned();
        // the end of `cd "$(git aitask worktree path 12)"`
        if line.matches('"').count() % 2 == 1 { line.trim_end_matches([')', '"']).to_owned() } else { line }
    };
    lines.map(|line| words(&bare(line))).collect()
}

fn parses(words: &[String]) -> bool {
    let line = std::iter::once("git-aitask").chain(words.iter().map(String::as_str));
    Cli::try_parse_from(line).is_ok()
}

#[test]
fn the_help_of_every_verb_is_short_and_has_an_example_that_parses() {
    for verb in verbs().iter().filter(|verb| !verb.contains(' ')) {
        let help = help(&[verb]);
        assert!(help.lines().count() <= 48, "{verb}: {} lines\n{help}", help.lines().count());
        let examples = help.split("Example").nth(1).unwrap_or_else(|| panic!("{verb} has no example\n{help}"));
        let found = commands(examples);
        assert!(found.iter().any(|words| words.first() == Some(verb)), "no example of {verb}\n{help}");
        for words in found {
            assert!(parses(&words), "{words:?} does not parse, in the help of {verb}");
        }
    }
}

#[test]
fn the_help_of_all_names_every_verb_and_the_exit_codes() {
    let help = help(&[]);
    assert!(help.contains("Usage: git aitask [OPTIONS]") && help.contains("Exit codes: 0 done"), "{help}");
    assert!(
        verbs().iter().filter(|verb| !verb.contains(' ')).all(|verb| help.contains(&format!("\n  {verb} "))),
        "{help}"
    );
    assert!(help.lines().count() <= 48, "{} lines", help.lines().count());
}

/// All source files in one text.
fn sources() -> String {
    let (mut text, mut folders) = (String::new(), vec![std::path::PathBuf::from("src")]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

/// No options of a verb of ours: the arguments of scripts, and prose.
const NOT_YET: [&str; 2] = ["git aitask compat ", "--publish {draft}"];

#[test]
fn every_command_that_the_program_recommends_exists() {
    let command = regex::Regex::new(r#"git aitask [a-z]+[^"`\\(]*"#).unwrap();
    let sources = sources();
    let root = Cli::command();
    let found = command.find_iter(&sources).flat_map(|found| found.as_str().lines().take(1));
    for line in found.filter(|line| !NOT_YET.iter().any(|known| line.contains(known))) {
        let words: Vec<_> = line.split_whitespace().skip(2).collect();
        // its arguments are those of the script
        if words[0] == "compat" {
            continue;
        }
        let Some(verb) = root.find_subcommand(words[0].trim_end_matches([',', ';', '.', ':'])) else { continue };
        let of_ours = words.iter().take_while(|word| **word != "--");
        for option in of_ours.filter_map(|word| word.strip_prefix("--")) {
            let option = option.trim_end_matches([',', ';', '.', ')']);
            let known = |command: &clap::Command| command.get_arguments().any(|arg| arg.get_long() == Some(option));
            let known_below = verb.get_subcommands().any(known);
            assert!(
                known(verb) || known_below || known(&root) || option == "help",
                "{} has no --{option}: {line}",
                verb.get_name()
            );
        }
    }
}
