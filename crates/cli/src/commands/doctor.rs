//! `zarpa doctor`: what this machine has and lacks, and how to mend it.

use std::{fs, path::Path, process::ExitCode};

use cluster::control;
use serde::Serialize;

use crate::{context::Context, failure::Failure, output};

/// What the embedded cluster does not do yet, so that nobody has to find out.
const LIMITS: [&str; 6] = [
    "stored and not acted on: HorizontalPodAutoscaler, CronJob, NetworkPolicy (an event on the object says so)",
    "refused: CustomResourceDefinitions, admission webhooks, aggregated APIs",
    "roles are stored and not enforced: every authenticated user may do everything",
    "services carry TCP only; the ingress serves HTTP only",
    "kubectl attach is refused; images are pulled without credentials and over TLS only",
    "one node, on this machine",
];

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    is_good: bool,
    found: String,
    /// How to mend it; empty when it is good.
    remedy: &'static str,
}

pub(crate) fn doctor(context: &Context) -> Result<ExitCode, Failure> {
    let findings = findings(context);
    let is_good = findings.iter().all(|it| it.is_good);
    if context.is_json {
        output::json(&serde_json::json!({"findings": findings, "limits": LIMITS}))?;
    } else {
        for finding in &findings {
            let mark = if finding.is_good { "✓" } else { "✗" };
            output::line(&format!("{mark} {}: {}", finding.what, finding.found))?;
            if !finding.is_good {
                output::line(&format!("    {}", finding.remedy))?;
            }
        }
        output::line("limits of the embedded cluster:")?;
        LIMITS.iter().try_for_each(|it| output::line(&format!("  {it}")))?;
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn findings(context: &Context) -> Vec<Finding> {
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let has_git = std::env::var_os("PATH")
        .is_some_and(|it| std::env::split_paths(&it).any(|dir| dir.join("git").is_file()));
    let cgroup = match (
        Path::new("/sys/fs/cgroup/cgroup.controllers").is_file(),
        Path::new("/sys/fs/cgroup/memory").is_dir(),
    ) {
        (true, _) => Some("version 2"),
        (false, true) => Some("version 1"),
        (false, false) => None,
    };
    let running = control::status(&context.layout);
    vec![
        finding(
            "user",
            rustix::process::geteuid().is_root().then(|| "root".to_owned()),
            "the embedded cluster needs root for now: run zarpa with sudo, or name another cluster with --context",
        ),
        finding("kernel", Some(release.trim().to_owned()), ""),
        finding(
            "overlay file system",
            filesystems.contains("overlay").then(|| "there".to_owned()),
            "load the kernel module: modprobe overlay",
        ),
        finding(
            "control groups",
            cgroup.map(str::to_owned),
            "mount them: mount -t cgroup2 none /sys/fs/cgroup",
        ),
        finding(
            "git",
            has_git.then(|| "there".to_owned()),
            "install it, so that images tell their revision: apt-get install git",
        ),
        finding("state", Some(context.layout.root().display().to_string()), ""),
        match running {
            Ok(Some(running)) => finding("cluster", Some(format!("runs as {}", running.pid)), ""),
            Ok(None) => {
                finding("cluster", Some("not running; `zarpa up` starts it".to_owned()), "")
            }
            Err(error) => Finding {
                what: "cluster",
                is_good: false,
                found: Failure::from(error).one_line(),
                remedy: "start afresh: zarpa cluster reset",
            },
        },
    ]
}

fn finding(what: &'static str, found: Option<String>, remedy: &'static str) -> Finding {
    let is_good = found.is_some();
    Finding { what, is_good, found: found.unwrap_or_else(|| "missing".to_owned()), remedy }
}
