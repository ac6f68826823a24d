/* What the load generators share: one thread, one epoll, a deadline, and a report of one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
/* As many latencies as a sample can hold; what comes after is not looked at. */
#define LATENCIES_MAX (1 << 24)

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline double cpu_seconds(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline struct sockaddr_in place(const char *address, const char *port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  if (inet_pton(AF_INET, address, &at.sin_addr) != 1) die(address);
  return at;
}

/* A connection without Nagle's delay, blocking. */
static inline int connected(const struct sockaddr_in *at) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0) die("socket");
  if (connect(fd, (const struct sockaddr *)at, sizeof *at) < 0) die("connect");
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) die("TCP_NODELAY");
  return fd;
}

/* Length of the HTTP response whose head and `body` octets begin in `answer`; 0 where the head is not complete. */
static inline int response_length(const char *answer, long n, int body) {
  const char *end = memmem(answer, n, "\r\n\r\n", 4);
  return end == NULL ? 0 : (int)(end - answer) + 4 + body;
}

/* Operations, octets, failures; and the CPU that the client itself took: near 1 a second, it is the client that was measured. */
static inline void report(long operations, long long octets, long errors, double seconds) {
  printf("{\"operations\":%ld,\"octets\":%lld,\"errors\":%ld,\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", operations, octets,
         errors, seconds, cpu_seconds());
}

static inline int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* The same with latencies in ns, which are sorted here. `operations` and `seconds` are the whole run's; `rate` is that of the part
 * in which they were taken. */
static inline void report_latency(long operations, double seconds, double rate, uint32_t *ns, long count) {
  if (count == 0) errno = ENODATA, die("no latency");
  qsort(ns, count, sizeof *ns, by_size);
  printf("{\"operations\":%ld,\"octets\":0,\"errors\":0,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"rate\":%.3f,"
         "\"p50Us\":%.3f,\"p99Us\":%.3f,\"p999Us\":%.3f,\"maxUs\":%.3f}\n",
         operations, seconds, cpu_seconds(), rate, ns[count / 2] * 1e-3, ns[(long)(count * 0.99)] * 1e-3,
         ns[(long)(count * 0.999)] * 1e-3, ns[count - 1] * 1e-3);
}
