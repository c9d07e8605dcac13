/*
 * The cases of dx_bad.case for register_bgworker_with().  Part of dx_bad.c, which includes it after
 * the functions for workers.
 */
#ifndef DX_BAD_OPTIONS_H
#define DX_BAD_OPTIONS_H

static void
register_with(const dynpgext_handle *handle, const dynpgext_bgworker_options *options) {
  BackgroundWorker worker = good_worker();

  handle->register_bgworker_with(handle, &worker, NULL, NULL, LOCAL, options);
}

/* With a given size: callers of other versions have other structs. */
static void
register_with_size(const dynpgext_handle *handle, size_t size, dynpgext_bgworker_options known,
                   char tail) {
  struct {
    dynpgext_bgworker_options known;
    char tail[24];
  } options = {.known = known, .tail = {0}};

  options.known.size = size;
  options.tail[lengthof(options.tail) - 1] = tail;
  register_with(handle, &options.known);
}

static void
register_supervised(const dynpgext_handle *handle, int restart, int64 delay, int64 deadline) {
  register_with_size(
      handle, sizeof(dynpgext_bgworker_options),
      (dynpgext_bgworker_options){.restart = restart, .restart_delay = delay, .deadline = deadline},
      1);
}

static const dynpgext_bgworker_options good_options = {
    .restart = DYNPGEXT_RESTART_ALWAYS, .restart_delay = 2000, .deadline = 3000};

#define SIZE_UP_TO(member)                                                                         \
  (offsetof(dynpgext_bgworker_options, member) +                                                   \
   sizeof(((dynpgext_bgworker_options *)NULL)->member))

static void
null_options(const dynpgext_handle *handle) {
  register_with(handle, NULL);
}

static void
options_defaults(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_NEVER, 0, 0);
}

static void
options_on_failure(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ON_FAILURE, 0, 0);
}

static void
options_all(const dynpgext_handle *handle) {
  register_with_size(handle, sizeof(good_options), good_options, 1);
}

static void
options_longest(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ALWAYS, 86400000, 86400000);
}

static void
options_size_0(const dynpgext_handle *handle) {
  register_with_size(handle, 0, good_options, 0);
}

static void
options_small_size(const dynpgext_handle *handle) {
  register_with_size(handle, SIZE_UP_TO(restart) - 1, good_options, 0);
}

/* without the members after it, shorter than any header's */
static void
options_up_to_restart(const dynpgext_handle *handle) {
  register_with_size(handle, SIZE_UP_TO(restart), good_options, 0);
}

static void
options_up_to_delay(const dynpgext_handle *handle) {
  register_with_size(handle, SIZE_UP_TO(restart_delay), good_options, 0);
}

/* ends within a member */
static void
options_cut(const dynpgext_handle *handle) {
  register_with_size(handle, SIZE_UP_TO(restart_delay) - 7, good_options, 0);
}

static void
options_unknown_tail(const dynpgext_handle *handle) {
  register_with_size(handle, sizeof(good_options) + 24, good_options, 1);
}

static void
options_larger_zero(const dynpgext_handle *handle) {
  register_with_size(handle, sizeof(good_options) + 24, good_options, 0);
}

static void
bad_restart(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ALWAYS + 1, 0, 0);
}

static void
negative_restart(const dynpgext_handle *handle) {
  register_supervised(handle, -1, 0, 0);
}

static void
negative_delay(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ALWAYS, -1, 0);
}

static void
huge_delay(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ALWAYS, 86400001, 0);
}

static void
negative_deadline(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ALWAYS, 0, -1);
}

static void
huge_deadline(const dynpgext_handle *handle) {
  register_supervised(handle, DYNPGEXT_RESTART_ALWAYS, 0, PG_INT64_MAX);
}

static void
options_null_bgw(const dynpgext_handle *handle) {
  handle->register_bgworker_with(handle, NULL, NULL, NULL, LOCAL, &good_options);
}

/* a valid one, and then an invalid one */
static void
options_bad_second(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:good", 64, LOCAL);
  register_worker(handle, dx_worker_named("dx bad other", "dx_bad_other"));
  negative_delay(handle);
}

static void
options_twice_same(const dynpgext_handle *handle) {
  options_all(handle);
  options_all(handle);
}

static void
options_twice_other(const dynpgext_handle *handle) {
  options_all(handle);
  options_on_failure(handle);
}

/* valid: defaults are the same as no options */
static void
options_twice_defaults(const dynpgext_handle *handle) {
  register_worker(handle, good_worker());
  options_defaults(handle);
}

#endif
