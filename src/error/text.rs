//! Text of others, made safe to show on a terminal: a title or a message of a server could otherwise move the cursor,
//! or forge a line of output that a program reads.

/// Whether a character must not be in a name, a title or a value: control characters (C0, DEL, C1), the line and
/// paragraph separators, and the characters that change the writing direction.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with every unsafe character replaced by a space, so that it is one safe line.
pub(crate) fn sanitise(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect()
}

/// A text of several lines with every unsafe character except newlines and tabs replaced by a space.
pub(crate) fn sanitise_lines(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) && !matches!(c, '\n' | '\t') { ' ' } else { c }).collect()
}

/// A word quoted for a POSIX shell: in single quotes where a character of it has a special meaning.
pub(crate) fn quoted(word: impl AsRef<std::ffi::OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"'\"$`\\;&|<>*?()#![{".contains(&b);
    if !word.is_empty() && !word.starts_with('~') && word.bytes().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A text without the secrets of the URLs in it: user and password before the host, and the values of queries and
/// fragments (`?private_token=...`), become `***`. The user of an ssh URL is kept: it is no secret, and the URL is
/// useless without it.
pub(crate) fn redacted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.extend([before, "://"]);
        if !before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
            rest = after;
            continue;
        }
        let end = after.find(ends_address).unwrap_or(after.len());
        let (address, more) = after.split_at(end);
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+').next().unwrap_or_default();
        push_redacted(&mut shown, scheme, address);
        rest = more;
    }
    shown.push_str(rest);
    shown
}

/// Whether a URL ends before this character: git and people write URLs between quotes or spaces.
fn ends_address(c: char) -> bool {
    c.is_whitespace() || is_unsafe(c) || matches!(c, '\'' | '"' | '`' | '<' | '>')
}

/// Whether this is a URL scheme of ssh (git-fetch(1), "GIT URLS").
pub(crate) fn is_ssh(scheme: &str) -> bool {
    ["ssh", "git+ssh", "ssh+git"].iter().any(|ssh| scheme.eq_ignore_ascii_case(ssh))
}

fn push_redacted(shown: &mut String, scheme: &str, address: &str) {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, rest) = address.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) if is_ssh(scheme) => match user.split_once(':') {
            Some((user, _)) => shown.extend([user, ":***@", host]),
            None => shown.push_str(authority),
        },
        Some((_, host)) => shown.extend(["***@", host]),
        None => shown.push_str(authority),
    }
    let Some(at) = rest.find(['?', '#']) else { return shown.push_str(rest) };
    let (path, query) = rest.split_at(at);
    shown.push_str(path);
    for part in query.split_inclusive(['&', ';', '#', '?']) {
        let separator = part.rfind(['&', ';', '#', '?']).map_or("", |at| &part[at..]);
        let part = part.strip_suffix(separator).unwrap_or(part);
        match part.split_once('=') {
            // Where a server offers to open a pull request, GitLab names the branch.
            Some((key, _)) if key.ends_with("source_branch%5D") || key.ends_with("source_branch]") => {
                shown.extend([part, separator]);
            }
            Some((key, value)) => {
                let tail = value.len() - value.trim_end_matches(['.', ',', ':', ')', ']', '/']).len();
                shown.extend([key, "=***", &value[value.len() - tail..], separator]);
            }
            // A query without `=` may itself be a token.
            None if part.chars().any(char::is_alphanumeric) => shown.extend(["***", separator]),
            None => shown.extend([part, separator]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_their_secrets() {
        for (text, shown) in [
            ("https://u:t@host/a.git", "https://***@host/a.git"),
            ("https://token@host", "https://***@host"),
            ("https://a@b:t@host:8443/a?b", "https://***@host:8443/a?***"),
            ("https://host/a?private_token=s&x=1#frag", "https://host/a?private_token=***&x=***#***"),
            (
                "https://host/a/new?merge_request%5Bsource_branch%5D=aitask%2Ft1_a&x=1",
                "https://host/a/new?merge_request%5Bsource_branch%5D=aitask%2Ft1_a&x=***",
            ),
            ("https://host?access_token=s", "https://host?access_token=***"),
            ("https://host/#access_token=s", "https://host/#access_token=***"),
            (
                "fatal: unable to access 'https://u:t@host/a?k=s/': no",
                "fatal: unable to access 'https://***@host/a?k=***/': no",
            ),
            (
                "fatal: Authentication failed for 'https://u:p%40@h/'",
                "fatal: Authentication failed for 'https://***@h/'",
            ),
            ("two: ssh://git@h/a and http://u:p@i/b, once", "two: ssh://git@h/a and http://***@i/b, once"),
            ("git+ssh://git:secret@h/a", "git+ssh://git:***@h/a"),
            ("x::https://u:t@h/a", "x::https://***@h/a"),
            ("git@host:path is no such address", "git@host:path is no such address"),
            ("https://host/user@path", "https://host/user@path"),
            ("://u:t@h", "://u:t@h"),
            ("ends with https://", "ends with https://"),
            ("(see https://host/a?k=s).", "(see https://host/a?k=***)."),
        ] {
            assert_eq!(redacted(text), shown);
            assert_eq!(redacted(shown), shown, "twice is as once");
        }
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        for (word, shown) in [
            ("/tmp/a_b-1.md", "/tmp/a_b-1.md"),
            ("HEAD~1:x", "HEAD~1:x"),
            ("/tmp/sp ace", "'/tmp/sp ace'"),
            ("a;rm -r x", "'a;rm -r x'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("~", "'~'"),
            ("ü", "'ü'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_shell_reads_a_quoted_word_as_it_was(word in "[^\0]*") {
            proptest::prop_assert_eq!(shlex::split(&quoted(&word)), Some(vec![word]));
        }
    }

    #[test]
    fn unsafe_characters_become_spaces() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}b\nc\td\re";
        assert_eq!(sanitise(text), "a [2J     b c d e");
        assert_eq!(sanitise_lines(text), "a [2J     b\nc\td e");
    }
}
