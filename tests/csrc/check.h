/* What a C test checks with. A check that fails says where and with which values, and aborts: the
 * sanitizers then show the stack. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
  do {                                                                                \
    if(!(condition)) {                                                                \
      fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition); \
      abort();                                                                        \
    }                                                                                 \
  } while(0)

#define CHECK_EQUAL(got, wanted) CHECK_NUMBERS(got, ==, wanted)
#define CHECK_AT_LEAST(got, wanted) CHECK_NUMBERS(got, >=, wanted)
#define CHECK_AT_MOST(got, wanted) CHECK_NUMBERS(got, <=, wanted)

#define CHECK_NUMBERS(got, relation, wanted)                                          \
  do {                                                                                \
    int64_t got_ = (int64_t)(got), wanted_ = (int64_t)(wanted);                       \
    if(!(got_ relation wanted_)) {                                                    \
      fprintf(stderr, "%s:%d: %s: %s is %" PRId64 ", must be %s %" PRId64 "\n", __FILE__, \
              __LINE__, __func__, #got, got_, #relation, wanted_);                    \
      abort();                                                                        \
    }                                                                                 \
  } while(0)

#define CHECK_TEXT(got, wanted)                                                       \
  do {                                                                                \
    const char *got_ = (got), *wanted_ = (wanted);                                    \
    if(strcmp(got_, wanted_)) {                                                       \
      fprintf(stderr, "%s:%d: %s: %s is \"%s\", must be \"%s\"\n", __FILE__, __LINE__,    \
              __func__, #got, got_, wanted_);                                         \
      abort();                                                                        \
    }                                                                                 \
  } while(0)

#define CHECK_CONTAINS(text, part)                                                    \
  do {                                                                                \
    const char *text_ = (text), *part_ = (part);                                      \
    if(!strstr(text_, part_)) {                                                       \
      fprintf(stderr, "%s:%d: %s: \"%s\" is not in \"%s\"\n", __FILE__, __LINE__,         \
              __func__, part_, text_);                                                \
      abort();                                                                        \
    }                                                                                 \
  } while(0)

#define CHECK_LACKS(text, part)                                                       \
  do {                                                                                \
    const char *text_ = (text), *part_ = (part);                                      \
    if(strstr(text_, part_)) {                                                        \
      fprintf(stderr, "%s:%d: %s: \"%s\" is in \"%s\"\n", __FILE__, __LINE__,             \
              __func__, part_, text_);                                                \
      abort();                                                                        \
    }                                                                                 \
  } while(0)

struct test {
  const char *name;
  void (*run)(void);
};

#define TEST(function) {#function, function}

/* Runs the tests one after the other; the name of a test as last argument runs that one alone. */
#define RUN_TESTS(argc, argv, ...)                                                    \
  do {                                                                                \
    const struct test tests_[] = {__VA_ARGS__};                                       \
    const char *only_ = (argc) > 2 ? (argv)[2] : NULL;                                \
    int count_ = 0;                                                                   \
    for(size_t i_ = 0; i_ < sizeof tests_ / sizeof *tests_; i_++) {                   \
      if(only_ && strcmp(only_, tests_[i_].name))                                     \
        continue;                                                                     \
      fprintf(stderr, "  %s\n", tests_[i_].name);                                     \
      tests_[i_].run();                                                               \
      count_++;                                                                       \
    }                                                                                 \
    printf("%s: %d tests passed\n", (argv)[0], count_);                               \
    return count_ ? 0 : 1;                                                            \
  } while(0)

#endif
