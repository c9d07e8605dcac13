// The server's hash tables in the memory of a hosted library.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

#if DYNPGEXT_SHMEM_CALLBACKS
[[nodiscard]] HTAB *init_table(library &l, const char *name, int64 size, HASHCTL *control,
                               int flags);
// RegisterShmemCallbacks() and its steps: requests before the memory exists, then pointers to it,
// then the callbacks.
void request_shared(library &l);
void start_shared(library &l, bool is_new);
uint64 bytes_for(const ShmemStructOpts &options);
uint64 bytes_for(const ShmemHashOpts &options);
#else
// `allocate` uses the memory of the library.
[[nodiscard]] HTAB *init_table(library &l, const char *name, long least, long most,
                               HASHCTL *control, int flags, void *(*allocate)(Size));
#endif

}  // namespace dynpgext::hosting
