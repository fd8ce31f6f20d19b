//! `zarpa chart dependency`: what a chart wants in its `charts/`.

use jiff::Timestamp;
use repository::{
    Provenance, VerifyError,
    dependency::{self, DependencyError, Order},
};

use super::market;
use crate::{
    args::remote::{Dependencies, DependencyList, DependencySubcommand},
    context::Context,
    failure::Failure,
    output,
};

pub(crate) async fn run(context: &Context, command: &DependencySubcommand) -> Result<(), Failure> {
    match command {
        DependencySubcommand::List(it) => list(context, it),
        DependencySubcommand::Update(it) => bring(context, it, Way::Update).await,
        DependencySubcommand::Build(it) => bring(context, it, Way::Build).await,
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

async fn bring(context: &Context, args: &Dependencies, way: Way) -> Result<(), Failure> {
    let market = market::open(context, &args.access, &[])?;
    let keyring = args.verify.then(|| market::keyring(context, &args.keys)).transpose()?;
    let now_s = market::now_s();
    let check = |name: &str, archive: &[u8], provenance: &[u8]| -> Result<(), VerifyError> {
        match &keyring {
            Some(it) => repository::verify(name, archive, provenance, it, now_s).map(|_| ()),
            None => Ok(()),
        }
    };
    let is_json = context.is_json;
    let tell = |text: &str| {
        if !is_json {
            // Nobody reads any more: the work goes on.
            output::line(text).ok();
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
        check: &check,
        tell: &tell,
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
