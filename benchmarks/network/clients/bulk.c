/* bulk in|out ADDRESS PORT CONNECTIONS MS: octets into a server that discards, or out of one that never stops. */
#include "load.h"

#define CHUNK (256 * 1024)

static char chunk[CHUNK];

/* One turn of one connection. Returns octets moved. */
static long move(int fd, int in) {
  long n = in ? send(fd, chunk, CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL) : recv(fd, chunk, CHUNK, MSG_DONTWAIT);
  if (n > 0) return n;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n == 0) errno = ECONNRESET;
  die(in ? "send" : "recv");
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int in = strcmp(argv[1], "in") == 0, connections = atoi(argv[4]);
  struct sockaddr_in at = place(argv[2], argv[3]);
  int epoll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    int fd = connected(&at);
    struct epoll_event want = {.events = in ? EPOLLOUT : EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) < 0) die("epoll_ctl");
  }
  long long octets = 0;
  long operations = 0;
  double began = now(), until = began + atoi(argv[5]) * 1e-3, at_now;
  while ((at_now = now()) < until) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, 50);
    for (int i = 0; i < n; i++) octets += move(events[i].data.fd, in), operations++;
  }
  report(operations, octets, 0, at_now - began);
  return 0;
}
