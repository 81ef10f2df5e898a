#include <errno.h>

#include "client/client_priv.h"

void copy_on_abort(struct sluice_session *session)
{
	(void)session;
}
