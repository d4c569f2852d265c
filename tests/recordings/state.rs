//! What a case notes of the state that its runs left behind.

use super::normal::unix;
use super::play::{Play, two};
use super::words::split;
use std::path::{Path, PathBuf};

impl Play {
    /// A file, further in.
    fn note_file(&mut self, path: &str, text: &str) {
        let body: Vec<_> = text.split('\n').map(|line| format!("  {line}")).collect();
        self.note(&self.normal(&format!("  -- {path}")), &self.normal(&body.join("\n")));
    }

    /// The steps that only look; `None` for one there is not.
    pub(super) fn state(&mut self, verb: &str, rest: &str) -> Option<()> {
        match verb {
            "look" => {
                let (dir, command) = two(rest);
                let run = self.shell(dir, command);
                let exit = if run.code == 0 { String::new() } else { format!(" (exit {})", run.code) };
                self.note(&format!("look {command}{exit}"), &self.normal(&run.stdout));
            }
            "branch" => {
                let (dir, branch) = two(rest);
                let revision = self.revision(dir, branch);
                let names = self.any(dir, "git", &["ls-tree", "-r", "--name-only", &revision]);
                self.note(&format!("branch {branch}{}", if names.code == 0 { "" } else { " (none)" }), "");
                for name in names.stdout.lines() {
                    let text = self.git(dir, &["show", &format!("{revision}:{name}")]);
                    self.note_file(name, &text);
                }
            }
            "log" => {
                let (dir, branch) = two(rest);
                let log = self.any(dir, "git", &["log", "--format=%s", &self.revision(dir, branch)]);
                self.note(&format!("log {branch}"), &self.normal(&log.stdout));
            }
            "files" => {
                let words = split(rest);
                let top = self.root.join(&words[0]);
                let mut found = Vec::new();
                files(&top, Path::new(&words[1]), &mut found);
                found.sort_by_key(|path| {
                    let path = self.normal(path.to_str().unwrap());
                    path.split('/').map(ToOwned::to_owned).collect::<Vec<_>>()
                });
                self.note(&format!("files {}", words[1]), "");
                for path in found {
                    let text = String::from_utf8(std::fs::read(top.join(&path)).unwrap());
                    let text = text.map_or("<binary>".into(), |text| unix(&text));
                    self.note_file(path.to_str().unwrap(), &text);
                }
            }
            "status" => {
                let status = self.git(rest.trim(), &["status", "--porcelain"]);
                self.note("status", &self.normal(&status));
            }
            "refs" => {
                let dir = rest.trim();
                let here = self.git(dir, &["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
                self.note("branches", &here);
                if self.has_remote(dir) {
                    let there = self.git(dir, &["ls-remote", "--heads", "origin"]);
                    let names = there.lines().map(|line| line.split_once("refs/heads/").unwrap().1);
                    self.note("remote branches", &names.collect::<Vec<_>>().join("\n"));
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// A branch as the remote has it, or without one as it is here.
    fn revision(&self, dir: &str, branch: &str) -> String {
        if !self.has_remote(dir) {
            return format!("refs/heads/{branch}");
        }
        let refspec = format!("+refs/heads/{branch}:refs/replay/{branch}");
        self.any(dir, "git", &["fetch", "-q", "origin", &refspec]);
        format!("refs/replay/{branch}")
    }
}

/// The files below `dir`, without git's own, not following links to folders.
fn files(top: &Path, dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(top.join(dir)).into_iter().flatten() {
        let entry = entry.unwrap();
        let path = dir.join(entry.file_name());
        if entry.file_name() == ".git" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            files(top, &path, found);
        } else if top.join(&path).is_file() {
            found.push(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path));
        }
    }
}
