//! Passwords, keys, certificates and encryption. Randomness and time come from the source.

use gotmpl::{
    Str,
    Type::{Int, List, Named, String as Text, Uint32},
    Value,
};

use super::{
    Env, Function, Result,
    args::{int, list, text},
    encoding::{BASE64, corrupt, decode, encode},
    fail, fixed,
};
use crate::source::Source;

mod aes;
mod bcrypt;
mod certificate;
mod der;
mod derive;
mod dsa;
mod ecdsa;
mod ed25519;
mod group;
mod key;
mod montgomery;
mod pem;
mod prime;
mod rsa;
mod x509;

pub(crate) use certificate::Certificate;
use key::PrivateKey;
use x509::{Request, Signer};

const CERTIFICATE: gotmpl::Type = Named("sprig.certificate");
/// Bits of the keys of certificates, and of `genPrivateKey "rsa"`.
const CERTIFICATE_KEY_BITS: u64 = 2_048;
const PRIVATE_KEY_BITS: u64 = 4_096;
/// The fewest that a signature by SHA-256 needs, in whole bytes.
const SMALL_KEY_BITS: u64 = 512;

/// An RSA key that is made at once, and protects nothing.
pub(crate) fn small_key(source: &dyn Source) -> String {
    rsa::Key::generate(SMALL_KEY_BITS, &mut |buffer| source.fill_random(buffer)).to_pem()
}

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("bcrypt", &[Text], |env, args| Ok(env.bcrypt(text(&args[0])).into())),
    fixed("htpasswd", &[Text, Text], htpasswd),
    fixed("derivePassword", &[Uint32, Text, Text, Text, Text], derive_password),
    fixed("genPrivateKey", &[Text], private_key),
    fixed("buildCustomCert", &[Text, Text], build_custom_cert),
    fixed("genCA", &[Text, Int], |env, args| env.ca(args, None)),
    fixed("genCAWithKey", &[Text, Int, Text], |env, args| env.ca(args, Some(&args[2]))),
    fixed("genSelfSignedCert", &[Text, List, List, Int], |env, args| env.self_signed(args, None)),
    fixed("genSelfSignedCertWithKey", &[Text, List, List, Int, Text], |env, args| {
        env.self_signed(args, Some(&args[4]))
    }),
    fixed("genSignedCert", &[Text, List, List, Int, CERTIFICATE], |env, args| {
        env.signed(args, None)
    }),
    fixed("genSignedCertWithKey", &[Text, List, List, Int, CERTIFICATE, Text], |env, args| {
        env.signed(args, Some(&args[5]))
    }),
    fixed("encryptAES", &[Text, Text], encrypt_aes),
    fixed("decryptAES", &[Text, Text], decrypt_aes),
];

impl Env<'_, '_> {
    fn bcrypt(&self, password: &Str) -> String {
        let mut salt = [0; 16];
        self.host.source.fill_random(&mut salt);
        match bcrypt::hash(password.as_bytes(), &salt) {
            Ok(hash) => hash,
            Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
        }
    }

    fn new_key(&self, bits: u64) -> Result<PrivateKey> {
        let source = self.host.source;
        match source.rsa_key(bits) {
            None => {
                let key = rsa::Key::generate(bits, &mut |buffer| source.fill_random(buffer));
                Ok(PrivateKey::Rsa(key))
            }
            Some(pem) => PrivateKey::from_pem(pem.as_bytes())
                .or_else(|error| fail(format!("the key at hand cannot be used: {error}"))),
        }
    }

    /// A key that was given as PEM, or a new one.
    fn key(&self, pem: Option<&Value>) -> Result<PrivateKey> {
        match pem {
            None => self.new_key(CERTIFICATE_KEY_BITS),
            Some(pem) => match PrivateKey::from_pem(text(pem).as_bytes()) {
                Ok(key) => Ok(key),
                Err(error) if error == key::NO_SIGNER => {
                    fail(format!("error creating certificate: {error}"))
                }
                Err(error) => fail(format!("parsing private key: {error}")),
            },
        }
    }

    fn request(&self, args: &[Value], is_ca: bool) -> Result<Request> {
        let mut serial = [0; 16];
        self.host.source.fill_random(&mut serial);
        let (ips, names, days) = if is_ca {
            (Vec::new(), Vec::new(), int(&args[1]))
        } else {
            (x509::ips(list(&args[1]))?, x509::names(list(&args[2]))?, int(&args[3]))
        };
        let now = self.host.source.now().as_second();
        Ok(Request {
            common_name: text(&args[0]).to_string(),
            ips,
            names,
            serial,
            not_before: now,
            not_after: now.saturating_add(days.saturating_mul(86_400)),
            is_ca,
        })
    }

    fn ca(&self, args: &[Value], pem: Option<&Value>) -> Result<Value> {
        let key = self.key(pem)?;
        let request = self.request(args, true)?;
        Ok(self.issued(&request, &key, None))
    }

    fn self_signed(&self, args: &[Value], pem: Option<&Value>) -> Result<Value> {
        let key = self.key(pem)?;
        let request = self.request(args, false)?;
        Ok(self.issued(&request, &key, None))
    }

    fn signed(&self, args: &[Value], pem: Option<&Value>) -> Result<Value> {
        let ca: &Certificate = args[4].downcast().expect("a certificate was promised");
        let key = self.key(pem)?;
        let parent = pem::decode(ca.cert.as_bytes());
        let Some(parent) = parent else { return fail("unable to decode certificate") };
        let signer = match Signer::parse(&parent.bytes) {
            Ok(signer) => signer,
            Err(error) => {
                return fail(format!(
                    "error parsing certificate: decodedSignerCert.Bytes: {error}"
                ));
            }
        };
        let signer_key = match PrivateKey::from_pem(ca.key.as_bytes()) {
            Ok(key) => key,
            Err(error) => return fail(format!("error parsing private key: {error}")),
        };
        let request = self.request(args, false)?;
        Ok(self.issued(&request, &key, Some((&signer, &signer_key))))
    }

    fn issued(
        &self,
        request: &Request,
        key: &PrivateKey,
        signer: Option<(&Signer, &PrivateKey)>,
    ) -> Value {
        let random = &mut |buffer: &mut [u8]| self.host.source.fill_random(buffer);
        let cert = pem::encode("CERTIFICATE", &request.issue(key, signer, random));
        Value::object(Certificate { cert: cert.into(), key: key.to_pem().into() })
    }
}

fn htpasswd(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (user, password) = (text(&args[0]), text(&args[1]));
    if user.contains(&b':') {
        return Ok(format!("invalid username: {user}").into());
    }
    Ok(format!("{user}:{}", env.bcrypt(password)).into())
}

fn derive_password(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let counter = u32::try_from(int(&args[0])).unwrap_or(u32::MAX);
    let kind = text(&args[1]).to_text();
    let [password, user, site] = [text(&args[2]), text(&args[3]), text(&args[4])];
    let site = derive::Site {
        counter,
        password: password.as_bytes(),
        user: user.as_bytes(),
        site: site.as_bytes(),
    };
    Ok(site.password_of(&kind).into())
}

fn private_key(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let random = &mut |buffer: &mut [u8]| env.host.source.fill_random(buffer);
    let pem = match &*text(&args[0]).to_text() {
        "" | "rsa" => env.new_key(PRIVATE_KEY_BITS)?.to_pem(),
        "dsa" => dsa::generate(random),
        "ecdsa" => ecdsa::Key::generate(random).to_pem(),
        "ed25519" => {
            let mut seed = [0; 32];
            random(&mut seed);
            ed25519::Key::new(seed).to_pem()
        }
        other => format!("Unknown type {other}"),
    };
    Ok(pem.into())
}

fn build_custom_cert(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let Ok(cert) = decode(text(&args[0]).as_bytes(), &BASE64) else {
        return fail("unable to decode base64 certificate");
    };
    let Ok(key) = decode(text(&args[1]).as_bytes(), &BASE64) else {
        return fail("unable to decode base64 private key");
    };
    let Some(decoded) = pem::decode(&cert) else {
        return fail("unable to decode certificate");
    };
    if let Err(error) = Signer::parse(&decoded.bytes) {
        return fail(format!("error parsing certificate: decodedCert.Bytes: {error}"));
    }
    if let Err(error) = key::check_pem(&key) {
        return fail(format!("error parsing private key: {error}"));
    }
    let (cert, key) = (Str::from_bytes(cert), Str::from_bytes(key));
    Ok(Value::object(Certificate { cert, key }))
}

fn encrypt_aes(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (password, plain) = (text(&args[0]), text(&args[1]));
    if plain.is_empty() {
        return Ok("".into());
    }
    let mut iv = [0; 16];
    env.host.source.fill_random(&mut iv);
    Ok(encode(&aes::encrypt(password.as_bytes(), plain.as_bytes(), iv), &BASE64).into())
}

fn decrypt_aes(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (password, encrypted) = (text(&args[0]), text(&args[1]));
    if encrypted.is_empty() {
        return Ok("".into());
    }
    let bytes = match decode(encrypted.as_bytes(), &BASE64) {
        Ok(bytes) => bytes,
        Err(place) => return fail(corrupt(place, &BASE64)),
    };
    match aes::decrypt(password.as_bytes(), &bytes) {
        Ok(plain) => Ok(Value::String(Str::from_bytes(plain))),
        Err(error) => fail(error),
    }
}
