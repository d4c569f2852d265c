//! Machine lines of several fields.

/// The fields of a machine line, with a `|` between each two. One that stands in a field is a space there: what others
/// wrote forges no field.
pub(super) fn record<T: AsRef<str>>(fields: &[T]) -> String {
    fields.iter().map(|field| field.as_ref().replace('|', " ")).collect::<Vec<_>>().join("|")
}
