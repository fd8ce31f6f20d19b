//! `zarpa test` and `zarpa build`: the stages that need no cluster.

use runner::{Stages, Target};

use super::{
    connect::open,
    up::{carry_out, head, options},
};
use crate::{
    args::Services, context::Context, failure::Failure, interrupt, output, progress::Drawing,
};

pub(crate) async fn test(context: &Context, services: &Services) -> Result<(), Failure> {
    run(context, services, Stages::Test, "test").await
}

pub(crate) async fn build(context: &Context, services: &Services) -> Result<(), Failure> {
    run(context, services, Stages::Build, "build").await
}

async fn run(
    context: &Context,
    services: &Services,
    stages: Stages,
    command: &str,
) -> Result<(), Failure> {
    let workspace = open(context)?;
    let selection =
        pipeline::select(&workspace.project, &services.services, None).map_err(|it| {
            let hint = it.hint();
            Failure::usage(it).with_hint(hint)
        })?;
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
