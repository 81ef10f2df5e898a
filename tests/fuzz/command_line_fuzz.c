/* Fuzzes command_line_find and command_line_parse: what is accepted lies within the bytes. */
#include "protocol/command_line.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = { (const char *)data, size };
	struct command_line command;
	struct view line;
	size_t taken;

	while ((taken = command_line_find(rest, &line)) > 0) {
		if (taken > rest.length || line.length >= taken)
			abort();
		if (command_line_parse(line, &command) == 0 &&
		    (command.verb[0] == '\0' || command.argument.length >= line.length ||
		     memchr(command.argument.at, '\0', command.argument.length)))
			abort();
		rest = view_skip(rest, taken);
	}
	return 0;
}
