/*
 * The options of sluice(1), one table: what they are called, which subcommands know them, and what
 * --help says of them.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stddef.h>

struct tool_options;

/* Takes the options of command out of argv[0 .. argc), wherever they stand; "--" ends them, and
 * "-" is none. Returns how many arguments are left, moved to the front of argv; or -EINVAL, with
 * one line in ret_error of error_bytes. */
int options_parse(const char *command, int argc, char **argv, struct tool_options *ret_options,
		  char *ret_error, size_t error_bytes);

/* The lines about command's options (NULL: about those that every subcommand has). */
void options_print(const char *command);

#endif
