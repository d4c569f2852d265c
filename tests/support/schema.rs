//! Every document that a test reads is what `--json --schema` says of it, and has no field beside.

use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// Options with a value that may stand before a verb.
const WITH_VALUE: [&str; 4] = ["-C", "--color", "--remote", "--timeout"];

/// The names of the fields of an object that a schema describes; `None` for all of them.
type Known = Option<BTreeSet<String>>;

/// Fails unless the document that these arguments printed is one of the verb.
#[track_caller]
pub(super) fn check_answer(args: &[String], document: &Value) {
    let schema = schema_of(args);
    if let Err(what) = (Checked { root: &schema }).check(&schema, document, "") {
        panic!("{}: {what}\n{document:#}", args.join(" "));
    }
}

/// Fails unless the document that these arguments printed is one of an error.
#[track_caller]
pub(super) fn check_error(args: &[String], document: &Value) {
    // an error comes before the verb is known, too
    let (of_verb, all) = (schema_of(args), schema_of(&[]));
    let root = if of_verb["$defs"]["error"].is_object() { &of_verb } else { &all };
    let what = Checked { root }.check(&root["$defs"]["error"], &document["error"], "error");
    let keys = || document.as_object().into_iter().flat_map(|fields| fields.keys()).filter(|key| *key != "taken_over");
    let is_whole = keys().all(|key| ["schema", "error", "taken_over", "trace"].contains(&key.as_str()));
    assert!(is_whole && document["schema"] == root["properties"]["schema"]["const"], "{document:#}");
    if let Err(what) = what {
        panic!("{}: {what}\n{document:#}", args.join(" "));
    }
}

/// The schema of the verb of these arguments; each is asked for once.
#[track_caller]
fn schema_of(args: &[String]) -> Value {
    static KNOWN: OnceLock<Mutex<HashMap<Vec<String>, Value>>> = OnceLock::new();
    let mut words = args.iter();
    let mut verb = Vec::new();
    while let (Some(word), true) = (words.next(), verb.len() < 2) {
        match word.as_str() {
            option if WITH_VALUE.contains(&option) => drop(words.next()),
            option if option.starts_with('-') => {}
            word if verb.is_empty()
                || ["worktree", "shim", "agents"].contains(&verb.first().map_or("", String::as_str)) =>
            {
                verb.push(word.to_owned());
            }
            _ => break,
        }
    }
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap();
    let schema = known.entry(verb.clone()).or_insert_with(|| {
        let output = Command::new(env!("CARGO_BIN_EXE_git-aitask")).args(&verb).arg("--schema").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    });
    schema.clone()
}

struct Checked<'a> {
    root: &'a Value,
}

impl Checked<'_> {
    /// Checks a value and the fields of an object.
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let known = self.described(schema, value, at)?;
        let (Some(known), Some(fields)) = (known, value.as_object()) else { return Ok(()) };
        match fields.keys().find(|name| !known.contains(*name)) {
            Some(name) => Err(format!("{at}: the schema does not name {name}")),
            None => Ok(()),
        }
    }

    /// Checks a value against all that the schema says; returns which of its fields are described.
    fn described(&self, schema: &Value, value: &Value, at: &str) -> Result<Known, String> {
        let Some(schema) = schema.as_object() else {
            return if schema == &Value::Bool(true) { Ok(None) } else { Err(format!("{at}: nothing may stand here")) };
        };
        let mut known = Some(BTreeSet::new());
        if schema.keys().all(|key| ["title", "description", "default"].contains(&key.as_str())) {
            return Ok(None);
        }
        for (key, rule) in schema {
            let more = match key.as_str() {
                "$schema" | "$defs" | "title" | "description" | "format" | "minimum" | "maximum" | "default" => {
                    continue;
                }
                "type" => of_type(rule, value, at)?,
                "const" => (rule == value).then(|| Some(BTreeSet::new())).ok_or_else(|| format!("{at}: not {rule}"))?,
                "enum" => {
                    let values = rule.as_array().unwrap();
                    values
                        .contains(value)
                        .then(|| Some(BTreeSet::new()))
                        .ok_or_else(|| format!("{at}: none of {rule}"))?
                }
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.described(&self.root["$defs"][name], value, at)?
                }
                "properties" => self.fields(rule, value, at)?,
                "required" => {
                    let missing =
                        rule.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                    missing.map_or_else(|| Ok(Some(BTreeSet::new())), |name| Err(format!("{at}: {name} is missing")))?
                }
                "additionalProperties" => {
                    if rule == &Value::Bool(false) {
                        Some(BTreeSet::new())
                    } else {
                        None
                    }
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{at}[{index}]"))?;
                    }
                    Some(BTreeSet::new())
                }
                "anyOf" | "oneOf" => {
                    let tried: Vec<_> =
                        rule.as_array().unwrap().iter().map(|one| self.described(one, value, at)).collect();
                    match tried.iter().find_map(|tried| tried.as_ref().ok()) {
                        Some(known) => known.clone(),
                        None => return Err(format!("{at}: none of {key} fits: {tried:?}")),
                    }
                }
                "allOf" => {
                    let mut all = Some(BTreeSet::new());
                    for one in rule.as_array().unwrap() {
                        all = both(all, self.described(one, value, at)?);
                    }
                    all
                }
                other => return Err(format!("{at}: {other} is not known to the check of the tests")),
            };
            known = both(known, more);
        }
        Ok(known)
    }

    fn fields(&self, rules: &Value, value: &Value, at: &str) -> Result<Known, String> {
        let rules = rules.as_object().unwrap();
        for (name, rule) in rules {
            if let Some(field) = value.get(name) {
                self.check(rule, field, &format!("{at}.{name}"))?;
            }
        }
        Ok(Some(rules.keys().cloned().collect()))
    }
}

fn of_type(rule: &Value, value: &Value, at: &str) -> Result<Known, String> {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = |rule: &Value| rule == name || (rule == "integer" && (value.is_i64() || value.is_u64()));
    if fits(rule) || rule.as_array().is_some_and(|rules| rules.iter().any(fits)) {
        Ok(Some(BTreeSet::new()))
    } else {
        Err(format!("{at}: {value} is no {rule}"))
    }
}

fn both(one: Known, other: Known) -> Known {
    one.zip(other).map(|(one, other)| one.union(&other).cloned().collect())
}
