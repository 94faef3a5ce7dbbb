/* What acurl uses of libcurl's ABI, written from its documentation. Numbers are
 * stable across versions; tests compare them with pycurl's. */
#ifndef ACURL_LIBCURL_H
#define ACURL_LIBCURL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef void CURL;
typedef void CURLM;
typedef void CURLSH;
typedef void curl_mime;
typedef void curl_mimepart;
typedef int CURLcode;
typedef int CURLMcode;
typedef int CURLSHcode;

struct curl_slist {
  char *data;
  struct curl_slist *next;
};

struct curl_message {
  int msg; /* 1: done */
  CURL *easy;
  union {
    void *whatever;
    CURLcode result;
  } data;
};

struct curl_address {
  int family;
  int socktype;
  int protocol;
  unsigned int addrlen;
  struct sockaddr addr;
};

enum {
  CURLE_OK = 0,
  CURLE_HTTP2 = 16,
  CURLE_WRITE_ERROR = 23,
  CURLE_OUT_OF_MEMORY = 27,
  CURLE_OPERATION_TIMEDOUT = 28,
  CURLE_BAD_FUNCTION_ARGUMENT = 43,
  CURLE_UNKNOWN_OPTION = 48,
  CURLE_SEND_ERROR = 55,
  CURLE_RECV_ERROR = 56,
  CURLE_HTTP2_STREAM = 92
};

enum { CURLM_OK = 0, CURLM_OUT_OF_MEMORY = 3, CURL_MESSAGE_DONE = 1 };

enum { CURL_POLL_IN = 1, CURL_POLL_OUT = 2, CURL_POLL_REMOVE = 4 };

enum { CURL_CSELECT_IN = 1, CURL_CSELECT_OUT = 2, CURL_CSELECT_ERR = 4 };

enum { CURLPAUSE_RECV = 1, CURLPAUSE_SEND = 4 };

enum { CURL_SEEKFUNC_OK = 0, CURL_SEEKFUNC_CANTSEEK = 2 };

enum { CURL_PREREQFUNC_OK = 0, CURL_PREREQFUNC_ABORT = 1 };

#define CURL_READFUNC_PAUSE 0x10000001

#define CURL_SOCKET_TIMEOUT (-1)
#define CURL_SOCKET_BAD (-1)
#define CURL_ERROR_SIZE 256

enum {
  CURLOPT_WRITEDATA = 10001,
  CURLOPT_URL = 10002,
  CURLOPT_READDATA = 10009,
  CURLOPT_ERRORBUFFER = 10010,
  CURLOPT_POSTFIELDS = 10015,
  CURLOPT_HTTPHEADER = 10023,
  CURLOPT_HEADERDATA = 10029,
  CURLOPT_COOKIEFILE = 10031,
  CURLOPT_PROXY = 10004,
  CURLOPT_CUSTOMREQUEST = 10036,
  CURLOPT_CAPATH = 10097,
  CURLOPT_SHARE = 10100,
  CURLOPT_ACCEPT_ENCODING = 10102,
  CURLOPT_PRIVATE = 10103,
  CURLOPT_COOKIELIST = 10135,
  CURLOPT_OPENSOCKETDATA = 10164,
  CURLOPT_SEEKDATA = 10168,
  CURLOPT_USERNAME = 10173,
  CURLOPT_PASSWORD = 10174,
  CURLOPT_MIMEPOST = 10269,
  CURLOPT_PREREQDATA = 10313,
  CURLOPT_PREREQFUNCTION = 20312,
  CURLOPT_CLOSESOCKETDATA = 10209,
  CURLOPT_PROTOCOLS_STR = 10318,
  CURLOPT_WRITEFUNCTION = 20011,
  CURLOPT_READFUNCTION = 20012,
  CURLOPT_HEADERFUNCTION = 20079,
  CURLOPT_OPENSOCKETFUNCTION = 20163,
  CURLOPT_SSL_CTX_FUNCTION = 20108,
  CURLOPT_SEEKFUNCTION = 20167,
  CURLOPT_CLOSESOCKETFUNCTION = 20208,
  CURLOPT_NOBODY = 44,
  CURLOPT_UPLOAD = 46,
  CURLOPT_POST = 47,
  CURLOPT_NOSIGNAL = 99,
  CURLOPT_FRESH_CONNECT = 74,
  CURLOPT_HTTPAUTH = 107,
  CURLOPT_SSL_OPTIONS = 216,
  CURLOPT_QUICK_EXIT = 322,
  CURLOPT_INFILESIZE_LARGE = 30115,
  CURLOPT_POSTFIELDSIZE_LARGE = 30120
};

#define CURLMNWC_CLEAR_CONNS 1L

enum { CURLAUTH_DIGEST = 2, CURLSSLOPT_EARLYDATA = 64 };

struct curl_tlssessioninfo {
  int backend; /* 1: OpenSSL */
  void *internals;
};

#define CURLSSLBACKEND_OPENSSL 1

struct curl_certinfo {
  int num_of_certs;
  struct curl_slist **certinfo;
};

enum {
  CURLINFO_REQUEST_SIZE = 0x200000 + 12,
  CURLINFO_OS_ERRNO = 0x200000 + 25,
  CURLINFO_NUM_CONNECTS = 0x200000 + 26,
  CURLINFO_ACTIVESOCKET = 0x500000 + 44,
  CURLINFO_PRIVATE = 0x100000 + 21,
  CURLINFO_REDIRECT_URL = 0x100000 + 31,
  CURLINFO_PRIMARY_IP = 0x100000 + 32,
  CURLINFO_COOKIELIST = 0x400000 + 28,
  CURLINFO_CERTINFO = 0x400000 + 34,
  CURLINFO_TLS_SSL_PTR = 0x400000 + 45,
  CURLINFO_SIZE_UPLOAD_T = 0x600000 + 7,
  CURLINFO_SIZE_DOWNLOAD_T = 0x600000 + 8,
  CURLINFO_CONTENT_LENGTH_UPLOAD_T = 0x600000 + 16,
  CURLINFO_TOTAL_TIME_T = 0x600000 + 50,
  CURLINFO_NAMELOOKUP_TIME_T = 0x600000 + 51,
  CURLINFO_CONNECT_TIME_T = 0x600000 + 52,
  CURLINFO_PRETRANSFER_TIME_T = 0x600000 + 53,
  CURLINFO_STARTTRANSFER_TIME_T = 0x600000 + 54,
  CURLINFO_APPCONNECT_TIME_T = 0x600000 + 56,
  CURLINFO_CONN_ID = 0x600000 + 64
};

enum {
  CURLMOPT_MAXCONNECTS = 6,
  CURLMOPT_MAX_HOST_CONNECTIONS = 7,
  CURLMOPT_MAX_TOTAL_CONNECTIONS = 13,
  CURLMOPT_MAX_CONCURRENT_STREAMS = 16,
  CURLMOPT_NETWORK_CHANGED = 17,    /* since 8.16 */
  CURLMOPT_RESOLVE_THREADS_MAX = 20, /* since 8.20 */
  CURLMOPT_QUICK_EXIT = 21, /* since 8.20 */
  CURLMOPT_SOCKETDATA = 10002,
  CURLMOPT_TIMERDATA = 10005,
  CURLMOPT_SOCKETFUNCTION = 20001,
  CURLMOPT_TIMERFUNCTION = 20004
};

enum {
  CURLSHOPT_SHARE = 1,
  CURL_LOCK_DATA_COOKIE = 2,
  CURL_LOCK_DATA_SSL_SESSION = 4,
  CURL_LOCK_DATA_CONNECT = 5
};

/* Every libcurl function acurl calls, filled by acurl_bind(). */
struct libcurl {
  CURLcode (*global_init)(long flags);
  char *(*version)(void);
  void *(*version_info)(int age);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *easy);
  void (*easy_reset)(CURL *easy);
  CURLcode (*easy_setopt)(CURL *easy, int option, ...);
  CURLcode (*easy_getinfo)(CURL *easy, int info, ...);
  CURLcode (*easy_pause)(CURL *easy, int directions);
  const char *(*easy_strerror)(CURLcode code);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_cleanup)(CURLM *multi);
  CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
  CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
  CURLMcode (*multi_socket_action)(CURLM *multi, int fd, int events, int *running);
  struct curl_message *(*multi_info_read)(CURLM *multi, int *left);
  CURLMcode (*multi_setopt)(CURLM *multi, int option, ...);
  CURLSH *(*share_init)(void);
  CURLSHcode (*share_setopt)(CURLSH *share, int option, ...);
  CURLSHcode (*share_cleanup)(CURLSH *share);
  struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
  void (*slist_free_all)(struct curl_slist *list);
  curl_mime *(*mime_init)(CURL *easy);
  void (*mime_free)(curl_mime *mime);
  curl_mimepart *(*mime_addpart)(curl_mime *mime);
  CURLcode (*mime_name)(curl_mimepart *part, const char *name);
  CURLcode (*mime_filename)(curl_mimepart *part, const char *filename);
  CURLcode (*mime_type)(curl_mimepart *part, const char *content_type);
  CURLcode (*mime_headers)(curl_mimepart *part, struct curl_slist *lines, int give_away);
  CURLcode (*mime_filedata)(curl_mimepart *part, const char *path);
  CURLcode (*mime_data_cb)(curl_mimepart *part, int64_t size,
                           size_t (*read)(char *, size_t, size_t, void *),
                           int (*seek)(void *, int64_t, int), void (*free)(void *), void *context);
  int version_number; /* 0xXXYYZZ */
  /* OpenSSL's, as libcurl is linked with it; NULL where it uses another TLS. */
  long (*ssl_ctx_ctrl)(void *context, int command, long number, void *pointer);
  const char *(*ssl_version)(const void *ssl);
  const void *(*ssl_cipher)(const void *ssl);
  const char *(*ssl_cipher_name)(const void *cipher);
  void (*ssl_alpn_selected)(const void *ssl, const unsigned char **name, unsigned int *len);
};

extern struct libcurl libcurl;

#endif
