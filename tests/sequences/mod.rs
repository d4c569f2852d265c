//! Random sequences of calls of the scripts' face in two clones, with hand edits, renames and commits among them; after every
//! call what must always hold is checked ([`scene::Scene::check`]). What fails is made as short as it can be.
//!
//! 24 sequences in an ordinary run, others each day; `AITASK_TEST_ROUNDS=20000` sets the number.

mod scene;
mod step;

use crate::support::{day, rounds};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scene::Scene;
use step::Step;

/// As many as the tests of nextest that play a part of the sequences each.
const PARTS: usize = 4;
const CALLS: usize = 12;

fn play(on_data_branch: bool, part: usize) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(day() * PARTS + part).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let sequences = proptest::collection::vec(Step::any(), CALLS);
    for n in 0..rounds(24).div_ceil(PARTS) {
        let steps = sequences.new_tree(&mut runner).unwrap().current();
        if let Some(failure) = failure(on_data_branch, &steps) {
            let (steps, failure) = shortened(on_data_branch, steps, failure);
            panic!("sequence {n}, {} steps of it: {failure}", steps.len());
        }
    }
}

/// What a sequence shows, and how it went up to there, if it shows a fault.
fn failure(on_data_branch: bool, steps: &[Step]) -> Option<String> {
    let mut scene = Scene::new(on_data_branch);
    let fault = steps.iter().find_map(|step| scene.play(step).err())?;
    Some(format!("{fault}\n{}", scene.story()))
}

/// Leaves out every step without which there is a fault still.
fn shortened(on_data_branch: bool, mut steps: Vec<Step>, mut shown: String) -> (Vec<Step>, String) {
    for n in (0..steps.len()).rev() {
        let mut fewer = steps.clone();
        fewer.remove(n);
        if let Some(failure) = failure(on_data_branch, &fewer) {
            (steps, shown) = (fewer, failure);
        }
    }
    (steps, shown)
}

#[test]
fn on_the_code_branch() {
    play(false, 0);
}

#[test]
fn on_the_code_branch_again() {
    play(false, 1);
}

#[test]
fn on_the_data_branch() {
    play(true, 2);
}

#[test]
fn on_the_data_branch_again() {
    play(true, 3);
}
