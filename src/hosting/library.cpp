#include "hosting/library.h"

#include "pg/lock.h"

namespace dynpgext::hosting {

constinit private_variables variables[most_in_process] = {};

namespace {

constinit library *libraries[most_in_process] = {};

}  // namespace

library *library_at(int place) { return libraries[place]; }

library *find_library(std::string_view name) {
  for (library *l : libraries)
    if (l != nullptr && l->name() == name) return l;
  return nullptr;
}

library &add_library(const instance &i) {
  for (int place = 0; place < most_in_process; ++place) {
    if (libraries[place] != nullptr) continue;
    libraries[place] = new library(place, i);
    variables[place] = {};
    variables[place].is_under_postmaster = true;
    return *libraries[place];
  }
  throw pg::error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "a process cannot have more than " +
                                                      std::to_string(most_in_process) +
                                                      " hosted libraries");
}

void *library::init_struct(const char *name, Size size, bool *found) {
  if (!window.is_open())
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "hosted library \"" + name_ +
                                                                  "\" uses shared memory \"" +
                                                                  name + "\" before there is any");
  const pg::lwlock_guard lock(&window.header().lock, LW_EXCLUSIVE);
  for (const named_memory *m = window.header().memory; m != nullptr; m = m->next) {
    if (std::strcmp(m->name, name) != 0) continue;
    if (m->size != size)
      throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "shared memory \"" + std::string(name) + "\" of hosted library \"" + name_ +
                          "\" has " + std::to_string(m->size) + " bytes, not " +
                          std::to_string(size));
    *found = true;
    return m->memory;
  }
  *found = false;
  auto *m = window.make<named_memory>();
  m->name = window.copy(name);
  m->memory = window.require(size);
  m->size = size;
  m->next = window.header().memory;
  window.header().memory = m;
  return m->memory;
}

LWLockPadded *library::tranche(const char *name) {
  if (window.is_open())
    for (const named_tranche *t = window.header().tranches; t != nullptr; t = t->next)
      if (std::strcmp(t->name, name) == 0) return t->locks;
  throw pg::error(ERRCODE_UNDEFINED_OBJECT, "hosted library \"" + name_ +
                                                "\" has not requested the lock tranche \"" + name +
                                                "\"");
}

}  // namespace dynpgext::hosting
