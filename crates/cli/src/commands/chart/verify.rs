//! `zarpa chart verify`: is a chart what somebody has signed.

use host::files;
use serde_json::json;

use super::market;
use crate::{args::remote::Verify, context::Context, failure::Failure, output};

pub(crate) fn verify(context: &Context, args: &Verify) -> Result<(), Failure> {
    let path = context.path(&args.archive);
    let shown = args.archive.display();
    if path.is_dir() {
        return Err(Failure::work(format!("unpacked charts cannot be verified: `{shown}`")));
    }
    let archive = files::read(&path)?;
    let beside = market::provenance(&path);
    let provenance = files::read(&beside).map_err(|it| {
        let hint = "fetch it with the chart: zarpa chart pull --prov; or sign: helm package --sign";
        let hint = it.is_not_found().then(|| hint.to_owned());
        Failure::work(it).with_hint(hint)
    })?;
    let keyring = market::keyring(context, &args.keys)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let now_s = market::now_s();
    let verified = repository::verify(&name, &archive, &provenance, &keyring, now_s)?;
    if context.is_json {
        return output::json(&json!({
            "signedBy": verified.signed_by,
            "fingerprint": verified.fingerprint.to_string(),
            "sum": verified.sum,
        }));
    }
    verified.lines().iter().try_for_each(|it| output::line(it))
}
