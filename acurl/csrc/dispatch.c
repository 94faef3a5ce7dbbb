/* The course of a transfer: from the queue to libcurl, and from libcurl to its
 * record, or to the queue again. */
#define _GNU_SOURCE
#include "internal.h"

#include <string.h>
#include <time.h>

#define STARTS_PER_ROUND 64
#define MAX_START_TIME (2 * MILLISECOND)
/* Of requests that ran into connections which had ended already. */
#define MAX_REPEATS_UNSENT 2

static int64_t wall_clock_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

void queue_push(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  transfer->state = TRANSFER_QUEUED;
  if(transfer->origin)
    admission_wait(transfer);
  else
    fifo_push(&engine->queue, transfer);
}

/* It is not in the multi any more. */
static void leave_multi(struct transfer *transfer) {
  struct lane *lane = transfer->lane;
  lane_settle(transfer);
  lane->running--;
  lane->engine->running--;
}

void dispatch_detach(struct transfer *transfer, int reason) {
  acurl_engine *engine = transfer->engine;
  bool was_running = transfer->state == TRANSFER_RUNNING;
  if(was_running) {
    engine->closing = reason + 1;
    transfer->stuck =
      libcurl.multi_remove_handle(transfer->lane->multi, transfer->easy) != CURLM_OK;
    engine->closing = 0;
    leave_multi(transfer);
  }
  admission_leave(transfer);
  if(!was_running)
    fifo_drop(transfer);
  deadline_drop(engine, transfer);
  engine->in_flight--;
}

void dispatch_finish(struct transfer *transfer, CURLcode code) {
  acurl_engine *engine = transfer->engine;
  bool failed = code || transfer->cause;
  if(failed)
    admission_failed(transfer);
  dispatch_detach(transfer, failed ? ACURL_CLOSED_ERROR : ACURL_CLOSED_CLIENT);
  batch_record(transfer, code, 0);
  engine->counters.finished++;
  transfer_recycle(transfer);
}

void dispatch_start(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  if(transfer->origin && transfer->fifo == &transfer->origin->queue)
    admission_unwait(transfer);
  else
    fifo_drop(transfer);
  bool at_once = engine->pass == transfer->queued_pass + 1;
  transfer->last_wait = at_once ? 0 : engine->now - transfer->queued_at;
  transfer->waited += transfer->last_wait;
  transfer->started = engine->now;
  transfer->start_wall_us = engine->wall_us;
  transfer->state = TRANSFER_RUNNING;
  transfer->settled = false;
  transfer->lane->unsettled++;
  transfer->lane->running++;
  transfer->lane->has_new = true;
  engine->running++;
  engine->counters.started++;
  if(transfer->origin) {
    admission_started(transfer);
    limits_start(transfer);
  }
  if(!libcurl.multi_add_handle(transfer->lane->multi, transfer->easy))
    return;
  /* libcurl does not hold it: finish it as if it had stayed in the queue. */
  if(transfer->origin)
    admission_leave(transfer);
  leave_multi(transfer);
  transfer->state = TRANSFER_QUEUED;
  transfer->cause = ACURL_CAUSE_NO_MEMORY;
  dispatch_finish(transfer, CURLE_OUT_OF_MEMORY);
}

static void start_all(acurl_engine *engine, int64_t until) {
  while(engine->queue.len) {
    for(int i = 0; i < STARTS_PER_ROUND && engine->queue.head; i++)
      dispatch_start(engine->queue.head);
    for(int i = 0; i < engine->lane_count; i++)
      if(engine->lanes[i] && engine->lanes[i]->has_new)
        events_run_lane(engine->lanes[i]);
    engine->now = clock_now();
    if(engine->now >= until)
      return;
  }
}

void dispatch_queued(acurl_engine *engine) {
  if(!engine->queue.len && !engine->waiting)
    return;
  int64_t until = engine->now + MAX_START_TIME;
  engine->wall_us = wall_clock_us();
  if(engine->queue.len)
    start_all(engine, until);
  if(engine->waiting)
    admission_run(engine, until);
}

/* Whether a transfer failed on a kept connection before a byte of it was sent:
 * the server had closed it, or we had, and libcurl gave up after five such. */
static bool never_left(struct transfer *transfer, CURLcode code) {
  long sent = 0;
  return code == CURLE_SEND_ERROR &&
         !libcurl.easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent) && !sent;
}

static bool has_answered_before(struct transfer *transfer) {
  int64_t id = record_connection_id(transfer);
  return id >= 0 && *engine_answered(transfer->engine, id) == id;
}

/* libcurl has repeated it as often as it cares to. Over HTTP/2 it does that with
 * what was refused, and with what never left. */
static bool was_refused(const struct transfer *transfer) {
  bool multiplexed = transfer->origin && transfer->origin->protocol == PROTOCOL_MULTIPLEX;
  return strstr(transfer->error, "REFUSED_STREAM") ||
         (multiplexed && strstr(transfer->error, "Connection died, tried"));
}

/* Whether an HTTP/2 connection went away under a request that had no answer yet:
 * what is safe may be sent again, and what the server itself has refused. That a
 * connection broke which never gave an answer is for the user to know. */
static bool was_dropped(struct transfer *transfer, CURLcode code) {
  if(transfer->status)
    return false;
  if(code == CURLE_HTTP2 || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR)
    return was_refused(transfer) || (transfer->is_safe && has_answered_before(transfer));
  /* "by curl" is how libcurl names the streams that a GOAWAY has ended. */
  return code == CURLE_HTTP2_STREAM &&
         (was_refused(transfer) ||
          (transfer->is_safe && strstr(transfer->error, "reset by curl")));
}

/* Counts the repeat. */
static bool may_repeat(struct transfer *transfer, CURLcode code) {
  if(!code)
    return false;
  if(never_left(transfer, code)) {
    connection_explain(transfer->engine, ACURL_CLOSED_SERVER_IDLE);
    return transfer->repeats++ < MAX_REPEATS_UNSENT;
  }
  if(!was_dropped(transfer, code))
    return false;
  connection_explain(transfer->engine, ACURL_CLOSED_SERVER_LIMIT);
  return transfer_left_again(transfer, was_refused(transfer));
}

/* Sends a transfer again, on a connection of its own. False: finish it. */
static bool repeat(struct transfer *transfer) {
  transfer->altered = true; /* the option stays behind otherwise */
  if(!upload_rewind(transfer) ||
     libcurl.easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) ||
     libcurl.multi_remove_handle(transfer->lane->multi, transfer->easy))
    return false;
  leave_multi(transfer);
  struct origin *origin = transfer->origin;
  if(origin) {
    origin->holds++; /* it stays the transfer's */
    admission_leave(transfer);
    transfer->origin = origin;
  }
  transfer->wants_fresh = true;
  transfer->error[0] = '\0';
  transfer->queued_at = transfer->engine->now;
  transfer->queued_pass = transfer->engine->pass;
  receive_forget(transfer);
  queue_push(transfer);
  return true;
}

void dispatch_collect(acurl_engine *engine) {
  struct curl_message *message;
  int left;
  for(int i = 0; i < engine->lane_count; i++) {
    if(!engine->lanes[i])
      continue;
    while((message = libcurl.multi_info_read(engine->lanes[i]->multi, &left))) {
      struct transfer *transfer = NULL;
      CURLcode code = message->data.result;
      if(message->msg == CURL_MESSAGE_DONE)
        libcurl.easy_getinfo(message->easy, CURLINFO_PRIVATE, &transfer);
      if(!transfer) /* the janitor's */
        continue;
      if(!code && !transfer->in_body) /* libcurl takes it for a whole answer */
        transfer->cause = ACURL_CAUSE_HEAD_CUT_OFF;
      if(may_repeat(transfer, code) && repeat(transfer))
        continue;
      if(code)
        connection_explain(engine, ACURL_CLOSED_ERROR);
      dispatch_finish(transfer, code);
    }
  }
}
