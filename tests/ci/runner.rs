//! Runs the shell steps of a workflow as a runner of GitHub Actions does, as far as our recipes need it.

use crate::support::{Repo, Run};
use regex::{Captures, Regex};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The text of a file of the project.
pub(super) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// One job in a clone.
pub(super) struct Job {
    person: Repo,
    /// The folder of the clone.
    pub(super) folder: PathBuf,
    temp: PathBuf,
    path: String,
    values: BTreeMap<String, String>,
    /// What each step has said, by its name.
    pub(super) said: Vec<(String, Run)>,
}

impl Job {
    /// A job that starts in a clone, with the programs on `path` and with what its expressions mean.
    pub(super) fn new(person: &Repo, folder: &Path, path: String, values: &[(&str, &str)]) -> Self {
        let temp = folder.with_extension("temp");
        std::fs::create_dir_all(&temp).unwrap();
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { person: person.at(folder), folder: folder.to_owned(), temp, path, values, said: Vec::new() }
    }

    /// Runs the job of a workflow, but for its checkout, and answers whether it has succeeded.
    pub(super) fn run(&mut self, job: &Value) -> bool {
        if let Some(condition) = job["if"].as_str() {
            assert!(self.holds(condition, false), "the job does not run: {condition}");
        }
        self.steps(&job["steps"], &pairs(&job["env"]))
    }

    /// Runs the action with these inputs.
    pub(super) fn action(&mut self, inputs: &Value, env: &[(String, String)]) -> bool {
        let action = yaml(&read("scripts/action/action.yml"));
        for (name, input) in action["inputs"].as_object().unwrap() {
            let value = inputs.get(name).unwrap_or(&input["default"]).as_str().expect("inputs are texts");
            self.values.insert(format!("inputs.{name}"), value.to_owned());
        }
        for name in inputs.as_object().into_iter().flat_map(|inputs| inputs.keys()) {
            assert!(action["inputs"].get(name).is_some(), "the action has no input {name}");
        }
        self.steps(&action["runs"]["steps"], env)
    }

    fn steps(&mut self, steps: &Value, env: &[(String, String)]) -> bool {
        let mut has_failed = false;
        for step in steps.as_array().unwrap() {
            let condition = step["if"].as_str().unwrap_or_default();
            if !self.holds(condition, has_failed) || has_failed && !condition.contains("failure()") {
                continue;
            }
            has_failed |= match step["uses"].as_str() {
                Some(uses) if uses.starts_with("actions/checkout@") => false,
                Some(uses) => {
                    assert!(uses.contains("/scripts/action@"), "{uses}");
                    !self.action(&step["with"], env)
                }
                None => !self.step(step, env),
            };
        }
        !has_failed
    }

    fn step(&mut self, step: &Value, env: &[(String, String)]) -> bool {
        let [output, path] = ["output", "path"].map(|name| self.temp.join(name));
        let _ = (std::fs::remove_file(&output), std::fs::remove_file(&path));
        let dir = step["working-directory"].as_str().map(|dir| self.filled(dir));
        let mut repo = self.person.at(self.folder.join(dir.unwrap_or_default()));
        let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/action");
        for (name, value) in [
            ("PATH", Path::new(&self.path)),
            ("RUNNER_TEMP", self.temp.as_path()),
            ("GITHUB_OUTPUT", &output),
            ("GITHUB_PATH", &path),
            ("GITHUB_ACTION_PATH", &action),
            ("GITHUB_WORKSPACE", self.folder.as_path()),
            ("GITHUB_STEP_SUMMARY", &self.summary()),
        ] {
            repo = repo.env(name, value.display());
        }
        for (name, value) in env.iter().chain(&pairs(&step["env"])) {
            repo = repo.env(name.as_str(), self.filled(value));
        }
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "a value becomes a part of the script:\n{script}");
        let options: &[&str] = if step["shell"] == "bash" { &["-eo", "pipefail"] } else { &["-e"] };
        let nobody = ["-u", "HOME", "-u", "XDG_CONFIG_HOME", "-u", "XDG_DATA_HOME", "CI=true", "GITHUB_ACTIONS=true"];
        let bash = ["bash", "--noprofile", "--norc"];
        let run = repo.run("env", &[&nobody[..], &bash, options, &["-c", script]].concat());
        let lines = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
        for line in lines(&output).lines() {
            let (name, value) = line.split_once('=').unwrap();
            let id = step["id"].as_str().unwrap();
            self.values.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        for line in lines(&path).lines() {
            self.path = format!("{line}:{}", self.path);
        }
        let is_good = run.code == 0;
        self.said.push((step["name"].as_str().unwrap().to_owned(), run));
        is_good
    }

    /// The file of the summary of the job.
    pub(super) fn summary(&self) -> PathBuf {
        self.temp.join("summary.md")
    }

    /// What a step has said, if it ran.
    pub(super) fn said(&self, step: &str) -> Option<&Run> {
        self.said.iter().find(|(name, _)| name == step).map(|(_, run)| run)
    }

    /// The text with the value of each expression.
    fn filled(&self, text: &str) -> String {
        let expression = Regex::new(r"\$\{\{ ([a-z_.0-9]+) \}\}").unwrap();
        let filled = expression.replace_all(text, |found: &Captures<'_>| self.value(&found[1]));
        assert!(!filled.contains("${{"), "{filled}");
        filled.into_owned()
    }

    /// What an expression means. An output that no step has set is empty; anything else must be known.
    fn value(&self, name: &str) -> String {
        let found = self.values.get(name).cloned();
        found.or_else(|| name.starts_with("steps.").then(String::new)).unwrap_or_else(|| panic!("what is {name}?"))
    }

    /// Whether a condition holds: terms with `&&` between them.
    fn holds(&self, condition: &str, has_failed: bool) -> bool {
        let equal = Regex::new(r"^([a-z_.]+) == '(.*)'$").unwrap();
        let starts = Regex::new(r"^startsWith\(([a-z_.]+), '(.*)'\)$").unwrap();
        condition.split(" && ").filter(|term| !term.is_empty()).all(|term| {
            if ["failure()", "(failure() || cancelled())"].contains(&term) {
                has_failed
            } else if let Some(found) = equal.captures(term) {
                self.value(&found[1]) == found[2]
            } else if let Some(found) = starts.captures(term) {
                self.value(&found[1]).starts_with(&found[2])
            } else {
                !self.value(term).is_empty()
            }
        })
    }
}

/// The names and values of a mapping.
fn pairs(map: &Value) -> Vec<(String, String)> {
    let pairs = map.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
}
