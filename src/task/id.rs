//! Task ids.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::text::parse_number;
use crate::error::{Error, Kind, Result};

/// The highest id. No counter of a real project is higher; the limit keeps every sum within `u64`, and every id
/// parsable as one.
pub(crate) const HIGHEST_ID: u64 = 99_999_999_999_999_999;

/// The id of a task: a number `12`, or for a child the parent's number and its own, `12_3`. Ordered by number, a parent
/// before its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId {
    number: u64,
    child: Option<u64>,
}

impl TaskId {
    /// The id of a top-level task. No task has the number 0, which parsing refuses.
    pub(crate) fn top(number: u64) -> Self {
        Self { number, child: None }
    }

    /// The id of a child task.
    pub(crate) fn child(number: u64, child: u64) -> Self {
        Self { number, child: Some(child) }
    }

    /// Parses `N`, `tN`, `N_M` or `tN_M`: decimal, greater than zero, at most 18 digits; leading zeros are dropped.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::try_parse(text).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{text:?} is not a task id"))
                .advice("a task id is a number such as 12, or for a child 12_3, with or without a leading t")
        })
    }

    /// [`TaskId::parse`] for text that may be something else: `None` instead of an error.
    pub(crate) fn try_parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('t').unwrap_or(text);
        match text.split_once('_') {
            None => parse_number(text).map(Self::top),
            Some((number, child)) => Some(Self::child(parse_number(number)?, parse_number(child)?)),
        }
    }

    /// The id with its `t`: `t12`, `t12_3`.
    pub(crate) fn prefixed(self) -> String {
        format!("t{self}")
    }

    /// The id in the form of the id lists of task files: `12` for a top-level task, `t12_3` for a child.
    pub(crate) fn in_list(self) -> String {
        if self.is_child() { self.prefixed() } else { self.to_string() }
    }

    /// The parent of a child.
    pub(crate) fn parent(self) -> Option<Self> {
        self.child.map(|_| Self::top(self.number))
    }

    /// Whether this is the id of a child.
    pub(crate) fn is_child(self) -> bool {
        self.child.is_some()
    }

    /// The number of a top-level task: its own, or for a child that of its parent.
    pub(crate) fn number(self) -> u64 {
        self.number
    }

    /// The number of a child among its siblings.
    pub(crate) fn child_number(self) -> Option<u64> {
        self.child
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.child {
            None => write!(f, "{}", self.number),
            Some(child) => write!(f, "{}_{child}", self.number),
        }
    }
}

impl FromStr for TaskId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

super::text::schema_of_text!(TaskId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_the_four_forms() {
        for (text, id) in [
            ("12", TaskId::top(12)),
            ("t12", TaskId::top(12)),
            ("12_3", TaskId::child(12, 3)),
            ("t12_3", TaskId::child(12, 3)),
            ("t007", TaskId::top(7)),
            ("007_01", TaskId::child(7, 1)),
            ("999999999999999999", TaskId::top(999_999_999_999_999_999)),
        ] {
            assert_eq!(TaskId::parse(text).unwrap(), id, "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "t",
            "tt1",
            "T1",
            "0",
            "t0",
            "1_0",
            "0_1",
            "1_",
            "_1",
            "1_2_3",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "abc",
            "1a",
            "t1_x",
            "1000000000000000000",
            "１",
            "1\n",
        ] {
            let error = TaskId::parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn forms_and_relations() {
        let child = TaskId::child(12, 3);
        assert_eq!(
            (child.to_string(), child.prefixed(), child.in_list()),
            ("12_3".into(), "t12_3".into(), "t12_3".into())
        );
        assert_eq!(child.parent(), Some(TaskId::top(12)));
        assert_eq!((child.number(), child.child_number()), (12, Some(3)));
        assert_eq!((TaskId::top(12).parent(), TaskId::top(12).in_list()), (None, "12".into()));
        assert_eq!(serde_json::to_string(&child).unwrap(), "\"12_3\"");
    }

    #[test]
    fn order_is_numeric() {
        let mut ids: Vec<TaskId> = ["12_10", "100", "9", "12_2", "12"].iter().map(|t| t.parse().unwrap()).collect();
        ids.sort();
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["9", "12", "12_2", "12_10", "100"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = TaskId::parse(&text);
        }

        #[test]
        fn prints_what_it_parses(number in 1..=999_999_999_999_999_999_u64, child in proptest::option::of(1..=u64::from(u32::MAX))) {
            let id = child.map_or(TaskId::top(number), |child| TaskId::child(number, child));
            prop_assert_eq!(TaskId::parse(&id.to_string()).unwrap(), id);
            prop_assert_eq!(TaskId::parse(&id.prefixed()).unwrap(), id);
            prop_assert_eq!(TaskId::parse(&id.in_list()).unwrap(), id);
        }
    }
}
