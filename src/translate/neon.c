/*
 * 16 bytes at a time on arm64, where every CPU has it: as avx2.c, where the reasons stand.
 */
#include "translate/translate_priv.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define BLOCK ((size_t)16)

static inline uint8x16_t load(const void *from)
{
	return vld1q_u8(from);
}

static inline void store(void *to, uint8x16_t bytes)
{
	vst1q_u8(to, bytes);
}

/* Of bytes that are 0 or 0xff, one bit in four for each, element 0 first. */
static inline uint64_t bits_of(uint8x16_t bytes)
{
	uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(bytes), 4);

	return vget_lane_u64(vreinterpret_u64_u8(nibbles), 0) & 0x1111111111111111;
}

/* The element of the lowest bit; BLOCK when there is none. */
static inline size_t lowest(uint64_t bits)
{
	return bits != 0 ? (size_t)__builtin_ctzll(bits) / 4 : BLOCK;
}

/* A block with its LF at the elements of lf, any number: what is behind each is written once more,
 * one byte further. Reads and writes over the block's end, up to twice its length. */
static size_t block_lf_to_crlf(const char *from, uint64_t lf, char *to)
{
	size_t more = 0;

	store(to, load(from));
	for (; lf != 0; lf &= lf - 1) {
		size_t at = lowest(lf);

		to[at + more++] = '\r';
		store(to + at + more, load(from + at));
	}
	return BLOCK + more;
}

static size_t neon_lf_to_crlf(const char *from, size_t length, char *to)
{
	const uint8x16_t cr = vdupq_n_u8('\r');
	const char *end = from + length;
	char *start = to;

	/* The byte before a block is read as well, so the first is no part of one. */
	if (length > 0) {
		to += translate_scalar.lf_to_crlf(from, 1, to);
		from++;
	}
	for (; (size_t)(end - from) >= 2 * BLOCK; from += BLOCK) {
		uint8x16_t bytes = load(from);
		uint8x16_t is_lf = vceqq_u8(bytes, vdupq_n_u8('\n'));
		uint64_t lf = bits_of(is_lf);

		if (__builtin_expect((lf & (lf - 1)) != 0, 0)) {
			to += block_lf_to_crlf(from, lf, to);
			continue;
		}
		bytes = vbslq_u8(load(line_mask + LINE_MASK - lowest(lf)), load(from - 1), bytes);
		store(to, vbslq_u8(is_lf, cr, bytes));
		to[BLOCK] = from[BLOCK - 1];
		to += BLOCK + (lf != 0);
	}
	to += translate_scalar.lf_to_crlf(from, (size_t)(end - from), to);
	return (size_t)(to - start);
}

/* A block with the CR that are to go at the elements of cr, any number: what is behind each is
 * written once more, one byte earlier. Reads and writes over the block's end, as above. */
static size_t block_crlf_to_lf(const char *from, uint64_t cr, char *to)
{
	size_t less = 0;

	store(to, load(from));
	for (; cr != 0; cr &= cr - 1) {
		size_t at = lowest(cr);

		store(to + at - less++, load(from + at + 1));
	}
	return BLOCK - less;
}

static size_t neon_crlf_to_lf(const char *from, size_t length, char *to)
{
	const char *end = from + length;
	char *start = to;

	while ((size_t)(end - from) >= 2 * BLOCK) {
		uint8x16_t bytes = load(from);
		uint8x16_t next = load(from + 1);
		uint8x16_t is_cr = vceqq_u8(bytes, vdupq_n_u8('\r'));
		uint8x16_t is_lf = vceqq_u8(next, vdupq_n_u8('\n'));
		uint64_t cr = bits_of(vandq_u8(is_cr, is_lf));
		uint8x16_t behind = load(line_mask + LINE_MASK + 1 - lowest(cr));

		if (__builtin_expect((cr & (cr - 1)) != 0, 0)) {
			to += block_crlf_to_lf(from, cr, to);
			from += BLOCK;
			continue;
		}
		store(to, vbslq_u8(behind, next, bytes));
		to += BLOCK - (cr != 0);
		from += BLOCK;
	}
	to += translate_scalar.crlf_to_lf(from, (size_t)(end - from), to);
	return (size_t)(to - start);
}

static uint64_t neon_count_lf(const char *from, size_t length)
{
	const char *end = from + length;
	uint64_t count = 0;

	while ((size_t)(end - from) >= BLOCK) {
		size_t blocks = (size_t)(end - from) / BLOCK;
		uint8x16_t counts = vdupq_n_u8(0);

		/* A byte of a counter holds as many as 255. */
		for (blocks = blocks < 255 ? blocks : 255; blocks > 0; blocks--, from += BLOCK)
			counts = vsubq_u8(counts, vceqq_u8(load(from), vdupq_n_u8('\n')));
		count += vaddlvq_u8(counts);
	}
	return count + translate_scalar.count_lf(from, (size_t)(end - from));
}

static void neon_apply(const uint8_t map[256], const uint8_t *from, size_t length, uint8_t *to)
{
	const uint8x16x4_t q0 = vld1q_u8_x4(map), q1 = vld1q_u8_x4(map + 64);
	const uint8x16x4_t q2 = vld1q_u8_x4(map + 128), q3 = vld1q_u8_x4(map + 192);
	size_t done = 0;

	/* A look-up takes 64 entries, and leaves a byte alone that is none of them. */
	for (; length - done >= BLOCK; done += BLOCK) {
		uint8x16_t bytes = load(from + done);
		uint8x16_t result = vqtbl4q_u8(q0, bytes);

		result = vqtbx4q_u8(result, q1, veorq_u8(bytes, vdupq_n_u8(64)));
		if (vmaxvq_u8(bytes) >= 128) {
			result = vqtbx4q_u8(result, q2, veorq_u8(bytes, vdupq_n_u8(128)));
			result = vqtbx4q_u8(result, q3, veorq_u8(bytes, vdupq_n_u8(192)));
		}
		store(to + done, result);
	}
	translate_scalar.apply(map, from + done, length - done, to + done);
}

const struct translate_kernels translate_neon = {
	.name = "neon",
	.lf_to_crlf = neon_lf_to_crlf,
	.crlf_to_lf = neon_crlf_to_lf,
	.count_lf = neon_count_lf,
	.apply = neon_apply,
};

#endif
