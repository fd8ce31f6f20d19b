//! `zarpa chart template`: what a chart renders to, as `helm template` prints it.

use std::path::Path;

use chart::{Capabilities, Chart, KubeVersion, Release, Rendered, TextOptions};
use host::files;

use super::inputs::{World, load, sources};
use crate::{args::chart::Template, context::Context, failure::Failure, output};

/// The name that helm gives a release that is only rendered.
const RELEASE: &str = "release-name";

/// Prints what a chart renders to.
pub(crate) fn template(context: &Context, args: &Template) -> Result<(), Failure> {
    let (name, path) = match args.name_and_chart.as_slice() {
        [name, path] => (name.as_str(), path),
        [path, ..] => (RELEASE, path),
        [] => return Err(Failure::usage("which chart?")),
    };
    let chart = load(&context.path(Path::new(path)))?;
    let values = sources(context, args)?.merge(&|path| {
        let text = files::read_text(&context.path(Path::new(path)));
        text.map_err(|it| it.to_string())
    })?;
    let release = Release {
        name: name.to_owned(),
        namespace: args.namespace.clone(),
        is_upgrade: args.is_upgrade,
        is_install: !args.is_upgrade,
        revision: 1,
        service: "Helm".to_owned(),
    };
    let mut capabilities = Capabilities::default();
    if let Some(version) = &args.kube_version {
        capabilities.kube_version = KubeVersion::parse(version).map_err(Failure::usage)?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let rendered = chart::render(&chart, &values, &release, &capabilities, &World)?;
    output::raw(text(args, &chart, &rendered)?.as_bytes())
}

/// The documents in helm's order: CRDs, manifests, hooks.
fn text(args: &Template, chart: &Chart, rendered: &Rendered) -> Result<String, Failure> {
    if args.show_only.is_empty() {
        return Ok(rendered.template_text(TextOptions {
            has_crds: args.include_crds,
            has_hooks: !args.no_hooks,
            has_tests: !args.skip_tests,
        }));
    }
    let mut shown = String::new();
    for wanted in &args.show_only {
        let source = format!("{}/{wanted}", chart.name());
        let manifests = rendered.manifests.iter().map(|it| (&it.source, &it.content));
        let hooks = rendered.hooks.iter().map(|it| (&it.path, &it.manifest));
        let found: Vec<String> = manifests
            .chain(hooks)
            .filter(|it| *it.0 == source)
            .map(|(source, content)| format!("---\n# Source: {source}\n{content}\n"))
            .collect();
        if found.is_empty() {
            return Err(Failure::work(format!("could not find template {wanted} in chart")));
        }
        shown.push_str(&found.concat());
    }
    Ok(shown)
}
