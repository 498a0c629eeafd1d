/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the very engine.bin that the service runs, as a Linux program (natively or under qemu-aarch64), for tests and
 * fuzzing. It stands in for the service at EL3: it maps the image and one of several windows at their addresses, calls
 * the entry on the window's stack, and serves the callbacks.
 *
 * Usage: engine-host ENGINE.BIN. It reads requests on standard input and writes replies to standard output, see struct
 * request and struct reply; each is followed by payload_bytes of payload. The engine's log goes to standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "engine_abi.h"

enum { WINDOWS = 16, SIGNAL_STACK_BYTES = 65536 };

/* Operations of the loader itself; the others are those of enum engine_op. */
enum host_op {
	HOST_FRESH = 100,   /* make the window as a new instance finds it */
	HOST_ENTROPY = 101, /* argument: calls to the entropy callback that still succeed, or HOST_ENDLESS */
	HOST_POKE = 102,    /* argument: offset in the window; payload: bytes to put there */
};

#define HOST_ENDLESS UINT32_MAX

/* Statuses beside enum engine_status. */
enum host_status {
	HOST_CRASHED = 100,     /* a signal; detail: the address, if it was a bad access */
	HOST_BAD_REQUEST = 101, /* unknown window or operation, or too long */
};

struct request {
	uint32_t op;
	uint32_t window;
	uint32_t argument; /* ENGINE_MANUFACTURE: the profile */
	uint32_t payload_bytes;
};

struct reply {
	uint32_t status;
	uint32_t payload_bytes;
	uint64_t detail; /* ENGINE_FATAL: the fault. HOST_CRASHED: the address */
	uint64_t heap_bytes;
	uint64_t heap_peak_bytes;
	uint64_t stack_peak_bytes;
};

static const struct engine_header *header;
static struct engine_mailbox *const mailbox = (struct engine_mailbox *)(uintptr_t)ENGINE_WINDOW_VA;
static int windows_file;
static uint32_t entropy_calls_left = HOST_ENDLESS;
static sigjmp_buf left;
static uint64_t left_detail;
static uint8_t payload[ENGINE_WINDOW_BYTES];

static void fail(const char *doing)
{
	perror(doing);
	exit(EXIT_FAILURE);
}

static uint64_t entropy(uint8_t *out, uint64_t bytes)
{
	if (entropy_calls_left == 0) {
		return 1;
	}
	if (entropy_calls_left != HOST_ENDLESS) {
		entropy_calls_left--;
	}
	return getrandom(out, bytes, 0) == (ssize_t)bytes ? 0 : 1;
}

static void fatal(uint64_t fault)
{
	left_detail = fault;
	siglongjmp(left, ENGINE_FATAL);
}

static void log_line(const char *text)
{
	fprintf(stderr, "engine: %s\n", text);
}

/* The engine reads the physical counter, which Linux keeps from programs: returns the virtual one in its place. */
static bool emulate_counter(ucontext_t *context)
{
	const uint32_t mrs_cntpct = 0xD53BE020; /* MRS X0, CNTPCT_EL0; the register is in bits 4:0 */
	const uint32_t register_mask = 0x1F;
	uint32_t instruction;

	memcpy(&instruction, (const void *)(uintptr_t)context->uc_mcontext.pc, sizeof(instruction));
	if ((instruction & ~register_mask) != mrs_cntpct) {
		return false;
	}

	uint64_t ticks;

	__asm__ volatile("mrs %0, CNTVCT_EL0" : "=r"(ticks));
	context->uc_mcontext.regs[instruction & register_mask] = ticks;
	context->uc_mcontext.pc += sizeof(instruction);
	return true;
}

static void on_signal(int number, siginfo_t *information, void *context)
{
	if (number == SIGILL && emulate_counter(context)) {
		return;
	}
	left_detail = (uintptr_t)information->si_addr;
	fprintf(stderr, "engine: signal %d, address %#llx, pc %#llx\n", number, (unsigned long long)left_detail,
		(unsigned long long)((ucontext_t *)context)->uc_mcontext.pc);
	siglongjmp(left, HOST_CRASHED);
}

/* On a stack of their own, because the fault may be that the engine's stack is exhausted. */
static void catch_signals(void)
{
	static uint8_t stack[SIGNAL_STACK_BYTES];
	const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
	const struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

	if (sigaltstack(&alternative, NULL) != 0) {
		fail("sigaltstack");
	}
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		if (sigaction(caught[i], &action, NULL) != 0) {
			fail("sigaction");
		}
	}
}

static void map_part(int file, uint64_t va, uint64_t bytes, uint64_t image_va, int protection)
{
	void *at = mmap((void *)(uintptr_t)va, bytes, protection, MAP_PRIVATE | MAP_FIXED_NOREPLACE, file,
			(off_t)(va - image_va));

	if (at != (void *)(uintptr_t)va) {
		fail("mapping the engine at its address");
	}
}

static void map_image(const char *path)
{
	struct engine_header found;
	int file = open(path, O_RDONLY);

	if (file < 0 || read(file, &found, sizeof(found)) != sizeof(found)) {
		fail(path);
	}
	if (found.magic != ENGINE_MAGIC || found.abi_version != ENGINE_ABI_VERSION ||
	    found.header_bytes != sizeof(found)) {
		fprintf(stderr, "%s: not an engine image of ABI version %d\n", path, ENGINE_ABI_VERSION);
		exit(EXIT_FAILURE);
	}
	map_part(file, found.text_va, found.text_bytes, found.text_va, PROT_READ | PROT_EXEC);
	map_part(file, found.rodata_va, found.rodata_bytes, found.text_va, PROT_READ);
	header = (const struct engine_header *)(uintptr_t)found.text_va;
	close(file);
}

/*
 * Here SVC would be a call of Linux, whatever its number. So each stub gets what a far call looks like: LDR X16, .+8;
 * BR X16; and the address (Arm DDI 0487, C6.2). LEAVE stays, for call_on_stack() has set X30 to itself.
 */
static void serve_calls(void)
{
	static const uint32_t far_jump[] = {0x58000050, 0xD61F0200};
	const uint64_t served[ENGINE_CALL_COUNT] = {
		[ENGINE_CALL_ENTROPY] = (uintptr_t)entropy,
		[ENGINE_CALL_LOG] = (uintptr_t)log_line,
		[ENGINE_CALL_FATAL] = (uintptr_t)fatal,
	};
	void *text = (void *)(uintptr_t)header->text_va;

	if (mprotect(text, header->text_bytes, PROT_READ | PROT_WRITE) != 0) {
		fail("opening the engine's code");
	}
	for (unsigned int call = 0; call < ENGINE_CALL_COUNT; call++) {
		uint8_t *stub = (uint8_t *)(uintptr_t)header->calls_va + call * ENGINE_CALL_STUB_BYTES;

		if (served[call] != 0) {
			memcpy(stub, far_jump, sizeof(far_jump));
			memcpy(stub + sizeof(far_jump), &served[call], sizeof(served[call]));
		}
	}
	__builtin___clear_cache(text, (char *)text + header->text_bytes);
	if (mprotect(text, header->text_bytes, PROT_READ | PROT_EXEC) != 0) {
		fail("closing the engine's code");
	}
}

/* One file for all windows, so that a window keeps its pages while another one is mapped. */
static void make_windows(void)
{
	windows_file = memfd_create("windows", 0);
	if (windows_file < 0 || ftruncate(windows_file, (off_t)WINDOWS * ENGINE_WINDOW_BYTES) != 0) {
		fail("making the windows");
	}
}

static void enter_window(uint32_t window)
{
	void *va = (void *)(uintptr_t)ENGINE_WINDOW_VA;

	if (mmap(va, ENGINE_WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, windows_file,
		 (off_t)window * ENGINE_WINDOW_BYTES) != va) {
		fail("mapping a window at its address");
	}
	if (mprotect((void *)(uintptr_t)header->guard_va, 4096, PROT_NONE) != 0) {
		fail("closing the guard page");
	}
}

static uint64_t stack_bottom(void)
{
	return header->guard_va + 4096;
}

/* Stacks are zero at first, and the lowest byte that is not zero any more tells how deep it went. */
static uint64_t stack_peak(void)
{
	const uint64_t *at = (const uint64_t *)(uintptr_t)stack_bottom();

	while ((uintptr_t)at < header->stack_top && *at == 0) {
		at++;
	}
	return header->stack_top - (uintptr_t)at;
}

static void fresh_window(void)
{
	uint8_t *va = (uint8_t *)(uintptr_t)ENGINE_WINDOW_VA;

	memset(va, 0, header->guard_va - ENGINE_WINDOW_VA);
	memset((void *)(uintptr_t)stack_bottom(), 0, header->stack_top - stack_bottom());
	memcpy((void *)(uintptr_t)header->data_va, (const void *)(uintptr_t)header->data_init_va, header->data_bytes);
}

/* uint32_t call_on_stack(argument, function, stack top). */
uint32_t call_on_stack(void *argument, uint64_t function, uint64_t stack_top);
__asm__(".text\n"
	".global call_on_stack\n"
	"call_on_stack:\n"
	"	stp	x29, x30, [sp, #-32]!\n"
	"	str	x19, [sp, #16]\n"
	"	mov	x19, sp\n"
	"	mov	sp, x2\n"
	"	blr	x1\n"
	"	mov	sp, x19\n"
	"	ldr	x19, [sp, #16]\n"
	"	ldp	x29, x30, [sp], #32\n"
	"	ret\n");

static uint32_t call_engine(const struct request *request)
{
	mailbox->op = request->op;
	mailbox->profile = request->argument;
	/* Linux answers these two itself: Documentation/arch/arm64/cpu-feature-registers.rst. */
	__asm__("mrs %0, MIDR_EL1" : "=r"(mailbox->midr));
	__asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(mailbox->isar0));

	uint32_t status = (uint32_t)sigsetjmp(left, 1);

	if (status == 0) {
		status = call_on_stack(mailbox, header->entry, header->stack_top);
	}
	return status;
}

/* Puts the payload where the operation expects it. */
static bool load_payload(const struct request *request)
{
	switch (request->op) {
	case ENGINE_EXECUTE:
		if (request->payload_bytes > sizeof(mailbox->request)) {
			return false;
		}
		memcpy(mailbox->request, payload, request->payload_bytes);
		mailbox->request_bytes = request->payload_bytes;
		return true;
	case ENGINE_RESUME:
		if (request->payload_bytes > header->staging_bytes) {
			return false;
		}
		memcpy((void *)(uintptr_t)header->staging_va, payload, request->payload_bytes);
		mailbox->image_bytes = request->payload_bytes;
		return true;
	default:
		return request->payload_bytes == 0;
	}
}

static const void *result_of(uint32_t op, uint32_t *bytes)
{
	switch (op) {
	case ENGINE_EXECUTE:
		*bytes = mailbox->response_bytes;
		return mailbox->response;
	case ENGINE_SUSPEND:
		*bytes = (uint32_t)mailbox->image_bytes;
		return (const void *)(uintptr_t)mailbox->image_va;
	default:
		*bytes = 0;
		return NULL;
	}
}

static uint32_t serve(const struct request *request)
{
	switch (request->op) {
	case HOST_FRESH:
		fresh_window();
		return ENGINE_OK;
	case HOST_ENTROPY:
		entropy_calls_left = request->argument;
		return ENGINE_OK;
	case HOST_POKE:
		if (request->argument > header->guard_va - ENGINE_WINDOW_VA ||
		    request->payload_bytes > header->guard_va - ENGINE_WINDOW_VA - request->argument) {
			return HOST_BAD_REQUEST;
		}
		memcpy((uint8_t *)(uintptr_t)ENGINE_WINDOW_VA + request->argument, payload, request->payload_bytes);
		return ENGINE_OK;
	default:
		return load_payload(request) ? call_engine(request) : HOST_BAD_REQUEST;
	}
}

static bool read_all(void *to, size_t bytes)
{
	return bytes == 0 || fread(to, bytes, 1, stdin) == 1;
}

static void write_all(const void *from, size_t bytes)
{
	if (bytes > 0 && fwrite(from, bytes, 1, stdout) != 1) {
		fail("writing the reply");
	}
}

int main(int argc, char **argv)
{
	struct request request;

	if (argc != 2) {
		fprintf(stderr, "usage: %s ENGINE.BIN\n", argv[0]);
		return EXIT_FAILURE;
	}
	map_image(argv[1]);
	serve_calls();
	make_windows();
	catch_signals();

	while (read_all(&request, sizeof(request))) {
		struct reply reply = {.status = HOST_BAD_REQUEST};
		const void *result = NULL;

		if (request.payload_bytes > sizeof(payload) || !read_all(payload, request.payload_bytes)) {
			fprintf(stderr, "%s: a payload of %u bytes\n", argv[0], request.payload_bytes);
			return EXIT_FAILURE;
		}
		if (request.window < WINDOWS) {
			enter_window(request.window);
			left_detail = 0;
			reply.status = serve(&request);
			reply.detail = left_detail;
			reply.heap_bytes = mailbox->heap_bytes;
			reply.heap_peak_bytes = mailbox->heap_peak_bytes;
			reply.stack_peak_bytes = stack_peak();
			if (reply.status == ENGINE_OK) {
				result = result_of(request.op, &reply.payload_bytes);
			}
		}
		write_all(&reply, sizeof(reply));
		write_all(result, reply.payload_bytes);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
