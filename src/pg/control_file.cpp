#include "pg/control_file.h"

#include <sys/stat.h>

#include <cstdio>

namespace dynpgext::pg {
namespace {

struct settings {
  std::string module_pathname;
  std::string directory;
};

bool exists(const std::string &file) {
  struct stat status;
  return stat(file.c_str(), &status) == 0;
}

std::string share_path() {
  char path[MAXPGPATH];
  get_share_path(my_exec_path, path);
  return path;
}

// The folders with control files, best first: extension_control_path of PostgreSQL 18, Debian's
// extension_destdir, and the server's own.
std::vector<std::string> control_folders() {
  const std::string system = share_path();
  std::vector<std::string> folders;
  if (const char *path = GetConfigOption("extension_control_path", true, false)) {
    const std::string list = path;
    for (size_t start = 0; start <= list.size();) {
      const size_t end = std::min(list.find(':', start), list.size());
      std::string folder = list.substr(start, end - start);
      constexpr std::string_view macro = "$system";
      if (folder.compare(0, macro.size(), macro) == 0)
        folder = system + folder.substr(macro.size());
      if (!folder.empty()) folders.push_back(folder + "/extension");
      start = end + 1;
    }
  }
  if (const char *root = GetConfigOption("extension_destdir", true, false);
      root != nullptr && *root != '\0')
    folders.push_back(root + system + "/extension");
  folders.push_back(system + "/extension");
  return folders;
}

// The server's own parser of "name = value" files reads it.
void read_control_file(const std::string &file, settings *into) {
  FILE *opened = std::fopen(file.c_str(), "r");
  if (opened == nullptr) return;
  struct pair {
    const char *library;
    const char *directory;
  };
  const char *path = file.c_str();
  pair found{};
  std::exception_ptr raised;
  try {
    found = call([=] {
      ConfigVariable *first = nullptr;
      ConfigVariable *last = nullptr;
      // the server refuses a broken file; here it names no library
      if (!ParseConfigFp(opened, path, 0, WARNING, &first, &last)) return pair{};
      pair values{};
      for (const ConfigVariable *item = first; item != nullptr; item = item->next) {
        if (strcmp(item->name, "module_pathname") == 0) values.library = item->value;
        if (strcmp(item->name, "directory") == 0) values.directory = item->value;
      }
      return values;
    });
  } catch (...) {
    raised = std::current_exception();
  }
  (void)std::fclose(opened);
  if (raised) std::rethrow_exception(raised);
  if (found.library != nullptr) into->module_pathname = found.library;
  if (found.directory != nullptr) into->directory = found.directory;
}

}  // namespace

std::string module_pathname(const std::string &extension, const std::string &version) {
  for (const std::string &folder : control_folders()) {
    const std::string primary = folder + "/" + extension + ".control";
    if (!exists(primary)) continue;
    settings found;
    read_control_file(primary, &found);
    // like the server: `directory` is absolute or below the share folder
    std::string scripts = folder;
    if (!found.directory.empty())
      scripts = found.directory[0] == '/'
                    ? found.directory
                    : folder.substr(0, folder.rfind('/')) + "/" + found.directory;
    const std::string secondary = scripts + "/" + extension + "--" + version + ".control";
    if (exists(secondary)) read_control_file(secondary, &found);
    return found.module_pathname;
  }
  return {};
}

}  // namespace dynpgext::pg
