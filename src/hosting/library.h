// A hosted library in this process: its view of the server's functions and variables.
//
// A process has a few places for hosted libraries.  The functions that a library is redirected to
// are templates over the number of its place (see entry_points.cpp), so each function knows its
// calling library.
#pragma once

#include "hosting/window.h"

namespace dynpgext::hosting {

inline constexpr int most_in_process = 24;

// Replacements of the server's variables of the same names.
struct private_variables {
  bool process_shared_preload_libraries_in_progress;
  bool process_shmem_requests_in_progress;
  bool is_under_postmaster;
  void *used_shmem_seg_addr;
  shmem_request_hook_type shmem_request_hook;
  shmem_startup_hook_type shmem_startup_hook;
};
extern private_variables variables[most_in_process];

class library {
 public:
  library(int place, const instance &i)
      : place_(place), number_(i.number), database_(i.database), name_(i.library.str()) {}
  [[nodiscard]] int place() const { return place_; }
  [[nodiscard]] uint64 number() const { return number_; }
  [[nodiscard]] Oid database() const { return database_; }  // InvalidOid: for the whole server
  [[nodiscard]] const std::string &name() const { return name_; }
  [[nodiscard]] private_variables &own() const { return variables[place_]; }

  hosting::window window;
  bool is_keeper = false;
  std::string settings;  // of the instance, JSON

  // Its requests in this process.
  uint64 requested = 0;
  struct tranche_request {
    std::string name;
    int count;
  };
  std::vector<tranche_request> tranche_requests;
  std::vector<BackgroundWorker> static_workers;
  struct setting {
    std::string name;
    std::optional<std::string> value;
  };
  std::vector<setting> kept_settings;  // in the keeper
  std::vector<std::string> defined_settings;
#if DYNPGEXT_SHMEM_CALLBACKS
  std::vector<ShmemCallbacks> callbacks;
  struct shared_request {
    bool is_hash;
    ShmemStructOpts of_struct;
    ShmemHashOpts of_hash;
  };
  std::vector<shared_request> shared_requests;
#endif

  // The functions behind the server's names.
  [[nodiscard]] void *init_struct(const char *name, Size size, bool *found);
  [[nodiscard]] LWLockPadded *tranche(const char *name);

 private:
  int place_;
  uint64 number_;
  Oid database_;
  std::string name_;
};

// Libraries of this process, by place; nullptr: none.
[[nodiscard]] library *library_at(int place);
[[nodiscard]] library *find_library(std::string_view name);
// 54000 if there is no place left.  It lives as long as the process.
[[nodiscard]] library &add_library(const instance &i);

// Replacement of the server's symbol; nullptr: this server has none of that name.
[[nodiscard]] void *replacement(int place, std::string_view symbol);

}  // namespace dynpgext::hosting
