/* Fuzzes the whole engine but libcurl and the system: transfers of all kinds are submitted, fed,
 * read, cancelled and ended in any order, while answers of any shape come, time passes, memory,
 * descriptors and options run out. What the records tell is compared with what was played. */
#include "understudy.h"

#include "../csrc/check.h"
#include "input.h"
#include "kernel.h"

#define MOST_SLOTS 16
#define MOST_STEPS 400
#define RESOLVE 10203
#define USERAGENT 10018
#define BODY_LIMIT 300000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROFILES = 5, JARS = 3 };

/* What was submitted in a slot. */
static struct want {
  bool live;
  int serial;
  int profile;
  const char *method, *url, *headers;
  const char *body;
  const acurl_jar *jar;
  acurl_extras extras;
  int64_t fed, taken;
  bool fed_last, started;
} wants[MOST_SLOTS];

static acurl_engine *engine;
static acurl_profile *profiles[PROFILES];
static acurl_jar *jars[JARS]; /* the last one owns connections */
static int live, serials;
static bool trouble; /* options or handles were refused, or memory */

static const char *const urls[] = {"http://fuzz.test/", "http://fuzz.test/a?b=c",
                                   "https://other.test:8443/"};
static const char *const methods[] = {NULL, "GET", "HEAD", "PUT", "POST", "PROPFIND"};
static const char two_headers[] = "X-One: 1\0X-Two: 2";
static const char body[] = "a body";
static const acurl_part parts[] = {
    {.name = "one", .data = body, .data_len = sizeof body - 1},
    {.name = "two", .filename = "f", .content_type = "text/plain", .path = "/nowhere",
     .headers = two_headers, .headers_len = sizeof two_headers}};

static struct want *want_of(const struct easy *easy) {
  return &wants[easy->transfer->slot];
}

static void check_text(const struct easy *easy, int which, const char *wanted) {
  CHECK_TEXT(easy->texts[which] ? easy->texts[which] : "", wanted ? wanted : "");
}

/* Nothing of the user before, and all of this one. */
int setup_check(const struct easy *easy) {
  if(!easy->transfer) /* the janitor, who is nobody's */
    return 0;
  struct want *want = want_of(easy);
  bool has_body = want->body || want->extras.parts || want->extras.stream_body;
  bool is_head = want->method && !strcmp(want->method, "HEAD");
  CHECK(want->live);
  check_text(easy, TEXT_URL, want->url);
  check_text(easy, TEXT_AGENT, want->profile == 1 ? "fuzz" : NULL);
  check_text(easy, TEXT_USER, want->extras.digest_user);
  check_text(easy, TEXT_PASSWORD, want->extras.digest_password);
  CHECK_EQUAL(easy->numbers[NUMBER_NOBODY], is_head);
  CHECK_EQUAL(easy->numbers[NUMBER_UPLOAD], want->extras.stream_body != 0);
  CHECK_EQUAL(easy->numbers[NUMBER_AUTH], want->extras.digest_user ? CURLAUTH_DIGEST : 0);
  CHECK_EQUAL(easy->mime != NULL, want->extras.parts != NULL);
  CHECK_EQUAL(easy->numbers[NUMBER_POST], want->body != NULL);
  if(want->body)
    CHECK(easy->post_data == want->body && easy->post_size == sizeof body - 1);
  if(want->method && !is_head)
    check_text(easy, TEXT_METHOD, want->method);
  else if(!has_body)
    check_text(easy, TEXT_METHOD, NULL);
  CHECK(easy->share == (want->jar ? want->jar->share : NULL));
  if(!easy->share)
    CHECK_EQUAL(easy->cookies, 0);
  CHECK_EQUAL(easy->resolve != NULL, want->profile == 3);
  CHECK_EQUAL(easy->headers != NULL, want->headers != NULL);
  if(want->headers) {
    CHECK_TEXT(easy->headers->data, "X-One: 1");
    CHECK_TEXT(easy->headers->next->data, "X-Two: 2");
    CHECK(!easy->headers->next->next);
  }
  CHECK_EQUAL(easy->numbers[NUMBER_FRESH], want->started); /* repeats alone ask for it */
  want->started = true;
  CHECK_EQUAL(easy->error[0], 0);
  return want->serial;
}

void upload_check(const struct easy *easy, const char *data, size_t len) {
  struct want *want = want_of(easy);
  CHECK_AT_MOST(easy->uploaded + (int64_t)len, want->fed);
  CHECK(body_is(want->serial, easy->uploaded, data, len));
  if(!len)
    CHECK(want->fed_last && easy->uploaded == want->fed);
}

/* The easy of a slot stays as it was when it finished, until its next use. */
static const struct easy *easy_of(int slot) {
  return engine->slots[slot]->easy;
}

static bool discards(const struct want *want) {
  return want->profile == 2 && !want->extras.stream_answer;
}

static void check_body(const struct want *want, const struct easy *easy,
                       const acurl_record *record, const char *data) {
  int64_t had = want->taken;
  if(discards(want))
    CHECK_EQUAL(record->body_len, 0);
  else
    CHECK_EQUAL(record->body_len, easy->accepted - had);
  CHECK(body_is(want->serial, had, data, (size_t)record->body_len));
}

static void check_refusal(const struct want *want, const struct easy *easy,
                          const acurl_record *record) {
  int64_t limit = want->profile == 4 ? 100 : BODY_LIMIT;
  if(record->cause == ACURL_CAUSE_BODY_TOO_LARGE)
    CHECK(easy->accepted + (int64_t)easy->refused - want->taken > limit);
  if(record->cause == ACURL_CAUSE_HEADERS_TOO_LARGE)
    CHECK_AT_MOST(record->header_len, 300 * 1024);
  CHECK(record->code || record->cause);
}

static void check_record(int slot, const char *bytes, size_t size, int flags) {
  struct want *want = &wants[slot];
  acurl_record record;
  CHECK_AT_LEAST(size, sizeof record);
  memcpy(&record, bytes, sizeof record);
  /* A stream that failed still hands on what it had got. */
  bool has_body = !(flags & ACURL_FLAG_HEAD) &&
                  (!(flags & ACURL_FLAG_FAILED) || want->extras.stream_answer);
  bool inside = !(flags & (ACURL_FLAG_HELD | ACURL_FLAG_HEAD));
  CHECK_EQUAL(size, sizeof record + record.header_len + record.ip_len + record.redirect_len +
                        record.cookie_len + record.error_len + record.cert_len +
                        (inside ? (size_t)record.body_len : 0));
  CHECK_EQUAL(!!(flags & ACURL_FLAG_FAILED), record.code || record.cause);
  CHECK_EQUAL(!!(flags & ACURL_FLAG_REDIRECT), record.redirect_len > 0);
  CHECK_EQUAL(!!(flags & ACURL_FLAG_COOKIES), record.cookie_len > 0);
  CHECK_EQUAL(!!(flags & ACURL_FLAG_HELD), record.held_body != 0);
  const struct easy *easy = easy_of(slot);
  bool bare = record.cause == ACURL_CAUSE_NO_MEMORY && trouble;
  const char *held = (const char *)(uintptr_t)record.held_body;
  if(easy && !easy->garbled && !bare && record.connection_id >= 0 && easy->serial == want->serial) {
    CHECK_EQUAL(record.header_len, easy->head_len);
    CHECK(!record.header_len || !memcmp(bytes + sizeof record, easy->head, easy->head_len));
    CHECK_EQUAL(record.status, easy->status);
    if(flags & ACURL_FLAG_FAILED)
      check_refusal(want, easy, &record);
    if(has_body)
      check_body(want, easy, &record, held ? held : bytes + size - record.body_len);
  }
  if(!has_body)
    CHECK_EQUAL(record.body_len, 0);
  if(held)
    acurl_body_free(record.held_body);
}

static void end_of(int slot) {
  CHECK(wants[slot].live);
  wants[slot].live = false;
  live--;
}

static void take(int count) {
  acurl_batch *batch = acurl_engine_batch(engine);
  CHECK_AT_LEAST(count, 0);
  CHECK_EQUAL(batch->count, count);
  int32_t start = 0;
  for(int i = 0; i < count; i++) {
    const int32_t *triple = &batch->index[3 * i];
    int slot = triple[0], flags = triple[2];
    size_t size = (size_t)(triple[1] - start);
    CHECK(slot >= 0 && slot < MOST_SLOTS && triple[1] >= start && wants[slot].live);
    struct want *want = &wants[slot];
    bool exchange = want->extras.stream_answer || want->extras.stream_body;
    if(flags & (ACURL_FLAG_DATA | ACURL_FLAG_HUNGRY)) {
      CHECK(exchange && size == 0);
    }
    else {
      check_record(slot, batch->bytes + start, size, flags);
      CHECK(!(flags & ACURL_FLAG_HEAD) || want->extras.stream_answer);
      CHECK_EQUAL(!!(flags & ACURL_FLAG_EXCHANGE), exchange && !(flags & ACURL_FLAG_HEAD));
      if(!(flags & ACURL_FLAG_HEAD))
        end_of(slot);
    }
    start = triple[1];
  }
  CHECK_EQUAL(start, batch->size);
}

/* What is asked for once the call can fail for lack of memory may be refused; nothing else may. */
static void check_refused(int result) {
  CHECK(result == ACURL_ENOMEM || result == ACURL_EARGUMENT);
  CHECK(trouble || kernel_memory_failed());
}

static void choose(struct want *want) {
  int kind = input_byte();
  *want = (struct want){.serial = ++serials, .profile = input_upto(PROFILES - 1)};
  want->method = methods[kind & 7 ? 0 : input_upto(5)];
  want->url = urls[input_upto(2)];
  want->headers = kind & 8 ? two_headers : NULL;
  want->jar = kind & 16 ? jars[input_upto(JARS - 1)] : NULL;
  want->extras.stream_answer = !!(kind & 32);
  switch(input_upto(5)) {
  case 0: want->body = body; break;
  case 1: want->extras.parts = parts; want->extras.part_count = 2; break;
  case 2: want->extras.stream_body = 1; want->extras.stream_size = input_upto(300) - 1; break;
  case 3: want->extras.digest_user = "ada"; want->extras.digest_password = "secret"; break;
  }
  bool has_body = want->body || want->extras.parts || want->extras.stream_body;
  if(has_body && want->method && !strcmp(want->method, "HEAD"))
    want->method = NULL;
}

static void submit(void) {
  struct want want;
  choose(&want);
  if(live == MOST_SLOTS)
    return;
  int64_t total = input_upto(3) ? 0 : 1000 * (1 + input_byte());
  int slot = acurl_submit(engine, profiles[want.profile], (acurl_jar *)want.jar, 0, want.method,
                          want.url, want.headers, want.headers ? sizeof two_headers : 0, want.body,
                          want.body ? (int64_t)sizeof body - 1 : -1, total, &want.extras);
  if(slot < 0) {
    check_refused(slot);
    return;
  }
  CHECK(slot < MOST_SLOTS && !wants[slot].live);
  want.live = true;
  wants[slot] = want;
  live++;
}

static void read_some(int slot) {
  const char *data = NULL;
  struct want *want = &wants[slot];
  int64_t len = acurl_read(engine, slot, &data);
  if(!want->live || !want->extras.stream_answer) {
    CHECK_EQUAL(len, ACURL_EARGUMENT);
    return;
  }
  CHECK_AT_LEAST(len, 0);
  CHECK_AT_MOST(len, 256 * 1024 + 131072 + 24 * 200); /* the window, a piece, and some scraps */
  CHECK(body_is(want->serial, want->taken, data, (size_t)len));
  want->taken += len;
}

static void feed_some(int slot, int64_t len, bool last) {
  static char data[8 * 65536];
  struct want *want = &wants[slot];
  body_fill(want->serial, want->fed, data, (size_t)len);
  bool may = want->live && want->extras.stream_body && !want->fed_last;
  if(may) { /* libcurl may ask for it within the call */
    want->fed += len;
    want->fed_last = last;
  }
  int64_t result = acurl_feed(engine, slot, data, len, last);
  if(!may)
    CHECK_EQUAL(result, ACURL_EARGUMENT);
  else if(result < 0) {
    check_refused((int)result);
    want->fed -= len;
    want->fed_last = false;
  }
  else
    CHECK_AT_MOST(result, want->fed);
}

static void stop(int slot, bool with_record) {
  bool was_live = wants[slot].live;
  int result = with_record ? acurl_end(engine, slot) : acurl_cancel(engine, slot);
  if(!was_live)
    CHECK_EQUAL(result, ACURL_EARGUMENT);
  else if(with_record)
    take(result);
  else {
    CHECK_EQUAL(result, ACURL_OK);
    end_of(slot);
  }
}

static void renew_jar(int which) {
  if(jars[which])
    CHECK_EQUAL(acurl_jar_release(engine, jars[which]), ACURL_OK);
  jars[which] = acurl_jar_new(engine, which == JARS - 1);
  CHECK(jars[which] || trouble || kernel_memory_failed());
}

static void use_jar(int which) {
  static const char line[] = "fuzz.test\tFALSE\t/\tFALSE\t0\tname\tvalue";
  acurl_jar *jar = jars[which];
  if(!jar)
    return;
  int result = 0;
  switch(input_upto(2)) {
  case 0: result = acurl_jar_add(engine, jar, line); break;
  case 1: result = acurl_jar_clear(engine, jar); break;
  default: result = acurl_jar_list(engine, jar);
  }
  if(result < 0)
    check_refused(result);
}

static void drive(bool sockets) {
  take(sockets ? acurl_drive(engine) : acurl_kick(engine));
  if(kernel_refuses() || trouble)
    return;
  understudy_check_sockets(engine);
  CHECK(!understudy_waits() || kernel_would_wake());
}

static void check_counters(void) {
  acurl_counters counters;
  CHECK_EQUAL(acurl_engine_counters(engine, &counters), ACURL_OK);
  CHECK_EQUAL(counters.in_flight, live);
  CHECK_EQUAL(counters.opened - counters.closed, understudy_connections());
  CHECK(counters.idle >= 0 && counters.idle <= counters.opened - counters.closed);
  CHECK_AT_MOST(counters.finished, counters.started + serials);
  CHECK_AT_LEAST(acurl_engine_fd(engine), 0);
}

static void make_trouble(void) {
  int what = input_upto(4), when = input_byte();
  trouble = true;
  switch(what) {
  case 0: kernel_limit_memory(when); break;
  case 1: kernel_refuse_epoll(1 + when % 4); break;
  case 2: kernel_refuse_sockets(1 + when % 4); break;
  case 3: understudy_limit_options(when); break;
  default: understudy_refuse_handles(when & 3, when >> 2 & 3, when >> 4 & 3);
  }
}

static void end_trouble(void) {
  kernel_limit_memory(-1);
  kernel_refuse_epoll(0);
  kernel_refuse_sockets(0);
  understudy_limit_options(-1);
  understudy_refuse_handles(0, 0, 0);
}

static void step(void) {
  int slot = input_upto(MOST_SLOTS - 1);
  switch(input_upto(15)) {
  case 0: case 1: case 2: submit(); break;
  case 3: drive(false); break;
  case 4: stop(slot, false); break;
  case 5: stop(slot, true); break;
  case 6: read_some(slot); break;
  case 7: feed_some(slot, input_upto(255), input_byte() & 1); break;
  case 8: feed_some(slot, (input_byte() & 15 ? 1 : 8) * (int64_t)input_upto(65535), false); break;
  case 9: kernel_move_clock(1000000LL * input_upto(3000)); break;
  case 10: renew_jar(input_upto(JARS - 1)); break;
  case 11: use_jar(input_upto(JARS - 1)); break;
  case 12: make_trouble(); break;
  case 13: end_trouble(); break;
  case 14:
    understudy_disturb_idle(input_byte() & 1);
    check_counters();
    break;
  default: drive(true);
  }
}

/* With no more input every answer ends well: all transfers must come to their end now, but for a
 * wake-up that the engine has forgotten. */
static void finish_all(void) {
  end_trouble();
  for(int round = 0; live; round++) {
    CHECK_AT_MOST(round, 200);
    drive(false);
    for(int slot = 0; slot < MOST_SLOTS; slot++) {
      if(wants[slot].live && wants[slot].extras.stream_answer)
        read_some(slot);
      if(wants[slot].live && wants[slot].extras.stream_body && !wants[slot].fed_last)
        feed_some(slot, 10, true);
    }
    if(live)
      CHECK(kernel_would_wake());
    kernel_move_to_timer();
    drive(true);
  }
  CHECK_EQUAL(engine->in_flight, 0);
  CHECK_EQUAL(engine->running, 0);
  CHECK_EQUAL(engine->queue.len + engine->waiting, 0);
  CHECK_EQUAL(engine->heap_len, 0);
  check_counters();
}

static void make_profiles(void) {
  for(int i = 0; i < PROFILES; i++) {
    profiles[i] = acurl_profile_new();
    CHECK(profiles[i]);
  }
  acurl_profile_set_text(profiles[1], USERAGENT, "fuzz");
  acurl_profile_set_limits(profiles[1], 20000, 30000, 0);
  acurl_profile_set_flags(profiles[2], ACURL_PROFILE_DISCARD_BODY | ACURL_PROFILE_CERTIFICATES);
  acurl_profile_set_flags(profiles[3], ACURL_PROFILE_EARLY_DATA);
  CHECK(!acurl_profile_set_list(profiles[3], RESOLVE, two_headers, sizeof two_headers));
  acurl_profile_set_body_limit(profiles[4], 100);
}

static void begin(void) {
  acurl_engine_options options = {.max_connects = 3, .max_host_keepalive = -1, .max_streams = 10,
                                  .keepalive_expiry_us = 2000000,
                                  .max_response_size = BODY_LIMIT, .max_retries = 2};
  memset(wants, 0, sizeof wants);
  memset(jars, 0, sizeof jars);
  live = serials = 0;
  trouble = false;
  kernel_start();
  understudy_start();
  engine = acurl_engine_new(&options);
  CHECK(engine);
  make_profiles();
}

static void end(bool jars_first) {
  for(int i = 0; i < PROFILES; i++)
    acurl_profile_free(profiles[i]);
  for(int i = 0; i < JARS && jars_first; i++)
    if(jars[i])
      acurl_jar_release(engine, jars[i]);
  CHECK_EQUAL(acurl_engine_close(engine), ACURL_OK);
  for(int i = 0; i < JARS && !jars_first; i++)
    if(jars[i])
      acurl_jar_release(NULL, jars[i]);
  kernel_stop();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  understudy_install();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input_start(data, size);
  begin();
  int ending = input_byte();
  for(int i = 0; i < MOST_STEPS && !input_ended(); i++)
    step();
  input_start(NULL, 0);
  if(ending & 1)
    finish_all();
  end_trouble();
  end(ending & 2);
  return 0;
}
