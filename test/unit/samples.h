// Values that several tests start from.
#pragma once

#include <string>

#include "model/registration.h"

namespace dynpgext::model::samples {

inline extension extension_of(std::string name, std::string version = "1.0",
                              std::int64_t incarnation = 1) {
  extension e;
  e.name = std::move(name);
  e.version = std::move(version);
  e.library = "$libdir/" + e.name;
  e.incarnation = incarnation;
  return e;
}

inline allocation allocation_of(std::string extension, std::string name, scope where,
                                std::uint64_t size = 64) {
  allocation a;
  a.extension = std::move(extension);
  a.name = std::move(name);
  a.scope = where;
  a.size = size;
  return a;
}

inline worker worker_of(std::string extension, std::string name, scope where) {
  worker w;
  w.library = "$libdir/" + extension;
  w.extension = std::move(extension);
  w.name = std::move(name);
  w.type = w.name;
  w.scope = where;
  w.function = "main";
  w.flags = 1;
  w.start = 2;
  return w;
}

}  // namespace dynpgext::model::samples
