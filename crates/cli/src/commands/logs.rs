//! `zarpa logs`: what the services' containers write, each line with its pod.

use deploy::logs::{LogOptions, logs as read_logs};

use super::connect::{Absent, choose, connect, open};
use crate::{args::Logs, context::Context, failure::Failure, interrupt, output};

pub(crate) async fn logs(context: &Context, args: &Logs) -> Result<(), Failure> {
    let workspace = open(context)?;
    let chosen = choose(&workspace, &args.on.services, &args.on.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.on.place, Absent::Fail).await?;
    let cancel = interrupt::token();
    let options = LogOptions {
        follow: args.follow,
        tail_lines: Some(u64::from(args.tail)),
        ..LogOptions::default()
    };
    let reads = chosen.selection.services.iter().map(|service| {
        let (cluster, options, cancel) = (&cluster, &options, &cancel);
        let owner = chosen.owner(service);
        async move {
            let mut print = |line: deploy::logs::LogLine| {
                let text = if context.is_json {
                    serde_json::json!({"pod": line.pod, "container": line.container,
                        "line": line.line})
                    .to_string()
                } else {
                    format!("{} {}", line.pod, line.line)
                };
                if output::line(&text).is_err() {
                    cancel.cancel();
                }
            };
            read_logs(cluster, &owner, options, &mut print, cancel).await
        }
    });
    futures_util::future::try_join_all(reads).await?;
    Ok(())
}
