/* Preloaded into a Python process, makes one call of the engine or of libcurl fail: an allocation
 * or a system call. Whose call it is, the return address tells; calls of Python, OpenSSL and all
 * others pass. What the two have allocated and not yet freed is kept count of.
 *
 * sweep.py steers it through the torture_ functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_RANGES 16
#define TABLE_SIZE (1u << 16)
#define ARENA_SIZE 65536

/* Code of the engine and of libcurl. */
static struct range {
  uintptr_t from, to;
} ranges[MAX_RANGES];
static int range_count;

/* Changed by torture_arm() and torture_disarm(), and in the thread that called them alone. */
static _Thread_local bool armed;
static long until_fault; /* calls that still succeed */
static bool memory_gone; /* allocations alone fail, and all once one has */
static long calls;
static const char *struck; /* what failed first */
static void *stack[32];    /* where */
static int stack_depth;

static bool is_target(const void *caller) {
  for(int i = 0; i < range_count; i++)
    if((uintptr_t)caller >= ranges[i].from && (uintptr_t)caller < ranges[i].to)
      return true;
  return false;
}

/* error 0: it is an allocation. */
static bool refused(const char *name, const void *caller, int error) {
  if(!armed || !is_target(caller) || (memory_gone && error))
    return false;
  calls++;
  if(until_fault-- > 0 || (struck && !memory_gone))
    return false;
  if(!struck) {
    struck = name;
    armed = false; /* backtrace() may allocate */
    stack_depth = backtrace(stack, sizeof stack / sizeof *stack);
    armed = true;
  }
  errno = error ? error : ENOMEM;
  return true;
}

/* What the targets hold: an open-addressed table of addresses. */
static struct held {
  void *data; /* NULL free, GONE once taken */
  size_t size;
  const void *caller;
} table[TABLE_SIZE];
static long held_count;
static bool tracking;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

#define GONE ((void *)1)

static size_t slot_of(const void *data) {
  return ((uintptr_t)data >> 4) * 2654435761u % TABLE_SIZE;
}

static void note_taken(void *data, size_t size, const void *caller) {
  if(!tracking || !data || !is_target(caller))
    return;
  pthread_mutex_lock(&table_lock);
  size_t i = slot_of(data);
  while(table[i].data && table[i].data != GONE)
    i = (i + 1) % TABLE_SIZE;
  table[i] = (struct held){data, size, caller};
  held_count++;
  pthread_mutex_unlock(&table_lock);
}

static void note_given(const void *data) {
  if(!tracking || !data)
    return;
  pthread_mutex_lock(&table_lock);
  for(size_t i = slot_of(data); table[i].data; i = (i + 1) % TABLE_SIZE)
    if(table[i].data == data) {
      table[i].data = GONE;
      held_count--;
      break;
    }
  pthread_mutex_unlock(&table_lock);
}

/* dlsym() may allocate before the real functions are known. */
static char arena[ARENA_SIZE];
static size_t arena_used;
static _Thread_local bool resolving;

static void *arena_take(size_t size) {
  size_t start = (arena_used + 15) & ~(size_t)15;
  if(start + size > ARENA_SIZE)
    abort();
  arena_used = start + size;
  return arena + start;
}

static bool in_arena(const void *data) {
  return (const char *)data >= arena && (const char *)data < arena + ARENA_SIZE;
}

static void *next(const char *name) {
  resolving = true;
  void *symbol = dlsym(RTLD_NEXT, name);
  resolving = false;
  if(!symbol)
    abort();
  return symbol;
}

#define REAL(name)                                   \
  static __typeof__(&name) real;                     \
  if(!real)                                          \
    real = (__typeof__(&name))next(#name)
#define CALLER __builtin_return_address(0)

void *malloc(size_t size) {
  if(resolving)
    return arena_take(size);
  REAL(malloc);
  if(refused("malloc", CALLER, 0))
    return NULL;
  void *data = real(size);
  note_taken(data, size, CALLER);
  return data;
}

void *calloc(size_t count, size_t size) {
  if(resolving)
    return arena_take(count * size);
  REAL(calloc);
  if(refused("calloc", CALLER, 0))
    return NULL;
  void *data = real(count, size);
  note_taken(data, count * size, CALLER);
  return data;
}

void *realloc(void *old, size_t size) {
  REAL(realloc);
  if(in_arena(old))
    abort();
  if(refused("realloc", CALLER, 0))
    return NULL;
  note_given(old);
  void *data = real(old, size);
  note_taken(data, size, CALLER);
  return data;
}

char *strdup(const char *text) {
  if(refused("strdup", CALLER, 0))
    return NULL;
  REAL(strdup);
  char *data = real(text);
  note_given(data); /* it may have come through malloc() above */
  note_taken(data, strlen(text) + 1, CALLER);
  return data;
}

void free(void *data) {
  if(in_arena(data))
    return;
  REAL(free);
  note_given(data);
  real(data);
}

/* System calls: the same for all, but for what they fail with. */
#define FAILING(type, name, parameters, arguments, failure, error) \
  type name parameters {                                           \
    REAL(name);                                                    \
    if(refused(#name, CALLER, error))                              \
      return failure;                                              \
    return real arguments;                                         \
  }

FAILING(int, socket, (int a, int b, int c), (a, b, c), -1, EMFILE)
FAILING(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, ENETUNREACH)
FAILING(ssize_t, send, (int fd, const void *b, size_t n, int f), (fd, b, n, f), -1, EPIPE)
FAILING(ssize_t, sendto, (int fd, const void *b, size_t n, int f, const struct sockaddr *a, socklen_t l),
        (fd, b, n, f, a, l), -1, EPIPE)
FAILING(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), -1, ENOBUFS)
FAILING(ssize_t, recv, (int fd, void *b, size_t n, int f), (fd, b, n, f), -1, ECONNRESET)
FAILING(ssize_t, recvfrom, (int fd, void *b, size_t n, int f, struct sockaddr *a, socklen_t *l),
        (fd, b, n, f, a, l), -1, ECONNRESET)
FAILING(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f), -1, ECONNRESET)
FAILING(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int f, struct timespec *t),
        (fd, m, n, f, t), -1, ECONNRESET)
FAILING(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n), -1, EINTR)
FAILING(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), -1, EINTR)
FAILING(int, setsockopt, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n), -1, ENOBUFS)
FAILING(int, getsockopt, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n), -1, ENOBUFS)
FAILING(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1, ENOBUFS)
FAILING(int, getpeername, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1, ENOBUFS)
FAILING(int, poll, (struct pollfd *p, nfds_t n, int t), (p, n, t), -1, ENOMEM)
FAILING(int, eventfd, (unsigned n, int f), (n, f), -1, EMFILE)
FAILING(int, epoll_create1, (int f), (f), -1, EMFILE)
FAILING(int, epoll_ctl, (int e, int o, int fd, struct epoll_event *v), (e, o, fd, v), -1, ENOMEM)
FAILING(int, epoll_wait, (int e, struct epoll_event *v, int n, int t), (e, v, n, t), -1, EINTR)
FAILING(int, timerfd_create, (int c, int f), (c, f), -1, ENFILE)
FAILING(int, timerfd_settime, (int fd, int f, const struct itimerspec *n, struct itimerspec *o),
        (fd, f, n, o), -1, ECANCELED)
FAILING(int, shutdown, (int fd, int how), (fd, how), -1, ENOTCONN)
FAILING(int, getaddrinfo, (const char *n, const char *s, const struct addrinfo *h, struct addrinfo **r),
        (n, s, h, r), EAI_MEMORY, ENOMEM)

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
  REAL(pthread_create);
  return refused("pthread_create", CALLER, EAGAIN) ? EAGAIN : real(thread, attributes, run, argument);
}

int fcntl64(int fd, int command, ...) {
  REAL(fcntl64);
  va_list arguments;
  va_start(arguments, command);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  return refused("fcntl", CALLER, EINVAL) ? -1 : real(fd, command, argument);
}

/* What sweep.py calls. */
int torture_target(const char *part_of_name);
void torture_arm(long good, int memory);
long torture_disarm(void);
const char *torture_struck(void);
long torture_held(void);
void torture_forget(void);
void torture_tell(char *text, size_t size);
void torture_where(char *text, size_t size);

static int add_ranges(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  if(!strstr(info->dlpi_name, context))
    return 0;
  for(int i = 0; i < info->dlpi_phnum && range_count < MAX_RANGES; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if(segment->p_type == PT_LOAD && segment->p_flags & PF_X) {
      uintptr_t from = info->dlpi_addr + segment->p_vaddr;
      ranges[range_count++] = (struct range){from, from + segment->p_memsz};
    }
  }
  return 0;
}

/* Adds a loaded library. Returns how many pieces of code are targets now. */
int torture_target(const char *part_of_name) {
  dl_iterate_phdr(add_ranges, (void *)(uintptr_t)part_of_name);
  tracking = true;
  return range_count;
}

/* The call after so many good ones fails; with memory, the allocation after so many, and all that
 * follow. */
void torture_arm(long good, int memory) {
  until_fault = good;
  memory_gone = memory;
  calls = 0;
  struck = NULL;
  armed = true;
}

/* Returns how many calls there were. */
long torture_disarm(void) {
  armed = false;
  return calls;
}

/* The name of the function that failed first, NULL if none did. */
const char *torture_struck(void) {
  return struck;
}

/* Allocations of the targets that are still held. */
long torture_held(void) {
  return held_count;
}

/* Whatever is held from now on counts from zero. */
void torture_forget(void) {
  pthread_mutex_lock(&table_lock);
  memset(table, 0, sizeof table);
  held_count = 0;
  pthread_mutex_unlock(&table_lock);
}

static size_t tell_place(char *text, size_t size, const void *code) {
  Dl_info place;
  if(!dladdr(code, &place))
    return 0;
  const char *file = strrchr(place.dli_fname, '/');
  int len = snprintf(text, size, "%s+0x%zx %s\n", file ? file + 1 : place.dli_fname,
                     (uintptr_t)code - (uintptr_t)place.dli_fbase,
                     place.dli_sname ? place.dli_sname : "?");
  return len < 0 || (size_t)len >= size ? 0 : (size_t)len;
}

/* Size and place of each allocation held, one a line. */
void torture_tell(char *text, size_t size) {
  text[0] = '\0';
  for(size_t i = 0; i < TABLE_SIZE; i++) {
    if(!table[i].data || table[i].data == GONE || size < 32)
      continue;
    size_t len = (size_t)snprintf(text, size, "%zu ", table[i].size);
    len += tell_place(text + len, size - len, table[i].caller);
    text += len;
    size -= len;
  }
}

/* The stack of the first call that failed, one place a line. */
void torture_where(char *text, size_t size) {
  text[0] = '\0';
  for(int i = 0; i < stack_depth; i++) {
    size_t len = is_target(stack[i]) ? tell_place(text, size, stack[i]) : 0;
    text += len;
    size -= len;
  }
}
