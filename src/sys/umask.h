/*
 * The umask of this process, which umask(2) tells only by changing it for all threads.
 *
 * Thread: any.
 */
#ifndef SYS_UMASK_H
#define SYS_UMASK_H

/* Nine bits; 022 where there is no /proc to ask. */
unsigned umask_of_process(void);

#endif
