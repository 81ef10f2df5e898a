#include "fs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/creation_mode.h"
#include "fs/inode.h"
#include "fs/resolve.h"
#include "fs/slice.h"
#include "sys/calls.h"
#include "sys/umask.h"

void copy_init(struct copy *copy, int root, const char *from, const char *to, uint64_t owner,
	       unsigned mask)
{
	memset(copy, 0, sizeof(*copy));
	copy->source = -1;
	copy->upload.root = root;
	copy->upload.atomic = true;
	copy->upload.owner = ~owner; /* his unfinished uploads have other names */
	copy->upload.mask = mask;
	copy->upload.folder = -1;
	copy->upload.fd = -1;
	copy->upload.source = -1;
	copy->upload.copied_from = -1;
	strcpy(copy->from, from);
	strcpy(copy->upload.path, to);
}

/* The rights are set before the first byte is there to be read. A file system that knows none is no
 * reason to fail. */
static void copy_set_mode(const struct copy *copy, const struct statx *stat)
{
	unsigned mask = copy->upload.mask ? copy->upload.mask : umask_of_process();

	inode_change_mode(copy->upload.fd,
			  creation_mode(stat->stx_mode & CREATION_MASK_BITS, mask));
}

static int copy_begin(struct copy *copy)
{
	struct statx stat;
	int r;

	copy->begun = true;
	copy->source =
		resolve_open_file(copy->upload.root, copy->from, O_RDONLY | O_NONBLOCK, &stat);
	if (copy->source < 0)
		return copy->source;
	copy->size_bytes = (off_t)stat.stx_size;
	r = upload_check(&copy->upload);
	if (r == 0)
		r = upload_open(&copy->upload);
	if (r < 0)
		return r;
	copy_set_mode(copy, &stat);
	return calls->clone(copy->upload.fd, copy->source) == 0 ? 0 : -EINPROGRESS;
}

int copy_step(struct copy *copy)
{
	off_t left = copy->size_bytes - copy->copied;
	ssize_t r;

	if (!copy->begun)
		return copy_begin(copy);
	if (left <= 0)
		return 0;
	r = slice_copy(copy->source, copy->copied, copy->upload.fd, copy->copied, (size_t)left);
	if (r > 0)
		copy->copied += r;
	return r > 0 ? -EINPROGRESS : (int)r;
}

int copy_finish(struct copy *copy, bool complete)
{
	if (copy->source >= 0)
		calls->close(copy->source);
	copy->source = -1;
	return upload_finish(&copy->upload, complete);
}
