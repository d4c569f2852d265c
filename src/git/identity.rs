//! Author and committer as git would write them, told from its configuration, where that is certain.

use crate::error::{Error, Kind};
use crate::settings::{Config, Environment};

/// What sets author and committer apart, or names them in another way than the configuration of the user does.
const VARIABLES: [&str; 6] = [
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_DATE",
];

/// Whether author and committer may differ.
pub(super) fn are_apart(environment: &Environment, config: &Config) -> bool {
    is_named_elsewhere(environment)
        || config.keys().any(|key| key.starts_with("author.") || key.starts_with("committer."))
}

fn is_named_elsewhere(environment: &Environment) -> bool {
    VARIABLES.iter().any(|name| environment.os(name).is_some())
}

/// Where the name and the address of the user are best said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SaidIn {
    /// The configuration of the user.
    Home,
    /// The repository: the configuration of the user is hidden from this process.
    Repository,
    /// The variables of a job: nobody's home is there.
    Job,
}

impl SaidIn {
    /// What fits this environment: git refuses `--global` where `HOME` is not set.
    pub(crate) fn of(environment: &Environment) -> Self {
        if environment.text("CI").is_some() || environment.text("HOME").is_none() {
            Self::Job
        } else if environment.os("GIT_CONFIG_GLOBAL").is_some() {
            Self::Repository
        } else {
            Self::Home
        }
    }

    /// The error where the e-mail address is missing, and perhaps the name: one sentence for locks, which need only the
    /// address, and for commits, since who mends the one for a lock would meet the other at the commit.
    pub(crate) fn nobody(self, has_name: bool) -> Error {
        let what = if has_name { "no e-mail address" } else { "no name and e-mail address" };
        let message = format!("{what} of yours is configured; locks and commits carry both");
        let error = Error::new(Kind::NoIdentity, message);
        let error = match self {
            Self::Job => error.hint("export GIT_COMMITTER_NAME=<name> GIT_COMMITTER_EMAIL=<e-mail>"),
            Self::Home | Self::Repository => error,
        };
        let error = match (self, has_name) {
            (_, true) => error,
            (Self::Home, false) => error.hint("git config --global user.name <name>"),
            (_, false) => error.hint("git config user.name <name>"),
        };
        match self {
            Self::Home => error
                .hint("git config --global user.email <e-mail>")
                .advice("in a job of CI, export GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL"),
            Self::Repository | Self::Job => error.hint("git config user.email <e-mail>"),
        }
    }
}

/// Author and committer, who are one, with the time: `Name <email> seconds zone`. `None` where git has to be asked. No
/// process.
pub(super) fn told(environment: &Environment, config: &Config) -> Option<String> {
    if are_apart(environment, config) {
        return None;
    }
    let [name, email] = [config.last("user.name")?, config.last("user.email")?];
    // Of a system whose zone is not known git knows more.
    let now = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::try_system().ok()?);
    (is_plain(name) && is_plain(email)).then(|| format!("{name} <{email}> {}", now.strftime("%s %z")))
}

/// Whether git takes a text as it stands: it leaves out some characters everywhere, and others at the ends.
fn is_plain(text: &str) -> bool {
    let is_dropped = |c: char| c <= ' ' || matches!(c, '.' | ',' | ':' | ';' | '<' | '>' | '"' | '\\' | '\'');
    !text.is_empty()
        && !text.starts_with(is_dropped)
        && !text.ends_with(is_dropped)
        && !text.contains(|c: char| c.is_control() || matches!(c, '<' | '>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        Config::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))))
    }

    #[test]
    fn it_is_what_git_writes_or_git_is_asked() {
        let user = [("user.name", "Ann O'Neil Jr"), ("user.email", "ann@example.com")];
        let line = told(&Environment::default(), &config(&user)).unwrap();
        let (who, when) = line.split_once("> ").unwrap();
        assert_eq!(who, "Ann O'Neil Jr <ann@example.com");
        let (seconds, zone) = when.split_once(' ').unwrap();
        assert!(seconds.parse::<u64>().is_ok() && zone.len() == 5 && zone.starts_with(['+', '-']), "{line}");
        for name in ["", " Ann", "Ann.", "\"Ann\"", "Ann <x>", "Ann\nx", "Ann,"] {
            assert_eq!(told(&Environment::default(), &config(&[("user.name", name), user[1]])), None, "{name:?}");
        }
        assert_eq!(told(&Environment::default(), &config(&user[..1])), None);
        for variable in VARIABLES {
            assert_eq!(told(&Environment::default().with(variable, "x"), &config(&user)), None, "{variable}");
        }
        for key in ["author.name", "committer.email"] {
            assert_eq!(told(&Environment::default(), &config(&[user[0], user[1], (key, "x")])), None, "{key}");
        }
    }
}
