#include <signal.h>

#include "fill.h"
#include "load.h"

int main(int argc, char **argv)
{
	static struct load load;

	if (options_parse(argc, argv, &load.options) < 0)
		return 2;
	if (load.options.work == WORK_FILL)
		return fill_tree(&load.options) < 0;
	signal(SIGPIPE, SIG_IGN);
	return load_run(&load);
}
