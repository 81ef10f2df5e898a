/*
 * The supervisor: the process that the operator starts. It keeps what privilege there is (every
 * bind, nothing else), starts the server process, hands it the listening sockets and starts it
 * again, with back-off, if it dies. It reads no byte from the network.
 *
 * With --user it becomes that user itself, once all is bound, and the server process with it: what
 * stayed root in order to start another server process would be root for whoever got hold of it.
 *
 * Thread: main, the only one.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

struct config;

/* Runs until SIGTERM or SIGINT have been answered. argv is what the server process is started
 * with. Returns the exit status: 0, or 1 after one line on stderr that says what is wrong; 2
 * if the arguments are. */
int supervisor_run(const struct config *config, char **argv);

#endif
