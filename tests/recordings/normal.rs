//! What differs from run to run, replaced: objects, times, process ids, temporary paths, colours.

use regex::{Captures, Regex};
use std::sync::LazyLock;

macro_rules! pattern {
    ($text:literal) => {{
        static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).unwrap());
        &*PATTERN
    }};
}

/// A text without colours.
pub(super) fn plain(text: &str) -> String {
    pattern!(r"\x1b\[[0-9;]*[A-Za-z]").replace_all(text, "").into_owned()
}

/// A text with `\n` alone for line ends.
pub(super) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What this run has that another has not.
pub(super) struct Normal<'a> {
    /// The names and process ids of the sleeping processes.
    pub(super) live: Vec<(&'a str, u32)>,
    /// The temporary directory.
    pub(super) root: &'a str,
    /// Whether times far from the clock are shown.
    pub(super) dates: bool,
}

impl Normal<'_> {
    pub(super) fn of(&self, text: &str) -> String {
        let mut text = plain(text);
        for (name, pid) in &self.live {
            let pid = Regex::new(&format!(r"\b{pid}\b")).unwrap();
            text = pid.replace_all(&text, format!("<PID:{name}>")).into_owned();
        }
        let text = text.replace(self.root, "<ROOT>");
        let text = pattern!(r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b").replace_all(&text, "<OID>");
        let text = pattern!(r"\b(COMMITTED:)[0-9a-f]{7,39}\b").replace_all(&text, "$1<OID>");
        let time = |found: &Captures<'_>| self.time(&found[0]);
        let text = pattern!(r"\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?\b").replace_all(&text, time).into_owned();
        let text = pattern!(r"\d+[-_]\d+(?:[-_]\d+)*").replace_all(&text, |run: &Captures<'_>| stamps(&run[0]));
        let anchor = |line: &Captures<'_>| {
            if line[0].ends_with(": -") || line[0].ends_with(": 0") || line[0].contains("<PID") {
                return line[0].to_owned();
            }
            format!("{}{}: <N>", &line[1], &line[2])
        };
        let text = pattern!(r"(?m)^(\s*)(pid|pid_starttime): .*$").replace_all(&text, anchor);
        let text = pattern!(r"(PRIOR_LOCK:)(?:\d+|<PID:\w+>)\|(\d+)\|").replace_all(&text, "$1<PID>|<N>|").into_owned();
        pattern!(r"(?m)[ \t]+$").replace_all(&text, "").into_owned()
    }

    fn time(&self, text: &str) -> String {
        if !self.dates {
            return "<TIME>".into();
        }
        let Ok(time) = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M", &text[..16]) else { return text.into() };
        let now = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now());
        let near = now.duration_since(time).as_secs().abs() < 86400;
        if near { "<NOW>".into() } else { text.into() }
    }
}

/// `20260102_030405` and the like in a run of numbers joined by `-` or `_`.
fn stamps(run: &str) -> String {
    let mut parts: Vec<&str> = run.split_inclusive(['-', '_']).collect();
    let mut n = 0;
    while n + 1 < parts.len() {
        let (day, time) = (parts[n], parts[n + 1].trim_end_matches(['-', '_']));
        if day.len() == 9 && day.starts_with("20") && (4..=6).contains(&time.len()) {
            parts[n] = "<STAMP>";
            parts[n + 1] = &parts[n + 1][time.len()..];
            n += 1;
        }
        n += 1;
    }
    parts.concat()
}

#[test]
fn what_differs_from_run_to_run_is_replaced() {
    let normal = Normal { live: vec![("S", 4711)], root: "/tmp/w", dates: true };
    let oid = "0123456789".repeat(4);
    let of = |text: &str| normal.of(text);
    assert_eq!(of(&format!("\x1b[0;31m/tmp/w/a {oid}\x1b[0m  \nCOMMITTED:0123abc")), "<ROOT>/a <OID>\nCOMMITTED:<OID>");
    assert_eq!(
        of("x_20260102_030405.md 20260102-0304 20260102_0304567 120260102_0304 2026_01"),
        "x_<STAMP>.md <STAMP> 20260102_0304567 120260102_0304 2026_01"
    );
    assert_eq!(
        of("pid: 4711\n  pid_starttime: 99\npid: -\npid: 0\n  pid: 12"),
        "pid: <PID:S>\n  pid_starttime: <N>\npid: -\npid: 0\n  pid: <N>"
    );
    assert_eq!(of("PRIOR_LOCK:4711|99|h PRIOR_LOCK:-|-|h"), "PRIOR_LOCK:<PID>|<N>|h PRIOR_LOCK:-|-|h");
    assert_eq!(of("2020-01-01 10:00 2020-99-01 10:00"), "2020-01-01 10:00 2020-99-01 10:00");
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
    assert_eq!(of(&now), "<NOW>");
}
