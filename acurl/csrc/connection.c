/* Connections from birth to end, and those that nothing happens on, in lists by
 * time: idle ones are ended when they are too old or too many, silent ones are
 * looked at once more.
 *
 * libcurl closes no idle connection by itself; lane_evict() has it done. What
 * that does not reach, a user's own connections among them, is shut down here:
 * libcurl then notices when it next looks, which is at most once a second.
 *
 * When an HTTP/2 connection breaks the protocol libcurl notes that and waits for
 * the next event, which may never come: hence the second look. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define ENDS_PER_SWEEP 256
/* A busy user's connection is idle between two requests, too. */
#define SURPLUS_GRACE (500 * MILLISECOND)
/* One that we shut down sooner after its use could be picked for a request and fail it. */
#define LIVENESS_WINDOW (1050 * MILLISECOND)
#define TRY_AGAIN (20 * MILLISECOND)
#define SILENCE (10 * MILLISECOND)
#define LOOK_AT_ENDED (LIVENESS_WINDOW + 50 * MILLISECOND)
#define LOOK_AT_WAITING (50 * MILLISECOND)

void connections_open(acurl_engine *engine) {
  for(int list = 0; list < CONNECTION_LISTS; list++)
    chain_init(&engine->lists[list]);
  chain_init(&engine->ages);
  engine->look_at = NEVER;
  engine->sweep_at = NEVER;
}

void connection_born(struct transfer *transfer, int fd, bool datagram) {
  acurl_engine *engine = transfer->engine;
  struct origin *origin = NULL;
  bool owned = transfer->jar && transfer->jar->owner;
  if(transfer->url.len)
    origin = origin_hold(transfer->lane, transfer->url.data, transfer->flags, owned);
  engine->descriptors[fd] = (struct descriptor){
      .opened = true,
      .datagram = datagram,
      .owned = owned,
      .single_use = transfer->flags & ACURL_PROFILE_SINGLE_USE,
      .lane = (uint8_t)transfer->lane->number,
      .birth = ++engine->births,
      .born = engine->now,
      .origin = origin,
  };
  CHAIN_ADD(engine, &engine->ages, fd, by_age);
  engine->counters.opened++;
  transfer->lane->sockets++;
  transfer->opened_fd = fd;
  transfer->opened_birth = engine->births;
  lane_settle(transfer);
  if(!origin)
    return;
  origin->open++;
  origin->sockets++;
  origin_root(origin)->sockets_all++;
  if(transfer->origin == origin)
    admission_opens(transfer);
  origin_account(origin);
}

/* Whether the peer has closed or sent something on a connection that nobody used. */
static bool peer_acted(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* Why an idle connection ends that nobody said a word about. */
static int idle_reason(const acurl_engine *engine, int fd) {
  const acurl_engine_options *options = &engine->options;
  const struct descriptor *descriptor = &engine->descriptors[fd];
  if(descriptor->owned)
    return ACURL_CLOSED_CLIENT;
  if(!descriptor->datagram && peer_acted(fd))
    return ACURL_CLOSED_SERVER_IDLE;
  if(descriptor->overdue || (options->max_lifetime_us > 0 &&
      engine->now - descriptor->born >= nanoseconds(options->max_lifetime_us)))
    return ACURL_CLOSED_EXPIRED;
  return ACURL_CLOSED_POOL_LIMIT;
}

static void count_end(acurl_engine *engine, int fd, bool was_idle) {
  const struct descriptor *descriptor = &engine->descriptors[fd];
  int reason = descriptor->reason ? descriptor->reason : engine->closing;
  if(!reason && descriptor->single_use)
    reason = ACURL_CLOSED_CLIENT + 1;
  if(!reason && !descriptor->plain && !descriptor->multiplexed)
    reason = ACURL_CLOSED_ERROR + 1;
  if(!reason && was_idle)
    reason = idle_reason(engine, fd) + 1;
  if(reason)
    engine->counters.reasons[reason - 1]++;
  else
    engine->unexplained[descriptor->multiplexed]++;
}

void connection_explain(acurl_engine *engine, int reason) {
  int which = engine->unexplained[1] > 0;
  if(!engine->unexplained[which])
    return;
  engine->unexplained[which]--;
  if(which && reason == ACURL_CLOSED_SERVER_IDLE) /* it was in use, or libcurl would have said */
    reason = ACURL_CLOSED_SERVER_LIMIT;
  engine->counters.reasons[reason]++;
}

void connections_explain_rest(acurl_engine *engine) {
  engine->counters.reasons[ACURL_CLOSED_SERVER] += engine->unexplained[0];
  engine->counters.reasons[ACURL_CLOSED_SERVER_LIMIT] += engine->unexplained[1];
  engine->unexplained[0] = engine->unexplained[1] = 0;
}

void connection_gone(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  if(!descriptor->opened || descriptor->leaving)
    return;
  /* libcurl takes a socket off before it closes it, which is not to be idle. */
  bool was_idle = (descriptor->list == IDLE_SHARED || descriptor->list == IDLE_OWNED) &&
                  descriptor->pass != engine->pass;
  connection_leave(engine, fd);
  count_end(engine, fd, was_idle);
  descriptor->leaving = true;
  engine->leaving++;
  if(!descriptor->overdue)
    CHAIN_DROP(engine, &engine->ages, fd, by_age);
  struct origin *origin = descriptor->origin;
  if(!origin)
    return;
  origin->open--;
  origin->ready -= descriptor->ready;
  origin->stream_limit = 0; /* it may have been the one that took no more */
  if(origin->key[0] == 'm' && !origin->running && !origin->open)
    origin->protocol = PROTOCOL_UNKNOWN;
  origin_account(origin);
}

/* A ceiling that came down leaves less room for idle ones, too. */
static int64_t room_under(int64_t ceiling, int64_t used, int64_t most) {
  int64_t room = ceiling > used ? ceiling - used : 0;
  return ceiling > 0 && room < most ? room : most;
}

static int64_t kept_at_origin(const struct origin *root) {
  const acurl_engine_options *options = &root->lane->engine->options;
  int64_t most = options->max_host_keepalive < 0 ? INT32_MAX : options->max_host_keepalive;
  return room_under(options->max_host_connections, root->busy_all, most);
}

/* After a ceiling came down none is spared for having been used just now: few users
 * may use many connections by turns. */
static int64_t grace(const acurl_engine *engine, bool over_ceiling) {
  return over_ceiling && engine->now < engine->shrinks_until ? 0 : SURPLUS_GRACE;
}

static void crowd(struct origin *root) {
  acurl_engine *engine = root->lane->engine;
  if(root->is_crowded || root->idle_chain.count <= kept_at_origin(root))
    return;
  root->is_crowded = true;
  root->crowded_next = engine->crowded;
  engine->crowded = root;
}

static void enter(acurl_engine *engine, int fd, int which) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  descriptor->list = (uint8_t)which;
  descriptor->since = engine->now;
  descriptor->pass = engine->pass;
  CHAIN_ADD(engine, &engine->lists[which], fd, by_list);
  struct origin *origin = descriptor->origin;
  if(which != IDLE_SHARED || !origin)
    return;
  origin->idle++;
  CHAIN_ADD(engine, &origin_root(origin)->idle_chain, fd, by_host);
  crowd(origin_root(origin));
  origin_account(origin);
}

void connection_leave(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  int which = descriptor->list;
  if(which == IN_NO_LIST)
    return;
  descriptor->list = IN_NO_LIST;
  CHAIN_DROP(engine, &engine->lists[which], fd, by_list);
  struct origin *origin = descriptor->origin;
  if(which != IDLE_SHARED || !origin)
    return;
  origin->idle--;
  CHAIN_DROP(engine, &origin_root(origin)->idle_chain, fd, by_host);
  origin_account(origin);
}

void connection_idle(acurl_engine *engine, int fd) {
  const struct descriptor *descriptor = &engine->descriptors[fd];
  int which = descriptor->owned ? IDLE_OWNED : IDLE_SHARED;
  if(descriptor->list == which || descriptor->leaving)
    return;
  if(descriptor->overdue) {
    connection_end(engine, fd, ACURL_CLOSED_EXPIRED);
    return;
  }
  connection_leave(engine, fd);
  enter(engine, fd, which);
}

void connection_heard(acurl_engine *engine, int fd) {
  if(fd >= engine->descriptor_cap)
    return;
  const struct descriptor *descriptor = &engine->descriptors[fd];
  if(!descriptor->opened || descriptor->plain || descriptor->parked || descriptor->leaving)
    return;
  connection_leave(engine, fd);
  enter(engine, fd, SILENT);
}

void connection_ready(acurl_engine *engine, int fd) {
  struct descriptor *descriptor = &engine->descriptors[fd];
  struct origin *origin = descriptor->origin;
  if(descriptor->ready || descriptor->leaving)
    return;
  descriptor->ready = true;
  if(!origin)
    return;
  origin->ready++;
  origin->opening_since = 0;
  if(origin->opener && origin->opener->opened_fd == fd)
    admission_opened(origin->opener);
  engine->stirred = true;
}

/* A QUIC connection has nothing to shut down: libcurl says goodbye when it looks
 * for a connection and finds this one too old. */
void connection_end(acurl_engine *engine, int fd, int reason) {
  engine->descriptors[fd].reason = (int8_t)(reason + 1);
  connection_gone(engine, fd);
  if(engine->descriptors[fd].datagram)
    return;
  events_deregister(engine, fd);
  shutdown(fd, SHUT_RDWR);
  if(engine->look_at == NEVER)
    engine->look_at = engine->now + LOOK_AT_ENDED;
}

static int64_t expiry_of(const acurl_engine *engine) {
  int64_t expiry = engine->options.keepalive_expiry_us;
  return expiry < 0 ? NEVER : nanoseconds(expiry);
}

/* How many of a list may be ended although there are others to come: only what
 * anybody may use is ever too much, or kept beyond its time. */
static int64_t kept_at_least(const acurl_engine *engine, int which) {
  return which == IDLE_SHARED ? engine->options.min_connects : 0;
}

static int64_t below_ceiling(const acurl_engine *engine) {
  return room_under(engine->options.max_connections, connections_in_use(engine), INT32_MAX);
}

static int64_t kept_at_most(const acurl_engine *engine, int which) {
  if(which != IDLE_SHARED)
    return INT32_MAX;
  int64_t room = below_ceiling(engine);
  return room < engine->options.max_connects ? room : engine->options.max_connects;
}

/* When the oldest of so many idle ones must go, counted from its last use. */
static int64_t patience(const acurl_engine *engine, int which, int64_t count) {
  if(which == SILENT)
    return SILENCE;
  if(count > kept_at_most(engine, which))
    return grace(engine, count > below_ceiling(engine));
  return count > kept_at_least(engine, which) ? expiry_of(engine) : NEVER;
}

/* How many of the oldest are due, and in which lanes. */
static int count_due(acurl_engine *engine, int *by_lane, int *surplus) {
  const struct chain *list = &engine->lists[IDLE_SHARED];
  int due = 0;
  for(int fd = list->oldest; fd >= 0 && due < ENDS_PER_SWEEP; due++) {
    const struct descriptor *descriptor = &engine->descriptors[fd];
    int64_t count = list->count - due;
    if(engine->now - descriptor->since < patience(engine, IDLE_SHARED, count))
      break;
    *surplus += count > kept_at_most(engine, IDLE_SHARED);
    by_lane[descriptor->lane]++;
    fd = descriptor->by_list.next;
  }
  return due;
}

/* Shuts down what has been due for so long that libcurl would notice. */
static void end_due(acurl_engine *engine, int which) {
  const struct chain *list = &engine->lists[which];
  for(int i = 0; i < ENDS_PER_SWEEP && list->count; i++) {
    int64_t age = engine->now - engine->descriptors[list->oldest].since;
    int64_t wait = patience(engine, which, list->count);
    if(wait == NEVER || age < wait || age < LIVENESS_WINDOW)
      return;
    bool surplus = list->count > kept_at_most(engine, which);
    connection_end(engine, list->oldest,
                   surplus ? ACURL_CLOSED_POOL_LIMIT : ACURL_CLOSED_EXPIRED);
  }
}

static void sweep_idle(acurl_engine *engine) {
  int by_lane[ACURL_MOST_LANES] = {0};
  int surplus = 0;
  int due = count_due(engine, by_lane, &surplus);
  for(int lane = 0; due && lane < engine->lane_count; lane++)
    if(by_lane[lane])
      lane_evict(engine->lanes[lane], NULL, by_lane[lane],
                 surplus ? ACURL_CLOSED_POOL_LIMIT : ACURL_CLOSED_EXPIRED);
  end_due(engine, IDLE_SHARED);
  end_due(engine, IDLE_OWNED);
}

/* When the oldest of a crowd must go; NEVER: it is none. */
static int64_t crowd_due(const acurl_engine *engine, const struct origin *root) {
  const struct chain *idle = &root->idle_chain;
  if(idle->count <= kept_at_origin(root))
    return NEVER;
  int64_t room = room_under(engine->options.max_host_connections, root->busy_all, INT32_MAX);
  return engine->descriptors[idle->oldest].since + grace(engine, idle->count > room);
}

static void thin_out(acurl_engine *engine, struct origin *root) {
  struct chain *idle = &root->idle_chain;
  for(int i = 0; i < ENDS_PER_SWEEP && crowd_due(engine, root) <= engine->now; i++) {
    int fd = idle->oldest;
    const struct descriptor *oldest = &engine->descriptors[fd];
    int before = idle->count;
    lane_evict(engine->lanes[oldest->lane], oldest->origin, 1, ACURL_CLOSED_POOL_LIMIT);
    if(idle->count < before)
      continue;
    /* Behind a proxy, or led elsewhere, libcurl files it under another name. */
    if(engine->now - engine->descriptors[fd].since < LIVENESS_WINDOW)
      return;
    connection_end(engine, fd, ACURL_CLOSED_POOL_LIMIT);
  }
}

/* Evicting the last connection of an origin would free that, and maybe another of
 * the same host: so all are held, and out of the list, meanwhile. */
static void sweep_crowds(acurl_engine *engine) {
  struct origin *list = engine->crowded;
  engine->crowded = NULL;
  for(struct origin *root = list; root; root = root->crowded_next)
    root->holds++;
  while(list) {
    struct origin *root = list;
    list = root->crowded_next;
    thin_out(engine, root);
    root->is_crowded = false;
    crowd(root);
    origin_drop(root);
  }
}

/* What is used at the moment ends with its use; on HTTP/2 that may never come,
 * so libcurl is told to use none of the lane's connections again. */
static void sweep_ages(acurl_engine *engine) {
  int64_t most = engine->options.max_lifetime_us;
  while(most > 0 && engine->ages.count) {
    int fd = engine->ages.oldest;
    struct descriptor *descriptor = &engine->descriptors[fd];
    if(engine->now - descriptor->born < nanoseconds(most))
      return;
    CHAIN_DROP(engine, &engine->ages, fd, by_age);
    descriptor->overdue = true;
    descriptor->reason = ACURL_CLOSED_EXPIRED + 1;
    if(descriptor->list == IDLE_SHARED || descriptor->list == IDLE_OWNED)
      connection_end(engine, fd, ACURL_CLOSED_EXPIRED);
    else if(descriptor->multiplexed && !descriptor->owned) {
      engine->closing = ACURL_CLOSED_EXPIRED + 1;
      lane_retire(engine->lanes[descriptor->lane]);
      engine->closing = 0;
    }
  }
}

static void sweep_silent(acurl_engine *engine) {
  const struct chain *list = &engine->lists[SILENT];
  for(int i = 0; i < ENDS_PER_SWEEP && list->count; i++) {
    int fd = list->oldest;
    if(engine->now - engine->descriptors[fd].since < SILENCE)
      return;
    connection_leave(engine, fd);
    events_nudge(engine, fd);
  }
}

/* Of the ceiling for each origin nobody knows without looking at all of them. */
static void note_shrunk(acurl_engine *engine) {
  const acurl_engine_options *options = &engine->options;
  int64_t open = connections_idle(engine) + connections_in_use(engine);
  if(options->max_host_connections <= 0 && open <= options->max_connections)
    engine->shrinks_until = engine->now;
}

/* libcurl keeps the descriptors of what has been shut down until it looks. */
static void look_at_ended(acurl_engine *engine) {
  if(engine->now < engine->look_at)
    return;
  engine->look_at = NEVER;
  for(int i = 0; i < engine->lane_count; i++)
    if(engine->lanes[i])
      lane_look(engine->lanes[i]);
}

void connections_sweep(acurl_engine *engine) {
  if(engine->now < engine->sweep_at)
    return;
  sweep_ages(engine);
  sweep_idle(engine);
  sweep_crowds(engine);
  sweep_silent(engine);
  look_at_ended(engine);
  if(engine->now < engine->shrinks_until)
    note_shrunk(engine);
  engine->stirred = true; /* an opener may be stuck */
}

/* A busy engine plans anew all the time: what is put off keeps the time that it has. */
static int64_t soon(const acurl_engine *engine, int64_t before, int64_t wait) {
  int64_t due = engine->now + wait;
  return engine->now < before && before < due ? before : due;
}

static void plan(acurl_engine *engine, int64_t before, int64_t due) {
  if(due != NEVER && due <= engine->now)
    due = soon(engine, before, TRY_AGAIN);
  if(due < engine->sweep_at)
    engine->sweep_at = due;
}

void connections_plan(acurl_engine *engine) {
  int64_t before = engine->sweep_at;
  engine->sweep_at = NEVER;
  for(int which = IDLE_SHARED; which < CONNECTION_LISTS; which++) {
    const struct chain *list = &engine->lists[which];
    int64_t wait = patience(engine, which, list->count);
    if(which == IDLE_OWNED && wait < LIVENESS_WINDOW)
      wait = LIVENESS_WINDOW;
    if(list->count && wait != NEVER)
      plan(engine, before, engine->descriptors[list->oldest].since + wait);
  }
  for(const struct origin *root = engine->crowded; root; root = root->crowded_next)
    plan(engine, before, crowd_due(engine, root));
  if(engine->waiting)
    plan(engine, before, soon(engine, before, LOOK_AT_WAITING));
  if(engine->look_at != NEVER)
    plan(engine, before, engine->look_at);
  int64_t lifetime = engine->options.max_lifetime_us;
  if(lifetime > 0 && engine->ages.count)
    plan(engine, before, engine->descriptors[engine->ages.oldest].born + nanoseconds(lifetime));
}

void connections_recount(acurl_engine *engine) {
  const struct chain *list = &engine->lists[IDLE_SHARED];
  for(int fd = list->oldest; fd >= 0; fd = engine->descriptors[fd].by_list.next)
    if(engine->descriptors[fd].origin)
      crowd(origin_root(engine->descriptors[fd].origin));
  for(int i = 0; engine->origins && i < ORIGIN_BUCKETS; i++)
    for(struct origin *origin = engine->origins[i]; origin; origin = origin->chain)
      origin_account(origin);
  engine->stirred = true;
}

int connections_idle(const acurl_engine *engine) {
  return engine->lists[IDLE_SHARED].count + engine->lists[IDLE_OWNED].count;
}

int connections_in_use(const acurl_engine *engine) {
  int open = (int)(engine->counters.opened - engine->counters.closed) - engine->leaving;
  return open - connections_idle(engine);
}
