// Which databases register what is global: an index by kind, extension and name.  What concerns one
// name is found without a look at what else databases register.
#pragma once

#include <compare>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

// A name of memory is one for all extensions: without an extension then.
struct global_name {
  model::object_kind kind = model::object_kind::allocation;
  std::string extension;
  std::string name;
  auto operator<=>(const global_name &) const = default;
};
using global_names = std::set<global_name>;
[[nodiscard]] global_name global_allocation(std::string name);
[[nodiscard]] global_name global_worker(std::string extension, std::string name);
[[nodiscard]] global_names globals_of(const model::registrations &registered);

// What a database registers of global names, ready to be published with the rest.  What can fail
// (memory) has been done; not publishing it gives the memory back.  No lock may be held where one
// is made or goes.
class global_holdings {
 public:
  global_holdings(shared &s, Oid database, const model::registrations &wanted);
  global_holdings(const global_holdings &) = delete;
  global_holdings &operator=(const global_holdings &) = delete;
  ~global_holdings();

  // In place of what the database held before.  Exclusive lock.  Allocates nothing.
  void publish(database_entry &entry);
  // Of shared memory.
  [[nodiscard]] uint64 bytes() const { return bytes_; }
  // Those that the database holds, or did before.
  [[nodiscard]] const global_names &touched() const { return touched_; }

 private:
  void add(const global_name &name, const model::registrations &part);
  void give_up();  // exclusive lock

  shared &shared_;
  Oid database_;
  global_names touched_;
  std::vector<std::unique_ptr<pg::allocation>> made_;
  size_t expected_ = 0;  // how many of these have an entry that waits for them
  uint64 bytes_ = 0;
};

// All names: that somebody registers, or that something live has.  Caller holds root.lock.
[[nodiscard]] global_names all_globals(const shared &s);
// Something live has the name, or no more.  Exclusive lock; the first may run out of memory.
void keep_name(const shared &s, const global_name &name);
void forget_name(const shared &s, const global_name &name);

// What the databases that hold the name register of it: the extension, the object, the settings of
// a worker.  Caller holds root.lock.
[[nodiscard]] std::vector<model::desired_database> holders_of(const shared &s,
                                                              const global_name &name);
// One of the databases that hold the name; InvalidOid: none does.  Caller holds root.lock.
[[nodiscard]] Oid some_holder_of(const shared &s, const global_name &name);
// The databases that hold any of the names.  Caller holds root.lock.
[[nodiscard]] std::set<Oid> databases_of(const shared &s, const global_names &names);
// Does another database than this hold the name?  Caller holds root.lock.
[[nodiscard]] bool is_held_elsewhere(const shared &s, const global_name &name, Oid database);

}  // namespace dynpgext::state
