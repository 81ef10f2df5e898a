#include "jobs/disk_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

#define DISKS_MAX 256

struct disk {
	uint64_t id;
	struct queue queues[DISK_DIRECTIONS];
};

struct disk_queues {
	unsigned inflight_max[DISK_DIRECTIONS];
	unsigned count;
	struct disk disks[DISKS_MAX];
};

static_assert(JOB_THREADS_MAX >= DISK_SHARES * DISK_DIRECTIONS * WORKERS_LIMIT,
	      "one operation for each worker and direction, and others' threads beside them");

unsigned disk_operations_max(unsigned workers)
{
	unsigned share = JOB_THREADS_MAX / (DISK_SHARES * DISK_DIRECTIONS * workers);

	return share < DISK_OPERATIONS_MAX ? share : DISK_OPERATIONS_MAX;
}

unsigned disk_job_threads_max(unsigned workers)
{
	return DISK_SHARES * DISK_DIRECTIONS * workers * disk_operations_max(workers);
}

int disk_queues_new(unsigned names_max, unsigned data_max, struct disk_queues **ret_queues)
{
	struct disk_queues *queues = calloc(1, sizeof(*queues));

	if (!queues)
		return -ENOMEM;
	queues->inflight_max[DISK_NAMES] = names_max;
	queues->inflight_max[DISK_READ] = data_max;
	queues->inflight_max[DISK_WRITE] = data_max;
	*ret_queues = queues;
	return 0;
}

void disk_queues_free(struct disk_queues *queues)
{
	free(queues);
}

static struct disk *disk_add(struct disk_queues *queues, uint64_t id)
{
	struct disk *disk = &queues->disks[queues->count++];

	disk->id = id;
	for (int i = 0; i < DISK_DIRECTIONS; i++)
		queue_init(&disk->queues[i], queues->inflight_max[i]);
	return disk;
}

struct queue *disk_queues_find(struct disk_queues *queues, uint64_t disk,
			       enum disk_direction direction)
{
	for (unsigned i = 0; i < queues->count; i++)
		if (queues->disks[i].id == disk)
			return &queues->disks[i].queues[direction];
	if (queues->count < DISKS_MAX)
		return &disk_add(queues, disk)->queues[direction];
	return &queues->disks[disk % DISKS_MAX].queues[direction];
}
