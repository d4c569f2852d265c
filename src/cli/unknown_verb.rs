//! Words that are no verb, and the command that is meant by each.

use crate::cli::command_line::{parse, parses};
use crate::error::{Error, Hint, Kind};
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Words that people and agents try, and the command that each means: `TASK` stands for the first argument, and the other
/// arguments follow at the end.
pub(super) const MEANT: [(&str, &str); 48] = [
    ("abandon", "drop"),
    ("add", "new"),
    ("assign", "edit TASK --assign"),
    ("begin", "pick"),
    ("cancel", "drop"),
    ("cat", "show"),
    ("change", "edit"),
    ("checkout", "pick"),
    ("claim", "pick"),
    ("close", "finish"),
    ("comment", "edit"),
    ("complete", "finish"),
    ("create", "new"),
    ("describe", "show"),
    ("done", "finish"),
    ("free", "drop"),
    ("history", "log"),
    ("info", "show"),
    ("install", "setup"),
    ("land", "finish"),
    ("merge", "finish"),
    ("mine", "list --mine"),
    ("modify", "edit"),
    ("next", "pick --next"),
    ("open", "show"),
    ("path", "worktree path"),
    ("pull", "sync"),
    ("push", "sync"),
    ("ready", "list --ready"),
    ("release", "drop"),
    ("rename", "edit TASK --title"),
    ("resolve", "finish"),
    ("return", "drop"),
    ("start", "pick"),
    ("steal", "pick --steal"),
    ("submit", "finish"),
    ("switch", "pick"),
    ("take", "pick"),
    ("tasks", "list"),
    ("todo", "list --ready"),
    ("unassign", "edit TASK --assign="),
    ("unclaim", "drop"),
    ("undo", "drop"),
    ("update", "edit"),
    ("view", "show"),
    ("who", "locks"),
    ("work", "pick"),
    ("worktrees", "worktree list"),
];

/// The error for a word of [`MEANT`] in the place of a verb, with the command that is meant as its hint; `None` where the
/// command line has another error.
pub(super) fn error(args: &[String], error: &clap::Error) -> Option<Error> {
    let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    else {
        return None;
    };
    let known = MEANT.iter().find(|(known, _)| known == word).map(|(_, meant)| (*meant).to_owned());
    let meant = known.or_else(|| is_number(word).then(|| format!("show {word}")))?;
    // The word may also be the value of an option before it: only options that parse come before the verb.
    let at = (1..args.len()).find(|&at| args.get(at) == Some(word) && parse(&args[..at]).is_ok())?;
    let command = command(&args[1..at], &meant, &args[at + 1..]);
    let hint = command.iter().fold(Hint::from("git aitask"), |hint, word| hint.word(word));
    Some(Error::new(Kind::Usage, format!("there is no verb `{word}`")).hint(hint))
}

/// Whether it is the number of a task, in the place of a verb.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('t').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The words of the command that is meant: with all arguments, else with the first one, else the help of its verb. A hint
/// is always a command that parses.
fn command(options: &[String], meant: &str, args: &[String]) -> Vec<String> {
    let with = |args: &[String]| {
        let mut args = args.iter();
        let mut words = options.to_vec();
        for word in meant.split(' ') {
            words.push(if word == "TASK" { args.next()?.clone() } else { word.to_owned() });
        }
        words.extend(args.cloned());
        if meant == "pick" && words.last().is_some_and(|word| word == "pick") {
            words.push("--next".to_owned());
        }
        parses(&[&["git-aitask".to_owned()], words.as_slice()].concat()).then_some(words)
    };
    let first = args.get(..1).unwrap_or_default();
    with(args).or_else(|| with(first)).unwrap_or_else(|| {
        let verb = meant.split(' ').next().unwrap_or_default();
        [options, &[verb.to_owned(), "-h".to_owned()]].concat()
    })
}
