//! The manual pages, made of the help of the verbs and the table of the kinds of errors.

use crate::cli::help::SECTIONS;
use crate::error::{Error, KINDS, KindRow, Result};
use clap::Command;
use clap::builder::Resettable;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::io;
use std::path::Path;

/// One page for the command line itself and one for each verb, named as git names manual pages: `git-aitask-pick`.
/// `dir` is the directory that an error names.
pub(super) fn pages(mut cli: Command, dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    // Only a command that was built has the options of every verb.
    cli.build();
    let root = cli.clone().after_long_help(format!("{SECTIONS}\n{}", kinds()));
    let mut pages = vec![("git-aitask".to_owned(), root)];
    add_verbs(&mut pages, &cli);
    // `git help aitask-pick` looks for the page of a guide, since that is no command of git: gitaitask-pick.
    let guide = |(name, _): &(String, _)| {
        let verb = name.strip_prefix("git-aitask-")?;
        Some((format!("gitaitask-{verb}"), format!(".so man1/{name}.1\n").into_bytes()))
    };
    let guides: Vec<_> = pages.iter().filter_map(guide).collect();
    let render = |(name, command)| page(command).map(|text| (name, text));
    let pages = pages.into_iter().map(render).collect::<io::Result<Vec<_>>>();
    Ok(pages.map_err(|error| Error::io("render", dir, &error))?.into_iter().chain(guides).collect())
}

/// What `error.kind` of the JSON form says, and what helps.
fn kinds() -> String {
    let row =
        |row: &KindRow| format!("  {:<16} {:<3}  {};\n{:24}{}", row.name, row.exit_code, row.meaning, "", row.cure);
    let rows: Vec<_> = KINDS.iter().map(row).collect();
    format!("Kinds of errors, `error.kind` of --json with its exit code:\n{}", rows.join("\n"))
}

fn add_verbs(pages: &mut Vec<(String, Command)>, command: &Command) {
    for verb in command.get_subcommands() {
        let name = verb.get_display_name().unwrap_or_else(|| verb.get_name()).to_owned();
        pages.push((name, verb.clone().version(env!("CARGO_PKG_VERSION"))));
        add_verbs(pages, verb);
    }
}

/// The page of a command. clap would fill the examples into one paragraph, so that they are written here.
fn page(mut command: Command) -> io::Result<Vec<u8>> {
    let after = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let usage = command.render_usage().to_string();
    let related =
        if command.get_name() == "git-aitask" { "git(1), git-worktree(1), git-push(1)" } else { "git-aitask(1)" };
    let command = command
        .override_usage(usage.trim_start_matches("Usage: ").to_owned())
        .subcommand_help_heading("VERBS")
        .mut_args(|arg| arg.hide_short_help(false))
        .after_help(Resettable::Reset)
        .after_long_help(Resettable::Reset);
    let man =
        Man::new(command).source(concat!("git-aitask ", env!("CARGO_PKG_VERSION"))).manual("Manual of git aitask");
    let mut text = Vec::new();
    man.render(&mut text)?;
    sections(&format!("{}\n\nSee also:\n{related}", after.unwrap_or_default())).to_writer(&mut text)?;
    Ok(text)
}

/// Sections from a help text: a paragraph whose first line ends with a colon is a section, with its lines as they are.
fn sections(text: &str) -> Roff {
    let mut page = Roff::default();
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let (title, lines) = paragraph.split_once(":\n").unwrap_or(("Notes", paragraph));
        let (title, first) = title.split_once(',').unwrap_or((title, ""));
        page.control("SH", [title.to_uppercase().as_str()]);
        if !first.is_empty() {
            page.text([roman(first.replace('\n', " ").trim_start())]);
        }
        page.control("nf", []);
        for line in lines.lines() {
            page.text([roman(line)]);
        }
        page.control("fi", []);
    }
    page
}
