//! Ranks the files of the code repository that may belong to some words.

use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use crate::project::context::Context;
use std::collections::BTreeMap;
use std::path::Path;

/// A file and its score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScoredFile {
    /// Files with a higher score come first.
    pub(crate) score: u64,
    /// The path of the file.
    pub(crate) file: String,
}

/// Tracked files by the number of their lines that match one of the words, best first, ties by path. A word is a basic
/// regular expression without regard to case; binary files are left out. One process a word.
pub(crate) fn by_content(context: &Context, dir: &Path, words: &[&str]) -> Result<Vec<ScoredFile>> {
    let mut scores = BTreeMap::new();
    for word in words {
        let call = context.repository.git().read(dir, "grep").args(["-I", "-i", "-c", "-z", "-G", "-e", word, "--"]);
        let output = call.output()?;
        if !matches!(output.code, Some(0 | 1)) {
            return Err(call.failure(&output));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for (path, count) in text.lines().filter_map(|line| line.rsplit_once('\0')) {
            *scores.entry(path.to_owned()).or_insert(0) += count.parse::<u64>().unwrap_or(0);
        }
    }
    Ok(best_first(scores))
}

/// Tracked files by how well `fzf` matches the words in their paths: for each word the best file gets `limit` points,
/// the next one a point less, and so on.
///
/// # Errors
/// [`Kind::Usage`] when `fzf` is missing.
pub(crate) fn by_name(context: &Context, dir: &Path, words: &[&str], limit: u64) -> Result<Vec<ScoredFile>> {
    if which::which("fzf").is_err() {
        return Err(Error::new(Kind::Usage, "fzf is required for name search but not found. Install fzf first."));
    }
    let git = context.repository.git();
    let files = git.read(dir, "ls-files").arg("-z").run()?.stdout;
    let mut scores = BTreeMap::new();
    for word in words {
        let call = Call::program(git.environment(), "fzf", dir).args(["--read0", "--print0", "--filter", word]);
        let found = String::from_utf8_lossy(&call.input(files.clone()).output()?.stdout).into_owned();
        for (points, path) in (1..=limit).rev().zip(found.split_terminator('\0')) {
            *scores.entry(path.to_owned()).or_insert(0) += points;
        }
    }
    Ok(best_first(scores))
}

fn best_first(scores: BTreeMap<String, u64>) -> Vec<ScoredFile> {
    let mut found: Vec<_> = scores.into_iter().map(|(file, score)| ScoredFile { score, file }).collect();
    found.retain(|found| found.score > 0);
    found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.file.cmp(&b.file)));
    found
}
