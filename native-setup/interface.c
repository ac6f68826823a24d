/* A network interface's settings, by its name: any interface of this network namespace, `lo` too. */
#include "addon.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What `interfaceState` tells, in this order. */
enum {
  STATE_INDEX,
  STATE_FLAGS,
  STATE_MTU,
  STATE_ADDRESS,
  STATE_PEER,
  STATE_NETMASK,
  STATE_QUEUE_LENGTH,
  STATE_FIELDS
};
/* What `interfaceSet` sets. */
enum { SET_ADDRESS, SET_PEER, SET_NETMASK, SET_MTU, SET_UP, SET_QUEUE_LENGTH };

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
  if (ioctl(fd, SIOCGIFTXQLEN, request) < 0) return -errno;
  state[STATE_QUEUE_LENGTH] = request->ifr_qlen;
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

/* RTM_NEWLINK of a link that exists, with one attribute: how many frames may wait for whoever takes them from it. */
struct queue_request {
  struct nlmsghdr header;
  struct ifinfomsg link;
  struct rtattr attribute;
  uint32_t frames;
};

/* The kernel acts while it is sent to, so that its answer lies ready: one send, one receive, and no wait. */
static int exchange(int route, struct queue_request *message) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(route, message, sizeof *message, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -errno;
  struct {
    struct nlmsghdr header;
    struct nlmsgerr body; /* `error` is 0 or -errno; the request, which follows it, is cut off. */
  } answer;
  ssize_t length = recv(route, &answer, sizeof answer, MSG_DONTWAIT);
  if (length < 0) return -errno;
  if ((size_t)length < sizeof answer || answer.header.nlmsg_type != NLMSG_ERROR) return -EPROTO;
  return answer.body.error;
}

/* Not SIOCSIFTXQLEN: that wants CAP_NET_ADMIN of the whole machine, rtnetlink(7) that of the network namespace. */
static int set_queue_length(int fd, struct ifreq *request, uint32_t frames) {
  if (ioctl(fd, SIOCGIFINDEX, request) < 0) return -errno;
  struct queue_request message = {
      .header = {.nlmsg_len = sizeof message, .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
      .link = {.ifi_family = AF_UNSPEC, .ifi_index = request->ifr_ifindex},
      .attribute = {.rta_len = RTA_LENGTH(sizeof message.frames), .rta_type = IFLA_TXQLEN},
      .frames = frames,
  };
  int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (route < 0) return -errno;
  int result = exchange(route, &message);
  close(route);
  return result;
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
    case SET_QUEUE_LENGTH:
      return set_queue_length(fd, request, value);
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
    throw_range(env, "an interface's state has seven fields");
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
