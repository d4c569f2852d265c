//! `aitask_create.sh`: writes a draft, or with `--commit` a task with an id and a commit of its own.

use crate::compat::invocation::Invocation;
use crate::compat::options::{ForProject, KnownOption, ScriptOptions, take_project, usage};
use crate::compat::other_project;
use crate::compat::tasks::creation::TaskCreation;
use crate::compat::tasks::new_file::{self};
use crate::error::Result;
use crate::task::fields;

const SCRIPT: &str = "aitask_create.sh";

const HELP: &str = "\
Usage: aitask_create.sh                       create a task in your editor
       aitask_create.sh --batch --name NAME (--desc TEXT | --desc-file FILE|-) [options]
       aitask_create.sh --batch --finalize DRAFT | --finalize-all [--silent]

Without --commit the task is a draft in aitasks/new/. With it the task gets an id and a commit of its own.

  -p, --priority LEVEL   -e, --effort LEVEL   -t, --type TYPE   -s, --status STATUS   -l, --labels CSV
  --deps CSV   -P, --parent N   --no-sibling-dep   -a, --assigned-to EMAIL   --anchor ID   --followup-of ID
  --followup-kind KIND   --file-ref REF   --auto-merge   --no-auto-merge   --xdeps CSV   --xdeprepo NAME
  --issue URL   --pull-request URL   --contributor NAME   --contributor-email EMAIL   --gates CSV
  --also-blocks-dependents CSV   --verifies CSV   --commit   --silent   --project NAME   -h, --help";

const KNOWN: [KnownOption; 34] = [
    KnownOption::flag("--batch"),
    KnownOption::flag("--commit"),
    KnownOption::flag("--silent"),
    KnownOption::flag("--no-sibling-dep"),
    KnownOption::flag("--auto-merge"),
    KnownOption::flag("--no-auto-merge"),
    KnownOption::flag("--finalize-all"),
    KnownOption::value("--finalize", ""),
    KnownOption::value("--name", "-n"),
    KnownOption::value("--desc", "-d"),
    KnownOption::value("--description", ""),
    KnownOption::value("--desc-file", ""),
    KnownOption::value("--priority", "-p"),
    KnownOption::value("--effort", "-e"),
    KnownOption::value("--type", "-t"),
    KnownOption::value("--status", "-s"),
    KnownOption::value("--labels", "-l"),
    KnownOption::value("--deps", ""),
    KnownOption::value("--parent", "-P"),
    KnownOption::value("--assigned-to", "-a"),
    KnownOption::value("--anchor", ""),
    KnownOption::value("--followup-of", ""),
    KnownOption::value("--followup-kind", ""),
    KnownOption::value("--file-ref", ""),
    KnownOption::value("--xdeps", ""),
    KnownOption::value("--xdeprepo", ""),
    KnownOption::value("--issue", ""),
    KnownOption::value("--pull-request", ""),
    KnownOption::value("--contributor", ""),
    KnownOption::value("--contributor-email", ""),
    KnownOption::value("--gates", ""),
    KnownOption::value("--also-blocks-dependents", ""),
    KnownOption::value("--verifies", ""),
    KnownOption::value("--project", ""),
];

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    run_in(invocation, args).unwrap_or_else(|error| invocation.fail(&error))
}

fn run_in(invocation: &Invocation, args: &[String]) -> Result<u8> {
    let ForProject { project, args } = take_project(args)?;
    if let Some(project) = project {
        other_project::require_batch(&args)?;
        return other_project::run_there(invocation, &project, SCRIPT, &args);
    }
    let check = |option: &str, value: &str| match option {
        "--file-ref" => fields::check_file_reference(value),
        "" => Err(usage(format!("Unknown option: {value}"))),
        _ => Ok(()),
    };
    let Some(options) = ScriptOptions::parse(&KNOWN, &args, check)? else {
        HELP.lines().for_each(|line| invocation.console.line(line));
        return Ok(0);
    };
    if !options.has("--batch") {
        return crate::compat::tasks::in_editor::create(invocation);
    }
    let context = invocation.open()?;
    let checkout = invocation.checkout(context.as_ref());
    checkout.require_home()?;
    let creation = TaskCreation {
        invocation,
        checkout: &checkout,
        silent: options.has("--silent"),
        auto_merge: options.is_on("--auto-merge", "--no-auto-merge"),
    };
    if options.has("--finalize-all") {
        return creation.finalize_all();
    }
    if let Some(draft) = options.last("--finalize") {
        creation.finalize(&new_file::load_draft(&checkout, draft)?)?;
        return Ok(0);
    }
    creation.create(&options, &args)
}
