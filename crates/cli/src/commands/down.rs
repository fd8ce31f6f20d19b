//! `zarpa down`: the releases removed, and with `--cluster` the embedded cluster too.

use cluster::control;
use deploy::{Context as DeployContext, Options, uninstall::uninstall};
use serde_json::json;

use super::connect::{Absent, choose, connect, open};
use crate::{
    args::Down, context::Context, failure::Failure, interrupt, output, progress::Drawing,
    unkept::Unkept,
};

pub(crate) async fn down(context: &Context, args: &Down) -> Result<(), Failure> {
    let place = &args.on.place;
    let is_embedded_down = control::status(&context.layout)?.is_none();
    // A cluster that goes as a whole needs no release removed first.
    let mut removed = Vec::new();
    if !(args.cluster || is_embedded_down && place.context.is_none() && place.kubeconfig.is_none())
    {
        removed = uninstall_all(context, args).await?;
    } else if !args.cluster {
        // The project must be right all the same.
        choose(&open(context)?, &args.on.services, place)?;
    }
    if args.cluster {
        control::reset(&context.layout, &context.exe)?;
    }
    if context.is_json {
        return output::json(&json!({"removed": removed, "cluster": args.cluster}));
    }
    for release in &removed {
        output::line(&format!("release {release} removed"))?;
    }
    if args.cluster {
        output::line("the embedded cluster and everything that it held are gone")?;
    } else if removed.is_empty() {
        output::line("nothing was deployed")?;
    }
    Ok(())
}

async fn uninstall_all(context: &Context, args: &Down) -> Result<Vec<String>, Failure> {
    let workspace = open(context)?;
    let chosen = choose(&workspace, &args.on.services, &args.on.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.on.place, Absent::Fail).await?;
    let drawing = Drawing::new(context);
    let cancel = interrupt::token();
    let report = |progress: deploy::Progress| drawing.line(&format!("  {progress}"));
    let ctx = DeployContext { report: &report, evidence: &Unkept, cancel: &cancel };
    let mut removed = Vec::new();
    // What others need goes last.
    for service in chosen.selection.services.iter().rev() {
        let owner = chosen.owner(service);
        let left = uninstall(&cluster, &owner, &Options::default(), ctx).await?;
        for kept in left.kept.iter().chain(&left.foreign) {
            drawing.line(&format!("  {kept} stays"));
        }
        if left.was_there {
            removed.push(owner.name);
        }
    }
    Ok(removed)
}
