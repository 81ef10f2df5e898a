#include "translate/translate_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sluice/translate.h"

/* The scalar one serves whoever calls before the choice has been made. */
const struct translate_kernels *translate_kernels = &translate_scalar;

const uint8_t line_mask[2 * LINE_MASK + 1] __attribute__((aligned(64))) = {
	[LINE_MASK + 1 ... 2 * LINE_MASK] = 0xff,
};

#if defined(__x86_64__)
static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
}

static bool has_ssse3(void)
{
	return __builtin_cpu_supports("ssse3");
}
#endif

static bool has_always(void)
{
	return true;
}

/* The best first. */
static const struct {
	const struct translate_kernels *kernels;
	bool (*has)(void);
} ways[] = {
#if defined(__x86_64__)
	{ &translate_avx2, has_avx2 },
	{ &translate_ssse3, has_ssse3 },
#elif defined(__aarch64__)
	{ &translate_neon, has_always },
#endif
	{ &translate_scalar, has_always },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

__attribute__((constructor)) static void translate_choose(void)
{
	size_t i = 0;

#if defined(__x86_64__)
	__builtin_cpu_init();
#endif
	while (!ways[i].has())
		i++;
	translate_kernels = ways[i].kernels;
}

const char *translate_kernel_name(void)
{
	return translate_kernels->name;
}

/* A name of a kernel that this architecture does not have. */
static bool is_foreign(const char *name)
{
	return strcmp(name, "avx2") == 0 || strcmp(name, "ssse3") == 0 || strcmp(name, "neon") == 0;
}

int translate_use_kernel(const char *name)
{
	for (size_t i = 0; i < WAYS; i++)
		if (strcmp(ways[i].kernels->name, name) == 0) {
			if (!ways[i].has())
				return -ENOTSUP;
			translate_kernels = ways[i].kernels;
			return 0;
		}
	return is_foreign(name) ? -ENOTSUP : -EINVAL;
}
