/* Many datagrams per call: reads into one slab, writes gathered from pieces. */
#include "addon.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* Rows of a slab begin at multiples of this, before their lead. */
#define ROW_ALIGNMENT 8
/* Pieces of one row at most, its head not counted. */
#define PIECES_MAX 255
/* Octets of one row at most: what a TUN takes, with room to spare; keeps the sums of lengths small. */
#define ROW_MAX (1 << 20)

/* Fields of a row in a write plan. */
enum { PLAN_HEAD_AT, PLAN_HEAD_LENGTH, PLAN_FIRST_PIECE, PLAN_PIECES, PLAN_SUM_FROM, PLAN_SUM_AT, PLAN_FIELDS };

/*
 * readBatch(handle, slab, from, lead, room, spans, sums): rows | -errno
 *
 * Reads until `spans` is full, the slab is, or nothing is left. Row i begins `lead` octets behind the next multiple of 8
 * (from `from` on), has `room` octets, and is told as spans[2i] (its first octet) and spans[2i + 1] (behind its last). Where `sums`
 * is not empty, sums[i] is the one's-complement sum of its octets, taken while they are in the cache.
 * A failure is returned where no row was read; the next call meets it again.
 */
napi_value tun_read_batch(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  uint8_t *slab;
  int32_t *spans, *sums;
  size_t length, from, lead, room, span_count, sum_count;
  if (!take_call(env, info, 7, &call) || !take_device(&call, 0, &device) || !take_octets(&call, 1, &slab, &length) ||
      !take_index(&call, 2, &from) || !take_index(&call, 3, &lead) || !take_index(&call, 4, &room) ||
      !take_int32s(&call, 5, &spans, &span_count) || !take_int32s(&call, 6, &sums, &sum_count)) {
    return NULL;
  }
  if (room == 0 || length > INT32_MAX) {
    throw_range(env, "a row has at least one octet, a slab at most 2^31 - 1");
    return NULL;
  }
  size_t capacity = span_count / 2;
  if (sum_count > 0 && sum_count < capacity) capacity = sum_count;
  size_t row = 0;
  while (row < capacity) {
    size_t at = ((from + ROW_ALIGNMENT - 1) & ~(size_t)(ROW_ALIGNMENT - 1)) + lead;
    if (at + room > length) break; /* Each term is below 2^31: the sum cannot wrap. */
    ssize_t count = read(device->fd, slab + at, room);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && row == 0 && errno != EAGAIN) return give_int32(env, -errno);
    if (count <= 0) break;
    from = at + (size_t)count;
    spans[2 * row] = (int32_t)at;
    spans[2 * row + 1] = (int32_t)from;
    if (sum_count > 0) sums[row] = sum_octets(slab + at, (size_t)count);
    row++;
  }
  return give_int32(env, (int32_t)row);
}

struct pieces {
  napi_value array;
  const int32_t *at;
  const int32_t *length;
  size_t count;
};

/* Whether [at, at + length) lies in a buffer of `size` octets, for any int32 of JavaScript's. */
static bool range_fits(int32_t at, int32_t length, size_t size) {
  return at >= 0 && length >= 0 && (size_t)at + (size_t)length <= size;
}

/* Fills iov[1, count] with `plan`'s pieces; false with an exception where one of them is not what it says. */
static bool gather_pieces(napi_env env, const int32_t *plan, const struct pieces *pieces, struct iovec *iov) {
  int32_t first = plan[PLAN_FIRST_PIECE], count = plan[PLAN_PIECES];
  if (count > PIECES_MAX || !range_fits(first, count, pieces->count)) {
    throw_range(env, "a row's pieces are not in the list of pieces");
    return false;
  }
  for (int32_t i = 0; i < count; i++) {
    napi_value piece;
    uint8_t *octets;
    size_t size;
    if (napi_get_element(env, pieces->array, (uint32_t)(first + i), &piece) != napi_ok) return false;
    if (!octets_of(env, piece, &octets, &size)) return false;
    int32_t at = pieces->at[first + i], length = pieces->length[first + i];
    if (!range_fits(at, length, size) || length > ROW_MAX) {
      throw_range(env, "a piece lies outside its buffer");
      return false;
    }
    iov[i + 1] = (struct iovec){.iov_base = octets + at, .iov_len = (size_t)length};
  }
  return true;
}

static void put_word(uint8_t *octets, uint16_t word) {
  octets[0] = (uint8_t)(word >> 8);
  octets[1] = (uint8_t)word;
}

/*
 * Completes the sum of a row: what stands at head + `at` is its beginning, and becomes the complement of the sum of all octets from
 * head + `from` on. Returns what stood there. 0xffff stands for 0, which some protocols mean as "none"; the two are equal (RFC 1071).
 */
static uint16_t complete_sum(const struct iovec *iov, int count, size_t from, size_t at) {
  uint32_t sum = 0;
  bool odd = false; /* Whether what comes next begins in the middle of a word. */
  for (int i = 0; i < count; i++) {
    size_t skip = i == 0 ? from : 0;
    size_t length = iov[i].iov_len - skip;
    uint16_t part = sum_octets((const uint8_t *)iov[i].iov_base + skip, length);
    sum += odd ? (uint16_t)(part << 8 | part >> 8) : part;
    odd ^= length & 1;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  uint8_t *field = (uint8_t *)iov[0].iov_base + at;
  uint16_t before = (uint16_t)(field[0] << 8 | field[1]);
  put_word(field, sum == 0xffff ? 0xffff : (uint16_t)~sum);
  return before;
}

/*
 * writeBatch(handle, head, plan, rows, pieceBytes, pieceAt, pieceLength): rows written * 4096 + errno of the first refused
 *
 * One writev per row. Row i of `plan` is six int32: where its head lies in `head`, the head's length, its first piece and how many,
 * and where in its head the octets to sum begin and the sum stands, 0 for none: `complete_sum`. A row that is refused keeps its head.
 * Piece p is pieceBytes[p][pieceAt[p], pieceAt[p] + pieceLength[p]). Ends at the first row that the kernel refuses.
 */
napi_value tun_write_batch(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  struct pieces pieces;
  uint8_t *head;
  int32_t *plan, *piece_at, *piece_length;
  size_t head_size, plan_size, rows, at_count, length_count;
  bool is_array;
  if (!take_call(env, info, 7, &call) || !take_device(&call, 0, &device) || !take_octets(&call, 1, &head, &head_size) ||
      !take_int32s(&call, 2, &plan, &plan_size) || !take_index(&call, 3, &rows) ||
      !take_int32s(&call, 5, &piece_at, &at_count) || !take_int32s(&call, 6, &piece_length, &length_count)) {
    return NULL;
  }
  pieces.array = call.values[4];
  if (napi_is_array(env, pieces.array, &is_array) != napi_ok || !is_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "an Array of pieces is needed");
    return NULL;
  }
  pieces.at = piece_at;
  pieces.length = piece_length;
  pieces.count = at_count < length_count ? at_count : length_count;
  if (rows > plan_size / PLAN_FIELDS || rows > INT32_MAX / 4096) {
    throw_range(env, "the plan has fewer rows");
    return NULL;
  }

  int refusal = 0;
  size_t row = 0;
  for (; row < rows && refusal == 0; row++, plan += PLAN_FIELDS) {
    struct iovec iov[PIECES_MAX + 1];
    if (!range_fits(plan[PLAN_HEAD_AT], plan[PLAN_HEAD_LENGTH], head_size)) {
      throw_range(env, "a row's head lies outside its buffer");
      return NULL;
    }
    int32_t sum_from = plan[PLAN_SUM_FROM], sum_at = plan[PLAN_SUM_AT];
    if (sum_at != 0 && (!range_fits(sum_from, 0, plan[PLAN_HEAD_LENGTH]) || !range_fits(sum_at, 2, plan[PLAN_HEAD_LENGTH]))) {
      throw_range(env, "a row's sum lies outside its head");
      return NULL;
    }
    iov[0] = (struct iovec){.iov_base = head + plan[PLAN_HEAD_AT], .iov_len = (size_t)plan[PLAN_HEAD_LENGTH]};
    napi_handle_scope scope; /* A batch of many pieces would otherwise fill the caller's. */
    if (napi_open_handle_scope(env, &scope) != napi_ok) return NULL;
    bool gathered = gather_pieces(env, plan, &pieces, iov);
    ssize_t count = 0;
    if (gathered) {
      int parts = plan[PLAN_PIECES] + 1;
      uint16_t before = sum_at == 0 ? 0 : complete_sum(iov, parts, (size_t)sum_from, (size_t)sum_at);
      do count = writev(device->fd, iov, parts);
      while (count < 0 && errno == EINTR);
      if (count < 0) refusal = errno;
      if (refusal != 0 && sum_at != 0) put_word((uint8_t *)iov[0].iov_base + sum_at, before);
    }
    napi_close_handle_scope(env, scope);
    if (!gathered) return NULL;
  }
  if (refusal != 0) row--;
  return give_int32(env, (int32_t)row * 4096 + refusal);
}
