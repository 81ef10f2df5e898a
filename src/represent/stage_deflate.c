/*
 * MODE Z (draft-preston-ftpext-deflate): a zlib stream (RFC 1950), whose end is the file's. What
 * follows it is left: on a connection that stays it is the next file.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "represent/stages_priv.h"
#include "sys/calls.h"

static void *deflate_allocate(void *opaque, unsigned items, unsigned size)
{
	(void)opaque;
	return calls->allocate((size_t)items * size);
}

static void deflate_free(void *opaque, void *memory)
{
	(void)opaque;
	free(memory);
}

static int error_of_zlib(int r)
{
	return r == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
}

int stage_deflate_init(struct stage *stage, int level)
{
	int r;

	stage->step = stage_deflate;
	stage->is.deflate = (z_stream){ .zalloc = deflate_allocate, .zfree = deflate_free };
	r = deflateInit(&stage->is.deflate, level);
	return r == Z_OK ? 0 : error_of_zlib(r);
}

int stage_inflate_init(struct stage *stage)
{
	int r;

	stage->step = stage_inflate;
	stage->is.deflate = (z_stream){ .zalloc = deflate_allocate, .zfree = deflate_free };
	r = inflateInit(&stage->is.deflate);
	return r == Z_OK ? 0 : error_of_zlib(r);
}

void stage_deflate_fini(struct stage *stage)
{
	deflateEnd(&stage->is.deflate);
}

void stage_inflate_fini(struct stage *stage)
{
	inflateEnd(&stage->is.deflate);
}

static unsigned uint_of(size_t bytes)
{
	return bytes > UINT_MAX ? UINT_MAX : (unsigned)bytes;
}

/* A step of deflate(3) or inflate(3), and the views moved over what it has done with them. finishes:
 * the last bytes end the stream. */
static int step_run(struct stage *stage, struct stage_step *step, int (*run)(z_stream *, int),
		    bool finishes)
{
	z_stream *stream = &stage->is.deflate;
	unsigned in = uint_of(step->from_bytes);
	unsigned out = uint_of(step->to_bytes);
	bool finish = finishes && step->last && in == step->from_bytes;
	int r;

	stream->next_in = (unsigned char *)(uintptr_t)step->from;
	stream->avail_in = in;
	stream->next_out = step->to;
	stream->avail_out = out;
	r = run(stream, finish ? Z_FINISH : Z_NO_FLUSH);
	step_taken(step, in - stream->avail_in);
	step_given(step, out - stream->avail_out);
	return r;
}

int stage_deflate(struct stage *stage, struct stage_step *step)
{
	return step_run(stage, step, deflate, true) == Z_STREAM_END ? STAGE_ENDED : STAGE_GOES_ON;
}

int stage_inflate(struct stage *stage, struct stage_step *step)
{
	int r = step_run(stage, step, inflate, false);

	if (r == Z_STREAM_END)
		return STAGE_ENDED;
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (r != Z_OK && r != Z_BUF_ERROR)
		return stage_complain(step, -EBADMSG, "this is no zlib stream, or a damaged one");
	return step->last && step->from_bytes == 0 && step->to_bytes > 0 ? -ENODATA : STAGE_GOES_ON;
}
