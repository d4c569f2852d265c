//! Git's own calls: what all of them have in common.

use super::Call;
use crate::settings::Environment;
use std::path::Path;
use std::time::Duration;

/// Settings that every git call gets: nothing in the background, no colour, no file system monitor daemon.
const CONSTANT_SETTINGS: [(&str, &str); 6] = [
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("color.ui", "false"),
    ("advice.detachedHead", "false"),
    // no file is hidden from git's own look before it removes a worktree
    ("status.showUntrackedFiles", "normal"),
];

/// Set for whatever git starts on our behalf.
pub(crate) const WITHIN: &str = "GIT_AITASK_WITHIN";

/// Git, with what each of its calls has in common.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    environment: Environment,
    ssh_command: Option<String>,
}

impl Git {
    /// Git in this environment.
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, ssh_command: None }
    }

    /// Tells the user's own ssh command (`core.sshCommand`), so that network calls can add `BatchMode` to it.
    pub(crate) fn with_ssh_command(mut self, configured: Option<&str>) -> Self {
        self.ssh_command = configured.map(str::to_owned);
        self
    }

    /// The environment the calls inherit.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// A git command that reads, in `dir`, whatever `GIT_DIR` and its kin say.
    pub(crate) fn read(&self, dir: &Path, subcommand: &str) -> Call {
        self.write(dir, subcommand).env("GIT_OPTIONAL_LOCKS", "0")
    }

    /// A git command that may write, in `dir`, whatever `GIT_DIR` and its kin say.
    pub(crate) fn write(&self, dir: &Path, subcommand: &str) -> Call {
        // A hook that calls us must not wait for the one that called it.
        self.common(Call::program(&self.environment, "git", dir), subcommand).env(WITHIN, "1")
    }

    /// A git command that looks for the repository: here alone `GIT_DIR` and its kin count.
    pub(crate) fn discover(&self, dir: &Path, subcommand: &str) -> Call {
        let call = Call { env: Vec::new(), ..Call::program(&self.environment, "git", dir) };
        self.common(call, subcommand).env("GIT_OPTIONAL_LOCKS", "0")
    }

    /// A git command that uses the network: no prompt of git or ssh, and a time limit.
    pub(crate) fn network(&self, dir: &Path, subcommand: &str, limit: Duration) -> Call {
        let call = self.write(dir, subcommand).limit(limit).env("GIT_TERMINAL_PROMPT", "0");
        let of_user = self.environment.text("GIT_SSH_COMMAND").or(self.ssh_command.as_deref());
        match (of_user, self.environment.text("GIT_SSH")) {
            // GIT_SSH names a program that takes no options of ours.
            (None, Some(_)) => call,
            (command, _) => call.env("GIT_SSH_COMMAND", format!("{} -o BatchMode=yes", command.unwrap_or("ssh"))),
        }
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
        call
    }
}
