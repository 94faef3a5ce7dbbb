/* buffer.c and block.c: growth, reuse of large blocks, refusal of absurd sizes. */
#include "check.h"
#include "faults.h"
#include "internal.h"

#include <pthread.h>

static void bytes_survive_growth(void) {
  struct buffer buffer = {0};
  for(int i = 0; i < 300000; i++) {
    char byte = (char)(i * 31);
    CHECK(buffer_append(&buffer, &byte, 1));
  }
  CHECK_EQUAL(buffer.len, 300000);
  for(int i = 0; i < 300000; i++)
    CHECK(buffer.data[i] == (char)(i * 31));
  buffer_free(&buffer);
  CHECK(!buffer.data && !buffer.len && !buffer.cap);
}

static void nothing_appended_is_fine(void) {
  struct buffer buffer = {0};
  CHECK(buffer_append(&buffer, NULL, 0));
  CHECK_EQUAL(buffer.len, 0);
  buffer_free(&buffer);
  buffer_free(&buffer);
}

static void reserved_room_needs_no_memory(void) {
  struct buffer buffer = {0};
  CHECK(buffer_reserve(&buffer, 5000));
  faults_fail_allocations_after(0);
  for(int i = 0; i < 5000; i++)
    CHECK(buffer_append(&buffer, "x", 1));
  faults_none();
  buffer_free(&buffer);
}

static void absurd_sizes_are_refused(void) {
  struct buffer buffer = {0};
  CHECK(buffer_append(&buffer, "kept", 4));
  CHECK(!buffer_reserve(&buffer, SIZE_MAX));
  CHECK(!buffer_reserve(&buffer, SIZE_MAX - 4));
  CHECK(!buffer_reserve(&buffer, SIZE_MAX / 2));
  CHECK_EQUAL(buffer.len, 4);
  CHECK(!memcmp(buffer.data, "kept", 4));
  buffer_free(&buffer);
}

static void without_memory_nothing_changes(void) {
  const size_t sizes[] = {10, 1000, BLOCK_MIN - 1, BLOCK_MIN, 9 << 20};
  for(size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct buffer buffer = {0};
    CHECK(buffer_append(&buffer, "kept", 4));
    size_t cap = buffer.cap;
    faults_fail_allocations_after(0);
    bool grew = buffer_reserve(&buffer, cap + (16 << 20));
    faults_none();
    CHECK(!grew);
    CHECK_EQUAL(buffer.cap, cap);
    CHECK(buffer.len == 4 && !memcmp(buffer.data, "kept", 4));
    buffer_free(&buffer);
  }
}

static void reset_keeps_only_small_blocks(void) {
  struct buffer buffer = {0};
  CHECK(buffer_append(&buffer, "some text", 9));
  char *data = buffer.data;
  buffer_reset(&buffer, 4096);
  CHECK(buffer.data == data && buffer.len == 0);
  CHECK(buffer_reserve(&buffer, 5000));
  buffer_reset(&buffer, 4096);
  CHECK(!buffer.data && !buffer.cap);
}

static void large_blocks_come_back(void) {
  size_t cap = 0;
  char *first = block_take(1 << 20, &cap);
  CHECK(first);
  CHECK_EQUAL(cap, 1 << 20);
  memset(first, 1, cap);
  block_give(first);
  CHECK(block_take((1 << 20) - 5, &cap) == first);
  char *second = block_take(1 << 20, &cap);
  CHECK(second && second != first);
  block_give(first);
  block_give(second);
}

static void huge_blocks_are_not_kept(void) {
  size_t cap = 0;
  char *huge = block_take((8 << 20) + 1, &cap);
  CHECK_EQUAL(cap, 16 << 20);
  huge[cap - 1] = 1;
  block_give(huge); /* the leak check sees to the rest */
  char *blocks[20];
  for(int i = 0; i < 20; i++)
    CHECK((blocks[i] = block_take(4 << 20, &cap)));
  for(int i = 0; i < 20; i++)
    block_give(blocks[i]); /* 80 MiB; all but 32 go back to the system */
}

static void *take_and_give(void *unused) {
  (void)unused;
  for(int i = 0; i < 20000; i++) {
    size_t cap;
    char *data = block_take((size_t)40000 << (i % 4), &cap);
    CHECK(data);
    data[0] = data[cap - 1] = (char)i;
    block_give(data);
  }
  return NULL;
}

static void blocks_are_given_from_any_thread(void) {
  pthread_t threads[3];
  for(int i = 0; i < 3; i++)
    CHECK(!pthread_create(&threads[i], NULL, take_and_give, NULL));
  for(int i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
  RUN_TESTS(argc, argv, TEST(bytes_survive_growth), TEST(nothing_appended_is_fine),
            TEST(reserved_room_needs_no_memory), TEST(absurd_sizes_are_refused),
            TEST(without_memory_nothing_changes), TEST(reset_keeps_only_small_blocks),
            TEST(large_blocks_come_back), TEST(huge_blocks_are_not_kept),
            TEST(blocks_are_given_from_any_thread));
}
