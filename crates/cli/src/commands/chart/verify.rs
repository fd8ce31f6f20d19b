//! `zarpa chart verify`: is a chart what somebody has signed.

use std::path::Path;

use host::files;
use repository::Verified;
use serde_json::json;

use super::market;
use crate::{
    args::remote::{Keys, Verify},
    context::Context,
    failure::Failure,
    output,
};

pub(crate) fn verify(context: &Context, args: &Verify) -> Result<(), Failure> {
    let verified = check(context, &context.path(&args.archive), &args.keys)?;
    if context.is_json {
        return output::json(&json!({
            "signedBy": verified.signed_by,
            "fingerprint": verified.fingerprint.to_string(),
            "sum": verified.sum,
        }));
    }
    verified.lines().iter().try_for_each(|it| output::line(it))
}

/// Holds an archive against the provenance file beside it.
pub(crate) fn check(context: &Context, path: &Path, keys: &Keys) -> Result<Verified, Failure> {
    if path.is_dir() {
        let shown = path.display();
        let hint = format!("pack and sign it: zarpa chart package {shown} --sign --key NAME");
        let error = Failure::work("unpacked charts cannot be verified");
        return Err(error
            .headed(format!("unpacked charts cannot be verified: `{shown}`"))
            .with_hint(Some(hint)));
    }
    let archive = files::read(path)?;
    let provenance = files::read(&market::provenance(path)).map_err(|it| {
        let hint =
            "fetch it with the chart: zarpa chart pull --prov; or sign: zarpa chart package --sign";
        let hint = it.is_not_found().then(|| hint.to_owned());
        Failure::work(it).with_hint(hint)
    })?;
    let keyring = market::keyring(context, keys)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(repository::verify(&name, &archive, &provenance, &keyring, market::now_s())?)
}
