/* The system calls that acurl/csrc makes, without a system. */
#define _GNU_SOURCE
#include "kernel.h"

#include "../csrc/check.h"
#include "input.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#define FIRST_FD 40
#define MOST_FDS 96

enum kind { CLOSED, EPOLL, TIMER, SOCKET };

static struct file {
  enum kind kind;
  uint32_t registered; /* EPOLL* bits; 0 is not registered */
  bool readable;
  bool shut;
} files[MOST_FDS];

static int64_t now;
static int64_t timer; /* 0 is not set */
static int good_allocations;
static bool memory_failed;
static int bad_epolls, bad_sockets;

int kernel_clock_gettime(clockid_t clock, struct timespec *time);
void *kernel_malloc(size_t size);
void *kernel_calloc(size_t count, size_t size);
void *kernel_realloc(void *old, size_t size);
char *kernel_strdup(const char *text);
int kernel_socket(int family, int type, int protocol);
int kernel_close(int fd);
int kernel_shutdown(int fd, int how);
ssize_t kernel_recv(int fd, void *into, size_t size, int flags);
ssize_t kernel_read(int fd, void *into, size_t size);
int kernel_epoll_create1(int flags);
int kernel_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int kernel_epoll_wait(int epoll, struct epoll_event *ready, int most, int milliseconds);
int kernel_timerfd_create(int clock, int flags);
int kernel_timerfd_settime(int fd, int flags, const struct itimerspec *wanted,
                           struct itimerspec *old);

static struct file *file_of(int fd, enum kind kind) {
  CHECK(fd >= FIRST_FD && fd < FIRST_FD + MOST_FDS);
  struct file *file = &files[fd - FIRST_FD];
  CHECK_EQUAL(file->kind, kind);
  return file;
}

void kernel_start(void) {
  memset(files, 0, sizeof files);
  now = 1000000000000;
  timer = 0;
  bad_epolls = bad_sockets = 0;
  kernel_limit_memory(-1);
}

void kernel_stop(void) {
  for(int i = 0; i < MOST_FDS; i++)
    CHECK_EQUAL(files[i].kind, CLOSED);
}

void kernel_move_clock(int64_t nanoseconds) {
  now += nanoseconds;
}

bool kernel_move_to_timer(void) {
  if(timer > now)
    now = timer;
  return timer != 0;
}

void kernel_limit_memory(int good) {
  good_allocations = good;
  memory_failed = false;
}

bool kernel_memory_failed(void) {
  return memory_failed;
}

void kernel_refuse_epoll(int times) {
  bad_epolls = times;
}

void kernel_refuse_sockets(int times) {
  bad_sockets = times;
}

bool kernel_refuses(void) {
  return bad_epolls || bad_sockets || good_allocations >= 0;
}

void kernel_make_readable(int fd, bool readable) {
  file_of(fd, SOCKET)->readable = readable;
}

bool kernel_is_shut(int fd) {
  return file_of(fd, SOCKET)->shut;
}

bool kernel_is_open(int fd) {
  return fd >= FIRST_FD && fd < FIRST_FD + MOST_FDS && files[fd - FIRST_FD].kind == SOCKET;
}

uint32_t kernel_registered(int fd) {
  return file_of(fd, SOCKET)->registered;
}

bool kernel_would_wake(void) {
  if(timer)
    return true;
  for(int i = 0; i < MOST_FDS; i++)
    if(files[i].kind == SOCKET && files[i].registered)
      return true;
  return false;
}

int kernel_clock_gettime(clockid_t clock, struct timespec *time) {
  (void)clock;
  now += 1000; /* it never stands */
  *time = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
  return 0;
}

static bool no_memory(void) {
  if(good_allocations < 0)
    return false;
  if(good_allocations > 0) {
    good_allocations--;
    return false;
  }
  memory_failed = true;
  errno = ENOMEM;
  return true;
}

void *kernel_malloc(size_t size) {
  return no_memory() ? NULL : malloc(size);
}

void *kernel_calloc(size_t count, size_t size) {
  return no_memory() ? NULL : calloc(count, size);
}

void *kernel_realloc(void *old, size_t size) {
  return no_memory() ? NULL : realloc(old, size);
}

char *kernel_strdup(const char *text) {
  return no_memory() ? NULL : strdup(text);
}

/* The lowest number that is free, as systems give it. */
static int open_file(enum kind kind) {
  for(int i = 0; i < MOST_FDS; i++)
    if(files[i].kind == CLOSED) {
      files[i] = (struct file){.kind = kind};
      return FIRST_FD + i;
    }
  errno = EMFILE;
  return -1;
}

int kernel_socket(int family, int type, int protocol) {
  CHECK_EQUAL(family, AF_INET);
  CHECK(type & SOCK_CLOEXEC);
  (void)protocol;
  if(bad_sockets > 0) {
    bad_sockets--;
    errno = EMFILE;
    return -1;
  }
  return open_file(SOCKET);
}

int kernel_close(int fd) {
  CHECK(fd >= FIRST_FD && fd < FIRST_FD + MOST_FDS);
  CHECK(files[fd - FIRST_FD].kind != CLOSED);
  files[fd - FIRST_FD] = (struct file){.kind = CLOSED};
  return 0;
}

int kernel_shutdown(int fd, int how) {
  (void)how;
  file_of(fd, SOCKET)->shut = true;
  return 0;
}

ssize_t kernel_recv(int fd, void *into, size_t size, int flags) {
  CHECK(size && flags & MSG_PEEK);
  if(file_of(fd, SOCKET)->readable) {
    *(char *)into = 'H';
    return 1;
  }
  errno = EAGAIN;
  return -1;
}

ssize_t kernel_read(int fd, void *into, size_t size) {
  file_of(fd, TIMER);
  CHECK_EQUAL(size, 8);
  memset(into, 1, size);
  timer = 0;
  return 8;
}

int kernel_epoll_create1(int flags) {
  CHECK_EQUAL(flags, EPOLL_CLOEXEC);
  return open_file(EPOLL);
}

int kernel_timerfd_create(int clock, int flags) {
  CHECK(clock == CLOCK_MONOTONIC && flags & TFD_CLOEXEC);
  return open_file(TIMER);
}

int kernel_timerfd_settime(int fd, int flags, const struct itimerspec *wanted,
                           struct itimerspec *old) {
  CHECK(flags == TFD_TIMER_ABSTIME && !old);
  file_of(fd, TIMER);
  CHECK(wanted->it_value.tv_nsec >= 0 && wanted->it_value.tv_nsec < 1000000000);
  timer = wanted->it_value.tv_sec * 1000000000 + wanted->it_value.tv_nsec;
  CHECK(timer > 0);
  return 0;
}

static int refuse(int error) {
  errno = error;
  return -1;
}

int kernel_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  file_of(epoll, EPOLL);
  struct file *file = &files[fd - FIRST_FD];
  if(file->kind == CLOSED)
    return refuse(EBADF);
  if(file->kind == TIMER)
    return 0;
  if(operation != EPOLL_CTL_DEL && bad_epolls > 0) {
    bad_epolls--;
    return refuse(ENOMEM);
  }
  if(operation == EPOLL_CTL_ADD && file->registered)
    return refuse(EEXIST);
  if(operation != EPOLL_CTL_ADD && !file->registered)
    return refuse(ENOENT);
  CHECK(operation == EPOLL_CTL_DEL || event->events);
  file->registered = operation == EPOLL_CTL_DEL ? 0 : event->events;
  return 0;
}

int kernel_epoll_wait(int epoll, struct epoll_event *ready, int most, int milliseconds) {
  file_of(epoll, EPOLL);
  CHECK_EQUAL(milliseconds, 0);
  int count = 0;
  for(int i = 0; i < MOST_FDS && count < most; i++) {
    struct file *file = &files[i];
    uint32_t events = 0;
    if(file->kind == TIMER && timer && timer <= now)
      events = EPOLLIN;
    if(file->kind == SOCKET && file->registered) {
      int odd = input_upto(7); /* at the end of the input all is as it should be */
      events = odd & 1 ? 0 : file->registered;
      events |= odd & 2 ? EPOLLHUP : 0;
      events |= odd & 4 ? EPOLLERR : 0;
    }
    if(events)
      ready[count++] = (struct epoll_event){.events = events, .data.fd = FIRST_FD + i};
  }
  return count;
}
