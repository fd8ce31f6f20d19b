//! `zarpa status`: the releases, their objects and pods, where they are reached.

use deploy::status::{ReleaseStatus, status as read_status};
use jiff::Timestamp;
use serde_json::json;

use super::connect::{Absent, choose, connect, open};
use crate::{args::OnCluster, context::Context, failure::Failure, output};

pub(crate) async fn status(context: &Context, args: &OnCluster) -> Result<(), Failure> {
    let workspace = open(context)?;
    let chosen = choose(&workspace, &args.services, &args.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.place, Absent::Fail).await?;
    let mut found = Vec::new();
    for service in &chosen.selection.services {
        let release = read_status(&cluster, &chosen.owner(service)).await?;
        let addresses = runner::addresses(&cluster, &release).await;
        found.push((release, addresses));
    }
    if context.is_json {
        let found: Vec<_> = found
            .iter()
            .map(|(release, addresses)| json!({"release": release, "addresses": addresses}))
            .collect();
        return output::json(&found);
    }
    found.iter().try_for_each(|(release, addresses)| tell(release, addresses))
}

fn tell(release: &ReleaseStatus, addresses: &[String]) -> Result<(), Failure> {
    let current = &release.current;
    let updated = current.updated.map(ago).unwrap_or_default();
    output::line(&format!(
        "{} in {}: revision {} {} ({}), {updated}",
        release.owner.name,
        release.owner.namespace,
        current.revision,
        current.status,
        current.chart
    ))?;
    for object in &release.objects {
        let state = if object.is_ready { "ready" } else { object.message.as_str() };
        output::line(&format!("  {}  {state}", object.id))?;
    }
    for pod in &release.pods {
        let age = pod.started.map(ago).unwrap_or_default();
        let restarts = match pod.n_restarts {
            0 => String::new(),
            n => format!(", restarts: {n}"),
        };
        output::line(&format!("  pod {}  {}{restarts}, {age}", pod.name, pod.state))?;
    }
    addresses.iter().try_for_each(|it| output::line(it))
}

fn ago(then: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
