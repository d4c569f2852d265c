//! The canonical rewrite of a whole task file, which the update script makes: callers depend on the order of the keys.

use super::dialect::FrontmatterEntry;
use super::frontmatter::Document;
use super::model::Reference;
use super::order::KEYS;
use crate::error::Result;

/// How the rewrite treats a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A scalar, always written, with this default.
    Always(&'static str),
    /// A list, always written.
    AlwaysList,
    /// A list of ids, always written; `N_M` becomes `tN_M`.
    AlwaysIds,
    /// A scalar, written when not empty.
    Scalar,
    /// A list, written when not empty.
    List,
    /// A list of ids, written when not empty; `N_M` becomes `tN_M`.
    Ids,
    /// `gates`: an empty list is kept as `[]`.
    Gates,
    /// A list of the group that is written when `active_gates` is present.
    GroupList,
    /// A scalar of the same group.
    GroupScalar,
    /// A block, kept unchanged.
    Block,
    /// `boardgroup`: an empty value is kept as `""`.
    Tombstone,
    /// An unknown key: kept unchanged, before or after the timestamps.
    Foreign,
}

fn rule(key: &str) -> Rule {
    match key {
        "priority" | "effort" => Rule::Always("medium"),
        "issue_type" => Rule::Always("feature"),
        "status" => Rule::Always("Ready"),
        "created_at" | "updated_at" => Rule::Always(""),
        "depends" => Rule::AlwaysIds,
        "labels" => Rule::AlwaysList,
        "xdeps" | "verifies" | "risk_mitigation_tasks" | "children_to_implement" => Rule::Ids,
        "also_blocks_dependents" | "file_references" | "folded_tasks" => Rule::List,
        "gates" => Rule::Gates,
        "active_gates" | "active_gates_filtered" => Rule::GroupList,
        "active_gates_profile" | "active_gates_digest" => Rule::GroupScalar,
        "attachments" | "artifacts" => Rule::Block,
        "boardgroup" => Rule::Tombstone,
        "archived_reason" | "draft" | "parent" | "completed_at" => Rule::Foreign,
        known if KEYS.contains(&known) => Rule::Scalar,
        _ => Rule::Foreign,
    }
}

impl Document {
    /// The same file with its keys in canonical order, defaults added, lists in flow style, LF, and `updated_at` set.
    /// Of a repeated key the last counts. Unknown keys are kept, since other tools write keys of their own: those from
    /// before `created_at` directly before it, the others directly after `updated_at`.
    pub(crate) fn canonical(&self, now: &str) -> Result<Self> {
        let mut document = self.clone();
        document.set("updated_at", now)?;
        let source = document.clone();
        let head = document.require_head();
        let (before, after) = foreign(&head.entries);
        head.entries = KEYS
            .iter()
            .flat_map(|key| match *key {
                "created_at" => [before.clone(), source.written(key).into_iter().collect()].concat(),
                "updated_at" => [source.written(key).into_iter().collect(), after.clone()].concat(),
                key => source.written(key).into_iter().collect(),
            })
            .collect();
        head.use_plain_newlines();
        document.set_body(self.body());
        Ok(document)
    }

    /// The entry that is written for a known key, if any.
    fn written(&self, key: &str) -> Option<FrontmatterEntry> {
        let entry = self.last(key);
        let value = entry.map(FrontmatterEntry::value).filter(|value| !value.is_empty());
        let items = entry.map(FrontmatterEntry::items).unwrap_or_default();
        let flow = |items: &[String]| format!("[{}]", items.join(", "));
        let ids: Vec<String> = items.iter().map(|item| Reference::parse(item).to_string()).collect();
        let in_group = self.contains("active_gates");
        let text = match rule(key) {
            Rule::Block => return entry.map(FrontmatterEntry::with_plain_newlines),
            Rule::Scalar | Rule::Always(_) if entry.is_some_and(FrontmatterEntry::continues) => {
                return entry.map(FrontmatterEntry::with_plain_newlines);
            }
            Rule::Always(default) => value.unwrap_or(default).to_owned(),
            Rule::AlwaysList => flow(&items),
            Rule::AlwaysIds => flow(&ids),
            Rule::Scalar => value?.to_owned(),
            Rule::List => (!items.is_empty()).then(|| flow(&items))?,
            Rule::Ids => (!ids.is_empty()).then(|| flow(&ids))?,
            Rule::Gates => entry.map(|_| flow(&items))?,
            Rule::GroupList => in_group.then(|| flow(&items))?,
            Rule::GroupScalar => in_group.then(|| value.unwrap_or_default().to_owned())?,
            Rule::Tombstone => entry.map(|_| value.unwrap_or("\"\"").to_owned())?,
            Rule::Foreign => return None,
        };
        Some(FrontmatterEntry::line(key, &text, "\n"))
    }
}

/// The unknown entries and the comments, from before and from after `created_at`.
fn foreign(entries: &[FrontmatterEntry]) -> (Vec<FrontmatterEntry>, Vec<FrontmatterEntry>) {
    let at = |key: &str| entries.iter().rposition(|entry| entry.key() == Some(key));
    let times = at("created_at").or_else(|| at("updated_at")).unwrap_or(entries.len());
    let (before, after) = entries.split_at_checked(times).unwrap_or((entries, &[]));
    let kept = |entries: &[FrontmatterEntry]| -> Vec<FrontmatterEntry> {
        let is_foreign = |entry: &&FrontmatterEntry| match entry.key() {
            Some(key) => rule(key) == Rule::Foreign,
            None => entry.raw().starts_with(b"#"),
        };
        entries.iter().filter(is_foreign).map(FrontmatterEntry::with_plain_newlines).collect()
    };
    (kept(before), kept(after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewritten(before: &str) -> String {
        String::from_utf8(Document::parse(before.as_bytes()).canonical("<NOW>").unwrap().to_bytes()).unwrap()
    }

    /// As recorded from the script, but unknown keys and the blanks in items are kept.
    #[test]
    fn a_messy_file() {
        let before = "---\ncustom_key: keepme\nboardidx: 40\nboardcol: now\npriority: low\ndepends: ['3', 4_1, \"t5\"]\n\
            issue_type: bug   # note\nstatus: Implementing\nlabels: [a b, 'c']\ngates: []\nchildren_to_implement: [t20_1, 20_2,\n  t20_3]\n\
            file_references: [src/my file.rs:1-2]\nassigned_to: ''\nissue: \"https://x/1\"\nrelated_issues: [\"https://x/3\"]\n\
            attachments:\n  - hash: sha256:ab\n    name: a.png\ncreated_at: 2026-01-01 10:00\nupdated_at: 2026-01-01 10:00\n\
            completed_at: 2026-01-02 11:00\n---\n\n\nBody line 1\n\n---\nnot: frontmatter\n\n";
        let after = "---\npriority: low\neffort: high\ndepends: [3, t4_1, t5]\nissue_type: bug   # note\nstatus: Implementing\n\
            labels: [a b, c]\ngates: []\nfile_references: [src/my file.rs:1-2]\nchildren_to_implement: [t20_1, t20_2, t20_3]\n\
            assigned_to: ''\nissue: \"https://x/1\"\nattachments:\n  - hash: sha256:ab\n    name: a.png\n\
            custom_key: keepme\nrelated_issues: [\"https://x/3\"]\n\
            created_at: 2026-01-01 10:00\nupdated_at: <NOW>\ncompleted_at: 2026-01-02 11:00\nboardcol: now\nboardidx: 40\n---\n\n\
            Body line 1\n\n---\nnot: frontmatter\n";
        let mut document = Document::parse(before.as_bytes());
        document.set("effort", "high").unwrap();
        assert_eq!(String::from_utf8(document.canonical("<NOW>").unwrap().to_bytes()).unwrap(), after);
        assert_eq!(rewritten(after), after);
    }

    /// As recorded from the script.
    #[test]
    fn a_file_without_frontmatter() {
        let mut document = Document::parse(b"just text\nmore\n");
        document.set("priority", "high").unwrap();
        let expected = "---\npriority: high\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\ncreated_at: \nupdated_at: <NOW>\n---\n\njust text\nmore\n";
        let mut document = document.canonical("<NOW>").unwrap();
        assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), expected);
        for (key, value) in [("anchor", "2"), ("boardgroup", "\"\""), ("assigned_to", "dev@example.com")] {
            document.set(key, value).unwrap();
        }
        let expected = "---\npriority: high\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\nassigned_to: dev@example.com\nanchor: 2\ncreated_at: \nupdated_at: <NOW>\nboardgroup: \"\"\n---\n\njust text\nmore\n";
        assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), expected);
        assert_eq!(rewritten(expected), expected);
    }

    #[test]
    fn line_ends_blocks_groups_and_duplicates() {
        let text = rewritten(
            "\u{feff}---\r\nstatus: Ready\r\n# why\r\nlabels:\r\n- ui\r\n- core # c\r\nattachments:\r\n- hash: x\r\n\r\n  name: y\r\n\r\nactive_gates:\r\nboardgroup:\r\nstatus: Done\r\n---\r\nbody\r\nmore",
        );
        assert_eq!(
            text,
            "---\npriority: medium\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Done\nlabels: [ui, core]\nactive_gates: []\nactive_gates_filtered: []\nactive_gates_profile: \nactive_gates_digest: \nattachments:\n- hash: x\n\n  name: y\n# why\ncreated_at: \nupdated_at: <NOW>\nboardgroup: \"\"\n---\n\nbody\r\nmore\n"
        );
        assert_eq!(rewritten("---\n---\n"), rewritten(""));
        assert!(rewritten("").ends_with("\n---\n\n"));
    }

    proptest! {
        #[test]
        fn the_rewrite_is_idempotent(text in crate::task::frontmatter::tests::frontmatter_like()) {
            let before = Document::parse(text.as_bytes());
            prop_assume!(before.trouble().is_none());
            let once = before.canonical("<NOW>").unwrap();
            let again = Document::parse(&once.to_bytes()).canonical("<NOW>").unwrap();
            prop_assert_eq!(String::from_utf8(once.to_bytes()).unwrap(), String::from_utf8(again.to_bytes()).unwrap());
        }
    }
}
