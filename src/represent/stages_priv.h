/*
 * What the stages share with the one that drives them, stages.c.
 */
#ifndef REPRESENT_STAGES_PRIV_H
#define REPRESENT_STAGES_PRIV_H

#include <zlib.h>

#include <sluice/translate.h>

#include "represent/block.h"
#include "represent/stages.h"

#define STAGES_MAX 4
#define STAGE_BETWEEN_BYTES 16384
#define STAGE_ROOM_MIN \
	1024 /* with so much room for what comes out, a stage takes at least a byte */

/* One step of a stage: it takes what it can of from and puts what came of it at to. */
struct stage_step {
	const unsigned char *from;
	size_t from_bytes;
	unsigned char *to;
	size_t to_bytes;
	bool last;   /* nothing follows from */
	bool settle; /* what is held back in the hope of more comes out */
	struct stages *stages;
};

enum stage_result {
	STAGE_GOES_ON, /* or a negative errno */
	STAGE_ENDED,
	STAGE_EVENT, /* stages->event is set */
};

struct stage;
typedef int stage_fn(struct stage *stage, struct stage_step *step);

#define RECORD_ESCAPE 0xff
#define RECORD_EOR 0x01
#define RECORD_EOF 0x02

#define COMPRESSED_LITERAL_MAX 127
#define COMPRESSED_RUN_MAX 63

#define DESCRIPTION_BYTES 48

struct pages {
	off_t next;	/* of the file: what comes next */
	off_t base;	/* receiving: of the file, where page 0 belongs */
	unsigned bits;	/* of a logical byte */
	unsigned shift; /* bits of held: 0 to 7 */
	unsigned char held;
	bool describe;	      /* sending: due; receiving: has come */
	off_t size;	      /* that the description tells */
	uint64_t octets_left; /* sending: of the page that has begun */
	unsigned padding;     /* and bits after them */

	/* Receiving. */
	uint8_t part;
	uint8_t type;
	uint8_t field;
	unsigned field_bits; /* of it that have come */
	uint64_t fields[4];
	uint64_t bits_left; /* of the header */
	uint64_t data_bits; /* left */
	uint8_t described;
	unsigned char description[DESCRIPTION_BYTES];
};

struct stage {
	stage_fn *step;
	bool ended;
	uint8_t event;		/* that it waits behind */
	bool records;		/* the mode's: bytes between it and records are escaped */
	unsigned char filler;	/* MODE C */
	unsigned char line_end; /* records */
	union {
		struct {
			bool carriage;
		} ascii;
		struct asa_state asa;
		const struct translate_table *table;
		struct {
			bool escaped; /* receiving: 0xFF has come */
			bool ended;   /* sending: a line has, its EOR is due */
		} records_state;
		struct {
			unsigned char header[3];
			uint8_t header_bytes;
			uint8_t descriptor;
			bool escaped;
			size_t left; /* of the block */
			size_t mark_bytes;
		} block;
		struct {
			unsigned char string[COMPRESSED_LITERAL_MAX + 1]; /* sending: held back */
			uint8_t string_bytes;
			uint8_t state; /* receiving */
			uint8_t descriptor;
			uint8_t left;
			bool described;
			bool escaped;
			uint8_t mark_bytes;
			unsigned char repeated;
		} compressed;
		z_stream deflate;
		struct pages pages;
	} is;
};

struct span {
	size_t start;
	size_t end;
};

struct stages {
	struct stage stage[STAGES_MAX];
	unsigned count;
	bool receiving;
	unsigned mode_at; /* which stage is the mode; count: none */
	struct span between[STAGES_MAX - 1];
	struct span out;
	size_t out_size;
	uint64_t skip;
	unsigned skip_at; /* the stage whose output it is left out of */
	uint8_t event;	  /* of the stage that runs */
	off_t position;
	char mark[RESTART_MARK_MAX];
	const char *complaint;
	unsigned char *between_at[STAGES_MAX - 1];
	unsigned char *out_at;
};

stage_fn stage_ascii_out, stage_ascii_in, stage_table, stage_asa_out, stage_asa_in;
stage_fn stage_records_out, stage_records_in;
stage_fn stage_block_out, stage_block_in;
stage_fn stage_compressed_out, stage_compressed_in;
stage_fn stage_deflate, stage_inflate;
stage_fn stage_pages_out, stage_pages_in;

int stage_deflate_init(struct stage *stage, int level);
int stage_inflate_init(struct stage *stage);
void stage_deflate_fini(struct stage *stage);
void stage_inflate_fini(struct stage *stage);

/* A marker of MODE B or C at to, which has room for it; returns its octets. */
size_t stage_block_mark(const char *text, unsigned char *to);
size_t stage_compressed_mark(const char *text, unsigned char *to);

/* A byte of a marker that is coming in; false: it is too long or not printable. */
bool stage_take_mark(struct stages *stages, size_t at, unsigned char byte);

/* Fails with -EBADMSG or the like and tells why. */
int stage_complain(struct stage_step *step, int error, const char *complaint);

static inline void step_taken(struct stage_step *step, size_t bytes)
{
	step->from += bytes;
	step->from_bytes -= bytes;
}

static inline void step_given(struct stage_step *step, size_t bytes)
{
	step->to += bytes;
	step->to_bytes -= bytes;
}

static inline void step_put(struct stage_step *step, unsigned char byte)
{
	*step->to = byte;
	step_given(step, 1);
}

#endif
