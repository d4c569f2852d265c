//! The pager of git, for pages that are longer than the screen.

use crate::cli::app::App;
use crate::error::Result;
use crate::git::run::Call;
use crate::project::Context;
use crate::report::Page;
use serde::Serialize;

/// What git tells a pager that the user has not told otherwise (`PAGER_ENV` in its Makefile): `less` ends where the text
/// fits on the screen, shows colours, and leaves the text on the screen.
const PAGER_VARIABLES: [(&str, &str); 2] = [("LESS", "FRX"), ("LV", "-c")];

/// What a shell answers for a program that it cannot run, or does not find.
const NOT_RUN: [u8; 2] = [126, 127];

impl App {
    /// Shows a result of `verb` that may be long: through the pager where it is longer than the screen.
    pub(crate) fn answer_long<T: Serialize>(
        &self,
        context: &Context,
        verb: &str,
        outcome: &T,
        page: impl FnOnce() -> Page,
    ) -> Result<()> {
        let pager = |text: &str| self.may_page && shown(context, verb, text).is_some();
        self.report.answer_through(pager, outcome, page)
    }
}

/// Shows a text in the pager; `None` where there is none, or it cannot be run. One process besides.
fn shown(context: &Context, verb: &str, text: &str) -> Option<()> {
    let environment = context.repository.git().environment();
    let pager = program(context, verb)?;
    let call = Call::program(environment, "sh", &context.here).args(["-c", &pager]).input(text);
    let unset = PAGER_VARIABLES.into_iter().filter(|(name, _)| environment.os(name).is_none());
    let code = unset.fold(call, |call, (name, value)| call.env(name, value)).run_attached().ok()?;
    (!NOT_RUN.contains(&code)).then_some(())
}

/// The command of the pager as git finds it: `GIT_PAGER`, then `pager.aitask.VERB` and `pager.aitask`, then `core.pager`,
/// `PAGER`, and the one that git was built with. Those of this program are truth values or commands, as git reads
/// `pager.<cmd>`.
fn program(context: &Context, verb: &str) -> Option<String> {
    let config = context.repository.config();
    let set = config.last(&format!("pager.aitask.{verb}")).or_else(|| config.last("pager.aitask"));
    let call = context.repository.read("var").arg("GIT_PAGER");
    let call = match set.map(str::to_ascii_lowercase).as_deref() {
        Some("false" | "no" | "off" | "0") => return None,
        None | Some("" | "true" | "yes" | "on" | "1") => call,
        Some(_) => call.setting("core.pager", set?),
    };
    let pager = call.run().ok()?.text();
    // git says so where there is to be none.
    Some(pager.trim().to_owned()).filter(|pager| pager != "cat")
}
