/* What the load generators share: one thread, one epoll, a deadline, and a report of one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256

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

/* Operations, octets, failures; and the CPU that the client itself took: near 1 a second, it is the client that was measured. */
static inline void report(long operations, long long octets, long errors, double seconds) {
  printf("{\"operations\":%ld,\"octets\":%lld,\"errors\":%ld,\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", operations, octets,
         errors, seconds, cpu_seconds());
}
