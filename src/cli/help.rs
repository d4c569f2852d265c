//! The help of `git aitask` itself: the verbs in groups, then the options of every verb.

use clap::{Arg, Command};
use std::fmt::Write as _;

/// The groups of verbs, in the order in which they are shown. A test fails when a verb is in none or in two of them.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("Work on tasks", &["new", "pick", "status", "finish", "drop", "sync", "edit", "worktree"]),
    ("Look at tasks and locks", &["list", "show", "log", "locks", "explore", "whoami", "brief", "check", "doctor"]),
    ("Building blocks for scripts", &["archive", "reopen", "lock", "unlock"]),
    ("Set up", &["init", "setup", "agents", "hook", "shim", "compat", "demo", "help"]),
];

const MORE: &str = "`git aitask VERB -h`: its options; `git aitask help [VERB]`: the long help";

/// What the long help says after that.
const MANUAL: &str = "`git aitask --help`: the manual page, once `git aitask setup` has installed it.";

/// What the long help and the manual page say after the options: paragraphs whose first line ends with a colon, as
/// [`super::manual`] needs them.
pub(super) const SECTIONS: &str = include_str!("help/reference.txt");

/// The command line whose own help shows the verbs in groups.
pub(super) fn with_groups(command: Command) -> Command {
    let groups = groups(&command);
    let short = format!("{}\n\n{MORE}", options_in_brief(&command));
    let long = format!("{}\n\n{SECTIONS}\n{MORE};\n{MANUAL}", options(&command));
    let template = format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}{{after-help}}");
    command.help_template(template).after_help(short).after_long_help(long)
}

/// Every group with its verbs, each with the first line of its description.
fn groups(command: &Command) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = String::new();
    for (title, verbs) in GROUPS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{header}{title}:{header:#}");
        for verb in verbs.iter().filter_map(|name| command.find_subcommand(name)).filter(|verb| !verb.is_hide_set()) {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{:<9}{literal:#} {about}", verb.get_name());
        }
    }
    text.trim_end().to_owned()
}

/// The options of every verb in two lines, as the synopsis of a manual page has them.
fn options_in_brief(command: &Command) -> String {
    let header = command.get_styles().get_header();
    let is_shown = |arg: &&Arg| arg.is_global_set() && !arg.is_hide_short_help_set();
    let options: Vec<_> = command.get_arguments().filter(is_shown).map(in_brief).collect();
    format!("{header}Options of every verb:{header:#} {}", options.join(" "))
}

fn in_brief(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<_> = [short, long].into_iter().flatten().collect();
    let value = match arg.get_value_names() {
        Some([name, ..]) if arg.get_action().takes_values() => format!(" {name}"),
        _ => String::new(),
    };
    format!("[{}{value}]", names.join(" | "))
}

/// All options with their descriptions.
fn options(command: &Command) -> String {
    let only_options = command.clone().mut_subcommands(|verb| verb.hide(true)).help_template("{all-args}");
    only_options.term_width(80).render_long_help().ansi().to_string().trim_end().to_owned()
}
