#!/bin/sh
# Makes the small tree that `make run` serves when no ROOT is given.
# usage: sample.sh FOLDER
set -eu
mkdir -p "$1/docs" "$1/pictures" "$1/music/empty album"

cat >"$1/README.txt" <<'TEXT'
This folder is served by sluiced.

docs/       a longer text
pictures/   a small picture (PGM, any viewer shows it)
music/      a folder with a space in one name
TEXT

i=1
while [ $i -le 1000 ]; do
	echo "Line $i of a text long enough to be worth a transfer."
	i=$((i + 1))
done >"$1/docs/thousand lines.txt"

# A grey gradient of 256 by 256 points: one row of all byte values, repeated.
row=$(awk 'BEGIN { for (i = 0; i < 256; i++) printf "\\0%03o", i }')
{
	printf 'P5 256 256 255\n'
	i=0
	while [ $i -lt 256 ]; do
		printf '%b' "$row"
		i=$((i + 1))
	done
} >"$1/pictures/gradient.pgm"
touch "$1"
