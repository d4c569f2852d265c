//! The error type of the crate: what happened, why, and the command that helps.
//!
//! The module promises that the [`Kind`] alone decides the exit code, that no message contains a password, and that text
//! of others is made safe before it is shown. Every module uses it; it uses none.

#[macro_use]
mod hint;
mod kind;
mod payload;
mod text;

pub(crate) use hint::Hint;
pub(crate) use kind::{KINDS, Kind, KindRow};
pub(crate) use payload::Payload;
pub(crate) use text::{is_ssh, is_unsafe, quoted, redacted, sanitise, sanitise_lines};

use serde_json::{Map, Value};

/// The result of a fallible function of this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: its [`Kind`], one sentence that says what happened and why (lower case, no full stop), the commands that
/// help, and facts for programs.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    hints: Vec<Hint>,
    payloads: Vec<Payload>,
    retryable: bool,
}

impl Error {
    /// An error of a kind, with its sentence.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = redacted(&message.into());
        Self(Box::new(Inner { kind, message, hints: Vec::new(), payloads: Vec::new(), retryable: false }))
    }

    /// An error about a file that could not be read or written.
    pub(crate) fn io(action: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let kind = if matches!(source.kind(), StorageFull | QuotaExceeded) { Kind::DiskFull } else { Kind::Io };
        let error = Self::new(kind, format!("cannot {action} {}: {source}", path.display()));
        if kind == Kind::Io { error } else { error.advice("free some space; then the same command again") }
    }

    /// Marks the error as one that a second attempt does not meet, since this one has brought what was missing and
    /// changed nothing else.
    pub(crate) fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Whether a second attempt may succeed ([`Error::retryable`]).
    pub(crate) fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Appends to the sentence.
    pub(crate) fn append(mut self, more: &str) -> Self {
        self.0.message.push_str(&redacted(more));
        self
    }

    /// Adds a command that helps.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// With this command as the only one that helps.
    pub(crate) fn only_hint(mut self, hint: Hint) -> Self {
        self.0.hints = vec![hint];
        self
    }

    /// Adds advice, where no single command helps.
    pub(crate) fn advice(self, text: impl Into<String>) -> Self {
        self.hint(Hint::advice(text))
    }

    /// Names the values that could stand in the place of the one that is refused.
    pub(crate) fn one_of(self, values: &[&str]) -> Self {
        let possible_values = values.iter().map(ToString::to_string).collect();
        let (last, first) = values.split_last().unwrap_or((&"", &[]));
        self.advice(format!("use {} or {last}", first.join(", "))).with(Payload::PossibleValues { possible_values })
    }

    /// Adds a fact.
    pub(crate) fn with(mut self, payload: Payload) -> Self {
        self.0.payloads.push(payload.redacted());
        self
    }

    /// The kind.
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The commands that help, most helpful first.
    pub(crate) fn hints(&self) -> &[Hint] {
        &self.0.hints
    }

    /// The names of the branches that the server refused.
    fn denied(&self) -> impl Iterator<Item = &str> {
        let refused = self.payloads().iter().filter_map(|payload| match payload {
            Payload::Refused { branches } if self.kind() == Kind::Denied => Some(branches),
            _ => None,
        });
        refused.flatten().map(String::as_str)
    }

    /// Whether the server refused a push to this branch.
    pub(crate) fn is_denied_for(&self, branch: &str) -> bool {
        self.denied().any(|name| name == branch)
    }

    /// Whether the server refused a push to a branch other than those of this program and those of tasks.
    pub(crate) fn is_denied_for_code(&self) -> bool {
        self.denied().any(|name| !["aitask-", "aitask/"].iter().any(|own| name.starts_with(own)))
    }

    /// The facts.
    pub(crate) fn payloads(&self) -> &[Payload] {
        &self.0.payloads
    }

    /// The error as the JSON form has it.
    pub(crate) fn described(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("kind".to_owned(), self.kind().name().into());
        fields.insert("message".to_owned(), self.to_string().into());
        fields.insert("hints".to_owned(), serde_json::to_value(self.hints()).unwrap_or_default());
        fields.insert("exit".to_owned(), self.kind().exit_code().into());
        fields.extend(payload::fields(self.payloads()));
        fields
    }

    /// Why it is refused, as a word, where there is one.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.payloads().iter().find_map(|payload| match payload {
            Payload::Reason { reason } => Some(*reason),
            _ => None,
        })
    }

    /// The standard error of git, where it is known.
    pub(crate) fn stderr(&self) -> Option<&str> {
        self.payloads().iter().find_map(|payload| match payload {
            Payload::Said { stderr } => Some(stderr.as_str()),
            _ => None,
        })
    }
}
