/*
 * The stages of a transfer between its source and its sink: pure functions over bytes, one behind
 * the other, with bounded buffers between them.
 *
 *   sending    file > carriage control > text > records > mode > data connection
 *              file > pages > mode > data connection
 *   receiving  data connection > mode > records > text > carriage control > file
 *              data connection > mode > pages > file
 *
 * Those that a representation does not need are left out. Between records and the mode bytes are
 * in the form of MODE S (RFC 959 section 3.4.1): 0xFF 0x01 ends a record, 0xFF 0x02 the file,
 * 0xFF 0x03 both, and 0xFF 0xFF is a byte of data; MODE B and C turn that into their descriptors.
 *
 * The owner pours bytes in with stages_run and takes what came out of stages_out, all of it, sooner or
 * later: there is room for so much, and without any nothing more is taken in.
 *
 * Thread:    any, one at a time.
 * Ownership: the struct lies at the front of a buffer of the owner's, which also holds what is
 *            between the stages and what comes out; stages_fini frees what deflate holds.
 */
#ifndef REPRESENT_STAGES_H
#define REPRESENT_STAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "base/view.h"
#include "represent/representation.h"

struct stages;

/* What asks for the owner's attention, once everything before it has come out. */
enum stages_event {
	STAGES_NO_EVENT,
	STAGES_MARK, /* receiving: a restart marker, stages_mark_text */
	STAGES_SEEK, /* receiving: what follows belongs at stages_position in the file */
};

/* Both make stages in memory, which is of size_bytes and aligned like malloc's. Returns them; NULL:
 * no memory (MODE Z). The representation is one without a refusal, and borrowed. */
struct stages *stages_new_sending(void *memory, size_t size_bytes,
				  const struct representation *representation);
struct stages *stages_new_receiving(void *memory, size_t size_bytes,
				    const struct representation *representation);

/* For a listing: its lines end with CR LF as they are poured in. */
struct stages *stages_new_listing(void *memory, size_t size_bytes,
				  const struct representation *representation);
void stages_fini(struct stages *stages);

/* Pours in bytes; *ret_taken tells how many of them were taken (all, unless there is no more room
 * for what comes out, or something else stands before: an event, the end). last: nothing will
 * follow them. Returns 0 or
 *   -ENODATA  last, although the end that the mode marks has not come
 *   -EBADMSG  what has come is not of this mode or structure; stages_complaint tells why
 *   -EILSEQ   it is, but a file cannot hold it; likewise
 *   -EPROTONOSUPPORT  a page is of an unknown type; likewise
 *   -ENOMEM   MODE Z */
int stages_run(struct stages *stages, struct view bytes, bool last, size_t *ret_taken);

/* The same without bytes, of all that is held back in the hope of more: what follows can then be
 * restarted from. False: something is half done that cannot be interrupted here. */
bool stages_settle(struct stages *stages);

/* Where in a page what comes out begins. What is poured in begins with a page, and a processor takes a
 * load for one that has to wait for a store not long before it if they lie alike in their pages: on
 * some, text is converted by a fifth more slowly then. */
#define STAGES_OUT_AT 2048

/* What has come out, and not been taken. */
struct view stages_out(const struct stages *stages);
void stages_take(struct stages *stages, size_t bytes);

/* The same, handed out: what has come out stays where it lies, the caller's, and what comes next goes to
 * the spare area. The area of what came out is then the spare one, once the caller has done with it. */
struct stages_area {
	char *at;
	size_t size_bytes; /* TRANSFER_BUFFER_BYTES / 4 and more */
};
struct view stages_swap_out(struct stages *stages, struct stages_area *spare);

/* Whether there is room for more; without it something may be held back that is not short of input. */
bool stages_has_room(const struct stages *stages);

/* Everything has gone through, and the end after it. Bytes that were not taken by then belong to
 * what comes next on the data connection. */
bool stages_ended(const struct stages *stages);

/* The event that stands before anything else, once all is taken that came out before it.
 * stages_go_on passes it. */
enum stages_event stages_event(const struct stages *stages);

/* Whether there is one at all, perhaps behind what has come out. */
bool stages_event_stands(const struct stages *stages);
const char *stages_mark_text(const struct stages *stages);
off_t stages_position(const struct stages *stages);
void stages_go_on(struct stages *stages);

/* Sending, with nothing left in stages_out and stages_settle just called: a restart marker. */
void stages_send_mark(struct stages *stages, const char *text);

/* Sending pages: what is poured in next is from this offset of the file, a whole page's first.
 * Receiving them, before anything: where page 0 belongs, and what comes first goes. */
void stages_set_position(struct stages *stages, off_t offset);

/* Sending pages, before anything: the file's size does not follow from the pages that are sent. Nothing
 * is said where pages are of fewer octets than "octets N" may need: then the last page must be sent. */
#define DESCRIBED_PAGE_OCTETS_MIN 10
void stages_describe(struct stages *stages, off_t size);

/* Receiving pages, at the end: the size that was described, or -1. */
off_t stages_described_size(const struct stages *stages);

/* Sending: how many more octets of what comes out are left out (REST in MODE S; in MODE Z before
 * they are deflated). Zero in the end, unless the restart point lies past the end. */
void stages_set_skip(struct stages *stages, uint64_t octets);
uint64_t stages_skip(const struct stages *stages);

/* The state of the conversion as it goes into a marker. */
#define STAGES_STATE_BYTES 8
void stages_save(struct stages *stages, uint8_t ret_state[static STAGES_STATE_BYTES]);
void stages_restore(struct stages *stages, const uint8_t state[static STAGES_STATE_BYTES]);

/* After an error: what was wrong, in words. */
const char *stages_complaint(const struct stages *stages);

#endif
