//! `aitask_create.sh`.

use crate::compat::invocation::Scene;
use crate::compat::options::{Known, Options, take_project, usage};
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
    ("--batch", "", false),
    ("--commit", "", false),
    ("--silent", "", false),
    ("--no-sibling-dep", "", false),
    ("--auto-merge", "", false),
    ("--no-auto-merge", "", false),
    ("--finalize-all", "", false),
    ("--finalize", "", true),
    ("--name", "-n", true),
    ("--desc", "-d", true),
    ("--description", "", true),
    ("--desc-file", "", true),
    ("--priority", "-p", true),
    ("--effort", "-e", true),
    ("--type", "-t", true),
    ("--status", "-s", true),
    ("--labels", "-l", true),
    ("--deps", "", true),
    ("--parent", "-P", true),
    ("--assigned-to", "-a", true),
    ("--anchor", "", true),
    ("--followup-of", "", true),
    ("--followup-kind", "", true),
    ("--file-ref", "", true),
    ("--xdeps", "", true),
    ("--xdeprepo", "", true),
    ("--issue", "", true),
    ("--pull-request", "", true),
    ("--contributor", "", true),
    ("--contributor-email", "", true),
    ("--gates", "", true),
    ("--also-blocks-dependents", "", true),
    ("--verifies", "", true),
    ("--project", "", true),
];

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    run_in(scene, args).unwrap_or_else(|error| scene.fail(&error))
}

fn run_in(scene: &Scene, args: &[String]) -> Result<u8> {
    let (project, args) = take_project(args)?;
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
