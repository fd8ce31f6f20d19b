//! `zarpa history`: the revisions of a release, as helm keeps them.

use deploy::status::history as read_history;

use super::connect::{Absent, connect, one, open};
use crate::{args::OneRelease, context::Context, failure::Failure, output};

pub(crate) async fn history(context: &Context, args: &OneRelease) -> Result<(), Failure> {
    let workspace = open(context)?;
    let (service, chosen) = one(&workspace, args.service.as_ref(), &args.place)?;
    let environment = chosen.selection.environment;
    let (cluster, _) = connect(context, environment, &args.place, Absent::Fail).await?;
    let revisions = read_history(&cluster, &chosen.owner(service)).await?;
    if context.is_json {
        return output::json(&revisions);
    }
    let rows: Vec<Vec<String>> = revisions
        .iter()
        .map(|it| {
            let updated = it.updated.map(|it| it.to_string()).unwrap_or_default();
            let (revision, status) = (it.revision.to_string(), it.status.to_string());
            vec![revision, updated, status, it.chart.clone(), it.description.clone()]
        })
        .collect();
    output::table(&["REVISION", "UPDATED", "STATUS", "CHART", "DESCRIPTION"], &rows)
}
