#include "pg/shared.h"

namespace dynpgext::pg {

int new_lock_tranche(const char *name) {
  return call([=] { return versions::new_lock_tranche(name); });
}

void register_lock_tranche(int id, const char *name) {
  call([=] { versions::name_lock_tranche(id, name); });
}

dsa_area *create_area(int tranche) {
  return call([=] {
    dsa_area *area = dsa_create(tranche);
    dsa_pin(area);
    dsa_pin_mapping(area);
    return area;
  });
}

dsa_area *attach_area(dsa_handle handle) {
  return call([=] {
    dsa_area *area = dsa_attach(handle);
    dsa_pin_mapping(area);
    return area;
  });
}

// Of a segment: for lack of memory, files, or slots of the server.
bool is_refusal(const server_error &e) noexcept {
  const int sqlstate = e.data()->sqlerrcode;
  return sqlstate == ERRCODE_DISK_FULL ||
         ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES);
}

void refuse_memory(const std::string &refusal) {
  throw error(ERRCODE_OUT_OF_MEMORY, "dynpgext: out of shared memory", refusal);
}

allocation::allocation(dsa_area *area, size_t size, content wanted) : area_(area) {
  const int flags =
      DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM | (wanted == content::zeroed ? DSA_ALLOC_ZERO : 0);
  try {
    pointer_ = call([=] { return dsa_allocate_extended(area, size, flags); });
  } catch (const server_error &e) {
    if (!is_refusal(e)) throw;
    refusal_ = e.what();  // the area is unchanged
  }
}

allocation::~allocation() {
  if (!DsaPointerIsValid(pointer_)) return;
  (void)swallow("giving back shared memory", [this] { release(area_, pointer_); });
}

void limit_area(dsa_area *area, size_t bytes) {
  call([=] { dsa_set_size_limit(area, bytes); });
}

void release(dsa_area *area, dsa_pointer pointer) {
  if (DsaPointerIsValid(pointer)) call([=] { dsa_free(area, pointer); });
}

void *shared_struct(const char *name, size_t size, bool *found) {
  return call([=] {
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    void *place = ShmemInitStruct(name, size, found);
    if (!*found) std::memset(place, 0, size);
    LWLockRelease(AddinShmemInitLock);
    return place;
  });
}

}  // namespace dynpgext::pg
