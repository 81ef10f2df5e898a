/*
 * The patterns of LIST and NLST: * ? and [a-z], [!a-z] in the last component of a path; a
 * backslash takes the meaning from what follows it. A leading dot must be named, as in a shell.
 *
 * Pure and bounded: at most GLOB_STEPS_MAX comparisons a name, which the caller adds up, so that no
 * pattern can keep a thread busy.
 */
#ifndef FS_GLOB_H
#define FS_GLOB_H

#include <stdint.h>

#include "base/view.h"

/* Whether text contains one of * ? [ */
bool glob_is_pattern(struct view text);

/* Returns 1 if name matches, 0 if not, -E2BIG if that would take too many comparisons to tell. Adds
 * those that were made to *steps. */
int glob_matches(struct view pattern, struct view name, uint64_t *steps);

#endif
