#include "server/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "log/log.h"
#include "ring/ring.h"

int engine_choose(const struct config *config, struct ring_config *ret_ring)
{
	const char *mask = getenv("SLUICE_RING_MASK");
	struct ring_features features;

	if (ring_probe(mask, &features) < 0) {
		log_error("SLUICE_RING_MASK=%s: expected 5.15, or what the log line of the engine "
			  "names, with commas between",
			  mask);
		return -EINVAL;
	}
	if (config->ring == RING_URING && !features.uring) {
		log_error("--ring=uring: this system has no io_uring for us (%s); use --ring=auto",
			  strerror(-features.error));
		return -EOPNOTSUPP;
	}
	ret_ring->features = features;
	ret_ring->engine = features.uring && config->ring != RING_EPOLL ? RING_ENGINE_URING
									: RING_ENGINE_EPOLL;
	return 0;
}
