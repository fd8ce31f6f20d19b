//! Values that lie behind an address, as helm's getters fetch them.

use registry::Download;
use repository::{Provenance, Wanted};

use super::market;
use crate::{args::remote::Access, commands::block_on, context::Context, failure::Failure};

/// No file with values comes near to this.
const VALUES_BYTES_MAX: usize = 64 << 20;

/// What an address begins with.
const SCHEMES: [&str; 3] = ["http", "https", "oci"];

/// Whether helm fetches what a flag names, instead of opening it.
pub(crate) fn is_address(text: &str) -> bool {
    let scheme = text.split_once(':').map(|it| it.0);
    scheme.is_some_and(|it| SCHEMES.iter().any(|known| it.eq_ignore_ascii_case(known)))
}

/// Fetches what lies behind an address; of `oci://…` that is the chart's archive, as in helm.
///
/// Nobody's login is sent to http and https, and the certificates are those of the system.
pub(crate) fn fetch(context: &Context, address: &str) -> Result<Vec<u8>, Failure> {
    block_on(async {
        let market = market::open(context, &Access::default(), &[])?;
        if !address.to_ascii_lowercase().starts_with("oci:") {
            let url = address;
            let wanted = Download { url, login: None, home: None, n_bytes_max: VALUES_BYTES_MAX };
            return Ok(registry::download(&market.client, &wanted).await?.to_vec());
        }
        let wanted = Wanted {
            chart: address,
            version: "",
            repository: None,
            login: None,
            passes_login_on: false,
            provenance: Provenance::Unwanted,
        };
        let fetched = repository::fetch(&market, &wanted).await.map_err(market::not_fetched)?;
        Ok(fetched.archive.to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_are_told_from_paths() {
        for text in ["http://a/b.yaml", "HTTPS://a/b", "oci://a/b:1"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["values.yaml", "http", "./http:/x", "ftp://a/b", "s3:/b", "-"] {
            assert!(!is_address(text), "{text}");
        }
    }
}
