//! The session of a command: e-mail address, host, name, and the process that stands for the session.
//!
//! A person works in several sessions at once, so the address alone does not tell who holds a lock. A session is
//! recognised by a variable of the user, by what a coding agent exports, by the process of an agent, or by a CI job
//! ([`agents`]); else by the tmux pane on the server of the framework; else, for the verbs
//! alone, by the terminal. Where none of them is there, the session has neither name nor process, and sessions of one
//! person on one host cannot be told apart.

use crate::coordination::agents::{self, Recognition, SessionName, SessionOrigin, Surroundings};
use crate::coordination::pid_scope::{PROBE_LIMIT, PidScope};
use crate::coordination::process::{self, ProcessIdentity};
use crate::error::{Error, Kind, Result};
use crate::files::yaml;
use crate::git::Repository;
use crate::git::identity::SaidIn;
use crate::git::run::Call;
use crate::settings::{Origin, Settings};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// The identity of a session: the address of a person, the host, and the process that lives as long as the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The address.
    pub(crate) email: String,
    /// The source of the address.
    pub(crate) email_origin: Origin,
    /// The host name, or `unknown`.
    pub(crate) host: String,
    /// The process that stands for the session; its `pid` is `-` where there is none.
    pub(crate) process: ProcessIdentity,
    /// The process of the agent, where locks of this session do not carry it: those of the scripts.
    pub(crate) agent_process: Option<ProcessIdentity>,
    /// The name of the session; empty where it has none.
    pub(crate) name: SessionName,
    /// How the session was found.
    pub(crate) origin: SessionOrigin,
    /// What it was found by.
    pub(crate) recognition: Recognition,
}

impl Session {
    /// Finds the session of this command. `user_config` is the content of the project's `userconfig.yaml` at `file`, if
    /// there is one. It is parsed only where no address is set otherwise, so that `--email` works while the file is
    /// broken.
    ///
    /// # Errors
    /// [`Kind::NoIdentity`] when no e-mail can be found; [`Kind::Usage`] for one with control characters or `|`;
    /// [`Kind::Unparsable`] for a `userconfig.yaml` that is needed and is no YAML.
    pub(crate) fn find(
        repository: &Repository,
        settings: &Settings,
        file: &Path,
        user_config: Option<&[u8]>,
        progress: fn(&str),
    ) -> Result<Self> {
        let (email, email_origin) = Self::find_email(repository, settings, file, user_config)?;
        let session = Self::of_script(repository, &email, progress)?;
        Ok(Self { email_origin, ..session.of_verb(repository) })
    }

    /// Finds the address and its source. No process.
    ///
    /// # Errors
    /// Those of [`Self::find`], but for the address itself.
    pub(crate) fn find_email(
        repository: &Repository,
        settings: &Settings,
        file: &Path,
        user_config: Option<&[u8]>,
    ) -> Result<(String, Origin)> {
        let of_file = |content| email_of(file, content).map_err(|error| error.hint("git config aitask.email <e-mail>"));
        let found = match (&settings.email, user_config) {
            (Some(set), _) => Some(set.clone()),
            (None, Some(content)) => of_file(content)?.map(|email| (email, Origin::ProjectFile)),
            (None, None) => None,
        };
        let of_git = || repository.config().last("user.email").map(|email| (email.to_owned(), Origin::GitConfig));
        // A job of CI often has no configuration, and says who commits by the variables of git.
        let of_committer = || {
            let email = repository.git().environment().text("GIT_COMMITTER_EMAIL").filter(|email| !email.is_empty());
            email.map(|email| (email.to_owned(), Origin::Variable))
        };
        found.or_else(of_git).or_else(of_committer).ok_or_else(|| {
            let environment = repository.git().environment();
            let has_name =
                repository.config().last("user.name").is_some() || environment.text("GIT_COMMITTER_NAME").is_some();
            SaidIn::of(environment).nobody(has_name)
        })
    }

    /// The session of this command with this address on this host, so that nothing is read and no process is started to
    /// find them.
    pub(crate) fn with(repository: &Repository, email: &str, host: &str) -> Self {
        Self::assemble(repository, email.to_owned(), host.to_owned()).of_verb(repository)
    }

    /// The session as the verbs know it: by the agent that was recognised, else by the terminal.
    fn of_verb(mut self, repository: &Repository) -> Self {
        if let Some(found) = &self.recognition.session {
            self.origin = found.origin;
            // A name without a process has a scope: after the next boot the session does not live.
            let nameless =
                || ProcessIdentity { scope: PidScope::here(repository).cloned(), ..ProcessIdentity::default() };
            self.process = self.agent_process.take().unwrap_or_else(nameless);
        } else if let (SessionOrigin::None, Some(process)) =
            (self.origin, terminal().and_then(|pid| ProcessIdentity::of_process(repository, pid)))
        {
            (self.process, self.origin) = (process, SessionOrigin::Terminal);
        }
        self
    }

    /// The session of a script with this address. The locks of the scripts carry only the process of `AIT_AGENT_PID` or
    /// of the tmux pane, since the remaining bash scripts must judge them in the same way; the locks of the verbs are
    /// judged by all that is known.
    pub(crate) fn of_script(repository: &Repository, email: &str, progress: fn(&str)) -> Result<Self> {
        let session = Self::assemble(repository, parse_email(email)?, host_name(repository));
        let mut ignored = session.recognition.ignored.iter();
        if let Some(ignored) = ignored.find(|ignored| ignored.starts_with(agents::AGENT_PID)) {
            progress(&format!("warning: {ignored}; it is ignored"));
        }
        Ok(session)
    }

    fn assemble(repository: &Repository, email: String, host: String) -> Self {
        let recognition = recognition(repository);
        let found = recognition.session.as_ref();
        let process_of = |pid| ProcessIdentity::of_process(repository, pid);
        let agent_process = found.and_then(|found| found.pid).and_then(process_of);
        let given = repository.git().environment().text(agents::AGENT_PID).and_then(agents::pid).and_then(process_of);
        let (process, origin) = match given {
            Some(process) => (process, SessionOrigin::Variable),
            None => match tmux_pane(repository).and_then(process_of) {
                Some(process) => (process, SessionOrigin::TmuxPane),
                None => (ProcessIdentity::default(), SessionOrigin::None),
            },
        };
        let name = found.map(|found| found.name.clone()).unwrap_or_default();
        Self { email, email_origin: Origin::Flag, host, process, agent_process, name, origin, recognition }
    }

    /// Whether it is the terminal or pane of a person, and no agent or job.
    pub(crate) fn is_at_terminal(&self) -> bool {
        matches!(self.origin, SessionOrigin::Terminal | SessionOrigin::TmuxPane)
    }

    /// Whether the session can be told from others of the same person.
    pub(crate) fn is_known(&self) -> bool {
        self.process.number().is_some() || self.agent_process.is_some() || self.name.digest.is_some()
    }
}

/// The kind of the agent or job that runs this command. No process.
pub(crate) fn agent_kind(repository: &Repository) -> Option<String> {
    recognition(repository).session?.name.kind
}

fn recognition(repository: &Repository) -> Recognition {
    let environment = repository.git().environment();
    // Set and empty: the command is no part of the session of an agent above it.
    let below_none = environment.os(agents::SESSION).is_some_and(std::ffi::OsStr::is_empty);
    agents::recognise(&Surroundings {
        variable: &|name| environment.text(name),
        above: &|| if below_none { Vec::new() } else { process::above(repository) },
        sees_all: PidScope::here(repository).is_none_or(PidScope::sees_all),
        exists: &|pid| process::exists(pid) == Some(true),
    })
}

/// The longest address that is accepted, in bytes: that of RFC 3696.
const LONGEST_EMAIL: usize = 320;

/// An address as it may stand in a lock file: trimmed, not empty, and without control characters and `|`, which
/// separate the records that the scripts print.
pub(crate) fn parse_email(text: &str) -> Result<String> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.is_empty() || text.len() > LONGEST_EMAIL || text.contains(|c: char| c.is_control() || c == '|') {
        return Err(
            Error::new(Kind::Usage, format!("{text:?} cannot be used as an e-mail address")).hint("git aitask whoami")
        );
    }
    Ok(text.to_owned())
}

/// The part of `userconfig.yaml` that identifies the user.
#[derive(Debug, Default, serde::Deserialize)]
struct UserEmail {
    email: Option<String>,
}

/// The address in the content of a `userconfig.yaml`.
///
/// # Errors
/// [`Kind::Unparsable`] when it is no YAML mapping, or its `email` is no text.
pub(crate) fn email_of(file: &Path, user_config: &[u8]) -> Result<Option<String>> {
    let UserEmail { email } = yaml::parse(file, user_config, yaml::Repeated::First)?;
    Ok(email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty()))
}

/// The host name, from the `hostname` command: callers of the scripts put one of their own on `PATH`. That of the system says
/// what the kernel says, so it is not started.
pub(crate) fn host_name(repository: &Repository) -> String {
    let found = which::which_in("hostname", repository.git().environment().text("PATH"), &repository.root);
    let is_of_system = |path: PathBuf| OF_SYSTEM.iter().any(|folder| path.parent() == Some(Path::new(folder)));
    if found.is_ok_and(is_of_system)
        && let Ok(name) = std::fs::read_to_string("/proc/sys/kernel/hostname")
    {
        return printable(name.trim());
    }
    let call = Call::program(repository.git().environment(), "hostname", &repository.root);
    let output = call.limit(PROBE_LIMIT).output();
    let name = output.ok().filter(crate::git::run::Output::success).map(|output| output.text());
    printable(name.unwrap_or_default().trim())
}

/// The folders of the programs of the system.
const OF_SYSTEM: [&str; 2] = ["/bin", "/usr/bin"];

/// A host name that can stand in a lock.
fn printable(name: &str) -> String {
    let is_printable = !name.is_empty() && !name.contains(|c: char| c.is_control() || c == '|');
    if is_printable { name } else { "unknown" }.to_owned()
}

/// The leader of the terminal's session, where a person types: the commands of an agent have a pipe as standard input,
/// and share the terminal with those of other agents.
fn terminal() -> Option<u32> {
    std::io::stdin().is_terminal().then(process::session_leader)?
}

fn tmux_pane(repository: &Repository) -> Option<u32> {
    let environment = repository.git().environment();
    let (pane, server) = (environment.text("TMUX_PANE")?, environment.text("TMUX")?);
    let mut call = Call::program(environment, "tmux", Path::new("/")).limit(PROBE_LIMIT);
    let named = environment.os("AITASKS_TMUX_SOCKET").map(|name| name.to_string_lossy().trim().to_owned());
    match named.as_deref() {
        None => call = call.args(["-L", "ait"]),
        Some("") => {}
        Some(name) => call = call.args(["-L", name]),
    }
    let format = "#{socket_path}\t#{pane_pid}";
    let output = call.args(["display-message", "-p", "-t", pane, format]).output().ok()?;
    let text = output.text();
    let (socket, pid) = text.split_once('\t')?;
    let expected = server.split(',').next()?;
    (output.success() && socket == expected).then(|| pid.parse::<u32>().ok()).flatten().filter(|&pid| pid > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_forge_a_second_record() {
        for bad in ["", "  ", "a\nlocked_by: b", "a|b", "a\u{1b}[31m", "a\tb"] {
            assert_eq!(parse_email(bad).unwrap_err().kind(), Kind::Usage, "{bad:?}");
        }
        assert_eq!(parse_email(" 'a@x' ").unwrap(), "a@x");
    }
    #[test]
    fn the_address_of_a_user_in_the_forms_of_yaml() {
        let read = |text: &str| email_of(Path::new("userconfig.yaml"), text.as_bytes());
        for text in
            ["x: 1\nemail: \"a@x\"\r\n", "email: a@x # work", "'email':  >-\n  a@x\n", "email: a@x\nemail: b@x\n"]
        {
            assert_eq!(read(text).unwrap().as_deref(), Some("a@x"), "{text:?}");
        }
        for text in ["", "email:\n", "email: ''\n", "email: ~ # later\n", "theme: [dark]\n"] {
            assert_eq!(read(text).unwrap(), None, "{text:?}");
        }
        for text in ["email:a@x\n", "email: @x\n", "email: [a@x]\n", "- email: a@x\n", "email: a@x\nodd line\n"] {
            assert_eq!(read(text).unwrap_err().kind(), Kind::Unparsable, "{text:?}");
        }
    }
}
