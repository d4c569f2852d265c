//! The command line of the scripts with many options: create, update, the board. Every option may be repeated.

use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;

/// An option of a script.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownOption {
    pub(super) name: &'static str,
    /// Its short form; empty where it has none.
    short: &'static str,
    has_value: bool,
}

impl KnownOption {
    /// An option without a value.
    pub(super) const fn flag(name: &'static str) -> Self {
        Self { name, short: "", has_value: false }
    }

    /// An option with a value; `short` is empty where it has no short form.
    pub(super) const fn value(name: &'static str, short: &'static str) -> Self {
        Self { name, short, has_value: true }
    }
}

/// The options and words of a command line.
#[derive(Debug, Default)]
pub(crate) struct ScriptOptions {
    values: BTreeMap<&'static str, Vec<String>>,
    /// The options without a value, in the order of the command line.
    flags: Vec<&'static str>,
    /// Words that are no options.
    pub(super) words: Vec<String>,
}

impl ScriptOptions {
    /// Parses a command line; `None` asks for help. `check` is called for every value and every other word in the order
    /// of the command line, so that the first wrong one is reported, as the scripts do.
    pub(super) fn parse(
        known: &[KnownOption],
        args: &[String],
        mut check: impl FnMut(&str, &str) -> Result<()>,
    ) -> Result<Option<Self>> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--help" || arg == "-h" {
                return Ok(None);
            }
            match known.iter().find(|known| known.name == arg || (!known.short.is_empty() && known.short == arg)) {
                Some(KnownOption { name, has_value: true, .. }) => {
                    let value = args.next().ok_or_else(|| usage(format!("Missing value for {arg}")))?;
                    check(name, value)?;
                    options.values.entry(name).or_default().push(value.clone());
                }
                Some(KnownOption { name, has_value: false, .. }) => options.flags.push(name),
                None if arg.starts_with('-') => return Err(usage(format!("Unknown option: {arg}"))),
                None => {
                    check("", arg)?;
                    options.words.push(arg.clone());
                }
            }
        }
        Ok(Some(options))
    }

    /// Whether an option was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.contains(&name) || self.values.contains_key(name)
    }

    /// Whether the option `on` was given, and not its opposite `off` after it.
    pub(super) fn is_on(&self, on: &str, off: &str) -> bool {
        self.flags.iter().rfind(|flag| [on, off].contains(flag)).is_some_and(|flag| *flag == on)
    }

    /// The last value of an option, which counts when it is repeated.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.last().map(String::as_str)
    }

    /// The last value of an option, unless it is empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    /// All values.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// A command line without `--project`, and the project that it named.
#[derive(Debug)]
pub(super) struct ForProject {
    /// The name of the other project; `None` for this one.
    pub(super) project: Option<String>,
    /// The other arguments.
    pub(super) args: Vec<String>,
}

/// Takes every `--project NAME` out of a command line, at any position; the last name counts, as for the scripts.
pub(super) fn take_project(args: &[String]) -> Result<ForProject> {
    let (mut project, mut rest) = (None, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--project" {
            let value = args.next().filter(|value| !value.is_empty());
            project = Some(value.cloned().ok_or_else(|| usage("--project requires a value".to_owned()))?);
        } else {
            rest.push(arg.clone());
        }
    }
    Ok(ForProject { project, args: rest })
}

/// Refuses a value that is not one of `words`; `list` shows them in the message.
pub(super) fn one_of(value: &str, words: &[&str], what: &str, list: &str) -> Result<()> {
    if words.contains(&value) { Ok(()) } else { Err(usage(format!("Invalid {what}: {value} (must be {list})"))) }
}

/// An error in the command line.
pub(super) fn usage(text: String) -> Error {
    Error::new(Kind::Usage, text)
}
