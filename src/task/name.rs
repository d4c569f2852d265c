//! Task names, and the branches and worktrees that are named after them.

use super::id::TaskId;
use super::slug::Slug;
use super::text::{as_text, parse_number, split_digits};
use crate::error::{Error, Kind, Result};

/// The beginning of the name of a task branch.
pub(crate) const BRANCH_PREFIX: &str = "aitask/";
/// The folder of the worktrees, below the root of the repository.
pub(crate) const WORKTREES_DIR: &str = "aiwork";

/// The name of a task: its file name without `.md`, `t16_2_add_login`.
///
/// A bare name is ambiguous: `t16_2024_report` can be the child `16_2024` called `report`, or the top-level task
/// 16 called `2024_report`. Alone it is read as the child ([`TaskName::parse`]); in a path the folder decides
/// ([`super::TaskPath`]), and [`TaskName::as_top_level`] gives the other reading. Leading zeros of a file's name
/// are kept in the text and dropped in the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskName {
    text: String,
    id: TaskId,
    /// Where the slug begins in the text. Of thousands of tasks few are asked for it.
    slug_at: usize,
}

impl TaskName {
    /// The name of a task with this id and slug.
    pub(crate) fn new(id: TaskId, slug: &Slug) -> Self {
        let text = format!("t{id}_{slug}");
        Self { slug_at: text.len() - slug.as_str().len(), text, id }
    }

    /// Parses a bare name strictly: `t`, a number, perhaps `_` and the number of a child, `_` and a slug. What looks
    /// like a child is one.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::try_parse(text).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{text:?} is not the name of a task"))
                .advice("a task's name is like t16_implement_auth, a child's like t16_2_add_login")
        })
    }

    /// [`TaskName::parse`] for text that may be something else: `None` instead of an error.
    pub(crate) fn try_parse(text: &str) -> Option<Self> {
        Self::try_parse_child(text.to_owned()).or_else(|| Self::try_parse_top(text.to_owned()))
    }

    /// Parses a name as that of a top-level task, `t16_2024_report` included.
    pub(super) fn try_parse_top(text: String) -> Option<Self> {
        let (number, slug) = split_digits(text.strip_prefix('t')?);
        let id = TaskId::top(parse_number(number)?);
        slug_at(&text, slug).map(|slug_at| Self { text, id, slug_at })
    }

    /// Parses a name as that of a child.
    pub(super) fn try_parse_child(text: String) -> Option<Self> {
        let (number, rest) = split_digits(text.strip_prefix('t')?);
        let (child, slug) = split_digits(rest.strip_prefix('_')?);
        let id = TaskId::child(parse_number(number)?, parse_number(child)?);
        slug_at(&text, slug).map(|slug_at| Self { text, id, slug_at })
    }

    /// The name of the task that a branch belongs to: `aitask/t16_2_add_login`.
    pub(crate) fn from_branch(branch: &str) -> Option<Self> {
        Self::try_parse(branch.strip_prefix(BRANCH_PREFIX)?)
    }

    /// A child's name read as that of a top-level task: `t16_2024_report` is then task 16, `2024_report`.
    pub(crate) fn as_top_level(&self) -> Option<Self> {
        self.id.is_child().then(|| Self::try_parse_top(self.text.clone())).flatten()
    }

    /// A top-level task's name read as that of a child: `t16_2024_report` is then the child
    /// `16_2024`, `report`.
    pub(crate) fn as_child(&self) -> Option<Self> {
        let begins_with_digit = self.text[self.slug_at..].starts_with(|c: char| c.is_ascii_digit());
        (!self.id.is_child() && begins_with_digit).then(|| Self::try_parse_child(self.text.clone())).flatten()
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The id.
    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// The slug.
    pub(crate) fn slug(&self) -> Slug {
        Slug::checked(&self.text[self.slug_at..])
    }

    /// The task's branch: `aitask/t16_2_add_login`.
    pub(crate) fn branch_name(&self) -> String {
        format!("{BRANCH_PREFIX}{}", self.text)
    }

    /// The task's worktree below the root of the repository: `aiwork/t16_2_add_login`.
    pub(crate) fn worktree_dir(&self) -> String {
        format!("{WORKTREES_DIR}/{}", self.text)
    }

    /// The number as written, leading zeros included: the folder of the children is `t` and this.
    pub(super) fn number_as_written(&self) -> &str {
        split_digits(self.without_prefix()).0
    }

    /// The name without its `t`.
    pub(super) fn without_prefix(&self) -> &str {
        self.text.strip_prefix('t').unwrap_or(&self.text)
    }
}

/// The longest name, in bytes: a branch is the name of a file, beside which git makes one with `.lock`.
pub(super) const NAME_LIMIT: usize = 250;

/// Where the slug begins in the text of a name, whose end is `_` and the slug; `None` where that is none.
fn slug_at(text: &str, end: &str) -> Option<usize> {
    let slug = end.strip_prefix('_')?;
    (text.len() <= NAME_LIMIT && Slug::is_valid(slug)).then(|| text.len() - slug.len())
}

as_text!(TaskName);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        let name = TaskName::parse("t16_2_add_login").unwrap();
        assert_eq!((name.id(), name.slug().to_string().as_str()), (TaskId::child(16, 2), "add_login"));
        assert_eq!(name.branch_name(), "aitask/t16_2_add_login");
        assert_eq!(name.worktree_dir(), "aiwork/t16_2_add_login");
        assert_eq!(TaskName::from_branch("aitask/t16_2_add_login"), Some(name.clone()));
        assert_eq!(TaskName::new(name.id(), &name.slug()), name);
        let top = TaskName::parse("t16_implement_auth").unwrap();
        assert_eq!(
            (top.id(), top.slug().to_string().as_str(), top.as_top_level()),
            (TaskId::top(16), "implement_auth", None)
        );
    }

    #[test]
    fn ambiguous_names() {
        let child = TaskName::parse("t16_2024_report").unwrap();
        assert_eq!(child.id(), TaskId::child(16, 2024));
        let top = child.as_top_level().unwrap();
        assert_eq!(
            (top.id(), top.slug().to_string().as_str(), top.as_str()),
            (TaskId::top(16), "2024_report", child.as_str())
        );
        // Without a slug after the second number, or with a number that no child has.
        for (text, slug) in [("t16_2", "2"), ("t16_2_", "2_"), ("t16_0_x", "0_x"), ("t16_2x", "2x")] {
            let name = TaskName::parse(text).unwrap();
            assert_eq!((name.id(), name.slug().to_string().as_str()), (TaskId::top(16), slug), "{text}");
        }
    }

    #[test]
    fn a_name_that_makes_no_branch_is_none() {
        let long = |length: usize| format!("t1_{}", "x".repeat(length - 3));
        for text in ["t2_foo.lock", "t2_foo.Lock", "t2_foo.", "t2_1_foo.lock", &long(251)] {
            assert_eq!(TaskName::try_parse(text), None, "{text}");
        }
        for text in ["t2_foo.lock.x", "t2_lock", &long(250)] {
            assert!(TaskName::try_parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn leading_zeros_stay_in_the_text() {
        let name = TaskName::parse("t007_x").unwrap();
        assert_eq!((name.id(), name.as_str(), name.branch_name()), (TaskId::top(7), "t007_x", "aitask/t007_x".into()));
    }

    #[test]
    fn refused_names() {
        for text in [
            "", "t16", "t16_", "t_x", "x16_y", "t0_x", "t16_a/b", "t16_..", "t16_a..b", "t16_a b", "t16_é", "t16_x\n",
            "-t16_x",
        ] {
            assert_eq!(TaskName::parse(text).unwrap_err().kind(), Kind::Usage, "{text:?}");
        }
        assert_eq!(TaskName::from_branch("t16_x"), None);
        assert_eq!(TaskName::from_branch("aitask/x/t16_x"), None);
    }

    proptest! {
        #[test]
        fn prints_what_it_parses(text in "t[0-9]{1,3}(_[0-9]{1,3})?_[A-Za-z0-9._-]{1,10}") {
            if let Ok(name) = TaskName::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert_eq!(TaskName::from_branch(&name.branch_name()), Some(name));
            }
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = TaskName::parse(&text);
        }
    }
}
