/*
 * From URLs to sessions: who logs in where. A password comes from the URL, a file, or netrc, in
 * this order, and never stays where ps(1) shows it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/netrc.h"
#include "tool/tool.h"

/* Whether text[0 .. length) can be a port. */
static bool is_port(const char *text, size_t length)
{
	return strspn(text, "0123456789") >= length;
}

/* The "@" behind the login of what follows "://", or NULL. A password in which a slash is not written
 * %2F makes no URL, but is one still: what is before the slash is then no host with a port. */
static char *end_of_login(char *start)
{
	char *slash = start + strcspn(start, "/");
	char *at = memrchr(start, '@', (size_t)(slash - start));
	char *colon = memchr(start, ':', (size_t)(slash - start));

	if (at || !colon || *start == '[' || is_port(colon + 1, (size_t)(slash - colon) - 1))
		return at;
	return strrchr(start, '@');
}

/* Takes the password out of an argument that others can read: "ftp://user@host/path" stays. */
static void hide_password(char *argument)
{
	char *start = strstr(argument, "://");
	size_t length = strlen(argument);
	char *colon;
	char *at;

	if (!start)
		return;
	start += 3;
	at = end_of_login(start);
	colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (!colon)
		return;
	memmove(colon, at, length - (size_t)(at - argument));
	explicit_bzero(argument + length - (size_t)(at - colon), (size_t)(at - colon));
}

char *tool_take_secret(char *argument)
{
	char *copy = strdup(argument);

	if (copy)
		explicit_bzero(argument, strlen(argument));
	return copy;
}

char *tool_take_argument(char *argument)
{
	char *copy = strdup(argument);

	if (copy)
		hide_password(argument);
	return copy;
}

bool tool_refuse_url(struct tool *tool, char *argument)
{
	if (!url_is(argument))
		return false;
	hide_password(argument);
	tool_say(tool, TOOL_WRONG_ARGUMENTS,
		 "%s: not a file of this machine; sluice copy copies from server to server",
		 argument);
	return true;
}

bool tool_read_url(struct tool *tool, char *argument, struct url *ret_url)
{
	const char *reason = "it is no ftp:// URL";
	bool good = url_is(argument) && url_parse(argument, ret_url, &reason) == 0;

	hide_password(argument);
	if (good && ret_url->type == 'D' && !strstr(" get cat ls ", tool->command)) {
		reason = ";type=d is a listing: sluice get, cat and ls have it";
		good = false;
	}
	if (!good)
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "%s: %s", argument, reason);
	return good;
}

/* The first line of the password file. */
static bool read_password(struct tool *tool, char *ret_password)
{
	const char *path = tool->options.password_path;
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	bool good = file && fgets(ret_password, LOGIN_FIELD_MAX, file);
	int error = file ? 0 : errno;
	bool whole = good && (strchr(ret_password, '\n') || feof(file));

	if (file && !is_stdin)
		fclose(file);
	if (good)
		ret_password[strcspn(ret_password, "\r\n")] = '\0';
	if (good && !whole) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "%s: the password is too long", path);
		return false;
	}
	if (!good)
		tool_say(tool, TOOL_FAILED, "%s: %s", path,
			 error ? strerror(error) : "there is no password in it");
	return good;
}

/* Several sessions may be opened, and standard input is there once. */
static bool take_password(struct tool *tool, char *ret_password)
{
	if (!tool->password_is_read)
		tool->password_is_read = read_password(tool, tool->password);
	if (tool->password_is_read)
		memcpy(ret_password, tool->password, sizeof(tool->password));
	return tool->password_is_read;
}

static void tell_netrc(struct tool *tool, int error, const struct netrc_login *found)
{
	char home_path[PATH_BYTES_MAX];
	int unused;
	const char *path = netrc_path(tool->options.netrc_path, home_path, &unused);

	if (error == -EINVAL)
		tool_say(tool, TOOL_FAILED, "%s, line %u: this is no netrc file, or no word of one",
			 path ? path : "netrc", found->line);
	else
		tool_say(tool, TOOL_FAILED, "%s: %s", path ? path : "netrc",
			 error == -ENOENT ? "no login for this host" : strerror(-error));
}

/* Fills in what neither URL nor options say. False: the file is there and no good. */
static bool read_netrc(struct tool *tool, const struct url *url, struct tool_login *login,
		       bool *has_user, bool *has_password)
{
	struct netrc_login found;
	int r;

	if (tool->options.no_netrc || *has_password)
		return true;
	r = netrc_look_up(tool->options.netrc_path, url->host, *has_user ? login->user : NULL,
			  &found);
	if (r == -ENOENT && !tool->options.netrc_path)
		return true;
	if (r < 0) {
		tell_netrc(tool, r, &found);
		return r == -ENOENT;
	}
	if (found.is_exposed)
		tool_say(tool, TOOL_DONE,
			 "netrc: others may read it, so its passwords are not used; chmod 600 it");
	if (found.has_user && !*has_user)
		snprintf(login->user, sizeof(login->user), "%s", found.user);
	if (found.has_password)
		snprintf(login->password, sizeof(login->password), "%s", found.password);
	if (found.has_account && !login->account[0])
		snprintf(login->account, sizeof(login->account), "%s", found.account);
	*has_user = *has_user || found.has_user;
	*has_password = found.has_password;
	explicit_bzero(&found, sizeof(found));
	return true;
}

bool tool_target(struct tool *tool, const struct url *url, struct tool_login *login,
		 struct sluice_target *ret_target)
{
	const struct tool_options *options = &tool->options;
	bool has_user = url->has_user || options->user;
	bool has_password = url->has_password || options->password_path;

	*login = (struct tool_login){ .user = "" };
	snprintf(login->user, sizeof(login->user), "%s",
		 url->has_user	 ? url->user
		 : options->user ? options->user
				 : "anonymous");
	if (options->account)
		snprintf(login->account, sizeof(login->account), "%s", options->account);
	if (url->has_password)
		snprintf(login->password, sizeof(login->password), "%s", url->password);
	else if (options->password_path && !take_password(tool, login->password))
		return false;
	if (!read_netrc(tool, url, login, &has_user, &has_password))
		return false;
	*ret_target = (struct sluice_target){
		.host = url->host,
		.port = url->port,
		.user = login->user,
		.password = has_password ? login->password : NULL,
		.account = login->account[0] ? login->account : NULL,
		.data = options->data,
		.family = options->family,
	};
	return true;
}

struct sluice_session *tool_open_new(struct tool *tool, const struct url *url)
{
	struct tool_result result = { .over = false };
	struct sluice_session *session = NULL;
	struct sluice_target target;
	struct tool_login login;
	int r;

	if (!tool_target(tool, url, &login, &target))
		return NULL;
	r = sluice_session_open(tool->client, &target, tool_on_done, &result, &session);
	explicit_bzero(&login, sizeof(login));
	if (tool_wait(tool, r, &result) == 0)
		return session;
	tool_fail_open(tool, url, &result);
	if (session)
		sluice_session_cut(session);
	return NULL;
}

static bool is_same_place(const struct url *one, const struct url *other)
{
	return strcasecmp(one->host, other->host) == 0 && one->port == other->port &&
	       one->has_user == other->has_user && one->has_password == other->has_password &&
	       (!one->has_user || strcmp(one->user, other->user) == 0) &&
	       (!one->has_password || strcmp(one->password, other->password) == 0);
}

struct sluice_session *tool_open(struct tool *tool, const struct url *url)
{
	if (tool->session && sluice_session_is_free(tool->session) && is_same_place(&tool->at, url))
		return tool->session;
	tool_close(tool);
	tool->session = tool_open_new(tool, url);
	tool->at = *url;
	return tool->session;
}

void tool_close_session(struct tool *tool, struct sluice_session *session)
{
	struct tool_result result = { .over = false };

	if (sluice_session_is_free(session))
		tool_wait(tool, sluice_session_close(session, tool_on_done, &result), &result);
	else
		sluice_session_cut(session);
}

void tool_close(struct tool *tool)
{
	if (tool->session)
		tool_close_session(tool, tool->session);
	tool->session = NULL;
}

bool tool_add_name(struct tool *tool, const char *path, struct url *url)
{
	size_t length = strlen(url->path);
	const char *name = tool_base_name(path);

	if (length > 0 && url->path[length - 1] != '/')
		return true;
	if (name && strpbrk(name, "\r\n")) {
		tool_say(tool, TOOL_FAILED, "%s: no name with a line end can be sent", path);
		return false;
	}
	if (!name || length + strlen(name) >= sizeof(url->path)) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "%s: there is no name for it", path);
		return false;
	}
	strcpy(url->path + length, name); /* NOLINT: checked above */
	return true;
}
