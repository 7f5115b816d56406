/* iso_crc32c.h: CRC-32C (Castagnoli), as in RFC 3720 §B.4: finds changed bytes, proves nothing against
 * an adversary. By the processor's instruction where it has one. */
#ifndef ISO_CRC32C_H
#define ISO_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of what came before (crc; 0: nothing) and these bytes together. */
uint32_t iso_crc32c(uint32_t crc, const void *ptr, size_t len);
/* Of A and B one after the other, from the one of A and the one of B. */
uint32_t iso_crc32c_combine(uint32_t a, uint32_t b, uint64_t b_bytes);
/* The same as iso_crc32c without the instruction: what others are compared with. */
uint32_t iso_crc32c_plain(uint32_t crc, const void *ptr, size_t len);

#endif
