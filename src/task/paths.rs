//! The paths of the files of tasks and plans. All are relative to the root of the task data and use `/`.

use super::id::TaskId;
use super::name::{NAME_LIMIT, TaskName};
use super::slug::Slug;
use super::text::{as_text, parse_number, split_digits};

/// The folder of the task files.
pub(crate) const TASKS_DIR: &str = "aitasks";
/// The folder of the plans.
pub(crate) const PLANS_DIR: &str = "aiplans";
/// The folder of the drafts, local to a checkout.
pub(crate) const DRAFTS_DIR: &str = "aitasks/new";
/// The folder of the archived task files.
pub(crate) const ARCHIVED_TASKS_DIR: &str = "aitasks/archived";
/// The folder of the archived plans.
pub(crate) const ARCHIVED_PLANS_DIR: &str = "aiplans/archived";
/// The folder of the settings and vocabularies.
pub(crate) const METADATA_DIR: &str = "aitasks/metadata";
/// The vocabulary of labels.
pub(crate) const LABELS_FILE: &str = "aitasks/metadata/labels.txt";
/// The issue types.
pub(crate) const TASK_TYPES_FILE: &str = "aitasks/metadata/task_types.txt";
/// The known assignees.
pub(crate) const EMAILS_FILE: &str = "aitasks/metadata/emails.txt";
/// The settings of the project, by which a folder is known to be one.
pub(crate) const PROJECT_FILE: &str = "aitasks/metadata/project_config.yaml";
/// The settings of the user, ignored by git.
pub(crate) const USER_CONFIG_FILE: &str = "aitasks/metadata/userconfig.yaml";
/// The worktree of the data branch.
pub(crate) const DATA_WORKTREE_DIR: &str = ".aitask-data";

/// The path of a task file, active or archived.
///
/// A file in the top folder is always a top-level task: `aitasks/t16_2024_report.md` is task 16 called `2024_report`,
/// which the patterns of the scripts find as such. A child is in its parent's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskPath {
    text: String,
    name: TaskName,
    archived: bool,
}

impl TaskPath {
    /// The path of the active task with this name.
    pub(crate) fn new(name: TaskName) -> Self {
        Self::at(name, false)
    }

    /// The name of the task.
    pub(crate) fn name(&self) -> &TaskName {
        &self.name
    }

    /// The last part of the path, `t16_2_add_login.md`.
    pub(crate) fn file_name(&self) -> &str {
        self.text.rsplit_once('/').map_or(self.text.as_str(), |(_, name)| name)
    }

    /// The plan that is named after this task, archived when the task is.
    pub(crate) fn plan(&self) -> PlanPath {
        PlanPath::at(self.name.clone(), self.archived)
    }
}

/// The path of a plan, active or archived. Its name is the task's, with `p` for `t`. Its slug may differ from the
/// task's: the id relates them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlanPath {
    text: String,
    name: TaskName,
    archived: bool,
}

/// What the paths of tasks and plans have in common: the files are in a folder `$root`, and their names begin with
/// `$letter`.
macro_rules! path_of_task {
    ($path:ident, $root:expr, $letter:literal) => {
        impl $path {
            fn at(name: TaskName, archived: bool) -> Self {
                Self { text: render(&name, archived, $root, $letter), name, archived }
            }

            /// Parses `<root>/t<N>_<slug>.md`, `<root>/t<N>/t<N>_<M>_<slug>.md`, and both below `<root>/archived/`,
            /// with `p` for `t` in a plan.
            pub(crate) fn parse(path: &str) -> Option<Self> {
                let (name, archived) = try_parse(path, $root, $letter)?;
                Some(Self { text: path.to_owned(), name, archived })
            }

            /// The path as text.
            pub(crate) fn as_str(&self) -> &str {
                &self.text
            }

            /// The id of the task.
            pub(crate) fn id(&self) -> TaskId {
                self.name.id()
            }

            /// Whether the file is in the archive.
            pub(crate) fn is_archived(&self) -> bool {
                self.archived
            }
        }

        as_text!($path);
    };
}

path_of_task!(TaskPath, TASKS_DIR, 't');
path_of_task!(PlanPath, PLANS_DIR, 'p');

fn render(name: &TaskName, archived: bool, root: &str, letter: char) -> String {
    let archive = if archived { "archived/" } else { "" };
    let stem = name.without_prefix();
    if name.id().is_child() {
        format!("{root}/{archive}{letter}{}/{letter}{stem}.md", name.number_as_written())
    } else {
        format!("{root}/{archive}{letter}{stem}.md")
    }
}

fn try_parse(path: &str, root: &str, letter: char) -> Option<(TaskName, bool)> {
    let rest = path.strip_prefix(root)?.strip_prefix('/')?.strip_suffix(".md")?;
    let (rest, archived) = rest.strip_prefix("archived/").map_or((rest, false), |rest| (rest, true));
    let (folder, stem) = rest.split_once('/').map_or((None, rest), |(folder, stem)| (Some(folder), stem));
    let text = format!("t{}", stem.strip_prefix(letter)?);
    let name = match folder {
        None => TaskName::try_parse_top(text)?,
        Some(folder) => TaskName::try_parse_child(text)
            .filter(|name| folder.strip_prefix(letter) == Some(name.number_as_written()))?,
    };
    Some((name, archived))
}

/// The path of a draft: `aitasks/new/draft_<stamp>_<slug>.md`, with the stamp as `YYYYMMDD_HHMM`.
pub(crate) fn draft_path(stamp: &str, slug: &Slug) -> String {
    format!("{DRAFTS_DIR}/draft_{stamp}_{slug}.md")
}

/// Whether this is the path of a draft: a markdown file directly in `aitasks/new/`. No other file is filed as a draft,
/// since filing removes it.
pub(crate) fn is_draft(path: &str) -> bool {
    path.strip_prefix(DRAFTS_DIR)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_suffix(".md"))
        .is_some_and(|stem| !stem.is_empty() && !stem.starts_with('.') && !stem.contains('/'))
}

/// The slug in a draft's file name: the text after `draft_<digits>_<digits>_`, else the whole stem. The folders of the
/// path are ignored.
pub(crate) fn draft_slug(path: &str) -> Option<Slug> {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let stem = file.strip_suffix(".md").unwrap_or(file);
    Slug::try_parse(without_stamp(stem).unwrap_or(stem))
}

fn without_stamp(stem: &str) -> Option<&str> {
    let (date, rest) = split_digits(stem.strip_prefix("draft_")?);
    let (time, rest) = split_digits(rest.strip_prefix('_')?);
    rest.strip_prefix('_').filter(|_| !date.is_empty() && !time.is_empty())
}

/// The id in the path of an active or archived task file, as the patterns of the scripts find it, also where the rest
/// of the name is not well formed (`aitasks/t5_Größe.md`): such a file is no task here, but its id is used.
pub(crate) fn loose_id(path: &str) -> Option<TaskId> {
    let rest = path.strip_prefix(TASKS_DIR)?.strip_prefix('/')?;
    member_id(rest.strip_prefix("archived/").unwrap_or(rest))
}

/// [`loose_id`] for the path of a plan.
pub(crate) fn loose_plan_id(path: &str) -> Option<TaskId> {
    let rest = path.strip_prefix(PLANS_DIR)?.strip_prefix('/')?;
    let rest = rest.strip_prefix("archived/").unwrap_or(rest);
    let as_task = rest.split('/').map(|part| Some(format!("t{}", part.strip_prefix('p')?)));
    member_id(&as_task.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The path of the plan of an active task file, whose name need not be well formed.
pub(crate) fn loose_plan(path: &str) -> Option<String> {
    let rest = path.strip_prefix(TASKS_DIR)?.strip_prefix('/')?;
    let parts = rest.split('/').map(|part| Some(format!("/p{}", part.strip_prefix('t')?)));
    Some(format!("{PLANS_DIR}{}", parts.collect::<Option<String>>()?))
}

/// The number in the name of any file in the folders of active and archived tasks, well formed or not: the digits after
/// the leading `t`. A new id must be higher than all of them.
pub(crate) fn loose_number(path: &str) -> Option<u64> {
    let rest = path.strip_prefix(TASKS_DIR)?.strip_prefix('/')?;
    let rest = rest.strip_prefix("archived/").unwrap_or(rest).strip_suffix(".md")?;
    let stem = match rest.split_once('/') {
        None => rest,
        Some((folder, stem)) => folder.starts_with('t').then_some(stem).filter(|stem| !stem.contains('/'))?,
    };
    let (digits, rest) = split_digits(stem.strip_prefix('t')?);
    rest.starts_with('_').then(|| parse_number(digits)).flatten()
}

/// The id of a member of a bundle, `t150_x.md` or `t150/t150_1_x.md`, perhaps after `./`. A parent's member is in no
/// folder.
pub(crate) fn member_id(member: &str) -> Option<TaskId> {
    let rest = member.strip_prefix("./").unwrap_or(member).strip_suffix(".md")?;
    let (folder, stem) = rest.split_once('/').map_or((None, rest), |(folder, stem)| (Some(folder), stem));
    let (digits, rest) = split_digits(stem.strip_prefix('t')?);
    let number = parse_number(digits)?;
    let rest = rest.strip_prefix('_')?;
    match folder {
        None => (!rest.is_empty() && !rest.contains('/')).then(|| TaskId::top(number)),
        Some(folder) => {
            let (child, slug) = split_digits(rest);
            let in_place = folder.strip_prefix('t') == Some(digits) && slug.len() > 1 && slug.starts_with('_');
            (in_place && !slug.contains('/')).then(|| parse_number(child).map(|m| TaskId::child(number, m))).flatten()
        }
    }
}

/// The highest number that a numbered bundle can contain: `old<B>` contains B*100 to B*100+99. `None` for other paths.
pub(crate) fn bundle_upper_bound(path: &str) -> Option<u64> {
    let (folder, file) = path.strip_prefix(ARCHIVED_TASKS_DIR)?.strip_prefix("/_b")?.split_once('/')?;
    let bundle = without_tar(file)?.strip_prefix("old")?;
    let number =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    number(folder)?;
    number(bundle)?.checked_mul(100)?.checked_add(99)
}

/// Whether this is a bundle of tasks that counts: of two forms of one bundle only the newer one does. `is_there` tells
/// whether a path exists.
pub(crate) fn is_task_bundle(path: &str, is_there: impl Fn(&str) -> bool) -> bool {
    let below = path.strip_prefix(ARCHIVED_TASKS_DIR).is_some_and(|rest| rest.starts_with('/'));
    let is_replaced = path.strip_suffix(".tar.gz").is_some_and(|stem| is_there(&format!("{stem}.tar.zst")));
    below && without_tar(path).is_some() && !is_replaced
}

/// Whether a path that is no [`TaskPath`] looks like that of an active task: `aitasks/T7_x.md`, `aitasks/t9.md`,
/// `aitasks/t_x.md`, `aitasks/t10_a b.md`.
pub(crate) fn looks_like_a_task(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(TASKS_DIR).and_then(|rest| rest.strip_prefix('/')) else { return false };
    let is_ours = !["archived/", "metadata/", "new/"].iter().any(|folder| rest.starts_with(folder));
    let name = rest.rsplit('/').next().unwrap_or(rest);
    let stem = name.get(..name.len().saturating_sub(3)).filter(|_| name.to_ascii_lowercase().ends_with(".md"));
    let after = stem.and_then(|stem| stem.strip_prefix(['t', 'T']));
    is_ours && after.is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-')))
}

/// Why a file that [`looks_like_a_task`] is none, as the end of a sentence.
pub(crate) fn why_misnamed(path: &str) -> String {
    let stem = path.rsplit('/').next().and_then(|name| name.strip_suffix(".md")).unwrap_or_default();
    let no_branch = stem.contains("..") || stem.ends_with('.') || stem.to_ascii_lowercase().ends_with(".lock");
    let why = match (no_branch, stem.len() > NAME_LIMIT) {
        (true, _) => ", since git takes no branch with two dots, or with a dot or .lock at its end",
        (_, true) => ", since that is too long for the name of a branch",
        _ => "",
    };
    format!("is no task by its name{why}; one is called t12_add_login.md")
}

/// The path that a file which makes no branch could have; `None` where another thing is wrong with its name.
pub(crate) fn renamed_for_branch(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let stem: String = name.strip_suffix(".md")?.replace('.', "_").chars().take(NAME_LIMIT / 2).collect();
    let renamed = format!("{folder}/{stem}.md");
    TaskPath::parse(&renamed).is_some_and(|_| renamed != path).then_some(renamed)
}

fn without_tar(file: &str) -> Option<&str> {
    file.strip_suffix(".tar.zst").or_else(|| file.strip_suffix(".tar.gz"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn task_paths() {
        for (path, id, slug, archived, plan) in [
            ("aitasks/t16_x.md", TaskId::top(16), "x", false, "aiplans/p16_x.md"),
            ("aitasks/t16/t16_2_x.md", TaskId::child(16, 2), "x", false, "aiplans/p16/p16_2_x.md"),
            ("aitasks/archived/t16_x.md", TaskId::top(16), "x", true, "aiplans/archived/p16_x.md"),
            ("aitasks/archived/t16/t16_2_x.md", TaskId::child(16, 2), "x", true, "aiplans/archived/p16/p16_2_x.md"),
            ("aitasks/t16_2024_report.md", TaskId::top(16), "2024_report", false, "aiplans/p16_2024_report.md"),
            ("aitasks/t007/t007_1_x.md", TaskId::child(7, 1), "x", false, "aiplans/p007/p007_1_x.md"),
        ] {
            let task = TaskPath::parse(path).unwrap();
            assert_eq!(
                (task.id(), task.name().slug().to_string(), task.is_archived()),
                (id, slug.to_owned(), archived),
                "{path}"
            );
            assert_eq!(task.to_string(), path);
            assert!(archived || loose_plan(path).as_deref() == Some(plan), "{path}");
            assert_eq!(TaskPath::at(task.name().clone(), archived), task);
            assert_eq!(task.plan().as_str(), plan);
            let parsed = PlanPath::parse(plan).unwrap();
            assert_eq!(parsed, task.plan());
            assert_eq!(loose_id(path), Some(id));
        }
        assert_eq!(TaskPath::parse("aitasks/t16/t16_2_x.md").unwrap().file_name(), "t16_2_x.md");
    }

    #[test]
    fn other_paths() {
        for path in [
            "",
            "aitasks",
            "aitasks/t16.md",
            "aitasks/t16_x",
            "aitasks/t16_x.txt",
            "aitasks/todo_list.md",
            "aitasks/new/t16_x.md",
            "aitasks/t16/t17_1_x.md",
            "aitasks/t16/t16_x.md",
            "aitasks/t16/t16_2.md",
            "aitasks/t16/sub/t16_2_x.md",
            "aitasks//t16_x.md",
            "aitasks/archived/archived/t16_x.md",
            "aitasks/t16/../t16_x.md",
            "aitasks/t16_a b.md",
            "./aitasks/t16_x.md",
            "aiplans/p16_x.md",
        ] {
            assert_eq!(TaskPath::parse(path), None, "{path}");
        }
        assert_eq!(PlanPath::parse("aiplans/t16_x.md"), None);
        assert_eq!(loose_id("aitasks/t5_Größe.md"), Some(TaskId::top(5)));
        assert_eq!(loose_id("aitasks/t5/t5_2_a b.md"), Some(TaskId::child(5, 2)));
        assert_eq!(loose_id("aitasks/t5_.md"), None);
    }

    #[test]
    fn drafts() {
        for path in ["aitasks/new/draft_20260101_1000_x.md", "aitasks/new/x.md"] {
            assert!(is_draft(path), "{path}");
        }
        for path in [
            "aitasks/t1_x.md",
            "aitasks/new/.x.md",
            "aitasks/new/a/x.md",
            "aitasks/new/.md",
            "aitasks/new/x",
            "aitasks/newx.md",
        ] {
            assert!(!is_draft(path), "{path}");
        }
        let slug = Slug::from_title("Fix Login Bug!");
        assert_eq!(draft_path("20260101_1000", &slug), "aitasks/new/draft_20260101_1000_fix_login_bug.md");
        assert_eq!(draft_slug("aitasks/new/draft_20260101_1000_fix_login_bug.md"), Some(slug));
        assert_eq!(draft_slug("draft_x.md").unwrap().to_string(), "draft_x");
    }

    #[test]
    fn bundles() {
        assert_eq!(bundle_upper_bound("aitasks/archived/_b1/old12.tar.zst"), Some(1299));
        assert_eq!(bundle_upper_bound("aitasks/archived/_b0/old0.tar.gz"), Some(99));
        for path in [
            "aitasks/archived/old.tar.zst",
            "aitasks/archived/_b1/old12.tar.zst.bak",
            "aitasks/archived/_b/old.tar.gz",
            "x",
        ] {
            assert_eq!(bundle_upper_bound(path), None, "{path}");
        }
        let there =
            ["aitasks/archived/old.tar.gz", "aitasks/archived/_b0/old0.tar.gz", "aitasks/archived/_b0/old0.tar.zst"];
        let counted = there.map(|path| is_task_bundle(path, |other| there.contains(&other)));
        assert_eq!(counted, [true, false, true]);
        assert!(!is_task_bundle("aiplans/archived/old.tar.gz", |_| false));
        assert_eq!(member_id("./t150/t150_1_c.md"), Some(TaskId::child(150, 1)));
        assert_eq!(member_id("t150_x.md"), Some(TaskId::top(150)));
        assert_eq!(member_id("./t150/"), None);
    }

    proptest! {
        #[test]
        fn prints_what_it_parses(path in "(aitasks|aiplans)/(archived/)?([tp]1[0-9]?/)?[tp]1[0-9]?(_[0-9])?_[a-z0-9._-]{1,8}\\.md") {
            if let Some(task) = TaskPath::parse(&path) {
                prop_assert_eq!(task.as_str(), &path);
                prop_assert_eq!(TaskPath::at(task.name().clone(), task.is_archived()).to_string(), path.clone());
                prop_assert_eq!(loose_id(&path), Some(task.id()));
            }
            if let Some(plan) = PlanPath::parse(&path) {
                prop_assert_eq!(PlanPath::at(plan.name.clone(), plan.is_archived()).to_string(), path.clone());
            }
        }

        #[test]
        fn never_panics(path in "\\PC*") {
            let _ = (TaskPath::parse(&path), PlanPath::parse(&path), is_draft(&path), draft_slug(&path), loose_id(&path));
            let _ = (bundle_upper_bound(&path), is_task_bundle(&path, |_| true));
        }
    }
}
