/* The wrapped calls. */
#include "faults.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int good_allocations = -1; /* below zero: no fault is set */
static bool only_one;
static bool struck;
static int bad_epolls;
static int epoll_calls;
static bool bad_sockets;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __real_socket(int family, int type, int protocol);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_socket(int family, int type, int protocol);

void faults_fail_allocations_after(int good) {
  good_allocations = good;
  only_one = struck = false;
}

void faults_fail_one_allocation_after(int good) {
  faults_fail_allocations_after(good);
  only_one = true;
}

bool faults_struck(void) {
  return struck;
}

void faults_fail_epoll(int times) {
  bad_epolls = times;
}

int faults_epoll_calls(void) {
  return epoll_calls;
}

void faults_fail_sockets(void) {
  bad_sockets = true;
}

void faults_none(void) {
  good_allocations = -1;
  bad_epolls = 0;
  bad_sockets = false;
}

static bool refused(void) {
  if(good_allocations < 0)
    return false;
  if(good_allocations > 0) {
    good_allocations--;
    return false;
  }
  if(only_one)
    good_allocations = -1;
  struck = true;
  errno = ENOMEM;
  return true;
}

void *__wrap_malloc(size_t size) {
  return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
  return refused() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text) {
  return refused() ? NULL : __real_strdup(text);
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  epoll_calls++;
  if(bad_epolls > 0 && operation != EPOLL_CTL_DEL) {
    bad_epolls--;
    errno = ENOMEM;
    return -1;
  }
  return __real_epoll_ctl(epoll, operation, fd, event);
}

int __wrap_socket(int family, int type, int protocol) {
  if(bad_sockets) {
    errno = EMFILE;
    return -1;
  }
  return __real_socket(family, type, protocol);
}
