//! Why a command that talks to a remote failed; and for a push, whether anything may have arrived.
//!
//! git has no output for programs here, only messages on standard error, and other programs write there too: login
//! scripts of the server, hooks, the server's own git. So a message counts only in the form of git itself or of ssh, at
//! the start of its line; and what may have arrived is never reported as lost.

use crate::git::porcelain::damage::is_impossible_address;

/// What the system and git say when a disk or a quota is used up.
pub(crate) const NO_SPACE: [&str; 3] = ["No space left on device", "Out of diskspace", "Disk quota exceeded"];

/// The cause of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GitFailure {
    /// The remote or its repository cannot be reached: nothing was sent.
    Unreachable,
    /// Authentication failed: nothing was sent.
    Authentication,
    /// The remote knows the user and refuses: nothing was changed.
    Denied,
    /// The local `pre-push` hook refused: nothing was sent.
    Hook,
    /// The remote has no atomic push: nothing was sent.
    NoAtomic,
    /// The remote lacks what the user's configuration wants of a push: nothing was sent.
    Unsupported,
    /// This git does not know an option: nothing was done.
    OldGit,
    /// No command can reach this address: nothing was sent.
    Address,
    /// None of the above is certain: what was sent may have arrived, or may arrive later.
    Unknown,
}

/// The exit code of git for arguments that it does not understand.
const USAGE: i32 = 129;

/// Beginnings of git's messages about the first contact, before anything is sent.
const FIRST_CONTACT: [&str; 9] = [
    "fatal: Could not read from remote repository.",
    "fatal: the remote end hung up upon initial contact",
    // Over HTTP this is the first request; when the answer to the push itself fails, git says "RPC failed".
    "fatal: unable to access 'http",
    "fatal: repository 'http",
    "fatal: unable to connect to ",
    "fatal: unable to look up ",
    "fatal: unable to find remote helper for ",
    "fatal: remote error: access denied or repository not exported",
    "fatal: remote error: service not enabled",
];

/// Beginnings of git's messages about failed authentication.
const NOT_LET_IN: [&str; 3] = [
    "fatal: Authentication failed for 'http",
    "fatal: could not read Username for ",
    "fatal: could not read Password for ",
];

/// Parts of the messages of git and ssh about a connection that ended while it was used.
const BROKEN_OFF: [&str; 13] = [
    "the remote end hung up unexpectedly",
    "unexpected disconnect",
    "RPC failed",
    "early EOF",
    " died of signal ",
    "read error",
    "write error",
    "write failed",
    "protocol error",
    "sideband",
    "unpack status",
    "flush packet",
    "Broken pipe",
];

/// The messages of git's sender when the HTTP helper gives up, whatever the cause.
const FOLLOWS_THE_HELPER: [&str; 2] =
    ["send-pack: unexpected disconnect while reading sideband packet", "fatal: the remote end hung up unexpectedly"];

/// The beginning of git's message when an HTTP server answered the push itself and did not accept it.
const ANSWERED_OVER_HTTP: &str = "error: RPC failed; HTTP ";

/// The messages of git on the server when it aborts a transaction, so that nothing of it remains.
const ABORTED: [&str; 2] = ["fatal: ref updates aborted by hook", "update aborted by the reference-transaction hook"];

/// Beginnings of lines by which servers refuse before they speak the git protocol.
const OF_SERVER: [&str; 6] = ["ERROR:", "FATAL:", "remote:", "Gitea:", "Forgejo:", "fatal: remote error:"];

/// Words of servers that know the user and give no permission to write.
const NO_PERMISSION: [&str; 9] = [
    "denied",
    "not allowed",
    "permission",
    "forbidden",
    "read-only",
    "read only",
    "unauthorized",
    "archived",
    "not enabled",
];

/// Words of servers that do not know the user.
const NO_CREDENTIALS: [&str; 6] = ["credential", "username", "password", "token", "log in", "sign in"];

/// Beginnings of git's messages about a server that ends the connection before it takes anything.
const SHUT: [&str; 3] = [
    "fatal: Could not read from remote repository.",
    "fatal: the remote end hung up upon initial contact",
    "fatal: repository 'http",
];

/// Parts of the messages of ssh and git where nobody was there who could have refused.
const NOBODY: [&str; 6] = [
    "ssh: ",
    "kex_exchange_identification",
    "Connection closed by ",
    "Connection timed out",
    "Connection refused",
    "does not appear to be a git repository",
];

/// Beginnings of git's last words where a connection ended at the first answer: with more words of git it may have ended
/// later.
const FIRST_ANSWER: [&str; 3] =
    ["fatal: read error: ", "fatal: protocol error: bad line length character", "fatal: remote error: "];

/// How a push ended that brought no answer for its refs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// The exit code; none when a signal or the time limit ended it.
    pub(crate) code: Option<i32>,
    /// Whether git printed its report, which comes after the sending.
    pub(crate) reported: bool,
    /// Its standard error.
    pub(crate) stderr: &'a str,
}

/// Why a push failed that brought no answer for its refs. `has_hook` tells whether a `pre-push` hook was run; it is
/// called only where everything else fits a hook that refused.
pub(crate) fn of_push(ended: Ended<'_>, has_hook: impl FnOnce() -> bool) -> GitFailure {
    let Ended { code, reported, stderr } = ended;
    let begins = |start: &str| stderr.lines().any(|line| line.starts_with(start));
    if code.is_none() {
        return GitFailure::Unknown;
    }
    if code == Some(USAGE) {
        return GitFailure::OldGit;
    }
    if begins("fatal: the receiving end does not support --atomic push") {
        return GitFailure::NoAtomic;
    }
    if unsupported(stderr).is_some() {
        return GitFailure::Unsupported;
    }
    if stderr.lines().any(|line| line.starts_with("fatal: ") && ABORTED.iter().any(|words| line.contains(words))) {
        return GitFailure::Denied;
    }
    let is_break = |line: &str| !line.starts_with("remote:") && BROKEN_OFF.iter().any(|part| line.contains(part));
    // A broken connection of git itself ends it with 128. With 1 it was the HTTP helper that failed, and its messages
    // are not those of a server: the password was asked for, or the answer was given, for the push itself.
    let of_helper = code == Some(1)
        && !reported
        && !stderr
            .lines()
            .any(|line| is_break(line) && !is_refused_over_http(line) && !FOLLOWS_THE_HELPER.contains(&line));
    if of_helper && NOT_LET_IN.iter().any(|start| begins(start)) {
        return GitFailure::Authentication;
    }
    if of_helper && stderr.lines().any(is_refused_over_http) {
        return GitFailure::Denied;
    }
    if reported || stderr.lines().any(is_break) {
        return GitFailure::Unknown;
    }
    if is_impossible_address(stderr) {
        return GitFailure::Address;
    }
    if code == Some(1) && begins("error: failed to push some refs to ") && has_hook() {
        return GitFailure::Hook;
    }
    let certain = NOT_LET_IN.iter().chain(&FIRST_CONTACT).any(|start| begins(start));
    if certain { of_contact(stderr) } else { GitFailure::Unknown }
}

/// What the remote lacks that a setting wants of every push: the words of git for it, and the command that does without in
/// this clone. Git looks before it sends anything.
pub(crate) fn unsupported(stderr: &str) -> Option<(&'static str, &'static str)> {
    const WANTED: [(&str, &str); 2] = [
        ("push options", "git config --replace-all push.pushOption \"\""),
        ("--signed push", "git config push.gpgSign if-asked"),
    ];
    let lacks = |what: &str| {
        let words = format!("fatal: the receiving end does not support {what}");
        stderr.lines().any(|line| line == words)
    };
    WANTED.into_iter().find(|(what, _)| lacks(what))
}

/// Why a command failed that sends nothing. A user who may not read counts as not authenticated.
pub(crate) fn of_question(code: Option<i32>, stderr: &str) -> GitFailure {
    if code == Some(USAGE) {
        return GitFailure::OldGit;
    }
    match of_contact(stderr) {
        _ if is_impossible_address(stderr) => GitFailure::Address,
        GitFailure::Denied => GitFailure::Authentication,
        failure => failure,
    }
}

/// Whether a git that reads a partial clone could not fetch what that lacks.
pub(crate) fn is_unfetched(stderr: &str) -> bool {
    let mut starts = NOT_LET_IN.iter().chain(&FIRST_CONTACT);
    // Before it said so itself, git left it at the words of the fetch.
    stderr.contains("promisor remote") || starts.any(|start| stderr.lines().any(|line| line.starts_with(start)))
}

/// Whether a push that failed so may have met a server that takes no push of this user, and says so in words of its own, or
/// by ending the connection. Where the same server can be read and a push that sends nothing fails in the same way, it is.
pub(crate) fn may_be_refusal(failure: GitFailure, stderr: &str) -> bool {
    let any = |test: &dyn Fn(&str) -> bool| stderr.lines().any(test);
    let begins = |starts: &[&str]| any(&|line| starts.iter().any(|start| line.starts_with(start)));
    match failure {
        GitFailure::Authentication => {
            let is_about_user = |line: &str| {
                let words = line.strip_prefix("remote:").map(str::to_lowercase);
                words.is_some_and(|words| NO_CREDENTIALS.iter().any(|part| words.contains(part)))
            };
            begins(&NOT_LET_IN[..1]) && !any(&is_about_user)
        }
        GitFailure::Unreachable => {
            (begins(&SHUT) || any(&|line| line.ends_with("': Empty reply from server")))
                && !any(&|line| NOBODY.iter().any(|part| line.contains(part)))
        }
        GitFailure::Unknown => {
            let of_git = |line: &&str| ["fatal:", "error:", "send-pack:"].iter().any(|start| line.starts_with(start));
            stderr.lines().filter(of_git).count() == 1 && begins(&FIRST_ANSWER)
        }
        _ => false,
    }
}

/// Whether an HTTP server answered the push itself, and did not accept it. A server that is busy or in trouble, or a
/// proxy, does not tell what happened.
fn is_refused_over_http(line: &str) -> bool {
    let status = line.strip_prefix(ANSWERED_OVER_HTTP).and_then(|rest| rest.split(' ').next());
    status.is_some_and(|status| status.starts_with('4') && !["408", "429"].contains(&status))
}

/// Why the connection could not be made, if that is what happened.
fn of_contact(stderr: &str) -> GitFailure {
    let begins = |start: &str| stderr.lines().any(|line| line.starts_with(start));
    let not_let_in = NOT_LET_IN.iter().any(|start| begins(start));
    if not_let_in || (begins("fatal: Could not read from remote repository.") && stderr.lines().any(is_refusal_of_ssh))
    {
        return GitFailure::Authentication;
    }
    if stderr.lines().any(is_refusal) { GitFailure::Denied } else { GitFailure::Unreachable }
}

/// Whether the host says that it has no repository at the address, or none that this user may see: it answers both alike. It
/// would say the same at the next attempt, unlike a host that is not reached, and unlike a folder that is not there, which
/// may be on a disk that is not mounted.
pub(crate) fn is_no_repository(stderr: &str) -> bool {
    let is_said = |line: &str| {
        let words = line.to_ascii_lowercase();
        let of_what = words.contains("repository") || words.contains("project");
        of_what && (words.contains("not found") || words.contains("could not be found"))
    };
    stderr.lines().any(|line| {
        (line.starts_with("fatal: repository 'http") && line.trim_end().ends_with("' not found"))
            || (line.starts_with("ERROR: ") && is_said(line))
    })
}

/// Whether there is no repository where the address leads, as git says it of a folder here and of one behind ssh.
pub(crate) fn is_no_folder(stderr: &str) -> bool {
    let is_it = |line: &str| line.starts_with("fatal: '") && line.contains("' does not appear to be a git repository");
    stderr.lines().any(is_it)
}

/// Whether ssh reports that client and server do not trust each other.
fn is_refusal_of_ssh(line: &str) -> bool {
    let denied =
        line.rsplit_once(": Permission denied (").is_some_and(|(at, rest)| !at.contains(' ') && rest.ends_with(")."));
    denied || line == "Host key verification failed."
}

/// Whether the server reports a missing permission.
fn is_refusal(line: &str) -> bool {
    let says_no = |words: &str| NO_PERMISSION.iter().any(|part| words.to_lowercase().contains(part));
    let forbidden = line.starts_with("fatal: unable to access 'http") && line.ends_with("returned error: 403");
    forbidden || OF_SERVER.iter().any(|start| line.strip_prefix(start).is_some_and(says_no))
}

/// The message to show: that of the server before it spoke the git protocol, else the most specific line of git or ssh.
pub(crate) fn said(failure: GitFailure, stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    if failure != GitFailure::Unknown {
        let words = lines().filter(|line| OF_SERVER.iter().any(|start| line.starts_with(start)) || is_refusal(line));
        let words: Vec<_> = words.map(|line| line.strip_prefix("remote:").unwrap_or(line).trim()).collect();
        if words.iter().any(|line| !line.is_empty()) {
            return words.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        }
    }
    let of_git = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:") || line.starts_with("ssh:");
    let most =
        lines().find(|line| line.starts_with("ssh:") || is_refusal_of_ssh(line)).or_else(|| lines().find(of_git));
    most.or_else(|| lines().next()).unwrap_or("git said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::GitFailure::{
        Address, Authentication, Denied, Hook, NoAtomic, OldGit, Unknown, Unreachable, Unsupported,
    };
    use super::*;
    use proptest::prelude::*;

    const NOT_READ: &str = "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access \
                            rights\nand the repository exists.\n";
    const PASSWORD: &str = "fatal: could not read Username for 'http://127.0.0.1:1': terminal prompts disabled\n";
    const HUNG_UP: &str = "send-pack: unexpected disconnect while reading sideband packet\n\
                           fatal: the remote end hung up unexpectedly\n";
    const NOT_PUSHED: &str = "error: failed to push some refs to 'http://127.0.0.1:1/x.git'\n";

    fn ended(code: i32, stderr: &str) -> Ended<'_> {
        Ended { code: Some(code), reported: false, stderr }
    }

    /// Asserts what a push came to without a hook.
    #[track_caller]
    fn check(code: i32, parts: &[&str], expected: GitFailure) {
        assert_eq!(of_push(ended(code, &parts.concat()), || false), expected, "exit {code}: {}", parts.concat());
    }

    #[test]
    fn a_proxy_that_finds_no_backend_is_no_missing_repository() {
        for said in ["ERROR: Repository not found.\n", "ERROR: The project you were looking for could not be found.\n"]
        {
            assert!(is_no_repository(&format!("{said}{NOT_READ}")), "{said}");
        }
        assert!(is_no_repository("fatal: repository 'http://127.0.0.1:1/x.git/' not found\n"));
        assert!(!is_no_repository(&format!("ERROR: backend not found\n{NOT_READ}")));
        let folder = "fatal: '/mnt/x.git' does not appear to be a git repository\n";
        assert!(is_no_folder(folder) && !is_no_repository(folder));
    }

    #[test]
    fn recorded_pushes() {
        for (case, code, recorded, expected) in [
            ("killed-before", 128, recorded!("push-killed-before.err"), Unknown),
            ("killed-after", 128, recorded!("push-killed-after.err"), Unknown),
            ("http-killed-before", 1, recorded!("push-http-killed-before.err"), Unknown),
            ("http-forbidden", 128, recorded!("push-http-forbidden.err"), Denied),
            ("no-atomic", 128, recorded!("push-no-atomic.err"), NoAtomic),
            ("unreachable", 128, recorded!("push-unreachable.err"), Unreachable),
            ("reference-transaction", 128, recorded!("push-reference-transaction.err"), Denied),
        ] {
            for (version, stderr) in recorded {
                let stderr = String::from_utf8_lossy(stderr);
                assert_eq!(of_push(ended(code, &stderr), || true), expected, "{version} {case}: {stderr}");
            }
        }
    }

    #[test]
    fn a_server_that_lacks_what_the_configuration_wants_was_sent_nothing() {
        for what in ["push options", "--signed push"] {
            check(128, &["fatal: the receiving end does not support ", what, "\n", HUNG_UP], Unsupported);
            check(128, &["remote: fatal: the receiving end does not support ", what, "\n", HUNG_UP], Unknown);
        }
    }

    #[test]
    fn ssh_that_never_got_there() {
        for (line, expected) in [
            ("ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n", Unreachable),
            ("ssh: Could not resolve hostname no.such.host.invalid: Name or service not known\r\n", Unreachable),
            ("ssh: connect to host h port 22: No route to host\n", Unreachable),
            (
                "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22\n",
                Unreachable,
            ),
            ("git@github.com: Permission denied (publickey).\r\n", Authentication),
            ("bob@h: Permission denied (publickey,password,keyboard-interactive).\n", Authentication),
            ("Host key verification failed.\r\n", Authentication),
            ("ERROR: Permission to ann/demo.git denied to bob.\n", Denied),
            ("remote: \nremote: ERROR: You are not allowed to push code to this project.\nremote: \n", Denied),
            ("FATAL: W any demo bob DENIED by fallthru\n", Denied),
            ("ERROR: Repository not found.\n", Unreachable),
            ("fatal: '/srv/x.git' does not appear to be a git repository\n", Unreachable),
            ("bash: /etc/profile.d/x.sh: Permission denied\n", Unreachable),
            ("", Unreachable),
        ] {
            check(128, &[line, NOT_READ], expected);
            check(128, &["bash: nvm: command not found\n", line, NOT_READ], expected);
        }
    }

    #[test]
    fn what_breaks_off_is_unknown_whatever_else_is_said() {
        for noise in [
            "",
            "bash: nvm: command not found\n",
            "/home/git/.bashrc: line 3: fortune: command not found\n",
            "fatal: unable to access 'https://mirror.example/x.git/': Could not resolve host: mirror.example\n",
            "bash: warning: unable to access '/root/.config': Permission denied (13)\n",
            "git@mirror: Permission denied (publickey).\n",
            "Host key verification failed.\n",
            PASSWORD,
            NOT_READ,
            "remote: fatal: '/mirror' does not appear to be a git repository\n",
            "ERROR: Permission to mirror denied to git.\n",
            "error: unknown option `x'\n",
            "error: RPC failed; HTTP 403 curl 22 The requested URL returned error: 403\n",
        ] {
            check(128, &[noise, HUNG_UP], Unknown);
            check(128, &[HUNG_UP, noise], Unknown);
            check(128, &[noise, "fatal: read error: Connection reset by peer\n"], Unknown);
            check(
                128,
                &[noise, "client_loop: send disconnect: Broken pipe\nfatal: the remote end hung up unexpectedly\n"],
                Unknown,
            );
        }
        for line in
            ["Connection refused", "Connection closed by 10.0.0.1 port 22", "No such thing: not found", "Killed", ""]
        {
            check(128, &[line, "\n"], Unknown);
        }
        assert_eq!(of_push(Ended { code: None, ..ended(128, NOT_READ) }, || true), Unknown);
        assert_eq!(of_push(Ended { reported: true, ..ended(1, NOT_PUSHED) }, || true), Unknown);
    }

    #[test]
    fn over_http() {
        let access = |why: &str| format!("fatal: unable to access 'https://h/x.git/': {why}\n");
        check(128, &[&access("Could not resolve host: h")], Unreachable);
        check(128, &[&access("Failed to connect to h port 443 after 0 ms: Couldn't connect to server")], Unreachable);
        check(128, &[&access("The requested URL returned error: 502")], Unreachable);
        check(
            128,
            &["remote: Permission to a/x.git denied to b.\n", &access("The requested URL returned error: 403")],
            Denied,
        );
        check(128, &["remote: Repository not found.\nfatal: repository 'https://h/x.git/' not found\n"], Unreachable);
        check(128, &["fatal: Authentication failed for 'https://h/x.git/'\n"], Authentication);
        check(128, &[PASSWORD], Authentication);
        check(1, &[PASSWORD, HUNG_UP, NOT_PUSHED], Authentication);
        check(1, &[PASSWORD, NOT_PUSHED, HUNG_UP], Authentication);
        for (status, expected) in [
            (403, Denied),
            (413, Denied),
            (404, Denied),
            (429, Unknown),
            (500, Unknown),
            (502, Unknown),
            (504, Unknown),
        ] {
            let failed =
                format!("error: RPC failed; HTTP {status} curl 22 The requested URL returned error: {status}\n");
            check(1, &[&failed, HUNG_UP], expected);
        }
        check(128, &["error: RPC failed; curl 56 Recv failure: Connection reset by peer\n", HUNG_UP], Unknown);
        check(128, &["error: RPC failed; curl 18 transfer closed\nfatal: early EOF\n"], Unknown);
        check(1, &[HUNG_UP, "error: git-remote-http died of signal 9\n", NOT_PUSHED], Unknown);
        check(1, &[PASSWORD, HUNG_UP, "error: git-remote-http died of signal 9\n", NOT_PUSHED], Unknown);
        check(1, &["fatal: the receiving end does not support --atomic push\n", HUNG_UP, NOT_PUSHED], NoAtomic);
    }

    #[test]
    fn the_daemon_and_other_ways() {
        check(
            128,
            &["fatal: unable to connect to 127.0.0.1:\n127.0.0.1[0: 127.0.0.1]: errno=Connection refused\n"],
            Unreachable,
        );
        check(128, &["fatal: unable to look up h.invalid (port 9418) (Name or service not known)\n"], Unreachable);
        check(128, &["fatal: remote error: access denied or repository not exported: /x\n"], Denied);
        check(128, &["fatal: remote error: service not enabled: /x\n"], Denied);
        check(128, &["fatal: remote error: the disk is full\n"], Unknown);
        check(129, &["error: unknown option `atomic'\nusage: git push [<options>]\n"], OldGit);
    }

    #[test]
    fn a_hook_is_blamed_where_there_is_one_and_nothing_else_failed() {
        let hook = |code, stderr: &str| of_push(ended(code, stderr), || true);
        let refused = |said: &str| hook(1, &[said, NOT_PUSHED].concat());
        assert_eq!(refused(""), Hook);
        assert_eq!(refused("error: test failed, to rerun pass `--lib`\n"), Hook);
        assert_eq!(refused("fatal: unable to access 'https://lfs/': Could not resolve host: lfs\n"), Hook);
        assert_eq!(refused("error: git-remote-http died of signal 9\n"), Unknown);
        assert_eq!(refused(HUNG_UP), Unknown);
        assert_eq!(hook(128, NOT_READ), Unreachable);
        check(1, &[NOT_PUSHED], Unknown);
    }

    #[test]
    fn addresses_that_nothing_reaches() {
        const NO_HELPER: &str = "git: 'remote-htps' is not a git command. See 'git --help'.\n";
        const ABORTED: &str = "fatal: remote helper 'htps' aborted session\n";
        check(128, &[NO_HELPER, "\n", ABORTED], Address);
        check(128, &[NO_HELPER, "\nThe most similar command is\n\tremote-https\n"], Address); // before git 2.40 that is all
        check(128, &["fatal: transport 'ext' not allowed\n"], Address);
        check(128, &["fatal: strange hostname '-oX' blocked\n"], Address);
        check(
            128,
            &["fatal: unable to access 'http://[bad/x/': URL using bad/illegal format or missing URL\n"],
            Address,
        );
        check(128, &[ABORTED], Unknown);
        check(128, &[NO_HELPER, ABORTED, HUNG_UP], Unknown);
        assert_eq!(of_question(Some(128), &[NO_HELPER, ABORTED].concat()), Address);
    }

    #[test]
    fn what_may_be_a_refusal_and_what_is_the_network() {
        let nobody = ["ssh: connect to host h port 22: No route to host\n", NOT_READ].concat();
        let credentials = "remote: Invalid username or token.\nfatal: Authentication failed for 'https://h/x'\n";
        for (failure, stderr, expected) in [
            (Unreachable, NOT_READ, true),
            (Unreachable, nobody.as_str(), false),
            (Unreachable, "fatal: repository 'https://h/x/' not found\n", true),
            (Unreachable, "fatal: unable to access 'https://h/x/': Empty reply from server\n", true),
            (Unreachable, "fatal: unable to access 'https://h/x/': Could not resolve host: h\n", false),
            (Authentication, "fatal: Authentication failed for 'https://h/x/'\n", true),
            (Authentication, credentials, false),
            (Authentication, PASSWORD, false),
            (Unknown, "welcome\nfatal: remote error: not for bob\n", true),
            (Unknown, "fatal: read error: Connection reset by peer\n", true),
            (Unknown, HUNG_UP, false),
            (Denied, NOT_READ, false),
        ] {
            assert_eq!(may_be_refusal(failure, stderr), expected, "{failure:?}: {stderr}");
        }
    }

    #[test]
    fn questions() {
        assert_eq!(of_question(Some(128), PASSWORD), Authentication);
        assert_eq!(of_question(Some(128), HUNG_UP), Unreachable);
        assert_eq!(of_question(Some(128), &["ERROR: access denied\n", NOT_READ].concat()), Authentication);
        assert_eq!(of_question(Some(129), ""), OldGit);
    }

    #[test]
    fn what_is_shown() {
        let denied = ["ERROR: Permission to a/x.git denied to bob.\n", NOT_READ].concat();
        assert_eq!(said(Denied, &denied), "ERROR: Permission to a/x.git denied to bob.");
        let ssh = ["ssh: connect to host h port 22: No route to host\r\n", NOT_READ].concat();
        assert_eq!(said(Unreachable, &ssh), "ssh: connect to host h port 22: No route to host");
        let gone = ["ERROR: Repository not found.\n", NOT_READ].concat();
        assert_eq!(said(Unreachable, &gone), "ERROR: Repository not found.");
        assert_eq!(said(Unknown, &["bash: x\n", HUNG_UP].concat()), "fatal: the remote end hung up unexpectedly");
        let key = ["git@h: Permission denied (publickey).\r\n", NOT_READ].concat();
        assert_eq!(said(Authentication, &key), "git@h: Permission denied (publickey).");
        assert_eq!(said(Unknown, "\n"), "git said nothing");
        assert_eq!(said(Denied, "remote: \nremote: no\nremote: never\nfatal: x\n"), "no; never");
    }

    proptest! {
        #[test]
        fn what_broke_off_is_never_called_not_sent(noise in "(\\PC{0,20}\n){0,4}", code in prop::option::of(2..=255_i32)) {
            prop_assume!(code != Some(129) && !noise.contains("--atomic") && !noise.contains("aborted by"));
            let stderr = format!("{noise}{HUNG_UP}");
            let ended = Ended { code, reported: false, stderr: &stderr };
            prop_assert_eq!(of_push(ended, || true), Unknown);
            let _ = said(Denied, &stderr);
        }
    }
}
