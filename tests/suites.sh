#!/bin/sh
# Runs suites, then names the skipped tests and adds everything up.
# usage: suites.sh VARIANT units|ENGINE/SUITE...      ENGINE and SUITE: what tests/run.sh knows
#
# The units come first, then the suites of each engine in their order. Engines run side by side, one
# more than there are CPUs, where each can have a network of its own (root); a suite's output is shown
# when it ends.
#
# A suite sees its build in SLUICE_BUILD and SLUICED. It prints "SKIPPED name: reason" for a test it
# could not run, and ends with "N passed, N failed". Unit tests have no engine: those of the ring and
# of what runs on it go through all of them by themselves.
set -u

# One suite after another, each into its log; shown one at a time.
suites_run()
{
	for suite in "$@"; do
		file=$log/$(echo "$suite" | tr / -).log
		{
			case $suite in
			units) tests/units.sh "$variant" ;;
			*) tests/run.sh "${suite%%/*}" "${suite#*/}" ;;
			esac
			echo "status $?"
		} >"$file" 2>&1
		flock "$log/lock" sh -c 'echo "== $1"; grep -v "^status [0-9]*$" "$2"' sh "$variant $suite" "$file"
	done
}

if [ "$1" = --engine ]; then # suites.sh itself calls this: --engine ENGINE VARIANT SUITE...
	engine=$2
	variant=$3
	log=build/$variant/log
	shift 3
	for suite in "$@"; do
		case $suite in
		"$engine"/*) suites_run "$suite" ;;
		esac
	done
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
if [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then
	jobs=$(($(nproc) + 1)) # they wait more than they work
fi
engines=
for suite in "$@"; do
	case $suite in
	units) suites_run units ;;
	*)
		case " $engines " in
		*" ${suite%%/*} "*) ;;
		*) engines="$engines ${suite%%/*}" ;;
		esac
		;;
	esac
done
# shellcheck disable=SC2086 # a list
[ -z "$engines" ] ||
	printf '%s\n' $engines | xargs -P "$jobs" -I '{}' "$0" --engine '{}' "$variant" "$@"

total_passed=0
total_failed=0
for suite in "$@"; do
	file=$log/$(echo "$suite" | tr / -).log
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
