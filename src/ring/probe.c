#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>

#include "ring/ring_priv.h"

static bool probe_setup(unsigned flags, int *ret_error)
{
	struct io_uring_params params = { .flags = flags };
	struct io_uring uring;
	int r = io_uring_queue_init_params(8, &uring, &params);

	if (r == 0)
		io_uring_queue_exit(&uring);
	*ret_error = r;
	return r == 0;
}

/* Operations that came one kernel version at a time tell what those versions brought beside. */
static void probe_operations(struct io_uring *uring, struct ring_features *features)
{
	static const int needed[] = { IORING_OP_SPLICE,	  IORING_OP_OPENAT2,
				      IORING_OP_STATX,	  IORING_OP_RENAMEAT,
				      IORING_OP_UNLINKAT, IORING_OP_MKDIRAT,
				      IORING_OP_RECV,	  IORING_OP_PROVIDE_BUFFERS };
	struct io_uring_probe *probe = io_uring_get_probe_ring(uring);

	features->uring = probe != NULL;
	for (size_t i = 0; probe && i < sizeof(needed) / sizeof(needed[0]); i++)
		features->uring = features->uring && io_uring_opcode_supported(probe, needed[i]);
	if (!features->uring)
		features->error = -ENOSYS;
	features->multishot_accept = probe && io_uring_opcode_supported(probe, IORING_OP_SOCKET);
	features->multishot_receive = probe && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
	io_uring_free_probe(probe);
}

static bool probe_buffer_ring(struct io_uring *uring)
{
	static char memory[8 * sizeof(struct io_uring_buf)] __attribute__((aligned(4096)));
	struct io_uring_buf_reg reg = { .ring_addr = (uintptr_t)memory,
					.ring_entries = 8,
					.bgid = 1 };

	if (io_uring_register_buf_ring(uring, &reg, 0) != 0)
		return false;
	io_uring_unregister_buf_ring(uring, 1);
	return true;
}

void ring_probe(const char *mask, struct ring_features *ret_features)
{
	struct ring_features features = { 0 };
	struct io_uring uring;
	int ignored;

	features.error = io_uring_queue_init(8, &uring, 0);
	if (features.error == 0) {
		probe_operations(&uring, &features);
		features.buffer_ring = probe_buffer_ring(&uring);
		if (!(uring.features & IORING_FEAT_EXT_ARG)) {
			features.uring = false;
			features.error = -ENOSYS;
		}
		io_uring_queue_exit(&uring);
		features.defer_taskrun = probe_setup(
			IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, &ignored);
	}
	if (mask && strcmp(mask, "5.15") == 0) {
		features.defer_taskrun = false;
		features.buffer_ring = false;
		features.multishot_accept = false;
		features.multishot_receive = false;
	}
	*ret_features = features;
}

void ring_describe(const struct ring_config *config, char *ret_text, size_t size_bytes)
{
	const struct ring_features *features = &config->features;

	if (config->engine == RING_ENGINE_URING)
		snprintf(ret_text, size_bytes,
			 "io_uring: deferred task work %s, buffer rings %s, multishot accept %s, "
			 "multishot receive %s",
			 features->defer_taskrun ? "yes" : "no",
			 features->buffer_ring ? "yes" : "no",
			 features->multishot_accept ? "yes" : "no",
			 features->multishot_receive ? "yes" : "no");
	else
		snprintf(ret_text, size_bytes, "epoll and job threads: io_uring %s",
			 features->uring ? "not wanted" : strerror(-features->error));
}
