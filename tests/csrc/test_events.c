/* events.c: parking, descriptor numbers that come again, idle connections and their end, and that
 * the engine neither spins nor sleeps through anything. */
#include "faults.h"
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* A list says the same in both directions and in the table, and names open sockets only. */
static void check_list(acurl_engine *engine, int which) {
  const struct chain *list = &engine->lists[which];
  int forward = 0, backward = 0, marked = 0, last = -1;
  for(int fd = list->oldest; fd >= 0; fd = engine->descriptors[fd].by_list.next) {
    CHECK(engine->descriptors[fd].list == which && engine->descriptors[fd].opened);
    CHECK_EQUAL(engine->descriptors[fd].by_list.prev, last);
    CHECK(last < 0 || engine->descriptors[last].since <= engine->descriptors[fd].since);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    last = fd;
    forward++;
  }
  CHECK_EQUAL(list->newest, last);
  for(int fd = last; fd >= 0; fd = engine->descriptors[fd].by_list.prev)
    backward++;
  for(int fd = 0; fd < engine->descriptor_cap; fd++)
    marked += engine->descriptors[fd].list == which;
  CHECK_EQUAL(forward, list->count);
  CHECK_EQUAL(backward, list->count);
  CHECK_EQUAL(marked, list->count);
}

static void check_table(acurl_engine *engine) {
  for(int which = IDLE_SHARED; which < CONNECTION_LISTS; which++)
    check_list(engine, which);
  for(int fd = 0; fd < engine->descriptor_cap; fd++)
    CHECK(!engine->descriptors[fd].parked || engine->descriptors[fd].mask);
}

static void fetch_many(struct rig *rig, const char *path, int count) {
  int wanted = rig->finished + count;
  for(int i = 0; i < count; i++)
    CHECK_AT_LEAST(SUBMIT(rig, .path = path), 0);
  rig_kick(rig);
  rig_until_finished(rig, wanted);
}

static void a_kept_connection_costs_no_epoll_calls(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  FETCH(&rig, .path = "/bytes/5");
  FETCH(&rig, .path = "/bytes/5");
  int before = faults_epoll_calls();
  for(int i = 0; i < 100; i++)
    FETCH(&rig, .path = "/bytes/5");
  /* One a request is the target's own. */
  CHECK_AT_MOST(faults_epoll_calls() - before, 100 + 10);
  CHECK_EQUAL(target_accepted(rig.target), 1);
  check_table(rig.engine);
  rig_close(&rig);
}

static void a_parked_connection_that_the_server_closes_fires_once(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int round = 0; round < 5; round++) {
    CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
    target_drop_connections(rig.target);
    int drives = rig.drives;
    rig_run(&rig, 50);
    CHECK_AT_MOST(rig.drives - drives, 3);
    check_table(rig.engine);
  }
  CHECK_EQUAL(target_accepted(rig.target), 5);
  rig_close(&rig);
}

static void unasked_bytes_on_a_parked_connection_do_not_spin(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  target_push(rig.target, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  int drives = rig.drives;
  rig_run(&rig, 50);
  CHECK_AT_MOST(rig.drives - drives, 3);
  check_table(rig.engine);
  rig_close(&rig);
}

static void an_idle_engine_sleeps(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  rig_run(&rig, 50);
  CHECK_EQUAL(rig.drives, 0);
  fetch_many(&rig, "/bytes/5", 20);
  rig_run(&rig, 20);
  int drives = rig.drives;
  rig_run(&rig, 300);
  CHECK_AT_MOST(rig.drives - drives, 3);
  rig_close(&rig);
}

static void idle_connections_are_counted_and_reused(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  fetch_many(&rig, "/bytes/5", 40);
  rig_run(&rig, 5);
  int opened = target_accepted(rig.target);
  CHECK_EQUAL(rig_counters(&rig).idle, opened);
  int slot = SUBMIT(&rig, .path = "/silent");
  rig_kick(&rig);
  rig_run(&rig, 5);
  CHECK_EQUAL(rig_counters(&rig).idle, opened - 1);
  acurl_cancel(rig.engine, slot);
  for(int round = 0; round < 5; round++) {
    fetch_many(&rig, "/bytes/5", 30);
    check_table(rig.engine);
  }
  CHECK_AT_MOST(target_accepted(rig.target), opened);
  rig_close(&rig);
}

static void busy_users_keep_their_connections(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.max_connects = 20});
  enum { USERS = 300, REQUESTS = 6000 };
  for(int sent = 0; rig.finished < REQUESTS;) {
    bool some = false;
    for(; sent < REQUESTS && sent - rig.finished < USERS; sent++, some = true)
      CHECK_AT_LEAST(SUBMIT(&rig, .path = "/bytes/5"), 0);
    if(some)
      rig_kick(&rig);
    rig_step(&rig, 1000);
  }
  CHECK_AT_MOST(target_accepted(rig.target), USERS + USERS / 100);
  rig_close(&rig);
}

static void surplus_connections_are_ended_unasked(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.max_connects = 3});
  fetch_many(&rig, "/bytes/5", 30);
  rig_run(&rig, 1400);
  CHECK_AT_MOST(target_open(rig.target), 3);
  CHECK_AT_MOST(rig_counters(&rig).idle, 3);
  check_table(rig.engine);
  int drives = rig.drives;
  rig_run(&rig, 200);
  CHECK_AT_MOST(rig.drives - drives, 3);
  fetch_many(&rig, "/bytes/5", 30);
  for(int slot = 0; slot < 30; slot++)
    CHECK_EQUAL(rig.outcomes[slot].flags, 0);
  rig_close(&rig);
}

static void old_connections_are_ended_unasked(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.keepalive_expiry_us = 1});
  for(int round = 0; round < 2; round++) {
    fetch_many(&rig, "/bytes/5", 10);
    CHECK_AT_LEAST(target_open(rig.target), 1);
    rig_run(&rig, 1200);
    CHECK_EQUAL(target_open(rig.target), 0);
    CHECK_EQUAL(rig_counters(&rig).idle, 0);
    check_table(rig.engine);
  }
  CHECK_AT_LEAST(rig_counters(&rig).reasons[ACURL_CLOSED_EXPIRED], 2);
  struct outcome *after = FETCH(&rig, .path = "/bytes/5");
  CHECK_EQUAL(after->flags, 0);
  CHECK_EQUAL(after->record.new_connections, 1);
  rig_close(&rig);
}

static void never_is_never(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.keepalive_expiry_us = -1, .max_connects = INT64_MAX,
                                        .max_streams = INT64_MAX});
  fetch_many(&rig, "/bytes/5", 10);
  CHECK(rig.engine->sweep_at == NEVER);
  rig_close(&rig);
  rig_open(&rig, (acurl_engine_options){.keepalive_expiry_us = INT64_MAX});
  fetch_many(&rig, "/bytes/5", 10);
  CHECK(rig.engine->sweep_at > clock_now());
  rig_close(&rig);
}

/* Connections come and go in every way while files of others take and leave the same numbers: none
 * of these may be touched, and every transfer must end. */
static void descriptor_numbers_that_come_again_mean_something_else(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.max_connects = 2});
  const char *paths[] = {"/close", "/die", "/bytes/9", "/silent", "/cookie", "/bytes/70000"};
  int pipes[40][2];
  srand(1);
  for(int round = 0; round < 40; round++) {
    int wanted = rig.finished;
    for(int i = 0; i < 20; i++) {
      int slot = SUBMIT(&rig, .path = paths[rand() % 6], .total_us = 30000);
      CHECK_AT_LEAST(slot, 0);
      if(rand() % 8 == 0) {
        rig_kick(&rig);
        rig_step(&rig, 0);
        if(acurl_cancel(rig.engine, slot) == ACURL_OK)
          continue;
      }
      wanted++;
    }
    rig_kick(&rig);
    CHECK(!pipe(pipes[round]));
    if(round % 5 == 0)
      target_drop_connections(rig.target);
    rig_until_finished(&rig, wanted);
    check_table(rig.engine);
  }
  for(int round = 0; round < 40; round++) {
    char byte = 0;
    CHECK_EQUAL(write(pipes[round][1], "p", 1), 1);
    CHECK_EQUAL(read(pipes[round][0], &byte, 1), 1);
    close(pipes[round][0]);
    close(pipes[round][1]);
  }
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  rig_close(&rig);
}

static void a_drive_handles_a_bounded_number_of_sockets(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  enum { COUNT = 600 };
  for(int i = 0; i < COUNT; i++)
    SUBMIT(&rig, .path = "/bytes/5");
  rig_kick(&rig);
  while(target_requests(rig.target) < COUNT)
    rig_step(&rig, 1000);
  for(int i = 0; i < 50; i++) /* all answered, none of the answers read */
    target_step(rig.target);
  while(rig.finished < COUNT) {
    int64_t before = rig_counters(&rig).events;
    rig_step(&rig, 1000);
    CHECK_AT_MOST(rig_counters(&rig).events - before, 256);
  }
  rig_close(&rig);
}

static void no_descriptors_left_fails_the_transfer_alone(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  faults_fail_sockets();
  struct outcome *outcome = FETCH(&rig, .path = "/bytes/5", .total_us = 5000000);
  CHECK_EQUAL(outcome->flags, ACURL_FLAG_FAILED);
  CHECK_EQUAL(outcome->record.cause, 0);
  faults_none();
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  rig_close(&rig);
}

/* The kernel refuses to watch a socket: the transfer may be late but not lost. */
static void a_refusal_of_epoll_is_made_good(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int times = 1; times < 5; times++) {
    SUBMIT(&rig, .path = "/bytes/5", .total_us = 5000000);
    int slot = SUBMIT(&rig, .path = "/bytes/5", .total_us = 5000000);
    int wanted = rig.finished + 2;
    /* Only the engine runs while epoll fails, not the target. */
    faults_fail_epoll(times);
    rig_kick(&rig);
    for(int i = 0; i < 3; i++) {
      struct pollfd ready = {.fd = acurl_engine_fd(rig.engine), .events = POLLIN};
      if(poll(&ready, 1, 5) > 0)
        acurl_drive(rig.engine);
    }
    faults_none();
    rig_until_finished(&rig, wanted);
    CHECK_EQUAL(rig.outcomes[slot].flags, 0);
    target_drop_connections(rig.target);
  }
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(a_kept_connection_costs_no_epoll_calls),
            TEST(a_parked_connection_that_the_server_closes_fires_once),
            TEST(unasked_bytes_on_a_parked_connection_do_not_spin), TEST(an_idle_engine_sleeps),
            TEST(idle_connections_are_counted_and_reused), TEST(busy_users_keep_their_connections),
            TEST(surplus_connections_are_ended_unasked), TEST(old_connections_are_ended_unasked),
            TEST(never_is_never), TEST(descriptor_numbers_that_come_again_mean_something_else),
            TEST(a_drive_handles_a_bounded_number_of_sockets),
            TEST(no_descriptors_left_fails_the_transfer_alone),
            TEST(a_refusal_of_epoll_is_made_good));
}
