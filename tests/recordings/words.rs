//! The words of a step, and how a text is shown in quotes.

/// Splits as a shell does: blanks part words, quotes and backslashes keep them together.
pub(super) fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"'), '\\') => {
                let next = letters.next().unwrap();
                let word = word.get_or_insert_default();
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, '\\') => word.get_or_insert_default().push(letters.next().unwrap()),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            (None, letter) if letter.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    assert!(quote.is_none(), "a quote is open: {line}");
    words.extend(word);
    words
}

/// In single quotes, or in double ones when it has single ones only.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut inner = String::new();
    for letter in text.chars() {
        match letter {
            '\n' => inner.push_str("\\n"),
            '\t' => inner.push_str("\\t"),
            letter => {
                inner.extend((letter == '\\' || letter == quote).then_some('\\'));
                inner.push(letter);
            }
        }
    }
    format!("{quote}{inner}{quote}")
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(split(r#"a  'b c' d"e f"g "" \' "\x\"""#), ["a", "b c", "de fg", "", "'", "\\x\""]);
    assert_eq!([quoted("it's"), quoted("a\\b"), quoted("'\"")], [r#""it's""#, r"'a\\b'", r#"'\'"'"#]);
}
