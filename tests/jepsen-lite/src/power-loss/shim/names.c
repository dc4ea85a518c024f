/* Directories: before each change of a name, what it takes to undo it. What is removed is kept until that is durable. */
#include "shim.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void kept_path(char *path, ino_t directory, uint64_t at) {
  sprintf(path, "kept/%llu.%llu", (unsigned long long)directory, (unsigned long long)at);
}

static void discard_kept(ino_t directory, uint64_t at);

/* The place that the next record gets. */
static uint64_t next_place(ino_t directory) {
  uint64_t bytes = journal_mark(NAMES, directory).bytes;
  return bytes == 0 ? sizeof(struct journal_head) : bytes;
}

static uint64_t append(struct place *place, struct names_record record, const char *name, const char *new_name) {
  char names[2 * NAME_MAX + 2];
  memcpy(names, name, record.name_bytes);
  memcpy(names + record.name_bytes, new_name, record.new_name_bytes);
  size_t bytes = record.name_bytes + record.new_name_bytes;
  return journal_append(NAMES, place->inode, &record, sizeof record, names, bytes);
}

uint64_t note_names(struct place *place, enum names_kind kind, const char *name, const char *new_name, const char *kept) {
  struct names_record record = {new_time(), kind, kept != NULL, (uint32_t)strlen(name), 0, 0};
  if (new_name == NULL) new_name = "";
  record.new_name_bytes = (uint32_t)strlen(new_name);
  if (kept != NULL) {
    // First the second name, then the record that speaks of it: a process that is killed between leaves one too many.
    char path[64];
    kept_path(path, place->inode, next_place(place->inode));
    RAW(SYS_unlinkat, shadow_fd, (long)path, 0);
    if (RAW(SYS_linkat, place->directory, (long)kept, shadow_fd, (long)path, 0) != 0)
      refuse("a removal of what cannot be kept", kept);
  }
  return append(place, record, name, new_name);
}

void note_cancelled(struct place *place, uint64_t at) {
  int error = errno;
  struct names_record record = {new_time(), CANCEL, 0, 0, 0, at};
  append(place, record, "", "");
  discard_kept(place->inode, at);
  errno = error;
}

static int is_empty(struct place *place) {
  int fd = (int)RAW(SYS_openat, place->directory, (long)place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) return 0;
  int names = 0;
  for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
    names += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(directory);
  return names == 0;
}

int remove_directory(struct place *place) {
  if (!is_empty(place)) return (int)RAW(SYS_unlinkat, place->directory, (long)place->name, AT_REMOVEDIR);
  char path[64];
  struct names_record record = {new_time(), REMOVE, 1, (uint32_t)strlen(place->name), 0, 0};
  uint64_t at = append(place, record, place->name, "");
  kept_path(path, place->inode, at);
  int result = (int)RAW(SYS_renameat, place->directory, (long)place->name, shadow_fd, (long)path);
  if (result != 0) note_cancelled(place, at);
  return result;
}

/* Calls `discard_kept` for each record of a journal that removed something. */
static void discard_kept_of(const char *journal, ino_t directory) {
  int fd = (int)RAW(SYS_openat, shadow_fd, (long)journal, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  struct names_record record;
  uint64_t at = sizeof(struct journal_head);
  while (RAW(SYS_pread64, fd, (long)&record, sizeof record, (long)at) == (long)sizeof record) {
    if (record.kept) discard_kept(directory, at);
    at += sizeof record + record.name_bytes + record.new_name_bytes;
  }
  RAW(SYS_close, fd);
}

static void discard_kept(ino_t directory, uint64_t at) {
  char path[64];
  struct stat status;
  kept_path(path, directory, at);
  if (fstatat(shadow_fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (S_ISDIR(status.st_mode)) {
    // What was removed in it, and was not durable there, goes with it.
    char journal[64];
    journal_path(journal, NAMES, status.st_ino);
    discard_kept_of(journal, status.st_ino);
    RAW(SYS_unlinkat, shadow_fd, (long)journal, 0);
    RAW(SYS_unlinkat, shadow_fd, (long)path, AT_REMOVEDIR);
    return;
  }
  if (status.st_nlink == 1) forget_data(status.st_ino);
  RAW(SYS_unlinkat, shadow_fd, (long)path, 0);
}

int sync_names(int fd, ino_t inode, long call) {
  lock_shadow();
  struct mark before = journal_mark(NAMES, inode);
  unlock_shadow();
  int result = (int)RAW(call, fd);
  if (result != 0 || before.bytes == 0) return result;
  lock_shadow();
  struct mark after = journal_mark(NAMES, inode);
  if (after.identity == before.identity) {
    if (after.bytes == before.bytes) {
      char journal[64];
      char done[72];
      journal_path(journal, NAMES, inode);
      sprintf(done, "%s.done", journal);
      // One step makes it durable; what is left to do after it, the restoration does as well.
      RAW(SYS_renameat, shadow_fd, (long)journal, shadow_fd, (long)done);
      discard_kept_of(done, inode);
      RAW(SYS_unlinkat, shadow_fd, (long)done, 0);
    } else {
      struct names_record record = {new_time(), NAMES_SYNCED, 0, 0, 0, before.bytes};
      journal_append(NAMES, inode, &record, sizeof record, NULL, 0);
    }
  }
  unlock_shadow();
  return result;
}

void keep_aside(struct place *place) {
  const char *suffix = getenv("POWER_LOSS_ASIDE");
  size_t length = strlen(place->name);
  if (suffix == NULL || length < strlen(suffix) || strcmp(place->name + length - strlen(suffix), suffix) != 0) return;
  char path[NAME_MAX + 16];
  snprintf(path, sizeof path, "aside/%s", place->name);
  RAW(SYS_unlinkat, shadow_fd, (long)path, 0);
  if (RAW(SYS_linkat, place->directory, (long)place->name, shadow_fd, (long)path, 0) != 0)
    refuse("a removal of what cannot be put aside", place->name);
}
