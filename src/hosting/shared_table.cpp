#include "hosting/shared_table.h"

namespace dynpgext::hosting {

#if DYNPGEXT_SHMEM_CALLBACKS

namespace {
// Size of an entry in the list of named memory.
constexpr uint64 beside = 256;
}  // namespace

HTAB *init_table(library &l, const char *name, int64 size, HASHCTL *control, int flags) {
  const Size bytes = pg::call([=] { return hash_estimate_size(size, control->entrysize); });
  bool found = false;
  void *memory = l.init_struct(name, bytes, &found);
  return pg::call(
      [=] { return shmem_hash_create(memory, bytes, found, name, size, control, flags); });
}

uint64 bytes_for(const ShmemStructOpts &options) {
  return (options.size > 0 ? CACHELINEALIGN(static_cast<uint64>(options.size)) : 0) + beside;
}

uint64 bytes_for(const ShmemHashOpts &options) {
  const int64 size = options.nelems;
  const Size entry = options.hash_info.entrysize;
  return pg::call([=] { return hash_estimate_size(size, entry); }) + beside;
}

void request_shared(library &l) {
  for (const ShmemCallbacks &c : l.callbacks)
    if (c.request_fn != nullptr) pg::call([c] { c.request_fn(c.opaque_arg); });
}

void start_shared(library &l, bool is_new) {
  for (library::shared_request &r : l.shared_requests) {
    bool found = false;
    if (r.is_hash)
      *r.of_hash.ptr = init_table(l, r.of_hash.name, r.of_hash.nelems, &r.of_hash.hash_info,
                                  r.of_hash.hash_flags);
    else
      *r.of_struct.ptr =
          l.init_struct(r.of_struct.name, static_cast<Size>(r.of_struct.size), &found);
  }
  for (const ShmemCallbacks &c : l.callbacks) {
    if (is_new && c.init_fn != nullptr) pg::call([c] { c.init_fn(c.opaque_arg); });
    if (!is_new && c.attach_fn != nullptr) pg::call([c] { c.attach_fn(c.opaque_arg); });
  }
}

#else

HTAB *init_table(library &l, const char *name, long least, long most, HASHCTL *control, int flags,
                 void *(*allocate)(Size)) {
  control->dsize = control->max_dsize = pg::call([=] { return hash_select_dirsize(most); });
  control->alloc = allocate;
  int all_flags = flags | HASH_SHARED_MEM | HASH_ALLOC | HASH_DIRSIZE;
  const int directory = all_flags;
  const Size bytes = pg::call([=] { return hash_get_shared_size(control, directory); });
  bool found = false;
  control->hctl = static_cast<HASHHDR *>(l.init_struct(name, bytes, &found));
  if (found) all_flags |= HASH_ATTACH;
  return pg::call([=] { return hash_create(name, least, control, all_flags); });
}

#endif

}  // namespace dynpgext::hosting
