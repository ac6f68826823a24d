/* Takes arguments apart. Whatever comes from JavaScript is checked here or at its one use, before memory is touched. */
#include "addon.h"

#include <string.h>

void throw_range(napi_env env, const char *text) { napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text); }

static bool wrong_type(napi_env env, const char *text) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
  return false;
}

bool take_call(napi_env env, napi_callback_info info, size_t count, struct call *call) {
  call->env = env;
  call->count = ARGUMENTS_MAX;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &call->count, call->values, NULL, &data) != napi_ok) return false;
  call->state = data;
  if (call->count < count) return wrong_type(env, "too few arguments");
  return true;
}

/* Every number here is an integer of 32 bits; -1.5, NaN and 2^40 are refused, not rounded. */
static bool take_integer(const struct call *call, size_t index, double least, double most, double *value) {
  if (napi_get_value_double(call->env, call->values[index], value) != napi_ok) {
    return wrong_type(call->env, "a number is needed");
  }
  if (*value >= least && *value <= most && (double)(int64_t)*value == *value) return true;
  throw_range(call->env, "a number is not an integer of its range");
  return false;
}

bool take_int32(const struct call *call, size_t index, int32_t *value) {
  double number;
  if (!take_integer(call, index, INT32_MIN, INT32_MAX, &number)) return false;
  *value = (int32_t)number;
  return true;
}

/* Also takes the int32 that has the same 32 bits. */
bool take_uint32(const struct call *call, size_t index, uint32_t *value) {
  double number;
  if (!take_integer(call, index, INT32_MIN, UINT32_MAX, &number)) return false;
  *value = (uint32_t)(int64_t)number;
  return true;
}

bool take_index(const struct call *call, size_t index, size_t *value) {
  double number;
  if (!take_integer(call, index, 0, INT32_MAX, &number)) return false;
  *value = (size_t)number;
  return true;
}

bool octets_of(napi_env env, napi_value value, uint8_t **octets, size_t *length) {
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    return wrong_type(env, "a Uint8Array is needed");
  }
  *octets = data;
  return true;
}

bool take_octets(const struct call *call, size_t index, uint8_t **octets, size_t *length) {
  return octets_of(call->env, call->values[index], octets, length);
}

bool take_int32s(const struct call *call, size_t index, int32_t **values, size_t *length) {
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(call->env, call->values[index], &type, length, &data, NULL, NULL) != napi_ok ||
      type != napi_int32_array) {
    return wrong_type(call->env, "an Int32Array is needed");
  }
  *values = data;
  return true;
}

/* An interface's name, with its NUL. */
bool take_name(const struct call *call, size_t index, char *name, size_t capacity) {
  size_t length;
  if (napi_get_value_string_utf8(call->env, call->values[index], NULL, 0, &length) != napi_ok) {
    return wrong_type(call->env, "a string is needed");
  }
  if (length >= capacity) {
    throw_range(call->env, "an interface's name is too long");
    return false;
  }
  memset(name, 0, capacity);
  napi_get_value_string_utf8(call->env, call->values[index], name, capacity, &length);
  return true;
}

bool take_device(const struct call *call, size_t index, struct device **device) {
  int32_t handle;
  if (!take_int32(call, index, &handle)) return false;
  const struct slot *slot = &call->state->slots[handle & (DEVICES_MAX - 1)];
  if (handle < 0 || slot->device == NULL || slot->generation != (uint32_t)handle / DEVICES_MAX) {
    throw_range(call->env, "the device is closed");
    return false;
  }
  *device = slot->device;
  return true;
}

napi_value give_int32(napi_env env, int32_t value) {
  napi_value given = NULL;
  napi_create_int32(env, value, &given);
  return given;
}
