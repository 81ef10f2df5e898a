#include "sys/capabilities.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#define LOWEST_NEEDED_PORT 20 /* ftp-data, from which active connections of port 21 leave */

/* Whether set of this process holds capability. */
static bool have(cap_value_t capability, cap_flag_t set)
{
	cap_t now = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (!now)
		return false;
	if (cap_get_flag(now, capability, set, &value) < 0)
		value = CAP_CLEAR;
	cap_free(now);
	return value == CAP_SET;
}

/* Containers often let everybody bind every port (ip(7), ip_unprivileged_port_start). */
static bool low_ports_are_free(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	char line[16] = "1024";

	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		strcpy(line, "1024");
	fclose(file);
	return strtol(line, NULL, 10) <= LOWEST_NEEDED_PORT;
}

bool capabilities_may_bind_low(void)
{
	return have(CAP_NET_BIND_SERVICE, CAP_EFFECTIVE) || low_ports_are_free();
}

/* The bounding set is what an exec by root would give back. Without CAP_SETPCAP it stays as it
 * is, and no_new_privs or the drop after the exec has to do. */
static void bounding_set_drop(cap_value_t keep)
{
	if (!have(CAP_SETPCAP, CAP_EFFECTIVE))
		return;
	for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); capability++) {
		if (capability != keep)
			cap_drop_bound(capability);
	}
}

/* Puts one capability into the permitted and the effective set. */
static int flags_set(cap_t sets, cap_value_t keep)
{
	if (cap_set_flag(sets, CAP_PERMITTED, 1, &keep, CAP_SET) < 0)
		return -1;
	return cap_set_flag(sets, CAP_EFFECTIVE, 1, &keep, CAP_SET);
}

/* Whether the process holds just what wanted permits. What may be inherited does not count: without
 * capabilities of files it gives nothing. */
static bool holds_no_more(cap_t wanted)
{
	cap_t now = cap_get_proc();
	bool equal = now && !CAP_DIFFERS(cap_compare(now, wanted), CAP_PERMITTED);

	if (now)
		cap_free(now);
	return equal;
}

/* Empties all sets of the process, but for keep, which may be -1 for nothing. */
static int sets_replace(cap_value_t keep)
{
	cap_t wanted = cap_init();
	int r = 0;

	if (!wanted)
		return -errno;
	if (keep >= 0)
		r = flags_set(wanted, keep);
	if (r == 0)
		r = cap_set_proc(wanted);
	if (r < 0)
		r = -errno;
	/* A service's filter may refuse capset(2) to a process that has nothing to give up. */
	if (r == -EPERM && holds_no_more(wanted))
		r = 0;
	cap_free(wanted);
	return r;
}

int capabilities_make_effective(void)
{
	cap_t now = cap_get_proc();
	int r = 0;

	if (!now)
		return -errno;
	for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability) && r == 0; capability++) {
		cap_flag_value_t value = CAP_CLEAR;

		r = cap_get_flag(now, capability, CAP_PERMITTED, &value);
		if (r == 0)
			r = cap_set_flag(now, CAP_EFFECTIVE, 1, &capability, value);
	}
	if (r == 0)
		r = cap_set_proc(now);
	if (r < 0)
		r = -errno;
	cap_free(now);
	return r;
}

int capabilities_keep_bind(void)
{
	cap_value_t keep = have(CAP_NET_BIND_SERVICE, CAP_PERMITTED) ? CAP_NET_BIND_SERVICE : -1;

	if (CAP_AMBIENT_SUPPORTED() && cap_reset_ambient() < 0)
		return -errno;
	bounding_set_drop(keep);
	return sets_replace(keep);
}

int capabilities_drop_all(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (CAP_AMBIENT_SUPPORTED() && cap_reset_ambient() < 0)
		return -errno;
	bounding_set_drop(-1);
	return sets_replace(-1);
}
