/* The calls that change names: opening among them, since it creates and empties files. */
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static int create_file(struct place *place, int flags, mode_t mode) {
  uint64_t at = note_names(place, ADD, place->name, NULL, NULL);
  int fd = (int)RAW(SYS_openat, place->directory, (long)place->name, flags, mode);
  struct stat status;
  if (fd < 0) note_cancelled(place, at);
  // What another file of this number left unsynced went with its last name.
  else if (fstat(fd, &status) == 0) forget_data(status.st_ino);
  return fd;
}

static int open_and_empty(struct place *place, int flags, mode_t mode) {
  int fd = (int)RAW(SYS_openat, place->directory, (long)place->name, flags & ~O_TRUNC, mode);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return fd;
  note_truncation(fd, status.st_ino, 0);
  if (RAW(SYS_ftruncate, fd, 0) != 0) refuse("a file that is opened to be emptied and cannot be", place->name);
  return fd;
}

static int open_at(int at, const char *path, int flags, mode_t mode) {
  int writes = (flags & O_ACCMODE) != O_RDONLY;
  if (!writes && (flags & (O_CREAT | O_TRUNC)) == 0) return (int)RAW(SYS_openat, at, (long)path, flags, mode);
  struct place place;
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    int fd = (int)RAW(SYS_openat, at, (long)path, flags, mode);
    struct stat status;
    if (fd >= 0 && is_watched(fd, &status)) refuse("a file without a name", path);
    return fd;
  }
  if (!enter_place(at, path, &place)) return (int)RAW(SYS_openat, at, (long)path, flags, mode);
  if ((flags & O_DSYNC) != 0) refuse("a file that is opened to be written synchronously", path);
  lock_shadow();
  struct stat status;
  int exists = fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && S_ISLNK(status.st_mode)) refuse("a file that is written through a symbolic link", path);
  int fd;
  if (!exists && (flags & O_CREAT) != 0) fd = create_file(&place, flags, mode);
  else if (exists && writes && (flags & O_TRUNC) != 0 && (flags & O_EXCL) == 0) fd = open_and_empty(&place, flags, mode);
  else fd = (int)RAW(SYS_openat, place.directory, (long)place.name, flags, mode);
  unlock_shadow();
  leave_place(&place);
  return fd;
}

#define MODE(flags, mode)                                  \
  mode_t mode = 0;                                         \
  if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { \
    va_list rest;                                          \
    va_start(rest, flags);                                 \
    mode = va_arg(rest, mode_t);                           \
    va_end(rest);                                          \
  }

int open(const char *path, int flags, ...) { MODE(flags, mode) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags, mode) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags, mode) return open_at(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }
/* What a compiler that fortifies makes of an open without a mode. */
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }
int __openat64_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }

static int make_directory(int at, const char *path, mode_t mode) {
  struct place place;
  if (!enter_place(at, path, &place)) return (int)RAW(SYS_mkdirat, at, (long)path, mode);
  lock_shadow();
  struct stat status;
  int result = -1;
  if (fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0) errno = EEXIST;
  else {
    uint64_t noted = note_names(&place, MAKE_DIRECTORY, place.name, NULL, NULL);
    result = (int)RAW(SYS_mkdirat, place.directory, (long)place.name, mode);
    if (result != 0) note_cancelled(&place, noted);
  }
  unlock_shadow();
  leave_place(&place);
  return result;
}
int mkdir(const char *path, mode_t mode) { return make_directory(AT_FDCWD, path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return make_directory(at, path, mode); }

static int remove_name(int at, const char *path, int flags) {
  struct place place;
  if (!enter_place(at, path, &place)) return (int)RAW(SYS_unlinkat, at, (long)path, flags);
  lock_shadow();
  struct stat status;
  int exists = fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  int is_directory = exists && S_ISDIR(status.st_mode);
  int result;
  if (!exists || is_directory != ((flags & AT_REMOVEDIR) != 0)) {
    result = (int)RAW(SYS_unlinkat, place.directory, (long)place.name, flags);
  } else if (is_directory) result = remove_directory(&place);
  else {
    keep_aside(&place);
    uint64_t noted = note_names(&place, REMOVE, place.name, NULL, place.name);
    result = (int)RAW(SYS_unlinkat, place.directory, (long)place.name, 0);
    if (result != 0) note_cancelled(&place, noted);
  }
  unlock_shadow();
  leave_place(&place);
  return result;
}
int unlink(const char *path) { return remove_name(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return remove_name(at, path, flags); }
int rmdir(const char *path) { return remove_name(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  int result = remove_name(AT_FDCWD, path, 0);
  return result != 0 && (errno == EISDIR || errno == EPERM) ? rmdir(path) : result;
}

static int rename_in(struct place *from, struct place *to, unsigned flags) {
  struct stat old;
  struct stat replaced;
  int replaces = fstatat(to->directory, to->name, &replaced, AT_SYMLINK_NOFOLLOW) == 0;
  int noop = fstatat(from->directory, from->name, &old, AT_SYMLINK_NOFOLLOW) != 0 ||
             (replaces && (flags != 0 || old.st_ino == replaced.st_ino));
  if (noop) return (int)RAW(SYS_renameat2, from->directory, (long)from->name, to->directory, (long)to->name, flags);
  if (replaces && S_ISDIR(replaced.st_mode)) refuse("a rename over a directory", to->name);
  uint64_t noted = note_names(from, RENAME, from->name, to->name, replaces ? to->name : NULL);
  int result = (int)RAW(SYS_renameat2, from->directory, (long)from->name, to->directory, (long)to->name, flags);
  if (result != 0) note_cancelled(from, noted);
  return result;
}

static int rename_at(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  struct place old;
  struct place new;
  int old_watched = enter_place(from_at, from, &old);
  int new_watched = enter_place(to_at, to, &new);
  if (!old_watched && !new_watched) return (int)RAW(SYS_renameat2, from_at, (long)from, to_at, (long)to, flags);
  if (old_watched != new_watched || old.inode != new.inode) refuse("a rename from one directory to another", to);
  // 1 is RENAME_NOREPLACE.
  if ((flags & ~1u) != 0) refuse("a rename with flags", to);
  lock_shadow();
  int result = rename_in(&old, &new, flags);
  unlock_shadow();
  leave_place(&old);
  leave_place(&new);
  return result;
}
int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return rename_at(from_at, from, to_at, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  return rename_at(from_at, from, to_at, to, flags);
}

static int link_at(int from_at, const char *from, int to_at, const char *to, int flags) {
  struct place old;
  struct place new;
  int old_watched = enter_place(from_at, from, &old);
  if (old_watched) leave_place(&old);
  int new_watched = enter_place(to_at, to, &new);
  if (old_watched != new_watched) refuse("a link into or out of the directory", to);
  if (!new_watched) return (int)RAW(SYS_linkat, from_at, (long)from, to_at, (long)to, flags);
  lock_shadow();
  struct stat status;
  int result = -1;
  if (fstatat(new.directory, new.name, &status, AT_SYMLINK_NOFOLLOW) == 0) errno = EEXIST;
  else {
    uint64_t noted = note_names(&new, ADD, new.name, NULL, NULL);
    result = (int)RAW(SYS_linkat, from_at, (long)from, new.directory, (long)new.name, flags);
    if (result != 0) note_cancelled(&new, noted);
  }
  unlock_shadow();
  leave_place(&new);
  return result;
}
int link(const char *from, const char *to) { return link_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  return link_at(from_at, from, to_at, to, flags);
}
