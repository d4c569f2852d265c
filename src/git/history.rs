//! The history of one branch, with the files that each commit changed.

use crate::error::Result;
use crate::git::porcelain::log_raw::{self, LoggedCommit};
use crate::git::{Oid, Repository};
use std::collections::BTreeSet;

/// Which commits are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Those of the first-parent line, a merge with what it changed of that line.
    Line,
    /// Those that this program or a script wrote, by their messages, wherever they are; a merge without files.
    OfProgram,
}

/// The commits of the history of `tip`, parents before children, with their files. Their authors are the address and the
/// date of the committer (RFC 3339). One process.
pub(crate) fn commits(repository: &Repository, tip: &Oid, span: Span) -> Result<Vec<LoggedCommit>> {
    let call = repository.read("log").args(["-z", "--topo-order", "--raw", "--no-abbrev", "--no-renames"]);
    let call = call.args(["--ignore-submodules=none", "--encoding=UTF-8"]);
    let call = match span {
        Span::Line => call.args(["--first-parent", "--diff-merges=first-parent"]),
        Span::OfProgram => call.args(["--basic-regexp", "--grep=^ait: ", "--grep=^Aitask-Nonce: "]),
    };
    let call = call.args([&format!("--format={}", log_raw::WITH_DATE), tip.as_str(), "--"]);
    let mut commits = log_raw::parse(&call.run()?.stdout)?;
    commits.reverse();
    Ok(commits)
}

/// The commits with which a shallow history begins (gitrepository-layout(5)).
pub(crate) fn cuts(repository: &Repository) -> BTreeSet<Oid> {
    let text = std::fs::read_to_string(repository.common_dir.join("shallow")).unwrap_or_default();
    text.lines().filter_map(Oid::parse).collect()
}
