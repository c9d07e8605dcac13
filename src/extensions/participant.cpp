#include "extensions/participant.h"

#include "model/allowed.h"
#include "pg/control_file.h"
#include "pg/library.h"
#include "pg/own_version.h"
#include "pg/relation.h"
#include "pg/settings.h"
#include "workers/extension_code.h"

namespace dynpgext::provisioning {
namespace {

constexpr const char *magic_symbol = "_Dynpgext_magic";

bool takes_part(const std::string &library) {
  const std::string file = pg::library_file(library);
  return !file.empty() && pg::library_defines(file, magic_symbol);
}

template <class Function>
Function symbol(const std::string &library, const char *name) {
  return reinterpret_cast<Function>(pg::library_function(library, name));
}

void check_magic(const std::string &extension, const std::string &library) {
  const auto magic_of = symbol<const dynpgext_magic *(*)()>(library, magic_symbol);
  if (magic_of == nullptr)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "library \"" + library + "\" of extension \"" + extension +
                        "\" does not declare DYNPGEXT_MAGIC");
  const dynpgext_magic *magic = pg::call([=] { return magic_of(); });
  const bool complete = magic != nullptr && magic->size >= sizeof(dynpgext_magic);
  // A library built with a newer header may know more members of the handle: it checks with
  // DYNPGEXT_HANDLE_HAS before it uses one.
  if (complete && magic->abi == DYNPGEXT_ABI_VERSION) return;
  const std::string theirs =
      magic == nullptr
          ? "none"
          : "size " + std::to_string(magic->size) +
                (complete ? ", interface version " + std::to_string(magic->abi) + ", handle of " +
                                std::to_string(magic->handle) + " bytes"
                          : "");
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "library \"" + library + "\" of extension \"" + extension +
                      "\" was built for another interface of dynpgext",
                  "The library has " + theirs + "; this dynpgext (" + pg::own_version() +
                      ") has size " + std::to_string(sizeof(dynpgext_magic)) +
                      ", interface version " + std::to_string(DYNPGEXT_ABI_VERSION) +
                      ", handle of " + std::to_string(sizeof(dynpgext_handle)) + " bytes.",
                  "Rebuild the extension with the dynpgext.h of this version, or update dynpgext.");
}

}  // namespace

bool is_allowed(const std::string &extension) {
  return !pg::settings::safe_mode() &&
         model::is_allowed(pg::settings::allowed_extensions(), extension);
}

void require_allowed(const std::string &extension) {
  if (is_allowed(extension)) return;
  if (pg::settings::safe_mode())
    throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                    "extension \"" + extension +
                        "\" cannot take part in dynpgext: dynpgext.safe_mode is on",
                    {}, "Set it to off, and reload the configuration.");
  throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                  "extension \"" + extension + "\" is not allowed to take part in dynpgext", {},
                  "See the setting dynpgext.allowed_extensions.");
}

std::string participating_library(const std::string &extension, const std::string &version) {
  std::string named = pg::module_pathname(extension, version);
  if (!named.empty() && takes_part(named)) return named;
  const Oid id = pg::extension_oid(extension.c_str());
  if (!OidIsValid(id)) return {};
  for (const std::string &library : pg::libraries_of_functions(id))
    if (library != named && takes_part(library)) return library;
  return {};
}

entry_points load_participant(const std::string &extension, const std::string &library) {
  require_allowed(extension);
  state::extension_code code(extension, library);
  code.run([&] { check_magic(extension, library); });
  entry_points found;
  found.init = symbol<void (*)(const dynpgext_handle *)>(library, "_Dynpgext_init");
  found.fini = symbol<void (*)(const dynpgext_handle *)>(library, "_Dynpgext_fini");
  found.eager_preload = symbol<bool (*)()>(library, "_Dynpgext_eager_preload");
  if (found.init == nullptr)
    throw pg::error(ERRCODE_UNDEFINED_FUNCTION,
                    "library \"" + library + "\" of extension \"" + extension +
                        "\" does not define _Dynpgext_init",
                    "It declares DYNPGEXT_MAGIC.",
                    "Define void _Dynpgext_init(const dynpgext_handle *) in the library.");
  return found;
}

}  // namespace dynpgext::provisioning
