#include "pg/shared.h"

namespace dynpgext::pg {

int new_lock_tranche([[maybe_unused]] const char *name) {
#if PG_VERSION_NUM >= 190000
  return call([=] { return LWLockNewTrancheId(name); });
#else
  return call([] { return LWLockNewTrancheId(); });
#endif
}

void register_lock_tranche([[maybe_unused]] int id, [[maybe_unused]] const char *name) {
#if PG_VERSION_NUM < 190000
  call([=] { LWLockRegisterTranche(id, name); });
#endif
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

namespace {

allocation_result allocate_with(dsa_area *area, size_t size, int flags) {
  allocation_result result;
  try {
    result.pointer = call([=] {
      return dsa_allocate_extended(area, size, flags | DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);
    });
  } catch (const server_error &e) {
    if (e.data()->sqlerrcode != ERRCODE_DISK_FULL && e.data()->sqlerrcode != ERRCODE_OUT_OF_MEMORY)
      throw;
    result.refusal = e.what();
  }
  // The area's lock, under which the system has refused; nothing has been changed by then.  The
  // caller raises an error of its own, so the transaction is rolled back all the same.
  if (!result.refusal.empty()) LWLockReleaseAll();
  return result;
}

}  // namespace

allocation_result allocate(dsa_area *area, size_t size) {
  return allocate_with(area, size, DSA_ALLOC_ZERO);
}

allocation_result allocate_uninitialised(dsa_area *area, size_t size) {
  return allocate_with(area, size, 0);
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
