/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of the guest's console: standard input and output, or one client at a time of a socket. Processors
 * write on their own threads while the main thread accepts clients, and a write can block for as long as a client does
 * not read.
 */
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.h"

#define KEPT_BYTES 0x8000u

/*
 * A client's socket is always descriptor `out`. A new client is put there by dup3, so a thread that is about to write
 * never finds the descriptor closed, or reused for another file. `former` keeps the client before open, or it could not
 * tell being replaced from the end of the guest.
 */
static struct {
	pthread_mutex_t lock;
	int listener; /* -1: standard input and output */
	int in;
	int out;
	int former;
	bool present;
	unsigned int visitors;
	uint64_t said; /* bytes of output since the last client went away */
	uint8_t kept[KEPT_BYTES];
} line = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.listener = -1,
	.in = STDIN_FILENO,
	.out = STDOUT_FILENO,
	.present = true,
};

void line_listen(int listener)
{
	line.listener = listener;
	line.out = must(open("/dev/null", O_RDWR | O_CLOEXEC), "opening /dev/null");
	line.former = must(dup(line.out), "opening /dev/null");
	line.in = line.out;
	line.present = false;
}

/* Keeps output if no client is there. False: one is, and `*visitor` is its number. */
static bool keep(const uint8_t *bytes, size_t length, unsigned int *visitor)
{
	pthread_mutex_lock(&line.lock);

	bool alone = !line.present;

	for (size_t i = 0; alone && i < length; i++)
		line.kept[line.said++ % KEPT_BYTES] = bytes[i];
	*visitor = line.visitors;
	pthread_mutex_unlock(&line.lock);
	return alone;
}

/* Forgets a client that is gone, unless another one has taken its place already. */
static void forget(unsigned int visitor)
{
	pthread_mutex_lock(&line.lock);
	if (line.present && line.visitors == visitor) {
		shutdown(line.out, SHUT_RDWR);
		line.present = false;
	}
	pthread_mutex_unlock(&line.lock);
}

void line_write(const uint8_t *bytes, size_t length)
{
	unsigned int visitor;

	while (length > 0 && !keep(bytes, length, &visitor)) {
		ssize_t written = write(line.out, bytes, length);

		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		} else if (errno != EINTR) {
			if (line.listener < 0)
				fail("writing what the guest says");
			forget(visitor);
		}
	}
}

int line_input(void)
{
	return line.present ? line.in : -1;
}

int line_newcomers(void)
{
	return line.listener;
}

ssize_t line_read(void *buffer, size_t size)
{
	return read(line.in, buffer, size);
}

static void tell_what_was_kept(void)
{
	uint64_t at = line.said > KEPT_BYTES ? line.said - KEPT_BYTES : 0;

	while (at < line.said) {
		uint64_t start = at % KEPT_BYTES;
		uint64_t more = line.said - at;
		uint64_t piece = more < KEPT_BYTES - start ? more : KEPT_BYTES - start;

		/* The socket's buffer holds all of it. If the client is gone already, this output is lost. */
		if (send(line.out, line.kept + start, piece, MSG_DONTWAIT) < 0)
			break;
		at += piece;
	}
	line.said = 0;
}

void line_take_newcomer(void)
{
	int client = accept4(line.listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return; /* the client is gone already */
	pthread_mutex_lock(&line.lock);
	if (line.present) {
		must(dup3(line.out, line.former, O_CLOEXEC), "keeping a client apart");
		shutdown(line.former, SHUT_WR);
	}
	must(dup3(client, line.out, O_CLOEXEC), "taking a client");
	close(client);
	line.present = true;
	line.visitors++;
	tell_what_was_kept();
	pthread_mutex_unlock(&line.lock);
}

void line_input_ended(void)
{
	if (line.listener < 0)
		line.in = -1;
	else
		forget(line.visitors);
}

void line_hung_up(void)
{
	if (line.listener < 0)
		refuse("whoever talked to the guest is gone");
	forget(line.visitors);
}
