//! The files that the task data begins with.

use crate::task::paths;

/// What the task data starts with.
pub(crate) const INITIAL_FILES: [(&str, &str); 2] = [(paths::LABELS_FILE, ""), (paths::TASK_TYPES_FILE, TYPES)];

/// The issue types a project starts with: those that the scripts write, so that both begin alike.
pub(crate) const TYPES: &str =
    "bug\nchore\ndocumentation\nenhancement\nfeature\nmanual_verification\nperformance\nrefactor\nstyle\ntest\n";
