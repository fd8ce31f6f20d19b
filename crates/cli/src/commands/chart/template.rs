//! `zarpa chart template`: what a chart renders to, as `helm template` prints it.

use std::path::Path;

use chart::{Author, Chart, Inputs, Options, Output, Release, Rendered, TextOptions};
use host::files;
use repository::Unread;

use super::{
    dependency,
    inputs::{self, RELEASE, World},
    locate::{self, Located},
    problems,
};
use crate::{
    args::chart::Template, commands::block_on, context::Context, failure::Failure, output,
};

/// Prints what a chart renders to, or writes it into files.
pub(crate) fn template(context: &Context, args: &Template) -> Result<(), Failure> {
    let world = World::new(context, args.told.enable_dns, args.told.remote_schemas);
    let capabilities = inputs::capabilities(&args.told)?;
    let (name, path) = name_and_chart(args, &world)?;
    let located = locate::locate(context, path, &args.origin)?;
    let sources = inputs::sources(context, &args.values)?;
    let values = inputs::merge(context, &sources)?;
    let unread = Unread::default();
    let mut chart = located.load(path, Some(&unread))?;
    if let Located::Here(place) = &located
        && args.dependency_update
        && !is_complete(&chart)
    {
        let access = (&args.origin.keys, &args.origin.access);
        block_on(dependency::update(context, place, access, &dependency::say))?;
        chart = located.load(path, Some(&unread))?;
    }
    let release = inputs::release(&name, &args.told);
    check_name(&chart, &release)?;
    let options = Options { skips_schema: args.told.skip_schema_validation, ..Options::default() };
    let source = &world;
    let inputs = Inputs { release: &release, capabilities: &capabilities, source, options };
    let author = Author {
        chart: &chart,
        folder: path.trim_end_matches('/'),
        sources: &sources,
        values: &values,
        inputs,
    };
    let mut warnings = Vec::new();
    let rendered = chart::render_logged(&chart, &values, &inputs, &mut warnings);
    unread.check()?;
    problems::warn(context, &warnings)?;
    let rendered = match rendered {
        Ok(rendered) => rendered,
        Err(error) => {
            if let Some(found) = context
                .is_debug
                .then(|| chart::debug_render(&error, &chart, &values, &inputs))
                .flatten()
            {
                print(args, &found)?;
            }
            return Err(problems::rendering(error, &author));
        }
    };
    if args.validate {
        problems::validate(context, &chart, &rendered)?;
    }
    match &args.output_dir {
        Some(dir) => write(context, args, dir, &release.name, rendered.outputs(shown(args))),
        None => print(args, &rendered),
    }
}

fn shown(args: &Template) -> TextOptions {
    TextOptions {
        has_crds: args.include_crds,
        has_hooks: !args.no_hooks,
        has_tests: !args.skip_tests,
    }
}

/// Prints everything, or what `--show-only` names.
fn print(args: &Template, rendered: &Rendered) -> Result<(), Failure> {
    if args.show_only.is_empty() {
        return output::parts(&rendered.template_parts(shown(args)));
    }
    let patterns: Vec<&str> = args.show_only.iter().map(String::as_str).collect();
    output::raw(rendered.show_only(&patterns, shown(args))?.as_bytes())
}

/// The release's name and the chart's path.
fn name_and_chart<'a>(args: &'a Template, world: &World<'_>) -> Result<(String, &'a str), Failure> {
    let template = args.name_template.as_deref().filter(|it| !it.is_empty());
    match args.name_and_chart.as_slice() {
        [_, _] if args.generate_name => {
            Err(Failure::usage("cannot set --generate-name and also specify a name"))
        }
        [_, _] if template.is_some() => {
            Err(Failure::usage("cannot set --name-template and also specify a name"))
        }
        [name, path] => Ok((name.clone(), path)),
        [path, ..] => {
            let name = template.map(|it| chart::name_from_template(it, world));
            let name = name.unwrap_or_else(|| Ok(RELEASE.to_owned())).map_err(Failure::work)?;
            Ok((name, path))
        }
        [] => Err(Failure::usage("which chart?")),
    }
}

/// Helm looks at the name once the chart is there and complete.
fn check_name(chart: &Chart, release: &Release) -> Result<(), Failure> {
    match chart::check_release_name(&release.name) {
        Err(error) if is_complete(chart) && !chart.is_library() => {
            let name = &release.name;
            let text = format!("release name check failed: release name {name:?}: {error}");
            let hint = "small letters, digits, - and ., at most 53 of them".to_owned();
            Err(Failure::work(text).with_hint(Some(hint)))
        }
        _ => Ok(()),
    }
}

/// Whether everything that the chart wants in its `charts/` is there.
fn is_complete(chart: &Chart) -> bool {
    let listed = chart.metadata.dependencies.iter().flatten();
    let mut listed = listed.map(|it| &it.name);
    listed.all(|name| chart.dependencies.iter().any(|it| it.name() == *name))
}

/// Writes each file, and says so.
fn write(
    context: &Context,
    args: &Template,
    dir: &Path,
    name: &str,
    documents: Vec<Output<'_>>,
) -> Result<(), Failure> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for document in documents {
        let dir = dir.display();
        let path = if args.release_name && !document.is_crd {
            format!("{dir}/{name}/{}", document.path)
        } else {
            format!("{dir}/{}", document.path)
        };
        match texts.iter_mut().find(|it| document.follows && it.0 == path) {
            Some((_, text)) => text.push_str(&document.text),
            None => texts.push((path.clone(), document.text)),
        }
        output::line(&format!("wrote {path}"))?;
    }
    for (path, text) in texts {
        files::write_atomic(&context.path(Path::new(&path)), text.as_bytes())?;
    }
    // What helm would have printed is in the files; it prints the rest, which is an empty line.
    if args.show_only.is_empty() {
        return output::line("");
    }
    let patterns: Vec<&str> = args.show_only.iter().map(String::as_str).collect();
    let nothing = Rendered::default().show_only(&patterns, TextOptions::default())?;
    output::raw(nothing.as_bytes())
}
