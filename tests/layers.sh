#!/bin/sh
# Holds every #include "room/file.h" against SRC/layers.txt: a room includes itself and the rooms
# named on its line, and nobody includes another room's *_priv.h.
# usage: layers.sh [SRC]
set -eu
cd "${1:-src}"

# shellcheck disable=SC2016 # awk's dollars, not the shell's
find . -name '*.[ch]' | sed 's,^\./,,' | sort | xargs awk '
	# A .c beside the rooms belongs to "mains".
	function room_of(path) { return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "mains" }

	FILENAME == "layers.txt" {
		sub(/#.*/, "")
		sub(/:/, "")
		for (i = 1; i <= NF; i++)
			allowed[$1, $i] = 1
		next
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		header = part[2]
		if (header ~ /^sluice\//)
			next
		here = room_of(FILENAME)
		there = room_of(header)
		if (!((here, there) in allowed) || (header ~ /_priv\.h$/ && here != there)) {
			printf "src/%s:%d: %s may not include %s\n", FILENAME, FNR, here, header
			wrong = 1
		}
	}
	END { exit wrong }
' layers.txt
