/* Calls that change what is watched in ways that are not followed: the process ends, and says why. */
#include "shim.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, name))

static void refuse_file(const char *what, int fd) {
  struct stat status;
  if (is_watched_file(fd, &status)) refuse(what, "");
}

static void refuse_place(const char *what, int at, const char *path) {
  struct place place;
  if (!enter_place(at, path, &place)) return;
  leave_place(&place);
  refuse(what, path);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  int shares = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
  if (fd >= 0 && (flags & MAP_ANONYMOUS) == 0 && shares && (protection & PROT_WRITE) != 0)
    refuse_file("a file that is mapped to be written", fd);
  return (void *)RAW(SYS_mmap, (long)address, (long)length, protection, flags, fd, offset);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap64(address, length, protection, flags, fd, offset);
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  refuse_file("sendfile", to);
  return RAW(SYS_sendfile, to, from, (long)offset, (long)count);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t count) { return sendfile64(to, from, offset, count); }

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
  refuse_file("copy_file_range", to);
  return RAW(SYS_copy_file_range, from, (long)from_at, to, (long)to_at, (long)count, flags);
}

ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
  refuse_file("splice", to);
  return RAW(SYS_splice, from, (long)from_at, to, (long)to_at, (long)count, flags);
}

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  long argument = va_arg(rest, long);
  va_end(rest);
  if (request == FICLONE || request == FICLONERANGE) refuse_file("a clone", fd);
  return (int)RAW(SYS_ioctl, fd, (long)request, argument);
}

/* A sync of everything: it cannot be told here what there is to be synced. */
void sync(void) { refuse("sync", "all file systems"); }
int syncfs(int fd) {
  struct stat status;
  if (is_watched(fd, &status)) refuse("syncfs", "");
  return (int)RAW(SYS_syncfs, fd);
}

int symlinkat(const char *target, int at, const char *path) {
  refuse_place("a symbolic link", at, path);
  return (int)RAW(SYS_symlinkat, (long)target, at, (long)path);
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

int mknodat(int at, const char *path, mode_t mode, dev_t device) {
  refuse_place("mknod", at, path);
  return (int)RAW(SYS_mknodat, at, (long)path, mode, (long)device);
}
int mknod(const char *path, mode_t mode, dev_t device) { return mknodat(AT_FDCWD, path, mode, device); }

FILE *freopen(const char *path, const char *mode, FILE *stream) {
  if (path != NULL && mode[0] != 'r') refuse_place("freopen", AT_FDCWD, path);
  return NEXT(FILE * (*)(const char *, const char *, FILE *), "freopen")(path, mode, stream);
}
FILE *freopen64(const char *path, const char *mode, FILE *stream) {
  if (path != NULL && mode[0] != 'r') refuse_place("freopen", AT_FDCWD, path);
  return NEXT(FILE * (*)(const char *, const char *, FILE *), "freopen64")(path, mode, stream);
}

#define TEMPORARY(type, name, parameters, arguments)         \
  type name parameters {                                     \
    refuse_place(#name, AT_FDCWD, template);                 \
    return NEXT(type(*) parameters, #name) arguments;        \
  }
TEMPORARY(int, mkstemp, (char *template), (template))
TEMPORARY(int, mkstemp64, (char *template), (template))
TEMPORARY(int, mkostemp, (char *template, int flags), (template, flags))
TEMPORARY(int, mkostemp64, (char *template, int flags), (template, flags))
TEMPORARY(int, mkstemps, (char *template, int suffix), (template, suffix))
TEMPORARY(int, mkstemps64, (char *template, int suffix), (template, suffix))
TEMPORARY(char *, mkdtemp, (char *template), (template))

/* System calls that a program makes by their numbers. Node.js does so for a few that an old C library lacks. */
static void refuse_numbered(long number, const long *a) {
  switch (number) {
    case SYS_copy_file_range: refuse_file("copy_file_range", (int)a[2]); return;
    case SYS_write: case SYS_writev: case SYS_pwrite64: case SYS_pwritev: case SYS_pwritev2: case SYS_ftruncate:
    case SYS_fallocate: case SYS_fsync: case SYS_fdatasync: case SYS_sendfile:
      refuse_file("a system call by its number", (int)a[0]); return;
    case SYS_openat:
      if ((a[2] & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY) return;
      refuse_place("a system call by its number", (int)a[0], (const char *)a[1]);
      return;
    case SYS_mkdirat: case SYS_unlinkat: case SYS_linkat: case SYS_renameat2:
      refuse_place("a system call by its number", (int)a[0], (const char *)a[1]); return;
    default: return;
  }
}

long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i += 1) a[i] = va_arg(rest, long);
  va_end(rest);
#ifdef SYS_io_uring_setup
  // Writes that a ring carries out pass by no wrapper. Without a ring a program uses calls.
  if (number == SYS_io_uring_setup) {
    errno = ENOSYS;
    return -1;
  }
#endif
  refuse_numbered(number, a);
  return raw_call(number, a);
}
