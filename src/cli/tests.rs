//! The help of every verb, and the words that are no verb.

mod agents;
mod recommended;

use super::command_line::{command, parse, parses};
use super::help::{GROUPS, with_groups};
use super::{schema, unknown_verb};
use regex::Regex;
use std::ffi::OsString;
use std::sync::LazyLock;

/// The verbs that have no document: what they print is the output of what they run, or help.
const WITHOUT_DOCUMENT: [&str; 4] = ["explore", "hook", "compat", "help"];

static EXAMPLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"git aitask ([^\n]*)").unwrap());

/// Every verb and verb of a verb, as words: `["pick"]`, `["worktree", "list"]`.
fn verbs() -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for verb in command().get_subcommands() {
        all.push(vec![verb.get_name().to_owned()]);
        all.extend(verb.get_subcommands().map(|below| vec![verb.get_name().to_owned(), below.get_name().to_owned()]));
    }
    all
}

/// What the words print, on a terminal of 80 columns.
fn printed(words: &[&str]) -> String {
    let line = ["git-aitask"].iter().chain(words);
    with_groups(command()).term_width(80).try_get_matches_from(line).unwrap_err().to_string()
}

fn help(verb: &[String], option: &str) -> String {
    let words: Vec<_> = verb.iter().map(String::as_str).chain([option]).collect();
    printed(&words)
}

/// The `git aitask ...` commands in the examples of a help text, without comments.
fn examples(help: &str) -> Vec<Vec<String>> {
    let examples = help.split_once("\nExample").map_or("", |(_, examples)| examples);
    let lines = EXAMPLE.captures_iter(examples).map(|found| {
        let line = found[1].split(" #").next().unwrap_or_default();
        // the end of `cd "$(git aitask worktree path 12)"`
        if line.matches('"').count() % 2 == 1 { line.trim_end_matches([')', '"']).to_owned() } else { line.to_owned() }
    });
    lines.map(|line| shlex::split(&line).unwrap_or_else(|| panic!("quotes of {line:?}"))).collect()
}

fn run(words: &[String]) -> Vec<String> {
    std::iter::once("git-aitask".to_owned()).chain(words.iter().cloned()).collect()
}

#[test]
fn the_help_of_every_verb_is_as_it_was_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/verbs/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("help", printed(&["-h"]));
        insta::assert_snapshot!("help-long", printed(&["--help"]));
        for verb in verbs() {
            insta::assert_snapshot!(format!("help-{}", verb.join("-")), help(&verb, "-h"));
        }
    });
}

#[test]
fn every_verb_has_short_help_with_an_example_that_parses() {
    for verb in verbs() {
        let help = help(&verb, "-h");
        assert!(help.lines().count() <= 40, "{verb:?}: {} lines\n{help}", help.lines().count());
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        let found = examples(&help);
        assert!(found.iter().any(|words| words.starts_with(&verb)), "no example of {verb:?}\n{help}");
        for words in found {
            assert!(parses(&run(&words)), "{words:?} does not parse, in the help of {verb:?}");
        }
    }
}

#[test]
fn the_examples_of_the_long_help_parse() {
    for verb in verbs() {
        for words in examples(&help(&verb, "--help")) {
            assert!(parses(&run(&words)), "{words:?} does not parse, in the help of {verb:?}");
        }
    }
}

#[test]
fn options_of_every_verb_stand_last_under_their_own_heading() {
    for verb in verbs() {
        let help = help(&verb, "-h");
        let (own, common) = help.split_once("\nOptions of every verb:\n").unwrap_or_else(|| panic!("{help}"));
        let common = common.split("\n\n").next().unwrap_or_default();
        for option in ["-C ", "--json", "--quiet", "--verbose", "--color", "--remote", "--timeout", "--help"] {
            assert!(common.contains(option) && !own.contains(&format!("  {option}")), "{option}\n{help}");
        }
    }
}

#[test]
fn every_verb_has_the_schema_of_its_document_or_is_named_as_having_none() {
    for verb in verbs() {
        let below = command().find_subcommand(&verb[0]).unwrap().has_subcommands() && verb.len() == 1;
        let has_none = below || WITHOUT_DOCUMENT.contains(&verb[0].as_str());
        assert_eq!(schema::of(&verb).is_none(), has_none, "{verb:?}");
    }
    let overview = schema::of(&[]).unwrap();
    assert_eq!(overview["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for name in ["kind", "message", "hints", "exit", "usage", "possible_values", "holder", "stderr"] {
        assert!(overview["$defs"]["error"]["properties"].get(name).is_some(), "{name}");
    }
}

#[test]
fn every_verb_is_in_one_group() {
    let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
    let command = command();
    let mut all: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    grouped.sort_unstable();
    all.sort_unstable();
    assert_eq!(grouped, all);
}

#[test]
fn the_short_help_fits_a_page_and_the_long_one_has_the_exit_codes() {
    let short = printed(&["-h"]);
    assert!(short.lines().count() <= 40 && short.lines().all(|line| line.len() <= 80), "{short}");
    assert!(short.contains("Usage: git aitask [OPTIONS] [VERB]"), "{short}");
    let long = printed(&["--help"]);
    for part in ["Exit status:", "--timeout <TIME>", "worktreeSetup", "AIT_AGENT_PID", "Work on tasks:"] {
        assert!(long.contains(part), "{part}\n{long}");
    }
}

#[test]
fn every_setting_is_in_the_manual_and_no_other() {
    let read = Regex::new(r#"(?:value|find|is_on)\("([a-z]+)"|"GIT_AITASK_([A-Z]+)""#).unwrap();
    let settings = include_str!("../settings.rs").split("#[cfg(test)]").next().unwrap_or_default();
    let name = |found: regex::Captures<'_>| found.get(1).or(found.get(2)).unwrap().as_str().to_lowercase();
    let read: std::collections::BTreeSet<_> = read.captures_iter(settings).map(name).collect();
    let (_, told) = super::help::SECTIONS.split_once("\nSettings, ").unwrap();
    let term = Regex::new(r"(?m)^  (\w+) ").unwrap();
    let told = term.captures_iter(told.split("\n\n").next().unwrap());
    assert_eq!(told.map(|found| found[1].to_lowercase()).collect::<std::collections::BTreeSet<_>>(), read);
}

/// The error for a command line, as text: its sentence and its hints.
fn refused(line: &str) -> Option<String> {
    let args = run(&shlex::split(line).unwrap());
    let error = super::command_line::parse(&args.iter().map(OsString::from).collect::<Vec<_>>()).err()?;
    let error = unknown_verb::error(&args, &error)?;
    let hints: Vec<_> = error.hints().iter().map(ToString::to_string).collect();
    Some(format!("{error} | {}", hints.join(" | ")))
}

#[test]
fn every_word_that_means_a_verb_is_answered_with_a_command_that_parses() {
    for (word, _) in unknown_verb::MEANT {
        for args in ["", " 3 'a text'", " --json 3", " -h"] {
            let line = format!("{word}{args}");
            let refused = refused(&line).unwrap_or_else(|| panic!("`{line}` is not refused"));
            let hint = refused.strip_prefix(&format!("there is no verb `{word}` | git aitask ")).expect("one hint");
            assert!(parses(&run(&shlex::split(hint).unwrap())), "{line}: {hint}");
        }
    }
}

#[test]
fn the_command_that_is_meant_has_the_arguments_that_were_given() {
    for (line, meant) in [
        ("claim 3", "pick 3"),
        ("claim", "pick --next"),
        ("undo 3", "drop 3"),
        ("start 3 --base dev", "pick 3 --base dev"),
        ("next", "pick --next"),
        ("ready -n 5", "list --ready -n 5"),
        ("create 'Add login'", "new 'Add login'"),
        ("add", "new -h"),
        ("done 3 --squash", "finish 3 --squash"),
        ("close 3 --reason x", "finish 3"),
        ("release 3", "drop 3"),
        ("comment 3 'it works'", "edit 3"),
        ("assign 3 ann@example.com", "edit 3 --assign ann@example.com"),
        ("assign", "edit -h"),
        ("-C claim --json claim 3", "-C claim --json pick 3"),
        ("view 3 --verbose", "show 3 --verbose"),
    ] {
        let word = shlex::split(line)
            .unwrap()
            .iter()
            .rfind(|word| unknown_verb::MEANT.iter().any(|(w, _)| w == word))
            .cloned();
        let expected = format!("there is no verb `{}` | git aitask {meant}", word.unwrap());
        assert_eq!(refused(line).as_deref(), Some(expected.as_str()));
    }
    for (line, meant) in [("3", "show 3"), ("t12 --json", "show t12 --json")] {
        let word = line.split(' ').next().unwrap();
        assert_eq!(refused(line).as_deref(), Some(format!("there is no verb `{word}` | git aitask {meant}").as_str()));
    }
    for line in ["pikc 3", "nonsense", "worktree claim 3", "list --claim", "show claim"] {
        assert_eq!(refused(line), None, "{line}");
    }
}

#[test]
fn a_word_that_means_a_verb_is_none_itself() {
    let command = command();
    for (index, (word, _)) in unknown_verb::MEANT.iter().enumerate() {
        assert!(command.find_subcommand(word).is_none(), "{word}");
        assert!(unknown_verb::MEANT[..index].iter().all(|(other, _)| other < word), "{word} is not in order");
    }
}

#[test]
fn no_verb_is_suggested_that_no_help_names() {
    for (word, suggested) in [("foo", false), ("hoook", false), ("pikc", true)] {
        let error = parse(&["git-aitask", word]).err().unwrap();
        assert_eq!(error.to_string().contains("similar"), suggested, "{error}");
    }
}
