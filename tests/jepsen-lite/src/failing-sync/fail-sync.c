/*
 * Preloaded into a node process: while the file FAIL_SYNC stands in its data directory, syncs of its log fail with EIO,
 * as those of a disk do that lost pages. Everything else goes through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int doomed(int fd) {
  char link[64];
  char path[PATH_MAX + 16];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX);
  if (length < 5 || strncmp(path + length - 4, ".wal", 4) != 0) return 0;
  path[length] = 0;
  char *name = strrchr(path, '/');
  if (name == NULL) return 0;
  *name = 0;
  name = strrchr(path, '/');
  if (name == NULL || strcmp(name, "/wal") != 0) return 0;
  strcpy(name, "/FAIL_SYNC");
  return access(path, F_OK) == 0;
}

static int sync_with(const char *name, int fd) {
  if (doomed(fd)) {
    errno = EIO;
    return -1;
  }
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return next(fd);
}

int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int fsync(int fd) { return sync_with("fsync", fd); }
