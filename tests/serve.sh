#!/bin/sh
# Serves a folder on the loopback addresses until Ctrl-C, and says how to try it.
# usage: serve.sh SLUICED FOLDER PORT
set -eu
sluiced=$1
folder=$2
port=$3

set -- --listen "127.0.0.1:$port"
# A container may have no IPv6; then 127.0.0.1 is all there is.
if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then
	set -- "$@" --listen "[::1]:$port"
fi

cat <<TEXT
serving $folder at ftp://127.0.0.1:$port/ and ftp://[::1]:$port/ (Ctrl-C stops)
  curl ftp://127.0.0.1:$port/
  curl -O ftp://127.0.0.1:$port/README.txt
TEXT
exec "$sluiced" "$@" "$folder"
