//! `zarpa runs`: the records of runs.

use runner::{Record, list_runs};

use super::connect::open;
use crate::{args::RunsCommand, context::Context, failure::Failure, output};

pub(crate) fn runs(context: &Context, command: Option<&RunsCommand>) -> Result<(), Failure> {
    let workspace = open(context)?;
    let folder = workspace.runs();
    let records = list_runs(&folder)?;
    match command {
        None if context.is_json => output::json(&records),
        None => list(&records),
        Some(RunsCommand::Show { id }) => {
            let record = records.iter().find(|it| it.id == *id).ok_or_else(|| {
                let known = records.last().map(|it| format!("the last one is {}", it.id));
                Failure::usage(format!("there is no run `{id}`")).with_hint(known)
            })?;
            if context.is_json {
                return output::json(record);
            }
            show(record)?;
            output::line(&format!("files: {}", folder.join(id).display()))
        }
    }
}

fn list(records: &[Record]) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|it| {
            let verdict = format!("{:?}", it.verdict).to_lowercase();
            let cause = it.cause.clone().unwrap_or_default();
            let took = format!("{} ms", it.took_ms);
            vec![it.id.clone(), it.command.clone(), it.environment.clone(), verdict, took, cause]
        })
        .collect();
    output::table(&["RUN", "COMMAND", "ENVIRONMENT", "VERDICT", "TOOK", "CAUSE"], &rows)
}

fn show(record: &Record) -> Result<(), Failure> {
    let verdict = format!("{:?}", record.verdict).to_lowercase();
    output::line(&format!(
        "{}: {} of {} to {} on {}, {verdict} in {} ms",
        record.id,
        record.command,
        record.project,
        record.environment,
        record.cluster,
        record.took_ms
    ))?;
    for service in &record.services {
        output::line(&format!("  {}", service.name))?;
        for stage in &service.stages {
            let outcome = stage
                .outcome
                .map_or_else(|| "failed".to_owned(), |it| format!("{it:?}").to_lowercase());
            output::line(&format!(
                "    {:<7} {outcome:<9} {:>8} ms  {}",
                stage.stage, stage.took_ms, stage.detail
            ))?;
        }
    }
    Ok(())
}
