/* Drives engine and target, and takes the batches apart as the contract says. */
#define _GNU_SOURCE
#include "rig.h"

#include <poll.h>

void rig_bind(int argc, char **argv) {
  CHECK(argc > 1);
  if(acurl_bind(argv[1], 0) != ACURL_OK) {
    fprintf(stderr, "%s\n", acurl_bind_error());
    abort();
  }
}

void rig_open(struct rig *rig, acurl_engine_options options) {
  *rig = (struct rig){0};
  if(!options.max_connects)
    options.max_connects = 100;
  if(!options.max_host_keepalive)
    options.max_host_keepalive = -1;
  if(!options.max_streams)
    options.max_streams = 100;
  if(!options.keepalive_expiry_us)
    options.keepalive_expiry_us = 118000000;
  if(!options.max_response_size)
    options.max_response_size = 64 << 20;
  if(!options.max_retries)
    options.max_retries = 5;
  rig->engine = acurl_engine_new(&options);
  CHECK(rig->engine);
  rig->profile = acurl_profile_new();
  CHECK(!acurl_profile_set_text(rig->profile, 10004, "")); /* no proxy */
  rig->target = target_start();
}

static char *text_copy(const char **from, size_t len) {
  char *copy = calloc(1, len + 1);
  CHECK(copy);
  memcpy(copy, *from, len);
  *from += len;
  return copy;
}

static void forget(struct outcome *outcome) {
  free(outcome->header);
  free(outcome->ip);
  free(outcome->redirect);
  free(outcome->cookies);
  free(outcome->error);
  free(outcome->body);
  if(outcome->held)
    acurl_body_free((uint64_t)(uintptr_t)outcome->held);
  *outcome = (struct outcome){0};
}

void rig_close(struct rig *rig) {
  if(rig->engine)
    CHECK_EQUAL(acurl_engine_close(rig->engine), ACURL_OK);
  acurl_profile_free(rig->profile);
  target_stop(rig->target);
  for(int i = 0; i < rig->outcome_cap; i++)
    forget(&rig->outcomes[i]);
  free(rig->outcomes);
}

static struct outcome *outcome_of(struct rig *rig, int slot) {
  if(slot >= rig->outcome_cap) {
    int cap = slot * 2 + 16;
    rig->outcomes = realloc(rig->outcomes, (size_t)cap * sizeof *rig->outcomes);
    CHECK(rig->outcomes);
    memset(rig->outcomes + rig->outcome_cap, 0,
           (size_t)(cap - rig->outcome_cap) * sizeof *rig->outcomes);
    rig->outcome_cap = cap;
  }
  return &rig->outcomes[slot];
}

static void keep(struct rig *rig, int slot, const char *bytes, size_t size, int flags) {
  struct outcome *outcome = outcome_of(rig, slot);
  const char *end = bytes + size;
  CHECK(!outcome->done);
  CHECK_AT_LEAST(size, sizeof outcome->record);
  acurl_record *record = &outcome->record;
  memcpy(record, bytes, sizeof *record);
  bytes += sizeof *record;
  outcome->done = true;
  outcome->flags = flags;
  outcome->header = text_copy(&bytes, record->header_len);
  outcome->ip = text_copy(&bytes, record->ip_len);
  outcome->redirect = text_copy(&bytes, record->redirect_len);
  outcome->cookies = text_copy(&bytes, record->cookie_len);
  outcome->error = text_copy(&bytes, record->error_len);
  bytes += record->cert_len;
  if(flags & ACURL_FLAG_HELD)
    outcome->held = (char *)(uintptr_t)record->held_body;
  else
    outcome->body = text_copy(&bytes, (size_t)record->body_len);
  CHECK(bytes == end);
  rig->finished++;
}

/* Whether it was no more than that: the transfer goes on. */
static bool notice(struct rig *rig, int slot, const char *bytes, int flags) {
  struct outcome *outcome = outcome_of(rig, slot);
  if(!(flags & (ACURL_FLAG_HEAD | ACURL_FLAG_DATA | ACURL_FLAG_HUNGRY)))
    return false;
  acurl_record record;
  CHECK(!outcome->done);
  outcome->noticed |= flags;
  if(flags & ACURL_FLAG_HEAD) {
    memcpy(&record, bytes, sizeof record);
    outcome->heads++;
    outcome->status = record.status;
  }
  return true;
}

void rig_take(struct rig *rig, int count) {
  CHECK_AT_LEAST(count, 0);
  acurl_batch *batch = acurl_engine_batch(rig->engine);
  CHECK_EQUAL(batch->count, count);
  int32_t start = 0;
  for(int i = 0; i < count; i++) {
    const int32_t *triple = &batch->index[3 * i];
    CHECK_AT_LEAST(triple[1], start);
    if(!notice(rig, triple[0], batch->bytes + start, triple[2]))
      keep(rig, triple[0], batch->bytes + start, (size_t)(triple[1] - start), triple[2]);
    start = triple[1];
  }
  CHECK_EQUAL(start, batch->size);
}

int rig_submit(struct rig *rig, const struct request *request) {
  char url[4096];
  if(strstr(request->path, "://"))
    snprintf(url, sizeof url, "%s", request->path);
  else
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", target_port(rig->target), request->path);
  int slot = acurl_submit(rig->engine, request->profile ? request->profile : rig->profile,
                          request->jar, request->lane, request->method, url, request->headers,
                          (int64_t)request->headers_len, request->body,
                          request->body ? request->body_len : -1, request->total_us,
                          request->extras);
  if(slot >= 0)
    forget(outcome_of(rig, slot));
  return slot;
}

void rig_kick(struct rig *rig) {
  rig_take(rig, acurl_kick(rig->engine));
}

void rig_step(struct rig *rig, int milliseconds) {
  struct pollfd ready[2] = {{.fd = acurl_engine_fd(rig->engine), .events = POLLIN},
                            {.fd = target_fd(rig->target), .events = POLLIN}};
  poll(ready, 2, milliseconds);
  if(ready[1].revents)
    target_step(rig->target);
  if(ready[0].revents) {
    rig->drives++;
    rig_take(rig, acurl_drive(rig->engine));
  }
}

void rig_run(struct rig *rig, int milliseconds) {
  int64_t end = clock_now() + milliseconds * MILLISECOND;
  int64_t left;
  while((left = end - clock_now()) > 0)
    rig_step(rig, (int)(left / MILLISECOND) + 1);
}

void rig_until_finished(struct rig *rig, int count) {
  int64_t end = clock_now() + 10000 * MILLISECOND;
  while(rig->finished < count) {
    CHECK(clock_now() < end);
    rig_step(rig, 1000);
  }
}

struct outcome *rig_fetch(struct rig *rig, const struct request *request) {
  int slot = rig_submit(rig, request);
  CHECK_AT_LEAST(slot, 0);
  int wanted = rig->finished + 1;
  rig_kick(rig);
  rig_until_finished(rig, wanted);
  CHECK(rig->outcomes[slot].done);
  return &rig->outcomes[slot];
}

acurl_counters rig_counters(struct rig *rig) {
  acurl_counters counters;
  CHECK_EQUAL(acurl_engine_counters(rig->engine, &counters), ACURL_OK);
  return counters;
}
