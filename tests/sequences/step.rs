//! One step of a sequence.

use proptest::prelude::*;

/// What is done; numbers choose among what there is when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// A task, perhaps one that names the file others name, and folds them.
    Create {
        names_a_file: bool,
        folds: bool,
    },
    Child,
    /// A draft, and every draft made a task.
    Finalize,
    Claim,
    /// What an abort does: ready again, and unlocked.
    Release,
    Update {
        commit: bool,
    },
    Rename {
        commit: bool,
    },
    Archive,
    Bundle,
    Sync,
    /// The pull of a claim alone.
    Pull,
    /// A line more in a task file, by hand.
    Edit,
    /// `mv` or `git mv`.
    Move {
        staged: bool,
    },
    /// `ait git add` and `ait git commit` of everything.
    CommitAll,
    /// A file that is no task's, changed and perhaps staged.
    OtherFile {
        staged: bool,
    },
}

/// An act of one of the two people on one of the tasks that there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) person: usize,
    pub(super) task: usize,
    pub(super) act: Act,
}

impl Step {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let flag = any::<bool>;
        let act = prop_oneof![
            2 => (flag(), flag()).prop_map(|(names_a_file, folds)| Act::Create { names_a_file, folds }),
            2 => Just(Act::Child),
            1 => Just(Act::Finalize),
            4 => Just(Act::Claim),
            1 => Just(Act::Release),
            2 => flag().prop_map(|commit| Act::Update { commit }),
            3 => flag().prop_map(|commit| Act::Rename { commit }),
            3 => Just(Act::Archive),
            1 => Just(Act::Bundle),
            3 => Just(Act::Sync),
            1 => Just(Act::Pull),
            2 => Just(Act::Edit),
            2 => flag().prop_map(|staged| Act::Move { staged }),
            1 => Just(Act::CommitAll),
            1 => flag().prop_map(|staged| Act::OtherFile { staged }),
        ];
        (0..2_usize, 0..12_usize, act).prop_map(|(person, task, act)| Self { person, task, act })
    }
}
