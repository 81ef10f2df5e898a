#!/bin/sh
# Builds everything for arm64, and runs the unit tests of the rooms that ask nothing of a kernel, NEON's
# conversions among them: built by a cross compiler, executed by an emulator.
# usage: arm64.sh FOLDER      FOLDER: where make puts what it builds; libraries of arm64 go there, too
#
# Needs the packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user, and the distribution's
# archive. Ends with "N passed, N failed".
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
packages="libc6 libcap2 libcap-dev libcmocka0 libcmocka-dev libcrypt1 libcrypt-dev libssl3 libssl-dev
	liburing2 liburing-dev zlib1g zlib1g-dev"

# Libraries are fetched and unpacked, not installed: nothing of this machine changes.
if [ ! -e "$folder/root" ]; then
	mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
	: >"$folder/apt/status"
	options="-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State=$folder/apt
		-o Dir::State::status=$folder/apt/status -o Dir::Cache=$folder/apt/cache
		-o APT::Sandbox::User=root"
	# shellcheck disable=SC2086 # lists of words
	(cd "$folder/apt" && apt-get -qq $options update && apt-get -qq $options download $packages)
	for package in "$folder"/apt/*.deb; do
		dpkg-deb -x "$package" "$folder/unpacked"
	done
	mv "$folder/unpacked" "$folder/root"
fi

library=$folder/root/usr/lib/aarch64-linux-gnu
${MAKE:-make} VARIANT=arm64 CPPFLAGS="-isystem $folder/root/usr/include -isystem $folder/root/usr/include/aarch64-linux-gnu" \
	LDFLAGS="-L$library -Wl,-rpath-link,$library -Wl,-rpath-link,$folder/root/lib/aarch64-linux-gnu" units

GCONV_PATH=$library/gconv
export GCONV_PATH
passed=0
failed=0
for test in "$folder"/unit/translate/*_test "$folder"/unit/represent/*_test "$folder"/unit/protocol/*_test; do
	if qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$library:$folder/root/lib/aarch64-linux-gnu" \
		"$test" >"$test.log" 2>&1; then
		passed=$((passed + $(grep -c '^\[       OK \]' "$test.log")))
	else
		echo "FAILED  $test"
		tail -n 30 "$test.log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
