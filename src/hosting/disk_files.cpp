#include "hosting/disk_files.h"

#include <dirent.h>
#include <unistd.h>

#include <memory>

#include "model/instance_files.h"

namespace dynpgext::hosting {
namespace {

template <class Visitor>
void for_each_file(const char *folder, Visitor visit) {
  const std::unique_ptr<DIR, int (*)(DIR *)> files(opendir(folder), closedir);
  while (files != nullptr) {
    const dirent *file = readdir(files.get());
    if (file == nullptr) return;
    visit(file->d_name);
  }
}

void remove(const char *folder, const char *name) noexcept {
  char path[MAXPGPATH];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  (void)unlink(path);
}

}  // namespace

std::vector<uint64> owners_of_passing_files() {
  std::vector<uint64> numbers;
  for_each_file(model::passing_folder, [&](const char *name) {
    if (const uint64 number = model::owner_of_passing_file(name)) numbers.push_back(number);
  });
  return numbers;
}

void remove_passing_files(uint64 number) noexcept {
  for_each_file(model::passing_folder, [number](const char *name) {
    if (model::owner_of_passing_file(name) == number) remove(model::passing_folder, name);
  });
}

void remove_lasting_files(Oid database, std::string_view library) {
  for (const char *folder : model::lasting_folders)
    for_each_file(folder, [&](const char *name) {
      if (model::is_lasting_file_of(name, database, library)) remove(folder, name);
    });
}

}  // namespace dynpgext::hosting
