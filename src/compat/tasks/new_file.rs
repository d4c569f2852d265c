//! Filing a task in this checkout, as the scripts do: a file and a commit here, and nothing pushed (specification 20,
//! sections 6.6 to 6.8).

use crate::compat::task_files::Project;
use crate::compat::tasks::child_lock::ChildLock;
use crate::error::{Error, Kind, Result};
use crate::files::records::{RecordKind, Records};
use crate::project::context::Context;
use crate::settings::Environment;
use crate::task::{Document, Slug, TaskId, edits, fields, paths};
use std::path::Path;

/// What is to be filed.
#[derive(Debug, Clone)]
pub struct Filing {
    /// Its machine name.
    pub slug: Slug,
    /// Its text, without id.
    pub document: Document,
    /// For the child of a task: whether it waits for the child before it.
    pub after_sibling: bool,
    /// The draft it is made of: its name, and its text.
    pub draft: Option<(String, Vec<u8>)>,
}

/// What is noted before a draft becomes a task: after a run that was cut off the same draft becomes no second one.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Intent {
    draft: Vec<u8>,
    path: String,
    filed: Vec<u8>,
}

impl Intent {
    fn records(checkout: &Project<'_>) -> Option<Records> {
        Some(checkout.context?.repository.records())
    }

    fn save(checkout: &Project<'_>, filing: &Filing, path: &str, filed: &[u8]) -> Result<()> {
        let Some((name, draft)) = &filing.draft else { return Ok(()) };
        let Some(records) = Self::records(checkout) else { return Ok(()) };
        let intent = Self { draft: draft.clone(), path: path.to_owned(), filed: filed.to_vec() };
        records.save(RecordKind::Filing, name, &intent)
    }

    /// The one of this draft, unless the draft has another text now.
    fn load(checkout: &Project<'_>, filing: &Filing) -> Option<Self> {
        let (name, draft) = filing.draft.as_ref()?;
        let intent: Self = Self::records(checkout)?.load(RecordKind::Filing, name)?;
        (intent.draft == *draft).then_some(intent)
    }

    /// Whether a commit has brought it.
    fn is_committed(&self, checkout: &Project<'_>) -> bool {
        let Some(context) = checkout.context else { return false };
        let (git, dir) = (context.repository.git(), checkout.data_dir());
        let log = git.read(&dir, "log").args(["-1", "--diff-filter=A", "--format=%H", "--", &self.path]).output();
        let commit = log.map(|output| output.text()).unwrap_or_default();
        let blob = git.read(&dir, "cat-file").args(["blob", &format!("{commit}:./{}", self.path)]).output();
        blob.is_ok_and(|blob| blob.success() && blob.stdout == self.filed)
    }
}

/// Completes the filing of a draft that was cut off: what it made is committed, if it is not yet. `None` when it had made
/// nothing.
///
/// # Errors
/// Those of the commit.
pub fn resume(checkout: &Project<'_>, draft: &Draft) -> Result<Option<Filed>> {
    let Some(intent) = Intent::load(checkout, &draft.filing) else { return Ok(None) };
    let Some(id) = paths::loose_id(&intent.path) else { return Ok(None) };
    let _queue = checkout.hold()?;
    let mut filed = Filed { id, path: intent.path.clone(), said: vec![], labels: vec![], parent: None };
    if !checkout.read(&intent.path).is_ok_and(|there| there == intent.filed) {
        return Ok(intent.is_committed(checkout).then_some(filed));
    }
    if let Some(parent) = id.parent().and_then(|parent| checkout.active(&parent.to_string()).into_iter().next()) {
        add_to_parent(checkout, &parent, id)?;
        filed.parent = Some(parent);
    }
    let subject =
        format!("ait: Add {}task t{id}: {}", if id.is_child() { "child " } else { "" }, draft.filing.slug.humanised());
    conclude(checkout, &Document::parse(&intent.filed), filed, &subject).map(Some)
}

fn add_to_parent(checkout: &Project<'_>, parent_file: &str, id: TaskId) -> Result<()> {
    let now = Context::now();
    checkout.rewrite(parent_file, |mut parent| {
        let is_there = parent.list("children_to_implement").iter().any(|child| TaskId::recognise(child) == Some(id));
        if is_there {
            return Ok((None, ()));
        }
        edits::add_child(&mut parent, id, &now)?;
        Ok((Some(parent.canonical(&now)?), ()))
    })
}

/// A task that was filed.
#[derive(Debug, Clone)]
pub struct Filed {
    /// Its id.
    pub id: TaskId,
    /// Its file.
    pub path: String,
    /// What git said of the commit.
    pub said: Vec<u8>,
    /// Labels that joined the vocabulary.
    pub labels: Vec<String>,
    /// The parent's file, which was changed along.
    pub parent: Option<String>,
}

/// Why a task was not filed.
#[derive(Debug)]
pub enum Unfiled {
    /// It got no number, so nothing of it was written anywhere.
    Unnumbered(Error),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Unfiled {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Unfiled {
    /// What happened.
    #[must_use]
    pub fn into_error(self) -> Error {
        match self {
            Self::Unnumbered(error) | Self::Failed(error) => error,
        }
    }
}

/// Files a top-level task under a number that `claim` gives.
///
/// # Errors
/// Those of `claim`, and of the commit; nothing is written unless there is a number.
pub fn file_top(
    checkout: &Project<'_>,
    filing: &Filing,
    warn: &dyn Fn(&str),
    mut claim: impl FnMut() -> Result<u64, Unfiled>,
) -> Result<Filed, Unfiled> {
    checkout.require_committable()?;
    let mut tries = 0;
    let id = loop {
        let id = TaskId::top(claim()?);
        if checkout.active(&id.to_string()).is_empty() {
            break id;
        }
        tries += 1;
        warn(&format!("Claimed task ID t{id} already exists as an active parent task; retrying ({tries}/5)."));
        if tries == 5 {
            let message = "Failed to claim a unique active parent task ID after 5 attempts.";
            return Err(Unfiled::Unnumbered(Error::new(Kind::Contention, message)));
        }
    };
    let _queue = checkout.hold()?;
    let path = format!("{}/t{id}_{}.md", paths::TASKS_DIR, filing.slug);
    let text = filing.document.to_bytes();
    Intent::save(checkout, filing, &path, &text)?;
    checkout.tree().create(&path, &text)?;
    let subject = format!("ait: Add task t{id}: {}", filing.slug.humanised());
    let filed = Filed { id, path, said: vec![], labels: vec![], parent: None };
    Ok(conclude(checkout, &filing.document, filed, &subject)?)
}

/// Files a child of a task, under the lock that gives children their numbers.
///
/// # Errors
/// [`Kind::NoSuchTask`] without an active parent, and those of the lock and the commit.
pub fn file_child(
    checkout: &Project<'_>,
    environment: &Environment,
    parent: &str,
    filing: &Filing,
    warn: &dyn Fn(&str),
) -> Result<Filed, Unfiled> {
    checkout.require_committable()?;
    let parent = parent.strip_prefix('t').unwrap_or(parent);
    let none = || Error::new(Kind::NoSuchTask, format!("Parent task t{parent} not found"));
    let parent_id =
        TaskId::recognise(parent).filter(|id| !id.is_child() && id.to_string() == parent).ok_or_else(none)?;
    let lock = ChildLock::acquire(environment, &checkout.root, parent, warn);
    let lock = lock.map_err(Unfiled::Unnumbered)?;
    let _queue = checkout.hold()?;
    let parent_file = checkout.active(parent).into_iter().next().ok_or_else(none)?;
    let number = checkout.next_child(parent_id)?;
    let id = TaskId::child(parent_id.number(), number);
    let mut document = filing.document.clone();
    if filing.after_sibling && number > 1 {
        let mut depends = document.list("depends");
        depends.insert(0, TaskId::child(parent_id.number(), number - 1).t());
        document.set_list("depends", &depends)?;
    }
    let path = format!("{}/t{parent}/t{id}_{}.md", paths::TASKS_DIR, filing.slug);
    let text = document.to_bytes();
    Intent::save(checkout, filing, &path, &text)?;
    checkout.tree().create(&path, &text)?;
    add_to_parent(checkout, &parent_file, id)?;
    let subject = format!("ait: Add child task t{id}: {}", filing.slug.humanised());
    let filed = Filed { id, path, said: vec![], labels: vec![], parent: Some(parent_file) };
    let filed = conclude(checkout, &document, filed, &subject)?;
    lock.release()?;
    Ok(filed)
}

/// Registers labels and assignee, and commits.
fn conclude(checkout: &Project<'_>, document: &Document, filed: Filed, subject: &str) -> Result<Filed> {
    let labels = checkout.register_labels(&document.list("labels"))?;
    let mut along = Vec::new();
    if !labels.is_empty() {
        along.push(paths::LABELS_FILE.to_owned());
    }
    let email = document.scalar("assigned_to").filter(|email| !email.is_empty());
    if email.map_or(Ok(false), |email| checkout.register_email(email))? {
        along.push(paths::EMAILS_FILE.to_owned());
    }
    let named: Vec<_> = [Some(filed.path.clone()), filed.parent.clone()].into_iter().flatten().collect();
    let said = checkout.commit(subject, &named, &along)?.unwrap_or_default();
    Ok(Filed { said, labels, ..filed })
}

/// Writes a draft; gives its path. It needs no repository and no network.
pub fn draft(checkout: &Project<'_>, slug: &Slug, document: &Document) -> Result<String> {
    let stamp = jiff::ZonedDateTime::now().strftime("%Y%m%d_%H%M").to_string();
    let path = paths::draft_path(&stamp, slug);
    let name = path.rsplit('/').next().unwrap_or(&path);
    let name = checkout.tree().create_beside(paths::DRAFTS_DIR, name, &document.to_bytes())?;
    Ok(format!("{}/{name}", paths::DRAFTS_DIR))
}

/// A draft to be filed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its file.
    pub path: String,
    /// The parent, as the draft names it.
    pub parent: Option<String>,
    /// Gates it names that its issue type cannot reach; they are left out.
    pub dropped_gates: Vec<String>,
    /// What is to be filed.
    pub filing: Filing,
}

/// Reads a draft by its name or path. Nothing but the lines `draft` and `parent` goes, and gates that cannot be reached.
///
/// # Errors
/// [`Kind::NoSuchTask`] for what is no file in the folder of drafts (C-Q9).
pub fn load_draft(checkout: &Project<'_>, named: &str) -> Result<Draft> {
    let none = || Error::new(Kind::NoSuchTask, format!("Draft file not found: {named}"));
    let name = named.rsplit('/').next().unwrap_or(named);
    let path = format!("{}/{name}", paths::DRAFTS_DIR);
    let elsewhere =
        named.contains('/') && checkout.path(named).canonicalize().ok() != checkout.path(&path).canonicalize().ok();
    if elsewhere || !paths::is_draft(&path) {
        return Err(none());
    }
    let text = checkout.tree().load(&path)?.ok_or_else(none)?;
    let mut document = Document::parse(&text);
    let parent = document.scalar("parent").filter(|parent| !parent.is_empty()).map(str::to_owned);
    document.remove("draft");
    document.remove("parent");
    let issue_type = document.scalar("issue_type").unwrap_or_default().to_owned();
    let (kept, dropped_gates) = fields::reachable_gates(&issue_type, document.list("gates"));
    if !dropped_gates.is_empty() && kept.is_empty() {
        document.remove("gates");
    } else if !dropped_gates.is_empty() {
        document.set_list("gates", &kept)?;
    }
    let slug = paths::draft_slug(&path).ok_or_else(none)?;
    Ok(Draft {
        path,
        parent,
        dropped_gates,
        filing: Filing { slug, document, after_sibling: false, draft: Some((name.to_owned(), text)) },
    })
}

/// The drafts that `--finalize-all` takes, in order of name.
#[must_use]
pub fn drafts(checkout: &Project<'_>) -> Vec<String> {
    let names = checkout.tree().names(Path::new(paths::DRAFTS_DIR));
    let mut found: Vec<_> = names
        .filter(|name| name.starts_with("draft_") && paths::is_draft(&format!("{}/{name}", paths::DRAFTS_DIR)))
        .collect();
    found.sort();
    found
}

/// Takes away a draft that has become a task.
pub fn discard_draft(checkout: &Project<'_>, draft: &Draft) -> Result<()> {
    checkout.tree().remove(&draft.path)?;
    let name = draft.filing.draft.as_ref().map(|(name, _)| name);
    if let (Some(name), Some(records)) = (name, Intent::records(checkout)) {
        let _ = records.forget(RecordKind::Filing, name);
    }
    Ok(())
}
