/* short ADDRESS PORT CONCURRENCY MS BODY: connect, one request, an HTTP response with a body of BODY octets, close; over and over. */
#include "load.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: 198.18.0.2\r\n\r\n"

static struct sockaddr_in at;
static int epoll;
static long errors;
static int *got; /* Octets of the answer, by descriptor. */
static int length; /* Of the answer: all are alike. 0 before the first. */
static long long octets;

static void begin(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0 && errno != EINPROGRESS) die("connect");
  got[fd] = -1;
  struct epoll_event want = {.events = EPOLLOUT, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) < 0) die("epoll_ctl");
}

static void again(int fd) {
  close(fd);
  begin();
}

/* Returns 1 when an exchange is complete. */
static int go_on(int fd, int body) {
  char answer[4096];
  if (got[fd] < 0) {
    got[fd] = 0;
    struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
    if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) > 0 && epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &want) == 0) return 0;
  } else {
    long n = recv(fd, answer, sizeof answer, 0);
    if (n > 0 && length == 0) length = response_length(answer, n, body);
    if (n > 0) octets += n, got[fd] += n;
    if (n > 0 && length > 0) return got[fd] < length ? 0 : (again(fd), 1);
    if (n < 0 && errno == EAGAIN) return 0;
  }
  errors++;
  return again(fd), 0;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int concurrency = atoi(argv[3]), body = atoi(argv[5]);
  at = place(argv[1], argv[2]);
  epoll = epoll_create1(0);
  got = calloc(concurrency + 64, sizeof *got);
  for (int i = 0; i < concurrency; i++) begin();
  long done = 0;
  double began = now(), until = began + atoi(argv[4]) * 1e-3, at_now;
  while ((at_now = now()) < until) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, 50);
    for (int i = 0; i < n; i++) done += go_on(events[i].data.fd, body);
  }
  report(done, octets, errors, at_now - began);
  return 0;
}
