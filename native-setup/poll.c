/* Readiness, told by the environment's own event loop: no thread. */
#include "addon.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Notices taken per wake-up; where there are more, the level-triggered poll comes again. */
#define NOTICES_MAX 64

/* The device may be closed inside the call; its memory outlives it, since libuv still holds the handle that called us. */
static void tell(struct device *device, int events, int status) {
  napi_env env = device->state->env;
  napi_handle_scope scope;
  if (device->state->ending || napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value receiver, callback, arguments[2];
  if (napi_get_global(env, &receiver) == napi_ok &&
      napi_get_reference_value(env, device->callback, &callback) == napi_ok &&
      napi_create_int32(env, events, &arguments[0]) == napi_ok &&
      napi_create_int32(env, status, &arguments[1]) == napi_ok &&
      napi_make_callback(env, NULL, receiver, callback, 2, arguments, NULL) == napi_pending_exception) {
    napi_value thrown;
    if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
  }
  napi_close_handle_scope(env, scope);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  int told = (events & UV_READABLE ? EVENT_READABLE : 0) | (events & UV_WRITABLE ? EVENT_WRITABLE : 0);
  tell(poll->data, told, status);
}

/* What a notice says is not read: whoever is told asks for the state, which also serves when notices were lost. */
static void on_links(uv_poll_t *poll, int status, int events) {
  (void)events;
  struct device *device = poll->data;
  char octet;
  for (int i = 0; i < NOTICES_MAX; i++) {
    if (recv(device->link_fd, &octet, sizeof octet, MSG_DONTWAIT) < 0 && errno != ENOBUFS && errno != EINTR) break;
  }
  tell(device, EVENT_LINK, status);
}

static void on_closed(uv_handle_t *handle) {
  struct device *device = handle->data;
  if (--device->uv_handles == 0) device_release(device);
}

/* Stops both polls at once, so that the descriptors can be closed right away. */
void poll_close(struct device *device) {
  if (device->poll_made) uv_close((uv_handle_t *)&device->poll, on_closed);
  if (device->link_made) uv_close((uv_handle_t *)&device->link, on_closed);
}

/* start(handle, callback): 0 | -errno. `callback(events, status)`: EVENT_ bits; a status below 0 says that polling failed. */
napi_value tun_start(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  napi_valuetype type;
  if (!take_call(env, info, 2, &call) || !take_device(&call, 0, &device)) return NULL;
  if (napi_typeof(env, call.values[1], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a function is needed");
    return NULL;
  }
  if (device->poll_made) {
    throw_range(env, "the device was started before");
    return NULL;
  }
  if (napi_create_reference(env, call.values[1], 1, &device->callback) != napi_ok) return NULL;
  int status = uv_poll_init(device->state->loop, &device->poll, device->fd);
  if (status < 0) {
    napi_delete_reference(env, device->callback);
    device->callback = NULL;
    return give_int32(env, status);
  }
  device->poll.data = device;
  device->poll_made = true;
  device->uv_handles++;
  return give_int32(env, 0);
}

/* poll(handle, events): 0 | -errno. Which of EVENT_READABLE and EVENT_WRITABLE to tell; 0 for none. After `start`. */
napi_value tun_poll(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  int32_t wanted;
  if (!take_call(env, info, 2, &call) || !take_device(&call, 0, &device) || !take_int32(&call, 1, &wanted)) return NULL;
  if (!device->poll_made) {
    throw_range(env, "the device was not started");
    return NULL;
  }
  int events = (wanted & EVENT_READABLE ? UV_READABLE : 0) | (wanted & EVENT_WRITABLE ? UV_WRITABLE : 0);
  return give_int32(env, events == 0 ? uv_poll_stop(&device->poll) : uv_poll_start(&device->poll, events, on_poll));
}

/* watchLinks(handle): 0 | -errno. EVENT_LINK whenever some interface of this network namespace changes. After `start`. */
napi_value tun_watch_links(napi_env env, napi_callback_info info) {
  struct call call;
  struct device *device;
  if (!take_call(env, info, 1, &call) || !take_device(&call, 0, &device)) return NULL;
  if (!device->poll_made || device->link_made) {
    throw_range(env, "links are watched once, after start");
    return NULL;
  }
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return give_int32(env, -errno);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  int status = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
  if (status == 0) status = uv_poll_init(device->state->loop, &device->link, fd);
  if (status < 0) {
    close(fd);
    return give_int32(env, status);
  }
  device->link_fd = fd;
  device->link.data = device;
  device->link_made = true;
  device->uv_handles++;
  uv_unref((uv_handle_t *)&device->link); /* The device's own poll decides whether the process stays. */
  return give_int32(env, uv_poll_start(&device->link, UV_READABLE, on_links));
}

static napi_value set_reference(napi_env env, napi_callback_info info, void (*set)(uv_handle_t *)) {
  struct call call;
  struct device *device;
  if (take_call(env, info, 1, &call) && take_device(&call, 0, &device) && device->poll_made) {
    set((uv_handle_t *)&device->poll);
  }
  return NULL;
}

/* ref(handle), unref(handle): undefined. Whether a started poll keeps the process alive. */
napi_value tun_ref(napi_env env, napi_callback_info info) { return set_reference(env, info, uv_ref); }
napi_value tun_unref(napi_env env, napi_callback_info info) { return set_reference(env, info, uv_unref); }
