/*
 * A disk that loses power, as a library to preload (LD_PRELOAD). It stands between a process and the C library, lets every call
 * through, and keeps beside the directory that it watches what it takes to undo whatever was not synced. docs/testing.md tells
 * how it is used, and what is promised of a disk.
 *
 *   POWER_LOSS_DIR     the directory that is watched; it is there, and what it holds at the start counts as synced
 *   POWER_LOSS_SHADOW  where the journals are kept: outside of it, on the same file system
 *   POWER_LOSS_ASIDE   optional: files that are removed and whose names end so get a second name in <shadow>/aside
 *
 * In the shadow, all by inode numbers, so that nothing needs to know where a thing is now:
 *
 *   data/<inode>       what undoes the unsynced changes of a file's bytes and size
 *   names/<inode>      what undoes the unsynced changes of a directory
 *   kept/<inode>.<n>   what a change of that directory removed: n is the place of its record
 *   loaded, lock       that the library was loaded; held while a journal and what it stands for are changed
 */
#ifndef POWER_LOSS_SHIM_H
#define POWER_LOSS_SHIM_H

#define _GNU_SOURCE
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

/* The system call itself, past every wrapper, this library's own among them. Returns -1 and sets errno. */
#define RAW(number, ...) raw_call((number), (long[6]){__VA_ARGS__})
long raw_call(long number, const long *arguments);

/* The exit status of a process that did what cannot be tracked: a made-up result would be worse. */
#define REFUSED 99
_Noreturn void refuse(const char *what, const char *path);

/* --- shadow.c: the journals ---------------------------------------------------------------------------------------- */

enum area { DATA, NAMES };

/* What a journal begins with. The identity tells one that was emptied and begun again from the one before. */
struct journal_head {
  char magic[8];
  uint64_t identity;
};

/* Where a journal stood at one moment; bytes is 0 when there was none. */
struct mark {
  uint64_t identity;
  uint64_t bytes;
};

extern dev_t watched_device;
extern int shadow_fd;

void start_shadow(const char *directory);
/* Between these two nobody else changes a journal, in this process or another. */
void lock_shadow(void);
void unlock_shadow(void);
uint64_t new_time(void);
struct mark journal_mark(enum area area, ino_t inode);
/* Returns the place of the record. */
uint64_t journal_append(enum area area, ino_t inode, const void *record, size_t bytes, const void *rest, size_t rest_bytes);
void journal_path(char *path, enum area area, ino_t inode);
void write_fully(int fd, const void *bytes, size_t count);

/* --- places.c: what is watched --------------------------------------------------------------------------------------- */

/* A name in a directory that is watched. */
struct place {
  int directory;
  ino_t inode;
  char name[NAME_MAX + 1];
  /* Of the directory, for messages. */
  char path[PATH_MAX];
};

void start_places(void);
/* Whether `path` is a name below the watched directory; then the place is to be left again. errno is kept. */
int enter_place(int at, const char *path, struct place *place);
void leave_place(struct place *place);
/* Whether the descriptor is of something below the watched directory, or of that itself. */
int is_watched(int fd, struct stat *status);
/* Whether a descriptor that may be written through is of a watched file. */
int is_watched_file(int fd, struct stat *status);

/* --- data.c: the bytes of files ---------------------------------------------------------------------------------------- */

enum data_kind { CHANGE = 1, DATA_SYNCED = 2 };

/* Undone by writing the bytes that follow at `offset`, then cutting the file to `size_before`. */
struct data_record {
  uint32_t kind;
  uint32_t zero;
  /* Grows from record to record, over all journals. */
  uint64_t time;
  uint64_t offset;
  /* Bytes changed. DATA_SYNCED: the records before this place of the journal are durable. */
  uint64_t length;
  uint64_t size_before;
  /* Of what stood there: follow the record. */
  uint64_t bytes;
};

/* All of these with the shadow locked. */
void note_change(int fd, ino_t inode, uint64_t offset, uint64_t length);
void note_truncation(int fd, ino_t inode, uint64_t size);
void forget_data(ino_t inode);
int sync_data(int fd, ino_t inode, long call);

/* --- names.c: directories ------------------------------------------------------------------------------------------------ */

enum names_kind { ADD = 1, MAKE_DIRECTORY = 2, REMOVE = 3, RENAME = 4, NAMES_SYNCED = 5, CANCEL = 6 };

struct names_record {
  /* As in a data_record. */
  uint64_t time;
  uint32_t kind;
  /* Whether what was removed or replaced is in kept/. */
  uint32_t kept;
  uint32_t name_bytes;
  uint32_t new_name_bytes;
  /* NAMES_SYNCED: the records before this place are durable. CANCEL: the record at this place was never carried out. */
  uint64_t at;
};

/* All of these with the shadow locked. `kept` is a name in the place whose object is about to lose it, or null. */
uint64_t note_names(struct place *place, enum names_kind kind, const char *name, const char *new_name, const char *kept);
void note_cancelled(struct place *place, uint64_t at);
/* Removes a directory by moving it aside. Returns -1 and sets errno, as rmdir would. */
int remove_directory(struct place *place);
int sync_names(int fd, ino_t inode, long call);
void keep_aside(struct place *place);

#endif
