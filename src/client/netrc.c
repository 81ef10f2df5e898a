#include "client/netrc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Skips what stands before byte, or everything. */
static void skip_to(struct view *rest, char byte)
{
	while (rest->length > 0 && *rest->at != byte)
		*rest = view_skip(*rest, 1);
}

static void skip_blanks(struct view *rest)
{
	while (rest->length > 0 && is_blank(*rest->at))
		*rest = view_skip(*rest, 1);
}

/* Cuts the next word off *rest. Returns 1 with it in ret_word[LOGIN_FIELD_MAX], 0 at the end of
 * the text, or -EINVAL. */
static int word_cut(struct view *rest, char *ret_word)
{
	bool is_quoted;
	size_t length = 0;

	skip_blanks(rest);
	if (rest->length == 0)
		return 0;
	is_quoted = *rest->at == '"';
	if (is_quoted)
		*rest = view_skip(*rest, 1);

	while (rest->length > 0 && (is_quoted ? *rest->at != '"' : !is_blank(*rest->at))) {
		if (*rest->at == '\\') {
			*rest = view_skip(*rest, 1);
			if (rest->length == 0)
				return -EINVAL;
		}
		if (*rest->at == '\0' || *rest->at == '\r' || *rest->at == '\n' ||
		    length + 1 == LOGIN_FIELD_MAX)
			return -EINVAL;
		ret_word[length++] = *rest->at;
		*rest = view_skip(*rest, 1);
	}
	if (is_quoted && rest->length == 0)
		return -EINVAL;
	if (is_quoted)
		*rest = view_skip(*rest, 1);
	ret_word[length] = '\0';
	return 1;
}

/* Skips what may stand before a keyword: blanks and comments. */
static void skip_to_keyword(struct view *rest)
{
	skip_blanks(rest);
	while (rest->length > 0 && *rest->at == '#') {
		skip_to(rest, '\n');
		skip_blanks(rest);
	}
}

/* The word that must follow a keyword. Returns 0 or -EINVAL. */
static int value_cut(struct view *rest, char *ret_word)
{
	return word_cut(rest, ret_word) == 1 ? 0 : -EINVAL;
}

/* Skips the lines of a macro, to the end of the empty one after them. */
static void macro_skip(struct view *rest)
{
	size_t length;

	do {
		const char *line;

		skip_to(rest, '\n');
		if (rest->length > 0)
			*rest = view_skip(*rest, 1);
		line = rest->at;
		for (length = 0; length < rest->length && line[length] != '\n'; length++)
			;
		if (length > 0 && line[length - 1] == '\r')
			length--;
	} while (length > 0);
}

/* What has been read of the login of one machine. */
struct reading {
	const char *host;
	const char *user; /* or NULL */
	bool is_host;	  /* the machine is the one that is sought */
	struct netrc_login login;
	char word[LOGIN_FIELD_MAX];
};

static bool reading_fits(const struct reading *reading)
{
	return reading->is_host && (!reading->user || !reading->login.has_user ||
				    strcmp(reading->user, reading->login.user) == 0);
}

/* Takes the keyword in reading->word and what follows it. Returns 1 if it begins another machine
 * after one that fits, 0 or -EINVAL. */
static int keyword_take(struct reading *reading, struct view *rest)
{
	bool is_default = strcmp(reading->word, "default") == 0;

	if (is_default || strcmp(reading->word, "machine") == 0) {
		if (reading_fits(reading))
			return 1;
		explicit_bzero(&reading->login, sizeof(reading->login));
		reading->is_host = is_default;
		if (is_default)
			return 0;
		if (value_cut(rest, reading->word) < 0)
			return -EINVAL;
		reading->is_host = strcasecmp(reading->word, reading->host) == 0;
		return 0;
	}
	if (strcmp(reading->word, "login") == 0) {
		reading->login.has_user = true;
		return value_cut(rest, reading->login.user);
	}
	if (strcmp(reading->word, "password") == 0) {
		reading->login.has_password = true;
		return value_cut(rest, reading->login.password);
	}
	if (strcmp(reading->word, "account") == 0) {
		reading->login.has_account = true;
		return value_cut(rest, reading->login.account);
	}
	if (strcmp(reading->word, "port") == 0) /* of some clients; a URL has its own */
		return value_cut(rest, reading->word);
	if (strcmp(reading->word, "macdef") == 0) {
		if (value_cut(rest, reading->word) < 0)
			return -EINVAL;
		macro_skip(rest);
		return 0;
	}
	return -EINVAL;
}

static unsigned line_of(struct view text, const char *at)
{
	unsigned line = 1;

	for (const char *before = text.at; before < at; before++)
		line += *before == '\n';
	return line;
}

int netrc_find(struct view text, const char *host, const char *user, struct netrc_login *ret_login)
{
	struct reading reading = { .host = host, .user = user };
	const struct view whole = text;
	const char *word;
	int r;

	for (;;) {
		skip_to_keyword(&text);
		word = text.at;
		r = word_cut(&text, reading.word);
		if (r == 0)
			r = reading_fits(&reading) ? 1 : -ENOENT;
		else if (r > 0)
			r = keyword_take(&reading, &text);
		if (r != 0)
			break;
	}
	if (r > 0)
		*ret_login = reading.login;
	else if (r == -EINVAL)
		ret_login->line = line_of(whole, word);
	explicit_bzero(&reading, sizeof(reading));
	return r > 0 ? 0 : r;
}

const char *netrc_path(const char *path, char *ret_path, int *ret_error)
{
	const char *home;

	*ret_error = -ENOENT;
	if (!path)
		path = getenv("NETRC");
	if (path)
		return path;
	home = getenv("HOME");
	if (!home)
		return NULL;
	*ret_error = -ENAMETOOLONG;
	return snprintf(ret_path, PATH_BYTES_MAX, "%s/.netrc", home) < PATH_BYTES_MAX ? ret_path
										      : NULL;
}

/* Opens the file at path, or else that of the environment. Returns a descriptor or an error. */
static int netrc_open(const char *path)
{
	char home_path[PATH_BYTES_MAX];
	int error;
	int fd;

	path = netrc_path(path, home_path, &error);
	if (!path)
		return error;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Reads the whole file into ret_bytes[size_bytes]. Returns its length, or -EFBIG if it has more. */
static ssize_t file_read(int fd, char *ret_bytes, size_t size_bytes)
{
	size_t length = 0;

	for (;;) {
		char more;
		bool is_full = length == size_bytes;
		ssize_t n = read(fd, is_full ? &more : ret_bytes + length,
				 is_full ? 1 : size_bytes - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return (ssize_t)length;
		if (is_full)
			return -EFBIG;
		length += (size_t)n;
	}
}

/* Returns 1 if others may read the file or it is somebody else's, 0 if not, or an error. */
static int file_is_exposed(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	return (stat.st_mode & (S_IRGRP | S_IROTH)) ||
	       (stat.st_uid != geteuid() && stat.st_uid != 0);
}

static void secrets_clear(struct netrc_login *login)
{
	login->is_exposed = login->has_password || login->has_account;
	login->has_password = false;
	login->has_account = false;
	explicit_bzero(login->password, sizeof(login->password));
	explicit_bzero(login->account, sizeof(login->account));
}

/* Reads the file and finds the login in it. */
static int file_find(int fd, const char *host, const char *user, struct netrc_login *ret_login)
{
	char *bytes = malloc(NETRC_BYTES_MAX);
	ssize_t length;
	int r;

	if (!bytes)
		return -ENOMEM;
	length = file_read(fd, bytes, NETRC_BYTES_MAX);
	r = (int)length;
	if (length >= 0)
		r = netrc_find((struct view){ bytes, (size_t)length }, host, user, ret_login);
	explicit_bzero(bytes, NETRC_BYTES_MAX);
	free(bytes);
	return r;
}

int netrc_look_up(const char *path, const char *host, const char *user,
		  struct netrc_login *ret_login)
{
	int is_exposed;
	int fd;
	int r;

	fd = netrc_open(path);
	if (fd < 0)
		return fd;
	is_exposed = file_is_exposed(fd);
	r = is_exposed < 0 ? is_exposed : file_find(fd, host, user, ret_login);
	if (r == 0 && is_exposed)
		secrets_clear(ret_login);
	close(fd);
	return r;
}
