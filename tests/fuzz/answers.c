/* What servers say, and in what order libcurl tells the engine. */
#include "answers.h"

#include "../csrc/check.h"
#include "links.h"
#include "input.h"
#include "kernel.h"

#include <stdarg.h>
#include <strings.h>

#define MOST_TRANSFERS 64
#define MOST_PIECE (128 * 1024)
#define MOST_PLAYED 24 /* answers' pieces in one go */
#define MOST_BYTES (400 * 1024) /* of one body */

static struct easy *running[MOST_TRANSFERS];
static struct curl_message messages[MOST_TRANSFERS];
static int message_count;
static bool timer_set;
static int bad_additions, bad_removals, bad_actions;
static char piece[MOST_PIECE];

/* There is one multi. */
static int (*on_timer)(CURLM *, long, void *);
static void *timer_data;
static char the_multi;

void answers_start(void) {
  links_start();
  memset(running, 0, sizeof running);
  message_count = bad_additions = bad_removals = bad_actions = 0;
  timer_set = false;
}

void understudy_refuse_handles(int additions, int removals, int actions) {
  bad_actions = actions;
  bad_additions = additions;
  bad_removals = removals;
}

static void set_timer(long milliseconds) {
  timer_set = milliseconds >= 0;
  on_timer(&the_multi, milliseconds, timer_data);
}

static void finish(struct easy *easy, CURLcode code) {
  if(easy->over)
    return;
  easy->over = true;
  if(code && easy->garbled)
    code = 8; /* a weird answer */
  if(code && easy->error)
    strcpy(easy->error, code == CURLE_HTTP2_STREAM ? "REFUSED_STREAM" : "GOAWAY");
  links_let_go(easy, !code && input_byte() & 1);
  messages[message_count++] = (struct curl_message){.msg = CURL_MESSAGE_DONE, .easy = easy,
                                                    .data.result = code};
}

/* The request is about to be sent. */
static void set_out(struct easy *easy) {
  if(easy->status == 401 || easy->status == 407) { /* met with credentials: it was not the last */
    easy->status = 0;
    easy->head_len = 0;
    easy->after_blank = false;
  }
  if(easy->on_begin(easy->begin_data, NULL, NULL, 80, 1024) != CURL_PREREQFUNC_OK) {
    CHECK(easy->transfer->cause);
    finish(easy, 42); /* as libcurl calls it */
  }
}

/* Once more: the connection was gone, or the answer asked for credentials. Its body is not told. */
static void set_out_again(struct easy *easy) {
  if(easy->after_blank ? !easy->body_seen : !easy->head_len)
    set_out(easy);
}

static void begin(struct easy *easy) {
  const struct share *owner = easy->share && easy->share->connections ? easy->share : NULL;
  bool fresh = easy->numbers[NUMBER_FRESH];
  if((fresh || input_byte() & 1 || !links_reuse(easy, owner)) && !links_open(easy, owner)) {
    finish(easy, 7);
    return;
  }
  links_watch(easy, CURL_POLL_OUT);
  set_out(easy);
}

static void keep_line(struct easy *easy, const char *line, size_t len) {
  if(easy->head_len + len > easy->head_cap) {
    easy->head_cap = 2 * (easy->head_len + len);
    easy->head = realloc(easy->head, easy->head_cap);
    CHECK(easy->head);
  }
  memcpy(easy->head + easy->head_len, line, len);
  easy->head_len += len;
}

static int status_in(const char *line, size_t len) {
  int status;
  char text[16] = "";
  memcpy(text, line, len < 15 ? len : 15);
  bool clean = len > 9 && (sscanf(text, "HTTP/1.%*1[01] %3d", &status) == 1 ||
                           sscanf(text, "HTTP/%*1[23] %3d", &status) == 1);
  return clean && status >= 100 && !strchr(text, '\t') ? status : -1;
}

static void say_text(struct easy *easy, const char *text);

/* One line as it came. The model of what a record must tell moves on beside the engine. */
static void say(struct easy *easy, const char *line, size_t len) {
  bool blank = line[0] == '\n' || (len == 2 && !memcmp(line, "\r\n", 2));
  bool first = easy->after_blank ? !easy->body_seen : !easy->head_len;
  bool is_status = first && !blank && len >= 5 && !strncasecmp(line, "HTTP/", 5);
  if(first && !is_status && !easy->after_blank) {
    say_text(easy, "HTTP/1.1 200 OK\r\n"); /* libcurl takes nothing else for an answer */
    return;
  }
  easy->sent = true;
  char *copy = malloc(len); /* as long as the line: a look beyond it is seen */
  CHECK(copy);
  memcpy(copy, line, len);
  size_t taken = easy->on_header(copy, 1, len, easy->header_data);
  free(copy);
  if(taken != len) {
    CHECK(easy->transfer->cause);
    finish(easy, CURLE_WRITE_ERROR);
    return;
  }
  easy->after_blank |= blank;
  if(is_status) {
    easy->head_len = 0;
    easy->after_blank = false;
    easy->status = status_in(line, len);
    easy->garbled |= easy->status < 0;
  }
  if(!easy->after_blank)
    keep_line(easy, line, len);
}

static void say_text(struct easy *easy, const char *text) {
  say(easy, text, strlen(text));
}

static void send_body(struct easy *easy, size_t len) {
  if(!easy->after_blank && !easy->head_len)
    say_text(easy, "HTTP/1.1 200 OK\r\n");
  if(!easy->after_blank && !easy->over)
    say_text(easy, "\r\n"); /* no body comes before it */
  if(easy->over)
    return;
  body_fill(easy->serial, easy->accepted, piece, len);
  easy->sent = easy->after_blank = true;
  easy->body_seen |= len > 0;
  size_t taken = easy->on_body(piece, 1, len, easy->body_data);
  if(taken != len) {
    CHECK(easy->transfer->cause);
    easy->refused = len;
    finish(easy, CURLE_WRITE_ERROR);
  }
  else
    easy->accepted += (int64_t)len;
}

static void take_part(struct part *part) {
  size_t most = 1 + (size_t)input_upto(2000);
  if(input_byte() & 1)
    CHECK_EQUAL(part->seek(part->context, 0, 0), CURL_SEEKFUNC_OK);
  size_t total = 0, got;
  while((got = part->read(piece, 1, most, part->context)))
    total += got;
  CHECK_AT_MOST(total, part->size);
}

static void take_upload(struct easy *easy) {
  for(int i = 0; easy->mime && i < easy->mime->count; i++)
    if(easy->mime->parts[i].read)
      take_part(&easy->mime->parts[i]);
  if(!easy->on_read || easy->paused & CURLPAUSE_SEND)
    return;
  size_t most = 1 + (size_t)input_upto(65535), got = 1;
  for(int i = input_upto(15); i >= 0 && got; i--) {
    got = easy->on_read(piece, 1, most, easy->read_data);
    if(got == CURL_READFUNC_PAUSE) {
      easy->paused |= CURLPAUSE_SEND;
      return;
    }
    CHECK_AT_MOST(got, most);
    upload_check(easy, piece, got);
    easy->uploaded += (int64_t)got;
  }
}

static void rewind_upload(struct easy *easy) {
  if(easy->on_seek && easy->on_seek(easy->seek_data, 0, 0) == CURL_SEEKFUNC_OK)
    easy->uploaded = 0;
}

static void say_much(struct easy *easy) {
  char line[2000];
  memset(line, 'x', sizeof line);
  memcpy(line, "X-Long: ", 8);
  for(int i = input_byte(); i > 0 && !easy->over; i--)
    say(easy, line, sizeof line);
}

static void say_raw(struct easy *easy) {
  size_t got;
  const char *line = input_bytes((size_t)input_upto(60) + 1, &got);
  if(got)
    say(easy, line, got);
}

static const char *const lines[] = {
    "HTTP/1.1 200 OK\r\n",        "HTTP/1.1 100 Continue\r\n", "HTTP/2 200 \r\n",
    "HTTP/1.1 302 Found\r\n",     "HTTP/1.1 401 No\r\n",       "HTTP/1.1 304 Same\r\n",
    "HTTP/3 503 \r\n",            "Content-Length: 5\r\n",     "Content-Length: 70000\r\n",
    "content-length: 99999999999999999999\r\n",                "Set-Cookie: a=b\r\n",
    "Location: /next\r\n",        "Content-Type: text/plain; charset=latin-1\r\n",
    "X-Empty:\r\n",               "\r\n",                      "\n"};

#define LINES (int)(sizeof lines / sizeof *lines)

static void say_known(struct easy *easy) {
  const char *line = lines[input_upto(LINES - 1)];
  if(line[0] == 'S') {
    int *cookies = easy->share ? &easy->share->cookies : &easy->cookies;
    *cookies += *cookies < 3;
  }
  say_text(easy, line);
}

static void answer_whole(struct easy *easy) {
  static const char *const whole[] = {"HTTP/1.1 200 OK\r\n", "Content-Type: text/html\r\n", "\r\n"};
  for(int i = 0; i < 3 && !easy->over; i++)
    say_text(easy, whole[i]);
  if(!easy->over)
    send_body(easy, (size_t)input_upto(40000));
}

static const CURLcode failures[] = {CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_HTTP2,
                                    CURLE_HTTP2_STREAM, CURLE_OPERATION_TIMEDOUT, 52, 18, 61};

/* The next thing that happens to a transfer. False: it waits. */
static bool play_once(struct easy *easy) {
  if(input_ended()) { /* all comes to its end, but for what waits for its user */
    if(!easy->paused)
      finish(easy, CURLE_OK);
    return false;
  }
  int what = input_upto(15);
  if(easy->paused & CURLPAUSE_RECV && what > 2 && what != 9) /* but what is being decompressed */
    what = 3;
  switch(what) {
  case 0: finish(easy, failures[input_upto(7)]); break;
  case 1: take_upload(easy); break;
  case 2: easy->sent = true; break;
  case 3: links_watch(easy, 1 + input_upto(2)); return false;
  case 4: finish(easy, CURLE_OK); break;
  case 5: case 6: say_known(easy); break;
  case 7: say_raw(easy); break;
  case 8: say_text(easy, lines[0]); break;
  case 9: send_body(easy, 1 + (size_t)input_upto(200)); break;
  case 10: send_body(easy, 1 + 2 * (size_t)input_upto(65535)); break;
  case 11: say_much(easy); break;
  case 12: set_out_again(easy); break;
  case 13: set_timer(input_byte()); break;
  case 14: rewind_upload(easy); break;
  default: answer_whole(easy);
  }
  return !easy->over && easy->accepted < MOST_BYTES;
}

static void play(struct easy *easy) {
  easy->due = false;
  if(easy->over)
    return;
  if(easy->fd < 0)
    begin(easy);
  for(int i = 0; i < MOST_PLAYED && !easy->over && play_once(easy); i++)
    ;
  if(!easy->over && !links_mask(easy->fd))
    links_watch(easy, CURL_POLL_IN);
}

static CURLMcode multi_add_handle(CURLM *multi, CURL *handle) {
  struct easy *easy = handle;
  CHECK(multi == &the_multi && !easy->running);
  if(bad_additions > 0) {
    bad_additions--;
    return CURLM_OUT_OF_MEMORY;
  }
  int slot = 0;
  while(running[slot])
    CHECK(++slot < MOST_TRANSFERS);
  running[slot] = easy;
  easy->running = easy->due = true;
  easy->over = easy->sent = easy->garbled = easy->after_blank = easy->body_seen = false;
  easy->accepted = easy->uploaded = 0;
  easy->head_len = easy->refused = 0;
  easy->status = easy->paused = 0;
  easy->fd = -1;
  easy->serial = setup_check(easy);
  set_timer(0);
  return CURLM_OK;
}

void answers_leave(struct easy *easy) {
  for(int i = 0; i < MOST_TRANSFERS; i++)
    if(running[i] == easy)
      running[i] = NULL;
  for(int i = 0; i < message_count; i++)
    if(messages[i].easy == easy)
      messages[i--] = messages[--message_count];
  links_let_go(easy, false);
  easy->running = false;
}

static CURLMcode multi_remove_handle(CURLM *multi, CURL *handle) {
  CHECK(multi == &the_multi && ((struct easy *)handle)->running);
  if(bad_removals > 0) {
    bad_removals--;
    return CURLM_OUT_OF_MEMORY;
  }
  answers_leave(handle);
  return CURLM_OK;
}

static CURLMcode multi_socket_action(CURLM *multi, int fd, int events, int *still) {
  CHECK(multi == &the_multi);
  (void)events;
  if(fd == CURL_SOCKET_TIMEOUT)
    timer_set = false;
  *still = 0;
  for(int i = 0; i < MOST_TRANSFERS; i++) {
    struct easy *easy = running[i];
    if(easy && (fd == CURL_SOCKET_TIMEOUT ? easy->due : easy->fd == fd))
      play(easy);
    *still += running[i] != NULL;
  }
  if(bad_actions > 0) { /* it has played, but noted no sockets */
    bad_actions--;
    return CURLM_OUT_OF_MEMORY;
  }
  return CURLM_OK;
}

static struct curl_message *multi_info_read(CURLM *multi, int *left) {
  static struct curl_message message;
  CHECK(multi == &the_multi);
  if(!message_count)
    return NULL;
  message = messages[--message_count];
  *left = message_count;
  return &message;
}

static CURLcode easy_pause(CURL *handle, int directions) {
  struct easy *easy = handle;
  CHECK(easy->running);
  if(easy->fd < 0)
    return CURLE_BAD_FUNCTION_ARGUMENT;
  if(easy->paused & ~directions) {
    easy->due = true;
    set_timer(0);
  }
  easy->paused = directions;
  return CURLE_OK;
}

static CURLM *multi_init(void) {
  return &the_multi;
}

static CURLMcode multi_cleanup(CURLM *multi) {
  CHECK(multi == &the_multi);
  for(int i = 0; i < MOST_TRANSFERS; i++)
    CHECK(!running[i]);
  links_close_idle(NULL);
  return CURLM_OK;
}

static CURLMcode multi_setopt(CURLM *multi, int option, ...) {
  CHECK(multi == &the_multi);
  va_list arguments;
  va_start(arguments, option);
  switch(option) {
  case CURLMOPT_SOCKETFUNCTION:
    links_callback(va_arg(arguments, int (*)(CURL *, int, int, void *, void *)));
    break;
  case CURLMOPT_TIMERFUNCTION: on_timer = va_arg(arguments, __typeof__(on_timer)); break;
  case CURLMOPT_SOCKETDATA: links_context(va_arg(arguments, void *)); break;
  case CURLMOPT_TIMERDATA: timer_data = va_arg(arguments, void *); break;
  }
  va_end(arguments);
  return CURLM_OK;
}

void understudy_check_sockets(const acurl_engine *engine) {
  links_check(engine);
  if(timer_set)
    CHECK(kernel_would_wake());
}

bool understudy_waits(void) {
  for(int i = 0; i < MOST_TRANSFERS; i++)
    if(running[i] && !running[i]->paused)
      return true;
  return false;
}

int64_t answers_figure(const struct easy *easy, int info) {
  if(info == CURLINFO_SIZE_UPLOAD_T)
    return easy->uploaded;
  if(info == CURLINFO_CONTENT_LENGTH_UPLOAD_T)
    return 1000;
  if(info == CURLINFO_PRETRANSFER_TIME_T)
    return easy->fd >= 0 ? 1 + input_byte() : 0;
  return info == CURLINFO_CONN_ID ? 7 : input_byte() * 1000;
}

void answers_install(void) {
  libcurl.multi_init = multi_init;
  libcurl.multi_cleanup = multi_cleanup;
  libcurl.multi_add_handle = multi_add_handle;
  libcurl.multi_remove_handle = multi_remove_handle;
  libcurl.multi_socket_action = multi_socket_action;
  libcurl.multi_info_read = multi_info_read;
  libcurl.multi_setopt = multi_setopt;
  libcurl.easy_pause = easy_pause;
}
