/* The life of an engine and of the transfers in it: submit, start, drive,
 * collect, cancel, close. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STARTS_PER_ROUND 64
#define MAX_START_TIME (2 * MILLISECOND)
#define EXPIRIES_PER_STEP 128
/* Of requests that ran into connections which we had ended ourselves. */
#define MAX_REPEATS_UNSENT 2
/* One name server that does not answer must not hold up the names of others. */
#define MAX_RESOLVERS 128L
#define MOST_CONNECTS (1 << 20)

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

static int64_t wall_clock_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void engine_destroy(acurl_engine *engine) {
  for(int i = 0; i < engine->slot_count; i++)
    transfer_free(engine->slots[i]);
  if(engine->clerk)
    libcurl.easy_cleanup(engine->clerk);
  jars_disown(engine);
  if(engine->multi) {
    /* Else HTTP/3 servers are not told, and keep their side. Not known before 8.16. */
    libcurl.multi_setopt(engine->multi, CURLMOPT_NETWORK_CHANGED, CURLMNWC_CLEAR_CONNS);
    libcurl.multi_cleanup(engine->multi);
  }
  events_close(engine);
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
  engine->options = *options;
  if(engine->options.max_connects > MOST_CONNECTS)
    engine->options.max_connects = MOST_CONNECTS;
  if(engine->options.max_streams > INT32_MAX)
    engine->options.max_streams = INT32_MAX; /* beyond, libcurl takes its default */
  engine->owner = pthread_self();
  engine->fork_generation = fork_generation;
  engine->epoll_fd = engine->timer_fd = -1;
  memset(engine->answered, 0xff, sizeof engine->answered);
  errno = 0;
  engine->multi = libcurl.multi_init();
  if(!engine->multi && !errno)
    errno = ENOMEM;
  if(!engine->multi || !events_open(engine) ||
     libcurl.multi_setopt(engine->multi, CURLMOPT_MAX_CONCURRENT_STREAMS,
                          (long)engine->options.max_streams)) {
    last_errno = errno;
    engine_destroy(engine);
    return NULL;
  }
  /* Closing must not wait for names being looked up. Not known before 8.20. */
  libcurl.multi_setopt(engine->multi, CURLMOPT_QUICK_EXIT, 1L);
  libcurl.multi_setopt(engine->multi, CURLMOPT_RESOLVE_THREADS_MAX, MAX_RESOLVERS);
  return engine;
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
  for(int i = 0; i < engine->slot_count; i++)
    if(engine->slots[i]->state == TRANSFER_RUNNING)
      libcurl.multi_remove_handle(engine->multi, engine->slots[i]->easy);
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
  out->idle = connections_idle(engine);
  return ACURL_OK;
}

void acurl_body_free(uint64_t held_body) {
  block_give((void *)(uintptr_t)held_body);
}

void queue_push(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  transfer->state = TRANSFER_QUEUED;
  transfer->next = NULL;
  transfer->prev = engine->queue_tail;
  if(engine->queue_tail)
    engine->queue_tail->next = transfer;
  else
    engine->queue_head = transfer;
  engine->queue_tail = transfer;
  engine->queue_len++;
}

void queue_drop(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  if(transfer->prev)
    transfer->prev->next = transfer->next;
  else
    engine->queue_head = transfer->next;
  if(transfer->next)
    transfer->next->prev = transfer->prev;
  else
    engine->queue_tail = transfer->prev;
  engine->queue_len--;
}

int acurl_submit(acurl_engine *engine, acurl_profile *profile, acurl_jar *jar,
                 const char *method, const char *url, const char *headers,
                 int64_t headers_len, const char *body, int64_t body_len,
                 int64_t total_timeout_us, const acurl_extras *extras) {
  int result = engine_check(engine);
  if(result)
    return result;
  struct transfer *transfer = batch_reserve(engine) ? transfer_acquire(engine) : NULL;
  if(!transfer)
    return ACURL_ENOMEM;
  engine->refused_option = 0;
  if(extras && extras->digest_user)
    transfer->profile_id = 0; /* the handle may know a challenge that another user got */
  result = transfer_apply_profile(transfer, profile);
  if(!result)
    result = transfer_apply_request(transfer, jar, method, url, headers, (size_t)headers_len,
                                    body, body_len);
  if(!result && extras)
    result = transfer_apply_extras(transfer, extras);
  transfer->submitted = transfer->started = clock_now();
  transfer->body_limit = profile->body_limit ? profile->body_limit
                                             : engine->options.max_response_size;
  transfer->body_len = body_len;
  if(!result && !limits_set(transfer, profile, total_timeout_us))
    result = ACURL_ENOMEM;
  if(result) {
    transfer->altered = true;
    transfer_recycle(transfer);
    return result;
  }
  queue_push(transfer);
  if(++engine->in_flight > engine->recent_peak)
    engine->recent_peak = engine->in_flight;
  return transfer->slot;
}

/* Takes a transfer out of wherever it is; its record, if any, comes after. */
static void detach(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  if(transfer->state == TRANSFER_RUNNING) {
    transfer->stuck = libcurl.multi_remove_handle(engine->multi, transfer->easy) != CURLM_OK;
    engine->running--;
  }
  else
    queue_drop(transfer);
  deadline_drop(engine, transfer);
  engine->in_flight--;
}

int acurl_refused_option(acurl_engine *engine) {
  return engine ? engine->refused_option : 0;
}

static void finish(struct transfer *transfer, CURLcode code) {
  detach(transfer);
  batch_record(transfer, code, 0);
  transfer->engine->counters.finished++;
  transfer_recycle(transfer);
}

int acurl_cancel(acurl_engine *engine, int slot) {
  int result = engine_check(engine);
  if(result)
    return result;
  if(slot < 0 || slot >= engine->slot_count || engine->slots[slot]->state == TRANSFER_FREE)
    return ACURL_EARGUMENT;
  engine->now = clock_now();
  detach(engine->slots[slot]);
  transfer_recycle(engine->slots[slot]);
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
  finish(engine->slots[slot], CURLE_OK);
  events_arm(engine);
  return engine->batch.count;
}

/* libcurl counts busy connections against MAXCONNECTS, so the figure moves
 * with the load: a fixed one costs busy users their connections. */
static void set_idle_limit(acurl_engine *engine) {
  int64_t busy = engine->running + engine->queue_len;
  int64_t limit = busy + engine->options.max_connects;
  long value = limit > MOST_CONNECTS ? MOST_CONNECTS : (long)limit;
  if(value < 1)
    value = 1; /* 0 would mean libcurl's own default */
  if(value == engine->maxconnects_set)
    return;
  if(libcurl.multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, value))
    engine->counters.faults++;
  else
    engine->maxconnects_set = value;
}

static void start(struct transfer *transfer, int64_t wall_us) {
  acurl_engine *engine = transfer->engine;
  queue_drop(transfer);
  transfer->started = engine->now;
  transfer->start_wall_us = wall_us;
  transfer->state = TRANSFER_RUNNING;
  engine->running++;
  engine->counters.started++;
  CURLMcode code = libcurl.multi_add_handle(engine->multi, transfer->easy);
  if(!code)
    return;
  /* libcurl does not hold it: finish it as if it were still queued. */
  engine->running--;
  queue_push(transfer);
  transfer->cause = ACURL_CAUSE_NO_MEMORY;
  finish(transfer, CURLE_OUT_OF_MEMORY);
}

/* Hands queued transfers to libcurl, a few at a time so that thousands of new
 * connections do not hold up the loop. */
static void start_queued(acurl_engine *engine) {
  if(!engine->queue_len)
    return;
  set_idle_limit(engine);
  int64_t until = engine->now + MAX_START_TIME;
  int64_t wall_us = wall_clock_us();
  while(engine->queue_len) {
    for(int i = 0; i < STARTS_PER_ROUND && engine->queue_head; i++)
      start(engine->queue_head, wall_us);
    events_run_timers(engine, true);
    engine->now = clock_now();
    if(engine->now >= until)
      return;
  }
}

/* Whether a transfer failed on a kept connection before a byte of it was sent:
 * the server had closed it, or we had, and libcurl gave up after five such. */
static bool never_left(struct transfer *transfer, CURLcode code) {
  long sent = 0;
  return code == CURLE_SEND_ERROR &&
         !libcurl.easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent) && !sent;
}

static bool has_answered_before(struct transfer *transfer) {
  int64_t id = -1;
  libcurl.easy_getinfo(transfer->easy, CURLINFO_CONN_ID, &id);
  if(id >= 0 && transfer->jar)
    id |= (int64_t)transfer->jar->owner << 32;
  return id >= 0 && *engine_answered(transfer->engine, id) == id;
}

/* Whether an HTTP/2 connection went away under a request that had no answer yet:
 * what is safe may be sent again, and what the server itself has refused. That a
 * connection broke which never gave an answer is for the user to know. */
static bool was_dropped(struct transfer *transfer, CURLcode code) {
  if(transfer->status)
    return false;
  if(code == CURLE_HTTP2 || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR)
    return strstr(transfer->error, "REFUSED_STREAM") ||
           (transfer->is_safe && has_answered_before(transfer));
  /* "by curl" is how libcurl names the streams that a GOAWAY has ended. */
  return code == CURLE_HTTP2_STREAM &&
         (strstr(transfer->error, "REFUSED_STREAM") ||
          (transfer->is_safe && strstr(transfer->error, "reset by curl")));
}

/* Counts the repeat. */
static bool may_repeat(struct transfer *transfer, CURLcode code) {
  if(!code)
    return false;
  if(never_left(transfer, code))
    return transfer->repeats++ < MAX_REPEATS_UNSENT;
  if(!was_dropped(transfer, code))
    return false;
  return transfer->left++ < transfer->engine->options.max_retries;
}

/* Sends a transfer again, on a connection of its own. False: finish it. */
static bool repeat(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  transfer->altered = true; /* the option stays behind otherwise */
  if(!upload_rewind(transfer) ||
     libcurl.easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) ||
     libcurl.multi_remove_handle(engine->multi, transfer->easy))
    return false;
  engine->running--;
  transfer->error[0] = '\0';
  receive_forget(transfer);
  queue_push(transfer);
  return true;
}

static void collect(acurl_engine *engine) {
  struct curl_message *message;
  int left;
  while((message = libcurl.multi_info_read(engine->multi, &left))) {
    if(message->msg != CURL_MESSAGE_DONE)
      continue;
    struct transfer *transfer = NULL;
    CURLcode code = message->data.result;
    libcurl.easy_getinfo(message->easy, CURLINFO_PRIVATE, &transfer);
    if(!code && !transfer->in_body) /* libcurl takes it for a whole answer */
      transfer->cause = ACURL_CAUSE_HEAD_CUT_OFF;
    if(!may_repeat(transfer, code) || !repeat(transfer))
      finish(transfer, code);
  }
}

/* Somewhere a socket is not watched, so somebody would wait for nothing. */
static void fail_starved(acurl_engine *engine) {
  engine->starved = false;
  for(int i = 0; i < engine->slot_count; i++) {
    struct transfer *transfer = engine->slots[i];
    if(transfer->state != TRANSFER_RUNNING)
      continue;
    transfer->cause = ACURL_CAUSE_NO_MEMORY;
    finish(transfer, CURLE_OUT_OF_MEMORY);
  }
}

static void expire_deadlines(acurl_engine *engine) {
  for(int i = 0; i < EXPIRIES_PER_STEP && deadline_first(engine) <= engine->now; i++) {
    struct transfer *transfer = engine->heap[0];
    transfer->cause = limits_check(transfer);
    if(transfer->cause)
      finish(transfer, CURLE_OPERATION_TIMEDOUT);
  }
}

static int step(acurl_engine *engine, bool sockets) {
  int result = engine_check(engine);
  if(result)
    return result;
  batch_clear(engine);
  engine->now = clock_now();
  start_queued(engine);
  if(sockets) {
    engine->counters.drives++;
    events_poll(engine);
  }
  events_run_timers(engine, false);
  connections_sweep(engine);
  collect(engine);
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
