#!/bin/sh
# Runs the black-box tests against a real sluiced.
# usage: run.sh [ENGINE] [conversation|interop|faults|all]      ENGINE: uring, epoll or uring515
#
# SLUICE_TEST_SLUICED or SLUICED names the binary (default: build/debug/sluiced). Prints
# "SKIPPED name: reason" for what could not run and ends with "N passed, N failed".
#
# Where root allows it, all runs in a network of its own, with an address of each kind beside the
# loopback's: some clients use a version of IP only where the machine has it.
set -u
here=$(dirname "$0")
if [ "$(id -u)" = 0 ] && [ -z "${SLUICE_TEST_NETWORK:-}" ] && unshare --net true 2>/dev/null; then
	export SLUICE_TEST_NETWORK=own
	exec unshare --net sh -c 'ip link set lo up && ip addr add 198.51.100.1/32 dev lo &&
		{ ip -6 addr add 2001:db8::1/128 dev lo || true; } && exec "$@"' sh "$0" "$@"
fi
export SLUICE_TEST_ENGINE="${1:-uring}"
what=${2:-all}
python=${PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1

case $SLUICE_TEST_ENGINE in
uring | epoll | uring515) ;;
*)
	echo "run.sh: engine $SLUICE_TEST_ENGINE is unknown; known: uring, epoll, uring515" >&2
	exit 2
	;;
esac

conversation()
{
	runner "$here/conversation/play"
	runner "$here/conversation/play" --split "$here/conversation"
}

interop()
{
	for file in "$here"/interop/*_test.py; do
		# What make installs, other servers, and how many clients there are depend on no
		# feature of the ring.
		case $SLUICE_TEST_ENGINE-$file in
		uring515-*/make_test.py | uring515-*/peers_test.py | uring515-*/matrix_test.py) continue ;;
		esac
		runner "$file"
	done
}

faults()
{
	runner "$here/faults/run"
}

# What failed, as the runner takes it for an argument; nothing if that is more than a few.
failures()
{
	names=$(sed -n -e 's/^FAILED  \([^ :]*\.ftp\):.*/\1/p' -e 's/^FAILED  [^ ]* \([a-z0-9_]*\)$/\1/p' "$output")
	[ "$(echo "$names" | wc -l)" -gt 3 ] || echo "$names"
}

# On a machine that has other work a test may come too late. So what failed is tried once more, alone,
# and named if it passes then.
tried_again()
{
	names=$(failures)
	[ -n "$names" ] || return 1
	program=$1
	shift
	[ "${1:-}" = --split ] || set --
	# shellcheck disable=SC2086 # a list
	"$python" "$program" ${1:+--split} $names >"$output.again" 2>&1 || return 1
	grep '^FAILED  ' "$output" | sed 's/^FAILED  /FLAKY   /'
}

# Runs one runner; its output stays, its count joins the others. One that ends without a count failed.
runner()
{
	"$python" "$@" >"$output" 2>&1
	status=$?
	counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$output" | tail -n 1)
	passed=${counts%% *}
	failed=${counts##* }
	if [ "$status" != 0 ] && tried_again "$@"; then
		passed=$((passed + failed))
		failed=0
		status=0
	fi
	if [ "$status" != 0 ] && [ "${failed:-0}" = 0 ]; then
		failed=1
	fi
	sed '$s/^\([0-9]* passed, [0-9]* failed.*\)/'"$(basename "$1")${2:+ $2}"': \1/' "$output"
	total_passed=$((total_passed + ${passed:-0}))
	total_failed=$((total_failed + ${failed:-0}))
}

total_passed=0
total_failed=0
output=$(mktemp)
trap 'rm -f "$output" "$output.again"' EXIT

case $what in
conversation) conversation ;;
interop) interop ;;
faults) faults ;;
all)
	conversation
	interop
	faults
	;;
*)
	echo "run.sh: $what is unknown; known: conversation, interop, faults, all" >&2
	exit 2
	;;
esac

echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
