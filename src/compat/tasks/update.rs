//! `aitask_update.sh`: changes fields, text or name of a task, and with `--commit` commits the file.

use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::options::{ForProject, KnownOption, ScriptOptions, one_of, take_project, usage};
use crate::compat::tasks::checks::{check_kind, check_type, parse_id};
use crate::compat::tasks::output::{Volume, print_update};
use crate::compat::tasks::{anchors, board};
use crate::compat::{other_project, projects};
use crate::error::{Error, Kind, Result};
use crate::ops::edit::{self, CommitTime, EditRequest};
use crate::project::Context;
use crate::project::task_files::{PlannedWrites, TaskFiles};
use crate::task::change::{self, FieldChange};
use crate::task::{Document, Slug, TaskId, fields, labels};

const SCRIPT: &str = "aitask_update.sh";

const HELP: &str = "\
Usage: aitask_update.sh                       change a task in your editor
       aitask_update.sh --batch ID [options]

  -p, --priority LEVEL   -e, --effort LEVEL   -s, --status STATUS   --type TYPE   --deps CSV   -n, --name NAME
  -l, --labels CSV   --add-label L   --remove-label L   --file-ref REF   --remove-file-ref REF
  -d, --description TEXT   --desc-file FILE|-   --children CSV   --add-child ID   --remove-child ID
  -a, --assigned-to EMAIL   --anchor ID   --followup-kind KIND   --xdeps CSV   --xdeprepo NAME
  --risk-code-health LEVEL   --risk-goal-achievement LEVEL   --risk-mitigation-tasks CSV   --gates CSV
  --also-blocks-dependents CSV   --active-gates CSV   --active-gates-filtered CSV   --active-gates-profile NAME
  --active-gates-digest TEXT   --clear-active-gates   --verifies CSV   --add-verifies ID   --remove-verifies ID
  --verification-baseline TEXT   --boardcol COLUMN   --boardidx N   --boardgroup SLUG   --issue URL
  --pull-request URL   --contributor NAME   --contributor-email EMAIL   --implemented-with AGENT
  --folded-tasks CSV   --folded-into ID   --commit   --silent   --project NAME   -h, --help
An empty value clears the field.";

/// The options that change no field.
const OTHERS: [KnownOption; 6] = [
    KnownOption::flag("--batch"),
    KnownOption::flag("--commit"),
    KnownOption::flag("--silent"),
    KnownOption::flag("--clear-active-gates"),
    KnownOption::value("--name", "-n"),
    KnownOption::value("--desc-file", ""),
];

/// How an option changes its field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChangeMode {
    /// The value replaces the old one; an empty value is ignored.
    Fixed,
    /// The value replaces the old one; an empty value removes the field.
    Scalar,
    /// The items replace the old ones.
    List,
    /// The items are added.
    Add,
    /// The items are removed.
    Take,
    /// The value is written even when it is empty, then in the given form: the four fields of the active gates stand
    /// or go together, and for the board an empty group differs from none.
    Kept(&'static str),
}

/// The options that change a field. For one field the order is replace, add, remove, whatever the command line has,
/// as for the scripts.
const CHANGES: [(KnownOption, &str, ChangeMode); 43] = [
    (KnownOption::value("--priority", "-p"), "priority", ChangeMode::Fixed),
    (KnownOption::value("--effort", "-e"), "effort", ChangeMode::Fixed),
    (KnownOption::value("--status", "-s"), "status", ChangeMode::Fixed),
    (KnownOption::value("--type", ""), "issue_type", ChangeMode::Fixed),
    (KnownOption::value("--deps", ""), "depends", ChangeMode::List),
    (KnownOption::value("--labels", "-l"), "labels", ChangeMode::List),
    (KnownOption::value("--add-label", ""), "labels", ChangeMode::Add),
    (KnownOption::value("--remove-label", ""), "labels", ChangeMode::Take),
    (KnownOption::value("--file-ref", ""), "file_references", ChangeMode::Add),
    (KnownOption::value("--remove-file-ref", ""), "file_references", ChangeMode::Take),
    (KnownOption::value("--children", ""), "children_to_implement", ChangeMode::List),
    (KnownOption::value("--add-child", ""), "children_to_implement", ChangeMode::Add),
    (KnownOption::value("--remove-child", ""), "children_to_implement", ChangeMode::Take),
    (KnownOption::value("--assigned-to", "-a"), "assigned_to", ChangeMode::Scalar),
    (KnownOption::value("--anchor", ""), "anchor", ChangeMode::Scalar),
    (KnownOption::value("--xdeps", ""), "xdeps", ChangeMode::List),
    (KnownOption::value("--xdeprepo", ""), "xdeprepo", ChangeMode::Scalar),
    (KnownOption::value("--risk-code-health", ""), "risk_code_health", ChangeMode::Scalar),
    (KnownOption::value("--risk-goal-achievement", ""), "risk_goal_achievement", ChangeMode::Scalar),
    (KnownOption::value("--risk-mitigation-tasks", ""), "risk_mitigation_tasks", ChangeMode::List),
    (KnownOption::value("--gates", ""), "gates", ChangeMode::List),
    (KnownOption::value("--also-blocks-dependents", ""), "also_blocks_dependents", ChangeMode::List),
    (KnownOption::value("--active-gates", ""), "active_gates", ChangeMode::Kept("[]")),
    (KnownOption::value("--active-gates-filtered", ""), "active_gates_filtered", ChangeMode::Kept("[]")),
    (KnownOption::value("--active-gates-profile", ""), "active_gates_profile", ChangeMode::Kept("")),
    (KnownOption::value("--active-gates-digest", ""), "active_gates_digest", ChangeMode::Kept("")),
    (KnownOption::value("--verifies", ""), "verifies", ChangeMode::List),
    (KnownOption::value("--add-verifies", ""), "verifies", ChangeMode::Add),
    (KnownOption::value("--remove-verifies", ""), "verifies", ChangeMode::Take),
    (KnownOption::value("--verification-baseline", ""), "verification_baseline", ChangeMode::Scalar),
    (KnownOption::value("--followup-kind", ""), "followup_kind", ChangeMode::Scalar),
    (KnownOption::value("--boardcol", ""), "boardcol", ChangeMode::Scalar),
    (KnownOption::value("--boardidx", ""), "boardidx", ChangeMode::Scalar),
    (KnownOption::value("--boardgroup", ""), "boardgroup", ChangeMode::Kept("\"\"")),
    (KnownOption::value("--issue", ""), "issue", ChangeMode::Scalar),
    (KnownOption::value("--pull-request", ""), "pull_request", ChangeMode::Scalar),
    (KnownOption::value("--contributor", ""), "contributor", ChangeMode::Scalar),
    (KnownOption::value("--contributor-email", ""), "contributor_email", ChangeMode::Scalar),
    (KnownOption::value("--implemented-with", ""), "implemented_with", ChangeMode::Scalar),
    (KnownOption::value("--folded-tasks", ""), "folded_tasks", ChangeMode::List),
    (KnownOption::value("--folded-into", ""), "folded_into", ChangeMode::Scalar),
    (KnownOption::value("--description", "-d"), "", ChangeMode::Fixed),
    (KnownOption::value("--desc", ""), "", ChangeMode::Fixed),
];

const GROUP: [&str; 4] =
    ["--active-gates", "--active-gates-filtered", "--active-gates-profile", "--active-gates-digest"];

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    run_in(invocation, args).unwrap_or_else(|error| invocation.fail(&error))
}

fn run_in(invocation: &Invocation, args: &[String]) -> Result<u8> {
    let ForProject { project, args } = take_project(args)?;
    if let Some(project) = project {
        other_project::require_batch(&args)?;
        refuse_in_other_project(&project, &args)?;
        return other_project::run_there(invocation, &project, SCRIPT, &args);
    }
    let known: Vec<KnownOption> = OTHERS.into_iter().chain(CHANGES.map(|(known, ..)| known)).collect();
    let check = |option: &str, value: &str| match option {
        "--file-ref" | "--remove-file-ref" => fields::check_file_reference(value),
        "" if parse_id(value).is_none() => {
            Err(usage(format!("Invalid task number: {value} (use format: 25, 25_1, or t25_1)")))
        }
        _ => Ok(()),
    };
    let Some(options) = ScriptOptions::parse(&known, &args, check)? else {
        HELP.lines().for_each(|line| invocation.console.line(line));
        return Ok(0);
    };
    let id = options.words.last().and_then(|word| parse_id(word));
    if !options.has("--batch") {
        return crate::compat::tasks::in_editor::update(invocation, id);
    }
    let context = invocation.open()?;
    let checkout = invocation.checkout(context.as_ref());
    let anchor = check_first(invocation, &checkout, &options)?;
    let id = id.ok_or_else(|| usage("Batch mode requires a task number".to_owned()))?;
    if invocation.environment.text("AIT_CROSS_REPO_REEXEC").is_some()
        && let Some(context) = &context
    {
        refuse_if_locked(invocation, context, id)?;
    }
    let path = checkout.require_active(id)?;
    let mut changes = collect(invocation, &options, anchor)?;
    check_values(&checkout, &options)?;
    if let Some(file) = options.filled("--desc-file") {
        let body = invocation.load_text(file)?;
        changes.retain(|change| !matches!(change, FieldChange::Body(_)));
        if !body.iter().all(|byte| *byte == b'\n') {
            changes.push(FieldChange::Body(body));
        }
    }
    if options.has("--xdeps") || options.has("--xdeprepo") {
        let document = changed(&checkout, &path, &changes)?;
        let project = document.scalar_last("xdeprepo").unwrap_or_default();
        projects::check_dependency(&invocation.environment, &document.list_last("xdeps"), project)?;
    }
    let name = options.filled("--name").map(Slug::derive);
    if name == Some(None) {
        // What else is wrong is reported before the name, as the scripts do.
        change::check(&changed(&checkout, &path, &changes)?)?;
        return Err(usage("Invalid task name after sanitization".to_owned()));
    }
    let name = name.flatten();
    let commit = if options.has("--commit") { CommitTime::Now } else { CommitTime::Later };
    let updated = edit::edit_here(&checkout, id, &EditRequest { changes, name, ..EditRequest::default() }, commit)?;
    let volume = if options.has("--silent") { Volume::PathOnly } else { Volume::All };
    print_update(invocation, &updated, volume);
    Ok(0)
}

/// Refuses changes that the scripts do not make in another project: they would bypass its locks and its workflow.
fn refuse_in_other_project(project: &str, args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--name" || arg == "-n") {
        return Err(usage("--project cannot be combined with --name (rename is not supported cross-repo)".to_owned()));
    }
    let status =
        args.windows(2).rev().find(|pair| pair[0] == "--status" || pair[0] == "-s").map(|pair| pair[1].as_str());
    match status {
        Some(status @ ("Implementing" | "Done")) => {
            Err(usage(format!("status {status} must go through '{project}'s own /aitask-pick workflow")))
        }
        Some("Folded") => Err(usage(
            "status Folded: folding requires reading both task bodies and is not supported cross-repo.".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The checks that come before the task is searched, as in the scripts; gives the anchor.
fn check_first(invocation: &Invocation, checkout: &TaskFiles<'_>, options: &ScriptOptions) -> Result<Option<TaskId>> {
    let given = GROUP.iter().filter(|name| options.has(name)).count();
    if options.has("--clear-active-gates") && given > 0 {
        let text = "--clear-active-gates cannot be combined with the --active-gates* flags — task file unchanged";
        return Err(usage(text.to_owned()));
    }
    if given != 0 && given != GROUP.len() {
        return Err(usage(format!(
            "--active-gates* flags form an atomic tuple: pass all four ({}) or none — task file unchanged",
            GROUP.join(", ")
        )));
    }
    let anchor = options.filled("--anchor").map(|raw| anchors::given(checkout, raw)).transpose()?;
    options.filled("--followup-kind").map_or(Ok(()), |kind| check_kind(invocation, kind))?;
    if let Some(slug) = options.filled("--boardgroup")
        && !slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    {
        return Err(usage(format!("boardgroup '{slug}' is not a valid slug (expected [a-z0-9_]+).")));
    }
    if let Some(column) = options.filled("--boardcol") {
        let columns = board::columns(&TaskFolders::new(&invocation.dir).tasks);
        let ids: Vec<_> = columns.iter().map(|column| column.id.as_str()).chain(["unordered"]).collect();
        if !ids.contains(&column) {
            let text = format!("board column '{column}' is not configured. Valid ids: {}", ids.join(" "));
            return Err(usage(text));
        }
    }
    Ok(anchor)
}

/// The checks of single values, in the scripts' order: the first wrong one is reported.
fn check_values(checkout: &TaskFiles<'_>, options: &ScriptOptions) -> Result<()> {
    let level = |name: &str, list: &str| match options.filled(name) {
        Some(value) => one_of(value, &["high", "medium", "low"], name.trim_start_matches('-'), list),
        None => Ok(()),
    };
    level("--priority", "high, medium, or low")?;
    level("--risk-code-health", "high, medium, or low")?;
    level("--risk-goal-achievement", "high, medium, or low")?;
    level("--effort", "low, medium, or high")?;
    if let Some(status) = options.filled("--status") {
        let known = ["Ready", "Editing", "Implementing", "Postponed", "Done", "Folded"];
        one_of(status, &known, "status", "Ready, Editing, Implementing, Postponed, Done, or Folded")?;
    }
    options.filled("--type").map_or(Ok(()), |issue_type| check_type(checkout, issue_type))
}

/// The changes that the options ask for.
fn collect(invocation: &Invocation, options: &ScriptOptions, anchor: Option<TaskId>) -> Result<Vec<FieldChange>> {
    let mut changes = Vec::new();
    for (KnownOption { name: option, .. }, key, mode) in CHANGES {
        let Some(value) = options.last(option) else { continue };
        let given =
            if matches!(mode, ChangeMode::Add | ChangeMode::Take) { options.all(option) } else { &[value.to_owned()] };
        let items: Vec<_> = given.iter().flat_map(|item| fields::items(item)).collect();
        changes.push(match mode {
            ChangeMode::Fixed if value.is_empty() => continue,
            ChangeMode::Fixed if key.is_empty() => FieldChange::Body(value.as_bytes().to_vec()),
            ChangeMode::Scalar if key == "anchor" => {
                FieldChange::Set(key, anchor.map(|id| id.to_string()).unwrap_or_default())
            }
            ChangeMode::Fixed | ChangeMode::Scalar => FieldChange::Set(key, value.to_owned()),
            ChangeMode::List | ChangeMode::Add if key == "labels" => {
                // One label is added by each option, so a comma in it is no separator.
                let one =
                    |label: &String| if mode == ChangeMode::Add { label.replace(',', "_") } else { label.clone() };
                let cleaned = labels::sanitise_list(&given.iter().map(one).collect::<Vec<_>>().join(","));
                if !cleaned.dropped.is_empty() {
                    invocation.console.warn(&format!("dropped invalid label(s): {}", cleaned.dropped.join(",")));
                }
                if mode == ChangeMode::List {
                    FieldChange::List(key, cleaned.labels)
                } else {
                    FieldChange::Add(key, cleaned.labels)
                }
            }
            ChangeMode::List => FieldChange::List(key, items),
            ChangeMode::Add => FieldChange::Add(key, items),
            ChangeMode::Take => FieldChange::Take(key, items),
            ChangeMode::Kept("[]") => FieldChange::Exact(key, format!("[{}]", items.join(", "))),
            ChangeMode::Kept(empty) => FieldChange::Exact(key, if value.is_empty() { empty } else { value }.to_owned()),
        });
    }
    if options.has("--clear-active-gates") {
        changes.extend(
            ["active_gates", "active_gates_filtered", "active_gates_profile", "active_gates_digest"]
                .map(|key| FieldChange::List(key, Vec::new())),
        );
    }
    let given = options.filled("--desc-file").is_some() || options.filled("--name").is_some();
    if changes.is_empty() && !given {
        return Err(usage("No update parameters specified. Use --help for usage.".to_owned()));
    }
    Ok(changes)
}

/// The task with the changes. Nothing is written.
fn changed(checkout: &TaskFiles<'_>, path: &str, changes: &[FieldChange]) -> Result<Document> {
    let unwritten = checkout.transact(|snapshot| {
        let mut document = snapshot.document(path)?;
        change::apply(&mut document, changes)?;
        Ok(PlannedWrites { edits: Vec::new(), value: document })
    })?;
    Ok(unwritten.value)
}

/// Refuses an update from another project while somebody else, or the same person on another host, holds the task.
fn refuse_if_locked(invocation: &Invocation, context: &Context, id: &str) -> Result<()> {
    let Some((lock, host)) = TaskId::try_parse(id).and_then(|id| projects::lock_of(context, id)) else { return Ok(()) };
    let own = invocation.user_email();
    if lock.host == host && own.is_none_or(|own| own == lock.holder) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Held,
        format!(
            "cross-repo task t{id} is locked by {}@{} (since {}); cannot update from this host. Pick the task there to \
             release, or wait.",
            lock.holder, lock.host, lock.since
        ),
    ))
}
