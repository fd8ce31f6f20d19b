//! `zarpa test`, `zarpa build` and `zarpa push`: the stages that need no cluster.

use runner::{Stages, Target};

use super::{
    connect::open,
    up::{carry_out, head, options},
};
use crate::{
    args::{Push, Services},
    context::Context,
    failure::Failure,
    interrupt, output,
    progress::Drawing,
};

pub(crate) async fn test(context: &Context, services: &Services) -> Result<(), Failure> {
    run(context, (services, None), Stages::Test, "test").await
}

pub(crate) async fn build(context: &Context, services: &Services) -> Result<(), Failure> {
    run(context, (services, None), Stages::Build, "build").await
}

pub(crate) async fn push(context: &Context, args: &Push) -> Result<(), Failure> {
    run(context, (&args.services, Some(&args.env)), Stages::Push, "push").await
}

async fn run(
    context: &Context,
    (services, environment): (&Services, Option<&str>),
    stages: Stages,
    command: &str,
) -> Result<(), Failure> {
    let workspace = open(context)?;
    let selection =
        pipeline::select(&workspace.project, &services.services, environment).map_err(|it| {
            let hint = it.hint();
            Failure::usage(it).with_hint(hint)
        })?;
    if stages == Stages::Push && selection.environment.registry.is_none() {
        let name = &selection.environment.name;
        let hint = format!(
            "add `registry = {{ hub = \"HOST/PATH\" }}` below `[environments.{name}]` in zarpa.toml"
        );
        return Err(Failure::work(format!("the environment `{name}` names no registry"))
            .with_hint(Some(hint)));
    }
    let options = options(context, stages, command)?;
    let drawing = Drawing::new(context);
    let target = Target::new("none".to_owned(), false, async {
        Err("this command needs no cluster".to_owned())
    });
    head(&drawing, &workspace, &selection, &options, &target.name);
    let cancel = interrupt::token();
    let summary =
        carry_out(context, &workspace, &selection, &target, (&options, &drawing, &cancel)).await?;
    if context.is_json {
        return output::json(&summary.record);
    }
    for service in &summary.record.services {
        if let Some(image) = &service.image {
            output::line(image)?;
        }
    }
    Ok(())
}
