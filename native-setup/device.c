/* One file descriptor's life: opened or adopted, attached to an interface, closed. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Handles are non-negative int32: the slot in the low bits, its generation above. */
#define GENERATIONS ((uint32_t)(INT32_MAX / DEVICES_MAX))

/* Takes ownership of `fd`; returns its handle or -errno, and then `fd` is closed. */
static int32_t device_make(struct state *state, int fd) {
  uint32_t at = 0;
  while (at < DEVICES_MAX && state->slots[at].device != NULL) at++;
  struct device *device = at < DEVICES_MAX ? calloc(1, sizeof *device) : NULL;
  if (device == NULL) {
    close(fd);
    return at < DEVICES_MAX ? -ENOMEM : -EMFILE;
  }
  struct slot *slot = &state->slots[at];
  slot->generation = (slot->generation + 1) % GENERATIONS;
  slot->device = device;
  device->state = state;
  device->slot = at;
  device->fd = fd;
  device->link_fd = -1;
  state->devices++;
  return (int32_t)(slot->generation * DEVICES_MAX + at);
}

/* Frees the memory once neither JavaScript nor libuv holds it. */
void device_release(struct device *device) {
  struct state *state = device->state;
  free(device);
  state->devices--;
  if (state->ending && state->devices == 0) state_release(state);
}

/* The descriptors are gone when this returns, whatever the event loop does; only memory waits for libuv. */
void device_close(struct device *device) {
  struct state *state = device->state;
  state->slots[device->slot].device = NULL;
  device->uv_handles++; /* Ourselves, until the end of this function. */
  poll_close(device);
  close(device->fd);
  if (device->link_fd >= 0) close(device->link_fd);
  /* An ending environment frees its references itself. */
  if (device->callback != NULL && !state->ending) napi_delete_reference(state->env, device->callback);
  if (--device->uv_handles == 0) device_release(device);
}

/* open(): handle | -errno */
napi_value tun_open(napi_env env, napi_callback_info info) {
  struct call call;
  if (!take_call(env, info, 0, &call)) return NULL;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return give_int32(env, fd < 0 ? -errno : device_make(call.state, fd));
}

/* adopt(fd): handle | -errno. A descriptor that somebody else has opened; it is ours from here on. */
napi_value tun_adopt(napi_env env, napi_callback_info info) {
  struct call call;
  int32_t fd;
  if (!take_call(env, info, 1, &call) || !take_int32(&call, 0, &fd)) return NULL;
  int status = fcntl(fd, F_GETFL);
  if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    return give_int32(env, -errno);
  }
  return give_int32(env, device_make(call.state, fd));
}

/* attach(handle, name, flags): 0 | -errno. `flags` are the kernel's IFF_ bits; an empty name lets the kernel choose. */
napi_value tun_attach(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  struct ifreq request;
  uint32_t flags;
  memset(&request, 0, sizeof request);
  if (!take_call(env, info, 3, &call) || !take_device(&call, 0, &device) ||
      !take_name(&call, 1, request.ifr_name, sizeof request.ifr_name) || !take_uint32(&call, 2, &flags)) {
    return NULL;
  }
  request.ifr_flags = (short)flags;
  return give_int32(env, ioctl(device->fd, TUNSETIFF, &request) < 0 ? -errno : 0);
}

/* setHeaderLength(handle, octets): 0 | -errno. Octets in front of each datagram, once IFF_VNET_HDR is set. */
napi_value tun_set_header_length(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  int32_t octets;
  if (!take_call(env, info, 2, &call) || !take_device(&call, 0, &device) || !take_int32(&call, 1, &octets)) return NULL;
  int value = octets;
  return give_int32(env, ioctl(device->fd, TUNSETVNETHDRSZ, &value) < 0 ? -errno : 0);
}

/* setOffload(handle, bits): 0 | -errno. The kernel's TUN_F_ bits: what it may leave undone in what it hands over. */
napi_value tun_set_offload(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  uint32_t bits;
  if (!take_call(env, info, 2, &call) || !take_device(&call, 0, &device) || !take_uint32(&call, 1, &bits)) return NULL;
  return give_int32(env, ioctl(device->fd, TUNSETOFFLOAD, (unsigned long)bits) < 0 ? -errno : 0);
}

/* persist(handle, on, uid, gid): 0 | -errno. Whether the device outlives its descriptor, and who may attach; -1: unsaid. */
napi_value tun_persist(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  int32_t on, uid, gid;
  if (!take_call(env, info, 4, &call) || !take_device(&call, 0, &device) || !take_int32(&call, 1, &on) ||
      !take_int32(&call, 2, &uid) || !take_int32(&call, 3, &gid)) {
    return NULL;
  }
  bool failed = (uid >= 0 && ioctl(device->fd, TUNSETOWNER, (unsigned long)uid) < 0) ||
                (gid >= 0 && ioctl(device->fd, TUNSETGROUP, (unsigned long)gid) < 0) ||
                ioctl(device->fd, TUNSETPERSIST, (unsigned long)(on != 0)) < 0;
  return give_int32(env, failed ? -errno : 0);
}

static int device_request(struct device *device, struct ifreq *request) {
  memset(request, 0, sizeof *request);
  return ioctl(device->fd, TUNGETIFF, request) < 0 ? -errno : 0;
}

/* deviceName(handle): string | -errno. Its name of now: a device can be renamed. -EBADFD once it was removed. */
napi_value tun_device_name(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  struct ifreq request;
  if (!take_call(env, info, 1, &call) || !take_device(&call, 0, &device)) return NULL;
  int failure = device_request(device, &request);
  if (failure < 0) return give_int32(env, failure);
  napi_value name = NULL;
  napi_create_string_utf8(env, request.ifr_name, strnlen(request.ifr_name, sizeof request.ifr_name), &name);
  return name;
}

/* deviceFlags(handle): the IFF_ bits that `attach` has set, at least 0 | -errno */
napi_value tun_device_flags(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  struct ifreq request;
  if (!take_call(env, info, 1, &call) || !take_device(&call, 0, &device)) return NULL;
  int failure = device_request(device, &request);
  return give_int32(env, failure < 0 ? failure : (uint16_t)request.ifr_flags);
}

/* close(handle): undefined. The handle is dead afterwards. */
napi_value tun_close(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  if (take_call(env, info, 1, &call) && take_device(&call, 0, &device)) device_close(device);
  return NULL;
}
