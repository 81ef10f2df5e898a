/*
 * The server process: no privilege, every byte from the network ends here. It is the program
 * started anew by the supervisor with the same arguments and the channel's descriptor; it takes
 * the listening sockets over from the channel, drops what is left of its rights, starts the
 * worker pool and serves until the channel says otherwise or closes.
 */
#ifndef SERVER_SERVER_PROCESS_H
#define SERVER_SERVER_PROCESS_H

struct config;

/* Serves until drained or stopped. Returns the exit status. channel is a SOCK_SEQPACKET
 * descriptor of server/channel.h, owned by the callee. */
int server_process_run(const struct config *config, int channel);

#endif
