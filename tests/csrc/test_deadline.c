/* deadline.c against a model that is too simple to be wrong: an array searched from end to end. */
#include "check.h"
#include "faults.h"
#include "internal.h"

#define TRANSFERS 500

static struct transfer transfers[TRANSFERS];
static acurl_engine engine;
static uint64_t seed;

static uint64_t draw(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static void start_with(uint64_t value) {
  seed = value;
  for(int i = 0; i < TRANSFERS; i++)
    transfers[i] = (struct transfer){.heap_index = SIZE_MAX, .deadline = NEVER};
}

static void finish(void) {
  free(engine.heap);
  engine = (acurl_engine){0};
}

static int64_t earliest_by_model(size_t *count) {
  int64_t first = NEVER;
  *count = 0;
  for(int i = 0; i < TRANSFERS; i++) {
    if(transfers[i].heap_index == SIZE_MAX)
      continue;
    ++*count;
    if(transfers[i].deadline < first)
      first = transfers[i].deadline;
  }
  return first;
}

static void check_against_model(void) {
  size_t count;
  CHECK_EQUAL(deadline_first(&engine), earliest_by_model(&count));
  CHECK_EQUAL(engine.heap_len, count);
  for(size_t i = 0; i < engine.heap_len; i++) {
    CHECK_EQUAL(engine.heap[i]->heap_index, i);
    CHECK(i == 0 || engine.heap[(i - 1) / 2]->deadline <= engine.heap[i]->deadline);
  }
}

static void an_empty_heap_never_ends(void) {
  CHECK(deadline_first(&engine) == NEVER);
}

static void add(struct transfer *transfer) {
  engine.in_flight = (int)engine.heap_len;
  CHECK(deadline_reserve(&engine));
  deadline_add(&engine, transfer);
}

static void behaves_as_the_model(void) {
  for(uint64_t round = 1; round <= 20; round++) {
    start_with(round * 0x9e3779b97f4a7c15u);
    uint64_t spread = round % 2 ? 20 : UINT64_MAX / 4; /* many equal ones; hardly any */
    for(int step = 0; step < 2000; step++) {
      struct transfer *transfer = &transfers[draw() % TRANSFERS];
      if(transfer->heap_index != SIZE_MAX)
        deadline_drop(&engine, transfer);
      else {
        transfer->deadline = (int64_t)(draw() % spread);
        add(transfer);
      }
      if(step % 7 == 0)
        check_against_model();
    }
    finish();
  }
}

static void comes_out_in_order(void) {
  start_with(77);
  for(int i = 0; i < TRANSFERS; i++) {
    transfers[i].deadline = (int64_t)(draw() % 1000);
    add(&transfers[i]);
  }
  int64_t last = -1;
  while(engine.heap_len) {
    CHECK_AT_LEAST(deadline_first(&engine), last);
    last = deadline_first(&engine);
    deadline_drop(&engine, engine.heap[0]);
    check_against_model();
  }
  finish();
}

static void dropping_twice_is_harmless(void) {
  start_with(5);
  add(&transfers[0]);
  deadline_drop(&engine, &transfers[0]);
  deadline_drop(&engine, &transfers[0]);
  deadline_drop(&engine, &transfers[1]);
  CHECK_EQUAL(engine.heap_len, 0);
  finish();
}

static void room_is_made_before_it_is_needed(void) {
  start_with(9);
  faults_fail_allocations_after(0);
  CHECK(!deadline_reserve(&engine));
  faults_none();
  CHECK(engine.heap_len == 0 && engine.heap_cap == 0);
  for(engine.in_flight = 0; engine.in_flight < 64; engine.in_flight++) {
    CHECK(deadline_reserve(&engine));
    deadline_add(&engine, &transfers[engine.in_flight]);
  }
  faults_fail_allocations_after(0);
  CHECK(!deadline_reserve(&engine));
  faults_none();
  check_against_model();
  finish();
}

int main(int argc, char **argv) {
  RUN_TESTS(argc, argv, TEST(an_empty_heap_never_ends), TEST(behaves_as_the_model),
            TEST(comes_out_in_order), TEST(dropping_twice_is_harmless),
            TEST(room_is_made_before_it_is_needed));
}
