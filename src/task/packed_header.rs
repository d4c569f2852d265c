//! A header as it is kept, so that a file is parsed once for each of its contents.

use super::frontmatter::TROUBLES;
use super::id::TaskId;
use super::model::{DEFAULT_ISSUE_TYPE, Fields, Header, Level, Reference, Status};
use crate::packed::{put, put_list, put_number, take_list, take_number, take_text};

/// The statuses that are kept as a number; any other is kept as its text.
const STATUSES: [Status; 7] = [
    Status::Ready,
    Status::Editing,
    Status::Implementing,
    Status::Postponed,
    Status::Done,
    Status::Folded,
    Status::Unreadable,
];

/// The lists that a header may have.
const LISTS: usize = 6;

/// The texts that a header may have, in the order in which they are kept. Most tasks have one or two of them.
const TEXTS: usize = 11;

impl Header {
    /// Writes it for [`Header::unpack`]. Of thousands of tasks every part is read each time, so what is absent takes a bit.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let Self { heading, fields } = self;
        let mut to = Vec::new();
        let other = match &fields.status {
            Status::Other(text) => Some(text.as_str()),
            _ => None,
        };
        let texts: [Option<&str>; TEXTS] = [
            heading.as_deref(),
            fields.trouble,
            other,
            fields.assigned_to.as_deref(),
            fields.xdeprepo.as_deref(),
            fields.folded_into.as_deref(),
            fields.followup_kind.as_deref(),
            fields.issue.as_deref(),
            fields.pull_request.as_deref(),
            fields.contributor.as_deref(),
            (fields.issue_type != DEFAULT_ISSUE_TYPE).then_some(fields.issue_type.as_str()),
        ];
        let children: Vec<_> = fields.children.iter().map(ToString::to_string).collect();
        let [depends, xdeps] = [&fields.depends, &fields.xdeps]
            .map(|references| references.iter().map(|it| it.as_written().to_owned()).collect::<Vec<_>>());
        let lists = [&fields.labels, &children, &fields.unreadable_children, &fields.unknown_levels, &depends, &xdeps];
        let present = texts.iter().map(Option::is_some).chain(lists.iter().map(|list| !list.is_empty()));
        put_number(&mut to, present.enumerate().map(|(at, is_present)| usize::from(is_present) << at).sum());
        let status = STATUSES.iter().position(|status| *status == fields.status).unwrap_or(STATUSES.len());
        put_number(&mut to, status);
        let risks = [fields.risk_code_health, fields.risk_goal_achievement];
        for level in [Some(fields.priority), Some(fields.effort)].into_iter().chain(risks) {
            to.push(level.map_or(0, |level| level as u8 + 1));
        }
        for text in texts.into_iter().flatten() {
            put(&mut to, text);
        }
        for list in lists.into_iter().filter(|list| !list.is_empty()) {
            put_list(&mut to, list);
        }
        to
    }

    /// Reads what [`Header::pack`] wrote; `None` for anything else.
    pub(crate) fn unpack(mut from: &[u8]) -> Option<Self> {
        let rest = &mut from;
        let present = take_number(rest)?;
        let status = take_number(rest)?;
        let mut levels = [None; 4];
        for level in &mut levels {
            let (byte, left) = rest.split_first()?;
            *rest = left;
            *level = match byte {
                0 => None,
                1 => Some(Level::Low),
                2 => Some(Level::Medium),
                3 => Some(Level::High),
                _ => return None,
            };
        }
        let [priority, effort, risk_code_health, risk_goal_achievement] = levels;
        let mut texts = [None; TEXTS];
        for (at, text) in texts.iter_mut().enumerate() {
            if (present >> at) & 1 == 1 {
                *text = Some(take_text(rest)?);
            }
        }
        let mut lists = [(); LISTS].map(|()| Vec::new());
        for (at, list) in lists.iter_mut().enumerate() {
            if (present >> (TEXTS + at)) & 1 == 1 {
                *list = take_list(rest)?;
            }
        }
        (rest.is_empty() && present >> (TEXTS + LISTS) == 0).then_some(())?;
        let [
            heading,
            trouble,
            other,
            assigned_to,
            xdeprepo,
            folded_into,
            followup_kind,
            issue,
            pull_request,
            contributor,
            issue_type,
        ] = texts;
        let [labels, children, unreadable_children, unknown_levels, depends, xdeps] = lists;
        let text = |text: Option<&str>| text.map(str::to_owned);
        let references = |list: Vec<&str>| list.into_iter().map(Reference::parse).collect();
        let fields = Fields {
            status: match other {
                Some(other) => Status::Other(other.to_owned()),
                None => STATUSES.get(status)?.clone(),
            },
            priority: priority?,
            effort: effort?,
            issue_type: issue_type.unwrap_or(DEFAULT_ISSUE_TYPE).to_owned(),
            labels: owned(labels),
            depends: references(depends),
            children: children.into_iter().map(TaskId::try_parse).collect::<Option<_>>()?,
            unreadable_children: owned(unreadable_children),
            assigned_to: text(assigned_to),
            xdeps: references(xdeps),
            xdeprepo: text(xdeprepo),
            folded_into: text(folded_into),
            followup_kind: text(followup_kind),
            risk_code_health,
            risk_goal_achievement,
            issue: text(issue),
            pull_request: text(pull_request),
            contributor: text(contributor),
            trouble: match trouble {
                Some(text) => Some(TROUBLES.into_iter().find(|known| *known == text)?),
                None => None,
            },
            unknown_levels: owned(unknown_levels),
        };
        Some(Self { heading: text(heading), fields })
    }
}

fn owned(list: Vec<&str>) -> Vec<String> {
    list.into_iter().map(str::to_owned).collect()
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
            "3e0604a84fee",
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
