//! Makes the file of the schemas of the types.

use crate::cli::agents::Printed;
use crate::cli::each::Each;
use crate::demo::Demonstration;
use crate::error::{Hint, KINDS, Payload};
use crate::ops;
use crate::ops::task_info::TaskInfo;
use crate::project::outcome::Holder;
use crate::project::taken_over::TakenOver;
use crate::report::SCHEMA;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What `doctor` answers: what does not match, or with `--history` what happened.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Examined {
    // the first that fits counts, and this one asks for more
    Past(ops::history::Audit),
    Now(ops::doctor::Diagnosis),
}

/// A verb, and the schema of what it answers.
type Document = (&'static str, fn(&mut SchemaGenerator) -> Schema);

/// Every verb that answers a document.
const DOCUMENTS: &[Document] = &[
    ("", ops::status::Welcome::json_schema),
    ("status", ops::status::Overview::json_schema),
    ("check", ops::check::Checked::json_schema),
    ("doctor", Examined::json_schema),
    ("init", ops::init::Initialised::json_schema),
    ("new", ops::new::Created::json_schema),
    ("list", ops::list::TaskList::json_schema),
    ("show", ops::show::Shown::json_schema),
    ("edit", ops::edit::Edited::json_schema),
    ("log", ops::log::TaskLog::json_schema),
    ("pick", ops::pick::Picked::json_schema),
    ("drop", Each::<ops::drop::Dropped>::json_schema),
    ("finish", Each::<ops::propose::Proposed>::json_schema),
    ("archive", ops::archive::ArchivedTasks::json_schema),
    ("reopen", ops::reopen::Reopened::json_schema),
    ("lock", ops::lock::Locked::json_schema),
    ("unlock", ops::lock::Unlocked::json_schema),
    ("locks", ops::lock::LockList::json_schema),
    ("worktree add", ops::worktrees::Added::json_schema),
    ("worktree list", ops::worktrees::WorktreeList::json_schema),
    ("worktree remove", ops::worktrees::Removed::json_schema),
    ("worktree prune", ops::prune::Pruned::json_schema),
    ("worktree path", ops::worktrees::WorktreePath::json_schema),
    ("sync", ops::sync::Synced::json_schema),
    ("whoami", ops::whoami::Identity::json_schema),
    ("brief", ops::brief::Brief::json_schema),
    ("agents install", ops::agents::AgentFiles::json_schema),
    ("agents remove", ops::agents::AgentFiles::json_schema),
    ("agents print", Printed::json_schema),
    ("demo", Demonstration::json_schema),
    ("setup", ops::setup::SetUp::json_schema),
    ("shim install", ops::shim::Shims::json_schema),
    ("shim list", ops::shim::Shims::json_schema),
    ("shim remove", ops::shim::Shims::json_schema),
];

/// All schemas, as the file has them.
fn all() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let error = error(&mut generator);
    let taken_over = generator.subschema_for::<TakenOver>();
    let documents: Map<_, _> = DOCUMENTS
        .iter()
        .map(|(verb, outcome)| ((*verb).to_owned(), document(verb, outcome(&mut generator), &taken_over)))
        .collect();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().filter_map(Value::as_object_mut).for_each(without_null);
    definitions.insert("error".to_owned(), error.into());
    serde_json::json!({ "documents": documents, "$defs": definitions })
}

/// The schema of a document: the fields of an outcome beside the number of the form, and beside `taken_over` and
/// `trace`, which every document may have.
fn document(verb: &str, outcome: Schema, taken_over: &Schema) -> Value {
    let mut document = Map::new();
    document.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    document.insert("title".to_owned(), format!("git aitask {verb}").trim_end().into());
    document.extend(Value::from(outcome).as_object().cloned().unwrap_or_default());
    without_null(&mut document);
    let properties = document.entry("properties").or_insert_with(|| Map::new().into());
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("schema".to_owned(), serde_json::json!({ "const": SCHEMA }));
        // Whatever the verb, and beside `error`, too.
        properties.insert("taken_over".to_owned(), taken_over.clone().into());
        properties.insert("trace".to_owned(), serde_json::json!({ "type": "array", "items": { "type": "string" } }));
    }
    let required = document.entry("required").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(required) = required.as_array_mut() {
        required.push("schema".into());
    }
    document.into()
}

/// Says that a field which may be absent is never `null`: that means unknown.
fn without_null(object: &mut Map<String, Value>) {
    let required = object.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let fields = object.get_mut("properties").and_then(Value::as_object_mut);
    for (_, field) in fields.into_iter().flatten().filter(|(name, _)| !is_required(name)) {
        let Some(field) = field.as_object_mut() else { continue };
        if let Some(Value::Array(types)) = field.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                field.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(any)) = field.get_mut("anyOf") {
            any.retain(|one| one["type"] != "null");
            if let [Value::Object(only)] = any.as_slice() {
                let only = only.clone();
                field.shift_remove("anyOf");
                field.extend(only);
            }
        }
    }
}

/// The schema of an error: the fields that every error has, and each fact that one may have.
fn error(generator: &mut SchemaGenerator) -> Schema {
    let kinds: Vec<_> = KINDS.iter().map(|row| row.name).collect();
    let exits: BTreeSet<_> = KINDS.iter().map(|row| row.exit_code).chain([129, 143]).collect();
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), serde_json::json!({ "enum": kinds }));
    properties.insert("message".to_owned(), serde_json::json!({ "type": "string" }));
    properties.insert("hints".to_owned(), generator.subschema_for::<Vec<Hint>>().into());
    properties.insert("exit".to_owned(), serde_json::json!({ "enum": exits }));
    let facts = Value::from(Payload::json_schema(generator));
    for fact in facts["anyOf"].as_array().into_iter().flatten() {
        properties.extend(fact["properties"].as_object().cloned().unwrap_or_default());
    }
    properties.insert("holder".to_owned(), generator.subschema_for::<Holder>().into());
    let failed = serde_json::json!({ "type": "array", "items": { "$ref": "#/$defs/error" } });
    properties.insert("failed".to_owned(), failed);
    properties.insert("ready".to_owned(), generator.subschema_for::<Vec<TaskInfo>>().into());
    json_schema!({
        "type": "object",
        "properties": properties,
        "required": ["kind", "message", "hints", "exit"]
    })
}

/// `INSTA_UPDATE=always` writes the file, as it does the other snapshots.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads the environment")]
fn the_schemas_are_those_of_the_types() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/schemas.json");
    let made = all();
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        std::fs::write(&file, format!("{made}\n")).unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(kept == made, "INSTA_UPDATE=always cargo test the_schemas_are_those_of_the_types");
}
