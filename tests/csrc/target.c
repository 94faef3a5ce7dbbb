/* The server, non-blocking on an epoll descriptor of its own. */
#define _GNU_SOURCE
#include "target.h"

#include "check.h"
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_PEERS 8192

struct peer {
  int fd;
  bool deaf;
  bool close_after;
  struct buffer in;
  struct buffer out;
  size_t sent;
};

struct target {
  int epoll;
  int listener;
  int port;
  int accepted;
  int open;
  int requests;
  struct peer *peers[MAX_PEERS]; /* by descriptor */
};

struct target *target_start(void) {
  struct target *target = calloc(1, sizeof *target);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  CHECK(target);
  target->epoll = epoll_create1(EPOLL_CLOEXEC);
  target->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(!bind(target->listener, (struct sockaddr *)&address, sizeof address));
  CHECK(!listen(target->listener, 4096));
  CHECK(!getsockname(target->listener, (struct sockaddr *)&address, &size));
  target->port = ntohs(address.sin_port);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = target->listener};
  CHECK(!epoll_ctl(target->epoll, EPOLL_CTL_ADD, target->listener, &event));
  return target;
}

static void hang_up(struct target *target, struct peer *peer) {
  target->peers[peer->fd] = NULL;
  target->open--;
  shutdown(peer->fd, SHUT_RDWR); /* a forked child may hold a copy */
  close(peer->fd);
  buffer_free(&peer->in);
  buffer_free(&peer->out);
  free(peer);
}

void target_drop_connections(struct target *target) {
  for(int fd = 0; fd < MAX_PEERS; fd++)
    if(target->peers[fd])
      hang_up(target, target->peers[fd]);
}

void target_push(struct target *target, const char *text) {
  for(int fd = 0; fd < MAX_PEERS; fd++)
    if(target->peers[fd])
      CHECK_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void target_stop(struct target *target) {
  target_drop_connections(target);
  close(target->listener);
  close(target->epoll);
  free(target);
}

static void say(struct peer *peer, const char *text) {
  CHECK(buffer_append(&peer->out, text, strlen(text)));
}

static void fill(struct peer *peer, long count) {
  CHECK(buffer_reserve(&peer->out, (size_t)count));
  for(long i = 0; i < count; i++)
    peer->out.data[peer->out.len++] = (char)('a' + i % 26);
}

static void answer(struct peer *peer, const char *status, const char *headers, const char *body,
                   size_t body_len) {
  char head[512];
  snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, body_len,
           headers);
  say(peer, head);
  CHECK(buffer_append(&peer->out, body, body_len));
}

static void answer_bytes(struct peer *peer, long count) {
  answer(peer, "200 OK", "", "", 0);
  peer->out.len -= strlen("Content-Length: 0\r\n\r\n");
  char head[64];
  snprintf(head, sizeof head, "Content-Length: %ld\r\n\r\n", count);
  say(peer, head);
  fill(peer, count);
}

static void answer_trailers(struct peer *peer, long count) {
  char size[32];
  say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n");
  if(count) {
    snprintf(size, sizeof size, "%lx\r\n", count);
    say(peer, size);
    fill(peer, count);
    say(peer, "\r\n");
  }
  say(peer, "0\r\nSet-Cookie: late=1\r\nX-Late: yes\r\n\r\n");
}

static void answer_head(struct peer *peer, long count) {
  say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
  for(long sent = 0; sent < count; sent += 1000) {
    say(peer, "X-Fill: ");
    fill(peer, 990);
    say(peer, "\r\n");
  }
  say(peer, "\r\nok");
}

static long number_in(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? strtol(slash + 1, NULL, 10) : 0;
}

#define IS(path, prefix) (!strncmp(path, prefix, sizeof(prefix) - 1))

/* False when the connection is to be closed at once. */
static bool respond(struct peer *peer, const char *path, size_t request_len) {
  if(IS(path, "/echo"))
    answer(peer, "200 OK", "", peer->in.data, request_len);
  else if(IS(path, "/bytes/"))
    answer_bytes(peer, number_in(path));
  else if(IS(path, "/head/"))
    answer_head(peer, number_in(path));
  else if(IS(path, "/trailers/"))
    answer_trailers(peer, number_in(path));
  else if(IS(path, "/cookie"))
    answer(peer, "200 OK", "Set-Cookie: a=1; Path=/\r\n", "set", 3);
  else if(IS(path, "/redirect"))
    answer(peer, "302 Found", "Location: /echo\r\n", "", 0);
  else if(IS(path, "/odd"))
    answer(peer, "200 OK", "X-First: 1\r\nHTTP/1.0 500 odd: yes\r\n", "ok", 2);
  else if(IS(path, "/close")) {
    answer(peer, "200 OK", "Connection: close\r\n", "bye", 3);
    peer->close_after = true;
  }
  else if(IS(path, "/early/")) {
    for(long i = number_in(path); i > 0; i--)
      say(peer, "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n");
    answer(peer, "200 OK", "X-Final: yes\r\n", "ok", 2);
  }
  else if(IS(path, "/claims/")) {
    say(peer, "HTTP/1.1 200 OK\r\nContent-Length: ");
    say(peer, path + strlen("/claims/"));
    say(peer, "\r\n\r\n");
  }
  else if(IS(path, "/die"))
    return false;
  else if(!IS(path, "/silent"))
    answer(peer, "404 Not Found", "", "none", 4);
  return true;
}

static size_t content_length(const char *head, const char *end) {
  for(const char *line = head; line < end; line = strstr(line, "\r\n") + 2)
    if(!strncasecmp(line, "content-length:", 15))
      return (size_t)strtoul(line + 15, NULL, 10);
  return 0;
}

/* Handles one complete request, if there is one. False when the peer is to be hung up. */
static bool take_request(struct target *target, struct peer *peer, bool *taken) {
  *taken = false;
  if(!buffer_append(&peer->in, "", 1)) /* ends it for the string functions */
    abort();
  peer->in.len--;
  char *end = strstr(peer->in.data, "\r\n\r\n");
  if(!end)
    return true;
  size_t len = (size_t)(end + 4 - peer->in.data);
  char path[2048] = "";
  sscanf(peer->in.data, "%*s %2047s", path);
  peer->deaf = IS(path, "/deaf");
  if(peer->deaf)
    return true;
  len += content_length(peer->in.data, end + 2);
  if(peer->in.len < len)
    return true;
  target->requests++;
  *taken = true;
  bool go_on = respond(peer, path, len);
  memmove(peer->in.data, peer->in.data + len, peer->in.len - len);
  peer->in.len -= len;
  return go_on;
}

static bool read_from(struct target *target, struct peer *peer) {
  char chunk[65536];
  for(int i = 0; i < 4 && !peer->deaf; i++) {
    ssize_t got = recv(peer->fd, chunk, sizeof chunk, 0);
    if(got == 0 || (got < 0 && errno != EAGAIN))
      return false;
    if(got < 0)
      return true;
    CHECK(buffer_append(&peer->in, chunk, (size_t)got));
    bool taken = true;
    while(taken)
      if(!take_request(target, peer, &taken))
        return false;
  }
  return true;
}

static bool write_to(struct peer *peer) {
  while(peer->sent < peer->out.len) {
    ssize_t put = send(peer->fd, peer->out.data + peer->sent, peer->out.len - peer->sent,
                       MSG_NOSIGNAL);
    if(put < 0)
      return errno == EAGAIN;
    peer->sent += (size_t)put;
  }
  peer->out.len = peer->sent = 0;
  return !peer->close_after;
}

static void serve(struct target *target, struct peer *peer) {
  if(!read_from(target, peer) || !write_to(peer)) {
    hang_up(target, peer);
    return;
  }
  uint32_t reading = peer->deaf ? 0 : EPOLLIN;
  struct epoll_event event = {.events = reading | (peer->out.len ? EPOLLOUT : 0),
                              .data.fd = peer->fd};
  CHECK(!epoll_ctl(target->epoll, EPOLL_CTL_MOD, peer->fd, &event));
}

static void accept_all(struct target *target) {
  int fd;
  while((fd = accept4(target->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    CHECK_AT_MOST(fd, MAX_PEERS - 1);
    struct peer *peer = calloc(1, sizeof *peer);
    CHECK(peer);
    peer->fd = fd;
    target->peers[fd] = peer;
    target->accepted++;
    target->open++;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(!epoll_ctl(target->epoll, EPOLL_CTL_ADD, fd, &event));
  }
}

void target_step(struct target *target) {
  struct epoll_event ready[64];
  int count = epoll_wait(target->epoll, ready, 64, 0);
  for(int i = 0; i < count; i++) {
    int fd = ready[i].data.fd;
    if(fd == target->listener)
      accept_all(target);
    else if(target->peers[fd])
      serve(target, target->peers[fd]);
  }
}

int target_fd(const struct target *target) {
  return target->epoll;
}

int target_port(const struct target *target) {
  return target->port;
}

int target_accepted(const struct target *target) {
  return target->accepted;
}

int target_open(const struct target *target) {
  return target->open;
}

int target_requests(const struct target *target) {
  return target->requests;
}
