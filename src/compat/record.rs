//! Result lines with several fields.

/// The fields of a result line, joined by `|`. A `|` inside a field becomes a space, so that text of others cannot
/// forge a field.
pub(super) fn record<T: AsRef<str>>(fields: &[T]) -> String {
    fields.iter().map(|field| field.as_ref().replace('|', " ")).collect::<Vec<_>>().join("|")
}
