//! The command line as clap knows it, and its parsing.

use crate::cli::{Cli, OPTIONS_OF_EVERY_VERB, help};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory as _, FromArgMatches as _, ValueHint};
use std::ffi::OsStr;

/// The whole command line. Its own `-h` stands with the options of every verb.
pub(crate) fn command() -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true);
    Cli::command().arg(help.help_heading(OPTIONS_OF_EVERY_VERB).help("Print help; --help prints the long help"))
}

/// Parses arguments, of which the first is the name of the program. Help and version are errors, as clap has it.
pub(crate) fn parse<T: AsRef<OsStr>>(args: &[T]) -> Result<Cli, clap::Error> {
    let mut command = command();
    match command.try_get_matches_from_mut(args.iter().map(T::as_ref)) {
        Ok(matches) => Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command)),
        // The groups of verbs cost time, and only help shows them.
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Err(help::with_groups(self::command())
            .try_get_matches_from(args.iter().map(T::as_ref))
            .err()
            .unwrap_or(error)),
        Err(mut error) => {
            only_shown_verbs(&command, &mut error);
            Err(error)
        }
    }
}

/// Removes the verbs that no help names from what clap suggests.
fn only_shown_verbs(command: &Command, error: &mut clap::Error) {
    let Some(ContextValue::Strings(words)) = error.remove(ContextKind::SuggestedSubcommand) else { return };
    let is_shown = |word: &String| command.find_subcommand(word).is_some_and(|verb| !verb.is_hide_set());
    let shown: Vec<_> = words.into_iter().filter(is_shown).collect();
    if shown.is_empty() {
        error.remove(ContextKind::Suggested);
    } else {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(shown));
    }
}

/// Whether arguments can be run, or ask for help.
pub(crate) fn parses<T: AsRef<OsStr>>(args: &[T]) -> bool {
    parse(args).map_or_else(|error| !error.use_stderr(), |_| true)
}

/// The verb that arguments name, and the verb of that verb, as far as the command line knows them.
pub(crate) fn named_verb(args: &[String]) -> Vec<String> {
    let root = command();
    let mut at = &root;
    let mut named = Vec::new();
    let mut words = args.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            let takes_next = |arg: &Arg| arg.get_action().takes_values() && is_named_at_the_end(arg, word);
            if root.get_arguments().chain(at.get_arguments()).any(takes_next) {
                words.next();
            }
            continue;
        }
        let Some(below) = at.find_subcommand(word) else { break };
        named.push(below.get_name().to_owned());
        at = below;
    }
    named
}

/// Whether a word is an option, or a group of short ones that ends with it, so that its value is the next word.
fn is_named_at_the_end(arg: &Arg, word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => word.ends_with(|last| arg.get_short() == Some(last)),
    }
}

/// The command line for completion. It offers no file names: a shell inserts the words that a program offers without
/// quotes, and would run a command that stands in a file name. The shells complete file names themselves, with quotes.
/// Options are offered where nothing else is, as after `--`: among the tasks they would be in the way.
pub(crate) fn completed() -> Command {
    only_words(command())
}

fn only_words(command: Command) -> Command {
    let changed = |arg: Arg| {
        let is_option = !arg.is_positional();
        let arg = if arg.get_value_hint() == ValueHint::Unknown { arg } else { arg.value_hint(ValueHint::Other) };
        arg.hide(is_option)
    };
    command.mut_args(changed).mut_subcommands(only_words)
}
