//! A keyring: primary keys, each with its names and the subkeys that it has taken on.

use std::{fmt, ops::Deref};

use super::{
    armor,
    key::{Fingerprint, Key},
    packet::{Packet, split, tag},
    signature::{Signature, kind},
};

/// What `gpg` keeps its keys in since version 2.1, at this place of the file.
const KEYBOX: (usize, &[u8]) = (8, b"KBXf");

/// Keys that the user trusts.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    pub(super) entities: Vec<Entity>,
}

/// A primary key with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Entity {
    pub(super) primary: Key,
    /// The names that the key itself has confirmed, in the keyring's order.
    pub(super) names: Vec<String>,
    /// The newest word of the key on itself: what it may do, and how long.
    pub(super) own_word: Option<Signature>,
    pub(super) is_revoked: bool,
    pub(super) subkeys: Vec<Subkey>,
    pub(super) secret: Option<Secret>,
}

/// What of a secret key's packet follows the public part; it is never printed.
#[derive(Clone)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// Nothing for a public key.
    fn of(packet: &Packet<'_>, key: &Key) -> Option<Self> {
        let is_secret = matches!(packet.tag, tag::SECRET_KEY | tag::SECRET_SUBKEY);
        let rest = packet.body.get(key.body.len()..).filter(|it| !it.is_empty());
        rest.filter(|_| is_secret).map(|it| Self(it.to_vec()))
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[derive(Debug, Clone)]
pub(super) struct Subkey {
    pub(super) key: Key,
    /// The newest word of the primary key on it.
    pub(super) binding: Signature,
    pub(super) is_revoked: bool,
    pub(super) secret: Option<Secret>,
}

/// Why a file is no keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("it is a keybox, which only gpg reads")]
    Keybox,
    #[error("it is damaged, or no OpenPGP keyring")]
    Damaged,
    #[error("it has no key that can be used (keys of version 4 can)")]
    Empty,
}

impl Keyring {
    /// Reads a keyring as `gpg --export` writes it, armored or not, public or secret.
    ///
    /// Keys of other versions than 4 are left out, and so is what a key has not confirmed by its signature.
    pub fn parse(content: &[u8]) -> Result<Self, KeyringError> {
        if content.get(KEYBOX.0..).is_some_and(|it| it.starts_with(KEYBOX.1)) {
            return Err(KeyringError::Keybox);
        }
        let unarmored = std::str::from_utf8(content).ok().and_then(|text| {
            ["PUBLIC", "PRIVATE"]
                .iter()
                .find_map(|it| armor::unpack(text, &format!("PGP {it} KEY BLOCK")))
        });
        let content = unarmored.as_deref().unwrap_or(content);
        let packets = split(content).ok_or(KeyringError::Damaged)?;
        let is_primary = |it: &Packet<'_>| matches!(it.tag, tag::PUBLIC_KEY | tag::SECRET_KEY);
        let mut entities = Vec::new();
        let mut rest = packets.as_slice();
        while let Some(start) = rest.iter().position(is_primary) {
            rest = &rest[start..];
            let end = rest[1..].iter().position(is_primary).map_or(rest.len(), |it| it + 1);
            entities.extend(read_entity(&rest[..end]));
            rest = &rest[end..];
        }
        if entities.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { entities }) }
    }
}

/// A packet that is not a signature, and the signatures that follow it.
struct Group<'p, 'b> {
    head: Packet<'b>,
    signatures: &'p [Packet<'b>],
}

fn groups<'p, 'b>(packets: &'p [Packet<'b>]) -> Vec<Group<'p, 'b>> {
    let mut groups = Vec::new();
    let mut rest = packets;
    while let Some((head, after)) = rest.split_first() {
        let end = after.iter().position(|it| it.tag != tag::SIGNATURE).unwrap_or(after.len());
        groups.push(Group { head: *head, signatures: &after[..end] });
        rest = &after[end..];
    }
    groups
}

fn read_entity(packets: &[Packet<'_>]) -> Option<Entity> {
    let groups = groups(packets);
    let (first, rest) = groups.split_first()?;
    let primary = Key::read(first.head.body)?;
    let own = |group: &Group<'_, '_>, content: &[u8], is_kind: &dyn Fn(u8) -> bool| {
        newest(group, &primary, content, is_kind)
    };
    let alone = primary.hashed_form();
    let is_revoked = own(first, &alone, &|it| it == kind::KEY_REVOKED).is_some();
    let mut own_word = own(first, &alone, &|it| it == kind::KEY);
    let mut names = Vec::new();
    let mut subkeys = Vec::new();
    for group in rest {
        match group.head.tag {
            tag::USER_ID => {
                let content = with_name(&alone, group.head.body);
                let word = own(group, &content, &|it| kind::CERTIFICATIONS.contains(&it));
                let taken_back = own(group, &content, &|it| it == kind::USER_REVOKED);
                let Some(word) = word.filter(|_| taken_back.is_none()) else { continue };
                names.push(String::from_utf8_lossy(group.head.body).into_owned());
                if own_word.as_ref().is_none_or(|it| it.created_s <= word.created_s) {
                    own_word = Some(word);
                }
            }
            tag::PUBLIC_SUBKEY | tag::SECRET_SUBKEY => {
                subkeys.extend(read_subkey(&primary, group));
            }
            _ => {}
        }
    }
    let secret = Secret::of(&first.head, &primary);
    Some(Entity { primary, names, own_word, is_revoked, subkeys, secret })
}

/// A subkey counts when the primary key has taken it on, and, if it may sign, has agreed to that itself.
fn read_subkey(primary: &Key, group: &Group<'_, '_>) -> Option<Subkey> {
    let key = Key::read(group.head.body)?;
    let content = [primary.hashed_form(), key.hashed_form()].concat();
    let binding = newest(group, primary, &content, &|it| it == kind::SUBKEY)?;
    if binding.lets_sign() {
        let back = binding.back.as_ref().filter(|it| it.kind == kind::SUBKEY_BACK)?;
        key.check(back, &content, true).ok()?;
    }
    let revoked = newest(group, primary, &content, &|it| it == kind::SUBKEY_REVOKED);
    let secret = Secret::of(&group.head, &key);
    Some(Subkey { key, binding, is_revoked: revoked.is_some(), secret })
}

/// The newest signature of a kind that is by the key itself, and right.
fn newest(
    group: &Group<'_, '_>,
    key: &Key,
    content: &[u8],
    is_kind: &dyn Fn(u8) -> bool,
) -> Option<Signature> {
    let signatures = group.signatures.iter().filter_map(|it| Signature::read(*it));
    signatures
        .filter(|it| is_kind(it.kind) && it.is_issued_by(&key.fingerprint))
        .filter(|it| key.check(it, content, true).is_ok())
        .max_by_key(|it| it.created_s)
}

fn with_name(key: &[u8], name: &[u8]) -> Vec<u8> {
    let n_bytes = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
    [key, &[0xb4], &n_bytes[..], name].concat()
}

/// A key that may have made a signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'k> {
    pub(super) entity: &'k Entity,
    pub(super) key: &'k Key,
    /// What says how long the key holds, and what it may do.
    pub(super) word: Option<&'k Signature>,
    pub(super) is_revoked: bool,
}

impl Keyring {
    /// The keys that a signature says, or may say, it is by.
    pub(super) fn candidates(&self, signature: &Signature) -> Vec<Candidate<'_>> {
        let mut found = Vec::new();
        for entity in &self.entities {
            let word = entity.own_word.as_ref();
            let is_revoked = entity.is_revoked;
            found.push(Candidate { entity, key: &entity.primary, word, is_revoked });
            for subkey in &entity.subkeys {
                let is_revoked = entity.is_revoked || subkey.is_revoked;
                let word = Some(&subkey.binding);
                found.push(Candidate { entity, key: &subkey.key, word, is_revoked });
            }
        }
        found.retain(|it| signature.is_issued_by(&it.key.fingerprint));
        found
    }

    /// The fingerprints of the primary keys, in the keyring's order.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.entities.iter().map(|it| it.primary.fingerprint)
    }
}
