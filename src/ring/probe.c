#include <errno.h>
#include <liburing.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ring/ring_priv.h"

/* What a mask may hide, and what the log tells, in this order. */
static const struct feature {
	const char *name;
	size_t field;
	bool newer; /* than Linux 5.15 */
} features_known[] = {
	{ "io_uring", offsetof(struct ring_features, uring), false },
	{ "deferred-task-work", offsetof(struct ring_features, defer_taskrun), true },
	{ "buffer-rings", offsetof(struct ring_features, buffer_ring), true },
	{ "registered-ring", offsetof(struct ring_features, registered_ring), true },
	{ "multishot-accept", offsetof(struct ring_features, multishot_accept), true },
	{ "multishot-receive", offsetof(struct ring_features, multishot_receive), true },
};

#define FEATURES_COUNT (sizeof(features_known) / sizeof(features_known[0]))

static bool *feature_field(struct ring_features *features, const struct feature *feature)
{
	return (bool *)(void *)((char *)features + feature->field);
}

static bool probe_setup(unsigned flags)
{
	struct io_uring_params params = { .flags = flags };
	struct io_uring uring;
	int r = io_uring_queue_init_params(8, &uring, &params);

	if (r == 0)
		io_uring_queue_exit(&uring);
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

static void probe_kernel(struct ring_features *features)
{
	struct io_uring uring;

	features->error = io_uring_queue_init(8, &uring, 0);
	if (features->error < 0)
		return;
	probe_operations(&uring, features);
	features->buffer_ring = probe_buffer_ring(&uring);
	features->registered_ring = io_uring_register_ring_fd(&uring) == 1;
	if (!(uring.features & IORING_FEAT_EXT_ARG)) {
		features->uring = false;
		features->error = -ENOSYS;
	}
	io_uring_queue_exit(&uring);
	features->defer_taskrun =
		probe_setup(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* Hides what one word of a mask names. Returns whether the word is known. */
static bool word_hide(const char *word, size_t length, struct ring_features *features)
{
	bool version = length == strlen("5.15") && memcmp(word, "5.15", length) == 0;
	bool known = version;

	for (size_t i = 0; i < FEATURES_COUNT; i++) {
		const struct feature *feature = &features_known[i];
		bool named = strlen(feature->name) == length &&
			     memcmp(feature->name, word, length) == 0;

		if (named || (version && feature->newer))
			*feature_field(features, feature) = false;
		known = known || named;
	}
	return known;
}

static int mask_apply(const char *mask, struct ring_features *features)
{
	for (;;) {
		size_t length = strcspn(mask, ",");

		if (!word_hide(mask, length, features))
			return -EINVAL;
		if (mask[length] == '\0')
			return 0;
		mask += length + 1;
	}
}

int ring_probe(const char *mask, struct ring_features *ret_features)
{
	struct ring_features features = { 0 };
	int r;

	probe_kernel(&features);
	r = mask ? mask_apply(mask, &features) : 0;
	if (r < 0)
		return r;
	if (!features.uring && features.error == 0)
		features.error = -EOPNOTSUPP; /* masked */
	*ret_features = features;
	return 0;
}

void ring_describe(const struct ring_config *config, char *ret_text, size_t size_bytes)
{
	struct ring_features features = config->features;
	size_t used;

	if (config->engine != RING_ENGINE_URING) {
		snprintf(ret_text, size_bytes, "epoll and job threads: io_uring %s",
			 features.uring ? "not wanted" : strerror(-features.error));
		return;
	}
	used = (size_t)snprintf(ret_text, size_bytes, "io_uring:");
	for (size_t i = 1; i < FEATURES_COUNT && used < size_bytes; i++) {
		const struct feature *feature = &features_known[i];

		used += (size_t)snprintf(ret_text + used, size_bytes - used, "%s %s %s",
					 i > 1 ? "," : "", feature->name,
					 *feature_field(&features, feature) ? "yes" : "no");
	}
}
