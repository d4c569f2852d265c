//! Execution profiles, as far as their name and branches are concerned. A file that is not a YAML mapping is refused.

use crate::compat::invocation::Invocation;
use crate::compat::worktrees::names::safe_branch;
use crate::error::{Error, Kind, Result};
use crate::files::{read_own, yaml};
use std::path::Path;

/// An execution profile.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct ExecutionProfile {
    pub(crate) name: Option<String>,
    /// Only a boolean counts: `"false"` in quotes is text, and is ignored.
    create_worktree: serde_json::Value,
    #[serde(rename = "base_branch")]
    pub(crate) base: Option<String>,
    #[serde(rename = "output_branch")]
    pub(crate) output: Option<String>,
}

impl ExecutionProfile {
    /// Reads a file by its path, else by its name among the project's profiles.
    pub(crate) fn load(invocation: &Invocation, name: &str) -> Result<Self> {
        let mut profile = Self::read(invocation, name).map_err(|error| {
            let message = format!("--profile: cannot read branch settings from '{name}' ({error})");
            Error::new(error.kind(), message)
        })?;
        for (key, branch) in [("base_branch", &mut profile.base), ("output_branch", &mut profile.output)] {
            // A folded or literal block ends with a newline, which is no part of the name.
            let given =
                branch.take().map(|name| name.trim_end_matches('\n').to_owned()).filter(|name| !name.is_empty());
            *branch = given.map(|name| safe_branch(&format!("profile {key}"), &name)).transpose()?;
        }
        Ok(profile)
    }

    fn read(invocation: &Invocation, name: &str) -> Result<Self> {
        let path = invocation.file(name);
        if path.is_file() {
            return Self::parse(&path, &read_own(&path)?);
        }
        let tasks = invocation.tasks();
        let path = tasks.path("metadata/profiles").join(name);
        Self::parse(&path, &tasks.tree().read(&path)?)
    }

    /// Parses the content of a file. One without content is refused, too: it may have lost its settings.
    pub(crate) fn parse(path: &Path, content: &[u8]) -> Result<Self> {
        // The last of equal keys counts, as for the original.
        let profile: Option<Self> = yaml::parse(path, content, yaml::Repeated::Last)?;
        profile.ok_or_else(|| Error::new(Kind::Unparsable, format!("{} has no settings", path.display())))
    }

    /// Whether the work is done in a worktree; `None` where the profile does not decide it.
    pub(crate) fn create_worktree(&self) -> Option<bool> {
        self.create_worktree.as_bool()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExecutionProfile> {
        ExecutionProfile::parse(Path::new("fast.yaml"), text.as_bytes())
    }

    #[test]
    fn a_mapping_is_read() {
        let texts = |text| read(text).map(|profile| (profile.name, profile.base, profile.output)).unwrap();
        let some = |text: &str| Some(text.to_owned());
        let all = (some("fast"), some("dev"), some("1.0"));
        assert_eq!(texts("---\n# x\nname: fast # y\nbase_branch: \"dev\"\noutput_branch: 1.0\n"), all);
        assert_eq!(texts("'name': >-\n  fast\nx: &b dev\nbase_branch: *b\n\"output_branch\": 1.0\n"), all);
        assert_eq!(texts("a:\n- b\n- c\nd:\n  name: f\ng: [h,\n  i]\nname: 'b #c' # d\n"), (some("b #c"), None, None));
        assert_eq!(texts("name: a\nbase_branch: ~\nname: b\n"), (some("b"), None, None));
        assert_eq!(texts("{}"), (None, None, None));
    }

    #[test]
    fn create_worktree_accepts_only_booleans() {
        for (value, wanted) in [
            ("true", Some(true)),
            ("yes", Some(true)),
            ("On", Some(true)),
            ("no # never", Some(false)),
            ("OFF", Some(false)),
            ("", None),
            ("\"false\"", None),
            ("maybe", None),
            ("1", None),
            ("[true]", None),
            (".nan", None),
        ] {
            assert_eq!(read(&format!("create_worktree: {value}\n")).unwrap().create_worktree(), wanted, "{value}");
        }
        assert_eq!(read("name: x\n").unwrap().create_worktree(), None);
    }

    #[test]
    fn a_file_that_is_no_mapping_is_refused() {
        for text in [
            "a: [b",
            "- a\n- b\n",
            "text\n",
            "a: b: c\n",
            "a: \"b\n",
            "a: b\n- c\n",
            "a: {b: c\nd: e\n",
            "[a, b]\n",
            "",
            "# a: b\n",
            "~\n",
            "---\n",
            "a: b\n---\nc: d\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
