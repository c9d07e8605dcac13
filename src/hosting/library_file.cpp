#include "hosting/library_file.h"

#include <cstdio>
#include <memory>

namespace dynpgext::hosting {
namespace {

constexpr size_t largest_file = size_t{1} << 30;

std::string content_of(const std::string &path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"),
                                                              std::fclose);
  std::string bytes;
  char part[size_t{64} << 10];
  while (file != nullptr) {
    const size_t size = std::fread(part, 1, sizeof part, file.get());
    bytes.append(part, size);
    if (size == 0 || bytes.size() > largest_file) break;
  }
  if (file == nullptr || std::ferror(file.get()) != 0)
    throw pg::error(ERRCODE_IO_ERROR, "could not read the library \"" + path + "\"");
  if (bytes.size() > largest_file)
    throw pg::error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "the library \"" + path + "\" is too large");
  return bytes;
}

}  // namespace

std::string plain_name(const std::string &name) {
  constexpr std::string_view suffix = DLSUFFIX;
  std::string plain = name;
  if (plain.ends_with(suffix)) plain.resize(plain.size() - suffix.size());
  if (plain.empty() || plain.size() >= NAMEDATALEN || plain.find('/') != std::string::npos ||
      plain == "." || plain == "..")
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "\"" + name + "\" is not the name of a library", {},
                    "Name a library of the server's $libdir, without a folder, such as "
                    "\"pg_stat_statements\".");
  return plain;
}

library_file read_file(const std::string &path) {
  const pg::file_identity identity = pg::identify_file(path.c_str());
  return {path, identity, content_of(path)};
}

library_file read_library(const std::string &name) {
  const std::string plain = plain_name(name);
  const std::string path = pg::library_file("$libdir/" + plain);
  if (path.empty())
    throw pg::error(ERRCODE_UNDEFINED_FILE, "there is no library \"" + plain + "\"", {},
                    "Install the package of the extension; its library belongs in the folder that "
                    "pg_config --pkglibdir prints.");
  return read_file(path);
}

std::vector<model::host_finding> findings_of(const library_file &file) {
  return model::host_needs(model::elf::read(file.bytes), model::elf::own_machine());
}

}  // namespace dynpgext::hosting
