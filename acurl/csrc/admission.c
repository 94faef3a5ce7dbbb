/* Who may run: each origin has a queue, served in turn, and a transfer reaches
 * libcurl only when there is a connection for it, or may be one.
 *
 * HTTP/1: a transfer needs a connection of its own. HTTP/2 and 3: it needs room
 * on one whose limit of streams is known. Where there is none, one transfer, the
 * opener, may open another connection, and the rest wait until that stands; the
 * same while nobody knows what the server speaks. This holds without any ceiling,
 * too: what HTTP/2 servers get beyond their limit they refuse.
 *
 * The server's own limit of streams is libcurl's secret. When libcurl does not
 * begin what was started, the connections are full: that is taken back, and what
 * runs shows the limit. */
#include "internal.h"

#include <stdlib.h>

#define STARTS_PER_ROUND 64
/* How long the others wait for an opener before one more tries, too. */
#define OPENER_PATIENCE (100 * MILLISECOND)
/* What libcurl will not begin for another reason than full connections, such as a
 * name to be looked up, is left alone in the end. */
#define MAX_RECALLS 50
/* How long a connection's own limit may take to come, a round trip mostly. */
#define SETTINGS_PATIENCE (300 * MILLISECOND)
/* How long nobody waits for one after one has failed. */
#define DISTRUST (1000 * MILLISECOND)

bool admission_needed(const acurl_engine *engine) {
  const acurl_engine_options *options = &engine->options;
  return options->max_connections > 0 || options->max_host_connections > 0;
}

static bool is_owned(const struct transfer *transfer) {
  return transfer->jar && transfer->jar->owner;
}

static bool enter(struct transfer *transfer, const char *url) {
  transfer->origin = origin_hold(transfer->lane, url, transfer->flags, is_owned(transfer));
  return transfer->origin != NULL;
}

bool admission_enter(struct transfer *transfer, acurl_profile *profile, const char *url) {
  bool multiplexes = profile->flags & ACURL_PROFILE_MULTIPLEX && !is_owned(transfer);
  if(!transfer->engine->admits && !multiplexes)
    return true;
  if(transfer->engine->admits)
    transfer->pool_limit = profile->pool_limit;
  return enter(transfer, url);
}

static void ring_add(acurl_engine *engine, struct origin *origin) {
  origin->in_ring = true;
  engine->ring_len++;
  if(!engine->ring) {
    engine->ring = origin->ring_next = origin->ring_prev = origin;
    return;
  }
  origin->ring_next = engine->ring; /* the last to be served */
  origin->ring_prev = engine->ring->ring_prev;
  origin->ring_prev->ring_next = origin;
  engine->ring->ring_prev = origin;
}

static void ring_drop(acurl_engine *engine, struct origin *origin) {
  origin->in_ring = false;
  engine->ring_len--;
  origin->ring_prev->ring_next = origin->ring_next;
  origin->ring_next->ring_prev = origin->ring_prev;
  if(engine->ring == origin)
    engine->ring = engine->ring_len ? origin->ring_next : NULL;
}

void admission_wait(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  fifo_push(&transfer->origin->queue, transfer);
  engine->waiting++;
  if(!transfer->origin->in_ring)
    ring_add(engine, transfer->origin);
}

void admission_unwait(struct transfer *transfer) {
  struct origin *origin = transfer->origin;
  fifo_drop(transfer);
  transfer->engine->waiting--;
  if(!origin->queue.len)
    ring_drop(transfer->engine, origin);
}

static bool within(int64_t count, int64_t limit) {
  return limit <= 0 || count <= limit;
}

/* Whether the origin may take one more connection, idle ones not counted. */
static bool may_open(struct origin *origin) {
  const acurl_engine *engine = origin->lane->engine;
  return within(engine->busy + 1, engine->options.max_connections) &&
         within(origin_root(origin)->busy_all + 1, engine->options.max_host_connections);
}

static bool has_room(const struct origin *origin) {
  const acurl_engine *engine = origin->lane->engine;
  int64_t streams = origin_streams(origin);
  int64_t others = origin->running - (origin->opener != NULL);
  if(others >= streams * origin->ready)
    return false;
  /* On an idle connection it takes that from all others. */
  return origin->running < streams * origin->busy ||
         within(engine->busy + 1, engine->options.max_connections);
}

static int64_t age_of(const struct origin *origin, int64_t since) {
  return since ? origin->lane->engine->now - since : 0;
}

/* Its connection stands, and the server has spoken on it. */
static bool is_heard(const struct transfer *opener) {
  return opener->begun && opener->opened_fd >= 0 && events_received(opener->opened_fd);
}

static bool is_late(const struct origin *origin) {
  const struct transfer *opener = origin->opener;
  return opener && age_of(origin, opener->started) > OPENER_PATIENCE && !is_heard(opener);
}

/* Where no connection stands, and the opener does not get on or the last one has
 * failed, libcurl is given the others as well: each then fails in its own time. */
static bool is_stuck(const struct origin *origin) {
  bool hangs = origin->opener && !is_heard(origin->opener) &&
               age_of(origin, origin->opening_since) > OPENER_PATIENCE;
  return !origin->ready && (hangs || origin->lane->engine->now < origin->distrusted_until);
}

/* The server has had time to tell its limit, which libcurl may have read where no
 * event shows it; only its answer is awaited. */
static void trust_opener(struct origin *origin) {
  const struct transfer *opener = origin->opener;
  if(opener && origin->protocol == PROTOCOL_MULTIPLEX && opener->begun &&
     age_of(origin, opener->begun_at) > SETTINGS_PATIENCE && is_heard(opener))
    connection_ready(origin->lane->engine, opener->opened_fd);
}

/* Whether the first in the queue may run, and if it is the opener. */
static bool is_next(struct origin *origin, bool *opens) {
  const struct transfer *transfer = origin->queue.head;
  *opens = false;
  if(origin->protocol == PROTOCOL_SINGLE)
    return may_open(origin);
  if(is_stuck(origin)) {
    *opens = is_late(origin);
    return may_open(origin);
  }
  bool may = (!origin->opener || is_late(origin)) && may_open(origin);
  *opens = may;
  if(origin->protocol == PROTOCOL_UNKNOWN || !has_room(origin))
    return may;
  *opens = may && transfer->wants_fresh;
  return true;
}

/* libcurl makes room among the idle connections of one lane; in the others we do,
 * before it opens one. */
static void make_room(struct origin *origin) {
  acurl_engine *engine = origin->lane->engine;
  const struct chain *idle = &engine->lists[IDLE_SHARED];
  if(idle->count && !within(engine->busy + idle->count + 1, engine->options.max_connections)) {
    const struct descriptor *oldest = &engine->descriptors[idle->oldest];
    lane_evict(engine->lanes[oldest->lane], NULL, 1, ACURL_CLOSED_POOL_LIMIT);
  }
  const struct origin *root = origin_root(origin);
  idle = &root->idle_chain;
  if(idle->count &&
     !within(root->busy_all + idle->count + 1, engine->options.max_host_connections)) {
    const struct descriptor *oldest = &engine->descriptors[idle->oldest];
    lane_evict(engine->lanes[oldest->lane], oldest->origin, 1, ACURL_CLOSED_POOL_LIMIT);
  }
}

static void make_opener(struct transfer *transfer) {
  struct origin *origin = transfer->origin;
  if(origin->opener) {
    admission_opened(origin->opener); /* it is late, and may go on */
    transfer->altered = true;         /* the option stays behind otherwise */
    /* Or libcurl would have it wait for the connection that does not get on. */
    set_long(transfer->easy, CURLOPT_FRESH_CONNECT, 1);
  }
  transfer->is_opener = true;
  origin->opener = transfer;
  if(!origin->opening_since)
    origin->opening_since = origin->lane->engine->now;
}

static bool start_next(struct origin *origin) {
  bool opens;
  trust_opener(origin);
  if(!is_next(origin, &opens))
    return false;
  struct transfer *transfer = origin->queue.head;
  bool has_lanes = origin->lane->engine->admits && origin->lane->engine->lane_count > 1;
  if(has_lanes && !origin->idle)
    make_room(origin);
  if(has_lanes && !lane_guard(origin->lane, origin))
    return false; /* until what says goodbye has gone */
  if(transfer->wants_fresh && !opens && origin->protocol == PROTOCOL_MULTIPLEX)
    set_long(transfer->easy, CURLOPT_FRESH_CONNECT, 0);
  if(opens)
    make_opener(transfer);
  struct lane *lane = origin->lane;
  dispatch_start(transfer);
  if(has_lanes) /* the next one has to see what this one took */
    events_run_lane(lane);
  return true;
}

void admission_started(struct transfer *transfer) {
  struct origin *origin = transfer->origin;
  origin->running++;
  if(!transfer->is_opener && origin->ready && transfer->recalls < MAX_RECALLS)
    fifo_push(&origin->starting, transfer);
  origin_account(origin);
}

void admission_opens(struct transfer *transfer) {
  struct origin *origin = transfer->origin;
  if(origin->protocol != PROTOCOL_MULTIPLEX || origin->opener)
    return;
  transfer->is_opener = true;
  origin->opener = transfer;
}

void admission_opened(struct transfer *transfer) {
  if(!transfer->is_opener)
    return;
  transfer->is_opener = false;
  transfer->origin->opener = NULL;
  transfer->engine->stirred = true;
  origin_account(transfer->origin);
}

void admission_failed(struct transfer *transfer) {
  if(!transfer->is_opener || transfer->begun)
    return;
  transfer->origin->distrusted_until = transfer->engine->now + DISTRUST;
  transfer->origin->opening_since = 0;
}

void admission_leave(struct transfer *transfer) {
  struct origin *origin = transfer->origin;
  if(!origin)
    return;
  if(transfer->state == TRANSFER_RUNNING) {
    admission_opened(transfer);
    fifo_drop(transfer);
    origin->running--;
    if(origin->key[0] == 'm' && !origin->running && !origin->open)
      origin->protocol = PROTOCOL_UNKNOWN;
    origin_account(origin);
  }
  else if(transfer->fifo == &origin->queue)
    admission_unwait(transfer);
  transfer->origin = NULL;
  origin_drop(origin);
}

/* Takes back what libcurl would not begin, the last one first. */
static void recall(struct origin *origin) {
  acurl_engine *engine = origin->lane->engine;
  struct transfer *transfer;
  bool any = false;
  while((transfer = origin->starting.tail)) {
    fifo_drop(transfer);
    if(libcurl.multi_remove_handle(origin->lane->multi, transfer->easy))
      continue; /* it is libcurl that it waits in, then */
    any = true;
    transfer->recalls++;
    transfer->settled = true;
    origin->lane->unsettled--;
    origin->lane->running--;
    engine->running--;
    engine->counters.started--;
    origin->running--;
    transfer->state = TRANSFER_QUEUED;
    transfer->waited -= transfer->last_wait; /* it has waited all the time */
    fifo_push_front(&origin->queue, transfer);
    engine->waiting++;
    if(!origin->in_ring)
      ring_add(engine, origin);
  }
  int others = origin->running - (origin->opener != NULL);
  if(any && origin->ready)
    origin->stream_limit = others > origin->ready ? others / origin->ready : 1;
  if(any)
    origin_account(origin);
}

/* One round; how many were started. */
static int start_some(acurl_engine *engine) {
  struct origin *served[STARTS_PER_ROUND];
  int started = 0;
  for(int refused = 0; engine->ring && refused < engine->ring_len && started < STARTS_PER_ROUND;) {
    struct origin *origin = engine->ring;
    engine->ring = origin->ring_next;
    origin->holds++; /* its last transfer may be refused by libcurl */
    if(start_next(origin)) {
      served[started++] = origin;
      refused = 0;
    }
    else {
      origin_drop(origin);
      refused++;
    }
  }
  for(int i = 0; i < engine->lane_count; i++)
    if(engine->lanes[i] && engine->lanes[i]->has_new)
      events_run_lane(engine->lanes[i]);
  for(int i = 0; i < started; i++) {
    recall(served[i]);
    origin_drop(served[i]);
  }
  return started;
}

void admission_run(acurl_engine *engine, int64_t until) {
  while(engine->waiting && start_some(engine)) {
    engine->now = clock_now();
    if(engine->now >= until) {
      engine->stirred = true; /* there may be more to start */
      return;
    }
  }
  engine->stirred = false;
}

static bool enter_all(acurl_engine *engine) {
  for(int i = 0; i < engine->slot_count; i++) {
    struct transfer *transfer = engine->slots[i];
    if(transfer->state == TRANSFER_FREE || transfer->origin)
      continue;
    if(!enter(transfer, transfer->url.data))
      return false;
    if(transfer->state == TRANSFER_RUNNING) {
      transfer->origin->running++;
      origin_account(transfer->origin);
    }
  }
  while(engine->queue.head) {
    struct transfer *transfer = engine->queue.head;
    fifo_drop(transfer);
    admission_wait(transfer);
  }
  return true;
}

bool admission_switch(acurl_engine *engine) {
  bool needed = admission_needed(engine);
  if(needed && !engine->admits && !enter_all(engine))
    return false;
  engine->admits = needed;
  return true;
}
