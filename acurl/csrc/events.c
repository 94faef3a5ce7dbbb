/* Sockets and timers: the only file that knows epoll and timerfd.
 *
 * libcurl tells which descriptors it waits on and when it wants to be called;
 * both go onto one private epoll descriptor, which is all that the event loop
 * of Python watches.
 *
 * Parking. Between two requests on a kept connection libcurl takes its socket
 * off and puts it on again. Off only marks the entry as parked; on with the
 * same mask finds it registered and costs no system call. If a parked
 * descriptor fires, it is deregistered then. The mark is sound only while the
 * number means the same socket, so it is forgotten when we open a socket under
 * it or close it. A descriptor that libcurl made by itself is parked only from
 * 8.20 on, where the one such descriptor lives as long as its multi.
 *
 * A parked socket of ours is an idle connection, unless a transfer that waits
 * for its user holds it: see connection.c. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS_PER_DRIVE 256
#define MAX_TIME_PER_DRIVE (2 * MILLISECOND)
#define EVENTS_PER_WAIT 64
#define MAX_TIMER_ROUNDS 4
#define RETRY_REFUSED (10 * MILLISECOND)
#define ARM_TRIES 3 /* nothing else would wake us */
#define PARK_FOREIGN_FROM 0x081400

int64_t clock_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* The entry of a descriptor number, or NULL when memory ran out. */
static struct descriptor *entry(acurl_engine *engine, int fd) {
  if(fd >= engine->descriptor_cap) {
    int cap = engine->descriptor_cap ? engine->descriptor_cap : 128;
    while(cap <= fd)
      cap *= 2;
    struct descriptor *table = realloc(engine->descriptors, (size_t)cap * sizeof *table);
    if(!table)
      return NULL;
    memset(table + engine->descriptor_cap, 0,
           (size_t)(cap - engine->descriptor_cap) * sizeof *table);
    engine->descriptors = table;
    engine->descriptor_cap = cap;
  }
  return &engine->descriptors[fd];
}

void events_deregister(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  if(descriptor->mask)
    epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
  descriptor->mask = 0;
  descriptor->parked = false;
}

static void park(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = entry(engine, fd);
  if(!descriptor) {
    epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    return;
  }
  descriptor->refused = 0;
  if(descriptor->opened || libcurl.version_number >= PARK_FOREIGN_FROM)
    descriptor->parked = descriptor->mask != 0;
  else
    events_deregister(engine, fd);
  if(descriptor->opened && !descriptor->held)
    connection_idle(engine, fd);
}

static void watch(acurl_engine *engine, int fd, int mask) {
  struct descriptor *descriptor = entry(engine, fd);
  int have = descriptor ? descriptor->mask : 0;
  if(descriptor) {
    descriptor->parked = false;
    descriptor->refused = 0;
    connection_leave(engine, fd);
    connection_heard(engine, fd); /* libcurl may have read already */
    if(have == mask)
      return;
    descriptor->mask = (uint8_t)mask;
  }
  struct epoll_event event = {.data.fd = fd};
  event.events = (mask & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                 (mask & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
  int first = have ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if(!epoll_ctl(engine->epoll_fd, first, fd, &event))
    return;
  int other = have ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if((errno == ENOENT || errno == EEXIST) && !epoll_ctl(engine->epoll_fd, other, fd, &event))
    return;
  if(descriptor) {
    descriptor->mask = (uint8_t)have;
    descriptor->refused = (uint8_t)mask;
    engine->any_refused = true;
  }
}

/* The kernel had no room for a registration. Without it the transfer would wait
 * for nothing. */
static void watch_refused(acurl_engine *engine) {
  engine->any_refused = false;
  for(int fd = 0; fd < engine->descriptor_cap; fd++)
    if(engine->descriptors[fd].refused)
      watch(engine, fd, engine->descriptors[fd].refused);
}

/* libcurl's own handle holds its wake-up, and connections that it says goodbye
 * on. It has no user, whose transfer it could name. */
static void look_for_admin(struct lane *lane, CURL *easy, int fd) {
  acurl_engine *engine = lane->engine;
  struct descriptor *descriptor = entry(engine, fd);
  if(!descriptor)
    return;
  if(descriptor->opened) {
    if(easy == lane->admin)
      connection_gone(engine, fd);
    return;
  }
  descriptor->lane = (uint8_t)lane->number;
  void *transfer = NULL;
  if(!lane->admin && !libcurl.easy_getinfo(easy, CURLINFO_PRIVATE, &transfer) && !transfer)
    lane->admin = easy;
}

static int on_socket(CURL *easy, int fd, int what, void *context, void *unused) {
  struct lane *lane = context;
  acurl_engine *engine = lane->engine;
  (void)unused;
  if(what != CURL_POLL_REMOVE)
    look_for_admin(lane, easy, fd);
  if(what == CURL_POLL_REMOVE)
    park(engine, fd);
  else if(what & (CURL_POLL_IN | CURL_POLL_OUT))
    watch(engine, fd, what & (CURL_POLL_IN | CURL_POLL_OUT));
  return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *context) {
  struct lane *lane = context;
  (void)multi;
  lane->curl_deadline = milliseconds < 0 ? NEVER
                                         : lane->engine->now + milliseconds * MILLISECOND;
  return 0;
}

/* The number means another socket from now on, or none. */
static void forget(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  struct origin *origin = descriptor->origin;
  if(descriptor->opened) {
    connection_gone(engine, fd);
    engine->leaving--;
    engine->lanes[descriptor->lane]->sockets--;
    engine->stirred = true;
  }
  *descriptor = (struct descriptor){0};
  if(!origin)
    return;
  origin->sockets--;
  origin_root(origin)->sockets_all--;
  origin_drop(origin);
}

static int on_open(void *context, int purpose, struct curl_address *address) {
  struct transfer *transfer = context;
  acurl_engine *engine = transfer->engine;
  (void)purpose;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if(fd < 0) {
    transfer->open_errno = errno;
    return CURL_SOCKET_BAD;
  }
  if(!entry(engine, fd)) {
    close(fd);
    return CURL_SOCKET_BAD;
  }
  forget(engine, fd);
  connection_born(transfer, fd, address->socktype == SOCK_DGRAM);
  return fd;
}

static int on_close(void *context, int fd) {
  acurl_engine *engine = context;
  if(fd < engine->descriptor_cap) {
    connection_gone(engine, fd); /* while the socket can be asked */
    events_deregister(engine, fd);
    forget(engine, fd);
  }
  engine->counters.closed++;
  return close(fd);
}

void events_spoken(struct transfer *transfer, bool multiplexed) {
  if(transfer->opened_fd < 0)
    return;
  struct descriptor *descriptor = &transfer->engine->descriptors[transfer->opened_fd];
  if(descriptor->multiplexed == multiplexed && descriptor->plain != multiplexed)
    return;
  descriptor->multiplexed = multiplexed;
  descriptor->plain = !multiplexed;
  if(descriptor->origin)
    origin_speaks(descriptor->origin, multiplexed);
}

bool events_received(int fd) {
  struct tcp_info info = {0};
  socklen_t size = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) || info.tcpi_bytes_received > 0;
}

int events_socket(struct transfer *transfer) {
  int fd = -1;
  if(libcurl.easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd) || fd < 0 ||
     fd >= transfer->engine->descriptor_cap || !transfer->engine->descriptors[fd].opened)
    return -1;
  return fd;
}

void events_hold(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  int fd = transfer->held_fd >= 0 ? -1 : events_socket(transfer);
  if(fd < 0)
    return;
  transfer->held_fd = fd;
  transfer->held_birth = engine->descriptors[fd].birth;
  engine->descriptors[fd].held++;
}

void events_release(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  int fd = transfer->held_fd;
  transfer->held_fd = -1;
  if(fd >= 0 && engine->descriptors[fd].birth == transfer->held_birth)
    engine->descriptors[fd].held--;
}

CURLcode events_watch_easy(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  CURLcode code = libcurl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  if(!code)
    code = libcurl.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
  if(!code)
    code = libcurl.easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  if(!code)
    code = libcurl.easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->engine);
  return code;
}

bool events_open(acurl_engine *engine) {
  connections_open(engine);
  engine->armed = NEVER;
  engine->now = clock_now();
  engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  engine->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = engine->timer_fd};
  return engine->epoll_fd >= 0 && engine->timer_fd >= 0 &&
         !epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->timer_fd, &event);
}

CURLMcode events_watch_multi(struct lane *lane) {
  CURLM *multi = lane->multi;
  CURLMcode code = libcurl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  if(!code)
    code = libcurl.multi_setopt(multi, CURLMOPT_SOCKETDATA, lane);
  if(!code)
    code = libcurl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  if(!code)
    code = libcurl.multi_setopt(multi, CURLMOPT_TIMERDATA, lane);
  return code;
}

void events_close(acurl_engine *engine) {
  if(engine->timer_fd >= 0)
    close(engine->timer_fd);
  if(engine->epoll_fd >= 0)
    close(engine->epoll_fd);
  free(engine->descriptors);
}

static void socket_action(struct lane *lane, int fd, int events) {
  acurl_engine *engine = lane->engine;
  int running;
  CURLMcode code = libcurl.multi_socket_action(lane->multi, fd, events, &running);
  if(code)
    engine->counters.faults++;
  if(code == CURLM_OUT_OF_MEMORY)
    engine->starved = true;
}

void events_nudge(acurl_engine *engine, int fd) {
  socket_action(engine->lanes[engine->descriptors[fd].lane], fd, CURL_CSELECT_IN);
}

/* Whether the peer has closed or sent something. Events tell it too, but may be
 * about the room to write, or about bytes that have been read meanwhile. */
static bool is_readable(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* A socket that nobody waits on is ready. On HTTP/1 the server has closed, or
 * said something that the next user would take for his answer. */
static void handle_parked(acurl_engine *engine, int fd) {
  const struct descriptor *descriptor = &engine->descriptors[fd];
  if(!descriptor->opened || descriptor->held || descriptor->multiplexed || !is_readable(fd)) {
    events_deregister(engine, fd);
    return;
  }
  connection_end(engine, fd, ACURL_CLOSED_SERVER_IDLE);
}

/* Settings may come with the event of the connection itself. Without TLS whatever
 * libcurl has read is these. */
static bool has_greeted(const struct descriptor *descriptor, int fd) {
  return descriptor->multiplexed && !descriptor->ready && descriptor->origin &&
         !strncmp(descriptor->origin->url, "http:", 5) && events_received(fd) && !is_readable(fd);
}

static void handle(acurl_engine *engine, const struct epoll_event *event) {
  int fd = event->data.fd;
  if(fd == engine->timer_fd) {
    uint64_t expirations;
    ssize_t got = read(fd, &expirations, sizeof expirations);
    (void)got;
    engine->armed = NEVER;
    return;
  }
  if(fd < engine->descriptor_cap && engine->descriptors[fd].parked) {
    handle_parked(engine, fd);
    return;
  }
  int events = 0;
  if(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    events |= CURL_CSELECT_IN;
  if(event->events & EPOLLOUT)
    events |= CURL_CSELECT_OUT;
  if(event->events & EPOLLERR)
    events |= CURL_CSELECT_ERR;
  engine->counters.events++;
  bool known = fd < engine->descriptor_cap;
  bool greeted = known && event->events & EPOLLIN && engine->descriptors[fd].multiplexed;
  socket_action(engine->lanes[known ? engine->descriptors[fd].lane : 0], fd, events);
  connection_heard(engine, fd);
  if(known && (greeted || has_greeted(&engine->descriptors[fd], fd)) &&
     engine->descriptors[fd].multiplexed) /* the server's settings come first */
    connection_ready(engine, fd);
}

void events_poll(acurl_engine *engine) {
  struct epoll_event ready[EVENTS_PER_WAIT];
  int64_t until = engine->now + MAX_TIME_PER_DRIVE;
  int handled = 0;
  int count;
  if(engine->any_refused)
    watch_refused(engine);
  do {
    count = epoll_wait(engine->epoll_fd, ready, EVENTS_PER_WAIT, 0);
    for(int i = 0; i < count; i++) {
      handle(engine, &ready[i]);
      engine->now = clock_now();
      if(++handled >= MAX_EVENTS_PER_DRIVE || engine->now >= until)
        return; /* epoll is level triggered: the rest comes again */
    }
  } while(count == EVENTS_PER_WAIT);
}

static void run_timers(struct lane *lane, bool forced) {
  for(int round = 0; round < MAX_TIMER_ROUNDS; round++) {
    if(!forced && lane->curl_deadline > lane->engine->now)
      return;
    forced = false;
    lane->curl_deadline = NEVER;
    socket_action(lane, CURL_SOCKET_TIMEOUT, 0);
  }
}

void events_run_lane(struct lane *lane) {
  lane->has_new = false;
  run_timers(lane, true);
}

void events_run_timers(acurl_engine *engine) {
  for(int i = 0; i < engine->lane_count; i++)
    if(engine->lanes[i])
      run_timers(engine->lanes[i], false);
}

void events_arm(acurl_engine *engine) {
  int64_t next = deadline_first(engine);
  for(int i = 0; i < engine->lane_count; i++)
    if(engine->lanes[i] && engine->lanes[i]->curl_deadline < next)
      next = engine->lanes[i]->curl_deadline;
  if(engine->sweep_at < next)
    next = engine->sweep_at;
  if(engine->any_refused && engine->now + RETRY_REFUSED < next)
    next = engine->now + RETRY_REFUSED;
  if(engine->queue.len || engine->noticed || (engine->waiting && engine->stirred))
    next = engine->now;
  if(next >= engine->armed)
    return;
  /* Set later than asked is wrong, set earlier is a spurious wake-up: so a
   * setting that has become too early is left alone. */
  struct itimerspec spec = {.it_value.tv_sec = next / 1000000000LL,
                            .it_value.tv_nsec = next % 1000000000LL};
  for(int tries = 0; tries < ARM_TRIES && engine->armed != next; tries++)
    if(!timerfd_settime(engine->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL))
      engine->armed = next;
}
