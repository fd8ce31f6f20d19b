//! `zarpa up`, `plan` and `deploy`: a run with a cluster at its end.

use std::time::SystemTime;

use deploy::DeployError;
use jiff::Timestamp;
use pipeline::Selection;
use registry::Credentials;
use runner::{StageName, Stages, Summary, UpError, UpOptions, Workspace};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    connect::{Absent, choose, open, target},
    plain,
};
use crate::{args::Up, context::Context, failure::Failure, interrupt, output, progress::Drawing};

pub(crate) async fn up(context: &Context, args: &Up) -> Result<(), Failure> {
    let (workspace, summary) = run(context, args, Stages::Up, "up").await?;
    tell(context, &workspace, &summary)
}

pub(crate) async fn deploy(context: &Context, args: &Up) -> Result<(), Failure> {
    let (workspace, summary) = run(context, args, Stages::Deploy, "deploy").await?;
    tell(context, &workspace, &summary)
}

pub(crate) async fn plan(context: &Context, args: &Up) -> Result<(), Failure> {
    let (_, summary) = run(context, args, Stages::Plan, "plan").await?;
    if context.is_json {
        return output::json(&summary.plans);
    }
    for (service, lines) in &summary.plans {
        output::line(&format!("{service}:"))?;
        for line in lines {
            output::line(&format!("  {line}"))?;
        }
    }
    Ok(())
}

async fn run(
    context: &Context,
    args: &Up,
    stages: Stages,
    command: &str,
) -> Result<(Workspace, Summary), Failure> {
    let workspace = open(context)?;
    let chosen = choose(&workspace, &args.services, &args.place)?;
    if stages != Stages::Plan {
        plain::declare(context, chosen.selection.environment)?;
    }
    let target = target(context, chosen.selection.environment, &args.place, Absent::Start);
    let mut options = options(context, stages, command)?;
    options.namespace = Some(chosen.namespace.clone());
    options.value_files = args.values.files.iter().map(|it| context.path(it)).collect();
    options.set.clone_from(&args.values.set);
    options.set_string.clone_from(&args.values.set_string);
    options.timeout = args.timeout;
    options.forces_conflicts = args.force_conflicts;
    let drawing = Drawing::new(context);
    head(&drawing, &workspace, &chosen.selection, &options, &target.name);
    let cancel = interrupt::token();
    let selection = &chosen.selection;
    let summary =
        carry_out(context, &workspace, selection, &target, (&options, &drawing, &cancel)).await?;
    Ok((workspace, summary))
}

/// Carries a run out and turns its failure into words.
pub(crate) async fn carry_out(
    context: &Context,
    workspace: &Workspace,
    selection: &Selection<'_>,
    target: &runner::Target,
    (options, drawing, cancel): (&UpOptions, &Drawing, &CancellationToken),
) -> Result<Summary, Failure> {
    let report = |event| drawing.event(&event);
    let ended = runner::up(workspace, selection, target, options, (&report, cancel)).await;
    ended.map_err(|error| failure(context, error))
}

fn failure(context: &Context, error: UpError) -> Failure {
    let UpError::Stage(stage) = &error else { return Failure::from(error) };
    if stage.error.is_interrupted() {
        return Failure::interrupted();
    }
    let evidence = stage.error.evidence();
    let folder = stage.folder.strip_prefix(&context.directory).unwrap_or(&stage.folder);
    let log = format!("the run's log and evidence lie in {}", folder.display());
    let hint = match &stage.error {
        runner::StageError::NotBuilt { .. } => Some("build it first: zarpa build".to_owned()),
        runner::StageError::Deploy(it) if matches!(&**it, DeployError::Conflicts { .. }) => Some(
            "take those fields over with --force-conflicts, or leave them out of the chart"
                .to_owned(),
        ),
        _ => None,
    };
    Failure::from(error).with_evidence(evidence).with_hint(hint).or_hint(log)
}

/// What a run begins with.
pub(crate) fn options(
    context: &Context,
    stages: Stages,
    command: &str,
) -> Result<UpOptions, Failure> {
    let credentials = match &context.docker_config {
        Some(path) => match host::files::read(path) {
            Ok(text) => Credentials::parse(&text)?,
            Err(error) if error.is_not_found() => Credentials::default(),
            Err(error) => return Err(error.into()),
        },
        None => Credentials::default(),
    };
    let now = SystemTime::now();
    let started = Timestamp::try_from(now)?;
    Ok(UpOptions {
        stages,
        command: command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        id: run_id(started, std::process::id()),
        started,
        namespace: None,
        value_files: Vec::new(),
        set: Vec::new(),
        set_string: Vec::new(),
        timeout: None,
        forces_conflicts: false,
        images: context.layout.images(),
        registries: registry::Options {
            credentials,
            plain_http: plain::known(context)?,
            is_plain_http_everywhere: false,
            ..registry::Options::default()
        },
    })
}

/// Sorts by time, and differs for two runs of one second.
fn run_id(started: Timestamp, pid: u32) -> String {
    format!("{}-{pid:04x}", started.strftime("%Y%m%d-%H%M%S"))
}

/// Says what is about to be done, before anything is.
pub(crate) fn head(
    drawing: &Drawing,
    workspace: &Workspace,
    selection: &Selection<'_>,
    options: &UpOptions,
    cluster: &str,
) {
    let environment = selection.environment;
    let namespace = options.namespace.as_ref().unwrap_or(&environment.namespace);
    let revision = host::git::head(&workspace.root)
        .map_or_else(|| "no commit".to_owned(), |it| it.chars().take(10).collect());
    drawing.line(&format!(
        "zarpa {}  {} → {} on cluster {cluster}, namespace {namespace}, git {revision}, run {}",
        options.version, workspace.project.name, environment.name, options.id
    ));
}

/// What a run ends with: services, pods, the log, and on the last line the bare address.
fn tell(context: &Context, workspace: &Workspace, summary: &Summary) -> Result<(), Failure> {
    let record = &summary.record;
    let addresses: Vec<&String> = record.services.iter().flat_map(|it| &it.addresses).collect();
    if context.is_json {
        return output::json(&json!({"run": record, "addresses": addresses,
            "folder": summary.folder}));
    }
    let drawing = Drawing::new(context);
    for service in &record.services {
        let revision = service.release_revision.map(|it| format!("revision {it}"));
        let parts = [revision, service.image.clone()].into_iter().flatten();
        let parts: Vec<String> = parts.collect();
        drawing.line(&format!("{}  {}", service.name, parts.join(", ")));
        for pod in &service.pods {
            drawing.line(&format!("  pod {pod}"));
        }
        for shown in &service.shown {
            drawing.line(&format!("  {shown}"));
        }
        let is_deployed = service.stages.iter().any(|it| it.stage == StageName::Deploy);
        if service.addresses.is_empty() && is_deployed {
            drawing.line("  no ingress has an address: reach it with kubectl port-forward");
        }
    }
    let folder = summary.folder.strip_prefix(&workspace.root).unwrap_or(&summary.folder);
    let took = record.took_ms;
    drawing.line(&format!("done in {took} ms; the run's log lies in {}", folder.display()));
    for address in addresses {
        output::line(address)?;
    }
    Ok(())
}
