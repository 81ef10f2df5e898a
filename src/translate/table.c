#include "sluice/translate.h"

#include "translate/translate_priv.h"

void translate_table_apply(const struct translate_table *table, const char *from, size_t length,
			   char *to)
{
	translate_kernels->apply(table->map, (const uint8_t *)from, length, (uint8_t *)to);
}
