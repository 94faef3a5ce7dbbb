/* transfer.c: what a request asks for is what goes over the wire, and a handle that has served one
 * user takes nothing of them to the next. */
#include "faults.h"
#include "rig.h"

#include <fcntl.h>
#include <unistd.h>

#define USERAGENT 10018
#define REFERER 10016

/* What the next user's plain GET looks like on the wire, on the handle just used. */
static void check_next_is_clean(struct rig *rig) {
  int handles = (int)rig_counters(rig).handles;
  struct outcome *next = FETCH(rig, .path = "/echo?next");
  CHECK_EQUAL(next->flags, 0);
  CHECK_EQUAL(strncmp(next->body, "GET /echo?next HTTP/1.1\r\n", 25), 0);
  CHECK_CONTAINS(next->body, "\r\nAccept: */*\r\n");
  const char *traces[] = {"Cookie:", "X-Mine:",      "Authorization:", "Content-Length:",
                          "secret",  "Content-Type:", "Expect:",        "Referer:"};
  for(size_t i = 0; i < sizeof traces / sizeof *traces; i++)
    CHECK_LACKS(next->body, traces[i]);
  CHECK_EQUAL(rig_counters(rig).handles, handles); /* it was the same handle */
}

static void methods_and_bodies_reach_the_server(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  const char *methods[] = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", "BREW"};
  for(size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    char line[64];
    snprintf(line, sizeof line, "%s /echo HTTP/1.1\r\n", methods[i]);
    struct outcome *bare = FETCH(&rig, .path = "/echo", .method = methods[i]);
    CHECK_EQUAL(strncmp(bare->body, line, strlen(line)), 0);
    CHECK_LACKS(bare->body, "Content-Length:");
    struct outcome *full = FETCH(&rig, .path = "/echo", .method = methods[i],
                                 .body = "secret body", .body_len = 11);
    CHECK_EQUAL(strncmp(full->body, line, strlen(line)), 0);
    CHECK_CONTAINS(full->body, "\r\n\r\nsecret body");
    struct outcome *empty = FETCH(&rig, .path = "/echo", .method = methods[i], .body = "",
                                  .body_len = 0);
    CHECK_CONTAINS(empty->body, "Content-Length: 0\r\n");
    check_next_is_clean(&rig);
  }
  rig_close(&rig);
}

static void head_has_no_body(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *outcome = FETCH(&rig, .path = "/claims/8000000", .method = "HEAD",
                                  .total_us = 5000000);
  CHECK_EQUAL(outcome->flags, 0);
  CHECK_EQUAL(outcome->record.status, 200);
  CHECK_EQUAL(outcome->record.body_len, 0);
  check_next_is_clean(&rig);
  rig_close(&rig);
}

/* libcurl either drops the body or waits for one of the answer. */
static void head_with_a_body_is_refused(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  CHECK_EQUAL(FETCH(&rig, .path = "/echo")->flags, 0);
  CHECK_EQUAL(SUBMIT(&rig, .path = "/echo", .method = "HEAD", .body = "odd", .body_len = 3),
              ACURL_EARGUMENT);
  CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
  check_next_is_clean(&rig);
  rig_close(&rig);
}

static void binary_bodies_pass_whole(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  static char body[3 << 20];
  for(size_t i = 0; i < sizeof body; i++)
    body[i] = (char)(i * 7);
  struct outcome *outcome = FETCH(&rig, .path = "/echo", .method = "POST", .body = body,
                                  .body_len = sizeof body, .headers = "Expect:",
                                  .headers_len = sizeof "Expect:");
  CHECK_AT_LEAST(outcome->record.body_len, sizeof body);
  size_t head = (size_t)outcome->record.body_len - sizeof body;
  CHECK(!memcmp(outcome->held + head, body, sizeof body));
  CHECK_EQUAL(outcome->record.upload_size, sizeof body);
  check_next_is_clean(&rig);
  rig_close(&rig);
}

static void headers_are_sent_once(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  static const char lines[] = "X-Mine: secret\0X-Mine: again\0Authorization: Basic secret\0Accept:";
  struct outcome *outcome = FETCH(&rig, .path = "/echo", .headers = lines,
                                  .headers_len = sizeof lines);
  CHECK_CONTAINS(outcome->body, "X-Mine: secret\r\nX-Mine: again\r\n");
  CHECK_CONTAINS(outcome->body, "Authorization: Basic secret\r\n");
  CHECK_LACKS(outcome->body, "Accept:");
  check_next_is_clean(&rig);
  static char many[1000 * sizeof "X-Mine: 1"];
  for(size_t i = 0; i < 1000; i++)
    memcpy(many + i * sizeof "X-Mine: 1", "X-Mine: 1", sizeof "X-Mine: 1");
  CHECK_EQUAL(FETCH(&rig, .path = "/echo", .headers = many, .headers_len = sizeof many)->flags, 0);
  check_next_is_clean(&rig);
  rig_close(&rig);
}

static void credentials_in_a_url_stay_with_it(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  char url[128];
  snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%d/echo", target_port(rig.target));
  CHECK_CONTAINS(FETCH(&rig, .path = url)->body, "Authorization: Basic ");
  check_next_is_clean(&rig);
  rig_close(&rig);
}

static void cookies_that_came_without_a_jar_are_handed_over_and_forgotten(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int round = 0; round < 3; round++) {
    struct outcome *set = FETCH(&rig, .path = "/cookie");
    CHECK_EQUAL(set->flags, ACURL_FLAG_COOKIES);
    CHECK_CONTAINS(set->cookies, "\ta\t1\n");
    check_next_is_clean(&rig);
    CHECK_EQUAL(FETCH(&rig, .path = "/cookie", .method = "POST")->flags, ACURL_FLAG_COOKIES);
    check_next_is_clean(&rig);
  }
  rig_close(&rig);
}

static void a_jar_is_taken_off_and_the_parser_stays_on(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  for(int round = 0; round < 3; round++) {
    CHECK_EQUAL(FETCH(&rig, .path = "/cookie", .jar = jar)->flags, 0);
    check_next_is_clean(&rig);
    CHECK_EQUAL(FETCH(&rig, .path = "/cookie")->flags, ACURL_FLAG_COOKIES);
    check_next_is_clean(&rig);
    CHECK_CONTAINS(FETCH(&rig, .path = "/echo", .jar = jar, .method = "PUT")->body, "Cookie: a=1");
    check_next_is_clean(&rig);
  }
  acurl_jar_release(rig.engine, jar);
  rig_close(&rig);
}

static void failed_and_cancelled_transfers_leave_nothing_either(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  acurl_jar_add(rig.engine, jar, "127.0.0.1\tFALSE\t/\tFALSE\t0\tk\tsecret");
  const char *paths[] = {"/die", "/silent", "/claims/50"};
  for(int i = 0; i < 6; i++) {
    struct request request = {.path = paths[i % 3], .method = "POST", .jar = i < 3 ? jar : NULL,
                              .headers = "X-Mine: secret", .headers_len = sizeof "X-Mine: secret",
                              .body = "secret", .body_len = 6, .total_us = 20000};
    CHECK_EQUAL(rig_fetch(&rig, &request)->flags, ACURL_FLAG_FAILED);
    check_next_is_clean(&rig);
    request.total_us = 0;
    int slot = rig_submit(&rig, &request);
    CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_OK);
    check_next_is_clean(&rig);
    slot = rig_submit(&rig, &request);
    rig_kick(&rig);
    CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_OK);
    check_next_is_clean(&rig);
  }
  acurl_jar_release(rig.engine, jar);
  rig_close(&rig);
}

static void profiles_do_not_mix(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *other = acurl_profile_new();
  acurl_profile_set_text(other, 10004, "");
  acurl_profile_set_text(other, USERAGENT, "other");
  acurl_profile_set_text(other, REFERER, "http://secret/");
  for(int round = 0; round < 3; round++) {
    struct outcome *outcome = FETCH(&rig, .path = "/echo", .profile = other);
    CHECK_CONTAINS(outcome->body, "User-Agent: other\r\n");
    CHECK_CONTAINS(outcome->body, "Referer: http://secret/\r\n");
    check_next_is_clean(&rig);
    CHECK_LACKS(FETCH(&rig, .path = "/echo")->body, "User-Agent: other");
  }
  acurl_profile_free(other);
  rig_close(&rig);
}

static void a_refused_option_harms_nobody(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *bad = acurl_profile_new();
  acurl_profile_set_text(bad, USERAGENT, "bad");
  acurl_profile_set_long(bad, 9999, 1);
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  for(int round = 0; round < 3; round++) {
    CHECK_EQUAL(SUBMIT(&rig, .path = "/echo", .profile = bad, .jar = jar), ACURL_EARGUMENT);
    CHECK_EQUAL(jar->holds, 1);
    CHECK_LACKS(FETCH(&rig, .path = "/echo")->body, "User-Agent: bad");
    check_next_is_clean(&rig);
  }
  CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
  CHECK_EQUAL(rig_counters(&rig).handles, 1);
  acurl_jar_release(rig.engine, jar);
  acurl_profile_free(bad);
  rig_close(&rig);
}

static void handles_kept_follow_the_load(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int i = 0; i < 1000; i++)
    SUBMIT(&rig, .path = "http://127.0.0.1:1/");
  CHECK_EQUAL(rig_counters(&rig).handles, 1000);
  rig_kick(&rig);
  rig_until_finished(&rig, 1000);
  CHECK_EQUAL(rig_counters(&rig).handles, 1000);
  for(int i = 0; i < 40000; i++)
    acurl_cancel(rig.engine, SUBMIT(&rig, .path = "/echo"));
  CHECK_AT_MOST(rig_counters(&rig).handles, 256);
  CHECK_EQUAL(FETCH(&rig, .path = "/echo")->flags, 0);
  rig_close(&rig);
}

static void other_schemes_and_bad_urls_fail_clearly(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  CHECK_EQUAL(FETCH(&rig, .path = "file:///etc/passwd")->record.code, 1);
  CHECK_EQUAL(FETCH(&rig, .path = "http://a b/")->record.code, 3);
  CHECK_EQUAL(FETCH(&rig, .path = "http://[::1")->flags, ACURL_FLAG_FAILED);
  check_next_is_clean(&rig);
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(methods_and_bodies_reach_the_server), TEST(head_has_no_body),
            TEST(head_with_a_body_is_refused), TEST(binary_bodies_pass_whole),
            TEST(headers_are_sent_once), TEST(credentials_in_a_url_stay_with_it),
            TEST(cookies_that_came_without_a_jar_are_handed_over_and_forgotten),
            TEST(a_jar_is_taken_off_and_the_parser_stays_on),
            TEST(failed_and_cancelled_transfers_leave_nothing_either), TEST(profiles_do_not_mix),
            TEST(a_refused_option_harms_nobody), TEST(handles_kept_follow_the_load),
            TEST(other_schemes_and_bad_urls_fail_clearly));
}
