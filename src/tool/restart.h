/*
 * Restart markers of MODE B and C between two runs of sluice(1) (RFC 959 section 3.5): the latest
 * pair of a transfer that was cut lies in .NAME.restart.sluice beside the local file, and goes with
 * the end of the transfer.
 */
#ifndef TOOL_RESTART_H
#define TOOL_RESTART_H

#include "sluice/client.h"

struct tool;
struct tool_result;
struct url;

/* Gets or puts url's file, from or to path's (the transfer's fd), and waits for the end. Where the
 * mode has markers it goes on at those that are there, unless --no-resume; if they are of no use
 * any more, or the server refuses to begin at the transfer's offset, it begins at the first byte. */
void restart_transfer(struct tool *tool, struct sluice_session *session, const struct url *url,
		      const char *path, bool sends, struct sluice_transfer *transfer,
		      struct tool_result *ret_result);

#endif
