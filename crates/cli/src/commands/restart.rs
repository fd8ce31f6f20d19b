//! `zarpa restart`: new pods for the same revision, without losing capacity.

use deploy::{Context as DeployContext, Options, restart::restart as restart_release};

use super::connect::{Absent, choose, connect, open};
use crate::{
    args::OnCluster, context::Context, failure::Failure, interrupt, output, progress::Drawing,
    unkept::Unkept,
};

pub(crate) async fn restart(context: &Context, args: &OnCluster) -> Result<(), Failure> {
    let workspace = open(context)?;
    let chosen = choose(&workspace, &args.services, &args.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.place, Absent::Fail).await?;
    let drawing = Drawing::new(context);
    let cancel = interrupt::token();
    let report = |progress: deploy::Progress| drawing.line(&format!("  {progress}"));
    let ctx = DeployContext { report: &report, evidence: &Unkept, cancel: &cancel };
    for service in &chosen.selection.services {
        let owner = chosen.owner(service);
        let timeout = Options::default().timeout;
        let n_workloads = restart_release(&cluster, &owner, timeout, ctx).await?;
        output::line(&format!("{}: {n_workloads} restarted", owner.name))?;
    }
    Ok(())
}
