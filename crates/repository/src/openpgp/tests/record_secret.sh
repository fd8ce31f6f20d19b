#!/bin/sh
# Makes secret.gpg anew with gpg 2.2: keys that sign in tests, and that are nobody's secret.
set -eu
here=$(dirname "$(realpath "$0")")
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill gpg-agent; rm -r "$GNUPGHOME"' EXIT
# As few rounds as can be, for builds without optimisation.
echo "s2k-count 1024" >"$GNUPGHOME/gpg-agent.conf"
echo "s2k-count 1024" >"$GNUPGHOME/gpg.conf"
with() { gpg --batch --yes --quiet --pinentry-mode loopback --passphrase "$@"; }

# Passphrase, name, algorithm, use.
make_key() { with "$1" --quick-generate-key "$2 <$2@example.com>" "$3" "$4" never; }
make_key "open sesame" locked-rsa rsa2048 sign,cert
make_key "" plain-rsa rsa2048 sign,cert
make_key "open sesame" locked-ed25519 ed25519 sign,cert
make_key "" plain-ed25519 ed25519 sign,cert
make_key "open sesame" locked-nistp256 nistp256 sign,cert
make_key "" plain-nistp384 nistp384 sign,cert
make_key "" certifier ed25519 cert
make_key "" encrypter ed25519 cert
fingerprint=$(gpg --with-colons --list-keys certifier@example.com | awk -F: '/^fpr/ {print $10; exit}')
with "" --quick-add-key "$fingerprint" ed25519 sign never
with "open sesame" --export-secret-keys >"$here/secret.gpg"
