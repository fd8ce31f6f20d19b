//! What is wrong with charts, in words.

use chart::{ObjectProblem, Rendered};

use crate::{context::Context, failure::Failure};

/// Says on standard error what helm would log.
pub(crate) fn warn(context: &Context, warnings: &[String]) -> Result<(), Failure> {
    use std::io::Write as _;
    if context.is_json {
        return Ok(());
    }
    let mut out = std::io::stderr().lock();
    for warning in warnings {
        writeln!(out, "warning: {}", warning.trim_start_matches("warning: "))?;
    }
    Ok(())
}

/// Fails with everything that the API server would refuse.
pub(crate) fn validate(context: &Context, rendered: &Rendered) -> Result<(), Failure> {
    let (unknown, wrong): (Vec<ObjectProblem>, Vec<ObjectProblem>) =
        chart::check_objects(rendered).into_iter().partition(|it| it.is_unknown_kind);
    let notes: Vec<String> =
        unknown.iter().map(|it| format!("{}: {}: {}", it.source, it.object, it.text)).collect();
    warn(context, &notes)?;
    if wrong.is_empty() {
        return Ok(());
    }
    let lines = wrong.iter().map(line).collect();
    let n_objects = wrong.len();
    let text = format!(
        "{n_objects} {} Kubernetes {} would refuse",
        if n_objects == 1 { "field that" } else { "fields that" },
        chart::KUBERNETES
    );
    Err(Failure::work(text).with_evidence(lines))
}

fn line(problem: &ObjectProblem) -> String {
    let field =
        if problem.field.is_empty() { String::new() } else { format!(" {}", problem.field) };
    let hint = problem.hint.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    let ObjectProblem { source, object, line, text, .. } = problem;
    format!("{source}, line {line} of the output: {object}{field}: {text}{hint}")
}
