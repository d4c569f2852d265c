//! What coding agents are told about this program, and the files of theirs in which it stands: texts with their mark of
//! version and content, the stanza between markers in a file of the user, hooks in settings, and what a hook is told.
//!
//! All of it is pure. The verbs come from the help of the command line, so that text and help say the same; `ops` writes
//! the files.

pub(crate) mod marked;
pub(crate) mod payload;
pub(crate) mod settings_text;
pub(crate) mod texts;
