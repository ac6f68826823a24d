/*
 * The TUN addon: it opens, configures, polls, reads, writes and closes file descriptors, sums octets, and knows no header.
 *
 * Results: system calls that fail come back as -errno, never as an exception. An exception (TypeError, RangeError) means that
 *          the caller's arguments are wrong: a wrong type, a closed handle, a range outside its buffer.
 * State:   one `struct state` per environment (main thread or worker); nothing is global.
 */
#ifndef FOURTUPLE_ADDON_H
#define FOURTUPLE_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Most devices open at once in one environment; -EMFILE beyond. A power of two: a handle's low bits are its slot. */
#define DEVICES_MAX 4096

struct device;

struct slot {
  struct device *device; /* NULL where free. */
  uint32_t generation;   /* So that a handle is refused after its slot was used again. */
};

struct state {
  napi_env env;
  uv_loop_t *loop;
  napi_async_cleanup_hook_handle cleanup;
  uint32_t devices; /* Allocated, those whose uv handles are still closing included. */
  bool ending;      /* The environment is going: no JavaScript is called any more. */
  struct slot slots[DEVICES_MAX];
};

struct device {
  struct state *state;
  uint32_t slot;
  int fd;
  int link_fd;        /* Netlink socket that tells of changed links; -1 where none was asked for. */
  napi_ref callback;  /* NULL until `start`. */
  int uv_handles;     /* How many of the two below libuv knows. The device is freed when it has given them back. */
  bool poll_made;
  bool link_made;
  uv_poll_t poll;
  uv_poll_t link;
};

/* What a callback is told; also the mask that `poll` takes. */
enum { EVENT_READABLE = 1, EVENT_WRITABLE = 2, EVENT_LINK = 4 };

typedef napi_value (*function)(napi_env env, napi_callback_info info);

/* arguments.c: each throws and returns false where the argument is not as named. */
#define ARGUMENTS_MAX 8
struct call {
  napi_env env;
  struct state *state;
  size_t count;
  napi_value values[ARGUMENTS_MAX];
};
bool take_call(napi_env env, napi_callback_info info, size_t count, struct call *call);
bool take_int32(const struct call *call, size_t index, int32_t *value);
bool take_uint32(const struct call *call, size_t index, uint32_t *value);
bool take_index(const struct call *call, size_t index, size_t *value);
bool take_octets(const struct call *call, size_t index, uint8_t **octets, size_t *length);
bool take_int32s(const struct call *call, size_t index, int32_t **values, size_t *length);
bool take_name(const struct call *call, size_t index, char *name, size_t capacity);
bool take_device(const struct call *call, size_t index, struct device **device);
bool octets_of(napi_env env, napi_value value, uint8_t **octets, size_t *length);
void throw_range(napi_env env, const char *text);
napi_value give_int32(napi_env env, int32_t value);

/* device.c */
napi_value tun_open(napi_env env, napi_callback_info info);
napi_value tun_adopt(napi_env env, napi_callback_info info);
napi_value tun_attach(napi_env env, napi_callback_info info);
napi_value tun_set_header_length(napi_env env, napi_callback_info info);
napi_value tun_set_offload(napi_env env, napi_callback_info info);
napi_value tun_persist(napi_env env, napi_callback_info info);
napi_value tun_device_name(napi_env env, napi_callback_info info);
napi_value tun_device_flags(napi_env env, napi_callback_info info);
napi_value tun_close(napi_env env, napi_callback_info info);
void device_close(struct device *device);
void device_release(struct device *device);

/* poll.c */
napi_value tun_start(napi_env env, napi_callback_info info);
napi_value tun_poll(napi_env env, napi_callback_info info);
napi_value tun_watch_links(napi_env env, napi_callback_info info);
napi_value tun_ref(napi_env env, napi_callback_info info);
napi_value tun_unref(napi_env env, napi_callback_info info);
void poll_close(struct device *device);

/* batch.c */
napi_value tun_read_batch(napi_env env, napi_callback_info info);
napi_value tun_write_batch(napi_env env, napi_callback_info info);

/* interface.c */
napi_value interface_state(napi_env env, napi_callback_info info);
napi_value interface_set(napi_env env, napi_callback_info info);

/* sum.c */
napi_value octets_sum(napi_env env, napi_callback_info info);
uint16_t sum_octets(const uint8_t *octets, size_t length);

/* addon.c: called when an ending environment's last device is gone. */
void state_release(struct state *state);

#endif
