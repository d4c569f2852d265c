//! The progress that git shows of a transfer (`--progress`): passed on while it comes, and taken out of what it said.

use super::OutputFilter;

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

/// What is left of standard error without progress, and without the refs that a fetch lists where it is not quiet.
pub(super) fn without(stderr: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(stderr.len());
    for line in stderr.split_inclusive(|byte| *byte == b'\n') {
        let end = if line.ends_with(b"\n") { &b"\n"[..] } else { b"" };
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        // What was overwritten is not there any more.
        let last = body.rsplit(|byte| *byte == b'\r').next().unwrap_or(body);
        let is_list = last.starts_with(b"From ") || last.starts_with(b" ");
        if !is_progress(last) && !is_list {
            kept.extend_from_slice(last);
            kept.extend_from_slice(end);
        }
    }
    kept
}

/// The text of a line, without what erases the rest of it.
fn stripped(line: &[u8]) -> String {
    String::from_utf8_lossy(line).replace("\u{1b}[K", "").trim().to_owned()
}

/// `Receiving objects:  45% (450/1000), 1.20 MiB | 500 KiB/s`, `Enumerating objects: 5, done.`, and what the server says so.
fn is_progress(line: &[u8]) -> bool {
    let line = stripped(line);
    let line = line.strip_prefix("remote: ").unwrap_or(&line);
    let has_count = line.split_once(": ").is_some_and(|(title, rest)| {
        let rest = rest.trim_start();
        let is_title = title.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ');
        is_title
            && (rest.contains("% (") || (rest.starts_with(|c: char| c.is_ascii_digit()) && rest.ends_with(", done.")))
    });
    has_count || line.starts_with("Total ") && line.contains(" (delta ") || line.starts_with("Delta compression using ")
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
        let kept = String::from_utf8(without(PUSH)).unwrap();
        let expected =
            "remote: see https://example.com/pull/1        \nerror: failed to push some refs to '/x'\nfatal: the end";
        assert_eq!(kept, expected);
        let fetch = b"From /x\n * [new branch]      main -> origin/main\n   abc..def  x -> origin/x\nerror: cannot lock ref\r\n";
        assert_eq!(without(fetch), b"error: cannot lock ref\n");
        assert_eq!(without(b"fatal: 50% of all\n"), b"fatal: 50% of all\n");
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
