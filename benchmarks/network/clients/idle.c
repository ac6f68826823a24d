/* idle ADDRESS PORT CONNECTIONS SOURCE SOURCES EACH: makes connections and leaves them alone, at most EACH by one process, from
 * SOURCES addresses that count up from SOURCE in turn. Says "connected" when all stand, and ends with its standard input. */
#include "load.h"
#include <signal.h>
#include <sys/prctl.h>

/* Handshakes that one process has under way: the server's SYN queue is longer. */
#define UNDER_WAY 128

static struct sockaddr_in at;

static void begin(int epoll, uint32_t source) {
  struct linger reset = {.l_onoff = 1}; /* No TIME-WAIT and no farewell when the process ends. */
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
  struct epoll_event want = {.events = EPOLLOUT};
  int on = 1, fd = want.data.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  /* So that a port is chosen for the four-tuple, when that is known. */
  if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0) die("IP_BIND_ADDRESS_NO_PORT");
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0) die("SO_LINGER");
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
  if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0 && errno != EINPROGRESS) die("connect");
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) < 0) die("epoll_ctl");
}

static void hold(int count, uint32_t source, int sources, int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int epoll = epoll_create1(0), begun = 0, stand = 0;
  while (stand < count) {
    for (; begun < count && begun - stand < UNDER_WAY; begun++) begin(epoll, source + begun % sources);
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++, stand++) {
      int error = 0, fd = events[i].data.fd;
      socklen_t length = sizeof error;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) errno = error, die("connect");
      epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    }
  }
  if (write(ready, "", 1) != 1) die("write");
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  at = place(argv[1], argv[2]);
  uint32_t source = ntohl(place(argv[4], "0").sin_addr.s_addr);
  int connections = atoi(argv[3]), sources = atoi(argv[5]), each = atoi(argv[6]), ready[2], processes = 0;
  char octet;
  if (pipe(ready) < 0) die("pipe");
  for (int left = connections; left > 0; left -= each, processes++) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) close(ready[0]), hold(left < each ? left : each, source, sources, ready[1]);
  }
  close(ready[1]);
  for (int i = 0; i < processes; i++)
    if (read(ready[0], &octet, 1) != 1) return 1;
  puts("connected");
  fflush(stdout);
  while (read(0, &octet, 1) > 0);
  return 0;
}
