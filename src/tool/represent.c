#include "tool/represent.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

bool represent_read_letter(const char *text, const char *letters, char *ret_letter)
{
	char letter = (char)toupper((unsigned char)text[0]);

	if (!letter || text[1] || !strchr(letters, letter))
		return false;
	*ret_letter = letter;
	return true;
}

bool represent_read_type(const char *text, struct sluice_representation *representation)
{
	struct sluice_representation read = *representation;
	char *end = NULL;
	unsigned long bits;

	read.type = (char)toupper((unsigned char)text[0]);
	read.format = 0;
	read.byte_bits = 0;
	if (read.type == 'L') {
		bits = isdigit((unsigned char)text[1]) ? strtoul(text + 1, &end, 10) : 0;
		if (bits < 1 || bits > 255 || *end)
			return false;
		read.byte_bits = (unsigned char)bits;
	} else if (!read.type || !strchr("AEI", read.type) ||
		   (text[1] && (read.type == 'I' || text[1] != ':' ||
				!represent_read_letter(text + 2, "NTC", &read.format)))) {
		return false;
	}
	*representation = read;
	return true;
}

static bool is_text(const struct sluice_representation *representation)
{
	return representation->type == 'A' || representation->type == 'E';
}

const char *represent_refusal(const struct tool_options *options)
{
	struct sluice_representation as = options->representation;

	if (options->ascii && as.type && as.type != 'A')
		return "--ascii is --type=A";
	if (options->ascii)
		as.type = 'A';
	if (options->compress && as.mode)
		return "--compress is --mode=Z where the server offers it";
	if (options->verify && is_text(&as))
		return "--verify compares the bytes of files, which TYPE A and E may change";
	if (as.structure == 'P' && is_text(&as))
		return "--structure=P moves pages of TYPE I or L";
	if (as.structure == 'P' && as.type == 'L' && as.byte_bits < 4)
		return "--structure=P needs bytes of 4 bits and more";
	if (as.structure == 'R' && as.type == 'L' && as.byte_bits != 8)
		return "--structure=R moves records of TYPE A, E, I or L8";
	return NULL;
}

struct sluice_representation represent_choose(const struct tool *tool, const struct url *url,
					      const struct sluice_session *session)
{
	struct sluice_representation chosen = tool->options.representation;

	if (!chosen.type && tool->options.ascii)
		chosen.type = 'A';
	if (!chosen.type && url && url->type != 'D')
		chosen.type = url->type;
	if (tool->options.compress && sluice_session_has(session, SLUICE_FEATURE_MODE_Z))
		chosen.mode = 'Z';
	return chosen;
}

bool represent_is_image(const struct sluice_representation *representation)
{
	return !is_text(representation);
}

bool represent_has_markers(const struct sluice_representation *representation)
{
	return representation->mode == 'B' || representation->mode == 'C';
}

bool represent_restarts_by_number(const struct sluice_representation *representation)
{
	return represent_is_image(representation) && !represent_has_markers(representation) &&
	       (!representation->structure || representation->structure == 'F');
}

bool represent_shows_progress(const struct sluice_representation *representation)
{
	return represent_is_image(representation) && representation->mode != 'C' &&
	       representation->mode != 'Z';
}

void represent_list(const struct tool *tool, const struct url *url, struct sluice_session *session)
{
	const struct sluice_representation chosen = represent_choose(tool, url, session);
	bool said = chosen.type || chosen.structure || chosen.mode;

	/* A code page that cannot be used shows when an errand is begun. */
	(void)sluice_session_list_as(session, said ? &chosen : NULL);
}
