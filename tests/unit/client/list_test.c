#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_client.h"

static void a_listing_leaves_out_names_that_lead_elsewhere(void **state)
{
	static const char *const script[] = {
		"LOGIN",
		"EPSV",
		"C: MLSD pub",
		"S: 150 now",
		"D: type=cdir; .\r\ntype=pdir; ..\r\ntype=file;size=3; a\r\ntype=dir; b\r\n"
		"type=file; ../../etc/passwd\r\ntype=file; ..\r\n",
		"S: 226 ok",
		NULL
	};

	(void)state;
	begin(script);
	assert_int_equal(list("pub"), 0);
	assert_string_equal(names, "af bd ");
	assert_int_equal(last.unsafe, 1);
	finish();
}

static void an_unknown_mlsd_is_list_from_then_on(void **state)
{
	static const char *const script[] = {
		"LOGIN",
		"EPSV",
		"C: MLSD",
		"S: 500 what?",
		"EPSV",
		"C: LIST",
		"S: 150 now",
		"D: total 4\r\ndrwxr-xr-x 2 o g 4096 Jan  1 12:00 sub dir\r\n"
		"-rw-r--r-- 1 o g 12 Jan  1 2020 file\r\nlrwxrwxrwx 1 o g 4 Jan  1 2020 l -> file\r\n",
		"S: 226 ok",
		"EPSV",
		"C: LIST ./-x",
		"S: 550 no",
		NULL
	};

	(void)state;
	begin(script);
	assert_int_equal(list(NULL), 0);
	assert_string_equal(names, "sub dird filef ll ");
	assert_int_equal(list("-x"), -EREMOTEIO);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(a_listing_leaves_out_names_that_lead_elsewhere),
		TEST_ON_ENGINES(an_unknown_mlsd_is_list_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
