//! `zarpa rollback`: an earlier revision put back, as a new one.

use deploy::{Context as DeployContext, Options, rollback::rollback as roll_back};

use super::connect::{Absent, connect, one, open};
use crate::{
    args::Rollback, context::Context, failure::Failure, interrupt, output, progress::Drawing,
    unkept::Unkept,
};

pub(crate) async fn rollback(context: &Context, args: &Rollback) -> Result<(), Failure> {
    let workspace = open(context)?;
    let (service, revision) = service_and_revision(args);
    let (service, chosen) = one(&workspace, service.as_ref(), &args.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.place, Absent::Fail).await?;
    let drawing = Drawing::new(context);
    let cancel = interrupt::token();
    let report = |progress: deploy::Progress| drawing.line(&format!("  {progress}"));
    let ctx = DeployContext { report: &report, evidence: &Unkept, cancel: &cancel };
    let default = Options::default();
    let options = Options { timeout: args.timeout.unwrap_or(default.timeout), ..default };
    let new = roll_back(&cluster, &chosen.owner(service), revision, &options, ctx).await?;
    output::line(&format!("{} is at revision {new}", service.name))
}

/// `rollback 3` names a revision, not a service: no service is named like a number.
fn service_and_revision(args: &Rollback) -> (Option<String>, Option<u32>) {
    let number = args.service.as_ref().and_then(|it| it.parse().ok());
    match (number, args.revision) {
        (Some(number), None) => (None, Some(number)),
        (_, revision) => (args.service.clone(), revision),
    }
}
