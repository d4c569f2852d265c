//! `--project NAME`: the script of the other project runs there, so its version decides the output.

use crate::compat::invocation::Invocation;
use crate::compat::options::usage;
use crate::compat::projects;
use crate::error::Result;
use crate::interrupt;
use std::io::Read as _;

/// Refuses a command line without `--batch`: nobody could answer the questions of the other project's script.
pub(super) fn require_batch(args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--batch") { Ok(()) } else { Err(usage("--project requires --batch".to_owned())) }
}

/// Runs the other project's script and passes on its output and exit code. With `--silent` the path that create
/// prints is made absolute: it is relative to the other project's root, which the caller does not know.
pub(super) fn run_there(invocation: &Invocation, project: &str, script: &str, args: &[String]) -> Result<u8> {
    let mut input = Vec::new();
    if args.windows(2).any(|pair| pair[0] == "--desc-file" && pair[1] == "-") {
        // A failed read gives the script an empty description, which it refuses with its own message.
        let _ = interrupt::waiting_for_input(|| std::io::stdin().read_to_end(&mut input));
    }
    let answer = projects::run_there(&invocation.environment, project, script, args, input)?;
    invocation.console.stderr_lines(&answer.stderr);
    let silent = script == "aitask_create.sh" && args.iter().any(|arg| arg == "--silent");
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    match text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end())) {
        (before, path) if silent && answer.code == 0 && !path.is_empty() && !path.starts_with('/') => {
            if !before.is_empty() {
                invocation.console.lines(format!("{before}\n").as_bytes());
            }
            invocation.console.line(&answer.root.join(path).display().to_string());
        }
        _ => invocation.console.lines(&answer.stdout),
    }
    Ok(answer.code)
}
