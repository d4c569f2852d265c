//! The identity of the calling session, and where each part of it was found.

use crate::coordination::Session;
use crate::coordination::agents::{self, SessionOrigin};
use crate::error::Result;
use crate::project::context::Context;
use crate::settings::Origin;
use serde::Serialize;

/// The identity of the calling session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Identity {
    /// The e-mail that locks record as the holder.
    pub(crate) email: String,
    /// Where it was found.
    pub(crate) email_origin: Origin,
    /// The machine.
    pub(crate) host: String,
    /// The process that identifies the session; `null` when none was found.
    pub(crate) pid: Option<u32>,
    /// How it was found.
    pub(crate) session_origin: SessionOrigin,
    /// The kind of the agent or CI system; absent where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    /// The digest of the session's name, as locks carry it; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    /// The name of the session, as `GIT_AITASK_SESSION` gives it; locks have only its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_name: Option<String>,
    /// The variable that names the session; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_variable: Option<&'static str>,
    /// What was found and does not count, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignored: Vec<String>,
    /// Whether a PID namespace hides the processes above, so that an agent there cannot be recognised by its process.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ancestors_hidden: bool,
    /// The remote with the coordination branches; absent without a remote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
}

/// Finds the identity of the calling session.
pub(crate) fn whoami(context: &Context) -> Result<Identity> {
    Ok(Identity::of(context, context.session()?))
}

impl Identity {
    /// The identity of a session.
    pub(crate) fn of(context: &Context, session: Session) -> Self {
        let named = session.origin == SessionOrigin::Named;
        let name = context.repository.git().environment().text(agents::SESSION).filter(|_| named);
        Self {
            session_name: name.map(str::to_owned),
            email: session.email,
            email_origin: session.email_origin,
            host: session.host,
            pid: session.process.number(),
            session_origin: session.origin,
            session_variable: session
                .recognition
                .session
                .and_then(|found| found.variable.filter(|_| found.name.digest.is_some())),
            agent: session.name.kind,
            session: session.name.digest,
            ignored: session.recognition.ignored,
            ancestors_hidden: session.recognition.hidden,
            remote: context.channel.remote().map(ToString::to_string),
        }
    }
}
