//! What is wrong with charts, in words.

use std::path::Path;

use chart::{
    Author, Chart, ObjectProblem, Problem, RenderError, Rendered, ValueSources, Values, Warning,
};

use crate::{context::Context, failure::Failure};

/// Says on standard error what helm would log.
pub(crate) fn warn(context: &Context, warnings: &[Warning]) -> Result<(), Failure> {
    let line = |warning: &Warning| {
        if context.has_helm_words { warning.log_line() } else { format!("warning: {warning}") }
    };
    say(context, warnings.iter().map(line))
}

/// Lines on standard error, which the JSON on standard output does without.
fn say(context: &Context, lines: impl Iterator<Item = String>) -> Result<(), Failure> {
    use std::io::Write as _;
    if context.is_json {
        return Ok(());
    }
    let mut out = std::io::stderr().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A rendering that failed, with everything that is known of it.
pub(crate) fn rendering(error: RenderError, author: &Author<'_>) -> Failure {
    let problems = chart::diagnose(&error, author);
    told(Failure::from(error), "render", author.chart.name(), &problems)
}

/// A chart that could not be read.
pub(crate) fn loading(error: chart::LoadError, place: &Path, folder: &str) -> Failure {
    let files = repository::read_folder(place).unwrap_or_default();
    let problem = chart::diagnose_load(&error, folder.trim_end_matches('/'), &files);
    told(Failure::from(error), "read", folder, &[problem])
}

/// Values that could not be merged.
pub(crate) fn merging(
    sources: &ValueSources,
    merged: Result<Values, chart::ValuesError>,
) -> Result<Values, Failure> {
    merged.map_err(|error| {
        let problem = chart::diagnose_values(&error, sources);
        let lines = chart::problem_lines(&[problem]);
        Failure::from(error).headed("could not read the values".to_owned()).with_evidence(lines)
    })
}

fn told(failure: Failure, step: &str, chart: &str, problems: &[Problem]) -> Failure {
    let count = match problems.len() {
        0 | 1 => String::new(),
        several => format!(": {several} problems"),
    };
    let head = format!("could not {step} the chart `{chart}`{count}");
    failure.headed(head).with_evidence(chart::problem_lines(problems))
}

/// Fails with everything that the API server would refuse.
pub(crate) fn validate(
    context: &Context,
    chart: &Chart,
    rendered: &Rendered,
) -> Result<(), Failure> {
    let (unknown, wrong): (Vec<ObjectProblem>, Vec<ObjectProblem>) =
        chart::check_objects(rendered).into_iter().partition(|it| it.is_unknown_kind);
    let note = |it: &ObjectProblem| format!("warning: {}: {}: {}", it.source, it.object, it.text);
    say(context, unknown.iter().map(note))?;
    if wrong.is_empty() {
        return Ok(());
    }
    let lines = wrong.iter().map(line).collect();
    let (n_problems, name) = (wrong.len(), chart.name());
    let problems = if n_problems == 1 { "problem" } else { "problems" };
    let text = format!(
        "Kubernetes {} would refuse what the chart `{name}` renders to: {n_problems} {problems}",
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
