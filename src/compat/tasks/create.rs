//! `aitask_create.sh`.

use crate::compat::invocation::Scene;
use crate::compat::options::{ForProject, Known, Options, take_project, usage};
use crate::compat::sibling;
use crate::compat::tasks::filer::Filer;
use crate::compat::tasks::new_file::{self};
use crate::error::Result;
use crate::task::fields;

const SCRIPT: &str = "aitask_create.sh";

const HELP: &str = "\
Usage: aitask_create.sh                       make a task in your editor
       aitask_create.sh --batch --name NAME (--desc TEXT | --desc-file FILE|-) [options]
       aitask_create.sh --batch --finalize DRAFT | --finalize-all [--silent]

Without --commit the task is a draft in aitasks/new/. With it the task gets its number, and a commit of its own.

  -p, --priority LEVEL   -e, --effort LEVEL   -t, --type TYPE   -s, --status STATUS   -l, --labels CSV
  --deps CSV   -P, --parent N   --no-sibling-dep   -a, --assigned-to EMAIL   --anchor ID   --followup-of ID
  --followup-kind KIND   --file-ref REF   --auto-merge   --no-auto-merge   --xdeps CSV   --xdeprepo NAME
  --issue URL   --pull-request URL   --contributor NAME   --contributor-email EMAIL   --gates CSV
  --also-blocks-dependents CSV   --verifies CSV   --commit   --silent   --project NAME   -h, --help";

const KNOWN: [Known; 34] = [
    Known::flag("--batch"),
    Known::flag("--commit"),
    Known::flag("--silent"),
    Known::flag("--no-sibling-dep"),
    Known::flag("--auto-merge"),
    Known::flag("--no-auto-merge"),
    Known::flag("--finalize-all"),
    Known::value("--finalize", ""),
    Known::value("--name", "-n"),
    Known::value("--desc", "-d"),
    Known::value("--description", ""),
    Known::value("--desc-file", ""),
    Known::value("--priority", "-p"),
    Known::value("--effort", "-e"),
    Known::value("--type", "-t"),
    Known::value("--status", "-s"),
    Known::value("--labels", "-l"),
    Known::value("--deps", ""),
    Known::value("--parent", "-P"),
    Known::value("--assigned-to", "-a"),
    Known::value("--anchor", ""),
    Known::value("--followup-of", ""),
    Known::value("--followup-kind", ""),
    Known::value("--file-ref", ""),
    Known::value("--xdeps", ""),
    Known::value("--xdeprepo", ""),
    Known::value("--issue", ""),
    Known::value("--pull-request", ""),
    Known::value("--contributor", ""),
    Known::value("--contributor-email", ""),
    Known::value("--gates", ""),
    Known::value("--also-blocks-dependents", ""),
    Known::value("--verifies", ""),
    Known::value("--project", ""),
];

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    run_in(scene, args).unwrap_or_else(|error| scene.fail(&error))
}

fn run_in(scene: &Scene, args: &[String]) -> Result<u8> {
    let ForProject { project, args } = take_project(args)?;
    if let Some(project) = project {
        if !args.iter().any(|arg| arg == "--batch") {
            return Err(usage("--project requires --batch".to_owned()));
        }
        return sibling::run_there(scene, &project, SCRIPT, &args);
    }
    let check = |option: &str, value: &str| match option {
        "--file-ref" => fields::check_file_reference(value),
        "" => Err(usage(format!("Unknown option: {value}"))),
        _ => Ok(()),
    };
    let Some(options) = Options::parse(&KNOWN, &args, check)? else {
        HELP.lines().for_each(|line| scene.console.line(line));
        return Ok(0);
    };
    if !options.has("--batch") {
        return crate::compat::tasks::in_editor::create(scene);
    }
    let context = scene.open()?;
    let checkout = scene.checkout(context.as_ref());
    checkout.require_home()?;
    let filer =
        Filer { scene, checkout: &checkout, silent: options.has("--silent"), auto_merge: options.has("--auto-merge") };
    if options.has("--finalize-all") {
        return filer.finalize_all();
    }
    if let Some(draft) = options.last("--finalize") {
        filer.finalize(&new_file::load_draft(&checkout, draft)?)?;
        return Ok(0);
    }
    filer.create(&options)
}
