/* Exchanges: transfers whose body is given, or taken, piece by piece while they
 * run. What the user has to hear of meanwhile are notices: a callback raises
 * one, the end of the step puts it into the batch. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* Below this many bytes of body left to send, the user is asked for more. */
#define UPLOAD_LOW (64 * 1024)
/* The first bytes of a body are kept until it is clear that they need not be
 * sent again, unless there are more of them than this. */
#define UPLOAD_KEPT (1024 * 1024)

void notice_raise(struct transfer *transfer, int notice) {
  acurl_engine *engine = transfer->engine;
  transfer->notices |= notice;
  if(transfer->is_noticed)
    return;
  transfer->is_noticed = true;
  transfer->notice_next = engine->noticed;
  engine->noticed = transfer;
}

static void emit(struct transfer *transfer) {
  int notices = transfer->notices;
  transfer->notices = 0;
  if(notices & NOTICE_HEAD)
    batch_record(transfer, CURLE_OK, ACURL_FLAG_HEAD);
  int flags = (notices & NOTICE_DATA ? ACURL_FLAG_DATA : 0) |
              (notices & NOTICE_HUNGRY ? ACURL_FLAG_HUNGRY : 0);
  if(flags)
    batch_notice(transfer, flags);
}

void notices_emit(acurl_engine *engine) {
  while(engine->noticed) {
    struct transfer *transfer = engine->noticed;
    engine->noticed = transfer->notice_next;
    transfer->is_noticed = false;
    if(transfer->notices)
      emit(transfer);
  }
}

/* libcurl takes a body's bytes as it can send them. */
static size_t on_read(char *into, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  struct upload *upload = transfer->upload;
  size_t unread = upload->kept.len - upload->read_at;
  size_t len = unread < size * count ? unread : size * count;
  if(!len && upload->ended)
    return 0;
  transfer->last_progress = transfer->engine->now;
  if(!len) {
    transfer->paused |= CURLPAUSE_SEND;
    notice_raise(transfer, NOTICE_HUNGRY);
    return CURL_READFUNC_PAUSE;
  }
  memcpy(into, upload->kept.data + upload->read_at, len);
  upload->read_at += len;
  if(!upload->ended && unread - len < UPLOAD_LOW)
    notice_raise(transfer, NOTICE_HUNGRY);
  return len;
}

static int on_seek(void *context, int64_t offset, int origin) {
  struct upload *upload = ((struct transfer *)context)->upload;
  if(origin != 0 || offset < upload->dropped ||
     offset - upload->dropped > (int64_t)upload->kept.len)
    return CURL_SEEKFUNC_CANTSEEK;
  upload->read_at = (size_t)(offset - upload->dropped);
  return CURL_SEEKFUNC_OK;
}

CURLcode upload_begin(struct transfer *transfer, int64_t size) {
  CURL *easy = transfer->easy;
  transfer->altered = true;
  transfer->upload = calloc(1, sizeof *transfer->upload);
  if(!transfer->upload)
    return CURLE_OUT_OF_MEMORY;
  TRY(set_long(easy, CURLOPT_UPLOAD, 1));
  TRY(libcurl.easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, size));
  TRY(libcurl.easy_setopt(easy, CURLOPT_READFUNCTION, on_read));
  TRY(set_data(easy, CURLOPT_READDATA, transfer));
  TRY(libcurl.easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek));
  return set_data(easy, CURLOPT_SEEKDATA, transfer);
}

bool upload_rewind(struct transfer *transfer) {
  return !transfer->upload || on_seek(transfer, 0, 0) == CURL_SEEKFUNC_OK;
}

bool upload_is_read(const struct upload *upload) {
  return upload->ended && upload->read_at == upload->kept.len;
}

void upload_free(struct transfer *transfer) {
  if(!transfer->upload)
    return;
  buffer_free(&transfer->upload->kept);
  free(transfer->upload);
  transfer->upload = NULL;
}

static void drop_read(struct upload *upload) {
  if(upload->read_at < UPLOAD_KEPT && !upload->dropped)
    return;
  memmove(upload->kept.data, upload->kept.data + upload->read_at,
          upload->kept.len - upload->read_at);
  upload->kept.len -= upload->read_at;
  upload->dropped += (int64_t)upload->read_at;
  upload->read_at = 0;
}

/* Lets libcurl go on in one direction. It may call back from within. */
static void resume(struct transfer *transfer, int direction) {
  if(!(transfer->paused & direction))
    return;
  transfer->paused &= ~direction;
  transfer->last_progress = transfer->engine->now;
  if(direction == CURLPAUSE_RECV)
    events_release(transfer);
  if(transfer->state != TRANSFER_RUNNING)
    return;
  if(libcurl.easy_pause(transfer->easy, transfer->paused) && !transfer->cause)
    transfer->engine->counters.faults++;
  if(transfer->cause)
    limits_hasten(transfer);
}

/* The transfer in a slot, once the call itself is allowed. */
static int find(acurl_engine *engine, int slot, struct transfer **transfer) {
  int result = engine_check(engine);
  if(result)
    return result;
  if(slot < 0 || slot >= engine->slot_count || engine->slots[slot]->state == TRANSFER_FREE)
    return ACURL_EARGUMENT;
  *transfer = engine->slots[slot];
  engine->now = clock_now();
  return ACURL_OK;
}

int64_t acurl_feed(acurl_engine *engine, int slot, const char *data, int64_t len, int last) {
  struct transfer *transfer = NULL;
  int result = find(engine, slot, &transfer);
  if(result)
    return result;
  struct upload *upload = transfer->upload;
  if(!upload || upload->ended)
    return ACURL_EARGUMENT;
  drop_read(upload);
  if(!buffer_append(&upload->kept, data, (size_t)len))
    return ACURL_ENOMEM;
  upload->ended = last;
  resume(transfer, CURLPAUSE_SEND);
  events_arm(engine);
  return (int64_t)(upload->kept.len - upload->read_at);
}

int64_t acurl_read(acurl_engine *engine, int slot, const char **data) {
  struct transfer *transfer = NULL;
  int result = find(engine, slot, &transfer);
  if(result)
    return result;
  if(!transfer->streams)
    return ACURL_EARGUMENT;
  struct buffer taken = transfer->body;
  transfer->body = engine->taken;
  transfer->body.len = 0;
  engine->taken = taken;
  *data = taken.data;
  resume(transfer, CURLPAUSE_RECV);
  events_arm(engine);
  return (int64_t)taken.len;
}
