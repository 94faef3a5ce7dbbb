/* Handles, options and shares of the stand-in; answers.c plays what a server says. */
#include "understudy.h"

#include "../csrc/check.h"
#include "answers.h"
#include "links.h"
#include "input.h"
#include "kernel.h"

#include <stdarg.h>

#define USERAGENT 10018
#define RESOLVE 10203

static int good_options;

static const int text_options[] = {[TEXT_URL] = CURLOPT_URL,
                                   [TEXT_METHOD] = CURLOPT_CUSTOMREQUEST,
                                   [TEXT_AGENT] = USERAGENT,
                                   [TEXT_USER] = CURLOPT_USERNAME,
                                   [TEXT_PASSWORD] = CURLOPT_PASSWORD};
static const int number_options[] = {[NUMBER_NOBODY] = CURLOPT_NOBODY,
                                     [NUMBER_POST] = CURLOPT_POST,
                                     [NUMBER_UPLOAD] = CURLOPT_UPLOAD,
                                     [NUMBER_FRESH] = CURLOPT_FRESH_CONNECT,
                                     [NUMBER_AUTH] = CURLOPT_HTTPAUTH};

#define COUNT(array) (sizeof(array) / sizeof *(array))

void understudy_limit_options(int good) {
  good_options = good;
}

static bool option_refused(void) {
  return good_options >= 0 && good_options-- == 0;
}

static CURL *easy_init(void) {
  struct easy *easy = calloc(1, sizeof *easy);
  CHECK(easy);
  easy->fd = -1;
  return easy;
}

static void forget_options(struct easy *easy) {
  for(size_t i = 0; i < COUNT(easy->texts); i++)
    free(easy->texts[i]);
  struct easy kept = {.share = easy->share, .cookies = easy->cookies,
                      .cookies_on = easy->cookies_on, .fd = -1, .head = easy->head,
                      .head_len = easy->head_len, .head_cap = easy->head_cap};
  *easy = kept;
}

static void easy_reset(CURL *handle) {
  struct easy *easy = handle;
  CHECK(!easy->running && !easy->mime);
  forget_options(easy);
}

static void set_share(struct easy *easy, struct share *share) {
  CHECK(!easy->running);
  if(easy->share)
    easy->share->users--;
  easy->share = share;
  if(share)
    share->users++;
}

static void easy_cleanup(CURL *handle) {
  struct easy *easy = handle;
  CHECK(!easy->mime);
  if(easy->running)
    answers_leave(easy);
  set_share(easy, NULL);
  forget_options(easy);
  free(easy->head);
  free(easy);
}

static CURLcode set_text_option(struct easy *easy, int option, const char *value) {
  for(size_t i = 0; i < COUNT(text_options); i++)
    if(text_options[i] == option) {
      free(easy->texts[i]);
      easy->texts[i] = value ? strdup(value) : NULL;
    }
  if(option == CURLOPT_COOKIEFILE) {
    easy->cookies_on = value != NULL;
    if(!value)
      easy->cookies = 0;
  }
  if(option == CURLOPT_COOKIELIST) {
    CHECK(easy->share); /* the clerk works for a jar */
    easy->share->cookies = strcmp(value, "ALL") ? easy->share->cookies + 1 : 0;
  }
  return CURLE_OK;
}

static CURLcode set_pointer(struct easy *easy, int option, void *value) {
  switch(option) {
  case CURLOPT_PRIVATE: easy->transfer = value; break;
  case CURLOPT_ERRORBUFFER: easy->error = value; break;
  case CURLOPT_HTTPHEADER: easy->headers = value; break;
  case RESOLVE: easy->resolve = value; break;
  case CURLOPT_POSTFIELDS: easy->post_data = value; break;
  case CURLOPT_SHARE: set_share(easy, value); break;
  case CURLOPT_MIMEPOST: easy->mime = value; break;
  case CURLOPT_HEADERDATA: easy->header_data = value; break;
  case CURLOPT_WRITEDATA: easy->body_data = value; break;
  case CURLOPT_READDATA: easy->read_data = value; break;
  case CURLOPT_SEEKDATA: easy->seek_data = value; break;
  case CURLOPT_PREREQDATA: easy->begin_data = value; break;
  case CURLOPT_OPENSOCKETDATA: easy->open_data = value; break;
  case CURLOPT_CLOSESOCKETDATA: easy->close_data = value; break;
  default: return set_text_option(easy, option, value);
  }
  return CURLE_OK;
}

#define TAKE(field) easy->field = va_arg(arguments, __typeof__(easy->field))

static CURLcode set_function(struct easy *easy, int option, va_list arguments) {
  switch(option) {
  case CURLOPT_HEADERFUNCTION: TAKE(on_header); break;
  case CURLOPT_WRITEFUNCTION: TAKE(on_body); break;
  case CURLOPT_READFUNCTION: TAKE(on_read); break;
  case CURLOPT_SEEKFUNCTION: TAKE(on_seek); break;
  case CURLOPT_PREREQFUNCTION: TAKE(on_begin); break;
  case CURLOPT_OPENSOCKETFUNCTION: TAKE(on_open); break;
  case CURLOPT_CLOSESOCKETFUNCTION: TAKE(on_close); break;
  default: return CURLE_UNKNOWN_OPTION;
  }
  return CURLE_OK;
}

static CURLcode set_number(struct easy *easy, int option, long value) {
  if(option == CURLOPT_QUICK_EXIT)
    return CURLE_UNKNOWN_OPTION;
  for(size_t i = 0; i < COUNT(number_options); i++)
    if(number_options[i] == option)
      easy->numbers[i] = value;
  return CURLE_OK;
}

static CURLcode easy_setopt(CURL *handle, int option, ...) {
  struct easy *easy = handle;
  CURLcode code = CURLE_OK;
  /* To take a form off needs no memory, and cannot fail. */
  if(!(option == CURLOPT_MIMEPOST && easy->mime) && option_refused())
    return CURLE_OUT_OF_MEMORY;
  va_list arguments;
  va_start(arguments, option);
  if(option < 10000)
    code = set_number(easy, option, va_arg(arguments, long));
  else if(option < 20000)
    code = set_pointer(easy, option, va_arg(arguments, void *));
  else if(option < 30000)
    code = set_function(easy, option, arguments);
  else if(option == CURLOPT_POSTFIELDSIZE_LARGE)
    TAKE(post_size);
  else
    TAKE(upload_size);
  va_end(arguments);
  return code;
}

static struct curl_slist *slist_append(struct curl_slist *list, const char *line) {
  struct curl_slist *node = malloc(sizeof *node), **end = &list;
  CHECK(node);
  *node = (struct curl_slist){.data = strdup(line)};
  while(*end)
    end = &(*end)->next;
  *end = node;
  return list;
}

static void slist_free_all(struct curl_slist *list) {
  while(list) {
    struct curl_slist *next = list->next;
    free(list->data);
    free(list);
    list = next;
  }
}

static struct curl_slist *cookie_list(const struct easy *easy) {
  struct curl_slist *list = NULL;
  int count = easy->share ? easy->share->cookies : easy->cookies_on ? easy->cookies : 0;
  for(int i = 0; i < count; i++)
    list = slist_append(list, "fuzz.test\tFALSE\t/\tFALSE\t0\tname\tvalue");
  return list;
}

static CURLcode certificates(struct curl_certinfo **out) {
  static char subject[] = "Subject:CN = fuzz.test", issuer[] = "Issuer:CN = fuzz";
  static struct curl_slist second = {issuer, NULL}, first = {subject, &second};
  static struct curl_slist *chain[] = {&first, NULL};
  static struct curl_certinfo info = {2, chain};
  *out = input_byte() & 1 ? &info : NULL;
  return CURLE_OK;
}

static CURLcode easy_getinfo(CURL *handle, int info, ...) {
  struct easy *easy = handle;
  va_list arguments;
  va_start(arguments, info);
  void *out = va_arg(arguments, void *);
  va_end(arguments);
  if(info == CURLINFO_PRIVATE)
    *(struct transfer **)out = easy->transfer;
  else if(info == CURLINFO_COOKIELIST)
    *(struct curl_slist **)out = cookie_list(easy);
  else if(info == CURLINFO_CERTINFO)
    return certificates(out);
  else if(info == CURLINFO_TLS_SSL_PTR)
    *(void **)out = NULL;
  else if(info == CURLINFO_REDIRECT_URL)
    *(const char **)out = input_byte() & 1 ? "http://fuzz.test/next" : NULL;
  else if(info == CURLINFO_PRIMARY_IP)
    *(const char **)out = "127.0.0.1";
  else if((info & 0xf00000) == 0x200000)
    *(long *)out = info == CURLINFO_REQUEST_SIZE ? easy->sent * 100 : 0;
  else if((info & 0xf00000) == 0x500000)
    *(int *)out = easy->fd;
  else
    *(int64_t *)out = answers_figure(easy, info);
  return CURLE_OK;
}

static CURLSH *share_init(void) {
  struct share *share = calloc(1, sizeof *share);
  CHECK(share);
  return share;
}

static CURLSHcode share_setopt(CURLSH *handle, int option, ...) {
  struct share *share = handle;
  va_list arguments;
  va_start(arguments, option);
  int what = va_arg(arguments, int);
  va_end(arguments);
  CHECK_EQUAL(option, CURLSHOPT_SHARE);
  CHECK(what >= CURL_LOCK_DATA_COOKIE && what <= CURL_LOCK_DATA_CONNECT && !share->users);
  if(option_refused())
    return 5; /* CURLSHE_NOMEM */
  share->connections |= what == CURL_LOCK_DATA_CONNECT;
  return 0;
}

static CURLSHcode share_cleanup(CURLSH *handle) {
  struct share *share = handle;
  CHECK_EQUAL(share->users, 0);
  links_close_idle(share);
  free(share);
  return 0;
}

static const char *easy_strerror(CURLcode code) {
  return code ? "an error" : "no error";
}

void understudy_install(void) {
  libcurl = (struct libcurl){.easy_init = easy_init,
                             .easy_cleanup = easy_cleanup,
                             .easy_reset = easy_reset,
                             .easy_setopt = easy_setopt,
                             .easy_getinfo = easy_getinfo,
                             .easy_strerror = easy_strerror,
                             .slist_append = slist_append,
                             .slist_free_all = slist_free_all,
                             .share_init = share_init,
                             .share_setopt = share_setopt,
                             .share_cleanup = share_cleanup,
                             .version_number = 0x081700};
  answers_install();
  parts_install();
}

void understudy_start(void) {
  good_options = -1;
  answers_start();
}
