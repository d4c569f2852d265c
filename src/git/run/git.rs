//! The calls of git: what all of them have in common.

use super::{Call, Hooks, hooks, on_terminal};
use crate::settings::{Config, Environment};
use std::path::Path;
use std::time::Duration;

/// The settings of every git call: no background tasks, no colour, nothing in a log that was not asked for, and no file
/// system monitor, which would leave a daemon running.
const CONSTANT_SETTINGS: [(&str, &str); 9] = [
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("color.ui", "false"),
    // These two win over color.ui.
    ("color.diff", "false"),
    ("color.grep", "false"),
    ("log.showSignature", "false"),
    ("advice.detachedHead", "false"),
    // No file is hidden from the check that git makes before it removes a worktree.
    ("status.showUntrackedFiles", "normal"),
];

/// A variable that is set for everything that git starts, such as hooks: a `git aitask` that runs in a hook must not
/// wait for the command that called git.
pub(crate) const WITHIN: &str = "GIT_AITASK_WITHIN";

/// Runs git, with what all of its calls have in common.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    environment: Environment,
    ssh_command: Option<String>,
    ssh_variant: Option<String>,
    /// In a partial clone, the remote from which git fetches what it reads and does not have.
    promisor: Option<String>,
    /// The user has set the target of the trace that tells of hooks.
    is_traced: bool,
    /// The name and address of the user, where git does not find them itself.
    identity: Vec<(String, String)>,
}

impl Git {
    /// Git in this environment.
    pub(crate) fn new(environment: Environment) -> Self {
        let is_traced = environment.text(hooks::TRACE).is_some_and(|target| !hooks::is_of_ours(target));
        let (ssh_command, ssh_variant, promisor, identity) = Default::default();
        Self { environment, ssh_command, ssh_variant, promisor, is_traced, identity }
    }

    /// Reads what the configuration says of the calls: the user's own ssh command and its kind, so that network calls
    /// can add `BatchMode` to it, whether this is a partial clone, and the target of a trace, which stays the user's.
    pub(crate) fn configured(mut self, config: &Config) -> Self {
        let last = |key: &str| config.last(key).map(str::to_owned);
        (self.ssh_command, self.ssh_variant) = (last("core.sshcommand"), last("ssh.variant"));
        self.promisor = promisor(config).map(str::to_owned);
        self.is_traced |= config.last("trace2.perftarget").is_some();
        self
    }

    /// Gives every call the name and address of the user.
    pub(crate) fn with_identity(self, identity: Vec<(String, String)>) -> Self {
        Self { identity, ..self }
    }

    /// The environment that the calls inherit.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// A git command that reads, in `dir`, regardless of `GIT_DIR` and the like.
    pub(crate) fn read(&self, dir: &Path, subcommand: &str) -> Call {
        Call { hooks: Hooks::None, ..self.write(dir, subcommand) }.env("GIT_OPTIONAL_LOCKS", "0")
    }

    /// A git command that may write, in `dir`, regardless of `GIT_DIR` and the like.
    pub(crate) fn write(&self, dir: &Path, subcommand: &str) -> Call {
        // A `git aitask` in a hook must not wait for the command that runs the hook.
        let hooks = if self.is_traced { Hooks::None } else { Hooks::Watched };
        let call = Call { hooks, promisor: self.promisor.clone(), ..Call::program(&self.environment, "git", dir) };
        let call = self.common(call, subcommand).env(WITHIN, "1");
        // A commit fetches nothing, and the program that signs it may ask.
        if self.is_partial() && !subcommand.starts_with("commit") { self.without_prompts(call) } else { call }
    }

    /// Whether this is a partial clone, in which a read may make a connection.
    pub(crate) fn is_partial(&self) -> bool {
        self.promisor.is_some()
    }

    /// A git command that finds the repository: only here do `GIT_DIR` and the like count.
    pub(crate) fn discover(&self, dir: &Path, subcommand: &str) -> Call {
        let call = Call { env: Vec::new(), ..Call::program(&self.environment, "git", dir) };
        self.common(call, subcommand).env("GIT_OPTIONAL_LOCKS", "0")
    }

    /// A git command that uses the network: git and ssh do not prompt, and there is a time limit.
    pub(crate) fn network(&self, dir: &Path, subcommand: &str, limit: Duration) -> Call {
        let call = self.write(dir, subcommand).waits_for_others(limit);
        if self.is_partial() { call } else { self.without_prompts(call) }
    }

    fn without_prompts(&self, call: Call) -> Call {
        let call = call.env("GIT_TERMINAL_PROMPT", "0");
        let call = if self.may_ask() { call } else { call.env("GIT_ASKPASS", "") };
        let of_user = self.environment.text("GIT_SSH_COMMAND").or(self.ssh_command.as_deref());
        let command = match (of_user, self.environment.text("GIT_SSH")) {
            // GIT_SSH names a program that is called without options.
            (None, Some(_)) => None,
            (command, _) => Some(command.unwrap_or("ssh")),
        };
        let variant = self.environment.text("GIT_SSH_VARIANT").or(self.ssh_variant.as_deref());
        match command.filter(|command| takes_options_of_ssh(command, variant)) {
            Some(command) => call.env("GIT_SSH_COMMAND", format!("{command} -o BatchMode=yes")),
            // Where an ssh is behind it, it asks a program that knows no answer.
            None => call.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "false"),
        }
    }

    /// Whether git may ask for a password by the program of the user. It may open a window, for which somebody must be
    /// there. `GIT_ASKPASS` where no window can be is the way in which jobs give a token.
    fn may_ask(&self) -> bool {
        let is_set = |name: &str| self.environment.text(name).is_some();
        let has_windows = cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
        on_terminal() || (is_set("GIT_ASKPASS") && !has_windows)
    }

    fn common(&self, call: Call, subcommand: &str) -> Call {
        let given = self.environment.text("GIT_CONFIG_COUNT").and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
        let mut call = call
            .arg(subcommand)
            .env_remove("LC_ALL")
            .env_remove("LANGUAGE")
            .env("LC_MESSAGES", "C")
            .env("GIT_CONFIG_COUNT", (given + CONSTANT_SETTINGS.len()).to_string());
        for (n, (key, value)) in (given..).zip(CONSTANT_SETTINGS) {
            call = call.env(&format!("GIT_CONFIG_KEY_{n}"), key).env(&format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        self.identity.iter().fold(call, |call, (key, value)| call.setting(key, value))
    }
}

/// The remote from which a partial clone fetches what it lacks, as git finds it.
fn promisor(config: &Config) -> Option<&str> {
    let is_true = |key: &str| config.last(key).is_some_and(|value| !matches!(value, "false" | "no" | "off" | "0"));
    let mut keys = config.keys().filter(|key| is_true(key));
    let named = keys.find_map(|key| key.strip_prefix("remote.")?.strip_suffix(".promisor"));
    config.last("extensions.partialclone").or(named)
}

/// Whether an ssh command takes the options of OpenSSH, as git decides it (git-config(1), `ssh.variant`), except that a
/// program of another name is not started to see.
fn takes_options_of_ssh(command: &str, variant: Option<&str>) -> bool {
    match variant {
        None | Some("auto") => {
            let quote = command.chars().next().filter(|first| matches!(first, '\'' | '"'));
            let program = match quote {
                Some(quote) => command.split(quote).nth(1),
                None => command.split_whitespace().next(),
            };
            program.is_some_and(|program| program.rsplit('/').next() == Some("ssh"))
        }
        Some(variant) => !matches!(variant, "simple" | "plink" | "putty" | "tortoiseplink"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ssh_is_told_not_to_ask() {
        for (command, variant, expected) in [
            ("ssh", None, true),
            ("/usr/bin/ssh -i 'a key'", Some("auto"), true),
            ("'/opt/my tools/ssh' -v", None, true),
            ("/opt/tunnel", None, false),
            ("/opt/tunnel", Some("ssh"), true),
            ("ssh", Some("simple"), false),
            ("plink", Some("plink"), false),
            ("", None, false),
            ("'", None, false),
        ] {
            assert_eq!(takes_options_of_ssh(command, variant), expected, "{command} {variant:?}");
        }
    }
}
