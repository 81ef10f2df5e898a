/*
 * LANG (RFC 2640 section 4.1): the language of replies, from the next one on, before the login too.
 */
#include <errno.h>

#include "session/language.h"
#include "session/session_priv.h"

const char *session_text(const struct session *session, const char *english)
{
	return language_text(session->language, english);
}

void command_lang(struct session *session, struct view argument)
{
	int language = argument.length > 0 ? language_find(argument) : LANGUAGE_ENGLISH;

	if (language == -EINVAL) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "LANG takes a language tag, as in LANG DE");
	} else if (language < 0) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "This language is not there; FEAT lists those that are");
	} else {
		session->language = (uint8_t)language;
		session_reply(session, REPLY_200_OKAY, "Replies are in English now");
	}
}

/* " EN*;DE": the one that is spoken has a star (RFC 2640 section 4.2). */
void session_languages(const struct session *session, char *ret_text)
{
	strcpy(ret_text, " ");
	for (int i = 0; i < LANGUAGES_COUNT; i++) {
		strcat(ret_text, language_tag((enum language)i));
		strcat(ret_text, i == session->language ? "*" : "");
		strcat(ret_text, i < LANGUAGES_COUNT - 1 ? ";" : "");
	}
}

void session_language_status(struct session *session, struct reply_text *reply)
{
	reply_text_inner(reply, session_text(session, "Language: %s"),
			 language_tag(session->language));
}
