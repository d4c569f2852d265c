//! The layout of the task data, and its first files.
//!
//! The task data is on a branch of its own, `aitask-data`, which shares no history with the code, or on the code branch
//! (the layout from before there was such a branch). All paths are relative to the root of that branch; text is UTF-8
//! with `\n`.
//!
//! | path | content |
//! |---|---|
//! | `aitasks/t<N>_<slug>.md` | the task file of task N: frontmatter and text |
//! | `aitasks/t<N>/t<N>_<M>_<slug>.md` | the task file of child M of task N |
//! | `aiplans/p<N>_<slug>.md`, `aiplans/p<N>/p<N>_<M>_<slug>.md` | the plan of a task, if it has one |
//! | `aitasks/archived/...`, `aiplans/archived/...` | the same below `archived/`, for archived tasks |
//! | `aitasks/archived/_b<K>/old<B>.tar.zst`, `aiplans/archived/...` | bundles of old archived files |
//! | `aitasks/metadata/labels.txt` | the labels, one a line, sorted |
//! | `aitasks/metadata/task_types.txt` | the issue types, one a line, sorted |
//! | `aitasks/metadata/emails.txt` | known assignees, one a line, sorted |
//! | `aitasks/metadata/userconfig.yaml`, `aitasks/new/` | settings and drafts of one user; ignored, never committed |
//! | `.gitignore` | the private paths above, on `aitask-data` only |
//!
//! `aitask-data` begins with two commits: an empty tree (`ait: Initialize aitask-data branch`), and then either the
//! task data of the code branch (`ait: Migrate task data from BRANCH branch`) or the files of [`INITIAL_FILES`] (`ait:
//! Initialize task data structure`), each with `.gitignore`. It is checked out at `.aitask-data` in the main worktree,
//! where the symbolic links `aitasks` and `aiplans` point to `.aitask-data/aitasks` and `.aitask-data/aiplans`; the
//! code branch ignores all three.

use crate::task::paths;

/// The files of a project without tasks: path and content.
pub(crate) const INITIAL_FILES: [(&str, &str); 2] = [(paths::LABELS_FILE, ""), (paths::TASK_TYPES_FILE, TYPES)];

/// The first issue types, the same as the scripts write: a project is the same whichever of the two set it up.
pub(crate) const TYPES: &str =
    "bug\nchore\ndocumentation\nenhancement\nfeature\nmanual_verification\nperformance\nrefactor\nstyle\ntest\n";
