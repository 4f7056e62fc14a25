// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), by the processor's own instruction where it has one.
#include "ckernels.h"

#include <pthread.h>
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

static uint32_t tables[8][256];
static pthread_once_t tables_are_filled = PTHREAD_ONCE_INIT;

static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82f63b78 & -(crc & 1));
        tables[0][byte] = crc;
    }
    for (int t = 1; t < 8; t++)
        for (int byte = 0; byte < 256; byte++)
            tables[t][byte] = tables[t - 1][byte] >> 8 ^ tables[0][tables[t - 1][byte] & 0xff];
}

/// Eight bytes at a time by tables.
static uint32_t by_tables(uint32_t crc, const unsigned char *p, int64_t n) {
    pthread_once(&tables_are_filled, fill_tables);
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word = 0;
        for (int i = 0; i < 8; i++) word |= (uint64_t)p[i] << (8 * i);
        word ^= crc;
        crc = 0;
        for (int i = 0; i < 8; i++) crc ^= tables[7 - i][word >> (8 * i) & 0xff];
    }
    while (n-- > 0) crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const unsigned char *p, int64_t n) {
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    while (n-- > 0) crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
#endif

uint32_t ck_crc32c(uint32_t crc, const void *bytes, int64_t count) {
#if defined(__x86_64__)
    if (ck_isa_current() != CK_ISA_PLAIN && __builtin_cpu_supports("sse4.2")) return ~by_instruction(~crc, bytes, count);
#endif
    return ~by_tables(~crc, bytes, count);
}
