/* Time limits of a transfer: total, read and write.
 *
 * Each transfer has one entry in the deadline heap. Bytes that move only note
 * the time; when the deadline passes, the real state is looked at and the
 * deadline moved on. So a request that ends in time costs one push and one
 * removal, whatever limits it has. The connect limit is libcurl's own. */
#include "internal.h"

/* While a body is sent its progress is looked at this often per limit; a limit
 * strikes late by one look at most. */
#define WRITE_LOOKS 16
#define MIN_LOOK (5 * MILLISECOND)
#define MAX_LOOK (25 * MILLISECOND)

static int64_t earlier(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t look_step(int64_t limit) {
  int64_t step = limit / WRITE_LOOKS;
  return step < MIN_LOOK ? MIN_LOOK : step > MAX_LOOK ? MAX_LOOK : step;
}

static bool has_body(const struct transfer *transfer) {
  return transfer->body_len > 0 || transfer->mime || transfer->upload;
}

/* When read and write limits of one that begins now are looked at first. */
static int64_t first_look(const struct transfer *transfer, int64_t begin) {
  int64_t look = transfer->total_deadline;
  if(transfer->read_limit)
    look = earlier(look, begin + transfer->read_limit);
  int64_t limit = transfer->write_limit ? transfer->write_limit : transfer->read_limit;
  if(limit && has_body(transfer)) /* the end of sending starts the read limit: see it in time */
    look = earlier(look, begin + look_step(limit));
  return look;
}

bool limits_set(struct transfer *transfer, const acurl_profile *profile, int64_t total_us) {
  transfer->read_limit = profile->read_limit;
  transfer->write_limit = profile->write_limit;
  transfer->last_progress = transfer->submitted;
  transfer->sent = 0;
  transfer->total_deadline = total_us ? transfer->submitted + nanoseconds(total_us) : NEVER;
  transfer->deadline = transfer->total_deadline;
  if(!transfer->origin)
    transfer->deadline = first_look(transfer, transfer->submitted);
  else if(transfer->pool_limit)
    transfer->deadline = earlier(transfer->deadline, transfer->submitted + transfer->pool_limit);
  /* Also without a deadline: what goes wrong later is ended through the heap. */
  if(!deadline_reserve(transfer->engine))
    return false;
  if(transfer->deadline != NEVER)
    deadline_add(transfer->engine, transfer);
  return true;
}

static int64_t info(struct transfer *transfer, int which) {
  int64_t value = 0;
  libcurl.easy_getinfo(transfer->easy, which, &value);
  return value;
}

static void look_again(struct transfer *transfer, int64_t at) {
  deadline_drop(transfer->engine, transfer);
  transfer->deadline = earlier(at, transfer->total_deadline);
  deadline_add(transfer->engine, transfer);
}

/* Bytes of body that are to be sent. */
static int64_t to_send(struct transfer *transfer) {
  if(transfer->upload)
    return upload_is_read(transfer->upload) ? 0 : NEVER;
  return transfer->mime ? info(transfer, CURLINFO_CONTENT_LENGTH_UPLOAD_T) : transfer->body_len;
}

static bool is_sending(struct transfer *transfer) {
  if(!has_body(transfer) || transfer->status >= 200)
    return false;
  int64_t sent = info(transfer, CURLINFO_SIZE_UPLOAD_T);
  if(sent != transfer->sent) {
    transfer->sent = sent;
    transfer->last_progress = transfer->engine->now;
  }
  return sent < to_send(transfer);
}

/* Without a pool limit it is the total limit that ends the wait. */
static int check_wait(struct transfer *transfer) {
  int64_t due = transfer->pool_limit ? transfer->queued_at + transfer->pool_limit : NEVER;
  if(transfer->engine->now >= due)
    return ACURL_CAUSE_POOL_TIMEOUT;
  look_again(transfer, due);
  return ACURL_CAUSE_NONE;
}

void limits_start(struct transfer *transfer) {
  transfer->last_progress = transfer->started;
  int64_t look = first_look(transfer, transfer->started);
  if(look < transfer->deadline)
    look_again(transfer, look);
}

int limits_check(struct transfer *transfer) {
  int64_t now = transfer->engine->now;
  if(transfer->cause)
    return transfer->cause;
  if(transfer->paused) /* it is the user who is slow */
    transfer->last_progress = now;
  if(now >= transfer->total_deadline)
    return ACURL_CAUSE_TOTAL_TIMEOUT;
  if(transfer->state == TRANSFER_QUEUED && transfer->origin)
    return check_wait(transfer);
  int64_t connected = 0;
  if(transfer->state == TRANSFER_RUNNING)
    connected = info(transfer, CURLINFO_PRETRANSFER_TIME_T);
  if(!connected) { /* neither limit runs before there is a connection */
    transfer->last_progress = now;
    int64_t limit = earlier(transfer->read_limit ? transfer->read_limit : NEVER,
                            transfer->write_limit ? transfer->write_limit : NEVER);
    look_again(transfer, limit == NEVER ? NEVER : now + look_step(limit));
    return ACURL_CAUSE_NONE;
  }
  int64_t ready = transfer->started + connected * MICROSECOND;
  if(transfer->last_progress < ready)
    transfer->last_progress = ready;
  bool sending = is_sending(transfer);
  int64_t limit = sending ? transfer->write_limit : transfer->read_limit;
  if(!limit) {
    look_again(transfer, sending ? now + MIN_LOOK : NEVER);
    return ACURL_CAUSE_NONE;
  }
  int64_t due = transfer->last_progress + limit;
  if(now >= due)
    return sending ? ACURL_CAUSE_WRITE_TIMEOUT : ACURL_CAUSE_READ_TIMEOUT;
  look_again(transfer, sending ? earlier(due, now + look_step(limit)) : due);
  return ACURL_CAUSE_NONE;
}

void limits_hasten(struct transfer *transfer) {
  deadline_drop(transfer->engine, transfer);
  transfer->deadline = transfer->engine->now;
  deadline_add(transfer->engine, transfer);
}
