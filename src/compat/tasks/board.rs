//! The columns of the board, and moving a task between them. Files and fields are those of the original's board.

use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::compat::numbers::{is_id, is_number};
use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::Edit;
use crate::project::task_files::{PlannedWrites, TaskFiles};
use crate::task::{Document, Slug};
use serde_json::{Value, json};
use std::path::Path;

/// The distance between two tasks of a column: it leaves numbers free for tasks that the board puts between them.
const STEP: i64 = 1024;
/// The colour of a column that names none in the configuration.
const GRAY: &str = "gray";
/// The colours for new columns. The first three are those of the columns that every board has without a configuration.
const PALETTE: [&str; 8] = ["#FF5555", "#50FA7B", "#BD93F9", "#FFB86C", "#8BE9FD", "#F1FA8C", "#FF79C6", "#6272A4"];

/// A column of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its id.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// Its colour.
    pub(crate) color: String,
}

/// The columns of the project in board order: those of `board_config.json`, whose keys `board_config.local.json`
/// replaces; without them `now`, `next` and `backlog`. A column in the order that is not defined is left out.
pub(crate) fn columns(tasks: &TaskFolder) -> Vec<Column> {
    let metadata = tasks.below("metadata");
    let load = |name: &str| -> Option<Value> { serde_json::from_slice(&metadata.read(name).ok()?).ok() };
    let mut config = load("board_config.json").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let (Some(config), Some(Value::Object(local))) = (config.as_object_mut(), load("board_config.local.json")) {
        config.extend(local);
    }
    let text = |value: &Value, key: &str, default: &str| value[key].as_str().unwrap_or(default).to_owned();
    let defined: Vec<Column> =
        match config["columns"].as_array() {
            Some(columns) => columns
                .iter()
                .filter_map(|column| {
                    let id = column["id"].as_str()?.to_owned();
                    Some(Column { title: text(column, "title", &id), color: text(column, "color", GRAY), id })
                })
                .collect(),
            None => [
                ("now", "Now ⚡", PALETTE[0]),
                ("next", "Next Week 📅", PALETTE[1]),
                ("backlog", "Backlog 🗄️", PALETTE[2]),
            ]
            .map(|(id, title, color)| Column { id: id.to_owned(), title: title.to_owned(), color: color.to_owned() })
            .to_vec(),
        };
    match config["column_order"].as_array() {
        Some(order) => {
            let named = order.iter().filter_map(Value::as_str);
            named.filter_map(|id| defined.iter().find(|column| column.id == id).cloned()).collect()
        }
        None => defined,
    }
}

/// The column of tasks that name none.
pub(crate) fn unordered() -> Column {
    Column { id: "unordered".to_owned(), title: "Unsorted / Inbox".to_owned(), color: GRAY.to_owned() }
}

/// The board of a project.
#[derive(Debug)]
pub(crate) struct ColumnBoard<'c> {
    files: &'c TaskFiles<'c>,
    tasks: TaskFolder,
}

fn refused(reason: &'static str) -> Error {
    Error::new(Kind::Usage, format!("the board refused the change: {reason}")).with(Payload::Reason { reason })
}

impl<'c> ColumnBoard<'c> {
    /// The board of a project, whose tasks are in `dir` below its root.
    ///
    /// # Errors
    /// The reason `unsafe_task_dir` for a folder outside of the project, `unsupported_layout` for none.
    pub(crate) fn open(files: &'c TaskFiles<'c>, dir: &str) -> Result<Self> {
        let outside = Path::new(dir).components().any(|part| part == std::path::Component::ParentDir);
        if dir.is_empty() || outside || Path::new(dir).is_absolute() {
            return Err(refused("unsafe_task_dir"));
        }
        let tasks = TaskFolders::below(&files.root, dir).tasks;
        if !tasks.exists() {
            return Err(refused("unsupported_layout"));
        }
        Ok(Self { files, tasks })
    }

    /// The columns in board order.
    pub(crate) fn columns(&self) -> Vec<Column> {
        columns(&self.tasks)
    }

    fn names(&self) -> Vec<String> {
        self.tasks.names(|name| name.strip_suffix(".md").is_some_and(|stem| stem.starts_with('t')))
    }

    /// The id and the file of the top-level task `N`; unlike in the other scripts, `tN` is no id here.
    fn find(&self, id: &str) -> Result<(String, String)> {
        if !is_number(id) {
            return Err(refused(if is_id(id) { "not_a_parent_task" } else { "malformed_task_id" }));
        }
        let prefix = format!("t{id}_");
        let mut found = self.names().into_iter().filter(|name| name.starts_with(&prefix));
        match (found.next(), found.next()) {
            (Some(name), None) => Ok((id.to_owned(), name)),
            (None, _) => Err(refused("not_found")),
            _ => Err(refused("ambiguous_task_id")),
        }
    }

    /// The number of a task, and the id of its column.
    pub(crate) fn column_of(&self, task: &str) -> Result<(String, String)> {
        let (id, file) = self.find(task)?;
        let document = Document::parse(&self.tasks.read(&file).map_err(|_| refused("vanished"))?);
        Ok((id, column_in(&document)))
    }

    /// Moves a task to the end of a column; gives the name of its file and its new index. Nothing is committed, as in
    /// the scripts: callers commit the file themselves.
    pub(crate) fn move_task(&self, task: &str, column: &str) -> Result<(String, i64)> {
        if column != unordered().id && !self.columns().iter().any(|known| known.id == column) {
            return Err(refused("unknown_column"));
        }
        let _queue = self.files.hold()?;
        let (_, name) = self.find(task)?;
        let others = self.names().into_iter().filter(|other| *other != name);
        let places = others.filter_map(|other| {
            let document = Document::parse(&self.tasks.read(&other).ok()?);
            (column_in(&document) == column).then(|| unquoted(document.scalar_last("boardidx")?).parse::<i64>().ok())?
        });
        let index = places.max().map_or(STEP, |highest| highest.saturating_add(STEP));
        self.files.rewrite(&self.tasks.shown(&name), |mut document| {
            // The board keeps its keys last, in the order that they have.
            let kept = document.keys().filter(|key| KEYS.contains(key)).map(str::to_owned).collect::<Vec<_>>();
            for key in kept {
                let value = document.scalar_last(&key).unwrap_or_default().to_owned();
                document.remove(&key);
                document.append(&key, &value)?;
            }
            document.set("boardcol", column)?;
            document.set("boardidx", &index.to_string())?;
            Ok(document)
        })?;
        Ok((name, index))
    }

    /// Adds a column at the end.
    pub(crate) fn create(&self, title: &str, color: Option<&str>) -> Result<Column> {
        let title = crate::task::sanitise(title).trim().to_owned();
        if title.is_empty() {
            return Err(refused("empty_title"));
        }
        let _queue = self.files.hold()?;
        let slug = Slug::derive(&title).map_or_else(|| "column".to_owned(), |slug| slug.to_string());
        let known = self.columns();
        let is_free = |color: &&str| !known.iter().any(|column| column.color.eq_ignore_ascii_case(color));
        let color = color.unwrap_or_else(|| PALETTE.into_iter().find(is_free).unwrap_or(PALETTE[0]));
        let is_hexadecimal = |digits: &str| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !color.strip_prefix('#').is_some_and(is_hexadecimal) {
            return Err(refused("invalid_color"));
        }
        let path = self.tasks.shown("metadata/board_config.json");
        let written = self.files.transact(|snapshot| {
            let text = snapshot.text(&path)?;
            let text = if text.trim().is_empty() { "{}" } else { &text };
            let mut config: Value = serde_json::from_str(text).map_err(|_| refused("unsupported_layout"))?;
            let column = Column { id: self.free_id(&slug), title: title.clone(), color: color.to_owned() };
            add_column(&mut config, &self.columns(), &column)?;
            let text =
                serde_json::to_string_pretty(&config).map_err(|error| Error::new(Kind::Bug, error.to_string()))?;
            let edit = Edit::Put { path: path.clone(), content: format!("{text}\n").into_bytes() };
            Ok(PlannedWrites { edits: vec![edit], value: column })
        })?;
        Ok(written.value)
    }

    /// The id for a new column with this slug, with a number where another column has it.
    fn free_id(&self, slug: &str) -> String {
        let known = self.columns();
        let is_taken = |id: &String| *id == unordered().id || known.iter().any(|column| column.id == *id);
        let mut wanted = (1..).map(|n| if n == 1 { slug.to_owned() } else { format!("{slug}_{n}") });
        wanted.find(|id| !is_taken(id)).unwrap_or_default()
    }
}

/// The keys of the board in a task file.
const KEYS: [&str; 3] = ["boardcol", "boardidx", "boardgroup"];

/// The value that YAML sees in a field: without a comment after it, and without quotes.
fn unquoted(text: &str) -> &str {
    text.split_once(" #").map_or(text, |(value, _)| value.trim_end()).trim_matches(['"', '\''])
}

/// The id of the column that a task is in.
fn column_in(document: &Document) -> String {
    let column = document.scalar_last("boardcol").map(unquoted).filter(|column| !column.is_empty());
    column.map_or_else(|| unordered().id, str::to_owned)
}

/// Adds a column to a configuration, in which the columns that every board has need not be written.
fn add_column(config: &mut Value, known: &[Column], column: &Column) -> Result<()> {
    let Some(fields) = config.as_object_mut() else { return Err(refused("unsupported_layout")) };
    let entry = |column: &Column| json!({"id": column.id, "title": column.title, "color": column.color});
    let all = || known.iter().chain([column]);
    match fields.get_mut("columns").and_then(Value::as_array_mut) {
        Some(columns) => columns.push(entry(column)),
        None => drop(fields.insert("columns".to_owned(), all().map(entry).collect())),
    }
    match fields.get_mut("column_order").and_then(Value::as_array_mut) {
        Some(order) => order.push(json!(column.id)),
        None => drop(fields.insert("column_order".to_owned(), all().map(|column| json!(column.id)).collect())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(dir: &Path) -> TaskFiles<'static> {
        std::fs::create_dir_all(dir.join("aitasks/metadata")).unwrap();
        TaskFiles { root: dir.to_owned(), context: None, guarded: true }
    }

    fn reason<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
        match result.unwrap_err().payloads() {
            [Payload::Reason { reason }] => reason,
            other => panic!("{other:?} is no reason"),
        }
    }

    #[test]
    fn a_task_moves_to_the_end_of_a_column_and_keeps_its_other_lines() {
        let dir = tempfile::tempdir().unwrap();
        let files = project(dir.path());
        let board = ColumnBoard::open(&files, "aitasks").unwrap();
        std::fs::write(dir.path().join("aitasks/t1_a.md"), "---\nboardcol: now\nboardidx: 40\n---\n").unwrap();
        let text = "---\nX-Y: kept\nupdated_at: then\n---\n\nbody";
        std::fs::write(dir.path().join("aitasks/t2_b.md"), text).unwrap();
        assert_eq!(board.column_of("2").unwrap(), ("2".into(), "unordered".into()));
        assert_eq!(board.move_task("2", "now").unwrap(), ("t2_b.md".into(), 1064));
        let after = std::fs::read_to_string(dir.path().join("aitasks/t2_b.md")).unwrap();
        assert_eq!(after, text.replace("then\n", "then\nboardcol: now\nboardidx: 1064\n"));
        assert_eq!(board.move_task("2", "now").unwrap().1, 1064);
        assert_eq!(reason(board.move_task("2", "nowhere")), "unknown_column");
        assert_eq!(reason(board.move_task("9", "now")), "not_found");
        assert_eq!(reason(board.column_of("2_1")), "not_a_parent_task");
        for id in ["x", "t2", "", "2_", "2_1_1"] {
            assert_eq!(reason(board.column_of(id)), "malformed_task_id", "{id}");
        }
        for place in ["../x", "", dir.path().join("aitasks").to_str().unwrap()] {
            assert_eq!(reason(ColumnBoard::open(&files, place)), "unsafe_task_dir", "{place}");
        }
    }

    #[test]
    fn a_new_column_stands_last() {
        let dir = tempfile::tempdir().unwrap();
        let files = project(dir.path());
        let board = ColumnBoard::open(&files, "aitasks").unwrap();
        let column = board.create("In Review", None).unwrap();
        assert_eq!((column.id.as_str(), column.color.as_str()), ("in_review", "#FFB86C"));
        assert_eq!(board.create("In Review", Some("#8be9fd")).unwrap().id, "in_review_2");
        let ids: Vec<_> = board.columns().into_iter().map(|column| column.id).collect();
        assert_eq!(ids, ["now", "next", "backlog", "in_review", "in_review_2"]);
        assert_eq!(reason(board.create(" ", None)), "empty_title");
        for color in ["a|b", "", "red", "#fff", "8be9fd", "##8be9f", "#8be9fdff", "#ggffff"] {
            assert_eq!(reason(board.create("x", Some(color))), "invalid_color", "{color}");
        }
        for color in PALETTE.iter().skip(5).chain([&PALETTE[0]]) {
            assert_eq!(board.create("x", None).unwrap().color, *color);
        }
    }
}
