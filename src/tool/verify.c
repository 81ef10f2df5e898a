#include "tool/verify.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

#define READ_BYTES (1 << 20)
#define HEX_MAX (2 * EVP_MAX_MD_SIZE + 1)

static const struct algorithm {
	const char *name; /* of HASH, and of OpenSSL */
	const char *verb;
	enum sluice_feature feature; /* of the verb */
	size_t hex_digits;
} algorithms[] = {
	{ "SHA-256", "XSHA256", SLUICE_FEATURE_XSHA256, 64 },
	{ "SHA-512", "XSHA512", SLUICE_FEATURE_XSHA512, 128 },
	{ "SHA-1", "XSHA1", SLUICE_FEATURE_XSHA1, 40 },
	{ "MD5", "XMD5", SLUICE_FEATURE_XMD5, 32 },
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

static bool session_knows(const struct sluice_session *session, const struct algorithm *algorithm)
{
	bool chosen;

	return sluice_session_has(session, algorithm->feature) ||
	       hash_is_listed(sluice_session_hashes(session), algorithm->name, &chosen);
}

/* The first run of exactly so many hexadecimal digits. */
static bool find_hex(const char *text, size_t digits, char *ret_hex)
{
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
	const char *verb = algorithm->verb;
	char option[32];
	bool chosen;

	if (hash_is_listed(sluice_session_hashes(session), algorithm->name, &chosen)) {
		verb = "HASH";
		snprintf(option, sizeof(option), "HASH %s", algorithm->name);
		if (!chosen && tool_command(tool, session, "OPTS", option, &result) < 0) {
			tool_fail(tool, url, &result);
			return false;
		}
	}
	if (tool_command(tool, session, verb, url->path, &result) < 0) {
		tool_fail(tool, url, &result);
		return false;
	}
	if (find_hex(result.text, algorithm->hex_digits, ret_hex))
		return true;
	tool_say(tool, TOOL_NOT_VERIFIED, "%s: the reply to %s holds no %s: %s", url->path, verb,
		 algorithm->name, result.text);
	return false;
}

/* Hashes what fd has. Returns 0 or a negative errno. */
static int hash_file(int fd, EVP_MD_CTX *context)
{
	char *buffer = malloc(READ_BYTES);
	ssize_t got;

	if (!buffer)
		return -ENOMEM;
	while ((got = read(fd, buffer, READ_BYTES)) > 0)
		EVP_DigestUpdate(context, buffer, (size_t)got);
	free(buffer);
	return got < 0 ? -errno : 0;
}

static int local_hash(const char *path, const struct algorithm *algorithm, char *ret_hex)
{
	const EVP_MD *digest = EVP_get_digestbyname(algorithm->name);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : !context || !digest ? -ENOMEM : 0;

	if (r == 0)
		r = EVP_DigestInit_ex(context, digest, NULL) == 1 ? hash_file(fd, context)
								  : -EINVAL;
	if (r == 0)
		EVP_DigestFinal_ex(context, bytes, &length);
	for (unsigned i = 0; i < length; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", bytes[i]);
	EVP_MD_CTX_free(context);
	if (fd >= 0)
		close(fd);
	return r;
}

static bool verify_compare(struct tool *tool, const struct algorithm *algorithm, const char *what,
			   const char *one, const char *other)
{
	if (strcmp(one, other) != 0) {
		tool_say(tool, TOOL_NOT_VERIFIED, "%s: the %s differs: %s and %s", what,
			 algorithm->name, one, other);
		return false;
	}
	tool_tell(tool, "%s: verified by %s %s", what, algorithm->name, one);
	return true;
}

static const struct algorithm *algorithm_of(struct tool *tool, const struct sluice_session *one,
					    const struct sluice_session *other,
					    const struct url *url)
{
	for (size_t i = 0; i < ALGORITHMS_COUNT; i++)
		if (session_knows(one, &algorithms[i]) && session_knows(other, &algorithms[i]))
			return &algorithms[i];
	tool_say(tool, TOOL_NOT_VERIFIED,
		 "%s: not verified: the server tells no hash (HASH, XSHA256, …)", url->path);
	return NULL;
}

bool verify_local(struct tool *tool, struct sluice_session *session, const struct url *url,
		  const char *path)
{
	const struct algorithm *algorithm = algorithm_of(tool, session, session, url);
	char there[HEX_MAX];
	char here[HEX_MAX];
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
	char there[HEX_MAX];
	char here[HEX_MAX];

	return algorithm && remote_hash(tool, one, one_url, algorithm, here) &&
	       remote_hash(tool, other, other_url, algorithm, there) &&
	       verify_compare(tool, algorithm, other_url->path, here, there);
}
