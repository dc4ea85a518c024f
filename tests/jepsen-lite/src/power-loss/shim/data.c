/* The bytes and sizes of files: before each change, what it takes to undo it. */
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads through another descriptor where this one is for writing only. */
static void read_before(int fd, char *target, uint64_t offset, uint64_t count) {
  int reading = fd;
  if ((RAW(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    reading = (int)RAW(SYS_openat, AT_FDCWD, (long)link, O_RDONLY | O_CLOEXEC, 0);
    if (reading < 0) refuse("a change of a file that cannot be read", link);
  }
  while (count > 0) {
    long got = RAW(SYS_pread64, reading, (long)target, (long)count, (long)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) refuse("a change of bytes that cannot be read", strerror(errno));
    target += got;
    offset += (uint64_t)got;
    count -= (uint64_t)got;
  }
  if (reading != fd) RAW(SYS_close, reading);
}

static void note(int fd, ino_t inode, struct data_record record) {
  char *bytes = NULL;
  if (record.bytes > 0) {
    bytes = malloc(record.bytes);
    if (bytes == NULL) refuse("a change for which there is no memory", "");
    read_before(fd, bytes, record.offset, record.bytes);
  }
  journal_append(DATA, inode, &record, sizeof record, bytes, record.bytes);
  free(bytes);
}

static uint64_t size_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) refuse("a file without a size", strerror(errno));
  return (uint64_t)status.st_size;
}

void note_change(int fd, ino_t inode, uint64_t offset, uint64_t length) {
  if (length == 0) return;
  uint64_t size = size_of(fd);
  uint64_t there = offset >= size ? 0 : size - offset;
  struct data_record record = {CHANGE, 0, new_time(), offset, length, size, there < length ? there : length};
  note(fd, inode, record);
}

void note_truncation(int fd, ino_t inode, uint64_t size) {
  uint64_t before = size_of(fd);
  if (size == before) return;
  uint64_t offset = size < before ? size : before;
  uint64_t length = size < before ? before - size : size - before;
  struct data_record record = {CHANGE, 0, new_time(), offset, length, before, size < before ? length : 0};
  note(fd, inode, record);
}

void forget_data(ino_t inode) {
  char path[64];
  journal_path(path, DATA, inode);
  RAW(SYS_unlinkat, shadow_fd, (long)path, 0);
}

/* What was noted before the sync began is durable when it has succeeded; what came meanwhile is not. */
int sync_data(int fd, ino_t inode, long call) {
  lock_shadow();
  struct mark before = journal_mark(DATA, inode);
  unlock_shadow();
  int result = (int)RAW(call, fd);
  if (result != 0 || before.bytes == 0) return result;
  lock_shadow();
  struct mark after = journal_mark(DATA, inode);
  if (after.identity == before.identity) {
    if (after.bytes == before.bytes) forget_data(inode);
    else {
      struct data_record record = {DATA_SYNCED, 0, new_time(), 0, before.bytes, 0, 0};
      journal_append(DATA, inode, &record, sizeof record, NULL, 0);
    }
  }
  unlock_shadow();
  return result;
}
