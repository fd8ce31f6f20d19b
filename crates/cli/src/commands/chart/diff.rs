//! `zarpa chart diff`: two renderings, object by object.

use std::{path::Path, process::ExitCode};

use chart::{Author, Change, Difference, Inputs, Options, TextOptions};
use host::files;
use serde_json::json;

use super::{
    inputs::{self, World},
    problems,
};
use crate::{args::chart::Diff, args::chart::Values, context::Context, failure::Failure, output};

/// A difference was found, and asked for by the exit code.
const DIFFERENT: u8 = 1;

/// Prints what differs.
pub(crate) fn diff(context: &Context, args: &Diff) -> Result<ExitCode, Failure> {
    let to = args.to.as_deref().unwrap_or(&args.from);
    let mut values = args.values.clone();
    let before = rendering(context, args, &args.from, &values)?;
    values.files.extend(args.to_values.iter().cloned());
    values.set.extend(args.to_set.iter().cloned());
    let after = rendering(context, args, to, &values)?;
    let differences = chart::compare(&before, &after)?;
    if context.is_json {
        let all: Vec<serde_json::Value> = differences.iter().map(to_json).collect();
        output::json(&json!({ "differences": all }))?;
    } else {
        differences.iter().try_for_each(|it| output::line(&it.to_string()))?;
    }
    let is_different = args.exit_code && !differences.is_empty();
    Ok(if is_different { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
}

/// The text of a file with manifests, or what a chart renders to.
fn rendering(
    context: &Context,
    args: &Diff,
    path: &str,
    values: &Values,
) -> Result<String, Failure> {
    let place = inputs::find(context, path)?;
    let is_manifests = [".yaml", ".yml"].iter().any(|it| path.ends_with(it));
    if is_manifests && !place.is_dir() {
        return Ok(files::read_text(&context.path(Path::new(path)))?);
    }
    let sources = inputs::sources(context, values)?;
    let values = inputs::merge(context, &sources)?;
    let chart = inputs::load(context, path)?;
    let options = Options { skips_schema: args.told.skip_schema_validation, ..Options::default() };
    let (release, capabilities) =
        (inputs::release(&args.name, &args.told), inputs::capabilities(&args.told)?);
    let inputs = Inputs {
        release: &release,
        capabilities: &capabilities,
        source: &World::new(context, args.told.enable_dns, args.told.remote_schemas),
        options,
    };
    let folder = path.trim_end_matches('/');
    let author = Author { chart: &chart, folder, sources: &sources, values: &values, inputs };
    let rendered = chart::render_with(&chart, &values, &inputs)
        .map_err(|error| problems::rendering(error, &author))?;
    Ok(rendered.template_text(TextOptions { has_crds: true, ..TextOptions::default() }))
}

fn to_json(difference: &Difference) -> serde_json::Value {
    let (change, fields) = match &difference.change {
        Change::Added => ("added", Vec::new()),
        Change::Removed => ("removed", Vec::new()),
        Change::Changed(fields) => {
            let field =
                |it: &chart::FieldChange| json!({ "path": it.path, "text": it.to_string() });
            ("changed", fields.iter().map(field).collect())
        }
    };
    json!({
        "object": difference.object,
        "source": difference.source,
        "change": change,
        "fields": fields,
    })
}
