#include "pg/library.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <memory>

#include "pg/extension_members.h"

namespace dynpgext::pg {
namespace {

bool is_file(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// Like the server: the name itself, then with the suffix of the platform.
std::string with_suffix(const std::string &path) {
  if (is_file(path)) return path;
  if (is_file(path + DLSUFFIX)) return path + DLSUFFIX;
  return {};
}

std::string substitute_libdir(const std::string &name) {
  constexpr std::string_view macro = "$libdir";
  if (name.compare(0, macro.size(), macro) != 0) return name;
  if (name.size() > macro.size() && name[macro.size()] != '/') return name;
  return pkglib_path + name.substr(macro.size());
}

// Debian lets a superuser put another root before the folders of extensions.
std::string below_extension_root(const std::string &path) {
  const char *root = GetConfigOption("extension_destdir", true, false);
  return root == nullptr || *root == '\0' ? std::string() : root + path;
}

std::string find_path(const std::string &path) {
  const std::string other = below_extension_root(path);
  if (!other.empty()) {
    std::string found = with_suffix(other);
    if (!found.empty()) return found;
  }
  return with_suffix(path);
}

}  // namespace

std::string library_file(const std::string &of) {
  constexpr std::string_view libdir = "$libdir/";
  const bool is_searched = versions::searches_for_names_in_libdir && of.starts_with(libdir);
  const std::string name = is_searched && of.find('/', libdir.size()) == std::string::npos
                               ? of.substr(libdir.size())
                               : of;
  if (name.empty()) return {};
  if (name.find('/') != std::string::npos) return find_path(substitute_libdir(name));
  const std::string path = Dynamic_library_path != nullptr ? Dynamic_library_path : "$libdir";
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find(':', start), path.size());
    const std::string folder = substitute_libdir(path.substr(start, end - start));
    if (!folder.empty()) {
      std::string found = find_path(folder + "/" + name);
      if (!found.empty()) return found;
    }
    start = end + 1;
  }
  return {};
}

file_identity identify_file(const char *path) noexcept {
  struct stat status;
  if (*path == '\0' || stat(path, &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size,
          int64{status.st_mtim.tv_sec} * 1000000000 + status.st_mtim.tv_nsec};
}

bool library_defines(const std::string &file, const char *symbol) {
  const std::unique_ptr<void, int (*)(void *)> library(dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL),
                                                       dlclose);
  if (library == nullptr) {
    (void)dlerror();
    return false;
  }
  return dlsym(library.get(), symbol) != nullptr;
}

void *library_function(const std::string &name, const char *function) {
  const char *file = name.c_str();
  return call([=] {
    void *address = nullptr;
    address = reinterpret_cast<void *>(load_external_function(file, function, false, nullptr));
    return address;
  });
}

std::vector<std::string> libraries_of_functions(Oid extension) {
  const List *found = call([extension] {
    List *libraries = NIL;
    for_each_member(extension, [&libraries](Oid classid, Oid member) {
      if (classid != ProcedureRelationId) return;
      const HeapTuple function = SearchSysCache1(PROCOID, ObjectIdGetDatum(member));
      if (!HeapTupleIsValid(function)) return;
      const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(function));
      bool is_null = true;
      const Datum file = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_probin, &is_null);
      if (form->prolang == ClanguageId && !is_null)
        libraries = lappend(libraries, TextDatumGetCString(file));
      ReleaseSysCache(function);
    });
    return libraries;
  });
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(list_length(found)));
  for (int i = 0; i < list_length(found); ++i)
    names.emplace_back(static_cast<const char *>(list_nth(found, i)));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace dynpgext::pg
