#!/bin/sh
# Makes $1 an apt repository as Docker's is, in a node, and prints the fingerprint of the key that users know.
# The archive is signed by a subkey of that key, as Docker's; docker-ce is the distribution's docker.io under another name.
# Leaves out everything that apt does not ask for: contents, translations, by-hash.
set -eu
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
architecture=$(dpkg --print-architecture)
mkdir -p "$1/pool"
cd "$1"

empty() {
    mkdir -p "build/$1/DEBIAN"
    printf 'Package: %s\nVersion: 1\nArchitecture: %s\nMaintainer: nobody <nobody@example.com>\nDescription: empty\n' \
        "$1" "$architecture" >"build/$1/DEBIAN/control"
}

empty docker-ce-cli
empty containerd.io
apt-get update -qq
(cd /tmp && apt-get download -qq docker.io)
dpkg-deb --raw-extract /tmp/docker.io_*.deb build/docker-ce
sed -i 's/^Package: .*/Package: docker-ce/; /^\(Conflicts\|Breaks\|Replaces\|Provides\|Recommends\|Suggests\|Source\):/d' \
    build/docker-ce/DEBIAN/control

index=dists/$suite/stable/binary-$architecture/Packages
mkdir -p "$(dirname "$index")"
for package in build/*; do
    name=$(basename "$package")
    dpkg-deb --root-owner-group -Znone --build "$package" "pool/$name.deb" >&2
    dpkg-deb --field "pool/$name.deb"
    printf 'Filename: pool/%s.deb\nSize: %s\nSHA256: %s\n\n' "$name" "$(stat -c %s "pool/$name.deb")" \
        "$(sha256sum "pool/$name.deb" | cut -d ' ' -f 1)"
done >"$index"

GNUPGHOME=$(mktemp -d)
export GNUPGHOME
key() { gpg --batch --quiet --pinentry-mode loopback --passphrase '' "$@" 2>/dev/null; }
key --quick-generate-key Repository rsa2048 cert never
fingerprint=$(key --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}')
key --quick-add-key "$fingerprint" rsa2048 sign never
key --clearsign --output "dists/$suite/InRelease" <<END
Suite: $suite
Codename: $suite
Architectures: $architecture
Components: stable
Date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')
SHA256:
 $(sha256sum "$index" | cut -d ' ' -f 1) $(stat -c %s "$index") stable/binary-$architecture/Packages
END
key --armor --export >gpg
gpgconf --kill all
rm -rf build
echo "$fingerprint"
