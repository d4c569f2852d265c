//! Whatever does not match is found, and nothing else; and a repair mends it, or leaves it as it is.

use crate::doctor::planted::PLANTED;
use crate::doctor::violation;
use crate::support::{Proof, Rounds, share};

#[test]
fn each_planted_inconsistency_is_found_alone_and_mended_or_left() {
    let (all, turn) = (PLANTED.len(), share(PLANTED));
    let rounds = Rounds { ordinary: turn.len(), short: all, long: all };
    let property = "Whatever does not match is found, nothing else is, and a repair mends it or leaves it";
    let mut proof = Proof::new("13", property, "repositories", rounds);
    let cases = if proof.rounds() == all { PLANTED.iter().collect() } else { turn };
    while let Some(round) = proof.next_round() {
        let found = violation(cases[round]);
        proof.check(found.is_none(), || found.unwrap_or_default());
        proof.tried(1);
    }
    proof.end();
}
