/* What a disk can do to a program, loaded in front of the C library (LD_PRELOAD). Only files below FAULTS_ROOT are
 * touched. Each of these may be set:
 *
 *   FAULTS_RECORD=file        every change of a file, every fsync and everything on stdout goes to this file, in order
 *   FAULTS_FAIL=call:errno:n  the n-th such call (write, fsync, read, open, rename, truncate) fails once
 *   FAULTS_DIE=n              the process is killed just before the n-th call that changes a file
 *   FAULTS_COUNT=file         how many calls that change a file there were is written there at the end
 *   FAULTS_ROOM=file          eight bytes, little endian: how many bytes files may still grow; 0 is a full disk
 *   FAULTS_FILESYSTEM=number  what statfs says of every folder
 *   FAULTS_USER=number        who the process seems to run as
 *   FAULTS_CLOCK=seconds      how far the wall clock is wrong; FAULTS_CLOCK_AFTER=n: from the n-th look at it on
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char ours[MOST_FDS];
static char root[4096];
static int record = -1;
static char fail_call[16];
static long fail_errno, fail_at, die_at, changes, looks, clock_wrong, clock_after;
static volatile int64_t *room;

static long number(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAULTS_ROOT");
  if (text) snprintf(root, sizeof root, "%s", text);
  if ((text = getenv("FAULTS_RECORD")))
    record = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if ((text = getenv("FAULTS_FAIL"))) sscanf(text, "%15[^:]:%ld:%ld", fail_call, &fail_errno, &fail_at);
  if ((text = getenv("FAULTS_ROOM"))) {
    int fd = syscall(SYS_openat, AT_FDCWD, text, O_RDWR | O_CLOEXEC, 0);
    void *place = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (place != MAP_FAILED) room = place;
  }
  die_at = number("FAULTS_DIE");
  clock_wrong = number("FAULTS_CLOCK");
  clock_after = number("FAULTS_CLOCK_AFTER");
}

__attribute__((destructor)) static void end(void) {
  const char *text = getenv("FAULTS_COUNT");
  if (!text) return;
  char line[32];
  int length = snprintf(line, sizeof line, "%ld", changes);
  int fd = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (syscall(SYS_write, fd, line, length) < 0) return;
}

static int inside(const char *path) {
  size_t length = strlen(root);
  return length > 0 && path && strncmp(path, root, length) == 0;
}

static int watched(int fd) { return fd >= 0 && fd < MOST_FDS && ours[fd]; }

/* One entry: kind, descriptor, offset, length, bytes. */
static void note(char kind, int fd, int64_t offset, const void *bytes, uint64_t length) {
  if (record < 0) return;
  char head[1 + 4 + 8 + 8];
  int32_t number = fd;
  head[0] = kind;
  memcpy(head + 1, &number, 4);
  memcpy(head + 5, &offset, 8);
  memcpy(head + 13, &length, 8);
  if (syscall(SYS_write, record, head, sizeof head) < 0) _exit(99);
  for (uint64_t done = 0; done < length;) {
    long wrote = syscall(SYS_write, record, (const char *)bytes + done, length - done);
    if (wrote < 0) _exit(99);
    done += wrote;
  }
}

/* Whether this call is the one that fails. Called with the lock held. */
static int fails(const char *call) {
  if (fail_at <= 0 || strcmp(call, fail_call) != 0 || --fail_at > 0) return 0;
  errno = fail_errno;
  return 1;
}

/* A call that changes a file is about to be made. Called with the lock held. */
static void change(void) {
  if (++changes == die_at) kill(getpid(), SIGKILL);
}

/* How many of these bytes there is room for. Called with the lock held. */
static ssize_t fitting(int fd, int64_t offset, size_t length) {
  struct stat now;
  if (!room || fstat(fd, &now) != 0) return length;
  int64_t grows = offset + (int64_t)length - now.st_size;
  if (grows <= 0) return length;
  if (*room >= grows) {
    *room -= grows;
    return length;
  }
  ssize_t fits = (ssize_t)length - (grows - *room);
  *room = 0;
  return fits > 0 ? fits : 0;
}

static ssize_t put(int fd, const void *bytes, size_t length, int64_t offset, int at_offset) {
  pthread_mutex_lock(&lock);
  ssize_t done = -1;
  change();
  if (!fails("write")) {
    if (!at_offset) {
      struct stat now;
      int append = fcntl(fd, F_GETFL) & O_APPEND;
      offset = append && fstat(fd, &now) == 0 ? now.st_size : lseek(fd, 0, SEEK_CUR);
    }
    ssize_t fits = fitting(fd, offset, length);
    if (fits == 0 && length > 0) {
      errno = ENOSPC;
    } else {
      done = at_offset ? syscall(SYS_pwrite64, fd, bytes, fits, offset) : syscall(SYS_write, fd, bytes, fits);
      if (done > 0) note('w', fd, offset, bytes, done);
    }
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (watched(fd)) return put(fd, bytes, length, 0, 0);
  if (fd == 1 && record >= 0) {
    pthread_mutex_lock(&lock);
    note('o', fd, 0, bytes, length);
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    pthread_mutex_unlock(&lock);
    return done;
  }
  return syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return watched(fd) ? put(fd, bytes, length, offset, 1) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

static int failing_read(int fd) {
  if (!watched(fd)) return 0;
  pthread_mutex_lock(&lock);
  int failing = fails("read");
  pthread_mutex_unlock(&lock);
  return failing;
}
ssize_t read(int fd, void *bytes, size_t length) {
  return failing_read(fd) ? -1 : syscall(SYS_read, fd, bytes, length);
}
ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
  return failing_read(fd) ? -1 : syscall(SYS_pread64, fd, bytes, length, offset);
}
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return pread64(fd, bytes, length, offset); }

static int open_any(int folder, const char *path, int flags, mode_t mode) {
  if (!inside(path)) return syscall(SYS_openat, folder, path, flags, mode);
  pthread_mutex_lock(&lock);
  int fd = -1;
  if (flags & (O_CREAT | O_TRUNC)) change();
  if (!fails("open")) fd = syscall(SYS_openat, folder, path, flags, mode);
  if (fd >= 0 && fd < MOST_FDS) {
    ours[fd] = 1;
    note('O', fd, flags, path, strlen(path));
  }
  pthread_mutex_unlock(&lock);
  return fd;
}
static mode_t mode_of(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}
#define OPENS(name)                                      \
  int name(const char *path, int flags, ...) {           \
    va_list rest;                                        \
    va_start(rest, flags);                               \
    mode_t mode = mode_of(flags, rest);                  \
    va_end(rest);                                        \
    return open_any(AT_FDCWD, path, flags, mode);        \
  }
OPENS(open)
OPENS(open64)
#define OPENS_AT(name)                                         \
  int name(int folder, const char *path, int flags, ...) {     \
    va_list rest;                                              \
    va_start(rest, flags);                                     \
    mode_t mode = mode_of(flags, rest);                        \
    va_end(rest);                                              \
    return open_any(folder, path, flags, mode);                \
  }
OPENS_AT(openat)
OPENS_AT(openat64)

int close(int fd) {
  if (watched(fd)) {
    pthread_mutex_lock(&lock);
    ours[fd] = 0;
    note('c', fd, 0, "", 0);
    int done = syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return done;
  }
  return syscall(SYS_close, fd);
}

static int sync_any(int fd, long call) {
  if (!watched(fd)) return syscall(call, fd);
  pthread_mutex_lock(&lock);
  int done = -1;
  change();
  if (!fails("fsync")) {
    done = syscall(call, fd);
    if (done == 0) note('s', fd, 0, "", 0);
  }
  pthread_mutex_unlock(&lock);
  return done;
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }

int ftruncate64(int fd, off64_t length) {
  if (!watched(fd)) return syscall(SYS_ftruncate, fd, length);
  pthread_mutex_lock(&lock);
  int done = -1;
  change();
  if (!fails("truncate")) {
    done = syscall(SYS_ftruncate, fd, length);
    if (done == 0) note('t', fd, length, "", 0);
  }
  pthread_mutex_unlock(&lock);
  return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Two names in one entry, with a zero between them. */
static int names(char kind, const char *from, const char *to, long done) {
  char both[8192];
  int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
  if (done == 0) note(kind, 0, 0, both, length);
  return done;
}
int rename(const char *from, const char *to) {
  if (!inside(to)) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  pthread_mutex_lock(&lock);
  change();
  int done = fails("rename") ? -1 : names('r', from, to, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
  pthread_mutex_unlock(&lock);
  return done;
}
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
  if (!inside(to)) return syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
  pthread_mutex_lock(&lock);
  change();
  int done = names('l', from, to, syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
  pthread_mutex_unlock(&lock);
  return done;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int unlink(const char *path) {
  if (!inside(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  pthread_mutex_lock(&lock);
  change();
  int done = names('u', path, "", syscall(SYS_unlinkat, AT_FDCWD, path, 0));
  pthread_mutex_unlock(&lock);
  return done;
}
int mkdir(const char *path, mode_t mode) {
  if (!inside(path)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  pthread_mutex_lock(&lock);
  change();
  int done = names('d', path, "", syscall(SYS_mkdirat, AT_FDCWD, path, mode));
  pthread_mutex_unlock(&lock);
  return done;
}

int statfs(const char *path, struct statfs *answer) {
  int done = REAL(statfs)(path, answer);
  if (done == 0 && getenv("FAULTS_FILESYSTEM")) answer->f_type = number("FAULTS_FILESYSTEM");
  return done;
}
uid_t geteuid(void) { return getenv("FAULTS_USER") ? (uid_t)number("FAULTS_USER") : REAL(geteuid)(); }

int clock_gettime(clockid_t clock, struct timespec *answer) {
  int done = syscall(SYS_clock_gettime, clock, answer);
  if (done == 0 && clock == CLOCK_REALTIME && clock_wrong != 0 && __sync_add_and_fetch(&looks, 1) > clock_after)
    answer->tv_sec += clock_wrong;
  return done;
}
