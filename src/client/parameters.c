/*
 * TYPE, STRU and MODE (RFC 959 section 4.1.2) as this session has set them: a command is sent for
 * each that is to be another, in this order. Before its first file in MODE Z a server that offers
 * it is asked to keep the data connection; if it will not after all, that is no failure.
 */
#include <errno.h>
#include <stdio.h>

#include "client/client_priv.h"

static bool is_text(const struct representation *representation)
{
	return representation->type == TYPE_ASCII || representation->type == TYPE_EBCDIC;
}

static int ebcdic_load(struct sluice_client *client)
{
	const char *page = client->options.ebcdic ? client->options.ebcdic
						  : TRANSLATE_EBCDIC_DEFAULT;
	int r = client->ebcdic_loaded ? 0 : translate_ebcdic_load(page, &client->ebcdic);

	client->ebcdic_loaded = r == 0;
	return r;
}

int parameters_load(struct sluice_client *client)
{
	return client->options.ebcdic ? ebcdic_load(client) : 0;
}

int parameters_take(struct sluice_client *client, const struct sluice_representation *wish,
		    struct representation *ret_representation)
{
	struct representation taken;
	int r;

	representation_init(&taken);
	taken.type = wish->type ? (uint8_t)wish->type : TYPE_IMAGE;
	taken.format = wish->format ? (uint8_t)wish->format : FORMAT_NON_PRINT;
	taken.byte_bits = wish->byte_bits ? wish->byte_bits : 8;
	taken.structure = wish->structure ? (uint8_t)wish->structure : STRUCTURE_FILE;
	taken.mode = wish->mode ? (uint8_t)wish->mode : MODE_STREAM;
	if (!strchr("AEIL", taken.type) || !strchr("NTC", taken.format) ||
	    !strchr("FRP", taken.structure) || !strchr("SBCZ", taken.mode))
		return -EINVAL;
	if (taken.type == TYPE_EBCDIC) {
		r = ebcdic_load(client);
		if (r < 0)
			return r;
		taken.ebcdic = &client->ebcdic;
	}
	if (representation_refusal(&taken))
		return -EINVAL;
	*ret_representation = taken;
	return 0;
}

bool parameters_count_octets(const struct representation *representation)
{
	return representation->structure == STRUCTURE_FILE &&
	       (representation->mode == MODE_STREAM || representation->mode == MODE_DEFLATE) &&
	       (!is_text(representation) ||
		(representation->type == TYPE_EBCDIC && representation->format != FORMAT_CARRIAGE));
}

void parameters_init(struct parameters *parameters)
{
	*parameters = (struct parameters){ .type_is_set = false };
	representation_init(&parameters->at_server);
}

static bool type_differs(const struct parameters *parameters)
{
	const struct representation *is = &parameters->at_server;
	const struct representation *wanted = &parameters->wanted;

	return !parameters->type_is_set || is->type != wanted->type ||
	       (is_text(wanted) && is->format != wanted->format) ||
	       (wanted->type == TYPE_LOCAL && is->byte_bits != wanted->byte_bits);
}

/* "A", "E C", "I", "L 36". */
static void type_format(const struct representation *wanted, char *ret_text, size_t size_bytes)
{
	if (wanted->type == TYPE_LOCAL)
		snprintf(ret_text, size_bytes, "L %u", wanted->byte_bits);
	else if (is_text(wanted) && wanted->format != FORMAT_NON_PRINT)
		snprintf(ret_text, size_bytes, "%c %c", wanted->type, wanted->format);
	else
		snprintf(ret_text, size_bytes, "%c", wanted->type);
}

static bool keep_is_wanted(const struct sluice_session *session)
{
	return session->parameters.wanted.mode == MODE_DEFLATE && !session->errand.copy &&
	       !session->parameters.keep_asked &&
	       sluice_session_has(session, SLUICE_FEATURE_MODE_Z_KEEP);
}

static void parameters_on_reply(struct sluice_session *session, const struct reply *reply);

/* The first that is not as wanted, or the end. */
static void parameters_next(struct sluice_session *session)
{
	struct parameters *parameters = &session->parameters;
	const struct representation *wanted = &parameters->wanted;
	bool keep = parameters->at_server.keep;
	char argument[16];

	if (type_differs(parameters)) {
		type_format(wanted, argument, sizeof(argument));
		parameters->verb = "TYPE";
	} else if (parameters->at_server.structure != wanted->structure) {
		snprintf(argument, sizeof(argument), "%c", wanted->structure);
		parameters->verb = "STRU";
	} else if (parameters->at_server.mode != wanted->mode) {
		snprintf(argument, sizeof(argument), "%c", wanted->mode);
		parameters->verb = "MODE";
	} else if (keep_is_wanted(session)) {
		parameters->keep_asked = true;
		snprintf(argument, sizeof(argument), "MODE Z KEEP ON");
		parameters->verb = "OPTS";
	} else {
		parameters->at_server = *wanted; /* with what does not matter to the server */
		parameters->at_server.keep = keep;
		parameters->done(session, NULL);
		return;
	}
	control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, parameters->verb, argument,
		     parameters_on_reply);
}

static void parameters_on_reply(struct sluice_session *session, const struct reply *reply)
{
	struct parameters *parameters = &session->parameters;
	struct representation *is = &parameters->at_server;

	if (parameters->verb[0] == 'O') {
		is->keep = reply->state == DIAGRAM_S;
	} else if (reply->state != DIAGRAM_S) {
		parameters->done(session, reply);
		return;
	}
	switch (parameters->verb[0]) {
	case 'T':
		parameters->type_is_set = true;
		is->type = parameters->wanted.type;
		is->format = parameters->wanted.format;
		is->byte_bits = parameters->wanted.byte_bits;
		is->ebcdic = parameters->wanted.ebcdic;
		break;
	case 'S':
		is->structure = parameters->wanted.structure;
		break;
	case 'M':
		is->mode = parameters->wanted.mode;
	}
	parameters_next(session);
}

void parameters_set(struct sluice_session *session, const struct representation *wanted,
		    void (*done)(struct sluice_session *session, const struct reply *refusal))
{
	session->parameters.wanted = *wanted;
	session->parameters.done = done;
	parameters_next(session);
}
