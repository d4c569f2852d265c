//! Any bytes to everything that reads a text of others: no panic, no long time, and what is read and written back stays.

use crate::agents::{marked, payload::Payload, settings_text};
use crate::chance::Chance;
use crate::coordination::{LockEntry, ids, session};
use crate::files::{records, yaml};
use crate::git::porcelain::{
    cat_file, commit, config, damage, diff_raw, failure, for_each_ref, log_raw, ls_tree, merge_tree, push, status,
    unmerged, worktree_list,
};
use crate::git::{Branch, Oid, RefName, RemoteName, address};
use crate::project::Wanted;
use crate::proof::{Proof, Rounds};
use crate::settings::parse_duration;
use crate::task::checklist::Checklist;
use crate::task::plan_header::{self, HeaderEdit};
use crate::task::{
    Document, Fields, Items, PlanPath, Slug, Status, TaskId, TaskName, TaskPath, Title, bundle, editor_template,
    fields, gate_runs, labels, paths, sanitise, text_change,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Reads bytes; whether what is promised of the answer holds.
type Read = fn(&[u8]) -> bool;

/// Everything that reads a text of others, by the name of its kind of input in [`valid`] and its own.
const READERS: &[(&str, &str, Read)] = &[
    ("task", "task file", |bytes| Document::parse(bytes).to_bytes() == bytes),
    ("task", "fields", |bytes| {
        let document = Document::parse(bytes);
        let fields = Fields::read(&document, Items::AsWritten);
        let _ = (fields.doubt(), Checklist::of(&document));
        document.keys().count() <= bytes.len()
    }),
    ("task", "canonical form", |bytes| {
        let now = "2026-01-02 03:04";
        let Ok(once) = Document::parse(bytes).canonical(now) else { return true };
        Document::parse(&once.to_bytes()).canonical(now).is_ok_and(|twice| twice.to_bytes() == once.to_bytes())
    }),
    ("task", "a field that is set", |bytes| {
        let mut document = Document::parse(bytes);
        let is_set = document.set("status", "Ready").is_ok();
        !is_set || Document::parse(&document.to_bytes()).scalar("status") == Some("Ready")
    }),
    ("task", "boxes", |bytes| text_change::boxes(bytes).len() <= bytes.len()),
    ("task", "sheet of the editor", |bytes| ok(editor_template::read(bytes))),
    ("task", "runs of gates", |bytes| ok(gate_runs::last_run(bytes, "tests"))),
    ("plan", "header of a plan", |bytes| {
        let plan = text(bytes);
        let changed = plan_header::splice(&plan, "Base branch", &HeaderEdit::Set("dev".to_owned()));
        let has_header = plan_header::has_header(&plan);
        ok(plan_header::value_as_written(&plan, "Base branch"))
            && plan_header::splice(&plan, "Base branch", &HeaderEdit::Leave) == plan
            && (has_header || changed == plan)
    }),
    ("lock", "lock", |bytes| {
        let task = TaskId::parse("1").unwrap();
        let lock = LockEntry::parse(task, bytes, None);
        LockEntry::parse(task, &lock.to_bytes(), None) == lock
    }),
    ("counter", "counter of ids", |bytes| ids::parse(bytes).is_ok() <= bytes.iter().any(u8::is_ascii_digit)),
    ("push", "push", |bytes| {
        let mut report = push::parse(bytes).unwrap_or_default();
        report.explain(bytes);
        ok(report.rejection())
    }),
    ("failure", "failure", |bytes| {
        let words = text(bytes);
        let kind = failure::of_question(Some(128), &words);
        ok((
            failure::may_be_refusal(kind, &words),
            failure::said(kind, &words),
            damage::damage(Path::new("/x"), &words),
        ))
    }),
    ("cat-file", "objects", |bytes| ok(cat_file::parse(bytes, 3))),
    ("cat-file", "objects as they arrive", |bytes| {
        let mut answers = cat_file::Answers::default();
        for part in bytes.chunks(7) {
            answers.add(part);
        }
        answers.bytes().len() <= bytes.len()
    }),
    ("commit", "commit", |bytes| ok(commit::Commit::parse(bytes))),
    ("config", "configuration", |bytes| ok(config::parse(bytes))),
    ("diff-raw", "differences", |bytes| ok(diff_raw::parse(bytes))),
    ("for-each-ref", "refs", |bytes| ok(for_each_ref::parse(bytes))),
    ("log", "history", |bytes| ok(log_raw::parse(bytes))),
    ("ls-tree", "listed tree", |bytes| ok(ls_tree::parse(bytes))),
    ("tree", "tree", |bytes| ok((ls_tree::parse_tree(bytes, 20), ls_tree::parse_tree(bytes, 32)))),
    ("merge-tree", "merge", |bytes| ok((merge_tree::parse(0, bytes), merge_tree::parse(1, bytes)))),
    ("status", "status", |bytes| ok(status::parse(bytes))),
    ("unmerged", "conflicts", |bytes| ok(unmerged::parse(bytes))),
    ("worktree", "worktrees", |bytes| {
        ok((worktree_list::parse(bytes), worktree_list::parse_lines(bytes), worktree_list::parse_lines_loosely(bytes)))
    }),
    ("hook", "event of an agent", |bytes| ok(Payload::parse(bytes))),
    ("settings", "settings of an agent", |bytes| {
        let settings = text(bytes);
        let hook = settings_text::Hook { event: "Stop", matcher: "", command: "git aitask hook stop", timeout: 5 };
        if settings_text::removed(&settings) != Ok(None) {
            return true;
        }
        let Ok(with) = settings_text::added(Some(&settings), &[hook]) else { return true };
        settings_text::removed(&with) == Ok(Some(settings_text::Settings::Text(settings.into_owned())))
    }),
    ("stanza", "stanza", |bytes| match marked::find(bytes) {
        Err(_) => true,
        Ok(Some(stanza)) => ok((stanza.removed(bytes), stanza.replaced(bytes, "text\n"))),
        Ok(None) => {
            let with = marked::added(bytes, "text\n");
            let stanza = marked::find(&with).ok().flatten();
            let rest = stanza.filter(|stanza| stanza.is_own).map(|stanza| stanza.removed(&with));
            rest == Some(marked::Rest::Bytes(bytes.to_owned())) || (bytes.is_empty() && rest.is_some())
        }
    }),
    ("yaml", "YAML", |bytes| ok(yaml::parse::<BTreeMap<String, String>>(Path::new("f"), bytes, yaml::Repeated::Last))),
    ("json", "record", |bytes| ok(records::decode::<BTreeMap<String, serde_json::Value>>(bytes))),
    ("bundle", "bundle", |bytes| ok((bundle::files("b.tar.zst", bytes), bundle::members("b.tar.gz", bytes)))),
    ("word", "id", |bytes| {
        TaskId::try_parse(&text(bytes)).is_none_or(|id| TaskId::try_parse(&id.to_string()) == Some(id))
    }),
    ("word", "name of a task", |bytes| TaskName::try_parse(&text(bytes)).is_none_or(|name| is_inside(name.as_str()))),
    ("word", "name of a branch of a task", |bytes| {
        TaskName::from_branch(&text(bytes)).is_none_or(|name| is_inside(&name.branch_name()))
    }),
    ("word", "argument that names a task", |bytes| ok(Wanted::parse(&text(bytes)))),
    ("word", "path of a task", |bytes| TaskPath::parse(&text(bytes)).is_none_or(|path| is_inside(path.as_str()))),
    ("word", "path of a plan", |bytes| PlanPath::parse(&text(bytes)).is_none_or(|path| is_inside(path.as_str()))),
    ("word", "path that may be of a task", |bytes| {
        let path = text(bytes);
        let ids = (paths::loose_id(&path), paths::loose_plan_id(&path), paths::loose_number(&path));
        let bundles = (paths::bundle_upper_bound(&path), paths::member_id(&path), bundle::plain(&path).len());
        ok((ids, bundles, paths::draft_slug(&path), paths::loose_plan(&path), paths::looks_like_a_task(&path)))
    }),
    ("word", "slug", |bytes| Slug::derive(&text(bytes)).is_none_or(|slug| is_inside(slug.as_str()))),
    ("word", "title", |bytes| {
        Title::parse(&text(bytes)).map_or(true, |title| !title.as_str().chars().any(char::is_control))
    }),
    ("word", "branch", |bytes| Branch::parse(&text(bytes)).map_or(true, |branch| is_inside(branch.as_str()))),
    ("word", "remote", |bytes| RemoteName::parse(&text(bytes)).map_or(true, |remote| is_inside(remote.as_str()))),
    ("word", "ref", |bytes| RefName::parse(&text(bytes)).is_none_or(|name| is_inside(name.as_str()))),
    ("word", "object name", |bytes| Oid::parse(&text(bytes)).is_none_or(|oid| oid.as_str().as_bytes() == bytes)),
    ("word", "address", |bytes| ok((address::masked(&text(bytes)), session::parse_email(&text(bytes))))),
    ("word", "time", |bytes| ok(parse_duration(&text(bytes)))),
    ("word", "status of a task", |bytes| text(bytes).as_ref() == Status::parse(&text(bytes)).as_str()),
    ("word", "reference to a file", |bytes| {
        let reference = text(bytes);
        ok((
            fields::check_file_reference(&reference),
            fields::referenced_path(&reference).len(),
            fields::parse_anchor(&reference),
        ))
    }),
    ("words", "labels", |bytes| {
        let once = labels::sanitise_list(&text(bytes)).labels;
        labels::sanitise_list(&once.join(",")).labels == once
    }),
    ("words", "vocabulary", |bytes| {
        let words = text(bytes);
        ok((labels::add_to_vocabulary(&words, &["ui"]), fields::issue_types(&words), fields::items(&words)))
    }),
    ("words", "text for a terminal", |bytes| {
        !sanitise(&text(bytes)).chars().any(|c| c.is_control() && c != '\n' && c != '\t')
    }),
];

/// Where only a panic would be wrong.
#[expect(clippy::needless_pass_by_value, reason = "takes any answer")]
fn ok<T>(answer: T) -> bool {
    size_of_val(&answer) < usize::MAX
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Whether a name that becomes a part of a path or an argument stays where it is put, and is no option.
fn is_inside(name: &str) -> bool {
    !name.starts_with(['-', '/']) && !name.split('/').any(|part| part == "..") && !name.chars().any(char::is_control)
}

/// Inputs that were wrong once, by the reader.
const FOUND: &[(&str, &[u8])] = &[("lock", b"task_id: 1\nlocked_at: 3:04\r\n---\r")];

const TASK: &str = "---\npriority: high\nstatus: Implementing\nlabels: [ui, 'a b']\ndepends: [1, t2_1]\nassigned_to: a@b\n\
    issue_type: manual_verification\ngates:\n  - tests\n  - \"x\"\nother: |\n  text\ncreated_at: 2026-01-02 03:04\n---\n\n# Title\n\n\
    ## Verification Checklist\n\n- [ ] Group:\n  - [x] one\n* [ ] two\n\n```\n- [ ] no box\n```\n";
const LOCK: &str = "task_id: 1\nlocked_by: ann@example.com\nlocked_at: 2026-01-02 03:04\nhostname: h\npid: 12\n\
    pid_starttime: 34\npid_starttime_kind: proc\nnonce: abc\nboot_id: b\npid_namespace: 4026531836\nagent: claude\n";
const SETTINGS: &str =
    r#"{"a": [1, "x\u00e9"], "hooks": {"Stop": [ {"hooks": [{"type": "command", "command": "true"}]} ]}}"#;

/// Valid inputs of a kind: those written here, and those recorded of git and of agents.
fn valid() -> BTreeMap<String, Vec<Vec<u8>>> {
    let words = "1 t1 t12_3 12_3 t1_add_login aitask/t1_add_login aitasks/t1_add_login.md aiplans/p1_add_login.md main \
        aitasks/t2/t2_1_part.md aitasks/archived/t1_one.md aitasks/archived/_b0/old0.tar.zst refs/heads/a/b origin 30s 2h \
        https://a:b@example.com/x.git git@example.com:x Ready src/lib.rs:3 0123456789abcdef0123456789abcdef01234567";
    let mut valid: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut add = |kind: &str, bytes: &[u8]| valid.entry(kind.to_owned()).or_default().push(bytes.to_owned());
    words.split_whitespace().for_each(|word| add("word", word.as_bytes()));
    add("words", b"ui,back end, Some-Thing,\ttwo\nbug\nfeature\n");
    add("task", TASK.as_bytes());
    add("task", TASK.replace('\n', "\r\n").as_bytes());
    add("plan", b"---\nTask: t1_a.md\nBase branch: main\nOutput branch: dev\nplan_verified: []\n---\n\nText\n");
    add("lock", LOCK.as_bytes());
    add("counter", b"42\n");
    add("settings", SETTINGS.as_bytes());
    add("stanza", &marked::created("text\n"));
    add("stanza", &marked::added(b"# Notes\r\n\r\ntext\r\n", "text\n"));
    add("yaml", b"email: a@b\nlist: [x, {y: z}]\n# said\nother: &a 'it''s'\nsame: *a\n");
    add("json", br#"{"format":1,"base":"main","list":["a",{"b":null}]}"#);
    let (zeros, one) = ("0".repeat(40), "1".repeat(40));
    let file = format!(":000000 100644 {zeros} {one} A\0a b\0");
    add("diff-raw", file.as_bytes());
    add("log", format!("\x01{one}\0{one} {one}\0Ann <a@b> 7\0Two\n\nbody\n\0\n{file}").as_bytes());
    add("unmerged", format!("100644 {one} 1\ta b\0100755 {one} 3\ta b\0100644 {one} 2\tc\0").as_bytes());
    let member = ("t1_one.md".to_owned(), TASK.as_bytes().to_owned());
    add("bundle", &bundle::pack(&BTreeMap::from([member])).unwrap());
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folders = ["porcelain/2.39.5", "porcelain/2.47.3", "hooks"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(fixtures.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files.iter().filter(|file| file.is_file()) {
        let (name, bytes) = (file.file_name().unwrap().to_string_lossy(), std::fs::read(file).unwrap());
        let name = ["sha1-", "sha256-"].iter().find_map(|hash| name.strip_prefix(hash)).unwrap_or(&name);
        let known = READERS.iter().map(|(kind, ..)| *kind).find(|kind| name.starts_with(kind));
        let kind = match file.extension().and_then(|extension| extension.to_str()) {
            Some("json") => "hook",
            Some("err") => "failure",
            _ => known.unwrap_or("task"),
        };
        add(kind, &bytes);
    }
    valid
}

/// What a change may put in: what one of the formats gives a meaning.
const TOKENS: [&[u8]; 30] = [
    b"\n",
    b"\r\n",
    b"\0",
    b"\0\0",
    b"\t",
    b" ",
    b":",
    b"---\n",
    b"\"",
    b"'",
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"- [ ] ",
    b"..",
    b"../",
    b"-",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"18446744073709551616",
    b"-1",
    b"0",
    b"<!-- BEGIN git-aitask",
    b"<!-- END git-aitask -->\n",
    b"```\n",
];

/// A place in `bytes`, its end included, and one behind it.
fn any_range(chance: &Chance, bytes: &[u8]) -> std::ops::Range<usize> {
    let start = chance.below(bytes.len() + 1);
    start..start + chance.below((bytes.len() - start).min(40) + 1)
}

/// Any bytes, or valid ones of this kind with some changes.
fn input(chance: &Chance, kind: &str, valid: &BTreeMap<String, Vec<Vec<u8>>>) -> Vec<u8> {
    let kinds: Vec<_> = valid.values().collect();
    if chance.below(10) == 0 {
        return (0..chance.below(200)).map(|_| u8::try_from(chance.below(256)).unwrap()).collect();
    }
    let own = valid.get(kind).filter(|_| chance.below(8) > 0);
    let mut bytes = chance.of(own.unwrap_or_else(|| kinds[chance.below(kinds.len())])).clone();
    for _ in 0..chance.below(6) {
        let range = any_range(chance, &bytes);
        let piece = match chance.below(6) {
            0 => Vec::new(),
            1 => vec![u8::try_from(chance.below(256)).unwrap()],
            2 => bytes[any_range(chance, &bytes)].to_vec(),
            3 => {
                let other = chance.of(kinds[chance.below(kinds.len())]);
                other[any_range(chance, other)].to_vec()
            }
            _ => chance.of(&TOKENS).to_vec(),
        };
        let range = if chance.below(2) == 0 { range.start..range.start } else { range };
        bytes.splice(range, piece);
    }
    if chance.below(12) == 0 {
        bytes.truncate(chance.below(bytes.len() + 1));
    }
    bytes
}

/// Whether a reader does as it promises with these bytes.
fn holds(read: Read, bytes: &[u8]) -> bool {
    std::panic::catch_unwind(AssertUnwindSafe(|| read(bytes))).unwrap_or(false)
}

#[test]
fn any_bytes_are_read_or_refused() {
    const TOGETHER: usize = 100;
    let rounds = Rounds { ordinary: 20, short: 120, long: 20_000 };
    let property =
        "Any bytes to everything that reads a text of others: no panic, and what is promised of the answer holds";
    let mut proof = Proof::new("12a", property, "inputs", rounds);
    for (name, bytes) in FOUND {
        let (_, _, read) = READERS.iter().find(|(_, reader, _)| reader == name).unwrap();
        proof.check(holds(*read, bytes), || format!("{name}: found before: b\"{}\"", bytes.escape_ascii()));
    }
    let valid = valid();
    let unknown: Vec<_> =
        READERS.iter().filter(|(kind, ..)| !valid.contains_key(*kind)).map(|(kind, ..)| kind).collect();
    assert!(unknown.is_empty(), "no valid inputs of {unknown:?}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    // a long run has others than those before it
    let chance = Chance::new(if proof.rounds() == rounds.long { now << 20 } else { 0 });
    while let Some(n) = proof.next_round() {
        for n in n * TOGETHER..(n + 1) * TOGETHER {
            let (kind, name, read) = READERS[n % READERS.len()];
            let bytes = input(&chance, kind, &valid);
            proof.check(holds(read, &bytes), || {
                format!("to be kept in FOUND: (\"{name}\", b\"{}\")", bytes.escape_ascii())
            });
        }
        proof.tried(TOGETHER);
    }
    proof.end();
}

/// What is long, of a line of it: the same again, or others.
fn long(line: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + line.len());
    while bytes.len() < size {
        let number = bytes.len().to_string();
        let parts: Vec<_> = line.split(|byte| *byte == b'#').collect();
        bytes.extend(parts.join(number.as_bytes()));
    }
    bytes
}

/// What comes again and again; `#` stands for a number that is another one each time.
const LINES: [&[u8]; 26] = [
    b"a",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b" ",
    b"\t",
    b"[",
    b"{",
    b"\"",
    b"a,",
    b"a#,",
    b"k#: v\n",
    b"k: v\n",
    b"- x#\n",
    b"  - x\n",
    b"- [ ] a\n",
    b"# a\n",
    b"---\n",
    b"```\n",
    b"_1",
    b"../",
    b"error: #\n",
    b"worktree /a#\n\n",
    b"!\trefs/heads/a#:refs/heads/a#\t[x] (y)\n",
    b"100644 blob 0123456789abcdef0123456789abcdef01234567\ta#\0",
];

/// What stands before what is long, so that it is read as something.
fn beginning(kind: &str) -> &'static [u8] {
    match kind {
        "task" | "plan" => b"---\n",
        "settings" => b"{\"hooks\": {\"Stop\": [",
        _ => b"",
    }
}

/// In a debug build on a busy machine; what takes the square of the length takes hours.
const LIMITS: [(usize, Duration); 2] = [(64 << 10, Duration::from_secs(2)), (1 << 20, Duration::from_secs(20))];

#[test]
fn a_megabyte_takes_a_moment() {
    let cases = READERS.len() * LINES.len();
    let rounds = Rounds { ordinary: 12, short: 40, long: cases };
    let mut proof = Proof::new("12a", "A megabyte of anything is read in a moment", "inputs", rounds);
    while let Some(n) = proof.next_round() {
        // a step that is a large prime comes to every case
        let case = n * 7919 % cases;
        let ((kind, name, read), line) = (READERS[case % READERS.len()], LINES[case / READERS.len()]);
        for (size, limit) in LIMITS {
            let bytes = [beginning(kind), &long(line, size)].concat();
            let begun = Instant::now();
            let holds = holds(read, &bytes);
            let took = begun.elapsed();
            proof.tried(1);
            proof.took(took);
            proof.check(holds && took < limit, || {
                format!("{name}: {size} bytes of {}: {took:?}, {holds}", line.escape_ascii())
            });
            if took >= limit {
                break;
            }
        }
    }
    proof.end();
}
