/* Finds libcurl in the running process and fills the table of its functions. */
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct libcurl libcurl;

static char bind_error[512];

struct symbol {
  const char *name;
  void **where;
};

#define SYMBOL(field) {"curl_" #field, (void **)&libcurl.field}

static const struct symbol symbols[] = {
    SYMBOL(global_init),
    SYMBOL(version),
    SYMBOL(version_info),
    SYMBOL(easy_init),
    SYMBOL(easy_cleanup),
    SYMBOL(easy_reset),
    SYMBOL(easy_setopt),
    SYMBOL(easy_getinfo),
    SYMBOL(easy_pause),
    SYMBOL(easy_strerror),
    SYMBOL(multi_init),
    SYMBOL(multi_cleanup),
    SYMBOL(multi_add_handle),
    SYMBOL(multi_remove_handle),
    SYMBOL(multi_socket_action),
    SYMBOL(multi_info_read),
    SYMBOL(multi_setopt),
    SYMBOL(share_init),
    SYMBOL(share_setopt),
    SYMBOL(share_cleanup),
    SYMBOL(slist_append),
    SYMBOL(slist_free_all),
    SYMBOL(mime_init),
    SYMBOL(mime_free),
    SYMBOL(mime_addpart),
    SYMBOL(mime_name),
    SYMBOL(mime_filename),
    SYMBOL(mime_type),
    SYMBOL(mime_headers),
    SYMBOL(mime_filedata),
    SYMBOL(mime_data_cb),
};

static const struct symbol optional[] = {
    {"SSL_CTX_ctrl", (void **)&libcurl.ssl_ctx_ctrl},
    {"SSL_get_version", (void **)&libcurl.ssl_version},
    {"SSL_get_current_cipher", (void **)&libcurl.ssl_cipher},
    {"SSL_CIPHER_get_name", (void **)&libcurl.ssl_cipher_name},
    {"SSL_get0_alpn_selected", (void **)&libcurl.ssl_alpn_selected},
};

/* The head of curl_version_info_data, unchanged since its first version. */
struct version_head {
  int age;
  const char *version;
  unsigned int version_num;
};

static int fail(const char *what, const char *detail) {
  snprintf(bind_error, sizeof bind_error, "%s: %s", what, detail ? detail : "unknown error");
  libcurl.version_number = 0;
  return ACURL_ELIBRARY;
}

int acurl_bind(const char *path, int must_be_loaded) {
  if(libcurl.version_number)
    return ACURL_OK;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | (must_be_loaded ? RTLD_NOLOAD : 0));
  if(!handle)
    return fail(path, dlerror());
  for(size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    *symbols[i].where = dlsym(handle, symbols[i].name);
    if(!*symbols[i].where)
      return fail(path, dlerror());
  }
  if(libcurl.global_init(3) != CURLE_OK)
    return fail(path, "curl_global_init failed");
  for(size_t i = 0; i < sizeof optional / sizeof *optional; i++)
    *optional[i].where = dlsym(handle, optional[i].name);
  struct version_head *head = libcurl.version_info(0);
  libcurl.version_number = (int)head->version_num;
  return acurl_fork_watch() ? fail("pthread_atfork", "out of memory") : ACURL_OK;
}

const char *acurl_bind_error(void) {
  return bind_error;
}

const char *acurl_libcurl_version(void) {
  return libcurl.version_number ? libcurl.version() : "";
}

int acurl_libcurl_version_number(void) {
  return libcurl.version_number;
}

int acurl_can_save_memory(void) {
  return libcurl.ssl_ctx_ctrl != NULL;
}

const char *acurl_code_text(int code) {
  return libcurl.version_number ? libcurl.easy_strerror(code) : "";
}
