//! Random templates, executed here and by Go with Helm's functions: whatever differs is shown.
//!
//! The other side is the program in `xtask/oracle/tmpl`, which is built first; that needs Go and its
//! module proxy. A seed and a number name a template for good.

use std::{
    cell::Cell,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chart::{Host, Source};
use gotmpl::{Context, Limits, List, Map, Templates, Value};
use serde_json::{Value as Json, json};

use crate::{
    corpus::STACK_BYTES,
    shell::{self, root},
};

mod generate;

const COUNT_DEFAULT: usize = 100_000;
/// How many templates go to Go at once: fewer than a pipe holds of answers would not be quicker.
const BATCH: usize = 500;
const SHOWN_MAX: usize = 40;
const USAGE: &str = "differ [COUNT] [--seed N] [--only KIND] [--oracle PROGRAM]";

/// Compares so many templates; fails when any differs.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let (mut count, mut seed, mut only, mut oracle) = (COUNT_DEFAULT, 1, None, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seed" => seed = args.next().context(USAGE)?.parse().context("--seed")?,
            "--only" => only = args.next().cloned(),
            "--oracle" => oracle = args.next().map(PathBuf::from),
            number => count = number.parse().context(USAGE)?,
        }
    }
    let oracle = match oracle {
        Some(oracle) => oracle,
        None => build()?,
    };
    let worker = move || compare(&oracle, count, seed, only.as_deref());
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(worker)?;
    let (n_different, n_failing) =
        worker.join().map_err(|_| anyhow::anyhow!("a template panicked"))??;
    eprintln!(
        "differ: {count} templates, of which {n_failing} fail with Go; {n_different} differ here"
    );
    ensure!(n_different == 0, "{n_different} templates differ");
    Ok(())
}

/// Builds the program of the other side.
fn build() -> anyhow::Result<PathBuf> {
    let program = root().join("target/oracle/tmpl");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg(".").current_dir(root().join("xtask/oracle/tmpl"));
    shell::run(go.env("GOTOOLCHAIN", "go1.25.9").env("CGO_ENABLED", "0"))?;
    Ok(program)
}

fn compare(
    oracle: &PathBuf,
    count: usize,
    seed: u64,
    only: Option<&str>,
) -> anyhow::Result<(usize, usize)> {
    let values: Json = serde_json::from_str(generate::VALUES)?;
    let mut generator = generate::Generator::new(seed);
    let mut oracle = Oracle::start(oracle)?;
    let (mut n_different, mut n_failing, mut n_deaths, mut n_done) = (0, 0, 0, 0);
    while n_done < count {
        let n_batch = BATCH.min(count - n_done);
        let templates: Vec<String> = (0..n_batch).map(|_| generator.template(only)).collect();
        let answers = oracle.ask(&templates, &values)?;
        for (template, theirs) in templates.iter().zip(answers) {
            // Whatever becomes of it here, it must end.
            let ours = rendered(template, &values);
            let Some(theirs) = theirs else {
                n_deaths += 1;
                continue;
            };
            n_failing += usize::from(theirs.is_err());
            if ours == theirs || is_excused(&ours, &theirs) {
                continue;
            }
            n_different += 1;
            if n_different <= SHOWN_MAX {
                eprintln!("{template}\n  go   {}\n  here {}", shown(&theirs), shown(&ours));
            }
        }
        n_done += n_batch;
    }
    oracle.end()?;
    eprintln!("differ: Go's program died of {n_deaths}, and was started again");
    Ok((n_different, n_failing))
}

type Answer = Result<Vec<u8>, String>;

fn shown(answer: &Answer) -> String {
    match answer {
        Ok(text) => format!("{:?}", String::from_utf8_lossy(text)),
        Err(error) => format!("error: {error}"),
    }
}

/// Our own limits, where Go's program has the memory of the machine.
const LIMITS: [&str; 4] =
    ["longer than ", "there are more than ", "more than 10000000 numbers", " not supported here"];

/// What is known to differ.
fn is_excused(ours: &Answer, theirs: &Answer) -> bool {
    match (ours, theirs) {
        (Err(ours), _) => LIMITS.iter().any(|limit| ours.contains(limit)),
        (Ok(ours), Ok(theirs)) => {
            let (ours, theirs) = (String::from_utf8_lossy(ours), String::from_utf8_lossy(theirs));
            // An address means nothing, and keys of tables are text here, whatever bytes they had.
            ours.contains("c000012345") || *ours == theirs.replace("\\ufffd", "\u{fffd}")
        }
        _ => false,
    }
}

/// The program of the other side, running.
struct Oracle {
    program: PathBuf,
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Oracle {
    fn start(program: &PathBuf) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).env("TZ", "UTC");
        let mut process = command.spawn().with_context(|| program.display().to_string())?;
        let answers = BufReader::new(process.stdout.take().context("its output is piped")?);
        Ok(Self { program: program.to_owned(), process, answers })
    }

    /// An answer for each template; none where Go's program died, as it does of endless recursion.
    fn ask(&mut self, templates: &[String], values: &Json) -> anyhow::Result<Vec<Option<Answer>>> {
        let mut all = Vec::with_capacity(templates.len());
        while all.len() < templates.len() {
            all.extend(
                self.ask_until_death(&templates[all.len()..], values)?.into_iter().map(Some),
            );
            if all.len() < templates.len() {
                all.push(None);
                let _status = self.process.wait()?;
                *self = Self::start(&self.program)?;
            }
        }
        Ok(all)
    }

    fn ask_until_death(
        &mut self,
        templates: &[String],
        values: &Json,
    ) -> anyhow::Result<Vec<Answer>> {
        let questions: String =
            templates.iter().map(|it| format!("{}\n", json!({"t": it, "v": values}))).collect();
        let input = self.process.stdin.as_mut().context("its input is piped")?;
        let answers = &mut self.answers;
        thread::scope(|scope| {
            // When the other side is gone, its answers end: that is enough to know.
            let writer = scope.spawn(move || input.write_all(questions.as_bytes()).is_ok());
            let mut all = Vec::with_capacity(templates.len());
            for _ in templates {
                let mut line = String::new();
                if answers.read_line(&mut line)? == 0 {
                    break;
                }
                let answer: Json = serde_json::from_str(&line)?;
                all.push(match answer["e"].as_str() {
                    Some("") | None => {
                        Ok(STANDARD.decode(answer["o"].as_str().unwrap_or_default())?)
                    }
                    Some(error) => Err(error.to_owned()),
                });
            }
            writer.join().map_err(|_| anyhow::anyhow!("writing panicked"))?;
            Ok(all)
        })
    }

    fn end(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        ensure!(self.process.wait()?.success(), "the oracle failed");
        Ok(())
    }
}

/// The output of a template, or the error's text, with the root that the oracle gives.
fn rendered(template: &str, values: &Json) -> Answer {
    let source = Still::default();
    let functions = Host::new(&source, false);
    let limits = Limits { stack_bytes_max: STACK_BYTES / 2, ..Limits::default() };
    let templates = Templates::new();
    templates
        .parse("c/t", template.as_bytes(), &functions, limits.stack_bytes_max)
        .map_err(|error| error.to_string())?;
    let Value::Map(values) = value(values) else { return Err("values are a table".to_owned()) };
    let release = [
        ("Name", Value::from("rel")),
        ("Namespace", "default".into()),
        ("Revision", Value::Int(1)),
        ("IsInstall", Value::Bool(true)),
    ];
    let names = [("Name", Value::from("c/t")), ("BasePath", "c".into())];
    let data = Map::from_iter([
        ("Values", Value::Values(values)),
        ("Release", Value::Map(Map::from_iter(release))),
        ("Template", Value::Values(Map::from_iter(names))),
    ]);
    let mut context = Context::new(&templates, &functions, limits);
    let result = context.execute("c/t", &Value::Map(data.clone()));
    // Templates may have made tables that contain themselves.
    data.clear();
    result.map(|text| text.as_bytes().to_vec()).map_err(|error| error.to_string())
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float64(number.as_f64().unwrap_or_default()),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::List(items.iter().map(value).collect::<List>()),
        Json::Object(entries) => {
            Value::Map(entries.iter().map(|(key, item)| (key.as_str(), value(item))).collect())
        }
    }
}

/// Time stands still, and random bytes count up.
#[derive(Default)]
struct Still(Cell<u8>);

impl Source for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0.set(self.0.get().wrapping_add(1));
            *byte = self.0.get();
        }
    }
}
