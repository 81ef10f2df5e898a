#!/bin/sh
# Fetches the peers from the distribution's archive and unpacks them below build/peers,
# without installing anything. What is there already is left alone.
set -eu

cd "$(dirname "$0")/.."
mkdir -p build/peers/archive
cd build/peers/archive

for package in vsftpd pure-ftpd pure-ftpd-common python3-pyftpdlib libwrap0 libsodium23; do
	[ -e "../.$package" ] && continue
	if ! apt-get download "$package" >/dev/null 2>&1; then
		apt-get update >/dev/null
		apt-get download "$package" >/dev/null
	fi
	dpkg-deb -x "$package"_*.deb ..
	: >"../.$package"
	echo "peers: $package unpacked"
done
