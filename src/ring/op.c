#include "ring/op.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "sys/calls.h"

const char *op_name(enum op_kind kind)
{
	static const char *const names[OP_KINDS] = {
		[OP_ACCEPT] = "accept", [OP_RECEIVE] = "recv",	  [OP_SEND] = "send",
		[OP_POLL] = "poll",	[OP_OPEN] = "openat2",	  [OP_STAT] = "statx",
		[OP_CLOSE] = "close",	[OP_UNLINK] = "unlinkat", [OP_RENAME] = "renameat2",
		[OP_MKDIR] = "mkdirat", [OP_READ] = "pread",	  [OP_WRITE] = "pwrite",
		[OP_SPLICE] = "splice", [OP_JOB] = "job",	  [OP_YIELD] = "yield",
	};

	return names[kind];
}

static off_t *offset_or_none(off_t *offset)
{
	return *offset < 0 ? NULL : offset;
}

int op_execute(struct op *op)
{
	switch (op->kind) {
	case OP_OPEN:
		return calls->openat2(op->fd, op->open.path, op->open.how);
	case OP_STAT:
		return calls->statx(op->fd, op->stat.path, op->stat.flags, op->stat.mask,
				    op->stat.ret_stat);
	case OP_CLOSE:
		return calls->close(op->fd);
	case OP_UNLINK:
		return calls->unlinkat(op->fd, op->name.name, op->name.flags);
	case OP_RENAME:
		return calls->renameat2(op->fd, op->rename.name, op->rename.new_folder,
					op->rename.new_name, op->rename.flags);
	case OP_MKDIR:
		return calls->mkdirat(op->fd, op->name.name, (mode_t)op->name.flags);
	case OP_READ:
		return (int)calls->pread(op->fd, op->data.buffer, op->data.size_bytes,
					 op->data.offset);
	case OP_WRITE:
		return (int)calls->pwrite(op->fd, op->data.buffer, op->data.size_bytes,
					  op->data.offset);
	case OP_SPLICE:
		return (int)calls->splice(op->fd, offset_or_none(&op->splice.in_offset),
					  op->splice.out, offset_or_none(&op->splice.out_offset),
					  op->splice.size_bytes, op->splice.flags);
	case OP_JOB:
		return op->job.work(op);
	default:
		return -EINVAL;
	}
}
