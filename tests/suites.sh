#!/bin/sh
# Runs suites, then names the skipped tests and adds everything up.
# usage: suites.sh VARIANT units|ENGINE/SUITE[/PIECE]...    ENGINE, SUITE, PIECE: what tests/run.sh knows
#
# Suites are cut into pieces, which run side by side, one more than twice the CPUs, where each can have
# a network of its own (root); a piece's output is shown when it ends.
#
# A piece sees its build in SLUICE_BUILD and SLUICED. It prints "SKIPPED name: reason" for a test it
# could not run, and ends with "N passed, N failed". Unit tests have no engine: those of the ring and
# of what runs on it go through all of them by themselves.
set -u

log_of() # VARIANT PIECE
{
	echo "build/$1/log/$(echo "$2" | tr / -).log"
}

if [ "$1" = --piece ]; then # suites.sh itself calls this: --piece VARIANT units|ENGINE/SUITE/PIECE
	variant=$2
	piece=$3
	file=$(log_of "$variant" "$piece")
	{
		case $piece in
		units)
			if unshare --mount true 2>/dev/null; then
				unshare --mount tests/units.sh "$variant" # as tests/run.sh does
			else
				tests/units.sh "$variant"
			fi
			;;
		*)
			rest=${piece#*/}
			tests/run.sh "${piece%%/*}" "${rest%%/*}" "${rest#*/}"
			;;
		esac
		echo "status $?"
	} >"$file" 2>&1
	flock "build/$variant/log/lock" sh -c 'echo "== $1"; grep -v "^status [0-9]*$" "$2"' sh "$variant $piece" "$file"
	exit 0
fi

variant=$1
shift
log=build/$variant/log
mkdir -p "$log"
rm -f "$log"/*.log
: >"$log/lock"

export SLUICE_BUILD="$PWD/build/$variant" SLUICED="$PWD/build/$variant/sluiced"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}" TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"

jobs=1
if [ "$(id -u)" = 0 ] && unshare --net --mount true 2>/dev/null; then
	jobs=$((2 * $(nproc) + 1)) # they wait more than they work
fi

# The conversations come last, as they fill the CPUs best: nobody waits for a long piece at the end.
pieces=$(for suite in "$@"; do
	case $suite in
	units) echo "1 units" ;;
	*/*/*) echo "2 $suite" ;;
	*) tests/run.sh "${suite%%/*}" "${suite#*/}" --pieces |
		awk -v suite="$suite" '{ print (suite ~ /conversation/ ? 1000 : suite ~ /faults/ ? 10 : 100) + NR, suite "/" $0 }' ;;
	esac
done | sort -n -s -k 1,1 | cut -d ' ' -f 2)
printf '%s\n' "$pieces" | xargs -P "$jobs" -I '{}' "$0" --piece "$variant" '{}'

total_passed=0
total_failed=0
for piece in $pieces; do
	file=$(log_of "$variant" "$piece")
	counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$file" | tail -n 1)
	passed=${counts%% *}
	failed=${counts##* }
	# A piece that ends badly without a count is itself one failure.
	if [ "$(tail -n 1 "$file")" != "status 0" ] && [ "${failed:-0}" = 0 ]; then
		failed=1
	fi
	total_passed=$((total_passed + ${passed:-0}))
	total_failed=$((total_failed + ${failed:-0}))
done

skipped=$(grep -h '^SKIPPED ' "$log"/*.log | sort -u)
[ -z "$skipped" ] || printf '%s\n' "$skipped"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
