//! A command line that does not parse, as an error for programs: all that clap says about it, in fields.

use crate::cli::command_line::{command, named_verb, parses};
use crate::cli::unknown_verb;
use crate::error::{Error, Hint, Kind, Payload};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// The last paragraph of clap's text, which the last hint replaces.
const MORE: &str = "\n\nFor more information, try ";

/// What clap suggests instead of what it refused.
const SUGGESTIONS: [(ContextKind, ContextKind); 3] = [
    (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
    (ContextKind::InvalidArg, ContextKind::SuggestedArg),
    (ContextKind::InvalidValue, ContextKind::SuggestedValue),
];

/// The same for what the verb itself refuses.
pub(super) fn whole(args: &[OsString], error: Error) -> Error {
    let is_whole = error.payloads().iter().any(|payload| matches!(payload, Payload::Usage { .. }));
    if error.kind() != Kind::Usage || is_whole {
        return error;
    }
    let is_value = error.payloads().iter().any(|payload| matches!(payload, Payload::PossibleValues { .. }));
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let verb = named_verb(&args);
    let usage = usage_of(&verb);
    let error = if is_value || error.hints().is_empty() { error.hint(help_of(&verb)) } else { error };
    error.with(Payload::Usage { usage })
}

/// The command that shows the help of a verb.
pub(super) fn help_of(verb: &[String]) -> Hint {
    verb.iter().fold(Hint::from("git aitask"), |hint, verb| hint.word(verb)).word(&"-h")
}

/// The error. Its hints are the command lines that may be meant, the tips of clap, and the help of the verb.
pub(super) fn error(args: &[String], refused: &clap::Error) -> Error {
    let verb = named_verb(args);
    let (message, tips, usage) = parts(refused);
    let usage = usage.unwrap_or_else(|| usage_of(&verb));
    let known = unknown_verb::error(args, refused);
    let mut error = known.unwrap_or_else(|| Error::new(Kind::Usage, message));
    let meant = meant(args, refused);
    for tip in tips {
        let of_tip = meant.iter().find(|(word, _)| tip.contains(&format!("'{word}'")));
        error = error.hint(of_tip.map_or_else(Hint::default, |(_, hint)| hint.clone()).note(tip));
    }
    error = error.hint(help_of(&verb)).with(Payload::Usage { usage });
    let possible_values = match refused.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => verbs_of(&verb),
        _ => [ContextKind::ValidValue, ContextKind::ValidSubcommand].map(|kind| strings(refused.get(kind))).concat(),
    };
    if possible_values.is_empty() { error } else { error.with(Payload::PossibleValues { possible_values }) }
}

/// The sentence, which may name arguments on lines of their own; the tips; and the usage line, where clap shows one. What a
/// user typed stands in the sentence, so that the text is taken apart from its end.
fn parts(refused: &clap::Error) -> (String, Vec<String>, Option<String>) {
    if refused.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Its text is the whole help, which the last hint shows.
        return ("a verb is missing".to_owned(), Vec::new(), None);
    }
    let text = refused.to_string();
    let text = text.rsplit_once(MORE).map_or(text.as_str(), |(text, _)| text).trim_end();
    let usage = match refused.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => Some(usage.to_string()),
        _ => None,
    };
    let text = usage.as_deref().and_then(|usage| text.strip_suffix(usage.trim_end())).unwrap_or(text).trim_end();
    let (sentence, tips) = match text.rsplit_once("\n\n") {
        Some((sentence, tips)) if tips.lines().all(|line| line.starts_with("  tip: ")) => (sentence, tips),
        _ => (text, ""),
    };
    let sentence: Vec<_> = sentence.trim_start_matches("error: ").lines().map(str::trim).collect();
    let tips = tips.lines().map(|tip| tip.trim_start_matches("  tip: ").to_owned()).collect();
    (sentence.join(" ").trim_end().to_owned(), tips, usage.map(|usage| without_heading(&usage)))
}

/// The verbs of a verb.
fn verbs_of(verb: &[String]) -> Vec<String> {
    let root = command();
    let named = verb.iter().try_fold(&root, |at, name| at.find_subcommand(name));
    named.unwrap_or(&root).get_subcommands().map(|below| below.get_name().to_owned()).collect()
}

/// The usage line of a verb, for an error about which clap shows none.
fn usage_of(verb: &[String]) -> String {
    let mut root = command();
    root.build();
    let named = verb.iter().try_fold(&root, |at, name| at.find_subcommand(name));
    without_heading(&named.unwrap_or(&root).clone().render_usage().to_string())
}

fn without_heading(usage: &str) -> String {
    let lines: Vec<_> = usage.trim_start_matches("Usage:").lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// The words that clap suggests, each with the command line that has it in the place of the refused one, where that can be
/// run.
fn meant(args: &[String], refused: &clap::Error) -> Vec<(String, Hint)> {
    let mut meant = Vec::new();
    for (kind, suggestion) in SUGGESTIONS {
        let Some(ContextValue::String(wrong)) = refused.get(kind) else { continue };
        for word in strings(refused.get(suggestion)) {
            let corrected: Vec<_> = args.iter().skip(1).map(|arg| corrected(arg, wrong, &word)).collect();
            let line: Vec<_> = args.iter().take(1).chain(&corrected).cloned().collect();
            if corrected.as_slice() != args.get(1..).unwrap_or_default() && parses(&line) {
                let hint = corrected.iter().fold(Hint::from("git aitask"), |hint, word| hint.word(word));
                meant.push((word, hint));
            }
        }
    }
    meant
}

/// An argument with the refused word replaced: the whole one, the name of an option, or the value of one.
fn corrected(arg: &str, wrong: &str, right: &str) -> String {
    match arg.split_once('=') {
        _ if arg == wrong => right.to_owned(),
        Some((name, value)) if name == wrong => format!("{right}={value}"),
        Some((name, value)) if value == wrong && name.starts_with('-') => format!("{name}={right}"),
        _ => arg.to_owned(),
    }
}

fn strings(value: Option<&ContextValue>) -> Vec<String> {
    match value {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
