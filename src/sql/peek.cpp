// peek: the content of an allocation, for troubleshooting.
#include "api/lookup.h"
#include "pg/termination.h"
#include "shared/provisioning_lock.h"
#include "sql/function.h"

namespace {

using namespace dynpgext;

constexpr size_t max_name = sizeof(state::allocation_name::bytes) - 1;
constexpr int64 max_length = MaxAllocSize - VARHDRSZ;
constexpr size_t step = size_t{1024} * 1024;  // is copied at once

std::string described(const std::string &name) { return "shared memory \"" + name + "\""; }

std::string name_of_memory(FunctionCallInfo fcinfo) {
  std::string name = sql::text_argument(fcinfo, 0);
  if (name.size() > max_name)
    throw pg::error(ERRCODE_NAME_TOO_LONG,
                    "the name of shared memory has at most " + std::to_string(max_name) + " bytes",
                    "The given one has " + std::to_string(name.size()) + ".");
  return name;
}

void check_range(const std::string &name, int64 offset, int64 length) {
  if (offset < 0)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "cannot read " + described(name) + " from a negative offset",
                    "The offset is " + std::to_string(offset) + ".");
  if (length < 0)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "cannot read a negative number of bytes of " + described(name),
                    "The length is " + std::to_string(length) + ".");
  if (length > max_length)
    throw pg::error(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    "cannot read " + std::to_string(length) + " bytes of " + described(name) +
                        " at once",
                    "At most " + std::to_string(max_length) + " are possible.",
                    "Read it in parts, each from another offset.");
}

const char *what_to_do(const api::missing_memory &m) {
  const bool here = m.database == MyDatabaseId;
  switch (m.state) {
    case model::extension_state::failed:
      return here ? "Repair it, then call dynpgext.reload()."
                  : "Repair it, then call dynpgext.reload() in the database that registers it.";
    case model::extension_state::quarantined:
      return here ? "Repair it, then call dynpgext.release()."
                  : "Repair it, then call dynpgext.release() in the database that registers it.";
    case model::extension_state::unloaded: return "Use dynpgext.load().";
    default:
      return here ? "Wait, or call dynpgext.reload()."
                  : "Wait, or call dynpgext.reload() in the database that registers it.";
  }
}

[[noreturn]] void refuse(const std::string &name,
                         const std::optional<api::missing_memory> &missing) {
  if (!missing)
    throw pg::error(ERRCODE_UNDEFINED_OBJECT, described(name) + " does not exist", {},
                    "SELECT name FROM dynpgext.allocations lists all names.");
  std::string state(model::name_of(missing->state));
  if (missing->state == model::extension_state::failed) state += ": " + missing->reason;
  if (missing->state == model::extension_state::quarantined) state = missing->reason;
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  described(name) + " of extension \"" + missing->extension + "\" is not allocated",
                  "The extension is " + state + ".", what_to_do(*missing));
}

// Commits make registrations visible before their memory, and hold the provisioning lock until both
// are.  Holding the lock here excludes that intermediate state.
state::loan find_memory(const catalog::store &store, const std::string &name) {
  state::loan found = api::borrow(name);
  if (found) return found;
  const auto missing = api::find_missing(store, name);
  if (!missing || (missing->state != model::extension_state::pending &&
                   missing->state != model::extension_state::provisioned))
    refuse(name, missing);
  const state::scoped_provisioning_lock lock(state::attach(), missing->database);
  found = api::borrow(name);
  if (!found) refuse(name, api::find_missing(store, name));
  return found;
}

}  // namespace

// Copied without a lock: nobody waits for it, and concurrent changes may be seen in part.
DYNPGEXT_SQL_FUNCTION(dynpgext_peek) {
  return pg::entry([=] {
    const pg::termination_shield shield;
    const std::string name = name_of_memory(fcinfo);
    const int64 offset = DatumGetInt64(fcinfo->args[1].value);
    const int64 length = DatumGetInt64(fcinfo->args[2].value);
    check_range(name, offset, length);
    const catalog::store store = sql::open_store();
    const state::loan memory = find_memory(store, name);
    const auto size = static_cast<int64>(memory.size());
    if (offset > size)
      throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                      "offset " + std::to_string(offset) + " is beyond the end of " +
                          described(name),
                      "Extension \"" + memory.extension() + "\" has registered it with " +
                          std::to_string(size) + " bytes.");
    const char *from = static_cast<const char *>(memory.memory()) + offset;
    const auto count = static_cast<size_t>(std::min(length, size - offset));
    return pg::call([=] {
      auto *result = static_cast<bytea *>(palloc(VARHDRSZ + count));
      SET_VARSIZE(result, VARHDRSZ + count);
      for (size_t done = 0; done < count; done += step) {
        CHECK_FOR_INTERRUPTS();
        std::memcpy(VARDATA(result) + done, from + done, std::min(step, count - done));
      }
      return PointerGetDatum(result);
    });
  });
}
