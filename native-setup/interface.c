/* A network interface's settings, by its name: any interface of this network namespace, `lo` too. */
#include "addon.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What `interfaceState` tells, in this order. */
enum { STATE_INDEX, STATE_FLAGS, STATE_MTU, STATE_ADDRESS, STATE_PEER, STATE_NETMASK, STATE_FIELDS };
/* What `interfaceSet` sets. */
enum { SET_ADDRESS, SET_PEER, SET_NETMASK, SET_MTU, SET_UP };

/* The three address ioctls take an IPv4 socket address; ours come and go as the 32 bits in host order. */
static void put_address(struct ifreq *request, uint32_t address) {
  struct sockaddr_in *to = (struct sockaddr_in *)&request->ifr_addr;
  memset(to, 0, sizeof *to);
  to->sin_family = AF_INET;
  to->sin_addr.s_addr = htonl(address);
}

static int get_address(int fd, struct ifreq *request, unsigned long what, int32_t *address) {
  *address = 0;
  if (ioctl(fd, what, request) < 0) return errno == EADDRNOTAVAIL ? 0 : -errno; /* It simply has none. */
  *address = (int32_t)ntohl(((struct sockaddr_in *)&request->ifr_addr)->sin_addr.s_addr);
  return 0;
}

static int read_state(int fd, struct ifreq *request, int32_t *state) {
  if (ioctl(fd, SIOCGIFINDEX, request) < 0) return -errno;
  state[STATE_INDEX] = request->ifr_ifindex;
  if (ioctl(fd, SIOCGIFFLAGS, request) < 0) return -errno;
  state[STATE_FLAGS] = (uint16_t)request->ifr_flags;
  if (ioctl(fd, SIOCGIFMTU, request) < 0) return -errno;
  state[STATE_MTU] = request->ifr_mtu;
  int failure = get_address(fd, request, SIOCGIFADDR, &state[STATE_ADDRESS]);
  if (failure == 0) failure = get_address(fd, request, SIOCGIFDSTADDR, &state[STATE_PEER]);
  if (failure == 0) failure = get_address(fd, request, SIOCGIFNETMASK, &state[STATE_NETMASK]);
  return failure;
}

static int set_up(int fd, struct ifreq *request, bool up) {
  if (ioctl(fd, SIOCGIFFLAGS, request) < 0) return -errno;
  request->ifr_flags = (short)(up ? request->ifr_flags | IFF_UP : request->ifr_flags & ~IFF_UP);
  return ioctl(fd, SIOCSIFFLAGS, request) < 0 ? -errno : 0;
}

static int set_one(int fd, struct ifreq *request, int32_t what, uint32_t value) {
  switch (what) {
    case SET_ADDRESS:
      put_address(request, value);
      return ioctl(fd, SIOCSIFADDR, request) < 0 ? -errno : 0;
    case SET_PEER:
      put_address(request, value);
      return ioctl(fd, SIOCSIFDSTADDR, request) < 0 ? -errno : 0;
    case SET_NETMASK:
      put_address(request, value);
      return ioctl(fd, SIOCSIFNETMASK, request) < 0 ? -errno : 0;
    case SET_MTU:
      request->ifr_mtu = (int)value;
      return ioctl(fd, SIOCSIFMTU, request) < 0 ? -errno : 0;
    case SET_UP:
      return set_up(fd, request, value != 0);
    default:
      return -EINVAL;
  }
}

/* interfaceState(name, into): 0 | -errno. Fills the STATE_ fields; an address that is missing is 0. */
napi_value interface_state(napi_env env, napi_callback_info info) {
  struct call call;
  struct ifreq request;
  int32_t *into;
  size_t length;
  if (!take_call(env, info, 2, &call) || !take_name(&call, 0, request.ifr_name, sizeof request.ifr_name) ||
      !take_int32s(&call, 1, &into, &length)) {
    return NULL;
  }
  if (length < STATE_FIELDS) {
    throw_range(env, "an interface's state has six fields");
    return NULL;
  }
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return give_int32(env, -errno);
  int result = read_state(fd, &request, into);
  close(fd);
  return give_int32(env, result);
}

/* interfaceSet(name, what, value): 0 | -errno. `what` is one of the SET_ numbers. */
napi_value interface_set(napi_env env, napi_callback_info info) {
  struct call call;
  struct ifreq request;
  int32_t what;
  uint32_t value;
  if (!take_call(env, info, 3, &call) || !take_name(&call, 0, request.ifr_name, sizeof request.ifr_name) ||
      !take_int32(&call, 1, &what) || !take_uint32(&call, 2, &value)) {
    return NULL;
  }
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return give_int32(env, -errno);
  int result = set_one(fd, &request, what, value);
  close(fd);
  return give_int32(env, result);
}
