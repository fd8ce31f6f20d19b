//! Certificates, as Go's crypto/x509 makes them of sprig's templates.

use std::net::IpAddr;

use gotmpl::{List, Value};
use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

use super::{
    super::{Result, fail},
    der::{self, Item},
    key::PrivateKey,
    prime::Random,
};
use crate::functions::date::utc_text;

const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
const SUBJECT_KEY_ID: &[u32] = &[2, 5, 29, 14];
const KEY_USAGE: &[u32] = &[2, 5, 29, 15];
const ALTERNATIVE_NAMES: &[u32] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u32] = &[2, 5, 29, 19];
const AUTHORITY_KEY_ID: &[u32] = &[2, 5, 29, 35];
const EXTENDED_KEY_USAGE: &[u32] = &[2, 5, 29, 37];
const SERVER_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];

/// The first second of 2050, from when on years have four digits.
const YEAR_2050: i64 = 2_524_608_000;
const YEAR_1950: i64 = -631_152_000;

/// What a certificate will say.
pub(super) struct Request {
    pub(super) common_name: String,
    pub(super) ips: Vec<IpAddr>,
    pub(super) names: Vec<String>,
    pub(super) serial: [u8; 16],
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) is_ca: bool,
}

/// What of a certificate matters for those it signs.
pub(super) struct Signer {
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl Signer {
    pub(super) fn parse(certificate: &[u8]) -> std::result::Result<Self, String> {
        Self::read(certificate).ok_or_else(|| "x509: malformed certificate".to_owned())
    }

    fn read(certificate: &[u8]) -> Option<Self> {
        let (certificate, rest) = Item::read(certificate)?;
        let fields = certificate.items()?.first()?.items()?;
        if !rest.is_empty() {
            return None;
        }
        // The version is there for all but the oldest.
        let offset = usize::from(fields.first()?.tag == 0xa0);
        let subject = fields.get(offset + 4)?;
        if subject.tag != der::SEQUENCE {
            return None;
        }
        let mut key_id = None;
        for field in fields.iter().filter(|field| field.tag == 0xa3) {
            for extension in field.items()?.first()?.items()? {
                let parts = extension.items()?;
                if parts.first()?.whole == der::object_id(SUBJECT_KEY_ID) {
                    let (id, _) = Item::read(parts.last()?.contents)?;
                    key_id = Some(id.contents.to_vec());
                }
            }
        }
        Some(Self { subject: subject.whole.to_vec(), key_id })
    }
}

impl Request {
    /// The certificate, signed by its own key or by another's.
    pub(super) fn issue(
        &self,
        key: &PrivateKey,
        signer: Option<(&Signer, &PrivateKey)>,
        random: Random<'_>,
    ) -> Vec<u8> {
        let signing_key = signer.map_or(key, |(_, key)| key);
        let algorithm = signing_key.signature_algorithm();
        let subject = self.subject();
        let issuer = signer.map_or_else(|| subject.clone(), |(signer, _)| signer.subject.clone());
        let authority =
            signer.filter(|_| issuer != subject).and_then(|(signer, _)| signer.key_id.as_deref());
        let extensions = der::sequence(&self.extensions(key, authority));
        let body = der::sequence(&[
            der::value(0xa0, &der::integer(&BigUint::from(2u8))),
            der::integer(&BigUint::from_bytes_be(&self.serial)),
            algorithm.clone(),
            issuer,
            der::sequence(&[time(self.not_before), time(self.not_after)]),
            subject,
            public_key_info(key),
            der::value(0xa3, &extensions),
        ]);
        let signature = der::bit_string(&signing_key.sign(&body, random), 0);
        der::sequence(&[body, algorithm, signature])
    }

    fn subject(&self) -> Vec<u8> {
        if self.common_name.is_empty() {
            return der::sequence(&[]);
        }
        let is_printable = |it: char| it.is_ascii_alphanumeric() || " '()+,-./:=?".contains(it);
        let tag = if self.common_name.chars().all(is_printable) {
            der::PRINTABLE_STRING
        } else {
            der::UTF8_STRING
        };
        let name = der::value(tag, self.common_name.as_bytes());
        let pair = der::sequence(&[der::object_id(COMMON_NAME), name]);
        der::sequence(&[der::value(der::SET, &pair)])
    }

    fn extensions(&self, key: &PrivateKey, authority: Option<&[u8]>) -> Vec<Vec<u8>> {
        // Signature and encipherment, and for an authority signing certificates.
        let usage =
            if self.is_ca { der::bit_string(&[0xa4], 2) } else { der::bit_string(&[0xa0], 5) };
        let purposes = der::sequence(&[der::object_id(SERVER_AUTH), der::object_id(CLIENT_AUTH)]);
        let constraints = if self.is_ca { der::value(der::BOOLEAN, &[0xff]) } else { Vec::new() };
        let mut extensions = vec![
            extension(KEY_USAGE, true, &usage),
            extension(EXTENDED_KEY_USAGE, false, &purposes),
            extension(BASIC_CONSTRAINTS, true, &der::sequence(&[constraints])),
        ];
        if self.is_ca {
            // RFC 7093, method 1: the first 160 bits of the hash.
            let id = &Sha256::digest(key.public())[..20];
            extensions.push(extension(SUBJECT_KEY_ID, false, &der::value(der::OCTET_STRING, id)));
        }
        if let Some(id) = authority {
            let id = der::sequence(&[der::value(0x80, id)]);
            extensions.push(extension(AUTHORITY_KEY_ID, false, &id));
        }
        if !self.names.is_empty() || !self.ips.is_empty() {
            let names = self.names.iter().map(|name| der::value(0x82, name.as_bytes()));
            let ips = self.ips.iter().map(|ip| match ip {
                IpAddr::V4(ip) => der::value(0x87, &ip.octets()),
                IpAddr::V6(ip) => der::value(0x87, &ip.octets()),
            });
            let all = der::sequence(&names.chain(ips).collect::<Vec<_>>());
            extensions.push(extension(ALTERNATIVE_NAMES, self.common_name.is_empty(), &all));
        }
        extensions
    }
}

fn extension(id: &[u32], is_critical: bool, contents: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::object_id(id)];
    if is_critical {
        parts.push(der::value(der::BOOLEAN, &[0xff]));
    }
    parts.push(der::value(der::OCTET_STRING, contents));
    der::sequence(&parts)
}

fn public_key_info(key: &PrivateKey) -> Vec<u8> {
    der::sequence(&[key.algorithm(), der::bit_string(&key.public(), 0)])
}

fn time(seconds: i64) -> Vec<u8> {
    if (YEAR_1950..YEAR_2050).contains(&seconds) {
        der::value(der::UTC_TIME, utc_text(seconds, "060102150405Z").as_bytes())
    } else {
        der::value(der::GENERALIZED_TIME, utc_text(seconds, "20060102150405Z").as_bytes())
    }
}

pub(super) fn ips(list: &List) -> Result<Vec<IpAddr>> {
    let ip = |value: &Value| match value {
        Value::String(text) => match text.to_text().parse::<IpAddr>() {
            // Go writes such an address in four bytes.
            Ok(IpAddr::V6(ip)) => Ok(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
            Ok(ip) => Ok(ip),
            Err(_) => fail(format!("error parsing ip: {text}")),
        },
        other => {
            let shown = gotmpl::fmt::shown(other);
            fail(format!("error parsing ip: {shown} is not a string"))
        }
    };
    list.iter().map(ip).collect()
}

pub(super) fn names(list: &List) -> Result<Vec<String>> {
    let name = |value: &Value| match value {
        Value::String(text) if text.as_bytes().is_ascii() => Ok(text.to_string()),
        Value::String(text) => fail(format!(
            "error creating certificate: x509: {} cannot be encoded as an IA5String",
            gotmpl::strconv::quote(text.as_bytes())
        )),
        other => {
            let shown = gotmpl::fmt::shown(other);
            fail(format!("error processing alternate dns name: {shown} is not a string"))
        }
    };
    list.iter().map(name).collect()
}
