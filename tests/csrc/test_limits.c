/* limits.c: each limit ends what it is for, when it is due, and nothing else. */
#include "faults.h"
#include "rig.h"

#include <arpa/inet.h>
#include <unistd.h>

#define CONNECTTIMEOUT_MS 156
#define SECOND 1000000

static acurl_profile *with_limits(int64_t read_us, int64_t write_us) {
  acurl_profile *profile = acurl_profile_new();
  acurl_profile_set_text(profile, 10004, "");
  acurl_profile_set_limits(profile, read_us, write_us, 0);
  return profile;
}

static void total_ends_what_takes_too_long(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  const char *paths[] = {"/silent", "/claims/100", "/deaf"};
  for(int i = 0; i < 3; i++) {
    int64_t start = clock_now();
    struct outcome *outcome = FETCH(&rig, .path = paths[i], .total_us = 100000);
    int64_t took = clock_now() - start;
    CHECK_EQUAL(outcome->flags, ACURL_FLAG_FAILED);
    CHECK_EQUAL(outcome->record.code, 28);
    CHECK_EQUAL(outcome->record.cause, ACURL_CAUSE_TOTAL_TIMEOUT);
    CHECK_AT_LEAST(took, 100 * MILLISECOND);
    CHECK_AT_MOST(took, 3000 * MILLISECOND);
    CHECK_AT_LEAST(outcome->record.total_us, 90000);
  }
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5", .total_us = 5 * SECOND)->flags, 0);
  CHECK_EQUAL(rig.engine->heap_len, 0);
  rig_close(&rig);
}

static void total_runs_in_the_queue_too(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  int slot = SUBMIT(&rig, .path = "/bytes/5", .total_us = 1);
  usleep(1000);
  CHECK_EQUAL(rig.engine->slots[slot]->state, TRANSFER_QUEUED);
  rig_kick(&rig);
  rig_until_finished(&rig, 1);
  CHECK_EQUAL(rig.outcomes[slot].record.cause, ACURL_CAUSE_TOTAL_TIMEOUT);
  rig_close(&rig);
}

static void absurd_limits_mean_never(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *profile = with_limits(INT64_MAX, INT64_MAX);
  struct outcome *outcome = FETCH(&rig, .path = "/echo", .profile = profile, .method = "POST",
                                  .body = "body", .body_len = 4, .total_us = INT64_MAX);
  CHECK_EQUAL(outcome->flags, 0);
  acurl_profile_free(profile);
  rig_close(&rig);
}

static void read_ends_silence(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *profile = with_limits(150000, 0);
  const char *paths[] = {"/silent", "/claims/100", "/silent"};
  for(int i = 0; i < 3; i++) {
    int64_t start = clock_now();
    struct outcome *outcome = FETCH(&rig, .path = paths[i], .profile = profile,
                                    .total_us = 5 * SECOND);
    CHECK_EQUAL(outcome->record.cause, ACURL_CAUSE_READ_TIMEOUT);
    CHECK_EQUAL(outcome->record.code, 28);
    CHECK_AT_LEAST(clock_now() - start, 150 * MILLISECOND);
    CHECK_AT_MOST(clock_now() - start, 3000 * MILLISECOND);
  }
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5", .profile = profile)->flags, 0);
  acurl_profile_free(profile);
  rig_close(&rig);
}

static void read_lets_a_slow_answer_live(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *profile = with_limits(300000, 0);
  int slot = SUBMIT(&rig, .path = "/claims/12", .profile = profile);
  rig_kick(&rig);
  for(int i = 0; i < 12; i++) {
    rig_run(&rig, 60);
    CHECK_EQUAL(rig.finished, 0);
    target_push(rig.target, "x");
  }
  rig_until_finished(&rig, 1);
  CHECK_TEXT(rig.outcomes[slot].body, "xxxxxxxxxxxx");
  CHECK_EQUAL(rig.outcomes[slot].flags, 0);
  acurl_profile_free(profile);
  rig_close(&rig);
}

static void write_ends_an_upload_that_stands_still(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *profile = with_limits(0, 200000);
  static char body[16 << 20];
  for(int i = 0; i < 2; i++) {
    int drives = rig.drives;
    int64_t start = clock_now();
    struct outcome *outcome = FETCH(&rig, .path = "/deaf", .profile = profile, .method = "PUT",
                                    .body = body, .body_len = sizeof body, .total_us = 8 * SECOND,
                                    .headers = "Expect:", .headers_len = sizeof "Expect:");
    CHECK_EQUAL(outcome->record.cause, ACURL_CAUSE_WRITE_TIMEOUT);
    CHECK_AT_LEAST(clock_now() - start, 200 * MILLISECOND);
    CHECK_AT_MOST(clock_now() - start, 3000 * MILLISECOND);
    CHECK_AT_MOST(outcome->record.upload_size, sizeof body - 1);
    CHECK_AT_MOST(rig.drives - drives, 400);
  }
  struct outcome *fine = FETCH(&rig, .path = "/echo", .profile = profile, .method = "PUT",
                               .body = body, .body_len = sizeof body, .total_us = 8 * SECOND,
                               .headers = "Expect:", .headers_len = sizeof "Expect:");
  CHECK_EQUAL(fine->flags & ACURL_FLAG_FAILED, 0);
  acurl_profile_free(profile);
  rig_close(&rig);
}

static void silence_after_an_upload_is_reading(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_profile *profile = with_limits(150000, 60000);
  int64_t start = clock_now();
  struct outcome *outcome = FETCH(&rig, .path = "/silent", .profile = profile, .method = "PUT",
                                  .body = "short", .body_len = 5, .total_us = 5 * SECOND);
  CHECK_EQUAL(outcome->record.cause, ACURL_CAUSE_READ_TIMEOUT);
  CHECK_AT_LEAST(clock_now() - start, 150 * MILLISECOND);
  acurl_profile_free(profile);
  rig_close(&rig);
}

/* A listener whose queue is full answers no further SYN, as a host that is gone. */
struct dead_host {
  int listener;
  int fillers[4];
  char url[64];
};

static void dead_host_open(struct dead_host *host) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  host->listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(!bind(host->listener, (struct sockaddr *)&address, sizeof address));
  CHECK(!listen(host->listener, 0));
  CHECK(!getsockname(host->listener, (struct sockaddr *)&address, &size));
  for(int i = 0; i < 4; i++) {
    host->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(host->fillers[i], (struct sockaddr *)&address, size);
  }
  snprintf(host->url, sizeof host->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
}

static void dead_host_close(struct dead_host *host) {
  for(int i = 0; i < 4; i++)
    close(host->fillers[i]);
  close(host->listener);
}

static void connecting_has_its_own_limit_and_no_other(void) {
  struct rig rig;
  struct dead_host host;
  rig_open(&rig, (acurl_engine_options){0});
  dead_host_open(&host);
  acurl_profile *profile = with_limits(50000, 50000);
  acurl_profile_set_long(profile, CONNECTTIMEOUT_MS, 400);
  int64_t start = clock_now();
  int drives = rig.drives;
  struct outcome *outcome = FETCH(&rig, .path = host.url, .profile = profile,
                                  .total_us = 5 * SECOND);
  CHECK_EQUAL(outcome->record.code, 28);
  CHECK_EQUAL(outcome->record.cause, 0);
  CHECK_EQUAL(outcome->record.connect_us, 0);
  CHECK_AT_LEAST(clock_now() - start, 390 * MILLISECOND);
  CHECK_AT_MOST(clock_now() - start, 3000 * MILLISECOND);
  CHECK_AT_MOST(rig.drives - drives, 130); /* looks of read and write, 5 ms apart */
  struct outcome *total = FETCH(&rig, .path = host.url, .profile = profile, .total_us = 100000);
  CHECK_EQUAL(total->record.cause, ACURL_CAUSE_TOTAL_TIMEOUT);
  CHECK_EQUAL(total->record.pretransfer_us, 0);
  acurl_profile_free(profile);
  dead_host_close(&host);
  rig_close(&rig);
}

static void many_that_end_at_once_do_not_hold_up_the_loop(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  enum { COUNT = 1500 };
  for(int i = 0; i < COUNT; i++)
    SUBMIT(&rig, .path = "/silent", .total_us = 3600LL * SECOND);
  rig_kick(&rig);
  while(rig_counters(&rig).started < COUNT)
    rig_step(&rig, 1000);
  for(size_t i = 0; i < rig.engine->heap_len; i++) /* as if the loop had been away for an hour */
    rig.engine->heap[i]->deadline = rig.engine->heap[i]->total_deadline = 1;
  rig_kick(&rig);
  CHECK_AT_MOST(rig.finished, 300);
  while(rig.finished < COUNT) {
    int before = rig.finished;
    rig_step(&rig, 1000);
    CHECK_AT_MOST(rig.finished - before, 300);
  }
  CHECK_EQUAL(rig.engine->heap_len, 0);
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(total_ends_what_takes_too_long), TEST(total_runs_in_the_queue_too),
            TEST(absurd_limits_mean_never), TEST(read_ends_silence),
            TEST(read_lets_a_slow_answer_live), TEST(write_ends_an_upload_that_stands_still),
            TEST(silence_after_an_upload_is_reading),
            TEST(connecting_has_its_own_limit_and_no_other),
            TEST(many_that_end_at_once_do_not_hold_up_the_loop));
}
