//! From the text of `zarpa.toml` to a [`Project`], or to everything that is wrong with it.

use std::collections::BTreeMap;

use toml::de::DeTable;

use crate::{
    decode::{Decoder, Fields},
    problem::{Problem, Problems},
    project::{
        ChartSource, ENVIRONMENT_DEFAULT, Environment, Image, ImageValues, Overlay, Project,
        Registry, Service, Smoke, SmokeProtocol, Stage,
    },
};

/// The file's name, at the root of a project.
pub const FILE_NAME: &str = "zarpa.toml";

const RUNS_DEFAULT: &str = ".zarpa/runs";
const NAME_BYTES_MAX: usize = 53;
const SMOKE_TIMEOUT_S_DEFAULT: u64 = 30;
const STATUS_DEFAULT: u16 = 200;
const USER_DEFAULT: &str = "1000:1000";

/// Reads a project from `text`; `file` only names it in problems.
pub fn parse(file: &str, text: &str) -> Result<Project, Problems> {
    let mut decoder = Decoder::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let offset = error.span().map_or(0, |it| it.start);
        decoder.problem(offset, error.message().to_owned(), None);
    }
    // With broken syntax, what is missing is only what could not be read.
    let is_sound = decoder.problems.is_empty();
    let read = is_sound.then(|| project(&mut decoder, Fields::new(&table)));
    let mut problems = decoder.problems;
    problems.sort_by_key(|it: &Problem| (it.line, it.column));
    match read {
        Some(project) if problems.is_empty() => Ok(project),
        _ => Err(Problems { file: file.to_owned(), problems }),
    }
}

fn project(decoder: &mut Decoder<'_>, mut fields: Fields<'_>) -> Project {
    let name = fields.required(decoder, "name");
    check_name(decoder, &fields, "name", &name);
    let runs = fields.string(decoder, "runs").unwrap_or_else(|| RUNS_DEFAULT.to_owned());
    let mut services = BTreeMap::new();
    for (name, service_fields) in fields.tables(decoder, "services") {
        check_name(decoder, &service_fields, "", &name);
        services.insert(name.clone(), service(decoder, name, service_fields));
    }
    if services.is_empty() && !fields.has("services") {
        fields.wrong(decoder, "services", "no `[services.NAME]` says what to ship".to_owned());
    }
    let mut environments = BTreeMap::new();
    for (name, environment_fields) in fields.tables(decoder, "environments") {
        check_name(decoder, &environment_fields, "", &name);
        let environment = environment(decoder, &name, environment_fields, &services);
        environments.insert(name, environment);
    }
    environments
        .entry(ENVIRONMENT_DEFAULT.to_owned())
        .or_insert_with(|| Environment::named(ENVIRONMENT_DEFAULT));
    fields.finish(decoder);
    Project { name, runs, services, environments }
}

/// Names become names of releases and namespaces.
fn check_name(decoder: &mut Decoder<'_>, fields: &Fields<'_>, key: &str, name: &str) {
    let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_valid = name.len() <= NAME_BYTES_MAX
        && name.starts_with(is_plain)
        && name.ends_with(is_plain)
        && name.chars().all(|it| is_plain(it) || it == '-');
    if !is_valid && (!name.is_empty() || key.is_empty()) {
        let message = format!(
            "`{name}` is no valid name: at most {NAME_BYTES_MAX} lower-case letters, digits and `-`"
        );
        fields.wrong(decoder, key, message);
    }
}

fn service(decoder: &mut Decoder<'_>, name: String, mut fields: Fields<'_>) -> Service {
    let needs = fields.strings(decoder, "needs");
    let inputs = fields.strings(decoder, "inputs");
    let test = fields.table(decoder, "test");
    let test = stage(decoder, test);
    let build = fields.table(decoder, "build");
    let build = stage(decoder, build);
    let image_fields = fields.table(decoder, "image");
    let image = image_fields.is_given().then(|| image(decoder, &name, image_fields));
    let chart_fields = fields.table(decoder, "chart");
    if !chart_fields.is_given() && !fields.has("chart") {
        let message = format!("`{}` is missing: which chart deploys it?", fields.path_of("chart"));
        fields.wrong(decoder, "chart", message);
    }
    let chart = chart(decoder, chart_fields);
    let smoke = fields.list(decoder, "smoke").into_iter().map(|it| smoke(decoder, it)).collect();
    fields.finish(decoder);
    Service { name, needs, inputs, test, build, image, chart, smoke }
}

fn stage(decoder: &mut Decoder<'_>, mut fields: Fields<'_>) -> Option<Stage> {
    if !fields.is_given() {
        return None;
    }
    let run = fields.strings(decoder, "run");
    if run.is_empty() {
        let message = format!("`{}` is missing: which commands?", fields.path_of("run"));
        fields.wrong(decoder, "run", message);
    }
    let inputs = fields.strings(decoder, "inputs");
    let env = fields.map(decoder, "env");
    fields.finish(decoder);
    Some(Stage { run, inputs, env })
}

fn image(decoder: &mut Decoder<'_>, service: &str, mut fields: Fields<'_>) -> Image {
    let base = fields.string(decoder, "base").filter(|it| it != "scratch");
    let platforms = fields.strings(decoder, "platforms");
    if 1 < platforms.len() {
        let message = "images for several platforms are not supported yet: name one".to_owned();
        fields.wrong(decoder, "platforms", message);
    }
    let image = Image {
        repository: fields.string(decoder, "repository").unwrap_or_else(|| service.to_owned()),
        base,
        files: fields.map(decoder, "files"),
        user: fields.string(decoder, "user").unwrap_or_else(|| USER_DEFAULT.to_owned()),
        entrypoint: fields.strings(decoder, "entrypoint"),
        cmd: fields.strings(decoder, "cmd"),
        env: fields.map(decoder, "env"),
        working_dir: fields.string(decoder, "working_dir").unwrap_or_default(),
        ports: fields.ports(decoder, "ports"),
        labels: fields.map(decoder, "labels"),
        platforms,
    };
    for to in image.files.keys().filter(|it| !it.starts_with('/')) {
        let message = format!("`{to}` must be an absolute path: it is a place in the image");
        fields.wrong(decoder, "files", message);
    }
    fields.finish(decoder);
    image
}

fn chart(decoder: &mut Decoder<'_>, mut fields: Fields<'_>) -> ChartSource {
    if !fields.is_given() {
        let path = String::new();
        return ChartSource { path, values: vec![], set: vec![], image: ImageValues::default() };
    }
    let chart = ChartSource {
        path: fields.required(decoder, "path"),
        values: fields.strings(decoder, "values"),
        set: fields.strings(decoder, "set"),
        image: image_values(decoder, &mut fields),
    };
    fields.finish(decoder);
    chart
}

fn image_values(decoder: &mut Decoder<'_>, fields: &mut Fields<'_>) -> ImageValues {
    if fields.is_string("image") {
        return ImageValues { whole: fields.string(decoder, "image"), ..ImageValues::default() };
    }
    let mut parts = fields.table(decoder, "image");
    if !parts.is_given() {
        return ImageValues::default();
    }
    let values = ImageValues {
        whole: None,
        hub: parts.string(decoder, "hub"),
        image: parts.string(decoder, "image"),
        tag: parts.string(decoder, "tag"),
        digest: parts.string(decoder, "digest"),
    };
    if values.image.is_none() {
        let message = format!("`{}` is missing: which value is its name?", parts.path_of("image"));
        parts.wrong(decoder, "image", message);
    }
    parts.finish(decoder);
    values
}

fn smoke(decoder: &mut Decoder<'_>, mut fields: Fields<'_>) -> Smoke {
    let path = fields.string(decoder, "path");
    let host = fields.string(decoder, "host");
    let status = fields.integer(decoder, "status", "a status code");
    let contains = fields.string(decoder, "contains");
    let is_tcp = fields.bool(decoder, "tcp").unwrap_or_default();
    let grpc = fields.string(decoder, "grpc");
    let n_given = usize::from(path.is_some()) + usize::from(is_tcp) + usize::from(grpc.is_some());
    if n_given != 1 {
        let message = "a smoke check needs exactly one of `path`, `tcp` and `grpc`".to_owned();
        fields.wrong(decoder, "", message);
    }
    let (name, protocol) = match (path, grpc) {
        (Some(path), _) => {
            let status = status.unwrap_or(STATUS_DEFAULT);
            (format!("GET {path}"), SmokeProtocol::Http { path, host, status, contains })
        }
        (None, Some(service)) => (format!("gRPC {service}"), SmokeProtocol::Grpc { service }),
        (None, None) => ("TCP".to_owned(), SmokeProtocol::Tcp),
    };
    let is_http = matches!(protocol, SmokeProtocol::Http { .. });
    let smoke = Smoke {
        name: fields.string(decoder, "name").unwrap_or(name),
        protocol,
        port: fields.string(decoder, "port"),
        through_ingress: fields.bool(decoder, "ingress").unwrap_or(is_http),
        timeout_s: fields
            .integer(decoder, "timeout", "a number of seconds")
            .unwrap_or(SMOKE_TIMEOUT_S_DEFAULT),
    };
    fields.finish(decoder);
    smoke
}

fn environment(
    decoder: &mut Decoder<'_>,
    name: &str,
    mut fields: Fields<'_>,
    services: &BTreeMap<String, Service>,
) -> Environment {
    let namespace = fields.string(decoder, "namespace").unwrap_or_else(|| name.to_owned());
    check_name(decoder, &fields, "namespace", &namespace);
    let registry_fields = fields.table(decoder, "registry");
    let registry = registry(decoder, registry_fields);
    let mut overlays = BTreeMap::new();
    for (service, mut overlay) in fields.tables(decoder, "services") {
        if !services.contains_key(&service) {
            let message = format!("there is no service `{service}`");
            overlay.wrong(decoder, "", message);
        }
        let values = overlay.strings(decoder, "values");
        let set = overlay.strings(decoder, "set");
        overlay.finish(decoder);
        overlays.insert(service, Overlay { values, set });
    }
    let environment = Environment {
        name: name.to_owned(),
        context: fields.string(decoder, "context"),
        kubeconfig: fields.string(decoder, "kubeconfig"),
        namespace,
        registry,
        address: fields.string(decoder, "address"),
        timeout_s: fields.integer(decoder, "timeout", "a number of seconds"),
        services: overlays,
    };
    fields.finish(decoder);
    environment
}

fn registry(decoder: &mut Decoder<'_>, mut fields: Fields<'_>) -> Option<Registry> {
    if !fields.is_given() {
        return None;
    }
    let registry = Registry {
        hub: fields.required(decoder, "hub"),
        is_plain_http: fields.bool(decoder, "plain_http").unwrap_or_default(),
    };
    fields.finish(decoder);
    Some(registry)
}

#[cfg(test)]
mod tests;
