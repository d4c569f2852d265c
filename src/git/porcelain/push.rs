//! `git push --porcelain`: git-push(1), section "OUTPUT"; and the outcome of each ref.
//!
//! The reasons of rejections are in no manual. Those in this file were produced with real gits
//! (`fixtures/porcelain/record.sh`) or are known of other servers.

use super::{malformed, ref_name, split_once, text};
use crate::error::Result;
use crate::git::types::RefName;

/// The output of a push.
///
/// A ref that was pushed and is missing here has an **unknown** outcome, whatever git's exit code: when the connection
/// breaks, git exits with 128 and prints nothing, or (over HTTP) with 1 and prints only `Done`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PushReport {
    /// The refs, in git's order.
    pub(crate) refs: Vec<PushedRef>,
    /// Whether `Done` was printed, so that the output is complete. It does not mean success.
    pub(crate) done: bool,
    /// The lines that the server and its hooks wrote; text of others.
    pub(crate) said: Vec<String>,
}

/// The outcome of one ref.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PushedRef {
    /// The outcome.
    pub(crate) flag: Flag,
    /// The ref on the remote.
    pub(crate) to: RefName,
    /// `old..new`, or a word in brackets.
    pub(crate) summary: String,
    /// The reason of git or the server; text of others.
    pub(crate) reason: Option<String>,
}

/// The outcome of one ref.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Flag {
    /// ` `: fast-forwarded; with a lease also moved in another way.
    FastForward,
    /// `+`: moved, not forward.
    Forced,
    /// `-`: deleted.
    Deleted,
    /// `*`: created.
    New,
    /// `=`: the ref had this value already, so another push brought it.
    UpToDate,
    /// `!`: rejected; see [`PushedRef::rejection`].
    Rejected,
}

/// Why a ref was not moved. The greatest says most about a push of several refs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Rejection {
    /// Because of another ref of the same atomic push, or (see [`PushReport::explain`]) for a reason that the server
    /// did not attribute to a ref.
    Follower,
    /// The server could not lock the ref or its database: another process holds the lock, or a killed one left it.
    Busy,
    /// The ref does not have the expected value.
    Moved,
    /// The server does not accept it: a hook, a permission, a protected branch, a setting, a broken object.
    Denied,
    /// The server reported no outcome: unknown.
    Unreported,
}

/// Parses standard output. Other lines (`To URL`, messages about upstreams) and refs that are no [`RefName`] are
/// skipped, and so is an incomplete last line.
pub(crate) fn parse(bytes: &[u8]) -> Result<PushReport> {
    let mut report = PushReport::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n")) {
        if line == b"Done" {
            report.done = true;
        } else if let [flag, b'\t', fields @ ..] = line
            && let Some(flag) = Flag::parse(*flag)
        {
            let (to, outcome) = target(fields).ok_or_else(|| malformed("a ref of push", line))?;
            report.refs.extend(ref_name(to).map(|to| PushedRef::new(flag, to, text(outcome))));
        }
    }
    Ok(report)
}

/// The ref on the remote and its outcome, of `from:to TAB summary[ (reason)]`.
fn target(fields: &[u8]) -> Option<(&[u8], &[u8])> {
    let (refs, outcome) = split_once(fields, b'\t')?;
    let colon = refs.iter().rposition(|byte| *byte == b':')?;
    Some((refs.get(colon + 1..)?, outcome))
}

impl PushReport {
    /// The outcome of `name`; none means unknown.
    pub(crate) fn find(&self, name: &RefName) -> Option<&PushedRef> {
        self.refs.iter().find(|pushed| pushed.to == *name)
    }

    /// Why the push failed: the greatest rejection of its refs. None when no ref was rejected.
    pub(crate) fn rejection(&self) -> Option<Rejection> {
        self.refs.iter().filter_map(PushedRef::rejection).max()
    }

    /// Completes the reasons from standard error. A server whose transaction failed (a tip moved between the
    /// advertisement and the update, a lock file exists, a directory conflict) reports only `atomic transaction failed`
    /// for **every** ref, or `failed to update ref`, and the reason in a `remote: error:` line. That becomes the reason
    /// of the ref that it names, or of all refs when it names none.
    pub(crate) fn explain(&mut self, stderr: &[u8]) {
        let stderr = text(stderr);
        let said = stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end);
        self.said = said.filter(|line| !line.is_empty() && !line.starts_with("error: ")).map(str::to_owned).collect();
        let errors: Vec<&str> = stderr
            .lines()
            .filter_map(|line| line.strip_prefix("remote: ").unwrap_or(line).trim_end().strip_prefix("error: "))
            .collect();
        for pushed in self.refs.iter_mut().filter(|pushed| pushed.is_opaque()) {
            if let Some(error) = errors.iter().find(|error| concerns(error, &pushed.to)) {
                pushed.reason = Some((*error).to_owned());
            }
        }
    }
}

/// Whether this error of a server's ref transaction is about `name`.
fn concerns(error: &str, name: &RefName) -> bool {
    let of_all = error == "cannot lock references" || error.starts_with("Unable to create '");
    let subject = error.strip_prefix("cannot lock ref '").or_else(|| error.strip_prefix("cannot update ref '"));
    let subject = subject.or_else(|| error.split_once("' exists; cannot create '").map(|(_, created)| created));
    of_all || subject.and_then(|rest| rest.split('\'').next()) == Some(name.as_str())
}

impl PushedRef {
    fn new(flag: Flag, to: RefName, outcome: String) -> Self {
        match outcome.strip_suffix(')').and_then(|rest| rest.split_once(" (")) {
            Some((summary, reason)) => Self { flag, to, summary: summary.to_owned(), reason: Some(reason.to_owned()) },
            None => Self { flag, to, summary: outcome, reason: None },
        }
    }

    /// Why the ref was rejected, if it was.
    pub(crate) fn rejection(&self) -> Option<Rejection> {
        let reason = self.reason.as_deref().unwrap_or_default();
        (self.flag == Flag::Rejected).then(|| classify(&self.summary, reason))
    }

    /// Whether the server gave the reason only on standard error.
    fn is_opaque(&self) -> bool {
        self.flag == Flag::Rejected
            && matches!(self.reason.as_deref(), Some("atomic transaction failed" | "failed to update ref"))
    }
}

impl Flag {
    fn parse(byte: u8) -> Option<Self> {
        match byte {
            b' ' => Some(Flag::FastForward),
            b'+' => Some(Flag::Forced),
            b'-' => Some(Flag::Deleted),
            b'*' => Some(Flag::New),
            b'=' => Some(Flag::UpToDate),
            b'!' => Some(Flag::Rejected),
            _ => None,
        }
    }
}

/// Reasons of the local git, before anything was sent.
const MOVED_BEFORE: [&str; 6] = [
    "stale info",
    "fetch first",
    "non-fast-forward",
    "needs force",
    "already exists",
    "remote ref updated since checkout",
];

/// Parts of the reasons of a server whose ref does not have the expected value.
const MOVED_THERE: [&str; 6] = [
    "but expected",                 // "is at X but expected Y", "reference is missing but expected Y"
    "reference already exists",     // it was to be created
    "reference does not exist",     // it was to be moved or deleted
    "unable to resolve reference",  // the same, older gits
    "incorrect old value provided", // git 2.50 and later
    "already been updated by another client", // Azure DevOps, TF401028
];

/// Parts of reasons that name another ref as the cause: of git's client, git's server (two), `JGit`.
const FOLLOWER: [&str; 4] =
    ["atomic push failed", "atomic push failure", "atomic transaction failed", "transaction aborted"];

/// Parts of the reasons of a server whose ref is locked; `failed to lock` is that of `JGit`.
const BUSY: [&str; 4] = [": File exists", "cannot lock references", "failed to update ref", "failed to lock"];

fn classify(summary: &str, reason: &str) -> Rejection {
    let any = |parts: &[&str]| parts.iter().any(|part| reason.contains(part));
    if summary == "[remote failure]" {
        Rejection::Unreported
    } else if any(&FOLLOWER) {
        Rejection::Follower
    } else if summary == "[rejected]" && MOVED_BEFORE.contains(&reason) {
        // In a "[remote rejected]" line "non-fast-forward" is a setting of the server that forbids it.
        Rejection::Moved
    } else if reason.ends_with("reference broken") {
        Rejection::Denied
    } else if any(&MOVED_THERE) {
        Rejection::Moved
    } else if any(&BUSY) {
        Rejection::Busy
    } else {
        Rejection::Denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Rejection::{Busy, Denied, Follower, Moved};
    use proptest::prelude::*;

    /// The refs of a report as `name: outcome`.
    fn short(report: &PushReport) -> String {
        let one = |pushed: &PushedRef| {
            let name = pushed.to.as_str().strip_prefix("refs/heads/").unwrap_or(pushed.to.as_str());
            match pushed.rejection() {
                Some(rejection) => format!("{name} {rejection:?}"),
                None => format!("{name} {:?}", pushed.flag),
            }
        };
        report.refs.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Asserts the outcome of a recorded push, with and without the reasons on standard error.
    fn check(case: &str, stdout: &[u8], stderr: &[u8], expected: (&str, &str)) {
        let mut report = parse(stdout).unwrap();
        assert_eq!(short(&report), expected.0, "{case}: {}", text(stdout));
        report.explain(stderr);
        assert_eq!(short(&report), expected.1, "{case}: {}", text(stderr));
    }

    macro_rules! outcomes {
        ($($case:literal: $plain:literal $(=> $explained:literal)?;)*) => { $(
            let ((_, old_err), (_, new_err)) = recorded!(concat!("push-", $case, ".err")).into();
            let ((_, old), (_, new)) = recorded!(concat!("push-", $case, ".bin")).into();
            let expected = ($plain, [$plain $(, $explained)?].into_iter().last().unwrap());
            check(concat!("2.39.5 ", $case), old, old_err, expected);
            check(concat!("2.47.3 ", $case), new, new_err, expected);
        )* };
    }

    #[test]
    fn recorded_leases() {
        outcomes! {
            "stale-lease": "one Moved";
            "stale-lease-of-two": "one Moved, two Follower";
            "stale-lease-not-atomic": "two FastForward, one Moved";
            "stale-lease-create": "one Moved";
            "stale-lease-delete": "one Moved";
            "stale-lease-gone": "gone Moved";
            "delete-gone": "gone Moved";
            "non-fast-forward": "one Moved";
            "fetch-first": "two UpToDate, one Moved";
            "tag-exists": "refs/tags/v1 Moved";
            "needs-force": "refs/tags/blob Moved";
            "not-included": "one Moved";
            "sha256-stale": "one Moved, two Follower";
        }
    }

    #[test]
    fn recorded_refusals() {
        outcomes! {
            "pre-receive": "one Denied, two Denied";
            "update-hook": "one Denied, two Follower";
            "update-hook-not-atomic": "two FastForward, one Denied";
            "deny-non-fast-forwards": "one Denied, two Follower";
            "deny-deletes": "one Denied, two Follower";
            "hidden": "two FastForward, hidden/x Denied"; // atomic was asked for
            "current-branch": "one Denied, two Follower";
            "shallow": "one Denied";
            "fsck": "two Denied, bad Denied";
            "directory-conflict": "two Follower, one/sub Follower" => "two Follower, one/sub Denied";
            "directory-conflict-not-atomic": "two FastForward, one/sub Busy" => "two FastForward, one/sub Denied";
        }
    }

    #[test]
    fn recorded_locks() {
        outcomes! {
            "lock-file": "one Follower, two Follower" => "one Busy, two Follower";
            "lock-file-second": "one Follower, two Follower" => "one Busy, two Follower";
            "lock-file-not-atomic": "two FastForward, one Busy";
            "lock-file-delete": "one Follower" => "one Busy";
            "lock-file-create": "new Follower" => "new Busy";
            "packed-refs-lock": "one Follower" => "one Busy";
        }
    }

    #[test]
    fn recorded_races() {
        outcomes! {
            "race-moved": "one Follower, two Follower" => "one Moved, two Follower";
            "race-moved-not-atomic": "two FastForward, one Busy" => "two FastForward, one Moved";
            "race-created": "two Follower, new Follower" => "two Follower, new Moved";
            "race-deleted": "one Follower, two Follower" => "one Moved, two Follower";
            "race-delete-moved": "one Follower" => "one Moved";
            "race-delete-deleted": "one Follower" => "one Moved";
            "race-same": "one Follower, two Follower" => "one Moved, two Follower";
        }
    }

    #[test]
    fn recorded_over_http() {
        outcomes! {
            "http-stale-lease-of-two": "one Moved, two Follower";
            "http-delete-gone": "two Follower, gone Moved";
            "http-non-fast-forward": "one Moved, two Follower";
            "http-deny-non-fast-forwards": "one Denied, two Follower";
            "http-update-hook": "one Denied, two Follower";
            "http-lock-file": "two Follower, other Follower" => "two Busy, other Follower";
            "http-race-moved": "two Follower, other Follower" => "two Moved, other Follower";
            "http-killed-before": "";
            "http-forbidden": "";
        }
        assert!(parse(recorded!("2.47.3", "push-http-killed-before.bin")).unwrap().done);
    }

    #[test]
    fn recorded_silence() {
        outcomes! {
            "killed-before": "";
            "killed-after": "";
            "reference-transaction": ""; // the hook's "no" breaks the connection
            "no-atomic": "";
            "no-source": "";
            "unreachable": "";
        }
    }

    #[test]
    fn recorded_servers_with_reftable() {
        for (stdout, stderr, expected) in [
            (
                recorded!("2.47.3", "push-reftable-race-moved.bin"),
                recorded!("2.47.3", "push-reftable-race-moved.err"),
                ("one Follower, two Follower", "one Moved, two Follower"),
            ),
            (
                recorded!("2.47.3", "push-reftable-race-created.bin"),
                recorded!("2.47.3", "push-reftable-race-created.err"),
                ("two Follower, new Follower", "two Follower, new Moved"),
            ),
            (
                recorded!("2.47.3", "push-reftable-lock-file.bin"),
                recorded!("2.47.3", "push-reftable-lock-file.err"),
                ("one Follower, two Follower", "one Busy, two Busy"),
            ),
            (
                recorded!("2.47.3", "push-reftable-directory-conflict.bin"),
                recorded!("2.47.3", "push-reftable-directory-conflict.err"),
                ("two Follower, one/sub Follower", "two Follower, one/sub Denied"),
            ),
        ] {
            check("reftable", stdout, stderr, expected);
        }
    }

    #[test]
    fn recorded_successes() {
        for (case, expected) in [
            (
                recorded!("push-landed.bin"),
                "one FastForward, three Deleted, two FastForward, new New, main New, refs/tags/v1 New",
            ),
            (recorded!("push-http-landed.bin"), "one FastForward, three Deleted, new New"),
            (recorded!("push-forced.bin"), "one Forced"),
            (recorded!("push-sha256-new.bin"), "one New, two New"),
            (recorded!("push-set-upstream.bin"), "ünï New"),
        ] {
            for (version, bytes) in case {
                let report = parse(bytes).unwrap();
                assert_eq!(short(&report), expected, "{version}");
                assert!(report.done && report.rejection().is_none());
            }
        }
        for case in [
            recorded!("push-up-to-date.bin"),
            recorded!("push-same-as-theirs.bin"),
            recorded!("push-http-up-to-date.bin"),
        ] {
            for (_, bytes) in case {
                let report = parse(bytes).unwrap();
                assert_eq!(short(&report), "one UpToDate");
                assert_eq!(report.refs[0].flag, Flag::UpToDate);
            }
        }
        for (_, bytes) in recorded!("push-forced.bin") {
            let report = parse(bytes).unwrap();
            let one = report.find(&RefName::parse("refs/heads/one").unwrap()).unwrap();
            assert_eq!((one.summary.as_str(), one.reason.as_deref()), ("f520158...cafa6bc", Some("forced update")));
        }
    }

    #[test]
    fn words_of_other_servers() {
        for (summary, reason, expected) in [
            ("[remote rejected]", "protected branch hook declined", Denied),
            ("[remote rejected]", "cannot lock ref 'refs/heads/a': is at 1 but expected 2", Moved),
            ("[remote rejected]", "cannot lock ref 'refs/heads/a': reference is missing but expected 2", Moved),
            ("[remote rejected]", "cannot lock ref 'refs/heads/a': reference already exists", Moved),
            ("[remote rejected]", "incorrect old value provided", Moved),
            ("[remote rejected]", "cannot lock ref 'a': unable to resolve reference 'a': reference broken", Denied),
            ("[remote rejected]", "cannot lock ref 'a': Unable to create '/a.lock': Permission denied", Denied),
            ("[remote rejected]", "cannot lock ref 'a': Unable to create '/a.lock': File exists.", Busy),
            ("[remote rejected]", "failed to lock", Busy),
            ("[remote rejected]", "transaction aborted", Follower),
            ("[remote rejected]", "TF401028: The reference has already been updated by another client", Moved),
            ("[remote failure]", "remote failed to report status", Rejection::Unreported),
            ("[remote rejected]", "", Denied),
        ] {
            assert_eq!(classify(summary, reason), expected, "{reason}");
        }
    }

    #[test]
    fn the_rejection_of_the_whole() {
        let report =
            parse(b"!\ta:refs/heads/a\t[rejected] (atomic push failed)\n!\tb:refs/heads/b\t[rejected] (stale info)\n");
        assert_eq!(report.unwrap().rejection(), Some(Moved));
    }

    #[test]
    fn what_is_cut_off_or_unknown() {
        let whole =
            b"To x\nnews\n*\ta:b:refs/heads/a\t[new branch]\n!\tb:refs/heads/b\t[rejected] (stale info)\nDone\n";
        assert_eq!(short(&parse(whole).unwrap()), "a New, b Moved");
        for cut in 0..whole.len() {
            let report = parse(&whole[..cut]).unwrap();
            assert!(!report.done && ["", "a New", "a New, b Moved"].contains(&short(&report).as_str()), "{cut}");
        }
        assert!(parse(b"*\ta:HEAD\t[new branch]\n").unwrap().refs.is_empty());
        for bad in ["!\n\t\n*\t\n", "*\tx\n", "=\trefs/heads/a\t[up to date]\n"] {
            assert_eq!(parse(bad.as_bytes()).unwrap_err().kind(), crate::error::Kind::Git, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(
            refs in prop::collection::vec(
                ("[ +*=!-]", "[a-zü:]{0,9}", "[a-zü/]{0,4}[a-z]", "[a-z.]{1,9}", prop::option::of("[^\n]{0,9}")),
                0..9,
            ),
        ) {
            let usable = |name: &str| RefName::parse(&format!("refs/{name}"));
            let refs: Vec<_> = refs.into_iter().filter(|(_, _, name, ..)| usable(name).is_some()).collect();
            let mut printed = "To somewhere\n".to_owned();
            for (flag, from, name, summary, reason) in &refs {
                let reason = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
                printed.extend([flag, "\t", from, ":refs/", name, "\t", summary, &reason, "\n"]);
            }
            let report = parse(printed.as_bytes()).unwrap();
            prop_assert_eq!(report.refs.len(), refs.len());
            for (found, (flag, _, name, summary, reason)) in report.refs.into_iter().zip(refs) {
                prop_assert_eq!(Some(found.flag), Flag::parse(flag.as_bytes()[0]));
                prop_assert_eq!((found.to, found.summary, found.reason), (usable(&name).unwrap(), summary, reason));
            }
        }

        #[test]
        fn anything(bytes: Vec<u8>, stderr: Vec<u8>) {
            let _ = parse(&bytes);
            let line = [b"!\ta:refs/heads/a\t", bytes.as_slice(), b"\n"].concat();
            if let Ok(mut report) = parse(&line) {
                report.explain(&stderr);
                let _ = report.rejection();
            }
        }
    }
}
