//! The columns of the board, and moving a task between them (specification 20, section 10).

use serde_json::Value;
use std::path::Path;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its colour.
    pub color: String,
}

/// The columns of the project in board order: `board_config.json` with `board_config.local.json` laid over it, else
/// `now`, `next` and `backlog`. A column in the order that is not defined is left out.
#[must_use]
pub fn columns(metadata: &Path) -> Vec<Column> {
    let load = |name: &str| -> Option<Value> { serde_json::from_slice(&std::fs::read(metadata.join(name)).ok()?).ok() };
    let mut config = load("board_config.json").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let (Some(config), Some(Value::Object(local))) = (config.as_object_mut(), load("board_config.local.json")) {
        config.extend(local);
    }
    let text = |value: &Value, key: &str, default: &str| value[key].as_str().unwrap_or(default).to_owned();
    let defined: Vec<Column> = match config["columns"].as_array() {
        Some(columns) => columns
            .iter()
            .filter_map(|column| {
                let id = column["id"].as_str()?.to_owned();
                Some(Column { title: text(column, "title", &id), color: text(column, "color", "gray"), id })
            })
            .collect(),
        None => [("now", "Now ⚡", "#FF5555"), ("next", "Next Week 📅", "#50FA7B"), ("backlog", "Backlog 🗄️", "#BD93F9")]
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
