/* profile.c: values are copied, ids are never reused, nothing is lost when memory runs out. */
#include "check.h"
#include "faults.h"
#include "internal.h"

static void values_are_copied(void) {
  char text[] = "before";
  acurl_profile *profile = acurl_profile_new();
  CHECK_EQUAL(acurl_profile_set_text(profile, 10018, text), ACURL_OK);
  CHECK_EQUAL(acurl_profile_set_long(profile, 156, 1234), ACURL_OK);
  CHECK_EQUAL(acurl_profile_set_text(profile, 10004, NULL), ACURL_OK);
  memset(text, 'x', sizeof text - 1);
  CHECK_EQUAL(profile->count, 3);
  CHECK(profile->options[0].is_text);
  CHECK_TEXT(profile->options[0].text, "before");
  CHECK(!profile->options[1].is_text);
  CHECK_EQUAL(profile->options[1].number, 1234);
  CHECK(profile->options[2].is_text && !profile->options[2].text);
  acurl_profile_free(profile);
}

static void ids_are_never_reused(void) {
  uint64_t last = 0;
  for(int i = 0; i < 1000; i++) {
    acurl_profile *profile = acurl_profile_new();
    CHECK(profile->id > last);
    last = profile->id;
    acurl_profile_free(profile);
  }
}

static void many_options_fit(void) {
  acurl_profile *profile = acurl_profile_new();
  for(int i = 0; i < 500; i++)
    CHECK_EQUAL(acurl_profile_set_long(profile, i, i), ACURL_OK);
  for(int i = 0; i < 500; i++)
    CHECK(profile->options[i].option == i && profile->options[i].number == i);
  acurl_profile_free(profile);
}

static void limits_are_kept_and_do_not_overflow(void) {
  acurl_profile *profile = acurl_profile_new();
  acurl_profile_set_limits(profile, 5, 7, 9);
  CHECK_EQUAL(profile->read_limit, 5 * MICROSECOND);
  CHECK_EQUAL(profile->write_limit, 7 * MICROSECOND);
  acurl_profile_set_limits(profile, INT64_MAX, INT64_MAX / 2, INT64_MAX);
  CHECK(profile->read_limit > 0 && profile->write_limit > 0);
  CHECK(profile->read_limit <= NEVER - clock_now());
  acurl_profile_free(profile);
}

static void without_memory_nothing_changes(void) {
  faults_fail_allocations_after(0);
  acurl_profile *none = acurl_profile_new();
  faults_none();
  CHECK(!none);
  acurl_profile_free(NULL);
  acurl_profile *profile = acurl_profile_new();
  for(int good = 0; good < 2; good++) {
    faults_fail_allocations_after(good);
    int result = acurl_profile_set_text(profile, 10018, "text");
    faults_none();
    CHECK_EQUAL(result, ACURL_ENOMEM);
    CHECK_EQUAL(profile->count, 0);
  }
  faults_fail_allocations_after(0);
  int result = acurl_profile_set_long(profile, 1, 1);
  faults_none();
  CHECK_EQUAL(result, ACURL_ENOMEM);
  CHECK_EQUAL(profile->count, 0);
  acurl_profile_free(profile);
}

int main(int argc, char **argv) {
  RUN_TESTS(argc, argv, TEST(values_are_copied), TEST(ids_are_never_reused), TEST(many_options_fit),
            TEST(limits_are_kept_and_do_not_overflow), TEST(without_memory_nothing_changes));
}
