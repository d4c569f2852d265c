//! The base and the output that the header of a task's plan records. A plan is agreed on before the work begins and
//! travels with the task data, so these decisions take precedence over the settings of the clone that picks or finishes
//! the task.

use crate::coordination::LockEntry;
use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::ledger::View;
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::{PlanPath, TaskId, TaskName, TaskPath, paths, plan_header};
use crate::worktrees::base::BaseBranch;

/// The branches that the plan of a task names; `None` where there is no plan, no header, or no such line in it.
#[derive(Debug, Default)]
pub(crate) struct PlannedBranches {
    /// The branch that the task branch is cut from.
    pub(crate) base: Option<Branch>,
    /// The branch that the work is merged into.
    pub(crate) output: Option<Branch>,
}

impl PlannedBranches {
    /// Reads the plan of the task data; where that has none, the one in the checkout, which may not be committed yet.
    /// One process, if there is a plan.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a value that is not the name of a branch: a default in its place would merge the work
    /// into a branch that nobody chose. [`Kind::Conflict`] for several plans of one task.
    pub(crate) fn of(context: &Context, view: &View<'_>, index: &Index, task: &TaskPath) -> Result<Self> {
        let Some(plan) = index.plan(task) else { return Self::load(context, task.id()) };
        let others = index.plans_of(task.id());
        if *plan != task.plan() && others.len() > 1 {
            let names: Vec<_> = others.into_iter().map(PlanPath::as_str).collect();
            let message = format!("{} has several plans: {}", task.id().prefixed(), names.join(", "));
            return Err(Error::new(Kind::Conflict, message).advice(format!("git mv the right one to {}", task.plan())));
        }
        let text = view.document(index.branch(), plan.as_str())?;
        text.map_or_else(|| Ok(Self::default()), |text| Self::parse(plan.as_str(), &text))
    }

    /// Reads the plan from the files of the checkout, if there is one.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a value that is not the name of a branch.
    pub(crate) fn load(context: &Context, task: TaskId) -> Result<Self> {
        let folder = match task.parent() {
            Some(parent) => format!("{}/p{parent}", paths::PLANS_DIR),
            None => paths::PLANS_DIR.to_owned(),
        };
        let names = context.tree().names(&context.data_dir().join(&folder));
        let plans = names.filter_map(|name| PlanPath::parse(&format!("{folder}/{name}")));
        let plans: Vec<_> = plans.filter(|plan| plan.id() == task).collect();
        let [plan] = &plans[..] else { return Ok(Self::default()) };
        let text = context.tree().load(context.data_dir().join(plan.as_str()))?;
        text.map_or_else(|| Ok(Self::default()), |text| Self::parse(plan.as_str(), &text))
    }

    fn parse(plan: &str, text: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(text);
        let read = |key: &str| {
            let value = plan_header::value_as_written(&text, key).filter(|value| !value.is_empty());
            let is_plain =
                |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
            let parse = |value: &str| {
                Branch::parse(value).ok().filter(|_| is_plain(value)).ok_or_else(|| {
                    let message = format!("{plan} says \"{key}: {value}\", which is not the name of a branch");
                    Error::new(Kind::Unparsable, message).advice(format!("correct the header of {plan}"))
                })
            };
            value.map(parse).transpose()
        };
        Ok(Self { base: read("Base branch")?, output: read("Output branch")? })
    }

    /// The output of a task, the first of: the plan's output, `aitask.output`, the branch that the task branch was cut
    /// from (by the record of this clone, else by the lock), the plan's base, `aitask.base`, the branch of the main worktree
    /// ([`Context::work_branch`]). Where that is the task branch itself, it is the one that was checked out there when the
    /// task was picked.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where the plan names another base than the one that the task branch was cut from: the output
    /// follows from the base, so the caller must say which of the two is right.
    pub(crate) fn output(self, context: &Context, task: TaskId, lock: Option<&LockEntry>) -> Result<Branch> {
        let held = LockRecord::load(&context.repository, task);
        let picked_on = held.as_ref().and_then(|held| Branch::parse(held.picked_on.as_ref()?).ok());
        let cut_from = held.and_then(|held| held.base).or_else(|| lock?.base().map(|base| base.to_string()));
        if let (Some(planned), Some(cut_from)) = (&self.base, &cut_from)
            && planned.as_str() != cut_from
        {
            let message = format!("the plan names the base {planned}, but the task branch was cut from {cut_from}");
            let hint = |into: &str| command!["git aitask finish", task, "--into", into];
            let error = Error::new(Kind::Conflict, message).hint(hint(cut_from));
            return Err(error.hint(hint(planned.as_str())));
        }
        let settings = &context.settings;
        let named = [&settings.output, &cut_from].into_iter().flatten().next();
        match (self.output, named, self.base, &settings.base) {
            (Some(output), ..) => Ok(output),
            (None, Some(name), ..) | (None, None, None, Some(name)) => Branch::parse(name),
            (None, None, Some(base), _) => Ok(base),
            (None, None, None, None) => {
                let here = context.repository.root_branch.as_ref().and_then(|it| TaskName::from_branch(it.as_str()));
                let picked_on = picked_on.filter(|_| here.is_some_and(|name| name.id() == task));
                picked_on.map_or_else(|| context.work_branch(), |branch| Ok(Some(branch)))?.ok_or_else(|| {
                    let on = context.describe_checkout();
                    let message = format!("the main worktree is {on}, and no output is named");
                    Error::new(Kind::DetachedHead, message).hint("git aitask finish --into <branch>")
                })
            }
        }
    }
}

/// The base that the plan of a task names; `None` where it names none, or where the command line names one.
pub(crate) fn base(
    context: &Context,
    view: &View<'_>,
    index: &Index,
    task: &TaskPath,
    named: Option<&str>,
) -> Result<Option<BaseBranch>> {
    let planned = if named.is_some() { None } else { PlannedBranches::of(context, view, index, task)?.base };
    planned.map(|branch| BaseBranch::find(context, Some(branch.as_str()))).transpose()
}
