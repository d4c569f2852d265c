//! `git aitask whoami`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::whoami;
use crate::report::Page;
use crate::settings::Effect;
use clap::Args;

/// Show your e-mail address, host and session
///
/// It also shows the source of each: which setting, variable or process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask whoami\n  AIT_AGENT_PID=$PPID git aitask whoami")]
pub(crate) struct WhoamiArgs {}

impl WhoamiArgs {
    /// Runs the verb.
    pub(crate) fn run(app: &App) -> Result<()> {
        let outcome = whoami::whoami(&app.open(Effect::Real)?)?;
        app.report.answer(&outcome, || {
            let origin = serde_json::to_value(outcome.email_origin).unwrap_or_default();
            let how = serde_json::to_value(outcome.session_origin).unwrap_or_default();
            let page = Page::new()
                .line(format!("e-mail   {} ({})", outcome.email, origin.as_str().unwrap_or_default()))
                .line(format!("host     {} (hostname)", outcome.host));
            let how =
                outcome.session_variable.filter(|_| outcome.session.is_some()).or(how.as_str()).unwrap_or_default();
            let pid = outcome.pid.map(|pid| format!("pid {pid}"));
            let session: Vec<_> =
                outcome.agent.iter().chain(&outcome.session_name).chain(&outcome.session).chain(&pid).map(String::as_str).collect();
            let mut page = if session.is_empty() {
                page.line("session  none found: sessions of yours on this host cannot be distinguished")
                    .advice("         export a name of it: GIT_AITASK_SESSION=NAME; or AIT_AGENT_PID, the id of a process that lives as long")
            } else {
                page.line(format!("session  {} ({how})", session.join(", ")))
            };
            if outcome.ancestors_hidden && outcome.session.is_none() {
                page = page.advice("         this PID namespace hides the processes above; an agent there is not seen");
            }
            for ignored in &outcome.ignored {
                page = page.line(format!("ignored  {ignored}"));
            }
            page.line(format!("remote   {}", outcome.remote.as_deref().unwrap_or("none: coordination is local")))
        })
    }
}
