/* The stand-in's connections. A descriptor is the kernel's, so what the engine does with it counts. */
#include "links.h"

#include "../csrc/check.h"
#include "kernel.h"

#include <netinet/in.h>
#include <sys/epoll.h>

#define MOST_CONNECTIONS 64

struct connection {
  bool open;
  bool idle;
  int fd;
  int mask; /* CURL_POLL_*, as the engine was told */
  const struct share *owner;
  int (*on_close)(void *, int);
  void *close_data;
} connections[MOST_CONNECTIONS];

static int (*on_socket)(CURL *, int, int, void *, void *);
static void *socket_data;

void links_start(void) {
  memset(connections, 0, sizeof connections);
}

void links_callback(int (*callback)(CURL *, int, int, void *, void *)) {
  on_socket = callback;
}

void links_context(void *context) {
  socket_data = context;
}

static struct connection *connection_of(int fd) {
  for(int i = 0; i < MOST_CONNECTIONS; i++)
    if(connections[i].open && connections[i].fd == fd)
      return &connections[i];
  return NULL;
}

void links_watch(struct easy *easy, int mask) {
  struct connection *connection = connection_of(easy->fd);
  if(connection->mask == mask)
    return;
  connection->mask = mask;
  on_socket(easy, easy->fd, mask ? mask : CURL_POLL_REMOVE, socket_data, NULL);
}

static void hang_up(struct connection *connection) {
  if(connection->mask)
    on_socket(NULL, connection->fd, CURL_POLL_REMOVE, socket_data, NULL);
  connection->open = false;
  connection->on_close(connection->close_data, connection->fd);
}

void links_close_idle(const struct share *owner) {
  for(int i = 0; i < MOST_CONNECTIONS; i++)
    if(connections[i].open && connections[i].owner == owner) {
      CHECK(connections[i].idle);
      hang_up(&connections[i]);
    }
}

/* An idle connection that this transfer may use: its own, or one that belongs to nobody. */
bool links_reuse(struct easy *easy, const struct share *owner) {
  for(int i = 0; i < MOST_CONNECTIONS; i++) {
    struct connection *connection = &connections[i];
    if(!connection->open || !connection->idle || connection->owner != owner)
      continue;
    if(kernel_is_shut(connection->fd)) { /* found dead */
      hang_up(connection);
      continue;
    }
    connection->idle = false;
    easy->fd = connection->fd;
    return true;
  }
  return false;
}

bool links_open(struct easy *easy, const struct share *owner) {
  struct curl_address address = {.family = AF_INET, .socktype = SOCK_STREAM,
                                 .protocol = IPPROTO_TCP};
  int slot = 0;
  while(slot < MOST_CONNECTIONS && connections[slot].open)
    slot++;
  int fd = slot < MOST_CONNECTIONS ? easy->on_open(easy->open_data, 0, &address) : -1;
  if(fd < 0)
    return false;
  connections[slot] = (struct connection){.open = true, .fd = fd, .owner = owner,
                                          .on_close = easy->on_close,
                                          .close_data = easy->close_data};
  easy->fd = fd;
  return true;
}

void links_let_go(struct easy *easy, bool keep) {
  struct connection *connection = easy->fd >= 0 ? connection_of(easy->fd) : NULL;
  easy->fd = -1;
  if(!connection)
    return;
  if(!keep) {
    hang_up(connection);
    return;
  }
  if(connection->mask)
    on_socket(easy, connection->fd, CURL_POLL_REMOVE, socket_data, NULL);
  connection->mask = 0;
  connection->idle = true;
  kernel_make_readable(connection->fd, false);
}

int links_mask(int fd) {
  return connection_of(fd)->mask;
}

void understudy_disturb_idle(bool readable) {
  for(int i = 0; i < MOST_CONNECTIONS; i++)
    if(connections[i].open && connections[i].idle)
      kernel_make_readable(connections[i].fd, readable);
}

void links_check(const acurl_engine *engine) {
  for(int i = 0; i < MOST_CONNECTIONS; i++) {
    const struct connection *connection = &connections[i];
    if(!connection->open)
      continue;
    CHECK(kernel_is_open(connection->fd));
    if(connection->idle || engine->any_refused)
      continue;
    uint32_t wanted = (connection->mask & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (connection->mask & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    CHECK_EQUAL(kernel_registered(connection->fd), wanted);
  }
}

int understudy_connections(void) {
  int count = 0;
  for(int i = 0; i < MOST_CONNECTIONS; i++)
    count += connections[i].open;
  return count;
}
