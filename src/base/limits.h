/*
 * Every bound that a client, a peer or an operator can reach, in one place, with what answers
 * when it is reached. Sizes in bytes unless the name says otherwise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Control connection. */
#define COMMAND_LINE_MAX 4352	  /* verb, space, a path of PATH_MAX; longer: 500, line dropped */
#define COMMANDS_WAITING_MAX 16	  /* behind a transfer; further ones are answered 503 in order */
#define COMMANDS_DROPPED_MAX 1000 /* of those; the next one is 421 and the connection closes */
#define ABORTS_MAX 1000		  /* for one transfer; then 421 */
#define INPUT_HELD_MAX 16384	  /* bytes held while something is under way; then reading stops */
#define INPUT_HELD_LIMIT 655360	  /* what was under way by then counted in; then 421 */
#define REPLY_HELD_MAX 65536	  /* bytes a client has not read; then no command is executed */
#define REPLY_MAX 16384		  /* one reply; longer texts are cut at a line */
#define PASSWORD_ATTEMPTS_MAX 3	  /* then 421 and close (RFC 2577 section 5) */
#define LOGINS_REFUSED_LINES 1000 /* of the log in a minute; of more, their number */
#define PASSWORD_CHECKS_MAX 1	  /* of one address with each worker; the others wait in line */
#define PASSWORD_QUEUES 1024	  /* such lines of a worker; addresses may share one by chance */
#define PASSWORD_DELAY_MS 1000 /* before the first such reply; twice, thrice before the next ones */

/* Sessions. */
#define SESSIONS_DEFAULT 10000
#define SESSIONS_LIMIT 1000000
#define SESSIONS_PER_ADDRESS_DEFAULT 1000
#define IDLE_USER_MAX_S 7200 /* SITE IDLE, of a user with a name; more: 501 */
#define WORKERS_LIMIT 64
#define LISTENERS_MAX 32
#define HOSTS_MAX 64
#define ALIASES_MAX 64
#define ALIAS_NAME_MAX 64 /* characters */
#define USER_NAME_MAX 64  /* bytes, with the NUL; longer ones cannot log in */
#define PASSIVE_PORTS_MAX 1024
#define PASSIVE_BACKLOG 1024 /* connections to one that nobody has taken; further ones try again */

/* Paths. */
#define PATH_BYTES_MAX 4096 /* PATH_MAX, its NUL included: 550 */
#define TREE_DEPTH_MAX 64   /* folders one in the other, of RMDA and SITE INDEX; deeper: 550, 451 */
#define TREE_LISTINGS_MAX 64  /* SITE INDEX of one worker, a descriptor for each level; more: 450 */
#define COMB_PARTS_MAX 64     /* files that one COMB joins; more: 501 */
#define GLOB_STEPS_MAX 100000 /* comparisons for one name; then the listing fails: 451 */
#define LISTING_STEPS_MAX 1000000000 /* the same of all its names: of a million, 1000 each */
#define LISTING_SLICE_STEPS 1000000  /* of which about so many in one job: some milliseconds */
#define LISTING_SLICE_NAMES 16384    /* and names looked at in one job */
#define LISTING_PATTERNS_MAX 64	     /* listings of one worker that have a pattern; more: 450 */

/* DSIZ: a tree that is larger is 550, more of them at a time are 450. */
#define FOLDER_SIZE_NAMES_MAX 1000000
#define FOLDER_SIZE_DEPTH_MAX 64 /* descriptors held open */
#define FOLDER_SIZE_SLICE 2048	 /* names looked at in one job */
#define FOLDER_SIZES_MAX 16	 /* of one worker */

/* One client address (of IPv6 one /64) has a part of what one worker has of each of HASHES_MAX,
 * LISTING_PATTERNS_MAX, FOLDER_SIZES_MAX, COUNTING_MAX and TREE_LISTINGS_MAX (session/seats.h): 16, 16, 4, 16
 * and 16; and a quarter of the memory of transfers, once half of that is taken. So several addresses must work
 * together to keep the others out; more of one address: 450, with other words. */
#define SEATS_PARTS 4

/* Data connections and transfers. */
#define PASSIVE_WAIT_MS 10000	     /* for a free reservation; then 425 */
#define TRANSFER_TURN_BYTES 1048576  /* one transfer's share of a worker's turn */
#define SHORT_TURN_BYTES 65536	     /* with so little left it has its turn at once */
#define TRANSFER_EVENT_BYTES 16384   /* of which a marker, or a page elsewhere, counts as many */
#define DEFLATE_TURN_BYTES 98304     /* the same of one that is deflated: some milliseconds */
#define SEND_TURN_BYTES 4194304	     /* the same of one that sends a file within the kernel */
#define SEND_TURN_BYTES_MIN 1048576  /* at least, where many send */
#define SEND_ROUND_BYTES 268435456   /* what turns of all of them may come to together */
#define SEND_WINDOW_BYTES 1048576    /* of which so many at a time */
#define TRANSFER_BUFFER_BYTES 262144 /* text and listings: one of the two buffers of a transfer */
#define DEFLATE_BYTES 393216	 /* MODE Z: what zlib, or what stands for it, allocates, at most */
#define RESTART_MARK_MAX 64	 /* a restart marker, NUL included; longer: 426 */
#define RESTART_MARK_BYTES 57	 /* of which ours have so many */
#define MARK_EVERY_BYTES 4194304 /* of the file, in MODE B and C */
#define MARK_REPLIES_MAX 4096	 /* bytes a client has not read; then markers get no 110 */
#define SIZE_COUNT_BYTES_MAX 268435456 /* of a file that is converted to be counted; else 550 */
#define COUNT_SLICE_BYTES 16777216     /* of which so many in one job */
#define COUNTING_MAX 64		       /* such files of one worker at a time; more: 450 */
#define RECENT_BYTES_MAX 65536 /* of a file that was sent a moment ago: the cache is not asked */
#define NOTSENT_LOWAT_BYTES 131072	/* unsent bytes the kernel keeps for a data connection */
#define NOTSENT_LOWAT_BYTES_MAX 1048576 /* a share above: as many as the kernel will */

/* Memory that sessions hold for transfers through buffers: what one may come to need is counted before its
 * 150, as seats (session/seats.h), and where too little is left, of all or of its address's part, it is 450.
 * TYPE I, STRU F and MODE S need none, nor do listings that are kept, sent so: a buffer in the place of a pipe
 * is for one operation of a disk. What HASH and SIZE take, and the trees of SITE INDEX besides, is bounded by
 * their numbers.
 *
 *   a file in another TYPE, STRU or MODE     2 * TRANSFER_BUFFER_BYTES            512 KiB
 *   a listing, also STAT of a path           TRANSFER_BUFFER_BYTES + its own      510 KiB
 *   SITE INDEX, LIST and NLST of one file    TRANSFER_BUFFER_BYTES                256 KiB
 *   stages of a listing                      TRANSFER_BUFFER_BYTES more
 *   MODE Z                                   DEFLATE_BYTES more                   384 KiB
 *   what came ahead of the next upload       what it is, between two commands */
#define TRANSFER_MEMORY_PART 4 /* a quarter of the machine's; --transfer-memory says otherwise */
#define TRANSFER_MEMORY_WORKER_MIN 4194304 /* of which each worker has as much at least */
#define TRANSFER_MEMORY_SHARE_MIN 1572864  /* and one address as much of that: any one transfer */

/* Listings that are kept (fs/listing_cache.h); what does not fit is listed from the disk. A folder
 * of 100,000 entries needs 11 MB as MLSD. */
#define LISTING_CACHE_BYTES \
	50331648 /* of all; half of it for one. --listing-cache says otherwise */
#define LISTING_CACHE_LISTINGS_MAX 2048 /* kept, and those that are being made */
#define LISTING_CACHE_WATCHES_MAX 8192	/* of inotify; each holds a folder's inode in memory */
#define LISTING_CACHE_FOLDERS_MAX 1024	/* that a folder holds, each with a watch */
#define LISTING_CACHE_PREFIX_MAX 256	/* bytes that NLST puts before each name */
#define LISTING_CACHE_AGE_MS 2000 /* of lines that tell sizes and times; then they are made anew */

/* Disks. One that hangs keeps all operations that it may have in flight: with epoll, and for
 * directories with io_uring, each in a job thread. There are three times as many threads as the
 * three directions of one disk keep with all workers, so that it keeps a third of them:
 *
 *   workers   operations of a disk, per direction and worker   job threads
 *      1                          8                            3 * 3 * 1 * 8 =  72
 *      2                          8                            3 * 3 * 2 * 8 = 144
 *      8                          8                            3 * 3 * 8 * 8 = 576
 *     16                          4                            3 * 3 * 16 * 4 = 576
 *     64                          1                            3 * 3 * 64 * 1 = 576
 *
 * (A long listing of a local disk has one or two helpers more: five ninths, were there nothing but
 * those.) jobs/disk_queue.h has the functions. */
#define DISK_OPERATIONS_MAX 8 /* further ones wait */
#define DISK_SHARES 3	      /* disks that may hang before others wait for a thread */

/* Hashes (HASH and its kin). Each under way has a buffer of TRANSFER_BUFFER_BYTES. */
#define HASHES_MAX 64		/* under way, of one worker; further ones are 450 */
#define HASH_TURN_BYTES 8388608 /* hashed before others have their turn */
#define HASH_CACHE_ENTRIES 65536
#define HASH_PROGRESS_MS \
	8000 /* a line of a reply that takes longer; clients give up after 15 s and more */

/* The user's side: what a server or a command line may say; more is an error. */
#define REPLY_LINE_MAX 16384	/* a path of PATH_BYTES_MAX with each byte doubled, and words */
#define REPLY_READ_MAX 65536	/* of all lines of a reply */
#define LOGIN_FIELD_MAX 256	/* a user, a password, an account; NUL included */
#define HOST_NAME_BYTES_MAX 256 /* NUL included */
#define NETRC_BYTES_MAX 65536

/* Threads. */
#define JOB_THREADS_MAX 576 /* started as jobs wait */
#define HASHING_THREADS_MAX 2
#define PASSWORD_THREADS_MAX 2
#define JOB_QUEUE_MAX 16384    /* jobs not begun; then 450 */
#define MAILBOX_MESSAGES 32768 /* of one worker; then 421 or a reset data connection */

/* The end. */
#define DRAIN_LIMIT_MS 60000 /* for transfers in flight after SIGTERM; then 421 */

#endif
