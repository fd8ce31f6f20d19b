//! The subject of a client certificate: the common name is the user, the organisations are the groups.
//!
//! The chain was verified by rustls; this only walks the DER of RFC 5280, section 4.1, to the subject.

use crate::auth::Identity;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const EXPLICIT_VERSION: u8 = 0xa0;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The identity that a verified certificate stands for; none when it has no common name.
pub(crate) fn identity(der: &[u8]) -> Option<Identity> {
    let mut user = None;
    let mut groups = Vec::new();
    let mut names = Der(subject(der)?);
    while let Some((_, set)) = names.next() {
        let (_, pair) = Der(set).next()?;
        let mut pair = Der(pair);
        let (tag, attribute) = pair.next()?;
        let (_, value) = pair.next()?;
        let value = str::from_utf8(value).ok()?;
        match attribute {
            _ if tag != OBJECT_IDENTIFIER => return None,
            COMMON_NAME => user = Some(value),
            ORGANIZATION => groups.push(value),
            _ => {}
        }
    }
    Some(Identity::new(user?, &groups))
}

/// The content of the subject's sequence: certificate, to-be-signed part, sixth field (the version may be left out).
fn subject(der: &[u8]) -> Option<&[u8]> {
    let (_, certificate) = Der(der).next()?;
    let (_, signed) = Der(certificate).next()?;
    let mut fields = Der(signed);
    if fields.0.first() == Some(&EXPLICIT_VERSION) {
        fields.next()?;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        fields.next()?;
    }
    let (tag, subject) = fields.next()?;
    (tag == SEQUENCE).then_some(subject)
}

/// A run of DER values.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.len() > 4 {
                return None;
            }
            (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    #[test]
    fn the_subject_is_user_and_groups() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "system:kube-proxy");
        name.push(DnType::OrganizationName, DnValue::PrintableString("dev".try_into().unwrap()));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let identity = identity(certificate.der()).unwrap();
        assert_eq!(identity.user, "system:kube-proxy");
        assert_eq!(identity.groups, ["dev", "system:authenticated"]);
    }

    #[test]
    fn what_is_no_certificate_is_nobody() {
        assert_eq!(identity(b""), None);
        assert_eq!(identity(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200)) {
            let _nobody = identity(&bytes);
            let _nobody = identity(&[&[0x30, 0x40, 0x30, 0x30][..], &bytes].concat());
        }
    }
}
