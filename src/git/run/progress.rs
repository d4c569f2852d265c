//! The progress that git shows of a transfer (`--progress`): passed on while it comes, and taken out of what it said.

use super::wait::OutputFilter;

/// Keeps everything, and tells the last line of progress of each part.
pub(super) fn observed(tell: impl Fn(&str) + Send + 'static) -> OutputFilter {
    Box::new(move |part, kept| {
        kept.extend_from_slice(part);
        let last =
            part.split(|byte| matches!(byte, b'\r' | b'\n')).rfind(|line| is_progress(line) && line.contains(&b'%'));
        if let Some(last) = last {
            tell(&stripped(last));
        }
    })
}

/// The titles under which git, and servers that do not run git, count what they do for a transfer.
const TITLES: [&str; 11] = [
    "Enumerating objects",
    "Counting objects",
    "Compressing objects",
    "Writing objects",
    "Receiving objects",
    "Resolving deltas",
    "Unpacking objects",
    "Checking connectivity",
    "Finding sources",
    "Getting sizes",
    "Updating references",
];

/// What git writes to standard error only because it shows its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Progress,
    /// Also the refs that a fetch lists where it is not quiet.
    ProgressAndRefs,
}

/// What is left of standard error without that. Only the exact forms are taken out: a hook may write anything.
pub(super) fn without(said: Said, stderr: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(stderr.len());
    let mut lines = stderr.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_list = |line: &[u8]| said == Said::ProgressAndRefs && is_updated_ref(line);
        // A line that begins with `From ` may be the server's greeting, too.
        let is_head = line.starts_with(b"From ") && lines.peek().is_some_and(|next| is_list(next));
        if is_list(line) || is_head {
            continue;
        }
        let mut parts: Vec<_> = line.split(|byte| *byte == b'\r').collect();
        let count = parts.len();
        parts.retain(|part| !is_progress(part));
        if parts.len() == count {
            kept.extend_from_slice(line);
        } else if parts.iter().any(|part| !part.trim_ascii().is_empty()) {
            kept.extend_from_slice(&parts.join(&b'\r'));
        }
    }
    kept
}

/// ` * [new branch]      main -> origin/main`, `   abc..def  x -> origin/x` and so on; not ` ! `, which tells of an error.
fn is_updated_ref(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let mut signs = line.chars();
    let start = [signs.next(), signs.next(), signs.next()];
    let [Some(' '), Some(' ' | '*' | '+' | '-' | '=' | 't'), Some(' ')] = start else { return false };
    let rest = signs.as_str();
    let is_range = rest.split_once("..").is_some_and(|(old, _)| old.bytes().all(|byte| byte.is_ascii_hexdigit()));
    (is_range || rest.starts_with('[')) && rest.contains(" -> ")
}

/// The text of a line, without what erases the rest of it.
fn stripped(line: &[u8]) -> String {
    String::from_utf8_lossy(line).replace("\u{1b}[K", "").trim().to_owned()
}

/// `Receiving objects:  45% (450/1000), 1.20 MiB | 500 KiB/s`, `Enumerating objects: 5, done.`, and what the server says so.
fn is_progress(line: &[u8]) -> bool {
    let line = stripped(line);
    let line = line.strip_prefix("remote: ").unwrap_or(&line);
    let has_count = line.split_once(": ").is_some_and(|(title, rest)| TITLES.contains(&title) && is_count(rest.trim()));
    let is_total = line.starts_with("Total ") && line.contains(" (delta ") && line.contains(", reused ");
    has_count || is_total || line.starts_with("Delta compression using up to ")
}

/// `5`, `45% (450/1000)`, and the same with more behind a comma.
fn is_count(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.split_once(", ").map_or(text, |(count, _)| count);
    let parts = count.strip_suffix(')').and_then(|count| count.split_once("% ("));
    digits(count)
        || parts.is_some_and(|(percent, of)| {
            digits(percent) && of.split_once('/').is_some_and(|(done, all)| digits(done) && digits(all))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const PUSH: &[u8] =
        b"Enumerating objects: 5, done.\nCounting objects:  20% (1/5)\rCounting objects: 100% (5/5), done.\n\
        Delta compression using up to 2 threads\nWriting objects: 100% (3/3), 300 bytes | 300.00 KiB/s, done.\n\
        Total 3 (delta 0), reused 0 (delta 0), pack-reused 0 (from 0)\n\
        remote: Resolving deltas:  50% (1/2)\x1b[K\rremote: Resolving deltas: 100% (2/2), done.\x1b[K\n\
        remote: see https://example.com/pull/1        \nerror: failed to push some refs to '/x'\nfatal: the end";

    #[test]
    fn only_progress_is_taken_out() {
        let kept = String::from_utf8(without(Said::Progress, PUSH)).unwrap();
        let expected =
            "remote: see https://example.com/pull/1        \nerror: failed to push some refs to '/x'\nfatal: the end";
        assert_eq!(kept, expected);
        let fetch = b"Receiving objects:  10\rReceiving objects:  11\rerror: cannot lock ref\r\nFrom /x\n \
            * [new branch]      main -> origin/main\n   abc..def  x -> origin/x\n + abc...def y -> origin/y  (forced update)\n \
            - [deleted]         (none)     -> origin/z\n ! [rejected]        a -> b  (non-fast-forward)\n";
        let kept = String::from_utf8(without(Said::ProgressAndRefs, fetch)).unwrap();
        assert_eq!(kept, "error: cannot lock ref\r\n ! [rejected]        a -> b  (non-fast-forward)\n");
        let hook = b"  indented\n   abc..def  x -> y\nFrom here on\nfatal: 50% of all\ncoverage:  50% (1/2)\n\
            tests: 5, done.\nCounting objects: many, done.\nTotal x (delta y)\na\rb\r\r\n";
        assert_eq!(without(Said::Progress, hook), hook);
        let greeting = b"From 8 to 9 it is closed\n   indented -> so\nFrom /x\n";
        assert_eq!(without(Said::ProgressAndRefs, greeting), greeting);
    }

    #[test]
    fn the_last_line_of_progress_is_told() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        let mut filter = observed(move |line| kept.lock().unwrap().push(line.to_owned()));
        let mut all = Vec::new();
        filter(b"Receiving objects:  10% (1/10)\rReceiving objects:  20% (2/10)\r", &mut all);
        filter(b"warning: x\n", &mut all);
        assert_eq!(*told.lock().unwrap(), ["Receiving objects:  20% (2/10)"]);
        assert!(all.ends_with(b"\rwarning: x\n"));
    }
}
