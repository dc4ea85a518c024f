/* Which files and directories are watched. */
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char root[PATH_MAX];
static size_t root_length;
static int started;

__attribute__((constructor)) static void start(void) { start_places(); }

void start_places(void) {
  if (started) return;
  started = 1;
  const char *watched = getenv("POWER_LOSS_DIR");
  const char *shadow = getenv("POWER_LOSS_SHADOW");
  if (watched == NULL || shadow == NULL) refuse("a process without POWER_LOSS_DIR and POWER_LOSS_SHADOW", "");
  struct stat status;
  if (realpath(watched, root) == NULL || stat(root, &status) != 0 || !S_ISDIR(status.st_mode))
    refuse("a directory that is not there", watched);
  root_length = strlen(root);
  watched_device = status.st_dev;
  start_shadow(shadow);
}

/* Where the kernel says that the descriptor leads; 0 when that is not below the root. The root itself counts. */
static int path_below(int fd, char *path) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, root, root_length) != 0) return 0;
  return path[root_length] == 0 || path[root_length] == '/';
}

int enter_place(int at, const char *path, struct place *place) {
  int error = errno;
  start_places();
  size_t length = path == NULL ? 0 : strlen(path);
  while (length > 1 && path[length - 1] == '/') length -= 1;
  size_t name = length;
  while (name > 0 && path[name - 1] != '/') name -= 1;
  size_t name_length = length - name;
  if (length == 0 || length >= PATH_MAX || name_length == 0 || name_length > NAME_MAX) return 0;
  memcpy(place->name, path + name, name_length);
  place->name[name_length] = 0;
  if (strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0) return 0;
  memcpy(place->path, path, name);
  place->path[name] = 0;
  const char *parent = name == 0 ? "." : place->path;
  place->directory = (int)RAW(SYS_openat, at, (long)parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  struct stat status;
  int found = 0;
  if (place->directory >= 0) {
    found = path_below(place->directory, place->path) && fstat(place->directory, &status) == 0;
    if (found && status.st_dev != watched_device) refuse("a file system mounted below the directory", place->path);
    if (found) place->inode = status.st_ino;
    else RAW(SYS_close, place->directory);
  }
  errno = error;
  return found;
}

void leave_place(struct place *place) {
  int error = errno;
  RAW(SYS_close, place->directory);
  errno = error;
}

int is_watched(int fd, struct stat *status) {
  int error = errno;
  char path[PATH_MAX];
  start_places();
  int watched = fstat(fd, status) == 0 && status->st_dev == watched_device &&
                (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode)) && path_below(fd, path);
  errno = error;
  return watched;
}

int is_watched_file(int fd, struct stat *status) { return is_watched(fd, status) && S_ISREG(status->st_mode); }
