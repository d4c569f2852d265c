//! Applying the changes that a user made in an editor to a file that was changed meanwhile. Pure.

use super::frontmatter::Document;
use super::order::place;
use crate::error::{Error, Kind, Result};

/// The lines of the frontmatter without a key, each with the key above it.
fn comments(document: &Document) -> Vec<(Option<&str>, &[u8])> {
    let mut above = None;
    let entries = document.head.iter().flat_map(|head| &head.entries);
    let lines = entries.filter_map(|entry| match entry.key() {
        Some(key) => {
            above = Some(key);
            None
        }
        None => Some((above, entry.raw())),
    });
    lines.collect()
}

/// Gives a file the comments of another one, each below the field that it is below there, or on top where that field is
/// gone.
fn take_comments(from: &Document, to: &mut Document) {
    let head = to.require_head();
    head.entries.retain(|entry| entry.key().is_some());
    let (mut above, mut below) = (None, 0);
    for entry in from.head.iter().flat_map(|head| &head.entries) {
        if let Some(key) = entry.key() {
            above = Some(key.to_owned());
            below = 0;
            continue;
        }
        let field =
            above.as_deref().and_then(|above| head.entries.iter().rposition(|entry| entry.key() == Some(above)));
        let at = field.map_or(0, |at| at + 1) + below;
        head.entries.insert(at.min(head.entries.len()), entry.clone());
        below += 1;
    }
}

/// The newest file with the changes between `base` and `edited`, field by field.
///
/// # Errors
/// [`Kind::Conflict`] when both changed the same field, or the body, to different values.
pub(crate) fn three_way_apply(base: &Document, edited: &Document, newest: &Document) -> Result<Document> {
    if base == newest {
        return Ok(edited.clone());
    }
    let conflict = |what: &str| Error::new(Kind::Conflict, format!("{what} was changed by somebody else meanwhile"));
    let raw = |document: &Document, key: &str| -> Vec<u8> {
        let entries = document.head.iter().flat_map(|head| &head.entries).filter(|entry| entry.key() == Some(key));
        entries.flat_map(|entry| entry.raw().to_vec()).collect()
    };
    let mut merged = newest.clone();
    let mut keys: Vec<_> = edited.keys().chain(base.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let [before, ours, theirs] = [base, edited, newest].map(|document| raw(document, key));
        if ours == before || ours == theirs || key == "updated_at" {
            continue;
        }
        if theirs != before {
            return Err(conflict(key));
        }
        let entry = edited.last(key).cloned();
        let head = merged.require_head();
        let at = head.entries.iter().position(|entry| entry.key() == Some(key));
        head.entries.retain(|entry| entry.key() != Some(key));
        if let Some(entry) = entry {
            let at = at.unwrap_or_else(|| place(&head.entries, key));
            head.entries.insert(at.min(head.entries.len()), entry);
        }
    }
    let order = |document: &Document| -> Vec<String> {
        let keys = document.keys().filter(|key| base.contains(key) && edited.contains(key) && newest.contains(key));
        keys.map(str::to_owned).collect()
    };
    if order(edited) != order(base) && order(edited) != order(newest) {
        return Err(conflict("the frontmatter, whose fields were put in another order,"));
    }
    let [before, ours, theirs] = [base, edited, newest].map(comments);
    if ours != before && ours != theirs {
        let lines =
            |comments: &[(Option<&str>, &[u8])]| comments.iter().map(|(_, line)| line.to_vec()).collect::<Vec<_>>();
        if lines(&theirs) != lines(&before) {
            return Err(conflict("a comment"));
        }
        take_comments(edited, &mut merged);
    }
    if edited.raw_body() != base.raw_body() && edited.raw_body() != newest.raw_body() {
        if newest.raw_body() != base.raw_body() {
            return Err(conflict("the text"));
        }
        merged.set_raw_body(edited.raw_body());
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.as_bytes())
    }

    const BASE: &str = "---\npriority: low\nX-Y:\n  - a\nstatus: Ready\n---\n\ntext\n";

    #[test]
    fn changes_of_different_fields_meet() {
        let edited = document(&BASE.replace("low", "high").replace("  - a\n", "  - b\n").replace("text", "new"));
        let newest = document(&BASE.replace("Ready", "Editing").replace("---\n\n", "assigned_to: a\n---\n\n"));
        let merged = three_way_apply(&document(BASE), &edited, &newest).unwrap();
        let expected = "---\npriority: high\nX-Y:\n  - b\nstatus: Editing\nassigned_to: a\n---\n\nnew\n";
        assert_eq!(String::from_utf8(merged.to_bytes()).unwrap(), expected);
        assert_eq!(three_way_apply(&document(BASE), &edited, &document(BASE)).unwrap(), edited);
    }

    #[test]
    fn comments_are_kept_where_they_were_written() {
        let edited = document(&BASE.replace("---\np", "---\n# one\n# two\np").replace("status", "# three\nstatus"));
        let newest = document(&BASE.replace("low", "high"));
        let merged = three_way_apply(&document(BASE), &edited, &newest).unwrap();
        let expected = "---\n# one\n# two\npriority: high\nX-Y:\n  - a\n# three\nstatus: Ready\n---\n\ntext\n";
        assert_eq!(String::from_utf8(merged.to_bytes()).unwrap(), expected);
        let newest = document(&BASE.replace("status", "# other\nstatus"));
        assert!(three_way_apply(&document(BASE), &edited, &newest).is_err());
        let reordered = document(&BASE.replace("priority: low\n", "").replace("Ready\n", "Ready\npriority: low\n"));
        assert!(three_way_apply(&document(BASE), &reordered, &document(&BASE.replace("Ready", "Done"))).is_err());
    }

    #[test]
    fn changes_of_one_field_do_not() {
        let (edited, newest) = (document(&BASE.replace("low", "high")), document(&BASE.replace("low", "medium")));
        let error = three_way_apply(&document(BASE), &edited, &newest).unwrap_err();
        assert_eq!(error.to_string(), "priority was changed by somebody else meanwhile");
        let (edited, newest) = (document(&BASE.replace("text", "a")), document(&BASE.replace("text", "b")));
        assert!(three_way_apply(&document(BASE), &edited, &newest).is_err());
        assert!(three_way_apply(&document(BASE), &edited, &edited).is_ok());
    }
}
