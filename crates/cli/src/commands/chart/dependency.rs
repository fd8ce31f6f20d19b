//! `zarpa chart dependency`: what a chart wants in its `charts/`.

use std::path::Path;

use jiff::Timestamp;
use repository::{
    Provenance, VerifyError,
    dependency::{self, DependencyError, Order},
};

use super::market;
use crate::{
    args::remote::{Access, Dependencies, DependencyList, DependencySubcommand, Keys},
    context::Context,
    failure::Failure,
    output,
};

pub(crate) async fn run(context: &Context, command: &DependencySubcommand) -> Result<(), Failure> {
    let tell: Tell<'_> = if context.is_json { &say_nothing } else { &say };
    match command {
        DependencySubcommand::List(it) => list(context, it),
        DependencySubcommand::Update(it) => bring(context, it, Way::Update, tell).await,
        DependencySubcommand::Build(it) => bring(context, it, Way::Build, tell).await,
    }
}

fn list(context: &Context, args: &DependencyList) -> Result<(), Failure> {
    let shown = args.chart.display().to_string();
    let path = context.path(&args.chart);
    let text = dependency::list(&path, &shown, args.max_col_width).map_err(told)?;
    output::raw(text.as_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Update,
    Build,
}

/// Brings the dependencies of the chart in a folder as `update` does, for commands that want them first.
pub(crate) async fn update(
    context: &Context,
    folder: &Path,
    (keys, access): (&Keys, &Access),
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let args = Dependencies {
        chart: folder.to_owned(),
        verify: false,
        skip_refresh: false,
        keys: keys.clone(),
        access: access.clone(),
    };
    bring(context, &args, Way::Update, tell).await
}

/// What is done with helm's words on the way.
pub(crate) type Tell<'a> = &'a (dyn Fn(&str) + Sync);

/// Prints a line; when nobody reads any more, the work goes on.
pub(crate) fn say(text: &str) {
    output::line(text).ok();
}

pub(crate) fn say_nothing(_: &str) {}

async fn bring(
    context: &Context,
    args: &Dependencies,
    way: Way,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let market = market::open(context, &args.access, &[])?;
    let keyring = args.verify.then(|| market::keyring(context, &args.keys)).transpose()?;
    let now_s = market::now_s();
    let check = |name: &str, archive: &[u8], provenance: &[u8]| -> Result<(), VerifyError> {
        match &keyring {
            Some(it) => repository::verify(name, archive, provenance, it, now_s).map(|_| ()),
            None => Ok(()),
        }
    };
    let order = Order {
        dir: &context.path(&args.chart),
        market: &market,
        provenance: match (args.verify, way) {
            (false, _) => Provenance::Unwanted,
            (true, Way::Update) => Provenance::Required,
            (true, Way::Build) => Provenance::IfThere,
        },
        skips_refresh: args.skip_refresh,
        check: &check,
        tell,
        now: &Timestamp::now().to_string(),
        modified_s: 0,
    };
    match way {
        Way::Update => dependency::update(&order).await.map_err(told),
        Way::Build => dependency::build(&order).await.map_err(told),
    }
}

fn told(error: DependencyError) -> Failure {
    let hint = error.hint();
    Failure::from(error).with_hint(hint)
}
