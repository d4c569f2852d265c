//! A header as it is kept, so that a file is parsed once for each of its contents.

use super::frontmatter::TROUBLES;
use super::id::TaskId;
use super::model::{Fields, Header, Level, Reference, Status};
use crate::packed::{put, put_list, take_list, take_text};

impl Header {
    /// Writes it for [`Header::unpack`].
    pub(crate) fn pack(&self) -> Vec<u8> {
        let Self { heading, fields } = self;
        let mut to = Vec::new();
        for text in [fields.status.as_str(), fields.priority.as_str(), fields.effort.as_str(), &fields.issue_type] {
            put(&mut to, text);
        }
        let children: Vec<_> = fields.children.iter().map(ToString::to_string).collect();
        for list in [&fields.labels, &children, &fields.unreadable_children, &fields.unknown_levels] {
            put_list(&mut to, list);
        }
        for references in [&fields.depends, &fields.xdeps] {
            put_list(&mut to, &references.iter().map(Reference::as_written).collect::<Vec<_>>());
        }
        let optional = [
            heading.as_deref(),
            fields.trouble,
            fields.assigned_to.as_deref(),
            fields.xdeprepo.as_deref(),
            fields.folded_into.as_deref(),
            fields.followup_kind.as_deref(),
            fields.risk_code_health.map(Level::as_str),
            fields.risk_goal_achievement.map(Level::as_str),
            fields.issue.as_deref(),
            fields.pull_request.as_deref(),
            fields.contributor.as_deref(),
        ];
        for text in optional {
            put_list(&mut to, text.as_slice());
        }
        to
    }

    /// Reads what [`Header::pack`] wrote; `None` for anything else.
    pub(crate) fn unpack(mut from: &[u8]) -> Option<Self> {
        let rest = &mut from;
        let [status, priority, effort, issue_type] =
            [take_text(rest)?, take_text(rest)?, take_text(rest)?, take_text(rest)?];
        let list = |rest: &mut &[u8]| Some(take_list(rest)?.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let references =
            |rest: &mut &[u8]| Some(take_list(rest)?.into_iter().map(Reference::parse).collect::<Vec<_>>());
        let labels = list(rest)?;
        let children = take_list(rest)?.into_iter().map(TaskId::try_parse).collect::<Option<_>>()?;
        let (unreadable_children, unknown_levels) = (list(rest)?, list(rest)?);
        let (depends, xdeps) = (references(rest)?, references(rest)?);
        let text = |rest: &mut &[u8]| Some(list(rest)?.pop());
        let level = |text: Option<String>| text.map(|text| Level::try_parse(&text));
        let heading = text(rest)?;
        let trouble = match text(rest)? {
            Some(text) => Some(TROUBLES.into_iter().find(|known| *known == text)?),
            None => None,
        };
        let fields = Fields {
            status: if trouble.is_some() { Status::Unreadable } else { Status::parse(status) },
            priority: Level::try_parse(priority)?,
            effort: Level::try_parse(effort)?,
            issue_type: issue_type.to_owned(),
            labels,
            depends,
            children,
            unreadable_children,
            assigned_to: text(rest)?,
            xdeps,
            xdeprepo: text(rest)?,
            folded_into: text(rest)?,
            followup_kind: text(rest)?,
            risk_code_health: level(text(rest)?).flatten(),
            risk_goal_achievement: level(text(rest)?).flatten(),
            issue: text(rest)?,
            pull_request: text(rest)?,
            contributor: text(rest)?,
            trouble,
            unknown_levels,
        };
        rest.is_empty().then_some(Self { heading, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::super::frontmatter::Document;
    use super::*;
    use proptest::prelude::*;

    fn header(text: &str) -> Header {
        Header::read(&Document::parse(text.as_bytes()))
    }

    /// Files of every kind that is read in a way of its own.
    const FILES: [&str; 8] = [
        "",
        "---\n---\n# Heading\n",
        "---\npriority: high\neffort: huge\ndepends: [3, t4, 5_1, x]\nissue_type: bug\nstatus: Waiting\nlabels: [ui, a b]\n\
         xdeps: [1_2]\nxdeprepo: sis\nchildren_to_implement: [t1_1, 1_3, what]\nfolded_into: 9\nassigned_to: d@e\n\
         followup_kind: docs\nrisk_code_health: low\nrisk_goal_achievement: high\nissue: u\npull_request: p\ncontributor: c\n---\n\n# Fix\tit\n",
        "---\nstatus: Ready\nno end\n",
        "---\nstatus: Done\n<<<<<<< a\n=======\n>>>>>>> b\n---\n",
        "status: Ready\n\ntext\n",
        "---\nstatus: unreadable\nlabels:\n- one\n- two\npriority:\n---\n",
        "\u{feff}---\r\nstatus: Folded\r\nlabels: []\r\n---\r\n",
    ];

    #[test]
    fn what_is_kept_is_what_was_read() {
        for file in FILES {
            let read = header(file);
            assert_eq!(Header::unpack(&read.pack()), Some(read), "{file}");
        }
    }

    #[test]
    fn where_files_are_read_in_another_way_the_version_of_what_is_kept_is_raised() {
        let packed: Vec<_> = FILES.iter().flat_map(|file| header(file).pack()).collect();
        assert_eq!(
            crate::digest::of(&packed),
            "5829bbc306f5",
            "raise VERSION in files/records/cache.rs, then change this digest"
        );
    }

    proptest! {
        #[test]
        fn of_any_file(lines in prop::collection::vec(
            prop_oneof![
                "(status|priority|effort|labels|depends|children_to_implement|xdeps|assigned_to|issue): .{0,20}",
                "(labels|depends|children_to_implement): \\[[t0-9a-z_, ]{0,20}\\]",
                "- [a-z0-9_]{1,5}",
                "(---|<<<<<<<|# .{0,9})",
            ],
            0..12,
        )) {
            let read = header(&format!("---\n{}\n---\n# t\n", lines.join("\n")));
            let packed = read.pack();
            prop_assert_eq!(Header::unpack(&packed), Some(read));
            for end in 0..packed.len() {
                prop_assert_eq!(Header::unpack(&packed[..end]), None);
            }
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = Header::unpack(&bytes);
        }
    }
}
