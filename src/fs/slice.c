#include "fs/slice.h"

#include "sys/calls.h"

#define COPY_BYTES 65536

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

ssize_t slice_copy(int from, off_t from_offset, int to, off_t to_offset, size_t size_bytes)
{
	size_t wanted = size_bytes < SLICE_BYTES ? size_bytes : SLICE_BYTES;
	ssize_t r = calls->copy_file_range(from, from_offset, to, to_offset, wanted);

	/* Also at what seems to be the end: some file systems say so of all their files. */
	return r > 0 ? r : slice_copy_by_hand(from, from_offset, to, to_offset, wanted);
}
