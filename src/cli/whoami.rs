//! `git aitask whoami`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::whoami;
use crate::report::Page;
use crate::settings::Effect;
use clap::Args;

/// Your address, machine and session, and how each was found
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  AIT_AGENT_PID=$PPID git aitask whoami")]
pub(crate) struct Whoami {}

impl Whoami {
    /// Runs the verb.
    pub(crate) fn run(app: &App) -> Result<()> {
        let outcome = whoami::whoami(&app.open(Effect::Real)?)?;
        app.report.answer(&outcome, || {
            let origin = serde_json::to_value(outcome.email_origin).unwrap_or_default();
            let how = serde_json::to_value(outcome.session_origin).unwrap_or_default();
            let page = Page::new()
                .line(format!("e-mail   {} ({})", outcome.email, origin.as_str().unwrap_or_default()))
                .line(format!("host     {} (hostname)", outcome.host));
            let page = match outcome.pid {
                Some(pid) => page.line(format!("session  pid {pid} ({})", how.as_str().unwrap_or_default())),
                None => page
                    .line("session  none found: your locks cannot be told from those of another session of yours here")
                    .advice("         set AIT_AGENT_PID to the process that lives as long as your session"),
            };
            page.line(format!("remote   {}", outcome.remote.as_deref().unwrap_or("none: coordination is local")))
        })
    }
}
