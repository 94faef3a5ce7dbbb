/* The life of an engine, and the calls that Python makes: submit, drive, cancel,
 * resize, close. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPIRIES_PER_STEP 128
#define SHRINK_TIME (1000 * MILLISECOND)

static unsigned fork_generation;
static bool fork_watched;
static int last_errno;

static void on_fork_in_child(void) {
  fork_generation++;
}

int acurl_fork_watch(void) {
  if(fork_watched)
    return 0;
  fork_watched = !pthread_atfork(NULL, NULL, on_fork_in_child);
  return fork_watched ? 0 : -1;
}

int acurl_last_errno(void) {
  return last_errno;
}

int engine_check(const acurl_engine *engine) {
  if(!engine)
    return ACURL_ECLOSED;
  if(engine->fork_generation != fork_generation)
    return ACURL_EFORK;
  if(!pthread_equal(engine->owner, pthread_self()))
    return ACURL_ETHREAD;
  return ACURL_OK;
}

static void set_options(acurl_engine *engine, const acurl_engine_options *options) {
  int64_t max_response_size = engine->options.max_response_size;
  int64_t max_retries = engine->options.max_retries;
  engine->options = *options;
  if(engine->lane_count) {
    engine->options.max_response_size = max_response_size;
    engine->options.max_retries = max_retries;
  }
  if(engine->options.max_connects > MOST_CONNECTS)
    engine->options.max_connects = MOST_CONNECTS;
  if(engine->options.max_streams > INT32_MAX)
    engine->options.max_streams = INT32_MAX; /* beyond, libcurl takes its default */
}

static void engine_destroy(acurl_engine *engine) {
  engine->closing = ACURL_CLOSED_CLIENT + 1;
  for(int i = 0; i < engine->slot_count; i++)
    transfer_free(engine->slots[i]);
  if(engine->clerk)
    libcurl.easy_cleanup(engine->clerk);
  jars_disown(engine);
  /* The first one last: the origins of all others refer to its own. */
  for(int i = engine->lane_count - 1; i >= 0; i--)
    if(engine->lanes[i])
      lane_free(engine->lanes[i]);
  events_close(engine);
  free(engine->origins);
  buffer_free(&engine->batch_index);
  buffer_free(&engine->batch_bytes);
  buffer_free(&engine->taken);
  free(engine->slots);
  free(engine->heap);
  free(engine);
}

acurl_engine *acurl_engine_new(const acurl_engine_options *options) {
  acurl_engine *engine = calloc(1, sizeof *engine);
  if(!engine)
    return NULL;
  set_options(engine, options);
  engine->admits = admission_needed(engine);
  engine->owner = pthread_self();
  engine->fork_generation = fork_generation;
  engine->epoll_fd = engine->timer_fd = -1;
  memset(engine->answered, 0xff, sizeof engine->answered);
  errno = 0;
  if(!events_open(engine) || !lane_of(engine, 0)) {
    last_errno = errno ? errno : ENOMEM;
    engine_destroy(engine);
    return NULL;
  }
  return engine;
}

int acurl_engine_resize(acurl_engine *engine, const acurl_engine_options *options) {
  int result = engine_check(engine);
  if(result)
    return result;
  acurl_engine_options before = engine->options;
  set_options(engine, options);
  if(!admission_switch(engine)) {
    engine->options = before;
    return ACURL_ENOMEM;
  }
  for(int i = 0; i < engine->lane_count; i++)
    if(engine->lanes[i] && lane_set_limits(engine->lanes[i]))
      engine->counters.faults++;
  engine->now = clock_now();
  engine->shrinks_until = engine->now + SHRINK_TIME;
  connections_recount(engine);
  /* A wider limit lets somebody run; the next step starts them. */
  engine->sweep_at = engine->now;
  events_arm(engine);
  return ACURL_OK;
}

int acurl_engine_close(acurl_engine *engine) {
  int result = engine_check(engine);
  if(result == ACURL_EFORK) {
    /* The parent's sockets and threads are not ours to end. */
    events_close(engine);
    return ACURL_EFORK;
  }
  if(result)
    return result;
  engine->closing = ACURL_CLOSED_CLIENT + 1;
  for(int i = 0; i < engine->slot_count; i++) {
    struct transfer *transfer = engine->slots[i];
    if(transfer->state == TRANSFER_RUNNING)
      libcurl.multi_remove_handle(transfer->lane->multi, transfer->easy);
    if(transfer->state != TRANSFER_FREE)
      admission_leave(transfer);
  }
  engine_destroy(engine);
  return ACURL_OK;
}

int acurl_engine_fd(acurl_engine *engine) {
  int result = engine_check(engine);
  return result ? result : engine->epoll_fd;
}

acurl_batch *acurl_engine_batch(acurl_engine *engine) {
  return engine ? &engine->batch : NULL;
}

int acurl_engine_counters(acurl_engine *engine, acurl_counters *out) {
  int result = engine_check(engine);
  if(result)
    return result;
  *out = engine->counters;
  out->in_flight = engine->in_flight;
  out->queued = engine->queue.len + engine->waiting;
  out->idle = connections_idle(engine);
  out->in_use = connections_in_use(engine);
  return ACURL_OK;
}

void acurl_body_free(uint64_t held_body) {
  block_give((void *)(uintptr_t)held_body);
}

int acurl_submit(acurl_engine *engine, acurl_profile *profile, acurl_jar *jar, int lane,
                 const char *method, const char *url, const char *headers,
                 int64_t headers_len, const char *body, int64_t body_len,
                 int64_t total_timeout_us, const acurl_extras *extras) {
  int result = engine_check(engine);
  if(result)
    return result;
  engine->refused_option = 0;
  if(lane < 0 || lane >= ACURL_MOST_LANES)
    return ACURL_EARGUMENT;
  struct lane *own = lane_of(engine, lane);
  struct transfer *transfer = own && batch_reserve(engine) ? transfer_acquire(engine) : NULL;
  if(!transfer)
    return ACURL_ENOMEM;
  transfer->lane = own;
  if(extras && extras->digest_user)
    transfer->profile_id = 0; /* the handle may know a challenge that another user got */
  result = transfer_apply_profile(transfer, profile);
  if(!result)
    result = transfer_apply_request(transfer, jar, method, url, headers, (size_t)headers_len,
                                    body, body_len);
  if(!result && extras)
    result = transfer_apply_extras(transfer, extras);
  transfer->submitted = transfer->started = transfer->queued_at = clock_now();
  transfer->queued_pass = engine->pass;
  transfer->body_limit = profile->body_limit ? profile->body_limit
                                             : engine->options.max_response_size;
  transfer->body_len = body_len;
  if(!result && (!admission_enter(transfer, profile, url) ||
                 !limits_set(transfer, profile, total_timeout_us)))
    result = ACURL_ENOMEM;
  if(result) {
    transfer->altered = true;
    if(transfer->origin)
      origin_drop(transfer->origin);
    transfer_recycle(transfer);
    return result;
  }
  queue_push(transfer);
  if(++engine->in_flight > engine->recent_peak)
    engine->recent_peak = engine->in_flight;
  return transfer->slot;
}

int acurl_refused_option(acurl_engine *engine) {
  return engine ? engine->refused_option : 0;
}

int acurl_cancel(acurl_engine *engine, int slot) {
  int result = engine_check(engine);
  if(result)
    return result;
  if(slot < 0 || slot >= engine->slot_count || engine->slots[slot]->state == TRANSFER_FREE)
    return ACURL_EARGUMENT;
  engine->now = clock_now();
  dispatch_detach(engine->slots[slot], ACURL_CLOSED_CLIENT);
  transfer_recycle(engine->slots[slot]);
  connections_plan(engine);
  events_arm(engine);
  return ACURL_OK;
}

int acurl_end(acurl_engine *engine, int slot) {
  int result = engine_check(engine);
  if(result)
    return result;
  if(slot < 0 || slot >= engine->slot_count || engine->slots[slot]->state == TRANSFER_FREE)
    return ACURL_EARGUMENT;
  batch_clear(engine);
  engine->now = clock_now();
  dispatch_finish(engine->slots[slot], CURLE_OK);
  connections_plan(engine);
  events_arm(engine);
  return engine->batch.count;
}

/* Somewhere a socket is not watched, so somebody would wait for nothing. */
static void fail_starved(acurl_engine *engine) {
  engine->starved = false;
  for(int i = 0; i < engine->slot_count; i++) {
    struct transfer *transfer = engine->slots[i];
    if(transfer->state != TRANSFER_RUNNING)
      continue;
    transfer->cause = ACURL_CAUSE_NO_MEMORY;
    dispatch_finish(transfer, CURLE_OUT_OF_MEMORY);
  }
}

static void expire_deadlines(acurl_engine *engine) {
  for(int i = 0; i < EXPIRIES_PER_STEP && deadline_first(engine) <= engine->now; i++) {
    struct transfer *transfer = engine->heap[0];
    transfer->cause = limits_check(transfer);
    if(transfer->cause)
      dispatch_finish(transfer, CURLE_OPERATION_TIMEDOUT);
  }
}

static int step(acurl_engine *engine, bool sockets) {
  int result = engine_check(engine);
  if(result)
    return result;
  batch_clear(engine);
  engine->now = clock_now();
  engine->pass++;
  dispatch_queued(engine);
  engine->pass++;
  if(sockets) {
    engine->counters.drives++;
    events_poll(engine);
  }
  events_run_timers(engine);
  connections_sweep(engine);
  dispatch_collect(engine);
  engine->pass++;
  if(engine->waiting && engine->stirred) { /* connections have come free */
    dispatch_queued(engine);
    dispatch_collect(engine); /* what failed at once: no event tells of it */
  }
  connections_explain_rest(engine);
  if(engine->starved)
    fail_starved(engine);
  expire_deadlines(engine);
  notices_emit(engine);
  connections_plan(engine);
  events_arm(engine);
  return engine->batch.count;
}

int acurl_kick(acurl_engine *engine) {
  return step(engine, false);
}

int acurl_drive(acurl_engine *engine) {
  return step(engine, true);
}
