/* Many datagrams per call: reads into one slab, writes gathered from pieces. */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
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

/* Whether [at, at + length) lies in a buffer of `size` octets, for any int32 of JavaScript's. */
static bool range_fits(int32_t at, int32_t length, size_t size) {
  return at >= 0 && length >= 0 && (size_t)at + (size_t)length <= size;
}

/* Another thread may write to the array where its memory is shared: what is checked is what is used. */
static int32_t read_once(const int32_t *field) { return *(const volatile int32_t *)field; }

struct row {
  int32_t head_at, head_length, first_piece, pieces, sum_from, sum_at;
};

/* A copy of a plan: what the caller's getters do while the pieces are fetched changes nothing of it. */
struct write_plan {
  size_t rows;
  struct row *row;
  struct iovec *iov; /* Row after row, each its head and then its pieces, */
  napi_value *piece; /* which are fetched first, to the same places. */
};

static void free_plan(struct write_plan *plan) {
  free(plan->row);
  free(plan->iov);
  free(plan->piece);
}

/* False where there is no memory, or with an exception where a number of pieces is none. The plan is to be freed in any case. */
static bool copy_plan(napi_env env, const int32_t *fields, size_t rows, struct write_plan *plan) {
  *plan = (struct write_plan){.rows = rows, .row = malloc(rows * sizeof(struct row))};
  if (plan->row == NULL) return false;
  size_t parts = rows;
  for (size_t i = 0; i < rows; i++, fields += PLAN_FIELDS) {
    plan->row[i] = (struct row){
        .head_at = read_once(fields + PLAN_HEAD_AT),
        .head_length = read_once(fields + PLAN_HEAD_LENGTH),
        .first_piece = read_once(fields + PLAN_FIRST_PIECE),
        .pieces = read_once(fields + PLAN_PIECES),
        .sum_from = read_once(fields + PLAN_SUM_FROM),
        .sum_at = read_once(fields + PLAN_SUM_AT),
    };
    if (plan->row[i].pieces < 0 || plan->row[i].pieces > PIECES_MAX) {
      throw_range(env, "a row has no such number of pieces");
      return false;
    }
    parts += (size_t)plan->row[i].pieces;
  }
  plan->iov = malloc(parts * sizeof(struct iovec));
  plan->piece = malloc(parts * sizeof(napi_value));
  return plan->iov != NULL && plan->piece != NULL;
}

/* Takes the planned elements out of the array of pieces. Getters may run, and do anything: whatever else is needed is taken afterwards. */
static bool fetch_pieces(napi_env env, napi_value array, const struct write_plan *plan) {
  uint32_t count;
  napi_value *into = plan->piece;
  if (napi_get_array_length(env, array, &count) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "an Array of pieces is needed");
    return false;
  }
  for (size_t i = 0; i < plan->rows; i++) {
    const struct row *row = &plan->row[i];
    if (!range_fits(row->first_piece, row->pieces, count)) {
      throw_range(env, "a row's pieces are not in the list of pieces");
      return false;
    }
    into++;
    for (int32_t p = 0; p < row->pieces; p++, into++) {
      if (napi_get_element(env, array, (uint32_t)(row->first_piece + p), into) != napi_ok) return false;
    }
  }
  return true;
}

struct buffers {
  uint8_t *head;
  size_t head_size;
  const int32_t *piece_at;
  const int32_t *piece_length;
  size_t piece_count;
};

/* Fills iov[0, row->pieces] with a row's head and pieces; false with an exception where one of them is not what the plan says. */
static bool gather_row(napi_env env, const struct buffers *buffers, const struct row *row, const napi_value *piece, struct iovec *iov) {
  if (!range_fits(row->head_at, row->head_length, buffers->head_size)) {
    throw_range(env, "a row's head lies outside its buffer");
    return false;
  }
  if (row->sum_at != 0 && (!range_fits(row->sum_from, 0, row->head_length) || !range_fits(row->sum_at, 2, row->head_length))) {
    throw_range(env, "a row's sum lies outside its head");
    return false;
  }
  if (!range_fits(row->first_piece, row->pieces, buffers->piece_count)) {
    throw_range(env, "a row's pieces are not in the list of pieces");
    return false;
  }
  iov[0] = (struct iovec){.iov_base = buffers->head + row->head_at, .iov_len = (size_t)row->head_length};
  for (int32_t p = 0; p < row->pieces; p++) {
    uint8_t *octets;
    size_t size;
    if (!octets_of(env, piece[p + 1], &octets, &size)) return false;
    int32_t at = read_once(buffers->piece_at + row->first_piece + p);
    int32_t length = read_once(buffers->piece_length + row->first_piece + p);
    if (!range_fits(at, length, size) || length > ROW_MAX) {
      throw_range(env, "a piece lies outside its buffer");
      return false;
    }
    iov[p + 1] = (struct iovec){.iov_base = octets + at, .iov_len = (size_t)length};
  }
  return true;
}

/* Fetches and checks everything before the first row is written. */
static bool gather(const struct call *call, const struct write_plan *plan, struct device **device) {
  struct buffers buffers;
  int32_t *piece_at, *piece_length;
  size_t at_count, length_count;
  if (!fetch_pieces(call->env, call->values[4], plan) || !take_device(call, 0, device) ||
      !take_octets(call, 1, &buffers.head, &buffers.head_size) || !take_int32s(call, 5, &piece_at, &at_count) ||
      !take_int32s(call, 6, &piece_length, &length_count)) {
    return false;
  }
  buffers.piece_at = piece_at;
  buffers.piece_length = piece_length;
  buffers.piece_count = at_count < length_count ? at_count : length_count;
  size_t part = 0;
  for (size_t i = 0; i < plan->rows; i++) {
    if (!gather_row(call->env, &buffers, &plan->row[i], plan->piece + part, plan->iov + part)) return false;
    part += (size_t)plan->row[i].pieces + 1;
  }
  return true;
}

static void put_word(uint8_t *octets, uint16_t word) {
  octets[0] = (uint8_t)(word >> 8);
  octets[1] = (uint8_t)word;
}

/*
 * Completes the sum of a row: what stands at head + `at` is its beginning, and becomes the complement of the sum of all octets from
 * head + `from` on: never 0xffff, unless all of them are 0 (RFC 1624 §3). Returns what stood there.
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
  put_word(field, (uint16_t)~sum);
  return before;
}

/* One writev per row, up to the first that the kernel refuses: its head becomes what it was. Gives what `writeBatch` gives. */
static int32_t write_rows(int fd, const struct write_plan *plan) {
  struct iovec *iov = plan->iov;
  for (size_t i = 0; i < plan->rows; i++) {
    const struct row *row = &plan->row[i];
    int parts = row->pieces + 1;
    uint16_t before = 0;
    if (row->sum_at != 0) before = complete_sum(iov, parts, (size_t)row->sum_from, (size_t)row->sum_at);
    ssize_t count;
    do count = writev(fd, iov, parts);
    while (count < 0 && errno == EINTR);
    if (count < 0) {
      int refusal = errno;
      if (row->sum_at != 0) put_word((uint8_t *)iov[0].iov_base + row->sum_at, before);
      return (int32_t)i * 4096 + refusal;
    }
    iov += parts;
  }
  return (int32_t)plan->rows * 4096;
}

/*
 * writeBatch(handle, head, plan, rows, pieceBytes, pieceAt, pieceLength): rows written * 4096 + errno of the first refused
 *
 * Row i of `plan` is six int32: where its head lies in `head`, the head's length, its first piece and how many, and where in its head
 * the octets to sum begin and the sum stands, 0 for none: `complete_sum`. A row that is refused keeps its head. Piece p is
 * pieceBytes[p][pieceAt[p], pieceAt[p] + pieceLength[p]). An exception means that nothing was written and no head changed.
 */
napi_value tun_write_batch(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  struct write_plan plan;
  int32_t *fields;
  size_t field_count, rows;
  if (!take_call(env, info, 7, &call) || !take_device(&call, 0, &device) || !take_int32s(&call, 2, &fields, &field_count) ||
      !take_index(&call, 3, &rows)) {
    return NULL;
  }
  if (rows > field_count / PLAN_FIELDS || rows > INT32_MAX / 4096) {
    throw_range(env, "the plan has fewer rows");
    return NULL;
  }
  if (rows == 0) return give_int32(env, 0);

  napi_handle_scope scope; /* A batch of many pieces would otherwise fill the caller's. */
  if (napi_open_handle_scope(env, &scope) != napi_ok) return NULL;
  bool gathered = copy_plan(env, fields, rows, &plan) && gather(&call, &plan, &device);
  int32_t result = gathered ? write_rows(device->fd, &plan) : ENOMEM;
  free_plan(&plan);
  napi_close_handle_scope(env, scope);
  return give_int32(env, result);
}
