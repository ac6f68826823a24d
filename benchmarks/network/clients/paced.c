/* paced ADDRESS PORT CONNECTIONS MS BODY: HTTP as fast as it goes for a quarter of the time, then half as many requests a second,
 * evenly spaced. A latency counts from when its request was due, so that a stall is felt by all that it keeps waiting. */
#include "load.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: 198.18.0.2\r\n\r\n"

static uint32_t latencies[LATENCIES_MAX];
static int connections, body, epoll;
static struct { int fd, got, length; double due; } *all;
static int *idle, idle_count;

static void request(int i, double due) {
  all[i].got = 0;
  all[i].due = due;
  if (send(all[i].fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0) die("send");
}

/* Takes in what has come; 1 when a response is complete. */
static int receive(int i) {
  char answer[4096];
  long n = recv(all[i].fd, answer, sizeof answer, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) die("recv");
  if (all[i].length == 0) all[i].length = response_length(answer, n, body); /* All responses are of one length. */
  all[i].got += n;
  if (all[i].length == 0 || all[i].got < all[i].length) return 0;
  idle[idle_count++] = i;
  return 1;
}

/* Requests as they come due every `gap` seconds, or at once where it is 0, until `until`; returns how many were answered. */
static long drive(double gap, double until, long *measured) {
  long answered = 0;
  double at = now(), due = at;
  for (; at < until; at = now()) {
    for (; idle_count > 0 && (gap == 0 || due <= at); due += gap) request(idle[--idle_count], gap == 0 ? at : due);
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, gap == 0 ? 10 : 0);
    double back = now();
    for (int i = 0; i < n; i++) {
      if (!receive(events[i].data.u32)) continue;
      answered++;
      if (gap > 0 && *measured < LATENCIES_MAX) latencies[(*measured)++] = (back - all[events[i].data.u32].due) * 1e9;
    }
  }
  return answered;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  struct sockaddr_in at = place(argv[1], argv[2]);
  connections = atoi(argv[3]), body = atoi(argv[5]);
  all = calloc(connections, sizeof *all), idle = calloc(connections, sizeof *idle);
  epoll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    all[i].fd = connected(&at);
    struct epoll_event want = {.events = EPOLLIN, .data.u32 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &want) < 0) die("epoll_ctl");
    idle[idle_count++] = i;
  }
  double seconds = atoi(argv[4]) * 1e-3, began = now();
  long measured = 0, most = drive(0, began + seconds / 4, &measured);
  double half = now(), rate = most / (half - began) / 2;
  long paced = drive(1 / rate, began + seconds, &measured);
  double end = now();
  report_latency(most + paced, end - began, paced / (end - half), latencies, measured);
  return 0;
}
