/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows: which instances are resident, and moving them between windows and state images. A window belongs to one
 * instance at a time, and a free window is always zero.
 *
 * To move an instance out, a CPU needs that instance's lock besides the one that it holds. It only ever tries for it,
 * so no two CPUs can wait for each other.
 */
#include "windows.h"
#include "pool.h"

static struct pa window_pa(uint32_t window)
{
	return pa_make(VTPM_WINDOWS_PA + (uint64_t)window * ENGINE_WINDOW_BYTES);
}

uint8_t *window_memory(uint32_t window, struct va va)
{
	return port_secure(pa_add(window_pa(window), va.value - ENGINE_WINDOW_VA));
}

void windows_init(void)
{
	struct vtpm_state *state = state_get();

	for (uint32_t window = 0; window < VTPM_WINDOW_COUNT; window++) {
		state->windows[window].owner = VTPM_NO_INSTANCE;
	}
}

struct engine_mailbox *window_mailbox(const struct vtpm_instance *instance)
{
	return (struct engine_mailbox *)window_memory(instance->window, va_make(state_get()->engine.mailbox_va));
}

/* Bytes that are zeroed or copied at a time. An interrupt waits no longer than that takes. */
#define PIECE_BYTES 0x4000
#define COPIED_PIECE_BYTES 0x1000

_Static_assert(ENGINE_WINDOW_BYTES % PIECE_BYTES == 0, "a window has whole pieces");

/* An instance that is moved out of its window is another's: it must not end because the caller's is being destroyed. */
static bool is_for_caller(enum engine_op op)
{
	return op != ENGINE_SUSPEND;
}

enum engine_status window_run(struct vtpm_instance *instance, enum engine_op op)
{
	struct engine_mailbox *mailbox = window_mailbox(instance);
	uint64_t started = port_ticks();
	uint64_t inside = 0;
	enum engine_status status;

	mailbox->op = op;
	mailbox->cancel = 0;
	mailbox->profile = instance->requirements & VTPM_REQUIRE_PROFILE_MASK;
	mailbox->platform_closed = instance->requirements & VTPM_REQUIRE_PLATFORM_CLOSED;
	status = port_engine_enter(instance->window, is_for_caller(op), &inside);
	instance->switches++;
	instance->measuring.engine += inside;
	instance->measuring.windows += port_ticks() - started - inside;
	/* The engine is not trusted with the value either: anything unknown is a failure. */
	return status <= ENGINE_FATAL ? status : ENGINE_FATAL;
}

/* Zeroes the instance's window; it stays the instance's. */
static void scrub_window(const struct vtpm_instance *instance)
{
	for (uint32_t offset = 0; offset < ENGINE_WINDOW_BYTES; offset += PIECE_BYTES) {
		port_zero_pages(window_memory(instance->window, va_make(ENGINE_WINDOW_VA + offset)), PIECE_BYTES);
		port_breathe();
	}
}

/* Gives a zero window the engine's initial data, as a loader would, and says on which kind of processor it starts. */
static void prepare_window(const struct vtpm_instance *instance)
{
	struct vtpm_state *state = state_get();
	const struct engine_header *engine = &state->engine;
	struct engine_mailbox *mailbox = window_mailbox(instance);

	state->windows[instance->window].log_lines = 0;
	for (uint64_t done = 0; done < engine->data_bytes; done += COPIED_PIECE_BYTES) {
		uint64_t rest = engine->data_bytes - done;

		port_copy(window_memory(instance->window, va_make(engine->data_va + done)),
			  port_engine_memory(va_make(engine->data_init_va + done)),
			  rest < COPIED_PIECE_BYTES ? rest : COPIED_PIECE_BYTES);
		port_breathe();
	}
	port_processor(&mailbox->midr, &mailbox->isar0);
}

/* Scrubs the image and gives back all but `keep` of its pages. Scrubbing is slow, so it takes no lock. */
static void drop_image(struct vtpm_instance *instance, uint32_t keep)
{
	struct vtpm_state *state = state_get();

	pool_scrub(&instance->image);
	table_lock(&state->table);
	if (instance->image_bytes != 0) {
		state->images--;
		state->image_bytes -= instance->image_bytes;
		instance->image_bytes = 0;
	}
	pool_give(&instance->image, keep);
	table_unlock(&state->table);
}

void window_discard(struct vtpm_instance *instance, bool keep_reserve)
{
	struct vtpm_state *state = state_get();

	drop_image(instance, keep_reserve ? VTPM_IMAGE_RESERVED_PAGES : 0);
	if (instance->window != VTPM_NO_WINDOW) {
		scrub_window(instance);
		table_lock(&state->table);
		state->windows[instance->window].owner = VTPM_NO_INSTANCE;
		table_unlock(&state->table);
		instance->window = VTPM_NO_WINDOW;
	}
}

void window_fail(struct vtpm_instance *instance, const char *what)
{
	struct vtpm_state *state = state_get();

	port_report_failure(instance->vm_id, instance->index, what);
	window_discard(instance, true);
	table_lock(&state->table);
	instance->life = VTPM_FAILED;
	table_unlock(&state->table);
}

/* Makes room for an image of `bytes`, with the reserved pages first, and counts it. False: the pool is exhausted. */
static bool take_image(struct vtpm_instance *instance, uint32_t bytes)
{
	struct vtpm_state *state = state_get();
	uint32_t pages = (bytes + VTPM_PAGE_BYTES - 1) / VTPM_PAGE_BYTES;
	uint32_t have = instance->image.count;
	bool taken;

	table_lock(&state->table);
	taken = pages <= have || pool_take(&instance->image, pages - have);
	if (taken) {
		state->images++;
		state->image_bytes += bytes;
		instance->image_bytes = bytes;
	}
	table_unlock(&state->table);
	return taken;
}

/*
 * Writes the image of a resident instance into the pool. Where the image lies and how long it is, the engine says, so
 * both are checked against the window and against the staging area, into which RESUME has to put it.
 */
static vtpm_status suspend(struct vtpm_instance *instance)
{
	const struct engine_header *engine = &state_get()->engine;
	const struct engine_mailbox *mailbox = window_mailbox(instance);
	uint64_t offset;

	if (window_run(instance, ENGINE_SUSPEND) != ENGINE_OK) {
		return VTPM_E_ENGINE_FAILED;
	}
	offset = mailbox->image_va - ENGINE_WINDOW_VA;
	if (mailbox->image_bytes == 0 || mailbox->image_bytes > engine->staging_bytes ||
	    offset > ENGINE_WINDOW_BYTES - mailbox->image_bytes) {
		return VTPM_E_ENGINE_FAILED;
	}
	if (!take_image(instance, (uint32_t)mailbox->image_bytes)) {
		return VTPM_E_NO_SPACE;
	}
	pool_store(&instance->image, window_memory(instance->window, va_make(mailbox->image_va)),
		   instance->image_bytes);
	instance->evictions++;
	return VTPM_OK;
}

/*
 * Under the table lock: takes the lock of an instance to move it out. `leaving` tells its own guest's CPU to wait
 * instead of answering BUSY.
 */
static bool seize(struct vtpm_instance *victim)
{
	bool seized = lock_try(&victim->lock);

	if (seized) {
		victim->leaving = true;
		port_hold(PORT_OTHER, state_number(victim));
	}
	return seized;
}

/*
 * Under the table lock: finds the window that was used least recently among those whose owner is idle, and takes that
 * owner's lock. An owner that is at work is passed over, and the next one tried; each window is tried once.
 */
static uint32_t pick_victim(void)
{
	struct vtpm_state *state = state_get();
	uint64_t passed_over = 0;

	for (uint32_t tries = 0; tries < VTPM_WINDOW_COUNT; tries++) {
		uint32_t oldest = VTPM_NO_WINDOW;

		for (uint32_t window = 0; window < VTPM_WINDOW_COUNT; window++) {
			uint64_t used = state->windows[window].last_used;

			if (used > passed_over &&
			    (oldest == VTPM_NO_WINDOW || used < state->windows[oldest].last_used)) {
				oldest = window;
			}
		}
		if (oldest == VTPM_NO_WINDOW || seize(&state->instances[state->windows[oldest].owner])) {
			return oldest;
		}
		passed_over = state->windows[oldest].last_used;
	}
	return VTPM_NO_WINDOW;
}

static uint32_t find_free(void)
{
	const struct vtpm_state *state = state_get();

	for (uint32_t window = 0; window < VTPM_WINDOW_COUNT; window++) {
		if (state->windows[window].owner == VTPM_NO_INSTANCE) {
			return window;
		}
	}
	return VTPM_NO_WINDOW;
}

/* Under the table lock: gives `window` to the instance. */
static void settle(struct vtpm_instance *instance, uint32_t window)
{
	struct vtpm_state *state = state_get();

	state->windows[window].owner = state_number(instance);
	state->windows[window].last_used = ++state->clock;
	instance->window = (uint8_t)window;
}

/* Ends what seize() began. */
static void let_go(struct vtpm_instance *victim)
{
	struct vtpm_state *state = state_get();

	table_lock(&state->table);
	if (victim->window != VTPM_NO_WINDOW) { /* it has to stay, so the next to be tried is another one */
		state->windows[victim->window].last_used = ++state->clock;
	}
	victim->leaving = false;
	lock_release(&victim->lock);
	port_hold(PORT_OTHER, PORT_NO_INSTANCE);
	table_unlock(&state->table);
}

/*
 * Moves the owner of `window` out and gives the window to the instance. The owner's lock is held and is released here.
 * If its engine fails, the owner is stopped, and the window is free all the same. The window has been scrubbed before
 * it has a new owner.
 */
static vtpm_status take_over(struct vtpm_instance *instance, uint32_t window)
{
	struct vtpm_state *state = state_get();
	struct vtpm_instance *victim = &state->instances[state->windows[window].owner];
	vtpm_status status = suspend(victim);

	if (status == VTPM_E_NO_SPACE) {
		let_go(victim);
		return status;
	}
	scrub_window(victim);
	victim->window = VTPM_NO_WINDOW;
	table_lock(&state->table);
	settle(instance, window);
	table_unlock(&state->table);
	if (status != VTPM_OK) {
		window_fail(victim, "could not be suspended");
	}
	let_go(victim);
	return VTPM_OK;
}

/*
 * Finds a zero window for the instance, a free one or somebody else's. VTPM_E_NO_SPACE: the image of the one that was
 * to leave does not fit into the pool, so it stays.
 */
static vtpm_status try_for_window(struct vtpm_instance *instance)
{
	struct vtpm_state *state = state_get();
	uint32_t window;
	bool free;

	table_lock(&state->table);
	window = find_free();
	free = window != VTPM_NO_WINDOW;
	if (free) {
		settle(instance, window);
	} else {
		window = pick_victim();
	}
	table_unlock(&state->table);
	if (free) {
		return VTPM_OK;
	}
	return window == VTPM_NO_WINDOW ? VTPM_NO_WINDOW_FREE : take_over(instance, window);
}

/*
 * Finds a zero window for the instance. An instance that cannot be moved out must not keep others from running, so the
 * next one is tried, each window once.
 */
static vtpm_status find_window(struct vtpm_instance *instance)
{
	vtpm_status status = VTPM_E_NO_SPACE;

	for (uint32_t tries = 0; status == VTPM_E_NO_SPACE && tries < VTPM_WINDOW_COUNT; tries++) {
		status = try_for_window(instance);
	}
	return status;
}

/* Brings a suspended instance back from its image into its new, zero window. Its image is then of no more use. */
static vtpm_status resume(struct vtpm_instance *instance)
{
	prepare_window(instance);
	pool_load(&instance->image, window_memory(instance->window, va_make(state_get()->engine.staging_va)),
		  instance->image_bytes);
	window_mailbox(instance)->image_bytes = instance->image_bytes;
	if (window_run(instance, ENGINE_RESUME) != ENGINE_OK) {
		window_fail(instance, "could not be resumed");
		return VTPM_E_ENGINE_FAILED;
	}
	drop_image(instance, VTPM_IMAGE_RESERVED_PAGES);
	instance->loads++;
	return VTPM_OK;
}

vtpm_status window_acquire(struct vtpm_instance *instance)
{
	struct vtpm_state *state = state_get();
	uint64_t started = port_ticks();
	vtpm_status status;

	if (instance->window != VTPM_NO_WINDOW) {
		table_lock(&state->table);
		state->windows[instance->window].last_used = ++state->clock;
		table_unlock(&state->table);
		return VTPM_OK;
	}
	status = find_window(instance);
	if (status == VTPM_OK) {
		status = resume(instance);
	}
	instance->measuring = (struct vtpm_ticks){.windows = port_ticks() - started};
	return status;
}

vtpm_status window_renew(struct vtpm_instance *instance)
{
	if (instance->window == VTPM_NO_WINDOW) {
		vtpm_status status = find_window(instance);

		if (status != VTPM_OK) {
			return status;
		}
	} else {
		scrub_window(instance);
	}
	drop_image(instance, VTPM_IMAGE_RESERVED_PAGES);
	prepare_window(instance);
	return VTPM_OK;
}
