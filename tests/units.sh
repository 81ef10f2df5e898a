#!/bin/sh
# Runs every unit test program of a variant; a failed one shows its output.
# usage: units.sh VARIANT
set -u
out=build/$1/unit
passed=0
failed=0

export CMOCKA_MESSAGE_OUTPUT=STDOUT
for program in "$out"/*/*_test; do
	[ -x "$program" ] || continue
	# Not $( ): a process left behind by a test must not hold the runner up.
	timeout -k 5 120 "$program" >"$program.log" 2>&1 </dev/null
	status=$?
	ok=$(grep -c '^\[       OK \]' "$program.log")
	bad=$(grep -c '^\[  FAILED  \] [a-z]' "$program.log")
	sed -n "s,^\[  SKIPPED \] \([a-z].*\),SKIPPED ${program#"$out"/}: \1,p" "$program.log" | sort -u
	if [ "$status" != 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		printf '%s: exit status %s\n' "$program" "$status"
		cat "$program.log"
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
