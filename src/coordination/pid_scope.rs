//! The scope in which a process id identifies a process: one boot of one kernel, and one PID namespace of it. The host name
//! does not suffice, since two containers may have the same host name and the same process ids.

use crate::coordination::process::PROBE_LIMIT;
use crate::git::Repository;
use crate::git::run::Call;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::path::Path;
use std::sync::OnceLock;

/// One boot of one kernel, and one PID namespace.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct PidScope {
    /// The boot: `/proc/sys/kernel/random/boot_id`, or `kern.bootsessionuuid`.
    pub(crate) boot: String,
    /// The inode of the PID namespace; `-` on systems that have none.
    pub(crate) namespace: String,
}

/// The PID namespace that sees every process of a Linux kernel (`PROC_PID_INIT_INO`).
const INITIAL: &str = "4026531836";

impl PidScope {
    /// The scope of this process; `None` where the system does not say.
    pub(crate) fn here(repository: &Repository) -> Option<&'static Self> {
        static HERE: OnceLock<Option<PidScope>> = OnceLock::new();
        HERE.get_or_init(|| Self::find(repository)).as_ref()
    }

    /// Whether every process of the machine has an id in this scope.
    pub(crate) fn sees_all(&self) -> bool {
        matches!(self.namespace.as_str(), INITIAL | "-")
    }

    /// Whether the machine was started again since, so that every process of this scope has ended. Only for scopes that
    /// were recorded on this machine.
    pub(crate) fn is_over(&self, repository: &Repository) -> bool {
        Self::here(repository).is_some_and(|here| here.boot != self.boot)
    }

    fn find(repository: &Repository) -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Self { boot: sysctl(repository, "kern.bootsessionuuid")?, namespace: "-".to_owned() });
        }
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned();
        let namespace = namespace.strip_prefix("pid:[")?.strip_suffix(']')?.to_owned();
        (!boot.is_empty()).then_some(Self { boot, namespace })
    }
}

/// Whether a local time, `YYYY-MM-DD HH:MM`, is certainly after this machine was started.
pub(crate) fn is_after_boot(repository: &Repository, time: &str) -> bool {
    let seconds = || {
        if cfg!(target_os = "macos") {
            // `{ sec = 1700000000, usec = 0 } Tue Nov 14 22:13:20 2023`
            let text = sysctl(repository, "kern.boottime")?;
            return text.split("sec = ").nth(1)?.split(',').next()?.trim().parse().ok();
        }
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
    };
    let Some(booted): Option<i64> = seconds() else { return false };
    let time = DateTime::strptime("%Y-%m-%d %H:%M", time).ok();
    let time = time.and_then(|time| TimeZone::system().to_timestamp(time).ok());
    time.is_some_and(|time| time.as_second() > booted)
}

fn sysctl(repository: &Repository, name: &str) -> Option<String> {
    let call = Call::program(repository.git().environment(), "sysctl", Path::new("/")).args(["-n", name]);
    let output = call.limit(PROBE_LIMIT).output().ok()?;
    Some(output.text().trim().to_owned()).filter(|text| output.success() && !text.is_empty())
}
