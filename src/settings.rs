//! The process environment and the settings. A setting comes from an option, else from `GIT_AITASK_*`, else from
//! `git config aitask.*`, else it has its default.
//!
//! No other module reads the environment of the process, so that tests can give every command one of their own, and two
//! settings cannot disagree about their order. Every module may use it.

use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The environment of this process, read once at the start.
///
/// The variables that are read: `GIT_AITASK_TRACE` (1 shows every git call with its time on stderr) and one for each
/// [`Settings`] field, `GIT_AITASK_REMOTE` and so on; `GIT_AITASK_SESSION`, `AIT_AGENT_PID`, those of agents and CI
/// systems (`coordination::agents`), `TMUX`, `TMUX_PANE` and `AITASKS_TMUX_SOCKET`, which tell the session; `CI`, with which
/// nobody is at the terminal; `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`, `GIT_PAGER_IN_USE`, `COLUMNS`, `GIT_SSH_COMMAND`;
/// `GIT_AITASK_CD`, the file of the function of the user's shell. The variables that are set for
/// child processes: `GIT_AITASK_EXPLORE` within `explore`, `GIT_AITASK_RUNNING_FOR` for commands of the project, `GIT_AITASK_WITHIN` for everything that git starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The environment as this process found it.
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The same with one variable set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// A variable, when it is set, not empty and text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.os(name).and_then(OsStr::to_str).filter(|value| !value.is_empty())
    }

    /// The folder of the scripts of the project at `root`. `AITASK_SCRIPT_DIR` names it where a shim or `ait` has called
    /// this program: the scripts that they stand for run their neighbours from their own folder.
    pub(crate) fn scripts_folder(&self, root: &Path) -> PathBuf {
        self.text("AITASK_SCRIPT_DIR").map_or_else(|| root.join(".aitask-scripts"), Into::into)
    }

    /// Every variable.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A variable as it is, empty or not.
    pub(crate) fn os(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }
}

/// Git's configuration: every value of a key in the order git reads them, keys in git's own spelling (section and
/// name in lower case). A key without a value is an empty text, which git reads as true.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config(BTreeMap<String, Vec<String>>);

impl Config {
    /// Collects pairs as `git config --get-regexp` prints them.
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let mut map = BTreeMap::<String, Vec<String>>::new();
        for (key, value) in pairs {
            map.entry(key).or_default().push(value.unwrap_or_default());
        }
        Self(map)
    }

    /// The same with further values.
    pub(crate) fn with(mut self, pairs: &[(String, String)]) -> Self {
        for (key, value) in pairs {
            self.0.entry(key.clone()).or_default().push(value.clone());
        }
        self
    }

    /// The value that counts for a key: the last one.
    pub(crate) fn last(&self, key: &str) -> Option<&str> {
        self.all(key).last().map(String::as_str)
    }

    /// Every value of a key.
    pub(crate) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// The keys, sorted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The source of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// An option of this command line.
    Flag,
    /// A variable: `GIT_AITASK_*`, or `GIT_COMMITTER_EMAIL`.
    Variable,
    /// `git config aitask.*`.
    GitConfig,
    /// A file of the project (`userconfig.yaml`).
    ProjectFile,
}

/// Whether a command changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does.
    Real,
    /// It only shows what it would change (`--dry-run`).
    DryRun,
}

impl From<bool> for Effect {
    fn from(dry_run: bool) -> Self {
        if dry_run { Self::DryRun } else { Self::Real }
    }
}

/// The options of the command line; `None` for an option that was not given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--remote`.
    pub(crate) remote: Option<String>,
    /// `--timeout`.
    pub(crate) timeout: Option<String>,
    /// `--email`.
    pub(crate) email: Option<String>,
    /// `--on` of `init`.
    pub(crate) data: Option<String>,
}

/// The settings of one run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The name of the remote, where one is set.
    pub(crate) remote: Option<String>,
    /// The e-mail, where one is set; else the session falls back to `userconfig.yaml`, `user.email` and
    /// `GIT_COMMITTER_EMAIL`.
    pub(crate) email: Option<(String, Origin)>,
    /// The branch that carries the task data.
    pub(crate) data: Option<String>,
    /// Whether `pick` makes a worktree.
    pub(crate) worktree: bool,
    /// The branch a task branch is cut from.
    pub(crate) base: Option<String>,
    /// The branch work is merged into.
    pub(crate) output: Option<String>,
    /// `merge`, `squash` or `ff`.
    pub(crate) merge: Option<String>,
    /// The commands that must pass on the merged tree, in order.
    pub(crate) checks: Vec<String>,
    /// The variables that their outcome depends on, beside those that they name.
    pub(crate) check_env: Vec<String>,
    /// How many checks run at once on this clone.
    pub(crate) check_jobs: u16,
    /// Patterns of ignored files that a new worktree gets a copy of.
    pub(crate) worktree_copy: Vec<String>,
    /// The commands that run in a new worktree, in order.
    pub(crate) worktree_setup: Vec<String>,
    /// The commands that run in a worktree before it is removed, in order.
    pub(crate) worktree_teardown: Vec<String>,
    /// Whether every verb in the worktree of a task publishes the commits of its branch.
    pub(crate) publish: bool,
    /// What the hooks of agents may do.
    pub(crate) hooks: HookSettings,
    /// The time limit of all that a command waits for others, together.
    pub(crate) timeout: Duration,
    /// The time limit of a hook and of the signing program, where one is set.
    pub(crate) hook_timeout: Option<Duration>,
    /// How old a lock is without a commit before `status` shows it as old.
    pub(crate) stale_after: Duration,
}

/// What the hooks of agents may do beyond telling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HookSettings {
    /// Refuse to write outside the worktree of the task that the session holds.
    pub(crate) guard_writes: bool,
    /// Give back a task in which nothing was done when the session ends.
    pub(crate) release_unused: bool,
}

impl Settings {
    /// Combines options, environment and configuration.
    ///
    /// # Errors
    /// [`Kind::Usage`] for an invalid duration or truth value.
    pub(crate) fn new(flags: &Flags, environment: &Environment, config: &Config) -> Result<Self> {
        let find = |name: &str, flag: Option<&String>| -> Option<(String, Origin)> {
            let variable = format!("GIT_AITASK_{}", name.to_uppercase());
            flag.map(|value| (value.clone(), Origin::Flag))
                .or_else(|| environment.text(&variable).map(|value| (value.to_owned(), Origin::Variable)))
                .or_else(|| config.last(&format!("aitask.{name}")).map(|value| (value.to_owned(), Origin::GitConfig)))
        };
        let value = |name: &str, flag: Option<&String>| find(name, flag).map(|(value, _)| value);
        let timeout = match value("timeout", flags.timeout.as_ref()) {
            None => DEFAULT_TIMEOUT,
            Some(text) => parse_duration(&text)?,
        };
        let worktree = value("worktree", None).map_or(Ok(true), |text| parse_truth("aitask.worktree", &text))?;
        let is_on = |name: &str, shown: &str| value(name, None).map_or(Ok(false), |text| parse_truth(shown, &text));
        let publish = is_on("publish", "aitask.publish")?;
        Ok(Self {
            remote: value("remote", flags.remote.as_ref()),
            email: find("email", flags.email.as_ref()),
            data: value("data", flags.data.as_ref()),
            worktree,
            base: value("base", None),
            output: value("output", None),
            merge: value("merge", None),
            checks: commands(environment.text("GIT_AITASK_CHECK"), config.all("aitask.check")),
            check_env: patterns(environment.text("GIT_AITASK_CHECKENV"), config.all("aitask.checkenv")),
            check_jobs: value("checkjobs", None).map_or(Ok(1), |text| parse_count("aitask.checkJobs", &text))?,
            worktree_copy: patterns(environment.text("GIT_AITASK_WORKTREECOPY"), config.all("aitask.worktreecopy")),
            worktree_setup: commands(environment.text("GIT_AITASK_WORKTREESETUP"), config.all("aitask.worktreesetup")),
            worktree_teardown: commands(
                environment.text("GIT_AITASK_WORKTREETEARDOWN"),
                config.all("aitask.worktreeteardown"),
            ),
            publish,
            hooks: HookSettings {
                guard_writes: is_on("guardwrites", "aitask.guardWrites")?,
                release_unused: is_on("releaseunused", "aitask.releaseUnused")?,
            },
            timeout,
            hook_timeout: value("hooktimeout", None).map(|text| parse_duration(&text)).transpose()?,
            stale_after: value("staleafter", None).map_or(Ok(STALE_AFTER), |text| parse_duration(&text))?,
        })
    }
}

/// The default of `timeout`: long enough for a slow server and a dozen attempts against other writers, and short enough
/// that neither a person nor an agent takes the command for hung.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The default of `staleAfter`: half of all locks are held for less than an hour, and one in five for more than four, so
/// that one of a day without a commit is rare, and worth a look.
const STALE_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The longest duration that is accepted, in milliseconds: about a year. A longer one is a mistake, and could overflow
/// when it is added to a time.
const LONGEST_DURATION: u64 = 366 * 24 * 3_600_000;

/// The words of the variable, else of every value in the configuration.
fn patterns(variable: Option<&str>, configured: &[String]) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    variable.map_or_else(|| configured.iter().flat_map(|text| words(text)).collect(), words)
}

/// The command of the variable, else those of the configuration after the last empty one, as git reads lists: an empty
/// value takes back those that other files set.
fn commands(variable: Option<&str>, configured: &[String]) -> Vec<String> {
    let is_empty = |command: &String| command.trim().is_empty();
    let last = || configured.rsplit(is_empty).next().unwrap_or_default().to_vec();
    let commands = variable.map_or_else(last, |command| vec![command.to_owned()]);
    commands.into_iter().filter(|command| !is_empty(command)).collect()
}

/// A number of things, at least one.
fn parse_count(name: &str, text: &str) -> Result<u16> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| Error::new(Kind::Usage, format!("{name} is {text:?}, and not a number from 1 to {}", u16::MAX)))
}

/// A duration as people write it: `30`, `30s`, `5m`, `2h`, `1500ms`.
///
/// # Errors
/// [`Kind::Usage`] for anything else, and for zero.
pub(crate) fn parse_duration(text: &str) -> Result<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis_each: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(millis_each))
        .filter(|&millis| millis > 0 && millis <= LONGEST_DURATION)
        .map(Duration::from_millis)
        .ok_or_else(|| Error::new(Kind::Usage, format!("{text:?} is not a duration")).advice("write 30s, 5m or 2h"))
}

/// A truth value as git-config(1) reads it.
fn parse_truth(name: &str, text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "" | "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Error::new(Kind::Usage, format!("{name} is {text:?}, neither true nor false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30").unwrap(), Duration::from_secs(30));
        assert_eq!(parse_duration("1500ms").unwrap(), Duration::from_millis(1500));
        assert_eq!(parse_duration("2h").unwrap(), Duration::from_secs(7200));
        for bad in ["", "s", "-1", "0", "1d", "99999999999999999999", "9999999999h", "1 s"] {
            assert_eq!(parse_duration(bad).unwrap_err().kind(), Kind::Usage, "{bad}");
        }
    }

    #[test]
    fn an_empty_command_takes_back_those_before_it() {
        let of = |values: &[&str]| {
            let pair = |value: &&str| ("aitask.check".to_owned(), Some((*value).to_owned()));
            let config = Config::new(values.iter().map(pair));
            Settings::new(&Flags::default(), &Environment::default(), &config).unwrap().checks
        };
        assert_eq!(of(&["build", "test"]), ["build", "test"]);
        assert_eq!(of(&["build", "", "test"]), ["test"]);
        assert_eq!(of(&["build", " "]), [""; 0]);
    }

    #[test]
    fn at_least_one_check_runs_at_once() {
        let of = |value: &str| {
            let config = Config::new([("aitask.checkjobs".into(), Some(value.into()))]);
            Settings::new(&Flags::default(), &Environment::default(), &config).map(|settings| settings.check_jobs)
        };
        assert_eq!(of("3").unwrap(), 3);
        for bad in ["0", "-1", "many", ""] {
            assert_eq!(of(bad).unwrap_err().kind(), Kind::Usage, "{bad}");
        }
    }

    #[test]
    fn an_option_overrides_a_variable_and_that_the_configuration() {
        let config = Config::new([("aitask.email".into(), Some("c@x".into())), ("aitask.worktree".into(), None)]);
        let none = Environment::default();
        let some = Environment(BTreeMap::from([("GIT_AITASK_EMAIL".into(), "v@x".into())]));
        let flags = Flags { email: Some("f@x".into()), ..Flags::default() };
        let email = |flags: &Flags, env: &Environment| Settings::new(flags, env, &config).unwrap().email.unwrap();
        assert_eq!(email(&flags, &some), ("f@x".into(), Origin::Flag));
        assert_eq!(email(&Flags::default(), &some), ("v@x".into(), Origin::Variable));
        assert_eq!(email(&Flags::default(), &none), ("c@x".into(), Origin::GitConfig));
    }
}
