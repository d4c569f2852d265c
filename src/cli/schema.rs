//! `--json --schema`: the JSON Schema of the document of a verb.
//!
//! The schemas are made of the types of the outcomes by a test (`schema/generate.rs`) and kept as a file, so that the program carries
//! a text and no code for them. What several documents have in common stands there once.

#[cfg(test)]
mod generate;

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// `documents`, by verb, and `$defs`, what their references name.
const SCHEMAS: &str = include_str!("../../fixtures/schemas.json");

/// The schema of the document of a verb; `None` where it has none. `$defs/error` is what stands below `error` in the document
/// of an error.
pub(super) fn of(verb: &[String]) -> Option<Value> {
    let mut all: Value = serde_json::from_str(SCHEMAS).ok()?;
    let document = all["documents"].as_object_mut()?.shift_remove(&verb.join(" "))?;
    let definitions = std::mem::take(all["$defs"].as_object_mut()?);
    let mut wanted = BTreeSet::from(["error"]);
    let mut left = vec![&document, &definitions["error"]];
    while let Some(next) = left.pop() {
        match next {
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.values()),
            Value::String(text) => {
                let name = text.strip_prefix("#/$defs/").filter(|name| definitions.contains_key(*name));
                left.extend(name.filter(|name| wanted.insert(name)).map(|name| &definitions[name]));
            }
            _ => {}
        }
    }
    let wanted: Map<_, _> = wanted.into_iter().map(|name| (name.to_owned(), definitions[name].clone())).collect();
    let mut document = document;
    document["$defs"] = wanted.into();
    Some(document)
}
