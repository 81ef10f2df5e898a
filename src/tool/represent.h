/*
 * How a file of a URL moves: TYPE, STRU and MODE from options and from the URL's ";type=".
 */
#ifndef TOOL_REPRESENT_H
#define TOOL_REPRESENT_H

#include <stdbool.h>

#include "sluice/client.h"

struct tool;
struct tool_options;
struct url;

/* Reads what --type, --structure and --mode are given: "A", "A:T", "E:C", "I", "L36"; a letter.
 * False: it is none of that. */
bool represent_read_type(const char *text, struct sluice_representation *representation);
bool represent_read_letter(const char *text, const char *letters, char *ret_letter);

/* NULL, or what is wrong with the options together. */
const char *represent_refusal(const struct tool_options *options);

/* Options decide, then the URL (NULL: none); --compress where the server offers MODE Z. */
struct sluice_representation represent_choose(const struct tool *tool, const struct url *url,
					      const struct sluice_session *session);

/* Whether the file has as many bytes here as the server counts in TYPE I. */
bool represent_is_image(const struct sluice_representation *representation);

/* Whether a number of bytes tells where to go on. */
bool represent_restarts_by_number(const struct sluice_representation *representation);

/* Whether restart markers do. */
bool represent_has_markers(const struct sluice_representation *representation);

/* Whether the bytes on the way are about as many as the file's, so that they show its progress. */
bool represent_shows_progress(const struct sluice_representation *representation);

/* Has the session's listings move as the options say, if they say anything. */
void represent_list(const struct tool *tool, const struct url *url, struct sluice_session *session);

#endif
