//! `zarpa unlock`: a release freed whose last run died elsewhere.

use deploy::unlock::unlock as free;

use super::connect::{Absent, connect, one, open};
use crate::{args::OneRelease, context::Context, failure::Failure, output};

pub(crate) async fn unlock(context: &Context, args: &OneRelease) -> Result<(), Failure> {
    let workspace = open(context)?;
    let (service, chosen) = one(&workspace, args.service.as_ref(), &args.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.place, Absent::Fail).await?;
    let freed = free(&cluster, &chosen.owner(service)).await?;
    match (freed.stuck, freed.had_lock) {
        (Some(revision), _) => {
            output::line(&format!("{}: revision {revision} marked failed", service.name))
        }
        (None, true) => output::line(&format!("{}: lock removed", service.name)),
        (None, false) => output::line(&format!("{} was not locked", service.name)),
    }
}
