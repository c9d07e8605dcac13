#include "pg/serving.h"

namespace dynpgext::pg {
namespace {

constinit char file_that_serves[MAXPGPATH] = "";

}  // namespace

void serve_by(const std::string &file) {
  const char *path = file.c_str();
  call([=] { (void)load_external_function(path, "dynpgext_version", true, nullptr); });
  strlcpy(file_that_serves, path, sizeof file_that_serves);
}

bool is_served_by_other() noexcept { return file_that_serves[0] != '\0'; }

void *serving_function(const char *name) {
  if (!is_served_by_other()) return nullptr;
  void *const function = load_external_function(file_that_serves, name, false, nullptr);
  if (function == nullptr)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the library of dynpgext that serves until the server is restarted has "
                           "no function \"%s\"",
                           name),
                    errhint("Restart the server.")));
  return function;
}

}  // namespace dynpgext::pg
