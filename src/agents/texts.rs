//! The texts for agents: skills in the format of Agent Skills, and the stanza for `AGENTS.md`. Each carries a digest of
//! its content, which tells one that this program wrote, in whatever version, from one that a person changed.

/// The verbs of a day, in the order in which they are used.
pub(crate) const DAY: [&str; 6] = ["pick", "show", "sync", "finish", "drop", "new"];

/// A verb as its help shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct VerbHelp {
    /// The verb.
    pub(crate) verb: String,
    /// The first line of its help.
    pub(crate) about: String,
    /// The first of its examples.
    pub(crate) example: String,
}

impl VerbHelp {
    /// One item of a Markdown list.
    pub(crate) fn line(&self) -> String {
        format!("- `{}`: {}", self.example, self.about)
    }
}

/// A skill.
pub(crate) struct Skill {
    /// Its name, which is also that of its folder.
    pub(crate) name: &'static str,
    /// What it does and when to use it. Agents have this line in mind all the time, so it is short.
    pub(crate) description: &'static str,
    body: &'static str,
}

/// The skills.
pub(crate) const SKILLS: [Skill; 3] = [
    Skill {
        name: "aitask-pick",
        description: "Claim a task of this repository with git aitask, work on it in a worktree of its own, and finish or \
                      drop it. Use when asked to pick, take, start, continue, finish or give up a task.",
        body: include_str!("texts/pick.md"),
    },
    Skill {
        name: "aitask-explore",
        description: "Read and understand the code beside the work of others without changing it, and file what is found \
                      as tasks. Use when asked to explore, review, audit or look for problems.",
        body: include_str!("texts/explore.md"),
    },
    Skill {
        name: "aitask-create",
        description: "Create, split and order tasks of this repository with git aitask. Use when asked to write down, file \
                      or plan a task, or to break work into tasks.",
        body: include_str!("texts/create.md"),
    },
];

/// The line of a skill's front matter that carries the digest.
const MARK: &str = "  git-aitask: \"v1 sha256:";

impl Skill {
    /// The file `SKILL.md`.
    pub(crate) fn file(&self, day: &[VerbHelp]) -> String {
        let Self { name, description, body } = self;
        let head = format!("---\nname: {name}\ndescription: {description}\nmetadata:\n");
        let rest = format!("---\n\n{}", with_day(body, day));
        let digest = digest(format!("{head}{rest}").as_bytes());
        format!("{head}{MARK}{digest}\"\n{rest}")
    }
}

/// Whether a file is a skill that this program wrote, in any version, and that nobody has changed since.
pub(crate) fn is_own_skill(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let is_mark = |line: &&str| line.starts_with(MARK);
    let Some(mark) = text.split_inclusive('\n').find(is_mark) else { return false };
    let rest = text.replacen(mark, "", 1);
    mark.trim_end() == format!("{MARK}{}\"", digest(rest.as_bytes()))
}

/// The text between the markers in `AGENTS.md`.
pub(crate) fn stanza(day: &[VerbHelp]) -> String {
    with_day(include_str!("texts/stanza.md"), day)
}

fn with_day(text: &str, day: &[VerbHelp]) -> String {
    let lines: Vec<_> = day.iter().map(VerbHelp::line).collect();
    text.replace("{{day}}", &lines.join("\n"))
}

/// The first 12 hexadecimal digits of the SHA-256 of a text, without the carriage returns that git or an editor may have
/// put at the ends of its lines.
pub(crate) fn digest(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
    crate::digest::of(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_is_known_as_ours_until_somebody_changes_it() {
        for skill in &SKILLS {
            let file = skill.file(&[]);
            for same in [file.clone(), file.replace('\n', "\r\n")] {
                assert!(is_own_skill(same.as_bytes()), "{same}");
            }
            for other in [file.replacen("task", "job", 1), format!("{file}more\n"), file.replace(MARK, "  x: \"")] {
                assert!(!is_own_skill(other.as_bytes()), "{other}");
            }
        }
        assert!(!is_own_skill(b"---\nname: aitask-pick\n---\n") && !is_own_skill(b"\xff"));
    }

    #[test]
    fn the_front_matter_is_what_the_format_of_skills_asks_for() {
        for skill in &SKILLS {
            let (name, description) = (skill.name, skill.description);
            assert!(name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
            // A colon and a blank would make a mapping of the line, and `#` a comment.
            assert!(description.len() <= 1024 && !description.contains([':', '#', '\n']), "{description}");
            assert!(
                skill.file(&[]).starts_with(&format!("---\nname: {name}\ndescription: {description}\nmetadata:\n"))
            );
        }
    }
}
