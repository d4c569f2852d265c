//! Whether some order of calls explains all their answers: each takes effect at one moment between its start and its end
//! (Wing and Gong). Calls whose end nobody heard took effect at any time after their start, or never.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// One call; times count the starts and ends of all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call<A> {
    pub(crate) act: A,
    pub(crate) begun: usize,
    /// `None` where it is not known whether it took effect.
    pub(crate) ended: Option<usize>,
}

/// What a call does to an object; the answer is part of the call.
pub(crate) trait Act: Copy + Debug {
    type Object: Clone + Eq + Hash + Default;

    /// The object after the call; `None` where its answer does not fit. `is_known` is false where there was no answer.
    fn apply(self, object: &Self::Object, is_known: bool) -> Option<Self::Object>;
}

/// Whether some order explains the calls of one object.
pub(crate) fn is_explained<A: Act>(calls: &[Call<A>]) -> bool {
    assert!(calls.len() <= 128, "too many calls for one object");
    let (mut seen, mut left) = (HashSet::new(), vec![(0_u128, A::Object::default())]);
    while let Some((done, object)) = left.pop() {
        let open = || calls.iter().enumerate().filter(|(n, _)| done >> n & 1 == 0);
        // a call comes before all that began after its end
        let Some(first_end) = open().filter_map(|(_, call)| call.ended).min() else { return true };
        for (n, call) in open().filter(|(_, call)| call.begun < first_end) {
            let next = call.act.apply(&object, call.ended.is_some()).map(|object| (done | 1 << n, object));
            left.extend(next.filter(|next| seen.insert(next.clone())));
        }
    }
    false
}

/// A call about the lock of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockAct {
    Lock(usize),
    Steal(usize),
    Unlock(usize),
    /// It was refused, since another holds the task.
    SaysHeld(usize),
    /// The task was free.
    SaysFree,
    /// What is there at the end.
    Holder(Option<usize>),
}

impl Act for LockAct {
    type Object = Option<usize>;

    fn apply(self, holder: &Option<usize>, is_known: bool) -> Option<Option<usize>> {
        match (self, *holder) {
            (Self::Lock(who), Some(holder)) => (holder == who || !is_known).then_some(Some(holder)),
            (Self::Lock(who), None) | (Self::Steal(who), _) => Some(Some(who)),
            (Self::Unlock(who), holder) if holder == Some(who) => Some(None),
            (Self::Unlock(_), holder) => (!is_known).then_some(holder),
            (Self::SaysHeld(who), holder) => holder.is_some_and(|holder| holder != who).then_some(holder),
            (Self::SaysFree, holder) => holder.is_none().then_some(None),
            (Self::Holder(there), holder) => (there == holder).then_some(holder),
        }
    }
}

/// A call about the counter: the number that was given; none where that was not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim(pub(crate) Option<u64>);

impl Act for Claim {
    /// How many numbers were given.
    type Object = u64;

    fn apply(self, given: &u64, _: bool) -> Option<u64> {
        self.0.is_none_or(|id| id == given + 1).then_some(given + 1)
    }
}

mod tests {
    use super::*;

    fn call<A>(act: A, begun: usize, ended: usize) -> Call<A> {
        Call { act, begun, ended: Some(ended) }
    }

    fn unheard<A>(act: A, begun: usize) -> Call<A> {
        Call { act, begun, ended: None }
    }

    #[test]
    fn right_histories_are_explained() {
        use LockAct::{Holder, Lock, SaysFree, SaysHeld, Steal, Unlock};
        assert!(is_explained::<LockAct>(&[]));
        let one_after_the_other = [call(Lock(1), 0, 1), call(Unlock(1), 2, 3), call(Lock(2), 4, 5)];
        assert!(is_explained(&one_after_the_other));
        // the second one began before the unlock had ended
        assert!(is_explained(&[call(Lock(1), 0, 1), call(Unlock(1), 2, 5), call(Lock(2), 3, 4)]));
        assert!(is_explained(&[call(Lock(1), 0, 3), call(SaysHeld(2), 1, 2), call(SaysFree, 1, 2)]));
        // the lock that nobody heard of took effect, or did not
        assert!(is_explained(&[unheard(Lock(1), 0), call(SaysHeld(2), 2, 3), call(Unlock(1), 4, 5)]));
        assert!(is_explained(&[unheard(Lock(1), 0), call(Lock(2), 2, 3), call(Holder(Some(2)), 4, 5)]));
        assert!(is_explained(&[call(Lock(1), 0, 1), call(Steal(2), 2, 3), call(SaysHeld(1), 4, 5)]));
        assert!(is_explained(&[call(Claim(Some(2)), 0, 3), call(Claim(Some(1)), 1, 2), call(Claim(Some(3)), 4, 5)]));
        assert!(is_explained(&[unheard(Claim(None), 0), call(Claim(Some(2)), 2, 3)]));
    }

    #[test]
    fn two_holders_are_found() {
        use LockAct::{Holder, Lock};
        assert!(!is_explained(&[call(Lock(1), 0, 2), call(Lock(2), 1, 3)]));
        assert!(!is_explained(&[call(Lock(1), 0, 1), call(Lock(2), 2, 3), call(Holder(Some(2)), 4, 5)]));
    }

    #[test]
    fn a_release_by_one_who_does_not_hold_it_is_found() {
        use LockAct::{Lock, Steal, Unlock};
        assert!(!is_explained(&[call(Lock(1), 0, 1), call(Unlock(2), 2, 3)]));
        assert!(!is_explained(&[call(Lock(1), 0, 1), call(Steal(2), 2, 3), call(Unlock(1), 4, 5)]));
    }

    #[test]
    fn an_answer_that_was_not_true_at_any_moment_is_found() {
        use LockAct::{Holder, Lock, SaysFree, SaysHeld};
        assert!(!is_explained(&[call(Lock(1), 0, 1), call(SaysFree, 2, 3)]));
        assert!(!is_explained(&[call(SaysHeld(2), 0, 1), call(Lock(1), 2, 3)]));
        assert!(!is_explained(&[call(Lock(1), 0, 1), call(SaysHeld(1), 2, 3)]));
        assert!(!is_explained(&[call(Lock(1), 0, 1), call(Holder(None), 2, 3)]));
    }

    #[test]
    fn a_number_that_comes_twice_and_one_that_is_left_out_are_found() {
        assert!(!is_explained(&[call(Claim(Some(1)), 0, 2), call(Claim(Some(1)), 1, 3)]));
        assert!(!is_explained(&[call(Claim(Some(1)), 0, 2), call(Claim(Some(3)), 1, 3)]));
        assert!(!is_explained(&[call(Claim(Some(1)), 0, 1), unheard(Claim(None), 4), call(Claim(Some(3)), 2, 3)]));
    }
}
