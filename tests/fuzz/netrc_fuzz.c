/* Fuzzes netrc_find: no word of a login has what could end a command line. */
#include "client/netrc.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(bool is_there, const char *word)
{
	size_t length = strnlen(word, LOGIN_FIELD_MAX);

	if (length == LOGIN_FIELD_MAX || strcspn(word, "\r\n") != length ||
	    (!is_there && length > 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const users[] = { NULL, "a" };
	struct view text = { (const char *)data, size };

	for (size_t i = 0; i < 2; i++) {
		struct netrc_login login;

		if (netrc_find(text, "h", users[i], &login) < 0)
			continue;
		check_word(login.has_user, login.user);
		check_word(login.has_password, login.password);
		check_word(login.has_account, login.account);
		if (users[i] && login.has_user && strcmp(login.user, users[i]) != 0)
			abort();
	}
	return 0;
}
