/* demux CONNECTIONS LOOKUPS [LOAD]: the layout of src/stack/four-tuple-table.ts in C++, as a measure of what the machine allows: the same
 * hash, segments of 4-octet slots {tag, id + 1}, 32-octet records, a burst in loops of their own with prefetches in place of reads.
 * Prints one line of JSON, ns a look-up: medians of several runs. */
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

namespace {

constexpr int SEGMENT_SHIFT = 8, SEGMENT_SLOTS = 1 << SEGMENT_SHIFT, SLOT_MASK = SEGMENT_SLOTS - 1;
constexpr int ID_BITS = 22, CHAIN_MAX = 32, BURST = 64, RUNS = 5;
constexpr uint32_t ID_MASK = (1u << ID_BITS) - 1;
constexpr uint32_t SERVER = 0xc6120002, CLIENTS = 0xc6130000, PORTS_PER_CLIENT = 28000, PORT = 80;

struct Key {
  uint32_t local, remote, ports;
};
struct Record {
  Key key;
  uint32_t hash, link, state, rest[2];
};
static_assert(sizeof(Record) == 32);

uint32_t seed = 1;
uint32_t next_random() {
  seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
  return seed;
}
uint32_t secret[7];

inline uint32_t hash_of(const Key &k) {
  uint32_t sum = secret[0] + (secret[1] + (k.local >> 16)) * (secret[2] + (k.local & 0xffff)) +
                 (secret[3] + (k.remote >> 16)) * (secret[4] + (k.remote & 0xffff)) +
                 (secret[5] + (k.ports >> 16)) * (secret[6] + (k.ports & 0xffff));
  uint32_t mixed = (sum ^ (sum >> 15)) * 0x2c1b3c6du;
  return mixed ^ (mixed >> 14);
}
inline uint32_t home_of(uint32_t hash) { return (hash & 31) | ((hash >> 5) & 224); }
inline uint32_t displacement(uint32_t slot, uint32_t at) { return (at - (slot >> ID_BITS)) & (CHAIN_MAX - 1); }
Key key_of(uint32_t i, uint32_t port) {
  return {SERVER, CLIENTS + i / PORTS_PER_CLIENT, port << 16 | (32768 + i % PORTS_PER_CLIENT)};
}

/* Zeroed and on a page. */
template <typename T> T *zeroed(size_t count) {
  void *p = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) exit(1);
  return static_cast<T *>(p);
}

uint32_t *slots, *directory;
Record *records;
int shift = 31;

bool place(uint32_t hash, uint32_t id) {
  uint32_t *segment = slots + directory[hash >> shift];
  uint32_t at = home_of(hash), carry = hash << ID_BITS | (id + 1), distance = 0;
  for (; segment[at] != 0 && displacement(segment[at], at) >= distance; at = (at + 1) & SLOT_MASK, distance++);
  for (; carry != 0; at = (at + 1) & SLOT_MASK) std::swap(segment[at], carry);
  return distance < CHAIN_MAX;
}

/* As many segments as are wanted for the load; of one size, so that the directory is the segments. */
void fill(uint32_t connections, double load) {
  uint32_t segments = 2;
  for (; segments * SEGMENT_SLOTS * load < connections; segments *= 2) shift--;
  directory = zeroed<uint32_t>(segments);
  for (uint32_t i = 0; i < segments; i++) directory[i] = i << SEGMENT_SHIFT;
  slots = zeroed<uint32_t>(static_cast<size_t>(segments) * SEGMENT_SLOTS + 16);
  records = zeroed<Record>(connections);
  for (uint32_t id = 0; id < connections; id++) {
    Key key = key_of(id, PORT);
    uint32_t hash = hash_of(key);
    if (!place(hash, id)) exit(1);
    records[id] = {key, hash, ~0u, id, {}};
  }
}

inline bool is(const Key &a, const Key &b) { return ((a.local ^ b.local) | (a.remote ^ b.remote) | (a.ports ^ b.ports)) == 0; }

__attribute__((noinline)) int find_hashed(const Key &key, uint32_t hash) {
  const uint32_t *segment = slots + directory[hash >> shift];
  uint32_t at = home_of(hash);
  for (uint32_t distance = 0; distance < CHAIN_MAX; distance++, at = (at + 1) & SLOT_MASK) {
    uint32_t slot = segment[at];
    if (slot == 0) return -1;
    if ((slot ^ hash << ID_BITS) >> ID_BITS == 0) {
      int id = static_cast<int>(slot & ID_MASK) - 1;
      if (is(records[id].key, key)) return id;
    } else if (displacement(slot, at) < distance) {
      return -1;
    }
  }
  return -1;
}

void find_burst(const Key *keys, int *out) {
  uint32_t hashes[BURST], starts[BURST];
  for (int i = 0; i < BURST; i++) hashes[i] = hash_of(keys[i]);
  for (int i = 0; i < BURST; i++) {
    starts[i] = directory[hashes[i] >> shift] + home_of(hashes[i]);
    __builtin_prefetch(slots + starts[i]);
    __builtin_prefetch(slots + starts[i] + 3); // Of another cache line in one of five.
  }
  for (int i = 0; i < BURST; i++) {
    uint32_t match = 0;
    for (int j = 0; j < 4; j++) {
      uint32_t slot = slots[starts[i] + j];
      match |= (slot ^ hashes[i] << ID_BITS) >> ID_BITS == 0 ? slot & ID_MASK : 0;
    }
    out[i] = static_cast<int>(match) - 1;
    __builtin_prefetch(&records[out[i] < 0 ? 0 : out[i]]);
  }
  for (int i = 0; i < BURST; i++)
    if (out[i] < 0 || !is(records[out[i]].key, keys[i])) out[i] = find_hashed(keys[i], hashes[i]);
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

template <typename Work> double ns(size_t lookups, Work work) {
  std::vector<double> all;
  for (int run = 0; run < RUNS; run++) {
    auto began = std::chrono::steady_clock::now();
    work();
    all.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / lookups);
  }
  return median(all);
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  uint32_t connections = atoi(argv[1]);
  size_t lookups = std::max(BURST, atoi(argv[2]) / BURST * BURST);
  for (uint32_t &word : secret) word = next_random();
  fill(connections, argc > 3 ? atof(argv[3]) : 0.72);
  std::vector<Key> hits, misses;
  for (size_t i = 0; i < lookups; i++) {
    uint32_t which = next_random() % connections;
    hits.push_back(key_of(which, PORT));
    misses.push_back(key_of(which, PORT + 1));
  }
  volatile uint32_t sink = 0;
  int out[BURST];
  auto burst = [&](const std::vector<Key> &keys) {
    return ns(lookups, [&] {
      uint32_t hash = 0;
      for (size_t at = 0; at < lookups; at += BURST) {
        find_burst(&keys[at], out);
        for (int id : out) hash += id < 0 ? 1 : records[id].state;
      }
      sink = sink + hash;
    });
  };
  double hit = burst(hits), miss = burst(misses);
  double single = ns(lookups, [&] {
    uint32_t hash = 0;
    for (const Key &key : hits) {
      int id = find_hashed(key, hash_of(key));
      hash += records[id].state;
    }
    sink = sink + hash;
  });
  printf("{\"hit\":%.3f,\"miss\":%.3f,\"single\":%.3f}\n", hit, miss, single);
}
