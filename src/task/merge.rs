//! The three-way merge of task files, field by field: git's merge by lines would report a conflict in `updated_at` for
//! nearly every pair of changes. Lines that no rule is about keep their bytes.

pub(crate) use super::dialect::has_markers;
use super::dialect::{BOM, FrontmatterEntry, lines};
use super::frontmatter::Document;
use super::gate_runs;
use std::collections::BTreeSet;

/// Taken together from the newer side, missing ones too, since the four describe one state.
const GATES: [&str; 4] = ["active_gates", "active_gates_filtered", "active_gates_profile", "active_gates_digest"];
/// Decided by the base alone: only a side that changed the value counts.
const AGAINST_BASE: [&str; 3] = ["boardgroup", "followup_kind", "verification_baseline"];
/// Written last, in the order of the file.
const BOARD: [&str; 3] = ["boardcol", "boardidx", "boardgroup"];

/// The rules of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeRules {
    /// The rules of the scripts, on which their callers depend: priority and effort are the remote's and the place on
    /// the board is ours, even where only the other side changed it.
    Scripts,
    /// A change of one side alone counts; where both changed a field, the rules of the scripts.
    ThreeWay,
}

/// A task file, merged as far as the rules go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileMerge {
    document: Document,
    /// Whether the lines of the published version end in CR LF: then they do so in the result, too.
    is_windows: bool,
    /// The keys that no rule decides; their local value is in the file.
    pub(crate) clashes: Vec<Clash>,
    /// The text below the frontmatter.
    pub(crate) body: Body,
}

/// A key that both sides changed and that no rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clash {
    /// The key.
    pub(crate) key: String,
    /// Its lines on the local side.
    pub(crate) local: Vec<u8>,
    /// Its lines on the remote side.
    pub(crate) remote: Vec<u8>,
}

/// The result for the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// One side alone changed it, or both made the same change.
    Settled(Vec<u8>),
    /// Both changed it: it is to be merged line by line, with `tail` below it.
    Differs {
        /// The body of the base; empty where there is none.
        base: Vec<u8>,
        /// The local body.
        local: Vec<u8>,
        /// The remote body.
        remote: Vec<u8>,
        /// The text that follows the merged body.
        tail: Vec<u8>,
    },
}

impl FileMerge {
    /// Merges two versions of a task file; `local` is that of this clone, `remote` the published one. `None` for files
    /// outside the rules: without frontmatter, or with a repeated key. Line ends and a byte order mark make no
    /// difference; without that, every line of a file that a Windows editor saved would be in conflict.
    pub(crate) fn of(rules: MergeRules, base: Option<&[u8]>, local: &[u8], remote: &[u8]) -> Option<Self> {
        let is_windows = lines(remote).next().is_some_and(|line| line.ends_with(b"\r\n"));
        let as_they_are = [local, remote].iter().all(|text| parse(text).is_some());
        let read = |text: &[u8]| if as_they_are { parse(text) } else { parse(&plain(text)) };
        let (mut document, theirs) = (read(local)?, read(remote)?);
        let base = base.and_then(read);
        let mut clashes = Vec::new();
        let newer_is_local = text(&document, "updated_at") >= text(&theirs, "updated_at");
        let sides = ThreeSides { rules, base: base.as_ref(), local: &document, remote: &theirs, newer_is_local };
        let (mut merged, mut last) = (Vec::new(), Vec::new());
        let only_theirs = entries(&theirs).iter().filter(|entry| match entry.key() {
            Some(key) => document.last(key).is_none(),
            None => sides.is_new_remark(entry),
        });
        for entry in entries(&document).iter().chain(only_theirs) {
            let Some(key) = entry.key() else {
                merged.push(entry.clone());
                continue;
            };
            let taken = match sides.decide(key) {
                Choice::Take(taken) => taken,
                Choice::Drop => continue,
                Choice::Clash => {
                    let raw = |side: &Document| side.last(key).map_or_else(Vec::new, |entry| entry.raw().to_vec());
                    clashes.push(Clash { key: key.to_owned(), local: raw(&document), remote: raw(&theirs) });
                    entry.clone()
                }
            };
            if BOARD.contains(&key) { last.push(taken) } else { merged.push(taken) }
        }
        merged.extend(last);
        let body = merge_bodies(base.as_ref().map(Document::raw_body), document.raw_body(), theirs.raw_body());
        document.head.as_mut()?.entries = merged;
        Some(Self { document, is_windows, clashes, body })
    }

    /// The file with this body (and the tail of [`Body::Differs`]); clashing keys have their local value.
    pub(crate) fn with_body(&self, text: &[u8]) -> Vec<u8> {
        let mut bytes = self.document.head_bytes();
        bytes.extend_from_slice(text);
        if let Body::Differs { tail, .. } = &self.body {
            bytes.extend_from_slice(tail);
        }
        if self.is_windows { with_windows_line_ends(&bytes) } else { bytes }
    }

    /// [`FileMerge::with_body`] with conflict markers around each clashing key.
    pub(crate) fn marked(&self, text: &[u8]) -> Vec<u8> {
        let mut marked = self.clone();
        for entry in marked.document.head.iter_mut().flat_map(|head| &mut head.entries) {
            if let Some(clash) = self.clashes.iter().find(|clash| entry.key() == Some(&clash.key)) {
                let parts: [&[u8]; 5] =
                    [b"<<<<<<< LOCAL\n", &clash.local, b"=======\n", &clash.remote, b">>>>>>> REMOTE\n"];
                *entry = FrontmatterEntry::verbatim(parts.concat());
            }
        }
        marked.with_body(text)
    }
}

/// The two texts of a text with conflict markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenApart {
    /// The text with the upper side of each conflict.
    pub(crate) upper: Vec<u8>,
    /// The text with the lower side of each conflict.
    pub(crate) lower: Vec<u8>,
}

/// Splits a text with conflict markers into its sides; `None` without a complete conflict. The base (`|||||||`) is left
/// out. Of several lines `=======` in a conflict the first separates the sides: the others are text.
pub(crate) fn sides(text: &[u8]) -> Option<TakenApart> {
    #[derive(Clone, Copy, PartialEq)]
    enum Within {
        Both,
        Upper,
        Base,
        Lower,
    }
    let (mut upper, mut lower, mut within, mut found) = (Vec::new(), Vec::new(), Within::Both, false);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        within = match within {
            Within::Both if line.starts_with(b"<<<<<<< ") => Within::Upper,
            Within::Upper if line.starts_with(b"|||||||") => Within::Base,
            Within::Upper | Within::Base if line.trim_ascii_end() == b"=======" => Within::Lower,
            Within::Lower if line.starts_with(b">>>>>>> ") => {
                found = true;
                Within::Both
            }
            _ => {
                if matches!(within, Within::Both | Within::Upper) {
                    upper.extend_from_slice(line);
                }
                if matches!(within, Within::Both | Within::Lower) {
                    lower.extend_from_slice(line);
                }
                within
            }
        };
    }
    (found && within == Within::Both).then_some(TakenApart { upper, lower })
}

/// A text without a byte order mark, every line of which ends in LF.
fn plain(text: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| line.strip_suffix(b"\r\n").map_or_else(|| line.to_vec(), |line| [line, b"\n"].concat());
    lines(text.strip_prefix(BOM).unwrap_or(text)).flat_map(line).collect()
}

fn with_windows_line_ends(text: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| match line.strip_suffix(b"\n") {
        Some(body) if !body.ends_with(b"\r") => [body, b"\r\n"].concat(),
        _ => line.to_vec(),
    };
    lines(text).flat_map(line).collect()
}

fn parse(bytes: &[u8]) -> Option<Document> {
    let document = Document::parse(bytes);
    let keys: Vec<_> = document.keys().collect();
    let each_once = keys.iter().collect::<BTreeSet<_>>().len() == keys.len();
    let is_readable = document.has_frontmatter() && document.trouble().is_none();
    (bytes.starts_with(b"---\n") && is_readable && each_once).then_some(document)
}

fn entries(document: &Document) -> &[FrontmatterEntry] {
    document.head.as_ref().map_or(&[], |head| &head.entries)
}

fn text<'a>(document: &'a Document, key: &str) -> &'a str {
    document.scalar(key).unwrap_or_default()
}

fn merge_bodies(base: Option<&[u8]>, local: &[u8], remote: &[u8]) -> Body {
    let settled = |body: &[u8]| Body::Settled(body.to_vec());
    match base {
        _ if local == remote => settled(local),
        Some(base) if base == local => settled(remote),
        Some(base) if base == remote => settled(local),
        _ => {
            let base = base.unwrap_or_default();
            let (base, local, remote, tail) = match gate_runs::union(local, remote) {
                Some(union) => (gate_runs::head(base), union.local, union.remote, union.section),
                None => (base, local, remote, Vec::new()),
            };
            if gate_runs::trimmed(local) == gate_runs::trimmed(remote) && !tail.is_empty() {
                return Body::Settled([local, &tail].concat());
            }
            Body::Differs { base: base.to_vec(), local: local.to_vec(), remote: remote.to_vec(), tail }
        }
    }
}

/// The decision on a key.
enum Choice {
    Take(FrontmatterEntry),
    Drop,
    Clash,
}

struct ThreeSides<'a> {
    rules: MergeRules,
    base: Option<&'a Document>,
    local: &'a Document,
    remote: &'a Document,
    newer_is_local: bool,
}

impl ThreeSides<'_> {
    fn decide(&self, key: &str) -> Choice {
        let base = self.base.and_then(|base| base.last(key));
        let (local, remote) = (self.local.last(key), self.remote.last(key));
        let newer = if self.newer_is_local { local } else { remote };
        // The order of the rules matters: the gates are one unit, and the keys that the base decides have their own
        // rule for a missing value.
        if GATES.contains(&key) {
            return newer.map_or(Choice::Drop, take);
        }
        if AGAINST_BASE.contains(&key) {
            return self.against_base(key, base, local, remote);
        }
        let (local, remote) = match (local, remote) {
            (Some(local), Some(remote)) => (local, remote),
            // A key that one side removed and the other left unchanged is removed: a dropped assignee must not come
            // back. A key that the other side changed is kept.
            (Some(only), None) | (None, Some(only)) => {
                return if base.is_some_and(|base| same(base, only)) { Choice::Drop } else { take(only) };
            }
            (None, None) => return Choice::Drop,
        };
        if same(local, remote) {
            return take(local);
        }
        let one_sided = base.and_then(|base| match (same(base, local), same(base, remote)) {
            (true, _) => Some(remote),
            (_, true) => Some(local),
            _ => None,
        });
        // The scripts fix the side of these fields, even where the other side alone changed them.
        let alone = one_sided.filter(|_| self.rules == MergeRules::ThreeWay);
        match key {
            "boardcol" | "boardidx" => take(alone.unwrap_or(local)),
            "updated_at" | "anchor" => newer.map_or(Choice::Drop, take),
            "labels" | "depends" => Choice::Take(union(key, base, local, remote)),
            "priority" | "effort" => take(alone.unwrap_or(remote)),
            // Where both changed the status, a task that is being worked on must not look free.
            "status" => one_sided
                .or_else(|| [local, remote].into_iter().find(|entry| entry.value() == "Implementing"))
                .map_or(Choice::Clash, take),
            _ => one_sided.map_or(Choice::Clash, take),
        }
    }

    fn against_base(
        &self,
        key: &str,
        base: Option<&FrontmatterEntry>,
        local: Option<&FrontmatterEntry>,
        remote: Option<&FrontmatterEntry>,
    ) -> Choice {
        let [b, l, r] = [base, local, remote].map(|entry| entry.and_then(significant));
        let winner = match (l == r, self.base.is_some()) {
            (true, _) => local.or(remote),
            (_, true) if b == l => remote,
            (_, true) if b == r => local,
            _ => return Choice::Clash,
        };
        match winner {
            Some(entry) if key == "boardgroup" || significant(entry).is_some() => take(entry),
            _ => Choice::Drop,
        }
    }

    /// Whether a comment or a line without a key is only on the remote side.
    fn is_new_remark(&self, remark: &FrontmatterEntry) -> bool {
        let has = |document: &Document| entries(document).iter().any(|entry| entry.raw() == remark.raw());
        !has(self.local) && !self.base.is_some_and(has)
    }
}

fn take(entry: &FrontmatterEntry) -> Choice {
    Choice::Take(entry.clone())
}

fn is_list(entry: &FrontmatterEntry) -> bool {
    entry.value().starts_with('[') || (entry.value().is_empty() && entry.continues())
}

/// Whether two entries have the same value, in whatever layout.
fn same(one: &FrontmatterEntry, other: &FrontmatterEntry) -> bool {
    let plain = |entry: &FrontmatterEntry| !entry.continues();
    one.raw() == other.raw()
        || (plain(one) && plain(other) && one.value() == other.value())
        || (is_list(one) && is_list(other) && one.items() == other.items())
}

/// The text of a value that is not blank; anything else counts as empty.
fn significant(entry: &FrontmatterEntry) -> Option<&str> {
    let value = entry.value();
    let bare = value.trim_matches(['"', '\'']).trim();
    let other = ["null", "Null", "NULL", "~", "true", "false"].contains(&value)
        || value.starts_with(['[', '{'])
        || looks_numeric(value);
    (!bare.is_empty() && !other).then_some(value)
}

fn looks_numeric(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'.'))
}

/// The union of both lists without the items that one side removed; sorted, without duplicates, in canonical form.
fn union(
    key: &str,
    base: Option<&FrontmatterEntry>,
    local: &FrontmatterEntry,
    remote: &FrontmatterEntry,
) -> FrontmatterEntry {
    // A value that is no list counts as an empty one.
    let items = |entry: &FrontmatterEntry| if is_list(entry) { entry.items() } else { Vec::new() };
    let set =
        |entry: &FrontmatterEntry| items(entry).into_iter().map(|item| canonical(key, item)).collect::<BTreeSet<_>>();
    let (local, remote) = (set(local), set(remote));
    let removed = |item: &&String| !(local.contains(*item) && remote.contains(*item));
    let gone: BTreeSet<_> = base.map(set).unwrap_or_default().iter().filter(removed).cloned().collect();
    let items = local.union(&remote).filter(|item| !gone.contains(*item));
    let shown = items.map(|item| if looks_numeric(item) { format!("'{item}'") } else { item.clone() });
    FrontmatterEntry::line(key, &format!("[{}]", shown.collect::<Vec<_>>().join(", ")), "\n")
}

/// In `depends` a child is written `t1_2`: without the letter, YAML reads `1_2` as the number 12.
fn canonical(key: &str, item: String) -> String {
    let child = item.split_once('_').is_some_and(|(parent, child)| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits(parent) && digits(child)
    });
    if key == "depends" && child { format!("t{item}") } else { item }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::frontmatter::tests::frontmatter_like;
    use proptest::prelude::*;

    fn file(lines: &str) -> String {
        format!("---\n{lines}---\nBody\n")
    }

    fn merge(base: Option<&str>, local: &str, remote: &str) -> (String, Vec<String>) {
        let [local, remote] = [local, remote].map(file);
        let merged = FileMerge::of(
            MergeRules::Scripts,
            base.map(file).as_deref().map(str::as_bytes),
            local.as_bytes(),
            remote.as_bytes(),
        );
        let merged = merged.unwrap();
        let text = String::from_utf8(merged.with_body(b"Body\n")).unwrap();
        let keys = merged.clashes.iter().map(|clash| clash.key.clone()).collect();
        let text = text.strip_prefix("---\n").and_then(|text| text.strip_suffix("---\nBody\n")).unwrap();
        (text.to_owned(), keys)
    }

    #[track_caller]
    fn check(base: Option<&str>, local: &str, remote: &str, expected: &str, clashes: &[&str]) {
        let (text, keys) = merge(base, local, remote);
        assert_eq!((text.as_str(), keys), (expected, clashes.iter().map(|key| (*key).to_owned()).collect()));
    }

    #[test]
    fn the_example_of_the_specification() {
        check(
            Some("priority: high\nstatus: Ready\nlabels: [ui]\nupdated_at: 2026-01-01\nboardcol: backlog\n"),
            "priority: medium\nstatus: Ready\nlabels: [api, ui]\nupdated_at: 2026-01-03 10:00\nboardcol: backlog\n",
            "priority: low\nstatus: Implementing\nlabels: [ui, db]\nupdated_at: 2026-01-02\nboardcol: now\n",
            "priority: low\nstatus: Implementing\nlabels: [api, db, ui]\nupdated_at: 2026-01-03 10:00\nboardcol: backlog\n",
            &[],
        );
    }

    #[test]
    fn a_release_is_not_undone() {
        check(
            Some("status: Implementing\nassigned_to: a@x\nx: 1\n"),
            "status: Ready\nx: 1\n",
            "status: Implementing\nassigned_to: a@x\nx: 2\n",
            "status: Ready\nx: 2\n",
            &[],
        );
    }

    #[test]
    fn a_finished_task_stays_finished() {
        check(Some("status: Implementing\n"), "status: Done\n", "status: Implementing\n", "status: Done\n", &[]);
    }

    #[test]
    fn a_label_removed_stays_removed() {
        check(Some("labels: [a, b]\n"), "labels: [b]\n", "labels: [a, b, c]\n", "labels: [b, c]\n", &[]);
        check(Some("labels: [a]\n"), "labels: [a, b]\n", "labels: x\n", "labels: [b]\n", &[]);
        check(Some("depends: [1, 2]\n"), "depends: [2]\n", "depends: [1, 2]\n", "depends: ['2']\n", &[]);
    }

    #[test]
    fn without_a_base_everything_that_was_added_stays() {
        check(None, "labels: [b]\n", "labels: [a]\nassigned_to: x\n", "labels: [a, b]\nassigned_to: x\n", &[]);
        check(None, "depends: [10, 3_1]\n", "depends: [2]\n", "depends: ['10', '2', t3_1]\n", &[]);
    }

    #[test]
    fn implementing_wins_where_both_changed_it() {
        check(Some("status: Ready\n"), "status: Postponed\n", "status: Implementing\n", "status: Implementing\n", &[]);
        check(None, "status: Done\n", "status: Implementing\n", "status: Implementing\n", &[]);
        check(Some("status: Ready\n"), "status: Postponed\n", "status: Editing\n", "status: Postponed\n", &["status"]);
    }

    #[test]
    fn what_no_rule_decides_is_named() {
        check(Some("issue: 1\n"), "issue: 2\n", "issue: 3\n", "issue: 2\n", &["issue"]);
        check(Some("issue: 1\n"), "issue: 1\n", "issue: 3\n", "issue: 3\n", &[]);
        check(Some("issue: 1\n"), "issue: 2\n", "", "issue: 2\n", &[]);
        check(Some("issue: 1\n"), "issue: 1\n", "", "", &[]);
    }

    #[test]
    fn priority_is_theirs_and_the_board_is_ours() {
        check(
            Some("priority: low\nboardcol: a\nboardidx: 1\n"),
            "boardcol: a\nboardidx: 2\npriority: high\n",
            "priority: medium\nboardcol: b\nboardidx: 1\nnew: 1\n",
            "priority: medium\nnew: 1\nboardcol: a\nboardidx: 2\n",
            &[],
        );
    }

    #[test]
    fn by_three_ways_they_are_whose_changed_them() {
        let (base, local, remote) = (
            file("priority: low\neffort: low\nboardcol: a\nboardidx: 1\n"),
            file("priority: high\neffort: low\nboardcol: a\nboardidx: 2\n"),
            file("priority: low\neffort: high\nboardcol: b\nboardidx: 3\n"),
        );
        let merged = FileMerge::of(MergeRules::ThreeWay, Some(base.as_bytes()), local.as_bytes(), remote.as_bytes());
        let text = String::from_utf8(merged.unwrap().with_body(b"Body\n")).unwrap();
        assert_eq!(text, file("priority: high\neffort: high\nboardcol: b\nboardidx: 2\n"));
    }

    #[test]
    fn gates_come_from_one_side() {
        let local = "active_gates: [a]\nactive_gates_profile: p\nupdated_at: 2026-01-01\n";
        let remote = "active_gates: [b]\nactive_gates_digest: d\nupdated_at: 2026-01-02\n";
        check(None, local, remote, "active_gates: [b]\nupdated_at: 2026-01-02\nactive_gates_digest: d\n", &[]);
    }

    #[test]
    fn keys_against_the_base() {
        check(Some("followup_kind: bug\n"), "followup_kind: ''\n", "followup_kind: bug\n", "", &[]);
        check(Some("boardgroup: g\n"), "boardgroup: ''\n", "boardgroup: g\n", "boardgroup: ''\n", &[]);
        check(Some("boardgroup: g\n"), "boardgroup: h\n", "boardgroup: i\n", "boardgroup: h\n", &["boardgroup"]);
        check(None, "boardgroup: h\n", "", "boardgroup: h\n", &["boardgroup"]);
    }

    #[test]
    fn untouched_lines_keep_their_bytes() {
        let odd = "# a comment\nempty:\ntime: 10:30\noct: 010\nyes_no: yes\nname: J\u{f6}rg\ntext: |\n  two\n  lines\n";
        check(
            Some(&format!("{odd}x: 1\n")),
            &format!("{odd}x: 2\n"),
            &format!("{odd}x: 1\ny: 3\n"),
            &format!("{odd}x: 2\ny: 3\n"),
            &[],
        );
    }

    #[test]
    fn files_that_the_rules_do_not_speak_of() {
        for odd in ["no frontmatter\n", "---\na: 1\na: 2\n---\n"] {
            assert_eq!(FileMerge::of(MergeRules::Scripts, None, odd.as_bytes(), b"---\na: 1\n---\n"), None, "{odd:?}");
        }
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_make_no_conflict() {
        let file = |priority: &str, label: &str, body: &str| {
            format!("---\npriority: {priority}\nlabels: [{label}]\nupdated_at: x\n---\n{body}\n")
        };
        let (base, local, remote) = (file("low", "a", "one"), file("low", "b", "one"), file("high", "a", "two"));
        let windows = |text: &str| text.replace('\n', "\r\n");
        let merged = |local: &str, remote: &str| {
            let [base, local, remote] = [base.as_bytes(), local.as_bytes(), remote.as_bytes()];
            let merge = FileMerge::of(MergeRules::ThreeWay, Some(base), local, remote).unwrap();
            let Body::Settled(body) = &merge.body else { panic!("the body is in conflict") };
            assert_eq!(merge.clashes, []);
            String::from_utf8(merge.with_body(body)).unwrap()
        };
        let expected = file("high", "b", "two");
        for local in [local.clone(), windows(&local), format!("\u{feff}{local}")] {
            assert_eq!(merged(&local, &remote), expected);
            assert_eq!(merged(&local, &windows(&remote)), windows(&expected));
        }
    }

    #[test]
    fn bodies() {
        let of = |base: &str, local: &str, remote: &str| {
            let [base, local, remote] = [base, local, remote].map(|body| format!("---\na: 1\n---\n{body}"));
            FileMerge::of(MergeRules::Scripts, Some(base.as_bytes()), local.as_bytes(), remote.as_bytes()).unwrap().body
        };
        assert_eq!(of("x\n", "x\n", "y\n"), Body::Settled(b"y\n".to_vec()));
        assert_eq!(of("x\n", "y\n", "x\n"), Body::Settled(b"y\n".to_vec()));
        assert!(matches!(of("x\n", "y\n", "z\n"), Body::Differs { .. }));
    }

    #[test]
    fn the_sides_of_a_text_with_markers() {
        let both = |upper: &str, lower: &str| Some(TakenApart { upper: upper.into(), lower: lower.into() });
        let text = "a\n<<<<<<< x\nb\n=======\nc\n=======\nd\n>>>>>>> y\ne\n";
        assert_eq!(sides(text.as_bytes()), both("a\nb\ne\n", "a\nc\n=======\nd\ne\n"));
        let text = "<<<<<<< x\nb\n||||||| z\nbase\n=======\n>>>>>>> y\n<<<<<<< x\n=======\nf\n>>>>>>> y\n";
        assert_eq!(sides(text.as_bytes()), both("b\n", "f\n"));
        for none in ["", "a\n=======\n", "<<<<<<< x\n=======\n", ">>>>>>> y\n", "<<<<<<< x\n>>>>>>> y\n"] {
            assert_eq!(sides(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_key_that_clashes_is_shown_with_both_values() {
        let merged =
            FileMerge::of(MergeRules::Scripts, None, b"---\nissue: 1\n---\n", b"---\nissue: 2\n---\n").unwrap();
        let marked = String::from_utf8(merged.marked(b"")).unwrap();
        assert_eq!(marked, "---\n<<<<<<< LOCAL\nissue: 1\n=======\nissue: 2\n>>>>>>> REMOTE\n---\n");
        assert!(has_markers(marked.as_bytes()));
        assert!(!has_markers(b"=======\n<<<<<<< a\n>>>>>>> b\n"));
    }

    proptest! {
        /// A change of one side alone is taken, except for the fields whose side the rules fix.
        #[test]
        fn one_sided_changes_win(base in frontmatter_like(), changed in frontmatter_like()) {
            let (base, changed) = (base.as_bytes(), changed.as_bytes());
            let Some(merged) = FileMerge::of(MergeRules::Scripts, Some(base), changed, base) else { return Ok(()) };
            prop_assert!(merged.clashes.is_empty());
            let result = merged.with_body(match &merged.body { Body::Settled(body) => body, Body::Differs { local, .. } => local });
            let (result, local) = (Document::parse(&result), Document::parse(changed));
            for key in local.keys().filter(|key| !["priority", "effort", "updated_at", "labels", "depends"].contains(key)) {
                prop_assert_eq!(result.scalar(key), local.scalar(key), "{}", key);
            }
        }

        #[test]
        fn merging_with_itself_changes_nothing_but_the_order(file in frontmatter_like()) {
            let bytes = file.as_bytes();
            let Some(merged) = FileMerge::of(MergeRules::Scripts, Some(bytes), bytes, bytes) else { return Ok(()) };
            prop_assert!(merged.clashes.is_empty());
            let Body::Settled(body) = &merged.body else { panic!("{merged:?}") };
            // The line ends of a file that mixes them may become one kind.
            let sorted = |bytes: &[u8]| {
                let mut bytes: Vec<_> = plain(bytes).into_iter().filter(|byte| *byte != b'\r').collect();
                bytes.sort_unstable();
                bytes
            };
            let result = merged.with_body(body);
            prop_assert!(sorted(&result) == sorted(bytes) || file.contains("followup_kind") || file.contains("boardgroup"));
        }

        #[test]
        fn what_was_marked_is_taken_apart_again(local in frontmatter_like(), remote in frontmatter_like()) {
            let marked = format!("<<<<<<< a\n{local}\n=======\n{remote}\n>>>>>>> b\n");
            let (upper, lower) = (format!("{local}\n").into(), format!("{remote}\n").into());
            prop_assert_eq!(sides(marked.as_bytes()), Some(TakenApart { upper, lower }));
        }

        #[test]
        fn anything(base: Option<Vec<u8>>, local in frontmatter_like(), remote in frontmatter_like()) {
            if let Some(merged) = FileMerge::of(MergeRules::Scripts, base.as_deref(), local.as_bytes(), remote.as_bytes()) {
                let _ = (merged.with_body(b"x"), merged.marked(b"y"));
            }
            let _ = sides(local.as_bytes());
        }
    }
}
