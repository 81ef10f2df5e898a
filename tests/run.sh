#!/bin/sh
# Runs the black-box tests against a real sluiced.
# usage: run.sh [ENGINE] [conversation|interop|faults|all] [PIECE...]     ENGINE: uring, epoll, uring515
#
# PIECE: one of those that the suite can be cut into; --pieces lists them, those that take longest first.
# SLUICE_TEST_SLUICED or SLUICED names the binary (default: build/debug/sluiced). Prints
# "SKIPPED name: reason" for what could not run and ends with "N passed, N failed".
#
# Where root allows it, all runs with mounts of its own, as others that come or go empty a server's
# caches, and in a network of its own, with an address of each kind beside the loopback's: some clients
# use a version of IP only where the machine has it.
set -u
here=$(dirname "$0")
engine=${1:-uring}
what=${2:-all}
if [ $# -gt 2 ]; then shift 2; else set --; fi

case $engine in
uring | epoll | uring515) ;;
*)
	echo "run.sh: engine $engine is unknown; known: uring, epoll, uring515" >&2
	exit 2
	;;
esac

# What a suite can be cut into, those that take longest first.
pieces()
{
	case $1 in
	conversation) printf '%s\n' whole split ;;
	faults) printf '%s\n' 1/4 2/4 3/4 4/4 ;;
	interop)
		{
			printf '%s\n' sluice_represent clients peers matrix resume sluice restart_marker mirror hash listing_cache pressure
			for file in "$here"/interop/*_test.py; do basename "$file" _test.py; done
		} | awk '!seen[$0]++' | while read -r name; do
			# What make installs, other servers, and how many clients there are depend on no
			# feature of the ring. And two that run make would build the same files.
			case $engine-$name in
			epoll-make | uring515-make | uring515-peers | uring515-matrix) ;;
			*) echo "$name" ;;
			esac
		done
		;;
	esac
}

case $what in
conversation | interop | faults | all) ;;
*)
	echo "run.sh: $what is unknown; known: conversation, interop, faults, all" >&2
	exit 2
	;;
esac
if [ "${1:-}" = --pieces ]; then
	pieces "$what"
	exit 0
fi

if [ "$(id -u)" = 0 ] && [ -z "${SLUICE_TEST_NETWORK:-}" ] && unshare --net --mount true 2>/dev/null; then
	export SLUICE_TEST_NETWORK=own
	exec unshare --net --mount sh -c 'ip link set lo up && ip addr add 198.51.100.1/32 dev lo &&
		{ ip -6 addr add 2001:db8::1/128 dev lo || true; } && exec "$@"' sh "$0" "$engine" "$what" "$@"
fi
export SLUICE_TEST_ENGINE="$engine"
python=${PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1

piece() # SUITE PIECE
{
	case $1-$2 in
	conversation-whole) runner "$here/conversation/play" ;;
	conversation-split) runner "$here/conversation/play" --split ;;
	faults-*) runner "$here/faults/run" --part "$2" ;;
	interop-*) runner "$here/interop/$2_test.py" ;;
	esac
}

# Runs one runner; its output stays, its count joins the others. One that ends without a count failed.
runner()
{
	"$python" "$@" >"$output" 2>&1
	status=$?
	counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$output" | tail -n 1)
	passed=${counts%% *}
	failed=${counts##* }
	if [ "$status" != 0 ] && [ "${failed:-0}" = 0 ]; then
		failed=1
	fi
	sed '$s,^\([0-9]* passed\, [0-9]* failed.*\),'"$(basename "$1")${2:+ $2}${3:+ $3}"': \1,' "$output"
	total_passed=$((total_passed + ${passed:-0}))
	total_failed=$((total_failed + ${failed:-0}))
}

total_passed=0
total_failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

for suite in conversation interop faults; do
	[ "$what" = all ] || [ "$what" = "$suite" ] || continue
	# shellcheck disable=SC2048 # a list
	for name in ${*:-$(pieces "$suite")}; do
		piece "$suite" "$name"
	done
done

echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
