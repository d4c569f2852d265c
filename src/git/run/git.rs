//! The calls of git: what all of them have in common.

use super::Call;
use crate::settings::Environment;
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
}

impl Git {
    /// Git in this environment.
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, ssh_command: None }
    }

    /// Sets the user's own ssh command (`core.sshCommand`), so that network calls can add `BatchMode` to it.
    pub(crate) fn with_ssh_command(mut self, configured: Option<&str>) -> Self {
        self.ssh_command = configured.map(str::to_owned);
        self
    }

    /// The environment that the calls inherit.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// A git command that reads, in `dir`, regardless of `GIT_DIR` and the like.
    pub(crate) fn read(&self, dir: &Path, subcommand: &str) -> Call {
        self.write(dir, subcommand).env("GIT_OPTIONAL_LOCKS", "0")
    }

    /// A git command that may write, in `dir`, regardless of `GIT_DIR` and the like.
    pub(crate) fn write(&self, dir: &Path, subcommand: &str) -> Call {
        // A `git aitask` in a hook must not wait for the command that runs the hook.
        self.common(Call::program(&self.environment, "git", dir), subcommand).env(WITHIN, "1")
    }

    /// A git command that finds the repository: only here do `GIT_DIR` and the like count.
    pub(crate) fn discover(&self, dir: &Path, subcommand: &str) -> Call {
        let call = Call { env: Vec::new(), ..Call::program(&self.environment, "git", dir) };
        self.common(call, subcommand).env("GIT_OPTIONAL_LOCKS", "0")
    }

    /// A git command that uses the network: git and ssh do not prompt, and there is a time limit.
    pub(crate) fn network(&self, dir: &Path, subcommand: &str, limit: Duration) -> Call {
        let call = self.write(dir, subcommand).limit(limit).env("GIT_TERMINAL_PROMPT", "0");
        let of_user = self.environment.text("GIT_SSH_COMMAND").or(self.ssh_command.as_deref());
        match (of_user, self.environment.text("GIT_SSH")) {
            // GIT_SSH names a program that is called without options, so BatchMode cannot be added.
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
