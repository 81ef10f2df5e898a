#include "represent/page_source.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "represent/stages.h"
#include "sys/calls.h"

bool page_source_describes(const struct representation *representation, int file, off_t end)
{
	off_t page = representation_page_octets(representation);
	off_t last;
	off_t data;

	assert(page > 0);
	last = (end - 1) / page * page;
	data = calls->seek(file, last, SEEK_DATA);
	return (representation->type == TYPE_LOCAL &&
		end % representation->byte_bits * 8 % representation->byte_bits != 0) ||
	       data == -ENXIO || data >= end;
}

/* How much of what is to be read at a page's place is data, or shares a page with it; data is where that
 * begins. */
static off_t data_octets(int file, off_t page, off_t at, off_t data)
{
	off_t hole = calls->seek(file, data, SEEK_HOLE);

	return hole <= data ? INT64_MAX : (hole + page - 1) / page * page - at;
}

ssize_t page_source_read(const struct representation *representation, int file, off_t from,
			 off_t end, char *buffer, size_t buffer_bytes, off_t *ret_at)
{
	off_t page = representation_page_octets(representation);
	off_t data = calls->seek(file, from, SEEK_DATA);
	off_t most;
	off_t wanted;
	ssize_t got;

	assert(page > 0);
	/* There are no holes on this file system, or none may be left out. */
	if (data == -EINVAL || page < DESCRIBED_PAGE_OCTETS_MIN)
		data = from;
	*ret_at = end;
	if (data == -ENXIO || data >= end)
		return 0;
	if (data < 0)
		return data;
	*ret_at = data / page * page;
	if (*ret_at < from)
		*ret_at = from;
	most = (off_t)buffer_bytes / page * page;
	wanted = data_octets(file, page, *ret_at, data);
	if (wanted > most)
		wanted = most;
	if (wanted > end - *ret_at)
		wanted = end - *ret_at;
	got = calls->pread(file, buffer, (size_t)wanted, *ret_at);
	/* What is no whole page must be the file's end. */
	if (got > 0 && got % page != 0 && *ret_at + got < end)
		got -= got % page;
	return got;
}
