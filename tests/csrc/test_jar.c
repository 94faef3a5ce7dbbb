/* jar.c: one user's cookies, their life beside transfers and the engine. */
#include "faults.h"
#include "rig.h"

#include <pthread.h>

static const char *list(struct rig *rig, acurl_jar *jar) {
  static char text[4096];
  int size = acurl_jar_list(rig->engine, jar);
  CHECK_AT_LEAST(size, 0);
  CHECK_AT_MOST(size, sizeof text - 1);
  memcpy(text, size ? acurl_engine_batch(rig->engine)->bytes : "", (size_t)size);
  text[size] = '\0';
  return text;
}

static void add(struct rig *rig, acurl_jar *jar, const char *name, const char *value) {
  char line[256];
  snprintf(line, sizeof line, "127.0.0.1\tFALSE\t/\tFALSE\t0\t%s\t%s", name, value);
  CHECK_EQUAL(acurl_jar_add(rig->engine, jar, line), ACURL_OK);
}

static void holds_what_is_added_until_cleared(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  CHECK_TEXT(list(&rig, jar), "");
  add(&rig, jar, "one", "1");
  add(&rig, jar, "two", "2");
  CHECK_CONTAINS(list(&rig, jar), "127.0.0.1\tFALSE\t/\tFALSE\t0\tone\t1\n");
  CHECK_CONTAINS(list(&rig, jar), "two\t2\n");
  add(&rig, jar, "one", "changed");
  CHECK_CONTAINS(list(&rig, jar), "one\tchanged\n");
  CHECK_LACKS(list(&rig, jar), "one\t1\n");
  CHECK_EQUAL(acurl_jar_clear(rig.engine, jar), ACURL_OK);
  CHECK_TEXT(list(&rig, jar), "");
  CHECK_EQUAL(acurl_jar_release(rig.engine, jar), ACURL_OK);
  rig_close(&rig);
}

static void is_sent_and_filled_by_its_own_transfers_only(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *mine = acurl_jar_new(rig.engine, 0);
  acurl_jar *other = acurl_jar_new(rig.engine, 0);
  add(&rig, mine, "mine", "1");
  CHECK_CONTAINS(FETCH(&rig, .path = "/echo", .jar = mine)->body, "Cookie: mine=1\r\n");
  CHECK_LACKS(FETCH(&rig, .path = "/echo", .jar = other)->body, "Cookie:");
  CHECK_LACKS(FETCH(&rig, .path = "/echo")->body, "Cookie:");
  struct outcome *set = FETCH(&rig, .path = "/cookie", .jar = mine);
  CHECK_EQUAL(set->flags, 0); /* the jar has them: nobody needs to be told */
  CHECK_CONTAINS(list(&rig, mine), "a\t1\n");
  CHECK_TEXT(list(&rig, other), "");
  CHECK_LACKS(FETCH(&rig, .path = "/echo")->body, "Cookie:");
  acurl_jar_release(rig.engine, mine);
  acurl_jar_release(rig.engine, other);
  rig_close(&rig);
}

static void lives_on_with_the_transfer_that_uses_it(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  add(&rig, jar, "late", "1");
  int slot = SUBMIT(&rig, .path = "/echo", .jar = jar);
  CHECK_EQUAL(jar->holds, 2);
  acurl_jar_release(rig.engine, jar);
  rig_kick(&rig);
  rig_until_finished(&rig, 1);
  CHECK_CONTAINS(rig.outcomes[slot].body, "Cookie: late=1\r\n");
  rig_close(&rig);
}

static void is_let_go_in_every_way_a_transfer_ends(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  FETCH(&rig, .path = "/echo", .jar = jar);
  CHECK_EQUAL(jar->holds, 1);
  FETCH(&rig, .path = "/die", .jar = jar);
  CHECK_EQUAL(jar->holds, 1);
  FETCH(&rig, .path = "/silent", .jar = jar, .total_us = 1000);
  CHECK_EQUAL(jar->holds, 1);
  int queued = SUBMIT(&rig, .path = "/silent", .jar = jar);
  CHECK_EQUAL(acurl_cancel(rig.engine, queued), ACURL_OK);
  CHECK_EQUAL(jar->holds, 1);
  int running = SUBMIT(&rig, .path = "/silent", .jar = jar);
  rig_kick(&rig);
  CHECK_EQUAL(jar->holds, 2);
  CHECK_EQUAL(acurl_cancel(rig.engine, running), ACURL_OK);
  CHECK_EQUAL(jar->holds, 1);
  acurl_jar_release(rig.engine, jar);
  rig_close(&rig);
}

static void outlives_the_engine(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *idle = acurl_jar_new(rig.engine, 0);
  acurl_jar *queued = acurl_jar_new(rig.engine, 0);
  acurl_jar *running = acurl_jar_new(rig.engine, 0);
  add(&rig, idle, "a", "1");
  add(&rig, running, "b", "1");
  SUBMIT(&rig, .path = "/silent", .jar = running);
  rig_kick(&rig);
  rig_run(&rig, 20);
  SUBMIT(&rig, .path = "/silent", .jar = queued);
  CHECK_EQUAL(acurl_engine_close(rig.engine), ACURL_OK);
  rig.engine = NULL;
  CHECK_EQUAL(running->holds, 1);
  CHECK_EQUAL(queued->holds, 1);
  CHECK_EQUAL(acurl_jar_release(NULL, idle), ACURL_OK);
  CHECK_EQUAL(acurl_jar_release(NULL, queued), ACURL_OK);
  CHECK_EQUAL(acurl_jar_release(NULL, running), ACURL_OK);
  rig_close(&rig);
}

static acurl_jar *given_jar;

static void *use_from_elsewhere(void *engine) {
  CHECK(!acurl_jar_new(engine, 0));
  CHECK_EQUAL(acurl_jar_release(engine, given_jar), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_jar_add(engine, given_jar, "x"), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_jar_clear(engine, given_jar), ACURL_ETHREAD);
  CHECK_EQUAL(acurl_jar_list(engine, given_jar), ACURL_ETHREAD);
  return NULL;
}

static void refuses_other_threads(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  given_jar = acurl_jar_new(rig.engine, 0);
  pthread_t thread;
  CHECK(!pthread_create(&thread, NULL, use_from_elsewhere, rig.engine));
  pthread_join(thread, NULL);
  CHECK_EQUAL(given_jar->holds, 1);
  acurl_jar_release(rig.engine, given_jar);
  CHECK(!acurl_jar_new(NULL, 0));
  rig_close(&rig);
}

static void without_memory_nothing_is_lost(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  faults_fail_allocations_after(0);
  acurl_jar *none = acurl_jar_new(rig.engine, 0);
  faults_none();
  CHECK(!none);
  acurl_jar *jar = acurl_jar_new(rig.engine, 0);
  add(&rig, jar, "a", "1");
  faults_fail_allocations_after(0);
  int result = acurl_jar_list(rig.engine, jar);
  faults_none();
  CHECK_EQUAL(result, ACURL_ENOMEM);
  CHECK_CONTAINS(list(&rig, jar), "a\t1\n");
  acurl_jar_release(rig.engine, jar);
  rig_close(&rig);
}

/* Two requests of its own user share a connection, and nobody else's; releasing it closes that. */
static void keeps_connections_to_itself(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  acurl_jar *first = acurl_jar_new(rig.engine, 1);
  acurl_jar *second = acurl_jar_new(rig.engine, 1);
  acurl_jar *jars[] = {first, first, second, NULL, second, NULL};
  int64_t ids[6];
  for(int i = 0; i < 6; i++) {
    struct outcome *outcome = FETCH(&rig, .path = "/bytes/5", .jar = jars[i]);
    CHECK_EQUAL(outcome->flags, 0);
    ids[i] = outcome->record.connection_id;
  }
  CHECK_EQUAL(target_accepted(rig.target), 3);
  CHECK(ids[0] == ids[1] && ids[2] == ids[4] && ids[3] == ids[5]);
  CHECK(ids[0] != ids[2] && ids[0] != ids[3] && ids[2] != ids[3]);
  acurl_jar_release(rig.engine, first);
  rig_run(&rig, 20);
  CHECK_EQUAL(target_open(rig.target), 2);
  acurl_engine *engine = rig.engine;
  rig.engine = NULL;
  CHECK_EQUAL(acurl_engine_close(engine), ACURL_OK);
  acurl_jar_release(NULL, second);
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(holds_what_is_added_until_cleared),
            TEST(is_sent_and_filled_by_its_own_transfers_only),
            TEST(lives_on_with_the_transfer_that_uses_it),
            TEST(is_let_go_in_every_way_a_transfer_ends), TEST(outlives_the_engine),
            TEST(refuses_other_threads), TEST(without_memory_nothing_is_lost),
            TEST(keeps_connections_to_itself));
}
