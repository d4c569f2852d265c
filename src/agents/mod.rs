//! What coding agents are told about this program, and the files of theirs in which it stands: texts with their mark of
//! version and content, and the stanza between markers in a file of the user.
//!
//! All of it is pure. The verbs come from the help of the command line, so that text and help say the same; `ops` writes
//! the files.

pub(crate) mod marked;
pub(crate) mod texts;
