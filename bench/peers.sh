#!/bin/sh
# Fetches the peers from the distribution's archive and unpacks them below build/peers,
# without installing anything. What is there already is left alone; what cannot be fetched is
# named, and the others are fetched all the same.
set -u

cd "$(dirname "$0")/.."
mkdir -p build/peers/archive
cd build/peers/archive || exit 1

updated=
missing=0

fetch() {
	timeout 60 apt-get -o Acquire::Retries=0 download "$1" >/dev/null 2>&1
}

for package in vsftpd libwrap0 pure-ftpd pure-ftpd-common libsodium23 python3-pyftpdlib nginx \
	proftpd-core libhiredis0.14 libmemcached11 libmemcachedutil2 libhashkit2 libpcre2-posix3; do
	[ -e "../.$package" ] && continue
	if ! fetch "$package" && [ -z "$updated" ]; then
		updated=yes
		timeout 60 apt-get -o Acquire::Retries=0 update >/dev/null 2>&1
		fetch "$package"
	fi
	if dpkg-deb -x "$package"_*.deb .. 2>/dev/null; then
		: >"../.$package"
		echo "peers: $package unpacked"
	else
		echo "peers: $package cannot be fetched"
		missing=1
	fi
done
exit $missing
