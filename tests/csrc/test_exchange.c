/* exchange.c, form.c: bodies that come or go in pieces, multipart forms. */
#include "rig.h"

#define WINDOW (256 * 1024)
#define LARGE 2000000

static const acurl_extras streamed = {.stream_answer = 1};

/* Reads what is there and checks that it goes on where the last reading ended. */
static int64_t read_on(struct rig *rig, int slot, int64_t at) {
  const char *data = NULL;
  int64_t len = acurl_read(rig->engine, slot, &data);
  CHECK_AT_LEAST(len, 0);
  for(int64_t i = 0; i < len; i++)
    CHECK_EQUAL(data[i], 'a' + (at + i) % 26);
  return len;
}

static void a_slow_reader_holds_up_the_answer(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  int slot = SUBMIT(&rig, .path = "/bytes/2000000", .extras = &streamed);
  rig_kick(&rig);
  struct transfer *transfer = rig.engine->slots[slot];
  while(!transfer->paused)
    rig_step(&rig, 1000);
  rig_run(&rig, 30);
  CHECK_EQUAL(rig.outcomes[slot].heads, 1);
  CHECK_EQUAL(rig.outcomes[slot].status, 200);
  CHECK(rig.outcomes[slot].noticed & ACURL_FLAG_DATA);
  CHECK_AT_MOST(transfer->body.len, WINDOW + 256 * 1024); /* a piece more than the window */
  int64_t got = 0;
  while(!rig.outcomes[slot].done) {
    got += read_on(&rig, slot, got);
    rig_step(&rig, 1000);
  }
  CHECK_EQUAL(got + rig.outcomes[slot].record.body_len, LARGE);
  CHECK_EQUAL(rig.outcomes[slot].flags & (ACURL_FLAG_EXCHANGE | ACURL_FLAG_FAILED),
              ACURL_FLAG_EXCHANGE);
  CHECK_EQUAL(rig.outcomes[slot].heads, 1);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  CHECK_EQUAL(target_accepted(rig.target), 1);
  rig_close(&rig);
}

static void redirects_are_not_streamed(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *outcome = FETCH(&rig, .path = "/redirect", .extras = &streamed);
  CHECK_EQUAL(outcome->heads, 0);
  CHECK_EQUAL(outcome->record.status, 302);
  CHECK(outcome->flags & ACURL_FLAG_REDIRECT);
  rig_close(&rig);
}

static void an_exchange_can_be_ended_early(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  int slot = SUBMIT(&rig, .path = "/bytes/2000000", .extras = &streamed);
  rig_kick(&rig);
  while(!rig.outcomes[slot].heads)
    rig_step(&rig, 1000);
  rig_take(&rig, acurl_end(rig.engine, slot));
  CHECK(rig.outcomes[slot].done);
  CHECK_EQUAL(rig.outcomes[slot].record.status, 200);
  CHECK_EQUAL(acurl_end(rig.engine, slot), ACURL_EARGUMENT);
  CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->record.body_len, 5);
  rig_close(&rig);
}

static void feed(struct rig *rig, int slot, const char *text, int last) {
  CHECK_AT_LEAST(acurl_feed(rig->engine, slot, text, (int64_t)strlen(text), last), 0);
}

static void a_body_is_given_piece_by_piece(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_extras extras = {.stream_body = 1, .stream_size = 11};
  int slot = SUBMIT(&rig, .path = "/echo", .method = "PUT", .extras = &extras);
  rig_kick(&rig);
  while(!(rig.outcomes[slot].noticed & ACURL_FLAG_HUNGRY))
    rig_step(&rig, 1000);
  feed(&rig, slot, "one ", 0);
  rig_run(&rig, 10);
  CHECK(!rig.outcomes[slot].done);
  feed(&rig, slot, "two ", 0);
  feed(&rig, slot, "end", 1);
  CHECK_EQUAL(acurl_feed(rig.engine, slot, "more", 4, 0), ACURL_EARGUMENT);
  rig_until_finished(&rig, 1);
  CHECK_CONTAINS(rig.outcomes[slot].body, "\r\n\r\none two end");
  CHECK_EQUAL(rig.outcomes[slot].record.upload_size, 11);
  rig_close(&rig);
}

static void calls_that_do_not_fit_are_refused(void) {
  struct rig rig;
  const char *data;
  rig_open(&rig, (acurl_engine_options){0});
  int slot = SUBMIT(&rig, .path = "/silent");
  CHECK_EQUAL(acurl_feed(rig.engine, slot, "x", 1, 1), ACURL_EARGUMENT);
  CHECK_EQUAL(acurl_read(rig.engine, slot + 1, &data), ACURL_EARGUMENT);
  CHECK_EQUAL(acurl_read(rig.engine, -1, &data), ACURL_EARGUMENT);
  CHECK_EQUAL(acurl_read(rig.engine, slot, &data), ACURL_EARGUMENT); /* not streamed */
  CHECK_EQUAL(acurl_feed(NULL, 0, "x", 1, 1), ACURL_ECLOSED);
  CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_OK);
  CHECK_EQUAL(acurl_read(rig.engine, slot, &data), ACURL_EARGUMENT);
  rig_close(&rig);
}

static void a_form_has_its_parts_in_order(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  static const char headers[] = "X-Part: 2";
  acurl_part parts[] = {{.name = "one", .data = "first", .data_len = 5},
                        {.name = "two", .filename = "f.txt", .content_type = "text/x-two",
                         .headers = headers, .headers_len = sizeof headers,
                         .data = "second", .data_len = 6}};
  acurl_extras extras = {.parts = parts, .part_count = 2};
  struct outcome *outcome = FETCH(&rig, .path = "/echo", .method = "POST", .extras = &extras);
  CHECK_EQUAL(outcome->flags, 0);
  CHECK_CONTAINS(outcome->body, "Content-Type: multipart/form-data; boundary=");
  const char *one = strstr(outcome->body, "name=\"one\"\r\n\r\nfirst\r\n");
  const char *two = strstr(outcome->body, "name=\"two\"; filename=\"f.txt\"");
  CHECK(one && two && one < two);
  CHECK_CONTAINS(two, "Content-Type: text/x-two\r\n");
  CHECK_CONTAINS(two, "X-Part: 2\r\n");
  CHECK_CONTAINS(two, "\r\n\r\nsecond\r\n");
  CHECK_LACKS(FETCH(&rig, .path = "/echo")->body, "multipart");
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(a_slow_reader_holds_up_the_answer), TEST(redirects_are_not_streamed),
            TEST(an_exchange_can_be_ended_early), TEST(a_body_is_given_piece_by_piece),
            TEST(calls_that_do_not_fit_are_refused), TEST(a_form_has_its_parts_in_order));
}
