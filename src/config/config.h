/*
 * What the operator wants, as one value: the defaults, then the arguments over them. The
 * supervisor reads it once; the server process is started with the same arguments and reads
 * the same again, so nothing has to be sent across.
 *
 * Thread: made before the first thread, read-only afterwards. Ownership: strings point into argv.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/view.h"
#include "net/address.h"

enum ring_choice { RING_AUTO, RING_URING, RING_EPOLL };

/* --host NAME[=DIR] */
struct config_host {
	struct view name;
	const char *folder; /* NULL: the root of all */
};

/* --alias NAME=PATH */
struct config_alias {
	struct view name;
	const char *path; /* as clients see it: it begins with a slash */
};

struct config {
	const char *root; /* DIR or --root */
	struct address listeners[LISTENERS_MAX];
	size_t listeners_count; /* 0: [::], port 21 if privileged, else 2121 */
	uint16_t
		passive_low; /* --passive-ports, default 32000-32255, below the ports that Linux gives to outgoing connections */
	uint16_t passive_high;
	unsigned workers; /* default: one per CPU that we may run on */
	bool anonymous;	  /* --no-anonymous clears it */
	bool anonymous_write;
	bool uploads_atomic;	  /* --uploads=atomic; default in-place */
	bool foreign_data;	  /* --fxp=on: data connections with third hosts */
	bool hash_xattr;	  /* --hash-xattr=on: hashes are kept with the files */
	const char *users_path;	  /* --users FILE, or NULL */
	const char *user;	  /* --user NAME: whom to run as, or NULL: as started */
	unsigned idle_timeout_s;  /* default 300 */
	unsigned login_timeout_s; /* default 60 */
	unsigned
		data_timeout_s; /* default 120: to connect, of an unused reservation, without progress */
	unsigned sessions_max;
	unsigned sessions_per_address_max;
	bool ascii_as_is;		     /* --ascii=binary; default convert */
	const char *ebcdic_page;	     /* --ebcdic, or NULL: 1047 */
	size_t listing_cache_bytes;	     /* --listing-cache; 0: off */
	size_t transfer_memory_bytes;	     /* --transfer-memory; 0: auto */
	struct config_host hosts[HOSTS_MAX]; /* --host, repeatable; no name is in it twice */
	size_t hosts_count;
	struct config_alias aliases[ALIASES_MAX]; /* --alias, repeatable; no name is in it twice */
	size_t aliases_count;
	enum ring_choice ring;
	bool verbose;
};

enum config_result { CONFIG_RUN, CONFIG_HELP, CONFIG_VERSION, CONFIG_WRONG };

/* Reads the arguments. CONFIG_WRONG: ret_error (bytes long error_bytes) holds one line that says
 * what is wrong and what would be right; *ret_config is then untouched. */
enum config_result config_parse(int argc, char **argv, struct config *ret_config, char *ret_error,
				size_t error_bytes);

/* The path of an alias, or NULL: there is none of that name. */
const char *config_alias_find(const struct config *config, struct view name);

/* The text of --help: every option of the table with its default. */
void config_print_help(void);

#endif
