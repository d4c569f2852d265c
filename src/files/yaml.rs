//! The YAML files that people write: the settings of a user, execution profiles, the index of projects. Task files are not
//! read by this: their frontmatter looks like YAML, but is a line dialect of its own (`task::dialect`).

use crate::error::{Error, Kind, Result};
use serde::de::DeserializeOwned;
use serde_saphyr::UserMessageFormatter;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use std::path::Path;

/// Which value counts where a mapping has a key more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The first.
    First,
    /// The last.
    Last,
}

/// Reads the content of a file as one YAML document. Keys that `T` does not name are ignored, and an empty document gives the
/// default. The parser limits the depth, the number of nodes and the expansion of aliases.
///
/// # Errors
/// [`Kind::Unparsable`] with the file, the line and the reason.
pub(crate) fn parse<T: DeserializeOwned + Default>(path: &Path, bytes: &[u8], repeated: Repeated) -> Result<T> {
    let options = serde_saphyr::options! {
        duplicate_keys: match repeated {
            Repeated::First => DuplicateKeyPolicy::FirstWins,
            Repeated::Last => DuplicateKeyPolicy::LastWins,
        },
        // An odd number below an ignored key must not make the whole file unreadable.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let text = String::from_utf8_lossy(bytes);
    let parsed: Result<Option<T>, _> = serde_saphyr::from_str_with_options(&text, options);
    parsed.map(Option::unwrap_or_default).map_err(|error| {
        let reason = error.render_with_formatter(&UserMessageFormatter);
        Error::new(Kind::Unparsable, format!("{} cannot be read as YAML: {reason}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, serde::Deserialize)]
    struct Sample {
        email: Option<String>,
    }

    fn read(text: impl AsRef<[u8]>) -> Result<Option<String>> {
        parse::<Sample>(Path::new("f.yaml"), text.as_ref(), Repeated::First).map(|settings| settings.email)
    }

    #[test]
    fn keys_that_are_not_named_are_ignored_whatever_they_hold() {
        for other in
            ["1: [.inf, 1e999]", "a: {b: [c, {d: 'e'}]}", "'x y': |\n  email: z", "# caf\u{e9}", "a: &x 1\nb: *x"]
        {
            assert_eq!(
                read(format!("\u{feff}---\n{other}\nemail: a\r\n...\n")).unwrap().as_deref(),
                Some("a"),
                "{other}"
            );
        }
        assert_eq!(read(b"# caf\xe9\nemail: a\n").unwrap().as_deref(), Some("a"), "a comment in another encoding");
    }

    #[test]
    fn nothing_is_read_out_of_a_file_without_content() {
        for text in ["", "\n", "# only said aside\n", "---\n", "~\n"] {
            assert_eq!(read(text).unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn of_equal_keys_the_first_or_the_last_counts() {
        let of =
            |repeated| parse::<Sample>(Path::new("f"), b"email: a\nx: 1\nx: 2\nemail: b\n", repeated).unwrap().email;
        assert_eq!((of(Repeated::First).as_deref(), of(Repeated::Last).as_deref()), (Some("a"), Some("b")));
    }

    #[test]
    fn the_error_names_the_file_and_the_line() {
        for (text, line) in [
            ("a: [b\n", 1),
            ("- a\n- b\n", 1),
            ("text\n", 1),
            ("a: 1\nemail: a: b\n", 2),
            ("email: [a]\n", 1),
            ("a: 1\nodd line\n", 2),
            ("email: @a\n", 1),
            ("a: 1\n---\nemail: b\n", 3),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Unparsable, "{text:?}");
            assert!(error.to_string().starts_with("f.yaml cannot be read as YAML: "), "{error}");
            assert!(error.to_string().contains(&format!("line {line}")) && error.to_string().len() < 200, "{error}");
        }
    }

    #[test]
    fn hostile_text_is_refused_soon() {
        let bomb: Vec<_> = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
        let began = std::time::Instant::now();
        for text in [
            format!("a0: &a0 [x, x]\n{}email: a\n", bomb.concat()),
            format!("a: {}\n", "[".repeat(1 << 20)),
            format!("a: {}\n", "{b: ".repeat(1 << 18)),
            format!("a: {}\n", "- ".repeat(1 << 20)),
            (0..3000).flat_map(|n| [" ".repeat(n), "a:\n".to_owned()]).collect(),
            "a: &a [*a]\n".to_owned(),
            "\0".repeat(1 << 20),
            "!".repeat(1 << 20),
            format!("email: \"{}", "x".repeat(1 << 20)),
        ] {
            assert!(read(&text).is_err(), "{}", &text[..40]);
        }
        let binary: Vec<u8> = (0..1 << 20).map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        assert!(read(binary).is_err());
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([-a-z:&*!|>'\"#%@ \\[\\]{},?\\t]{0,12}\n?){0,8}", bytes: Vec<u8>) {
            let _ = (read(&text), read(bytes));
        }
    }
}
