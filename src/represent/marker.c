#include "represent/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <sluice/translate.h>

#include "base/hash.h"

#define MARKER_LETTER 'S'
#define PACKED_BYTES (8 + STAGES_STATE_BYTES + 4)
#define MARKER_DIGITS (2 * (PACKED_BYTES + 8))

_Static_assert(1 + MARKER_DIGITS == RESTART_MARK_BYTES, "a marker is as long as limits.h says");

static uint8_t key[32];

static int key_make(const uint8_t *from, size_t bytes)
{
	/* The process ends while threads do: OpenSSL must not free at exit what they free, too. */
	bool ready = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
	unsigned key_bytes = sizeof(key);

	return ready && HMAC(EVP_sha256(), "sluice restart marker", 21, from, bytes, key,
			     &key_bytes)
		       ? 0
		       : -ENOMEM;
}

int marker_key_init(const uint8_t secret[static MARKER_SECRET_BYTES])
{
	return key_make(secret, MARKER_SECRET_BYTES);
}

int marker_key_init_of_machine(void)
{
	uint8_t identity[64] = { 0 };
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, identity, sizeof(identity));

	if (fd >= 0)
		close(fd);
	if (length < 32 && getrandom(identity, sizeof(identity), 0) != sizeof(identity))
		return -errno;
	return key_make(identity, sizeof(identity));
}

void marker_thread_end(void)
{
	OPENSSL_thread_stop();
}

struct marker_file marker_file_of(const struct statx *stat, bool written)
{
	struct marker_file file = {
		.device = (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor,
		.inode = stat->stx_ino,
		.written = written,
	};

	if (!written) {
		file.changed_ns =
			(uint64_t)stat->stx_ctime.tv_sec * 1000000000 + stat->stx_ctime.tv_nsec;
		file.size_bytes = stat->stx_size;
	}
	return file;
}

static void pack(const struct marker *marker, uint8_t ret_packed[static PACKED_BYTES])
{
	uint8_t *at = ret_packed;

	for (int shift = 56; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(marker->offset >> shift);
	memcpy(at, marker->state, STAGES_STATE_BYTES);
	at += STAGES_STATE_BYTES;
	*at++ = marker->type;
	*at++ = marker->format;
	*at++ = marker->byte_bits;
	*at = marker->structure;
}

/* How a marker's type is converted here: by a code page, or not at all if the operator has chosen so. */
static uint64_t conversion_of(const struct marker *marker,
			      const struct representation *representation)
{
	if (marker->type == TYPE_EBCDIC && representation->ebcdic)
		return hash_octets(0, &representation->ebcdic->to_network.map,
				   sizeof(representation->ebcdic->to_network.map));
	return marker->type == TYPE_ASCII && representation->text_as_is;
}

static void sign(const struct marker *marker, const struct representation *representation,
		 const struct marker_file *file, uint8_t ret_signature[static 8])
{
	struct {
		uint64_t numbers[7];
		uint8_t packed[PACKED_BYTES];
	} whole;
	uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };

	memset(&whole, 0, sizeof(whole)); /* what lies between the members, too */
	whole.numbers[0] = file->device;
	whole.numbers[1] = file->inode;
	whole.numbers[2] = file->changed_ns;
	whole.numbers[3] = file->size_bytes;
	whole.numbers[4] = file->written;
	whole.numbers[5] = file->origin;
	whole.numbers[6] = conversion_of(marker, representation);
	pack(marker, whole.packed);
	HMAC(EVP_sha256(), key, sizeof(key), (const uint8_t *)&whole, sizeof(whole), digest, NULL);
	memcpy(ret_signature, digest, 8);
}

void marker_format(const struct representation *representation, const struct marker_file *file,
		   uint64_t offset, const uint8_t state[static STAGES_STATE_BYTES],
		   char ret_text[static RESTART_MARK_MAX])
{
	struct marker marker = { .offset = offset,
				 .type = representation->type,
				 .format = representation->format,
				 .byte_bits = representation->byte_bits,
				 .structure = representation->structure };
	uint8_t packed[PACKED_BYTES + 8];
	char *at = ret_text;

	memcpy(marker.state, state, STAGES_STATE_BYTES);
	sign(&marker, representation, file, marker.signature);
	pack(&marker, packed);
	memcpy(packed + PACKED_BYTES, marker.signature, 8);
	*at++ = MARKER_LETTER;
	for (size_t i = 0; i < sizeof(packed); i++, at += 2)
		snprintf(at, 3, "%02x", packed[i]);
}

static int digit_of(char digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
					      : -1;
}

int marker_parse(struct view text, struct marker *ret_marker)
{
	uint8_t packed[PACKED_BYTES + 8];

	if (text.length != 1 + MARKER_DIGITS || text.at[0] != MARKER_LETTER)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(packed); i++) {
		int high = digit_of(text.at[1 + 2 * i]);
		int low = digit_of(text.at[2 + 2 * i]);

		if (high < 0 || low < 0)
			return -EINVAL;
		packed[i] = (uint8_t)(high << 4 | low);
	}
	ret_marker->offset = 0;
	for (int i = 0; i < 8; i++)
		ret_marker->offset = ret_marker->offset << 8 | packed[i];
	memcpy(ret_marker->state, packed + 8, STAGES_STATE_BYTES);
	ret_marker->type = packed[8 + STAGES_STATE_BYTES];
	ret_marker->format = packed[9 + STAGES_STATE_BYTES];
	ret_marker->byte_bits = packed[10 + STAGES_STATE_BYTES];
	ret_marker->structure = packed[11 + STAGES_STATE_BYTES];
	memcpy(ret_marker->signature, packed + PACKED_BYTES, 8);
	return 0;
}

int marker_check(const struct marker *marker, const struct representation *representation,
		 const struct marker_file *file)
{
	uint8_t signature[8];

	sign(marker, representation, file, signature);
	if (CRYPTO_memcmp(signature, marker->signature, sizeof(signature)) != 0)
		return -ESTALE;
	return marker->type == representation->type && marker->format == representation->format &&
			       marker->byte_bits == representation->byte_bits &&
			       marker->structure == representation->structure
		       ? 0
		       : -EPROTOTYPE;
}
