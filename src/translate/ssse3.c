/*
 * 16 bytes at a time, for an x86-64 CPU without AVX2: as avx2.c, where the reasons stand.
 */
#include "translate/translate_priv.h"

#if defined(__x86_64__)

#include <tmmintrin.h>

#define SSSE3 __attribute__((target("ssse3")))

#define BLOCK ((size_t)16)

SSSE3 static inline __m128i load(const void *from)
{
	return _mm_loadu_si128(from);
}

SSSE3 static inline void store(void *to, __m128i bytes)
{
	_mm_storeu_si128(to, bytes);
}

SSSE3 static inline unsigned high_bits(__m128i bytes)
{
	return (unsigned)_mm_movemask_epi8(bytes);
}

/* The element of the lowest bit of 16; BLOCK when there is none. */
static inline size_t lowest(unsigned bits)
{
	return (size_t)__builtin_ctz(bits | 1u << BLOCK);
}

/* A block with its LF at the elements of lf, any number: what is behind each is written once more,
 * one byte further. Reads and writes over the block's end, up to twice its length. */
SSSE3 static size_t block_lf_to_crlf(const char *from, unsigned lf, char *to)
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

SSSE3 static size_t ssse3_lf_to_crlf(const char *from, size_t length, char *to)
{
	const __m128i lf_to_cr = _mm_set1_epi8('\n' ^ '\r');
	const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const char *end = from + length;
	char *start = to;

	for (; (size_t)(end - from) >= 2 * BLOCK; from += BLOCK) {
		__m128i bytes = load(from);
		__m128i is_lf = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
		unsigned lf = high_bits(is_lf);
		__m128i behind;

		if (__builtin_expect((lf & (lf - 1)) != 0, 0)) {
			to += block_lf_to_crlf(from, lf, to);
			continue;
		}
		behind = load(line_mask + LINE_MASK - lowest(lf));
		bytes = _mm_shuffle_epi8(bytes, _mm_add_epi8(places, behind));
		store(to, _mm_xor_si128(bytes, _mm_and_si128(is_lf, lf_to_cr)));
		to[BLOCK] = from[BLOCK - 1];
		to += BLOCK + (lf != 0);
	}
	to += translate_scalar.lf_to_crlf(from, (size_t)(end - from), to);
	return (size_t)(to - start);
}

/* A block with the CR that are to go at the elements of cr, any number: what is behind each is
 * written once more, one byte earlier. Reads and writes over the block's end, as above. */
SSSE3 static size_t block_crlf_to_lf(const char *from, unsigned cr, char *to)
{
	size_t less = 0;

	store(to, load(from));
	for (; cr != 0; cr &= cr - 1) {
		size_t at = lowest(cr);

		store(to + at - less++, load(from + at + 1));
	}
	return BLOCK - less;
}

SSSE3 static size_t ssse3_crlf_to_lf(const char *from, size_t length, char *to)
{
	const char *end = from + length;
	char *start = to;

	while ((size_t)(end - from) >= 2 * BLOCK) {
		__m128i bytes = load(from);
		__m128i next = load(from + 1);
		__m128i is_cr = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'));
		__m128i is_lf = _mm_cmpeq_epi8(next, _mm_set1_epi8('\n'));
		unsigned cr = high_bits(_mm_and_si128(is_cr, is_lf));
		__m128i behind = load(line_mask + LINE_MASK + 1 - lowest(cr));

		if (__builtin_expect((cr & (cr - 1)) != 0, 0)) {
			to += block_crlf_to_lf(from, cr, to);
			from += BLOCK;
			continue;
		}
		store(to,
		      _mm_or_si128(_mm_andnot_si128(behind, bytes), _mm_and_si128(behind, next)));
		to += BLOCK - (cr != 0);
		from += BLOCK;
	}
	to += translate_scalar.crlf_to_lf(from, (size_t)(end - from), to);
	return (size_t)(to - start);
}

/* The sum of the bytes. */
SSSE3 static uint64_t sum(__m128i bytes)
{
	uint64_t parts[2];

	store(parts, _mm_sad_epu8(bytes, _mm_setzero_si128()));
	return parts[0] + parts[1];
}

SSSE3 static uint64_t ssse3_count_lf(const char *from, size_t length)
{
	const __m128i lf = _mm_set1_epi8('\n');
	const char *end = from + length;
	uint64_t count = 0;

	while ((size_t)(end - from) >= BLOCK) {
		size_t blocks = (size_t)(end - from) / BLOCK;
		__m128i counts = _mm_setzero_si128();

		for (blocks = blocks < 255 ? blocks : 255; blocks > 0; blocks--, from += BLOCK)
			counts = _mm_sub_epi8(counts, _mm_cmpeq_epi8(load(from), lf));
		count += sum(counts);
	}
	return count + translate_scalar.count_lf(from, (size_t)(end - from));
}

/* Two rows of differences, each to the row before, of which those up to and with the row of a byte
 * add up to that row. A byte that lies before a row is below 0 after the subtraction, and a shuffle
 * makes 0 of it; as the subtraction saturates, so it does of bytes over 127. */
SSSE3 static inline __m128i two_rows(const __m128i differences[8], int number, __m128i bytes)
{
	__m128i even = _mm_subs_epi8(bytes, _mm_set1_epi8((char)(16 * number)));
	__m128i odd = _mm_subs_epi8(bytes, _mm_set1_epi8((char)(16 * number + 16)));

	return _mm_xor_si128(_mm_shuffle_epi8(differences[number], even),
			     _mm_shuffle_epi8(differences[number + 1], odd));
}

SSSE3 static inline __m128i apply_rows(const __m128i differences[8], __m128i bytes)
{
	__m128i r01 = two_rows(differences, 0, bytes);
	__m128i r23 = two_rows(differences, 2, bytes);
	__m128i r45 = two_rows(differences, 4, bytes);
	__m128i r67 = two_rows(differences, 6, bytes);

	return _mm_xor_si128(_mm_xor_si128(r01, r23), _mm_xor_si128(r45, r67));
}

SSSE3 static void differences_of(const uint8_t *map, __m128i ret_differences[8])
{
	ret_differences[0] = load(map);
	for (int i = 1; i < 8; i++)
		ret_differences[i] = _mm_xor_si128(load(map + 16 * i), load(map + 16 * (i - 1)));
}

SSSE3 static void ssse3_apply(const uint8_t map[256], const uint8_t *from, size_t length,
			      uint8_t *to)
{
	__m128i low[8], high[8];
	size_t done = 0;

	differences_of(map, low);
	differences_of(map + 128, high);
	for (; length - done >= BLOCK; done += BLOCK) {
		__m128i bytes = load(from + done);
		__m128i result = apply_rows(low, bytes);

		if (high_bits(bytes) != 0) {
			bytes = _mm_xor_si128(bytes, _mm_set1_epi8(-128));
			result = _mm_xor_si128(result, apply_rows(high, bytes));
		}
		store(to + done, result);
	}
	translate_scalar.apply(map, from + done, length - done, to + done);
}

const struct translate_kernels translate_ssse3 = {
	.name = "ssse3",
	.lf_to_crlf = ssse3_lf_to_crlf,
	.crlf_to_lf = ssse3_crlf_to_lf,
	.count_lf = ssse3_count_lf,
	.apply = ssse3_apply,
};

#endif
