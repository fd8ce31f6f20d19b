//! Tries a deploy on any cluster by hand, from manifests that a chart engine rendered already.
//!
//! `cargo run -p deploy --example release -- KUBECONFIG ACTION NAMESPACE RELEASE [MANIFEST] [CHECK…]`, where an
//! action is `plan`, `deploy`, `uninstall`, `rollback`, `history`, `status`, `restart`, `logs` or `unlock`, and a
//! check is `SERVICE:PORT/PATH`. Hooks are told by their annotation. No test needs it.
#![expect(clippy::disallowed_methods, reason = "a program to try things with by hand")]

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use deploy::{
    Cluster, Context, EvidenceSink, Options, Progress, Request,
    smoke::{Check, Expect, Probe, Route},
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use release::{
    Owner, manifest,
    record::{Chart, Hook, HookDeletePolicy, HookEvent, HookOutputLogPolicy},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

struct Folder(PathBuf);

impl EvidenceSink for Folder {
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, content)
    }
}

/// Writes one line; that nobody reads it is no matter.
fn say(line: impl Display) {
    drop(writeln!(io::stdout(), "{line}"));
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    say(format!("error: {error}"));
    let mut source = error.source();
    while let Some(error) = source {
        say(format!("  caused by: {error}"));
        source = error.source();
    }
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kubeconfig, action, namespace, name, rest @ ..] = args.as_slice() else {
        return Err("usage: release KUBECONFIG ACTION NAMESPACE RELEASE [MANIFEST] [CHECK…]".into());
    };
    let config = Kubeconfig::read_from(kubeconfig)?;
    let config =
        kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    let cluster = Cluster::new(kube::Client::try_from(config)?);
    let owner = Owner { name: name.clone(), namespace: namespace.clone() };
    let started = Instant::now();
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
        }
    });
    let report = |it: Progress| say(format!("{:6.3} {it}", started.elapsed().as_secs_f64()));
    let evidence = Folder(std::env::temp_dir().join("zarpa-evidence").join(name));
    let ctx = Context { report: &report, evidence: &evidence, cancel: &cancel };
    act(&cluster, &owner, (action, rest), ctx).await?;
    say(format!("{:6.3} done", started.elapsed().as_secs_f64()));
    Ok(())
}

async fn act(
    cluster: &Cluster,
    owner: &Owner,
    (action, rest): (&str, &[String]),
    ctx: Context<'_>,
) -> Result<(), Box<dyn Error>> {
    let options = options();
    match action {
        "plan" | "deploy" => {
            let is_forced = rest.last().is_some_and(|it| it == "force");
            let mut request = request(owner, &rest[..rest.len() - usize::from(is_forced)])?;
            request.options.forces_conflicts = is_forced;
            let prepared = deploy::prepare(cluster, &request).await?;
            say(format!("{:?}: {}", prepared.standing, prepared.plan));
            say(serde_json::to_string_pretty(&prepared.plan.changes)?);
            if action == "deploy" {
                match deploy::deploy(cluster, &request, prepared, ctx).await {
                    Err(deploy::DeployError::Failed(failed)) => {
                        say(format!("{:#?}\n{:?}", failed.evidence, failed.aftermath));
                        return Err(Box::new(deploy::DeployError::Failed(failed)));
                    }
                    outcome => say(format!("{:?}", outcome?)),
                }
            }
        }
        "uninstall" => {
            let done = deploy::uninstall::uninstall(cluster, owner, &options, ctx).await?;
            say(format!("{done:?}"));
        }
        "rollback" => {
            let to = rest.first().map(|it| it.parse()).transpose()?;
            let revision = deploy::rollback::rollback(cluster, owner, to, &options, ctx).await?;
            say(format!("revision {revision}"));
        }
        "history" => say(format!("{:#?}", deploy::status::history(cluster, owner).await?)),
        "status" => say(format!("{:#?}", deploy::status::status(cluster, owner).await?)),
        "restart" => {
            say(format!(
                "{}",
                deploy::restart::restart(cluster, owner, options.timeout, ctx).await?
            ));
        }
        "logs" => {
            let options =
                deploy::logs::LogOptions { follow: rest.len() == 1, ..Default::default() };
            let mut print = |it: deploy::logs::LogLine| {
                say(format!("{}/{}: {}", it.pod, it.container, it.line));
            };
            deploy::logs::logs(cluster, owner, &options, &mut print, ctx.cancel).await?;
        }
        "unlock" => say(format!("{:?}", deploy::unlock::unlock(cluster, owner).await?)),
        action => return Err(format!("no action {action}").into()),
    }
    Ok(())
}

fn options() -> Options {
    Options { timeout: Duration::from_secs(120), ..Options::default() }
}

fn request(owner: &Owner, rest: &[String]) -> Result<Request, Box<dyn Error>> {
    let [file, checks @ ..] = rest else { return Err("deploy needs a manifest".into()) };
    let text = std::fs::read_to_string(file)?;
    let mut hooks = Vec::new();
    let mut plain = String::new();
    for document in manifest::parse(&text)? {
        let source = document.source.clone().unwrap_or_default();
        match hook(&document) {
            Some(hook) => hooks.push(hook),
            None => plain.extend(["---\n# Source: ", &source, "\n", &document.content]),
        }
    }
    let checks = checks.iter().map(|it| check(owner, it)).collect::<Option<Vec<Check>>>();
    Ok(Request {
        owner: owner.clone(),
        chart: Chart {
            metadata: json!({ "apiVersion": "v2", "name": owner.name, "version": "0.1.0", "appVersion": "1" }),
            values: json!({}),
            ..Chart::default()
        },
        values: Default::default(),
        manifest: plain,
        hooks,
        notes: "These are notes.".to_owned(),
        crds: Vec::new(),
        images: Vec::new(),
        checks: checks.ok_or("a check is SERVICE:PORT/PATH")?,
        options: options(),
    })
}

fn hook(document: &manifest::Document) -> Option<Hook> {
    let annotations = &document.object["metadata"]["annotations"];
    let words = |key: &str| -> Vec<String> {
        annotations[key].as_str().unwrap_or_default().split(',').map(str::to_owned).collect()
    };
    let events: Vec<HookEvent> =
        words(release::hook::ANNOTATION).iter().filter_map(|it| HookEvent::of(it)).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (!events.is_empty()).then(|| Hook {
        name: text(&document.object["metadata"]["name"]),
        kind: text(&document.object["kind"]),
        path: document.source.clone().unwrap_or_default(),
        manifest: document.content.clone(),
        events,
        last_run: Default::default(),
        weight: annotations["helm.sh/hook-weight"]
            .as_str()
            .and_then(|it| it.parse().ok())
            .unwrap_or_default(),
        delete_policies: words("helm.sh/hook-delete-policy")
            .iter()
            .filter_map(|it| HookDeletePolicy::of(it))
            .collect(),
        output_log_policies: words("helm.sh/hook-output-log-policy")
            .iter()
            .filter_map(|it| HookOutputLogPolicy::of(it))
            .collect(),
        rest: Default::default(),
    })
}

fn check(owner: &Owner, text: &str) -> Option<Check> {
    let (service, rest) = text.split_once(':')?;
    let (port, path) = rest.split_once('/')?;
    Some(Check {
        name: text.to_owned(),
        route: Route::Service {
            namespace: owner.namespace.clone(),
            service: service.to_owned(),
            port: port.to_owned(),
        },
        probe: Probe::Http {
            method: "GET".to_owned(),
            path: format!("/{path}"),
            headers: Vec::new(),
            expect: Expect::default(),
        },
        timeout: Duration::from_secs(10),
    })
}
