//! The branch decisions that the header of a task's plan records: whoever comes later goes by them (specification 50,
//! section 4).

use super::context::Context;
use super::place::Base;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::task::{PlanPath, TaskId, paths, plan_header};

/// What the plan of a task says; nothing, where there is no plan or no header.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// The branch that the task branch is cut from.
    pub(super) base: Option<Branch>,
    /// The branch that the work is merged into.
    pub(super) output: Option<Branch>,
}

impl Planned {
    /// Reads the plan as it lies in the checkout.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a value that is no name of a branch: it stops the work, and is never replaced by a
    /// default.
    pub(super) fn load(context: &Context, task: TaskId) -> Result<Self> {
        let folder = match task.parent() {
            Some(parent) => format!("{}/p{parent}", paths::PLANS_DIR),
            None => paths::PLANS_DIR.to_owned(),
        };
        let names = std::fs::read_dir(context.data_dir().join(&folder)).into_iter().flatten().flatten();
        let plans = names.filter_map(|entry| PlanPath::parse(&format!("{folder}/{}", entry.file_name().to_str()?)));
        let plan = plans.filter(|plan| plan.id() == task).min_by(|a, b| a.as_str().cmp(b.as_str()));
        let text = plan.as_ref().and_then(|plan| std::fs::read(context.data_dir().join(plan.as_str())).ok());
        let (Some(plan), Some(text)) = (plan, text) else { return Ok(Self::default()) };
        let text = String::from_utf8_lossy(&text);
        let read = |key: &str| {
            let value = plan_header::value(&text, key).filter(|value| !value.trim().is_empty());
            let is_plain =
                |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
            let parse = |value: &str| {
                Branch::parse(value).ok().filter(|_| is_plain(value)).ok_or_else(|| {
                    let message = format!("{} says \"{key}: {value}\", which is no name of a branch", plan.as_str());
                    Error::new(Kind::Unparsable, message).hint(format!("mend the header of {}", plan.as_str()))
                })
            };
            value.map(parse).transpose()
        };
        Ok(Self { base: read("Base branch")?, output: read("Output branch")? })
    }
}

/// The base that the plan of a task names, unless another one is named now.
pub(super) fn base(context: &Context, task: TaskId, named: Option<&str>) -> Result<Option<Base>> {
    let planned = if named.is_some() { None } else { Planned::load(context, task)?.base };
    planned.map(|branch| Base::find(context, Some(branch.as_str()))).transpose()
}
