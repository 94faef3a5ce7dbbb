/* Names that take their time to resolve: nobody waits for them but their own transfers. The program
 * stands in for getaddrinfo, which libcurl's threads then call. */
#include "rig.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool stuck;
static int waiting;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  (void)node;
  (void)service;
  (void)hints;
  pthread_mutex_lock(&guard);
  waiting++;
  pthread_cond_broadcast(&changed);
  while(stuck)
    pthread_cond_wait(&changed, &guard);
  waiting--;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&guard);
  *result = NULL;
  return EAI_NONAME;
}

static void get_stuck(void) {
  stuck = true;
}

static void wait_for_a_lookup(struct rig *rig) {
  int64_t end = clock_now() + 5000 * MILLISECOND;
  int now = 0;
  while(!now && clock_now() < end) {
    rig_step(rig, 5);
    pthread_mutex_lock(&guard);
    now = waiting;
    pthread_mutex_unlock(&guard);
  }
  CHECK_AT_LEAST(now, 1);
}

static void come_free(void) {
  pthread_mutex_lock(&guard);
  stuck = false;
  pthread_cond_broadcast(&changed);
  while(waiting)
    pthread_cond_wait(&changed, &guard);
  pthread_mutex_unlock(&guard);
}

static void a_name_that_is_not_known_fails(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *outcome = FETCH(&rig, .path = "http://nowhere.invalid/");
  CHECK_EQUAL(outcome->record.code, 6);
  CHECK_CONTAINS(outcome->error, "nowhere.invalid");
  rig_close(&rig);
}

static void limits_hold_while_a_name_is_looked_up(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  get_stuck();
  int64_t start = clock_now();
  struct outcome *outcome = FETCH(&rig, .path = "http://slow.invalid/", .total_us = 100000);
  CHECK_EQUAL(outcome->record.cause, ACURL_CAUSE_TOTAL_TIMEOUT);
  CHECK_AT_MOST(clock_now() - start, 3000 * MILLISECOND);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/5", .total_us = 3000000)->flags, 0);
  come_free();
  rig_close(&rig);
}

static void cancelling_does_not_wait_for_the_lookup(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  get_stuck();
  int slot = SUBMIT(&rig, .path = "http://slow.invalid/");
  rig_kick(&rig);
  wait_for_a_lookup(&rig);
  int64_t start = clock_now();
  CHECK_EQUAL(acurl_cancel(rig.engine, slot), ACURL_OK);
  CHECK_AT_MOST(clock_now() - start, 1000 * MILLISECOND);
  come_free();
  rig_run(&rig, 20);
  rig_close(&rig);
}

static void *free_later(void *unused) {
  (void)unused;
  usleep(2000000);
  come_free();
  return NULL;
}

static void closing_does_not_wait_for_the_lookup(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  get_stuck();
  SUBMIT(&rig, .path = "http://slow.invalid/");
  rig_kick(&rig);
  wait_for_a_lookup(&rig);
  pthread_t thread;
  CHECK(!pthread_create(&thread, NULL, free_later, NULL));
  int64_t start = clock_now();
  CHECK_EQUAL(acurl_engine_close(rig.engine), ACURL_OK);
  int64_t took = clock_now() - start;
  pthread_join(thread, NULL);
  CHECK_AT_MOST(took, 1000 * MILLISECOND);
  rig.engine = NULL;
  rig_close(&rig);
  usleep(200000); /* the lookup's thread cleans up after itself, before leaks are looked for */
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(a_name_that_is_not_known_fails),
            TEST(limits_hold_while_a_name_is_looked_up),
            TEST(cancelling_does_not_wait_for_the_lookup),
            TEST(closing_does_not_wait_for_the_lookup));
}
