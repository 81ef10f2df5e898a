/*
 * Virtual hosts: HOST (RFC 7151), which comes before USER and begins the login anew.
 */
#include "auth/hosts.h"
#include "protocol/host_name.h"
#include "session/session_priv.h"

/* Whether name is the address that this connection came to. */
static bool host_is_ours(struct session *session, const struct host_name *name)
{
	struct address address = { 0 };

	address.any.sa_family = (sa_family_t)name->family;
	if (name->family == AF_INET)
		address.v4.sin_addr = name->v4;
	else
		address.v6.sin6_addr = name->v6;
	address_unmap(&address);
	return address_same_host(&address, session_local(session));
}

/* Finds what name means: NULL is the root of all. False: no such host. */
static bool host_find(struct session *session, struct view argument, const struct host_name *name,
		      const struct host **ret_host)
{
	const struct hosts *hosts = session->context->hosts;

	*ret_host = NULL;
	if (name->family != AF_UNSPEC)
		return host_is_ours(session, name);
	if (!hosts_are_named(hosts))
		return true;
	*ret_host = hosts_find(hosts, argument);
	return *ret_host != NULL;
}

void command_host(struct session *session, struct view argument)
{
	const struct host *host;
	struct host_name name;

	if (session->state == SESSION_LOGGED_IN) {
		session_reply(session, REPLY_503_BAD_SEQUENCE,
			      "HOST comes before the login; REIN leads back there");
	} else if (host_name_parse(argument, &name) < 0) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "HOST takes a name, an IPv4 address or an IPv6 address in brackets, "
			      "and no port");
	} else if (!host_find(session, argument, &name, &host)) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "There is no such host here");
	} else {
		session_reinitialize(session);
		session->host = host;
		session_reply(session, REPLY_220_SERVICE_READY, "sluice ready");
	}
}

void session_host_status(struct session *session, struct reply_text *reply)
{
	if (session->host)
		reply_text_inner(reply, "Host: %.*s", (int)session->host->name.length,
				 session->host->name.at);
}
