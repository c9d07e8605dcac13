// The databases that register global objects: an index by kind, extension and name.  It finds the
// registrations of one name without reading the other registrations of databases.
#pragma once

#include <compare>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

// Names of memory are common to all extensions: their extension is empty.
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

// The global names that a database registers, ready to be published with the rest.  Everything that
// can fail (memory) has been done.  Without publish(), the destructor gives the memory back.
// Construct and destroy it without holding a lock.
class global_holdings {
 public:
  global_holdings(shared &s, Oid database, const model::registrations &wanted);
  global_holdings(const global_holdings &) = delete;
  global_holdings &operator=(const global_holdings &) = delete;
  ~global_holdings();

  // Replaces what the database held before.  Exclusive lock.  Allocates nothing.
  void publish(database_entry &entry);
  // Bytes of shared memory.
  [[nodiscard]] uint64 bytes() const { return bytes_; }
  // Names that the database holds, or held before.
  [[nodiscard]] const global_names &touched() const { return touched_; }

 private:
  void add(const global_name &name, const model::registrations &part);
  void give_up();  // exclusive lock

  shared &shared_;
  Oid database_;
  global_names touched_;
  std::vector<std::unique_ptr<pg::allocation>> made_;
  size_t expected_ = 0;  // number of names with an entry waiting for them
  uint64 bytes_ = 0;
};

// All names that are registered, or live.  Caller holds root.lock.
[[nodiscard]] global_names all_globals(const shared &s);
// A live object gets the name, or loses it.  Exclusive lock; the first may run out of memory.
void keep_name(const shared &s, const global_name &name);
void forget_name(const shared &s, const global_name &name);

// The registrations of a name by all databases that hold it: the extension, the object, the
// settings of a worker.  Caller holds root.lock.
[[nodiscard]] std::vector<model::desired_database> holders_of(const shared &s,
                                                              const global_name &name);
// One of the databases that hold the name; InvalidOid: none.  Caller holds root.lock.
[[nodiscard]] Oid some_holder_of(const shared &s, const global_name &name);
// The databases that hold any of the names.  Caller holds root.lock.
[[nodiscard]] std::set<Oid> databases_of(const shared &s, const global_names &names);
// Does another database hold the name?  Caller holds root.lock.
[[nodiscard]] bool is_held_elsewhere(const shared &s, const global_name &name, Oid database);

}  // namespace dynpgext::state
