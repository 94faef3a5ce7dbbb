/* record.c: what a finished transfer tells, and that a batch is laid out as the contract says. */
#include "faults.h"
#include "rig.h"

static void tells_of_a_plain_answer(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *first = FETCH(&rig, .path = "/bytes/5");
  CHECK_EQUAL(first->flags, 0);
  CHECK_EQUAL(first->record.code, 0);
  CHECK_EQUAL(first->record.status, 200);
  CHECK_EQUAL(first->record.http_version, 2); /* CURL_HTTP_VERSION_1_1 */
  CHECK_EQUAL(first->record.new_connections, 1);
  CHECK_AT_LEAST(first->record.connection_id, 0);
  CHECK_TEXT(first->body, "abcde");
  CHECK_EQUAL(first->record.download_size, 5);
  CHECK_TEXT(first->ip, "127.0.0.1");
  CHECK_CONTAINS(first->header, "HTTP/1.1 200 OK\r\n");
  CHECK_AT_LEAST(first->record.connect_us, 1);
  CHECK_AT_LEAST(first->record.pretransfer_us, first->record.connect_us);
  CHECK_AT_LEAST(first->record.starttransfer_us, first->record.pretransfer_us);
  CHECK_AT_LEAST(first->record.total_us, first->record.starttransfer_us);
  CHECK_AT_LEAST(first->record.wait_us, 0);
  CHECK_EQUAL(first->record.appconnect_us, 0);
  int64_t connection = first->record.connection_id;
  struct outcome *second = FETCH(&rig, .path = "/bytes/5");
  CHECK_EQUAL(second->record.new_connections, 0);
  CHECK_EQUAL(second->record.connection_id, connection);
  CHECK_EQUAL(second->record.connect_us, 0);
  CHECK_AT_LEAST(second->record.total_us, 1);
  rig_close(&rig);
}

static void counts_what_was_sent(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *outcome = FETCH(&rig, .path = "/echo", .body = "12345", .body_len = 5,
                                  .method = "PUT");
  CHECK_EQUAL(outcome->record.upload_size, 5);
  CHECK_CONTAINS(outcome->body, "PUT /echo HTTP/1.1\r\n");
  CHECK_CONTAINS(outcome->body, "\r\n\r\n12345");
  rig_close(&rig);
}

static void large_bodies_change_hands(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  const int sizes[] = {16383, 16384, 16385, 32768, 32769, 1 << 20, (8 << 20) + 1};
  for(size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char path[64];
    snprintf(path, sizeof path, "/bytes/%d", sizes[i]);
    struct outcome *outcome = FETCH(&rig, .path = path);
    CHECK_EQUAL(outcome->record.body_len, sizes[i]);
    CHECK_EQUAL(outcome->flags, sizes[i] > 16384 ? ACURL_FLAG_HELD : 0);
    const char *body = outcome->held ? outcome->held : outcome->body;
    for(int j = 0; j < sizes[i]; j++)
      CHECK(body[j] == 'a' + j % 26);
  }
  rig_close(&rig);
}

static void many_in_one_batch_stay_apart(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  int slots[50];
  for(int i = 0; i < 50; i++) {
    char path[64];
    snprintf(path, sizeof path, "/bytes/%d", i * 40);
    slots[i] = SUBMIT(&rig, .path = path);
  }
  rig_kick(&rig);
  rig_until_finished(&rig, 50);
  for(int i = 0; i < 50; i++)
    CHECK_EQUAL(rig.outcomes[slots[i]].record.body_len, i * 40);
  rig_close(&rig);
}

static void failures_say_why(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *dead = FETCH(&rig, .path = "/die");
  CHECK_EQUAL(dead->flags, ACURL_FLAG_FAILED);
  CHECK_EQUAL(dead->record.code, 52);
  CHECK_AT_LEAST(strlen(dead->error), 1);
  CHECK_EQUAL(dead->record.body_len, 0);
  struct outcome *refused = FETCH(&rig, .path = "http://127.0.0.1:1/");
  CHECK_EQUAL(refused->record.code, 7);
  CHECK_EQUAL(refused->record.os_error, 111);
  CHECK_EQUAL(refused->record.status, 0);
  CHECK_EQUAL(refused->record.connection_id >= -1, 1);
  rig_close(&rig);
}

static void redirects_carry_their_target(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *outcome = FETCH(&rig, .path = "/redirect");
  CHECK_EQUAL(outcome->flags, ACURL_FLAG_REDIRECT);
  CHECK_EQUAL(outcome->record.status, 302);
  CHECK_CONTAINS(outcome->redirect, "/echo");
  CHECK_CONTAINS(outcome->redirect, "http://127.0.0.1:");
  rig_close(&rig);
}

static void early_answers_and_trailers_are_not_headers(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *early = FETCH(&rig, .path = "/early/3");
  CHECK_EQUAL(early->record.status, 200);
  CHECK_CONTAINS(early->header, "X-Final: yes");
  CHECK_LACKS(early->header, "X-Early");
  for(int size = 0; size < 2; size++) {
    struct outcome *late = FETCH(&rig, .path = size ? "/trailers/10" : "/trailers/0");
    CHECK_EQUAL(late->record.code, 0);
    CHECK_EQUAL(late->record.body_len, size * 10);
    CHECK_LACKS(late->header, "X-Late");
    CHECK_EQUAL(late->flags, 0);
  }
  rig_close(&rig);
}

static void a_header_cannot_pose_as_the_status(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  struct outcome *outcome = FETCH(&rig, .path = "/odd");
  CHECK_EQUAL(outcome->record.code, 0);
  CHECK_EQUAL(outcome->record.status, 200);
  CHECK_EQUAL(outcome->record.http_version, 2);
  CHECK_CONTAINS(outcome->header, "X-First: 1\r\nHTTP/1.0 500 odd: yes\r\n");
  rig_close(&rig);
}

static void limits_of_size_hold(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){.max_response_size = 1000});
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/1000")->record.code, 0);
  struct outcome *large = FETCH(&rig, .path = "/bytes/1001");
  CHECK_EQUAL(large->flags, ACURL_FLAG_FAILED);
  CHECK_EQUAL(large->record.cause, ACURL_CAUSE_BODY_TOO_LARGE);
  CHECK_EQUAL(FETCH(&rig, .path = "/head/250000")->record.code, 0);
  struct outcome *head = FETCH(&rig, .path = "/head/400000");
  CHECK_EQUAL(head->flags & ACURL_FLAG_FAILED, ACURL_FLAG_FAILED);
  CHECK_EQUAL(FETCH(&rig, .path = "/bytes/10")->record.cause, 0);
  rig_close(&rig);
}

static void lengths_that_servers_claim_are_not_believed(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  const char *claims[] = {"/claims/8388608", "/claims/60000000", "/claims/9223372036854775807",
                          "/claims/99999999999999999999999999", "/claims/-5", "/claims/1x"};
  int slots[6];
  for(int i = 0; i < 6; i++)
    slots[i] = SUBMIT(&rig, .path = claims[i], .total_us = 300000);
  rig_kick(&rig);
  rig_until_finished(&rig, 6);
  for(int i = 0; i < 6; i++)
    CHECK(rig.outcomes[slots[i]].flags & ACURL_FLAG_FAILED);
  rig_close(&rig);
}

/* A batch beyond what its offsets can say must never come to be: here four transfers with more
 * headers than any server can send. One of them fits, and all are told of. */
static void batches_stay_within_their_offsets(void) {
  struct rig rig;
  rig_open(&rig, (acurl_engine_options){0});
  const size_t size = (size_t)140 << 20;
  int slots[4];
  for(int i = 0; i < 4; i++)
    slots[i] = SUBMIT(&rig, .path = "/silent", .total_us = 1);
  for(int i = 0; i < 4; i++) {
    struct buffer *headers = &rig.engine->slots[slots[i]]->response_headers;
    CHECK(buffer_reserve(headers, size));
    headers->len = size;
  }
  rig_kick(&rig);
  rig_until_finished(&rig, 4);
  int bare = 0;
  for(int i = 0; i < 4; i++) {
    acurl_record *record = &rig.outcomes[slots[i]].record;
    bare += record->cause == ACURL_CAUSE_NO_MEMORY && !record->header_len;
    CHECK(!record->header_len || record->header_len == size);
  }
  CHECK_EQUAL(bare, 3);
  CHECK_AT_MOST(acurl_engine_batch(rig.engine)->size, 512 << 20);
  rig_close(&rig);
}

int main(int argc, char **argv) {
  rig_bind(argc, argv);
  RUN_TESTS(argc, argv, TEST(tells_of_a_plain_answer), TEST(counts_what_was_sent),
            TEST(large_bodies_change_hands), TEST(many_in_one_batch_stay_apart),
            TEST(failures_say_why), TEST(redirects_carry_their_target),
            TEST(early_answers_and_trailers_are_not_headers),
            TEST(a_header_cannot_pose_as_the_status), TEST(limits_of_size_hold),
            TEST(lengths_that_servers_claim_are_not_believed),
            TEST(batches_stay_within_their_offsets));
}
