#!/bin/sh
# Runs suites one after another, then names the skipped tests and adds everything up.
# usage: suites.sh VARIANT units|ENGINE/SUITE...      ENGINE and SUITE: what tests/run.sh knows
#
# A suite sees its build in SLUICE_BUILD and SLUICED. It prints "SKIPPED name: reason" for a test it
# could not run, and ends with "N passed, N failed". Unit tests have no engine: those of the ring and
# of what runs on it go through all of them by themselves.
set -u
variant=$1
shift
log=build/$variant/log
mkdir -p "$log"
rm -f "$log"/*.log

export SLUICE_BUILD="$PWD/build/$variant" SLUICED="$PWD/build/$variant/sluiced"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}" TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"

suite_run()
{
	case $1 in
	units) tests/units.sh "$variant" ;;
	*) tests/run.sh "${1%%/*}" "${1#*/}" ;;
	esac
}

total_passed=0
total_failed=0
for suite in "$@"; do
	file=$log/$(echo "$suite" | tr / -).log
	echo "== $variant $suite"
	{
		suite_run "$suite"
		echo "status $?"
	} 2>&1 | tee "$file" | grep -v '^status [0-9]*$'

	counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$file" | tail -n 1)
	passed=${counts%% *}
	failed=${counts##* }
	# A suite that ends badly without a count is itself one failure.
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
