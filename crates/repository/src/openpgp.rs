//! OpenPGP, as far as provenance files need it: who has signed a text, and signing one.
//!
//! Reads and makes signatures of version 4 by RSA (2048 bits and more), Ed25519, and ECDSA over P-256
//! and P-384; reads keys, with secret parts that AES locks, and makes none. What it cannot check it refuses by name. Web of trust there is none: every key
//! of the keyring is trusted.

mod armor;
mod bytes;
mod clearsign;
mod key;
mod keyring;
mod packet;
mod secret;
mod sign;
mod signature;
mod verify;

pub use key::Fingerprint;
pub use keyring::{Keyring, KeyringError};
pub use secret::UnlockError;
pub use sign::{SignError, Signer};
pub use verify::{SignatureError, Signed, verify};

#[cfg(test)]
mod tests;
