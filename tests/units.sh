#!/bin/sh
# Runs every unit test program of a variant, one more at once than there are CPUs; a failed one shows
# its output.
# usage: units.sh VARIANT
set -u
out=build/$1/unit

if [ "${2:-}" ]; then # units.sh itself calls this: one program
	program=$2
	# Not $( ): a process left behind by a test must not hold the runner up.
	timeout -k 5 300 "$program" >"$program.log" 2>&1 </dev/null
	status=$?
	ok=$(grep -c '^\[       OK \]' "$program.log")
	bad=$(grep -c '^\[  FAILED  \] [a-z]' "$program.log")
	sed -n "s,^\[  SKIPPED \] \([a-z].*\),SKIPPED ${program#"$out"/}: \1,p" "$program.log" | sort -u
	if [ "$status" != 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		# In one write: others have something to say, too.
		shown=$(printf '%s: exit status %s\n' "$program" "$status" && cat "$program.log")
		printf '%s\n' "$shown"
	fi
	echo "$ok $bad" >"$program.count"
	exit 0
fi

export CMOCKA_MESSAGE_OUTPUT=STDOUT
rm -f "$out"/*/*_test.count
# Those that take longest first.
for program in "$out"/represent/*_test "$out"/transfer/*_test "$out"/fs/*_test "$out"/*/*_test; do
	[ ! -x "$program" ] || echo "$program"
done | awk '!seen[$0]++' >"$out/programs"
xargs -P $(($(nproc) + 1)) -n 1 "$0" "$1" <"$out/programs"

# A program that left no count failed.
# shellcheck disable=SC2046 # a list
awk -v of="$(wc -l <"$out/programs")" '{ passed += $1; failed += $2; n++ }
	END { failed += of - n; print passed + 0 " passed, " failed " failed"; exit failed > 0 }' \
	/dev/null $(find "$out" -name '*_test.count')
