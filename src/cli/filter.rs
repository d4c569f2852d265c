//! The options by which `list` and `pick --next` choose among the tasks.

use crate::cli::complete::{labels, levels, tasks, types};
use crate::error::Result;
use crate::ops::filter::TaskFilter;
use crate::project::Wanted;
use crate::task::{Filter, Level, Status};
use clap::Args;

/// Which tasks are chosen.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only tasks with one of these labels; may be repeated
    #[arg(long, value_name = "LABEL", add = labels())]
    label: Vec<String>,
    /// Only tasks of this issue type
    #[arg(long = "type", value_name = "TYPE", add = types())]
    issue_type: Option<String>,
    /// Only tasks of this priority: high, medium or low
    #[arg(long, value_name = "LEVEL", add = levels())]
    priority: Option<String>,
    /// Only tasks of this effort: high, medium or low
    #[arg(long, value_name = "LEVEL", add = levels())]
    effort: Option<String>,
    /// Only the children of a task
    #[arg(long, value_name = "TASK", alias = "children", add = tasks())]
    parent: Option<String>,
}

impl FilterArgs {
    /// The filter, for tasks with this status.
    pub(crate) fn parse(&self, status: Option<Status>) -> Result<TaskFilter> {
        let level = |text: &Option<String>| text.as_deref().map(Level::parse).transpose();
        let fields = Filter {
            status,
            labels: self.label.clone(),
            issue_type: self.issue_type.clone(),
            priority: level(&self.priority)?,
            effort: level(&self.effort)?,
            ..Filter::default()
        };
        Ok(TaskFilter { fields, parent: self.parent.as_deref().map(Wanted::parse).transpose()? })
    }
}
