/* os_process.h: this process: its signals, limits and place. The main thread calls. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SIGTERM, SIGINT and SIGHUP wait to be fetched instead of ending the process. Before threads. */
void os_block_end_signals(void);
/* Waits for one of them; its number. */
int os_wait_end_signal(void);
/* As many open files as the system lets us have. */
void os_raise_file_limit(void);
/* How many files this process may have open. */
uint64_t os_file_limit(void);
/* The folder that the running program lies in, NUL-terminated; false when it cannot be told. */
bool os_program_folder(char *out, size_t cap);
/* A regular file is there and may be read. */
bool os_file_exists(const char *path);
/* It may be written, as far as its rights and its file system say. */
bool os_file_writable(const char *path);
/* True when fd is a terminal: progress may be drawn. */
bool os_is_terminal(int fd);
/* Freed memory stays with this process, up to so many bytes for each of its threads, instead of going
 * back to the system at once. For programs that want frame after frame: mapping and clearing the same
 * pages again takes longer than decoding into them. Before threads. */
void os_keep_freed_memory(int bytes);
/* Gives the system what was freed: after a start, which needs more than what follows. */
void os_return_freed_memory(void);

#endif
