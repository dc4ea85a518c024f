/*
 * Streams. The C library writes their buffers past every wrapper, so a stream over a watched file is made of functions of our own, which
 * go through them. (LevelDB writes all of its files so.)
 */
#include "shim.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
  FILE *file;
  int fd;
  struct stream *next;
};

static struct stream *streams;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static ssize_t read_stream(void *cookie, char *bytes, size_t count) {
  return read(((struct stream *)cookie)->fd, bytes, count);
}

static ssize_t write_stream(void *cookie, const char *bytes, size_t count) {
  size_t done = 0;
  while (done < count) {
    ssize_t written = write(((struct stream *)cookie)->fd, bytes + done, count - done);
    // Nothing at all is how such a function reports a failure; errno says which.
    if (written <= 0) return (ssize_t)done;
    done += (size_t)written;
  }
  return (ssize_t)done;
}

static int seek_stream(void *cookie, off64_t *offset, int whence) {
  off64_t at = lseek64(((struct stream *)cookie)->fd, *offset, whence);
  if (at < 0) return -1;
  *offset = at;
  return 0;
}

static int close_stream(void *cookie) {
  pthread_mutex_lock(&mutex);
  struct stream **at = &streams;
  while (*at != NULL && *at != cookie) at = &(*at)->next;
  if (*at != NULL) *at = (*at)->next;
  pthread_mutex_unlock(&mutex);
  int result = close(((struct stream *)cookie)->fd);
  free(cookie);
  return result;
}

static FILE *stream_over(int fd, const char *mode) {
  static const cookie_io_functions_t functions = {read_stream, write_stream, seek_stream, close_stream};
  struct stream *stream = malloc(sizeof *stream);
  if (stream == NULL) return NULL;
  stream->fd = fd;
  stream->file = fopencookie(stream, mode, functions);
  if (stream->file == NULL) {
    free(stream);
    return NULL;
  }
  pthread_mutex_lock(&mutex);
  stream->next = streams;
  streams = stream;
  pthread_mutex_unlock(&mutex);
  return stream->file;
}

static int is_writing(const char *mode) { return strpbrk(mode, "wa+") != NULL; }

static int flags_of(const char *mode) {
  int flags = strchr(mode, '+') != NULL ? O_RDWR : O_WRONLY;
  if (mode[0] == 'w') flags |= O_CREAT | O_TRUNC;
  if (mode[0] == 'a') flags |= O_CREAT | O_APPEND;
  if (strchr(mode, 'x') != NULL) flags |= O_EXCL;
  if (strchr(mode, 'e') != NULL) flags |= O_CLOEXEC;
  return flags;
}

static FILE *open_stream(const char *path, const char *mode, const char *symbol) {
  struct place place;
  if (!is_writing(mode) || !enter_place(AT_FDCWD, path, &place))
    return ((FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, symbol))(path, mode);
  leave_place(&place);
  int fd = open(path, flags_of(mode), 0666);
  if (fd < 0) return NULL;
  FILE *file = stream_over(fd, mode);
  if (file == NULL) close(fd);
  return file;
}
FILE *fopen(const char *path, const char *mode) { return open_stream(path, mode, "fopen"); }
FILE *fopen64(const char *path, const char *mode) { return open_stream(path, mode, "fopen64"); }

FILE *fdopen(int fd, const char *mode) {
  struct stat status;
  if (!is_writing(mode) || !is_watched_file(fd, &status))
    return ((FILE * (*)(int, const char *)) dlsym(RTLD_NEXT, "fdopen"))(fd, mode);
  return stream_over(fd, mode);
}

static int number_of(FILE *file, const char *symbol) {
  int fd = -1;
  pthread_mutex_lock(&mutex);
  for (struct stream *at = streams; at != NULL && fd < 0; at = at->next)
    if (at->file == file) fd = at->fd;
  pthread_mutex_unlock(&mutex);
  return fd >= 0 ? fd : ((int (*)(FILE *))dlsym(RTLD_NEXT, symbol))(file);
}
int fileno(FILE *file) { return number_of(file, "fileno"); }
int fileno_unlocked(FILE *file) { return number_of(file, "fileno_unlocked"); }
