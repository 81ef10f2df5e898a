/*
 * What the files of this room share: replies, the course of a command, the data connection.
 */
#ifndef SESSION_SESSION_PRIV_H
#define SESSION_SESSION_PRIV_H

#include <sluice/ftp.h>

#include "base/limits.h"
#include "base/view.h"
#include "config/config.h"
#include "log/log.h"
#include "session/action.h"
#include "session/session.h"
#include "sys/calls.h"

/* session.c: a reply of one line, or the buffer for one of several. */
void session_reply(struct session *session, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct reply_text *session_reply_text(struct session *session);

/* command_lang.c: a text of a reply, or its format, in the session's language (session/language.h).
 * session_reply does so with its format by itself. */
const char *session_text(const struct session *session, const char *english)
	__attribute__((format_arg(2)));

/* What STAT tells of the language, and of the host if one was named. */
void session_language_status(struct session *session, struct reply_text *reply);
void session_host_status(struct session *session, struct reply_text *reply);

/* What FEAT writes behind LANG. */
#define LANGUAGES_TEXT_MAX 32
void session_languages(const struct session *session, char *ret_text);

/* The reply to an error of the file system; path is named in it. After a 150, before says which
 * codes are left: 451 and 452, 552 alone (RFC 959 section 5.4). */
void session_reply_error(struct session *session, int error, const char *path);
void session_reply_transfer_error(struct session *session, int error);

/* A reply of text in the session's language, a colon and path. */
void session_reply_about(struct session *session, int code, const char *text, const char *path);

/* What an error of the file system is called, in the session's language. */
const char *session_error_text(const struct session *session, int error);

/* Lends the session an action: it executes a command until session_command_end. NULL after a
 * 451 reply when there is no memory. */
struct action *session_command_begin(struct session *session);
void session_command_end(struct session *session);

/* Takes an edge of the drawing in session.h. */
void session_enter_state(struct session *session, enum session_state state);

/* How long it may be idle once it is logged in. */
uint32_t session_idle_limit_s(const struct session *session);

/* A sign of life: the idle time counts from here. */
void session_is_active(struct session *session);

/* Between two commands: one that has said enough for a turn executes no more, as if something were being
 * sent, before others have had theirs. */
void session_give_way(struct session *session);
bool session_has_given_way(const struct session *session);

/* The same with the argument's path filled in. NULL after a 451, 501 or 550 reply. */
struct action *session_command_begin_on(struct session *session, struct view argument);

/* Lends an action, opens the argument's path with open(2) flags, and calls done with a descriptor
 * or a negative errno, now or later. */
void session_look_at(struct session *session, struct view argument, int flags,
		     void (*done)(struct tree_request *request, int result));

/* The same for an action that is lent already. */
void session_look(struct action *action, int flags,
		  void (*done)(struct tree_request *request, int result));

/* Whether what a command does is wanted no more: the session ends, or ABOR came. */
bool session_has_given_up(const struct session *session);

/* Ends a command with the reply to error, or with that to ABOR; perhaps later (unfinished.c). */
void session_refuse_command(struct session *session, int error);

/* job.c: runs work in a job thread, once the disk has a place for it; then done. op is the
 * action's, and no other job of it may be under way. */
void session_disk_job(struct action *action, const struct disk *disk, int (*work)(struct op *op),
		      void (*done)(struct op *op, int result));

/* The same for work that reads a file. */
void session_disk_read(struct action *action, const struct disk *disk, int (*work)(struct op *op),
		       void (*done)(struct op *op, int result));

/* The same for work that must be done even if the session ends meanwhile. */
void session_disk_job_surely(struct action *action, const struct disk *disk,
			     int (*work)(struct op *op), void (*done)(struct op *op, int result));

/* Runs work in a thread for passwords, once the client's address has a place for it. */
void session_password_job(struct action *action, int (*work)(struct op *op),
			  void (*done)(struct op *op, int result));

/* Ends the command's wait for a place for its job, if it waits: what has such a place is not
 * interrupted. */
void session_cancel_waiting(struct session *session);

/* command_access.c: a session that ends waits no longer for the answer to a wrong password. */
void session_cancel_refusal(struct session *session);

/* input.c: what has come, and the commands in it. */
void session_input(struct session *session, struct view bytes);
void session_run(struct session *session);
bool session_is_busy(const struct session *session);
bool session_is_transferring(const struct session *session);

/* STAT of a path. */
bool session_is_telling(const struct session *session);

/* output.c */
void session_send(struct session *session, const char *bytes, size_t length);

/* A line of the log about what clients make happen at will, no more often than limit allows: how often it
 * has happened, why, and whose session it was the last time. */
void log_session_warning(const struct session *session, struct log_limit *limit, const char *event,
			 const char *why);

/* Sends what has been replied so far in this turn. */
void session_flush(struct session_context *context);

/* Bytes that the socket has not taken yet. */
uint32_t session_unsent(const struct session *session);

/* Whether there are any, on behalf of who goes on when they have gone: session_on_sent comes soon. */
bool session_awaits_output(const struct session *session);

/* Nothing more is sent. After QUIT nothing more is awaited either, so the place is free at once;
 * else the client's end is, lest what it sends meanwhile reset our last reply away. */
void session_shut_output(struct session *session);

/* Ends the session if nothing of it is under way any more. */
void session_end_if_quiet(struct session *session);

/* Nothing more will come from the client; what it said is answered first. */
void session_end_of_input(struct session *session);
void session_pause(struct session *session);
void session_receive(struct session *session);

/* commands.c: executes one line. */
void session_execute(struct session *session, struct view line);

/* Forgets what RNFR or SITE CPFR named. */
void session_forget_rename(struct session *session);

/* Whether line is a command that is answered during a transfer (ABOR, STAT without argument), or
 * during STAT of a path and while a passive port is waited for (ABOR). */
bool session_is_urgent(const struct session *session, struct view line);

/* data_port.c: the data connection before a transfer. */
void session_data_reset(struct session *session);

/* An upload is refused, or may have been: what has come ahead of it must not become another's. The next upload
 * finds the connection that was kept closed if there is anything. */
void session_doubt_data(struct session *session);

/* ABOR: the same, and the reply to PASV or its kin, if that is due. */
void session_data_give_up(struct session *session);

/* Our end of the control connection, which a login alone never needs. */
const struct address *session_local(struct session *session);

/* The connection to the reserved port, if there is one, is taken as soon as it comes. */
void session_data_expect(struct session *session);

/* Gets the connection for the action's transfer; session_transfer_opened follows, or, after a
 * 425, session_transfer_not_opened. */
void session_data_open(struct session *session);

/* Whether that is the one of the transfer before. One that the client has closed since is given up, and
 * one on which has come what this transfer would lose. */
bool session_data_is_kept(struct session *session);

int session_data_take(struct session *session);
/* The transfer before has left the connection open; early (malloc'ed, taken over, or NULL) has come
 * on it since. */
void session_data_keep(struct session *session, int fd, char *early, size_t early_bytes);

/* Stops waiting for the connection (ABOR). */
void session_data_cancel(struct session *session);

/* Why a connection failed, in English (session_text has it in others). error is positive. */
const char *session_data_error(int error);

/* command_transfer.c */
void session_transfer_opened(struct session *session);
void session_transfer_not_opened(struct session *session, const char *why);
void session_transfer_status(struct session *session, struct reply_text *reply);

/* A refusal before the 150. */
void session_refuse_transfer(struct session *session, int error);

/* A transfer ends before any byte, and has its reply already. */
void session_give_up(struct session *session);

/* The preliminary reply: 125 where the connection of the transfer before is used once more. */
int session_preliminary(struct session *session);

/* REST's marker becomes the action's. False: it is none of this server's, and the command is over. */
bool session_take_marker(struct session *session);

/* REST's marker and the file that it is to be of: 0, or a negative errno for the 554 or 555. */
int restart_check_marker(const struct action *action, const struct marker_file *file);

/* refusal: of representation_refusal or one of its kin. False: the command has its 504. */
bool session_can_do(struct session *session, const char *refusal);

/* count.c: counts the octets that file (open for reading) has under the action's representation (in
 * MODE Z before they are deflated), in jobs, and calls counted in the end: with -EFBIG, if that is too
 * much work. */
void session_count(struct session *session, int file,
		   void (*counted)(struct session *session, int64_t octets));

/* Counts what the action's transfer, of which all is known that transfer_memory_bytes asks for, may come to
 * hold of memory, and besides_bytes, until the command ends. Called once, before the 150. Returns 0, -ENOBUFS,
 * or -ENOSR: the client's address has its part. */
int session_take_memory(struct session *session, size_t besides_bytes);

/* The 150, and the wait for the data connection of the action's transfer. */
void session_transfer_begin(struct session *session, const char *what);

/* command_range.c: whether the transfer to come can be of the range of RANG, if there is one; a 551
 * reply if not. */
bool session_range_fits(struct session *session);

/* Whose partial uploads are this session's. */
uint64_t session_owner(const struct session *session);

/* unfinished.c: whether a name without a file may have a part of one. */
bool session_keeps_parts(const struct session *session);

/* Looks for the part that the action's path has in place of a file, and calls done with 0, and the
 * action's request.stat filled in, or a negative errno. */
void session_look_for_part(struct session *session,
			   void (*done)(struct session *session, int result));

/* Ends a command that error has refused, in its own time, if such a part may be the reason. */
bool session_explain_part(struct session *session, int error);

/* What the facts of a listing depend on besides its entries, of a folder of which may_write and stat
 * are known (fs/entry_line.h). */
struct entry_rights session_rights(const struct session *session, int may_write,
				   const struct statx *stat);

/* The same of what the action's path names, by the folder that holds it. */
struct entry_rights session_rights_to_itself(const struct session *session);

/* Forgets the user and what was said on his behalf (USER). The transfer parameters, to which the data
 * connection belongs, are unchanged (RFC 959 section 4.1.1). */
void session_forget_user(struct session *session);

/* Forgets these as well (REIN, HOST). */
void session_reinitialize(struct session *session);
void session_default_parameters(struct session *session);
void session_forget_restart(struct session *session);

/* The working folder as a view; the argument's path into the action, with a 501 or 550 if it
 * cannot be one. */
struct view session_folder(const struct session *session);
bool session_path(struct session *session, struct view argument, char *ret_path);

/* The commands, one function each; see the table in commands.c. */
typedef void command_fn(struct session *session, struct view argument);
command_fn command_user, command_pass, command_acct, command_quit, command_rein;
command_fn command_noop, command_syst, command_help, command_feat, command_stat, command_opts;
command_fn command_type, command_mode, command_stru, command_rest, command_allo;
command_fn command_rang, command_hash, command_md5;
command_fn command_xcrc, command_xmd5, command_xsha1, command_xsha256, command_xsha512;
command_fn command_pasv, command_epsv, command_port, command_eprt;
command_fn command_pwd, command_cwd, command_cdup, command_mkd, command_rmd, command_dele;
command_fn command_rnfr, command_rnto, command_size, command_mdtm, command_mlst;
command_fn command_retr, command_stor, command_appe, command_stou, command_abor;
command_fn command_list, command_nlst, command_mlsd;
command_fn command_site, site_cpfr, site_cpto, site_index;
command_fn command_rmda, command_comb;
command_fn command_lprt, command_lpsv, command_host, command_lang;
command_fn command_mfmt, command_mff, command_mfct;
command_fn command_avbl, command_dsiz, command_clnt, command_csid, command_pret, command_smnt;
command_fn command_auth, command_prot;

/* command_client.c: the answer to PRET of a transfer that is allowed. */
void session_pret(struct session *session, const char *refusal, bool retrieves,
		  struct view argument);

/* command_list.c: STAT of a path. */
void session_stat_path(struct session *session, struct view argument);
void session_stat_continue(struct session *session);

/* command_site.c: HELP of SITE, or of one of its words if that is not empty; lines of FEAT. */
void session_site_help(struct session *session, struct view word);
void session_site_features(struct session *session, struct reply_text *reply);
/* command_hash.c: OPTS HASH, with what follows it; " SHA-256*;SHA-512;..." for FEAT; progress for
 * STAT, false if nothing is being hashed. */
void session_opts_hash(struct session *session, struct view name);
#define HASH_NAMES_MAX 64
void session_hash_names(const struct session *session, char *ret_names);
bool session_hash_status(const struct session *session, struct reply_text *reply);

/* commands.c: HELP's text. */
void session_help(struct session *session, struct view argument);

#endif
