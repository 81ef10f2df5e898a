#include "tool/verify.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

#define READ_BYTES (1 << 20)
#define BEGINNING_MAX (4LL << 30) /* more takes a server longer than most wait for a reply */

static const struct algorithm {
	const char *verb;
	enum sluice_feature feature; /* of the verb */
	enum digest_kind kind;
} algorithms[] = {
	{ "XSHA256", SLUICE_FEATURE_XSHA256, DIGEST_SHA256 },
	{ "XSHA512", SLUICE_FEATURE_XSHA512, DIGEST_SHA512 },
	{ "XSHA1", SLUICE_FEATURE_XSHA1, DIGEST_SHA1 },
	{ "XMD5", SLUICE_FEATURE_XMD5, DIGEST_MD5 },
};

#define ALGORITHMS_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

/* Whether "SHA-256*;SHA-1" lists name; *ret_chosen tells of the star. */
static bool hash_is_listed(const char *list, const char *name, bool *ret_chosen)
{
	size_t length = strlen(name);

	for (const char *at = list; *at; at += strspn(at, ";")) {
		size_t part = strcspn(at, ";");

		*ret_chosen = part == length + 1 && at[length] == '*';
		if ((part == length || *ret_chosen) && strncasecmp(at, name, length) == 0)
			return true;
		at += part;
	}
	return false;
}

static bool hash_lists(const struct sluice_session *session, const struct algorithm *algorithm,
		       bool *ret_chosen)
{
	return hash_is_listed(sluice_session_hashes(session), digest_name(algorithm->kind),
			      ret_chosen);
}

static bool session_knows(const struct sluice_session *session, const struct algorithm *algorithm)
{
	bool chosen;

	return sluice_session_has(session, algorithm->feature) ||
	       hash_lists(session, algorithm, &chosen);
}

const struct algorithm *verify_algorithm(const struct sluice_session *session)
{
	for (size_t i = 0; i < ALGORITHMS_COUNT; i++)
		if (session_knows(session, &algorithms[i]))
			return &algorithms[i];
	return NULL;
}

const char *verify_verb(const struct sluice_session *session, const struct algorithm *algorithm,
			char *ret_option)
{
	bool chosen;

	ret_option[0] = '\0';
	if (!hash_lists(session, algorithm, &chosen))
		return algorithm->verb;
	if (!chosen)
		snprintf(ret_option, VERIFY_OPTION_MAX, "HASH %s", digest_name(algorithm->kind));
	return "HASH";
}

/* The first run of exactly so many hexadecimal digits. */
bool verify_find_hash(const char *text, const struct algorithm *algorithm, char *ret_hex)
{
	size_t digits = 2 * digest_bytes(algorithm->kind);

	for (const char *at = text; *at; at++) {
		size_t length = strspn(at, "0123456789abcdefABCDEF");

		if (length == digits) {
			for (size_t i = 0; i < digits; i++)
				ret_hex[i] = (char)tolower((unsigned char)at[i]);
			ret_hex[digits] = '\0';
			return true;
		}
		at += length;
		if (!*at)
			break;
	}
	return false;
}

static bool remote_hash(struct tool *tool, struct sluice_session *session, const struct url *url,
			const struct algorithm *algorithm, char *ret_hex)
{
	struct tool_result result;
	char option[VERIFY_OPTION_MAX];
	const char *verb = verify_verb(session, algorithm, option);

	if (*option && tool_command(tool, session, "OPTS", option, &result) < 0) {
		tool_fail(tool, url, &result);
		return false;
	}
	if (tool_command(tool, session, verb, url->path, &result) < 0) {
		tool_fail(tool, url, &result);
		return false;
	}
	if (verify_find_hash(result.text, algorithm, ret_hex))
		return true;
	tool_say(tool, TOOL_NOT_VERIFIED, "%s: the reply to %s holds no %s: %s", url->path, verb,
		 digest_name(algorithm->kind), result.text);
	return false;
}

/* Adds what fd has, but no more than that. Returns 0 or a negative errno. */
static int hash_add_file(int fd, int64_t bytes_max, struct digest *digest)
{
	char *buffer = malloc(READ_BYTES);
	ssize_t got = 0;

	if (!buffer)
		return -ENOMEM;
	while (bytes_max > 0 &&
	       (got = read(fd, buffer, bytes_max < READ_BYTES ? (size_t)bytes_max : READ_BYTES)) >
		       0) {
		digest_add(digest, buffer, (size_t)got);
		bytes_max -= got;
	}
	free(buffer);
	return got < 0 ? -errno : 0;
}

static int hash_beginning(int fd, int64_t bytes_max, const struct algorithm *algorithm,
			  char *ret_hex)
{
	unsigned char bytes[DIGEST_BYTES_MAX];
	struct digest *digest;
	int r = digest_new(algorithm->kind, &digest);

	if (r < 0)
		return r;
	r = hash_add_file(fd, bytes_max, digest);
	if (r == 0) {
		digest_end(digest, bytes);
		digest_format(bytes, digest_bytes(algorithm->kind), false, ret_hex);
	}
	digest_free(digest);
	return r;
}

int verify_hash_file(int fd, const struct algorithm *algorithm, char *ret_hex)
{
	return hash_beginning(fd, INT64_MAX, algorithm, ret_hex);
}

static int local_hash(const char *path, const struct algorithm *algorithm, char *ret_hex)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : verify_hash_file(fd, algorithm, ret_hex);

	if (fd >= 0)
		close(fd);
	return r;
}

static bool verify_compare(struct tool *tool, const struct algorithm *algorithm, const char *what,
			   const char *one, const char *other)
{
	if (strcmp(one, other) != 0) {
		tool_say(tool, TOOL_NOT_VERIFIED, "%s: the %s differs: %s and %s", what,
			 digest_name(algorithm->kind), one, other);
		return false;
	}
	tool_tell(tool, "%s: verified by %s %s", what, digest_name(algorithm->kind), one);
	return true;
}

static const struct algorithm *common_algorithm(const struct sluice_session *one,
						const struct sluice_session *other)
{
	for (size_t i = 0; i < ALGORITHMS_COUNT; i++)
		if (session_knows(one, &algorithms[i]) && session_knows(other, &algorithms[i]))
			return &algorithms[i];
	return NULL;
}

static const struct algorithm *algorithm_of(struct tool *tool, const struct sluice_session *one,
					    const struct sluice_session *other,
					    const struct url *url)
{
	const struct algorithm *algorithm = common_algorithm(one, other);

	if (algorithm)
		return algorithm;
	tool_say(tool, TOOL_NOT_VERIFIED,
		 "%s: not verified: the server tells no hash (HASH, XSHA256, …)", url->path);
	return NULL;
}

bool verify_local(struct tool *tool, struct sluice_session *session, const struct url *url,
		  const char *path)
{
	const struct algorithm *algorithm = algorithm_of(tool, session, session, url);
	char there[DIGEST_HEX_MAX];
	char here[DIGEST_HEX_MAX];
	int r;

	if (!algorithm || !remote_hash(tool, session, url, algorithm, there))
		return false;
	r = local_hash(path, algorithm, here);
	if (r < 0) {
		tool_say(tool, TOOL_NOT_VERIFIED, "%s: %s", path, strerror(-r));
		return false;
	}
	return verify_compare(tool, algorithm, path, here, there);
}

bool verify_between(struct tool *tool, struct sluice_session *one, const struct url *one_url,
		    struct sluice_session *other, const struct url *other_url)
{
	const struct algorithm *algorithm = algorithm_of(tool, one, other, one_url);
	char there[DIGEST_HEX_MAX];
	char here[DIGEST_HEX_MAX];

	return algorithm && remote_hash(tool, one, one_url, algorithm, here) &&
	       remote_hash(tool, other, other_url, algorithm, there) &&
	       verify_compare(tool, algorithm, other_url->path, here, there);
}

/* --- Beginnings -------------------------------------------------------------------------------- */

/* RANG waits for a HASH, which may never come: the whole file again (draft-bryan-ftp-range-08). */
static void range_forget(struct tool *tool, struct sluice_session *session)
{
	struct tool_result result;

	(void)tool_command(tool, session, "RANG", "1 0", &result);
}

/* The hash of the first bytes of a file that has of_bytes. False: the server does not tell. */
static bool ask_beginning(struct tool *tool, struct sluice_session *session, const char *path,
			  int64_t bytes, int64_t of_bytes, const struct algorithm *algorithm,
			  char *ret_hex)
{
	struct tool_result result;
	char option[VERIFY_OPTION_MAX];
	char range[32];
	const char *verb = verify_verb(session, algorithm, option);
	bool ranges = bytes < of_bytes;

	if (ranges &&
	    (strcmp(verb, "HASH") != 0 || !sluice_session_has(session, SLUICE_FEATURE_RANG)))
		return false;
	snprintf(range, sizeof(range), "0 %lld", (long long)bytes - 1);
	if ((*option && tool_command(tool, session, "OPTS", option, &result) < 0) ||
	    (ranges && tool_command(tool, session, "RANG", range, &result) < 0))
		return false;
	if (tool_command(tool, session, verb, path, &result) == 0 &&
	    verify_find_hash(result.text, algorithm, ret_hex))
		return true;
	if (ranges && result.connected)
		range_forget(tool, session);
	return false;
}

static enum verify_answer answer(const char *one, const char *other)
{
	return strcmp(one, other) == 0 ? VERIFY_SAME : VERIFY_OTHER;
}

enum verify_answer verify_beginning(struct tool *tool, struct sluice_session *session,
				    const char *remote, const char *path, int64_t bytes,
				    int64_t of_bytes)
{
	const struct algorithm *algorithm = verify_algorithm(session);
	char there[DIGEST_HEX_MAX];
	char here[DIGEST_HEX_MAX];
	int fd;
	int r;

	if (!algorithm || bytes <= 0 || bytes > BEGINNING_MAX ||
	    !ask_beginning(tool, session, remote, bytes, of_bytes, algorithm, there))
		return VERIFY_UNKNOWN;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 ? -errno : hash_beginning(fd, bytes, algorithm, here);
	if (fd >= 0)
		close(fd);
	return r < 0 ? VERIFY_UNKNOWN : answer(here, there);
}

enum verify_answer verify_beginning_between(struct tool *tool, struct sluice_session *from,
					    const char *from_path, int64_t of_bytes,
					    struct sluice_session *to, const char *to_path,
					    int64_t bytes)
{
	const struct algorithm *algorithm = common_algorithm(from, to);
	char there[DIGEST_HEX_MAX];
	char here[DIGEST_HEX_MAX];

	if (!algorithm || bytes <= 0 || bytes > BEGINNING_MAX ||
	    !ask_beginning(tool, from, from_path, bytes, of_bytes, algorithm, here) ||
	    !ask_beginning(tool, to, to_path, bytes, bytes, algorithm, there))
		return VERIFY_UNKNOWN;
	return answer(here, there);
}
