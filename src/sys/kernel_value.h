/*
 * A number that the kernel shows in a file, as those below /proc/sys.
 *
 * Thread: any. In a container the file may be missing, so every caller has a value of its own.
 */
#ifndef SYS_KERNEL_VALUE_H
#define SYS_KERNEL_VALUE_H

/* The first number in the file at path, or fallback. */
unsigned long kernel_value_read(const char *path, unsigned long fallback);

#endif
