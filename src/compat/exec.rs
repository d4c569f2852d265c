//! Programs that replace this process, as exec(3) does: their exit status and signals reach the caller unchanged.

use crate::error::Error;
use crate::git::run::Call;
use crate::settings::Environment;
use std::path::Path;

/// Replaces this process by a script of the project; returns only when it cannot be started.
pub(crate) fn exec_script(environment: &Environment, script: &Path, args: &[String], dir: &Path) -> Error {
    let mut call = Call::script(environment, script, dir).args(args);
    if let Some(pwd) = environment.text("AIT_INVOCATION_PWD") {
        call = call.env("AIT_INVOCATION_PWD", pwd);
    }
    call.exec()
}

/// Replaces this process by git in `dir`, with the user's own settings; returns only when it cannot be started.
pub(crate) fn exec_git(environment: &Environment, args: &[String], dir: &Path) -> Error {
    Call::program(environment, "git", dir).args(args).exec()
}
