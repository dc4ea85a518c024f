/* The calls that change bytes, and those that make them durable. */
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#define APPENDS(fd) ((RAW(SYS_fcntl, (fd), F_GETFL) & O_APPEND) != 0)

/* Where a write without an offset of its own goes. */
static uint64_t own_offset(int fd, const struct stat *status) {
  if (APPENDS(fd)) return (uint64_t)status->st_size;
  long at = RAW(SYS_lseek, fd, 0, SEEK_CUR);
  if (at < 0) refuse("a write without an offset", "");
  return (uint64_t)at;
}

static uint64_t total(const struct iovec *parts, int count) {
  uint64_t bytes = 0;
  for (int i = 0; i < count; i += 1) bytes += parts[i].iov_len;
  return bytes;
}

/* Notes the change, then carries it out, with nobody between. `offset` is negative where the descriptor's own counts. */
static ssize_t change(int fd, int64_t offset, uint64_t bytes, long number, const long *arguments) {
  struct stat status;
  if (!is_watched_file(fd, &status)) return raw_call(number, arguments);
  lock_shadow();
  if (fstat(fd, &status) != 0) refuse("a file without a size", "");
  // Linux writes at the end of what was opened to append to, whatever the offset.
  uint64_t at = offset < 0 || APPENDS(fd) ? own_offset(fd, &status) : (uint64_t)offset;
  note_change(fd, status.st_ino, at, bytes);
  ssize_t result = raw_call(number, arguments);
  unlock_shadow();
  return result;
}

#define ARGUMENTS(...) ((long[6]){__VA_ARGS__})

ssize_t write(int fd, const void *bytes, size_t count) {
  return change(fd, -1, count, SYS_write, ARGUMENTS(fd, (long)bytes, (long)count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return change(fd, -1, total(parts, count), SYS_writev, ARGUMENTS(fd, (long)parts, count));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  return change(fd, offset, count, SYS_pwrite64, ARGUMENTS(fd, (long)bytes, (long)count, offset));
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return change(fd, offset, total(parts, count), SYS_pwritev, ARGUMENTS(fd, (long)parts, count, offset));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev64(fd, parts, count, offset); }

ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
  struct stat status;
  if (flags != 0 && is_watched_file(fd, &status)) refuse("pwritev2 with flags", "");
  return change(fd, offset, total(parts, count), SYS_pwritev2, ARGUMENTS(fd, (long)parts, count, offset, 0, flags));
}
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
  return pwritev64v2(fd, parts, count, offset, flags);
}

int ftruncate64(int fd, off64_t size) {
  struct stat status;
  if (size < 0 || !is_watched_file(fd, &status)) return (int)RAW(SYS_ftruncate, fd, size);
  lock_shadow();
  note_truncation(fd, status.st_ino, (uint64_t)size);
  int result = (int)RAW(SYS_ftruncate, fd, size);
  unlock_shadow();
  return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int truncate64(const char *path, off64_t size) {
  int fd = (int)RAW(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = ftruncate64(fd, size);
  int error = errno;
  RAW(SYS_close, fd);
  errno = error;
  return result;
}
int truncate(const char *path, off_t size) { return truncate64(path, size); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  struct stat status;
  if (is_watched_file(fd, &status)) {
    if (mode != 0) refuse("fallocate with a mode", "");
    lock_shadow();
    if (fstat(fd, &status) != 0) refuse("a file without a size", "");
    if (offset + length > status.st_size) note_truncation(fd, status.st_ino, (uint64_t)(offset + length));
    int result = (int)RAW(SYS_fallocate, fd, mode, offset, length);
    unlock_shadow();
    return result;
  }
  return (int)RAW(SYS_fallocate, fd, mode, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  int before = errno;
  int error = fallocate64(fd, 0, offset, length) == 0 ? 0 : errno;
  errno = before;
  return error;
}
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

static int sync_with(int fd, long call) {
  struct stat status;
  if (!is_watched(fd, &status)) return (int)RAW(call, fd);
  return S_ISDIR(status.st_mode) ? sync_names(fd, status.st_ino, call) : sync_data(fd, status.st_ino, call);
}

int fsync(int fd) { return sync_with(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_with(fd, SYS_fdatasync); }
