//! Names of git's objects, refs, branches and remotes, parsed once where they enter the program, so that no other code
//! has to check them.

use crate::error::{Error, Kind, Result};
use std::fmt;

/// An object name: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits, never the all-zero name, which
/// stands for "no object" in git's protocols and is [`None`] here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Oid(Box<str>);

impl Oid {
    /// Parses an object name; the all-zero name is refused.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let zero = text.bytes().all(|b| b == b'0');
        (matches!(text.len(), 40 | 64) && hex && !zero).then(|| Self(text.into()))
    }

    /// Parses an object name where git writes zeros for "none".
    ///
    /// # Errors
    /// [`Kind::Git`] for anything else.
    pub(crate) fn parse_or_zero(text: &str) -> Result<Option<Self>> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b == b'0') {
            return Ok(None);
        }
        let broken = || Error::new(Kind::Git, format!("git wrote {text:?} where an object name should stand"));
        Self::parse(text).map(Some).ok_or_else(broken)
    }

    /// The first seven digits, for messages.
    pub(crate) fn short(&self) -> &str {
        &self.0[..7]
    }

    /// The all-zero name of the same length, as git's protocols write "no object".
    pub(crate) fn zeros(&self) -> String {
        "0".repeat(self.0.len())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({})", &self.0)
    }
}

/// Whether `name` may follow `refs/…/` (the rules of git-check-ref-format(1)), and cannot be taken for an option.
fn well_formed(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    // A part of a name is a file name, and so at most 255 bytes long; git itself cuts longer lines.
    !name.is_empty()
        && name.len() <= 1000
        && name != "@"
        && !name.starts_with('-')
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(|part| {
            !part.is_empty()
                && part.len() <= 250
                && !part.starts_with('.')
                && !part.to_ascii_lowercase().ends_with(".lock")
        })
}

/// A full ref name, `refs/…`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct RefName(Box<str>);

impl RefName {
    /// Parses a full ref name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("refs/")?;
        well_formed(rest).then(|| Self(text.into()))
    }

    /// The branch, when the ref is under `refs/heads/`.
    pub(crate) fn branch(&self) -> Option<Branch> {
        self.0.strip_prefix("refs/heads/").and_then(|name| Branch::parse(name).ok())
    }
}

/// The short name of a branch, without `refs/heads/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Branch(Box<str>);

impl Branch {
    /// Parses a branch name by the rules of git.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if well_formed(text) && text != "HEAD" {
            Ok(Self(text.into()))
        } else {
            Err(Error::new(Kind::Usage, format!("{text:?} is not a branch name")).hint("git help check-ref-format"))
        }
    }

    /// `refs/heads/<name>`.
    pub(crate) fn full(&self) -> RefName {
        RefName(format!("refs/heads/{}", self.0).into())
    }

    /// `refs/remotes/<remote>/<name>`.
    pub(crate) fn tracking(&self, remote: &RemoteName) -> RefName {
        RefName(format!("refs/remotes/{remote}/{}", self.0).into())
    }
}

/// As an argument of a command.
impl AsRef<std::ffi::OsStr> for Branch {
    fn as_ref(&self) -> &std::ffi::OsStr {
        self.0.as_ref().as_ref()
    }
}

/// The name of a configured remote.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct RemoteName(Box<str>);

impl RemoteName {
    /// Parses the name of a remote; a URL or path is refused.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if well_formed(text) {
            Ok(Self(text.into()))
        } else {
            Err(Error::new(Kind::Usage, format!("{text:?} is not the name of a remote")).hint("git remote -v"))
        }
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl $type {
            /// The name as text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

as_text!(Oid, RefName, Branch, RemoteName);

/// One ref of a swap: from `old` (`None`: it must not exist) to `new` (`None`: it is deleted).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RefUpdate {
    /// The full name.
    pub(crate) name: RefName,
    /// The expected value.
    pub(crate) old: Option<Oid>,
    /// The new value.
    pub(crate) new: Option<Oid>,
}

impl RefUpdate {
    /// A guard: a ref that must keep its value for the rest of the swap to be right.
    pub(crate) fn guard(name: RefName, oid: Oid) -> Self {
        Self { name, old: Some(oid.clone()), new: Some(oid) }
    }

    /// Whether it is a guard.
    pub(crate) fn is_guard(&self) -> bool {
        self.old == self.new
    }
}

/// Whether the tips of branches are fetched first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// They are fetched.
    Fetched,
    /// They are as this clone knows them.
    #[default]
    AsKnown,
}

impl From<bool> for Freshness {
    fn from(fetch: bool) -> Self {
        if fetch { Self::Fetched } else { Self::AsKnown }
    }
}

/// The difference of two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AheadBehind {
    /// The number of commits that only the first has.
    pub(crate) ahead: u32,
    /// The number of commits that only the second has.
    pub(crate) behind: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_of_both_kinds() {
        assert!(Oid::parse(&"a".repeat(40)).is_some());
        assert!(Oid::parse(&"1".repeat(64)).is_some());
        for bad in ["", "abc", &"0".repeat(40), &"A".repeat(40), &"g".repeat(40), &"a".repeat(41)] {
            assert!(Oid::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Oid::parse_or_zero(&"0".repeat(64)).unwrap(), None);
        assert!(Oid::parse_or_zero("0").is_err());
    }

    #[test]
    fn branch_names_that_git_or_we_refuse() {
        for bad in [
            "", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", ".a", "a/.b",
            "a.lock", "a.lock/b", "a.", "@", "a@{b", "HEAD", "a\nb", "a\u{7f}",
        ] {
            assert!(Branch::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["main", "aitask/t16_2_add_login", "feature/ünïcode", "a@b", "v1.0"] {
            assert_eq!(Branch::parse(good).unwrap().full().branch().unwrap().as_str(), good);
        }
    }
}
