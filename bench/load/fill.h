/*
 * Makes the tree that the scenarios serve: big.bin, cold.bin, hot.bin, text.txt, small/f0 ..
 * and, where asked for, entries-<N>/, a folder of N entries, and tree-<N>/d0/f0 .., N small files
 * in folders of a hundred. The names and contents are known
 * to the other subcommands.
 */
#ifndef LOAD_FILL_H
#define LOAD_FILL_H

struct options;

/* Makes below options->file (an existing directory) what is not there yet. Returns 0, or a
 * negative errno after a line on stderr. */
int fill_tree(const struct options *options);

#endif
