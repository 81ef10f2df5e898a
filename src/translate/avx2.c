/*
 * 32 bytes at a time. Lines are mostly longer than that, so a block holds one line end or none, and
 * those two are one case without a branch: nothing is guessed wrong on lines that have not been
 * seen before. Only two line ends in one block take another way.
 */
#include "translate/translate_priv.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdbool.h>

#define AVX2 __attribute__((target("avx2,bmi")))

#define BLOCK ((size_t)LINE_MASK)

AVX2 static inline __m256i load(const void *from)
{
	return _mm256_loadu_si256(from);
}

AVX2 static inline void store(void *to, __m256i bytes)
{
	_mm256_storeu_si256(to, bytes);
}

/* The bits of the bytes whose highest bit is set, byte 0 first. */
AVX2 static inline uint32_t high_bits(__m256i bytes)
{
	return (uint32_t)_mm256_movemask_epi8(bytes);
}

/* A block with its LF at the elements of lf, any number: what is behind each is written once more,
 * one byte further. Reads and writes over the block's end, up to twice its length. */
AVX2 static size_t block_lf_to_crlf(const char *from, uint32_t lf, char *to)
{
	size_t more = 0;

	store(to, load(from));
	for (; lf != 0; lf &= lf - 1) {
		size_t at = _tzcnt_u32(lf);

		to[at + more++] = '\r';
		store(to + at + more, load(from + at));
	}
	return BLOCK + more;
}

/* A block with its LF at the element of lf and the bit of bits, or without one, as it looks behind it: from
 * the LF on each byte is the one before it, and in its place stands a CR. Writes one byte more. */
AVX2 static inline size_t one_lf_to_crlf(const char *from, __m256i bytes, __m256i lf, uint32_t bits,
					 char *to)
{
	__m256i behind = load(line_mask + BLOCK - _tzcnt_u32(bits));

	bytes = _mm256_blendv_epi8(bytes, load(from - 1), behind);
	store(to, _mm256_blendv_epi8(bytes, _mm256_set1_epi8('\r'), lf));
	to[BLOCK] = from[BLOCK - 1];
	return BLOCK + (bits != 0);
}

/* Whether a block has more than one. */
static inline bool has_several(uint32_t bits)
{
	return (bits & (bits - 1)) != 0;
}

/* Two blocks in a turn: the work on one hides what the other waits for. */
AVX2 static size_t avx2_lf_to_crlf(const char *from, size_t length, char *to)
{
	const __m256i line_feed = _mm256_set1_epi8('\n');
	const char *end = from + length;
	char *start = to;

	/* The byte before a block is read as well, so the first is no part of one. */
	if (length > 0) {
		to += translate_scalar.lf_to_crlf(from, 1, to);
		from++;
	}
	while ((size_t)(end - from) >= 3 * BLOCK) {
		__m256i first = load(from);
		__m256i second = load(from + BLOCK);
		__m256i first_lf = _mm256_cmpeq_epi8(first, line_feed);
		__m256i second_lf = _mm256_cmpeq_epi8(second, line_feed);
		uint32_t first_bits = high_bits(first_lf);
		uint32_t second_bits = high_bits(second_lf);

		if (__builtin_expect(has_several(first_bits) || has_several(second_bits), 0)) {
			to += block_lf_to_crlf(from, first_bits, to);
			to += block_lf_to_crlf(from + BLOCK, second_bits, to);
		} else {
			to += one_lf_to_crlf(from, first, first_lf, first_bits, to);
			to += one_lf_to_crlf(from + BLOCK, second, second_lf, second_bits, to);
		}
		from += 2 * BLOCK;
	}
	to += translate_scalar.lf_to_crlf(from, (size_t)(end - from), to);
	return (size_t)(to - start);
}

/* A block with the CR that are to go at the elements of cr, any number: what is behind each is
 * written once more, one byte earlier. Reads and writes over the block's end, as above. */
AVX2 static size_t block_crlf_to_lf(const char *from, uint32_t cr, char *to)
{
	size_t less = 0;

	store(to, load(from));
	for (; cr != 0; cr &= cr - 1) {
		size_t at = _tzcnt_u32(cr);

		store(to + at - less++, load(from + at + 1));
	}
	return BLOCK - less;
}

/* The same of one CR at most, of bits: from it on each byte is the one behind it. */
AVX2 static inline size_t one_crlf_to_lf(__m256i bytes, __m256i next, uint32_t bits, char *to)
{
	store(to, _mm256_blendv_epi8(bytes, next, load(line_mask + BLOCK + 1 - _tzcnt_u32(bits))));
	return BLOCK - (bits != 0);
}

/* The bits of the CR before an LF; next is what is one byte further. */
AVX2 static inline uint32_t crlf_bits(__m256i bytes, __m256i next)
{
	__m256i is_cr = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r'));
	__m256i is_lf = _mm256_cmpeq_epi8(next, _mm256_set1_epi8('\n'));

	return high_bits(_mm256_and_si256(is_cr, is_lf));
}

AVX2 static size_t avx2_crlf_to_lf(const char *from, size_t length, char *to)
{
	const char *end = from + length;
	char *start = to;

	while ((size_t)(end - from) >= 3 * BLOCK) {
		__m256i first = load(from);
		__m256i first_next = load(from + 1);
		__m256i second = load(from + BLOCK);
		__m256i second_next = load(from + BLOCK + 1);
		uint32_t first_bits = crlf_bits(first, first_next);
		uint32_t second_bits = crlf_bits(second, second_next);

		if (__builtin_expect(has_several(first_bits) || has_several(second_bits), 0)) {
			to += block_crlf_to_lf(from, first_bits, to);
			to += block_crlf_to_lf(from + BLOCK, second_bits, to);
		} else {
			to += one_crlf_to_lf(first, first_next, first_bits, to);
			to += one_crlf_to_lf(second, second_next, second_bits, to);
		}
		from += 2 * BLOCK;
	}
	to += translate_scalar.crlf_to_lf(from, (size_t)(end - from), to);
	return (size_t)(to - start);
}

/* The sum of the bytes. */
AVX2 static uint64_t sum(__m256i bytes)
{
	uint64_t parts[4];

	store(parts, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
	return parts[0] + parts[1] + parts[2] + parts[3];
}

AVX2 static uint64_t avx2_count_lf(const char *from, size_t length)
{
	const __m256i lf = _mm256_set1_epi8('\n');
	const char *end = from + length;
	uint64_t count = 0;

	while ((size_t)(end - from) >= 2 * BLOCK) {
		size_t blocks = (size_t)(end - from) / (2 * BLOCK);
		__m256i even = _mm256_setzero_si256();
		__m256i odd = even;

		/* A byte of a counter holds as many as 255. */
		for (blocks = blocks < 255 ? blocks : 255; blocks > 0; blocks--) {
			even = _mm256_sub_epi8(even, _mm256_cmpeq_epi8(load(from), lf));
			odd = _mm256_sub_epi8(odd, _mm256_cmpeq_epi8(load(from + BLOCK), lf));
			from += 2 * BLOCK;
		}
		count += sum(even) + sum(odd);
	}
	return count + translate_scalar.count_lf(from, (size_t)(end - from));
}

/* 16 entries of the table, once for each half of a vector, as a shuffle wants them. */
AVX2 static inline __m256i row(const uint8_t *map, int number)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(map + 16 * number)));
}

/* The one of four that bits 4 and 5 of each byte name. A blend looks at the highest bit of a byte,
 * so a shift brings them there; what it brings into the other bits does not matter. */
AVX2 static inline __m256i pick(__m256i bytes, __m256i r0, __m256i r1, __m256i r2, __m256i r3)
{
	__m256i bit4 = _mm256_slli_epi16(bytes, 3);

	return _mm256_blendv_epi8(_mm256_blendv_epi8(r0, r1, bit4),
				  _mm256_blendv_epi8(r2, r3, bit4), _mm256_slli_epi16(bytes, 2));
}

/* What one of two rows has: in each byte, one of their indices has its highest bit set, of which a
 * shuffle makes 0. */
AVX2 static inline __m256i either(__m256i r, __m256i index, __m256i r_other, __m256i other)
{
	return _mm256_or_si256(_mm256_shuffle_epi8(r, index), _mm256_shuffle_epi8(r_other, other));
}

/* Blocks below 128 only, up to the first that is not. Returns the bytes done. */
AVX2 static size_t apply_7_bit(const uint8_t *map, const uint8_t *from, size_t length, uint8_t *to)
{
	const __m256i r0 = row(map, 0), r1 = row(map, 1), r2 = row(map, 2), r3 = row(map, 3);
	const __m256i r4 = row(map, 4), r5 = row(map, 5), r6 = row(map, 6), r7 = row(map, 7);
	size_t done = 0;

	for (; done + BLOCK <= length; done += BLOCK) {
		__m256i bytes = load(from + done);
		/* The highest bit is set from 64 on, and in the other one below that. */
		__m256i low = _mm256_add_epi8(bytes, _mm256_set1_epi8(64));
		__m256i high = _mm256_xor_si256(low, _mm256_set1_epi8(-128));

		if (high_bits(bytes) != 0)
			break;
		store(to + done, pick(bytes, either(r0, low, r4, high), either(r1, low, r5, high),
				      either(r2, low, r6, high), either(r3, low, r7, high)));
	}
	return done;
}

/* The row of this number for bytes below 128, and for others the one 8 rows on. */
AVX2 static inline __m256i row_or_8_on(const uint8_t *map, int number, __m256i low, __m256i high)
{
	return either(row(map, number), low, row(map, number + 8), high);
}

AVX2 static inline __m256i apply_block(const uint8_t *map, __m256i bytes)
{
	__m256i low = _mm256_and_si256(bytes, _mm256_set1_epi8((char)0x8f));
	__m256i high = _mm256_xor_si256(low, _mm256_set1_epi8(-128));
	__m256i bit6 = _mm256_slli_epi16(bytes, 1);

	return _mm256_blendv_epi8(
		pick(bytes, row_or_8_on(map, 0, low, high), row_or_8_on(map, 1, low, high),
		     row_or_8_on(map, 2, low, high), row_or_8_on(map, 3, low, high)),
		pick(bytes, row_or_8_on(map, 4, low, high), row_or_8_on(map, 5, low, high),
		     row_or_8_on(map, 6, low, high), row_or_8_on(map, 7, low, high)),
		bit6);
}

/* Any blocks, until after some of them comes one below 128. Returns the bytes done. */
AVX2 static size_t apply_8_bit(const uint8_t *map, const uint8_t *from, size_t length, uint8_t *to)
{
	size_t done = 0;

	for (; done + BLOCK <= length; done += BLOCK) {
		__m256i bytes = load(from + done);

		if (done % (4 * BLOCK) == 0 && high_bits(bytes) == 0)
			break;
		store(to + done, apply_block(map, bytes));
	}
	return done;
}

AVX2 static void avx2_apply(const uint8_t map[256], const uint8_t *from, size_t length, uint8_t *to)
{
	size_t done = 0;

	while (length - done >= BLOCK) {
		done += apply_7_bit(map, from + done, length - done, to + done);
		done += apply_8_bit(map, from + done, length - done, to + done);
	}
	translate_scalar.apply(map, from + done, length - done, to + done);
}

const struct translate_kernels translate_avx2 = {
	.name = "avx2",
	.lf_to_crlf = avx2_lf_to_crlf,
	.crlf_to_lf = avx2_crlf_to_lf,
	.count_lf = avx2_count_lf,
	.apply = avx2_apply,
};

#endif
