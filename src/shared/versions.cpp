#include "shared/versions.h"

#include "model/version.h"
#include "pg/own_library.h"
#include "pg/own_version.h"
#include "pg/process.h"
#include "shared/runners.h"

namespace dynpgext::state {

std::optional<uint32> other_layout() {
  if (!available()) return std::nullopt;
  bool found = false;
  const auto *r = static_cast<const root *>(pg::shared_struct("dynpgext", root_size, &found));
  if (r->layout == 0 || r->layout == layout_version) return std::nullopt;
  return r->layout;
}

void note_launcher_library(shared &s) {
  const exclusive lock(s);
  s.root->launcher_version.assign(pg::own_version());
  s.root->launcher_build = pg::own_build();
  for (const runner_entry *runner : s.runners.entries())
    if (is_in_office(*runner)) pg::nudge_process(runner->pid);
}

bool is_library_old(const pg::library_build &build, const pg::library_build &of_launcher) {
  if (!build.is_known() || !of_launcher.is_known() || build == of_launcher) return false;
  const pg::library_build installed = pg::installed_build();
  return installed.is_known() && installed != build;
}

bool is_own_library_old(const shared &s) {
  pg::library_build of_launcher;
  {
    const reading lock(s);
    of_launcher = s.root->launcher_build;
  }
  return is_library_old(pg::own_build(), of_launcher);
}

versions_in_use versions(const shared &s) {
  versions_in_use found;
  const reading lock(s);
  if (s.root->launcher != 0) found.launcher = s.root->launcher_version.str();
  for (const version_entry *entry : s.versions.entries()) {
    const std::string version = entry->key.name.str();
    if (found.oldest.empty() || model::compare_versions(version, found.oldest) < 0)
      found.oldest = version;
    if (found.newest.empty() || model::compare_versions(version, found.newest) > 0)
      found.newest = version;
  }
  return found;
}

}  // namespace dynpgext::state
