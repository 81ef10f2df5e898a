/*
 * The mode of what a session makes: the umask of the process, which the kernel applies by itself,
 * or one of the session's own (SITE UMASK), which may grant more than that of the process. The
 * umask of a process belongs to all its threads, so a session's is applied by hand: it is taken off
 * what the call asks for, and what the kernel took off besides is given back afterwards.
 *
 * Thread: any; creation_settle blocks.
 */
#ifndef FS_CREATION_MODE_H
#define FS_CREATION_MODE_H

#include <sys/types.h>

/* A session's mask is this and nine bits, or 0: it has none of its own. */
#define CREATION_MASK_SET 01000U
#define CREATION_MASK_BITS 0777U

#define NEW_FILE_MODE 0666 /* less the mask */
#define NEW_FOLDER_MODE 0777

/* What a call that makes a file or folder asks for. */
mode_t creation_mode(mode_t mode, unsigned mask);

/* Gives what was made just now through fd (O_PATH is enough) that mode, if there is a mask. A file
 * system that does not know modes is no reason to fail. */
void creation_settle(int fd, mode_t mode, unsigned mask);

#endif
