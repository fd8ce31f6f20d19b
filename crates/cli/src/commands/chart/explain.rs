//! `zarpa chart explain`: what made a field of the output.

use chart::{Author, Cause, Explanation, Field, Inputs, Options, Origin, Place};
use serde_json::{Value as Json, json};

use super::{
    inputs::{self, RELEASE, World},
    problems,
};
use crate::{args::chart::Explain, context::Context, failure::Failure, output};

/// Prints the values, the files and the lines of templates behind a field.
pub(crate) fn explain(context: &Context, args: &Explain) -> Result<(), Failure> {
    let world = World::new(context, args.told.enable_dns, args.told.remote_schemas);
    let capabilities = inputs::capabilities(&args.told)?;
    let sources = inputs::sources(context, &args.values)?;
    let values = inputs::merge(context, &sources)?;
    let chart = inputs::load(context, &args.chart)?;
    let name = args.name.as_deref().unwrap_or(RELEASE);
    let release = inputs::release(name, &args.told);
    let options = Options { skips_schema: args.told.skip_schema_validation, ..Options::default() };
    let inputs = Inputs { release: &release, capabilities: &capabilities, source: &world, options };
    let folder = args.chart.trim_end_matches('/');
    let author = Author { chart: &chart, folder, sources: &sources, values: &values, inputs };
    let rendered = chart::render_with(&chart, &values, &inputs)
        .map_err(|error| problems::rendering(error, &author))?;
    let explanation = chart::explain(&author, &rendered, &args.path).map_err(|error| {
        let hint = error.hint(&rendered);
        Failure::work(error).with_hint(hint)
    })?;
    if context.is_json {
        return output::json(&to_json(&explanation));
    }
    output::raw(explanation.to_string().as_bytes())
}

fn to_json(explanation: &Explanation) -> Json {
    let place = |it: &Place| json!({ "file": it.file, "line": it.line });
    let field = |it: &Field| {
        let includes =
            it.includes.iter().map(|(name, at)| json!({ "name": name, "at": place(at) }));
        json!({
            "path": it.path,
            "value": chart::to_json(&it.value),
            "template": it.template.as_ref().map(place),
            "source": it.source,
            "includes": includes.collect::<Vec<Json>>(),
        })
    };
    let origin = |it: &Origin| json!({ "source": it.source, "line": it.line, "value": chart::to_json(&it.value) });
    let cause = |it: &Cause| {
        json!({
            "name": it.name,
            "value": chart::to_json(&it.value),
            "origins": it.origins.iter().map(origin).collect::<Vec<Json>>(),
            "decidesPresence": it.decides_presence,
        })
    };
    json!({
        "object": explanation.object,
        "fields": explanation.fields.iter().map(field).collect::<Vec<Json>>(),
        "moreFields": explanation.n_more,
        "causes": explanation.causes.iter().map(cause).collect::<Vec<Json>>(),
        "isPartial": explanation.is_partial,
    })
}
