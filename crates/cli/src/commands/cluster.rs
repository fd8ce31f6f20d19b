//! `zarpa cluster`: the embedded cluster started, asked, stopped, reset.

use std::process::ExitCode;

use cluster::control::{self, Announcement, Running};
use host::files;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::{context::Context, failure::Failure, output};

const NODE: &str = "zarpa";
const KUBERNETES_VERSION: &str = "v1.34.4";

/// Starts the cluster unless it runs.
pub(crate) fn start(context: &Context) -> Result<(), Failure> {
    let running = ensure(context)?;
    tell(context, Some(&running))
}

/// Makes sure that the cluster runs.
pub(crate) fn ensure(context: &Context) -> Result<Running, Failure> {
    let verbose = "-v".repeat(usize::from(0 < context.verbose));
    let mut args = vec!["cluster".to_owned(), "run".to_owned()];
    args.extend((!verbose.is_empty()).then_some(verbose));
    control::start(&context.layout, &context.exe, &args).map_err(Failure::from)
}

pub(crate) fn stop(context: &Context) -> Result<(), Failure> {
    let was_running = control::stop(&context.layout, &context.exe)?;
    if context.is_json {
        return output::json(&json!({"stopped": was_running}));
    }
    output::line(if was_running { "cluster stopped" } else { "cluster was not running" })
}

pub(crate) fn reset(context: &Context) -> Result<(), Failure> {
    control::reset(&context.layout, &context.exe)?;
    if context.is_json {
        return output::json(&json!({"reset": true}));
    }
    output::line("cluster reset: nothing of it is left")
}

/// Says how the cluster does; exit code 1 when it does not run.
pub(crate) fn status(context: &Context) -> Result<ExitCode, Failure> {
    let running = control::status(&context.layout)?;
    tell(context, running.as_ref())?;
    Ok(if running.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(context: &Context, running: Option<&Running>) -> Result<(), Failure> {
    let Some(running) = running else {
        if context.is_json {
            return output::json(&json!({"running": false}));
        }
        return output::line("cluster is not running");
    };
    let server = format!("https://127.0.0.1:{}", running.settings.api_port);
    let ingress = format!("http://127.0.0.1:{}/", running.settings.ingress_port);
    if context.is_json {
        return output::json(&json!({
            "running": true,
            "pid": running.pid,
            "server": server,
            "ingress": ingress,
            "version": KUBERNETES_VERSION,
            "nodes": [NODE],
            "kubeconfig": running.kubeconfig,
        }));
    }
    output::line(&format!(
        "cluster runs as process {} ({KUBERNETES_VERSION}, node {NODE})\n  api      {server}\n  \
         ingress  {ingress}\n  kubeconfig  {}",
        running.pid,
        running.kubeconfig.display()
    ))
}

/// Prints the kubeconfig of the cluster, which need not run.
pub(crate) fn kubeconfig(context: &Context) -> Result<(), Failure> {
    let path = context.layout.kubeconfig();
    let text = files::read(&path).map_err(|it| {
        let hint = it.is_not_found().then(|| "start it first: zarpa cluster start".to_owned());
        Failure::work(it).with_hint(hint)
    })?;
    output::raw(&text)
}

/// Is the cluster until SIGTERM; the first line on standard output says whether it came up.
pub(crate) fn run(context: &Context) -> Result<ExitCode, Failure> {
    let level = if 0 < context.verbose { "debug" } else { "info" };
    let filter = EnvFilter::new(format!("{level},hyper=warn,rustls=warn,tower=warn,kube=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let announce = |announcement: &Announcement| {
        if let Ok(line) = serde_json::to_string(announcement) {
            println!("{line}");
        }
    };
    let machine =
        cluster::Machine { exe: context.exe.clone(), docker_config: context.docker_config.clone() };
    let ended = runtime.block_on(cluster::run(&context.layout, &machine, || {
        announce(&Announcement::Ready);
    }));
    match ended {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            let failure = Failure::from(error);
            let mut cause = Vec::new();
            failure.print(&mut cause)?;
            let cause = String::from_utf8_lossy(&cause).trim_end().to_owned();
            let cause = cause.trim_start_matches("error: ").to_owned();
            announce(&Announcement::Failed { cause });
            Ok(failure.exit_code())
        }
    }
}
