#include "fs/slice.h"

#include <errno.h>
#include <unistd.h>

#include "sys/calls.h"

#define COPY_BYTES 65536
#define HOLE_BYTES_MIN 1048576 /* of one that is worth keeping */

/* What the kernel cannot copy by itself. */
static ssize_t slice_copy_by_hand(int from, off_t from_offset, int to, off_t to_offset,
				  size_t size_bytes)
{
	char buffer[COPY_BYTES];
	size_t done = 0;
	ssize_t r;

	do {
		size_t wanted = size_bytes - done < COPY_BYTES ? size_bytes - done : COPY_BYTES;

		r = calls->pread(from, buffer, wanted, from_offset + (off_t)done);
		if (r > 0)
			r = calls->pwrite(to, buffer, (size_t)r, to_offset + (off_t)done);
		if (r > 0)
			done += (size_t)r;
	} while (r > 0 && done < size_bytes);
	return r < 0 ? r : (ssize_t)done;
}

/* How many bytes of a hole come next. */
static off_t slice_hole(int from, off_t offset)
{
	off_t data = calls->seek(from, offset, SEEK_DATA);

	if (data == -ENXIO) /* nothing else up to the end */
		data = calls->seek(from, 0, SEEK_END);
	return data > offset ? data - offset : 0;
}

/* The hole's last byte alone is written: that never cuts what has come behind it meanwhile. */
static ssize_t slice_skip(int to, off_t to_offset, size_t size_bytes)
{
	ssize_t r = calls->pwrite(to, "", 1, to_offset + (off_t)size_bytes - 1);

	return r < 0 ? r : r == 0 ? -EIO : (ssize_t)size_bytes;
}

/* What comes next up to a hole: whether that is worth keeping the next slice sees. */
static size_t slice_data(int from, off_t offset, size_t size_bytes)
{
	off_t hole = calls->seek(from, offset, SEEK_HOLE);

	return hole > offset && hole - offset < (off_t)size_bytes ? (size_t)(hole - offset)
								  : size_bytes;
}

ssize_t slice_copy(int from, off_t from_offset, int to, off_t to_offset, size_t size_bytes)
{
	size_t wanted = size_bytes < SLICE_BYTES ? size_bytes : SLICE_BYTES;
	off_t hole = slice_hole(from, from_offset);
	ssize_t r;

	if (hole >= HOLE_BYTES_MIN)
		return slice_skip(to, to_offset,
				  (size_t)hole < size_bytes ? (size_t)hole : size_bytes);
	wanted = slice_data(from, from_offset, wanted);
	r = calls->copy_file_range(from, from_offset, to, to_offset, wanted);
	/* Also at what seems to be the end: some file systems say so of all their files. */
	return r > 0 ? r : slice_copy_by_hand(from, from_offset, to, to_offset, wanted);
}
