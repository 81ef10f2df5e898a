#include "auth/users.h"

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

#define FILE_BYTES_MAX (1 << 20)
#define USERS_MAX 100000

struct entry {
	struct user user;
	unsigned line; /* where in the file, for the error about a second one */
};

struct users {
	char *text; /* the file; names, hashes and folders point into it */
	struct entry *entries;
	size_t count;
	size_t capacity;
};

/* Where the reading is, and where the one line of an error goes. */
struct reading {
	const char *path;
	unsigned line;
	char *error;
	size_t error_bytes;
};

/* Writes the error line. */
static void wrong(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void wrong(struct reading *reading, const char *format, ...)
{
	int used = snprintf(reading->error, reading->error_bytes, "%s:%u: ", reading->path,
			    reading->line);
	va_list arguments;

	va_start(arguments, format);
	if (used > 0 && (size_t)used < reading->error_bytes)
		vsnprintf(reading->error + used, reading->error_bytes - (size_t)used, format,
			  arguments);
	va_end(arguments);
}

/* Reads all of fd, at most FILE_BYTES_MAX, into new memory that ends in NUL. Returns its length
 * or a negative errno. */
static ssize_t text_read(int fd, char **ret_text)
{
	char *text = malloc(FILE_BYTES_MAX + 2);
	size_t used = 0;
	ssize_t got;

	if (!text)
		return -ENOMEM;
	do {
		got = read(fd, text + used, FILE_BYTES_MAX + 1 - used);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0 || used > FILE_BYTES_MAX) {
		int r = got < 0 ? -errno : -EFBIG;

		free(text);
		return r;
	}
	text[used] = '\0';
	*ret_text = text;
	return (ssize_t)used;
}

/* How many characters stand behind the last $ (crypt(5)): of a method that is not in the table, as
 * many as of the shortest. */
static const struct {
	const char *method;
	size_t characters;
} hash_lengths[] = {
	{ "$1$", 22 },	{ "$2a$", 53 },	  { "$2b$", 53 }, { "$2y$", 53 },
	{ "$5$", 43 },	{ "$6$", 86 },	  { "$7$", 43 },  { "$y$", 43 },
	{ "$gy$", 43 }, { "$sha1$", 28 }, { "$md5", 22 }, { "$3$", 32 },
};

#define HASH_CHARACTERS_MIN 22

static bool hash_length_is_right(const char *hash)
{
	size_t length = strlen(strrchr(hash, '$') + 1);

	for (size_t i = 0; i < sizeof(hash_lengths) / sizeof(hash_lengths[0]); i++)
		if (strncmp(hash, hash_lengths[i].method, strlen(hash_lengths[i].method)) == 0)
			return length == hash_lengths[i].characters;
	return length >= HASH_CHARACTERS_MIN;
}

/* A password in plain text would pass as an old DES hash, and a hash that was cut as one that
 * nobody knows the password of; so a hash has its $method$ and its full length. */
static bool hash_is_whole(const char *hash)
{
	int salt = crypt_checksalt(hash);

	return hash[0] == '$' && hash_length_is_right(hash) &&
	       (salt == CRYPT_SALT_OK || salt == CRYPT_SALT_METHOD_LEGACY);
}

/* Cuts "name:hash:folder" in three. */
static int line_split(struct reading *reading, char *line, struct user *ret_user)
{
	char *hash = strchr(line, ':');
	char *folder = hash ? strchr(hash + 1, ':') : NULL;

	if (!folder || hash == line || folder[1] == '\0') {
		wrong(reading, "expected name:hash:folder or name:hash:folder:account");
		return -EINVAL;
	}
	*hash++ = '\0';
	*folder++ = '\0';
	if (strlen(line) >= USER_NAME_MAX) {
		wrong(reading, "expected a name of at most %d bytes", USER_NAME_MAX - 1);
		return -EINVAL;
	}
	if (!hash_is_whole(hash)) {
		wrong(reading, "user %s: expected a crypt(3) hash, as openssl passwd -6 prints it",
		      line);
		return -EINVAL;
	}
	*ret_user = (struct user){ .name = line, .hash = hash, .folder = folder, .folder_fd = -1 };
	return 0;
}

static int entry_add(struct users *users, const struct user *user, unsigned line)
{
	if (users->count == users->capacity) {
		size_t capacity = users->capacity ? 2 * users->capacity : 16;
		struct entry *entries = reallocarray(users->entries, capacity, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		users->entries = entries;
		users->capacity = capacity;
	}
	users->entries[users->count++] = (struct entry){ *user, line };
	return 0;
}

/* Opens the folder, and takes an account off its end if there is no folder of the whole name. */
static int folder_open(struct user *user)
{
	int fd = open(user->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *colon = strrchr(user->folder, ':');

	if (fd >= 0 || errno != ENOENT || !colon || colon == user->folder || colon[1] == '\0')
		return fd;
	*colon = '\0';
	user->account = colon + 1;
	return open(user->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int line_read(struct reading *reading, char *line, struct users *users)
{
	struct user user = { .folder_fd = -1 };
	int r;

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (users->count == USERS_MAX) {
		wrong(reading, "more than %d users", USERS_MAX);
		return -EINVAL;
	}
	r = line_split(reading, line, &user);
	if (r < 0)
		return r;
	user.folder_fd = folder_open(&user);
	if (user.folder_fd < 0) {
		wrong(reading, "user %s: folder %s: %s", user.name, user.folder, strerror(errno));
		return -EINVAL;
	}
	r = faccessat(user.folder_fd, ".", X_OK, 0);
	if (r < 0) {
		r = -errno;
		wrong(reading, "user %s: folder %s cannot be entered by user %u: %s", user.name,
		      user.folder, (unsigned)geteuid(), strerror(-r));
	}
	if (r == 0)
		r = entry_add(users, &user, reading->line);
	if (r < 0)
		close(user.folder_fd);
	return r;
}

static int lines_read(struct reading *reading, char *text, size_t length, struct users *users)
{
	char *end = text + length;
	int r = 0;

	while (r == 0 && text < end) {
		char *next = memchr(text, '\n', (size_t)(end - text));

		if (!next)
			next = end;
		*next = '\0';
		reading->line++;
		if (strlen(text) != (size_t)(next - text)) {
			wrong(reading, "a NUL byte");
			return -EINVAL;
		}
		if (next > text && next[-1] == '\r') /* of a file that came from elsewhere */
			next[-1] = '\0';
		r = line_read(reading, text, users);
		text = next + 1;
	}
	return r;
}

static int entry_compare(const void *one, const void *other)
{
	const struct entry *a = one;
	const struct entry *b = other;
	int order = strcmp(a->user.name, b->user.name);

	return order != 0 ? order : a->line < b->line ? -1 : a->line > b->line;
}

/* Sorts by name, so that a look-up is a bisection and doubles lie side by side. */
static int entries_sort(struct reading *reading, struct users *users)
{
	if (users->count == 0)
		return 0;
	qsort(users->entries, users->count, sizeof(users->entries[0]), entry_compare);
	for (size_t i = 1; i < users->count; i++) {
		const struct entry *first = &users->entries[i - 1];
		const struct entry *second = &users->entries[i];

		if (strcmp(first->user.name, second->user.name) != 0)
			continue;
		reading->line = second->line;
		wrong(reading, "user %s is on line %u already", second->user.name, first->line);
		return -EINVAL;
	}
	return 0;
}

static ssize_t file_read(struct reading *reading, char **ret_text)
{
	int fd = open(reading->path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -errno : text_read(fd, ret_text);

	if (fd >= 0)
		close(fd);
	if (length == -EFBIG)
		snprintf(reading->error, reading->error_bytes, "users file %s: over %d bytes",
			 reading->path, FILE_BYTES_MAX);
	else if (length < 0)
		snprintf(reading->error, reading->error_bytes, "users file %s: %s", reading->path,
			 strerror((int)-length));
	return length;
}

int users_load(const char *path, struct users **ret_users, char *ret_error, size_t error_bytes)
{
	struct reading reading = { .path = path, .error = ret_error, .error_bytes = error_bytes };
	struct users *users = calloc(1, sizeof(*users));
	ssize_t length;
	int r;

	if (!users) {
		snprintf(ret_error, error_bytes, "users file %s: out of memory", path);
		return -ENOMEM;
	}
	length = file_read(&reading, &users->text);
	if (length < 0) {
		r = (int)length;
		goto fail_users;
	}
	assert(users->text);
	r = lines_read(&reading, users->text, (size_t)length, users);
	if (r == -ENOMEM)
		wrong(&reading, "out of memory");
	if (r == 0)
		r = entries_sort(&reading, users);
	if (r < 0)
		goto fail_users;

	*ret_users = users;
	return 0;

fail_users:
	users_free(users);
	return r;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	for (size_t i = 0; i < users->count; i++)
		close(users->entries[i].user.folder_fd);
	free(users->entries);
	free(users->text);
	free(users);
}

static int name_compare(const void *name, const void *entry)
{
	return strcmp(name, ((const struct entry *)entry)->user.name);
}

/* Whether both texts are the same, in a time that depends on the length of known alone. */
static bool same_text(const char *known, struct view other)
{
	size_t length = strlen(known);
	unsigned difference = length != other.length;

	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)known[i] ^
			      (unsigned char)(i < other.length ? other.at[i] : 0);
	return difference == 0;
}

static bool password_matches(const char *hash, const char *password)
{
	struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 KiB: not for a job's stack */
	const char *result;
	bool matches;

	if (!data)
		return false;
	result = crypt_r(password, hash, data);
	/* A failure token begins with '*' and equals no hash that hash_is_whole let through. */
	matches = result && same_text(hash, view_of(result));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return matches;
}

const struct user *users_check(const struct users *users, const char *name, const char *password)
{
	const struct entry *entry;
	bool matches;

	if (users->count == 0)
		return NULL; /* every name is unknown, so the time tells nothing */
	entry = bsearch(name, users->entries, users->count, sizeof(*entry), name_compare);
	matches = password_matches((entry ? entry : users->entries)->user.hash, password);
	return entry && matches ? &entry->user : NULL;
}

bool users_check_account(const struct user *user, struct view account)
{
	return same_text(user->account, account);
}
