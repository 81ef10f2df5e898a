#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_priv.h"

int errand_check(const struct sluice_session *session)
{
	if (session->errand.under_way)
		return -EBUSY;
	return session->lost || session->gone || !session->logged_in ? -ENOTCONN : 0;
}

void errand_begin(struct sluice_session *session, sluice_done_fn *done, void *context)
{
	session->errand = (struct errand){ .under_way = true, .done = done, .context = context };
	session->data.state = DATA_NONE;
	session->data.transfer.bytes = 0;
	session->client->under_way++;
	session_touch(session);
}

void errand_set_text(struct sluice_session *session, struct view text)
{
	struct errand *errand = &session->errand;

	free(errand->text);
	errand->text = malloc(text.length + 1); /* without memory there is a code and no text */
	if (!errand->text)
		return;
	for (size_t i = 0; i < text.length; i++) /* a NUL would hide what follows */
		errand->text[i] = text.at[i] ? text.at[i] : '?';
	errand->text[text.length] = '\0';
}

void errand_take_reply(struct sluice_session *session, const struct reply *reply)
{
	struct errand *errand = &session->errand;

	if (errand->refused || errand->failure)
		return;
	errand->refused = reply->state == DIAGRAM_F;
	errand->code = reply->code;
	errand_set_text(session, reply->text);
}

/* What decides comes first: our own failure, then what the user wished, what the server said, and
 * last how the data connection ended, which often only shows what the server then says. */
static int errand_error(const struct errand *errand)
{
	if (errand->failure)
		return errand->failure;
	if (errand->cancelled && (errand->refused || errand->data_error || !errand->final))
		return -ECANCELED;
	if (errand->refused)
		return -EREMOTEIO;
	return errand->data_error;
}

void errand_end(struct sluice_session *session, int error)
{
	struct errand *errand = &session->errand;

	if (errand->ending)
		return;
	errand->ending = true;
	if (errand->failure == 0)
		errand->failure = error;
	errand->bytes = data_bytes(session);
	ring_timer_clear(session->client->ring, &session->timer);
	data_drop(session);
}

/* In a turn of its own: done may begin, close and cut whatever it likes. */
static void errand_on_end(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, end_op);
	struct sluice_client *client = session->client;
	struct errand *errand = &session->errand;
	char *text = errand->text;
	struct sluice_outcome outcome = { .error = errand_error(errand),
					  .code = errand->code,
					  .text = text ? text : "",
					  .bytes = errand->bytes,
					  .unsafe = errand->unsafe,
					  .connected = session->logged_in && !session->lost,
					  .renaming = errand->renaming };
	sluice_done_fn *done = errand->done;
	void *context = errand->context;
	bool closes = errand->closes;

	(void)result;
	errand->text = NULL;
	list_free(errand->lines);
	errand->lines = NULL;
	if (errand->under_way) {
		errand->under_way = false;
		client->under_way--;
	}
	session->held++;
	if (done && !session->gone)
		done(session, &outcome, context);
	session->held--;
	free(text);
	if (closes)
		sluice_session_cut(session);
	else
		session_settle(session);
	if (client->under_way == 0)
		ring_stop(client->ring);
}

void errand_report(struct sluice_session *session)
{
	session->errand.reporting = true;
	session->end_op.done = errand_on_end;
	ring_yield(session->client->ring, &session->end_op);
}
