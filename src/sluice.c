/*
 * sluice(1), the user-FTP of RFC 959's model as a program. Everything is in src/tool/.
 */
#include "tool/tool.h"

int main(int argc, char **argv)
{
	return tool_main(argc, argv);
}
