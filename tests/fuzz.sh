#!/bin/sh
# Runs every fuzz harness for some seconds, as many at once as there are CPUs.
# usage: fuzz.sh FOLDER SECONDS      FOLDER: where the programs are; what is found stays there
#
# A harness begins with its seeds, tests/fuzz/seeds/NAME/, and with what earlier runs have found,
# FOLDER/corpus/NAME/. One that fails shows its output, and the input lies in FOLDER/NAME-crash-*.
# Ends with "N passed, N failed".
set -u
here=$(dirname "$0")
folder=$1
seconds=$2
memory_mb=512
input_bytes=16384 # some times the longest line and path

if [ "${3:-}" ]; then # one of them
	name=$(basename "$3")
	mkdir -p "$folder/corpus/$name"
	if "$3" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=$memory_mb -malloc_limit_mb=$memory_mb \
		-max_len=$input_bytes -artifact_prefix="$folder/$name-" \
		"$folder/corpus/$name" "$here/fuzz/seeds/$name" >"$folder/$name.log" 2>&1 </dev/null; then
		echo "passed  $name ($(grep -o '^Done .* runs' "$folder/$name.log"))"
	else
		echo "FAILED  $name"
		tail -n 40 "$folder/$name.log"
	fi
	exit 0
fi

results=$(mktemp)
trap 'rm -f "$results"' EXIT
printf '%s\n' "$folder"/*_fuzz | xargs -P "$(nproc)" -n 1 "$0" "$folder" "$seconds" >"$results"
cat "$results"
failed=$(grep -c '^FAILED  ' "$results")
echo "$(grep -c '^passed  ' "$results") passed, $failed failed"
[ "$failed" = 0 ]
