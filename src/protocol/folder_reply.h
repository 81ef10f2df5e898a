/*
 * What a server says in the text of 257 to PWD or MKD: a folder, in quotation marks, in which those of
 * its name are doubled (RFC 959, appendix II).
 *
 * Pure: text in, text out. Whether the name may be used is decided by the caller.
 */
#ifndef PROTOCOL_FOLDER_REPLY_H
#define PROTOCOL_FOLDER_REPLY_H

#include <stddef.h>

/* Copies the folder in text (code not included) to ret_folder, of size_bytes, with a NUL. Returns 0, or
 * -EPROTO if there is none at the beginning of text, or -ENAMETOOLONG. */
int folder_reply_parse(const char *text, char *ret_folder, size_t size_bytes);

#endif
