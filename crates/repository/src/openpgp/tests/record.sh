#!/bin/sh
# Makes the files of this folder anew with gpg 2.2 and helm 4.1.4: record.sh HELM
# Keys are new each time, so all files change together; nothing here is a secret of anybody.
set -eu
helm=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'GNUPGHOME=$work gpgconf --kill gpg-agent; rm -r "$work"' EXIT
export GNUPGHOME="$work"
chmod 700 "$work"
sign() { gpg --batch --yes --quiet --pinentry-mode loopback --passphrase "" "$@"; }

# Name, algorithm, use, expiry.
make_key() { sign --quick-generate-key "$1 <$1@example.com>" "$2" "$3" "$4"; }
make_key rsa rsa3072 sign,cert never
make_key ed25519 ed25519 sign,cert never
make_key nistp256 nistp256 sign,cert never
make_key dsa dsa2048 sign,cert never
make_key short rsa1024 sign,cert never
make_key revoked ed25519 sign,cert never
make_key certifier ed25519 cert never
fingerprint() { gpg --with-colons --list-keys "$1@example.com" | awk -F: '/^fpr/ {print $10; exit}'; }
sign --quick-add-key "$(fingerprint certifier)" ed25519 sign never
sign --faked-system-time 20200101T000000 --quick-generate-key "expired <expired@example.com>" \
    ed25519 sign,cert 1d

mkdir "$work/probe"
printf 'apiVersion: v2\nname: probe\nversion: 0.1.0\ndescription: -- a dash first\n' >"$work/probe/Chart.yaml"
cd "$work"
sign --export-secret-keys rsa@example.com >"$work/secret.gpg"
"$helm" package --sign --key rsa --keyring "$work/secret.gpg" probe >/dev/null
cp probe-0.1.0.tgz "$here/probe-0.1.0.tgz"
cp probe-0.1.0.tgz.prov "$here/helm.asc"
# The text that helm signed, signed again by the others.
gpg --quiet --decrypt probe-0.1.0.tgz.prov >text 2>/dev/null
for key in rsa ed25519 nistp256 dsa short revoked certifier; do
    sign --local-user "$key@example.com" --output - --clearsign text >"$here/$key.asc"
done
sign --faked-system-time 20200101T120000 --local-user expired@example.com \
    --output - --clearsign text >"$here/expired.asc"
sign --digest-algo SHA1 --local-user rsa@example.com --output - --clearsign text >"$here/sha1.asc"
sign --local-user rsa@example.com --output - --sign --armor text >"$here/not-clear.asc"
sed 's/^:/:/; s/^Comment.*//' "openpgp-revocs.d/$(fingerprint revoked).rev" |
    sed -n '/BEGIN/,/END/p' | sed 's/^:-/-/' | gpg --quiet --import
gpg --armor --export >"$here/keys.asc"
gpg --export >"$here/keys.gpg"
cp pubring.kbx "$here/keys.kbx"
