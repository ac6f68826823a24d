/* The table of functions, and the life of one environment's state. */
#include "addon.h"

#include <stdlib.h>

void state_release(struct state *state) {
  napi_async_cleanup_hook_handle cleanup = state->cleanup;
  free(state);
  napi_remove_async_cleanup_hook(cleanup); /* Tells Node that the loop is ours no longer. */
}

/* The environment ends: whatever is still open is closed, and Node waits until libuv has let go of it. */
static void end_environment(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  struct state *state = data;
  state->ending = true;
  state->devices++; /* Ourselves, so that the last close inside the loop does not free the state under it. */
  for (uint32_t i = 0; i < DEVICES_MAX; i++) {
    if (state->slots[i].device != NULL) device_close(state->slots[i].device);
  }
  if (--state->devices == 0) state_release(state);
}

NAPI_MODULE_INIT() {
  struct state *state = calloc(1, sizeof *state);
  if (state == NULL) {
    napi_throw_error(env, "ENOMEM", "the TUN addon found no memory");
    return NULL;
  }
  state->env = env;
  if (napi_get_uv_event_loop(env, &state->loop) != napi_ok ||
      napi_add_async_cleanup_hook(env, end_environment, state, &state->cleanup) != napi_ok) {
    free(state);
    napi_throw_error(env, NULL, "the TUN addon found no event loop");
    return NULL;
  }

  static const struct {
    const char *name;
    function call;
  } functions[] = {
      {"open", tun_open},
      {"adopt", tun_adopt},
      {"attach", tun_attach},
      {"setHeaderLength", tun_set_header_length},
      {"setOffload", tun_set_offload},
      {"persist", tun_persist},
      {"deviceName", tun_device_name},
      {"deviceFlags", tun_device_flags},
      {"close", tun_close},
      {"start", tun_start},
      {"poll", tun_poll},
      {"watchLinks", tun_watch_links},
      {"ref", tun_ref},
      {"unref", tun_unref},
      {"readBatch", tun_read_batch},
      {"writeBatch", tun_write_batch},
      {"interfaceState", interface_state},
      {"interfaceSet", interface_set},
      {"sum", octets_sum},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value made;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, state, &made) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, made) != napi_ok) {
      return NULL; /* An exception is pending; the cleanup hook frees the state. */
    }
  }
  return exports;
}
