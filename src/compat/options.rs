//! The options of create and update: words in, values by name out (specification 20, sections 6.1 and 7.1).

use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;

/// An option that a script knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownOption {
    pub(super) name: &'static str,
    /// Empty where it has none.
    short: &'static str,
    has_value: bool,
}

impl KnownOption {
    /// One that stands alone.
    pub(super) const fn flag(name: &'static str) -> Self {
        Self { name, short: "", has_value: false }
    }

    /// One that a value follows; `short` is empty where it has no short form.
    pub(super) const fn value(name: &'static str, short: &'static str) -> Self {
        Self { name, short, has_value: true }
    }
}

/// What was given.
#[derive(Debug, Default)]
pub(crate) struct ScriptOptions {
    values: BTreeMap<&'static str, Vec<String>>,
    /// Words that are no options.
    pub(super) words: Vec<String>,
}

impl ScriptOptions {
    /// Reads a command line; `None` asks for help. `check` sees every value and every other word as it is read.
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
                Some(KnownOption { name, has_value: false, .. }) => drop(options.values.entry(name).or_default()),
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
        self.values.contains_key(name)
    }

    /// The value that counts, the last one.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.last().map(String::as_str)
    }

    /// The value that counts, unless it is empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    /// All values.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// A command line, and the project that it is for.
#[derive(Debug)]
pub(super) struct ForProject {
    /// Another one than this, by its name.
    pub(super) project: Option<String>,
    /// The other words.
    pub(super) args: Vec<String>,
}

/// Takes every `--project NAME` out of a command line; the last name counts (specification 20, section 6.10).
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

/// One of several words, else what is wrong.
pub(super) fn one_of(value: &str, words: &[&str], what: &str, list: &str) -> Result<()> {
    if words.contains(&value) { Ok(()) } else { Err(usage(format!("Invalid {what}: {value} (must be {list})"))) }
}

/// An error of the command line.
pub(super) fn usage(text: String) -> Error {
    Error::new(Kind::Usage, text)
}
