//! Text that others wrote, made fit to be shown.

/// Whether a character must not stand in a name, a title or a value: control characters (C0, DEL, C1), the
/// line and paragraph separators, and the characters that turn the writing direction around.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with every unsafe character replaced by a space, so that it is one harmless line.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect()
}

/// A text of several lines with every unsafe character replaced by a space, but for the line ends and tabs.
#[must_use]
pub fn harmless_lines(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) && !matches!(c, '\n' | '\t') { ' ' } else { c }).collect()
}

/// A text without the secrets of the addresses in it: what stands before the host, and the values of queries and fragments
/// (`?private_token=...`), become `***`.
#[must_use]
pub fn redacted(text: &str) -> String {
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
        push_redacted(&mut shown, address);
        rest = more;
    }
    shown.push_str(rest);
    shown
}

/// Whether an address ends before this character: git and people put them between quotes and spaces.
fn ends_address(c: char) -> bool {
    c.is_whitespace() || is_unsafe(c) || matches!(c, '\'' | '"' | '`' | '<' | '>')
}

fn push_redacted(shown: &mut String, address: &str) {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, rest) = address.split_at(end);
    match authority.rsplit_once('@') {
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
            Some((key, value)) => {
                let tail = value.len() - value.trim_end_matches(['.', ',', ':', ')', ']', '/']).len();
                shown.extend([key, "=***", &value[value.len() - tail..], separator]);
            }
            // A query that is no list of values may be a token itself.
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
            ("two: ssh://git@h/a and http://u:p@i/b, once", "two: ssh://***@h/a and http://***@i/b, once"),
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
    fn unsafe_characters_become_spaces() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}b\nc\td\re";
        assert_eq!(harmless(text), "a [2J     b c d e");
        assert_eq!(harmless_lines(text), "a [2J     b\nc\td e");
    }
}
