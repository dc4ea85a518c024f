/* The journals, and the lock over them. */
#include "shim.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "system calls are passed 64-bit arguments");

#define MAGIC "POWLOSS1"

dev_t watched_device;
int shadow_fd = -1;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int lock_fd = -1;
static uint64_t last_time;

long raw_call(long number, const long *a) {
  static long (*next)(long, ...);
  if (next == NULL) next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

_Noreturn void refuse(const char *what, const char *path) {
  char line[PATH_MAX + 256];
  int length = snprintf(line, sizeof line, "power-loss shim: %s cannot be tracked: %s\n", what, path);
  if (length > (int)sizeof line - 1) length = sizeof line - 1;
  RAW(SYS_write, 2, (long)line, length);
  int fd = shadow_fd < 0 ? -1 : (int)RAW(SYS_openat, shadow_fd, (long)"refused", O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd >= 0) RAW(SYS_write, fd, (long)line, length);
  RAW(SYS_exit_group, REFUSED);
  __builtin_unreachable();
}

/* Out of reach of a program that closes or reuses the low descriptors, as daemons and shells do. */
static int high(int fd) {
  if (fd < 0) return fd;
  int moved = (int)RAW(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 700);
  if (moved < 0) return fd;
  RAW(SYS_close, fd);
  return moved;
}

static void make(const char *name) {
  if (RAW(SYS_mkdirat, shadow_fd, (long)name, 0700) != 0 && errno != EEXIST) refuse("a shadow without folders", name);
}

static uint64_t record_length(enum area area, int fd, uint64_t at) {
  if (area == DATA) {
    struct data_record record;
    if (RAW(SYS_pread64, fd, (long)&record, sizeof record, (long)at) != (long)sizeof record) return 0;
    return sizeof record + record.bytes;
  }
  struct names_record record;
  if (RAW(SYS_pread64, fd, (long)&record, sizeof record, (long)at) != (long)sizeof record) return 0;
  return sizeof record + record.name_bytes + record.new_name_bytes;
}

/* A process that was killed while it wrote a record left a part of it. What it stood for was not carried out. */
static void cut_torn_record(enum area area, const char *name) {
  char path[NAME_MAX + 16];
  snprintf(path, sizeof path, "%s/%s", area == DATA ? "data" : "names", name);
  int fd = (int)RAW(SYS_openat, shadow_fd, (long)path, O_RDWR | O_CLOEXEC, 0);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) refuse("a journal that cannot be read", path);
  uint64_t end = sizeof(struct journal_head);
  uint64_t length = record_length(area, fd, end);
  while (length > 0 && end + length <= (uint64_t)status.st_size) {
    end += length;
    length = record_length(area, fd, end);
  }
  if (end < (uint64_t)status.st_size) RAW(SYS_ftruncate, fd, (long)end);
  RAW(SYS_close, fd);
}

static void cut_torn_records(enum area area) {
  int fd = (int)RAW(SYS_openat, shadow_fd, (long)(area == DATA ? "data" : "names"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  DIR *journals = fd < 0 ? NULL : fdopendir(fd);
  if (journals == NULL) refuse("a shadow without folders", "");
  for (struct dirent *entry = readdir(journals); entry != NULL; entry = readdir(journals))
    if (entry->d_name[0] != '.') cut_torn_record(area, entry->d_name);
  closedir(journals);
}

void lock_shadow(void) {
  pthread_mutex_lock(&mutex);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  while (RAW(SYS_fcntl, lock_fd, F_SETLKW, (long)&lock) != 0)
    if (errno != EINTR) refuse("a shadow that cannot be locked", strerror(errno));
}

void unlock_shadow(void) {
  int error = errno;
  struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
  RAW(SYS_fcntl, lock_fd, F_SETLK, (long)&lock);
  pthread_mutex_unlock(&mutex);
  errno = error;
}

void journal_path(char *path, enum area area, ino_t inode) {
  sprintf(path, "%s/%llu", area == DATA ? "data" : "names", (unsigned long long)inode);
}

void write_fully(int fd, const void *bytes, size_t count) {
  while (count > 0) {
    long written = RAW(SYS_write, fd, (long)bytes, (long)count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) refuse("a change when the shadow takes nothing more", strerror(errno));
    bytes = (const char *)bytes + written;
    count -= (size_t)written;
  }
}

static int read_head(int fd, struct journal_head *head) {
  return RAW(SYS_pread64, fd, (long)head, sizeof *head, 0) == (long)sizeof *head &&
         memcmp(head->magic, MAGIC, sizeof head->magic) == 0;
}

struct mark journal_mark(enum area area, ino_t inode) {
  char path[64];
  struct mark mark = {0, 0};
  journal_path(path, area, inode);
  int fd = (int)RAW(SYS_openat, shadow_fd, (long)path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return mark;
  struct journal_head head;
  struct stat status;
  if (read_head(fd, &head) && fstat(fd, &status) == 0) {
    mark.identity = head.identity;
    mark.bytes = (uint64_t)status.st_size;
  }
  RAW(SYS_close, fd);
  return mark;
}

/* Of this process and every other that holds the lock before or after it. */
uint64_t new_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  if (time <= last_time) time = last_time + 1;
  return last_time = time;
}

uint64_t journal_append(enum area area, ino_t inode, const void *record, size_t bytes, const void *rest, size_t rest_bytes) {
  char path[64];
  journal_path(path, area, inode);
  int fd = (int)RAW(SYS_openat, shadow_fd, (long)path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) refuse("a change without a journal", path);
  uint64_t place = (uint64_t)status.st_size;
  if (place < sizeof(struct journal_head)) {
    struct journal_head head = {.identity = new_time()};
    memcpy(head.magic, MAGIC, sizeof head.magic);
    RAW(SYS_ftruncate, fd, 0);
    write_fully(fd, &head, sizeof head);
    place = sizeof head;
  }
  write_fully(fd, record, bytes);
  if (rest_bytes > 0) write_fully(fd, rest, rest_bytes);
  RAW(SYS_close, fd);
  return place;
}

void start_shadow(const char *directory) {
  RAW(SYS_mkdirat, AT_FDCWD, (long)directory, 0700);
  shadow_fd = high((int)RAW(SYS_openat, AT_FDCWD, (long)directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (shadow_fd < 0) refuse("a shadow that cannot be opened", directory);
  struct stat status;
  if (fstat(shadow_fd, &status) != 0 || status.st_dev != watched_device)
    refuse("a shadow on another file system", directory);
  make("data");
  make("names");
  make("kept");
  make("aside");
  lock_fd = high((int)RAW(SYS_openat, shadow_fd, (long)"lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock_fd < 0) refuse("a shadow without a lock", directory);
  lock_shadow();
  cut_torn_records(DATA);
  cut_torn_records(NAMES);
  unlock_shadow();
  int loaded = (int)RAW(SYS_openat, shadow_fd, (long)"loaded", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (loaded >= 0) RAW(SYS_close, loaded);
}
