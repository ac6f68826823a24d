/* plain sink|source DEVICE PORT: what the least code can do on a TUN without offload, as a measure. It is no TCP: nothing is
 * checked, nothing is sent again, and one connection at a time is known. Ends with its standard input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MTU 1500
#define HEADERS 40
#define MSS (MTU - HEADERS)
#define SCALE 8
#define ISS 1u
/* Datagrams read before an acknowledgment, and segments sent before a look at what has come. */
#define BATCH 64

static int fd, is_source, scale;
static uint8_t out[MTU];
static uint32_t una, nxt, window, expected;
static int established, ack_due;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *end_with_input(void *nothing) {
  char octet;
  while (read(0, &octet, 1) > 0);
  _exit(0);
  return nothing;
}

static int opened(const char *device) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tun < 0) die("/dev/net/tun");
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (ioctl(tun, TUNSETIFF, &request) < 0) die("TUNSETIFF");
  if (ioctl(tun, TUNSETOFFLOAD, 0) < 0) die("TUNSETOFFLOAD");
  return tun;
}

/* RFC 1071, four octets at a time. */
static uint64_t sum(const uint8_t *octets, int length, uint64_t sum) {
  for (; length >= 4; octets += 4, length -= 4) {
    uint32_t word;
    memcpy(&word, octets, 4);
    sum += word;
  }
  for (; length >= 2; octets += 2, length -= 2) {
    uint16_t word;
    memcpy(&word, octets, 2);
    sum += word;
  }
  return sum;
}

static uint16_t folded(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

/* Sends one segment; addresses and ports stand in `out` already. */
static void emit(int flags, uint32_t seq, int options, int text) {
  struct iphdr *ip = (void *)out;
  struct tcphdr *tcp = (void *)(out + 20);
  int length = HEADERS + options + text;
  ip->version = 4, ip->ihl = 5, ip->ttl = 64, ip->protocol = IPPROTO_TCP, ip->frag_off = htons(IP_DF);
  ip->tot_len = htons(length), ip->check = 0;
  ip->check = folded(sum(out, 20, 0));
  tcp->seq = htonl(seq), tcp->ack_seq = htonl(expected), tcp->window = htons(65535), tcp->check = 0;
  tcp->doff = 5 + options / 4;
  out[33] = flags;
  uint64_t pseudo = sum(out + 12, 8, htons(IPPROTO_TCP)) + htons(length - 20);
  tcp->check = folded(sum(out + 20, length - 20, pseudo));
  while (write(fd, out, length) < 0)
    if (errno != EAGAIN) die("write");
}

static void syn_arrives(const uint8_t *in, int data_at) {
  const struct iphdr *ip = (const void *)in;
  struct iphdr *back = (void *)out;
  back->saddr = ip->daddr, back->daddr = ip->saddr;
  memcpy(out + 20, in + 22, 2), memcpy(out + 22, in + 20, 2);
  scale = 0;
  for (int i = 40; i < data_at && in[i] != 0; i += in[i] == 1 ? 1 : in[i + 1]) scale = in[i] == 3 ? in[i + 2] : scale;
  memcpy(out + HEADERS, (uint8_t[]){2, 4, MSS >> 8, MSS & 255, 1, 3, 3, SCALE}, 8);
  una = nxt = ISS, established = 0;
  emit(0x12, ISS, 8, 0);
  memset(out + HEADERS, 'a', MSS);
  una = nxt = ISS + 1;
}

static void arrives(const uint8_t *in, int length) {
  const struct tcphdr *tcp = (const void *)(in + 20);
  if (length < HEADERS || in[0] != 0x45 || in[9] != IPPROTO_TCP) return;
  int data_at = 20 + tcp->doff * 4, text = length - data_at;
  if (tcp->rst) {
    established = 0;
  } else if (tcp->syn) {
    expected = ntohl(tcp->seq) + 1;
    syn_arrives(in, data_at);
  } else {
    established = 1;
    if ((int32_t)(ntohl(tcp->ack_seq) - una) > 0) una = ntohl(tcp->ack_seq);
    window = (uint32_t)ntohs(tcp->window) << scale;
    if (text > 0 || tcp->fin) {
      if (ntohl(tcp->seq) == expected) expected += text + tcp->fin;
      ack_due = 1;
    }
  }
}

static int take_in(void) {
  uint8_t in[MTU];
  int taken = 0;
  for (; taken < BATCH; taken++) {
    int n = read(fd, in, sizeof in);
    if (n < 0) break;
    arrives(in, n);
  }
  if (ack_due) emit(0x10, nxt, 0, 0), ack_due = 0;
  return taken;
}

static int send_out(void) {
  int sent = 0;
  for (; established && is_source && sent < BATCH && nxt - una + MSS <= window; sent++, nxt += MSS) emit(0x10, nxt, 0, MSS);
  return sent;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  pthread_t watcher;
  is_source = strcmp(argv[1], "source") == 0;
  fd = opened(argv[2]);
  if (pthread_create(&watcher, NULL, end_with_input, NULL) != 0) die("pthread_create");
  puts("ready");
  fflush(stdout);
  for (;;) {
    int busy = take_in();
    busy += send_out();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (busy == 0) poll(&wait, 1, -1);
  }
}
