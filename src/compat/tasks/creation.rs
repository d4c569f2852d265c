//! Creating a task: from the options of `aitask_create.sh`, or from a draft.

use crate::compat::invocation::Invocation;
use crate::compat::locks::claim_id;
use crate::compat::options::{ScriptOptions, one_of, usage};
use crate::compat::projects;
use crate::compat::tasks::anchors;
use crate::compat::tasks::checks::{check_kind, check_type};
use crate::compat::tasks::fold::{self, OverlappingTasks};
use crate::compat::tasks::new_file::{self, DraftToFinalize, NotCreated};
use crate::error::{Error, Kind, Result};
use crate::ledger::nonce;
use crate::ops::drafts;
use crate::ops::new::{self, CreatedHere, NewRequest, Sibling};
use crate::ops::new_record::Origin;
use crate::project::Context;
use crate::project::task_files::TaskFiles;
use crate::task::{Document, Slug, TaskId, fields, labels};

/// The creation of a task by a script.
pub(crate) struct TaskCreation<'a> {
    pub(crate) invocation: &'a Invocation,
    pub(crate) checkout: &'a TaskFiles<'a>,
    pub(crate) silent: bool,
    pub(crate) auto_merge: bool,
}

impl TaskCreation<'_> {
    /// Creates what the options say; `args` are their words.
    pub(crate) fn create(&self, options: &ScriptOptions, args: &[String]) -> Result<u8> {
        let console = self.invocation.console;
        let Some(name) = options.filled("--name") else { return Err(usage("Batch mode requires --name".to_owned())) };
        let body = self.body(options)?;
        let (document, parent) = self.document(options, &body)?;
        let slug = Slug::from_title(name);
        if !options.has("--commit") {
            let path = self.draft(&slug, &document, parent)?;
            self.result(&path);
            return Ok(0);
        }
        let sibling = if options.has("--no-sibling-dep") { Sibling::Free } else { Sibling::After };
        let (depends, folds) = (Vec::new(), Vec::new());
        let words = format!("aitask_create.sh {} {args:?} {}", self.checkout.root.display(), body.escape_ascii());
        let origin = Origin::Command { words, nonce: nonce()? };
        let origin_of_request = Some(origin.clone());
        let mut request =
            NewRequest { slug, document, sibling, issue_type: None, depends, origin: origin_of_request, folds };
        let (created, overlapping) = self.filed_once(&mut request, parent, |request, not_created| {
            if let NotCreated::Unnumbered(_) = &not_created
                && let Ok(path) = self.draft(&request.slug, &request.document, parent)
            {
                console.warn(&format!("the text is kept as the draft {path}"));
            }
            not_created.into_error()
        })?;
        self.print_commit(&created.said);
        self.print_folded(&overlapping, &created);
        self.result(&created.path);
        // Only now: a run that is cut off before the caller was told of the task is completed by the same command.
        origin.forget(self.checkout);
        Ok(0)
    }

    /// Creates the task with an id and a commit. If an earlier run was interrupted, its task is found again here, so that
    /// one command, or one draft, never becomes two tasks.
    fn filed_once(
        &self,
        request: &mut NewRequest,
        parent: Option<&str>,
        explain: impl FnOnce(&NewRequest, NotCreated) -> Error,
    ) -> Result<(CreatedHere, OverlappingTasks)> {
        if let Some(created) = new::resume_here(self.checkout, request)? {
            return Ok((created, OverlappingTasks::default()));
        }
        let overlapping = self.overlapping(request, parent);
        let created = self.file(parent, request).map_err(|not_created| explain(request, not_created))?;
        Ok((created, overlapping))
    }

    /// Writes the task as a draft; gives the path.
    fn draft(&self, slug: &Slug, document: &Document, parent: Option<&str>) -> Result<String> {
        let mut draft = document.clone();
        draft.set("draft", "true")?;
        parent.map_or(Ok(()), |parent| draft.set("parent", parent))?;
        drafts::save(&self.checkout.tree(), &self.checkout.root, slug, &draft)
    }

    /// The text of the task, without trailing newlines.
    fn body(&self, options: &ScriptOptions) -> Result<Vec<u8>> {
        let given = || options.last("--description").or_else(|| options.last("--desc")).unwrap_or_default();
        let body = match options.filled("--desc-file") {
            Some(file) => self.invocation.load_text(file)?,
            None => given().as_bytes().to_vec(),
        };
        if body.iter().all(|byte| *byte == b'\n') {
            return Err(usage("Batch mode requires --desc or --desc-file".to_owned()));
        }
        Ok(body)
    }

    /// The content of the task's file, and its parent. The checks are in the scripts' order, so that of several wrong
    /// options the same one is reported.
    fn document<'o>(&self, options: &'o ScriptOptions, body: &[u8]) -> Result<(Document, Option<&'o str>)> {
        let value = |name: &str, default: &'static str| options.last(name).unwrap_or(default).to_owned();
        let list = |name: &str| fields::items(options.last(name).unwrap_or_default());
        let console = self.invocation.console;
        let (priority, effort) = (value("--priority", "medium"), value("--effort", "medium"));
        one_of(&priority, &["high", "medium", "low"], "priority", "high, medium, or low")?;
        one_of(&effort, &["high", "medium", "low"], "effort", "low, medium, or high")?;
        let issue_type = value("--type", "feature");
        check_type(self.checkout, &issue_type)?;
        let fields::PartedGates { reachable: gates, dropped } = fields::reachable_gates(&issue_type, list("--gates"));
        self.print_dropped(&dropped, "gate(s)", " (recorded in planning/review steps this task type skips)");
        let status = value("--status", "Ready");
        one_of(&status, &fields::NEW_STATUSES, "status", "Ready, Editing, Implementing, or Postponed")?;
        let project = options.last("--xdeprepo").unwrap_or_default();
        projects::check_dependency(&self.invocation.environment, &list("--xdeps"), project)?;
        if let Some(kind) = options.filled("--followup-kind") {
            check_kind(self.invocation, kind)?;
            fields::check_followup(kind, &issue_type)?;
        }
        let parent = options.filled("--parent");
        let anchor = self.anchor(options, parent)?;
        let wanted = labels::sanitise_list(options.last("--labels").unwrap_or_default());
        if !wanted.dropped.is_empty() {
            console.warn(&format!("dropped invalid label(s): {}", wanted.dropped.join(",")));
        }
        let mut references: Vec<String> = Vec::new();
        for item in options.all("--file-ref").iter().flat_map(|item| fields::items(item)) {
            if !references.contains(&item) {
                references.push(item);
            }
        }
        let mut document = Document::new(&Context::now())?;
        for (key, value) in [("priority", priority), ("effort", effort), ("issue_type", issue_type), ("status", status)]
        {
            document.set(key, &value)?;
        }
        document.set_list("depends", &list("--deps"))?;
        document.set_list("labels", &wanted.labels)?;
        for (key, items) in [
            ("xdeps", list("--xdeps")),
            ("gates", gates),
            ("also_blocks_dependents", list("--also-blocks-dependents")),
            ("verifies", list("--verifies")),
            ("file_references", references),
        ] {
            if !items.is_empty() {
                document.set_list(key, &items)?;
            }
        }
        for (key, value) in [
            ("xdeprepo", options.filled("--xdeprepo")),
            ("assigned_to", options.filled("--assigned-to")),
            ("anchor", anchor.as_deref()),
            ("followup_kind", options.filled("--followup-kind")),
            ("issue", options.filled("--issue")),
            ("pull_request", options.filled("--pull-request")),
            ("contributor", options.filled("--contributor")),
            ("contributor_email", options.filled("--contributor-email")),
        ] {
            if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
                document.set(key, value)?;
            }
        }
        document.set_body(body);
        Ok((document, parent))
    }

    fn anchor(&self, options: &ScriptOptions, parent: Option<&str>) -> Result<Option<String>> {
        let (given, followed) = (options.filled("--anchor"), options.filled("--followup-of"));
        match (parent, given, followed) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(usage(
                "--anchor/--followup-of cannot be combined with --parent (a child inherits its parent's anchor; \
                 re-anchor after creation via aitask_update.sh --anchor)."
                    .to_owned(),
            )),
            (None, Some(_), Some(_)) => Err(usage("--anchor and --followup-of are mutually exclusive.".to_owned())),
            (None, Some(raw), None) => anchors::given(self.checkout, raw).map(|id| Some(id.to_string())),
            (None, None, Some(raw)) => anchors::followed(self.checkout, raw).map(Some),
            (Some(parent), ..) => {
                let bare = parent.strip_prefix('t').unwrap_or(parent);
                let id = TaskId::try_parse(bare).filter(|id| !id.is_child());
                let id = id.ok_or_else(|| Error::new(Kind::NoSuchTask, format!("Parent task t{bare} not found")))?;
                anchors::inherited(self.checkout, id).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Creates the task with an id and a commit, and prints the warnings and notes.
    pub(crate) fn file(&self, parent: Option<&str>, request: &NewRequest) -> Result<CreatedHere, NotCreated> {
        let console = self.invocation.console;
        let warn = |text: &str| console.warn(text);
        let created = match parent {
            Some(parent) => new_file::create_child(self.checkout, &self.invocation.environment, parent, request, &warn),
            None => new_file::create_top(self.checkout, request, &warn, || {
                let claimed = claim_id::claim(self.invocation, self.checkout.require_committable()?);
                claimed.map(|(id, _)| id).map_err(|error| {
                    NotCreated::Unnumbered(Error::new(error.kind(), format!("Atomic ID counter failed: {error}")))
                })
            }),
        }?;
        if !created.labels.is_empty() {
            console.stderr_info(&format!("Added to label vocabulary: {}", created.labels.join(",")));
        }
        if let Some(parent) = &created.parent {
            console.stderr_line(&format!("Updated: {parent}"));
        }
        Ok(created)
    }

    /// Prints git's output of the commit; with `--silent` nothing of it, as callers expect the path alone then.
    fn print_commit(&self, output: &[u8]) {
        if !self.silent {
            self.invocation.console.lines(output);
        }
    }

    fn info(&self, text: &str) {
        if self.silent { self.invocation.console.stderr_info(text) } else { self.invocation.console.info(text) }
    }

    fn print_dropped(&self, gates: &[String], what: &str, why: &str) {
        if !gates.is_empty() {
            self.info(&format!("manual_verification: dropped unreachable {what}: {}{why}", gates.join(",")));
        }
    }

    /// Prints the path of the task. It must be the last line, since callers take the last line of the output.
    fn result(&self, path: &str) {
        let line = if self.silent { path.to_owned() } else { format!("Created: {path}") };
        self.invocation.console.line(&line);
    }

    /// The pending tasks that refer to the same files as a new one, which takes them over with `--auto-merge`.
    fn overlapping(&self, request: &mut NewRequest, parent: Option<&str>) -> OverlappingTasks {
        let overlapping = fold::overlapping(self.checkout, &request.document, parent);
        if self.auto_merge {
            request.folds = overlapping.foldable();
        }
        overlapping
    }

    /// Says what became of the pending tasks that refer to the same files. Callers take the last line of standard
    /// output for the path, so these lines come before it, with `--silent`, too.
    fn print_folded(&self, OverlappingTasks { found, refused }: &OverlappingTasks, created: &CreatedHere) {
        let console = self.invocation.console;
        if !self.auto_merge && !found.is_empty() {
            console.warn(&format!("Found {} pending task(s) that already reference this file:", found.len()));
            for other in found {
                console.warn(&format!("  - t{} ({}) → {}", other.id, other.about, other.path));
            }
            console.warn("Auto-merge skipped (pass --auto-merge to fold them into this task).");
            return;
        }
        for (other, reason) in refused {
            console.warn(&format!("Auto-merge: skipping t{other} ({reason})"));
        }
        if !created.folded.is_empty() {
            console.info(&format!("Auto-merging {} task(s) into t{}...", created.folded.len(), created.id));
            let names: Vec<_> = created.folded.iter().map(|other| other.prefixed()).collect();
            console.success(&format!("Folded {} into t{}", names.join(", "), created.id));
        }
    }

    pub(crate) fn finalize(&self, draft: &DraftToFinalize) -> Result<()> {
        self.print_dropped(&draft.dropped_gates, "gate(s) from finalized draft", "");
        let (mut request, parent) = (draft.request.clone(), draft.parent.as_deref());
        let (created, overlapping) = self.filed_once(&mut request, parent, |_, error| error.into_error())?;
        new_file::discard_draft(self.checkout, draft)?;
        if self.silent {
            self.print_folded(&overlapping, &created);
            self.invocation.console.line(&created.path);
        } else {
            let what = if created.id.is_child() { "Finalized child task" } else { "Finalized" };
            self.invocation.console.success(&format!("{what}: {} (ID: t{})", created.path, created.id));
            self.print_commit(&created.said);
            self.print_folded(&overlapping, &created);
        }
        Ok(())
    }

    pub(crate) fn finalize_all(&self) -> Result<u8> {
        let mut count = 0;
        for draft in new_file::all_drafts(self.checkout) {
            match new_file::load_draft(self.checkout, &draft) {
                // Another process has finalized it meanwhile.
                Err(_) if !self.checkout.tree().is_there(drafts::path_of(&draft)) => {}
                draft => {
                    self.finalize(&draft?)?;
                    count += 1;
                }
            }
        }
        match count {
            _ if self.silent => {}
            0 => self.invocation.console.info("No draft files found in aitasks/new/"),
            count => self.invocation.console.success(&format!("Finalized {count} draft(s)")),
        }
        Ok(0)
    }
}
