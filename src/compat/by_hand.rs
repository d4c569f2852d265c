//! The scripts without `--batch`: a task made or changed in the user's editor (specification 20, sections 6.9 and 7.8).

use super::scene::Scene;
use crate::error::Result;

pub(super) fn create(scene: &Scene) -> Result<u8> {
    let _ = scene;
    Err(super::options::usage("interactive".to_owned()))
}

pub(super) fn update(scene: &Scene, id: Option<&str>) -> Result<u8> {
    let _ = (scene, id);
    Err(super::options::usage("interactive".to_owned()))
}
