/* admission.c, origin.c, lane.c: who runs, who waits, what is counted, and that nothing is left. */
#include "faults.h"
#include "rig.h"

static const acurl_engine_options TWO = {.max_connections = 2};

/* What is counted on the way is what a count of all finds. */
static void check_counts(acurl_engine *engine) {
  int busy = 0, waiting = 0, origins = 0, ringed = 0;
  for(int i = 0; engine->origins && i < ORIGIN_BUCKETS; i++)
    for(struct origin *origin = engine->origins[i]; origin; origin = origin->chain) {
      CHECK(origin->holds > 0);
      CHECK(origin->idle <= origin->open && origin->ready <= origin->open);
      CHECK_EQUAL(origin->in_ring, origin->queue.len > 0);
      busy += origin->busy;
      waiting += origin->queue.len;
      ringed += origin->in_ring;
      origins++;
    }
  CHECK_EQUAL(engine->busy, busy);
  CHECK_EQUAL(engine->waiting, waiting);
  CHECK_EQUAL(engine->origin_count, origins);
  CHECK_EQUAL(engine->ring_len, ringed);
  int running = 0, unsettled = 0, sockets = 0;
  for(int i = 0; i < engine->lane_count; i++) {
    if(!engine->lanes[i])
      continue;
    running += engine->lanes[i]->running;
    unsettled += engine->lanes[i]->unsettled;
    sockets += engine->lanes[i]->sockets;
  }
  CHECK_EQUAL(engine->running, running);
  CHECK_AT_MOST(unsettled, running);
  CHECK_EQUAL(engine->counters.opened - engine->counters.closed, sockets);
}

static void the_ceiling_holds_and_everybody_is_served(void) {
  struct rig rig;
  rig_open(&rig, TWO);
  for(int i = 0; i < 50; i++)
    CHECK_AT_LEAST(SUBMIT(&rig, .path = "/bytes/5", .lane = i % 3), 0);
  rig_kick(&rig);
  while(rig.finished < 50) {
    rig_step(&rig, 1000);
    check_counts(rig.engine);
    CHECK_AT_MOST(target_open(rig.target), 2);
  }
  rig_close(&rig);
}

static void nobody_waits_twice_in_the_heap(void) {
  struct rig rig;
  rig_open(&rig, TWO);
  acurl_profile *profile = acurl_profile_new();
  acurl_profile_set_text(profile, 10004, "");
  acurl_profile_set_limits(profile, 900000, 900000, 100000);
  int slots[6];
  for(int i = 0; i < 6; i++)
    slots[i] = SUBMIT(&rig, .path = "/silent", .profile = profile, .total_us = 5000000);
  rig_kick(&rig);
  rig_until_finished(&rig, 4);
  check_counts(rig.engine);
  for(int i = 2; i < 6; i++) {
    CHECK_EQUAL(rig.outcomes[slots[i]].record.cause, ACURL_CAUSE_POOL_TIMEOUT);
    CHECK_AT_LEAST(rig.outcomes[slots[i]].record.wait_us, 100000);
    CHECK_EQUAL(rig.outcomes[slots[i]].record.connection_id, -1);
  }
  rig_until_finished(&rig, 6);
  CHECK_EQUAL(rig.outcomes[slots[0]].record.cause, ACURL_CAUSE_READ_TIMEOUT);
  CHECK_EQUAL(rig.outcomes[slots[0]].record.wait_us / 1000000, 0);
  CHECK_EQUAL(rig.engine->heap_len, 0);
  CHECK_EQUAL(rig_counters(&rig).pool_timeouts, 4);
  acurl_profile_free(profile);
  rig_close(&rig);
}

static void cancelled_at_any_time(void) {
  struct rig rig;
  rig_open(&rig, TWO);
  for(int round = 0; round < 20; round++) {
    int slots[10];
    int before = rig.finished;
    for(int i = 0; i < 10; i++)
      slots[i] = SUBMIT(&rig, .path = "/bytes/5");
    if(round % 3)
      rig_kick(&rig);
    int cancelled = 0;
    for(int i = round % 4; i < 10; i += 2, cancelled++)
      CHECK_EQUAL(acurl_cancel(rig.engine, slots[i]), ACURL_OK);
    check_counts(rig.engine);
    rig_kick(&rig);
    rig_until_finished(&rig, before + 10 - cancelled);
    check_counts(rig.engine);
  }
  CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
  rig_close(&rig);
}

static void limits_that_change_lose_nobody(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int i = 0; i < 60; i++)
    SUBMIT(&rig, .path = "/bytes/5");
  for(int step = 0; rig.finished < 60; step++) {
    acurl_engine_options options = rig.engine->options;
    options.max_connections = step % 3 ? step % 3 : -1;
    options.max_host_connections = step % 2 ? 1 : -1;
    CHECK_EQUAL(acurl_engine_resize(rig.engine, &options), ACURL_OK);
    check_counts(rig.engine);
    rig_kick(&rig);
    rig_step(&rig, 20);
    check_counts(rig.engine);
    CHECK(step < 2000);
  }
  rig_close(&rig);
}

static void origins_live_as_long_as_they_are_named(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.max_connections = 3, .keepalive_expiry_us = 50000});
  FETCH(&rig, .path = "/bytes/5");
  FETCH(&rig, .path = "/close");
  FETCH(&rig, .path = "http://127.0.0.1:1/");
  FETCH(&rig, .path = "/bytes/5", .lane = 2);
  check_counts(rig.engine);
  CHECK_AT_MOST(rig.engine->origin_count, 2);
  while(rig_counters(&rig).idle)
    rig_step(&rig, 1000);
  rig_run(&rig, 50);
  CHECK_EQUAL(rig.engine->origin_count, 0);
  rig_close(&rig);
}

static void without_memory_nothing_is_half_done(void) {
  for(int nth = 0; nth < 40; nth++) {
    struct rig rig;
    rig_open(&rig, TWO);
    FETCH(&rig, .path = "/bytes/5");
    faults_fail_one_allocation_after(nth);
    int slot = SUBMIT(&rig, .path = "http://127.0.0.1:1/other", .lane = 1);
    faults_none();
    CHECK(slot >= 0 || slot == ACURL_ENOMEM);
    check_counts(rig.engine);
    rig_kick(&rig);
    if(slot >= 0)
      rig_until_finished(&rig, 2);
    CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
    check_counts(rig.engine);
    rig_close(&rig);
  }
}

static void lanes_are_within_bounds(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  CHECK_EQUAL(SUBMIT(&rig, .path = "/bytes/5", .lane = -1), ACURL_EARGUMENT);
  CHECK_EQUAL(SUBMIT(&rig, .path = "/bytes/5", .lane = ACURL_MOST_LANES), ACURL_EARGUMENT);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5", .lane = ACURL_MOST_LANES - 1)->flags, 0);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5", .lane = 1)->flags, 0);
  CHECK_EQUAL(target_accepted(rig.target), 2);
  int64_t id = FETCH(&rig, .path = "/bytes/5", .lane = 1)->record.connection_id;
  CHECK(id != FETCH(&rig, .path = "/bytes/5")->record.connection_id);
  check_counts(rig.engine);
  rig_close(&rig);
}

static void eviction_closes_what_is_idle_and_nothing_else(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  for(int i = 0; i < 20; i++)
    SUBMIT(&rig, .path = "/bytes/5");
  int waits = SUBMIT(&rig, .path = "/silent");
  rig_kick(&rig);
  rig_until_finished(&rig, 20);
  lane_evict(rig.engine->lanes[0], NULL, 5, ACURL_CLOSED_POOL_LIMIT);
  CHECK_EQUAL(rig_counters(&rig).idle, 15);
  CHECK_EQUAL(rig_counters(&rig).reasons[ACURL_CLOSED_POOL_LIMIT], 5);
  lane_evict(rig.engine->lanes[0], NULL, 500, ACURL_CLOSED_EXPIRED);
  CHECK_EQUAL(rig_counters(&rig).idle, 0);
  CHECK_EQUAL(rig_counters(&rig).in_use, 1);
  CHECK(!rig.outcomes[waits].done);
  rig_run(&rig, 20);
  CHECK_EQUAL(target_open(rig.target), 1);
  CHECK_EQUAL(rig_counters(&rig).faults, 0);
  check_counts(rig.engine);
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(the_ceiling_holds_and_everybody_is_served),
            TEST(nobody_waits_twice_in_the_heap), TEST(cancelled_at_any_time),
            TEST(limits_that_change_lose_nobody), TEST(origins_live_as_long_as_they_are_named),
            TEST(without_memory_nothing_is_half_done), TEST(lanes_are_within_bounds),
            TEST(eviction_closes_what_is_idle_and_nothing_else));
}
