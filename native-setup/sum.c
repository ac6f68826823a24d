/* One's-complement sums at the speed of memory. */
#include "addon.h"

#include <arpa/inet.h>
#include <string.h>

/* 32-bit words added side by side, each into 64 bits: none overflows below 2^32 blocks. */
enum { LANES = 8, BLOCK = LANES * 4 };

/*
 * The sum of octets[0, length) as 16-bit words, folded to 16 bits and not complemented (RFC 1071). Words are added in the machine's own
 * order and swapped once at the end, which RFC 1071 §2(B) allows; the inner loop is written so that compilers use vectors.
 */
uint16_t sum_octets(const uint8_t *octets, size_t length) {
  uint64_t lanes[LANES] = {0};
  for (; length >= BLOCK; octets += BLOCK, length -= BLOCK) {
    uint32_t words[LANES];
    memcpy(words, octets, BLOCK);
    for (int i = 0; i < LANES; i++) lanes[i] += words[i];
  }
  uint64_t sum = 0;
  for (int i = 0; i < LANES; i++) sum += (lanes[i] & 0xffffffff) + (lanes[i] >> 32);
  for (; length >= 2; octets += 2, length -= 2) {
    uint16_t word;
    memcpy(&word, octets, 2);
    sum += word;
  }
  if (length == 1) {
    uint16_t word = 0;
    memcpy(&word, octets, 1); /* The high half in network order. */
    sum += word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ntohs((uint16_t)sum);
}

/* sum(bytes, at, end): number. Of the octets bytes[at, end), folded to 16 bits. */
napi_value octets_sum(napi_env env, napi_callback_info info) {
  struct call call;
  uint8_t *octets;
  size_t length, at, end;
  if (!take_call(env, info, 3, &call) || !take_octets(&call, 0, &octets, &length) || !take_index(&call, 1, &at) ||
      !take_index(&call, 2, &end)) {
    return NULL;
  }
  if (at > end || end > length) {
    throw_range(env, "the range to sum lies outside its buffer");
    return NULL;
  }
  return give_int32(env, sum_octets(octets + at, end - at));
}
