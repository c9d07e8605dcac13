#include "model/instance_files.h"

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace dynpgext::model {
namespace {

constexpr std::string_view passing = "pg_stat_tmp/";
constexpr std::string_view own = "dynpgext.";

// Beginnings of paths: a library also uses the name with a suffix, such as ".tmp".
constexpr std::string_view lasting[] = {
    "pg_stat/",
    "global/pg_store_plans.",
    "autoprewarm.blocks",
};

std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_in_folder_of_its_own(std::string_view path, std::string_view known) {
  return path.find('/', known.size()) != std::string_view::npos;
}

}  // namespace

file_kind kind_of_file(std::string_view path) {
  if (path.starts_with(passing) && !is_in_folder_of_its_own(path, passing))
    return file_kind::passing;
  for (const std::string_view known : lasting)
    if (path.starts_with(known) && !is_in_folder_of_its_own(path, known)) return file_kind::lasting;
  return file_kind::common;
}

void write_own_path(std::string_view path, const file_owner &owner, std::span<char> to) {
  const std::string_view name = name_in(path);
  const auto length = static_cast<int>(name.size());
  const auto folder_length = static_cast<int>(path.size() - name.size());
  const auto library_length = static_cast<int>(owner.library.size());
  if (kind_of_file(path) == file_kind::passing || !owner.is_newest)
    (void)std::snprintf(to.data(), to.size(), "%s/%s%" PRIu64 ".%.*s", passing_folder, own.data(),
                        owner.number, length, name.data());
  else if (owner.database == 0)
    (void)std::snprintf(to.data(), to.size(), "%.*s", folder_length + length, path.data());
  else
    (void)std::snprintf(to.data(), to.size(), "%.*s%s%" PRIu32 ".%.*s.%.*s", folder_length,
                        path.data(), own.data(), owner.database, library_length,
                        owner.library.data(), length, name.data());
}

std::uint64_t owner_of_passing_file(std::string_view name) {
  if (!name.starts_with(own)) return 0;
  const char *const end = name.data() + name.size();
  std::uint64_t number = 0;
  const auto [rest, fault] = std::from_chars(name.data() + own.size(), end, number);
  return fault == std::errc() && rest != end && *rest == '.' ? number : 0;
}

bool is_lasting_file_of(std::string_view name, std::uint32_t database, std::string_view library) {
  std::string beginning(own);
  beginning.append(std::to_string(database)).append(".").append(library).append(".");
  return name.starts_with(beginning);
}

}  // namespace dynpgext::model
