/* engine.c: submission to record, cancelling and closing in every state, threads, forks, bounds. */
#include "faults.h"
#include "rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = 0;
  while(readdir(directory))
    count++;
  closedir(directory);
  return count;
}

static void calls_without_an_engine_are_refused(void) {
  acurl_counters counters;
  acurl_profile *profile = acurl_profile_new();
  CHECK_EQUAL(acurl_submit(NULL, profile, NULL, 0, NULL, "http://x/", NULL, 0, NULL, -1, 0, NULL),
              ACURL_ECLOSED);
  CHECK_EQUAL(acurl_cancel(NULL, 0), ACURL_ECLOSED);
  CHECK_EQUAL(acurl_kick(NULL), ACURL_ECLOSED);
  CHECK_EQUAL(acurl_drive(NULL), ACURL_ECLOSED);
  CHECK_EQUAL(acurl_engine_close(NULL), ACURL_ECLOSED);
  CHECK_EQUAL(acurl_engine_fd(NULL), ACURL_ECLOSED);
  CHECK_EQUAL(acurl_engine_counters(NULL, &counters), ACURL_ECLOSED);
  CHECK(!acurl_engine_batch(NULL));
  acurl_profile_free(profile);
}

static void a_submission_starts_with_the_kick_only(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  SUBMIT(&rig, .path = "/bytes/5");
  rig_run(&rig, 20);
  CHECK_EQUAL(rig.drives, 0);
  CHECK_EQUAL(rig_counters(&rig).started, 0);
  CHECK_EQUAL(rig_counters(&rig).in_flight, 1);
  rig_kick(&rig);
  CHECK_EQUAL(rig_counters(&rig).started, 1);
  rig_until_finished(&rig, 1);
  acurl_counters counters = rig_counters(&rig);
  CHECK_EQUAL(counters.in_flight, 0);
  CHECK_EQUAL(counters.finished, 1);
  CHECK_EQUAL(counters.opened, 1);
  CHECK_EQUAL(counters.closed, 0);
  rig_close(&rig);
}

static void one_kick_starts_any_number(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  enum { COUNT = 3000 };
  for(int i = 0; i < COUNT; i++)
    CHECK_AT_LEAST(SUBMIT(&rig, .path = "/close"), 0);
  int64_t start = clock_now();
  rig_kick(&rig);
  CHECK_AT_MOST(clock_now() - start, 200 * MILLISECOND);
  CHECK_AT_MOST(rig_counters(&rig).started, COUNT - 1); /* the rest is left to the drives */
  rig_until_finished(&rig, COUNT);
  CHECK_EQUAL(target_requests(rig.target), COUNT);
  rig_close(&rig);
}

static void thousands_in_a_row_and_at_once(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int i = 0; i < 2000; i++)
    CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  CHECK_EQUAL(target_accepted(rig.target), 1);
  CHECK_EQUAL(rig_counters(&rig).handles, 1);
  for(int round = 0; round < 5; round++) {
    int wanted = rig.finished + 400;
    for(int i = 0; i < 400; i++)
      SUBMIT(&rig, .path = "/bytes/20000");
    rig_kick(&rig);
    rig_until_finished(&rig, wanted);
  }
  CHECK_AT_MOST(rig_counters(&rig).handles, 400);
  rig_close(&rig);
}

/* Brings a transfer into the given state: 0 queued, 1 just started, 2 connected and waiting, 3 in
 * the middle of its body, 4 finished with the record not yet looked at. */
enum { STATES = 5 };

static int transfer_in_state(struct rig *rig, int state, acurl_jar *jar) {
  int slot = SUBMIT(rig, .path = state == 3 ? "/claims/9" : state == 4 ? "/bytes/5" : "/silent",
                    .jar = jar, .method = "PUT", .body = "body", .body_len = 4,
                    .headers = "X-Mine: 1", .headers_len = sizeof "X-Mine: 1",
                    .total_us = 60000000);
  CHECK_AT_LEAST(slot, 0);
  if(state >= 1)
    rig_kick(rig);
  if(state >= 2) {
    int requests = target_requests(rig->target);
    for(int i = 0; i < 1000 && target_requests(rig->target) == requests; i++)
      rig_step(rig, 10);
    CHECK_AT_LEAST(target_requests(rig->target), requests + 1);
    for(int i = 0; i < 5; i++) /* lets the target's bytes arrive; state 4 is not driven */
      target_step(rig->target);
    if(state == 3)
      rig_run(rig, 5);
  }
  return slot;
}

static void cancelling_ends_it_in_every_state(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int state = 0; state < STATES; state++) {
    int finished = rig.finished;
    int slot = transfer_in_state(&rig, state, NULL);
    CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_OK);
    CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_EARGUMENT);
    CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
    CHECK_EQUAL(rig.engine->heap_len, 0);
    rig_run(&rig, 20);
    CHECK_EQUAL(rig.finished, finished);
    if(state > 0)
      CHECK_EQUAL(target_open(rig.target), 0);
    struct outcome *next = FETCH(&rig, .path = "/echo");
    CHECK_EQUAL(next->flags, 0);
    CHECK_LACKS(next->body, "X-Mine");
    target_drop_connections(rig.target);
    rig_run(&rig, 5);
  }
  CHECK_EQUAL(acurl_cancel(rig.engine, -1), ACURL_EARGUMENT);
  CHECK_EQUAL(acurl_cancel(rig.engine, 1 << 30), ACURL_EARGUMENT);
  rig_close(&rig);
}

static acurl_engine *spied_engine;
static int64_t opened_at_the_end, closed_at_the_end;
static CURLMcode (*real_multi_cleanup)(CURLM *multi);

static CURLMcode spy_on_multi_cleanup(CURLM *multi) {
  CURLMcode code = real_multi_cleanup(multi);
  opened_at_the_end = spied_engine->counters.opened;
  closed_at_the_end = spied_engine->counters.closed;
  return code;
}

static void closing_ends_all_in_every_state(void) {
  real_multi_cleanup = libcurl.multi_cleanup;
  for(int state = 0; state <= STATES; state++) {
    struct rig rig;
    int before = open_descriptors();
    rig_open(&rig, (acurl_engine_options){0});
    acurl_jar *jar = acurl_jar_new(rig.engine, 0);
    for(int i = 0; i < STATES; i++)
      if(state == i || state == STATES)
        for(int repeat = 0; repeat < 3; repeat++)
          transfer_in_state(&rig, i, repeat ? jar : NULL);
    spied_engine = rig.engine;
    libcurl.multi_cleanup = spy_on_multi_cleanup;
    CHECK_EQUAL(acurl_engine_close(rig.engine), ACURL_OK);
    libcurl.multi_cleanup = real_multi_cleanup;
    CHECK_EQUAL(closed_at_the_end, opened_at_the_end);
    rig.engine = NULL;
    CHECK_EQUAL(jar->holds, 1);
    acurl_jar_release(NULL, jar);
    rig_close(&rig);
    CHECK_EQUAL(open_descriptors(), before);
  }
}

static void engines_come_and_go_without_a_trace(void) {
  int before = open_descriptors();
  for(int i = 0; i < 50; i++) {
    struct rig rig;
    rig_open(&rig, (acurl_engine_options){0});
    FETCH(&rig, .path = "/cookie");
    SUBMIT(&rig, .path = "/silent");
    rig_kick(&rig);
    rig_close(&rig);
  }
  CHECK_EQUAL(open_descriptors(), before);
}

static void *use_from_elsewhere(void *context) {
  struct rig *rig = context;
  acurl_counters counters;
  CHECK_EQUAL(SUBMIT(rig, .path = "/bytes/5"), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_cancel(rig->engine, 0), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_kick(rig->engine), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_drive(rig->engine), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_engine_close(rig->engine), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_engine_fd(rig->engine), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_engine_counters(rig->engine, &counters), ACURL_ETHREAD);
  return NULL;
}

static void other_threads_are_refused_and_change_nothing(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  int slot = SUBMIT(&rig, .path = "/bytes/5");
  pthread_t thread;
  CHECK(!pthread_create(&thread, NULL, use_from_elsewhere, &rig));
  pthread_join(thread, NULL);
  rig_kick(&rig);
  rig_until_finished(&rig, 1);
  CHECK_EQUAL(rig.outcomes[slot].flags, 0);
  rig_close(&rig);
}

/* In the child; its exit code is 0 when all is as it must be. */
static int use_in_child(struct rig *rig) {
  acurl_counters counters;
  int epoll_fd = rig->engine->epoll_fd;
  bool refused = SUBMIT(rig, .path = "/bytes/5") == ACURL_EFORK &&
                 acurl_cancel(rig->engine, 0) == ACURL_EFORK &&
                 acurl_kick(rig->engine) == ACURL_EFORK &&
                 acurl_drive(rig->engine) == ACURL_EFORK &&
                 acurl_engine_fd(rig->engine) == ACURL_EFORK &&
                 acurl_engine_counters(rig->engine, &counters) == ACURL_EFORK &&
                 !acurl_jar_new(rig->engine, 0);
  if(!refused)
    return 1;
  if(acurl_engine_close(rig->engine) != ACURL_EFORK || fcntl(epoll_fd, F_GETFD) >= 0)
    return 2;
  struct rig own;
  rig_open(&own, (acurl_engine_options){0});
  bool good = FETCH(&own, .path = "/bytes/5")->flags == 0;
  rig_close(&own);
  return good ? 0 : 3;
}

static void a_forked_child_is_refused_and_the_parent_goes_on(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  FETCH(&rig, .path = "/bytes/5");
  int slot = SUBMIT(&rig, .path = "/claims/3");
  rig_kick(&rig);
  rig_run(&rig, 10);
  pid_t child = fork();
  CHECK(child >= 0);
  if(!child)
    _exit(use_in_child(&rig));
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), 0);
  target_push(rig.target, "abc");
  rig_until_finished(&rig, 2);
  CHECK_TEXT(rig.outcomes[slot].body, "abc");
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->record.new_connections, 0);
  rig_close(&rig);
}

/* A child holds copies of the parent's sockets: closing one does not take it off epoll by itself. */
static void sockets_that_a_child_holds_do_not_make_the_parent_spin(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  int gate[2];
  CHECK(!pipe(gate));
  FETCH(&rig, .path = "/bytes/5");
  SUBMIT(&rig, .path = "/claims/9"); /* begun: libcurl does not repeat it */
  rig_kick(&rig);
  rig_run(&rig, 10);
  pid_t child = fork();
  CHECK(child >= 0);
  if(!child) {
    char byte;
    close(gate[1]);
    _exit(read(gate[0], &byte, 1) != 0);
  }
  close(gate[0]);
  target_drop_connections(rig.target);
  rig_until_finished(&rig, 2);
  FETCH(&rig, .path = "/close");
  int drives = rig.drives;
  rig_run(&rig, 100);
  CHECK_AT_MOST(rig.drives - drives, 3);
  close(gate[1]);
  CHECK(waitpid(child, NULL, 0) == child);
  rig_close(&rig);
}

static CURLMcode refuse_handle(CURLM *multi, CURL *easy) {
  (void)multi;
  (void)easy;
  return CURLM_OUT_OF_MEMORY;
}

static void a_transfer_that_libcurl_refuses_fails(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  CURLMcode (*real)(CURLM * multi, CURL * easy) = libcurl.multi_add_handle;
  libcurl.multi_add_handle = refuse_handle;
  for(int i = 0; i < 100; i++)
    SUBMIT(&rig, .path = "/bytes/5", .total_us = 60000000);
  rig_kick(&rig);
  libcurl.multi_add_handle = real;
  rig_until_finished(&rig, 100);
  for(int i = 0; i < 100; i++)
    CHECK_EQUAL(rig.outcomes[i].record.cause, ACURL_CAUSE_NO_MEMORY);
  CHECK_EQUAL(rig.engine->running, 0);
  CHECK_EQUAL(rig.engine->heap_len, 0);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  rig_close(&rig);
}

static void a_handle_that_libcurl_keeps_is_not_used_again(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  CURLMcode (*real)(CURLM * multi, CURL * easy) = libcurl.multi_remove_handle;
  int slot = SUBMIT(&rig, .path = "/silent");
  rig_kick(&rig);
  rig_run(&rig, 10);
  libcurl.multi_remove_handle = refuse_handle;
  CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_OK);
  libcurl.multi_remove_handle = real;
  CHECK_EQUAL(rig_counters(&rig).handles, 0);
  rig_run(&rig, 20);
  CHECK_EQUAL(target_open(rig.target), 0);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  rig_close(&rig);
}

/* Their origin ends with the last of them, under the sweep that ends it. */
static void no_idle_connection_of_an_origin_may_stay(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_engine_options none = rig.engine->options;
  none.max_host_keepalive = 0;
  CHECK_EQUAL(acurl_engine_resize(rig.engine, &none), ACURL_OK);
  for(int i = 0; i < 3; i++)
    SUBMIT(&rig, .path = "/bytes/5");
  rig_until_finished(&rig, 3);
  CHECK_EQUAL(rig_counters(&rig).idle, 3);
  rig_run(&rig, 700);
  CHECK_EQUAL(rig_counters(&rig).idle, 0);
  CHECK_EQUAL(target_open(rig.target), 0);
  CHECK_EQUAL(rig.engine->origin_count, 0);
  rig_close(&rig);
}

static void a_machine_without_descriptors_is_told(void) {
  acurl_engine_options options = {.max_connects = 1, .max_streams = 1, .max_response_size = 1};
  int taken[20100], count = 0;
  int before = open_descriptors();
  while(count < 20100 && (taken[count] = dup(0)) >= 0)
    count++;
  acurl_engine *engine = acurl_engine_new(&options);
  int error = acurl_last_errno();
  while(count)
    close(taken[--count]);
  CHECK(!engine);
  CHECK_AT_LEAST(error, 1);
  CHECK_EQUAL(open_descriptors(), before);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(calls_without_an_engine_are_refused),
            TEST(a_submission_starts_with_the_kick_only), TEST(one_kick_starts_any_number),
            TEST(thousands_in_a_row_and_at_once), TEST(cancelling_ends_it_in_every_state),
            TEST(closing_ends_all_in_every_state), TEST(engines_come_and_go_without_a_trace),
            TEST(other_threads_are_refused_and_change_nothing),
            TEST(a_forked_child_is_refused_and_the_parent_goes_on),
            TEST(sockets_that_a_child_holds_do_not_make_the_parent_spin),
            TEST(a_transfer_that_libcurl_refuses_fails),
            TEST(a_handle_that_libcurl_keeps_is_not_used_again),
            TEST(no_idle_connection_of_an_origin_may_stay),
            TEST(a_machine_without_descriptors_is_told));
}
