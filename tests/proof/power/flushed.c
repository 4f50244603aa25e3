/* Loaded before a program's own libraries: keeps, for each file that is flushed, what it held when the flush began, in the
   folder FLUSHED_INTO under the file's own name. That is the least that a loss of power leaves. A flush takes FLUSH_TAKES
   microseconds more, so that there is a time in which power can be lost. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* Copies what the descriptor's file holds now into a draft; 0 where there is nothing to keep. */
static int copy(int descriptor, char *draft, char *kept) {
  const char *folder = getenv("FLUSHED_INTO");
  char link[64], path[PATH_MAX];
  if (!folder) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  const char *name = strrchr(path, '/');
  if (!name) return 0;
  snprintf(kept, PATH_MAX, "%s%s", folder, name);
  snprintf(draft, PATH_MAX, "%s%s.draft", folder, name);
  int from = open(path, O_RDONLY), to = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600), whole = from >= 0 && to >= 0;
  static char piece[1 << 16];
  ssize_t read_now;
  while (whole && (read_now = read(from, piece, sizeof piece)) > 0) whole = write(to, piece, read_now) == read_now;
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  return whole;
}

static int flush(const char *call, int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
  char draft[PATH_MAX], kept[PATH_MAX];
  pthread_mutex_lock(&one_at_a_time);
  int is_copied = copy(descriptor, draft, kept);
  const char *takes = getenv("FLUSH_TAKES");
  if (takes) usleep(atoi(takes));
  int flushed = real(descriptor);
  if (is_copied && flushed == 0) rename(draft, kept);
  pthread_mutex_unlock(&one_at_a_time);
  return flushed;
}

int fsync(int descriptor) { return flush("fsync", descriptor); }
int fdatasync(int descriptor) { return flush("fdatasync", descriptor); }
