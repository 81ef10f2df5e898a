/*
 * Which engine drives the workers: what the operator wants, as far as the kernel lets us. Asked
 * in both processes: by the supervisor before it says that anything is served, so that a wish
 * that cannot be met ends the start, and by the server process, which uses it.
 *
 * Thread: main.
 */
#ifndef SERVER_ENGINE_H
#define SERVER_ENGINE_H

struct config;
struct ring_config;

/* Fills in the engine and its features; SLUICE_RING_MASK (see ring_probe) is for tests. Returns 0,
 * or a negative errno after a log line. */
int engine_choose(const struct config *config, struct ring_config *ret_ring);

#endif
