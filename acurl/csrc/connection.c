/* Connections that nothing happens on, in lists by time: idle ones are ended
 * when they are too old or too many, silent ones are looked at once more.
 *
 * libcurl closes no idle connection by itself, and notices that one is dead when
 * it next looks, which is at most once a second. When an HTTP/2 connection
 * breaks the protocol it notes that and waits for the next event, which may
 * never come: hence the second look. */
#include "internal.h"

#include <sys/socket.h>

#define ENDS_PER_SWEEP 256
/* One that we ended sooner after its use could be picked for a request and fail it. */
#define LIVENESS_WINDOW (1050 * MILLISECOND)
#define SILENCE (10 * MILLISECOND)

void connections_open(acurl_engine *engine) {
  for(int list = 0; list < CONNECTION_LISTS; list++)
    engine->lists[list] = (struct connection_list){.oldest = -1, .newest = -1};
  engine->sweep_at = NEVER;
}

static void enter(acurl_engine *engine, int fd, int which) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  struct connection_list *list = &engine->lists[which];
  descriptor->list = (uint8_t)which;
  descriptor->since = engine->now;
  descriptor->prev = list->newest;
  descriptor->next = -1;
  if(list->newest >= 0)
    engine->descriptors[list->newest].next = fd;
  else
    list->oldest = fd;
  list->newest = fd;
  list->count++;
}

void connection_leave(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  struct connection_list *list = &engine->lists[descriptor->list];
  if(descriptor->list == IN_NO_LIST)
    return;
  if(descriptor->prev >= 0)
    engine->descriptors[descriptor->prev].next = descriptor->next;
  else
    list->oldest = descriptor->next;
  if(descriptor->next >= 0)
    engine->descriptors[descriptor->next].prev = descriptor->prev;
  else
    list->newest = descriptor->prev;
  list->count--;
  descriptor->list = IN_NO_LIST;
}

void connection_idle(acurl_engine *engine, int fd) {
  int which = engine->descriptors[fd].owned ? IDLE_OWNED : IDLE_SHARED;
  if(engine->descriptors[fd].list == which)
    return;
  connection_leave(engine, fd);
  enter(engine, fd, which);
}

void connection_heard(acurl_engine *engine, int fd) {
  if(fd >= engine->descriptor_cap)
    return;
  const struct descriptor *descriptor = &engine->descriptors[fd];
  if(!descriptor->opened || descriptor->plain || descriptor->parked)
    return;
  connection_leave(engine, fd);
  enter(engine, fd, SILENT);
}

/* A QUIC connection has nothing to shut down: libcurl says goodbye when it looks
 * for a connection and finds this one too old. */
void connection_end(acurl_engine *engine, int fd) {
  connection_leave(engine, fd);
  if(engine->descriptors[fd].datagram)
    return;
  events_deregister(engine, fd);
  shutdown(fd, SHUT_RDWR);
}

/* How long a connection must have been idle to be ended for its age. */
static int64_t expiry_of(const acurl_engine *engine) {
  int64_t expiry = engine->options.keepalive_expiry_us;
  if(expiry < 0)
    return NEVER;
  return nanoseconds(expiry) > LIVENESS_WINDOW ? nanoseconds(expiry) : LIVENESS_WINDOW;
}

/* Only what anybody may use is ever too much: the connections of one user end
 * with that user. */
static bool has_surplus(const acurl_engine *engine, int which) {
  return which == IDLE_SHARED && engine->lists[which].count > engine->options.max_connects;
}

/* How long the oldest of a list may stay there. */
static int64_t patience(const acurl_engine *engine, int which) {
  if(which == SILENT)
    return SILENCE;
  return has_surplus(engine, which) ? LIVENESS_WINDOW : expiry_of(engine);
}

static void take_oldest(acurl_engine *engine, int which, int64_t age) {
  int fd = engine->lists[which].oldest;
  if(which == SILENT) {
    connection_leave(engine, fd);
    events_nudge(engine, fd);
    return;
  }
  if(age >= expiry_of(engine))
    engine->counters.ended_expired++;
  else
    engine->counters.ended_surplus++;
  connection_end(engine, fd);
}

static void sweep(acurl_engine *engine, int which) {
  const struct connection_list *list = &engine->lists[which];
  for(int i = 0; i < ENDS_PER_SWEEP && list->count; i++) {
    int64_t age = engine->now - engine->descriptors[list->oldest].since;
    if(age < patience(engine, which))
      return;
    take_oldest(engine, which, age);
  }
}

void connections_sweep(acurl_engine *engine) {
  if(engine->now >= engine->sweep_at)
    for(int which = 0; which < CONNECTION_LISTS; which++)
      sweep(engine, which);
}

void connections_plan(acurl_engine *engine) {
  engine->sweep_at = NEVER;
  for(int which = 0; which < CONNECTION_LISTS; which++) {
    const struct connection_list *list = &engine->lists[which];
    int64_t wait = patience(engine, which);
    if(!list->count || wait == NEVER)
      continue;
    int64_t due = engine->descriptors[list->oldest].since + wait;
    if(due < engine->sweep_at)
      engine->sweep_at = due;
  }
}

int connections_idle(const acurl_engine *engine) {
  return engine->lists[IDLE_SHARED].count + engine->lists[IDLE_OWNED].count;
}
