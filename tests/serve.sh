#!/bin/sh
# Serves a folder on the loopback addresses until Ctrl-C, and says how to try it.
# usage: serve.sh SLUICED FOLDER PORT [OPTION...]      OPTION: more for sluiced
set -eu
sluiced=$1
folder=$2
port=$3
shift 3

urls=ftp://127.0.0.1:$port/
set -- --listen "127.0.0.1:$port" "$@"
# A container may have no IPv6; then 127.0.0.1 is all there is.
if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then
	urls="$urls and ftp://[::1]:$port/"
	set -- --listen "[::1]:$port" "$@"
fi

# Whether sluiced, which this shell becomes, listens on the port: somebody else might.
listens()
{
	sockets=$(awk -v port=":$(printf %04X "$port")\$" \
		'$2 ~ port && $4 == "0A" { print "socket:[" $10 "]" }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
	[ -n "$sockets" ] && ls -l /proc/$$/fd 2>/dev/null | grep -qF "$sockets"
}

# A command that fetches something: a file with a name that needs no quoting, or the list of names.
fetch_command()
{
	for path in "$folder"/*; do
		name=${path##*/}
		case $name in
		*[!A-Za-z0-9._-]*) ;;
		*)
			if [ -f "$path" ] && [ -r "$path" ]; then
				echo "curl -O ftp://127.0.0.1:$port/$name"
				return
			fi
			;;
		esac
	done
	echo "curl --list-only ftp://127.0.0.1:$port/"
}

announce()
{
	until listens; do
		kill -0 $$ 2>/dev/null || return 0 # it has said itself what is wrong
		sleep 0.1
	done
	cat <<TEXT
serving $folder at $urls (Ctrl-C stops)
  curl ftp://127.0.0.1:$port/
  $(fetch_command)
TEXT
}

announce &
exec "$sluiced" "$@" "$folder"
