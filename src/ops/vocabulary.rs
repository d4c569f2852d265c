//! The vocabulary of a project: its issue types and labels.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::objects::{self, Edit};
use crate::git::{Branch, Freshness};
use crate::ledger::{Found, View};
use crate::project::context::Context;
use crate::project::task_files::{PlannedWrites, TaskFiles};
use crate::task::editor_template::FieldChoices;
use crate::task::{fields, labels, paths};

/// The issue types and labels of a project.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    /// Its issue types, sorted.
    pub(crate) types: Vec<String>,
    /// The content of the file of its labels.
    pub(crate) labels: String,
}

impl Vocabulary {
    /// The vocabulary of published files, as far as they exist.
    ///
    /// # Errors
    /// [`Kind::Damaged`] where the folder of these files was read, too, and has labels that this clone lacks: whoever took
    /// them for none would publish a file without them.
    pub(crate) fn of(found: &Found, data: &Branch) -> Result<Self> {
        let names = found.object(data, paths::METADATA_DIR).map(objects::names_in).transpose()?.unwrap_or_default();
        let is_labels =
            |name: &String| paths::LABELS_FILE.strip_prefix(paths::METADATA_DIR) == Some(format!("/{name}").as_str());
        if found.file(data, paths::LABELS_FILE).is_none() && names.iter().any(is_labels) {
            let message = format!("this clone is damaged: it lacks the object of {}", paths::LABELS_FILE);
            return Err(Error::new(Kind::Damaged, message)
                .hint(Hint::from("git fetch --refetch --all").note("brings what the remote has; git 2.36"))
                .hint(Hint::from("git fsck --full").note("shows what else is missing")));
        }
        let text = |path| String::from_utf8_lossy(found.file(data, path).unwrap_or_default()).into_owned();
        let mut types = fields::issue_types(&text(paths::TASK_TYPES_FILE));
        types.sort_unstable();
        Ok(Self { types, labels: text(paths::LABELS_FILE) })
    }

    /// Reads the vocabulary of a published branch. One process.
    pub(crate) fn published(view: &View<'_>, data: &Branch) -> Result<Self> {
        let wanted = [paths::TASK_TYPES_FILE, paths::LABELS_FILE, paths::METADATA_DIR];
        Self::of(&view.read(&wanted.map(|path| (data, path.to_owned())))?, data)
    }

    /// The vocabulary as far as this clone knows it.
    pub(crate) fn known(context: &Context) -> Result<Self> {
        let data = context.data_branch()?.clone();
        let ledger = context.reading_ledger();
        let view = ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?;
        Self::published(&view, &data)
    }

    /// The words that the sheet in the editor explains.
    pub(crate) fn words(&self) -> FieldChoices {
        FieldChoices::new(self.types.clone(), &self.labels)
    }

    /// Refuses an issue type that the project does not have.
    pub(crate) fn require_type(&self, wanted: &str) -> Result<()> {
        if self.types.iter().any(|known| known == wanted) {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, format!("{wanted:?} is not an issue type of this project"))
            .advice(format!("use one of: {}", self.types.join(", ")))
            .with(Payload::PossibleValues { possible_values: self.types.iter().map(ToString::to_string).collect() }))
    }
}

/// Normalises labels, and separates the texts that contain no valid character of a label.
pub(crate) fn clean_labels(typed: &[String]) -> labels::Sanitised {
    labels::sanitise_list(&typed.join(","))
}

/// A vocabulary file with new words.
#[derive(Debug)]
pub(crate) struct VocabularyUpdate {
    /// The edit of the file.
    pub(crate) edit: Edit,
    /// The words that are new.
    pub(crate) new: Vec<String>,
}

/// Adds words to a sorted vocabulary file; `None` when it has all of them.
pub(crate) fn add_words(path: &str, text: &str, words: &[String]) -> Option<VocabularyUpdate> {
    let known = labels::vocabulary(text);
    let new: Vec<_> = words.iter().filter(|word| !known.contains(&word.as_str())).cloned().collect();
    let content = labels::add_to_vocabulary(text, &new)?.into_bytes();
    Some(VocabularyUpdate { edit: Edit::Put { path: path.to_owned(), content }, new })
}

/// Adds labels to the vocabulary of a checkout. Returns the new ones.
pub(crate) fn register_labels(files: &TaskFiles<'_>, labels: &[String]) -> Result<Vec<String>> {
    let wrote = files.transact(|snapshot| {
        let added = add_words(paths::LABELS_FILE, &snapshot.text(paths::LABELS_FILE)?, labels);
        Ok(match added {
            Some(VocabularyUpdate { edit, new }) => PlannedWrites { edits: vec![edit], value: new },
            None => PlannedWrites { edits: Vec::new(), value: Vec::new() },
        })
    })?;
    Ok(wrote.value)
}
