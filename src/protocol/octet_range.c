#include "protocol/octet_range.h"

#include <errno.h>

size_t octets_parse(struct view text, int64_t *ret_octets)
{
	int64_t octets = 0;
	size_t at = 0;

	for (; at < text.length && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
		if (octets > (INT64_MAX - 9) / 10)
			return 0;
		octets = 10 * octets + (text.at[at] - '0');
	}
	if (at > 0)
		*ret_octets = octets;
	return at;
}

int octet_range_parse(struct view text, int64_t *ret_first, int64_t *ret_last)
{
	int64_t first;
	int64_t last;
	size_t used = octets_parse(text, &first);
	struct view rest = view_skip(text, used);

	if (used == 0 || rest.length < 2 || rest.at[0] != ' ')
		return -EINVAL;
	rest = view_skip(rest, 1);
	if (octets_parse(rest, &last) != rest.length)
		return -EINVAL;
	*ret_first = first;
	*ret_last = last;
	return 0;
}
