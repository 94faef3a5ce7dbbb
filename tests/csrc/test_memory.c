/* Memory runs out at every single allocation of ours in turn: calls say so, transfers end once, and
 * when there is memory again all works. The leak check watches what was given up. */
#include "faults.h"
#include "rig.h"

#define ENOUGH 400

static const char headers[] = "X-One: 1\0X-Two: 2";

/* Submits a mix of transfers and counts those that were taken. */
static int submit_mix(struct rig *rig, acurl_jar *jar) {
  const char *paths[] = {"/bytes/5", "/bytes/70000", "/cookie", "/head/20000", "/redirect", "/die"};
  int taken = 0;
  for(int i = 0; i < 12; i++) {
    int slot = SUBMIT(rig, .path = paths[i % 6], .method = i % 2 ? "PUT" : NULL,
                      .body = i % 2 ? "body" : NULL, .body_len = 4, .jar = i % 3 ? jar : NULL,
                      .headers = headers, .headers_len = i % 4 ? sizeof headers : 0,
                      .total_us = i % 5 ? 60000000 : 0);
    CHECK(slot >= 0 || slot == ACURL_ENOMEM);
    taken += slot >= 0;
  }
  return taken;
}

/* Only the engine meets the fault: the rig looks at the batch afterwards. */
static bool drive_under(struct rig *rig, void (*fail)(int good), int good) {
  fail(good);
  int count = acurl_kick(rig->engine);
  for(int i = 0; i < 40 && count == 0; i++)
    count = acurl_drive(rig->engine);
  bool struck = faults_struck();
  faults_none();
  rig_take(rig, count);
  return struck;
}

static void run_with_fault(void (*fail)(int good), int good, int ceiling, bool *struck) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.max_connections = ceiling});
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  for(int i = 0; i < 12; i++) /* the rig makes room for its own notes first */
    CHECK_AT_LEAST(SUBMIT(&rig, .path = "/bytes/1"), 0);
  rig_kick(&rig);
  rig_until_finished(&rig, 12);
  fail(good);
  int taken = submit_mix(&rig, jar);
  *struck = faults_struck();
  faults_none();
  rig_kick(&rig);
  rig_until_finished(&rig, 12 + taken);
  CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
  CHECK_EQUAL(jar->holds, 1);
  CHECK_EQUAL(rig.engine->heap_len, 0);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
  acurl_jar_release(rig.engine, jar);
  rig_close(&rig);
}

static void sweep(void (*fail)(int good), int ceiling) {
  bool struck = true;
  int good = 0;
  for(; struck; good++) {
    CHECK_AT_MOST(good, ENOUGH);
    run_with_fault(fail, good, ceiling, &struck);
  }
  CHECK_AT_LEAST(good, 5);
}

static void submissions_say_that_memory_ran_out(void) {
  for(int ceiling = -1; ceiling < 5; ceiling += 4) {
    sweep(faults_fail_one_allocation_after, ceiling);
    sweep(faults_fail_allocations_after, ceiling);
  }
}

/* All answers wait in the sockets; then the engine, alone, reads them without memory. */
static void sweep_underway(void (*fail)(int good)) {
  bool struck = true;
  int good = 0;
  for(; struck; good++) {
    struct rig rig;
    CHECK_AT_MOST(good, ENOUGH);
    rig_open(&rig, (acurl_engine_options){0});
    CHECK_EQUAL(submit_mix(&rig, NULL), 12);
    rig_kick(&rig);
    while(target_requests(rig.target) < 12)
      rig_step(&rig, 100);
    for(int i = 0; i < 20; i++)
      target_step(rig.target);
    struck = drive_under(&rig, fail, good);
    rig_until_finished(&rig, 12);
    CHECK_EQUAL(rig_counters(&rig).in_flight, 0);
    CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5")->flags, 0);
    rig_close(&rig);
  }
  CHECK_AT_LEAST(good, 2);
}

static void transfers_end_when_memory_runs_out_underway(void) {
  sweep_underway(faults_fail_one_allocation_after);
  sweep_underway(faults_fail_allocations_after);
}

static void engines_that_cannot_be_made_leave_nothing(void) {
  acurl_engine_options options = {.max_connects = 1, .max_streams = 1, .max_response_size = 1};
  faults_fail_allocations_after(0);
  acurl_engine *engine = acurl_engine_new(&options);
  faults_none();
  CHECK(!engine);
  engine = acurl_engine_new(&options);
  CHECK(engine);
  CHECK_EQUAL(acurl_engine_close(engine), ACURL_OK);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(submissions_say_that_memory_ran_out),
            TEST(transfers_end_when_memory_runs_out_underway),
            TEST(engines_that_cannot_be_made_leave_nothing));
}
