/* pingpong ADDRESS PORT MS [in|out PORT]: one octet there and back, over and over; meanwhile perhaps another connection, of
 * another process, that blasts octets into a server that discards or out of one that never stops. */
#include "load.h"
#include <signal.h>
#include <sys/prctl.h>

#define CHUNK (256 * 1024)
/* The blast has found its speed by then. */
#define BLAST_SECONDS 0.2

static char chunk[CHUNK];
static uint32_t latencies[LATENCIES_MAX];

static void blast(const struct sockaddr_in *at, int in) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int fd = connected(at);
  while ((in ? send(fd, chunk, CHUNK, MSG_NOSIGNAL) : recv(fd, chunk, CHUNK, 0)) > 0);
  _exit(1);
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 6) return 2;
  struct sockaddr_in at = place(argv[1], argv[2]);
  pid_t blaster = 0;
  int fd = connected(&at);
  if (argc == 6) {
    struct sockaddr_in busy = place(argv[1], argv[5]);
    blaster = fork();
    if (blaster < 0) die("fork");
    if (blaster == 0) blast(&busy, strcmp(argv[4], "in") == 0);
    usleep(BLAST_SECONDS * 1e6);
  }
  char octet = 'x';
  long count = 0;
  double began = now(), until = began + atoi(argv[3]) * 1e-3, sent = began;
  while (sent < until) {
    if (send(fd, &octet, 1, MSG_NOSIGNAL) != 1 || recv(fd, &octet, 1, 0) != 1) die("ping");
    double back = now();
    if (count < LATENCIES_MAX) latencies[count++] = (back - sent) * 1e9;
    sent = back;
  }
  if (blaster != 0) kill(blaster, SIGKILL);
  report_latency(count, sent - began, count / (sent - began), latencies, count);
  return 0;
}
